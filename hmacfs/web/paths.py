"""Where stored files lie in the space of URLs."""

from __future__ import annotations

from urllib.parse import quote

from attrs import frozen

from hmacfs.base.errors import NameRefused
from hmacfs.base.names import StoredName

RESERVED = frozenset({"api", "files", "health", "download", "uploads", "thumbnail"})
"""First segments that belong to routes: a name cannot begin with them if there is no prefix."""

DOWNLOAD_PREFIXES = (b"download", b"uploads")
"""First segments under which every file can be downloaded too (3.2.1, 2.x)."""


@frozen
class Paths:
    """
    Maps request paths to names and back.

    :param prefix: ``server.upload_prefix``, without slashes; may be empty.
    :param base_url: ``server.public_base_url``, without a trailing slash; may be empty.
    """

    prefix: str
    base_url: str = ""

    def below_prefix(self, path: bytes) -> bytes:
        """Strip the upload prefix, once, from a decoded path."""
        return _strip(path, self.prefix.encode()) if self.prefix else path

    def name_to_read(self, path: bytes) -> StoredName:
        """
        Tell which file a GET of this decoded path means.

        :raises NameRefused: if it cannot be one.
        """
        stripped = self.below_prefix(path)
        if stripped == path:
            for prefix in DOWNLOAD_PREFIXES:
                if path.startswith(prefix + b"/"):
                    return StoredName.parse(_strip(path, prefix))
        return StoredName.parse(stripped)

    def check_stored(self, name: StoredName) -> None:
        """
        Refuse names that could not be downloaded again.

        :raises NameRefused: if the first segment belongs to a route.
        """
        if not self.prefix and name.segments[0] in RESERVED:
            raise NameRefused(f"names below {name.segments[0]}/ belong to the server's own URLs")

    def url_of(self, name: StoredName) -> str:
        """Tell the URL of a file: absolute if the public base URL is known, else a path."""
        path = quote(f"/{self.prefix}/{name}" if self.prefix else f"/{name}")
        return self.base_url + path


def _strip(path: bytes, prefix: bytes) -> bytes:
    return path[len(prefix) + 1 :] if path.startswith(prefix + b"/") else path
