"""The network of this machine, as the kernel tells of it, and the quality of connections."""
