"""Which healgate this is."""

from __future__ import annotations

from importlib import metadata


def version() -> str:
    """The installed version; a source tree that is not installed has none."""
    try:
        return metadata.version("healgate")
    except metadata.PackageNotFoundError:
        return "not installed"
