"""Tests of hmacfs.service.rotation."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.auth import keysfile
from hmacfs.auth.keyring import Key, Keyring
from hmacfs.base.events import Administered, Events
from hmacfs.config import options
from hmacfs.config.settings import Settings
from hmacfs.flow.pending import Pending
from hmacfs.flow.pools import InlinePool
from hmacfs.flow.turns import Turns
from hmacfs.service import keys, replace
from hmacfs.service.foundation import Foundation
from hmacfs.service.keys import KeysUnusable
from hmacfs.service.rotation import Rotation
from hmacfs.stores.interfaces import StoreFailed
from hmacfs.stores.memory_state import MemoryState
from tests.flow.awaiting import now

SECRET = "a secret of the configuration"
NOON = 1_700_000_000.123_456_7
"""With more digits than a file of keys has."""

DAY = 86400.0


class Server:
    """What a server has of the rotation."""

    def __init__(self, place: Path, state: MemoryState, clock: list[float], on: bool) -> None:
        self.path = place / "keys.toml"
        self.settings = Settings.of(
            {
                options.SERVER_STORAGE_PATH: place,
                options.SECURITY_SECRET: SECRET,
                options.SECURITY_KEYS_FILE: self.path,
                options.KEY_ROTATION_ENABLED: on,
                options.KEY_ROTATION_GRACE_PERIOD: 3600.0,
            }
        )
        self.ring = Keyring(())
        self.acts: list[str] = []
        events = Events()
        events.listen(Administered, lambda act: self.acts.append(f"{act.action} {act.subject}"))
        self.shared = shared = SimpleNamespace(state=state, is_common=True)
        foundation: Any = SimpleNamespace(
            pool=InlinePool(),
            pending=Pending(),
            shared=shared,
            events=events,
        )
        self.rotation = Rotation(
            cast(Foundation, foundation),
            lambda: self.settings,
            Turns(),
            self.adopt,
            lambda: clock[0],
        )

    def adopt(self, ring: Keyring) -> None:
        """Take a ring."""
        self.ring = ring

    def open(self) -> None:
        """Begin."""
        self.ring = now(self.rotation.open(self.settings, self.ring))

    def use(self, key: Key) -> None:
        """Have somebody sign with a key."""
        made = Keyring((key,)).sign(b"message")
        assert self.ring.verifies(b"message", made)


class RotationTests(SynchronousTestCase):
    """``Rotation``."""

    def setUp(self) -> None:
        self.clock = [NOON]
        self.state = MemoryState(lambda: self.clock[0])

    def place(self) -> Path:
        """Return a directory."""
        place = Path(self.mktemp()).absolute()
        place.mkdir()
        return place

    def server(self, place: Path, *, on: bool = True) -> Server:
        """Return a server that has begun."""
        server = Server(place, self.state, self.clock, on)
        server.open()
        return server

    def look(self, server: Server) -> list[str]:
        """Let a server look; return what it says."""
        with capturedLogs() as logs:
            now(server.rotation.run())
        return [str(formatEvent(each)) for each in logs]

    def test_life(self) -> None:
        """A key is made, awaited, used, and followed; each step is told, without secrets."""
        server = self.server(self.place())
        self.assertEqual([key.id for key in server.ring.keys], ["config"])
        (said,) = self.look(server)
        fresh, first = server.ring.keys
        self.assertIn(fresh.id, said)
        self.assertTrue(fresh.awaited)
        self.assertIsNone(first.retire)
        self.assertEqual(self.look(server), [])
        # Nobody signs with it: there is no other, however late it is.
        self.clock[0] += 3 * DAY
        (said,) = self.look(server)
        self.assertIn("nobody signs", said)
        self.assertEqual(self.look(server), [])
        self.clock[0] += DAY
        self.assertEqual(len(self.look(server)), 1)
        self.assertEqual(server.ring.keys, (fresh, first))
        server.use(fresh)
        self.assertAlmostEqual(server.ring.keys[1].retire or 0, self.clock[0] + 3600.0, places=5)
        self.look(server)
        self.assertEqual(len(server.ring.keys), 3)
        self.assertEqual(len(server.ring.secrets(self.clock[0] + 3601.0)), 2)
        self.assertEqual(
            server.acts,
            [
                f"keys rotate {fresh.id}",
                f"keys take-up {fresh.id}",
                f"keys rotate {server.ring.keys[0].id}",
            ],
        )
        self.assertNotIn(fresh.secret.decode(), said + "".join(server.acts))

    def test_restart(self) -> None:
        """The file tells when the last key was made: a restart makes no other."""
        place = self.place()
        self.look(self.server(place))
        self.clock[0] += DAY - 1
        again = self.server(place)
        self.look(again)
        self.assertEqual(len(again.ring.keys), 2)

    def test_one_file(self) -> None:
        """Of several servers with one file one makes the key, and the others find it."""
        place = self.place()
        one, other = self.server(place), self.server(place)
        for server in (one, other):
            self.look(server)
        self.assertEqual(len(other.ring.keys), 2)
        self.assertEqual((one.ring, other.acts), (other.ring, []))

    def test_several_files(self) -> None:
        """Of several servers that share a state one makes the key, and the others ask for it."""
        one, other = self.server(self.place()), self.server(self.place())
        self.look(one)
        (said,) = self.look(other)
        self.assertIn("another server", said)
        self.assertEqual(self.look(other), [])
        self.assertEqual((len(one.ring.keys), len(other.ring.keys)), (2, 1))
        other.path.write_text(keysfile.render(one.ring))
        self.look(other)
        self.assertEqual(one.ring, other.ring)
        self.assertEqual((len(one.acts), other.acts), (1, []))

    def test_later(self) -> None:
        """Whoever has not brought the file makes no key of its own in the next interval."""
        one, other = self.server(self.place()), self.server(self.place())
        self.look(one)
        for _ in range(9):
            self.clock[0] += DAY
            (said,) = self.look(other)
            self.assertIn("another server", said)
        self.assertEqual(len(other.ring.keys), 1)
        self.clock[0] += 2 * DAY
        self.look(other)
        self.assertEqual(len(other.ring.keys), 2)

    def test_not_common(self) -> None:
        """While a server knows nothing of the others there is no new key."""
        server = self.server(self.place())
        server.shared.is_common = False
        (said,) = self.look(server)
        self.assertIn("cannot be told without Redis", said)
        self.assertEqual(self.look(server), [])
        self.assertEqual([key.id for key in server.ring.keys], ["config"])
        server.shared.is_common = True
        self.look(server)
        self.assertEqual(len(server.ring.keys), 2)

    def test_nobody_to_ask(self) -> None:
        """While the others cannot be asked there is no new key."""
        server = self.server(self.place())

        now(self.state.close())
        self.assertRaises(StoreFailed, now, server.rotation.run())
        self.assertEqual([key.id for key in server.ring.keys], ["config"])

    def test_purged(self) -> None:
        """What retired long ago goes; the secret of the configuration stays, and stays retired."""
        place = self.place()
        ring = Keyring(
            (
                Key("new", b"new", NOON - 2 * DAY),
                Key("gone", b"gone", NOON - 90 * DAY, NOON - 31 * DAY),
                Key("kept", b"kept", NOON - 90 * DAY, NOON - 29 * DAY),
                Key("config", SECRET.encode(), retire=NOON - 80 * DAY),
            )
        )
        (place / "keys.toml").write_text(keysfile.render(ring))
        server = self.server(place)
        made, dropped = self.look(server)
        fresh, *others = server.ring.keys
        self.assertIn(fresh.id, made)
        self.assertIn("gone", dropped)
        self.assertEqual([key.id for key in others], ["new", "kept", "config"])
        self.assertEqual(server.ring.secrets(NOON), (fresh.secret, b"new"))
        self.assertEqual(server.acts, [f"keys rotate {fresh.id}", "keys purge gone"])

    def test_faults(self) -> None:
        """A file that is gone or busy, or cannot be written, leaves the keys in force."""
        place = self.place()
        server = self.server(place)
        self.look(server)
        fresh, before = server.ring.keys[0], server.ring
        kept = (place / "keys.toml").read_text()

        def refuse(*_: object) -> None:
            raise PermissionError(13, "Permission denied")

        with self.subTest("cannot be written"):
            patch = self.patch(replace, "exchange", refuse)
            with capturedLogs() as logs:
                server.use(fresh)
            self.assertIn("Permission denied", str(formatEvent(logs[0])))
            self.clock[0] += 2 * DAY
            patch.restore()
        self.assertEqual(server.ring, before)
        # The next signature tries again.
        server.use(fresh)
        self.assertFalse(server.ring.keys[0].awaited)
        with self.subTest("busy"), keys._alone(place / "keys.toml"):
            (said,) = self.look(server)
            self.assertIn("somebody else", said)
        (place / "keys.toml").unlink()
        (said,) = self.look(server)
        self.assertIn("there is no file of keys", said)
        self.assertEqual(len(server.ring.keys), 2)
        self.assertRaises(KeysUnusable, server.open)
        (place / "keys.toml").write_text(kept)
        server.open()

    def test_off(self) -> None:
        """Switched off nothing is made, and a key that is awaited can still be taken up."""
        place = self.place()
        self.look(self.server(place))
        server = self.server(place, on=False)
        self.clock[0] += 9 * DAY
        self.assertEqual(self.look(server), [])
        server.use(server.ring.keys[0])
        self.assertIsNotNone(server.ring.keys[1].retire)
