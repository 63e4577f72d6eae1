"""Upload slots (XEP-0363), asked for as a client does that logs in with a library of its own."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Final

import attrs

from tests.real.daemon import PATIENCE

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
    done = subprocess.run(
        [sys.executable, os.fspath(CLIENT)],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return [Slot(**slot) for slot in json.loads(done.stdout)]
