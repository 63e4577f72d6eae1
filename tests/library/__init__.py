"""Tests of hmacfs.library."""
