"""The Kubernetes API over the store: first its meaning (Registry), then its transport-neutral protocol (Server)."""

from .errors import ApiError
from .registry import Registry

__all__ = ["ApiError", "Registry"]
