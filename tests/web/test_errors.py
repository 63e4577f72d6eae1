"""Tests of hmacfs.web.errors."""

from __future__ import annotations

import json
from collections.abc import Iterator

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base import errors
from hmacfs.base.errors import Refusal
from hmacfs.web.errors import STATUS, body_of, body_of_incident, headers_of, status_of

BEARER = 'Bearer realm="x"'


def kinds(kind: type[Refusal] = Refusal) -> Iterator[type[Refusal]]:
    """Yield every refusal of the server."""
    for below in kind.__subclasses__():
        if below.__module__ == errors.__name__:
            yield below
        yield from kinds(below)


class TableTests(SynchronousTestCase):
    """The table of statuses."""

    def test_complete(self) -> None:
        """Every refusal has a status, which is one of an error, and a code of its own."""
        self.assertEqual(set(kinds()), set(STATUS))
        self.assertTrue(all(400 <= status < 600 for status in STATUS.values()))
        codes = [kind.code for kind in STATUS]
        self.assertEqual(len(set(codes)), len(codes))


class ChallengeTests(SynchronousTestCase):
    """Clients that can be asked for a credential, and others."""

    def test_credentials(self) -> None:
        """What is wrong with a credential is 401 with a challenge, or 403 where there is none."""
        for refusal in (
            errors.SignatureMissing("x"),
            errors.SignatureWrong("x"),
            errors.SignatureExpired("x"),
            errors.SignatureNotYetValid("x"),
            errors.TokenRefused("x"),
        ):
            self.assertEqual(status_of(refusal, BEARER), 401)
            self.assertEqual(headers_of(refusal, BEARER), {"WWW-Authenticate": BEARER})
            self.assertEqual((status_of(refusal), headers_of(refusal)), (403, {}))

    def test_scope(self) -> None:
        """A scope that is missing is 403, and says so in the challenge (RFC 6750, 3.1)."""
        refusal = errors.ScopeMissing("x", scope="delete")
        self.assertEqual(status_of(refusal, BEARER), 403)
        self.assertEqual(headers_of(refusal, BEARER), {"WWW-Authenticate": BEARER})

    def test_others(self) -> None:
        """What has nothing to do with a credential asks for none."""
        refusal = errors.TooLarge("x", limit=5, retry_after=10)
        self.assertEqual(status_of(refusal, BEARER), 413)
        self.assertEqual(headers_of(refusal, BEARER), {"Retry-After": "10"})


class BodyTests(SynchronousTestCase):
    """What is said."""

    def test_problem(self) -> None:
        """A problem document has the facts of the refusal, and the status of the answer."""
        refusal = errors.SignatureWrong("no", limit=5)
        kind, body = body_of(refusal, problem=True, challenge=BEARER)
        self.assertEqual(kind, "application/problem+json")
        self.assertEqual(
            json.loads(body),
            {
                "type": "urn:hmac-file-server:problem:signature-wrong",
                "title": "Unauthorized",
                "status": 401,
                "detail": "no",
                "limit": 5,
            },
        )

    def test_text(self) -> None:
        """A sentence is all that others get."""
        refusal = errors.SignatureWrong("no", limit=5)
        self.assertEqual(body_of(refusal, problem=False), ("text/plain; charset=utf-8", b"no\n"))

    def test_incident(self) -> None:
        """Of what nobody foresaw the id is told, in either form."""
        _, text = body_of_incident("1a2b", problem=False)
        self.assertIn(b"1a2b", text)
        kind, document = body_of_incident("1a2b", problem=True)
        self.assertEqual(kind, "application/problem+json")
        self.assertEqual(json.loads(document)["incident"], "1a2b")
        self.assertEqual(json.loads(document)["status"], 500)
