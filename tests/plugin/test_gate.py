"""The gate through pytest: what it ends with, and that it says why."""

from __future__ import annotations

import json

import pytest

from .conftest import Place


@pytest.fixture
def one(place: Place) -> Place:
    place.scenario("oom/leak")
    return place


def fails(place: Place, count: int, total: int) -> None:
    """The last `count` trials of `total` fail."""
    place.verdicts({f"oom/leak-t{trial}": "FAIL" for trial in range(total - count + 1, total + 1)})


def measured(place: Place, trials: int) -> None:
    """A baseline in which everything passed."""
    place.verdicts({})
    result = place.run("scenarios", "--trials", str(trials), "--save-baseline", "main.json", "--out", "before")
    result.stdout.fnmatch_lines([f"baseline of {trials} trials written to *main.json"])
    assert result.ret == 0


@pytest.mark.parametrize(
    ("trials", "failures", "status", "said"),
    [
        (20, 8, 1, "regressed: oom/leak: 20/20 in the baseline, 12/20 now*"),
        (15, 1, 0, "gate: passed (exit status 0)"),
        (3, 3, 6, "cannot judge: oom/leak: 3/3 in the baseline, 0/3 now*"),
    ],
)
def test_against_a_baseline(one: Place, trials: int, failures: int, status: int, said: str) -> None:
    measured(one, trials)
    fails(one, failures, trials)
    result = one.run("scenarios", "--trials", str(trials), "--baseline", "main.json")
    assert result.ret == status
    result.stdout.fnmatch_lines([said])


def test_flipped_trials_are_listed_with_their_evidence(one: Place) -> None:
    measured(one, 15)
    fails(one, 1, 15)
    result = one.run("scenarios", "--trials", "15", "--baseline", "main.json")
    result.stdout.fnmatch_lines(
        ["flipped: oom/leak-t15: PASS -> FAIL relapsed: what happened* (evidence/oom/leak-t15.json)"]
    )


@pytest.mark.parametrize(
    ("rate", "failures", "status"), [("0.9", 0, 0), ("0.9", 1, 0), ("0.9", 5, 1), ("50%", 5, 0), ("1", 1, 1)]
)
def test_against_a_pass_rate(one: Place, rate: str, failures: int, status: int) -> None:
    fails(one, failures, 10)
    assert one.run("scenarios", "--trials", "10", "--min-pass-rate", rate).ret == status


def test_a_dead_worker_cannot_be_judged(two: Place) -> None:
    two.verdicts({"oom/leak-t2": "die"})
    result = two.spawn("scenarios", "--trials", "20", "-n", "2", "--min-pass-rate", "0.5")
    assert result.ret == 6
    result.stdout.fnmatch_lines(["gate: cannot judge (exit status 6)", "cannot judge: oom/leak-t2: *died*"])


def test_a_trial_that_did_not_run_cannot_be_judged(one: Place) -> None:
    fails(one, 1, 2)
    result = one.run("scenarios", "--trials", "4", "--min-pass-rate", "0.1", "-x")
    assert result.ret == 6
    result.stdout.fnmatch_lines(["cannot judge: oom/leak: 2 trials left no row: oom/leak-t3, oom/leak-t4"])


def test_too_many_invalid_trials_cannot_be_judged(one: Place) -> None:
    one.verdicts({"oom/leak-t1": "INVALID", "oom/leak-t2": "INVALID"})
    assert one.run("scenarios", "--trials", "10", "--min-pass-rate", "0.5").ret == 6


def test_a_failing_test_of_ones_own_is_not_hidden_by_a_passed_gate(one: Place) -> None:
    one.pytester.makepyfile(test_own="def test_own(): assert 0")
    result = one.run("scenarios", "test_own.py", "--min-pass-rate", "1")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["gate: passed*", "The gate passed, but other tests of this run failed: they decide."])


def test_without_a_gate_a_failed_trial_is_a_failed_test(one: Place) -> None:
    fails(one, 1, 20)
    result = one.run("scenarios", "--trials", "20")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.no_fnmatch_line("gate:*")


def test_resumed_trials_count_for_the_gate(one: Place) -> None:
    fails(one, 5, 10)
    one.run("scenarios", "--trials", "10")
    one.verdicts({})
    assert one.run("scenarios", "--trials", "10", "--resume", "--min-pass-rate", "0.9").ret == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("scenario", "*main.json: a baseline of another catalogue: oom/leak changed since*"),
        ("file", "*main.json:1:1: expected a file that --save-baseline wrote; found other JSON"),
        ("torn", "*main.json:1:*expected a baseline file, which is JSON*"),
    ],
)
def test_a_baseline_that_cannot_be_compared_is_a_usage_error(one: Place, change: str, said: str) -> None:
    measured(one, 2)
    one.ran()
    if change == "scenario":
        path = one.path / "scenarios/oom/leak.yaml"
        path.write_text(path.read_text().replace("detect: 1m", "detect: 2m"))
    else:
        (one.path / "main.json").write_text("{}" if change == "file" else "{")
    result = one.run("scenarios", "--trials", "2", "--baseline", "main.json")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([said])
    assert "Traceback" not in result.stderr.str()
    assert not one.ran()


def test_a_run_with_gaps_is_no_baseline(one: Place) -> None:
    fails(one, 1, 1)
    result = one.run("scenarios", "--trials", "3", "-x", "--save-baseline", "main.json")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["--save-baseline: not written, since 2 trials did not run"])
    assert not (one.path / "main.json").exists()


@pytest.mark.parametrize(("trials", "failures", "status"), [(20, 8, 1), (3, 3, 6)])
def test_what_does_not_pass_the_gate_is_no_baseline_for_the_next_try(
    one: Place, trials: int, failures: int, status: int
) -> None:
    measured(one, trials)
    before = (one.path / "main.json").read_bytes()
    fails(one, failures, trials)
    both = ("--baseline", "main.json", "--save-baseline", "main.json")
    for _ in range(2):
        result = one.run("scenarios", "--trials", str(trials), *both)
        assert result.ret == status
        result.stdout.fnmatch_lines(["--save-baseline: not written, since the gate did not pass"])
        assert (one.path / "main.json").read_bytes() == before


def test_what_passes_the_gate_is_one(one: Place) -> None:
    measured(one, 15)
    fails(one, 1, 15)
    result = one.run("scenarios", "--trials", "15", "--baseline", "main.json", "--save-baseline", "main.json")
    assert result.ret == 0
    assert json.loads((one.path / "main.json").read_text())["scenarios"]["oom/leak"]["k"] == 14


@pytest.mark.parametrize(("failures", "status"), [(0, 6), (1, 1)])
def test_a_baseline_that_cannot_be_written_is_not_passed_over(one: Place, failures: int, status: int) -> None:
    (one.path / "main.json").mkdir()
    fails(one, failures, 2)
    result = one.run("scenarios", "--trials", "2", "--save-baseline", "main.json")
    assert result.ret == status
    result.stdout.fnmatch_lines(["--save-baseline *main.json: not written: Is a directory"])


def test_the_rates_file_has_the_numbers_of_the_table(one: Place) -> None:
    fails(one, 5, 20)
    one.run("scenarios", "--trials", "20")
    rates = json.loads((one.path / "healgate-out" / "pass-rates.json").read_text())
    line = rates["scenarios"]["oom/leak"]
    assert (line["k"], line["n"], line["rate"]) == (15, 20, 0.75)
    assert (rates["healer"], rates["seed"]) == ("reference 1.0", "0")


ASKING = [("--baseline", "main.json"), ("--min-pass-rate=90%",), ("--save-baseline", "main.json")]


def own_tests(place: Place) -> None:
    (place.path / "tests").mkdir()
    (place.path / "tests" / "test_own.py").write_text("def test_own(): pass")
    (place.path / "main.json").write_text("{}")


@pytest.mark.parametrize("asked", ASKING, ids=str)
def test_a_gate_without_scenarios_is_refused(place: Place, asked: tuple[str, ...]) -> None:
    own_tests(place)
    place.pytester.makeini("[pytest]\ntestpaths = tests\n")
    flag = asked[0].partition("=")[0]
    for paths, found in (((), "'tests' (testpaths)"), (("tests",), "'tests'"), ((".",), "'.'")):
        result = place.run(*paths, *asked)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines(
            [f"ERROR: {flag}: expected scenarios to run; found none in {found}. Name them: `pytest scenarios {flag}*"]
        )
        result.stdout.no_fnmatch_line("*passed*")


@pytest.mark.parametrize("setting", ["baseline = main.json", "min_pass_rate = 90%", "save_baseline = main.json"])
def test_a_gate_in_the_configuration_is_for_runs_with_scenarios(place: Place, setting: str) -> None:
    own_tests(place)
    place.pytester.makeini(f"[pytest]\nhealgate_{setting}\n")
    result = place.run("tests")
    assert result.ret == 0
    result.assert_outcomes(passed=1)


SKIPPED = "import pytest\n@pytest.fixture(autouse=True)\ndef no_room():\n    pytest.skip('no room')\n"


@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["alone", "workers"])
@pytest.mark.parametrize("selected", [("-k", "own"), ()], ids=["not selected", "skipped"])
def test_a_gate_with_nothing_to_judge_cannot_judge(
    one: Place, selected: tuple[str, ...], workers: tuple[str, ...]
) -> None:
    own_tests(one)
    if not selected:
        (one.path / "scenarios" / "conftest.py").write_text(SKIPPED)
    result = one.spawn("scenarios", "tests", *selected, "--min-pass-rate", "50%", *workers)
    assert result.ret == 6
    result.stdout.fnmatch_lines(["gate: cannot judge (exit status 6)", "cannot judge: there is no trial"])
    assert result.parseoutcomes()["passed"] == 1


@pytest.mark.parametrize("selected", [("-k", "own"), ()], ids=["not selected", "skipped"])
def test_a_baseline_of_nothing_is_not_passed_over(one: Place, selected: tuple[str, ...]) -> None:
    own_tests(one)
    (one.path / "main.json").unlink()
    if not selected:
        (one.path / "scenarios" / "conftest.py").write_text(SKIPPED)
    result = one.run("scenarios", "tests", *selected, "--save-baseline", "main.json")
    assert result.ret == 6
    result.stdout.fnmatch_lines(["--save-baseline: not written, since there is no trial"])
    assert not (one.path / "main.json").exists()


def test_without_a_gate_own_tests_may_run_alone(one: Place) -> None:
    own_tests(one)
    result = one.run("scenarios", "tests", "-k", "own")
    assert result.ret == 0
    result.stdout.no_fnmatch_line("*healgate: reference*===*")
