"""Downloads that nginx sends by itself, as the example for it says."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tests.real import certificates, proxies
from tests.real.case import MEGABYTE, ServerCase, noise
from tests.real.client import Answer, Connection, Headers, ask
from tests.real.daemon import eventually

SIZE = 3 * MEGABYTE
PROXIED: Headers = {"X-Forwarded-For": "203.0.113.7"}


class AccelTests(ServerCase):
    """nginx with the example, before a server with ``downloads.x_accel_prefix``."""

    def setUp(self) -> None:
        self.certificate = certificates.make(self.directory())
        self.daemon = self.start({"downloads": {"x_accel_prefix": "/stored"}})
        directory = self.directory()
        self.proxy = proxies.nginx(directory, self.daemon.port, self.certificate)
        lines = proxies.example(
            "nginx/x-accel.conf", {"/var/lib/hmac-file-server/uploads": str(self.daemon.storage)}
        )
        site = directory / "site.conf"
        head, brace, _ = site.read_text(encoding="utf-8").rpartition("}")
        site.write_text(f"{head}{lines}{brace}\n", encoding="utf-8")
        # The files of this test belong to whoever runs it.
        whole = directory / "proxy.conf"
        text = whole.read_text(encoding="utf-8")
        whole.write_text(text.replace("user www-data;", "user root;"), encoding="utf-8")
        self.addCleanup(self.proxy.stop)
        self.proxy.start()
        self.data = noise(SIZE)
        with Connection(self.proxy.port, tls=self.certificate.trusting()) as connection:
            target = self.daemon.target("a+b c/d%25.jpg", SIZE, "image/jpeg")
            self.assert_status(201, connection.put(target, self.data, "image/jpeg"))

    def get(self, name: str = "a+b c/d%25.jpg", headers: Mapping[str, str] | None = None) -> Answer:
        """Return the answer to a GET through nginx."""
        with Connection(self.proxy.port, tls=self.certificate.trusting()) as connection:
            return connection.request("GET", self.daemon.place(name), headers)

    def test_sent_by_nginx(self) -> None:
        """The bytes come from nginx, with all that the server says of the file."""
        answer = self.get(headers={"Want-Repr-Digest": "sha-256=1"})
        self.assertEqual((200, self.data), (answer.status, answer.body))
        logged = re.compile(r"GET \S+ 200 in=0 out=0\b")
        eventually("an answer without bytes", lambda: logged.search(self.daemon.log))
        straight = ask(
            self.daemon.port,
            "GET",
            self.daemon.place("a+b c/d%25.jpg"),
            {"Want-Repr-Digest": "sha-256=1"},
        )
        self.assertEqual(self.data, straight.body)
        for name in (
            *("content-type", "content-length", "content-disposition", "cache-control", "etag"),
            *("content-security-policy", "x-content-type-options", "repr-digest"),
            *("access-control-allow-origin", "access-control-expose-headers"),
        ):
            self.assertEqual(straight.headers.get(name), answer.headers.get(name), name)
        self.assertNotIn("x-accel-redirect", answer.headers)

    def test_ranges(self) -> None:
        """A part is a part, also when the client says which file it is a part of."""
        part = {"Range": "bytes=1000-1999"}
        etag = self.get().headers["etag"]
        for more in ({}, {"If-Range": etag}, {"If-Match": etag}):
            answer = self.get(headers={**part, **more})
            self.assertEqual((206, self.data[1000:2000]), (answer.status, answer.body), more)
            self.assertEqual(f"bytes 1000-1999/{SIZE}", answer.headers["content-range"])
        other = self.get(headers={**part, "If-Range": '"other"'})
        self.assertEqual((200, self.data), (other.status, other.body))
        self.assert_status(412, self.get(headers={"If-Match": '"other"'}))
        self.assert_status(304, self.get(headers={"If-None-Match": etag}))
        self.assert_status(416, self.get(headers={"Range": f"bytes={SIZE}-"}))

    def configure(self, old: str, new: str) -> None:
        """Change the configuration of the server, and start it again."""
        text = self.daemon.config.read_text(encoding="utf-8")
        self.daemon.config.write_text(text.replace(old, new), encoding="utf-8")
        self.daemon.restart()

    def test_hidden(self) -> None:
        """nginx finds files whose names are hidden, too."""
        self.configure("[server]", '[server]\nfile_naming = "HMAC"')
        data = noise(SIZE, "hidden")
        with Connection(self.daemon.port) as connection:
            answer = connection.put(self.daemon.target("hidden.jpg", SIZE), data)
        self.assert_status(201, answer)
        self.assertNotIn("hidden.jpg", self.daemon.stored())
        answer = self.get("hidden.jpg")
        self.assertEqual((200, data), (answer.status, answer.body))
        logged = re.compile(r"GET \S*hidden\S+ 200 in=0 out=0\b")
        eventually("an answer without bytes", lambda: logged.search(self.daemon.log))

    def test_replaced(self) -> None:
        """A file that may be replaced is sent by the server, which knows what it has opened."""
        self.configure("[server]", "[versioning]\nenableversioning = true\n\n[server]")
        answer = self.get()
        self.assertEqual((200, self.data), (answer.status, answer.body))
        logged = re.compile(rf"GET \S+ 200 in=0 out={SIZE}\b")
        eventually("an answer with bytes", lambda: logged.search(self.daemon.log))

    def test_closed(self) -> None:
        """Nobody gets at the storage but by way of the server."""
        with Connection(self.proxy.port, tls=self.certificate.trusting()) as connection:
            for target in ("/stored/a+b%20c/d%2525.jpg", "/stored/.hmacfs/index.sqlite"):
                self.assert_status(404, connection.request("GET", target), target)
        self.assert_status(404, self.get("no such file"))

    def test_without_proxy(self) -> None:
        """Who claims to be behind a proxy and is not trusted gets the bytes, and no path."""
        self.daemon.stop()
        config = self.daemon.storage.with_name("config.toml")
        text = config.read_text(encoding="utf-8")
        config.write_text(
            text.replace("[server]", '[server]\ntrusted_proxies = ["127.0.0.2/32"]'),
            encoding="utf-8",
        )
        self.daemon.start()
        answer = ask(self.daemon.port, "GET", self.daemon.place("a+b c/d%25.jpg"), PROXIED)
        self.assertEqual((200, self.data), (answer.status, answer.body))
        self.assertNotIn("x-accel-redirect", answer.headers)
