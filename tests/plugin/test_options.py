"""What a run is told, and what it says to nonsense."""

from __future__ import annotations

import pytest

from .conftest import Place


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--trials", "0"], "--trials: expected a whole number from 1 to 10000; found '0'"),
        (["--trials", "two"], "--trials: expected a whole number from 1 to 10000; found 'two'"),
        (["--trials", "1000000"], "--trials: expected a whole number from 1 to 10000; found '1000000'"),
        (["--trials", "1.5"], "--trials: expected a whole number from 1 to 10000; found '1.5'"),
        (["--budget-scale", "-1"], "--budget-scale: expected a number above 0, like 1.5; found '-1'"),
        (["--budget-scale", "nan"], "--budget-scale: expected a number above 0, like 1.5; found 'nan'"),
        (["--min-pass-rate", "95"], "--min-pass-rate: expected a share from 0 to 1, like 0.95, or a percentage*"),
        (["--cluster", "minikube"], "--cluster: expected one of embedded*; found 'minikube'"),
        (["--baseline", "none.json"], "--baseline *none.json: there is no such file*"),
        (["--healer", "unknown"], "healer unknown: expected a built-in healer"),
        (["--seed", ""], "--seed: expected a value; found nothing"),
    ],
)
def test_nonsense_is_a_usage_error_in_one_sentence(two: Place, args: list[str], said: str) -> None:
    result = two.run("scenarios", *args)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*{said}"])
    assert "Traceback" not in result.stderr.str()
    assert not two.ran()
    assert not (two.path / "healgate-out").exists()


@pytest.mark.parametrize("args", [(), ("scenarios",)], ids=["no path", "a path"])
@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("healgate_trials = 0", "*tox.ini:2:1: healgate_trials: expected a whole number from 1 to 10000; found '0'"),
        ("healgate_trials = many", "*tox.ini:2:1: healgate_trials: expected a whole number; found many"),
        ("healgate_budget_scale = 0", "*tox.ini:2:1: healgate_budget_scale: expected a number above 0*"),
        ("healgate_budget_scale = x", "*tox.ini:2:1: healgate_budget_scale: expected a number; found x"),
        ("healgate_resume = perhaps", "*tox.ini:2:1: healgate_resume: expected true or false; found perhaps"),
        (
            "healgate_seed = 1\nhealgate_trails = 2",
            "*tox.ini:3:1: unknown setting 'healgate_trails'; *trials?)",
        ),
    ],
)
def test_nonsense_in_the_configuration_is_named_with_its_place(
    two: Place, setting: str, said: str, args: tuple[str, ...]
) -> None:
    two.pytester.makeini(f"[pytest]\n{setting}\n")
    result = two.run(*args)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([said])


def test_nonsense_in_native_toml_and_on_the_command_line_is_named_too(two: Place) -> None:
    (two.path / "pyproject.toml").write_text('[tool.pytest]\nhealgate_trials = "many"\n')
    said = '*pyproject.toml:2:1: healgate_trials: expected a whole number; found "many"'
    two.run("scenarios").stderr.fnmatch_lines([said])
    said = "*-o healgate_trials=few: healgate_trials: expected a whole number; found few"
    two.run("scenarios", "-o", "healgate_trials=few").stderr.fnmatch_lines([said])


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--context", "x"), "*--context: expected --cluster existing beside it; found embedded"),
        (("--timing", "stock"), "*--timing: expected --cluster kind beside it; found embedded"),
        (("--keep", "-n", "2"), "*--keep: expected no -n beside it*"),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(two: Place, args: tuple[str, ...], said: str) -> None:
    result = two.spawn("scenarios", *args)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([said])


def test_the_configuration_is_used_and_the_command_line_wins(two: Place) -> None:
    two.pytester.makeini("[pytest]\nhealgate_trials = 3\nhealgate_seed = blue\nhealgate_out = results\n")
    two.run("scenarios/oom").assert_outcomes(passed=3)
    assert {row["seed"] for row in two.rows("results").values()} == {"blue"}
    two.run("scenarios/oom", "--trials", "1", "--seed", "red").assert_outcomes(passed=1)
    assert {row["seed"] for row in two.rows("results").values()} == {"red"}


def test_the_configuration_may_be_native_toml(two: Place) -> None:
    (two.path / "pyproject.toml").write_text(
        '[tool.pytest]\nhealgate_trials = 2\nhealgate_min_pass_rate = "50%"\nhealgate_budget_scale = 2.0\n'
    )
    two.run("scenarios/oom").assert_outcomes(passed=2)


def test_every_option_is_in_the_help(two: Place) -> None:
    result = two.run("--help")
    result.stdout.fnmatch_lines(["healgate: trials of a Kubernetes healer:", "*--trials*N*", "*healgate_trials*"])


def test_the_settings_head_the_run(two: Place) -> None:
    result = two.run("scenarios", "--trials", "2", "--healer", "mine", "--seed", "7", "--budget-scale", "1.5")
    result.stdout.fnmatch_lines(
        [
            "healgate: healer mine, cluster embedded, seed 7, 2 trials of each scenario, budgets x 1.5, "
            "results in healgate-out"
        ]
    )
