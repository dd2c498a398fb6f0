"""The healer that does nothing. A scenario that it passes, and in which something was due, proves nothing."""

from typing import Any


def heal(_api_client: Any, _report: Any) -> None:
    """Look away."""
