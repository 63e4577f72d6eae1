"""What is judged is judged on every way in: PUT, forms, APIs, sessions, tus, the IETF's uploads."""

from __future__ import annotations

import io
import json
import os
import pathlib
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from typing import Final

from tests.library.images import image
from tests.real import ways
from tests.real.case import ServerCase, noise
from tests.real.clamd import EICAR, Clamd
from tests.real.client import ask
from tests.real.daemon import Daemon
from tests.real.ways import WAYS, File

DATA: Final = noise(3000)
STORED: Final = (200, 201, 204)


class WaysCase(ServerCase):
    """A server that takes files by every way."""

    def begin(self, **sections: Mapping[str, object]) -> Daemon:
        """Start it with more sections."""
        merged = {**ways.SECTIONS, **sections}
        return self.start(
            {name: {**ways.SECTIONS.get(name, {}), **merged[name]} for name in merged}
        )

    def assert_answers(
        self,
        status: int,
        daemon: Daemon,
        extension: str,
        data: bytes = DATA,
        kind: str = "application/octet-stream",
    ) -> None:
        """Fail unless every way is answered with this status, and nothing is left of it."""
        for way, upload in WAYS.items():
            answer = upload(daemon, File(ways.name_of(way, extension), data, kind))
            self.assertEqual(answer.status, status, f"{way}, {extension}: {answer.body!r}")
        self.assert_nothing_stored(daemon)

    def assert_stored(
        self, daemon: Daemon, extension: str, data: bytes = DATA, kind: str = "image/jpeg"
    ) -> None:
        """Fail unless every way stores these bytes."""
        before = set(daemon.stored())
        for way, upload in WAYS.items():
            answer = upload(daemon, File(ways.name_of(way, extension), data, kind))
            self.assertIn(answer.status, STORED, f"{way}, {extension}: {answer.body!r}")
        new = {name: path for name, path in daemon.stored().items() if name not in before}
        self.assertEqual(len(new), len(WAYS))
        self.assertEqual({path.read_bytes() for path in new.values()}, {data})


class KindsTests(WaysCase):
    """Kinds of files, by their names and by their bytes."""

    def test_extensions(self) -> None:
        """A blocked extension is refused wherever it stands in the name, whatever its case."""
        daemon = self.begin(uploads={"blocked_extensions": [".exe"]})
        for extension in (".exe", ".ExE.txt"):
            self.assert_answers(415, daemon, extension)
        self.assert_stored(daemon, ".txt")

    def test_magic_bytes(self) -> None:
        """An executable is taken as what it is, and as nothing else; a picture as any picture."""
        daemon = self.begin(validation={"check_magic_bytes": True})
        program = pathlib.Path(sys.executable).read_bytes()[:5000]
        self.assert_answers(415, daemon, ".jpg", program, "image/jpeg")
        self.assert_stored(daemon, ".png", image("PNG"), "image/jpeg")
        self.assert_stored(daemon, ".bin", program, "application/octet-stream")

    def test_strict(self) -> None:
        """In strict mode the bytes have to be of the declared family."""
        daemon = self.begin(validation={"check_magic_bytes": True, "strict_mode": True})
        self.assert_answers(415, daemon, ".jpg", DATA, "image/jpeg")
        self.assert_stored(daemon, ".jpg", image("PNG"), "image/jpeg")

    def test_global_extensions(self) -> None:
        """One list for uploads and downloads stands above those of both."""
        lists = {"allowed_extensions": [".pdf"]}
        daemon = self.begin(
            server={"global_extensions": [".JPG", "tar.gz"]}, uploads=lists, downloads=lists
        )
        self.assert_answers(415, daemon, ".pdf")
        self.assert_stored(daemon, ".jpg")
        self.assert_stored(daemon, ".tar.gz")
        for name in daemon.stored():
            self.assert_status(200, ask(daemon.port, "GET", daemon.place(name)), name)
        self.configured(daemon, '"tar.gz"', '"txt"')
        statuses = {
            name: ask(daemon.port, "GET", daemon.place(name)).status for name in daemon.stored()
        }
        self.assertEqual(statuses, {n: 200 if n.endswith(".jpg") else 403 for n in statuses})

    def configured(self, daemon: Daemon, old: str, new: str) -> None:
        """Change the configuration, and start again."""
        text = daemon.config.read_text(encoding="utf-8")
        self.assertIn(old, text)
        daemon.config.write_text(text.replace(old, new), encoding="utf-8")
        daemon.restart()


class InfectedTests(WaysCase):
    """Infected files, and a clamd that finds them, or is gone."""

    def setUp(self) -> None:
        place = pathlib.Path(tempfile.mkdtemp(prefix="hmacfs-clamd-"))
        self.addCleanup(shutil.rmtree, place, ignore_errors=True)
        self.clamd = Clamd(place)
        self.addCleanup(self.clamd.kill)
        self.clamd.start()

    def scanned(self, place: str) -> Daemon:
        """Return a server whose clamd is at a place."""
        self.audit = self.directory() / "audit.log"
        return self.begin(
            clamav={"clamavenabled": True, "clamavsocket": place},
            audit={"enabled": True, "path": os.fspath(self.audit)},
        )

    def assert_audited(self, outcome: str, reason: str | None, extensions: Sequence[str]) -> None:
        """Fail unless the audit log has one record with this outcome for each file."""
        told = [json.loads(line) for line in self.audit.read_text().splitlines()]
        found = [
            record["file"].rpartition("/")[2]
            for record in told
            if (record.get("outcome"), record.get("reason")) == (outcome, reason)
            and record["client"] == "127.0.0.1"
        ]
        names = [ways.name_of(way, each) for each in extensions for way in WAYS]
        self.assertEqual(sorted(names), sorted(found))

    def test_infected(self) -> None:
        """No way in is one for what is infected, inside of something or cut in two; all is told."""
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as files:
            files.writestr("innocent.txt", EICAR)
        for place in (os.fspath(self.clamd.path), f"tcp:127.0.0.1:{self.clamd.port}"):
            daemon = self.scanned(place)
            self.assert_answers(422, daemon, ".com", EICAR)
            self.assert_answers(422, daemon, ".jpg", image("JPEG") + EICAR, "image/jpeg")
            self.assert_answers(422, daemon, ".png", archive.getvalue(), "image/png")
            self.assert_stored(daemon, ".txt", b"EICAR is not this", "text/plain")
            daemon.stop()
            self.assert_audited("dropped", "infected", (".com", ".jpg", ".png"))
            self.assert_audited("stored", None, (".txt",))

    def test_down(self) -> None:
        """While clamd is down nothing comes in by any way, and all does when it is back."""
        daemon = self.scanned(os.fspath(self.clamd.path))
        self.clamd.kill()
        self.assert_answers(503, daemon, ".com", EICAR)
        self.clamd.start()
        self.assert_answers(422, daemon, ".com", EICAR)
        self.assert_stored(daemon, ".txt")


class TakenTests(WaysCase):
    """What nothing is wrong with."""

    def test_empty(self) -> None:
        """A file without a byte is stored by every way that sends it at once, whatever is on."""
        daemon = self.begin(
            clamav={"clamavenabled": True, "clamavsocket": "/nowhere/clamd.ctl"},
            validation={"check_magic_bytes": True, "strict_mode": True},
            thumbnails={"enabled": True},
        )
        cut = {"PUT chunked", "tus", "tus, joined", "draft", "X-Session-Token"}
        for way, upload in WAYS.items():
            if way not in cut:
                answer = upload(daemon, File(ways.name_of(way, ".jpg"), b"", "image/jpeg"))
                self.assertIn(answer.status, STORED, f"{way}: {answer.body!r}")
        sizes = [path.stat().st_size for path in daemon.stored().values()]
        self.assertEqual(sizes, [0] * (len(WAYS) - len(cut)))

    def test_taken(self) -> None:
        """It is stored, whatever is switched on; a star in a list stands for every name."""
        every = {"allowed_extensions": ["*"]}
        daemon = self.begin(uploads=every, downloads=every)
        self.assert_stored(daemon, ".bin")
        for name in daemon.stored():
            self.assert_status(200, ask(daemon.port, "GET", daemon.place(name)), name)
