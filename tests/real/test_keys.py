"""New signing keys, by a schedule and as docs/operate-keys.rst tells to make them by hand."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import signal
import subprocess
import time
from typing import Final

from attrs import evolve

from hmacfs.auth import keysfile, mac
from hmacfs.auth.keyring import Key, Keyring
from hmacfs.base.values import DEFAULT_CONTENT_TYPE
from tests.docs.documents import examples
from tests.real.case import ServerCase
from tests.real.daemon import SECRET, eventually
from tests.real.test_operate_documents import programs

DAY: Final = 86400.0
DATA: Final = b"hello"


class KeysCase(ServerCase):
    """A server that rotates its keys, with an audit log."""

    def setUp(self) -> None:
        place = self.directory()
        self.path = place / "keys.toml"
        self.audit = place / "audit.log"
        self.daemon = self.start(
            {
                "security": {"keys_file": os.fspath(self.path)},
                "key_rotation": {"enabled": True, "rotation_interval": "2d", "grace_period": "1d"},
                "audit": {"enabled": True, "path": os.fspath(self.audit)},
            }
        )
        self.programs = programs(place / "bin", self.daemon)

    def keys(self) -> tuple[Key, ...]:
        """Return what the file has."""
        return keysfile.parse(self.path.read_text(encoding="utf-8"))

    def until_made(self, count: int) -> Key:
        """Wait until the file has so many keys; return the newest."""

        def look() -> Key | None:
            keys = self.keys()
            return keys[0] if len(keys) == count else None

        return eventually(f"{count} keys", look)

    def put(self, name: str, secret: str) -> int:
        """Upload what an XMPP server with this secret has allowed; return the status."""
        message = mac.message_v2(name.encode(), len(DATA), DEFAULT_CONTENT_TYPE)
        made = hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()
        self.daemon.macs.add(made)
        with self.connect(self.daemon) as connection:
            return connection.put(f"/upload/{name}?v2={made}", DATA).status

    def type(self, section: str) -> list[str]:
        """Type the examples of a section of the document, line by line; return what they print."""
        document = "docs/operate-keys.rst"
        (example,) = [
            each
            for each in examples("sh")
            if each.section == section and each.where.startswith(document)
        ]
        return [self.line(line) for line in example.text.splitlines()]

    def line(self, line: str) -> str:
        """Type a line."""
        if line == "systemctl reload hmac-file-server":
            self.daemon.process.send_signal(signal.SIGHUP)
        if line.startswith("systemctl"):
            return ""
        done = subprocess.run(
            ["sh", "-eu", "-c", line.replace("/etc/prosody/conf.d/", f"{self.path.parent}/")],
            env={**os.environ, "PATH": f"{self.programs}:{os.environ['PATH']}"},
            capture_output=True,
            check=True,
            text=True,
        )
        return done.stdout

    def told(self) -> str:
        """Return what Prosody was told."""
        return (self.path.parent / "upload.cfg.lua").read_text("utf-8")

    def acts(self) -> list[tuple[str, str]]:
        """Return what the audit log says of keys."""
        records = [json.loads(line) for line in self.audit.read_text("utf-8").splitlines()]
        acts = [(record.get("action", ""), record.get("subject", "")) for record in records]
        return [act for act in acts if act[0].startswith("keys")]


class ScheduleTests(KeysCase):
    """``[key_rotation]``."""

    def test_life(self) -> None:
        """A key is made, awaited, told, used and followed; nothing breaks for who has the old."""
        fresh = self.until_made(2)
        secret = fresh.secret.decode()
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o600)
        # The XMPP server goes on with what it knows, until it is told.
        self.assertEqual(self.put("a", SECRET), 201)
        self.assertTrue(self.keys()[0].awaited)
        listed = [line.split()[:2] for line in self.type("By a schedule")[0].splitlines()]
        self.assertEqual(listed, [[fresh.id, "awaited"], ["config", "signs"]])
        self.assertIn(secret, self.told())
        self.assertEqual(self.put("b", secret), 201)
        eventually("the key to be in use", lambda: not self.keys()[0].awaited or None)
        self.assertEqual(self.put("c", SECRET), 201)
        self.assert_later(fresh, secret)

    def assert_later(self, fresh: Key, secret: str) -> None:
        """The grace time ends and the next key is due: the file tells, also after a crash."""
        self.daemon.kill9()
        used, first = self.keys()
        now = time.time()
        self.assertGreater(first.retire or 0.0, now + DAY / 2)
        gone = Key("gone", b"a secret of long ago", now - 90 * DAY, now - 80 * DAY)
        past = (evolve(used, created=now - 3 * DAY), evolve(first, retire=now - 60 * DAY), gone)
        self.path.write_text(keysfile.render(Keyring(past)), encoding="utf-8")
        self.daemon.start()

        def has_next() -> Key | None:
            newest = self.keys()[0]
            return newest if newest.id != fresh.id and len(self.keys()) == 3 else None

        following = eventually("the next key without what is purged", has_next)
        # The secret that the configuration still has stays retired.
        statuses = [self.put(name, each) for name, each in (("d", SECRET), ("e", secret))]
        self.assertEqual(statuses, [403, 201])
        self.assertEqual(self.put("gone", "a secret of long ago"), 403)
        acts = [
            ("keys rotate", fresh.id),
            ("keys take-up", fresh.id),
            ("keys rotate", following.id),
            ("keys purge", "gone"),
        ]
        eventually("the audit log", lambda: self.acts() == acts or None)
        self.assert_by_hand()
        told = self.daemon.log + self.audit.read_text("utf-8")
        self.assertIn(f"made the key {following.id}", told)
        self.assertIn(f"signs with the key {fresh.id}", told)
        for key in self.keys():
            self.assertNotIn(key.secret.decode(), told)
        self.assertEqual(self.daemon.stop(), 0)

    def assert_by_hand(self) -> None:
        """A key that is made by hand signs at once, and all others have an end."""
        self.type("By hand")
        by_hand, *others = self.keys()
        self.assertEqual((by_hand.id, by_hand.awaited), ("after-the-leak", False))
        self.assertTrue(all(key.retire for key in others))
        secret = by_hand.secret.decode()
        self.assertIn(secret, self.told())
        reloaded = "the configuration was reloaded"
        eventually("the reload", lambda: reloaded in self.daemon.log or None)
        self.assertEqual(self.put("f", secret), 201)
