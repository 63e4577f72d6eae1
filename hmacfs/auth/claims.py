"""The claims of a genuine token, read strictly: what has the wrong type is not guessed at."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping

from attrs import field, frozen

from hmacfs.auth.credentials import check_time
from hmacfs.base.errors import TokenRefused

LEEWAY = 30.0
"""How far the clocks of issuer and server may differ, in seconds."""

_LATEST = 1e12
_LARGEST = 1 << 63
_LONGEST_LIST = 100


def _is_unfit(character: str) -> bool:
    # Control characters, and the halves of surrogate pairs that JSON lets through.
    return unicodedata.category(character) in ("Cc", "Cs")


@frozen
class Claims:
    """A set of claims (RFC 7519, 4)."""

    values: Mapping[str, object] = field(repr=False)

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def time(self, name: str) -> float | None:
        """
        Tell a time in seconds since the epoch.

        :raises TokenRefused: if it is not a number, or not one that can be a time.
        """
        value = self.values.get(name)
        if name not in self.values:
            return None
        # Not even infinity may stand for "never".
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not 0 <= value < _LATEST
        ):
            raise TokenRefused(f"the claim {name!r} is not a time")
        return float(value)

    def count(self, name: str) -> int | None:
        """
        Tell a whole number of bytes.

        :raises TokenRefused: if it is anything else.
        """
        value = self.values.get(name)
        if name not in self.values:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _LARGEST:
            raise TokenRefused(f"the claim {name!r} is not a number of bytes")
        return value

    def text(self, name: str) -> str | None:
        """
        Tell a text.

        :raises TokenRefused: if it is anything else, is empty or has control characters.
        """
        if name not in self.values:
            return None
        value = self.values[name]
        if not isinstance(value, str) or not value or any(map(_is_unfit, value)):
            raise TokenRefused(f"the claim {name!r} is not a text")
        return value

    def texts(self, name: str) -> tuple[str, ...] | None:
        """
        Tell a list of texts; one text alone is a list of one.

        :raises TokenRefused: if it is anything else, or has more than a hundred entries.
        """
        if name not in self.values:
            return None
        value = self.values[name]
        listed = [value] if isinstance(value, str) else value
        if not isinstance(listed, list) or len(listed) > _LONGEST_LIST:
            raise TokenRefused(f"the claim {name!r} is not a short list of texts")
        texts = tuple(text for text in listed if isinstance(text, str))
        if len(texts) != len(listed):
            raise TokenRefused(f"the claim {name!r} is not a list of texts")
        return texts

    def check_time(self, now: float, leeway: float = LEEWAY) -> None:
        """
        Insist that the token is valid now (RFC 7519, 4.1.4 to 4.1.6); ``exp`` must be there.

        :raises TokenRefused: if a time cannot be read, or there is no ``exp``.
        :raises SignatureExpired: if ``exp`` has come.
        :raises SignatureNotYetValid: if ``nbf`` or ``iat`` has not come.
        """
        expires = self.time("exp")
        if expires is None:
            raise TokenRefused("the token does not say when it expires")
        begins = max(self.time("nbf") or 0.0, self.time("iat") or 0.0)
        # A token is void from the second that ``exp`` names, not after it.
        check_time(now, begins - leeway, math.nextafter(expires + leeway, 0.0))
