"""Certificates that sign themselves, for servers of the tests."""

from __future__ import annotations

import pathlib
import ssl
import subprocess

import attrs


@attrs.frozen
class Certificate:
    """A certificate for ``localhost`` and its key, in PEM files."""

    certificate: pathlib.Path
    key: pathlib.Path

    def trusting(self) -> ssl.SSLContext:
        """Return the context of a client that trusts this certificate alone."""
        context = ssl.create_default_context(cafile=self.certificate)
        context.set_alpn_protocols(["http/1.1"])
        return context

    @property
    def der(self) -> bytes:
        """The certificate as clients see it."""
        return ssl.PEM_cert_to_DER_cert(self.certificate.read_text(encoding="ascii"))

    def copied(self, directory: pathlib.Path) -> Certificate:
        """Return a copy in another directory."""
        copy = Certificate(directory / self.certificate.name, directory / self.key.name)
        copy.replace(self)
        return copy

    def replace(self, other: Certificate) -> None:
        """Put another certificate in the place of this one."""
        self.certificate.write_bytes(other.certificate.read_bytes())
        self.key.write_bytes(other.key.read_bytes())


def make(directory: pathlib.Path, name: str = "server") -> Certificate:
    """Make a certificate and its key in a directory."""
    made = Certificate(directory / f"{name}.crt", directory / f"{name}.key")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "30", "-subj", f"/CN={name}"),
            *("-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", made.key, "-out", made.certificate),
        ],
        capture_output=True,
        check=True,
    )
    return made
