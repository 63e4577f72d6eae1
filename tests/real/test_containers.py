"""Old files in ISO containers, served and removed as if they were on the disk."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from twisted.trial.unittest import SkipTest

from tests.blobs.samples import need_container_program
from tests.real import ways
from tests.real.case import MEGABYTE, ServerCase, command, noise
from tests.real.client import ask, put
from tests.real.daemon import CHECKOUT, Daemon, eventually

SUMS = ".hmacfs/SHA256SUMS"
CHECK = ["sha256sum", "--check", "--quiet", "--strict", SUMS]
LONG_NAMES = (
    *("x" * 254, "y" * 249 + ".jpg", "ü" * 124 + ".jpg", "\N{GRINNING FACE}" * 60, "n" * 253),
    *("Case", "case", "semi;1", "a=b\\c=d", "back\\", "~$ &*?\"<>|'", "ends."),
    *(
        "日本語のファイル名.jpg",
        "Привет/мир.tar.gz",
        ".hidden",
        "/".join("n" * 150 for _ in range(6)),
    ),
)


class ContainerTests(ServerCase):
    """A server whose files may be packed into containers of four megabytes."""

    def packed(
        self,
        schedule: str = "0s",
        place: pathlib.Path | None = None,
        versioning: Mapping[str, object] | None = None,
        launcher: Sequence[str] = (),
        **server: object,
    ) -> Daemon:
        """Start it."""
        need_container_program()
        self.containers = place or self.directory()
        iso = {
            "enabled": True,
            "size": "4MB",
            "schedule": schedule,
            "containerfile": os.fspath(self.containers / "old.iso"),
        }
        more = {"iso": iso, "server": server, "versioning": versioning or {}}
        daemon = self.unstarted({**ways.SECTIONS, **more})
        daemon.launcher = launcher
        daemon.start()
        return daemon

    def done(self, daemon: Daemon, *arguments: str) -> int:
        """Run a command, and return its exit code."""
        return command(daemon, *arguments).returncode

    def begun(self, daemon: Daemon, *arguments: str) -> subprocess.Popen[str]:
        """Begin a command in a process of its own."""
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "hmacfs.cli.main"),
                *("-config", os.fspath(daemon.storage.parent / "config.toml"), *arguments),
            ],
            env={**os.environ, "PYTHONPATH": os.fspath(CHECKOUT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def store(self, daemon: Daemon, count: int) -> dict[str, bytes]:
        """Store files, and return them."""
        files = {f"f{number}/ü {number}": noise(MEGABYTE // 8, number) for number in range(count)}
        for name, data in files.items():
            self.assert_status(201, put(daemon.port, daemon.target(name, len(data)), data))
        return files

    def test_served(self) -> None:
        """Packed files come back whole and in ranges; what is deleted is gone; a PUT repeats."""
        daemon = self.packed()
        files = self.store(daemon, 10)
        self.assertEqual(self.done(daemon, "iso", "pack"), 0)
        self.assertEqual(daemon.stored(), {})
        for name, data in files.items():
            self.assert_comes_back(daemon, daemon.place(name), data)
        name, data = next(iter(files.items()))
        answer = ask(daemon.port, "GET", daemon.place(name), {"Range": "bytes=1000-70999"})
        self.assertEqual((answer.status, answer.body), (206, data[1000:71000]))
        self.assert_status(201, put(daemon.port, daemon.target(name, len(data)), data))
        self.assert_status(409, put(daemon.port, daemon.target(name, 3), b"new"))
        self.assertEqual(self.done(daemon, "rm", name), 0)
        self.assert_status(410, ask(daemon.port, "GET", daemon.place(name)))
        daemon.restart()
        name, data = list(files.items())[-1]
        self.assert_comes_back(daemon, daemon.place(name), data)

    def mount(self, container: str) -> pathlib.Path:
        """Return where a container is mounted: by the system where it can, else by a program."""
        place = self.directory()
        target = os.fspath(place)
        known = "iso9660" in pathlib.Path("/proc/filesystems").read_text(encoding="ascii")
        mount = ["mount", "-o", "loop,ro", "-t", "iso9660", container, target]
        if known and subprocess.run(mount, capture_output=True, check=False).returncode == 0:
            self.addCleanup(subprocess.run, ["umount", target], check=True)
            return place
        if shutil.which("fuseiso") is None or not os.access("/dev/fuse", os.W_OK):
            raise SkipTest("neither the system nor fuseiso can mount a container here")
        subprocess.run(["fuseiso", container, target], check=True)
        self.addCleanup(subprocess.run, ["fusermount", "-u", target], check=True)
        return place

    def pack_and_mount(self, daemon: Daemon, container: str) -> pathlib.Path:
        """Pack all there is, and return where the container is mounted."""
        self.assertEqual(self.done(daemon, "iso", "pack"), 0)
        return self.mount(os.fspath(self.containers / container))

    def test_mounted(self) -> None:
        """Other programs see every packed file under its name, and can compare them all."""
        daemon = self.packed()
        files = self.store(daemon, 6)
        for name in LONG_NAMES:
            files[name] = noise(3000, name)
            target = daemon.target(name, len(files[name]))
            self.assert_status(201, put(daemon.port, target, files[name]))
        place = self.pack_and_mount(daemon, "old.iso")
        seen = {
            path.relative_to(place).as_posix(): path.read_bytes()
            for path in place.rglob("*")
            if path.is_file() and ".hmacfs" not in path.parts
        }
        (left,) = daemon.stored()
        self.assertEqual(len(left), 254)
        self.assert_comes_back(daemon, daemon.place(left), files.pop(left))
        self.assertEqual(seen, files)
        self.assertEqual(subprocess.run(CHECK, cwd=place, check=False).returncode, 0)

        config = daemon.config.read_text(encoding="utf-8")
        latin = config.replace("[iso]", '[iso]\ncharset = "iso-8859-1"')
        daemon.config.write_text(latin, encoding="utf-8")
        name, data = "grün/größe", b"in another character set"
        self.assert_status(201, put(daemon.port, daemon.target(name, len(data)), data))
        self.assertEqual(self.done(daemon, "rm", left), 0)
        place = self.pack_and_mount(daemon, "old-2.iso")
        self.assertEqual((place / os.fsdecode(name.encode("latin-1"))).read_bytes(), data)
        convert = ["sh", "-c", f"iconv -f UTF-8 -t ISO-8859-1 {SUMS} | {' '.join(CHECK[:-1])}"]
        self.assertEqual(subprocess.run(convert, cwd=place, check=False).returncode, 0)
        self.assert_comes_back(daemon, daemon.place(name), data)

    def test_retention(self) -> None:
        """Packed files have their time as others have; with the last of them goes the container."""
        daemon = self.packed(cleanup_interval="30d")
        files = self.store(daemon, 4)
        self.assertEqual(self.done(daemon, "iso", "pack"), 0)
        self.assert_status(201, put(daemon.port, daemon.target("new", 3), b"new"))
        config = daemon.config.read_text(encoding="utf-8")
        limit = MEGABYTE // 8 + 3
        daemon.config.write_text(f"{config}\n[retention]\nmax_size = '{limit}B'\n", "utf-8")
        self.assertEqual(self.done(daemon, "retention"), 0)
        *gone, last = files
        for name in gone:
            self.assert_status(410, ask(daemon.port, "GET", daemon.place(name)))
        self.assert_comes_back(daemon, daemon.place(last), files[last])
        self.assertTrue((self.containers / "old.iso").exists())
        daemon.config.write_text(f"{config}\n[retention]\nmax_size = '3B'\n", "utf-8")
        self.assertEqual(self.done(daemon, "retention"), 0)
        self.assert_status(410, ask(daemon.port, "GET", daemon.place(last)))
        self.assert_status(200, ask(daemon.port, "GET", daemon.place("new")))
        self.assertEqual(list(self.containers.iterdir()), [])

    def test_versions(self) -> None:
        """Where versions are kept a packed file may be replaced, and is there as it was."""
        daemon = self.packed(versioning={"enableversioning": True, "maxversions": 2})
        (name, data), *_ = self.store(daemon, 2).items()
        daemon.stop()
        self.assertEqual(self.done(daemon, "iso", "pack"), 0)
        daemon.start()
        self.assertEqual(daemon.stored(), {})
        for number in range(2):
            new = noise(1000, f"new {number}")
            self.assert_status(201, put(daemon.port, daemon.target(name, 1000), new))
            self.assert_comes_back(daemon, daemon.place(name), new)
        place = f"/api/v3/files/{quote(name)}/versions"
        answer = ask(daemon.port, "GET", place, ways.token())
        kept = {each["size"]: each["id"] for each in json.loads(answer.body)["versions"]}
        self.assertEqual(set(kept), {1000, len(data)})
        old = f"{place}/{kept[len(data)]}"
        answer = ask(daemon.port, "GET", old, ways.token())
        self.assertEqual(answer.body, data)
        restored = ways.send(
            daemon, "POST", f"{old}/restore", headers=ways.token(scope="admin upload")
        )
        self.assert_status(200, restored)
        self.assert_comes_back(daemon, daemon.place(name), data)

    def test_away(self) -> None:
        """While a container is away its files cannot be fetched, all else can, and they return."""
        daemon = self.packed()
        (name, data), *_ = self.store(daemon, 2).items()
        self.assertEqual(self.done(daemon, "iso", "pack"), 0)
        self.assert_status(201, put(daemon.port, daemon.target("new", 3), b"new"))
        away = (self.containers / "old.iso").rename(self.containers / "away")
        answer = ask(daemon.port, "GET", daemon.place(name))
        self.assert_status(500, answer)
        self.assert_status(200, ask(daemon.port, "GET", daemon.place("new")))
        self.assertIn("old.iso", daemon.log)
        self.assertEqual(self.done(daemon, "iso", "adopt", os.fspath(away)), 0)
        self.assert_comes_back(daemon, daemon.place(name), data)

    def test_full_disk(self) -> None:
        """Where there is no room for a container every file stays on the disk."""
        daemon = self.packed(place=self.small_disk(MEGABYTE))
        files = self.store(daemon, 12)
        self.assertEqual(self.done(daemon, "iso", "pack"), 1)
        self.assertEqual(list(self.containers.iterdir()), [])
        self.assertEqual(set(daemon.stored()), set(files))

    def test_two_at_once(self) -> None:
        """Of those who pack at the same time one does, and no file is lost."""
        daemon = self.packed()
        files = self.store(daemon, 20)
        packing = [self.begun(daemon, "iso", "pack") for _ in range(3)]
        deleted = list(files)[5:10]
        for name in deleted:
            self.assertEqual(self.done(daemon, "rm", name), 0)
        codes = [process.wait(60) for process in packing]
        self.assertIn(0, codes)
        self.assertLessEqual(set(codes), {0, 1})
        for name, data in files.items():
            if name in deleted:
                self.assert_status(410, ask(daemon.port, "GET", daemon.place(name)))
            else:
                self.assert_comes_back(daemon, daemon.place(name), data)
        self.assertEqual(self.done(daemon, "iso", "verify"), 0)

    def test_stopped(self) -> None:
        """A server that is packing stops as soon as any other."""
        programs = self.directory()
        slow = programs / "xorriso"
        slow.write_text('#!/bin/sh\necho $$ > "$0.pid"\nexec sleep 600\n', encoding="ascii")
        slow.chmod(0o755)
        daemon = self.packed("1s", launcher=("env", f"PATH={programs}:{os.environ['PATH']}"))
        files = self.store(daemon, 40)
        pid = eventually("the packing", lambda: _read(programs / "xorriso.pid"))
        began = time.monotonic()
        daemon.stop()
        self.assertLess(time.monotonic() - began, 10)
        self.assertFalse(pathlib.Path(f"/proc/{pid}").exists())
        self.assertEqual(set(daemon.stored()), set(files))

    def test_killed(self) -> None:
        """However often packing is killed, every file is there, from the disk or a container."""
        daemon = self.packed()
        files = self.store(daemon, 24)
        for step in range(6):
            process = self.begun(daemon, "iso", "pack")
            time.sleep(0.3 + 0.15 * step)
            process.kill()
            process.wait()
            for name, data in files.items():
                self.assert_comes_back(daemon, daemon.place(name), data)
        # What a killed one has started may go on for a moment, and nobody else packs meanwhile.
        eventually("the packing", lambda: self.done(daemon, "iso", "pack") == 0)
        self.assertEqual(self.done(daemon, "iso", "verify"), 0)

    def test_schedule(self) -> None:
        """By itself the server packs when there is enough to fill a container."""
        daemon = self.packed("1s")
        self.store(daemon, 4)
        time.sleep(1.5)
        self.assertEqual(len(daemon.stored()), 4)
        files = self.store(daemon, 40)
        eventually("a container", (self.containers / "old.iso").exists)
        eventually("room", lambda: not (daemon.storage / "f1").exists())
        for name, data in files.items():
            self.assert_comes_back(daemon, daemon.place(name), data)


def _read(path: pathlib.Path) -> str:
    return path.read_text(encoding="ascii").strip() if path.exists() else ""
