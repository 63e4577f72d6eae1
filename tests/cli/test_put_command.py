"""``hmac-file-server put``, with a server beside it."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Mapping

from hmacfs.cli.main import main
from tests.cli.command import COMMAND, MainCase
from tests.cli.config_case import ConfigCase
from tests.cli.storage_case import Outcome
from tests.ports import free_port


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


class UsageTests(ConfigCase):
    """What is wrong before anything is sent."""

    def test_mistakes(self) -> None:
        """A bad URL or header is a mistake in the usage."""
        for wrong in (
            ("put", str(self.config)),
            ("put", str(self.config), "ftp://a/b"),
            ("put", str(self.config), "http://a/b", "-header", "nonsense"),
            ("put", str(self.config), "http://a/b", "-header", "A: b\r\nC: d"),
        ):
            outcome = self.command(*wrong)
            self.assertEqual((outcome.code, outcome.out), (2, ""), wrong)

    def test_files(self) -> None:
        """A file that cannot be read is a failure, said in a sentence."""
        outcome = self.command("put", "none.jpg", "http://127.0.0.1:1/x")
        self.assertEqual((outcome.code, outcome.err), (1, "none.jpg: No such file or directory\n"))

    def test_nobody_there(self) -> None:
        """A server that is not there is a failure, said in a sentence."""
        outcome = self.command("put", str(self.config), f"http://127.0.0.1:{free_port()}/x")
        self.assertEqual(outcome.code, 1)
        self.assertEqual(outcome.err, "the upload failed: Connection refused\n")


class ServerTests(MainCase):
    """A server, and files for it."""

    def setUp(self) -> None:
        super().setUp()
        port = free_port()
        self.config = self.directory / "config.toml"
        self.config.write_text(
            f'[server]\nlisten_address = "127.0.0.1:{port}"\nstorage_path = "store"\n'
            "min_free_bytes = 0\nmetrics_enabled = false\n"
            '[security]\nsecret = "correct horse battery staple"\n'
        )
        self.config.chmod(0o600)
        self.file = self.directory / "holiday.jpg"
        self.file.write_bytes(b"content" * 100_000)
        self.read_until(self.start(*COMMAND), "is ready on")

    def command(self, *arguments: str, stderr: io.StringIO | None = None) -> Outcome:
        """Run a command."""
        out, err = io.StringIO(), io.StringIO() if stderr is None else stderr
        code = main(["-config", str(self.config), *arguments], {}, out, err)
        return Outcome(code, out.getvalue(), err.getvalue())

    def sign(self, scheme: str, *arguments: str) -> Mapping[str, object]:
        """Sign for the file."""
        facts = ("--scheme", scheme, "--file", str(self.file), "-json", *arguments)
        made: Mapping[str, object] = json.loads(self.command("sign", *facts).out)
        return made

    def test_signed_url(self) -> None:
        """A signed file goes up, where it can be had is told, and nothing else is said."""
        url = str(self.sign("v2", "--path", "a b/ü.jpg")["url"])
        outcome = self.command("put", str(self.file), url)
        self.assertEqual((outcome.code, outcome.err), (0, ""))
        self.assertEqual(outcome.out, url.partition("?")[0] + "\n")
        stored = self.directory / "store" / "a b" / "ü.jpg"
        self.assertEqual(stored.read_bytes(), self.file.read_bytes())
        (told,) = self.command("put", str(self.file), url, "-json").values
        self.assertEqual(told, {"status": 201, "url": url.partition("?")[0]})

    def test_headers(self) -> None:
        """Schemes whose signature is a header send it along."""
        made = self.sign("bearer", "--path", "x.jpg")
        headers = made["headers"]
        assert isinstance(headers, dict)
        lines = [f"{name}: {value}" for name, value in headers.items()]
        options = [word for line in lines for word in ("-header", line)]
        outcome = self.command("put", str(self.file), str(made["url"]), *options)
        self.assertEqual(outcome.code, 0, outcome.err)

    def test_refused(self) -> None:
        """A refusal is a failure, with the sentence of the server."""
        url = str(self.sign("v2")["url"])
        outcome = self.command("put", str(self.file), url, "-type", "text/html")
        self.assertEqual(outcome.code, 1)
        self.assertEqual(outcome.err, "403 Forbidden: v2 does not fit this path, size and type\n")

    def test_progress(self) -> None:
        """A terminal shows how far it is, unless it is not wanted."""
        url = str(self.sign("v2")["url"])
        shown = self.command("put", str(self.file), url, stderr=Terminal())
        self.assertIn("holiday.jpg [==============================] 100% 683.6 KiB", shown.err)
        quiet = self.command("put", str(self.file), url, "-quiet", stderr=Terminal())
        self.assertEqual(quiet.err, "")

    def test_process(self) -> None:
        """The flags of the documents work in a shell, one dash or two, before or after."""
        url = str(self.sign("query")["url"])
        command = [sys.executable, "-m", "hmacfs.cli.main", "put", self.file.name, url, "--quiet"]
        done = subprocess.run(
            [*command, "--config", "config.toml"],
            cwd=self.directory,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertTrue(done.stdout.endswith("/upload/holiday.jpg\n"))
