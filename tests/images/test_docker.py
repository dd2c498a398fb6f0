"""The docker command when it is not what it should be."""

from __future__ import annotations

from pathlib import Path

import pytest

from healgate.images.docker import Docker
from healgate.problems import HarnessError


def test_a_command_that_has_gone_is_said_in_a_sentence(tmp_path: Path) -> None:
    program = tmp_path / "docker"
    program.write_text("#!/bin/sh\necho fine\n")
    program.chmod(0o755)
    docker = Docker(str(program))
    assert docker.run("info") == "fine"
    program.unlink()
    with pytest.raises(HarnessError, match="docker cannot be run: No such file or directory"):
        docker.run("info")


def test_so_is_one_that_is_not_there() -> None:
    with pytest.raises(HarnessError, match="expected the command 'no-such-docker' on the PATH; found none"):
        Docker("no-such-docker")
