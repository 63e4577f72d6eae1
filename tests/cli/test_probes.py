"""Tests of hmacfs.cli.probes, with servers that say what they are told to."""

from __future__ import annotations

import contextlib
import pathlib
import re
import shutil
import socket
import ssl
import tempfile
import threading

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.cli import probes
from hmacfs.config import options
from hmacfs.config.checks.connectivity import Service, Target
from hmacfs.config.network import Address
from hmacfs.stores import redis_scripts
from tests.service.certificates import make_certificate

CALLED = re.compile(r"redis\.call\('(\w+)'")
AT = Address("server.example", 1)


class Server:
    """A server that has its answers ready before it is asked."""

    def __init__(self, answer: bytes) -> None:
        self._ours, self._theirs = socket.socketpair()
        self._theirs.sendall(answer)
        self._theirs.shutdown(socket.SHUT_WR)

    def connect(self, target: Target) -> socket.socket:
        """Give the client its end."""
        return self._ours

    def heard(self) -> bytes:
        """Tell what the client said, once it is gone."""
        said = b""
        # Who hangs up before the end of the answer resets the connection.
        with self._theirs, contextlib.suppress(ConnectionResetError):
            while data := self._theirs.recv(4096):
                said += data
        return said


class ProbeCase(SynchronousTestCase):
    """What tests of every service need."""

    service: Service
    user = "u"
    password = ""
    database = ""

    def tried(self, answer: bytes) -> tuple[probes.Answer, bytes]:
        """Try a server that answers so; return the outcome and what it heard."""
        target = Target(
            self.service,
            AT,
            options.REDIS_REDISENABLED,
            user=self.user,
            password=self.password,
            database=self.database,
            key_prefix="files:",
        )
        server = Server(answer)
        outcome = probes.probe(target, server.connect)
        return outcome, server.heard()

    def assertFails(self, answer: bytes, detail: str) -> None:  # noqa: N802 - as unittest has it
        """Fail unless the try fails with these words."""
        outcome, _ = self.tried(answer)
        self.assertEqual((outcome.fine, outcome.detail), (False, detail))

    def assertFine(self, answer: bytes, detail: str, heard: bytes) -> None:  # noqa: N802
        """Fail unless the try succeeds with these words, having said this."""
        outcome, said = self.tried(answer)
        self.assertEqual((outcome.fine, outcome.detail), (True, detail))
        self.assertEqual(said, heard)


class RedisTests(ProbeCase):
    """Redis."""

    service = Service.REDIS
    user = ""
    database = "3"

    def test_fine(self) -> None:
        """Redis is fine when it has the database, answers PING, and runs a script."""
        outcome, said = self.tried(b"+OK\r\n+PONG\r\n+DONE\r\n")
        self.assertEqual((outcome.fine, outcome.detail), (True, "PONG"))
        asked = b"*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n*1\r\n$4\r\nPING\r\n*5\r\n$4\r\nEVAL\r\n"
        self.assertTrue(said.startswith(asked), said)
        self.assertIn(b"\r\nfiles:try:", said)

    def test_all_commands(self) -> None:
        """The script does whatever the scripts of the server do."""
        scripts = [text for text in vars(redis_scripts).values() if isinstance(text, str)]
        used = {name for text in scripts for name in CALLED.findall(text)}
        self.assertEqual(set(CALLED.findall(redis_scripts.TRY)), used)

    def test_not_allowed(self) -> None:
        """A user who may do too little is told what it needs, and for which keys."""
        for answer in (b"-NOPERM this user", b"-ERR The user executing the script can't access"):
            outcome, _ = self.tried(b"+OK\r\n+PONG\r\n" + answer + b"\r\n")
            self.assertFalse(outcome.fine)
            self.assertIn("@scripting", outcome.detail)
            self.assertIn("the prefix is files:", outcome.detail)

    def test_refused(self) -> None:
        """A Redis that asks for a password says so."""
        self.assertFails(
            b"-NOAUTH Authentication required.\r\n",
            "SELECT was answered with 'NOAUTH Authentication required.'",
        )

    def test_closed(self) -> None:
        """A server that says nothing is not Redis."""
        self.assertFails(b"", "SELECT was answered with ''")


class RedisPasswordTests(ProbeCase):
    """Redis with a password."""

    service = Service.REDIS
    password = "pässword"
    database = "0"

    def test_password(self) -> None:
        """The user and the password are said first, in bytes."""
        outcome, said = self.tried(b"+OK\r\n+OK\r\n+PONG\r\n+DONE\r\n")
        self.assertTrue(outcome.fine)
        self.assertTrue(
            said.startswith("*3\r\n$4\r\nAUTH\r\n$1\r\nu\r\n$9\r\npässword\r\n".encode())
        )

    def test_wrong(self) -> None:
        """A wrong password is told, without showing it."""
        outcome, _ = self.tried(b"-WRONGPASS invalid username-password pair\r\n")
        self.assertFalse(outcome.fine)
        self.assertIn("AUTH was answered with 'WRONGPASS", outcome.detail)
        self.assertNotIn("pässword", str(outcome) + repr(outcome))


class ClamdTests(ProbeCase):
    """clamd."""

    service = Service.CLAMD

    def test_fine(self) -> None:
        """Clamd answers zPING with PONG and a zero."""
        self.assertFine(b"PONG\0", "PONG", b"zPING\0")

    def test_other(self) -> None:
        """Something else is not clamd."""
        self.assertFails(b"HTTP/1.1 400", "PING was answered with b'HTTP/'")
        self.assertFails(b"PO", "it closed the connection")


class ConnectTests(SynchronousTestCase):
    """Servers that cannot be reached."""

    def test_no_socket(self) -> None:
        """A Unix socket that is not there is told in the system's words."""
        target = Target(
            Service.CLAMD, pathlib.Path("/nonexistent/ctl"), options.CLAMAV_CLAMAVENABLED
        )
        self.assertEqual(
            str(probes.probe(target)),
            "clamd at /nonexistent/ctl: failed, No such file or directory",
        )

    def test_reached(self) -> None:
        """A listener is reached by its address, or by its path."""
        path = pathlib.Path(tempfile.mkdtemp(), "ctl")
        self.addCleanup(shutil.rmtree, path.parent)
        with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as unix:
            unix.bind(str(path))
            unix.listen()
            for at in (Address("127.0.0.1", tcp.getsockname()[1]), path):
                target = Target(Service.CLAMD, at, options.CLAMAV_CLAMAVENABLED)
                with probes.connect(target) as connection:
                    self.assertEqual(connection.gettimeout(), probes.TIMEOUT)

    def test_silent(self) -> None:
        """A server that says nothing in time has failed."""

        def connect(target: Target) -> socket.socket:
            raise TimeoutError

        target = Target(Service.REDIS, AT, options.REDIS_REDISENABLED)
        answer = probes.probe(target, connect)
        self.assertEqual((answer.fine, answer.detail), (False, "no answer within 5 seconds"))

    def test_forms(self) -> None:
        """An outcome is one line with the server and its place."""
        target = Target(Service.REDIS, AT, options.REDIS_REDISENABLED)
        self.assertEqual(
            str(probes.Answer(target, True, "PONG")), "Redis at server.example:1: fine, PONG"
        )


class CertificateTests(SynchronousTestCase):
    """Servers that speak TLS."""

    def setUp(self) -> None:
        name = "server.example"
        self.certificate, key = make_certificate(pathlib.Path(self.mktemp()), name, name)
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.context.load_cert_chain(self.certificate, key)

    def tried(self, host: str, ca_file: pathlib.Path | None) -> probes.Answer:
        """Try Redis over TLS at this host, with this certificate trusted."""
        ours, theirs = socket.socketpair()
        theirs.settimeout(60)

        def serve() -> None:
            with (
                theirs,
                contextlib.suppress(OSError),
                self.context.wrap_socket(theirs, server_side=True) as encrypted,
            ):
                encrypted.sendall(b"+OK\r\n+PONG\r\n+DONE\r\n")
                while encrypted.recv(4096):
                    pass

        thread = threading.Thread(target=serve)
        thread.start()
        self.addCleanup(thread.join)
        target = Target(
            Service.REDIS,
            Address(host, 1),
            options.REDIS_REDISENABLED,
            tls=True,
            ca_file=ca_file,
            database="0",
        )
        return probes.probe(target, lambda _: ours)

    def test_trusted(self) -> None:
        """A certificate that is vouched for, with the right name, is accepted."""
        self.assertEqual(self.tried("server.example", self.certificate).detail, "PONG")

    def test_strange(self) -> None:
        """A certificate that nobody vouches for is refused."""
        answer = self.tried("server.example", None)
        self.assertFalse(answer.fine)
        self.assertTrue(answer.detail.startswith("its certificate is refused: "), answer.detail)

    def test_wrong_name(self) -> None:
        """A certificate of another name is refused."""
        answer = self.tried("other.example", self.certificate)
        self.assertFalse(answer.fine)
        self.assertIn("other.example", answer.detail)
