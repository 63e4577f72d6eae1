"""Tests of the bytes in motion."""
