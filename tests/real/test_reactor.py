"""Nothing that blocks is done by the thread of the reactor, whatever clients ask for."""

from __future__ import annotations

import base64
import os
import time
from types import MappingProxyType

from tests.forms import CONTENT_TYPE, Part, form
from tests.library.images import image
from tests.real import reactor_watch
from tests.real.case import noise
from tests.real.client import Answer, Connection, Headers
from tests.real.daemon import CHECKOUT, Daemon, eventually
from tests.real.v3_case import CHUNK, JWT_SECRET, SessionCase, target_of

SIZE = CHUNK + 1000


class ReactorTests(SessionCase):
    """A server of which each such event is noted."""

    def setUp(self) -> None:
        place = self.directory()
        (place / "sitecustomize.py").write_text(reactor_watch.MODULE, encoding="utf-8")
        self.notes = place / "notes"
        self.daemon = Daemon(
            place / "server",
            {
                "security": {"enablejwt": True, "jwtsecret": JWT_SECRET},
                "uploads": {"chunk_size": CHUNK, "blocked_extensions": [".exe"]},
                "validation": {"check_magic_bytes": True},
                "quotas": {"enabled": True, "default": "1GB", "daily": "1GB"},
                "thumbnails": {"enabled": True, "size": ["64x64"]},
                "retention": {"report_path": os.fspath(place / "report"), "max_size": "1GB"},
                "logging": {"file": os.fspath(place / "server.log")},
                "audit": {"enabled": True, "path": os.fspath(place / "audit.log")},
            },
        )
        self.daemon.launcher = [
            "env",
            f"PYTHONPATH={place}:{CHECKOUT}",
            f"{reactor_watch.PLACE}={self.notes}",
        ]
        self.addCleanup(self._end, self.daemon)
        self.daemon.start()
        self.data = noise(SIZE)
        self.signed = {"Authorization": f"Bearer {self.token(scope=['upload', 'delete'])}"}

    def ask(
        self,
        status: int,
        method: str,
        target: str,
        body: bytes = b"",
        headers: Headers = MappingProxyType({}),
    ) -> Answer:
        """Send a request and see that it is answered so."""
        with Connection(self.daemon.port) as connection:
            connection.begin(method, target, {"Content-Length": len(body), **headers})
            connection.send(body)
            answer = connection.answer(method)
        self.assert_status(status, answer, (method, target))
        return answer

    def break_off(self, method: str, target: str, headers: Headers) -> None:
        """Send half a body."""
        with Connection(self.daemon.port) as connection:
            connection.begin(method, target, {"Content-Length": SIZE, **headers})
            connection.send(self.data[: SIZE // 2])
            connection.reset()

    def test_every_way(self) -> None:
        """Uploads in each dialect, broken and whole, downloads, pictures and deletes: no event."""
        self.assertTrue(self.notes.read_text(encoding="utf-8"), "its start is noted")
        began = time.time()
        daemon, data = self.daemon, self.data
        for _ in range(2):
            self.ask(201, "PUT", daemon.target("a", SIZE), data)
        self.ask(200, "GET", daemon.place("a"))
        self.ask(206, "GET", daemon.place("a"), headers={"Range": "bytes=1-9,20-30"})
        self.ask(404, "GET", daemon.place("none"))
        self.ask(415, "PUT", daemon.target("a.exe", SIZE), data)
        self.break_off("PUT", daemon.target("broken", SIZE), {})
        token: Headers = {"X-Session-Token": "t"}
        self.break_off("PUT", daemon.target("token", SIZE), token)
        self.ask(201, "PUT", daemon.target("token", SIZE), data, token)
        draft: Headers = {"Upload-Complete": "?1", "Upload-Draft-Interop-Version": "9"}
        self.break_off("PUT", daemon.target("draft", SIZE), draft)
        self.ask(201, "PUT", daemon.target("draft", SIZE), data, draft)
        self.tus()
        session = self.create(daemon, data)
        self.break_off("PUT", target_of(session["upload_urls"]["put"]), {})
        for index in (1, 0):
            self.put_chunk(daemon, session, index, data)
        self.assert_stored(daemon, session, data)
        picture = image("PNG")
        target = daemon.target("p.png", len(picture), "image/png")
        self.ask(201, "PUT", target, picture, {"Content-Type": "image/png"})
        eventually("a small picture", lambda: self.is_there("/thumbnail/p.png"))
        body = form(Part("file", data, "f.bin"))
        self.ask(201, "POST", "/upload", body, {**self.signed, "Content-Type": CONTENT_TYPE})
        self.ask(204, "DELETE", daemon.place("f.bin"), headers=self.signed)
        self.ask(200, "GET", "/health", headers={"Accept": "application/json"})
        self.assertEqual([], self.since(began))

    def tus(self) -> None:
        """Upload by tus, with a break, and delete that."""
        version = {"Tus-Resumable": "1.0.0"}
        metadata = f"filename {base64.b64encode(b't.bin').decode()}"
        more: Headers = {"Upload-Length": SIZE, "Upload-Metadata": metadata}
        answer = self.ask(201, "POST", "/files", headers={**version, **self.signed, **more})
        upload = target_of(answer.headers["location"])
        part: Headers = {**version, "Content-Type": "application/offset+octet-stream"}
        self.break_off("PATCH", upload, {**part, "Upload-Offset": 0})
        here = int(self.ask(200, "HEAD", upload, headers=version).headers["upload-offset"])
        self.ask(204, "PATCH", upload, self.data[here:], {**part, "Upload-Offset": here})
        self.ask(204, "DELETE", upload, headers=version)

    def is_there(self, target: str) -> bool:
        """Tell whether something can be downloaded."""
        with Connection(self.daemon.port) as connection:
            return connection.request("GET", target).status == 200

    def since(self, began: float) -> list[str]:
        """Return what was noted since a time."""
        lines = self.notes.read_text(encoding="utf-8").splitlines()
        return [line for line in lines if float(line.split()[0]) > began]
