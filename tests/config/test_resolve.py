"""Tests of hmacfs.config.resolve."""

from __future__ import annotations

import tomllib

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.config import options
from hmacfs.config.positions import Position, scan
from hmacfs.config.resolve import Resolved, resolve
from tests.config.files import messages, warnings


def resolved(text: str) -> Resolved:
    """Resolve a text."""
    return resolve(tomllib.loads(text), scan(text), "f")


class CandidateTests(SynchronousTestCase):
    """What a file gives."""

    def test_place_and_spelling(self) -> None:
        """A candidate knows where it stands and how it was written."""
        (found,) = resolved("# x\n[Server]\n  StoragePath = '/x'\n").candidates
        self.assertIs(found.match.option, options.SERVER_STORAGE_PATH)
        self.assertEqual(str(found.origin), 'f:3:3 as "Server.StoragePath"')
        self.assertEqual(found.value_at, Position(3, 17))

    def test_top_of_the_file(self) -> None:
        """Keys at the top are those of [server]."""
        (found,) = resolved("storagepath = '/x'").candidates
        self.assertIs(found.match.option, options.SERVER_STORAGE_PATH)

    def test_dotted_and_inline(self) -> None:
        """Dotted keys and inline tables are sections too."""
        found = resolved("redis.redisenabled = true\nsecurity = { secret = 'x' }").candidates
        self.assertEqual(
            [each.match.option for each in found],
            [options.REDIS_REDISENABLED, options.SECURITY_SECRET],
        )

    def test_table_as_value(self) -> None:
        """A section that is the value of an option is not looked into."""
        (found,) = resolved('[quotas.custom]\n"a@b" = "1GB"').candidates
        self.assertIs(found.match.option, options.QUOTAS_CUSTOM)
        self.assertEqual(found.raw, {"a@b": "1GB"})

    def test_no_secret_in_repr(self) -> None:
        """A candidate does not show its value by accident."""
        (found,) = resolved("Secret = 's3kr1t'").candidates
        self.assertNotIn("s3kr1t", repr(found))


class WrongNameTests(SynchronousTestCase):
    """Names that mean nothing."""

    def test_unknown_key(self) -> None:
        """An unknown key is an error at its place, with the nearest name."""
        self.assertEqual(
            messages(self, "[server]\n storage_pth = 'x'"),
            ['config.toml:2:2: there is no key "server.storage_pth", did you mean "storage_path"?'],
        )

    def test_unknown_section(self) -> None:
        """An unknown section is one error, not one for each of its keys."""
        self.assertEqual(
            messages(self, "[securty]\nsecret = 'x'\nenablejwt = true"),
            ["config.toml:1:1: there is no section [securty], did you mean [security]?"],
        )

    def test_section_as_key(self) -> None:
        """A section that is given a value says how sections are written."""
        self.assertEqual(
            messages(self, "redis = true"),
            ['config.toml:1:1: "redis" is a section, write [redis] above its keys'],
        )

    def test_array_of_tables(self) -> None:
        """A section cannot be there several times."""
        self.assertEqual(
            messages(self, "[[server]]\nbind_ip = ''"),
            ['config.toml:1:1: "server" is a section, write [server] above its keys'],
        )

    def test_section_under_server(self) -> None:
        """A section in a section that has none is unknown."""
        self.assertEqual(len(messages(self, "[server.redis]\nredisenabled = true")), 1)

    def test_retired(self) -> None:
        """A key that does nothing is said to, with the reason."""
        self.assertEqual(
            warnings("[build]\nversion = '3.2'"),
            [
                'config.toml:2:1: "build.version" does nothing, '
                "it was a note of the old server for itself"
            ],
        )

    def test_retired_section_of_any_shape(self) -> None:
        """What a retired section holds does not matter."""
        text = (
            "[client_optimization.strategy_mobile]\nx = 1\n[network_interfaces]\nwifi = { a = 1 }"
        )
        self.assertEqual(len(warnings(text)), 2)

    @given(
        st.dictionaries(
            st.sampled_from(("server", "security", "redis", "admin", "metrics")),
            st.dictionaries(st.text("abcdefgh_", min_size=1, max_size=9), st.integers()),
        ),
        st.dictionaries(st.text("ABCDEFGHabcdefgh_", min_size=1, max_size=9), st.integers()),
    )
    def test_nothing_is_silently_ignored(
        self, sections: dict[str, dict[str, int]], flat: dict[str, int]
    ) -> None:
        """Every key of a file is an option, an error, or a warning."""
        found = resolve({**flat, **sections}, {}, "f")
        said = len(found.candidates) + len(found.problems) + len(found.warnings)
        self.assertEqual(said, len(flat) + sum(len(keys) for keys in sections.values()))
