"""Tests of hmacfs.config.settings."""

from __future__ import annotations

import pathlib

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.config import options
from hmacfs.config.option import Generation
from hmacfs.config.settings import Origin, Settings, Source


class SettingsTests(SynchronousTestCase):
    """Tests of Settings."""

    def test_defaults(self) -> None:
        """What nobody gave is the default, and says so."""
        settings = Settings()
        self.assertEqual(settings[options.WORKERS_NUMWORKERS], 4)
        self.assertEqual(str(settings.origin(options.WORKERS_NUMWORKERS)), "default")
        self.assertEqual(list(settings.given()), [])

    def test_of(self) -> None:
        """Programs give values of the options' own types."""
        path = pathlib.Path("/srv/x")
        settings = Settings.of({options.SERVER_STORAGE_PATH: path})
        self.assertEqual(settings[options.SERVER_STORAGE_PATH], path)
        self.assertEqual(settings.origin(options.SERVER_STORAGE_PATH).source, Source.PROGRAM)
        self.assertEqual(list(settings.given()), [options.SERVER_STORAGE_PATH])

    def test_of_checks(self) -> None:
        """A value that no file could have is refused from programs too."""
        for option, value in (
            (options.WORKERS_NUMWORKERS, 0),
            (options.LOGGING_LEVEL, "loud"),
            (options.LOGGING_LEVEL, "warning"),
            (options.UPLOADS_ALLOWED_EXTENSIONS, ("PDF",)),
        ):
            self.assertRaises(ValueError, Settings.of, {option: value})

    def test_none_is_a_value(self) -> None:
        """A value of None rules over the default."""
        settings = Settings.of({options.WORKERS_PROCESSES: None})
        self.assertIs(settings[options.WORKERS_PROCESSES], None)

    def test_no_secret_in_repr(self) -> None:
        """Neither the settings nor a value shows a secret by accident."""
        settings = Settings.of({options.SECURITY_SECRET: "s3kr1t-enough"})
        self.assertNotIn("s3kr1t", repr(settings))
        self.assertEqual(settings.generation, Generation.V4)


class OriginTests(SynchronousTestCase):
    """Tests of Origin."""

    def test_forms(self) -> None:
        """An origin says where to look."""
        for origin, expected in (
            (Origin(Source.FILE, "f", 3, 1, "StoreDir"), 'f:3:1 as "StoreDir"'),
            (Origin(Source.ENVIRONMENT, spelling="HMAC_X"), "environment variable HMAC_X"),
            (
                Origin(Source.SECRET_FILE, "f", 3, 1, "secret_file", "/s"),
                "file /s, named by secret_file",
            ),
            (Origin(Source.PROGRAM), "program"),
        ):
            self.assertEqual(str(origin), expected)
