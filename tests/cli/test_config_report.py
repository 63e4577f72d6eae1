"""Tests of hmacfs.cli.config_report."""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.cli.config_report import Report, as_json, effective
from hmacfs.cli.probes import Answer
from hmacfs.config import options
from hmacfs.config.checks.connectivity import Service, Target
from hmacfs.config.checks.findings import Finding, Weight
from hmacfs.config.network import Address
from hmacfs.config.options import TABLE
from hmacfs.config.problems import Problem
from tests.config.files import SECRET, load

TEXT = f"StoreDir = '/x'\n[redis]\nredispassword = '{SECRET}'\n[build]\nversion = '1'"


class EffectiveTests(SynchronousTestCase):
    """Tests of effective."""

    def test_lines(self) -> None:
        """Every option has a line with its value, its origin, and whether it does anything."""
        lines = list(effective(load(TEXT)))
        self.assertEqual(lines[0], "generation: 2.x")
        self.assertEqual(lines[1], 'old names: "StoreDir" = server.storage_path')
        self.assertIn('server.storage_path = "/x"  # config.toml:1:1 as "StoreDir"', lines)
        self.assertIn('logging.level = "info"  # default', lines)
        self.assertEqual(len(lines), len(TABLE) + 3)

    def test_secrets(self) -> None:
        """Secrets are told to be set, and not shown."""
        lines = list(effective(load(TEXT)))
        self.assertIn("security.secret is set  # environment variable HMAC_SECURITY_SECRET", lines)
        self.assertIn("s3.secret_key is not set  # default (not yet in effect)", lines)
        self.assertNotIn(SECRET, "\n".join(lines))

    def test_idle(self) -> None:
        """What was given and does nothing yet is named at the end."""
        given = [option for option in TABLE if not option.in_effect and not option.secret][:1]
        for option in given:
            environ = {option.variable: str(option.kind.plain(option.default))}
            *_, last = effective(load("", {"HMAC_SECRET": SECRET, **environ}))
            self.assertEqual(last, f"given, but not yet in effect: {option.key}")
        *_, last = effective(load(""))
        self.assertEqual(last, "given, but not yet in effect: nothing")


class JsonTests(SynchronousTestCase):
    """Tests of as_json."""

    def test_usable(self) -> None:
        """A configuration that can be used is there with all that was found."""
        target = Target(Service.REDIS, Address("r", 1), options.REDIS_REDISENABLED)
        report = Report(
            "f",
            load(TEXT),
            findings=(Finding("c", Weight.ADVICE, "m", "h", "p"),),
            answers=(Answer(target, False, "d"),),
        )
        content = json.loads(as_json(report))
        self.assertEqual((content["file"], content["valid"]), ("f", True))
        self.assertEqual(content["generation"], "2.x")
        self.assertEqual(content["warnings"][0]["line"], 5)
        self.assertEqual(
            content["settings"]["server.storage_path"],
            {
                "value": "/x",
                "origin": 'config.toml:1:1 as "StoreDir"',
                "in_effect": True,
                "reloadable": False,
            },
        )
        self.assertEqual(
            content["findings"],
            [{"check": "c", "weight": "advice", "message": "m", "hint": "h", "place": "p"}],
        )
        self.assertEqual(
            content["connections"], [{"target": "Redis at r:1", "fine": False, "detail": "d"}]
        )

    def test_secrets(self) -> None:
        """Secrets are told to be set, and not shown."""
        text = as_json(Report("f", load(TEXT)))
        self.assertNotIn(SECRET, text)
        self.assertIs(json.loads(text)["settings"]["redis.redispassword"]["set"], True)

    def test_unusable(self) -> None:
        """A configuration that cannot be used is there with its problems."""
        content = json.loads(as_json(Report("f", problems=(Problem("f", 1, 2, "m", "h"),))))
        self.assertEqual(
            content,
            {
                "file": "f",
                "valid": False,
                "problems": [{"file": "f", "line": 1, "column": 2, "message": "m", "hint": "h"}],
                "warnings": [],
                "findings": [],
                "connections": [],
            },
        )
