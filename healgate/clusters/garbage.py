"""How often Python looks for garbage in a process that runs trials.

A trial's cluster refers to itself all over, so only a collection frees it, and as often as Python would, a collection
finds it in use: nothing is freed, and what lives as long as a trial is moved on to where all that was ever imported is
looked at with it. So from the first trial on one collects seldom, when most of what is young is the garbage of trials
that are over, and never looks at what stood there before the first one. The trap is to put things back when a trial
ends: that is a collection on the spot, while its cluster is still referred to.
"""

from __future__ import annotations

import gc

# After so many new objects that refer to others: a handful of trials.
SELDOM = 500_000


def collect_seldom() -> None:
    """For the rest of the process; only the first call does something. Who collects by hand, or even less, may."""
    usual = gc.get_threshold()
    if 0 < usual[0] < SELDOM:
        gc.freeze()
        gc.set_threshold(SELDOM, *usual[1:])
