"""Tests of what keeps the bytes."""
