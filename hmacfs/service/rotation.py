"""New signing keys by a schedule: when one is due, whether it is used, and who may make it."""

from __future__ import annotations

import contextvars
import time
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from typing import Final

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from hmacfs.auth import schedule
from hmacfs.auth.keyring import Key, Keyring
from hmacfs.auth.keysfile import KeysFileWrong
from hmacfs.base.events import Administered
from hmacfs.base.units import render_duration
from hmacfs.config import options
from hmacfs.config.settings import Settings
from hmacfs.flow.turns import Turns
from hmacfs.service import keys
from hmacfs.service.foundation import Foundation
from hmacfs.service.keys import KeysUnusable
from hmacfs.service.shared_state import host_of

LOOK: Final = 60.0
"""Seconds from one look at the file of keys to the next."""

KIND: Final = "rotation"
"""The kind of the entries that tell which server makes the key after another."""

TAKEN: Final = 10
"""Intervals after which another server makes that key in its stead: it may be gone for good."""


class Rotation:
    """
    Sees to the file of keys while a server runs.

    The file tells when the last key was made, so a restart changes nothing.  Of
    several servers with one file the first makes the next key and the others
    find it; of those that share a state and have files of their own only one
    makes it.

    :param settings: tells those in force.
    :param turns: those of reloads, so that no two change the ring at a time.
    :param adopt: takes a ring that may be another by now.
    :param now: tells seconds since the epoch.
    """

    log = Logger()

    def __init__(
        self,
        foundation: Foundation,
        settings: Callable[[], Settings],
        turns: Turns,
        adopt: Callable[[Keyring], object],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._pool = foundation.pool
        self._pending = foundation.pending
        self._shared = foundation.shared
        self._events = foundation.events
        self._settings = settings
        self._turns = turns
        self._adopt = adopt
        self._now = now
        self._taking: set[str] = set()
        self._told: tuple[str, float] = ("", 0.0)

    async def open(self, settings: Settings, ring: Keyring) -> Keyring:
        """
        Read the ring of a server that starts or takes new settings.

        A file that the schedule needs and that never was there is begun.

        :param ring: that in force.
        :raises KeysUnusable: if the file cannot be used.
        """
        path = settings[options.SECURITY_KEYS_FILE]
        has_first = bool(settings[options.SECURITY_SECRET]) and schedule.newest_made(ring) is None
        begins = settings[options.KEY_ROTATION_ENABLED] and has_first
        if path is not None and begins and not await self._pool.run(path.exists):
            same = partial(keys.change_ring, settings, lambda there: there, begin=True)
            begun = self._heard(await self._pool.run(same))
            self.log.info("there was no file of keys: began {path}", path=path)
            return begun
        return self._heard(await self._pool.run(keys.read_ring, settings))

    def _heard(self, ring: Keyring) -> Keyring:
        return evolve(ring, noticed=self.notice)

    async def run(self) -> None:
        """
        Look what the file has, make a key if one is due, and drop those that are long over.

        :raises StoreFailed: if other servers cannot be asked; there is no new key then.
        """
        async with self._turns.of(self._turns):
            settings = self._settings()
            is_on = settings[options.KEY_ROTATION_ENABLED]
            if not is_on or settings[options.SECURITY_KEYS_FILE] is None:
                return
            try:
                ring = await self._pool.run(keys.read_ring, settings)
                if await self._is_mine(ring, settings):
                    ring = await self._make(settings)
                ring = await self._purge(ring, settings)
            except (KeysUnusable, KeysFileWrong) as error:
                self.log.error("the keys stay as they are: {error}", error=error)
                return
            self._adopt(self._heard(ring))

    async def _is_mine(self, ring: Keyring, settings: Settings) -> bool:
        interval, now = settings[options.KEY_ROTATION_ROTATION_INTERVAL], self._now()
        if not schedule.is_due(ring, interval, now):
            return False
        newest = schedule.newest_made(ring)
        if newest is not None and newest.awaited:
            self._tell(
                "nobody signs with the key {id} yet, so there is no other, and older ones stay "
                "good: tell the XMPP server (hmac-file-server xmpp-config)",
                newest.id,
                interval,
            )
            return False
        last = "" if newest is None else newest.id
        host = host_of(settings).encode()
        kept = await self._shared.state.claim(
            KIND, sha256(last.encode()).hexdigest(), host, now + TAKEN * interval
        )
        told = last or "that of the configuration"
        if not self._shared.is_common:
            self._tell(
                "whether another server makes the key after {id} cannot be told without Redis: "
                "there is no new one before",
                told,
                interval,
            )
            return False
        if kept.value != host:
            self._tell(
                "another server makes the key after {id}: bring its file of keys here",
                told,
                interval,
            )
            return False
        return True

    def _tell(self, sentence: str, name: str, interval: float) -> None:
        # Once in an interval, of each key.
        told, at = self._told
        if told != name or self._now() >= at + interval:
            self._told = (name, self._now())
            self.log.warn(sentence, id=name)

    async def _make(self, settings: Settings) -> Keyring:
        now = self._now()
        interval = settings[options.KEY_ROTATION_ROTATION_INTERVAL]
        fresh = keys.fresh_key(now)

        def change(ring: Keyring) -> Keyring:
            # Somebody may have been faster.
            is_due = schedule.is_due(ring, interval, now)
            return schedule.put_forward(ring, fresh) if is_due else ring

        ring = await self._pool.run(keys.change_ring, settings, change)
        if any(key.secret == fresh.secret for key in ring.keys):
            self.log.info(
                "made the key {id}; all others stay good until somebody signs with it: tell the "
                "XMPP server (hmac-file-server xmpp-config)",
                id=fresh.id,
            )
            self._events.tell(Administered("keys rotate", subject=fresh.id))
        return ring

    async def _purge(self, ring: Keyring, settings: Settings) -> Keyring:
        secret = settings[options.SECURITY_SECRET]
        before = self._now() - settings[options.KEY_ROTATION_PURGE_AGE]
        if schedule.purged(ring, secret, before) == ring:
            return ring
        purge = partial(schedule.purged, secret=secret, before=before)
        kept = await self._pool.run(keys.change_ring, settings, purge)
        names = ", ".join(key.id for key in ring.keys if key not in kept.keys)
        self.log.info("dropped what was retired: {names}", names=names)
        self._events.tell(Administered("keys purge", subject=names))
        return kept

    def notice(self, key: Key) -> None:
        """Let older keys go, in their time, for somebody has signed with an awaited one."""
        if key.id in self._taking:
            return
        self._taking.add(key.id)
        # Whoever has signed has asked for something else.
        contextvars.Context().run(Deferred.fromCoroutine, self._take_up(key.id))

    async def _take_up(self, name: str) -> None:
        with self._pending:
            try:
                async with self._turns.of(self._turns):
                    await self._record(name)
            except (KeysUnusable, KeysFileWrong) as error:
                self.log.error("cannot note that {id} is used: {error}", id=name, error=error)
            finally:
                self._taking.discard(name)

    async def _record(self, name: str) -> None:
        settings = self._settings()
        grace = settings[options.KEY_ROTATION_GRACE_PERIOD]
        taken = partial(schedule.taken_up, name=name, now=self._now(), grace=grace)
        self._adopt(self._heard(await self._pool.run(keys.change_ring, settings, taken)))
        self.log.info(
            "the XMPP server signs with the key {id}: older ones stay good for {grace}",
            id=name,
            grace=render_duration(grace),
        )
        self._events.tell(Administered("keys take-up", subject=name))
