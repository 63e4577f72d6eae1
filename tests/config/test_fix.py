"""Tests of hmacfs.config.fix."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.config import options
from hmacfs.config.fix import Sort, fix
from hmacfs.config.option import as_given
from hmacfs.config.problems import ConfigError
from hmacfs.config.render import literal
from tests.config.files import NAME, load
from tests.config.strategies import TIED, values
from tests.config.test_seeds import DIRECTORY, text_of


@st.composite
def old_files(draw: st.DrawFn) -> str:
    """Write a file that says some options under any of their names, some of them twice."""
    sections: dict[str, dict[str, str]] = {"": {}}
    free = [option for option in options.TABLE if option not in TIED]
    for option in draw(st.lists(st.sampled_from(free), unique=True, max_size=10)):
        names = [option.key]
        names += [alias.spelling for alias in option.aliases if alias.convert is as_given]
        for name in draw(st.lists(st.sampled_from(names), unique=True, min_size=1, max_size=2)):
            section, _, key = name.rpartition(".")
            if draw(st.booleans()):
                key = key.replace("_", "").upper()
            value = option.kind.plain(draw(values(option)))
            sections.setdefault(section, {})[key] = literal(value)
    lines = []
    for section, keys in sections.items():
        lines += [f"[{section}]"] if section else []
        lines += [f"{key} = {value} # about {key}" for key, value in keys.items()]
    return "\n".join(lines)


def meaning(text: str) -> dict[str, Any]:
    """Tell what a text means."""
    settings = load(text)
    return {option.key: settings[option] for option in options.TABLE}


class FixTests(SynchronousTestCase):
    """Tests of fix."""

    def test_nothing_to_mend(self) -> None:
        """A file that is up to date is not touched, not even its blanks."""
        text = "[server]\n\n\nstorage_path   =   '/x'"
        self.assertEqual(fix(text, NAME).text, text)
        self.assertEqual(fix(text, NAME).changes, ())

    def test_names(self) -> None:
        """Old names become today's, in today's sections, with their comments."""
        text = "# my server\n\n# where\nStoreDir = '/x' # here\nLogLevel = 'debug'\n# end"
        fixed = fix(text, NAME)
        self.assertEqual(
            fixed.text,
            "# my server\n\n[server]\n# where\nstorage_path = '/x' # here\n\n"
            "[logging]\nlevel = 'debug'\n# end\n",
        )
        self.assertEqual(
            [(change.sort, change.line, change.sentence) for change in fixed.changes],
            [
                (Sort.NAME, 4, '"StoreDir" becomes "server.storage_path"'),
                (Sort.NAME, 5, '"LogLevel" becomes "logging.level"'),
            ],
        )

    def test_underscores(self) -> None:
        """A name without its underscores is mended in its place."""
        self.assertEqual(
            fix("[server]\nstoragepath = '/x'\nbind_ip = ''\n", NAME).text,
            "[server]\nstorage_path = '/x'\nbind_ip = ''\n",
        )

    def test_units(self) -> None:
        """A number that counted in other units is converted."""
        self.assertEqual(fix("MaxMemoryMB = 4096\n", NAME).text, '[workers]\nmax_memory = "4GB"\n')

    def test_wrong_unit(self) -> None:
        """A wrong number is not converted, only renamed."""
        self.assertEqual(fix("MaxMemoryMB = -1\n", NAME).text, "[workers]\nmax_memory = -1\n")

    def test_forms(self) -> None:
        """Values that are right but for their quotes are mended."""
        fixed = fix(
            "[workers]\nnumworkers = '8'\n[uploads]\nallowed_extensions = '.pdf, jpg'\n"
            "[server]\nmetrics_enabled = 'yes'\nunix_socket = 0\n",
            NAME,
        )
        self.assertEqual({change.sort for change in fixed.changes}, {Sort.FORM})
        self.assertEqual(
            fixed.text,
            '[workers]\nnumworkers = 8\n\n[uploads]\nallowed_extensions = [".pdf", ".jpg"]\n\n'
            "[server]\nmetrics_enabled = true\nunix_socket = false\n",
        )

    def test_doubled(self) -> None:
        """Of two names for one thing the one that rules is kept."""
        fixed = fix("[server]\nlistenport = '1'\nlisten_address = '2'\n", NAME)
        self.assertEqual(fixed.text, "[server]\nlisten_address = '2'\n")
        self.assertEqual([change.sort for change in fixed.changes], [Sort.DOUBLE])

    def test_retired(self) -> None:
        """What does nothing goes, with its section."""
        fixed = fix("[server]\nbind_ip = ''\n# note\n[build]\nversion = '3'\n[file]\n", NAME)
        self.assertEqual(fixed.text, "[server]\nbind_ip = ''\n")
        self.assertEqual(
            [change.sentence for change in fixed.changes],
            ['"build.version" goes: it was a note of the old server for itself'],
        )

    def test_tables(self) -> None:
        """An option that is a table keeps its rows and their comments."""
        text = "ListenPort = '1'\n[Quotas.Custom]\n# the boss\n'a@b' = '1GB' # much\n"
        self.assertEqual(
            fix(text, NAME).text,
            "[server]\nlisten_address = '1'\n\n[quotas.custom]\n# the boss\n"
            "\"a@b\" = '1GB' # much\n",
        )

    def test_joined(self) -> None:
        """A host and a port in two keys become one address."""
        fixed = fix("[redis]\nhost = 'r'\nport = 1\n", NAME)
        self.assertEqual(fixed.text, '[redis]\nredisaddr = "r:1"\n')

    def test_secret_files(self) -> None:
        """The name of a secret's file stays one."""
        fixed = fix("[auth]\nshared_secret_file = '/nonexistent'\n", NAME)
        self.assertEqual(fixed.text, "[security]\nsecret_file = '/nonexistent'\n")

    def test_switched_on(self) -> None:
        """What an old name switched on is said aloud."""
        fixed = fix("RedisAddr = 'r:1'\n", NAME)
        self.assertEqual(fixed.text, "[redis]\nredisaddr = 'r:1'\nredisenabled = true\n")

    def test_two_redis(self) -> None:
        """An old address that does not rule still switched Redis on."""
        fixed = fix("RedisAddr = 'r:1'\n[redis]\nredisaddr = 'r:2'\n", NAME)
        self.assertEqual(fixed.text, "[redis]\nredisaddr = 'r:2'\nredisenabled = true\n")

    def test_left_alone(self) -> None:
        """Unknown names and wrong values stay for their owner to decide."""
        text = "ListenPort = 'x'\nnonsense = 1\n[strange]\n'odd key' = 2\n[workers]\nnumworkers=-1"
        fixed = fix(text, NAME)
        self.assertEqual(
            fixed.text,
            "[server]\nlisten_address = 'x'\nnonsense = 1\n\n[strange]\n\"odd key\" = 2\n\n"
            "[workers]\nnumworkers = -1\n",
        )

    def test_no_toml(self) -> None:
        """What is no TOML cannot be mended."""
        self.assertRaises(ConfigError, fix, "a = ", NAME)

    def test_no_secret_in_sentences(self) -> None:
        """No change shows a secret, nor does the result by accident."""
        fixed = fix("Secret = 's3kr1t'\n[security]\nsecret = 's3kr1t-2'\njwtsecret=5\n", NAME)
        self.assertNotIn("s3kr1t", repr(fixed))

    def test_seeds(self) -> None:
        """Every sample of the documents means the same afterwards, and then is up to date."""
        for path in sorted(DIRECTORY.glob("*.toml")):
            text = text_of(path.stem)
            fixed = fix(text, NAME)
            self.assertEqual(meaning(fixed.text), meaning(text), path.stem)
            self.assertEqual(fix(fixed.text, NAME).changes, (), path.stem)

    @given(old_files())
    def test_meaning(self, text: str) -> None:
        """Any file means the same afterwards, and then is up to date."""
        fixed = fix(text, NAME)
        self.assertEqual(meaning(fixed.text), meaning(text))
        self.assertEqual(fix(fixed.text, NAME).changes, ())

    @given(old_files())
    def test_comments(self, text: str) -> None:
        """What is kept keeps its comment."""
        fixed = fix(text, NAME)
        gone = sum(change.sort is Sort.DOUBLE for change in fixed.changes)
        joined = sum("takes it in" in change.sentence for change in fixed.changes)
        self.assertEqual(fixed.text.count("# about "), text.count("# about ") - gone - joined)
