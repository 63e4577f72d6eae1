"""Tests of hmacfs.config.checks.secrecy."""

from __future__ import annotations

import pathlib

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.config import options
from hmacfs.config.checks import secrecy
from hmacfs.config.checks.findings import Seen, Subject
from tests.config.checks.subjects import FILE, MadeUp, looked
from tests.config.files import load

LONG = "0123456789abcdef0123456789abcdef"


class SecretTests(SynchronousTestCase):
    """Checks of secrets themselves."""

    def test_short(self) -> None:
        """Fewer than 32 characters are advised against, fewer than 16 are a problem."""
        for secret, expected in (
            (LONG, []),
            (LONG[:31], [("advice", "security.secret has 31 characters, and 32 are enough")]),
            (LONG[:15], [("problem", "security.secret has 15 characters, and 32 are enough")]),
            ("", []),
        ):
            self.assertEqual(
                looked(secrecy.short_secrets, {options.SECURITY_SECRET: secret}), expected
            )

    def test_plain(self) -> None:
        """A few characters again and again are a problem."""
        self.assertEqual(
            looked(secrecy.plain_secrets, {options.SECURITY_JWTSECRET: "abcdefg" * 8}),
            [("problem", "security.jwtsecret has only 7 different characters")],
        )
        self.assertEqual(looked(secrecy.plain_secrets, {options.SECURITY_JWTSECRET: LONG}), [])

    def test_shared(self) -> None:
        """One secret for two purposes is advised against."""
        values = {options.SECURITY_SECRET: LONG, options.SECURITY_JWTSECRET: LONG}
        self.assertEqual(
            looked(secrecy.shared_secrets, values),
            [("advice", "security.jwtsecret is the same as security.secret")],
        )
        values[options.SECURITY_JWTSECRET] = LONG[::-1]
        self.assertEqual(looked(secrecy.shared_secrets, values), [])

    def test_passwords_are_not_ours(self) -> None:
        """The password of another server may be short."""
        values = {options.REDIS_REDISPASSWORD: "x"}
        self.assertEqual(looked(secrecy.short_secrets, values), [])

    def test_no_secret_shown(self) -> None:
        """No finding shows a secret."""
        secret = "zyxzyx"
        for look in (secrecy.short_secrets, secrecy.plain_secrets):
            for _, message in looked(look, {options.SECURITY_SECRET: secret}):
                self.assertNotIn(secret, message)


class FileTests(SynchronousTestCase):
    """Checks of files and directories."""

    def found(self, environ: dict[str, str], text: str, mode: int) -> int:
        """Count what is found about secrets in a file of this mode."""
        machine = MadeUp(paths={str(FILE): Seen(mode)})
        subject = Subject(load(text, environ), FILE, text, machine)
        return len(list(secrecy.readable_secrets(subject)))

    def test_readable_secret(self) -> None:
        """A secret in a file that everybody may read is a problem."""
        text = f"Secret = '{LONG}'"
        self.assertEqual(self.found({}, text, 0o644), 1)
        self.assertEqual(self.found({}, text, 0o640), 0)

    def test_secret_elsewhere(self) -> None:
        """A file without secrets may be read by everybody."""
        self.assertEqual(self.found({"HMAC_SECRET": LONG}, "LogLevel = 'info'", 0o644), 0)

    def test_directory(self) -> None:
        """A directory where others could replace the file is a problem."""
        for seen, found in (
            (Seen(0o755), 0),
            (Seen(0o757), 1),
            (Seen(0o775, group=0), 0),
            (Seen(0o775, group=7), 1),
            (Seen(0o1777), 0),
        ):
            machine = MadeUp(paths={str(FILE.parent): seen})
            self.assertEqual(len(looked(secrecy.open_directory, {}, machine)), found, seen)
        self.assertEqual(looked(secrecy.open_directory, {}), [])

    def test_storage(self) -> None:
        """A storage directory that everybody may write is a problem."""
        values = {options.SERVER_STORAGE_PATH: pathlib.Path("/srv/x")}
        for mode, found in ((0o750, 0), (0o757, 1)):
            machine = MadeUp(paths={"/srv/x": Seen(mode)})
            self.assertEqual(len(looked(secrecy.open_storage, values, machine)), found)

    def test_keys(self) -> None:
        """Files of keys that everybody may read are a problem."""
        values = {options.SECURITY_KEYS_FILE: pathlib.Path("/k")}
        for mode, found in ((0o600, []), (0o604, [("problem", "everybody may read /k")])):
            machine = MadeUp(paths={"/k": Seen(mode)})
            self.assertEqual(looked(secrecy.readable_keys, values, machine), found)
