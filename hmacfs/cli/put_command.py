"""``put``: upload a file, as an XMPP client does."""

from __future__ import annotations

import argparse
import http.client
import json
import mimetypes
import os
import re
import ssl
import time
from pathlib import Path
from typing import Final
from urllib.parse import urljoin

from hmacfs.base.values import DEFAULT_CONTENT_TYPE
from hmacfs.cli import shown, upload
from hmacfs.cli.command import Command, CommandFailed, add_option
from hmacfs.cli.config_commands import FINE, WRONG, Surroundings
from hmacfs.cli.progress import Progress
from hmacfs.cli.upload import Answer, Place, UrlWrong

_HEADER: Final = re.compile(
    r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?)"
)
_STORED: Final = range(200, 300)


def _header(text: str) -> tuple[str, str]:
    match = _HEADER.fullmatch(text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no header: write NAME: VALUE")
    return match[1], match[2]


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", type=Path, help="the file to upload")
    parser.add_argument("url", metavar="URL", help="where to, signed")
    add_option(parser, "type", metavar="TYPE", help="its content type, else told by its name")
    add_option(
        parser,
        "header",
        action="append",
        default=[],
        type=_header,
        metavar="LINE",
        help="a header to send with it, such as 'Authorization: …'; repeatable",
    )
    add_option(
        parser, "ca-file", metavar="FILE", help="certificates to trust in place of the system's"
    )
    add_option(parser, "quiet", action="store_true", help="show no progress")


def _run(arguments: argparse.Namespace, around: Surroundings) -> int:
    try:
        place = Place.parse(arguments.url)
    except UrlWrong as error:
        raise CommandFailed(str(error), WRONG) from None
    answer = _upload(arguments, place, around)
    if answer.status not in _STORED:
        said = answer.body.decode("utf-8", "replace").strip().partition("\n")[0]
        sentence = f"{answer.status} {answer.reason}"
        raise CommandFailed(shown.safe(f"{sentence}: {said}" if said else sentence))
    location = answer.headers.get("location")
    url = None if location is None else urljoin(arguments.url, location)
    if arguments.json:
        print(json.dumps({"status": answer.status, "url": url}), file=around.stdout)
    elif url is not None:
        print(shown.safe(url), file=around.stdout)
    return FINE


def _upload(arguments: argparse.Namespace, place: Place, around: Surroundings) -> Answer:
    file: Path = arguments.file
    kind = arguments.type or mimetypes.guess_type(file.name)[0] or DEFAULT_CONTENT_TYPE
    headers = {"Content-Type": kind, **dict(arguments.header)}
    context = ssl.create_default_context(cafile=arguments.ca_file) if place.is_secure else None
    connection = place.connection(context)
    with file.open("rb") as source:
        size = os.fstat(source.fileno()).st_size
        quiet = arguments.quiet or not around.stderr.isatty()
        bar = Progress(around.stderr, shown.safe(file.name), size, time.monotonic)
        try:
            return upload.put(
                connection,
                place.target,
                headers,
                source,
                size,
                (lambda _: None) if quiet else bar.advance,
            )
        except (http.client.HTTPException, EOFError, OSError) as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise CommandFailed(f"the upload failed: {reason}") from None
        finally:
            connection.close()
            if not quiet:
                bar.end()


COMMANDS: Final = (Command("put", "upload a file to a signed URL", _arguments, _run),)
