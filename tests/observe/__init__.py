"""Tests of hmacfs.observe."""
