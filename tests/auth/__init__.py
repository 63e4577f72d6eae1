"""Tests of the signature schemes."""
