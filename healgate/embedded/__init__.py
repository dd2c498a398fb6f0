"""A simulated Kubernetes in this process, on a virtual clock.

It knows nothing of scenarios, trials or verdicts: it is a small cluster that anybody can start,
talk to through the ordinary clients, and trust as far as the recordings of a real one reach.
"""
