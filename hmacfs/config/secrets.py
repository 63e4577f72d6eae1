"""Kinds of options that hold secrets, and the samples that nobody may use."""

from __future__ import annotations

import re
from typing import Final

from attrs import frozen

from hmacfs.config.kinds import Plain, describe

SAMPLES: Final = frozenset(
    {
        "f6g4ldPvQM7O2UTFeBEUUj33VrXypDAcsDt0yqKrLiOr5oQW",
        "stellar-wisdom-orbit-echo",
        "a-orc-and-a-humans-is-drinking-ale",
        "changeme",
        "mysecret",
        "network-switching-resilience-secret-key",
        "default-secret-change-me",
        "example-secret-key",
        "hmac-file-server-is-the-win",
        "mobile-network-resilience-secret-key",
    }
)
"""Secrets printed in documents, sample files and programs."""

_SAMPLE_PATTERN: Final = re.compile(
    r"(your[-_ ]|change[-_ ]?(this|me)).*", re.IGNORECASE | re.DOTALL
)
_REFERENCE: Final = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}")

_SAMPLES_IN_LOWER_CASE: Final = frozenset(sample.lower() for sample in SAMPLES)


def is_sample(secret: str) -> bool:
    """Tell whether a document prints this secret, or says to change it."""
    return (
        secret.strip().lower() in _SAMPLES_IN_LOWER_CASE
        or _SAMPLE_PATTERN.fullmatch(secret.strip()) is not None
    )


def _expect_secret(given: object) -> str:
    # Never shows the value: problems end up in logs.
    if not isinstance(given, str):
        raise ValueError(f"this is {describe(given)}, where a secret in quotes belongs")
    if re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", given):
        raise ValueError("this secret has line breaks or control characters")
    if _REFERENCE.fullmatch(given):
        raise ValueError(
            "this is a reference or a placeholder, and the file is not expanded: use the "
            "environment variable or the key that ends in _file"
        )
    return given


@frozen
class Secret:
    """A secret that signs; empty means none. Samples are refused."""

    noun: str = "secret"

    def parse(self, given: object) -> str:
        """Take a secret nobody has printed."""
        secret = _expect_secret(given)
        if is_sample(secret):
            raise ValueError(
                "this is a sample secret that documents print, so anybody could sign with it: "
                'make your own with "openssl rand -hex 32"'
            )
        return secret

    def parse_text(self, text: str) -> str:
        """Take the secret itself."""
        return self.parse(text)

    def plain(self, value: str) -> Plain:
        """Return the value itself."""
        return value


@frozen
class Password:
    """What another server asks of us; it decides what is good enough."""

    noun: str = "password"

    def parse(self, given: object) -> str:
        """Take any line of text."""
        return _expect_secret(given)

    def parse_text(self, text: str) -> str:
        """Take the password itself."""
        return self.parse(text)

    def plain(self, value: str) -> Plain:
        """Return the value itself."""
        return value
