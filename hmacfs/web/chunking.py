"""How a file is cut into chunks that are sent by number (3.2 documents, "V3 API")."""

from __future__ import annotations

from typing import Final

from attrs import field, frozen, validators

from hmacfs.base.errors import Unknown

MAX_CHUNKS: Final = 1000
"""Most chunks of one file: each has a URL in the answer that begins its session."""

STEP: Final = 1024 * 1024
"""What larger chunks are a multiple of, in bytes."""


@frozen
class Chunking:
    """
    The chunks of a file.

    :ivar size: of the file in bytes.
    :ivar chunk_size: of every chunk but the last, in bytes.
    """

    size: int = field(validator=validators.ge(0))
    chunk_size: int = field(validator=validators.gt(0))

    @classmethod
    def of(cls, size: int, wanted: int) -> Chunking:
        """Cut a file into chunks of the size that is wanted, or larger ones if they are many."""
        fewest = -(-size // MAX_CHUNKS)
        return cls(size, wanted if fewest <= wanted else -(-fewest // STEP) * STEP)

    @property
    def count(self) -> int:
        """How many chunks there are; a file without bytes has none."""
        return -(-self.size // self.chunk_size)

    def start(self, number: str) -> int:
        """
        Tell where the chunk of this number, from 1, begins.

        :raises Unknown: if there is no such chunk.
        """
        # As many digits as the last one has are enough for all.
        is_number = number.isascii() and number.isdigit() and len(number) <= len(str(MAX_CHUNKS))
        if not is_number or not 1 <= int(number) <= self.count:
            raise Unknown(f"there are the chunks 1 to {self.count}" if self.count else "no chunks")
        return (int(number) - 1) * self.chunk_size

    def length(self, start: int) -> int:
        """Tell how many bytes the chunk has that begins there."""
        return min(self.chunk_size, self.size - start)
