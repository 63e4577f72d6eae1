"""Tests of hmacfs.web.facts."""

from __future__ import annotations

from typing import Any, cast

from attrs import frozen
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http_headers import Headers

from hmacfs.auth.facts import RequestFacts
from hmacfs.base.errors import MalformedRequest
from hmacfs.web.facts import facts_of
from hmacfs.web.request import StreamingRequest
from hmacfs.wire import target


@frozen
class Body:
    """A body of this length."""

    length: int | None


class Request:
    """What is looked at of a request."""

    method = b"PUT"

    def __init__(self, uri: bytes, headers: dict[str, str], body: Body) -> None:
        self.uri = uri
        self.target = target.parse(uri)
        self.body = body
        self.requestHeaders = Headers(
            {name.encode(): [value.encode()] for name, value in headers.items()}
        )


def facts(uri: str = "/x", length: int | None = 5, **headers: str) -> RequestFacts:
    """Tell the facts of a request; an underscore in the name of a header is a hyphen."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request: Any = Request(uri.encode(), named, Body(length))
    return facts_of(cast(StreamingRequest, request), b"path", 17.0)


class FactsTests(SynchronousTestCase):
    """:func:`facts_of`."""

    def test_request(self) -> None:
        """A door sees method, target and time as they are."""
        found = facts("/a%20b?x=1&y=%2B")
        self.assertEqual((found.method, found.path, found.now), ("PUT", b"path", 17.0))
        self.assertEqual(found.uri, "/a%20b?x=1&y=%2B")
        self.assertEqual(dict(found.parameters), {"x": "1", "y": "+"})

    def test_headers(self) -> None:
        """It sees the headers that signatures know, by lower-case names, and no others."""
        found = facts(Authorization="a", X_Upload_ID="b", X_Upload_Timestamp="c", Cookie="d")
        self.assertEqual(
            dict(found.headers),
            {"authorization": "a", "x-upload-id": "b", "x-upload-timestamp": "c"},
        )

    def test_length(self) -> None:
        """The length is that of the body; if that is not known, what X-File-Size says."""
        self.assertEqual(facts(X_File_Size="9").length, 5)
        self.assertEqual(facts(length=None, X_File_Size="9").length, 9)
        self.assertIsNone(facts(length=None).length)

    def test_no_number(self) -> None:
        """X-File-Size is a number where it is needed."""
        for text in ("", "-1", "+1", "1.5", "1e3", "x", "\u0661", "1" * 19):
            with self.assertRaises(MalformedRequest):
                facts(length=None, X_File_Size=text)
