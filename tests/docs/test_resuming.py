"""The examples of docs/resuming take uploads up again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.docs.documents import ROOT, examples
from tests.web.wire import NOW, SECRET, TERMS, Response, Server, request

DIRECTORY = ROOT / "docs" / "resuming"


class ResumingTests(SynchronousTestCase):
    """One page a dialect."""

    def setUp(self) -> None:
        self.server = Server(Path(self.mktemp()))
        self.answers: list[int] = []

    def send(
        self, method: str, target: str, headers: Mapping[str, object], body: bytes | None = None
    ) -> Response:
        """Send a request, and read the answer."""
        lines = [f"{name}: {value}" for name, value in headers.items()]
        answer = self.server.ask(method, target, lines, body)
        self.answers.append(answer.status)
        return answer

    def broken(
        self, method: str, target: str, headers: Mapping[str, object], body: bytes
    ) -> Response | None:
        """Send the beginning of a request, and lose the connection; tell what came before that."""
        conversation = self.server.connect()
        lines = [f"{name}: {value}" for name, value in headers.items()]
        conversation.send(request(method, target, lines) + body)
        told = conversation.response("HEAD") if conversation.output() else None
        conversation.lose()
        return told

    def test_examples(self) -> None:
        """Each page has an example, whose last request stores the file."""
        seen = set()
        stored = 0
        for example in examples("python"):
            if not example.where.startswith("docs/resuming/"):
                continue
            assert TERMS.jwt is not None
            scope = {
                "SECRET": SECRET.encode(),
                "JWT_SECRET": TERMS.jwt.keys[0].secret,
                "NOW": int(NOW),
                "send": self.send,
                "broken": self.broken,
            }
            exec(compile(example.text, example.where, "exec"), scope)  # noqa: S102 - our own
            # tus answers the last part with 204.
            expected = 204 if "Tus-Resumable" in example.text else 201
            self.assertEqual(self.answers[-1], expected, example.where)
            stored += 1
            files = self.successResultOf(self.server.index.page("", 10))
            self.assertEqual(len(files), stored, example.where)
            seen.add(Path(example.where.partition(":")[0]))
        self.assertEqual(seen, {page.relative_to(ROOT) for page in DIRECTORY.glob("*.rst")})
