"""Tests of hmacfs.cli.config_commands."""

from __future__ import annotations

import argparse
import errno
import io
import json
import pathlib
import socket
from collections.abc import Mapping

from attrs import frozen
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.cli import locate
from hmacfs.cli.config_commands import perform
from hmacfs.cli.config_flags import add_flags, is_any
from hmacfs.cli.surroundings import Surroundings
from hmacfs.config import options
from hmacfs.config.checks.connectivity import Target
from hmacfs.config.options import TABLE
from hmacfs.config.read import read_file
from hmacfs.service import replace
from tests.config.checks.subjects import MadeUp
from tests.config.files import SECRET, load, write

GOOD = f"[security]\nsecret = '{SECRET}'\n"


@frozen
class Outcome:
    """What a command did."""

    code: int | None
    out: str
    err: str


def run(
    *flags: str | pathlib.Path,
    environ: Mapping[str, str] | None = None,
    answer: bytes = b"",
) -> Outcome:
    """Run a command; every server that it tries gives the same answer."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("-config", "--config")
    add_flags(parser)
    out, err = io.StringIO(), io.StringIO()

    # Kept until the end: a server that is gone too early is another test's matter.
    servers = []

    def connect(target: Target) -> socket.socket:
        ours, theirs = socket.socketpair()
        theirs.sendall(answer)
        theirs.shutdown(socket.SHUT_WR)
        servers.append(theirs)
        return ours

    around = Surroundings(out, err, environ or {})
    arguments = parser.parse_args([str(flag) for flag in flags])
    code = perform(arguments, around, connect, MadeUp()) if is_any(arguments) else None
    for server in servers:
        server.close()
    return Outcome(code, out.getvalue(), err.getvalue())


class GenerateTests(SynchronousTestCase):
    """-genconfig and its kin."""

    def test_standard_output(self) -> None:
        """What is generated is the only thing on standard output, and can be used."""
        for flag in ("-genconfig", "--genconfig", "-genconfig-advanced"):
            outcome = run(flag)
            self.assertEqual((outcome.code, outcome.err), (0, ""))
            self.assertGreaterEqual(len(load(outcome.out, {})[options.SECURITY_SECRET]), 64)

    def test_new_secret(self) -> None:
        """Every generated configuration has a secret of its own."""
        first, second = (load(run("-genconfig").out, {}) for _ in range(2))
        self.assertNotEqual(first[options.SECURITY_SECRET], second[options.SECURITY_SECRET])

    def test_path(self) -> None:
        """With a path nothing is on standard output, and the file is private."""
        for flags, marker in (((), False), (("-genconfig-advanced",), True)):
            path = pathlib.Path(self.mktemp())
            outcome = run(*flags, "-genconfig-path", path)
            self.assertEqual((outcome.code, outcome.out), (0, ""))
            self.assertEqual(outcome.err, f"wrote {path} with a new secret\n")
            self.assertEqual(path.stat().st_mode & 0o777, 0o600)
            self.assertIs("[compression]" in path.read_text(), marker)
            self.assertNotEqual(read_file(path, {})[options.SECURITY_SECRET], "")

    def test_existing(self) -> None:
        """An existing file is never replaced."""
        path = write(self, GOOD)
        outcome = run("-genconfig-path", path)
        self.assertEqual((outcome.code, outcome.out), (2, ""))
        self.assertIn("never replaced", outcome.err)
        self.assertEqual(path.read_text(), GOOD)

    def test_unwritable(self) -> None:
        """A path that leads nowhere is a failure."""
        outcome = run("-genconfig-path", "/nonexistent/config.toml")
        self.assertEqual(outcome.code, 1)
        self.assertIn("No such file or directory", outcome.err)


class ValidateTests(SynchronousTestCase):
    """-validate-config and its kin."""

    def test_good(self) -> None:
        """A configuration that can be used is told so."""
        path = write(self, GOOD)
        outcome = run("-validate-config", "-config", path)
        self.assertEqual(
            (outcome.code, outcome.out, outcome.err), (0, f"{path}: it can be used\n", "")
        )

    def test_quiet(self) -> None:
        """The quiet form says nothing then, not even warnings."""
        path = write(self, GOOD + "[build]\nversion = '1'")
        outcome = run("-validate-quiet", "-config", path)
        self.assertEqual((outcome.code, outcome.out, outcome.err), (0, "", ""))

    def test_warnings(self) -> None:
        """Warnings are told, and do not make it wrong."""
        path = write(self, GOOD + "[build]\nversion = '1'")
        outcome = run("-validate-config", "-config", path)
        self.assertEqual(outcome.code, 0)
        self.assertTrue(outcome.err.startswith(f"warning: {path}:4:1: "))

    def test_bad(self) -> None:
        """Every problem is told on standard error, in all forms."""
        path = write(self, "ListenPort = 'x'\nLogLevel = 'loud'")
        for flag in ("-validate-config", "-validate-quiet", "-validate-verbose"):
            outcome = run(flag, "-config", path)
            self.assertEqual((outcome.code, outcome.out.splitlines()[:0]), (2, []))
            self.assertEqual(len(outcome.err.splitlines()), 2)
            self.assertTrue(outcome.err.startswith(f"{path}:1:14: "))

    def test_none(self) -> None:
        """Without any configuration that is the problem."""
        outcome = run("-validate-config", environ={"HMAC_CONFIG_PATH": "/nonexistent/c.toml"})
        self.assertEqual(outcome.code, 2)
        self.assertIn("there is no such file", outcome.err)

    def test_nowhere(self) -> None:
        """Where no configuration is to be found, that is told with the way to make one."""
        self.patch(locate, "config", lambda given, environ: None)
        outcome = run("-validate-config")
        self.assertEqual(
            (outcome.code, outcome.err),
            (2, "config.toml: there is no configuration, -genconfig makes one\n"),
        )

    def test_verbose(self) -> None:
        """The verbose form shows every value with its origin, and what all checks found."""
        path = write(self, GOOD + "[bans]\nenabled = false\n[admin.auth]\npassword = 'abc'")
        outcome = run("-validate-verbose", "-config", path)
        self.assertEqual(outcome.code, 0)
        for option in TABLE:
            self.assertTrue(f"\n{option.key} " in outcome.out, option.key)
        self.assertIn("(no-bans)", outcome.out)
        self.assertIn("(short-secrets)", outcome.out)
        self.assertNotIn(SECRET, outcome.out + outcome.err)

    def test_environment(self) -> None:
        """Variables count."""
        path = write(self, "LogLevel = 'info'")
        environ = {"HMAC_SECRET": SECRET, "HMAC_LOGGING_LEVEL": "debug"}
        outcome = run("-validate-verbose", "-config", path, environ=environ)
        self.assertIn(
            'logging.level = "debug"  # environment variable HMAC_LOGGING_LEVEL', outcome.out
        )

    def test_json(self) -> None:
        """A report for programs is one object on standard output."""
        path = write(self, GOOD)
        for flag, valid, code in ((path, True, 0), (write(self, "x = 1"), False, 2)):
            outcome = run("-validate-config", "--json", "-config", flag)
            self.assertEqual((outcome.code, outcome.err), (code, ""))
            self.assertIs(json.loads(outcome.out)["valid"], valid)


class CheckTests(SynchronousTestCase):
    """-check-security and its kin."""

    def test_problem(self) -> None:
        """A problem that a check finds exits 2, advice does not."""
        for text, code in (
            ("[security]\nsecret = 'abcdefghij'\n", 2),
            (GOOD + "[server]\nlisten_address = '80'\n", 0),
        ):
            outcome = run("-check-security", "-config", write(self, text))
            self.assertEqual(outcome.code, code, outcome.out)

    def test_nothing(self) -> None:
        """Where nothing is found that is said."""
        path = write(self, GOOD)
        outcome = run("-check-fixable", "-check-connectivity", "-config", path)
        self.assertEqual((outcome.code, outcome.out), (0, f"{path}: the checks found nothing\n"))

    def test_connectivity(self) -> None:
        """Servers are tried; one that does not answer exits 1."""
        path = write(self, GOOD + "[redis]\nredisenabled = true\n")
        outcome = run("-check-connectivity", "-config", path, answer=b"+OK\r\n+PONG\r\n+OK\r\n")
        self.assertEqual((outcome.code, outcome.out), (0, "Redis at localhost:6379: fine, PONG\n"))
        outcome = run("-check-connectivity", "-config", path, answer=b"-ERR\r\n")
        self.assertEqual(outcome.code, 1)
        self.assertIn("Redis at localhost:6379: failed", outcome.out)

    def test_fixable_though_wrong(self) -> None:
        """What can be mended is told though the file cannot be used."""
        outcome = run("-check-fixable", "-config", write(self, GOOD + "[workers]\nnumworkers='4'"))
        self.assertEqual(outcome.code, 2)
        self.assertIn("(value-forms)", outcome.out)

    def test_list(self) -> None:
        """Every check is listed with its group, for people and for programs."""
        outcome = run("-list-checks")
        self.assertEqual(outcome.code, 0)
        self.assertRegex(outcome.out, r"(?m)^security +short-secrets +secrets that")
        rows = json.loads(run("-list-checks", "-json").out)
        self.assertEqual(len(rows), len(outcome.out.splitlines()))
        self.assertEqual(set(rows[0]), {"check", "group", "title"})


class MendTests(SynchronousTestCase):
    """-fix-config."""

    def test_mended(self) -> None:
        """An old file is brought up to date, and its backup is named."""
        path = write(self, f"Secret = '{SECRET}' # mine\n")
        outcome = run("-fix-config", "-config", path)
        self.assertEqual((outcome.code, outcome.err), (0, ""))
        self.assertEqual(path.read_text(), f"[security]\nsecret = '{SECRET}' # mine\n")
        backup = path.resolve().with_name("config.toml.bak")
        self.assertEqual(backup.read_text(), f"Secret = '{SECRET}' # mine\n")
        self.assertEqual(
            outcome.out,
            f'{path}:1: "Secret" becomes "security.secret"\n'
            f"{path}: mended; the old file is {backup}\n",
        )

    def test_nothing_to_mend(self) -> None:
        """A file that is up to date is not touched, and has no backup."""
        path = write(self, GOOD)
        outcome = run("-fix-config", "-config", path)
        self.assertEqual((outcome.code, outcome.out), (0, f"{path}: there is nothing to mend\n"))
        self.assertEqual([each.name for each in path.parent.iterdir()], [path.name])

    def test_wrong_afterwards(self) -> None:
        """What cannot be mended is told, with its place in the new file."""
        path = write(self, f"# mine\nSecret = '{SECRET}'\nLogLevel = 'loud'\n")
        outcome = run("-fix-config", "-config", path)
        self.assertEqual(outcome.code, 2)
        self.assertTrue(outcome.err.startswith(f"{path}:6:9: logging.level: "), outcome.err)

    def test_unwritable(self) -> None:
        """A file that cannot be replaced is told, and is as it was."""
        text = f"Secret = '{SECRET}'"
        path = write(self, text)

        def refuse(path: pathlib.Path, text: str) -> pathlib.Path:
            raise OSError(errno.EROFS, "Read-only file system")

        self.patch(replace, "replace", refuse)
        outcome = run("-fix-config", "-config", path)
        self.assertEqual(
            (outcome.code, outcome.err),
            (1, f"{path}: it cannot be replaced: Read-only file system\n"),
        )

    def test_no_toml(self) -> None:
        """What is no TOML, or not there, is told and left alone."""
        path = write(self, "a = ")
        for config in (path, path.with_name("missing.toml")):
            outcome = run("-fix-config", "-config", config)
            self.assertEqual((outcome.code, outcome.out), (2, ""))
            self.assertEqual(len(outcome.err.splitlines()), 1)
        self.assertEqual(path.read_text(), "a = ")


class PerformTests(SynchronousTestCase):
    """Tests of perform."""

    def test_not_asked(self) -> None:
        """Without one of its flags it does nothing."""
        outcome = run("-config", "/nonexistent", "-json")
        self.assertEqual((outcome.code, outcome.out, outcome.err), (None, "", ""))
