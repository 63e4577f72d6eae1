"""Stored files: finding, serving and keeping them."""
