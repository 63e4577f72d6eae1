"""Where stored files lie in the space of URLs."""

from __future__ import annotations

from urllib.parse import quote

from attrs import frozen

from hmacfs.base.errors import NameRefused
from hmacfs.base.names import StoredName

RESERVED = frozenset({"api", "files", "health", "download", "uploads", "thumbnail"})
"""First segments that belong to routes: a name cannot begin with them if there is no prefix."""

DOWNLOADS = b"download"
"""First segment under which every file can be downloaded too (3.2.1)."""

OLD_UPLOADS = b"uploads"
"""First segment under which every file can be uploaded and downloaded too (2.x)."""

UPLOAD_URL = b"upload"
"""Where query signatures and forms are sent, whatever the prefix is (3.2.1)."""


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
        """Strip the upload prefix, or that of 2.x, once, from a decoded path."""
        stripped = _strip(path, self.prefix.encode()) if self.prefix else path
        return _strip(path, OLD_UPLOADS) if stripped == path else stripped

    def name_to_read(self, path: bytes) -> StoredName:
        """
        Tell which file a GET of this decoded path means.

        :raises NameRefused: if it cannot be one.
        """
        stripped = self.below_prefix(path)
        return StoredName.parse(_strip(path, DOWNLOADS) if stripped == path else stripped)

    def route_of(self, path: bytes) -> str:
        """Tell the first segment of this decoded path if it is a route's, or an empty text."""
        first = path.decode().partition("/")[0]
        is_route = first in RESERVED and first != OLD_UPLOADS.decode()
        return first if is_route and first != self.prefix.partition("/")[0] else ""

    def is_upload_url(self, path: bytes) -> bool:
        """Tell whether this decoded path is the URL of uploads that name their file elsewhere."""
        return path in (UPLOAD_URL, self.prefix.encode() or UPLOAD_URL)

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

    def download_url_of(self, name: StoredName, origin: str) -> str:
        """
        Tell the URL of a file that documents tell.

        :param origin: scheme and host of the request, where no public base URL is known.
        """
        return f"{self.base_url or origin}{quote(f'/download/{name}')}"

    def thumbnail_url_of(self, name: StoredName, origin: str) -> str:
        """
        Tell the URL of the small picture of a file.

        :param origin: as for :meth:`download_url_of`.
        """
        return f"{self.base_url or origin}{quote(f'/thumbnail/{name}')}"


def _strip(path: bytes, prefix: bytes) -> bytes:
    return path[len(prefix) + 1 :] if path.startswith(prefix + b"/") else path
