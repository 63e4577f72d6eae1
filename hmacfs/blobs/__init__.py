"""Large bytes: the stored files themselves."""
