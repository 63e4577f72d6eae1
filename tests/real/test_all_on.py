"""Everything that is done with a file on its way to the disk, at once."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from hmacfs.observe.chain_check import checked
from tests.library.images import image
from tests.real import ways
from tests.real.case import ServerCase, noise
from tests.real.clamd import EICAR, Clamd
from tests.real.client import ask
from tests.real.daemon import Daemon, Sections, eventually
from tests.real.ways import WAYS, File

BYTES = "application/octet-stream"
NEVER_EMPTY = {"PUT chunked", "tus, joined", "X-Session-Token", "draft", "tus"}
"""Ways that cut the file in two."""


class AllOnTests(ServerCase):
    """A server with every feature on."""

    def begin(self) -> Daemon:
        """Start it, and its clamd."""
        self.audit = self.directory() / "audit.log"
        place = Path(tempfile.mkdtemp(prefix="hmacfs-clamd-"))
        self.addCleanup(shutil.rmtree, place, ignore_errors=True)
        clamd = Clamd(place)
        self.addCleanup(clamd.kill)
        clamd.start()
        sections: Sections = {
            "server": {"file_naming": "HMAC"},
            "validation": {"check_magic_bytes": True},
            "versioning": {"enableversioning": True, "maxversions": 2},
            "thumbnails": {"enabled": True, "size": "64x64"},
            "quotas": {"enabled": True, "default": "10MB", "daily": "20MB"},
            "clamav": {"clamavenabled": True, "clamavsocket": os.fspath(clamd.path)},
            "audit": {"enabled": True, "path": os.fspath(self.audit)},
            "bans": {"block_after_fails": 1},
            "rate_limit": {"enabled": True, "requests_per_minute": 600, "burst_size": 200},
        }
        return self.start({**sections, **ways.SECTIONS})

    def test_everything(self) -> None:
        """Empty, equal, pictured and infected files, by every way, and over a kill."""
        daemon = self.begin()
        picture = image("PNG")
        for data, kind in ((b"", "text/plain"), (picture, "image/png"), (noise(3000), BYTES)):
            for way, upload in WAYS.items():
                if data or way not in NEVER_EMPTY:
                    file = File(f"{len(data)}{ways.name_of(way)}", data, kind)
                    answer = upload(daemon, file)
                    self.assertIn(answer.status, (200, 201, 204), f"{way}: {answer.body!r}")
        daemon.kill9()
        daemon.start()
        name = f"{len(picture)}{ways.name_of('PUT v2')}"
        self.assert_comes_back(daemon, daemon.place(name), picture)
        self.assert_comes_back(daemon, daemon.place(f"0{ways.name_of('PUT v2')}"), b"")
        target = f"{daemon.place(name)}?thumbnail=true"
        eventually("a picture", lambda: ask(daemon.port, "GET", target).status == 200)
        for way, upload in WAYS.items():
            self.assert_status(422, upload(daemon, File(ways.name_of(way), EICAR)), way)
        found = [path.stat() for path in daemon.storage.glob(".hmacfs/objects/*/*")]
        self.assertGreater(len(found), 2 * len(WAYS))
        self.assertEqual(2, len({status.st_ino for status in found if status.st_size}))
        self.assertEqual([], daemon.stages())
        daemon.stop()
        self.assertGreater(checked(self.audit).records, 4 * len(WAYS))
