"""``[security]``: secrets, signatures and tokens."""

from __future__ import annotations

import pathlib
from typing import Final

from hmacfs.config.kinds import Choice, Duration, OptionalPath, Size, Switch, Text, Whole
from hmacfs.config.lists import TextList
from hmacfs.config.option import Alias, Generation, Option
from hmacfs.config.secrets import Secret

SCHEMES: Final = ("v", "v2", "token", "query", "v1", "v2-header", "bearer", "jwt", "prosody")
"""Every way to sign a request, in the words of ``sign --scheme``."""


def _scheme(text: str) -> str:
    word = text.strip().lower()
    if word not in SCHEMES:
        raise ValueError(f"{text!r} is not a scheme: they are {', '.join(SCHEMES)}")
    return word


SECURITY_SECRET: Final = Option(
    key="security.secret",
    since=Generation.V2_X,
    kind=Secret(),
    default="",
    summary="The secret that upload URLs are signed with, the same as in the XMPP server. "
    "Without it, and without keys_file, the server does not start.",
    example="",
    aliases=(
        Alias(Generation.FIRST, "Secret"),
        Alias(Generation.V3_2, "auth.shared_secret"),
    ),
    reloadable=True,
    secret=True,
    in_effect=True,
)
SECURITY_KEYS_FILE: Final = Option(
    key="security.keys_file",
    since=Generation.V4,
    kind=OptionalPath(),
    default=None,
    summary="A TOML file with a ring of signing keys (id, secret, created, retire), so that keys "
    "can be changed while old URLs stay good. Without it secret alone is the ring.",
    example=pathlib.Path("/var/lib/hmac-file-server/keys.toml"),
    aliases=(Alias(Generation.V3_2, "key_rotation.key_storage"),),
    reloadable=True,
    in_effect=True,
)
SECURITY_SCHEMES: Final = Option(
    key="security.schemes",
    since=Generation.V4,
    kind=TextList("list of signature schemes", _scheme),
    default=SCHEMES,
    summary="Which ways to sign a request are accepted. Without it all are.",
    example=("v2", "prosody", "jwt"),
    reloadable=True,
    in_effect=True,
)
SECURITY_FILE_SHARE_SECRET: Final = Option(
    key="security.file_share_secret",
    since=Generation.V4,
    kind=Secret(),
    default="",
    summary="The secret of Prosody's mod_http_file_share. Without it secret is used.",
    example="",
    reloadable=True,
    secret=True,
    in_effect=True,
)
SECURITY_DELETE_SECRET: Final = Option(
    key="security.delete_secret",
    since=Generation.V4,
    kind=Secret(),
    default="",
    summary="The secret of Metronome's signed delete. Without it such requests are refused.",
    example="",
    reloadable=True,
    secret=True,
    in_effect=True,
)
SECURITY_SIGNATURE_MAX_AGE: Final = Option(
    key="security.signature_max_age",
    since=Generation.V4,
    kind=Duration(1),
    default=300.0,
    summary="How far the time in a signed header may be from now, either way. Without it 5 "
    "minutes.",
    example=60.0,
    reloadable=True,
    in_effect=True,
)
SECURITY_UNVERIFIED_BYTES: Final = Option(
    key="security.unverified_bytes",
    since=Generation.V4,
    kind=Size(),
    default=16 * 1024**2,
    summary="How much of one request may be stored before its signature can be checked, where "
    "that needs facts known at its end. Without it 16 MB.",
    example=1024**2,
    in_effect=True,
)
SECURITY_UNVERIFIED_BYTES_TOTAL: Final = Option(
    key="security.unverified_bytes_total",
    since=Generation.V4,
    kind=Size(),
    default=256 * 1024**2,
    summary="The same for all requests together. Without it 256 MB.",
    example=64 * 1024**2,
    in_effect=True,
)
SECURITY_ENABLEJWT: Final = Option(
    key="security.enablejwt",
    kind=Switch(),
    default=False,
    summary="Whether JSON Web Tokens are accepted by the version 3 interface and tus. Without it "
    "they are not.",
    example=True,
    aliases=(Alias(Generation.V3_2, "security.jwt_enabled"),),
    reloadable=True,
    in_effect=True,
)
SECURITY_JWTSECRET: Final = Option(
    key="security.jwtsecret",
    kind=Secret(),
    default="",
    summary="The secret that tokens are signed with. Without it no token is accepted.",
    example="",
    reloadable=True,
    secret=True,
    in_effect=True,
)
SECURITY_JWTALGORITHM: Final = Option(
    key="security.jwtalgorithm",
    kind=Choice(("HS256", "HS384", "HS512")),
    default="HS256",
    summary="The only algorithm that tokens may be signed with. Without it HS256.",
    example="HS512",
    reloadable=True,
    in_effect=True,
)
SECURITY_JWTEXPIRATION: Final = Option(
    key="security.jwtexpiration",
    kind=Duration(1),
    default=86400.0,
    summary="How long a token may be good altogether; one with a longer life is refused. Without "
    "it 24 hours.",
    example=3600.0,
    reloadable=True,
    in_effect=True,
)
SECURITY_JWT_ISSUER: Final = Option(
    key="security.jwt_issuer",
    since=Generation.V4,
    kind=Text(),
    default="hmac-file-server",
    summary="Who has to have issued a token that names an issuer. Without it hmac-file-server.",
    example="chat.example.org",
    reloadable=True,
    in_effect=True,
)
SECURITY_JWT_AUDIENCE: Final = Option(
    key="security.jwt_audience",
    since=Generation.V4,
    kind=TextList("list of audiences"),
    default=(),
    summary="For whom a token that names an audience has to be. Without it the public base URL "
    "and its host.",
    example=("files.example.org",),
    reloadable=True,
    in_effect=True,
)
SECURITY_ENCRYPTION_KEY_FILE: Final = Option(
    key="security.encryption_key_file",
    since=Generation.V4,
    kind=OptionalPath(),
    default=None,
    summary="A file with 32 bytes in hex or base64, the key that files are encrypted with on the "
    "disk. Without it files are stored as they come.",
    example=pathlib.Path("/etc/hmac-file-server/encryption.key"),
)
SECURITY_ENHANCED_SECURITY: Final = Option(
    key="security.enhanced_security",
    kind=Switch(),
    default=False,
    summary="Whether a client that goes on with an upload from another network, or after a long "
    "silence, has to send the credential again that began it, where that is in a header. Without "
    "it the URL of the upload is enough.",
    example=True,
    reloadable=True,
    in_effect=True,
)
SECURITY_CHALLENGE_ON_NETWORK_CHANGE: Final = Option(
    key="security.challenge_on_network_change",
    kind=Switch(),
    default=True,
    summary="Whether a change of address asks for the credential again, when enhanced_security is "
    "on. Without it it does.",
    example=False,
    reloadable=True,
    in_effect=True,
)
SECURITY_REAUTH_ON_LONG_STANDBY: Final = Option(
    key="security.reauth_on_long_standby",
    kind=Switch(),
    default=True,
    summary="Whether after a long silence a credential is asked for that is still good, when "
    "enhanced_security is on. Without it it is; else one that was good when the upload began is.",
    example=False,
    reloadable=True,
    in_effect=True,
)
SECURITY_STANDBY_THRESHOLD_MINUTES: Final = Option(
    key="security.standby_threshold_minutes",
    kind=Whole(1, 100_000),
    default=30,
    summary="After how many minutes without a byte the credential has to be sent again, when "
    "enhanced_security is on. Without it 30.",
    example=10,
    reloadable=True,
    in_effect=True,
)
SECURITY_LONG_STANDBY_THRESHOLD_HOURS: Final = Option(
    key="security.long_standby_threshold_hours",
    kind=Whole(1, 10_000),
    default=2,
    summary="How many hours without a byte are a long silence. Without it 2.",
    example=8,
    reloadable=True,
    in_effect=True,
)
SECURITY_REASK_SECRET_ENABLED: Final = Option(
    key="security.reask_secret_enabled",
    since=Generation.V4,
    kind=Switch(),
    default=False,
    summary="Whether secrets that come from files are read again from time to time. Without it "
    "they are read at start and at a reload.",
    example=True,
    aliases=(Alias(Generation.V1_0_5, "ReaskSecretEnabled"),),
    in_effect=True,
)
SECURITY_REASK_SECRET_INTERVAL: Final = Option(
    key="security.reask_secret_interval",
    since=Generation.V4,
    kind=Duration(1),
    default=86400.0,
    summary="How often secrets are read again from their files. Without it every 24 hours.",
    example=3600.0,
    aliases=(Alias(Generation.V1_0_5, "ReaskSecretInterval"),),
    in_effect=True,
)
KEY_ROTATION_ENABLED: Final = Option(
    key="key_rotation.enabled",
    kind=Switch(),
    default=False,
    summary="Whether a new signing key is made from time to time, in keys_file; the XMPP server "
    "has to be told it, and nothing changes for it before. Without it keys change by hand.",
    example=True,
    reloadable=True,
    in_effect=True,
)
KEY_ROTATION_ROTATION_INTERVAL: Final = Option(
    key="key_rotation.rotation_interval",
    kind=Duration(60),
    default=86400.0,
    summary="How often a new signing key is made, unless nobody signs with the last one yet. "
    "Without it every 24 hours.",
    example=7 * 86400.0,
    reloadable=True,
    in_effect=True,
)
KEY_ROTATION_GRACE_PERIOD: Final = Option(
    key="key_rotation.grace_period",
    kind=Duration(),
    default=86400.0,
    summary="How long an old signing key is accepted after the first signature with a new one "
    "(after the command, with keys rotate). Without it 24 hours.",
    example=3600.0,
    reloadable=True,
    in_effect=True,
)
KEY_ROTATION_PURGE_AGE: Final = Option(
    key="key_rotation.purge_age",
    since=Generation.V4,
    kind=Duration(),
    default=30 * 86400.0,
    summary="How long a key that is not accepted any more stays in keys_file, where keys list "
    "shows it. Without it 30 days.",
    example=7 * 86400.0,
    reloadable=True,
    in_effect=True,
)
