"""Tests of hmacfs.auth.schedule."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.auth.keyring import Key, Keyring
from hmacfs.auth.schedule import is_due, newest_made, purged, put_forward, taken_up

FIRST = Key("config", b"of the configuration")
MADE = Key("made", b"made", created=1000.0)


class ScheduleTests(SynchronousTestCase):
    """Keys that come and go."""

    def test_due(self) -> None:
        """A key is due where none was ever made, and an interval after the last was."""
        self.assertTrue(is_due(Keyring((FIRST,)), 100.0, 0.0))
        ring = Keyring((FIRST, MADE, Key("older", b"older", created=500.0)))
        self.assertEqual(newest_made(ring), MADE)
        self.assertEqual([is_due(ring, 100.0, now) for now in (1099.9, 1100.0)], [False, True])

    def test_put_forward(self) -> None:
        """A new key verifies, and changes nothing for the others until it is used."""
        ring = put_forward(Keyring((FIRST,)), MADE)
        self.assertEqual(ring.signing_key(2000.0), FIRST)
        self.assertEqual(set(ring.secrets()), {FIRST.secret, MADE.secret})

    def test_taken_up(self) -> None:
        """Once it is used older keys have their grace time, and one that ends sooner does."""
        soon = Key("soon", b"soon", retire=1510.0)
        manual = Key("later", b"later", created=1400.0)
        ring = put_forward(Keyring((manual, FIRST, soon)), MADE)
        taken = taken_up(ring, "made", 1500.0, 60.0)
        self.assertEqual([key.retire for key in taken.keys], [None, None, 1560.0, 1510.0])
        self.assertFalse(taken.keys[0].awaited)
        for name in ("made", "none"):
            self.assertIs(taken_up(taken, name, 1600.0, 60.0), taken)

    def test_purged(self) -> None:
        """What retired long ago is dropped, but for the secret that the configuration has."""
        long_ago = Key("long ago", b"long ago", retire=10.0)
        listed = Key("config", b"of the configuration", retire=10.0)
        ring = Keyring((MADE, long_ago, listed))
        kept = purged(ring, "of the configuration", 10.1)
        self.assertEqual(kept.keys, (MADE, listed))
        self.assertEqual(purged(ring, "", 10.1).keys, (MADE,))
        self.assertIs(purged(ring, "", 10.0), ring)
