"""Files and tombstones to test with."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from hmacfs.base.names import StoredName
from hmacfs.base.values import StoredFile, Tombstone

NAMES = tuple(
    StoredName.parse(name.encode())
    for name in ("a.txt", "A.txt", "folder/b c.jpg", "folder/ü😀'\"%_;--.bin")
)
"""The few names of the strategies below, so that requests meet."""

LARGEST = 2**63 - 1
"""The largest integer that an SQLite file holds."""


def stored(name: str = "folder/file.txt", **changes: Any) -> StoredFile:
    """Make a stored file; the changes are fields."""
    facts: dict[str, Any] = {
        "size": 3,
        "sha256": bytes(range(32)),
        "content_type": "text/plain",
        "uploaded_at": 1_700_000_000.25,
    }
    return StoredFile(name=StoredName.parse(name.encode()), **facts | changes)


def buried(name: str = "folder/file.txt", at: float = 1_700_000_100.5) -> Tombstone:
    """Make a tombstone."""
    return Tombstone(StoredName.parse(name.encode()), at, "deleted")


def times() -> st.SearchStrategy[float]:
    """Times, of which some are alike and some far apart."""
    return st.integers(0, 5).map(float) | st.floats(0, 1e10)


def files() -> st.SearchStrategy[StoredFile]:
    """Files of a few names."""
    texts = st.text(st.characters(codec="utf-8"), max_size=20)
    return st.builds(
        StoredFile,
        name=st.sampled_from(NAMES),
        size=st.integers(0, LARGEST),
        sha256=st.binary(min_size=32, max_size=32),
        content_type=texts,
        uploaded_at=times(),
        owner=st.none() | texts,
        expires_at=st.none() | times(),
        metadata=st.none() | texts,
    )


def tombstones() -> st.SearchStrategy[Tombstone]:
    """Tombstones of the same names."""
    return st.builds(
        Tombstone,
        name=st.sampled_from(NAMES),
        buried_at=times(),
        reason=st.sampled_from(["deleted", "expired", "taken-down"]),
    )
