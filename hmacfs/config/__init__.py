"""The configuration: one table of options, and everything that follows from it."""
