"""Tests of hmacfs.config.names."""

from __future__ import annotations

from collections import Counter

from hypothesis import assume, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.config import options
from hmacfs.config.names import (
    MATCHES,
    dotted,
    find,
    find_retired,
    is_section,
    normal,
    suggest_key,
    suggest_section,
)
from hmacfs.config.option import Option
from hmacfs.config.options import SECTIONS, TABLE
from hmacfs.config.table.retired import RETIRED

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


@st.composite
def typos(draw: st.DrawFn, word: str) -> str:
    """Make one mistake in a word: a letter too much, too few, wrong, or two in wrong order."""
    at = draw(st.integers(0, len(word) - 1))
    letter = draw(st.sampled_from(LETTERS))
    swapped = word[:at] + word[at : at + 2][::-1] + word[at + 2 :]
    return draw(
        st.sampled_from(
            (
                word[:at] + word[at + 1 :],
                word[:at] + letter + word[at:],
                word[:at] + letter + word[at + 1 :],
                swapped,
            )
        )
    )


class FindTests(SynchronousTestCase):
    """Tests of finding options by name."""

    def test_spellings(self) -> None:
        """Capitals and underscores do not matter."""
        for spelling in ("server.storage_path", "server.storagepath", "Server.StoragePath"):
            match = find(normal(spelling))
            assert match is not None
            self.assertIs(match.option, options.SERVER_STORAGE_PATH)

    def test_bare(self) -> None:
        """A name without a section is one of [server]."""
        self.assertEqual(dotted("ListenPort"), "server.listenport")
        self.assertEqual(dotted("uploads.ttl"), "uploads.ttl")

    def test_unambiguous(self) -> None:
        """No name stands for two options."""
        names = [dotted(option.key) for option in TABLE]
        names += [dotted(alias.spelling) for option in TABLE for alias in option.aliases]
        names += [dotted(f"{option.key}_file") for option in TABLE if option.secret]
        names += [dotted(retired.spelling) for retired in RETIRED]
        doubled = [name for name, count in Counter(names).items() if count > 1]
        self.assertEqual(doubled, [])

    def test_secret_files(self) -> None:
        """Every secret, and nothing else, may come from a file, under each of its names."""
        for name in ("security.secretfile", "server.secretfile", "redis.passwordfile"):
            match = find(name)
            assert match is not None
            self.assertTrue(match.names_file)
        self.assertIs(find("logging.levelfile"), None)
        for match in MATCHES.values():
            if match.names_file:
                self.assertTrue(match.option.secret)

    def test_retired(self) -> None:
        """A retired section takes its keys along, however deep."""
        for path in ("build.version", "performance.x", "clientoptimization.strategymobile.y"):
            self.assertIsNot(find_retired(path), None, path)
        self.assertIs(find_retired("server.storagepath"), None)
        self.assertIs(find_retired("metrics.nothing"), None)

    def test_sections(self) -> None:
        """Sections of options, of aliases and of retired keys are known, and no other."""
        for section in SECTIONS:
            self.assertTrue(is_section(normal(section)), section)
        for section in ("auth", "metrics", "storage", "sessionstore", "admin"):
            self.assertTrue(is_section(section), section)
        for section in ("", "servers", "admin.auth.token"):
            self.assertFalse(is_section(section), section)


class SuggestionTests(SynchronousTestCase):
    """Tests of hints for wrong names."""

    def test_near(self) -> None:
        """The nearest names of the section are offered."""
        self.assertEqual(suggest_key("server", "storagepaht"), 'did you mean "storage_path"?')

    def test_old_name(self) -> None:
        """An old name is offered with today's beside it."""
        hint = suggest_key("server", "listenprot")
        self.assertIn('"ListenPort" (now "server.listen_address")', hint)

    def test_other_section(self) -> None:
        """A key that stands in the wrong section is sent to the right one."""
        self.assertEqual(suggest_key("redis", "jwtsecret"), 'did you mean "security.jwtsecret"?')
        self.assertTrue(
            suggest_key("security", "keyfile").startswith('did you mean "tls.key_file"'),
        )

    def test_nothing_near(self) -> None:
        """Where nothing is near, nothing is offered."""
        self.assertEqual(suggest_key("server", "qqqqqqqq"), "")
        self.assertEqual(suggest_section("qqqqqqqq"), "")

    def test_section(self) -> None:
        """The nearest section is offered as it is written today."""
        self.assertEqual(suggest_section("securty"), "did you mean [security]?")
        self.assertEqual(suggest_section("networkresiliense"), "did you mean [network_resilience]?")

    @given(st.sampled_from(TABLE), st.data())
    def test_single_typo(self, option: Option[object], data: st.DataObject) -> None:
        """Any single mistake in any key is answered with the key that was meant."""
        typo = data.draw(typos(normal(option.name)))
        path = f"{normal(option.section)}.{typo}"
        assume(find(path) is None and find_retired(path) is None and typo)
        self.assertIn(option.name, suggest_key(normal(option.section), typo))
