"""The container's process: `python -m <this package> APP.json PROGRAM [args...]`.

APP.json is an image's resolved profile; PROGRAM is the path under which the image offers it.
"""

from __future__ import annotations

import json
import sys

from .machine import Machine, run
from .profile import read_profile
from .run import program
from .sections import ProfileError


def main(argv: list[str]) -> int:
    if len(argv) < 2:
        sys.stderr.write("usage: APP.json PROGRAM [args...]\n")
        return 2
    source, path, *args = argv
    with open(source) as text:
        image = json.load(text)
    try:
        entrypoint = image.get("entrypoint") or [""]
        if path == entrypoint[0]:
            profile = read_profile(image.get("program"), source)
        else:
            profile = read_profile(image.get("tools", {}).get(path), source, f"tools.{path}")
    except ProfileError as problem:
        sys.stderr.write(f"{problem}\n")
        return 2
    return run(program(profile, Machine(), tuple(args)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
