"""What administrators may ask, and within which bounds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from attrs import frozen

from hmacfs.base.errors import MalformedRequest, TypeRefused
from hmacfs.base.survey import Order
from hmacfs.ingest import small_body
from hmacfs.web import replies
from hmacfs.web.documents import Document
from hmacfs.web.request import StreamingRequest
from hmacfs.wire import json_object
from hmacfs.wire.content_type import MediaType

MOST: Final = 100
"""Things on a page."""

USUAL: Final = 50

LAST_PAGE: Final = 1_000_000

MAX_BYTES: Final = 4096
"""Most bytes of a document."""

_JSON: Final = MediaType("application", "json")
_PAGE: Final = "page"
_LIMIT: Final = "limit"
_SORT: Final = "sort"


@frozen
class Paging:
    """
    A page of a list.

    :ivar page: from 1 on.
    :ivar limit: how many things there are on a page.
    """

    page: int
    limit: int

    @property
    def offset(self) -> int:
        """How many things are on the pages before."""
        return (self.page - 1) * self.limit

    def told(self, total: int) -> Document:
        """Describe the page of a list of so many."""
        pages = -(-total // self.limit)
        return {"total": total, "page": self.page, "limit": self.limit, "total_pages": pages}


def paging(request: StreamingRequest, *more: str) -> Paging:
    """
    Read which page is asked for.

    :param more: the other parameters that there may be.
    :raises MalformedRequest: if there is another, or a number is out of bounds.
    """
    check_parameters(request, _PAGE, _LIMIT, *more)
    return Paging(_number(request, _PAGE, 1, LAST_PAGE), _number(request, _LIMIT, USUAL, MOST))


def order(request: StreamingRequest) -> Order:
    """
    Read in which order; the newest first, unless it is told.

    :raises MalformedRequest: if there is no such order.
    """
    word = request.target.parameters.get(_SORT, Order.DATE.value)
    try:
        return Order(word)
    except ValueError:
        known = ", ".join(each.value for each in Order)
        raise MalformedRequest(f"{_SORT} is one of {known}", parameter=_SORT) from None


def check_parameters(request: StreamingRequest, *known: str) -> None:
    """
    Insist that there is no parameter but these, for one that is mistyped would change the answer.

    :raises MalformedRequest: if there is.
    """
    if not request.target.parameters.keys() <= set(known):
        told = ", ".join(known) or "none"
        raise MalformedRequest(f"the parameters here are: {told}", parameters=told)


async def body_of(request: StreamingRequest, *known: str) -> Mapping[str, Any]:
    """
    Read the document in the body of a request, which has no members but these.

    Its type must be that of JSON: what browsers let other sites send unasked is not.

    :raises TypeRefused: if it is no JSON.
    :raises TooLarge: if it is too long.
    :raises MalformedRequest: if it is not an object, or has another member.
    """
    given = MediaType.parse(replies.header(request, "Content-Type") or "")
    if given != _JSON:
        raise TypeRefused("a JSON document is expected here")
    text = await small_body.read(request.body, request.body.length, MAX_BYTES)
    document = json_object.read(text)
    if not document.keys() <= set(known):
        told = ", ".join(known)
        raise MalformedRequest(f"the members here are: {told}", members=told)
    return document


def _number(request: StreamingRequest, name: str, usual: int, most: int) -> int:
    text = request.target.parameters.get(name)
    if text is None:
        return usual
    # So many digits are enough for the largest.
    if text.isascii() and text.isdigit() and len(text) <= len(str(most)):
        number = int(text)
        if 1 <= number <= most:
            return number
    raise MalformedRequest(f"{name} is a number from 1 to {most}", parameter=name, limit=most)
