"""Tests of the completion for bash, in bash."""

from __future__ import annotations

import pathlib
import shutil
import subprocess

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from hmacfs.auth.sign import SIGNERS
from hmacfs.cli.commands import COMMANDS
from hmacfs.cli.completion import script
from hmacfs.cli.xmpp_command import PEERS

ASK = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_hmac_file_server
printf '%s\\n' "${COMPREPLY[@]}"
"""


class CompletionTests(SynchronousTestCase):
    """``script``."""

    def setUp(self) -> None:
        if shutil.which("bash") is None:
            raise SkipTest("there is no bash")
        self.script = pathlib.Path(self.mktemp())
        self.script.write_text(script(), encoding="utf-8")

    def complete(self, *words: str) -> set[str]:
        """Tell what bash offers for the last of the words."""
        done = subprocess.run(
            ["bash", "-uc", ASK, "bash", str(self.script), "hmac-file-server", *words],
            capture_output=True,
            text=True,
            check=True,
        )
        self.assertEqual("", done.stderr)
        return set(done.stdout.split())

    def test_first_word(self) -> None:
        """The first word is a command or a flag."""
        offered = self.complete("")
        self.assertEqual(set(), {command.name for command in COMMANDS} - offered)
        self.assertIn("--validate-config", offered)
        self.assertEqual({"xmpp-config"}, self.complete("xm"))
        self.assertEqual({"--fix-config"}, self.complete("--fix"))

    def test_after_a_command(self) -> None:
        """After a command come its own arguments."""
        self.assertEqual(set(PEERS), {w for w in self.complete("xmpp-config", "") if w[0] != "-"})
        self.assertEqual(
            {"--scheme", "--scope", "--size", "--sha256"}, self.complete("sign", "--s")
        )
        self.assertNotIn("--genconfig", self.complete("sign", "-"))

    def test_values(self) -> None:
        """A flag with choices offers those, and one without leaves the choice to bash."""
        self.assertEqual(set(SIGNERS), self.complete("sign", "--scheme", ""))
        self.assertEqual(set(SIGNERS), self.complete("sign", "-scheme", ""))
        self.assertEqual(set(), self.complete("--config", ""))
        self.assertEqual({"rotate"}, self.complete("-config", "x", "keys", "ro"))
