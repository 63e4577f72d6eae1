"""
Keys that come and go by the time, as pure functions over a ring.

Whoever signs for this server has to be told a new key, and nobody can tell when
that is done but by its first signature.  So a new key is *awaited* at first: it
verifies, and all others stay as good as they were.  From its first signature on
they have their grace time, and retire.  A key is never followed by another
while it is awaited, so that there are not ever more of them.
"""

from __future__ import annotations

import math

from attrs import evolve

from hmacfs.auth.keyring import Key, Keyring


def newest_made(ring: Keyring) -> Key | None:
    """Tell the last key whose making is dated, if there is one."""
    dated = [key for key in ring.keys if math.isfinite(key.created)]
    return max(dated, key=lambda key: key.created, default=None)


def is_due(ring: Keyring, interval: float, now: float) -> bool:
    """
    Tell whether a new key should be there.

    :param interval: seconds from one to the next.
    """
    newest = newest_made(ring)
    return newest is None or now >= newest.created + interval


def put_forward(ring: Keyring, fresh: Key) -> Keyring:
    """Add a key that is awaited."""
    return Keyring((evolve(fresh, awaited=True), *ring.keys))


def taken_up(ring: Keyring, name: str, now: float, grace: float) -> Keyring:
    """
    Let older keys go, for somebody signs with this one; nothing changes if that was known.

    :param grace: seconds for which they stay good.
    """
    taken = next((key for key in ring.keys if key.id == name and key.awaited), None)
    if taken is None:
        return ring
    end = now + grace

    def changed(key: Key) -> Key:
        if key is taken:
            return evolve(key, awaited=False)
        if key.created > taken.created:
            return key
        return evolve(key, retire=end if key.retire is None else min(key.retire, end))

    return Keyring(tuple(changed(key) for key in ring.keys))


def purged(ring: Keyring, secret: str, before: float) -> Keyring:
    """
    Drop the keys that retired before a moment.

    :param secret: that of the configuration, of which the file has to tell that it is retired.
    :param before: seconds since the epoch.
    """
    kept = tuple(
        key
        for key in ring.keys
        if key.retire is None or key.retire >= before or key.secret == secret.encode()
    )
    return ring if kept == ring.keys else Keyring(kept)
