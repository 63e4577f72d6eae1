"""Tests: a module for each module of hmacfs, in the same tree; those in real/ start servers."""
