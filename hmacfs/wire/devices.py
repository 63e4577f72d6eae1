"""Mobile devices, as far as their requests tell (User-Agent Client Hints; 3.2 documents)."""

from __future__ import annotations

import re
from typing import Final

MOBILE: Final = "mobile"
OTHER: Final = "other"

_MOBILE_AGENT = re.compile(r"mobile|android|iphone|ipad|phone", re.IGNORECASE)
_HINTS: Final = {"?1": MOBILE, "?0": OTHER}


def device_of(user_agent: str | None, hint: str | None) -> str:
    """
    Tell :data:`MOBILE` or :data:`OTHER`.

    :param user_agent: the header ``User-Agent``.
    :param hint: the header ``Sec-CH-UA-Mobile``, which rules where it can be read.
    """
    found = _HINTS.get((hint or "").strip())
    if found is not None:
        return found
    return MOBILE if _MOBILE_AGENT.search(user_agent or "") else OTHER
