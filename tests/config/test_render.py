"""Tests of hmacfs.config.render."""

from __future__ import annotations

import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.config import options
from hmacfs.config.network import Address
from hmacfs.config.option import Option
from hmacfs.config.render import (
    PLACEHOLDER,
    advanced,
    assignment,
    by_section,
    literal,
    minimal,
)
from hmacfs.config.settings import Settings
from tests.config.files import SECRET, load, messages
from tests.config.strategies import SECRETS, trees

PLAIN: st.SearchStrategy[Any] = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


class LiteralTests(SynchronousTestCase):
    """Tests of literal and assignment."""

    @given(PLAIN)
    def test_round_trip(self, value: Any) -> None:
        """Every value is read back as it was written, in one line."""
        text = literal(value)
        self.assertEqual(tomllib.loads(f"x = {text}")["x"], value)
        self.assertNotIn("\n", text)

    def test_assignment(self) -> None:
        """An option is written by its name within the section."""
        self.assertEqual(
            assignment(options.QUOTAS_CUSTOM, (("a@example.org", 1024),)),
            'custom = { "a@example.org" = "1KB" }',
        )
        self.assertEqual(assignment(options.QUOTAS_CUSTOM, ()), "custom = {}")


class MinimalTests(SynchronousTestCase):
    """Tests of minimal."""

    def test_loads(self) -> None:
        """It is a whole configuration, for this machine alone, without a warning."""
        settings = load(minimal(SECRET), {})
        self.assertEqual(settings[options.SERVER_LISTEN_ADDRESS], Address("127.0.0.1", 8080))
        self.assertEqual(settings[options.SECURITY_SECRET], SECRET)
        self.assertEqual(settings.warnings, ())

    @given(SECRETS)
    def test_any_secret(self, secret: str) -> None:
        """Any secret survives being written."""
        self.assertEqual(load(minimal(secret), {})[options.SECURITY_SECRET], secret)

    def test_placeholder(self) -> None:
        """A sample file is refused for its secret alone."""
        for make in (minimal, advanced):
            (message,) = messages(self, make(PLACEHOLDER), {})
            self.assertIn("security.secret: this is a sample secret", message)


class AdvancedTests(SynchronousTestCase):
    """Tests of advanced."""

    def test_same_as_minimal(self) -> None:
        """Uncommented lines say what the minimal file says: the rest is default."""
        wide, narrow = load(advanced(SECRET), {}), load(minimal(SECRET), {})
        for option in options.TABLE:
            self.assertEqual(wide[option], narrow[option], option.key)
        self.assertEqual(wide.warnings, ())

    def test_every_option(self) -> None:
        """Every option is there under its section, and its line is right when uncommented."""
        section, found = "", []
        for line in advanced(SECRET).splitlines():
            if line.startswith("["):
                section = line.strip("[]")
            elif line and not line.startswith("# "):
                name = line.lstrip("#").partition(" = ")[0]
                option = options.BY_KEY[f"{section}.{name}"]
                value = tomllib.loads(line.lstrip("#"))[name]
                if not option.secret and option.key not in {
                    "server.listen_address",
                    "server.storage_path",
                }:
                    self.assertEqual(option.kind.parse(value), option.default)
                found.append(option)
        self.assertEqual(found, list(options.TABLE))

    def test_examples(self) -> None:
        """Examples are lines that can be copied."""
        text = advanced(SECRET)
        for line in text.splitlines():
            if line.startswith("# Example: "):
                tomllib.loads(line.removeprefix("# Example: "))
        self.assertIn('# Example: level = "debug"', text)

    def test_secrets(self) -> None:
        """A secret is shown with the way to keep it in a file of its own."""
        self.assertIn(
            '# Or: jwtsecret_file = "/etc/hmac-file-server/jwtsecret"\n#jwtsecret = ""',
            advanced(SECRET),
        )

    def test_not_yet(self) -> None:
        """What has no effect yet says so, and nothing else does."""
        expected = sum(not option.in_effect for option in options.TABLE)
        unwrapped = advanced(SECRET).replace("\n# ", " ")
        self.assertEqual(unwrapped.count("(Not yet in effect.)"), expected)


def settings_text(settings: Settings) -> str:
    """Write what somebody gave, under today's names; defaults are left out."""
    given = set(settings.given())
    blocks = []
    for section, members in by_section([each for each in options.TABLE if each in given]):
        lines = [assignment(option, settings[option]) for option in members]
        blocks.append("\n".join((f"[{section}]", *lines, "")))
    return "\n".join(blocks)


class AssignmentTests(SynchronousTestCase):
    """Tests of assignment and by_section."""

    @given(trees())
    def test_round_trip(self, tree: dict[Option[Any], Any]) -> None:
        """Any valid tree survives being written and read."""
        settings = load(settings_text(Settings.of(tree)), {})
        for option in options.TABLE:
            self.assertEqual(settings[option], tree.get(option, option.default), option.key)
        self.assertEqual(set(settings.given()), set(tree))

    def test_canonical(self) -> None:
        """An old file is written in today's names."""
        old = load("ListenPort = ':81'\nMaxMemoryMB = 2\n")
        self.assertEqual(
            settings_text(old),
            f'[server]\nlisten_address = "81"\n\n[security]\nsecret = "{SECRET}"\n\n'
            '[workers]\nmax_memory = "2MB"\n',
        )

    def test_sections(self) -> None:
        """Options of one section stand together, in the order of the table."""
        grouped = list(
            by_section((options.SERVER_BIND_IP, options.REDIS_TLS, options.SERVER_STORAGE_PATH))
        )
        self.assertEqual(
            grouped,
            [
                ("server", [options.SERVER_BIND_IP, options.SERVER_STORAGE_PATH]),
                ("redis", [options.REDIS_TLS]),
            ],
        )
