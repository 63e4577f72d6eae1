"""The commands about containers: ``iso pack``, ``iso verify``, ``iso list``, ``iso adopt``."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Final

from hmacfs.blobs import containers
from hmacfs.blobs.interfaces import StorageFailed
from hmacfs.cli import shown
from hmacfs.cli.calls import Calls
from hmacfs.cli.command import Command, CommandFailed, add_common, settings_of
from hmacfs.cli.recording import recorded
from hmacfs.cli.surroundings import FAILED, FINE, Surroundings
from hmacfs.cli.visit import Visit, carried_out, may_change, opened
from hmacfs.config import options
from hmacfs.config.settings import Settings
from hmacfs.flow.pools import InlinePool
from hmacfs.service.packing import packing


def _arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, text in (
        ("pack", "pack the oldest files into a container"),
        ("verify", "read every packed file, and compare it with its digest"),
        ("list", "list the containers"),
        ("adopt", "take up containers that were moved, or whose catalogue was lost"),
    ):
        action = actions.add_parser(name, help=text, description=text, allow_abbrev=False)
        if name == "adopt":
            action.add_argument("files", metavar="FILE", nargs="+", type=Path)
        add_common(action)


def _iso(arguments: argparse.Namespace, around: Surroundings) -> int:
    settings = settings_of(arguments, around)
    alone = arguments.action == "pack" and may_change(settings)

    async def work(calls: Calls) -> int:
        async with opened(settings, calls, alone=alone) as visit:
            if arguments.action == "pack":
                return await _pack(visit, settings, around)
            if arguments.action == "adopt":
                return await _adopt(visit, settings, arguments, around)
            if arguments.action == "verify":
                return _verify(visit, arguments, around)
            return _list(visit, arguments, around)

    if arguments.action in ("list", "verify"):
        return carried_out(work)
    with recorded(settings, around, f"iso {arguments.action}"):
        return carried_out(work)


async def _pack(visit: Visit, settings: Settings, around: Surroundings) -> int:
    if not settings[options.ISO_ENABLED]:
        raise CommandFailed("iso.enabled is false: nothing is packed")
    done = await packing(settings, visit.index, visit.blobs, InlinePool()).pack(full=False)
    if done is None:
        print("there is nothing to pack", file=around.stderr)
    else:
        print(f"packed {done[1]} files into {done[0]}", file=around.stderr)
    return FINE


def _list(visit: Visit, arguments: argparse.Namespace, around: Surroundings) -> int:
    for path, count, size in visit.blobs.catalogue.containers():
        if arguments.json:
            facts = {"container": str(path), "files": count, "bytes": size}
            print(json.dumps(facts), file=around.stdout)
        else:
            print(f"{path}: {count} files of {size} bytes", file=around.stdout)
    return FINE


def _verify(visit: Visit, arguments: argparse.Namespace, around: Surroundings) -> int:
    code = FINE
    for path, count, _ in visit.blobs.catalogue.containers():
        damaged = _damaged(visit, path)
        if damaged:
            code = FAILED
        for name in damaged:
            if arguments.json:
                line = json.dumps({"container": str(path), "damaged": name})
            else:
                line = f"{path}: {shown.safe(name)} is damaged"
            print(line, file=around.stdout)
        print(f"{path}: {count - len(damaged)} of {count} files are whole", file=around.stderr)
    return code


def _damaged(visit: Visit, path: Path) -> list[str]:
    files = visit.blobs.catalogue.files(path)
    try:
        # Of the container as others read it.
        whole = {(entry.start, entry.sha256) for entry in containers.read(path)}
    except StorageFailed:
        whole = set()
    return [str(file.name) for file in files if (file.start, file.sha256) not in whole]


async def _adopt(
    visit: Visit, settings: Settings, arguments: argparse.Namespace, around: Surroundings
) -> int:
    code = FINE
    work = packing(settings, visit.index, visit.blobs, InlinePool())
    async with work.alone():
        for path in arguments.files:
            adopted, damaged = await work.adopt(path.absolute())
            for name in damaged:
                code = FAILED
                print(f"{path}: {shown.safe(str(name))} is damaged", file=around.stdout)
            print(f"{path}: {adopted} files are read from there now", file=around.stderr)
    return code


COMMANDS: Final = (
    Command(
        "iso",
        _arguments,
        _iso,
    ),
)
