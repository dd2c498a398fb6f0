"""The reference healer: what a careful engineer does with a runbook in hand, as rules.

It watches pods, remembers what worked, asks of a crash what changed since, undoes that or applies the remedy that
the runbooks name, and calls a human where there is no sound remedy. It is the control that must pass every scenario,
so every rule must be one that a stranger would defend, never one that knows a scenario.
"""

from .healer import Healer, heal

__all__ = ["Healer", "heal"]
