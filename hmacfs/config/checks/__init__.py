"""Checks of a configuration that can be used, for what would be better."""
