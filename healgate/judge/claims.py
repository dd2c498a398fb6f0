"""What the healer's word amounts to: when it detected, and which class it named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile

from ..evidence import Claim, Evidence
from ..scenario.model import Scenario
from ..words import CrashClass, Word
from .ownership import Ownership
from .writes import Write

# Whoever names more wrong classes than this is guessing.
MOST_WRONG = 1


@dataclass(frozen=True)
class Classification:
    """The class that counts, when it was named, and what is wrong with it."""

    time: float | None
    wrong: str = ""


def detected_at(evidence: Evidence, writes: list[Write], owners: Ownership) -> float | None:
    """The first claim about it after the break; of a healer that never claims, its first write to what was there.

    That may be a ConfigMap, or whatever makes a Secret.
    """
    assert evidence.broken is not None
    after = [claim for claim in evidence.claims if claim.time >= evidence.broken and owners.concerns(claim.about)]
    said = [claim.time for claim in after if claim.word is Word.DETECTED] or [claim.time for claim in after]
    if evidence.claims:
        return min(said, default=None)
    done = [write for write in writes if write.time >= evidence.broken]
    known = [one.time for one in done if owners.may_be_touched(one.ref) or one.ref in evidence.baseline]
    return min(known, default=None)


def classification(plan: Scenario, evidence: Evidence, owners: Ownership, due: float) -> Classification:
    """The last class named within the budget; if there was none, the first one after it.

    What is said of a workload that this trial is not about (another that suffers with the broken one) is no answer,
    nor is what was said before anything was broken: "nothing" was right then.
    """
    assert evidence.broken is not None
    said = [claim for claim in evidence.claims if claim.word is Word.CLASSIFIED and claim.time >= evidence.broken]
    named = [claim for claim in said if owners.concerns(claim.about)]
    if not named:
        others = ", ".join(sorted({claim.about for claim in said}))
        return Classification(None, "it named no class" + (f" of what was broken, only of {others}" if others else ""))
    right = plan.classes | {CrashClass.NOTHING} if plan.nothing_is_due else plan.classes
    wrong = {_class(claim) for claim in named if claim.crash_class not in {*right, CrashClass.NOTHING}}
    if len(wrong) > MOST_WRONG:
        different = sorted({_class(claim) for claim in named})
        return Classification(named[0].time, f"it named {len(different)} classes ({', '.join(different)}): a guess")
    # What else is ill may be called by another name.
    named = [claim for claim in named if owners.is_target(claim.about)] or named
    in_time = [claim for claim in named if claim.time <= due]
    counts = in_time[-1] if in_time else named[0]
    if counts.crash_class not in right:
        allowed = " or ".join(sorted(right))
        return Classification(counts.time, f"it said {_spelled(counts)}, expected {allowed}")
    # Whoever says the same again has said it before.
    again = takewhile(lambda claim: claim.crash_class in right, reversed(in_time or [counts]))
    return Classification(min(claim.time for claim in again))


def _spelled(claim: Claim) -> str:
    return str(claim.crash_class) if claim.crash_class else claim.note or "something unknown"


def _class(claim: Claim) -> str:
    """The class alone: a word outside the list stands at the beginning of its note."""
    return str(claim.crash_class) if claim.crash_class else claim.note.partition(" ")[0] or "something unknown"


def escalations(evidence: Evidence, owners: Ownership) -> Iterator[Claim]:
    """Calls for a human about what is broken."""
    for claim in evidence.claims:
        after = evidence.broken is not None and claim.time >= evidence.broken
        if after and claim.word is Word.ESCALATED and owners.concerns(claim.about):
            yield claim


def alarms(evidence: Evidence) -> Iterator[Claim]:
    """All that it said but "this is nothing"."""
    return (c for c in evidence.claims if c.word is not Word.CLASSIFIED or c.crash_class is not CrashClass.NOTHING)


def premature(evidence: Evidence, owners: Ownership) -> str:
    """An alarm before anything was broken, or about somebody whom nobody broke."""
    for claim in alarms(evidence):
        about = f" about {claim.about}" if claim.about else ""
        if evidence.broken is not None and claim.time < evidence.broken:
            return f"it claimed {claim.word}{about} before anything was broken"
        resolved = owners.resolve(claim.about)
        if resolved is not None and owners.is_bystander(resolved):
            return f"it claimed {claim.word}{about}, which nobody broke"
    return ""
