"""Requests made up from the description of the API: none of them is an error of the server."""

from __future__ import annotations

import contextlib
import time
from itertools import product
from typing import Any

import jwt
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode

from tests.real.case import ServerCase
from tests.real.daemon import PATIENCE

EXAMPLES = 20
FINE = range(200, 500)
TOKEN_SECRET = "a secret for the tokens of these tests"


def authorization() -> dict[str, str]:
    """Make the header with a token that may do everything."""
    claims = {
        "sub": "somebody",
        "iss": "hmac-file-server",
        "exp": int(time.time()) + 3600,
        "scope": ["upload", "download", "delete"],
    }
    return {"Authorization": f"Bearer {jwt.encode(claims, TOKEN_SECRET, 'HS256')}"}


class FuzzTests(ServerCase):
    """Every operation of ``/api/openapi.json``."""

    def test_operations(self) -> None:
        """Right and wrong requests are answered as described, and errors by problem documents."""
        daemon = self.start({"security": {"enablejwt": True, "jwtsecret": TOKEN_SECRET}})
        origin = f"http://127.0.0.1:{daemon.port}"
        schema = schemathesis.openapi.from_url(f"{origin}/api/openapi.json")
        found = list(schema.get_all_operations())
        operations = [result.ok() for result in found if isinstance(result, Ok)]
        self.assertEqual(len(found), len(operations))
        self.assertGreater(len(operations), 10)
        for operation, mode in product(operations, GenerationMode):
            self.fuzz_as_all(origin, operation, mode)
        self.assertEqual([], daemon.faults())

    def fuzz_as_all(self, origin: str, operation: Any, mode: GenerationMode) -> None:
        """Ask as a stranger and as a friend, and for sessions that there are, if it is of one."""
        # What takes nothing can be given nothing wrong, whoever asks; to find that out takes long.
        with contextlib.suppress(Unsatisfiable):
            # Past the door only a genuine token leads.
            for credentials in ({}, authorization()):
                self.fuzz(operation, mode, credentials)
                if "{session}" in operation.path or "/chunk/" in operation.path:
                    # Nobody guesses the id of a session that there is.
                    self.fuzz(operation, mode, credentials, self.session(origin))

    def session(self, origin: str) -> str:
        """Begin an upload session and tell its id."""
        order: dict[str, str | int] = {"filename": "a.txt", "size": 3}
        answer = requests.post(
            f"{origin}/api/v3/upload", headers=authorization(), json=order, timeout=PATIENCE
        )
        self.assertEqual(201, answer.status_code)
        return str(answer.json()["session_id"])

    def fuzz(
        self, operation: Any, mode: GenerationMode, credentials: dict[str, str], session: str = ""
    ) -> None:
        """
        Ask for one operation in many ways, of a session if one is given.

        :raises Unsatisfiable: if there is none.
        """

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
            headers = dict(credentials)
            if session and "session" in (case.path_parameters or {}):
                case.path_parameters["session"] = session
            elif session:
                headers["X-Session-ID"] = session
            response = case.call(headers=headers)
            self.assertIn(response.status_code, FINE, case.as_curl_command())
            if response.status_code >= 400 and case.path.startswith("/api/"):
                kind = response.headers["content-type"][0]
                self.assertEqual("application/problem+json", kind, case.as_curl_command())

        ask()
