"""Bytes in motion: threads by purpose, stages, sources."""
