"""The log of the process, by its settings."""

from __future__ import annotations

import gzip
import io
import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twisted.logger import LogBeginner, Logger, LogLevel, LogPublisher
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.cli import logs
from hmacfs.cli.logs import MEGABYTE, Log
from hmacfs.config import options
from hmacfs.config.option import Option
from hmacfs.config.problems import ConfigError
from hmacfs.config.settings import Settings

PATIENCE = 60.0


class BrokenStream(io.StringIO):
    """A standard error whose reader has gone."""

    def write(self, text: str) -> int:
        """Fail."""
        raise BrokenPipeError


class HeardStream(io.StringIO):
    """A standard error that can be waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.heard = threading.Event()

    def write(self, text: str) -> int:
        """Take a line; one that ends in ``full`` is waited for."""
        if text.endswith("full\n"):
            self.heard.set()
        return super().write(text)


class LogsCase(SynchronousTestCase):
    """A log apart from that of the tests."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        self.path = self.directory / "server.log"
        self.stderr = io.StringIO()
        self.publisher = LogPublisher()
        self.logger = Logger("tests", observer=self.publisher)

    def begin(self, more: Mapping[Option[Any], Any] | None = None) -> Log:
        """Begin to log, until the end of the test."""
        beginner = LogBeginner(self.publisher, io.StringIO(), self, _NoWarnings())
        log = logs.begin(Settings.of(more or {}), self.stderr, beginner)
        self.addCleanup(log.close)
        return log

    def to_file(self, more: Mapping[Option[Any], Any] | None = None) -> Log:
        """Begin to log into the file."""
        return self.begin({options.LOGGING_FILE: self.path, **(more or {})})

    def to_full_disk(self) -> Log:
        """Begin to log into a file that finds no space, of which there is some from now on."""
        self.stderr = heard = HeardStream()
        self.path.symlink_to("/dev/full")
        log = self.to_file()
        self.logger.info("full")
        self.assertTrue(heard.heard.wait(PATIENCE))
        self.path.unlink()
        return log

    def lines(self) -> list[str]:
        """Read the file."""
        return self.path.read_text(encoding="utf-8").splitlines()


class _NoWarnings:
    """What a beginner changes to show Python's warnings."""

    showwarning = None


class StandardErrorTests(LogsCase):
    """Without a file."""

    def test_text(self) -> None:
        """Lines are for people, and there at once."""
        self.begin()
        self.logger.info("hello {name}", name="you")
        self.assertTrue(self.stderr.getvalue().endswith(" [tests#info] hello you\n"))

    def test_json(self) -> None:
        """Or for programs."""
        self.begin({options.LOGGING_JSON: True})
        self.logger.info("hello {name}", name="you")
        document = json.loads(self.stderr.getvalue())
        self.assertEqual((document["text"], document["name"]), ("hello you", "you"))

    def test_levels(self) -> None:
        """What is below the level is left out; critical is always in."""
        for level, expected in (("debug", 5), ("info", 4), ("warn", 3), ("error", 2)):
            self.stderr.truncate(0)
            log = self.begin({options.LOGGING_LEVEL: level})
            for each in LogLevel.iterconstants():
                self.logger.emit(each, "x")
            self.assertEqual(self.stderr.getvalue().count("\n"), expected, level)
            log.close()
            self.publisher = LogPublisher()
            self.logger = Logger("tests", observer=self.publisher)

    def test_reload(self) -> None:
        """A reload takes a new level, at once and for all."""
        log = self.begin()
        log.adopt(Settings.of({options.LOGGING_LEVEL: "debug"}))
        self.logger.debug("seen")
        log.adopt(Settings.of({options.LOGGING_LEVEL: "error"}))
        self.logger.warn("not seen")
        self.assertEqual(self.stderr.getvalue().count("\n"), 1)

    def test_nobody_reads(self) -> None:
        """When nobody reads any more, whoever logs does not notice."""
        self.stderr = BrokenStream()
        log = self.begin()
        self.logger.info("x")
        self.stderr.close()
        self.logger.info("x")
        log.reopen()


class FileTests(LogsCase):
    """With a file."""

    def test_lines(self) -> None:
        """Lines are in the file, all of them when the log is closed, and nowhere else."""
        log = self.to_file()
        for n in range(100):
            self.logger.info("line {n}", n=n)
        log.close()
        self.assertEqual([line.split()[-1] for line in self.lines()], [str(n) for n in range(100)])
        self.assertEqual(self.stderr.getvalue(), "")

    def test_json(self) -> None:
        """Each line is one object, though it has lines of its own."""
        log = self.to_file({options.LOGGING_JSON: True})
        self.logger.info("{a}", a="1\n2")
        try:
            raise ValueError("no")
        except ValueError:
            self.logger.failure("broken")
        log.close()
        first, second = (json.loads(line) for line in self.lines())
        self.assertEqual((first["a"], second["level"]), ("1\n2", "critical"))
        self.assertIn("ValueError: no", second["traceback"])

    def test_critical(self) -> None:
        """What keeps the server from starting is on standard error too, where one looks."""
        log = self.to_file()
        self.logger.error("not this")
        self.logger.critical("cannot listen")
        log.close()
        self.assertEqual(len(self.lines()), 2)
        self.assertTrue(self.stderr.getvalue().endswith("[tests#critical] cannot listen\n"))
        self.assertEqual(self.stderr.getvalue().count("\n"), 1)

    def test_reopen(self) -> None:
        """Opened anew, the file takes lines at once that it could not take before."""
        log = self.to_full_disk()
        log.reopen()
        self.logger.info("room")
        log.close()
        self.assertTrue(self.lines()[-1].endswith("room"), self.lines())
        self.assertNotIn("room", self.stderr.getvalue())

    def test_full_disk(self) -> None:
        """On a full disk the log goes to standard error, in its own form, and says so once."""
        self.path.symlink_to("/dev/full")
        log = self.to_file({options.LOGGING_JSON: True})
        self.logger.info("one")
        self.logger.info("two")
        log.close()
        texts = [json.loads(line)["text"] for line in self.stderr.getvalue().splitlines()]
        self.assertIn("No space left on device; the log goes to standard error", texts[0])
        self.assertEqual(texts[1:], ["one", "two"])

    def test_rotation(self) -> None:
        """Files are as large as may be in megabytes, as many as may be, and compressed."""
        rules: dict[Option[Any], Any] = {
            options.LOGGING_MAX_SIZE: 1,
            options.LOGGING_MAX_BACKUPS: 2,
        }
        log = self.to_file(rules)
        for n in range(7 * 8):
            self.logger.info("{n} {text}", n=n, text="x" * (MEGABYTE // 8))
        log.close()
        for thread in threading.enumerate():
            if thread.name == "log-tidy":
                thread.join(PATIENCE)
        old = sorted(path for path in self.directory.iterdir() if path != self.path)
        self.assertEqual([path.suffixes[-2:] for path in old], [[".log", ".gz"]] * 2)
        for path in old:
            text = gzip.decompress(path.read_bytes())
            self.assertEqual(text.count(b"\n"), 7)
            self.assertLessEqual(len(text), MEGABYTE)
        self.assertLessEqual(self.path.stat().st_size, MEGABYTE)

    def test_not_compressed_and_never_new(self) -> None:
        """Neither happens unless it is wanted."""
        log = self.to_file({options.LOGGING_MAX_SIZE: 0, options.LOGGING_COMPRESS: False})
        self.logger.info("{text}", text="x" * MEGABYTE)
        self.logger.info("y")
        log.close()
        self.assertEqual(list(self.directory.iterdir()), [self.path])


class ReloadingTests(LogsCase):
    """``reloading``."""

    def test_taken(self) -> None:
        """With the settings, the level is read again and the file opened anew."""
        log = self.to_full_disk()
        settings = Settings.of({options.LOGGING_LEVEL: "debug"})
        self.assertIs(log.reloading(lambda: settings)(), settings)
        self.logger.debug("seen")
        log.close()
        self.assertTrue(self.lines()[-1].endswith("seen"), self.lines())

    def test_refused(self) -> None:
        """Settings that cannot be used keep the level; the file is opened anew all the same."""
        log = self.to_full_disk()

        def refuse() -> Settings:
            raise ConfigError(())

        self.assertRaises(ConfigError, log.reloading(refuse))
        self.logger.debug("not seen")
        self.logger.info("seen")
        log.close()
        text = "\n".join(self.lines())
        self.assertTrue(text.endswith(" seen"), text)
        self.assertNotIn("not seen", text)
