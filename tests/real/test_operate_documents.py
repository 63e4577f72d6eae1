"""What docs/operate-files.rst, -limits.rst and -audit.rst tell to type, typed."""

from __future__ import annotations

import hashlib
import os
import pathlib
import shlex
import shutil
import subprocess
import sys

from twisted.trial.unittest import SkipTest

from tests.docs.documents import examples
from tests.library.images import image
from tests.real.case import ServerCase
from tests.real.client import put
from tests.real.daemon import CHECKOUT, Daemon

PATIENCE = 60.0
NAMES = ("abc/photo.jpg", "abc/copy.jpg", "other/photo.jpg")


class OperateDocumentTests(ServerCase):
    """Each example works as it stands, once its places are those of the test."""

    def setUp(self) -> None:
        missing = [name for name in ("curl", "jq", "rsync", "xorriso") if not shutil.which(name)]
        if missing:
            raise SkipTest(f"needs {' '.join(missing)}")
        self.photo = image("JPEG")
        place = self.directory()
        self.containers = place / "containers"
        self.containers.mkdir()
        (place / "mounted").mkdir()
        self.daemon = self.start(
            {
                "server": {"public_base_url": "https://files.example.org"},
                "audit": {"enabled": True, "path": f"{place}/audit.log"},
                "thumbnails": {"enabled": True, "size": ["320x240", "64x64"]},
                "iso": {"enabled": True, "containerfile": str(self.containers / "old.iso")},
            }
        )
        for name in NAMES:
            target = self.daemon.target(name, len(self.photo), "image/jpeg")
            answer = put(self.daemon.port, target, self.photo, kind="image/jpeg")
            self.assert_status(201, answer)
        self.programs = programs(place / "bin", self.daemon)
        (place / "backup").mkdir()
        others(place)
        self.places = {
            "/var/lib/hmac-file-server/uploads": os.fspath(self.daemon.storage),
            "/backup/": f"{place}/backup/",
            "/srv/containers/": f"{self.containers}/",
            "/var/lib/prosody-filer/uploads": f"{place}/filer",
            "/var/lib/prosody/upload%2eexample%2eorg": f"{place}/share",
            "/mnt/iso": f"{place}/mounted",
            # Not every kernel can mount them, and not everybody may.
            "mount -o loop,ro": f"sh {unpacking(place)}",
            "curl https://files.example.org": f"curl --fail {self.daemon.base_url}",
            "curl 'https://files.example.org": f"curl --fail '{self.daemon.base_url}",
            "HEX": hashlib.sha256(self.photo).hexdigest(),
        }

    def type(self, document: str) -> list[str]:
        """Type the examples of a document, line by line; return what they print."""
        printed = []
        for example in examples("sh"):
            if example.where.startswith(document):
                printed += [self.line(example.where, line) for line in example.text.splitlines()]
        return printed

    def line(self, where: str, line: str) -> str:
        """Type a line."""
        if "# if there are some" in line and not any(self.containers.iterdir()):
            return ""
        if line.startswith("systemctl"):
            {"stop": self.daemon.stop, "start": self.daemon.start}[line.split()[1]]()
            return ""
        for told, real in self.places.items():
            line = line.replace(told, real)
        done = subprocess.run(
            ["sh", "-eu", "-c", line],
            env={**os.environ, "PATH": f"{self.programs}:{os.environ['PATH']}"},
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
        self.assertEqual(0, done.returncode, f"{where}: {line}: {done.stderr.decode()}")
        return done.stdout.decode(errors="replace")

    def test_files(self) -> None:
        """Looking after the files, until all but those of other servers are taken down."""
        printed = self.type("docs/operate-files.rst")
        self.assertEqual(sorted(NAMES), sorted(printed[0].split()))
        self.assertEqual(2, len(printed[1].splitlines()))
        self.assertEqual(str(3 * len(self.photo)), printed[2].strip())
        self.assertIn(hashlib.sha256(self.photo).hexdigest(), printed[3])
        self.assertEqual({"old/cat.jpg", "slot/dog.jpg"}, set(self.daemon.stored()))

    def test_audit(self) -> None:
        """The audit log is verified, and asked for the record that it ended with before."""
        printed = self.type("docs/operate-audit.rst")
        self.assertIn("records in 1 files are whole", printed[0])
        self.assertEqual("", printed[1])
        self.assertEqual(printed[0].split()[-1], printed[2].split()[-1])

    def test_protection(self) -> None:
        """Bans by hand, of which one is left."""
        printed = self.type("docs/operate-protection.rst")
        [listed] = [text for text in printed if text]
        self.assertIn("fills the disk", listed)
        self.assertIn("198.51.100.0/24", listed)

    def test_limits(self) -> None:
        """Cleaning, small pictures and containers, in which the files are found afterwards."""
        self.type("docs/operate-limits.rst")
        self.assertEqual({}, self.daemon.stored())
        self.assert_comes_back(self.daemon, self.daemon.place(NAMES[0]), self.photo)


def others(place: pathlib.Path) -> None:
    """Make the directories of other servers, with a file in each."""
    for path in ("filer/old/cat.jpg", "share/http_file_share/slot.bin"):
        (place / path).parent.mkdir(parents=True)
        (place / path).write_bytes(b"a cat")
    slot = '["filename"] = "dog.jpg"; ["size"] = "5"; ["content-type"] = "image/jpeg";'
    item = f'item({{ ["key"] = "slot"; ["when"] = 1700000000; ["attr"] = {{ {slot} }}; }});\n'
    (place / "share" / "uploads.list").write_text(item, encoding="ascii")


def unpacking(directory: pathlib.Path) -> pathlib.Path:
    """Make a script that puts what a container holds into a directory."""
    script = directory / "unpack"
    script.write_text('xorriso -osirrox on -indev "$1" -extract / "$2"\n', encoding="ascii")
    return script


def programs(directory: pathlib.Path, daemon: Daemon) -> pathlib.Path:
    """Make a directory with the command, which finds the configuration by itself."""
    directory.mkdir()
    command = directory / "hmac-file-server"
    called = shlex.join([sys.executable, "-m", "hmacfs.cli.main"])
    command.write_text(
        f"#!/bin/sh\nexport PYTHONPATH={shlex.quote(os.fspath(CHECKOUT))}\n"
        f'export HMAC_CONFIG_PATH={shlex.quote(os.fspath(daemon.config))}\nexec {called} "$@"\n',
        encoding="utf-8",
    )
    command.chmod(0o755)
    return directory
