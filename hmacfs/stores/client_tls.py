"""
TLS to a server of which we know the name, and which must prove it.

Twisted's own ``optionsForClientTLS`` lets a certificate pass that has no
subjectAltName at all: it reckons with ``VerificationError`` and not with the
``CertificateError`` that service-identity raises then.
"""

from __future__ import annotations

from functools import partial
from ipaddress import ip_address
from pathlib import Path

from OpenSSL import SSL, crypto
from service_identity.hazmat import DNS_ID, IPAddress_ID, verify_service_identity
from service_identity.pyopenssl import extract_patterns
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.ssl import CertificateOptions, TLSVersion, platformTrust
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from hmacfs.stores.interfaces import StoreRefused


@implementer(IOpenSSLClientConnectionCreator)
class CheckedName:
    """
    Lets only those servers pass that have a good certificate for a name.

    :param host: the name or the address that must be among its subjectAltNames.
    :param ca_file: who may vouch for it, in PEM; without it whom the system trusts.
    :raises StoreRefused: if that file cannot be used.
    """

    def __init__(self, host: str, ca_file: Path | None) -> None:
        try:
            ip_address(host)
        except ValueError:
            self._name: bytes | None = host.encode("idna")
            self._wanted: DNS_ID | IPAddress_ID = DNS_ID(self._name.decode())
        else:
            self._name, self._wanted = None, IPAddress_ID(host)
        self._context = _context(ca_file)

    def clientConnectionForTLS(  # noqa: N802 - of the interface
        self,
        tlsProtocol: TLSMemoryBIOProtocol,  # noqa: N803 - of the interface
    ) -> SSL.Connection:
        """Begin a connection; see :class:`IOpenSSLClientConnectionCreator`."""
        connection = SSL.Connection(self._context, None)
        if self._name is not None:
            connection.set_tlsext_host_name(self._name)
        mode = SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT
        connection.set_verify(mode, partial(self._check, tlsProtocol))
        return connection

    def _check(
        self,
        protocol: TLSMemoryBIOProtocol,
        _connection: SSL.Connection,
        certificate: crypto.X509,
        _error: int,
        depth: int,
        ok: int,
    ) -> bool:
        if not ok:
            return False
        # OpenSSL does not see an exception: whatever happens must end in an answer.
        try:
            if depth == 0:
                verify_service_identity(extract_patterns(certificate), [self._wanted], [])
        except Exception:
            protocol.failVerification(Failure())
            return False
        return True


def _context(ca_file: Path | None) -> SSL.Context:
    if ca_file is None:
        return CertificateOptions(
            trustRoot=platformTrust(), raiseMinimumTo=TLSVersion.TLSv1_2
        ).getContext()
    context = CertificateOptions(raiseMinimumTo=TLSVersion.TLSv1_2).getContext()
    try:
        context.load_verify_locations(str(ca_file))
    except SSL.Error as error:
        raise StoreRefused(f"{ca_file} holds no certificates in PEM that can be read") from error
    return context
