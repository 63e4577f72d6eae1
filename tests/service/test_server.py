"""The composition root, on the real reactor and a real directory."""

from __future__ import annotations

import http.client
import os
import socket
import ssl
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID
from twisted.internet.threads import deferToThread
from twisted.logger import LogLevel, capturedLogs, formatEvent

from hmacfs.config import options
from hmacfs.config.option import Option
from hmacfs.service.foundation import CannotStart
from hmacfs.service.server import FileServer
from tests.ports import free_port
from tests.service.certificates import make_certificate
from tests.service.server_case import ServerCase


class FileServerTests(ServerCase):
    """Starting, serving and stopping."""

    async def test_a_file_goes_in_and_comes_back(self) -> None:
        """An upload is served again, also by a server that starts later on the same storage."""
        server = await self.started()
        self.assertEqual(await self.put("a/b", b"hello"), (201, b""))
        self.assertEqual(await self.ask("GET", "/upload/a/b"), (200, b"hello"))
        self.assertEqual(await self.ask("GET", "/health"), (200, b"OK\n"))
        await server.stopService()
        await self.started()
        self.assertEqual(await self.ask("GET", "/upload/a/b"), (200, b"hello"))

    async def test_recovery(self) -> None:
        """A published upload that the index never heard of is there after the next start."""
        server = await self.started()
        await self.put("a/b", b"hello")
        await server.stopService()
        for path in (self.root / ".hmacfs").glob("index.sqlite*"):
            path.unlink()
        await self.started()
        self.assertEqual((await self.ask("GET", "/upload/a/b"))[0], 404)
        self.assertEqual((await self.put("a/b", b"hello"))[0], 201)
        self.assertEqual(await self.ask("GET", "/upload/a/b"), (200, b"hello"))

    async def failed_start(self, server: FileServer) -> str:
        """Start a server that cannot, and tell why."""
        server.startService()
        try:
            await server.ready()
        except CannotStart as error:
            return str(error)
        self.fail("it started")

    async def test_port_taken(self) -> None:
        """A port that is taken is said in a sentence, and everything is closed again."""
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind(("127.0.0.1", self.port))
            other.listen()
            reason = await self.failed_start(self.server())
        self.assertIn(f"cannot listen on 127.0.0.1:{self.port}: Address already in use", reason)
        await self.started()

    async def test_storage_taken(self) -> None:
        """A second daemon on one storage is refused."""
        await self.started()
        reason = await self.failed_start(self.server())
        self.assertIn("another hmac-file-server is running", reason)

    async def test_storage_is_a_file(self) -> None:
        """A storage path that cannot be a directory is said in a sentence."""
        self.root.write_bytes(b"")
        reason = await self.failed_start(self.server())
        self.assertIn(str(self.root), reason)

    async def test_unix_socket(self) -> None:
        """A server on a Unix socket takes its file away when it stops."""
        path = Path("u").resolve()
        server = await self.started(
            {options.SERVER_UNIX_SOCKET: True, options.SERVER_UNIX_SOCKET_PATH: path}
        )

        def talk() -> bytes:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(60)
                client.connect(str(path))
                client.sendall(b"GET /health HTTP/1.0\r\n\r\n")
                return client.recv(9999)

        answer = await deferToThread(talk)
        self.assertTrue(answer.startswith(b"HTTP/1.0 200 OK\r\n"), answer)
        await server.stopService()
        self.assertFalse(path.exists())

    async def test_several_listeners(self) -> None:
        """Each of the listeners serves the same files."""
        other = free_port()
        await self.started({options.SERVER_LISTENERS: (f"tcp:[::1]:{other}",)})
        await self.put("a", b"1")
        self.port, first = other, self.port
        self.host = "::1"
        self.assertEqual(await self.ask("GET", "/upload/a"), (200, b"1"))
        self.assertNotEqual(first, other)

    async def test_reload(self) -> None:
        """A reload takes what may change, keeps what may not, and cuts nobody."""
        server = await self.started()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        self.addCleanup(connection.close)

        def health() -> int:
            connection.request("GET", "/health")
            response = connection.getresponse()
            response.read()
            return response.status

        self.assertEqual(await deferToThread(health), 200)
        before = connection.sock
        elsewhere = Path(self.mktemp())
        await server.reload(
            self.settings(
                {options.SERVER_MAX_UPLOAD_SIZE: 3, options.SERVER_STORAGE_PATH: elsewhere}
            )
        )
        self.assertEqual((await self.put("a", b"1234"))[0], 413)
        self.assertEqual((await self.put("b", b"123"))[0], 201)
        self.assertTrue((self.root / "b").exists())
        self.assertFalse(elsewhere.exists())
        self.assertEqual(await deferToThread(health), 200)
        self.assertIs(connection.sock, before)

    async def test_certificate_exchange(self) -> None:
        """New connections get the new certificate; one that is no good changes nothing."""
        directory = Path(self.mktemp())
        one, two = (make_certificate(directory, name) for name in ("one", "two"))

        def tls(pair: tuple[Path, Path]) -> dict[Option[Any], Any]:
            return {
                options.TLS_ENABLED: True,
                options.TLS_CERT_FILE: pair[0],
                options.TLS_KEY_FILE: pair[1],
            }

        server = await self.started(tls(one))
        self.assertEqual(await deferToThread(self.common_name), ("one", "http/1.1"))
        await server.reload(self.settings(tls(two)))
        self.assertEqual(await deferToThread(self.common_name), ("two", "http/1.1"))
        await server.reload(self.settings(tls((one[0], two[1]))))
        self.assertEqual(await deferToThread(self.common_name), ("two", "http/1.1"))

    def common_name(self) -> tuple[str, str | None]:
        """Tell whose certificate the server shows, and the protocol it chooses."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols(["h2", "http/1.1"])
        with (
            socket.create_connection(("127.0.0.1", self.port), 10) as plain,
            context.wrap_socket(plain) as client,
        ):
            client.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertTrue(client.recv(9999).startswith(b"HTTP/1.1 200 OK"))
            shown = x509.load_der_x509_certificate(client.getpeercert(True) or b"")
            name = shown.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
            return str(name), client.selected_alpn_protocol()

    async def test_bad_certificate(self) -> None:
        """A certificate that cannot be used stops the start with a sentence."""
        missing = Path("missing.pem").resolve()
        reason = await self.failed_start(
            self.server({options.TLS_ENABLED: True, options.TLS_CERT_FILE: missing})
        )
        self.assertEqual(reason, f"cannot read {missing}: No such file or directory")

    async def test_pid_file(self) -> None:
        """The pid file holds our process id while the server runs."""
        path = Path(self.mktemp())
        server = await self.started({options.SERVER_PID_FILE: path})
        self.assertEqual(path.read_text(encoding="ascii"), f"{os.getpid()}\n")
        await server.stopService()
        self.assertFalse(path.exists())

    async def test_pid_file_that_cannot_be(self) -> None:
        """A pid file that cannot be written is told, and the server runs without one."""
        with capturedLogs() as logged:
            server = await self.started({options.SERVER_PID_FILE: Path("/nowhere/pid")})
        (told,) = [formatEvent(event) for event in logged if event["log_level"] is LogLevel.error]
        self.assertEqual(told, "cannot write the pid file /nowhere/pid: No such file or directory")
        await server.stopService()
