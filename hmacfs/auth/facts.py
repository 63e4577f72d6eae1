"""What of a request the signature schemes may look at."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from attrs import frozen

from hmacfs.base.errors import LengthRequired, MalformedRequest
from hmacfs.base.names import StoredName
from hmacfs.base.values import DEFAULT_CONTENT_TYPE

_SIZE = re.compile(r"0|[1-9][0-9]{0,17}")


@frozen
class PartFacts:
    """
    The facts of a file; of a file in a form they are known only with its part.

    ``None`` is what is not known yet.

    :ivar filename: as the part, or a JSON body, names it.
    :ivar content_type: as the part declares it.
    :ivar size: the length of the file in bytes.
    :ivar timestamp: the form field of this name, which stands before the file.
    """

    filename: str | None = None
    content_type: str | None = None
    size: int | None = None
    timestamp: str | None = None


@frozen
class RequestFacts:
    """
    The facts of a request that a signature may cover.

    :ivar path: the decoded path below the upload prefix, which is what XMPP
        servers sign.
    :ivar parameters: the parameters of the query.
    :ivar headers: the request's headers by lower-case name.
    :ivar length: the announced length of the body in bytes, ``None`` when it
        is not known before the body ends.
    :ivar now: when the request came, in seconds since the epoch.  Where this
        is left out every signature with a time has expired.
    :ivar uri: the request target in origin-form, as it was sent.
    """

    method: str
    path: bytes
    parameters: Mapping[str, str]
    headers: Mapping[str, str]
    length: int | None
    now: float = math.inf
    uri: str = ""

    @property
    def path_told(self) -> str:
        """The path as refusals tell it: what is not UTF-8 is escaped."""
        return self.path.decode("utf-8", "backslashreplace")

    @property
    def name(self) -> StoredName:
        """The name the path gives; raises :class:`~hmacfs.base.errors.NameRefused`."""
        return StoredName.parse(self.path)

    @property
    def content_type(self) -> str:
        """The declared type, verbatim: XMPP servers sign it with its parameters."""
        return self.headers.get("content-type", DEFAULT_CONTENT_TYPE)

    @property
    def is_form(self) -> bool:
        """Tell whether the file is a part of the body, and not the body (RFC 7578)."""
        essence = self.content_type.partition(";")[0].strip()
        return essence.lower() == "multipart/form-data"

    @property
    def announced(self) -> PartFacts:
        """
        What is known of the file before the body.

        Of a form, length and type are those of the form; the file's size may
        be announced as ``filesize`` in the query, or in X-File-Size.

        :raises LengthRequired: if the body is the file and its length is not known.
        :raises MalformedRequest: if an announced size is not a number.
        """
        if not self.is_form:
            if self.length is None:
                raise LengthRequired(
                    "the signature covers the length: send Content-Length, or X-File-Size"
                )
            return PartFacts(content_type=self.content_type, size=self.length)
        size = self.parameters.get("filesize", self.headers.get("x-file-size"))
        if size is not None and _SIZE.fullmatch(size) is None:
            raise MalformedRequest("the announced size of the file is not a decimal number")
        return PartFacts(size=None if size is None else int(size))
