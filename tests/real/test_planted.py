"""Symbolic links, pipes and folders that somebody plants in the storage lead nowhere."""

from __future__ import annotations

import pathlib
import shutil

from tests.real import ways
from tests.real.case import ServerCase
from tests.real.client import ask, put
from tests.real.daemon import Daemon, DidNotStart

SECRET_BYTES = b"not for everybody"
DATA = b"content of the file"


class PlantedTests(ServerCase):
    """A server, and a directory outside of its storage that has to stay as it is."""

    def setUp(self) -> None:
        self.outside = self.directory()
        (self.outside / "secret").write_bytes(SECRET_BYTES)
        self.addCleanup(self.assert_untouched)

    def begin(self, **sections: dict[str, object]) -> Daemon:
        """Start a server."""
        return self.start({**ways.SECTIONS, **sections})

    def assert_untouched(self) -> None:
        """Fail if something was written, changed or removed outside."""
        self.assertEqual(["secret"], [path.name for path in self.outside.iterdir()])
        self.assertEqual(SECRET_BYTES, (self.outside / "secret").read_bytes())

    def put(self, daemon: Daemon, name: str, data: bytes = DATA) -> int:
        """Upload, and tell the status."""
        return put(daemon.port, daemon.target(name, len(data)), data).status

    def test_folder(self) -> None:
        """Below a link to a folder nothing is stored, fetched or deleted."""
        daemon = self.begin()
        (daemon.storage / "folder").symlink_to(self.outside)
        self.assertEqual(409, self.put(daemon, "folder/new"))
        self.assertEqual(409, self.put(daemon, "folder/below/new"))
        place = daemon.place("folder/secret")
        self.assert_status(404, ask(daemon.port, "GET", place))
        self.assert_status(404, ask(daemon.port, "DELETE", place, ways.token(scope="admin")))
        self.assertEqual([], daemon.stages())

    def test_folder_exchanged(self) -> None:
        """A folder that becomes a link takes its files away, and gives none for them."""
        daemon = self.begin()
        self.assertEqual(201, self.put(daemon, "folder/secret", SECRET_BYTES))
        shutil.rmtree(daemon.storage / "folder")
        (daemon.storage / "folder").symlink_to(self.outside)
        place = daemon.place("folder/secret")
        self.assert_status(404, ask(daemon.port, "GET", place))
        self.assert_status(204, ask(daemon.port, "DELETE", place, ways.token(scope="admin")))

    def test_file(self) -> None:
        """A link in the place of a file is not written through, and goes without what it is to."""
        daemon = self.begin(versioning={"enableversioning": True})
        (daemon.storage / "planted").symlink_to(self.outside / "secret")
        self.assertEqual(409, self.put(daemon, "planted"))
        self.assertEqual(201, self.put(daemon, "file", SECRET_BYTES))
        (daemon.storage / "file").unlink()
        (daemon.storage / "file").symlink_to(self.outside / "secret")
        self.assert_status(404, ask(daemon.port, "GET", daemon.place("file")))
        self.assertEqual(409, self.put(daemon, "file"))
        answer = ask(daemon.port, "DELETE", daemon.place("file"), ways.token(scope="admin"))
        self.assert_status(204, answer)
        self.assertEqual(["planted"], list(daemon.stored()))

    def test_own_folders(self) -> None:
        """Neither are the folders of the server's own files left by way of a link."""
        daemon = self.begin(versioning={"enableversioning": True}, server={"file_naming": "HMAC"})
        internal = daemon.storage / ".hmacfs"
        for name in ("objects", "versions", "contents"):
            path = internal / name
            if path.exists():
                shutil.rmtree(path)
            path.symlink_to(self.outside)
        self.assertGreaterEqual(self.put(daemon, "file"), 400)
        (internal / "objects").unlink()
        # Equal files are not stored once then, and that is all.
        self.assertEqual([201, 201], [self.put(daemon, name) for name in ("one", "two")])
        for name in ("one", "two"):
            self.assert_comes_back(daemon, daemon.place(name), DATA)

    def test_start(self) -> None:
        """With links in the place of its own folders the server does not start, and says why."""
        daemon = self.begin()
        daemon.stop()
        for name in ("stage", "sessions"):
            path: pathlib.Path = daemon.storage / ".hmacfs" / name
            path.rename(path.with_suffix(".away"))
            path.symlink_to(self.outside)
            with self.assertRaises(DidNotStart) as caught:
                daemon.start()
            self.assertIn(".hmacfs", str(caught.exception))
            path.unlink()
            path.with_suffix(".away").rename(path)
        daemon.start()
