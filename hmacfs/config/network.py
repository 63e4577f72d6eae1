"""Kinds of options that name places on a network."""

from __future__ import annotations

import ipaddress
import pathlib
import re
from typing import Final, Self
from urllib.parse import urlsplit

from attrs import frozen

from hmacfs.config.kinds import Plain, describe, expect_text, socket_path
from hmacfs.config.lists import TextList

_PORT: Final = re.compile(r"[0-9]{1,5}")


@frozen
class Address:
    """
    A TCP address.

    :ivar host: a name or an address, empty where only a port is given.
    """

    host: str
    port: int

    def __str__(self) -> str:
        """Return ``host:port`` with brackets around IPv6, or the port alone."""
        if not self.host:
            return str(self.port)
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@frozen
class AddressKind:
    """
    ``8080``, ``:8080``, ``host:8080`` or ``[::1]:8080``.

    :ivar default_port: for an address without one; 0 where the port must be given.
    """

    default_port: int = 0
    noun: str = 'port, or "host:port"'

    def parse(self, given: object) -> Address:
        """Take a text or a port number."""
        if isinstance(given, int) and not isinstance(given, bool):
            given = str(given)
        if not isinstance(given, str):
            raise ValueError(
                f'this is {describe(given)}, where a port or an address such as "0.0.0.0:8080" '
                "belongs"
            )
        text = expect_text(given).strip()
        if self.default_port and text and not _PORT.fullmatch(text) and not _has_port(text):
            return Address(_host(text, given), self.default_port)
        host, _, port = text.rpartition(":")
        if not _PORT.fullmatch(port):
            raise ValueError(f'{given!r} is not a port or an address such as "0.0.0.0:8080"')
        if not 1 <= int(port) <= 65535:
            raise ValueError(f"{given!r}: a port is between 1 and 65535")
        return Address(_host(host, given), int(port))

    def parse_text(self, text: str) -> Address:
        """Take the same forms."""
        return self.parse(text)

    def plain(self, value: Address) -> Plain:
        """Return the shortest text."""
        return str(value)


def _has_port(text: str) -> bool:
    return re.search(r"(^[^:]*|\]):[^:\]]*$", text) is not None


def _host(text: str, given: str) -> str:
    if text.startswith("[") and text.endswith("]"):
        try:
            return str(ipaddress.IPv6Address(text[1:-1]))
        except ValueError:
            raise ValueError(f"{given!r}: {text!r} is not an IPv6 address") from None
    if ":" in text:
        raise ValueError(f"{given!r}: an IPv6 address stands in brackets, such as [::1]:8080")
    if text and re.fullmatch(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?", text) is None:
        raise ValueError(f"{given!r}: {text!r} is not the name of a host")
    return text


@frozen
class OptionalAddress:
    """An address, or the empty text, which is :obj:`None` here."""

    default_port: int = 0
    noun: str = '"host:port", or empty'

    def parse(self, given: object) -> Address | None:
        """Take an address or the empty text."""
        if isinstance(given, str) and not given.strip():
            return None
        return AddressKind(self.default_port).parse(given)

    def parse_text(self, text: str) -> Address | None:
        """Take the same forms."""
        return self.parse(text)

    def plain(self, value: Address | None) -> Plain:
        """Return the shortest text."""
        return "" if value is None else str(value)


@frozen
class SocketKind:
    """A Unix socket (``/path`` or ``unix:/path``) or ``tcp:host:port``."""

    noun: str = "path, unix:PATH or tcp:HOST:PORT"

    def parse(self, given: object) -> Address | pathlib.Path:
        """Take one of the forms; slashes after ``tcp:`` do not matter."""
        # A path may end in a space.
        text = expect_text(given).lstrip()
        if text.startswith("tcp:"):
            address = AddressKind().parse(text.strip().removeprefix("tcp:").removeprefix("//"))
            if address.host:
                return address
        path = text.removeprefix("unix:")
        if not path.startswith("/"):
            raise ValueError(f'{given!r} is not a path, "unix:PATH" or "tcp:HOST:PORT"')
        return socket_path(path)

    def parse_text(self, text: str) -> Address | pathlib.Path:
        """Take the same forms."""
        return self.parse(text)

    def plain(self, value: Address | pathlib.Path) -> Plain:
        """Return the path, or the address with what it is."""
        return f"tcp:{value}" if isinstance(value, Address) else str(value)


@frozen
class Place:
    """
    Somewhere to listen.

    :ivar scheme: ``tcp``, ``tls`` or ``unix``.
    :ivar address: of the first two.
    :ivar path: of the third.
    """

    scheme: str
    address: Address = Address("", 0)
    path: pathlib.Path = pathlib.Path()

    @classmethod
    def parse(cls, text: str) -> Self:
        """
        Read ``tcp:HOST:PORT``, ``tls:HOST:PORT`` or ``unix:PATH``.

        :raises ValueError: if it is none of them, or the path is too long.
        """
        scheme, _, rest = text.strip().partition(":")
        if scheme == "unix" and rest.startswith("/"):
            return cls(scheme, path=socket_path(rest))
        if scheme in ("tcp", "tls"):
            return cls(scheme, AddressKind().parse(rest))
        raise ValueError(f'{text!r} is not "tcp:HOST:PORT", "tls:HOST:PORT" or "unix:/PATH"')

    def __str__(self) -> str:
        """Return the text that :meth:`parse` reads."""
        return f"{self.scheme}:{self.path if self.scheme == 'unix' else self.address}"


def _place(text: str) -> str:
    return str(Place.parse(text))


@frozen
class OptionalIP:
    """An IP address, or the empty text."""

    noun: str = "IP address, or empty"

    def parse(self, given: object) -> str:
        """Take an IPv4 or IPv6 address without brackets."""
        text = expect_text(given).strip()
        if not text:
            return ""
        try:
            return str(ipaddress.ip_address(text))
        except ValueError:
            raise ValueError(f"{given!r} is not an IP address") from None

    def parse_text(self, text: str) -> str:
        """Take the same forms."""
        return self.parse(text)

    def plain(self, value: str) -> Plain:
        """Return the value itself."""
        return value


@frozen
class OptionalURL:
    """An http or https URL without query and fragment, or the empty text."""

    noun: str = "URL, or empty"

    def parse(self, given: object) -> str:
        """Take a URL; a slash at its end is dropped."""
        text = expect_text(given).strip()
        if not text:
            return ""
        no_url = f"{given!r} is not a URL such as https://host.example"
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError:
            raise ValueError(no_url) from None
        if parts.scheme not in ("https", "http") or not parts.hostname or port == 0 or " " in text:
            raise ValueError(no_url)
        if parts.query or parts.fragment:
            raise ValueError(f"{given!r} has a query or a fragment, which has no use here")
        return text.rstrip("/")

    def parse_text(self, text: str) -> str:
        """Take the same forms."""
        return self.parse(text)

    def plain(self, value: str) -> Plain:
        """Return the value itself."""
        return value


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text.strip(), strict=False))
    except ValueError:
        raise ValueError(f'{text!r} is not an address or a network such as "10.0.0.0/8"') from None


NETWORKS: Final = TextList("list of addresses and networks", _network)
"""IPv4 and IPv6 networks in their canonical form; an address is a network of one."""

PLACES: Final = TextList("list of places to listen on", _place)
"""Texts that :class:`Place` reads."""
