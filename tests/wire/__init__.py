"""Tests of hmacfs.wire."""
