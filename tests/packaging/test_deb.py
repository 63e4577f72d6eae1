"""The Debian package as a file: what is in it, and what Debian's own checks say."""

from __future__ import annotations

import atexit
import functools
import os
import pathlib
import re
import shutil
import sys
import tempfile
import time

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from hmacfs.base.version import VERSION
from tests.docs.documents import examples
from tests.packaging import cache
from tests.packaging.cache import CHECKOUT, run

COMPLETE = """
source "$1"; complete -p hmac-file-server >/dev/null
COMP_WORDS=(hmac-file-server xm); COMP_CWORD=1
_hmac_file_server; printf '%s\\n' "${COMPREPLY[@]}"
"""


def licences(path: pathlib.Path) -> list[pathlib.Path]:
    """Return the files below a directory whose names say that they are licences."""
    return [p for p in path.rglob("*") if re.search("licen[cs]e|copying", p.name, re.IGNORECASE)]


@functools.cache
def unpacked() -> pathlib.Path:
    """Return a directory with what is in the package, to be read only."""
    place = pathlib.Path(tempfile.mkdtemp(prefix="hmacfs-package-", dir="/var/tmp"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    run(["dpkg-deb", "--extract", cache.package(), place])
    return place


class PackageCase(SynchronousTestCase):
    """A test of the package of this checkout."""

    def setUp(self) -> None:
        cache.need("dpkg-buildpackage", "fakeroot", "git")
        self.deb = cache.package()


class ContentTests(PackageCase):
    """What is in the package."""

    def test_version(self) -> None:
        """The package has the version of the program, and that of the suite it was made for."""
        changelog = (CHECKOUT / "debian/changelog").read_text(encoding="utf-8")
        self.assertTrue(changelog.startswith(f"hmac-file-server ({VERSION}) "), changelog[:80])
        release = {"bookworm": "deb12", "trixie": "deb13"}[cache.suite()]
        self.assertEqual(f"{VERSION}+{release}", cache.field(self.deb, "Version"))

    def test_python(self) -> None:
        """It depends on exactly the Python whose modules it holds."""
        minor = int(
            run(["/usr/bin/python3", "-c", "import sys; print(sys.version_info[1])"]).stdout
        )
        depends = cache.field(self.deb, "Depends")
        self.assertIn(f"python3 (>= 3.{minor}), python3 (<< 3.{minor + 1})", depends)

    def test_places(self) -> None:
        """Nothing names where it was built, nothing is compiled, no secret is in it."""
        place = unpacked()
        found = run(["grep", "-rlE", r"/tmp/tmp\.|debian/hmac-file-server/", place], check=False)
        self.assertEqual("", found.stdout)
        self.assertEqual([], [*place.rglob("__pycache__"), *place.glob("etc/hmac-file-server/*")])

    def test_locked(self) -> None:
        """The libraries in it are those of the lock, and no others."""
        lock = (CHECKOUT / "requirements/run.txt").read_text(encoding="utf-8")
        pinned = dict(re.findall(r"^([a-z0-9-]+)(?:\[.*\])?==(\S+)", lock, re.MULTILINE))
        names = (path.name for path in unpacked().rglob("*.dist-info"))
        found = dict(name.removesuffix(".dist-info").split("-", 1) for name in names)
        found = {re.sub(r"[._]", "-", name.lower()): version for name, version in found.items()}
        self.assertEqual(VERSION, found.pop("hmacfs"))
        self.assertEqual({}, {n: v for n, v in found.items() if pinned.get(n) != v})
        self.assertGreaterEqual(len(found), 20)

    def test_licences(self) -> None:
        """Each library has its licence beside it, as the copyright file says."""
        libraries = list(unpacked().rglob("*.dist-info"))
        bare = [path.name for path in libraries if not licences(path)]
        self.assertEqual([], bare)

    def test_completion(self) -> None:
        """The completion for bash offers the commands of the program in the package."""
        place = unpacked()
        script = place / "usr/share/bash-completion/completions/hmac-file-server"
        self.assertEqual("xmpp-config\n", run(["bash", "-uc", COMPLETE, "bash", script]).stdout)

    def test_manual(self) -> None:
        """The manual pages can be shown without a complaint."""
        for page in ("man1/hmac-file-server.1.gz", "man5/hmac-file-server.toml.5.gz"):
            path = unpacked() / "usr/share/man" / page
            shown = run(
                ["man", "--warnings", "--local-file", path],
                {"MANROFFSEQ": "", "MANWIDTH": "80", "LC_ALL": "C.UTF-8"},
            )
            self.assertNotRegex(shown.stdout, r"(?m)^(man|troff|groff|<standard input>|\S+:\d+): ")
            self.assertIn("SYNOPSIS", shown.stdout)

    def test_configuration(self) -> None:
        """What a first installation writes is used without a warning."""
        for name in ("config.toml", "instance.toml"):
            text = (CHECKOUT / "debian" / name).read_text(encoding="utf-8")
            secret = pathlib.Path(self.mktemp()).resolve()
            secret.write_text("a secret that nobody has seen before\n", encoding="ascii")
            config = secret.with_suffix(".toml")
            text = re.sub(r'secret_file = ".*"', f'secret_file = "{secret}"', text)
            config.write_text(text, encoding="utf-8")
            config.chmod(0o600)
            secret.chmod(0o600)
            said = run(
                [sys.executable, "-m", "hmacfs.cli.main", "-config", config, "-validate-config"],
                {"PYTHONPATH": str(CHECKOUT)},
            )
            self.assertEqual(f"{config}: it can be used\n", said.stdout)


class BuildTests(SynchronousTestCase):
    """``debian/build``."""

    def setUp(self) -> None:
        cache.need("dpkg-buildpackage", "fakeroot", "git")

    def test_other_system(self) -> None:
        """A suite or a name that it knows nothing of is refused in one sentence."""
        done = run([CHECKOUT / "debian/build", "sid"], check=False)
        self.assertEqual(2, done.returncode)
        self.assertEqual("debian/build: sid: only bookworm and trixie are supported\n", done.stdout)

    def test_tests(self) -> None:
        """The quick tests are run in the build, and there is no package when they fail."""
        checkout = pathlib.Path(self.mktemp()).resolve()
        cache.copy(checkout)
        (checkout / "test").write_text("#!/bin/sh\necho these fail: $*; exit 1\n", encoding="ascii")
        run(["git", "-C", checkout, "init", "--quiet"])
        done = run([checkout / "debian/build"], {"DEB_BUILD_OPTIONS": ""}, check=False)
        self.assertNotEqual(0, done.returncode)
        self.assertIn("these fail: quick\n", done.stdout)
        self.assertFalse((checkout / "dist").exists())

    def test_suites(self) -> None:
        """The document's commands make packages for another suite and another architecture."""
        if not os.environ.get("HMACFS_LONG"):
            raise SkipTest("only with --long: this makes whole systems, one of them emulated")
        section = "Other suites and architectures"
        [example] = [e for e in examples("sh") if e.section == section]
        for line in example.text.splitlines():
            made = run(["sh", "-c", f"cd {CHECKOUT} && DEB_BUILD_OPTIONS=nocheck {line}"]).stdout
            deb = pathlib.Path(made.splitlines()[-1])
            release = "+deb13" if "trixie" in line else "+deb12"
            self.assertTrue(cache.field(deb, "Version").endswith(release), deb)
            architecture = "arm64" if "arm64" in line else "amd64"
            self.assertEqual(architecture, cache.field(deb, "Architecture"))


class CheckTests(PackageCase):
    """Debian's own checks."""

    def test_lintian(self) -> None:
        """Lintian finds no error and no warning but those that are explained."""
        cache.need("lintian")
        # Spelling in what is compiled is neither an error nor a warning, and takes longest.
        check = ["lintian", "--fail-on", "error,warning", "--dont-check-part", "binaries/spelling"]
        found = run([*check, self.deb], check=False)
        self.assertEqual(0, found.returncode, found.stdout)
        # What is explained and no longer there is to be taken away.
        self.assertNotIn("unused-override", found.stdout)

    def test_hardening(self) -> None:
        """The units are right, and systemd's judgement of what they may do is 1.5 or better."""
        cache.need("systemd-analyze")
        units = next(unpacked().rglob("systemd/system"))
        names = ("hmac-file-server", "hmac-file-server@", "hmac-file-server-retention")
        for name in (f"{name}.service" for name in names):
            limit = "--threshold=15"
            judged = ["systemd-analyze", "security", "--offline=true", "--no-pager", limit]
            done = run([*judged, units / name], check=False)
            self.assertEqual(0, done.returncode, done.stdout[-200:])

    def test_piuparts(self) -> None:
        """Installing, purging and installing again leaves nothing behind."""
        cache.need("piuparts", "mmdebstrap")
        started = time.monotonic()
        suite, origin = cache.suite(), f"{cache.mirror()} main"
        # It runs logrotate by itself, which notes when.
        options = ["--no-eatmydata", "--ignore=/var/lib/logrotate/status"]
        done = run(
            ["piuparts", *options, "-e", cache.tree(), "-d", suite, "-m", origin, self.deb],
            check=False,
        )
        self.assertEqual(0, done.returncode, done.stdout[-3000:])
        self.assertIn("PASS: All tests.", done.stdout)
        print(f"timing: piuparts: {time.monotonic() - started:.1f} s")
