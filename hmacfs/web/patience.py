"""What a connection is doing, and how long it is waited for meanwhile."""

from __future__ import annotations

from enum import Enum, auto

from attrs import frozen


class Phase(Enum):
    """What a connection is doing."""

    IDLE = auto()  # between requests
    HEADERS = auto()  # a request has begun, its headers are not all in
    BODY = auto()  # the headers are in, the body is under way
    ANSWERING = auto()  # all of the request is in
    DEAF = auto()  # what comes cannot be told apart any more; the answer is due
    LINGERING = auto()  # answered; what still comes is thrown away


@frozen
class Patience:
    """
    How long a connection is waited for, in seconds.

    :ivar headers: from the first byte of a request to the end of its headers.
    :ivar body: the longest silence within a body.
    :ivar write: the longest time that a client takes none of the response.
    :ivar idle: between two requests.
    :ivar linger: after a response that came before the end of the body.
    :ivar linger_bytes: how many bytes are thrown away in that time.
    :ivar slowest: bytes a second that a body must bring on average; 0 for any.
    :ivar fastest: bytes a second at which a body is read; 0 for any.
    """

    headers: float = 20.0
    body: float = 120.0
    write: float = 120.0
    idle: float = 75.0
    linger: float = 5.0
    linger_bytes: int = 4 * 1024 * 1024
    slowest: int = 0
    fastest: int = 0
