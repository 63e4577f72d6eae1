"""Small facts that outlive a request: the index of stored files."""
