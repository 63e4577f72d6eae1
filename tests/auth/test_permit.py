"""Permits: what a credential allows, and what it does not."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.auth.permit import Once, Permit, Scope, flat_name
from hmacfs.base.errors import (
    LengthRequired,
    NameRefused,
    NotCovered,
    ScopeMissing,
    SizeMismatch,
)
from hmacfs.base.names import StoredName
from hmacfs.base.values import Grant

NAME = StoredName.parse(b"slot/file.txt")
OTHER = StoredName.parse(b"slot/other.txt")


class GrantTests(SynchronousTestCase):
    """``Permit.grant``."""

    def test_open(self) -> None:
        """A permit without bounds grants what is announced."""
        grant = Permit("x", owner="alice").grant(NAME, 5, "text/plain")
        self.assertEqual(Grant(NAME, 5, "text/plain", "x", owner="alice"), grant)

    def test_bound(self) -> None:
        """A permit with bounds grants what keeps them, with the type that it names."""
        permit = Permit(
            "x", name=NAME, size=5, content_type="text/plain; a=b", file_expires_at=99.0
        )
        grant = permit.grant(NAME, 5, "TEXT/plain")
        self.assertEqual(Grant(NAME, 5, "text/plain; a=b", "x", expires_at=99.0), grant)

    def test_unannounced(self) -> None:
        """What the request does not tell is what the permit says, or the default type."""
        grant = Permit("x", size=0, content_type="a/b").grant(NAME, None, None)
        self.assertEqual((0, "a/b"), (grant.size, grant.content_type))
        self.assertEqual("application/octet-stream", Permit("x").grant(NAME, 5, None).content_type)

    def test_other_name(self) -> None:
        """A permit for one file is none for another."""
        self.assertRaises(NotCovered, Permit("x", name=NAME).grant, OTHER, 5, None)

    def test_other_folder(self) -> None:
        """A permit for a file name leaves the folder to the server, and not the name."""
        permit = Permit("x", filename="file.txt")
        self.assertEqual(NAME, permit.grant(NAME, 5, None).name)
        self.assertRaises(NotCovered, permit.grant, OTHER, 5, None)

    def test_other_size(self) -> None:
        """Another size is refused, and the refusal tells both."""
        refusal = self.assertRaises(SizeMismatch, Permit("x", size=5).grant, NAME, 6, None)
        self.assertEqual({"expected": 5, "received": 6}, refusal.facts)
        self.assertRaises(SizeMismatch, Permit("x", size=0).grant, NAME, 1, None)

    def test_no_size(self) -> None:
        """A size that nobody tells is required."""
        self.assertRaises(LengthRequired, Permit("x").grant, NAME, None, None)

    def test_other_type(self) -> None:
        """Another type than the signed one is refused, also where the type is not declared so."""
        permit = Permit("x", content_type="image/png")
        self.assertRaises(NotCovered, permit.grant, NAME, 5, "image/gif")
        self.assertRaises(NotCovered, permit.grant, NAME, 5, "application/octet-stream")

    def test_scope(self) -> None:
        """Without the scope for uploads there is no grant, and the refusal names the scope."""
        permit = Permit("x", scopes=frozenset({Scope.DOWNLOAD, Scope.ADMIN}))
        refusal = self.assertRaises(ScopeMissing, permit.grant, NAME, 5, None)
        self.assertEqual({"scope": "upload"}, refusal.facts)


class TypeTests(SynchronousTestCase):
    """``Permit.check_type``."""

    def allows(self, patterns: tuple[str, ...], content_type: str) -> bool:
        """Tell whether a permit with these patterns allows a type."""
        try:
            Permit("x", allowed_types=patterns).check_type(content_type)
        except NotCovered:
            return False
        return True

    def test_patterns(self) -> None:
        """A star stands for anything; parameters and case of the type do not count."""
        self.assertTrue(self.allows(("image/*", "application/pdf"), "image/png"))
        self.assertTrue(self.allows(("image/*", "application/pdf"), "Application/PDF; x=y"))
        self.assertTrue(self.allows(("*/*",), "a/b"))
        self.assertTrue(self.allows(("*",), "a/b"))
        self.assertFalse(self.allows(("image/*",), "video/png"))
        self.assertFalse(self.allows(("image/*",), "text/image/png"))
        self.assertFalse(self.allows(("application/pdf",), "application/pdfx"))

    def test_nothing(self) -> None:
        """An empty list allows nothing; no list allows everything."""
        self.assertFalse(self.allows((), "image/png"))
        Permit("x").check_type("image/png")

    def test_grant(self) -> None:
        """A grant needs a type that is allowed; an undeclared one is application/octet-stream."""
        permit = Permit("x", allowed_types=("image/*",))
        self.assertEqual("image/png", permit.grant(NAME, 5, "image/png").content_type)
        self.assertRaises(NotCovered, permit.grant, NAME, 5, "text/html")
        self.assertRaises(NotCovered, permit.grant, NAME, 5, None)


class DeleteTests(SynchronousTestCase):
    """``Permit.check_delete``."""

    def test_own(self) -> None:
        """Who may delete may delete what is his own, and nothing else."""
        permit = Permit("x", frozenset({Scope.DELETE}), owner="alice")
        permit.check_delete("alice")
        self.assertRaises(NotCovered, permit.check_delete, "bob")
        self.assertRaises(NotCovered, permit.check_delete, None)

    def test_nobody(self) -> None:
        """A credential without an owner does not own the files that have none."""
        permit = Permit("x", frozenset({Scope.DELETE}))
        self.assertRaises(NotCovered, permit.check_delete, None)

    def test_scope(self) -> None:
        """Without the scope not even one's own files can be deleted."""
        permit = Permit("x", frozenset({Scope.UPLOAD, Scope.DOWNLOAD}), owner="alice")
        refusal = self.assertRaises(ScopeMissing, permit.check_delete, "alice")
        self.assertEqual({"scope": "delete"}, refusal.facts)

    def test_admin(self) -> None:
        """An administrator deletes anybody's files."""
        permit = Permit("x", frozenset({Scope.ADMIN}), owner="root")
        permit.check_delete("alice")
        permit.check_delete(None)

    def test_one_file(self) -> None:
        """A credential for one file deletes it, whoever owns it, and no other."""
        permit = Permit("x", frozenset({Scope.DELETE}), name=NAME)
        permit.check_name(NAME)
        permit.check_delete("alice")
        self.assertRaises(NotCovered, permit.check_name, OTHER)


class FlatNameTests(SynchronousTestCase):
    """``flat_name``."""

    def test_name(self) -> None:
        """A file name is a stored name of one segment."""
        self.assertEqual(("bücher.txt",), flat_name("bücher.txt").segments)

    def test_no_path(self) -> None:
        """Paths, empty names, the server's own and what is no Unicode are refused."""
        for name in ("a/b", "/a", "..", "", ".hmacfs", "a\0b", "\ud800", "x" * 256):
            self.assertRaises(NameRefused, flat_name, name)


class OnceTests(SynchronousTestCase):
    """``Once``."""

    def test_keys_differ(self) -> None:
        """The same token under another scheme is another key."""
        keys = {Once.of(*words, until=1.0).key for words in (("a", "b"), ("b", "b"), ("a", "c"))}
        self.assertEqual(3, len(keys))

    def test_tells_nothing(self) -> None:
        """The key does not show the signature that it stands for."""
        once = Once.of("v1", "c0ffee" * 10, 1.0)
        self.assertEqual(64, len(once.key))
        self.assertNotIn("c0ffee", repr(once))
