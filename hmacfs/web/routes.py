"""Klein that says which route a request took, and leaves paths as they are."""

from __future__ import annotations

import re
from typing import Any

from klein import Klein
from twisted.web.iweb import IRequest
from werkzeug.routing import BaseConverter

_VARIABLE = re.compile(r"<(?:[^:<>]+:)?([^<>]+)>")


def pattern(rule: str) -> str:
    """Write a rule of werkzeug as the documents write URLs: ``/<int:n>`` is ``/{n}``."""
    return _VARIABLE.sub(r"{\1}", rule)


class AnyPath(BaseConverter):
    """Matches whatever is left of a path, empty segments included."""

    regex = r"[\s\S]*"  # a dot would leave line feeds out
    part_isolating = False


class RoutingKlein(Klein):
    """Notes the pattern of the URL as the ``route`` of each request that has one."""

    def execute_endpoint(self, endpoint: str, request: IRequest, *args: Any, **kwargs: Any) -> Any:
        """Call the route, which the request then knows; of several URLs it is the first."""
        rule = next(self.url_map.iter_rules(endpoint))
        request.route = pattern(rule.rule)  # type: ignore[attr-defined]
        return super().execute_endpoint(endpoint, request, *args, **kwargs)
