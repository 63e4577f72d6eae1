"""What makes the environments that ./serve and ./test run in."""
