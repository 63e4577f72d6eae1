"""Signed messages: none of one scheme is one of another, whatever fields are chosen."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.auth import header_v1, header_v2, joined, link, mac, query
from hmacfs.auth.permit import flat_name
from hmacfs.base.errors import NameRefused, SignatureAmbiguous
from hmacfs.base.names import StoredName
from tests.auth.scheme_suite import PROPERTY, UPLOAD_ID

URIS = ("/api/v2/upload", "/api/v3/upload", "/api/v3/chunk/1?session=abc")
TIMESTAMP = 1800000000
FRAGMENTS = (
    "a",
    " ",
    "/",
    "5",
    "12",
    ".mp4",
    "image/png",
    "text/x; y",
    "\0",
    "GET",
    "-",
    UPLOAD_ID,
)
FRAGMENTS_OF_MESSAGES = (*FRAGMENTS, "1800000000", "ab" * 32, "POST/api/v2/upload", "; 5")

KINDS = ("text/plain", "image/png; x", "text/x; ", "Text/x")

TEXTS = st.lists(st.sampled_from(FRAGMENTS_OF_MESSAGES), min_size=1, max_size=6).map("".join)
SIZES = st.integers(0, 10**12)
IDS = st.sampled_from((UPLOAD_ID, "12345678-1234-1234-1234-123456789012"))


def is_flat(name: str) -> bool:
    """Tell whether a text can be a file name without a path."""
    try:
        flat_name(name)
    except NameRefused:
        return False
    return True


def is_path(path: bytes) -> bool:
    """Tell whether some bytes can be a stored name."""
    try:
        StoredName.parse(path)
    except NameRefused:
        return False
    return True


def name_and_size(text: str) -> bool:
    """Tell whether a text is a name and a size that are accepted together."""
    return any(_takes_size(text[:end], text[end:]) for end in range(1, len(text)))


def _takes_size(name: str, size: str) -> bool:
    if re.fullmatch("0|[1-9][0-9]*", size) is None or not is_flat(name):
        return False
    try:
        joined.check_name_and_size(name, int(size))
    except SignatureAmbiguous:
        return False
    return True


def name_and_type(text: str) -> bool:
    """Tell whether a text is a name and a type that are accepted together."""
    return any(_takes_type(text[:end], text[end:]) for end in range(1, len(text)))


def _takes_type(name: str, kind: str) -> bool:
    try:
        joined.check_name_and_type(name, kind)
    except SignatureAmbiguous:
        return False
    return is_flat(name)


def readings(message: bytes) -> Iterator[str]:
    """Tell as the message of which schemes some bytes would be accepted."""
    text = message.decode()
    v = re.fullmatch(rb"(.*) (0|[1-9][0-9]*)", message, re.DOTALL)
    if v and is_path(v[1]):
        yield "v"
    v2 = re.fullmatch(rb"([^\0]*)\0(0|[1-9][0-9]*)\0(.*)", message, re.DOTALL)
    if v2 and is_path(v2[1]) and v2[1] != mac.LINK_PATH:
        yield "v2"
    if v2 and v2[1] == mac.LINK_PATH and is_path(v2[3]):
        yield "get"
    end = re.search(r"[0-9]{10}[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z", text)
    if end and name_and_size(text[: end.start()]):
        yield "query"
    if re.search(r"[0-9]{10}\Z", text) and name_and_type(text[:-10]):
        yield "v1"
    for uri in URIS:
        start = f"POST{re.escape(uri)}[0-9]{{10}}[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}"
        if found := re.match(start, text):
            content = text[found.end() :]
            # One text may be both, and is then taken for a hash alone.
            if re.fullmatch("[0-9A-Fa-f]{64}", content) or name_and_size(content):
                yield "v2-header"


class MessageTests(SynchronousTestCase):
    """What is accepted as the message of one scheme is not accepted as that of another."""

    def assert_one(self, message: bytes) -> None:
        """Fail if a message is accepted by more than one scheme."""
        schemes = set(readings(message))
        self.assertLessEqual(len(schemes), 1, schemes)

    def test_readings(self) -> None:
        """The readings that the properties rely on find each scheme's own message."""
        messages = {
            "v": mac.message_v(b"a/b.txt", 5, ""),
            "v2": mac.message_v2(b"a/b.txt", 5, "text/plain"),
            "get": link.message(b"a/b.txt", 5),
            "query": query.message("b.txt", 5, TIMESTAMP, UPLOAD_ID),
            "v1": header_v1.message("b.txt", "text/plain", TIMESTAMP),
            "v2-header": header_v2.message("POST", URIS[0], TIMESTAMP, UPLOAD_ID, "b.txt5"),
        }
        for scheme, message in messages.items():
            self.assertEqual([scheme], list(readings(message)))

    @PROPERTY
    @given(TEXTS, SIZES)
    def test_v(self, path: str, size: int) -> None:
        """``v``."""
        self.assert_one(mac.message_v(path.encode(), size, ""))

    @PROPERTY
    @given(TEXTS, SIZES, TEXTS)
    @example("GET", TIMESTAMP, "a/b")
    def test_v2(self, path: str, size: int, kind: str) -> None:
        """``v2`` and ``token``."""
        self.assert_one(mac.message_v2(path.encode(), size, kind))

    @PROPERTY
    @given(TEXTS, SIZES)
    def test_link(self, path: str, expires: int) -> None:
        """Download links."""
        self.assert_one(link.message(path.encode(), expires))

    @PROPERTY
    @given(TEXTS, SIZES, IDS)
    def test_query(self, name: str, size: int, upload_id: str) -> None:
        """The query signature."""
        self.assert_one(query.message(name, size, TIMESTAMP, upload_id))

    @PROPERTY
    @given(TEXTS, st.sampled_from(KINDS), TEXTS)
    @example("a", "text/x", "; 5")
    @example("a", "text/x", "\0005\0a")
    def test_v1(self, name: str, kind: str, more: str) -> None:
        """The V1 header."""
        self.assert_one(header_v1.message(name, kind + more, TIMESTAMP))

    @PROPERTY
    @given(st.sampled_from(URIS), TEXTS, SIZES, IDS)
    @example(URIS[0], "a ", 5, UPLOAD_ID)
    def test_v2_header(self, uri: str, name: str, size: int, upload_id: str) -> None:
        """The V2 header."""
        content = f"{name}{size}"
        message = header_v2.message("POST", uri, TIMESTAMP, upload_id, content)
        self.assert_one(message)
