"""The names of routes."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.events import RequestEnded
from hmacfs.web.root import Root
from hmacfs.web.routes import pattern
from tests.web.wire import Server


class PatternTests(SynchronousTestCase):
    """``pattern``."""

    def test_variables(self) -> None:
        """Variable parts are in braces, whatever converts them."""
        for rule, expected in (
            ("/health", "/health"),
            ("/<any_path:path>", "/{path}"),
            ("/api/v3/upload/<sid>/chunks/<int:n>", "/api/v3/upload/{sid}/chunks/{n}"),
            ("/x/<string(length=2):code>/", "/x/{code}/"),
        ):
            self.assertEqual(pattern(rule), expected)


class RoutingKleinTests(SynchronousTestCase):
    """``RoutingKlein``, under the tree of URLs."""

    def setUp(self) -> None:
        self.server = Server(Path(self.mktemp()))
        self.ended: list[RequestEnded] = []
        self.server.events.listen(RequestEnded, self.ended.append)

    def route(self, method: str, target: str) -> str:
        """Tell the route that a request takes."""
        self.server.ask(method, target)
        return self.ended.pop().route

    def test_routes(self) -> None:
        """A request knows its route and nothing of what it filled in."""
        self.assertEqual(self.route("GET", "/health"), "/health")
        self.assertEqual(self.route("GET", "/upload/a/b"), "/{path}")
        self.assertEqual(self.route("PUT", "/upload/a/b"), "/{path}")
        self.assertEqual(self.route("OPTIONS", "*"), "/{path}")

    def test_no_route(self) -> None:
        """A request that cannot be read, or has a method that nothing takes, has none."""
        self.assertEqual(self.route("GET", "/%"), "")
        self.assertEqual(self.route("BREW", "/coffee"), "")

    def test_every_route_has_a_pattern(self) -> None:
        """No pattern of the tree shows how werkzeug converts a part."""
        for rule in Root.app.url_map.iter_rules():
            self.assertRegex(pattern(rule.rule), r"\A(/|/[^<>:]+)\Z")
