"""Credentials of every scheme, for requests to the server of the tests."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from attrs import frozen

from hmacfs.auth.sign import Order, sign
from hmacfs.base.names import StoredName
from tests.web.wire import NOW, TERMS

UUID = "550e8400-e29b-41d4-a716-446655440000"


@frozen
class Credential:
    """Where to send a request, and with which header lines."""

    target: str
    headers: tuple[str, ...] = ()


def credential(scheme: str, path: str, size: int = 0, **facts: Any) -> Credential:
    """Sign a request as a scheme does, over facts that may be those of :class:`Order`."""
    base = "http://files.example.org/upload"
    defaults: dict[str, Any] = {"now": NOW, "unique": UUID, "base_url": base}
    order = Order(StoredName.parse(path.encode()), size, **defaults | facts)
    made = sign(scheme, TERMS, order)
    parts = urlsplit(made.url)
    query = f"?{parts.query}" if parts.query else ""
    return Credential(
        f"{parts.path or '/'}{query}",
        tuple(f"{name}: {value}" for name, value in made.headers.items()),
    )
