"""Tests of hmacfs.config.secrets."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.config.secrets import SAMPLES, Password, Secret, is_sample


class SampleTests(SynchronousTestCase):
    """Tests of is_sample."""

    def test_printed(self) -> None:
        """Every secret that documents print is known, with any capitals."""
        for sample in SAMPLES:
            self.assertTrue(is_sample(sample))
            self.assertTrue(is_sample(sample.upper()))

    def test_placeholders(self) -> None:
        """What says that it has to be changed is known."""
        for text in (
            "your-shared-secret",
            "your-secure-secret-key",
            "your-very-secret-hmac-key",
            "your-xmpp-upload-secret",
            "your-256-bit-secret",
            "your-production-secret-here",
            "Your_DB_Password",
            "CHANGE-THIS-PRODUCTION-SECRET",
            "change-this-to-your-secret",
            "change_me",
            "ChangeMe123",
        ):
            self.assertTrue(is_sample(text), text)

    def test_own(self) -> None:
        """A secret that somebody made is none of them."""
        for text in ("", "yourself", "exchange-this", "8a7b6c5d4e3f"):
            self.assertFalse(is_sample(text), text)


class SecretTests(SynchronousTestCase):
    """Tests of Secret and Password."""

    def test_sample_refused(self) -> None:
        """A sample cannot sign, and the sentence says how to make a secret."""
        error = self.assertRaises(ValueError, Secret().parse, "changeme")
        self.assertIn("openssl rand -hex 32", str(error))

    def test_never_shown(self) -> None:
        """No refusal shows the secret that it refuses."""
        for kind in (Secret(), Password()):
            for value in ("${ADMIN_TOKEN}", "line\nbreak"):
                error = self.assertRaises(ValueError, kind.parse, value)
                self.assertNotIn(value, str(error))
        error = self.assertRaises(ValueError, Secret().parse, "stellar-wisdom-orbit-echo")
        self.assertNotIn("stellar", str(error))
        error = self.assertRaises(ValueError, Secret().parse, 424242)
        self.assertNotIn("424242", str(error))

    def test_passwords(self) -> None:
        """What another server asks for is its own choice, even a sample."""
        self.assertEqual(Password().parse("changeme"), "changeme")
        self.assertEqual(Password().parse_text("x"), "x")

    def test_spaces_kept(self) -> None:
        """A secret is taken as it stands."""
        self.assertEqual(Secret().parse(" a b "), " a b ")
        self.assertEqual(Secret().plain(" a b "), " a b ")
