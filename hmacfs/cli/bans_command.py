"""``bans``: show and change who is shut out, beside a server or in its place."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

from twisted.internet.interfaces import IReactorFromThreads, IReactorTime

from hmacfs.base.addresses import Network
from hmacfs.base.addresses import shown as written
from hmacfs.base.errors import Refusal
from hmacfs.base.events import Events
from hmacfs.base.moments import rfc3339
from hmacfs.base.units import parse_duration, render_duration
from hmacfs.cli import shown
from hmacfs.cli.command import Command, CommandFailed, add_option, settings_of
from hmacfs.cli.recording import recorded
from hmacfs.cli.surroundings import FAILED, FINE, WRONG, Surroundings
from hmacfs.cli.visit import carried_out, storage
from hmacfs.config import options
from hmacfs.config.settings import Settings
from hmacfs.rules.ban_list import BY_HAND, BanList, network_in
from hmacfs.service.protection import exempt, peers_of
from hmacfs.service.shared_state import make_shared_state
from hmacfs.stores.bans import StateBans

T = TypeVar("T")

Work = Callable[[BanList], Awaitable[T]]


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action",
        choices=("list", "add", "remove"),
        help="list: show the bans in force; add: ban an address; remove: end a ban",
    )
    parser.add_argument(
        "address",
        metavar="ADDRESS",
        nargs="?",
        type=_network,
        help="an address or a network; a single address of IPv6 stands for its 64 bits",
    )
    add_option(
        parser, "for", dest="duration", metavar="TIME", type=_duration, help="else bans.duration"
    )
    add_option(parser, "reason", metavar="TEXT", default=BY_HAND, help="what the list shows")


def _network(text: str) -> Network:
    try:
        return network_in(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _duration(text: str) -> float:
    try:
        duration = parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if duration <= 0:
        raise argparse.ArgumentTypeError("a ban lasts longer than that: use remove to end one")
    return duration


def _run(arguments: argparse.Namespace, around: Surroundings) -> int:
    if arguments.action == "list":
        if arguments.address is not None:
            raise CommandFailed("list takes no address", WRONG)
        return _list(arguments, around)
    if arguments.address is None:
        raise CommandFailed(f"{arguments.action} needs an address", WRONG)
    act = _add if arguments.action == "add" else _remove
    return act(arguments, around)


def _list(arguments: argparse.Namespace, around: Surroundings) -> int:
    settings = settings_of(arguments, around)
    for ban in _done(settings, lambda bans: bans.all()):
        facts = {
            "address": written(ban.network),
            "since": ban.at,
            "until": ban.until,
            "reason": ban.reason,
        }
        if arguments.json:
            print(json.dumps(facts), file=around.stdout)
        else:
            times = f"{rfc3339(ban.at)} {rfc3339(ban.until)}"
            print(f"{facts['address']:<24} {times} {shown.safe(ban.reason)}", file=around.stdout)
    return FINE


def _add(arguments: argparse.Namespace, around: Surroundings) -> int:
    settings = settings_of(arguments, around)
    network: Network = arguments.address
    duration = arguments.duration or settings[options.BANS_DURATION]
    with recorded(settings, around, "bans add", written(network)):
        try:
            _done(settings, lambda bans: bans.add(network, duration, arguments.reason))
        except Refusal as refusal:
            raise CommandFailed(refusal.detail, WRONG) from None
    print(
        f"{written(network)} is banned for {render_duration(duration)}; "
        "a running server knows it within seconds",
        file=around.stderr,
    )
    if not settings[options.BANS_ENABLED]:
        print("but bans are off: set enabled in [bans]", file=around.stderr)
    return FINE


def _remove(arguments: argparse.Namespace, around: Surroundings) -> int:
    settings = settings_of(arguments, around)
    network: Network = arguments.address
    with recorded(settings, around, "bans remove", written(network)):
        try:
            _done(settings, lambda bans: bans.remove(network))
        except Refusal as refusal:
            raise CommandFailed(refusal.detail, FAILED) from None
    print(
        f"{written(network)} is banned no more; a running server knows it within seconds",
        file=around.stderr,
    )
    return FINE


def _done(settings: Settings, work: Work[T]) -> T:
    async def whole(threads: IReactorFromThreads, clock: IReactorTime) -> T:
        async with _book(settings, threads, clock) as book:
            duration = settings[options.BANS_DURATION]
            return await work(BanList(book, exempt(peers_of(settings)), duration, time.time))

    if not settings[options.REDIS_REDISENABLED]:
        return carried_out(lambda calls: whole(calls, calls))
    # Importing it makes it, and it takes the signals: only who needs it has one.
    from twisted.internet import reactor

    from hmacfs.cli import reacting

    turning: Any = reactor
    return reacting.carried_out(whole(turning, turning))


@asynccontextmanager
async def _book(
    settings: Settings, threads: IReactorFromThreads, clock: IReactorTime
) -> AsyncGenerator[StateBans, None]:
    shared = make_shared_state(settings, threads, clock, Events())
    # What root makes there has to be the server's.
    async with storage(settings, threads, alone=False):
        try:
            await shared.start()
            yield StateBans(shared.state)
        finally:
            await shared.state.close()


COMMANDS: Final = (Command("bans", _arguments, _run),)
