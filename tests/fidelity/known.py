"""The recordings that embedded clusters are known not to reproduce, and why. At most three, ever."""

from __future__ import annotations

KNOWN = {
    "fix-resize": "cgroup v1: whether containerd reads a later kill for memory as OOMKilled or as Error is a race",
    "statefulset-stuck": "two pods that crash by turns have to be Ready in the same instant",
}
assert len(KNOWN) <= 3
