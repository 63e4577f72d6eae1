"""``put``: upload a file, as an XMPP client does."""

from __future__ import annotations

import argparse
import http.client
import json
import mimetypes
import os
import random
import re
import ssl
import time
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urljoin

from hmacfs.base.values import DEFAULT_CONTENT_TYPE
from hmacfs.cli import resuming, shown
from hmacfs.cli.command import Command, CommandFailed, add_option
from hmacfs.cli.progress import Progress
from hmacfs.cli.resuming import Backoff, Resuming
from hmacfs.cli.surroundings import FINE, WRONG, Surroundings
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


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise argparse.ArgumentTypeError(f"{text!r} is no number")
    return int(text)


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
    add_option(
        parser,
        "tries",
        type=_count,
        default=10,
        metavar="N",
        help="how often to try again in a row when the network or the server fails; default 10",
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
    context = ssl.create_default_context(cafile=arguments.ca_file) if place.is_secure else None
    with file.open("rb") as source:
        status = os.fstat(source.fileno())
        token = resuming.token_of(arguments.url, file, status)
        headers = {"Content-Type": kind, resuming.HEADER: token, **dict(arguments.header)}
        quiet = arguments.quiet or not around.stderr.isatty()
        bar = Progress(around.stderr, shown.safe(file.name), status.st_size, time.monotonic)
        sending = Resuming(
            lambda: place.connection(context),
            place.target,
            headers,
            source,
            status.st_size,
            Backoff(arguments.tries, random.random, time.sleep),
            (lambda _: None) if quiet else bar.reach,
            (lambda _: None) if arguments.quiet else partial(_say, around),
        )
        try:
            return sending.run()
        except KeyboardInterrupt:
            raise CommandFailed("interrupted; the same command goes on where it stopped") from None
        except (http.client.HTTPException, EOFError, OSError) as error:
            raise CommandFailed(f"the upload failed: {resuming.reason_of(error)}") from None
        finally:
            if not quiet:
                bar.end()


def _say(around: Surroundings, sentence: str) -> None:
    lead = "\n" if around.stderr.isatty() else ""
    print(f"{lead}{shown.safe(sentence)}", file=around.stderr, flush=True)


COMMANDS: Final = (Command("put", _arguments, _run),)
