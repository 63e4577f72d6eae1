"""Tests of how bytes become a stored file."""
