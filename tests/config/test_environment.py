"""Tests of hmacfs.config.environment."""

from __future__ import annotations

import pathlib

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.config import options
from hmacfs.config.environment import read_environment
from hmacfs.config.options import TABLE
from hmacfs.config.settings import Source
from tests.config.files import SECRET, WITH_SECRET, load, messages, warnings, write


class VariableTests(SynchronousTestCase):
    """Tests of environment variables."""

    def test_override(self) -> None:
        """A variable rules over the file, without a word."""
        settings = load(
            "[server]\nmax_upload_size = '1GB'",
            {"HMAC_SECURITY_SECRET": SECRET, "HMAC_SERVER_MAX_UPLOAD_SIZE": "2GB"},
        )
        self.assertEqual(settings[options.SERVER_MAX_UPLOAD_SIZE], 2 * 1024**3)
        self.assertEqual(
            settings.origin(options.SERVER_MAX_UPLOAD_SIZE).spelling, "HMAC_SERVER_MAX_UPLOAD_SIZE"
        )
        self.assertEqual(settings.warnings, ())

    def test_every_option(self) -> None:
        """Every option has a variable that means it."""
        for option in TABLE:
            (candidate,), warned = read_environment({option.variable: "x"})
            self.assertIs(candidate.match.option, option)
            self.assertEqual(warned, ())

    def test_old_names(self) -> None:
        """Old names work as variables, and convert their units."""
        environ = {"HMAC_SECRET": SECRET, "HMAC_MAX_MEMORY_MB": "2", "HMAC_LISTEN_PORT": ":81"}
        settings = load("", environ)
        self.assertEqual(settings[options.SECURITY_SECRET], SECRET)
        self.assertEqual(settings[options.WORKERS_MAX_MEMORY], 2 * 1024**2)
        self.assertEqual(settings[options.SERVER_LISTEN_ADDRESS].port, 81)

    def test_old_name_with_unit(self) -> None:
        """A text that has a unit of its own is not converted."""
        settings = load("", {"HMAC_SECRET": SECRET, "HMAC_MAX_MEMORY_MB": "1GB"})
        self.assertEqual(settings[options.WORKERS_MAX_MEMORY], 1024**3)

    def test_wrong_value(self) -> None:
        """A wrong value is an error that names the variable."""
        self.assertEqual(
            messages(self, "", {"HMAC_SECRET": SECRET, "HMAC_WORKERS_NUMWORKERS": "many"}),
            ["environment variable HMAC_WORKERS_NUMWORKERS: 'many' is not a whole number"],
        )

    def test_unknown(self) -> None:
        """A variable that means nothing is a warning with the nearest name."""
        self.assertEqual(
            warnings("", {"HMAC_SECRET": SECRET, "HMAC_SERVER_STORAGE_PTH": "x"}),
            [
                "environment variable HMAC_SERVER_STORAGE_PTH: no such option, "
                "did you mean HMAC_SERVER_STORAGE_PATH?"
            ],
        )

    def test_others(self) -> None:
        """Variables that are not meant for options are left alone."""
        environ = {
            "HMAC_SECRET": SECRET,
            "HMAC_CONFIG_PATH": "/x",
            "HMAC_FILE_SERVER_PORT_8080_TCP": "tcp://10.0.0.1:8080",
            "PATH": "/bin",
        }
        self.assertEqual(warnings("", environ), [])

    def test_twice(self) -> None:
        """Of two variables for one thing today's name rules, with a warning."""
        environ = {**WITH_SECRET, "HMAC_LOGGING_LEVEL": "debug", "HMAC_LOG_LEVEL": "error"}
        self.assertEqual(load("", environ)[options.LOGGING_LEVEL], "debug")
        self.assertEqual(
            warnings("", environ),
            [
                "environment variable HMAC_LOG_LEVEL: this means the same as "
                '"HMAC_LOGGING_LEVEL", which rules, keep one of them'
            ],
        )

    def test_sample_in_the_file(self) -> None:
        """A sample secret of the file does no harm when a variable replaces it."""
        settings = load("Secret = 'changeme'", {"HMAC_SECURITY_SECRET": SECRET})
        self.assertEqual(settings[options.SECURITY_SECRET], SECRET)


class SecretFileTests(SynchronousTestCase):
    """Tests of secrets that lie in files of their own."""

    def test_from_file(self) -> None:
        """The key that ends in _file names a file that holds the secret and a line end."""
        path = write(self, "from-a-file\n")
        settings = load(f"[security]\nsecret_file = '{path}'", {})
        self.assertEqual(settings[options.SECURITY_SECRET], "from-a-file")
        origin = settings.origin(options.SECURITY_SECRET)
        self.assertEqual(origin.source, Source.SECRET_FILE)
        self.assertEqual((origin.file, origin.secret_file), ("config.toml", str(path)))

    def test_from_variable(self) -> None:
        """A variable may name the file as well."""
        path = write(self, "from-a-file")
        settings = load("", {"HMAC_SECURITY_SECRET_FILE": str(path)})
        self.assertEqual(settings[options.SECURITY_SECRET], "from-a-file")

    def test_credentials(self) -> None:
        """The directory of systemd's credentials is put in."""
        path = write(self, "credential")
        environ = {"CREDENTIALS_DIRECTORY": str(path.parent)}
        for spelling in ("${CREDENTIALS_DIRECTORY}", "$CREDENTIALS_DIRECTORY"):
            settings = load(f"[security]\nsecret_file = '{spelling}/{path.name}'", environ)
            self.assertEqual(settings[options.SECURITY_SECRET], "credential")

    def test_no_credentials(self) -> None:
        """Without credentials that is an error."""
        self.assertIn(
            "the variable CREDENTIALS_DIRECTORY is not set",
            messages(self, "[security]\nsecret_file = '${CREDENTIALS_DIRECTORY}/x'", {})[0],
        )

    def test_both(self) -> None:
        """A secret and its file are one thing said twice: the file rules, with a warning."""
        path = write(self, "from-a-file")
        settings = load(f"[security]\nsecret_file = '{path}'\nsecret = 'in-the-config'", {})
        self.assertEqual(settings[options.SECURITY_SECRET], "from-a-file")
        self.assertEqual(len(settings.warnings), 1)
        self.assertNotIn("in-the-config", str(settings.warnings[0]))

    def test_unusable(self) -> None:
        """A file that cannot be used is an error at the key, in one sentence."""
        for content, mode, expected in (
            (b"", 0o600, "is empty"),
            (b"\n", 0o600, "is empty"),
            (b"\xff\xfe", 0o600, "is not UTF-8 text"),
            (b"x" * 65537, 0o600, "is too large for a secret"),
            (b"x", 0o602, "everybody may write the file"),
            (b"changeme", 0o600, "this is a sample secret"),
            (b"two\nlines", 0o600, "line breaks"),
        ):
            path = write(self, content, mode)
            (message,) = messages(self, f"[security]\nsecret_file = '{path}'", {})
            self.assertTrue(message.startswith("config.toml:2:15: security.secret_file: "), message)
            self.assertIn(expected, message)

    def test_missing(self) -> None:
        """A file that is not there is named."""
        missing = pathlib.Path(self.mktemp())
        for value in (f"'{missing}'", "''", "1"):
            (message,) = messages(self, f"[security]\nsecret_file = {value}", {})
            self.assertIn("config.toml:2:15:", message)

    def test_readable(self) -> None:
        """A secret that everybody may read is used, with a warning."""
        path = write(self, "secret-enough", 0o644)
        (warning,) = warnings(f"[security]\nsecret_file = '{path}'", {})
        self.assertIn("everybody may read the file", warning)
        self.assertNotIn("secret-enough", warning)
