"""Tests of the packages, on machines that are booted for it."""
