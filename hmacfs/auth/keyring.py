"""The one place where signatures are made and compared."""

from __future__ import annotations

import hashlib
import hmac
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Self

from attrs import field, frozen, validators


@frozen
class Key:
    """
    A secret with its life.

    :ivar id: what people call it; it tells nothing of the secret.
    :ivar secret: never shows in a ``repr``; an empty one, under which anybody
        could sign, is a ValueError.
    :ivar created: from when it signs, in seconds since the epoch.
    :ivar retire: from when nothing it signed is good any more, in seconds
        since the epoch, or ``None``.
    :ivar awaited: whether nobody is known to sign with it yet.
    """

    id: str
    secret: bytes = field(repr=False, validator=validators.min_len(1))
    created: float = -math.inf
    retire: float | None = None
    awaited: bool = False

    def is_retired(self, now: float) -> bool:
        """Tell whether its signatures are void."""
        return self.retire is not None and now >= self.retire


def _unheard(key: Key) -> None:
    """Take no note of a key."""


@frozen
class Keyring:
    """
    The keys whose signatures are accepted.

    All that are not retired verify; of those that nobody awaits any more the
    one that was created last signs, and of several the first.  A time that is
    left out is one at which every key that will ever retire has retired.

    :ivar noticed: is told of a key that was awaited, when it has verified.
    """

    keys: tuple[Key, ...]
    noticed: Callable[[Key], object] = field(default=_unheard, eq=False, repr=False)

    @classmethod
    def of(cls, *secrets: str) -> Self:
        """Make a ring of secrets that never retire; the first signs, all verify."""
        return cls(
            tuple(Key(str(number), secret.encode()) for number, secret in enumerate(secrets, 1))
        )

    def secrets(self, now: float = math.inf) -> tuple[bytes, ...]:
        """Tell the secrets that verify."""
        return tuple(key.secret for key in self.verifying(now))

    def verifying(self, now: float = math.inf) -> tuple[Key, ...]:
        """Tell the keys that verify."""
        return tuple(key for key in self.keys if not key.is_retired(now))

    def signing_key(self, now: float = math.inf) -> Key:
        """
        Tell the key that signs.

        :raises LookupError: if all keys are retired, or none is created yet.
        """
        alive = [key for key in self.verifying(now) if key.created <= now]
        known = [key for key in alive if not key.awaited]
        return _newest(known or alive)

    def newest_key(self, now: float = math.inf) -> Key:
        """
        Tell the key that whoever signs for us should have, awaited or not.

        :raises LookupError: if all keys are retired, or none is created yet.
        """
        return _newest([key for key in self.verifying(now) if key.created <= now])

    def sign(self, message: bytes, now: float = math.inf) -> bytes:
        """
        Tell the HMAC-SHA256 (RFC 2104) of a message under the key that signs, 32 bytes.

        :raises LookupError: if no key signs at this time.
        """
        return hmac.digest(self.signing_key(now).secret, message, hashlib.sha256)

    def verifies(self, message: bytes, signature: bytes, now: float = math.inf) -> bool:
        """
        Tell whether any key of the ring made this signature.

        Every key is tried and compared in constant time, so the time taken
        tells neither the secret nor which of them fitted.
        """
        keys = self.verifying(now)
        fits = [
            hmac.compare_digest(hmac.digest(key.secret, message, hashlib.sha256), signature)
            for key in keys
        ]
        self.note(key for key, is_it in zip(keys, fits, strict=True) if is_it)
        return any(fits)

    def note(self, verified: Iterable[Key]) -> None:
        """Take notice of the keys that have verified something."""
        for key in verified:
            if key.awaited:
                self.noticed(key)


def _newest(keys: Sequence[Key]) -> Key:
    if not keys:
        raise LookupError("no key of the ring is in use at this time")
    return max(keys, key=lambda key: key.created)
