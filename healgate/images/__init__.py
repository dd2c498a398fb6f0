"""The workloads' images as real OCI images, and the small registry beside a kind node that serves them.

An image is one base (any image with `python3`), one layer with the program that every container runs, and one thin
layer with its profile. The trap is telling: a healer may read every file of an image, so nothing in it says where it
comes from, and nothing in it explains itself.
"""
