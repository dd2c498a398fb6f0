"""Recordings: what a cluster showed and answered while something was done to it, in a file that can be replayed.

A recording of a real cluster is the oracle of the embedded one (`tests/fidelity`), so it is taken over the same seam
as a trial and by nothing that knows which cluster it is on. The trap is a recording of oneself: what was done must be
written down where it was sent, not where it was planned.
"""
