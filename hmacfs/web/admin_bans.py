"""``/bans`` of the interface for administrators."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from attrs import frozen

from hmacfs.base.addresses import Network, shown
from hmacfs.base.bans import Ban
from hmacfs.base.errors import MalformedRequest, Unknown
from hmacfs.base.moments import rfc3339
from hmacfs.base.units import DurationError, parse_duration
from hmacfs.rules.ban_list import BY_HAND, BanList, network_in
from hmacfs.web import admin_questions as questions
from hmacfs.web import private
from hmacfs.web.documents import Document
from hmacfs.web.request import StreamingRequest

_ADDRESS: Final = "address"
_DURATION: Final = "duration"
_REASON: Final = "reason"


@frozen
class AdminBans:
    """
    Lists bans, makes one, and ends one.

    :param are_on: whether any ban holds.
    """

    bans: BanList
    are_on: bool

    async def list(self, request: StreamingRequest) -> None:
        """Tell a page of the bans in force."""
        paging = questions.paging(request)
        bans = await self.bans.all()
        told = [_document(ban) for ban in bans[paging.offset : paging.offset + paging.limit]]
        private.document(request, {"enabled": self.are_on, "bans": told, **paging.told(len(bans))})

    async def add(self, request: StreamingRequest) -> None:
        """Make a ban."""
        questions.check_parameters(request)
        order = await questions.body_of(request, _ADDRESS, _DURATION, _REASON)
        address, reason = _text(order, _ADDRESS, ""), _text(order, _REASON, BY_HAND)
        try:
            network = network_in(address)
        except ValueError as error:
            raise MalformedRequest(str(error), member=_ADDRESS) from None
        ban = await self.bans.add(network, _duration(order), reason)
        private.document(request, _document(ban), HTTPStatus.CREATED)

    async def remove(self, request: StreamingRequest, name: str) -> None:
        """End a ban."""
        questions.check_parameters(request)
        await self.bans.remove(_named(name))
        private.reply(request, HTTPStatus.NO_CONTENT, {})


def _document(ban: Ban) -> Document:
    return {
        "address": shown(ban.network),
        "since": rfc3339(ban.at),
        "until": rfc3339(ban.until),
        "reason": ban.reason,
    }


def _named(name: str) -> Network:
    try:
        return network_in(name)
    except ValueError:
        raise Unknown("this is no address, and no network") from None


def _text(order: Mapping[str, Any], member: str, usual: str) -> str:
    text = order.get(member, usual)
    if not isinstance(text, str):
        raise MalformedRequest(f"{member!r} is not a text", member=member)
    return text


def _duration(order: Mapping[str, Any]) -> float | None:
    if _DURATION not in order:
        return None
    try:
        duration = parse_duration(order[_DURATION])
    except DurationError as error:
        raise MalformedRequest(str(error), member=_DURATION) from None
    if duration <= 0:
        raise MalformedRequest("a ban lasts longer than that", member=_DURATION)
    return duration
