"""What the reference healer reads, where a real node answers otherwise than one expects."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from healers.reference.access import Access, LogMoving

POD = {"metadata": {"name": "node-agent-548896cbb4-c9972", "namespace": "platform-4a98"}}
# As kind's node answered while it put the container away; the API server's code was 200.
MOVING = (
    'failed to try resolving symlinks in path "/var/log/pods/platform-4a98_node-agent-548896cbb4-c9972_f84db17c/'
    'controller/2.log": lstat /var/log/pods/platform-4a98_node-agent-548896cbb4-c9972_f84db17c/controller/2.log: '
    "no such file or directory"
)
GONE = "unable to retrieve container logs for containerd://95fdcd0b1b98c77fde799387ef12946945e8d4206d3c4a35f40f297933"


def access(previous: str, current: str) -> Access:
    def read(*_: Any, previous: bool, **__: Any) -> Any:
        return SimpleNamespace(data=texts[previous].encode())

    texts = {True: previous, False: current}
    made = Access.__new__(Access)
    made.core = SimpleNamespace(read_namespaced_pod_log=read)
    return made


def test_the_log_of_the_run_that_died_comes_first():
    assert access("it died", "it starts").log(POD, "controller") == "it died"


def test_of_a_run_that_is_gone_the_next_one_tells():
    assert access(GONE, "it starts").log(POD, "controller") == "it starts"
    assert access(GONE, GONE).log(POD, "controller") == ""


@pytest.mark.parametrize("current", ["it starts", MOVING])
def test_a_log_that_is_being_put_away_is_asked_for_again(current: str):
    """It was taken for the program's last words, and the healer escalated where nothing was due."""
    with pytest.raises(LogMoving):
        access(MOVING, current).log(POD, "controller")


def test_so_is_one_that_is_put_away_while_the_next_run_has_none():
    with pytest.raises(LogMoving):
        access("", MOVING).log(POD, "controller")
