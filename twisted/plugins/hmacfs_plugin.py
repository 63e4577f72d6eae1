"""Makes ``twistd hmacfs`` known; no ``__init__.py`` may lie in this directory or above it."""

from __future__ import annotations

from twisted.application.service import ServiceMaker

hmacfs = ServiceMaker(
    "HMAC File Server",
    "hmacfs.tap",
    "Receives the files that an XMPP server signed for, and serves them.",
    "hmacfs",
)
