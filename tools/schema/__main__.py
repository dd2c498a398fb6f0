"""`python -m tools.schema v1.36.3`; see the package."""

from __future__ import annotations

import sys
from pathlib import Path

from .build import build, packed
from .release import Release

TARGET = Path(__file__).parents[2] / "healgate/embedded/api/kubernetes.json.xz"


def main(version: str) -> None:
    document = build(Release(version))
    data = packed(document)
    TARGET.write_bytes(data)
    counts = ", ".join(f"{len(document[part])} {part}" for part in ("kinds", "types", "protobuf", "columns"))
    print(f"{TARGET.name}: {version}, {counts}, {len(data):,} bytes")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("which release? python -m tools.schema v1.36.3")
    main(sys.argv[1])
