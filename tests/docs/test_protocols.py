"""The examples of docs/protocols are requests that the server grants."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.auth.sign import SIGNERS
from tests.docs.documents import ROOT, examples
from tests.web.wire import NOW, SECRET, TERMS, Server, mac_v

DIRECTORY = ROOT / "docs" / "protocols"
GRANTED = {"PUT": 201, "POST": 201, "GET": 200, "DELETE": 204}


class ProtocolTests(SynchronousTestCase):
    """One page a scheme."""

    def test_pages(self) -> None:
        """Every scheme has a page, and every page is one of a scheme."""
        pages = {path.stem for path in DIRECTORY.glob("*.rst")} - {"index"}
        self.assertEqual(pages, set(SIGNERS))
        index = (DIRECTORY / "index.rst").read_text(encoding="utf-8")
        for page in pages:
            self.assertIn(f"`{page} <{page}.rst>`_", index)

    def test_examples(self) -> None:
        """Each page has an example, whose request is granted under the scheme of the page."""
        assert TERMS.jwt is not None
        seen = set()
        for example in examples("python"):
            if not example.where.startswith("docs/protocols/"):
                continue
            scope: dict[str, Any] = {
                "SECRET": SECRET.encode(),
                "JWT_SECRET": TERMS.jwt.keys[0].secret,
                "DELETE_SECRET": TERMS.delete_secret.encode(),
                "NOW": int(NOW),
            }
            exec(compile(example.text, example.where, "exec"), scope)  # noqa: S102 - our own
            server = Server(Path(self.mktemp()), require_auth=True)
            name = "stored/photo.jpg"
            server.ask("PUT", f"/upload/{name}?v={mac_v(name, 7)}", (), b"content")
            headers = [f"{key}: {value}" for key, value in scope["headers"].items()]
            response = server.ask(scope["method"], scope["target"], headers, scope["body"])
            self.assertEqual(response.status, GRANTED[scope["method"]], example.where)
            seen.add(Path(example.where.partition(":")[0]).stem)
        self.assertEqual(seen, set(SIGNERS))
