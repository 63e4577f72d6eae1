"""The options themselves, one module for each group of sections."""
