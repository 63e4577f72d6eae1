"""What the tests with real servers need is installed where it may be, and named where not."""

from __future__ import annotations

import contextlib
import io
import os
import pathlib
import threading

from twisted.trial.unittest import SynchronousTestCase

from tests import apt

# Stand-ins for apt-get and dpkg-query that keep the names of installed packages as files.
APT_GET = """\
echo "$@" >>calls
[ "$1" = install ] || exit 0
shift
for word; do
    case $word in -*|*=*) continue ;; esac
    [ "$word" != no-such ] || { echo "E: Unable to locate package no-such"; exit 100; }
done
for word; do
    case $word in -*|*=*) continue ;; esac
    : >"package-$word"
done
"""
DPKG_QUERY = r"""
for file in package-*; do
    [ -s "$file" ] || [ ! -e "$file" ] || printf 'installed\t%s, \n' "${file#package-}"
    [ ! -s "$file" ] || printf '%s\n' "$(cat "$file")"
done
"""


class AptTests(SynchronousTestCase):
    """``install``, with stand-ins for Debian's commands."""

    def setUp(self) -> None:
        self.directory = pathlib.Path(self.mktemp()).resolve()
        self.directory.mkdir()
        for name, script in (("apt-get", APT_GET), ("dpkg-query", DPKG_QUERY)):
            command = self.directory / name
            command.write_text(f"#!/bin/sh\ncd {self.directory}\n{script}", encoding="ascii")
            command.chmod(0o755)
        self.patch(os, "environ", {"PATH": os.fspath(self.directory)})
        self.patch(os, "geteuid", lambda: 0)
        self.patch(apt, "LOCK", self.directory / "lock")
        self.said = io.StringIO()
        self.enterContext(contextlib.redirect_stdout(self.said))

    def has(self, package: str) -> None:
        """Let a package be installed already."""
        (self.directory / f"package-{package}").touch()

    def called(self) -> bool:
        """Whether apt-get was called."""
        return (self.directory / "calls").exists()

    def test_nothing_wanted(self) -> None:
        """What is there is not installed again, nor spoken of."""
        self.has("curl")
        self.assertEqual((), apt.install(["curl"]))
        self.assertFalse(self.called())
        self.assertEqual("", self.said.getvalue())

    def test_installs(self) -> None:
        """Only what is missing is installed."""
        self.has("curl")
        self.assertEqual((), apt.install(["curl", "prosody"]))
        calls = (self.directory / "calls").read_text(encoding="ascii")
        self.assertIn(" prosody\n", calls)
        self.assertNotIn("curl", calls)

    def test_listed(self) -> None:
        """What several lists name is installed by one of two that want to."""
        lists = []
        for number, text in enumerate(("curl\n", "curl # too\nprosody\n")):
            lists.append(self.directory / str(number))
            lists[-1].write_text(text, encoding="ascii")
        threads = [threading.Thread(target=apt.install_listed, args=(lists,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        calls = (self.directory / "calls").read_text(encoding="ascii").splitlines()
        self.assertEqual(1, len([call for call in calls if call.endswith(" curl prosody")]))
        self.assertEqual(2, len(calls))
        self.assertEqual((), apt.install_listed([]))

    def test_lists(self) -> None:
        """All lists of the checkout are known."""
        found = (apt.ROOT / "tests").rglob("apt-packages.txt")
        self.assertEqual(set(found), set(apt.LISTS))

    def test_provided(self) -> None:
        """What another package provides is there; one that was removed is not."""
        for name, line in (
            ("nodejs", "installed\tnodejs, npm, nodejs-doc (= 20)"),
            ("curl", "config-files\tcurl, "),
        ):
            (self.directory / f"package-{name}").write_text(line, encoding="ascii")
        self.assertEqual(("curl",), apt.missing(["nodejs", "npm", "nodejs-doc", "curl"]))

    def test_one_does_not_exist(self) -> None:
        """A package that cannot be had is named, with apt-get's reason; the others are there."""
        self.assertEqual(("no-such",), apt.install(["no-such", "prosody"]))
        self.assertEqual((), apt.missing(["prosody"]))
        self.assertIn("Unable to locate package no-such", self.said.getvalue())

    def test_not_root(self) -> None:
        """Who is not root is told what is missing, and nothing is tried."""
        self.patch(os, "geteuid", lambda: 1000)
        self.assertEqual(("prosody",), apt.install(["prosody"]))
        self.assertFalse(self.called())
        self.assertEqual("Only root on Debian can install: prosody\n", self.said.getvalue())

    def test_not_debian(self) -> None:
        """Where there is no dpkg, everything counts as missing."""
        self.patch(os, "environ", {"PATH": ""})
        self.assertEqual(("prosody",), apt.install(["prosody"]))


class ListTests(SynchronousTestCase):
    """Lists of packages."""

    def test_comments(self) -> None:
        """A line names one package; comments and empty lines name none."""
        path = pathlib.Path(self.mktemp())
        path.write_text("# for all\n\ncurl  # who needs it\nprosody\n", encoding="utf-8")
        self.assertEqual(("curl", "prosody"), apt.listed(path))
