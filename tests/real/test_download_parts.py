"""Downloads in parts: how much is read at a time, and files that change between the parts."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import signal
import subprocess
from typing import Final

import toml
from twisted.trial.unittest import SkipTest

from tests.ports import free_port
from tests.real import certificates
from tests.real.case import KILOBYTE, MEGABYTE, ServerCase, noise
from tests.real.client import Answer, Connection, ask, put
from tests.real.daemon import eventually

SIZE: Final = 4 * MEGABYTE
LARGE: Final = 16 * MEGABYTE
HALF: Final = LARGE // 2
RELOADED: Final = "the configuration was reloaded"


class OptionTests(ServerCase):
    """``downloads.chunk_size`` and ``downloads.chunked_downloads_enabled``, before and after."""

    def setUp(self) -> None:
        certificate = certificates.make(self.directory())
        self.tls_port = free_port()
        self.context = certificate.trusting()
        self.daemon = self.start(
            {
                "server": {"listeners": [f"tls:127.0.0.1:{self.tls_port}"]},
                "tls": {
                    "cert_file": os.fspath(certificate.certificate),
                    "key_file": os.fspath(certificate.key),
                },
                "downloads": {"chunk_size": "64KB"},
            }
        )
        self.data = noise(SIZE)
        self.place = self.daemon.place("name")
        self.assert_status(201, put(self.daemon.port, self.daemon.target("name", SIZE), self.data))

    def change(self, **downloads: object) -> None:
        """Give the running server other options."""
        tree = toml.loads(self.daemon.config.read_text(encoding="utf-8"))
        tree["downloads"] = downloads
        self.daemon.config.write_text(toml.dumps(tree), encoding="utf-8")
        before = self.daemon.log.count(RELOADED)
        self.daemon.process.send_signal(signal.SIGHUP)
        eventually("the reload", lambda: self.daemon.log.count(RELOADED) > before)

    def reads(self) -> int:
        """Return how many reads the server has made so far, of whatever."""
        text = pathlib.Path(f"/proc/{self.daemon.process.pid}/io").read_text(encoding="ascii")
        found = re.search(r"^syscr: (\d+)$", text, re.MULTILINE)
        assert found is not None
        return int(found[1])

    def reads_of_a_download(self) -> int:
        """Download over TLS; return how many reads that took."""
        before = self.reads()
        with Connection(self.tls_port, tls=self.context) as connection:
            answer = connection.request("GET", self.place)
        self.assertEqual((200, self.data), (answer.status, answer.body))
        return self.reads() - before

    def test_read_size(self) -> None:
        """A file is read in as many parts as the option says, and a reload changes that."""
        self.assertGreaterEqual(self.reads_of_a_download(), SIZE // (64 * KILOBYTE))
        self.change(chunk_size="2MB")
        # Waking up reads too.
        self.assertLess(self.reads_of_a_download(), SIZE // (64 * KILOBYTE))

    def test_several_ranges(self) -> None:
        """Several ranges at once can be switched off; one is served all the same."""
        several = {"Range": "bytes=0-9,2000000-2000009"}
        answer = ask(self.daemon.port, "GET", self.place, several)
        self.assert_status(206, answer)
        self.assertIn("multipart/byteranges", answer.headers["content-type"])
        self.change(chunked_downloads_enabled=False)
        answer = ask(self.daemon.port, "GET", self.place, several)
        self.assertEqual((200, self.data), (answer.status, answer.body))
        answer = ask(self.daemon.port, "GET", self.place, {"Range": "bytes=0-9"})
        self.assertEqual((206, self.data[:10]), (answer.status, answer.body))


class ReplacedTests(ServerCase):
    """A new version of a file comes between two parts of its download."""

    def setUp(self) -> None:
        self.daemon = self.start({"versioning": {"enableversioning": True}})
        self.place = self.daemon.place("name")
        self.old, self.new = noise(LARGE, "old"), noise(LARGE, "new")
        self.target = self.daemon.target("name", LARGE)
        self.assert_status(201, put(self.daemon.port, self.target, self.old))
        self.before = ask(self.daemon.port, "HEAD", self.place).headers

    def replace(self) -> None:
        """Let the new version come."""
        self.assert_status(201, put(self.daemon.port, self.target, self.new))
        self.now = ask(self.daemon.port, "HEAD", self.place).headers

    def rest(self, **conditions: str) -> Answer:
        """Return the answer to a request for the second half."""
        named = {name.replace("_", "-"): value for name, value in conditions.items()}
        return ask(self.daemon.port, "GET", self.place, {"Range": f"bytes={HALF}-", **named})

    def test_conditions(self) -> None:
        """The rest of the new file is not sent to who has the beginning of the old one."""
        self.replace()
        self.assertNotEqual(self.before["etag"], self.now["etag"])
        # Within a second both have the same date, which proves nothing then.
        for condition in (
            self.before["etag"],
            self.before["last-modified"],
            f"W/{self.now['etag']}",
        ):
            answer = self.rest(If_Range=condition)
            self.assertEqual(200, answer.status, condition)
            self.assertTrue(answer.body == self.new, condition)
        self.assert_status(412, self.rest(If_Match=self.before["etag"]))
        for conditions in ({"If_Range": self.now["etag"]}, {"If_Match": self.now["etag"]}):
            answer = self.rest(**conditions)
            self.assertEqual(206, answer.status)
            self.assertTrue(answer.body == self.new[HALF:])

    def test_under_way(self) -> None:
        """A download that has begun brings the version that it began with, to the end."""
        connection = self.connect(self.daemon)
        connection.begin("GET", self.place)
        self.assertFalse(connection.is_silent(20), "the download does not begin")
        self.replace()
        answer = connection.answer()
        self.assertEqual(self.before["etag"], answer.headers["etag"])
        self.assertTrue(answer.body == self.old)

    def test_curl(self) -> None:
        """``curl -C -`` with the tag that it was told does not mix the two files."""
        curl = shutil.which("curl")
        if curl is None:
            raise SkipTest("needs curl")
        self.replace()
        file = self.directory() / "file"
        file.write_bytes(self.old[:HALF])
        url = self.daemon.base_url + self.place
        command = [curl, "-sS", "--fail", "-o", os.fspath(file), "-C", "-", "-H"]
        done = subprocess.run(
            [*command, f"If-Range: {self.before['etag']}", url], capture_output=True, check=False
        )
        # It says that it cannot go on, and leaves what it had.
        self.assertEqual(33, done.returncode)
        self.assertTrue(file.read_bytes() == self.old[:HALF], "the file was changed")
