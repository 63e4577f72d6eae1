"""Requests made up from the description of the API: none of them is an error of the server."""

from __future__ import annotations

import contextlib
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode

from tests.real.case import ServerCase

EXAMPLES = 20
FINE = {*range(200, 500), 501}


class FuzzTests(ServerCase):
    """Every operation of ``/api/openapi.json``."""

    def test_operations(self) -> None:
        """Right and wrong requests are answered as described, and errors by problem documents."""
        daemon = self.start({"security": {"enablejwt": True, "jwtsecret": "a secret for tokens"}})
        origin = f"http://127.0.0.1:{daemon.port}"
        schema = schemathesis.openapi.from_url(f"{origin}/api/openapi.json")
        found = list(schema.get_all_operations())
        operations = [result.ok() for result in found if isinstance(result, Ok)]
        self.assertEqual(len(found), len(operations))
        self.assertGreater(len(operations), 10)
        for operation in operations:
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

                @settings(
                    max_examples=EXAMPLES,
                    deadline=None,
                    derandomize=True,
                    database=None,
                    phases=(Phase.explicit, Phase.generate),
                    suppress_health_check=list(HealthCheck),
                )
                @given(case=operation.as_strategy(generation_mode=mode))
                def ask(case: Case[Any]) -> None:
                    response = case.call()
                    self.assertIn(response.status_code, FINE, case.as_curl_command())
                    if response.status_code >= 400 and case.path.startswith("/api/"):
                        kind = response.headers["content-type"][0]
                        self.assertEqual("application/problem+json", kind, case.as_curl_command())

                # What takes nothing can be given nothing wrong.
                with contextlib.suppress(Unsatisfiable):
                    ask()
        self.assertEqual([], daemon.faults())
