"""Tests of hmacfs.config.read."""

from __future__ import annotations

import pathlib
from typing import Any

import tomlkit
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.config import options
from hmacfs.config.names import MATCHES
from hmacfs.config.option import Generation
from hmacfs.config.options import TABLE
from hmacfs.config.problems import ConfigError
from hmacfs.config.read import read_file
from tests.config.files import SECRET, load, messages, warnings, write


class ReadFileTests(SynchronousTestCase):
    """Tests of read_file."""

    def test_values_and_origins(self) -> None:
        """What a file says is in force, and where it says so is known."""
        path = write(self, f"[server]\nstorage_path = '/srv/x'\n[security]\nsecret = '{SECRET}'\n")
        settings = read_file(path, {})
        self.assertEqual(settings[options.SERVER_STORAGE_PATH], pathlib.Path("/srv/x"))
        self.assertEqual(
            str(settings.origin(options.SERVER_STORAGE_PATH)),
            f'{path}:2:1 as "server.storage_path"',
        )

    def test_unusable_file(self) -> None:
        """A file that cannot be trusted is not read."""
        self.assertRaises(ConfigError, read_file, write(self, "", 0o666), {})

    def test_everything_at_once(self) -> None:
        """Wrong names and wrong values are said together, in the order of the file."""
        found = messages(
            self,
            "ListenPort = 'x'\nStorDir = '/x'\n[uploads]\nallowed_extensions = '.pdf'\n"
            "[redis]\nredisdb = 1.5\n[nonsense]\n",
        )
        self.assertEqual([message.split(":")[1] for message in found], ["1", "2", "4", "6", "7"])

    def test_contradictions_wait(self) -> None:
        """While values are not understood, nothing is said about how they fit together."""
        (message,) = messages(self, "Secret = 1", {})
        self.assertIn("this is a whole number", message)

    def test_warnings_in_order(self) -> None:
        """Warnings are in the order of the file, those of the environment before."""
        text = "[build]\nversion = '1'\n[file]\nfilerevision = 1"
        found = warnings(text, {"HMAC_SECRET": SECRET, "HMAC_NONSENSE": "1"})
        self.assertEqual(
            [warning.split(":")[0] for warning in found],
            ["environment variable HMAC_NONSENSE", "config.toml", "config.toml"],
        )
        self.assertEqual([warning.split(":")[1] for warning in found[1:]], ["2", "4"])


class BadInputTests(SynchronousTestCase):
    """Values of every wrong sort: one sentence each."""

    def test_one_sentence_each(self) -> None:
        """Each wrong value is one problem in one line, at the value's place."""
        for section, line in (
            ("server", "storage_path = ['/a', '/b']"),
            ("server", "storage_path = ''"),
            ("server", "max_upload_size = -1"),
            ("server", "max_upload_size = '-1GB'"),
            ("server", "max_upload_size = 0"),
            ("server", "max_upload_size = '10QB'"),
            ("server", "max_upload_size = 1.5"),
            ("server", "listen_address = 0"),
            ("server", "listen_address = '70000'"),
            ("server", "listen_address = 'eighty'"),
            ("server", "cleanup_interval = '1x'"),
            ("server", "cleanup_interval = '-1h'"),
            ("server", "cleanup_interval = '1M'"),
            ("server", "cleanup_interval = 2024-01-01"),
            ("server", "upload_prefix = 'a b'"),
            ("server", "upload_prefix = 'files'"),
            ("server", "upload_prefix = '/api/v1/'"),
            ("server", "trusted_proxies = ['nonsense']"),
            ("server", "force_protocol = 'gopher'"),
            ("server", "unix_socket_mode = '0999'"),
            ("logging", "level = 'loud'"),
            ("logging", "level = {}"),
            ("security", "jwtalgorithm = 'none'"),
            ("security", "schemes = ['v9']"),
            ("versioning", "backend = 'database'"),
            ("versioning", "maxversions = 0"),
            ("clamav", "clamavsocket = 'nonsense'"),
            ("thumbnails", "size = 'huge'"),
            ("audit", "events = ['nothing']"),
            ("validation", "blocked_types = ['exe']"),
            ("quotas", "custom = { a = '1XB' }"),
            ("workers", "numworkers = '4'"),
        ):
            name = line.partition(" = ")[0]
            (message,) = messages(self, f"[{section}]\n{line}")
            place = f"config.toml:2:{len(name) + 4}: {section}.{name}: "
            self.assertTrue(message.startswith(place), message)
            self.assertNotIn("\n", message)


class AnyInputTests(SynchronousTestCase):
    """Tests with whatever there may be."""

    @given(
        st.sampled_from(sorted(MATCHES)),
        st.recursive(
            st.booleans()
            | st.integers()
            | st.floats()
            | st.text()
            | st.dates()
            | st.from_regex(r"-?[0-9]{1,4}(\.[0-9])? ?[A-Za-z:./]{0,4}", fullmatch=True),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.text(max_size=3), inner, max_size=3)
            ),
            max_leaves=4,
        ),
    )
    def test_any_value(self, name: str, value: Any) -> None:
        """Whatever a key is given, it is understood or refused in one line each."""
        section, _, key = name.rpartition(".")
        try:
            load(tomlkit.dumps({section: {key: value}}))
        except ConfigError as error:
            for problem in error.problems:
                self.assertEqual(len(str(problem).splitlines()), 1)

    @given(st.text() | st.binary().map(lambda data: data.decode("latin-1")))
    def test_any_text(self, text: str) -> None:
        """Whatever a file holds, it is understood or refused."""
        try:
            load(text)
        except ConfigError as error:
            self.assertNotEqual(error.problems, ())

    @given(st.sampled_from(sorted({option.variable for option in TABLE})), st.text())
    def test_any_variable(self, name: str, text: str) -> None:
        """Whatever a variable holds, it is understood or refused."""
        try:
            load("", {"HMAC_SECURITY_SECRET": SECRET, name: text})
        except ConfigError as error:
            self.assertNotEqual(error.problems, ())


class GenerationTests(SynchronousTestCase):
    """Tests of generation_of."""

    def test_by_names(self) -> None:
        """The generation is the first that knew all names."""
        for text, generation in (
            ("", Generation.FIRST),
            ("ListenPort = ':80'\nMetricsPort = ':90'", Generation.FIRST),
            ("ListenPort = ':80'\nNumCores = 'auto'", Generation.V1_0_5),
            ("ListenPort = ':80'\nMaxWorkers = 'auto'", Generation.V2_0),
            ("listenport = '80'\nminfreebytes = '5GB'", Generation.V2_X),
            ("[server]\nlistenport = '80'", Generation.V2_X),
            ("[server]\nlisten_address = '80'", Generation.V3_2),
            ("[uploads]\nlinger_time = 1", Generation.V4),
        ):
            self.assertEqual(load(text).generation, generation, text)
