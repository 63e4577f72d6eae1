"""Measures what each feature costs: this server with it, and without, in turn."""

from __future__ import annotations

import argparse
import hashlib
import hmac
import io
import itertools
import os
import pathlib
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Final

from attrs import frozen
from PIL import Image
from twisted.trial.unittest import SkipTest

from bench import clients
from bench.clients import Failed
from bench.measures import CONNECTIONS, MEGABYTE, amount
from bench.servers import SECRET, CannotMeasure, Server, Tables, ours
from hmacfs.auth.mac import message_v
from tests.real.clamd import Clamd

ROUNDS: Final = 3
UNUSABLE: Final = 2
OWNER: Final = "0" * 40
"""An uploader, as ejabberd's paths tell it."""

OFF: Final[Tables] = {
    "server": {"deduplication_enabled": False},
    "deduplication": {"enabled": False},
    "validation": {"check_magic_bytes": False},
}
"""Every feature off that is on where nothing is said."""

numbers = itertools.count()


@frozen
class Sizes:
    """
    How much is sent.

    :ivar photos: how many photos are sent, and fetched.
    :ivar side: pixels of the side of a photo.
    :ivar large: bytes of the large file.
    """

    photos: int
    side: int
    large: int


WHOLE: Final = Sizes(320, 400, 128 * MEGABYTE)
QUICK: Final = Sizes(16, 40, 2 * MEGABYTE)


@frozen
class Feature:
    """
    Something that the server does when it is told to.

    :ivar tables: what its configuration says then.
    :ivar equal: whether all files that are sent have the same bytes.
    """

    tables: Tables
    equal: bool = False


def scanner(directory: pathlib.Path, running: ExitStack) -> Tables:
    """
    Start a clamd, and tell how the server finds it.

    :raises CannotMeasure: if there is none.
    """
    try:
        clamd = Clamd(directory)
    except SkipTest as error:
        raise CannotMeasure(str(error)) from error
    running.callback(clamd.kill)
    clamd.start()
    return {
        "clamav": {"clamavenabled": True, "clamavsocket": os.fspath(clamd.path)},
    }


SHARING: Final[Tables] = {
    "server": {"deduplication_enabled": True},
    "deduplication": {"enabled": True},
}

FEATURES: Final[Mapping[str, Feature]] = {
    "nothing": Feature({}),
    "extensions": Feature({"uploads": {"blocked_extensions": [".exe", ".com", ".bat"]}}),
    "magic bytes": Feature({"validation": {"check_magic_bytes": True, "strict_mode": True}}),
    "deduplication": Feature(SHARING),
    "deduplication of equal files": Feature(SHARING, equal=True),
    "versions": Feature({"versioning": {"enableversioning": True, "maxversions": 3}}),
    "hidden names": Feature({"server": {"file_naming": "HMAC"}}),
    "thumbnails": Feature({"thumbnails": {"enabled": True, "size": "200x200"}}),
    "quotas": Feature({"quotas": {"enabled": True, "default": "1TB", "daily": "1TB"}}),
}
"""By name; ``nothing`` tells how far two servers that are alike are apart."""

SCANNING: Final = "ClamAV"


def signed(name: str, size: int) -> str:
    """Return the request target of an upload of any type."""
    message = message_v(name.encode(), size, "")
    return f"/{name}?v={hmac.new(SECRET.encode(), message, hashlib.sha256).hexdigest()}"


def photo(side: int) -> bytes:
    """Return a JPEG with so much in it that it does not become small."""
    pixels = os.urandom(3 * side * side)
    written = io.BytesIO()
    Image.frombytes("RGB", (side, side), pixels).save(written, "JPEG", quality=90)
    return written.getvalue()


class Work:
    """
    What is sent to the servers and fetched from them.

    :param directory: for files to send.
    """

    def __init__(self, directory: pathlib.Path, sizes: Sizes) -> None:
        self._sizes = sizes
        self._photo = photo(sizes.side)
        self._large = directory / "large"
        self._large.write_bytes(os.urandom(sizes.large))

    def columns(self) -> dict[str, Callable[[Server, bool], float]]:
        """Return what is measured, by name."""
        size = f"{len(self._photo) // 1024} KiB"
        return {
            f"PUT {size}, 1/s": self._put,
            f"PUT {amount(self._sizes.large)}, MiB/s": self._put_large,
            f"GET {size}, 1/s": self._get,
        }

    def _data(self, equal: bool) -> bytes:
        # What comes after the end of a JPEG is no part of the picture.
        return self._photo + (0 if equal else next(numbers)).to_bytes(8, "big")

    def _name(self) -> str:
        return f"{OWNER}/{next(numbers)}/photo.jpg"

    def _request(self, server: Server, name: str, equal: bool) -> bytes:
        data = self._data(equal)
        return clients.put_bytes(signed(name, len(data)), data, "image/jpeg")

    def _put(self, server: Server, equal: bool) -> float:
        requests = [self._request(server, self._name(), equal) for _ in range(self._sizes.photos)]
        return clients.rate(server.port, requests, CONNECTIONS)

    def _put_large(self, server: Server, equal: bool) -> float:
        if not equal:
            with self._large.open("r+b") as file:
                file.write(next(numbers).to_bytes(8, "big"))
        target = signed(self._name(), self._sizes.large)
        took = clients.seconds(clients.upload(server.url(target), self._large))
        return self._sizes.large / MEGABYTE / took

    def _get(self, server: Server, equal: bool) -> float:
        name = self._name()
        clients.rate(server.port, [self._request(server, name, equal)], CONNECTIONS)
        requests = [clients.get(server.place(name))] * self._sizes.photos
        return clients.rate(server.port, requests, CONNECTIONS)


def compare(work: Work, feature: Feature, both: Sequence[Server], rounds: int) -> list[str]:
    """Measure without and with, each first in every other round; return the cells of the line."""
    cells = []
    for take in work.columns().values():
        found: dict[Server, list[float]] = {server: [] for server in both}
        for number in range(rounds):
            for server in both if number % 2 else reversed(both):
                found[server].append(take(server, feature.equal))
                os.sync()
        off, on = (statistics.median(values) for values in found.values())
        cells.append(f"{off:.4g} {on:.4g} {on / off:.2f}")
    return cells


def merged(first: Tables, second: Tables) -> Tables:
    """Return a configuration that says both."""
    return {name: {**first.get(name, {}), **second.get(name, {})} for name in {**first, **second}}


def run(sizes: Sizes, rounds: int, wanted: Sequence[str]) -> None:
    """
    Print the table.

    :param wanted: names of features; none for all.
    :raises CannotMeasure: if there is no such feature, or a server cannot be started.
    :raises Failed: if a request fails.
    """
    known = [*FEATURES, SCANNING]
    for name in wanted:
        if name not in known:
            raise CannotMeasure(f"{name} is no feature; there are {', '.join(known)}")
    with tempfile.TemporaryDirectory(prefix="hmacfs-bench-") as place:
        directory = pathlib.Path(place)
        work = Work(directory, sizes)
        print(line("", *(f"{column}: off on ratio" for column in work.columns())), flush=True)
        for name in wanted or known:
            with ExitStack() as ending:
                if name == SCANNING:
                    feature = Feature(scanner(directory / "clamd", ending))
                else:
                    feature = FEATURES[name]
                both = [
                    ending.enter_context(ours(directory / label, merged(OFF, tables)))
                    for label, tables in (("off", {}), ("on", feature.tables))
                ]
                print(line(name, *compare(work, feature, both, rounds)), flush=True)
            for label in ("off", "on"):
                shutil.rmtree(directory / label)


def line(name: str, *cells: str) -> str:
    """Return a line of the table."""
    return f"{name:<28}" + "".join(f" {cell:>34}" for cell in cells)


def main(arguments: Sequence[str]) -> int:
    """Do what the command line says; return the exit code."""
    parser = argparse.ArgumentParser(prog="bench/run-features", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a moment of each: does it run?")
    parser.add_argument("--rounds", type=int, help=f"how often each is measured; {ROUNDS}")
    parser.add_argument("feature", nargs="*", help="the features to measure; all")
    options = parser.parse_args(arguments)
    rounds = options.rounds or (1 if options.quick else ROUNDS)
    try:
        run(QUICK if options.quick else WHOLE, rounds, options.feature)
    except (CannotMeasure, Failed) as error:
        print(f"bench/run-features: {error}", file=sys.stderr)
        return UNUSABLE
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
