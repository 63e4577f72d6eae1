"""Listeners of events: what the server tells about itself."""
