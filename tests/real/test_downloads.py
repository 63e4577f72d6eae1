"""Downloads as clients of all kinds make them, and what goes wrong on the way."""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import subprocess
import wave
from typing import Final

from twisted.trial.unittest import SkipTest

from tests.ports import free_port
from tests.real import browser, certificates
from tests.real.case import KILOBYTE, MEGABYTE, ServerCase, noise
from tests.real.client import Answer, Connection, ask, put
from tests.real.daemon import CHECKOUT, Daemon, eventually

SIZE: Final = 32 * MEGABYTE
SERVER: Final = CHECKOUT / "hmacfs/cli/main.py"
CLIENTS: Final = 30
RATE: Final = 48_000
SECONDS: Final = 300
SEEK: Final = 200


def silence(seconds: int) -> bytes:
    """Return a file in the format of WAVE, in stereo."""
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(2)
        written.setsampwidth(2)
        written.setframerate(RATE)
        written.writeframes(bytes(4 * RATE * seconds))
    return file.getvalue()


class ResumedTests(ServerCase):
    """``curl -C -``, which downloads what is missing."""

    def setUp(self) -> None:
        self.daemon = self.start()
        self.data = noise(SIZE)
        target = self.daemon.target("name", SIZE)
        self.assert_status(201, put(self.daemon.port, target, self.data))
        self.file = self.directory() / "file"
        self.command = ["curl", "-sS", "--fail", "-o", os.fspath(self.file)]
        self.url = self.daemon.base_url + self.daemon.place("name")

    def resume(self) -> None:
        """Let curl go on, and fail unless the file is whole then."""
        done = subprocess.run(
            [*self.command, "-C", "-", self.url], capture_output=True, text=True, check=False
        )
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        digests = [hashlib.sha256(data).hexdigest() for data in (self.data, self.file.read_bytes())]
        self.assertEqual(*digests)

    def assert_logged(self, status: int, sent: int) -> None:
        """Fail unless the server logs an answer with so many bytes, soon."""
        line = f"GET {self.daemon.place('name')} {status} in=0 out={sent}\n"
        eventually(repr(line), lambda: line in self.daemon.log)

    def test_part(self) -> None:
        """Of a file whose beginning is there, only the rest is sent."""
        there = SIZE // 3
        self.file.write_bytes(self.data[:there])
        self.resume()
        self.assert_logged(206, SIZE - there)

    def test_interrupted(self) -> None:
        """A download that was broken off is ended by another."""
        process = subprocess.Popen([*self.command, "--limit-rate", "4M", self.url])
        eventually("some of the file", lambda: self.file.exists() and self.file.stat().st_size)
        process.kill()
        process.wait()
        there = self.file.stat().st_size
        self.assertLess(there, SIZE)
        self.resume()
        self.assert_logged(206, SIZE - there)


class BrowserTests(ServerCase):
    """A browser that plays what is stored."""

    def test_seek(self) -> None:
        """Chromium seeks to a place in the middle, asks for the bytes from there, and plays on."""
        daemon = self.start()
        data = silence(SECONDS)
        target = daemon.target("sound.wav", len(data), "audio/wav")
        self.assert_status(201, put(daemon.port, target, data, "audio/wav"))
        url = daemon.base_url + daemon.place("sound.wav")
        played = browser.play(self.directory(), url, SEEK)
        self.assertEqual(f"played {SEEK} of {SECONDS}", played.told)
        starts = []
        for status, content_range in played.answers:
            found = re.fullmatch(rf"bytes (\d+)-(\d+)/{len(data)}", content_range)
            assert found is not None, content_range
            self.assertEqual(206, status)
            starts.append(int(found[1]))
        self.assertEqual(0, starts[0])
        # What is asked for first after the seek begins a little before it.
        middle = len(data) * SEEK // SECONDS
        self.assertTrue(any(middle * 0.9 < start <= middle for start in starts), starts)


class VanishTests(ServerCase):
    """Clients that go away in mid-download, and files that do; the server is as before."""

    def setUp(self) -> None:
        certificate = certificates.make(self.directory())
        self.tls_port = free_port()
        self.daemon = self.start(
            {
                "server": {"listeners": [f"tls:127.0.0.1:{self.tls_port}"]},
                "tls": {
                    "cert_file": os.fspath(certificate.certificate),
                    "key_file": os.fspath(certificate.key),
                },
            }
        )
        self.context = certificate.trusting()
        self.data = noise(SIZE)
        self.place = self.daemon.place("name")
        target = self.daemon.target("name", SIZE)
        self.assert_status(201, put(self.daemon.port, target, self.data))

    def open(self, tls: bool) -> Connection:
        """Return a connection, over TLS or plain."""
        if tls:
            connection = Connection(self.tls_port, tls=self.context)
        else:
            connection = Connection(self.daemon.port)
        self.addCleanup(connection.close)
        return connection

    def begin(self, tls: bool) -> Connection:
        """Return a connection over which the answer begins to come; the rest waits."""
        connection = self.open(tls)
        # Then what comes next is the answer: TLS has something of its own to say first.
        self.assertTrue(connection.works())
        connection.begin("GET", self.place)
        self.assertFalse(connection.is_silent(20), "the download does not begin")
        return connection

    def assert_vanishing_leaves_nothing(self, tls: bool) -> None:
        """Fail if clients that vanish leave descriptors, or the server worse than before."""
        with self.open(tls) as connection:
            self.assertTrue(connection.works())
        before = eventually("an idle server", self.idle_descriptors)
        for number in range(CLIENTS):
            connection = self.begin(tls)
            if number % 2:
                connection.reset()
            else:
                connection.close()
        eventually("the descriptors to be closed", lambda: self.daemon.open_descriptors() <= before)
        answer = self.whole(self.open(tls))
        self.assertEqual((200, hashlib.sha256(self.data).hexdigest()), answer)

    def idle_descriptors(self) -> int | None:
        """Return how many descriptors are open, once there are no more than there were then."""
        first = self.daemon.open_descriptors()
        with Connection(self.daemon.port) as connection:
            self.assertTrue(connection.works())
            return first if self.daemon.open_descriptors() == first + 1 else None

    def whole(self, connection: Connection) -> tuple[int, str]:
        """Return the status and digest of a download."""
        connection.begin("GET", self.place)
        answer = connection.answer(keep=False)
        return answer.status, answer.sha256

    def test_vanish(self) -> None:
        """Clients that vanish in mid-download leave no descriptor open."""
        self.assert_vanishing_leaves_nothing(tls=False)

    def test_vanish_over_tls(self) -> None:
        """It is the same over TLS, where the bytes go another way."""
        self.assert_vanishing_leaves_nothing(tls=True)

    def test_deleted(self) -> None:
        """A download of a file that is deleted goes on to its end; the next one gets 404."""
        before = self.daemon.open_descriptors()
        connections = [self.begin(tls) for tls in (False, True)]
        self.daemon.stored()["name"].unlink()
        for connection in connections:
            answer = connection.answer()
            self.assertEqual((200, self.data), (answer.status, answer.body))
            connection.close()
        self.assert_status(404, ask(self.daemon.port, "GET", self.place))
        eventually("the descriptors to be closed", lambda: self.daemon.open_descriptors() <= before)


class UnreadableTests(ServerCase):
    """What is in the place of a file is none that can be read."""

    def setUp(self) -> None:
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            raise SkipTest("needs setpriv, of util-linux")
        self.daemon = Daemon(self.directory())
        if os.geteuid() == 0:
            # Who may read everything would not see that it is forbidden.
            plain = [setpriv, "--bounding-set=-dac_override,-dac_read_search"]
            if subprocess.run([*plain, "test", "-r", SERVER], check=False).returncode != 0:
                raise SkipTest("whoever has the checkout has closed it to all others")
            self.daemon.launcher = plain
        self.addCleanup(self._end, self.daemon)
        self.daemon.start()
        self.data = noise(200 * KILOBYTE)
        target = self.daemon.target("name", len(self.data))
        self.assert_status(201, put(self.daemon.port, target, self.data))
        self.path = self.daemon.stored()["name"]

    def assert_not_served(self, status: int) -> None:
        """Fail unless GET and HEAD have this status, and no descriptor is left open."""
        place = self.daemon.place("name")
        ask(self.daemon.port, "GET", place)
        before = self.daemon.open_descriptors()
        for _ in range(10):
            self.assert_status(status, ask(self.daemon.port, "GET", place))
            self.assert_status(status, ask(self.daemon.port, "HEAD", place))
        eventually("the descriptors to be closed", lambda: self.daemon.open_descriptors() <= before)

    def test_forbidden(self) -> None:
        """A file that the server may not read is its own fault: 500, and served again after."""
        self.path.chmod(0)
        self.assert_not_served(500)
        self.assertIn(": Permission denied\n", self.daemon.log)
        self.path.chmod(0o600)
        self.assert_comes_back(self.daemon, self.daemon.place("name"), self.data)

    def test_directory(self) -> None:
        """A directory is no file."""
        self.path.unlink()
        self.path.mkdir()
        self.assert_not_served(404)

    def test_link(self) -> None:
        """A link is not followed, wherever it points."""
        elsewhere = self.directory() / "elsewhere"
        elsewhere.write_bytes(self.data)
        self.path.unlink()
        self.path.symlink_to(elsewhere)
        self.assert_not_served(404)

    def test_pipe(self) -> None:
        """A pipe is not waited for."""
        self.path.unlink()
        os.mkfifo(self.path)
        self.assert_not_served(404)

    def test_other_size(self) -> None:
        """A file of another size is not the one that was stored."""
        self.path.write_bytes(self.data + b"more")
        self.assert_not_served(404)


class OddClientTests(ServerCase):
    """Clients that ask in odd ways."""

    def setUp(self) -> None:
        self.daemon = self.start()
        self.data = noise(MEGABYTE)
        target = self.daemon.target("name", len(self.data))
        self.assert_status(201, put(self.daemon.port, target, self.data))
        self.place = self.daemon.place("name")

    def ranges(self, listed: str) -> Answer:
        """Return the answer to a request for ranges."""
        return ask(self.daemon.port, "GET", self.place, {"Range": f"bytes={listed}"})

    def test_many_ranges(self) -> None:
        """10,000 ranges are no reason to send more than the file, once."""
        before = self.daemon.open_descriptors()
        for listed in (",".join(["0-0"] * 10_000), ",".join(["0-"] * 10_000), "-1," * 10_000):
            answer = self.ranges(listed)
            self.assertEqual((200, self.data), (answer.status, answer.body))
        eventually("the descriptors to be closed", lambda: self.daemon.open_descriptors() <= before)

    def test_overlapping_ranges(self) -> None:
        """Ranges that overlap are sent once."""
        answer = self.ranges("0-999,500-1499,1000-1999")
        self.assertEqual((206, self.data[:2000]), (answer.status, answer.body))

    def test_too_long_suffix(self) -> None:
        """The last bytes of a file are all it has, if it has no more."""
        answer = self.ranges("-99999999")
        self.assertEqual((206, self.data), (answer.status, answer.body))

    def exchange(self, request: bytes) -> bytes:
        """Return all that comes for bytes sent, until the server closes."""
        with Connection(self.daemon.port) as connection:
            connection.send(request)
            return connection.everything()

    def test_old_version(self) -> None:
        """HTTP/1.0 works, without a Host, up and down, and the connection ends."""
        answer = self.exchange(f"GET {self.place} HTTP/1.0\r\n\r\n".encode())
        head, _, body = answer.partition(b"\r\n\r\n")
        self.assertRegex(head, rb"^HTTP/1\.[01] 200 ")
        self.assertEqual(self.data, body)
        head = self.exchange(f"GET {self.place} HTTP/1.0\r\nRange: bytes=5-9\r\n\r\n".encode())
        self.assertRegex(head, rb"^HTTP/1\.[01] 206 ")
        self.assertEqual(self.data[5:10], head.partition(b"\r\n\r\n")[2])
        target = self.daemon.target("other", 5)
        request = f"PUT {target} HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello"
        self.assertRegex(self.exchange(request.encode()), rb"^HTTP/1\.[01] 201 ")
        self.assert_comes_back(self.daemon, self.daemon.place("other"), b"hello")
