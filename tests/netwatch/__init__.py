"""Tests of what watches the network."""
