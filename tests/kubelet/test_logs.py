"""Which log a request gets, and how it is cut."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from healgate.embedded.api.errors import ApiError
from healgate.embedded.kubelet.logs import read
from healgate.embedded.kubelet.records import Container, PodRecord, Seen
from healgate.embedded.runtime.seam import LogLine

from .scripted import Bench, Program, container


def asked(bench: Bench, **how: Any) -> str:
    return bench.kubelet.logs(bench.get(), "main", **how).decode()


def refusal(bench: Bench, **how: Any) -> tuple[int, str]:
    with pytest.raises(ApiError) as caught:
        asked(bench, **how)
    return caught.value.status, caught.value.message


def crashing(bench: Bench) -> None:
    bench.runtime.programs["main"] = lambda run: Program(lasts=0.2, logs=(f"run {run.attempt}",))
    bench.pod()


def wait_for(bench: Bench, state: str) -> None:
    while not bench.states() or bench.states()[-1] != state:
        bench.clock.step()


def test_in_back_off_both_questions_get_the_newest_dead_run(bench: Bench):
    crashing(bench)
    wait_for(bench, "CrashLoopBackOff#4")
    assert asked(bench) == "run 4\n"
    assert asked(bench, previous=True) == "run 4\n"


def test_right_after_a_crash_the_run_before_is_named_but_its_log_is_gone(bench: Bench):
    crashing(bench)
    wait_for(bench, "Error#4")
    bench.clock.run_for(0.5)
    assert asked(bench) == "run 4\n"
    gone = bench.main()["lastState"]["terminated"]["containerID"]
    assert asked(bench, previous=True) == f"unable to retrieve container logs for {gone}"


def test_a_running_container_has_the_log_of_its_last_run(bench: Bench):
    bench.runtime.programs["main"] = lambda run: Program(lasts=None if run.attempt else 5.0, logs=(f"{run.attempt}",))
    bench.pod()
    bench.until(20)
    assert (asked(bench), asked(bench, previous=True)) == ("1\n", "0\n")


def test_without_a_last_run_previous_is_refused(bench: Bench):
    bench.pod()
    bench.until(5)
    assert refusal(bench, previous=True) == (400, 'previous terminated container "main" in pod "web" not found')


@pytest.mark.parametrize(
    ("images", "given", "why"),
    [
        ({}, {"volumeMounts": [{"name": "v", "mountPath": "/v"}]}, "ContainerCreating"),
        ({}, {"envFrom": [{"secretRef": {"name": "no"}}]}, "CreateContainerConfigError"),
        ({"busybox:1.36": "no"}, {"imagePullPolicy": "Always"}, "image can't be pulled"),
        ({}, {"image": "Bad Name"}, "InvalidImageName"),
    ],
)
def test_a_container_that_never_ran(bench: Bench, images: dict[str, str], given: dict[str, Any], why: str):
    bench.runtime.images.update(images)
    bench.pod(containers=[container(**given)], volumes=[{"name": "v", "secret": {"secretName": "no"}}])
    bench.until(8)
    assert refusal(bench) == (400, f'container "main" in pod "web" is waiting to start: {why}')


def test_while_backing_off_from_a_pull(bench: Bench):
    bench.runtime.images["busybox:1.36"] = "no"
    bench.pod(containers=[container(imagePullPolicy="Always")])
    wait_for(bench, "ImagePullBackOff#0")
    assert refusal(bench)[1].endswith("is waiting to start: trying and failing to pull image")


def test_an_unknown_container(bench: Bench):
    bench.pod()
    with pytest.raises(ApiError) as caught:
        bench.kubelet.logs(bench.get(), "other")
    assert (caught.value.status, caught.value.message) == (400, "container other is not valid for pod web")


class _Talker:
    exit = None
    memory = 0

    def __init__(self, log: list[LogLine]) -> None:
        self.log = log


def record_with(lines: list[tuple[float, str]]) -> PodRecord:
    seen = Seen("a" * 64, "main", 0, "running", "i", "", "i", 0.0)
    talker = Container(seen)
    talker.process = _Talker([LogLine(time, "stdout", text) for time, text in lines])  # type: ignore[assignment]
    return PodRecord("uid", containers=[talker])


def cut(lines: list[tuple[float, str]], **how: Any) -> bytes:
    options: dict[str, Any] = {"tail": None, "since": None, "timestamps": False, "limit_bytes": None, **how}
    return read(record_with(lines), "a" * 64, **options)


LINES = [(1.0, "a"), (2.0, "b"), (3.0, "c")]


def test_the_tail_is_taken_before_since_looks_at_it():
    assert cut(LINES, tail=2) == b"b\nc\n"
    assert cut(LINES, tail=0) == b""
    assert cut(LINES, tail=9) == b"a\nb\nc\n"
    assert cut(LINES, since=2.5) == b"c\n"
    assert cut(LINES, tail=1, since=3.5) == b""


def test_timestamps_count_for_the_limit():
    assert cut(LINES, timestamps=True, tail=1) == b"1970-01-01T00:00:03.000000000Z c\n"
    assert cut(LINES, timestamps=True, limit_bytes=7) == b"1970-01"


@given(
    st.lists(st.tuples(st.floats(0, 100), st.text(st.characters(categories=["L", "N"]), max_size=5)), max_size=8),
    st.integers(0, 10),
    st.integers(0, 40),
)
def test_whatever_is_cut_is_a_piece_of_the_whole(lines: list[tuple[float, str]], tail: int, limit: int):
    whole = cut(lines)
    assert cut(lines, tail=tail) == b"".join(whole.splitlines(keepends=True)[len(lines) - min(tail, len(lines)) :])
    assert whole.startswith(cut(lines, limit_bytes=limit))
