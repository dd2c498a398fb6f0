"""Somebody's own cluster: nothing is written before it is marked, and then only in namespaces of our own."""

from __future__ import annotations

from pathlib import Path

import pytest

from healgate import cli
from healgate.clusters import open_cluster
from healgate.clusters.existing import MARK, mark_disposable, open_existing
from healgate.clusters.real_rest import RealRest
from healgate.embedded.door.http import HttpDoor
from healgate.problems import UsageProblem

from .conftest import names

SYSTEM = "/api/v1/namespaces/kube-system"


def methods(door: HttpDoor) -> list[str]:
    """From now on, of every request that reaches the cluster."""
    asked: list[str] = []
    door._server.observers.append(lambda request, _answer, _before: asked.append(request.method))
    return asked


def test_a_cluster_without_the_mark_is_refused_and_nothing_was_written(kubeconfig: Path, door: HttpDoor) -> None:
    del kubeconfig
    asked = methods(door)
    with pytest.raises(UsageProblem, match="healgate mark-disposable --context test"):
        open_existing("test", lambda _text: None)
    assert set(asked) == {"GET"}


def test_a_context_is_never_chosen_for_a_person(kubeconfig: Path) -> None:
    del kubeconfig
    with pytest.raises(UsageProblem, match="expected --context NAME"):
        open_existing(None, lambda _text: None)
    with pytest.raises(UsageProblem, match="expected a kubeconfig with a context 'other'"):
        open_existing("other", lambda _text: None)


@pytest.mark.parametrize("text", ["kind: [\n", "5", "- a", "contexts: 7\ncurrent-context: x\n", "\0"])
def test_a_file_that_is_no_kubeconfig_is_said_plainly(
    kubeconfig: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    kubeconfig.write_text(text)
    assert cli.main(["mark-disposable", "--context", "test", "--yes"]) == 4
    assert "expected a kubeconfig with a context 'test'; " in capsys.readouterr().err


def test_the_name_has_to_be_typed(kubeconfig: Path, rest: RealRest, monkeypatch: pytest.MonkeyPatch,
                                  capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    del kubeconfig
    monkeypatch.setattr("builtins.input", lambda _prompt: "prod")
    assert cli.main(["mark-disposable", "--context", "test"]) == 0
    assert "nothing was changed" in capsys.readouterr().out
    assert MARK not in rest.request("GET", SYSTEM).body["metadata"].get("annotations", {})
    monkeypatch.setattr("builtins.input", lambda _prompt: "test")
    assert cli.main(["mark-disposable", "--context", "test"]) == 0
    assert MARK in rest.request("GET", SYSTEM).body["metadata"]["annotations"]


def test_yes_asks_nothing_and_a_second_mark_changes_nothing(
    kubeconfig: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    del kubeconfig
    monkeypatch.setattr("builtins.input", lambda _prompt: pytest.fail("it asked"))
    assert cli.main(["mark-disposable", "--context", "test", "--yes"]) == 0
    assert cli.main(["mark-disposable", "--context", "test", "--yes"]) == 0
    assert "is marked as disposable already" in capsys.readouterr().out


def test_the_mark_says_nothing_of_what_tests_there() -> None:
    assert "heal" not in MARK


def test_trials_leave_a_marked_cluster_as_they_found_it(kubeconfig: Path, rest: RealRest) -> None:
    del kubeconfig
    mark_disposable("test", lambda _cluster: True)
    before = names(rest, "/api/v1/namespaces")
    said: list[str] = []
    opened = open_existing("test", said.append)
    assert "make namespaces named like" in said[0]
    cluster = open_cluster("existing", opened.running)
    lease = cluster.lease("seed")
    assert names(rest, "/api/v1/namespaces") - before == {lease.namespace, "healgate"}
    lease.close()
    opened.close(keep=False)
    left = rest.request("GET", "/api/v1/namespaces").body["items"]
    assert {item["metadata"]["name"] for item in left if "deletionTimestamp" not in item["metadata"]} == before


def test_a_cluster_that_does_not_answer_is_said_plainly(kubeconfig: Path, door: HttpDoor,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    del kubeconfig
    monkeypatch.setattr("healgate.clusters.real_rest.BACK_WITHIN", 0.1)
    door.close()
    with pytest.raises(UsageProblem, match=r"--cluster existing: the API server at .* does not answer"):
        open_existing("test", lambda _text: None)
