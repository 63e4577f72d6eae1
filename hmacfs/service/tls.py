"""TLS with a certificate that can be exchanged while connections are open."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from OpenSSL import SSL
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.internet.ssl import CertificateOptions, TLSVersion
from zope.interface import implementer


class CertificateRefused(Exception):
    """The certificate or its key cannot be used; the message says why."""


def load(certificate: Path, key: Path) -> SSL.Context:
    """
    Make a TLS context of at least TLS 1.2 from PEM files.  Blocks.

    :param certificate: the certificate and its chain.
    :raises CertificateRefused: if the files cannot be read or do not fit each other.
    """
    context = CertificateOptions(raiseMinimumTo=TLSVersion.TLSv1_2).getContext()
    for path in (certificate, key):
        try:
            path.read_bytes()
        except OSError as error:
            raise CertificateRefused(f"cannot read {path}: {error.strerror}") from error
    try:
        context.use_certificate_chain_file(str(certificate))
        context.use_privatekey_file(str(key))
        context.check_privatekey()
    except SSL.Error as error:
        reasons = "; ".join(reason for *_, reason in error.args[0]) if error.args else ""
        raise CertificateRefused(
            f"{certificate} and {key} are no certificate and its key: {reasons or 'unreadable'}"
        ) from error
    return context


@implementer(IOpenSSLServerConnectionCreator)
class Certificates:
    """Gives each new connection the context that is in force then."""

    def __init__(self, context: SSL.Context) -> None:
        self.context = context

    def serverConnectionForTLS(self, tlsProtocol: Any) -> SSL.Connection:  # noqa: N802, N803
        """Begin a connection; see :class:`IOpenSSLServerConnectionCreator`."""
        return SSL.Connection(self.context, None)
