"""Chaos Toolkit's side: what scenarios do to a cluster, what they ask of it, and who else acts on it.

The only package that imports chaoslib and chaosk8s.
"""
