"""Small tests that break a rule each, on which the test runner is tried."""
