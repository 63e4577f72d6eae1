"""The tables of all stores in PostgreSQL: numbered steps."""
