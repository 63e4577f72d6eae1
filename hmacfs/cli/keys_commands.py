"""``keys``: show and change the keys that uploads are signed with."""

from __future__ import annotations

import argparse
import json
import time
from typing import Final

from hmacfs.auth import keysfile
from hmacfs.auth.keyring import Key, Keyring
from hmacfs.auth.keysfile import KeysFileWrong
from hmacfs.base.moments import rfc3339
from hmacfs.base.units import parse_duration, render_duration
from hmacfs.cli.command import Command, CommandFailed, add_option, settings_of
from hmacfs.cli.recording import recorded
from hmacfs.cli.surroundings import FINE, WRONG, Surroundings
from hmacfs.config import options
from hmacfs.config.settings import Settings
from hmacfs.service import keys
from hmacfs.service.keys import KeysUnusable


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action",
        choices=("list", "rotate"),
        help="list: show the keys, not their secrets; rotate: put a new one in use",
    )
    add_option(parser, "id", metavar="ID", help="what to call the new key, else the date")
    add_option(
        parser,
        "overlap",
        metavar="TIME",
        type=_overlap,
        help="how long the old keys stay good, else key_rotation.grace_period",
    )
    add_option(parser, "show-secret", action="store_true", help="write the new secret, alone")


def _overlap(text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _run(arguments: argparse.Namespace, around: Surroundings) -> int:
    settings = settings_of(arguments, around)
    if arguments.action == "list":
        return _list(arguments, settings, around)
    return _rotate(arguments, settings, around)


def _list(arguments: argparse.Namespace, settings: Settings, around: Surroundings) -> int:
    now = time.time()
    ring = _ring(settings)
    for key in ring.keys:
        facts = {
            "id": key.id,
            "state": _state(ring, key, now),
            "created": None if key.created == float("-inf") else key.created,
            "retire": key.retire,
        }
        if arguments.json:
            print(json.dumps(facts), file=around.stdout)
        else:
            created, retire = (
                "-" if facts[name] is None else rfc3339(float(facts[name]))  # type: ignore[arg-type]
                for name in ("created", "retire")
            )
            print(f"{key.id:<24} {facts['state']:<8} {created:<20} {retire}", file=around.stdout)
    return FINE


def _state(ring: Keyring, key: Key, now: float) -> str:
    if key.is_retired(now):
        return "retired"
    if key.created > now:
        return "later"
    if key.awaited:
        return "awaited"
    return "signs" if ring.signing_key(now) == key else "verifies"


def _rotate(arguments: argparse.Namespace, settings: Settings, around: Surroundings) -> int:
    path = settings[options.SECURITY_KEYS_FILE]
    if path is None:
        raise CommandFailed("there is no file for keys: set keys_file in [security]", WRONG)
    overlap = arguments.overlap
    if overlap is None:
        overlap = settings[options.KEY_ROTATION_GRACE_PERIOD]
    fresh = keys.fresh_key(time.time(), arguments.id)
    with recorded(settings, around, "keys rotate", fresh.id):
        try:
            keys.change_ring(
                settings, lambda ring: keysfile.rotated(ring, fresh, overlap), begin=True
            )
        except KeysFileWrong as error:
            raise CommandFailed(str(error), WRONG) from None
        except KeysUnusable as error:
            raise CommandFailed(str(error)) from None
    print(
        f"the key {fresh.id} signs from now on; the others are good for another "
        f"{render_duration(overlap)}. Reload this server, then tell the XMPP server the new secret "
        f"(it is in {path}; xmpp-config prints it).",
        file=around.stderr,
    )
    if arguments.show_secret:
        print(fresh.secret.decode(), file=around.stdout)
    return FINE


def _ring(settings: Settings) -> Keyring:
    try:
        return keys.read_ring(settings)
    except KeysUnusable as error:
        raise CommandFailed(str(error)) from None


COMMANDS: Final = (Command("keys", _arguments, _run),)
