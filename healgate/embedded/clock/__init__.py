"""The one source of time of an embedded cluster."""

from .clock import EPOCH, Clock, Timer, micro_stamp, nano_stamp, seconds_of, stamp

__all__ = ["EPOCH", "Clock", "Timer", "micro_stamp", "nano_stamp", "seconds_of", "stamp"]
