"""
The file of keys (``security.keys_file``), as pure functions over its text and the time.

The file is TOML, one table a key::

    [[keys]]
    id = "2026-11"
    secret = "…"
    created = 2026-11-20T10:00:00Z
    retire = 2026-12-20T10:00:00Z
    awaited = true

``created`` and ``retire`` may be left out: such a key has always been there, or
never retires.  ``awaited`` is written by the schedule (:mod:`hmacfs.auth.schedule`).
``security.secret`` alone is a ring of one key.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Sequence, Set
from datetime import UTC, datetime

from attrs import evolve

from hmacfs.auth.keyring import Key, Keyring

CONFIG_ID = "config"
"""The id of ``security.secret`` where the file does not list that secret."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NAMES = frozenset({"id", "secret", "created", "retire", "awaited"})


class KeysFileWrong(ValueError):
    """The file of keys cannot be used; the message is a sentence without secrets."""


def parse(text: str) -> tuple[Key, ...]:
    """
    Read a file of keys.

    :raises KeysFileWrong: if it is not one.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise KeysFileWrong(f"the file of keys is not TOML: {error}") from None
    strangers = sorted(set(tables) - {"keys"})
    if strangers:
        raise KeysFileWrong(f"the file of keys has {strangers[0]!r}, where only [[keys]] belong")
    listed = tables.get("keys", [])
    if not isinstance(listed, list) or not all(isinstance(table, dict) for table in listed):
        raise KeysFileWrong("'keys' is not a list of tables: write [[keys]] before each key")
    keys = tuple(_key(table, f"key {number}") for number, table in enumerate(listed, 1))
    _check_distinct(keys)
    return keys


def _key(table: dict[str, object], which: str) -> Key:
    name, secret = table.get("id"), table.get("secret")
    if not isinstance(name, str) or _ID.fullmatch(name) is None:
        raise KeysFileWrong(f"{which} has no 'id' of letters, digits and . _ : -")
    if not isinstance(secret, str) or not secret or _CONTROL.search(secret):
        raise KeysFileWrong(f"the key {name!r} has no 'secret', or one with control characters")
    strangers = sorted(set(table) - _NAMES)
    if strangers:
        raise KeysFileWrong(f"the key {name!r} has {strangers[0]!r}, which no key has")
    created, retire = _time(table, "created", name), _time(table, "retire", name)
    if created is not None and retire is not None and retire < created:
        raise KeysFileWrong(f"the key {name!r} retires before it is created")
    awaited = table.get("awaited", False)
    if not isinstance(awaited, bool):
        raise KeysFileWrong(f"'awaited' of the key {name!r} is neither true nor false")
    return Key(name, secret.encode(), -math.inf if created is None else created, retire, awaited)


def _time(table: dict[str, object], field: str, name: str) -> float | None:
    value = table.get(field)
    if value is None:
        return None
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.timestamp()
    raise KeysFileWrong(f"{field!r} of the key {name!r} is not a date and time with its offset")


def _check_distinct(keys: Sequence[Key]) -> None:
    if len({key.id for key in keys}) < len(keys):
        raise KeysFileWrong("two keys have the same id")
    if len({key.secret for key in keys}) < len(keys):
        raise KeysFileWrong("two keys have the same secret")


def render(ring: Keyring) -> str:
    """Write a file of keys; times are kept to the microsecond."""
    # A server only reads.
    import tomlkit

    tables = tomlkit.aot()
    for key in ring.keys:
        table = tomlkit.table()
        table["id"] = key.id
        table["secret"] = key.secret.decode()
        if math.isfinite(key.created):
            table["created"] = datetime.fromtimestamp(key.created, UTC)
        if key.retire is not None:
            table["retire"] = datetime.fromtimestamp(key.retire, UTC)
        if key.awaited:
            table["awaited"] = True
        tables.append(table)
    document = tomlkit.document()
    document["keys"] = tables
    return tomlkit.dumps(document)


def merged(secret: str, keys: Sequence[Key]) -> Keyring:
    """
    Make the ring of the configuration's secret and the keys of the file.

    A secret that the file lists has the life that the file gives it, so that
    it can be retired; one that it does not list has always been there.

    :param secret: may be empty where there is a file.
    :raises KeysFileWrong: if there is no key at all.
    """
    if not secret or secret.encode() in {key.secret for key in keys}:
        ring = tuple(keys)
    else:
        ring = (*keys, Key(_free_id({key.id for key in keys}), secret.encode()))
    if not ring:
        raise KeysFileWrong("there is neither a secret nor a key in the file of keys")
    return Keyring(ring)


def _free_id(taken: Set[str]) -> str:
    # A file that lists an earlier secret of the configuration has it by that name.
    names = (CONFIG_ID, *(f"{CONFIG_ID}-{number}" for number in range(2, len(taken) + 3)))
    return next(name for name in names if name not in taken)


def rotated(ring: Keyring, fresh: Key, overlap: float) -> Keyring:
    """
    Put a new key in use; all others retire after a time in which both are good.

    :param fresh: the new key; it signs from when it is created.
    :param overlap: that time in seconds from then.
    :raises KeysFileWrong: if its id or secret are taken.
    """
    end = fresh.created + overlap
    others = tuple(
        key if key.retire is not None and key.retire <= end else evolve(key, retire=end)
        for key in ring.keys
    )
    _check_distinct((fresh, *others))
    return Keyring((fresh, *others))


def retired(ring: Keyring, name: str, when: float) -> Keyring:
    """
    Retire one key.

    :param when: in seconds since the epoch; never later than it would have retired.
    :raises KeysFileWrong: if there is no such key, or no other would be left
        that is in use then.
    """
    if name not in {key.id for key in ring.keys}:
        raise KeysFileWrong(f"there is no key {name!r}")
    keys = tuple(
        evolve(key, retire=when if key.retire is None else min(key.retire, when))
        if key.id == name
        else key
        for key in ring.keys
    )
    if all(key.is_retired(when) or key.created > when for key in keys):
        raise KeysFileWrong(f"without the key {name!r} none would be left; rotate first")
    return Keyring(keys)
