"""The examples for nginx and Apache: what they are put before works through them as without."""

from __future__ import annotations

import atexit
import base64
import functools
import hashlib
import hmac
import json
import pathlib
import re
import subprocess
import time
import uuid
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

from tests.real import certificates, proxies
from tests.real.case import MEGABYTE, ServerCase, lasting_directory, noise
from tests.real.certificates import Certificate
from tests.real.client import Answer, Connection, Headers
from tests.real.daemon import SECRET, Sections, eventually
from tests.real.proxies import Proxy
from tests.real.web_socket import SocketClient

SIZE: Final = 2 * MEGABYTE
LARGE: Final = 100 * MEGABYTE
UNFINISHED: Final = 32 * MEGABYTE
"""More than all buffers on the way hold."""

TRUSTING: Final[Sections] = {"server": {"trusted_proxies": ["127.0.0.1/32"]}}
ELSEWHERE: Final = "127.0.0.9"
CLAIMED: Final[Headers] = {
    "X-Forwarded-For": "203.0.113.7",
    "Forwarded": "for=203.0.113.8",
}


Made = Callable[[pathlib.Path, int, Certificate], Proxy]


@functools.cache
def proxy_before(make: Made, port: int) -> tuple[Proxy, Certificate]:
    """Start a proxy before the server on a port, for all tests that leave it as it is."""
    directory = lasting_directory()
    certificate = certificates.make(directory)
    proxy = make(directory, port, certificate)
    atexit.register(proxy.stop)
    proxy.start()
    return proxy, certificate


class Cases:
    """What is true of every proxy; ``make`` says which one it is."""

    class ProxyCase(ServerCase):
        """A server behind a proxy."""

        answers_expect_itself = False

        def setUp(self) -> None:
            self.daemon = self.together(TRUSTING)
            self.proxy, self.certificate = proxy_before(self.make, self.daemon.port)
            self.data = noise(SIZE, self.label)
            self.target = self.daemon.target(self.label, SIZE)

        @staticmethod
        def make(directory: pathlib.Path, backend: int, certificate: Certificate) -> Proxy:
            """Return the proxy for a server on this port."""
            raise NotImplementedError

        def proxy_alone(self) -> Proxy:
            """Start a proxy that no other test has, before the server of this one."""
            proxy = self.make(self.directory(), self.daemon.port, self.certificate)
            self.addCleanup(proxy.stop)
            proxy.start()
            return proxy

        def through(self, source: str = "") -> Connection:
            """Return a connection to the proxy, which is closed after the test."""
            connection = Connection(self.proxy.port, source, self.certificate.trusting())
            self.addCleanup(connection.close)
            return connection

        def upload(self) -> None:
            """Store the file, through the proxy."""
            self.assert_status(201, self.through().put(self.target, self.data))

        def get(self, headers: Headers | None = None, method: str = "GET") -> Answer:
            """Return the answer to a request for the file, through the proxy."""
            return self.through().request(method, self.daemon.place(self.label), headers)

        def assert_logs(self, pattern: str) -> None:
            """Fail unless the server logs this soon."""
            eventually(f"{pattern!r} in the log", lambda: re.search(pattern, self.daemon.log))

        def test_upload_streams(self) -> None:
            """Bytes of an upload reach the disk while its client still sends."""
            connection = self.through()
            connection.begin("PUT", self.target, {"Content-Length": SIZE})
            connection.send(self.data[: SIZE // 2])
            eventually(
                "half of the file on the disk",
                lambda: any(stage.stat().st_size > SIZE // 4 for stage in self.daemon.stages()),
            )
            connection.send(self.data[SIZE // 2 :])
            self.assert_status(201, connection.answer("PUT"))
            self.assertEqual(self.data, self.get().body)

        def test_upload_in_chunks(self) -> None:
            """A body in chunks is stored as one with a length."""
            connection = self.through()
            connection.begin(
                "PUT", self.target, {"Transfer-Encoding": "chunked", "X-File-Size": SIZE}
            )
            connection.send(b"%x\r\n%s\r\n0\r\n\r\n" % (SIZE, self.data))
            self.assert_status(201, connection.answer("PUT"))
            self.assertEqual(self.data, self.get().body)

        def test_other_dialect(self) -> None:
            """An upload whose client knows of resumable ones gets its final answer."""
            connection = self.through()
            headers: Headers = {
                "Content-Length": SIZE,
                "Upload-Draft-Interop-Version": "6",
                "Upload-Complete": "?1",
            }
            connection.begin("PUT", self.target, headers)
            connection.send(self.data)
            self.assert_status(201, connection.answer("PUT"))

        def test_large(self) -> None:
            """A file of 100 MB goes up and comes down."""
            data = noise(LARGE)
            target = self.daemon.target(self.label, LARGE)
            self.assert_status(201, self.through().put(target, data))
            connection = self.through()
            connection.begin("GET", self.daemon.place(self.label))
            answer = connection.answer(keep=False)
            self.assert_status(200, answer)
            self.assertEqual(hashlib.sha256(data).hexdigest(), answer.sha256)

        def test_http2(self) -> None:
            """Clients may speak HTTP/2 with the proxy, up and down."""
            file = self.directory() / "file"
            file.write_bytes(self.data)
            curl = ["curl", "-sS", "--http2", "--cacert", str(self.certificate.certificate)]
            url = f"https://localhost:{self.proxy.port}"
            resolve = ["--resolve", f"localhost:{self.proxy.port}:127.0.0.1"]
            status = ["-w", "%{http_version} %{response_code}"]
            up = [*curl, *resolve, *status, "-T", str(file), url + self.target]
            done = subprocess.run(up, capture_output=True, text=True, check=True)
            self.assertEqual("2 201", done.stdout, done.stderr)
            down = [*curl, *resolve, url + self.daemon.place(self.label)]
            self.assertEqual(
                self.data, subprocess.run(down, capture_output=True, check=True).stdout
            )

        def test_refused_before_the_body(self) -> None:
            """An upload that is refused needs no byte of its body for that."""
            connection = self.through()
            wrong = self.daemon.place(self.label) + "?v2=" + "0" * 64
            connection.begin("PUT", wrong, {"Content-Length": LARGE, "Expect": "100-continue"})
            if self.answers_expect_itself:
                self.assert_status(100, connection.answer())
            self.assert_status(403, connection.answer("PUT"))
            self.assert_logs(rf"PUT \S+/{self.label}\S* 403 in=0 ")

        def test_asked_for(self) -> None:
            """A client that waits for 100 Continue gets it, once, and then the answer."""
            connection = self.through()
            connection.begin("PUT", self.target, {"Content-Length": SIZE, "Expect": "100-continue"})
            self.assert_status(100, connection.answer())
            connection.send(self.data)
            self.assert_status(201, connection.answer("PUT"))

        def test_refused_in_the_body(self) -> None:
            """A client that sends all of the body first can read why it was refused."""
            wrong = self.daemon.place(self.label) + "?v2=" + "0" * 64
            self.assert_status(403, self.through().put(wrong, self.data))

        def test_ranges(self) -> None:
            """A part of the file comes as a part."""
            self.upload()
            answer = self.get({"Range": "bytes=1000-1999"})
            self.assert_status(206, answer)
            self.assertEqual(self.data[1000:2000], answer.body)
            self.assertEqual(f"bytes 1000-1999/{SIZE}", answer.headers["content-range"])
            self.assert_status(416, self.get({"Range": f"bytes={SIZE}-"}))

        def test_conditional(self) -> None:
            """A client that has the file is told so, and one that wants another one too."""
            self.upload()
            head = self.get(method="HEAD")
            self.assert_status(200, head)
            self.assertEqual(str(SIZE), head.headers["content-length"])
            etag = head.headers["etag"]
            self.assert_status(304, self.get({"If-None-Match": etag}))
            self.assert_status(412, self.get({"If-Match": '"other"'}))
            answer = self.get({"If-Range": etag, "Range": "bytes=0-0"})
            self.assertEqual((206, self.data[:1]), (answer.status, answer.body))

        def test_names(self) -> None:
            """Names come through as they were signed, whatever is in them."""
            for name in ("a+b c.jpg", "100%25.txt", "\u0444\u0430\u0439\u043b \U0001f642", "d/e.f"):
                target = self.daemon.target(name, len(b"hello"))
                self.assert_status(201, self.through().put(target, b"hello"), name)
                answer = self.through().request("GET", self.daemon.place(name))
                self.assertEqual((200, b"hello"), (answer.status, answer.body), name)
            # Were the slashes folded on the way, it would be the last of the files.
            self.assert_status(404, self.through().request("GET", "/upload/d//e.f"))

        def test_without_prefix(self) -> None:
            """It is the same where names begin right after the host."""
            server = {**TRUSTING["server"], "upload_prefix": ""}
            self.daemon = self.start({"server": server})
            self.proxy = self.proxy_alone()
            target = self.daemon.target("d/name", SIZE)
            answer = self.through().put(target, self.data)
            self.assertEqual((201, "/d/name"), (answer.status, answer.headers["location"]))
            self.assertEqual(self.data, self.through().request("GET", "/d/name").body)

        def test_client_address(self) -> None:
            """The log names the client, and not the proxy nor whom the client claims to be."""
            self.assert_status(404, self.through(ELSEWHERE).request("GET", "/upload/none", CLAIMED))
            self.assert_logs("GET /upload/none 404")
            self.assertIn(f"{ELSEWHERE} GET /upload/none 404", self.daemon.log)

        def test_no_macs_in_the_log(self) -> None:
            """The proxy's log has the path and not the MAC."""
            self.upload()
            place = self.daemon.place(self.label)
            eventually("the path in the proxy's log", lambda: place in self.proxy.access_log)
            self.assertFalse([mac for mac in self.daemon.macs if mac in self.proxy.access_log])

        def session(self) -> dict[str, Any]:
            """Begin an upload session for the file, through the proxy."""
            order = json.dumps({"filename": self.label, "size": SIZE}).encode()
            now, upload_id = int(time.time()), str(uuid.uuid4())
            digest = hashlib.sha256(order).hexdigest()
            message = f"POST/api/v3/upload{now}{upload_id}{digest}".encode()
            signature = base64.b64encode(hmac.digest(SECRET.encode(), message, "sha256")).decode()
            headers: Headers = {
                "Authorization": f"HMAC-SHA256-V2 {signature}",
                "X-Upload-Timestamp": now,
                "X-Upload-ID": upload_id,
                "X-Content-SHA256": digest,
                "Content-Type": "application/json",
                "Content-Length": len(order),
                "Host": "localhost",
            }
            connection = self.through()
            connection.begin("POST", "/api/v3/upload", headers)
            connection.send(order)
            answer = connection.answer("POST")
            self.assert_status(201, answer)
            return dict(json.loads(answer.body))

        def test_session(self) -> None:
            """A session's file goes up, and is followed over a WebSocket; no log has its id."""
            session = self.session()
            self.assertTrue(session["status_url"].startswith("https://localhost"), session)
            self.assertTrue(session["websocket_url"].startswith("wss://localhost"), session)
            target = urlsplit(session["upload_urls"]["put"]).path
            socket = urlsplit(session["websocket_url"]).path
            tls = self.certificate.trusting()
            with SocketClient(self.proxy.port, socket, tls) as client:
                self.assert_status(201, self.through().put(target, self.data))
                told, code = client.to_the_end()
            self.assertEqual(("stored", 1000), (told[-1]["state"], code))
            shown = ("/api/v3/upload/***", "/api/v3/progress/***")
            eventually(
                "both in the proxy's log",
                lambda: all(place in self.proxy.access_log for place in shown),
            )
            session_id = session["session_id"].removeprefix("sess_")
            for log in (self.proxy.access_log, self.daemon.log):
                self.assertNotIn(session_id, log)

        def to_the_server(self) -> set[str]:
            """Return what tells the connections apart that the server has with the proxy."""
            # The second column ends with our port in hexadecimal; 01 is an open connection; the
            # tenth column is the inode.
            table = pathlib.Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
            rows = [line.split() for line in table]
            here = f":{self.daemon.port:04X}"
            return {row[9] for row in rows if row[1].endswith(here) and row[3] == "01"}

        def test_connections_are_kept(self) -> None:
            """Many requests of a client are one connection to the proxy and one to the server."""
            others = self.to_the_server()
            self.proxy = self.proxy_alone()
            connection = self.through()
            self.assert_status(201, connection.put(self.target, self.data))
            kept = self.to_the_server() - others
            self.assertEqual(1, len(kept))
            for _ in range(20):
                answer = connection.request("GET", self.daemon.place(self.label))
                self.assertEqual((200, self.data), (answer.status, answer.body))
            self.assertEqual(kept, self.to_the_server() - others)

        def held(self) -> int:
            """Return how many descriptors the server has open, beside what the proxy keeps open."""
            return self.daemon.open_descriptors() - len(self.to_the_server())

        def test_vanishes_in_upload(self) -> None:
            """A client that vanishes in mid-upload leaves nothing, and no descriptor."""
            self.assert_status(404, self.get())
            before = self.held()
            connections = [self.through() for _ in range(8)]
            for number, connection in enumerate(connections):
                connection.begin("PUT", self.target, {"Content-Length": SIZE})
                connection.send(self.data[: SIZE * (number + 1) // 9])
            eventually("all stages", lambda: len(self.daemon.stages()) == len(connections))
            for connection in connections:
                connection.reset()
            eventually("the stages to go", lambda: not self.daemon.stages())
            self.assertNotIn(self.label, self.daemon.stored())
            eventually("the descriptors to be closed", lambda: self.held() <= before)
            self.upload()

        def test_vanishes_in_download(self) -> None:
            """A client that vanishes in mid-download takes nothing of the server with it."""
            data = noise(UNFINISHED)
            target = self.daemon.target(self.label, UNFINISHED)
            self.assert_status(201, self.through().put(target, data))
            before = self.held()
            for _ in range(8):
                connection = self.through()
                connection.begin("GET", self.daemon.place(self.label))
                self.assertFalse(connection.is_silent(20))
                connection.reset()
            eventually("the descriptors to be closed", lambda: self.held() <= before)


class NginxTests(Cases.ProxyCase):
    """nginx."""

    answers_expect_itself = True
    make = staticmethod(proxies.nginx)


class ApacheTests(Cases.ProxyCase):
    """Apache."""

    make = staticmethod(proxies.apache)
