"""TLS contexts."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.service.tls import CertificateRefused, load
from tests.service.certificates import make_certificate


class LoadTests(SynchronousTestCase):
    """``load``."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp())
        self.certificate, self.key = make_certificate(self.directory, "one")

    def refusal(self, certificate: Path, key: Path) -> str:
        """Tell why the files are refused."""
        return str(self.assertRaises(CertificateRefused, load, certificate, key))

    def test_pair(self) -> None:
        """A certificate and its key make a context."""
        self.assertIsNotNone(load(self.certificate, self.key))

    def test_missing(self) -> None:
        """A file that is not there is named."""
        missing = self.directory / "missing.pem"
        expected = f"cannot read {missing}: No such file or directory"
        self.assertEqual(self.refusal(missing, self.key), expected)
        self.assertEqual(self.refusal(self.certificate, missing), expected)

    def test_other_key(self) -> None:
        """A key of another certificate is refused."""
        _, other = make_certificate(self.directory, "two")
        self.assertIn("are no certificate and its key", self.refusal(self.certificate, other))

    def test_nonsense(self) -> None:
        """A file that is no PEM is refused."""
        self.certificate.write_text("nonsense", encoding="ascii")
        self.assertIn(str(self.certificate), self.refusal(self.certificate, self.key))
