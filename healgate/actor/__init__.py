"""The one program that plays every workload's part; what it does is its image's profile.

The same source runs as a container's process on a real cluster (`machine.py`) and under a simulated operating system
on a virtual clock. The trap is anything that works on only one of them: a program here touches the world through its
`Host` alone, and lets time pass only by yielding an effect. This package is copied into images as it stands, so it
imports nothing but the standard library and itself, and nothing that it prints says what it is.
"""
