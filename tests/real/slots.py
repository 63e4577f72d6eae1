"""Upload slots (XEP-0363), asked for as a client does that logs in with a library of its own."""

from __future__ import annotations

import atexit
import functools
import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Final

import attrs

CLIENT: Final = pathlib.Path(__file__).with_name("xmpp_client.py")
JID: Final = "alice@localhost"
PASSWORD: Final = "a password for the tests"


@attrs.frozen
class Slot:
    """What an XMPP server allows: where to PUT a file and where it can be had then."""

    put: str
    get: str
    headers: Mapping[str, str]


@attrs.frozen
class Wish:
    """What a slot is asked for; without a type it is for any."""

    filename: str
    size: int
    content_type: str | None = None


def request_slots(port: int, service: str, wishes: Sequence[Wish]) -> list[Slot]:
    """
    Ask an XMPP server for slots, as its one account.

    :raises AssertionError: with what the client said, if it gets none.
    """
    asked = {
        "port": port,
        "jid": JID,
        "password": PASSWORD,
        "service": service,
        "wishes": [attrs.asdict(wish) for wish in wishes],
    }
    client = _client()
    assert client.stdin is not None
    assert client.stdout is not None
    client.stdin.write(f"{json.dumps(asked)}\n")
    client.stdin.flush()
    told = json.loads(client.stdout.readline())
    if isinstance(told, str):
        raise AssertionError(told)
    return [Slot(**slot) for slot in told]


@functools.cache
def _client() -> subprocess.Popen[str]:
    # One for all who ask: its library takes longer to load than a slot takes to get.
    client = subprocess.Popen(
        [sys.executable, os.fspath(CLIENT)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    atexit.register(client.communicate)
    return client
