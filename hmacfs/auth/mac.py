"""
The MAC in the query: ``v``, ``v2`` and ``token``.

Prosody's mod_http_upload_external sends ``v`` or ``v2``, ejabberd's
``external_secret`` sends ``v``, Metronome sends ``token``.  Each is the
lower-case hexadecimal HMAC-SHA256 under the shared secret of

``v``
    path, space, length
``v2`` and ``token``
    path, NUL, length, NUL, content type

where the path is percent-decoded and without the upload prefix, the length is
decimal, and the type is the request's Content-Type header verbatim
(``application/octet-stream`` where there is none).  Of a file in a form,
length and type are those of its part.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from hmacfs.auth.credentials import from_hexadecimal, misfit
from hmacfs.auth.facts import RequestFacts
from hmacfs.auth.keyring import Keyring
from hmacfs.auth.pending import Fact, FileFacts, Pending, settled
from hmacfs.auth.permit import Permit
from hmacfs.base.errors import SignatureWrong

LINK_PATH = b"GET"
"""
The path that no ``v2`` or ``token`` may be for.

The message of a download link (:mod:`hmacfs.auth.link`) is that of a ``v2``
for a file of this name, and whoever has a link shall not upload with it.
"""


def message_v(path: bytes, length: int, content_type: str) -> bytes:
    """Make the message of ``v``; the type is not part of it."""
    return b"%s %d" % (path, length)


def message_v2(path: bytes, length: int, content_type: str) -> bytes:
    """Make the message of ``v2`` and ``token``."""
    return b"%s\0%d\0%s" % (path, length, content_type.encode("utf-8", "surrogatepass"))


@frozen
class Version:
    """
    One of the three: which parameter carries the MAC, and over what it is.

    :ivar parameter: the query parameter, which is also the scheme's name.
    :ivar covers: the facts that the message is made of, for the log.
    :ivar needs: those of them that a form tells late.
    """

    parameter: str
    covers: str
    needs: frozenset[Fact]
    message: Callable[[bytes, int, str], bytes]


V2 = Version("v2", "path, size and type", frozenset({Fact.SIZE, Fact.CONTENT_TYPE}), message_v2)
TOKEN = Version("token", V2.covers, V2.needs, message_v2)
V = Version("v", "path and size", frozenset({Fact.SIZE}), message_v)


@frozen
class QueryMac:
    """A MAC in the query, of one of the three versions."""

    version: Version
    keyring: Keyring

    @property
    def name(self) -> str:
        """The scheme's name."""
        return self.version.parameter

    def is_used_by(self, facts: RequestFacts) -> bool:
        """Tell whether the request carries this MAC."""
        return self.name in facts.parameters

    def read(self, facts: RequestFacts) -> Permit | Pending:
        """
        Verify the MAC; of a file in a form, once its part is known.

        :raises SignatureWrong: if it does not fit.
        :raises LengthRequired: if the length it covers is not known.
        :raises NameRefused: if it fits a path that cannot be a name.
        """
        given = from_hexadecimal(facts.parameters[self.name])
        if given is None:
            raise SignatureWrong(f"{self.name} is not a MAC of 64 hexadecimal digits")
        covers_type = Fact.CONTENT_TYPE in self.version.needs

        def verify(file: FileFacts) -> Permit:
            message = self.version.message(facts.path, file.size, file.content_type)
            fits = self.keyring.verifies(message, given, facts.now)
            if not fits or (covers_type and facts.path == LINK_PATH):
                tried: dict[str, str | int] = {"path": facts.path_told, "size": file.size}
                if covers_type:
                    tried["content_type"] = file.content_type
                raise misfit(f"{self.name} does not fit this {self.version.covers}", **tried)
            return Permit(
                scheme=self.name,
                name=facts.name,
                size=file.size,
                content_type=file.content_type if covers_type else None,
            )

        return settled(self.name, self.version.needs, facts.announced, verify)
