"""Bytes become a stored file."""
