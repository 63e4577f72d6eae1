"""What a credential allows: the bounds that a request's action must keep."""

from __future__ import annotations

import enum
import hashlib
from fnmatch import fnmatchcase

from attrs import field, frozen

from hmacfs.base.errors import LengthRequired, NameRefused, NotCovered, ScopeMissing, SizeMismatch
from hmacfs.base.names import StoredName
from hmacfs.base.values import DEFAULT_CONTENT_TYPE, Grant


class Scope(enum.Enum):
    """A kind of action (seeds: the ``scope`` claim of V3 tokens)."""

    UPLOAD = "upload"
    DOWNLOAD = "download"
    DELETE = "delete"
    ADMIN = "admin"


UPLOAD_ONLY = frozenset({Scope.UPLOAD})
"""What the signature of one upload allows."""


@frozen
class Once:
    """
    What is remembered of a signature that counts once.

    :ivar key: names the signature; it is a digest, and tells nothing of it.
    :ivar until: when the signature has expired and may be forgotten, in
        seconds since the epoch.
    """

    key: str
    until: float

    @classmethod
    def of(cls, scheme: str, token: str, until: float) -> Once:
        """Make the key of an upload id or a signature of this scheme."""
        return cls(hashlib.sha256(f"{scheme}\0{token}".encode()).hexdigest(), until)


def flat_name(filename: str) -> StoredName:
    """
    Make the stored name of a file that is named without a path.

    :raises NameRefused: if it is a path, or cannot be a name.
    """
    name = StoredName.parse(filename.encode("utf-8", "surrogatepass"))
    if len(name.segments) != 1:
        raise NameRefused("a file name is expected here, not a path")
    return name


def _essence(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


@frozen
class Permit:
    """
    What a genuine credential allows.  ``None`` is what it leaves open.

    :ivar scheme: the name of the signature scheme, for logs and metrics.
    :ivar name: the one file it is for.
    :ivar filename: the last segment of that file's name, where the folder is
        the server's to choose.
    :ivar size: the exact length of the file in bytes.
    :ivar content_type: the type of the file; its parameters are not compared.
    :ivar sha256: the digest, 32 bytes, of the file in a form, else of the body.
    :ivar owner: who it was issued to.
    :ivar quota: the most bytes that the owner may have stored.
    :ivar allowed_types: patterns of media types, in lower case.
    :ivar file_expires_at: when the file ceases to exist, in seconds since the
        epoch.
    :ivar once: what to remember, if it counts once.
    """

    scheme: str
    scopes: frozenset[Scope] = UPLOAD_ONLY
    name: StoredName | None = None
    filename: str | None = None
    size: int | None = None
    content_type: str | None = None
    sha256: bytes | None = None
    owner: str | None = None
    quota: int | None = None
    allowed_types: tuple[str, ...] | None = None
    file_expires_at: float | None = None
    once: Once | None = field(default=None, repr=False)

    def require(self, scope: Scope) -> None:
        """
        Insist on a scope.

        :raises ScopeMissing: if it does not have it.
        """
        if scope not in self.scopes:
            raise ScopeMissing(f"this needs the scope {scope.value!r}", scope=scope.value)

    def check_name(self, name: StoredName) -> None:
        """
        Insist that it is for this file.

        :raises NotCovered: if it is for another.
        """
        if self.name not in (None, name) or self.filename not in (None, name.leaf):
            raise NotCovered("the credential is for another file")

    def check_type(self, content_type: str) -> None:
        """
        Insist on one of the types it allows, declared or found in the bytes.

        :raises NotCovered: if the type is not among them.
        """
        if self.allowed_types is None:
            return
        essence = _essence(content_type)
        if not any(fnmatchcase(essence, pattern) for pattern in self.allowed_types):
            raise NotCovered("the credential does not allow files of this type")

    def check_delete(self, owner: str | None) -> None:
        """
        Insist that files of this owner may be deleted with it.

        :raises ScopeMissing: if nothing may be deleted with it.
        :raises NotCovered: if only files of another owner may.
        """
        if Scope.ADMIN in self.scopes:
            return
        self.require(Scope.DELETE)
        # A credential for one file is enough for it, whoever uploaded it.
        if self.name is None and (self.owner is None or self.owner != owner):
            raise NotCovered("the file belongs to somebody else")

    def grant(self, name: StoredName, size: int | None, content_type: str | None) -> Grant:
        """
        Turn it into the grant of one upload.

        :param size: as announced, if it was.
        :param content_type: as declared, if it was.
        :raises ScopeMissing: if it does not allow uploads.
        :raises NotCovered: if name or type are not what it is for.
        :raises SizeMismatch: if the size is another.
        :raises LengthRequired: if neither side tells the size.
        """
        self.require(Scope.UPLOAD)
        self.check_name(name)
        kind = self.content_type or content_type or DEFAULT_CONTENT_TYPE
        if content_type and _essence(content_type) != _essence(kind):
            raise NotCovered("the credential is for a file of another type")
        self.check_type(kind)
        if size is None:
            size = self.size
        if size is None:
            raise LengthRequired("the size of the file must be announced")
        if self.size is not None and self.size != size:
            raise SizeMismatch(
                f"the credential is for a file of {self.size} bytes, not {size}",
                expected=self.size,
                received=size,
            )
        return Grant(
            name=name,
            size=size,
            content_type=kind,
            scheme=self.scheme,
            owner=self.owner,
            expires_at=self.file_expires_at,
        )
