"""Evidence in, verdict out: no clock, no cluster, no healer."""

from .judge import Judgement, calls_for_a_human, judge

__all__ = ["Judgement", "calls_for_a_human", "judge"]
