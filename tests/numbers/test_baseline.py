"""A baseline is read back as it was written, and whatever else is in a file is refused with its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from healgate.numbers.baseline import Baseline, baseline_of, check_comparable, named, read_baseline
from healgate.problems import UsageProblem
from healgate.words import Verdict

from .some_rows import row, rows

PRINTS = {"oom/leak": "aa", "bad-image/typo": "bb"}


def baseline() -> Baseline:
    records = [*rows("oom/leak", 2, 1, 1), *rows("bad-image/typo", 2)]
    return baseline_of(records, PRINTS, healgate="0.1.0", budget_scale=1.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "kept" / "main.json"
    baseline().write(file)
    return file


def changed(path: Path, *steps: str, to: Any) -> None:
    data = json.loads(path.read_text())
    inner = data
    for step in steps[:-1]:
        inner = inner[step]
    if to is None:
        del inner[steps[-1]]
    else:
        inner[steps[-1]] = to
    path.write_text(json.dumps(data, indent=1))


def refused(path: Path) -> str:
    with pytest.raises(UsageProblem) as caught:
        read_baseline(path)
    return str(caught.value)


def test_it_is_read_back_as_it_was_written(path: Path) -> None:
    assert read_baseline(path) == baseline()
    again = path.with_name("again.json")
    read_baseline(path).write(again)
    assert again.read_bytes() == path.read_bytes()


def test_it_keeps_the_counts_every_verdict_and_where_they_come_from() -> None:
    kept = baseline()
    leak = kept.scenarios["oom/leak"]
    assert (leak.k, leak.n, leak.fingerprint) == (2, 3, "aa")
    assert leak.trials == {
        "1": "PASS",
        "2": "PASS",
        "3": "FAIL relapsed: what happened in t3",
        "4": "INVALID: what happened in t4",
    }
    assert (kept.healgate, kept.healer, kept.cluster, kept.seed) == ("0.1.0", "mine 1.0", "embedded", "0")
    assert (kept.kubernetes, kept.timing, kept.budget_scale) == ("1.36.2", "stock", 1.0)


def test_a_trial_whose_process_died_does_not_say_what_the_cluster_was() -> None:
    died = row("oom/leak", 1, Verdict.ERROR, kubernetes="", timing="", evidence="")
    kept = baseline_of([died, *rows("oom/leak", 2)[1:]], PRINTS, healgate="0.1.0", budget_scale=1.0)
    assert kept.kubernetes == "1.36.2"


@pytest.mark.parametrize(
    "message", ["a\nb\tc", "\x85\x9f\ud800", '"quoted" \\ and é, 日本, 😀', "null", "", "x: y # z"]
)
def test_whatever_a_message_holds_can_be_kept(tmp_path: Path, message: str) -> None:
    failed = row("oom/leak", 1, Verdict.FAIL, message=message)
    kept = baseline_of([failed], PRINTS, healgate="0.1.0", budget_scale=1.0)
    kept.write(tmp_path / "main.json")
    assert read_baseline(tmp_path / "main.json") == kept


@pytest.mark.parametrize(
    ("steps", "to", "said"),
    [
        (("healer",), None, "lacks the key 'healer'"),
        (("healgate-baseline",), 2, "healgate-baseline"),
        (("extra",), 1, "unknown key 'extra'"),
        (("scenarios",), {}, "scenarios: "),
        (("scenarios", "oom/leak", "k"), "2", "scenarios.oom/leak.k: "),
        (("scenarios", "oom/leak", "n"), -1, "scenarios.oom/leak.n: "),
        (("scenarios", "oom/leak", "n"), 20, "as its trials have them, 2 and 3; found 2 and 20"),
        (("scenarios", "oom/leak", "trials", "3"), "GOOD", "expected a number and a verdict"),
        (("scenarios", "oom/leak", "trials", "x"), "PASS", "expected a number and a verdict"),
        (("scenarios", "oom/leak", "fingerprint"), None, "fingerprint"),
        (("budget-scale",), 0, "budget-scale: "),
    ],
)
def test_anything_wrong_is_named_with_its_line(path: Path, steps: tuple[str, ...], to: Any, said: str) -> None:
    changed(path, *steps, to=to)
    message = refused(path)
    assert said in message
    assert message.startswith(f"{path}:")
    assert message.removeprefix(f"{path}:")[0].isdigit()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "which is JSON; found none here"),
        ('{"healgate-baseline": 1,', ":1:"),
        ("[]", "expected a file that --save-baseline wrote"),
        ('{"results": 3}', "expected a file that --save-baseline wrote"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "other.json"
    path.write_text(text)
    assert said in refused(path)


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    assert "cannot be read" in refused(tmp_path / "none.json")
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    assert "cannot be read" in refused(tmp_path / "binary.json")


def incomparable(prints: dict[str, str], cluster: str = "embedded", budget_scale: float = 1.0) -> str:
    with pytest.raises(UsageProblem) as caught:
        check_comparable(baseline(), Path("main.json"), prints, cluster=cluster, budget_scale=budget_scale)
    return str(caught.value)


def test_a_baseline_of_another_catalogue_is_refused_with_what_differs() -> None:
    message = incomparable({**PRINTS, "oom/leak": "other"})
    assert message == (
        "main.json: a baseline of another catalogue: oom/leak changed since. Make a new one with --save-baseline."
    )
    strange = incomparable({"kafka/x": "cc"})
    assert "another catalogue: it has bad-image/typo, oom/leak; this run has kafka/x" in strange


def test_a_baseline_of_another_cluster_or_with_other_budgets_is_refused() -> None:
    assert "expected one made on kind; found embedded" in incomparable(PRINTS, cluster="kind")
    assert "(--budget-scale): expected 2; found 1" in incomparable(PRINTS, budget_scale=2.0)


def test_a_part_of_the_same_catalogue_or_a_larger_one_is_comparable() -> None:
    for prints in (PRINTS, {"oom/leak": "aa"}, {**PRINTS, "kafka/new": "cc"}):
        check_comparable(baseline(), Path("main.json"), prints, cluster="embedded", budget_scale=1.0)


@pytest.mark.parametrize(
    ("names", "said"),
    [("", "nothing"), ("ab", "a, b"), ("abcdefgh", "a, b, c, d, e, f, g, h"), ("abcdefghij", "f, g, h and 2 more")],
)
def test_of_many_the_first_are_named_and_the_rest_counted(names: str, said: str) -> None:
    assert named(list(names)).endswith(said)
