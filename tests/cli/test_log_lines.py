"""What is logged, as lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import LogEvent, LogLevel, formatEventAsClassicLogText
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.cli.log_lines import RESERVED, json_line, notice, text_line


def event(log_format: str, **fields: object) -> LogEvent:
    """Make what a Logger emits."""
    return {
        "log_format": log_format,
        "log_level": LogLevel.info,
        "log_namespace": "hmacfs.web.site",
        "log_time": 1_800_000_000.25,
        **fields,
    }


def failure() -> Failure:
    """Make a failure with a traceback."""
    try:
        raise ValueError("broken")
    except ValueError:
        return Failure()


class TextTests(SynchronousTestCase):
    """``text_line``."""

    def test_form(self) -> None:
        """A line has the time, the origin, the level and the text."""
        line = text_line(event("hello {name}", name="you"))
        assert line is not None
        self.assertRegex(line, r"\A2027-01-1\dT\d\d:\d\d:\d\d[+-]\d{4} \[hmacfs.web.site#info\] ")
        self.assertTrue(line.endswith("] hello you\n"))

    def test_one_line(self) -> None:
        """What has lines of its own cannot look like another line of the log."""
        line = text_line(event("{text}", text="first\n2027-01-15T08:00:00+0000 [-] forged"))
        assert line is not None
        self.assertEqual([part[:1] for part in line.splitlines()[1:]], ["\t"])

    def test_hidden(self) -> None:
        """What a terminal would obey or not show is escaped; what it shows is not."""
        line = text_line(event("{text}", text="\x1b[2J\x0b\x85\u202e\ud800 C:\\é\t雪"))
        assert line is not None
        self.assertTrue(line.endswith("] \\x1b[2J\\x0b\\x85\\u202e\\ud800 C:\\é\t雪\n"), line)

    def test_nothing(self) -> None:
        """What has no text has no line."""
        self.assertIsNone(text_line({}))

    @given(
        st.sampled_from(
            [
                "",
                "{a}",
                "{a!r:>9}{b}",
                "{b()}",
                "{a.b}",
                "{0}",
                "{missing}",
                "{a",
                "{{{a}}}",
                "{a:{b}}",
            ]
        ),
        st.text(st.sampled_from("xé{\n")) | st.floats(),
        st.sets(st.sampled_from(["log_time", "log_level", "log_namespace", "log_failure"])),
        st.floats(1.7e9, 1.9e9),
    )
    def test_as_twisted(self, form: str, value: object, odd: set[str], logged_at: float) -> None:
        """The quick way to a line ends where Twisted's does."""
        logged = {**event(form, a=value, b=len), "log_time": logged_at}
        for key in odd - {"log_failure"}:
            del logged[key]
        if "log_failure" in odd:
            logged["log_failure"] = failure()
        expected = formatEventAsClassicLogText(logged)
        self.assertEqual(text_line(logged), expected)


class JsonTests(SynchronousTestCase):
    """``json_line``."""

    def document(self, logged: LogEvent) -> dict[str, Any]:
        """Make a line and read it again."""
        line = json_line(logged)
        assert line is not None
        self.assertEqual(line.count("\n"), 1)
        self.assertTrue(line.endswith("\n"))
        document: dict[str, Any] = json.loads(line)
        return document

    def test_form(self) -> None:
        """An object has the time in UTC, the level, the origin, the text, and its fields."""
        logged = event("{method} {uri} {status}", method="GET", uri="/ж", status=200)
        self.assertEqual(
            self.document(logged),
            {
                "time": "2027-01-15T08:00:00.250Z",
                "level": "info",
                "system": "hmacfs.web.site",
                "text": "GET /ж 200",
                "method": "GET",
                "uri": "/ж",
                "status": 200,
            },
        )
        self.assertIn("/ж", json_line(logged) or "")

    def test_hidden(self) -> None:
        """What a terminal would obey or not show is escaped, and read again as it was."""
        logged = event("{text}", text="\x9b2J\u202e\U000e0001 é")
        self.assertTrue((json_line(logged) or "\n")[:-1].isprintable())
        self.assertEqual(self.document(logged)["text"], "\x9b2J\u202e\U000e0001 é")

    def test_only_what_the_text_shows(self) -> None:
        """A field that is not part of the text is left out: it may be a secret, or anything."""
        logged = event("{a} and {b.c}", a=1, b=Path("x"), secret="s3cret", request=object())
        document = self.document({**logged, "b": LogLevel})
        self.assertEqual(set(document), {"time", "level", "system", "text", "a"})

    def test_values(self) -> None:
        """Numbers, truth and nothing stay what they are; the rest is text, as it was shown."""
        shown = {"i": 1, "f": 0.5, "t": True, "n": None, "p": Path("/x"), "e": ValueError("no")}
        document = self.document(event("{i}{f}{t}{n}{p}{e}{x!r}", **shown, x="y"))
        expected = {"i": 1, "f": 0.5, "t": True, "n": None, "p": "/x", "e": "no", "x": "y"}
        self.assertEqual({name: document[name] for name in expected}, expected)

    def test_no_numbers(self) -> None:
        """What JSON has no number for is text."""
        for value in (float("nan"), float("inf"), float("-inf")):
            self.assertEqual(self.document(event("{n}", n=value))["n"], str(value))

    def test_reserved(self) -> None:
        """No field takes the place of what every object has."""
        for name in RESERVED:
            with_it = self.document(event(f"x{{{name}}}", **{name: "forged"}))
            without = self.document(event("xforged"))
            self.assertEqual(with_it, without, name)

    def test_of_twisted(self) -> None:
        """What Twisted says of an event is no field of it, though it stand in the text."""
        document = self.document(event("{log_text}", log_text="listening"))
        self.assertEqual(document["text"], "listening")
        self.assertNotIn("log_text", document)

    def test_failure(self) -> None:
        """A failure has its traceback, in the same line."""
        document = self.document(event("it broke", log_failure=failure()))
        self.assertEqual(document["text"], "it broke")
        self.assertIn("ValueError: broken", document["traceback"])
        self.assertIn("test_log_lines.py", document["traceback"])

    def test_unformattable(self) -> None:
        """An event that cannot be formatted is a line all the same."""
        for wrong in ("{nothing}", "{", "{a!z}"):
            self.assertIn("Unable to format event", self.document(event(wrong, a=1))["text"])
        self.assertEqual(self.document({**event(""), "log_format": b"bytes"})["text"], "bytes")

    def test_bare(self) -> None:
        """What has no time, level or origin says so; what has no text has no line."""
        document = self.document({"log_format": "x"})
        self.assertEqual(document, {"time": None, "level": None, "system": None, "text": "x"})
        self.assertIsNone(json_line({}))

    @given(st.text(st.characters(codec=None)), st.text())
    def test_any_text(self, text: str, other: str) -> None:
        """Whatever a text holds, it comes back whole, from bytes of UTF-8 in one line."""
        line = json_line(event("x{text_}{other}", text_=text, other=other))
        assert line is not None
        raw = line.encode("utf-8", "backslashreplace")
        self.assertEqual(raw.count(b"\n"), 1)
        document = json.loads(raw.decode("utf-8"))
        # Two halves of one character that meet are that character.
        expected = (
            ("x" + text + other).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        )
        got = document["text"].encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        self.assertEqual(got, expected)


class NoticeTests(SynchronousTestCase):
    """``notice``."""

    def test_both_forms(self) -> None:
        """What the log says of itself has the form of all lines, and is a warning."""
        text = notice(text_line, "a {brace}", "hmacfs.cli.logs", 1_800_000_000.0)
        self.assertTrue(text.endswith(" [hmacfs.cli.logs#warn] a {brace}\n"))
        document = json.loads(notice(json_line, "a", "hmacfs.cli.logs", 1_800_000_000.0))
        self.assertEqual((document["level"], document["text"]), ("warn", "a"))
