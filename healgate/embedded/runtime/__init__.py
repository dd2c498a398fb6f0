"""The node's container runtime: images, processes on the virtual clock, the network between them."""
