"""The command ``hmac-file-server``."""
