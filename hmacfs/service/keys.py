"""What the settings say about signatures, with the keys from their file."""

from __future__ import annotations

from pathlib import Path

from hmacfs.auth import keysfile
from hmacfs.auth.jwt import audiences_of
from hmacfs.auth.keyring import Keyring
from hmacfs.auth.keysfile import KeysFileWrong
from hmacfs.auth.schemes import Terms
from hmacfs.config import options
from hmacfs.config.settings import Settings


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
