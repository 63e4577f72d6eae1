"""Tests of what is decided before and while bytes come in."""
