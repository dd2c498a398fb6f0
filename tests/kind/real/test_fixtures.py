"""A test of one's own, on kind as on the embedded cluster: the six class fixtures."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.fixtures.test_own_tests import TEN_LINES

from .conftest import Kind

# Six live crashes of half a minute and six whole trials, one after the other.
LIMIT = 2400.0


def test_the_six_class_fixtures(kind: Kind, tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(TEN_LINES)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--cluster", "kind"]
    done = subprocess.run(
        [*command, "--reuse-cluster", kind.name, "test_mine.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
