"""Chromium without a window, on pages that tell how it went."""

from __future__ import annotations

import http.server
import pathlib
import queue
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import attrs
from twisted.trial.unittest import SkipTest

from tests.real.daemon import eventually

PATIENCE: Final = 60.0

PAGE: Final = """\
<!doctype html>
<video id="video" crossorigin="anonymous" muted></video>
<script>
const video = document.getElementById("video");
const tell = (what) => fetch("/told", {method: "POST", body: what});
video.onerror = () => tell("error " + video.error.code + " " + video.error.message);
video.onloadedmetadata = () => {
  video.onseeked = () => {
    const from = video.currentTime;
    video.ontimeupdate = () => {
      if (video.currentTime > from + 0.2) {
        video.ontimeupdate = null;
        tell("played " + from + " of " + video.duration);
      }
    };
    video.play();
  };
  video.currentTime = SECONDS;
};
video.src = "MEDIA";
</script>
"""


@attrs.frozen
class Played:
    """What a browser did with a media file.

    :ivar told: what the page said of it.
    :ivar answers: status and Content-Range of each answer with a range, in order.
    """

    told: str
    answers: list[tuple[int, str]]


class Page(http.server.BaseHTTPRequestHandler):
    """Serves the page, and takes what it tells."""

    server: PageServer

    def do_GET(self) -> None:
        """Answer with the page."""
        self._answer(self.server.page.encode())

    def do_POST(self) -> None:
        """Take what the page tells."""
        length = int(self.headers["Content-Length"])
        self.server.told.put(self.rfile.read(length).decode())
        self._answer(b"")

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class PageServer(http.server.ThreadingHTTPServer):
    """A server of one page."""

    daemon_threads = True

    def __init__(self, page: str) -> None:
        super().__init__(("127.0.0.1", 0), Page)
        self.page = page
        self.told: queue.SimpleQueue[str] = queue.SimpleQueue()

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self.server_port}/"


@contextmanager
def serving(page: str) -> Iterator[PageServer]:
    """Serve a page for a while."""
    with PageServer(page) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def visiting(directory: pathlib.Path, url: str, *flags: str) -> Iterator[None]:
    """Show a page for a while.

    :param directory: where the browser may leave what it likes, and find it again.
    """
    chromium = shutil.which("chromium")
    if chromium is None:
        raise SkipTest("needs chromium")
    process = subprocess.Popen(
        [
            *(chromium, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"),
            *("--disable-dev-shm-usage", "--disable-background-networking", "--mute-audio"),
            *(f"--user-data-dir={directory / 'profile'}", *flags, url),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        process_group=0,
    )
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)


def play(directory: pathlib.Path, media: str, seconds: float) -> Played:
    """Open a page with a media file, seek to a time, and play from there.

    :param directory: where the browser may leave what it likes.
    :param media: the URL of the file.
    """
    net_log = directory / "net-log.json"
    page = PAGE.replace("SECONDS", f"{seconds:g}").replace("MEDIA", media)
    flags = ("--autoplay-policy=no-user-gesture-required", f"--log-net-log={net_log}")
    with serving(page) as server, visiting(directory, server.url, *flags):
        told = server.told.get(timeout=PATIENCE)
    # The log is there when the browser has ended.
    text = eventually("the browser's log", lambda: net_log.read_text(encoding="utf-8"))
    return Played(told, answers_in(text))


def answers_in(net_log: str) -> list[tuple[int, str]]:
    """Return status and Content-Range of each answer that has one."""
    found = re.findall(r'"HTTP/1\.1 (\d+)[^"]*"([^\]]*)', net_log)
    answers = []
    for status, headers in found:
        content_range = re.search(r'"content-range: ([^"]*)"', headers, re.IGNORECASE)
        if content_range is not None:
            answers.append((int(status), content_range[1]))
    return answers
