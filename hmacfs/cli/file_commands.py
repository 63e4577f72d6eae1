"""Commands about stored files: ``ls``, ``who``, ``rm``."""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import AsyncGenerator
from typing import Final
from urllib.parse import unquote_to_bytes, urlsplit

from hmacfs.base.errors import NameRefused, Refusal
from hmacfs.base.moments import rfc3339
from hmacfs.base.names import StoredName
from hmacfs.base.values import StoredFile, Tombstone
from hmacfs.cli import shown
from hmacfs.cli.calls import Calls
from hmacfs.cli.command import Command, CommandFailed, add_option, settings_of
from hmacfs.cli.recording import recorded
from hmacfs.cli.surroundings import FAILED, FINE, WRONG, Surroundings
from hmacfs.cli.visit import carried_out, opened
from hmacfs.config import options
from hmacfs.config.settings import Settings
from hmacfs.library.takedown import Takedown
from hmacfs.rules.quarantine import discard
from hmacfs.stores.interfaces import Index, versions_of
from hmacfs.web.paths import Paths

PAGE: Final = 500
"""Files to ask the index for at once."""

DIGEST_BYTES: Final = 32


def name_of(text: str, settings: Settings) -> StoredName:
    """
    Read a name, or the URL of a file, as complaints give it.

    :raises CommandFailed: if it is neither.
    """
    try:
        if not text.lower().startswith(("http://", "https://")):
            return StoredName.parse(os.fsencode(text))
        path = unquote_to_bytes(urlsplit(text).path).removeprefix(b"/")
        return Paths(settings[options.SERVER_UPLOAD_PREFIX]).name_to_read(path)
    except NameRefused as refusal:
        raise CommandFailed(f"{shown.safe(text)}: {refusal.detail}", WRONG) from None
    except ValueError as error:
        raise CommandFailed(f"{shown.safe(text)}: {error}", WRONG) from None


def digest_of(text: str) -> bytes:
    """
    Read a SHA-256 in hexadecimal.

    :raises argparse.ArgumentTypeError: if it is none.
    """
    try:
        digest = bytes.fromhex(text)
    except ValueError:
        digest = b""
    if len(digest) != DIGEST_BYTES:
        raise argparse.ArgumentTypeError(f"{text!r} is no SHA-256: 64 hexadecimal digits are")
    return digest


async def files(index: Index, prefix: str) -> AsyncGenerator[StoredFile, None]:
    """Tell the files whose names begin so, in the order of their names."""
    start = prefix
    while page := await index.page(start, PAGE):
        for file in page:
            if not str(file.name).startswith(prefix):
                return
            if not file.name.is_version:
                yield file
        # Names have no control characters: nothing is between the two.
        start = f"{page[-1].name}\0"


def _ls_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("prefix", metavar="PREFIX", nargs="?", default="", help="how names begin")
    add_option(
        parser, "long", action="store_true", help="show size, time, uploader and type as well"
    )


def _ls(arguments: argparse.Namespace, around: Surroundings) -> int:
    settings = settings_of(arguments, around)

    async def work(calls: Calls) -> int:
        async with opened(settings, calls) as visit:
            async for file in files(visit.index, arguments.prefix):
                print(_line(file, arguments), file=around.stdout)
        return FINE

    return carried_out(work)


def _line(file: StoredFile, arguments: argparse.Namespace) -> str:
    if arguments.json:
        return json.dumps(shown.facts(file))
    name = shown.safe(str(file.name))
    if not arguments.long:
        return name
    owner = "-" if file.owner is None else shown.safe(file.owner)
    kind = shown.safe(file.content_type)
    return f"{file.size:>14} {rfc3339(file.uploaded_at)} {owner} {kind} {name}"


def _who_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", metavar="PATH", help="the name of a file, or its URL")


def _who(arguments: argparse.Namespace, around: Surroundings) -> int:
    settings = settings_of(arguments, around)
    name = name_of(arguments.path, settings)

    async def work(calls: Calls) -> StoredFile | Tombstone | None:
        async with opened(settings, calls) as visit:
            return await visit.index.find(name)

    known = carried_out(work)
    if known is None:
        raise CommandFailed(f"{shown.safe(str(name))}: there is no such file")
    if isinstance(known, Tombstone):
        raise CommandFailed(
            f"{shown.safe(str(name))}: it was {known.reason} at {rfc3339(known.buried_at)}"
        )
    if arguments.json:
        print(json.dumps(shown.facts(known)), file=around.stdout)
    else:
        for line in _description(known):
            print(line, file=around.stdout)
    return FINE


def _description(file: StoredFile) -> list[str]:
    facts = {
        "name": str(file.name),
        "uploader": "not known: the signature did not say" if file.owner is None else file.owner,
        "uploaded": rfc3339(file.uploaded_at),
        "expires": "never" if file.expires_at is None else rfc3339(file.expires_at),
        "size": f"{file.size} bytes",
        "type": file.content_type,
        "sha256": file.sha256.hex(),
    }
    if file.metadata is not None:
        facts["metadata"] = file.metadata
    return [f"{fact + ':':<10}{shown.safe(value)}" for fact, value in facts.items()]


def _rm_arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("path", metavar="PATH", nargs="?", help="the name of a file, or its URL")
    add_option(
        what,
        "sha256",
        metavar="HEX",
        type=digest_of,
        help="every file of these bytes",
    )
    add_option(
        parser,
        "block",
        action="store_true",
        help="with -sha256: take no file of these bytes any more",
    )


def _rm(arguments: argparse.Namespace, around: Surroundings) -> int:
    if arguments.block and arguments.sha256 is None:
        raise CommandFailed("-block goes with -sha256, which `who` tells", WRONG)
    settings = settings_of(arguments, around)
    name = None if arguments.path is None else name_of(arguments.path, settings)

    def tell(removed: StoredName) -> None:
        if arguments.json:
            print(json.dumps({"removed": str(removed)}), file=around.stdout)
        else:
            print(f"removed {shown.safe(str(removed))}", file=around.stdout)

    async def work(calls: Calls) -> int:
        async with opened(settings, calls, events=events) as visit:
            takedown = Takedown(visit.index, visit.blobs, time.time, events)
            if name is not None:
                await takedown.remove(name)
                tell(name)
                return FINE
            if arguments.block:
                await takedown.block(arguments.sha256)
            code = FINE if arguments.block else FAILED
            quarantine = settings[options.CLAMAV_QUARANTINE_DIRECTORY]
            if quarantine is not None and discard(quarantine, arguments.sha256):
                print("removed from quarantine", file=around.stderr)
                code = FINE
            async for file in takedown.remove_digest(arguments.sha256):
                tell(file.name)
                code = FINE
            return code

    with recorded(settings, around, "rm", _subject(arguments, name)) as events:
        try:
            code = carried_out(work)
        except Refusal as refusal:
            raise CommandFailed(f"{shown.safe(str(name))}: {refusal.detail}") from None
        if code == FAILED:
            raise CommandFailed("there is no file of these bytes")
    return code


def _subject(arguments: argparse.Namespace, name: StoredName | None) -> str:
    if name is not None:
        return str(name)
    return f"sha256 {arguments.sha256.hex()}{' blocked' if arguments.block else ''}"


def _versions_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", metavar="PATH", help="the name of a file, or its URL")


def _versions(arguments: argparse.Namespace, around: Surroundings) -> int:
    settings = settings_of(arguments, around)
    name = name_of(arguments.path, settings)

    async def work(calls: Calls) -> list[StoredFile] | None:
        async with opened(settings, calls) as visit:
            is_known = isinstance(await visit.index.find(name), StoredFile)
            return await versions_of(visit.index, name) if is_known else None

    versions = carried_out(work)
    if versions is None:
        raise CommandFailed(f"{shown.safe(str(name))}: there is no such file")
    for version in reversed(versions):
        facts = {"id": version.name.leaf, **shown.facts(version), "name": str(name)}
        if arguments.json:
            print(json.dumps(facts), file=around.stdout)
        else:
            uploaded = rfc3339(version.uploaded_at)
            line = f"{version.name.leaf} {version.size:>14} {uploaded} {version.sha256.hex()}"
            print(line, file=around.stdout)
    return FINE


COMMANDS: Final = (
    Command("ls", _ls_arguments, _ls),
    Command("who", _who_arguments, _who),
    Command("versions", _versions_arguments, _versions),
    Command("rm", _rm_arguments, _rm),
)
