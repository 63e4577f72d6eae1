"""Clients, the same for both servers: curl for large files, many small requests from processes."""

from __future__ import annotations

import multiprocessing
import pathlib
import selectors
import socket
import subprocess
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection as Pipe
from typing import Final

PROCESSES: Final = 4
BLOCK: Final = 256 * 1024
TIMED: Final = ["curl", "-sS", "--fail", "-H", "Expect:", "-o", "/dev/null", "-w", "%{time_total}"]


class Failed(Exception):
    """A request was not answered as it should be."""


def upload(url: str, file: pathlib.Path) -> subprocess.Popen[str]:
    """Begin to upload a file; :func:`seconds` waits for the end."""
    return subprocess.Popen([*TIMED, "-T", str(file), url], stdout=subprocess.PIPE, text=True)


def download(url: str) -> subprocess.Popen[str]:
    """Begin to download a file; :func:`seconds` waits for the end."""
    return subprocess.Popen([*TIMED, url], stdout=subprocess.PIPE, text=True)


def seconds(curl: subprocess.Popen[str]) -> float:
    """
    Wait for a transfer and return how long it took.

    :raises Failed: if it failed.
    """
    output, _ = curl.communicate()
    if curl.returncode != 0:
        raise Failed(f"curl ended with {curl.returncode}")
    return float(output)


def put(target: str, size: int) -> bytes:
    """Return an upload as it is sent."""
    return put_bytes(target, bytes(size))


def put_bytes(target: str, data: bytes, kind: str = "") -> bytes:
    """Return an upload of these bytes, which may be of a type, as it is sent."""
    typed = f"Content-Type: {kind}\r\n" if kind else ""
    head = f"PUT {target} HTTP/1.1\r\nHost: bench\r\n{typed}Content-Length: {len(data)}\r\n\r\n"
    return head.encode() + data


def get(target: str) -> bytes:
    """Return a download as it is asked for."""
    return f"GET {target} HTTP/1.1\r\nHost: bench\r\n\r\n".encode()


class Exchange:
    """A kept connection, over which requests go one after another."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = bytearray()
        self._unsent = memoryview(b"")
        self._left: int | None = None

    def begin(self, request: bytes) -> None:
        """Begin a request."""
        self._received.clear()
        self._left = None
        self._unsent = memoryview(request)

    @property
    def wants(self) -> int:
        """What of the socket is waited for, in the terms of ``selectors``."""
        if self._unsent:
            return selectors.EVENT_READ | selectors.EVENT_WRITE
        return selectors.EVENT_READ

    def send(self) -> None:
        """Send what the socket takes of the request."""
        self._unsent = self._unsent[self.socket.send(self._unsent[:BLOCK]) :]

    def is_answered(self) -> bool:
        """
        Take what has come; tell whether the answer is whole.

        :raises Failed: if it is no success, or the connection has ended.
        """
        data = self.socket.recv(BLOCK)
        if not data:
            raise Failed("the connection has ended")
        if self._left is None:
            self._received += data
            head, end, body = self._received.partition(b"\r\n\r\n")
            if not end:
                return False
            self._left = length_of(bytes(head)) - len(body)
        else:
            self._left -= len(data)
        return self._left == 0


def length_of(head: bytes) -> int:
    """
    Return the length of the body after the head of an answer.

    :raises Failed: if it tells of no success.
    """
    status, *fields = head.lower().split(b"\r\n")
    if not status.startswith((b"http/1.1 200", b"http/1.1 201", b"http/1.1 204")):
        raise Failed(status.decode("ascii", "replace"))
    lengths = [field.partition(b":")[2] for field in fields if field.startswith(b"content-length")]
    return int(lengths[0]) if lengths else 0


def rate(port: int, requests: Sequence[bytes], connections: int) -> float:
    """Return how many of the requests are answered in a second, over so many connections."""
    context = multiprocessing.get_context("fork")
    workers = []
    for number in range(PROCESSES):
        here, there = context.Pipe()
        share = requests[number::PROCESSES]
        worker = context.Process(
            target=_work, args=(port, share, connections // PROCESSES, there), daemon=True
        )
        worker.start()
        # So that the end of the process is the end of the pipe.
        there.close()
        workers.append((worker, here))
    for _, pipe in workers:
        pipe.recv()
    begun = time.monotonic()
    for _, pipe in workers:
        pipe.send(True)
    for _, pipe in workers:
        pipe.recv()
    took = time.monotonic() - begun
    for worker, _ in workers:
        worker.join()
    return len(requests) / took


def _work(port: int, requests: Sequence[bytes], connections: int, pipe: Pipe) -> None:
    # In a process of its own.
    waiting = iter(requests)
    selector = selectors.DefaultSelector()
    exchanges = [Exchange(port) for _ in range(connections)]
    pipe.send(True)
    pipe.recv()
    for exchange in exchanges:
        _next(selector, exchange, next(waiting, None), is_new=True)
    while selector.get_map():
        for key, events in selector.select():
            exchange = key.data
            if events & selectors.EVENT_WRITE:
                exchange.send()
                if exchange.wants != key.events:
                    selector.modify(exchange.socket, exchange.wants, exchange)
            if events & selectors.EVENT_READ and exchange.is_answered():
                _next(selector, exchange, next(waiting, None))
    pipe.send(True)


def _next(
    selector: selectors.BaseSelector,
    exchange: Exchange,
    request: bytes | None,
    is_new: bool = False,
) -> None:
    if not is_new:
        selector.unregister(exchange.socket)
    if request is not None:
        exchange.begin(request)
        exchange.send()
        selector.register(exchange.socket, exchange.wants, exchange)


def latencies(port: int, request: bytes, transfers: Sequence[subprocess.Popen[str]]) -> list[float]:
    """Repeat a small request while the transfers run; return how many seconds each took."""
    exchange = Exchange(port)
    found = []
    while any(transfer.poll() is None for transfer in transfers):
        begun = time.perf_counter()
        exchange.begin(request)
        while exchange.wants & selectors.EVENT_WRITE:
            exchange.send()
        while not exchange.is_answered():
            pass
        found.append(time.perf_counter() - begun)
    exchange.socket.close()
    return found
