"""Which kinds of files are taken and given out, by the extensions of their names."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, Self

from attrs import frozen

from hmacfs.base.errors import KindRefused
from hmacfs.base.names import StoredName
from hmacfs.base.values import Grant
from hmacfs.rules.conditions import Conditions
from hmacfs.rules.rule import Material, Rule

EVERY: Final = "*"
"""What stands for all extensions in a list."""


@frozen
class Extensions:
    """
    Lists of extensions, each with its dot and in lower case.

    :ivar allowed: the last extension of a name must be among them; all are if
        there is none in the list, and a name without one is not if there is.
    :ivar blocked: no extension of a name may be among them, so that
        ``invoice.exe.txt`` is refused with ``.exe``.

    :data:`EVERY` in a list stands for all names, with an extension or without.
    """

    allowed: frozenset[str] = frozenset()
    blocked: frozenset[str] = frozenset()

    @classmethod
    def of(cls, allowed: Collection[str], blocked: Collection[str] = ()) -> Self:
        """Make the lists from the settings, whatever their case."""
        return cls(
            frozenset(extension.lower() for extension in allowed),
            frozenset(extension.lower() for extension in blocked),
        )

    def refused(self, name: StoredName) -> str | None:
        """Tell which extension of a name is refused, empty for the lack of one, or ``None``."""
        for extension in extensions_of(name.leaf):
            if extension in self.blocked:
                return extension
        # A name that is nothing but an extension has none by which it could be allowed.
        extensions = extensions_of(name.leaf.lstrip("."))
        is_allowed = not self.allowed or EVERY in self.allowed or self._is_allowed(extensions)
        if EVERY in self.blocked or not is_allowed:
            return extensions[-1] if extensions else ""
        return None

    def _is_allowed(self, extensions: list[str]) -> bool:
        # Lists of the documents have double extensions such as .tar.gz too.
        endings = ("".join(extensions[start:]) for start in range(len(extensions)))
        return any(ending in self.allowed for ending in endings)


def extensions_of(leaf: str) -> list[str]:
    """
    Tell the extensions of a file name, in order, with their dots and in lower case.

    Spaces around them do not count: some systems drop those that end a name.  A name
    that begins with a dot begins with an extension: for some systems that is what it is.
    """
    return [f".{part.strip()}" for part in leaf.lower().split(".")[1:]]


@frozen
class Names(Rule):
    """Takes files with some extensions."""

    extensions: Extensions

    async def before(self, grant: Grant, conditions: Conditions) -> None:
        """Refuse by the name; raises :class:`KindRefused`."""
        self._check(grant.name)

    async def judge(self, material: Material, grant: Grant, conditions: Conditions) -> None:
        """Refuse by the name; raises :class:`KindRefused`."""
        self._check(grant.name)

    def _check(self, name: StoredName) -> None:
        refused = self.extensions.refused(name)
        if refused is not None:
            what = f"with the extension {refused}" if refused else "without an extension"
            raise KindRefused(f"files {what} are not taken", extension=refused)
