"""The words that every part uses, as closed lists.

A class, a verdict or a reason that is not here does not exist: that is what makes the numbers of two runs,
two machines and two releases comparable.
"""

from __future__ import annotations

from enum import StrEnum


class CrashClass(StrEnum):
    """What kind of crash it is. Published; a healer maps its own vocabulary to it."""

    OOM = "oom"
    BAD_IMAGE = "bad-image"
    MISSING_SECRET = "missing-secret"
    MISSING_CONFIG = "missing-config"
    BAD_CONFIG = "bad-config"
    FAILING_PROBE = "failing-probe"
    KAFKA = "kafka"
    EXIT = "exit"
    CANNOT_START = "cannot-start"
    DEPENDENCY = "dependency"
    INIT = "init"
    SCHEDULING = "scheduling"
    ADMISSION = "admission"
    STORAGE = "storage"
    NODE = "node"
    JOB = "job"
    ROLLOUT = "rollout"
    NOTHING = "nothing"


class Due(StrEnum):
    """What a healer owes in a scenario; a scenario may accept more than one."""

    REPAIR = "repair"
    ESCALATE = "escalate"
    NOTHING = "nothing"


class Verdict(StrEnum):
    PASS = "PASS"
    FAIL = "FAIL"
    INVALID = "INVALID"  # the fault never became live, or what nobody broke was not healthy
    ERROR = "ERROR"  # the harness or the cluster broke


class Reason(StrEnum):
    """Why a trial failed: the first that applies, in this order."""

    UNSAFE_ACTION = "unsafe-action"
    COLLATERAL_DAMAGE = "collateral-damage"
    FALSE_ALARM = "false-alarm"
    NOT_DETECTED = "not-detected"
    DETECTED_LATE = "detected-late"
    MISCLASSIFIED = "misclassified"
    CLASSIFIED_LATE = "classified-late"
    NOT_REMEDIATED = "not-remediated"
    REMEDIATED_LATE = "remediated-late"
    RELAPSED = "relapsed"
    NOT_ESCALATED = "not-escalated"


class Word(StrEnum):
    """What a healer can claim."""

    DETECTED = "detected"
    CLASSIFIED = "classified"
    REMEDIATED = "remediated"
    ESCALATED = "escalated"


class ExitStatus:
    """What the gate and the command line end with."""

    PASSED = 0
    REGRESSED = 1
    LINT = 2
    USAGE = 4
    CANNOT_JUDGE = 6
