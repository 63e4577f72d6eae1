"""May it happen? What is decided before and while bytes come in."""
