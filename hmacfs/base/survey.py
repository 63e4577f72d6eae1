"""What is told of many files at once."""

from __future__ import annotations

import enum

from attrs import frozen


class Order(enum.Enum):
    """In which order files are listed: the newest, the largest, or the first name at the top."""

    DATE = "date"
    SIZE = "size"
    NAME = "name"


@frozen
class Stock:
    """
    What there is altogether.

    :ivar files: how many, without older versions.
    :ivar versions: how many older versions.
    :ivar size: of files and versions, in bytes, each counted in full.
    """

    files: int
    versions: int
    size: int


@frozen
class Uploader:
    """
    Somebody who has files.

    :ivar files: how many, without older versions.
    :ivar size: of files and versions, in bytes, as quotas count them.
    :ivar latest: when the newest came, in seconds since the epoch.
    """

    owner: str
    files: int
    size: int
    latest: float
