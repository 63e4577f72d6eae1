r"""
Records that hang together: each ends with a SHA-256 over the one before it and itself.

The hash of a record is that of the 64 hexadecimal digits of the record before
it, and of its own bytes up to its hash.  So nothing in the middle can be
changed, left out or put in without the next record showing it.  What nobody can
see from the records alone is that all of them were written anew, or that the
last are missing: for that a :class:`Head` has to be kept elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Final

from attrs import frozen

Facts = Mapping[str, str | int]
"""What a record tells, in its order: ``time`` and ``event`` first."""

GENESIS: Final = "0" * 64
"""What the first record of all has before it."""

LONGEST: Final = 1024 * 1024
"""Bytes of the longest line that can be a record."""

PREVIOUS: Final = "previous"
"""A fact of the first record of a file: the hash of the last one before it."""

TORN_SHA256: Final = "torn_sha256"
"""A fact of a record that stands behind one that was cut short: its digest."""

EVENT: Final = "audit"
"""What records are called that the log has of itself, in which no stranger's word is."""

_JSON: Final = re.compile(rb'(\{"seq":(\d{1,18}),.*),"hash":"([0-9a-f]{64})"\}', re.DOTALL)
_TEXT: Final = re.compile(rb"((\d{1,18}) .*) hash=([0-9a-f]{64})", re.DOTALL)
_OF_ITSELF: Final = re.compile(rb'\{"seq":\d+,"time":"[^"]*","event":"audit",|\d+ \S+ audit ')
_CUT: Final = re.compile(rb"\0*(?:|\{|\{\"(?:|s|se|seq|seq\"|seq\":.*)|\d{1,18}(?: .*)?)")
_TIME: Final = re.compile(rb'(?:\{"seq":\d+,"time":"|\d+ )([0-9T:.-]+Z)')
_BARE: Final = re.compile(r"[\w./:@+*-]+", re.ASCII)


@frozen
class Head:
    """
    A place in the chain, written as ``17:0a1b…``.

    :ivar seq: the number of the record, from 1.
    :ivar hash: its hash, in hexadecimal.
    """

    seq: int
    hash: str

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"

    @classmethod
    def parse(cls, text: str) -> Head:
        """
        Read one.

        :raises ValueError: if it is none.
        """
        found = re.fullmatch(r"(\d{1,18}):([0-9a-f]{64})", text.strip().lower())
        if found is None:
            raise ValueError(f"{text!r} is no number and hash of a record, such as 17:0a1b…")
        return cls(int(found[1]), found[2])


START: Final = Head(0, GENESIS)
"""Before the first record."""


@frozen
class Record:
    """
    A line that has the form of a record, whether it is genuine or not.

    :ivar body: what its hash covers.
    :ivar hash: the hash that it ends with.
    """

    seq: int
    body: bytes
    hash: str

    @classmethod
    def parse(cls, line: bytes) -> Record | None:
        """Read a line, without its end."""
        found = _JSON.fullmatch(line) or _TEXT.fullmatch(line)
        return found and cls(int(found[2]), found[1], found[3].decode())

    @property
    def head(self) -> Head:
        """Its place in the chain."""
        return Head(self.seq, self.hash)

    @property
    def time(self) -> str:
        """When that was, as it is written; empty if that cannot be told."""
        found = _TIME.match(self.body)
        return found[1].decode() if found else ""

    def digest_of(self, name: str) -> str | None:
        """Tell the digest that is this fact of what the log tells of itself, if it has it."""
        if not _OF_ITSELF.match(self.body):
            return None
        fact = name.encode()
        found = re.search(rb'(?:,"%b":"| %b=)([0-9a-f]{64})' % (fact, fact), self.body)
        return found and found[1].decode()

    def follows(self, previous: str) -> bool:
        """Tell whether its hash is the right one behind a record of that hash."""
        return self.hash == _hash(previous, self.body)


def begins_with_record(line: bytes) -> bool:
    """Tell whether a line has all of a record, and more."""
    return bool(_JSON.match(line) or _TEXT.match(line))


def looks_cut(rest: bytes) -> bool:
    """Tell whether bytes are such as a crash leaves behind the last record: beginnings of some."""
    return rest != b"" and all(_CUT.fullmatch(piece) for piece in rest.split(b"\n"))


def sealed(facts: Facts, before: Head, *, text: bool) -> tuple[bytes, Head]:
    """
    Write a record, with the end of its line, and tell its place.

    :param text: whether as text, else as JSON.
    """
    seq = before.seq + 1
    body = _text_body(seq, facts) if text else _json_body(seq, facts)
    head = Head(seq, _hash(before.hash, body))
    end = f" hash={head.hash}\n" if text else f',"hash":"{head.hash}"}}\n'
    return body + end.encode(), head


def _hash(previous: str, body: bytes) -> str:
    return hashlib.sha256(previous.encode() + body).hexdigest()


def _json_body(seq: int, facts: Facts) -> bytes:
    document = json.dumps({"seq": seq, **facts}, ensure_ascii=False, separators=(",", ":"))
    return _shown(document[:-1])


def _text_body(seq: int, facts: Facts) -> bytes:
    rest = dict(facts)
    words = [str(seq), str(rest.pop("time")), str(rest.pop("event"))]
    words += [f"{name}={_word(value)}" for name, value in rest.items()]
    return _shown(" ".join(words))


def _word(value: str | int) -> str:
    text = str(value)
    return text if _BARE.fullmatch(text) else json.dumps(text, ensure_ascii=False)


def _shown(text: str) -> bytes:
    # Strangers choose names; what a terminal would obey or not show is an escape, as in JSON.
    if not text.isprintable():
        text = "".join(sign if sign.isprintable() else json.dumps(sign)[1:-1] for sign in text)
    return text.encode("utf-8", "backslashreplace")
