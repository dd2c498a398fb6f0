"""Evidence in, verdict out: no clock, no cluster, no healer."""

from .judge import Judgement, judge

__all__ = ["Judgement", "judge"]
