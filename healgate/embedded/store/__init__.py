"""Objects, resource versions and the history of what happened to them."""

from .store import Change, Obj, Store, TooOld

__all__ = ["Change", "Obj", "Store", "TooOld"]
