"""Tests with real servers and clients, which they start themselves, on ports of the loopback."""
