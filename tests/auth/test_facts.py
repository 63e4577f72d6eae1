"""The facts of a request."""

from __future__ import annotations

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.auth.facts import PartFacts, RequestFacts
from hmacfs.base.errors import LengthRequired, MalformedRequest, NameRefused

FORM = RequestFacts(
    "POST", b"a", {"filesize": "5"}, {"content-type": "Multipart/Form-Data; boundary=x"}, 99
)


class RequestFactsTests(SynchronousTestCase):
    """``RequestFacts``."""

    def test_type_is_verbatim(self) -> None:
        """The declared type keeps its parameters, spaces and case: they are signed."""
        facts = RequestFacts("PUT", b"a", {}, {"content-type": "Text/Plain ;charset=UTF-8"}, 1)
        self.assertEqual("Text/Plain ;charset=UTF-8", facts.content_type)

    def test_type_absent(self) -> None:
        """Without Content-Type the type is application/octet-stream (XEP-0363, 8)."""
        facts = RequestFacts("PUT", b"a", {}, {}, 1)
        self.assertEqual("application/octet-stream", facts.content_type)

    def test_name(self) -> None:
        """The name is the path's."""
        facts = RequestFacts("PUT", "ordner/bücher.txt".encode(), {}, {}, 1)
        self.assertEqual(("ordner", "bücher.txt"), facts.name.segments)

    def test_path_that_is_no_name(self) -> None:
        """A path that leads outside is refused when the name is asked for."""
        facts = RequestFacts("PUT", b"../etc/passwd", {}, {}, 1)
        self.assertRaises(NameRefused, lambda: facts.name)

    def test_is_form(self) -> None:
        """A body of multipart/form-data is a form, whatever its parameters and case."""
        self.assertTrue(FORM.is_form)
        for kind in ("multipart/mixed; boundary=x", "text/plain", "x; multipart/form-data"):
            self.assertFalse(evolve(FORM, headers={"content-type": kind}).is_form)


class AnnouncedTests(SynchronousTestCase):
    """What is known of the file before the body."""

    def test_length_unknown(self) -> None:
        """The length of a body that is the file is required; that of a form is not."""
        facts = RequestFacts("PUT", b"a", {}, {"content-type": "text/plain"}, None)
        self.assertRaises(LengthRequired, lambda: facts.announced)
        self.assertEqual(PartFacts(size=5), evolve(FORM, length=None).announced)

    def test_body_is_the_file(self) -> None:
        """Length and type of a plain body are the file's; a parameter changes nothing."""
        facts = RequestFacts("PUT", b"a", {"filesize": "7"}, {"content-type": "text/plain"}, 5)
        self.assertEqual(PartFacts(content_type="text/plain", size=5), facts.announced)

    def test_form(self) -> None:
        """Of a form only the announced size is the file's."""
        self.assertEqual(PartFacts(size=5), FORM.announced)

    def test_form_without_size(self) -> None:
        """A form that announces nothing leaves all open."""
        self.assertEqual(PartFacts(), evolve(FORM, parameters={}).announced)

    def test_form_with_header(self) -> None:
        """X-File-Size announces the size too; the query is looked at first."""
        headers = {**FORM.headers, "x-file-size": "6"}
        self.assertEqual(PartFacts(size=5), evolve(FORM, headers=headers).announced)
        facts = evolve(FORM, headers=headers, parameters={})
        self.assertEqual(PartFacts(size=6), facts.announced)

    def test_no_number(self) -> None:
        """A size is written in decimal digits without a leading zero, and is below an exabyte."""
        for size in ("", "-1", "+1", "05", "1e3", "0x10", "5 ", "٣", "1" * 19):
            facts = evolve(FORM, parameters={"filesize": size})
            self.assertRaises(MalformedRequest, lambda facts=facts: facts.announced)
