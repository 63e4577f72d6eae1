"""Tests of hmacfs.config.outline."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.config.outline import Entry, Header, outline

TEXT = """\
# about the file

top = 1 # behind
[server]   # header
# over a
a = [ # inside
  1,
]

# over auth
[admin.auth]
token = "x"
sec = { a = 1, b = "2" }
kept = { c = 3 }
[[many]]
n = 1
[[many]]
n = 2
# the end
"""


class OutlineTests(SynchronousTestCase):
    """Tests of outline."""

    def test_parts(self) -> None:
        """Every header and entry has the comments over and behind it."""
        found = outline(TEXT, frozenset({("admin", "auth", "kept")}))
        self.assertEqual(
            found.parts,
            (
                Entry(("top",), ("# about the file", ""), "1", " # behind"),
                Header(("server",), (), "   # header"),
                Entry(("server", "a"), ("# over a",), "[ # inside\n  1,\n]", ""),
                Header(("admin", "auth"), ("", "# over auth"), ""),
                Entry(("admin", "auth", "token"), (), '"x"', ""),
                Header(("admin", "auth", "sec"), (), ""),
                Entry(("admin", "auth", "sec", "a"), (), "1", ""),
                Entry(("admin", "auth", "sec", "b"), (), '"2"', ""),
                Entry(("admin", "auth", "kept"), (), "{ c = 3 }", ""),
                Entry(("many",), (), "[{n = 1}, {n = 2}]", ""),
            ),
        )
        self.assertEqual(found.below, ("# the end",))

    def test_sections_in_pieces(self) -> None:
        """A section that is in two places is there twice."""
        found = outline("[a.b]\nx = 1\n[c]\n[a.d]\ny = 1\n", frozenset())
        self.assertEqual(
            [part.path for part in found.parts],
            [("a", "b"), ("a", "b", "x"), ("c",), ("a", "d"), ("a", "d", "y")],
        )

    def test_no_secret_in_repr(self) -> None:
        """The text of a value is not shown by accident."""
        self.assertNotIn("s3kr1t", repr(outline("Secret = 's3kr1t'", frozenset())))
