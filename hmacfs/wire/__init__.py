"""Grammars: bytes and headers to values and back."""
