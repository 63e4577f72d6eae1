"""Small pictures of images, made beside uploads and never at their price."""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from tests.library.images import bomb, image, opened, turned
from tests.ports import free_port
from tests.real import ways
from tests.real.case import ServerCase, command
from tests.real.client import Answer, ask, put
from tests.real.daemon import Daemon, eventually
from tests.real.ways import WAYS, File

JPEG: Final = "image/jpeg"


class ThumbnailCase(ServerCase):
    """A server that makes pictures of two sizes."""

    def setUp(self) -> None:
        self.metrics = free_port()
        self.daemon = self.start(
            {
                **ways.SECTIONS,
                "server": {"metrics_port": self.metrics},
                "thumbnails": {"enabled": True, "size": ["200x200", "64x64"]},
            }
        )

    def put(self, name: str, data: bytes, kind: str = JPEG) -> int:
        """Upload an image."""
        target = self.daemon.target(name, len(data), kind)
        return put(self.daemon.port, target, data, kind).status

    def get(self, target: str, **headers: str) -> Answer:
        """Ask for something."""
        return ask(self.daemon.port, "GET", target, headers)

    def made(self, target: str) -> Answer:
        """Ask for a picture until it is there."""

        def look() -> Answer | None:
            answer = self.get(target)
            return answer if answer.status == 200 else None

        return eventually("the picture", look)

    def count(self, result: str) -> int:
        """Return how many images came to this."""
        text = ask(self.metrics, "GET", "/metrics").body.decode()
        found = re.search(rf'thumbnails_total{{result="{result}"}} (\S+)', text)
        assert found is not None
        return int(float(found[1]))

    def shelf(self) -> list[pathlib.Path]:
        """Return the files of the pictures."""
        directory = self.daemon.storage / ".hmacfs" / "thumbnails"
        return [path for path in directory.rglob("*") if path.is_file()]


class ServedTests(ThumbnailCase):
    """Pictures that are asked for."""

    def test_served(self) -> None:
        """A picture has its own type, tag and length; caches keep it; it has no metadata."""
        self.assertEqual(self.put("a/photo.jpg", turned()), 201)
        answer = self.made("/thumbnail/a/photo.jpg")
        self.assertEqual(opened(answer.body).size, (100, 200))
        self.assertNotIn(b"secret", answer.body)
        self.assertEqual(answer.headers["content-type"], "image/jpeg")
        self.assertIn("max-age=", answer.headers["cache-control"])
        self.assertEqual(answer.headers["x-content-type-options"], "nosniff")
        tag = answer.headers["etag"]
        self.assertEqual(self.get("/thumbnail/a/photo.jpg", **{"If-None-Match": tag}).status, 304)
        for target in (
            f"/thumbnail/{self.daemon.prefix}/a/photo.jpg",
            f"{self.daemon.place('a/photo.jpg')}?thumbnail=true",
        ):
            self.assertEqual(self.get(target).body, answer.body, target)
        part = self.get("/thumbnail/a/photo.jpg", Range="bytes=0-9")
        self.assertEqual((part.status, part.body), (206, answer.body[:10]))
        small = self.get("/thumbnail/a/photo.jpg?size=64x64")
        self.assertEqual(opened(small.body).size, (32, 64))
        head = ask(self.daemon.port, "HEAD", "/thumbnail/a/photo.jpg")
        self.assertEqual(head.headers["content-length"], str(len(answer.body)))

    def test_formats(self) -> None:
        """Of every format that is known there is a picture, whatever way the image came in."""
        for kind in ("JPEG", "PNG", "WEBP", "GIF", "HEIF"):
            name = f"a.{kind.lower()}"
            self.assertEqual(self.put(name, image(kind), f"image/{kind.lower()}"), 201)
            self.assertEqual(opened(self.made(f"/thumbnail/{name}").body).size, (200, 100), kind)
        for number, (way, upload) in enumerate(WAYS.items()):
            data = image("JPEG", (300 + 2 * number, 150))
            answer = upload(self.daemon, File(ways.name_of(way, ".jpg"), data, JPEG))
            self.assertIn(answer.status, (200, 201, 204), way)
            ((name, _),) = [
                (name, path)
                for name, path in self.daemon.stored().items()
                if path.stat().st_size == len(data)
                and hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(data).digest()
            ]
            self.assertEqual(opened(self.made(f"/thumbnail/{name}").body).size[0], 200, way)
            if way == "V2":
                url = json.loads(answer.body)["thumbnail_url"]
                self.assertEqual(self.get(ways.target_of(url)).status, 200)

    def test_none(self) -> None:
        """What has no picture is 404, a size that is not made is 400."""
        for name, data, kind in (
            ("text.txt", b"text", "text/plain"),
            ("no.jpg", b"no image", JPEG),
            ("drawing.svg", b"<svg/>", "image/svg+xml"),
            ("ciphertext.png", bytes(range(256)) * 9, "image/png"),
        ):
            self.assertEqual(self.put(name, data, kind), 201)
            self.assert_status(404, self.get(f"/thumbnail/{name}"), name)
        self.assert_status(404, self.get("/thumbnail/never.jpg"))
        self.put("a.png", image("PNG"), "image/png")
        self.assert_status(400, self.get("/thumbnail/a.png?size=63x64"))

    def test_removed(self) -> None:
        """A picture goes with the last file of its bytes."""
        data = image("PNG")
        for name in ("a.png", "b.png"):
            self.put(name, data, "image/png")
            self.made(f"/thumbnail/{name}")
        self.assertEqual(len(self.shelf()), 2)
        self.daemon.stop()
        config = self.daemon.storage.parent / "config.toml"
        text = config.read_text(encoding="utf-8")
        config.write_text(f"{text}\n[retention]\nmax_size = '{len(data)}B'\n", encoding="utf-8")
        self.daemon.start()
        eventually("the deletion", lambda: self.get("/thumbnail/a.png").status == 410)
        self.assertEqual(self.get("/thumbnail/b.png").status, 200)
        self.daemon.stop()
        config.write_text(f"{text}\n[retention]\nmax_size = '1B'\n", encoding="utf-8")
        self.daemon.start()
        eventually("the end of the pictures", lambda: not self.shelf())
        self.assert_status(410, self.get("/thumbnail/b.png"))

    def test_no_more(self) -> None:
        """Where none are made any more, those that there are go with their files all the same."""
        for name, kind in (("a.png", "PNG"), ("b.gif", "GIF")):
            self.put(name, image(kind), f"image/{kind.lower()}")
            self.made(f"/thumbnail/{name}")
        left = self.shelf()[0].parent / f"{'0' * 64}-64x64.png"
        left = left.parent.parent / "00" / left.name
        left.parent.mkdir(exist_ok=True)
        left.write_bytes(b"of a file that went while the server was being killed")
        self.daemon.stop()
        text = self.daemon.config.read_text(encoding="utf-8")
        text = text.replace("[thumbnails]\nenabled = true", "[thumbnails]\nenabled = false")
        self.daemon.config.write_text(text, encoding="utf-8")
        self.daemon.start()
        eventually("the end of what was left", lambda: not left.exists())
        self.assertEqual(len(self.shelf()), 4)
        self.assertEqual(command(self.daemon, "rm", "a.png").returncode, 0)
        self.assertEqual(len(self.shelf()), 2)
        answer = ask(
            self.daemon.port, "DELETE", self.daemon.place("b.gif"), ways.token(scope="admin")
        )
        self.assert_status(204, answer)
        eventually("the end of the other", lambda: not self.shelf())

    def test_scan(self) -> None:
        """What was uploaded before pictures were made gets one by the scan at the start."""
        self.daemon.kill9()
        other = Daemon(self.directory(), {}, self.daemon.storage)
        other.start()
        self.addCleanup(other.kill9)
        data = image("WEBP")
        target = other.target("old.webp", len(data), "image/webp")
        self.assert_status(201, put(other.port, target, data, "image/webp"))
        self.assert_status(404, ask(other.port, "GET", "/thumbnail/old.webp"))
        other.stop()
        self.daemon.start()
        eventually("the pictures", lambda: len(self.shelf()) == 2)


class HarmTests(ThumbnailCase):
    """Images that do harm."""

    def test_killed(self) -> None:
        """A process that dies at its picture costs that picture, and is not begun again."""
        data = image("PNG", (7000, 7000))
        self.assertEqual(self.put("large.png", data, "image/png"), 201)
        eventually("its process", self.kill_process)
        eventually("its end", lambda: self.count("killed") == 1)
        self.assert_status(404, self.get("/thumbnail/large.png"))
        self.assert_comes_back(self.daemon, self.daemon.place("large.png"), data)
        self.assertEqual(self.put("good.png", image("PNG"), "image/png"), 201)
        self.made("/thumbnail/good.png")
        self.assertEqual(self.count("killed"), 1)

    def kill_process(self) -> bool:
        """Kill the process that makes a picture, if there is one."""
        me = self.daemon.process.pid
        tasks = pathlib.Path(f"/proc/{me}/task").iterdir()
        for pid in " ".join((task / "children").read_text("ascii") for task in tasks).split():
            command = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
            if b"picture_process" in command:
                os.kill(int(pid), signal.SIGKILL)
                return True
        return False

    def test_bombs(self) -> None:
        """Bombs cost their processes and no upload, and are not tried again."""
        bombs = [bomb(), bomb(7000, 7000), bomb(50_000, 900), b"\x89PNG\r\n\x1a\n" + b"\0" * 99]
        for number, data in enumerate(bombs):
            self.assertEqual(self.put(f"bomb-{number}.png", data, "image/png"), 201)
        began = time.monotonic()
        with ThreadPoolExecutor(4) as clients:
            statuses = clients.map(
                lambda number: self.put(f"text-{number}", b"text", "text/plain"), range(50)
            )
            self.assertEqual(set(statuses), {201})
        self.assertLess(time.monotonic() - began, 20)
        eventually(
            "the end of the bombs",
            lambda: sum(map(self.count, ("unreadable", "killed", "slow", "made"))) == len(bombs),
            60,
        )
        self.assertEqual(self.count("failed"), 0)
        for number, data in enumerate(bombs):
            self.assert_comes_back(self.daemon, self.daemon.place(f"bomb-{number}.png"), data)
        self.assert_status(404, self.get("/thumbnail/bomb-0.png"))
        self.assertTrue(self.daemon.running)
        self.put("good.png", image("PNG"), "image/png")
        self.made("/thumbnail/good.png")
