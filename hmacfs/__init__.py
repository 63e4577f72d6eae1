"""HMAC File Server: receives the files that an XMPP server signed for, and serves them."""
