"""`healgate gate`: the parts of a run, from several machines, judged as the whole would have been."""

from __future__ import annotations

from pathlib import Path

import pytest

from healgate import cli

from .conftest import Place

Said = pytest.CaptureFixture[str]


def part(place: Place, folder: str, trials: int = 20) -> None:
    """What one machine runs: the scenarios of one folder."""
    place.run(f"scenarios/{folder}", "--trials", str(trials), "--out", folder)


def parts(place: Place, failures: int = 0) -> list[str]:
    place.verdicts({f"oom/leak-t{trial}": "FAIL" for trial in range(1, failures + 1)})
    for folder in ("oom", "bad-image"):
        part(place, folder)
    return [str(place.path / folder) for folder in ("oom", "bad-image")]


@pytest.mark.parametrize(("failures", "status"), [(0, 0), (1, 0), (12, 1)])
def test_parts_are_judged_as_the_whole_run_is(two: Place, failures: int, status: int, capsys: Said) -> None:
    two.run("scenarios", "--trials", "20", "--save-baseline", "main.json", "--out", "before")
    folders = parts(two, failures)
    gates = ["--baseline", str(two.path / "main.json"), "--min-pass-rate", "95%"]
    whole = two.run("scenarios", "--trials", "20", *gates)
    assert whole.ret == status
    capsys.readouterr()
    assert cli.main(["gate", *folders, *gates]) == status
    said = capsys.readouterr().out.splitlines()
    first = said.index(next(line for line in said if line.startswith("gate: ")))
    assert said[first:] == [line for line in whole.outlines if line in said[first:]]
    assert said[first:]


def test_parts_make_the_baseline_that_the_whole_makes(two: Place, capsys: Said) -> None:
    folders = parts(two, 1)
    two.run("scenarios", "--trials", "20", "--save-baseline", "whole.json")
    assert cli.main(["gate", *folders, "--save-baseline", str(two.path / "parts.json")]) == 0
    assert "baseline of 40 trials written to" in capsys.readouterr().out
    assert (two.path / "parts.json").read_bytes() == (two.path / "whole.json").read_bytes()


def test_what_a_machine_that_died_did_not_run_is_missed(two: Place, capsys: Said) -> None:
    two.verdicts({"oom/leak-t3": "interrupt"})
    two.spawn("scenarios/oom", "--trials", "20", "--out", "oom")
    part(two, "bad-image")
    folders = [str(two.path / folder) for folder in ("oom", "bad-image")]
    saved = two.path / "main.json"
    assert cli.main(["gate", *folders, "--min-pass-rate", "50%", "--save-baseline", str(saved)]) == 6
    said = capsys.readouterr().out
    assert "cannot judge: oom/leak: 18 trials left no row: oom/leak-t3, " in said
    assert "--save-baseline: not written, since 18 trials did not run" in said
    assert not saved.exists()


@pytest.mark.parametrize("left", [None, b"", b'{"scenario": "oo'], ids=["nothing", "an empty file", "a torn line"])
@pytest.mark.parametrize("order", [1, -1])
def test_a_machine_that_died_in_its_first_trial_is_missed(
    two: Place, left: bytes | None, order: int, capsys: Said
) -> None:
    two.verdicts({"oom/leak-t1": "die"})
    two.spawn("scenarios/oom", "--trials", "20", "--out", "oom")
    if left is not None:
        (two.path / "oom" / "trials.jsonl").write_bytes(left)
    part(two, "bad-image")
    folders = [str(two.path / folder) for folder in ("oom", "bad-image")][::order]
    capsys.readouterr()
    assert cli.main(["gate", *folders, "--min-pass-rate", "50%"]) == 6
    assert "cannot judge: oom/leak: 20 trials left no row: oom/leak-t1, " in capsys.readouterr().out


def test_where_every_machine_died_there_is_nothing_to_judge_and_nothing_to_draw(two: Place, capsys: Said) -> None:
    two.verdicts({"oom/leak-t1": "die"})
    two.spawn("scenarios/oom", "--out", "oom", "--seed", "7")
    assert cli.main(["gate", str(two.path / "oom"), "--min-pass-rate", "50%"]) == 6
    assert "oom: reference 1.0" in capsys.readouterr().out
    assert cli.main(["report", str(two.path / "oom")]) == 4
    assert "oom: no trial in it: there is nothing to report" in capsys.readouterr().err


def test_a_machine_that_died_in_another_run_is_no_part_of_this_one(two: Place, capsys: Said) -> None:
    two.verdicts({"oom/leak-t1": "die"})
    two.spawn("scenarios/oom", "--out", "oom", "--seed", "7")
    part(two, "bad-image")
    folders = [str(two.path / folder) for folder in ("oom", "bad-image")]
    assert cli.main(["gate", *folders, "--min-pass-rate", "50%"]) == 4
    assert "expected the parts of one run" in capsys.readouterr().err


def test_parts_that_do_not_pass_are_no_baseline_for_the_next_try(two: Place, capsys: Said) -> None:
    two.run("scenarios", "--trials", "20", "--save-baseline", "main.json", "--out", "before")
    main = two.path / "main.json"
    before = main.read_bytes()
    folders = parts(two, 12)
    assert cli.main(["gate", *folders, "--baseline", str(main), "--save-baseline", str(main)]) == 1
    assert "--save-baseline: not written, since the gate did not pass" in capsys.readouterr().out
    assert main.read_bytes() == before


def test_a_baseline_that_is_not_written_is_not_passed_over(two: Place, capsys: Said) -> None:
    two.verdicts({"oom/leak-t3": "interrupt"})
    two.spawn("scenarios/oom", "--trials", "20", "--out", "oom")
    assert cli.main(["gate", str(two.path / "oom"), "--save-baseline", str(two.path / "main.json")]) == 6
    part(two, "bad-image")
    assert cli.main(["gate", str(two.path / "bad-image"), "--save-baseline", str(two.path)]) == 6
    assert ": not written: Is a directory" in capsys.readouterr().out


def another_seed(place: Place) -> None:
    place.run("scenarios/bad-image", "--seed", "2", "--out", "bad-image")


def the_same_trials(place: Place) -> None:
    place.run("scenarios", "--out", "bad-image")


def another_version(place: Place) -> None:
    path = place.path / "scenarios/oom/leak.yaml"
    path.write_text(path.read_text().replace("detect: 1m", "detect: 2m"))
    place.run("scenarios", "--trials", "2", "-k", "t2", "--out", "bad-image")


@pytest.mark.parametrize("other", [another_seed, the_same_trials, another_version])
def test_what_is_not_one_run_is_not_judged(two: Place, other: object, capsys: Said) -> None:
    part(two, "oom", 1)
    assert callable(other)
    other(two)
    folders = [str(two.path / folder) for folder in ("oom", "bad-image")]
    capsys.readouterr()
    assert cli.main(["gate", *folders, "--min-pass-rate", "1"]) == 4
    assert "expected the parts of one run" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ([], "expected --baseline FILE or --min-pass-rate SHARE to gate by, or --save-baseline FILE"),
        (["--baseline", "none.json"], "none.json: expected a baseline file; it cannot be read: "),
        (["--min-pass-rate", "95"], "argument --min-pass-rate: expected a share from 0 to 1, like 0.95, or a percent"),
    ],
)
def test_a_mistake_is_exit_status_4_and_a_sentence(two: Place, args: list[str], said: str, capsys: Said) -> None:
    part(two, "oom", 1)
    try:
        status: object = cli.main(["gate", str(two.path / "oom"), *args])
    except SystemExit as end:
        status = end.code
    assert status == 4
    assert said in capsys.readouterr().err


def test_rows_without_their_run_are_refused(two: Place, capsys: Said) -> None:
    part(two, "oom", 1)
    Path(two.path / "oom" / "run.json").unlink()
    assert cli.main(["gate", str(two.path / "oom"), "--min-pass-rate", "1"]) == 4
    assert "oom: expected run.json to say which files were run; it does not know oom/leak" in capsys.readouterr().err
