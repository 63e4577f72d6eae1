"""Tests of the resumable core."""
