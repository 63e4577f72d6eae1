"""Tests of hmacfs.config.options and of the table as a whole."""

from __future__ import annotations

import pathlib
import re

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.config import options
from hmacfs.config.kinds import Choice
from hmacfs.config.network import Address
from hmacfs.config.option import Generation, Option
from hmacfs.config.options import BY_KEY, SECTIONS, TABLE

IN_EFFECT_AT_FIRST = (
    (options.SERVER_LISTEN_ADDRESS, Address("", 8080)),
    (options.SERVER_BIND_IP, ""),
    (options.SERVER_STORAGE_PATH, pathlib.Path("uploads")),
    (options.SERVER_UPLOAD_PREFIX, "upload"),
    (options.SERVER_MAX_UPLOAD_SIZE, 10 * 1024**3),
    (options.SERVER_MIN_FREE_BYTES, 1024**3),
    (options.SERVER_MAX_HEADER_BYTES, 64 * 1024),
    (options.SERVER_PUBLIC_BASE_URL, ""),
    (options.SERVER_HEADER_TIMEOUT, 20.0),
    (options.SERVER_MAX_CONNECTIONS, 2000),
    (options.SECURITY_SECRET, ""),
    (options.LOGGING_LEVEL, "info"),
    (options.TIMEOUTS_READTIMEOUT, 120.0),
    (options.TIMEOUTS_IDLETIMEOUT, 75.0),
    (options.WORKERS_NUMWORKERS, 4),
    (options.UPLOADS_LINGER_BYTES, 4 * 1024**2),
    (options.UPLOADS_LINGER_TIME, 5.0),
    (options.RETENTION_TOMBSTONE_AGE, 30 * 86400.0),
)


def _settled_by_reading() -> set[str]:
    """Tell the options that have done what they do when a file has been read."""
    # Whether an old name counts hangs on them; and of one word there is nothing to choose.
    switches = {alias.only_if for option in TABLE for alias in option.aliases}
    return {
        option.key.replace(".", "_").upper()
        for option in TABLE
        if not switches.isdisjoint(alias.spelling for alias in option.aliases)
        or (isinstance(option.kind, Choice) and len(option.kind.choices) == 1)
    }


class TableTests(SynchronousTestCase):
    """Every option of the table."""

    def test_constants(self) -> None:
        """An option is the constant SECTION_KEY."""
        constants = {name: value for name, value in vars(options).items() if name.isupper()}
        named = {name: value for name, value in constants.items() if isinstance(value, Option)}
        self.assertEqual(
            {name: option.key.replace(".", "_").upper() for name, option in named.items()},
            {name: name for name in named},
        )
        self.assertEqual(set(named.values()), set(TABLE))

    def test_keys(self) -> None:
        """Keys are there once, and their sections are in the order of the documents."""
        self.assertEqual(len(BY_KEY), len(TABLE))
        order = [SECTIONS.index(option.section) for option in TABLE]
        self.assertEqual(order, sorted(order))
        self.assertEqual({option.section for option in TABLE}, set(SECTIONS))

    def test_values(self) -> None:
        """Defaults and examples are values that a file could have."""
        for option in TABLE:
            for value in (option.default, option.example):
                self.assertEqual(option.kind.parse(option.kind.plain(value)), value, option.key)

    def test_examples(self) -> None:
        """An example is another value than the default, where there is one to show."""
        same = [option.key for option in TABLE if option.example == option.default]
        secrets = [option.key for option in TABLE if option.secret]
        self.assertEqual(set(same), {*secrets, "versioning.backend"})

    def test_summaries(self) -> None:
        """A summary is one line of whole sentences."""
        for option in TABLE:
            self.assertTrue(option.summary.endswith("."), option.key)
            self.assertTrue(option.summary.isprintable(), option.key)

    def test_secrets_are_reread(self) -> None:
        """Secrets that sign are taken anew at a reload."""
        for option in TABLE:
            if option.section == "security" and option.secret:
                self.assertTrue(option.reloadable, option.key)

    def test_switches(self) -> None:
        """What an option or alias turns on, or depends on, is a switch of the table."""
        for option in TABLE:
            keys = [option.turns_on, *(alias.turns_on for alias in option.aliases)]
            for key in filter(None, keys):
                self.assertIsInstance(BY_KEY[key].default, bool)

    def test_what_the_server_is_built_on(self) -> None:
        """The options of the first hour are in effect, with the promised defaults."""
        for option, default in IN_EFFECT_AT_FIRST:
            self.assertTrue(option.in_effect, option.key)
            self.assertEqual(option.default, default, option.key)

    def test_marks_are_true(self) -> None:
        """An option is in effect when, and only when, somebody acts on it."""
        source = pathlib.Path(options.__file__).parent.parent
        server = [
            path
            for path in source.rglob("*.py")
            if path.relative_to(source).parts[0] not in {"config", "cli"}
        ]
        # The command line begins the log before there is a server, and changes its keys.
        own = [source / "cli" / name for name in ("logs.py", "keys_commands.py")]
        # The server asks for these by the names that this module gives them.
        own.append(source / "config" / "databases.py")
        asked = {
            name
            for path in [*server, *own]
            for name in re.findall(r"\boptions\.([A-Z0-9_]+)", path.read_text())
        }
        marked = {option.key.replace(".", "_").upper() for option in TABLE if option.in_effect}
        self.assertEqual(marked, asked | _settled_by_reading())

    def test_aliases_are_old(self) -> None:
        """The present generation has no aliases: they are what older ones said."""
        for option in TABLE:
            for alias in option.aliases:
                self.assertLess(alias.generation, Generation.V4, alias.spelling)
