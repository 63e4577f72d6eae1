"""The tables of the shared state in SQLite: numbered steps."""
