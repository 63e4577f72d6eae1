"""Claims, read strictly."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.auth.claims import Claims
from hmacfs.base.errors import SignatureExpired, SignatureNotYetValid, TokenRefused
from tests.auth.scheme_suite import PROPERTY

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


def check(now: float, leeway: float = 30.0, **claims: object) -> None:
    """Judge the times of some claims."""
    Claims(claims).check_time(now, leeway)


class TypeTests(SynchronousTestCase):
    """Claims of the wrong type."""

    def test_absent(self) -> None:
        """A claim that is not there is ``None``, whatever its type would be."""
        claims = Claims({})
        told = [claims.time("x"), claims.count("x"), claims.text("x"), claims.texts("x")]
        self.assertEqual([None] * 4, told)
        self.assertNotIn("x", claims)

    def test_null(self) -> None:
        """A claim that is null is there, and wrong."""
        claims = Claims({"x": None})
        self.assertIn("x", claims)
        for read in (claims.time, claims.count, claims.text, claims.texts):
            self.assertRaises(TokenRefused, read, "x")

    def test_time(self) -> None:
        """A time is a number that is a date; infinity and not-a-number are none."""
        self.assertEqual(1.5, Claims({"x": 1.5}).time("x"))
        self.assertEqual(0.0, Claims({"x": 0}).time("x"))
        wrong: tuple[object, ...] = (True, "1", -1, math.inf, math.nan, 1e12, 10**400, [1], {})
        for value in wrong:
            self.assertRaises(TokenRefused, Claims({"x": value}).time, "x")

    def test_count(self) -> None:
        """A number of bytes is whole and not negative."""
        self.assertEqual(0, Claims({"x": 0}).count("x"))
        self.assertEqual(1 << 60, Claims({"x": 1 << 60}).count("x"))
        wrong: tuple[object, ...] = (True, "1", -1, 1.0, 1 << 63, [1])
        for value in wrong:
            self.assertRaises(TokenRefused, Claims({"x": value}).count, "x")

    def test_text(self) -> None:
        """A text has letters of any script, and neither control characters nor half characters."""
        for text in ("alice@example.org", "Bücher 🗎.txt", "a\u202fb\u200dc"):
            self.assertEqual(text, Claims({"x": text}).text("x"))
        wrong: tuple[object, ...] = ("", "a\nb", "a\0", "\ud800", 1, True, ["a"])
        for value in wrong:
            self.assertRaises(TokenRefused, Claims({"x": value}).text, "x")

    def test_texts(self) -> None:
        """A list of texts may be one text."""
        self.assertEqual(("a",), Claims({"x": "a"}).texts("x"))
        self.assertEqual(("a", "b"), Claims({"x": ["a", "b"]}).texts("x"))
        self.assertEqual((), Claims({"x": []}).texts("x"))
        self.assertEqual(100, len(Claims({"x": ["a"] * 100}).texts("x") or ()))
        wrong: tuple[object, ...] = (1, {"a": 1}, ["a", 1], [["a"]], [None], ["a"] * 101)
        for value in wrong:
            self.assertRaises(TokenRefused, Claims({"x": value}).texts, "x")

    @PROPERTY
    @given(ANYTHING)
    def test_anything(self, value: object) -> None:
        """Whatever is claimed is read or refused, never an error of ours."""
        claims = Claims({"x": value})
        for read in (claims.time, claims.count, claims.text, claims.texts):
            try:
                read("x")
            except TokenRefused:
                continue

    def test_repr_tells_nothing(self) -> None:
        """Claims do not show."""
        self.assertNotIn("alice", repr(Claims({"sub": "alice"})))


class TimeTests(SynchronousTestCase):
    """``Claims.check_time``."""

    def test_expiry(self) -> None:
        """A token is void from the second of ``exp`` on, and the leeway later."""
        check(0.5, exp=1000, leeway=0.0)
        check(1029.999, exp=1000)
        for now in (1030.0, 1030.001, math.inf):
            self.assertRaises(SignatureExpired, check, now, exp=1000)
        check(999.999, leeway=0.0, exp=1000)
        self.assertRaises(SignatureExpired, check, 1000.0, leeway=0.0, exp=1000)

    def test_beginning(self) -> None:
        """A token is good from ``nbf`` and ``iat`` on, and the leeway earlier."""
        for name in ("nbf", "iat"):
            check(470.0, exp=1000, **{name: 500})
            self.assertRaises(SignatureNotYetValid, check, 469.9, exp=1000, **{name: 500})

    def test_later_beginning_counts(self) -> None:
        """Of two beginnings the later counts."""
        self.assertRaises(SignatureNotYetValid, check, 400.0, exp=1000, nbf=500, iat=100)
        self.assertRaises(SignatureNotYetValid, check, 400.0, exp=1000, nbf=100, iat=500)

    def test_no_expiry(self) -> None:
        """A token that never expires is refused."""
        self.assertRaises(TokenRefused, check, 100.0, iat=1)

    def test_wrong_types(self) -> None:
        """Times that are none are refused, each of the three."""
        for name in ("exp", "nbf", "iat"):
            claims: dict[str, object] = {"exp": 1000, name: "500"}
            self.assertRaises(TokenRefused, Claims(claims).check_time, 100.0)
