"""The control loops of the embedded cluster."""

from .manager import Controllers

__all__ = ["Controllers"]
