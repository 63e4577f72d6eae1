"""Signature schemes: the facts of a request become a grant or a refusal."""
