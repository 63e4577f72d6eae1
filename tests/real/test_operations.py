"""A server that is looked after: stopped, reloaded, given another certificate, out of log space."""

from __future__ import annotations

import hashlib
import os
import signal
from typing import Final

from tests.ports import free_port
from tests.real import certificates
from tests.real.case import KILOBYTE, MEGABYTE, ServerCase, noise
from tests.real.certificates import Certificate
from tests.real.client import Connection, ask, put
from tests.real.daemon import Daemon, eventually, refused_at
from tests.real.load import Load

UPLOADS: Final = 20
SIZE: Final = 2 * MEGABYTE
LARGE: Final = 64 * MEGABYTE
CLIENTS: Final = 4
RELOADS: Final = 10
RELOADED: Final = "the configuration was reloaded"
LOG_DISK: Final = 256 * KILOBYTE


class OperatedCase(ServerCase):
    """A server with and without TLS."""

    def setUp(self) -> None:
        self.certificate = certificates.make(self.directory(), "first")
        self.tls_port = free_port()
        self.daemon = self.start(
            {
                "server": {"listeners": [f"tls:127.0.0.1:{self.tls_port}"]},
                "tls": {
                    "cert_file": os.fspath(self.certificate.certificate),
                    "key_file": os.fspath(self.certificate.key),
                },
            }
        )
        self.context = self.certificate.trusting()

    def plain(self) -> Connection:
        """Return a plain connection."""
        return Connection(self.daemon.port)

    def secure(self) -> Connection:
        """Return a connection over TLS."""
        return Connection(self.tls_port, tls=self.context)

    def reload(self) -> None:
        """Have the configuration read again, and wait until it is."""
        before = self.daemon.log.count(RELOADED)
        self.daemon.process.send_signal(signal.SIGHUP)
        eventually("the reload", lambda: self.daemon.log.count(RELOADED) > before)


class TerminatedTests(OperatedCase):
    """SIGTERM."""

    def test_uploads_under_way(self) -> None:
        """Of 20 uploads that are under way all are ended and stored; new ones are refused."""
        # It does not say farewell, as TLS would have it: that is no reason to wait for it.
        idle = self.secure()
        self.addCleanup(idle.close)
        self.assertTrue(idle.works())
        connections = []
        for number in range(UPLOADS):
            connection = self.secure() if number % 2 else self.plain()
            self.addCleanup(connection.close)
            target = self.daemon.target(f"file {number}", SIZE)
            connection.begin("PUT", target, {"Content-Length": SIZE})
            connection.send(noise(SIZE, number)[: SIZE * (number + 1) // (UPLOADS + 2)])
            connections.append(connection)
        eventually("all uploads to be staged", lambda: len(self.daemon.stages()) == UPLOADS)
        self.daemon.terminate()
        self.assert_refuses_all(self.daemon.port)
        self.assert_refuses_all(self.tls_port, self.context)
        late = put(self.daemon.port, self.daemon.target("late", 1), b"1")
        self.assertEqual((503, "10"), (late.status, late.headers["retry-after"]))
        for number, connection in enumerate(connections):
            connection.send(noise(SIZE, number)[SIZE * (number + 1) // (UPLOADS + 2) :])
        for number, connection in enumerate(connections):
            answer = connection.answer("PUT")
            self.assert_status(201, answer, number)
            self.assertTrue(answer.closes, number)
            connection.close()
        self.assertEqual(0, self.daemon.wait())
        for port in (self.daemon.port, self.tls_port):
            self.assertTrue(refused_at(port)())
        self.assertEqual((UPLOADS, []), (len(self.daemon.stored()), self.daemon.stages()))
        self.daemon.start()
        for number in range(UPLOADS):
            place = self.daemon.place(f"file {number}")
            self.assert_comes_back(self.daemon, place, noise(SIZE, number))


class ReloadedTests(OperatedCase):
    """SIGHUP."""

    def test_under_load(self) -> None:
        """Reloads in the midst of uploads and downloads fail none of them."""
        with Load(self.daemon, CLIENTS, self.plain) as load:
            for _ in range(RELOADS):
                load.go_on()
                self.reload()
            load.go_on()
        self.assertEqual([], load.failures)

    def test_upload_under_way(self) -> None:
        """An upload that began before a reload ends after it."""
        data = noise(SIZE)
        with self.plain() as connection:
            target = self.daemon.target("name", SIZE)
            connection.begin("PUT", target, {"Content-Length": SIZE})
            connection.send(data[: SIZE // 2])
            eventually("a stage", self.daemon.stages)
            self.reload()
            connection.send(data[SIZE // 2 :])
            self.assert_status(201, connection.answer("PUT"))
            self.assertTrue(connection.works())
        self.assert_comes_back(self.daemon, self.daemon.place("name"), data)


class CertificateTests(OperatedCase):
    """The certificate is exchanged."""

    def setUp(self) -> None:
        super().setUp()
        self.first = self.certificate.copied(self.directory())
        self.second = certificates.make(self.directory(), "second")
        self.context.load_verify_locations(self.second.certificate)

    def assert_shown(self, certificate: Certificate) -> None:
        """Fail unless a new connection is shown this certificate."""
        with self.secure() as connection:
            self.assertTrue(connection.works())
            self.assertEqual(certificate.der, connection.certificate())

    def exchange(self, other: Certificate) -> None:
        """Put another certificate in the place of the present one, and reload."""
        self.certificate.replace(other)
        self.reload()

    def test_under_load(self) -> None:
        """No request fails, whoever comes later sees the new one, the old connections go on."""
        data = noise(LARGE)
        target = self.daemon.target("large", LARGE)
        self.assert_status(201, put(self.daemon.port, target, data))
        self.assert_shown(self.first)
        with (
            Load(self.daemon, CLIENTS, self.secure) as load,
            self.secure() as idle,
            self.secure() as slow,
        ):
            self.assertTrue(idle.works())
            self.assertTrue(slow.works())
            slow.begin("GET", self.daemon.place("large"))
            for other in (self.second, self.first) * 2:
                load.go_on()
                self.exchange(other)
                self.assert_shown(other)
            load.go_on()
            self.assertTrue(idle.works())
            answer = slow.answer(keep=False)
            self.assertEqual(hashlib.sha256(data).hexdigest(), answer.sha256)
        self.assertEqual([], load.failures)

    def test_unusable(self) -> None:
        """A certificate that cannot be used changes nothing, and the log says why."""
        self.certificate.key.write_bytes(self.second.key.read_bytes())
        self.reload()
        self.assert_shown(self.first)
        self.assertIn("the old certificate stays in force", self.daemon.log)


class LogDiskTests(ServerCase):
    """The disk of the log is full."""

    def setUp(self) -> None:
        self.disk = self.small_disk(LOG_DISK)
        self.log = self.disk / "server.log"
        self.daemon = self.start({"logging": {"file": os.fspath(self.log)}})

    def fill(self) -> None:
        """Leave no byte for the log."""
        with (self.disk / "ballast").open("wb", buffering=0) as ballast:
            while (state := os.statvfs(self.disk)).f_bavail:
                ballast.write(bytes(state.f_bavail * state.f_frsize))

    def test_full(self) -> None:
        """Requests are answered as before, and are logged again when there is room."""
        self.use(self.daemon, "before")
        eventually("the log", lambda: "before" in self.log.read_text(encoding="utf-8"))
        self.fill()
        before = self.daemon.open_descriptors()
        with Load(self.daemon, CLIENTS, lambda: Connection(self.daemon.port)) as load:
            for _ in range(RELOADS):
                load.go_on()
        self.assertEqual([], load.failures)
        self.use(self.daemon, "meanwhile")
        eventually("the descriptors to be closed", lambda: self.daemon.open_descriptors() <= before)
        (self.disk / "ballast").unlink()

        def is_logged() -> bool:
            ask(self.daemon.port, "GET", "/upload/after")
            return "after" in self.log.read_text(encoding="utf-8", errors="replace")

        eventually("the log to go on", is_logged)
        self.assertEqual(0, self.daemon.stop())

    def use(self, daemon: Daemon, name: str) -> None:
        """Fail unless a file goes up and comes back."""
        data = noise(SIZE, name)
        self.assert_status(201, put(daemon.port, daemon.target(name, SIZE), data))
        self.assert_comes_back(daemon, daemon.place(name), data)
