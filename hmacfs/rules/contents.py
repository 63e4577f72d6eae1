"""Which types of files are taken, as they are declared and as their bytes are."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Final

from attrs import frozen

from hmacfs.base.errors import KindRefused, NotCovered
from hmacfs.base.values import DEFAULT_CONTENT_TYPE, Grant
from hmacfs.flow.stage import Sink
from hmacfs.rules.conditions import Conditions
from hmacfs.rules.programs import HEAD
from hmacfs.rules.rule import Material, Rule
from hmacfs.rules.sniffing import Sniffed, known_types, sniff

_PROGRAMS: Final = frozenset(
    {
        DEFAULT_CONTENT_TYPE,
        "application/vnd.microsoft.portable-executable",
        "application/x-dex",
        "application/x-dosexec",
        "application/x-elf",
        "application/x-executable",
        "application/x-mach-binary",
        "application/x-msdos-program",
        "application/x-msdownload",
        "application/x-object",
        "application/x-pie-executable",
        "application/x-sharedlib",
    }
)
"""What an executable may be declared as; the first says nothing of what it is."""

_ARCHIVED: Final = ("zip", "officedocument", "opendocument", "epub", "java-archive", "apk")
"""Words in the types of what is a zip archive inside."""

_TEXTUAL: Final = ("+xml", "/xml", "+json", "/json", "javascript", "yaml", "x-sh", "x-tex")
"""Words in the types of what is text though its type is another."""

_SEEN: Final = frozenset({"image", "audio", "video", "font"})
"""Families whose files begin with something by which they are known."""


@frozen
class Types:
    """
    What the settings say about types.

    :ivar allowed: patterns of the media types that may be declared; all may if there are none.
    :ivar blocked: patterns of those that may be neither declared nor found.
    :ivar checks: whether the bytes are compared with what is declared.
    :ivar strict: whether they have to be of the declared family, instead of
        just not being an executable that poses as something else.
    """

    allowed: tuple[str, ...] = ()
    blocked: tuple[str, ...] = ()
    checks: bool = False
    strict: bool = False


@frozen
class Contents(Rule):
    """Takes files of some types, and no type for another."""

    types: Types

    async def before(self, grant: Grant, conditions: Conditions) -> None:
        """Refuse by the declared type; raises :class:`KindRefused`."""
        self._check_declared(grant)

    def tap(self, grant: Grant, conditions: Conditions) -> Sink | None:
        """Look at the first bytes as soon as they are there."""
        if not self._looks(conditions):
            return None
        return _Head(lambda head: self._check_found(head, grant, conditions))

    async def judge(self, material: Material, grant: Grant, conditions: Conditions) -> None:
        """
        Refuse by the declared type and the first bytes.

        :raises KindRefused: if files of such a type are not taken.
        :raises NotCovered: if the credential is for other types.
        """
        self._check_declared(grant)
        if self._looks(conditions):
            head = await material.blob.lane.run(material.blob.read_at, 0, HEAD)
            self._check_found(head, grant, conditions)

    def _looks(self, conditions: Conditions) -> bool:
        return self.types.checks or bool(self.types.blocked) or conditions.types is not None

    def _check_declared(self, grant: Grant) -> None:
        declared = _essence(grant.content_type)
        is_allowed = not self.types.allowed or _matches(declared, self.types.allowed)
        if not is_allowed or _matches(declared, self.types.blocked):
            raise KindRefused(f"files of the type {declared} are not taken", type=declared)

    def _check_found(self, head: bytes, grant: Grant, conditions: Conditions) -> None:
        # Without a byte it is a file of any type.
        if not head:
            return
        found = sniff(head)
        for kind in found.types:
            if _matches(kind, self.types.blocked):
                raise KindRefused(f"files of the type {kind} are not taken", found=kind)
        granted = ("*",) if conditions.types is None else conditions.types
        if found.types and not any(_matches(kind, granted) for kind in found.types):
            raise NotCovered("the credential does not allow files of the type that this is")
        if self.types.checks:
            self._compare(_essence(grant.content_type), found)

    def _compare(self, declared: str, found: Sniffed) -> None:
        if found.program is not None:
            if declared not in _PROGRAMS:
                raise KindRefused(
                    f"the file is an executable, and not {declared}", found=found.program
                )
            return
        if self.types.strict and declared != DEFAULT_CONTENT_TYPE and not _fits(declared, found):
            what = min(found.types, default="of no known type")
            raise KindRefused(f"the file is {what}, and not {declared}", found=what)


class _Head:
    """Gathers the first bytes, and has them looked at once."""

    def __init__(self, look: Callable[[bytes], object]) -> None:
        self._look = look
        self._head = bytearray()

    def write(self, data: bytes | memoryview) -> None:
        if len(self._head) < HEAD:
            self._head += data[: HEAD - len(self._head)]
            if len(self._head) == HEAD:
                self._look(bytes(self._head))


def _fits(declared: str, found: Sniffed) -> bool:
    family = declared.partition("/")[0]
    if declared in found.types or family in found.families - {"application"}:
        return True
    if family == "text" or any(word in declared for word in _TEXTUAL):
        return found.is_text
    if family in _SEEN:
        # The same container holds sound and pictures.
        is_container = bool(found.families & {"audio", "video"} or "application/ogg" in found.types)
        return family in ("audio", "video") and is_container
    if any(word in declared for word in _ARCHIVED):
        return any(word in kind for kind in found.types for word in _ARCHIVED)
    if declared in known_types():
        return False
    return not found.families & _SEEN


def _essence(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _matches(kind: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(kind, pattern) for pattern in patterns)
