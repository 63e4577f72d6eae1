"""Tests of stores as they are named on a command line."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.cli.command import CommandFailed
from hmacfs.cli.places import Named, parse, password_of
from hmacfs.stores.places import Place


class ParseTests(SynchronousTestCase):
    """What a name says."""

    def test_sqlite(self) -> None:
        """A file is named by its path, absolute or not."""
        for text, path in [
            ("sqlite:index.sqlite", "index.sqlite"),
            ("sqlite:/var/lib/a%20b", "/var/lib/a b"),
            ("sqlite:///var/lib/x", "/var/lib/x"),
        ]:
            self.assertEqual(parse(text, None), Named("sqlite", Path(path), None))

    def test_servers(self) -> None:
        """A server is named by a URL; what is left out is the usual."""
        self.assertEqual(
            parse("postgresql://files@db.example.org:5433/uploads", "s3"),
            Named(
                "postgres",
                None,
                Place("db.example.org", 5433, None, "files", "s3", "uploads"),
            ),
        )
        self.assertEqual(
            parse("mariadb://localhost", None),
            Named("mysql", None, Place("localhost", 3306, None, "hmacfs", "", "hmacfs")),
        )
        self.assertEqual(
            parse("rediss://cache.example.org", None).place,
            Place("cache.example.org", 6379, None, "", "", "0", tls=True),
        )

    def test_query(self) -> None:
        """A socket and TLS are parameters."""
        place = parse("mysql:///files?socket=/run/db.sock&tls=1&ca_file=/etc/ca.pem", None).place
        assert place is not None
        self.assertEqual(
            (place.socket, place.tls, place.ca_file, place.database),
            (Path("/run/db.sock"), True, Path("/etc/ca.pem"), "files"),
        )
        with self.assertRaises(CommandFailed) as caught:
            parse(f"redis://localhost/1?socket=/run/{'x' * 103}", None)
        self.assertIn("has 108 bytes", str(caught.exception))

    def test_prefix(self) -> None:
        """Redis has a beginning of keys, where another than the configured one is wanted."""
        self.assertEqual(parse("redis://localhost/1?prefix=files:", None).prefix, "files:")
        self.assertIsNone(parse("redis://localhost/1", None).prefix)
        with self.assertRaises(CommandFailed) as caught:
            parse("mysql://localhost/x?prefix=files:", None)
        self.assertIn("'prefix' is unknown", str(caught.exception))

    def test_refused(self) -> None:
        """What cannot be a store is named, and a password is not repeated."""
        for text, part in [
            ("oracle://x", "oracle"),
            ("index.sqlite", "no kind of store"),
            ("sqlite:", "path"),
            ("mysql://localhost:99999/x", "port"),
            ("mysql://localhost/x?color=red", "color"),
            ("redis://localhost/files", "no number"),
        ]:
            with self.assertRaises(CommandFailed) as caught:
                parse(text, None)
            self.assertIn(part, str(caught.exception))
        with self.assertRaises(CommandFailed) as caught:
            parse("mysql://u:hunter2@localhost/x", None)
        self.assertIn("HMAC_TO_PASSWORD", str(caught.exception))
        self.assertNotIn("hunter2", str(caught.exception))

    def test_told(self) -> None:
        """A store is told without its password."""
        named = parse("mysql://u@localhost/x", "hunter2")
        self.assertEqual(str(named), "mysql localhost:3306")
        self.assertNotIn("hunter2", repr(named))

    def test_password(self) -> None:
        """The password of each end is in the environment."""
        environ = {"HMAC_FROM_PASSWORD": "a"}
        self.assertEqual(password_of(environ, "FROM"), "a")
        self.assertIsNone(password_of(environ, "TO"))
