"""What the settings say about signatures, with the keys from their file."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from hmacfs.auth import keysfile
from hmacfs.auth.jwt import audiences_of
from hmacfs.auth.keyring import Key, Keyring
from hmacfs.auth.keysfile import KeysFileWrong
from hmacfs.auth.schemes import Terms
from hmacfs.base.moments import rfc3339
from hmacfs.config import options
from hmacfs.config.settings import Settings
from hmacfs.service import replace

SECRET_BYTES: Final = 32


class KeysUnusable(Exception):
    """The file of keys cannot be used; the message says why, without secrets."""


def read_ring(settings: Settings) -> Keyring:
    """
    Read the ring of keys that are shared with the XMPP server; blocks.

    :raises KeysUnusable: if there is a file of keys that cannot be used.
    """
    path = settings[options.SECURITY_KEYS_FILE]
    secret = settings[options.SECURITY_SECRET]
    if path is None:
        return Keyring.of(secret)
    try:
        return keysfile.merged(secret, keysfile.parse(_text(path)))
    except KeysFileWrong as error:
        raise KeysUnusable(f"{path}: {error}") from None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        hint = "'hmac-file-server keys rotate' makes it"
        raise KeysUnusable(f"there is no file of keys {path}: {hint}") from None
    except OSError as error:
        raise KeysUnusable(f"cannot read the file of keys {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise KeysUnusable(f"the file of keys {path} is not UTF-8") from None


def fresh_key(now: float, name: str | None = None) -> Key:
    """
    Make a key of random bytes.

    :param now: from when it signs, in seconds since the epoch.
    :param name: its id, else that moment.
    """
    return Key(name or rfc3339(now), secrets.token_hex(SECRET_BYTES).encode(), now)


def change_ring(
    settings: Settings, change: Callable[[Keyring], Keyring], *, begin: bool = False
) -> Keyring:
    """
    Change the file of keys, durably, while nobody else does; blocks.

    :param change: tells the new ring by the one that is there; the same for no change.
    :param begin: whether to make the file, with the secret of the configuration, if it is missing.
    :return: the ring that is there now.
    :raises KeysUnusable: if the file cannot be used or written, or somebody else changes it;
        it is as it was then.
    :raises KeysFileWrong: if the new ring could not be read again.
    """
    path = settings[options.SECURITY_KEYS_FILE]
    if path is None:
        raise KeysUnusable("there is no file for keys: set keys_file in [security]")
    with _alone(path), _explained(path):
        is_new = begin and not path.exists()
        ring = _first(settings) if is_new else read_ring(settings)
        changed = change(ring)
        if is_new or changed != ring:
            text = keysfile.render(changed)
            # What is written has to be read again, with times that are less exact.
            changed = Keyring(keysfile.parse(text))
            replace.exchange(path, text)
        return changed


def _first(settings: Settings) -> Keyring:
    secret = settings[options.SECURITY_SECRET]
    return keysfile.merged(secret, ()) if secret else Keyring(())


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    # The directory stays when the file is exchanged.
    with _explained(path):
        directory = os.open(path.resolve().parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise KeysUnusable(f"{path}: somebody else is changing it; try again") from None
        yield
    finally:
        os.close(directory)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise KeysUnusable(f"cannot change the file of keys {path}: {error.strerror}") from None


def terms(settings: Settings, ring: Keyring) -> Terms:
    """Tell what may sign requests."""
    takes_tokens = settings[options.SECURITY_ENABLEJWT]
    jwt_secret = settings[options.SECURITY_JWTSECRET] if takes_tokens else ""
    share_secret = settings[options.SECURITY_FILE_SHARE_SECRET]
    enabled = settings[options.SECURITY_SCHEMES]
    return Terms(
        shared=ring,
        jwt=Keyring.of(jwt_secret) if jwt_secret else None,
        file_share=Keyring.of(share_secret) if share_secret else None,
        delete_secret=settings[options.SECURITY_DELETE_SECRET],
        enabled=frozenset(enabled),
        jwt_algorithm=settings[options.SECURITY_JWTALGORITHM],
        jwt_issuer=settings[options.SECURITY_JWT_ISSUER],
        jwt_audiences=settings[options.SECURITY_JWT_AUDIENCE]
        or audiences_of(settings[options.SERVER_PUBLIC_BASE_URL]),
        jwt_longest_life=settings[options.SECURITY_JWTEXPIRATION],
        slot_ttl=settings[options.UPLOADS_UPLOAD_SLOT_TTL],
        signature_max_age=settings[options.SECURITY_SIGNATURE_MAX_AGE],
    )
