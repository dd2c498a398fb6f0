"""The `report` that a Python healer is handed: four words, taken down with the cluster's time.

It is all that a healer may know of the harness, so it must be forgiving (a healer that spells a class in its own
way is misclassified, not crashed) and must never answer a question.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..evidence import Claim
from ..words import CrashClass, Word

_CLASSES = {str(crash_class): crash_class for crash_class in CrashClass}


class Report:
    """Takes claims. `about` may be "Kind/name" or any object, of the official client or as a dictionary."""

    def __init__(self, now: Callable[[], float], claims: list[Claim]) -> None:
        self._now = now
        self._claims = claims

    def detected(self, about: Any = "", note: str = "") -> None:
        """Something crashes."""
        self._claim(Word.DETECTED, about, note)

    def classified(self, crash_class: str, about: Any = "", note: str = "") -> None:
        """What kind of crash it is: one of the published classes."""
        spelled = str(crash_class).strip()
        known = _CLASSES.get(spelled)
        self._claim(Word.CLASSIFIED, about, note if known else f"{spelled} {note}".strip(), known)

    def remediated(self, about: Any = "", note: str = "") -> None:
        """It was repaired."""
        self._claim(Word.REMEDIATED, about, note)

    def escalated(self, about: Any = "", note: str = "") -> None:
        """A human is called, with the reason in `note`."""
        self._claim(Word.ESCALATED, about, note)

    def relay(self, word: str, about: str, crash_class: str | None, note: str) -> None:
        """A claim that was made elsewhere, at the time of its arrival here."""
        self._claim(Word(word), about, note, CrashClass(crash_class) if crash_class else None)

    def _claim(self, word: Word, about: Any, note: str, crash_class: CrashClass | None = None) -> None:
        self._claims.append(Claim(self._now(), word, _named(about), crash_class, str(note)))


def _named(about: Any) -> str:
    if isinstance(about, str) or about is None:
        return about or ""
    if isinstance(about, dict):
        metadata = about.get("metadata")
        return f"{about.get('kind', '')}/{metadata.get('name', '') if isinstance(metadata, dict) else ''}"
    if (metadata := getattr(about, "metadata", None)) is None:
        return str(about)
    return f"{getattr(about, 'kind', '') or type(about).__name__.removeprefix('V1')}/{getattr(metadata, 'name', '')}"
