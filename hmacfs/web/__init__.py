"""HTTP: the streaming channel, the Klein tree and its faces."""
