"""What is measured of a server."""

from __future__ import annotations

import itertools
import os
import pathlib
import statistics
from collections.abc import Callable
from typing import Final

import attrs

from bench import clients
from bench.servers import Server

KILOBYTE: Final = 1024
MEGABYTE: Final = 1024 * KILOBYTE
GIGABYTE: Final = 1024 * MEGABYTE
CONNECTIONS: Final = 16
UPLOADS: Final = 3

numbers = itertools.count()


@attrs.frozen
class Sizes:
    """
    How much is sent.

    :ivar large: bytes of the large file.
    :ivar beside: bytes of each upload beside which small downloads are timed.
    :ivar small: size in bytes and number of the small files.
    """

    large: int
    beside: int
    small: tuple[tuple[int, int], ...]


WHOLE: Final = Sizes(
    GIGABYTE,
    300 * MEGABYTE,
    ((10 * KILOBYTE, 4000), (100 * KILOBYTE, 2000), (MEGABYTE, 400)),
)
QUICK: Final = Sizes(8 * MEGABYTE, 4 * MEGABYTE, ((10 * KILOBYTE, 64), (100 * KILOBYTE, 32)))


@attrs.frozen
class Measure:
    """
    One number that is found out of a server.

    :ivar unit: what the number is in.
    :ivar more_is_better: else less is.
    """

    name: str
    unit: str
    more_is_better: bool
    take: Callable[[Server], float]


def amount(size: int) -> str:
    """Return a size as people say it."""
    units = ((GIGABYTE, "GiB"), (MEGABYTE, "MiB"), (KILOBYTE, "KiB"))
    unit, name = next(pair for pair in units if size >= pair[0])
    return f"{size // unit} {name}"


def new_name() -> str:
    """Return a name that was not used before."""
    return f"file-{next(numbers)}"


def make_file(directory: pathlib.Path, size: int) -> pathlib.Path:
    """Return a file of so many bytes, no block of which is like another."""
    path = directory / f"source-{size}"
    block = b"\xa5" * (MEGABYTE - 8)
    with path.open("wb") as file:
        for number in range(size // MEGABYTE):
            file.write(number.to_bytes(8, "big") + block)
    return path


def large(directory: pathlib.Path, size: int) -> list[Measure]:
    """Return the measures with one large file."""
    source = make_file(directory, size)
    label = amount(size)

    def upload(server: Server, name: str) -> float:
        return clients.seconds(clients.upload(server.url(server.target(name, size)), source))

    def put(server: Server) -> float:
        took = upload(server, new_name())
        server.clear()
        return size / MEGABYTE / took

    def memory(server: Server) -> float:
        server.forget_peak()
        upload(server, new_name())
        server.clear()
        return server.peak_memory() / MEGABYTE

    def get(server: Server) -> float:
        name = new_name()
        upload(server, name)
        # What the upload left to be written must not slow the download.
        os.sync()
        took = clients.seconds(clients.download(server.url(server.place(name))))
        server.clear()
        return size / MEGABYTE / took

    return [
        Measure(f"PUT {label}", "MiB/s", True, put),
        Measure(f"GET {label}", "MiB/s", True, get),
        Measure(f"memory in PUT {label}", "MiB", False, memory),
    ]


def small(size: int, count: int) -> list[Measure]:
    """Return the measures with many small files."""
    label = amount(size)

    def put(server: Server) -> float:
        requests = [clients.put(server.target(new_name(), size), size) for _ in range(count)]
        found = clients.rate(server.port, requests, CONNECTIONS)
        server.clear()
        return found

    def get(server: Server) -> float:
        name = new_name()
        clients.rate(server.port, [clients.put(server.target(name, size), size)], CONNECTIONS)
        requests = [clients.get(server.place(name))] * count
        found = clients.rate(server.port, requests, CONNECTIONS)
        server.clear()
        return found

    return [
        Measure(f"PUT {label}", "1/s", True, put),
        Measure(f"GET {label}", "1/s", True, get),
    ]


def beside(directory: pathlib.Path, size: int) -> list[Measure]:
    """Return the measures of small downloads beside large uploads."""
    source = make_file(directory, size)

    def slowest(server: Server) -> float:
        name = new_name()
        request = clients.put(server.target(name, 10 * KILOBYTE), 10 * KILOBYTE)
        clients.rate(server.port, [request], CONNECTIONS)
        targets = [server.target(new_name(), size) for _ in range(UPLOADS)]
        transfers = [clients.upload(server.url(target), source) for target in targets]
        found = clients.latencies(server.port, clients.get(server.place(name)), transfers)
        for transfer in transfers:
            clients.seconds(transfer)
        server.clear()
        return percentile(found, 99) * 1000

    label = f"{UPLOADS} x {amount(size)}"
    return [Measure(f"p99 of GET 10 KiB beside PUT {label}", "ms", False, slowest)]


def percentile(found: list[float], which: int) -> float:
    """Return the value that so many percent do not exceed."""
    if len(found) < 2:
        raise clients.Failed("the transfers were over before anything could be timed")
    return statistics.quantiles(found, n=100, method="inclusive")[which - 1]


def measures(directory: pathlib.Path, sizes: Sizes) -> list[Measure]:
    """Return all measures; their source files are made in a directory."""
    return [
        *large(directory, sizes.large),
        *(measure for size, count in sizes.small for measure in small(size, count)),
        *beside(directory, sizes.beside),
    ]
