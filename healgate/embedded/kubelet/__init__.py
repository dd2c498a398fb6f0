"""The node agent of the embedded cluster: decides when containers start, stop and restart, and says so in status."""

from .kubelet import Kubelet
from .timing import FAST, STOCK, KubeletTiming

__all__ = ["FAST", "STOCK", "Kubelet", "KubeletTiming"]
