"""Tests of hmacfs.config.checks.performance."""

from __future__ import annotations

import pathlib

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.config import options
from hmacfs.config.checks import performance
from hmacfs.config.checks.findings import Seen
from hmacfs.config.settings import Values
from tests.config.checks.subjects import MadeUp, looked

GB = 1024**3


class PerformanceTests(SynchronousTestCase):
    """Each check of performance."""

    def test_workers(self) -> None:
        """Threads should be no fewer than processors, and not many times more."""
        for workers, cores, found in (
            (4, 4, 0),
            (4, 64, 0),
            (1, 1, 0),
            (1, 4, 1),
            (16, 1, 0),
            (17, 1, 1),
        ):
            values = {options.WORKERS_NUMWORKERS: workers}
            self.assertEqual(
                len(looked(performance.few_workers, values, MadeUp(cores=cores))), found
            )

    def test_space(self) -> None:
        """No room for any upload is a problem, none for the largest is advised against."""
        values: Values = {
            options.SERVER_STORAGE_PATH: pathlib.Path("/srv/x"),
            options.SERVER_MIN_FREE_BYTES: GB,
            options.SERVER_MAX_UPLOAD_SIZE: 2 * GB,
        }
        for place in ("/srv/x", "/srv"):
            for free, weights in ((GB - 1, ["problem"]), (3 * GB - 1, ["advice"]), (3 * GB, [])):
                machine = MadeUp(paths={place: Seen(0o755, free=free)})
                found = looked(performance.little_space, values, machine)
                self.assertEqual([weight for weight, _ in found], weights, free)
        self.assertEqual(looked(performance.little_space, values), [])

    def test_deduplication(self) -> None:
        """Shared bytes on another disk cannot be shared."""
        values: Values = {
            options.SERVER_STORAGE_PATH: pathlib.Path("/a"),
            options.DEDUPLICATION_DIRECTORY: pathlib.Path("/b"),
        }
        for device, found in ((1, 0), (2, 1)):
            machine = MadeUp(paths={"/a": Seen(0o755, device=1), "/b": Seen(0o755, device=device)})
            self.assertEqual(len(looked(performance.far_deduplication, values, machine)), found)
        self.assertEqual(looked(performance.far_deduplication, values), [])
        self.assertEqual(looked(performance.far_deduplication, {}), [])

    def test_chunks(self) -> None:
        """Chunks are neither tiny nor huge."""
        for size, found in ((65536, 1), (256 * 1024, 0), (128 * 1024**2, 0), (GB, 1)):
            values = {options.UPLOADS_CHUNK_SIZE: size}
            self.assertEqual(len(looked(performance.odd_chunks, values)), found, size)

    def test_memory(self) -> None:
        """What uploads hold should leave half of the memory."""
        values = {
            options.WORKERS_NUMWORKERS: 4,
            options.WORKERS_UPLOADQUEUESIZE: 12,
            options.UPLOADS_BUFFER_SIZE: 1024**2,
        }
        for memory, found in ((32 * 1024**2, 0), (32 * 1024**2 - 2, 1)):
            machine = MadeUp(memory=memory)
            self.assertEqual(len(looked(performance.much_memory, values, machine)), found)

    def test_open_files(self) -> None:
        """Every connection may need two open files."""
        values = {options.SERVER_MAX_CONNECTIONS: 1000}
        for files, found in ((2100, 0), (2099, 1)):
            machine = MadeUp(open_files=files)
            self.assertEqual(len(looked(performance.few_open_files, values, machine)), found)

    def test_timeouts(self) -> None:
        """Times are long enough for phones and short enough for dead connections."""
        for seconds, found in ((9.0, 1), (10.0, 0), (900.0, 0), (901.0, 1)):
            values = {options.TIMEOUTS_READTIMEOUT: seconds}
            self.assertEqual(len(looked(performance.long_timeouts, values)), found, seconds)

    def test_log(self) -> None:
        """The loudest log is advised against."""
        self.assertEqual(looked(performance.loud_log, {}), [])
        self.assertEqual(len(looked(performance.loud_log, {options.LOGGING_LEVEL: "debug"})), 1)
