"""Durations are read as written and never guessed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from healgate.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"), [("45s", 45), ("1m30s", 90), ("2h", 7200), ("250ms", 0.25), ("1.5s", 1.5)]
)
def test_reading(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("wrong", ["", "45", "45 s", "s", "1d", "1m30", "-5s", 7, None])
def test_what_is_not_a_duration_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match=r'expected a duration like "45s"'):
        parse_duration(wrong)


@given(st.integers(0, 10**6))
def test_writing_and_reading_agree(seconds: int) -> None:
    assert parse_duration(format_duration(float(seconds))) == seconds
