"""The first start, without any configuration: it works at once, on this machine only."""

from __future__ import annotations

import os
import secrets
import time
from pathlib import Path
from urllib.parse import quote

from hmacfs.auth.keyring import Keyring
from hmacfs.auth.mac import message_v
from hmacfs.base.names import StoredName
from hmacfs.config import options, render
from hmacfs.config.settings import Settings

SECRET_BYTES = 32
GREETING = "hello, world"


def write_config(path: Path) -> None:
    """
    Write a minimal configuration with a secret of its own, readable by its owner only.

    :raises OSError: if it cannot be written; an existing file is never touched.
    """
    text = render.minimal(secrets.token_urlsafe(SECRET_BYTES))
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def curl_line(settings: Settings) -> str:
    """Make a command that uploads a greeting to the server and shows it again."""
    name = StoredName.parse(f"hello/{int(time.time())}.txt".encode())
    size = len(GREETING.encode())
    mac = Keyring.of(settings[options.SECURITY_SECRET]).sign(
        message_v(str(name).encode(), size, "")
    )
    address = settings[options.SERVER_LISTEN_ADDRESS]
    prefix = settings[options.SERVER_UPLOAD_PREFIX]
    url = f"http://{address.host}:{address.port}" + quote(f"/{prefix}/{name}")
    return (
        f"curl -fsS -X PUT -H 'Content-Type: text/plain' --data-binary '{GREETING}' "
        f"'{url}?v={mac.hex()}' && curl -fsS '{url}'"
    )


def greeting(path: Path, settings: Settings) -> str:
    """Say what was done, and how to see it work."""
    return (
        f"There was no configuration: wrote {path} with a new secret.\n"
        f"Try it from another terminal:\n\n{curl_line(settings)}\n"
    )
