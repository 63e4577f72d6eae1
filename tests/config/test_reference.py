"""Tests of hmacfs.config.reference."""

from __future__ import annotations

import itertools

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.config import options
from hmacfs.config.option import Generation
from hmacfs.config.reference import names_of, reference
from hmacfs.config.table.retired import RETIRED


class NamesTests(SynchronousTestCase):
    """Tests of names_of."""

    def test_generations(self) -> None:
        """Each generation's names are written in its own manner."""
        self.assertEqual(names_of(options.SERVER_STORAGE_PATH, Generation.FIRST), ("StoreDir",))
        self.assertEqual(
            names_of(options.SERVER_STORAGE_PATH, Generation.V2_X), ("server.storagepath",)
        )
        self.assertEqual(names_of(options.SERVER_UNIX_SOCKET, Generation.V1_0_5), ("UnixSocket",))
        self.assertEqual(
            names_of(options.TLS_ENABLED, Generation.V3_2), ("tls.enabled", "server.sslenabled")
        )
        self.assertEqual(names_of(options.TLS_ENABLED, Generation.V2_X), ())


class ReferenceTests(SynchronousTestCase):
    """Tests of reference."""

    def test_every_option(self) -> None:
        """Every option is there with its variable, and every name in the table of names."""
        text = reference()
        for option in options.TABLE:
            self.assertTrue(f"\n``{option.name}``\n    " in text, f"\n``{option.name}``\n    ")
            self.assertTrue(f"``{option.variable}``" in text, f"``{option.variable}``")
            self.assertTrue(f'    "``{option.key}``", ' in text, f'    "``{option.key}``", ')
            for alias in option.aliases:
                self.assertTrue(f"``{alias.spelling}``" in text, f"``{alias.spelling}``")

    def test_retired(self) -> None:
        """Every name without effect is there with its reason."""
        text = reference()
        for retired in RETIRED:
            self.assertTrue(
                f'    "``{retired.spelling}``", "{retired.reason}"\n' in text,
                f'    "``{retired.spelling}``", "{retired.reason}"\n',
            )

    def test_facts(self) -> None:
        """An option's line tells its kind, default, variable and marks."""
        text = " ".join(reference().split())
        for expected in (
            '``level`` one of "debug", "info", "warn", "error"; default ``"info"``; '
            "``HMAC_LOGGING_LEVEL``; reloadable. ",
            "``HMAC_SECURITY_JWTSECRET``; secret, also ``jwtsecret_file``; reloadable",
        ):
            self.assertTrue(expected in text, expected)

    def test_titles(self) -> None:
        """A title is underlined to its end."""
        lines = reference().splitlines()
        for above, line in itertools.pairwise(lines):
            if line and set(line) <= {"-", "="}:
                self.assertEqual(len(above), len(line))
