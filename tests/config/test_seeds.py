"""Every configuration that the documents of older generations print has to load."""

from __future__ import annotations

import pathlib
import re
from typing import Any, Final

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.config import options
from hmacfs.config.network import Address
from hmacfs.config.option import Generation, Option
from hmacfs.config.settings import Settings
from tests.config.files import SECRET, WITH_SECRET, load, messages

DIRECTORY: Final = pathlib.Path(__file__).parent / "seeds"
SAMPLE: Final = re.compile(r'(?m)^((?:jwt)?secret\s*=\s*)"[^"]*"', re.IGNORECASE)
GENERATIONS: Final = {
    "v1_0": Generation.FIRST,
    "v1_0_5": Generation.V1_0_5,
    "v2_0": Generation.V2_0,
    "v2_x": Generation.V2_X,
    "v3_2": Generation.V3_2,
}


def text_of(name: str) -> str:
    """Return a sample with secrets somebody could use."""
    return SAMPLE.sub(rf'\1"{SECRET}"', (DIRECTORY / f"{name}.toml").read_text())


def seed(name: str) -> Settings:
    """Read a sample, with a secret from the environment where it has none."""
    text = text_of(name)
    return load(text, {} if "ecret" in text else WITH_SECRET)


class SeedTests(SynchronousTestCase):
    """Every sample."""

    def test_all_load(self) -> None:
        """Each loads, and its generation is recognised."""
        names = sorted(path.stem for path in DIRECTORY.glob("*.toml"))
        self.assertEqual(len(names), 15)
        for name in names:
            generation = GENERATIONS[name.rpartition("_")[0]]
            self.assertEqual(seed(name).generation, generation, name)

    def test_sample_secrets_refused(self) -> None:
        """As they are printed, each is refused for its secrets alone, with a hint."""
        for path in sorted(DIRECTORY.glob("*.toml")):
            text = path.read_text()
            samples = len(SAMPLE.findall(text))
            if samples:
                found = messages(self, text, {})
                self.assertEqual(len(found), samples, path.name)
                for message in found:
                    self.assertIn("openssl rand -hex 32", message)


class FirstTests(SynchronousTestCase):
    """The first generation."""

    def test_values(self) -> None:
        """Every key means what it meant."""
        settings = seed("v1_0_01")
        self.assertEqual(settings[options.SERVER_LISTEN_ADDRESS], Address("", 8080))
        self.assertEqual(settings[options.SERVER_METRICS_PORT], Address("", 9090))
        self.assertEqual(settings[options.SECURITY_SECRET], SECRET)
        self.assertEqual(str(settings[options.SERVER_STORAGE_PATH]), "/mnt/storage/uploads")
        self.assertEqual(settings[options.SERVER_UPLOAD_PREFIX], "upload")
        self.assertEqual(str(settings[options.LOGGING_FILE]), "/var/log/hmac-file-server.log")
        self.assertEqual(settings.warnings, ())


class V105Tests(SynchronousTestCase):
    """Version 1.0.5."""

    def test_values(self) -> None:
        """Every key means what it meant, and times are in seconds."""
        settings = seed("v1_0_5_01")
        expected: tuple[tuple[Option[Any], object], ...] = (
            (options.SERVER_UNIX_SOCKET, False),
            (options.SERVER_UPLOAD_PREFIX, "uploads"),
            (options.LOGGING_LEVEL, "info"),
            (options.UPLOADS_MAX_UPLOAD_RETRIES, 5),
            (options.UPLOADS_RETRY_DELAY, 2.0),
            (options.DOWNLOADS_ENABLE_GET_RETRIES, True),
            (options.BANS_BLOCK_AFTER_FAILS, 3),
            (options.BANS_DURATION, 600.0),
            (options.BANS_AUTO_UNBAN, True),
            (options.SERVER_FILETTLENABLED, True),
            (options.SERVER_MAX_FILE_AGE, 30 * 86400.0),
            (options.RETENTION_MAX_SIZE, 10 * 1024**3),
            (options.WORKERS_PROCESSES, None),
            (options.SECURITY_REASK_SECRET_ENABLED, True),
            (options.SECURITY_REASK_SECRET_INTERVAL, 86400.0),
            (options.SERVER_METRICS_ENABLED, True),
            (options.UPLOADS_CHECKSUM_VERIFICATION, True),
            (options.REDIS_REDISENABLED, True),
            (options.REDIS_REDISADDR, Address("localhost", 6379)),
            (options.REDIS_REDISDBINDEX, 0),
            (options.TIMEOUTS_READTIMEOUT, 900.0),
            (options.TIMEOUTS_WRITETIMEOUT, 900.0),
            (options.UPLOADS_BUFFER_SIZE, 65536),
        )
        for option, value in expected:
            self.assertEqual(settings[option], value, option.key)


class V20Tests(SynchronousTestCase):
    """Version 2.0."""

    def test_values(self) -> None:
        """Every key means what it meant; the speed is in bytes, as its number says."""
        settings = seed("v2_0_01")
        expected: tuple[tuple[Option[Any], object], ...] = (
            (options.UPLOADS_CHUNK_SIZE, 65536),
            (options.SERVER_MAX_UPLOAD_SIZE, 1024**3),
            (options.UPLOADS_MAX_BYTES_PER_SECOND, 8388608),
            (options.FALLBACK_ENABLED, False),
            (options.FALLBACK_TYPE, "postgres"),
            (options.FALLBACK_HOST, "localhost"),
            (options.FALLBACK_USER, "your_db_user"),
            (options.FALLBACK_PASSWORD, "your_db_password"),
            (options.FALLBACK_NAME, "your_db_name"),
            (options.SERVER_GRACEFUL_SHUTDOWN_TIMEOUT, 30.0),
            (options.WORKERS_MAX_WORKERS, None),
            (options.WORKERS_MAX_MEMORY, 4096 * 1024**2),
        )
        for option, value in expected:
            self.assertEqual(settings[option], value, option.key)


class V2xTests(SynchronousTestCase):
    """Versions 2.x."""

    def test_values(self) -> None:
        """Keys at the top of the file are those of [server]."""
        settings = seed("v2_x_01")
        expected: tuple[tuple[Option[Any], object], ...] = (
            (options.SERVER_LISTEN_ADDRESS, Address("", 8080)),
            (options.LOGGING_LEVEL, "debug"),
            (options.SERVER_DEDUPLICATION_ENABLED, True),
            (options.SERVER_MIN_FREE_BYTES, 5 * 1024**3),
            (options.SERVER_FILETTLENABLED, False),
            (options.SERVER_MAX_FILE_AGE, 30 * 86400.0),
            (options.SERVER_ENABLE_DYNAMIC_WORKERS, True),
            (options.SERVER_NETWORKEVENTS, False),
            (options.SERVER_PRE_CACHE, True),
            (options.THUMBNAILS_SIZE, ((200, 200),)),
            (options.THUMBNAILS_THUMBNAILINTERVALSCAN, 3600.0),
            (options.ISO_SIZE, 1024**4),
            (options.UPLOADS_CHUNK_SIZE, 32 * 1024**2),
            (options.CLAMAV_CLAMAVENABLED, True),
            (options.CLAMAV_NUMSCANWORKERS, 4),
            (options.WORKERS_UPLOADQUEUESIZE, 5000),
        )
        for option, value in expected:
            self.assertEqual(settings[option], value, option.key)
        self.assertEqual(str(settings[options.SERVER_PID_FILE]), "hmac-file-server.pid")
        self.assertEqual(settings[options.UPLOADS_ALLOWED_EXTENSIONS][0], ".txt")

    def test_the_same_under_server(self) -> None:
        """The text of the document puts the same keys under [server]."""
        text = text_of("v2_x_01")
        moved = load("[server]\n" + text, {})
        flat = load(text, {})
        for option in options.TABLE:
            self.assertEqual(moved[option], flat[option], option.key)


class V32Tests(SynchronousTestCase):
    """Version 3.2.1."""

    def test_values(self) -> None:
        """The documented file means what its comments say."""
        settings = seed("v3_2_06")
        expected: tuple[tuple[Option[Any], object], ...] = (
            (options.SERVER_MAX_UPLOAD_SIZE, 10 * 1024**3),
            (options.SERVER_MAX_HEADER_BYTES, 1048576),
            (options.SERVER_MAX_FILE_AGE, 30 * 86400.0),
            (options.SERVER_FILETTLENABLED, True),
            (options.SERVER_FORCE_PROTOCOL, ""),
            (options.SERVER_METRICS_PATH, "/metrics"),
            (options.UPLOADS_ALLOWED_EXTENSIONS, (".txt", ".pdf")),
            (options.DOWNLOADS_ALLOWED_EXTENSIONS, (".txt", ".pdf")),
            (options.TIMEOUTS_READTIMEOUT, 4800.0),
            (options.TIMEOUTS_IDLETIMEOUT, 90.0),
            (options.SERVER_GRACEFUL_SHUTDOWN_TIMEOUT, 300.0),
            (options.SERVER_CONNECTION_DRAIN_TIMEOUT, 120.0),
            (options.UPLOADS_SESSIONTIMEOUT, 3600.0),
            (options.DEDUPLICATION_MAXSIZE, 1024**3),
            (options.CLAMAV_MAXSCANSIZE, 200 * 1024**2),
            (options.NETWORK_RESILIENCE_DETECTION_INTERVAL, 1.0),
        )
        for option, value in expected:
            self.assertEqual(settings[option], value, option.key)

    def test_limit_of_the_xmpp_sample(self) -> None:
        """One sample has the largest upload under [uploads]."""
        settings = seed("v3_2_07")
        self.assertEqual(settings[options.SERVER_MAX_UPLOAD_SIZE], 10 * 1024**3)
        self.assertEqual(settings.warnings, ())
