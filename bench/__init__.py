"""Measures this server beside nginx, on the same machine and at the same time."""
