"""What of tus is on, and what its clients are told of it."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

from hmacfs.base.errors import Unimplemented
from hmacfs.wire import tus


@frozen
class TusOffer:
    """
    What tus is able to do under this configuration.

    :ivar max_size: the largest upload in bytes.
    :ivar on: whether interrupted uploads may be taken up again at all.
    :ivar creates: whether anything may sign the creation of an upload.
    :ivar joins: whether a file may come in several uploads.
    :ivar checks: whether checksums that clients send are compared.
    """

    max_size: int
    on: bool = True
    creates: bool = True
    joins: bool = True
    checks: bool = True

    def extensions(self) -> Iterator[str]:
        """Tell the extensions of the protocol that are on."""
        if self.creates:
            yield from ("creation", "creation-defer-length", "creation-with-upload")
        yield from ("expiration", "termination")
        if self.checks:
            yield from ("checksum", "checksum-trailer")
        if self.creates and self.joins:
            yield from ("concatenation", "concatenation-unfinished")

    def fields(self) -> dict[str, str]:
        """Tell the header fields of the answer to OPTIONS."""
        if not self.on:
            return {}
        fields = {
            "Tus-Resumable": tus.VERSION,
            "Tus-Version": tus.VERSION,
            "Tus-Extension": ",".join(self.extensions()),
            "Tus-Max-Size": str(self.max_size),
        }
        if self.checks:
            fields["Tus-Checksum-Algorithm"] = ",".join(tus.ALGORITHMS)
        return fields

    def check_on(self) -> None:
        """
        Insist that tus is on.

        :raises Unimplemented: if it is not.
        """
        if not self.on:
            raise Unimplemented("resumable uploads are switched off here")
