"""Tests of hmacfs.base."""
