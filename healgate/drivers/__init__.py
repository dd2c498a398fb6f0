"""How a healer is found and run."""

from .find import HealerSpec, find_healer
from .report import Report

__all__ = ["HealerSpec", "Report", "find_healer"]
