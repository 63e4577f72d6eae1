"""Files whose names no listing of the storage tells (``file_naming = "HMAC"``)."""

from __future__ import annotations

import json
import subprocess

from tests.real import ways
from tests.real.case import ServerCase, command, noise
from tests.real.client import ask, put
from tests.real.daemon import SECRET
from tests.real.ways import WAYS, File

NAMES = ("holiday.jpg", "folder/below/holiday.jpg", "ä" * 80 + ".txt")
SAYS = 'file_naming = "HMAC"'


class HiddenTests(ServerCase):
    """A server that hides names."""

    def setUp(self) -> None:
        self.daemon = self.start({"server": {"file_naming": "HMAC"}, **ways.SECTIONS})

    def put(self, name: str, data: bytes) -> int:
        """Upload, and tell the status."""
        return put(self.daemon.port, self.daemon.target(name, len(data)), data).status

    def assert_there(self, *names: str) -> None:
        """Fail unless the files come back under their names."""
        for name in names:
            self.assert_comes_back(self.daemon, self.daemon.place(name), name.encode())

    def objects(self) -> list[str]:
        """Tell the hidden files."""
        return [path.name for path in self.daemon.storage.glob(".hmacfs/objects/*/*")]

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command with the configuration of the server."""
        return command(self.daemon, *words)

    def configure(self, old: str, new: str) -> None:
        """Change the configuration, and start again."""
        text = self.daemon.config.read_text(encoding="utf-8")
        self.assertIn(old, text)
        self.daemon.config.write_text(text.replace(old, new), encoding="utf-8")
        self.daemon.restart()

    def test_every_way(self) -> None:
        """Whatever way it comes, the client is told a URL that works, and no listing tells it."""
        data = noise(3000)
        for way, upload in WAYS.items():
            answer = upload(self.daemon, File(ways.name_of(way), data))
            self.assertIn(answer.status, (200, 201, 204), f"{way}: {answer.body!r}")
            location = answer.headers.get("location", answer.headers.get("content-location"))
            if location is not None and "/files/" not in location:
                target = location if location[0] == "/" else ways.target_of(location)
                self.assert_comes_back(self.daemon, target, data)
        self.assertEqual({}, self.daemon.stored())
        self.assertEqual(len(WAYS), len(self.objects()))
        self.assertTrue(all(len(name) == 64 for name in self.objects()))
        names = self.command("ls").stdout
        for way in WAYS:
            self.assertIn(ways.name_of(way), names)
        inside = self.daemon.storage.glob(".hmacfs/objects/*/*")
        self.assertEqual(1, len({path.stat().st_ino for path in inside}))

    def test_as_ever(self) -> None:
        """Repeats, conflicts, ranges, deletion and the commands are as they are with open names."""
        for name in NAMES:
            self.assertEqual(201, self.put(name, name.encode()))
            self.assertEqual(201, self.put(name, name.encode()))
            self.assertEqual(409, self.put(name, b"other"))
        self.assert_there(*NAMES)
        self.daemon.kill9()
        self.daemon.start()
        self.assert_there(*NAMES)
        answer = ask(self.daemon.port, "GET", self.daemon.place(NAMES[0]), {"Range": "bytes=2-4"})
        self.assertEqual((206, b"lid"), (answer.status, answer.body))
        self.assertEqual(0, self.command("rm", NAMES[0]).returncode)
        self.assert_status(410, ask(self.daemon.port, "GET", self.daemon.place(NAMES[0])))
        self.assertEqual(2, len(self.objects()))
        hidden = f".hmacfs/objects/{self.objects()[0][:2]}/{self.objects()[0]}"
        self.assert_status(404, ask(self.daemon.port, "GET", self.daemon.place(hidden)))
        found = self.command("reindex")
        self.assertEqual((0, ""), (found.returncode, found.stdout), found.stderr)

    def test_changes(self) -> None:
        """Neither another secret nor another rule loses a file."""
        self.put(NAMES[0], NAMES[0].encode())
        self.configure(SECRET, "another secret than that of these tests")
        self.assert_there(NAMES[0])
        self.configure("another secret than that of these tests", SECRET)
        self.configure(SAYS, 'file_naming = "original"')
        self.put(NAMES[1], NAMES[1].encode())
        self.assert_there(*NAMES[:2])
        self.assertEqual([NAMES[1]], list(self.daemon.stored()))
        self.configure('file_naming = "original"', SAYS)
        self.put(NAMES[2], NAMES[2].encode())
        self.assert_there(*NAMES)
        self.assertEqual(409, self.put(NAMES[1], b"other"))

    def test_index_lost(self) -> None:
        """Names are found again from a copy of the index, and only from there."""
        for name in NAMES[:2]:
            self.put(name, name.encode())
        self.assertEqual(
            0, self.command("index", "backup", f"{self.daemon.config}.copy").returncode
        )
        self.put(NAMES[2], NAMES[2].encode())
        self.daemon.stop()
        restored = self.command("index", "restore", f"{self.daemon.config}.copy")
        self.assertEqual(0, restored.returncode, restored.stderr)
        looked, mended = self.command("reindex", "-json", "-dry-run"), self.command("reindex")
        (told,) = (json.loads(line) for line in looked.stdout.splitlines())
        self.assertEqual("nameless", told["found"])
        self.assertEqual(NAMES[2].encode(), (self.daemon.storage / told["path"]).read_bytes())
        self.assertEqual(0, mended.returncode)
        self.assertIn(f"nameless {told['path']}: the index and its copies know no", mended.stdout)
        self.daemon.start()
        self.assert_there(*NAMES[:2])
        self.assert_status(404, ask(self.daemon.port, "GET", self.daemon.place(NAMES[2])))
        # The upload repeated tells the name again.
        self.assertEqual(201, self.put(NAMES[2], NAMES[2].encode()))
        self.assert_there(*NAMES)
        self.assertEqual("", self.command("reindex").stdout)
