"""The Kubernetes API over the store: first its meaning (Registry), then its transport-neutral protocol (Server)."""

from .errors import ApiError
from .messages import ApiAnswer, ApiRequest
from .node import NodeApi
from .registry import Registry
from .server import Server
from .watch import ApiWatch

__all__ = ["ApiAnswer", "ApiError", "ApiRequest", "ApiWatch", "NodeApi", "Registry", "Server"]
