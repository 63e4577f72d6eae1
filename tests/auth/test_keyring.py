"""The keyring: what is signed is verified, and nothing else is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.auth.jws import Tokens
from hmacfs.auth.keyring import Key, Keyring
from tests.auth.scheme_suite import PROPERTY, flip_bit

OLD = Key("old", b"old secret", created=100.0, retire=300.0)
NEW = Key("new", b"new secret", created=200.0)


class KeyringTests(SynchronousTestCase):
    """``Keyring`` with secrets only."""

    def test_vector(self) -> None:
        """The signature is the HMAC-SHA256 of RFC 4231, test case 2."""
        self.assertEqual(
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            Keyring.of("Jefe").sign(b"what do ya want for nothing?").hex(),
        )

    @PROPERTY
    @given(st.text(min_size=1), st.binary())
    def test_signed_is_verified(self, secret: str, message: bytes) -> None:
        """What a ring signed it verifies."""
        ring = Keyring.of(secret)
        self.assertTrue(ring.verifies(message, ring.sign(message)))

    @PROPERTY
    @given(st.binary(min_size=1), st.integers(0, 1 << 12))
    def test_bits_count(self, message: bytes, number: int) -> None:
        """One bit of the message or of the signature makes it another."""
        ring = Keyring.of("secret")
        signature = ring.sign(message)
        self.assertFalse(ring.verifies(flip_bit(message, number), signature))
        self.assertFalse(ring.verifies(message, flip_bit(signature, number)))

    def test_length_counts(self) -> None:
        """A part of a signature is none, nor is one with something behind it."""
        ring = Keyring.of("secret")
        signature = ring.sign(b"message")
        for wrong in (b"", signature[:31], signature + b"\0"):
            self.assertFalse(ring.verifies(b"message", wrong))

    def test_first_signs_all_verify(self) -> None:
        """The first secret signs; what any of them signed is good; a stranger's is not."""
        new, old, stranger = Keyring.of("new"), Keyring.of("old"), Keyring.of("stranger")
        ring = Keyring.of("new", "old")
        self.assertEqual(["1", "2"], [key.id for key in ring.keys])
        self.assertEqual(new.sign(b"message"), ring.sign(b"message"))
        self.assertTrue(ring.verifies(b"message", old.sign(b"message")))
        self.assertTrue(ring.verifies(b"message", new.sign(b"message")))
        self.assertFalse(ring.verifies(b"message", stranger.sign(b"message")))

    def test_secret_is_bytes_of_utf_8(self) -> None:
        """A secret with other letters than ASCII is signed with as its UTF-8 bytes."""
        self.assertEqual(
            "1319deff27bf42182225463a14c15accb2eac2c9d8f94209a6ef81bb8412f7cc",
            Keyring.of("schlüssel").sign(b"message").hex(),
        )

    def test_empty_secret(self) -> None:
        """An empty secret, under which anybody could sign, is none."""
        self.assertRaises(ValueError, Keyring.of, "")
        self.assertRaises(ValueError, Keyring.of, "secret", "")

    def test_repr_tells_nothing(self) -> None:
        """No secret shows."""
        self.assertNotIn("opensesame", repr(Keyring.of("opensesame")))


class AgeTests(SynchronousTestCase):
    """A ring whose keys come and go."""

    def signer(self, now: float) -> str:
        """Tell which key signs."""
        return Keyring((OLD, NEW)).signing_key(now).id

    def test_newest_signs(self) -> None:
        """A key signs from the moment it is created, until a newer one is."""
        times = (100.0, 199.9, 200.0, 1e9)
        self.assertEqual(["old", "old", "new", "new"], [self.signer(now) for now in times])

    def test_order_does_not_count(self) -> None:
        """The place in the ring says nothing where the ages do."""
        self.assertEqual("new", Keyring((NEW, OLD)).signing_key(250.0).id)
        self.assertEqual("new", Keyring((OLD, NEW)).signing_key(250.0).id)

    def test_before_the_first(self) -> None:
        """Nothing is signed before there is a key, nor after the last has retired."""
        self.assertRaises(LookupError, self.signer, 99.9)
        self.assertRaises(LookupError, Keyring((OLD,)).sign, b"message", 300.0)

    def test_retires(self) -> None:
        """What a key signed is good until the moment it retires, and not from then on."""
        ring = Keyring((OLD, NEW))
        signature = Keyring((OLD,)).sign(b"message", 100.0)
        self.assertTrue(ring.verifies(b"message", signature, 299.9))
        self.assertFalse(ring.verifies(b"message", signature, 300.0))

    def test_without_a_time(self) -> None:
        """A time that is left out is after every retirement."""
        ring = Keyring((OLD, NEW))
        self.assertFalse(ring.verifies(b"message", ring.sign(b"message", 100.0)))
        self.assertTrue(ring.verifies(b"message", ring.sign(b"message")))


class AwaitedTests(SynchronousTestCase):
    """A key that nobody is known to sign with."""

    def setUp(self) -> None:
        self.heard: list[str] = []
        self.awaited = Key("awaited", b"fresh", created=150.0, awaited=True)
        self.ring = Keyring((self.awaited, OLD), lambda key: self.heard.append(key.id))

    def test_signs_last(self) -> None:
        """It signs only where there is no other, though whoever asks is told it."""
        self.assertEqual(self.ring.signing_key(200.0), OLD)
        self.assertEqual(self.ring.newest_key(200.0), self.awaited)
        self.assertEqual(self.ring.newest_key(140.0), OLD)
        self.assertEqual(self.ring.signing_key(300.0), self.awaited)
        self.assertRaises(LookupError, self.ring.newest_key, 99.0)

    def test_noticed(self) -> None:
        """Its signature is good, and is told; those of others are not told."""
        fresh, old = (Keyring((key,)).sign(b"message", 200.0) for key in (self.awaited, OLD))
        self.assertTrue(self.ring.verifies(b"message", old, 200.0))
        self.assertFalse(self.ring.verifies(b"other", fresh, 200.0))
        self.assertEqual(self.heard, [])
        self.assertTrue(self.ring.verifies(b"message", fresh, 200.0))
        self.assertEqual(self.heard, ["awaited"])

    def test_noticed_by_a_token(self) -> None:
        """A token tells as much."""
        tokens = Tokens(self.ring)
        token = Tokens(Keyring((self.awaited,))).write({}, 200.0)
        tokens.read(token, 200.0)
        self.assertEqual(self.heard, ["awaited"])
        tokens.read(tokens.write({}, 200.0), 200.0)
        self.assertEqual(self.heard, ["awaited"])
