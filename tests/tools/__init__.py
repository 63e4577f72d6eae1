"""Tests of what makes the environments."""
