"""Any bytes, for hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st


def octets(*, min_size: int = 0, max_size: int) -> st.SearchStrategy[bytes]:
    """
    Bytes that are drawn as text.

    Hypothesis looks up what it draws in dictionaries, where no bytes and the
    number 0 meet: they have the same hash, and Python's ``-bb`` does not let
    them be compared.
    """
    letters = st.characters(max_codepoint=255)
    return st.text(letters, min_size=min_size, max_size=max_size).map(
        lambda text: text.encode("latin-1")
    )
