"""The layers of the package: who may import whom, read from the sources with ``ast``.

The table of parts is data; each check takes sources and returns sentences, one a fault, so that the
checks can be tried on small sources that break them.
"""

from __future__ import annotations

import ast
import pathlib
import statistics
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import attrs

PACKAGE: Final = "hmacfs"
LONGEST_MODULE: Final = 400
MEDIAN_MODULE: Final = 150

# The parts by layer, lowest first.
LAYERS: Final = (
    ("base",),
    ("config", "auth", "wire"),
    ("flow", "stores", "blobs"),
    ("rules", "ingest", "uploads", "library", "slots"),
    ("web", "xmpp", "netwatch", "observe"),
    ("service", "workers", "tap", "cli"),
)
LEVEL: Final = {part: level for level, parts in enumerate(LAYERS) for part in parts}

# What a part may import beside itself; `stores.interfaces` is that module alone.
LOWEST: Final = frozenset({"base"})
CORE: Final = frozenset({"base", "auth", "wire", "flow", "stores.interfaces", "blobs.interfaces"})
FACES: Final = frozenset({"base", *LAYERS[1], *LAYERS[3]})
MAY_IMPORT: Final[Mapping[str, frozenset[str]]] = {
    "base": frozenset(),
    **dict.fromkeys(LAYERS[1], LOWEST),
    **dict.fromkeys(LAYERS[2], LOWEST),
    # Bytes are kept, and facts stored, on the threads of flow.
    **dict.fromkeys(("stores", "blobs"), LOWEST | {"flow"}),
    **dict.fromkeys(LAYERS[3], CORE),
    # What comes in is judged by the rules.
    **dict.fromkeys(("ingest", "uploads"), CORE | {"rules", "ingest"}),
    **dict.fromkeys(LAYERS[4], FACES),
    **dict.fromkeys(LAYERS[5], frozenset(LEVEL)),
}

# Libraries that belong to one part, or to a few.
HOMES: Final[Mapping[str, frozenset[str]]] = {
    "klein": frozenset({"web"}),
    "werkzeug": frozenset({"web"}),
    "twisted.web": frozenset({"web"}),
    "prometheus_client": frozenset({"observe"}),
    "txredisapi": frozenset({"stores"}),
    "PIL": frozenset({"library"}),
    "twisted.internet.reactor": frozenset({"tap", "workers", "cli"}),
}
# The first two layers know no event loop, no network and no other program.
PURE: Final = frozenset({*LAYERS[0], *LAYERS[1]})
NOT_PURE: Final = ("twisted", "asyncio", "selectors", "socket", "subprocess")
BASE_LIBRARIES: Final = frozenset({*sys.stdlib_module_names, "attr", "attrs", PACKAGE})

SAYS_NOTHING: Final = ("Manager", "Handler", "Processor", "Engine", "Helper", "Helpers", "Utils")


@attrs.frozen
class Source:
    """A module of the package: its path below the checkout, and its text."""

    path: pathlib.PurePath
    text: str

    @property
    def tree(self) -> ast.Module:
        """The module, parsed."""
        return ast.parse(self.text, str(self.path))

    @property
    def module(self) -> tuple[str, ...]:
        """The import name, in parts."""
        parts = self.path.with_suffix("").parts
        return parts[:-1] if parts[-1] == "__init__" else parts

    @property
    def part(self) -> str:
        """The part of the table that it belongs to; empty for the package itself."""
        return self.module[1] if len(self.module) > 1 else ""


@attrs.frozen
class Import:
    """One name that a module imports, absolute: ``hmacfs.base.errors`` or ``twisted.web.http``."""

    name: str
    line: int


def read_sources(root: pathlib.Path) -> tuple[Source, ...]:
    """Return every module of the package."""
    return tuple(
        Source(path.relative_to(root), path.read_text(encoding="utf-8"))
        for path in sorted((root / PACKAGE).rglob("*.py"))
    )


def imports(source: Source) -> Iterator[Import]:
    """Yield what a module imports anywhere, also inside functions and under TYPE_CHECKING."""
    package = source.module if source.path.name == "__init__.py" else source.module[:-1]
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            origin = ".".join([*above, *filter(None, [node.module])])
            yield from (Import(f"{origin}.{alias.name}", node.lineno) for alias in node.names)


def is_below(name: str, parent: str) -> bool:
    """Whether a dotted name is another, or lies in it."""
    return f"{name}.".startswith(f"{parent}.")


def direction_faults(sources: Iterable[Source]) -> list[str]:
    """Return the imports of our own modules that the table does not allow."""
    faults = []
    for source in sources:
        if source.part and source.part not in LEVEL:
            faults.append(f"{source.path}: {source.part} is no part of the table of layers")
            continue
        allowed = MAY_IMPORT.get(source.part, frozenset())
        for found in imports(source):
            _, _, inner = found.name.partition(f"{PACKAGE}.")
            if not is_below(found.name, PACKAGE) or is_below(inner, source.part):
                continue
            if not any(is_below(inner, part) for part in allowed):
                faults.append(f"{source.path}:{found.line}: {source.part} imports {found.name}")
    return faults


def library_faults(sources: Iterable[Source]) -> list[str]:
    """Return the imports of libraries outside the part that they belong to."""
    faults = []
    for source in sources:
        for found in imports(source):
            strangers = [
                library
                for library, homes in HOMES.items()
                if is_below(found.name, library) and source.part not in homes
            ]
            if source.part in PURE:
                strangers += [library for library in NOT_PURE if is_below(found.name, library)]
            if source.part == "base" and found.name.partition(".")[0] not in BASE_LIBRARIES:
                strangers.append(found.name)
            faults += [
                f"{source.path}:{found.line}: {library} does not belong in {source.part}"
                for library in strangers
            ]
    return faults


def name_faults(sources: Iterable[Source]) -> list[str]:
    """Return the classes whose names say nothing."""
    return [
        f"{source.path}:{node.lineno}: {node.name} says nothing by its last word"
        for source in sources
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ClassDef) and node.name.endswith(SAYS_NOTHING)
    ]


def init_faults(sources: Iterable[Source]) -> list[str]:
    """Return the ``__init__.py`` that hold anything but a docstring."""
    faults = []
    for source in sources:
        if source.path.name != "__init__.py":
            continue
        tree = source.tree
        if len(tree.body) != 1 or ast.get_docstring(tree) is None:
            faults.append(f"{source.path}: holds more, or less, than a docstring")
    return faults


def length_faults(sources: Sequence[Source]) -> list[str]:
    """Return what is too long: a module, or the middle one of all modules."""
    lengths = {s.path: len(s.text.splitlines()) for s in sources if s.path.name != "__init__.py"}
    faults = [
        f"{path}: {length} lines; {LONGEST_MODULE} is the most"
        for path, length in lengths.items()
        if length > LONGEST_MODULE
    ]
    if lengths and (median := statistics.median(lengths.values())) > MEDIAN_MODULE:
        faults.append(f"the median module has {median:.0f} lines; {MEDIAN_MODULE} is the most")
    return faults
