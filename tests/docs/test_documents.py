"""What the documents say of files, flags and options is true."""

from __future__ import annotations

import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.cli.main import parser
from hmacfs.config.read import read_string
from tests.docs.documents import ROOT, documents, examples

LINK = re.compile(r"`[^`<]+ <([^>:]+)>`_")
FLAG = re.compile(r"(?<![\w-])(-[a-z]+(?:-[a-z]+)*)\b")


class TomlTests(SynchronousTestCase):
    """Examples of configurations."""

    def test_examples_load(self) -> None:
        """Every example of a configuration can be used as it stands."""
        secret = Path(self.mktemp()).resolve()
        secret.write_text("a secret that nobody has seen before\n", encoding="ascii")
        secret.chmod(0o600)
        seen = 0
        for example in examples("toml"):
            text = example.text
            for file in ("secret", "admin-token"):
                text = text.replace(f"/etc/hmac-file-server/{file}", str(secret))
            environ = {} if "secret" in example.text else {"HMAC_SECURITY_SECRET_FILE": str(secret)}
            settings = read_string(text, example.where, environ)
            self.assertEqual(settings.warnings, (), example.where)
            seen += 1
        self.assertGreaterEqual(seen, 2)


class ReferenceTests(SynchronousTestCase):
    """What the documents refer to."""

    def test_links(self) -> None:
        """Every file that a document links to is there."""
        for document in documents():
            for target in LINK.findall(document.read_text(encoding="utf-8")):
                path = (document.parent / target.partition("#")[0]).resolve()
                self.assertTrue(path.exists(), f"{document.relative_to(ROOT)}: {target}")

    def test_found(self) -> None:
        """Whoever reads README finds every document by links."""
        found: set[Path] = set()
        left = [ROOT / "README.rst"]
        while left:
            document = left.pop()
            if document not in found:
                found.add(document)
                for target in LINK.findall(document.read_text(encoding="utf-8")):
                    path = (document.parent / target.partition("#")[0]).resolve()
                    path = path / "index.rst" if path.is_dir() else path
                    left += [path] if path.suffix == ".rst" else []
        self.assertEqual({*documents(), ROOT / "docs/configuration.rst"} - found, set())

    def test_flags(self) -> None:
        """Every flag that a document gives to the command exists."""
        flags = {flag for action in parser()._actions for flag in action.option_strings}
        for document in documents():
            for line in document.read_text(encoding="utf-8").splitlines():
                _, named, rest = line.partition("hmac-file-server ")
                if named and "$" not in rest and "``" in line:
                    inside = rest.partition("``")[0]
                    for flag in FLAG.findall(inside):
                        self.assertIn(flag, flags, f"{document.relative_to(ROOT)}: {line}")
