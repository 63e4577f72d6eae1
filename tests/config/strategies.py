"""Every hypothesis strategy for configurations."""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from hmacfs.config.kinds import (
    AutoCount,
    Choice,
    Duration,
    FilePath,
    Kind,
    Number,
    OptionalPath,
    Size,
    Switch,
    Text,
    Whole,
)
from hmacfs.config.lists import Boxes, SizeTable
from hmacfs.config.network import (
    Address,
    AddressKind,
    OptionalAddress,
    OptionalIP,
    OptionalURL,
    SocketKind,
)
from hmacfs.config.option import Option
from hmacfs.config.options import SECURITY_SECRET, SERVER_STORAGE_PATH, TABLE
from hmacfs.config.secrets import Password, Secret, is_sample

LINES = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=20)
"""Any text that one line can hold."""

HOSTS = st.sampled_from(("localhost", "files.example.org", "192.0.2.7", "::1", "2001:db8::1"))
ADDRESSES = st.builds(Address, HOSTS | st.just(""), st.integers(1, 65535))
# Paths under a directory that does not exist: what they name is neither file nor directory.
PATHS = LINES.filter(lambda line: "/" not in line and line not in {".", ".."}).map(
    lambda line: pathlib.Path("/nonexistent") / line
)
SECRETS = LINES.filter(lambda line: not is_sample(line) and not line.startswith("${"))

_OF_KIND: dict[type, Callable[[Any], st.SearchStrategy[Any]]] = {
    Switch: lambda kind: st.booleans(),
    Whole: lambda kind: st.integers(kind.minimum, kind.maximum),
    AutoCount: lambda kind: st.none() | st.integers(1, kind.maximum),
    Number: lambda kind: st.floats(kind.minimum, kind.maximum),
    Size: lambda kind: st.integers(kind.minimum, kind.maximum or 2**63 - 1),
    Duration: lambda kind: (
        st.floats(max(kind.minimum, 1e-9), 1e7)
        | st.integers(int(kind.minimum) + 1, 10**9).map(float)
    ),
    Text: lambda kind: (
        st.from_regex(kind.pattern, fullmatch=True).filter(_one_line) if kind.pattern else LINES
    ),
    Choice: lambda kind: st.sampled_from(kind.choices),
    FilePath: lambda kind: PATHS,
    OptionalPath: lambda kind: st.none() | PATHS,
    Boxes: lambda kind: st.lists(
        st.tuples(st.integers(1, 99999), st.integers(1, 99999)), min_size=1, unique=True
    ).map(tuple),
    SizeTable: lambda kind: st.dictionaries(LINES, st.integers(0, 2**63 - 1)).map(
        lambda table: tuple(table.items())
    ),
    AddressKind: lambda kind: ADDRESSES,
    OptionalAddress: lambda kind: st.none() | ADDRESSES,
    SocketKind: lambda kind: PATHS | st.builds(Address, HOSTS, st.integers(1, 65535)),
    OptionalIP: lambda kind: st.just("") | st.ip_addresses().map(str),
    OptionalURL: lambda kind: st.sampled_from(
        ("", "https://files.example.org", "http://[::1]:80/x")
    ),
    Secret: lambda kind: SECRETS,
    Password: lambda kind: SECRETS,
}


def _one_line(text: str) -> bool:
    return text.isprintable()


def values(option: Option[Any]) -> st.SearchStrategy[Any]:
    """Return any value that an option may have."""
    if option is SERVER_STORAGE_PATH:
        # What else has a path may not lie below it.
        return PATHS.map(lambda path: pathlib.Path("/nonexistent files") / path.name)
    return of_kind(option.kind) | st.sampled_from((option.default, option.example))


def of_kind(kind: Kind[Any]) -> st.SearchStrategy[Any]:
    """Return any value of a kind."""
    make = _OF_KIND.get(type(kind))
    if make is not None:
        return make(kind)
    # Lists differ in what their items may be; the examples of the table say it.
    examples = [
        item
        for option in TABLE
        if option.kind is kind
        for item in (*option.default, *option.example)
    ]
    return st.lists(st.sampled_from(examples), unique=True).map(tuple)


def trees() -> st.SearchStrategy[dict[Option[Any], Any]]:
    """Return any set of options and values that makes a whole configuration."""
    free = [option for option in TABLE if option not in TIED]
    chosen = st.lists(st.sampled_from(free), unique=True, max_size=12).flatmap(
        lambda picked: st.fixed_dictionaries({option: values(option) for option in picked})
    )
    return st.builds(lambda tree, secret: {**tree, SECURITY_SECRET: secret}, chosen, SECRETS)


TIED = frozenset(
    option
    for option in TABLE
    # Values that only make sense together are the matter of tests of their own.
    if option.key
    in {
        "server.bind_ip",
        "server.worker_scale_up_thresh",
        "server.worker_scale_down_thresh",
        "server.global_extensions",
        "server.max_file_age",
        "server.filettlenabled",
        "s3.enabled",
        "security.encryption_key_file",
        "admin.enabled",
    }
)
