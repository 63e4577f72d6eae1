"""Tests of hmacfs.wire.form."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.errors import MalformedRequest
from hmacfs.base.values import DEFAULT_CONTENT_TYPE
from hmacfs.wire.form import (
    MAX_HEADER_LINE,
    MAX_HEADER_LINES,
    MAX_MARGIN,
    MAX_PARTS,
    FormEvent,
    FormParser,
    PartHead,
)
from tests.forms import BOUNDARY, CONTENT_TYPE, Part, form, joined


def events(body: bytes, step: int = 0, content_type: str = CONTENT_TYPE) -> list[FormEvent]:
    """Take a form apart that comes in pieces of so many bytes; bytes of a part are joined."""
    parser = FormParser(content_type)
    found: list[FormEvent] = []
    for start in range(0, len(body), step or len(body) or 1):
        for event in parser.parse(body[start : start + (step or len(body))]):
            if isinstance(event, bytes) and found and isinstance(found[-1], bytes):
                found[-1] += event
            else:
                found.append(event)
    parser.end()
    return found


def head_of(head: str) -> PartHead:
    """Return what is made of the head of a part."""
    found = events(joined([head.encode() + b"\r\n\r\nx"]))[0]
    assert isinstance(found, PartHead)
    return found


class FormParserTests(SynchronousTestCase):
    """What is found in a form, however it comes."""

    def test_parts(self) -> None:
        """Each part is its head, its bytes if there are any, and its end."""
        body = form(
            Part("timestamp", b"1800000000"),
            Part("file", b"\r\n--limit\r\n-", "a.png", "image/png"),
            Part("empty", b"", "e", ""),
        )
        self.assertEqual(
            events(body),
            [
                PartHead("timestamp", None),
                b"1800000000",
                None,
                PartHead("file", "a.png", "image/png"),
                b"\r\n--limit\r\n-",
                None,
                PartHead("empty", "e", DEFAULT_CONTENT_TYPE),
                None,
            ],
        )

    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["a", "file", "ü"]),
                st.binary(max_size=300) | st.sampled_from([b"\r\n--" + BOUNDARY.encode()[:9]] * 2),
                st.none() | st.sampled_from(["x.png", "фото.jpg", "a b;c=d.txt"]),
            ),
            max_size=5,
        ),
        st.integers(1, 100),
    )
    def test_any_chopping(self, parts: list[tuple[str, bytes, str | None]], step: int) -> None:
        """The pieces in which a form comes make no difference, and every part is found."""
        made = [Part(field, content, filename) for field, content, filename in parts]
        found = events(form(*made), step)
        self.assertEqual(found, events(form(*made)))
        heads = [event for event in found if isinstance(event, PartHead)]
        self.assertEqual(
            [(head.field, head.filename) for head in heads], [(f, n) for f, _, n in parts]
        )
        self.assertEqual(
            b"".join(event for event in found if isinstance(event, bytes)),
            b"".join(content for _, content, _ in parts),
        )

    def test_nothing(self) -> None:
        """A form may have no part."""
        self.assertEqual(events(form()), [])

    def test_around(self) -> None:
        """A little before the first boundary and after the last means nothing."""
        body = b"hello\r\n" + form(Part("a", b"1")) + b"\r\nbye"
        self.assertEqual(events(body, 7), events(form(Part("a", b"1"))))


class HeadTests(SynchronousTestCase):
    """The head of a part."""

    def test_names(self) -> None:
        """File names are as browsers and other clients write them."""
        for written, name in (
            ('filename="a.txt"', "a.txt"),
            ("filename=a.txt", "a.txt"),
            ('filename="фото.jpg"', "фото.jpg"),
            ('filename="a%22b%0D%0A.txt"', 'a"b\r\n.txt'),
            ('filename="a\\"b.txt"', 'a"b.txt'),
            ('filename="C:\\dir\\a.txt"', "a.txt"),
            ("filename*=UTF-8''%D1%84.jpg", "ф.jpg"),
            ("filename*=utf-8'en'a%20b.jpg", "a b.jpg"),
            ("filename*=utf-8''x; filename=y", "y"),
            ('filename=""', ""),
        ):
            head = head_of(f'Content-Disposition: form-data; name="file"; {written}')
            self.assertEqual(head.filename, name, written)

    def test_type(self) -> None:
        """The type is as it was written, parameters and all; without one it is any bytes."""
        disposition = 'Content-Disposition: form-data; name="file"; filename="a"'
        for line, kind in (
            ("\r\nContent-Type: Text/Plain; charset=utf-8", "Text/Plain; charset=utf-8"),
            ("\r\ncontent-type:image/png ", "image/png"),
            ("\r\nContent-Type:", DEFAULT_CONTENT_TYPE),
            ("", DEFAULT_CONTENT_TYPE),
        ):
            self.assertEqual(head_of(disposition + line).content_type, kind)

    def test_transfer_encoding(self) -> None:
        """Bytes are as they stand; a part that says otherwise is refused."""
        disposition = 'Content-Disposition: form-data; name="file"; filename="a"\r\n'
        self.assertEqual(head_of(f"{disposition}Content-Transfer-Encoding: binary").filename, "a")
        for encoding in ("base64", "quoted-printable", "x-evil"):
            with self.assertRaises(MalformedRequest):
                head_of(f"{disposition}Content-Transfer-Encoding: {encoding}")


class RefusalTests(SynchronousTestCase):
    """What is no form, and what is too much of one."""

    def refused(self, body: bytes, step: int = 0) -> None:
        """Fail unless a body is refused."""
        with self.assertRaises(MalformedRequest):
            events(body, step)

    def test_no_boundary(self) -> None:
        """Without a good boundary nothing can be read."""
        for parameters in (
            "",
            "; boundary=",
            '; boundary=""',
            "; boundary=" + "x" * 71,
            '; boundary="a\tb"',
            '; boundary="a "',
            "; boundary=ä",
        ):
            with self.assertRaises(MalformedRequest):
                FormParser(f"multipart/form-data{parameters}")

    def test_boundaries(self) -> None:
        """Every boundary that RFC 2046 allows is fine, quoted or not."""
        for boundary in ("x", "x" * 70, "----WebKitFormBoundaryA1b2", "a'()+_,-./:=?b", "a b"):
            quoted = f'multipart/form-data; charset=utf-8; boundary="{boundary}"'
            body = b"--" + boundary.encode() + b"--\r\n"
            self.assertEqual(events(body, 3, quoted), [])

    def test_broken(self) -> None:
        """A form that breaks its own rules is refused."""
        good = form(Part("a", b"1"))
        dashes = b"--" + BOUNDARY.encode()
        for body in (
            b"",
            b"x",
            good[:-8],
            good.replace(b"--\r\n", b"x"),
            good.replace(b"\r\n\r\n", b"\n\n"),
            dashes + b"\n" + good,
            dashes + b"\r\n\r\nno disposition\r\n" + dashes + b"--",
            dashes + b"\r\nContent-Disposition: attachment\r\n\r\n1\r\n" + dashes + b"--",
            dashes + b"\r\nContent-Disposition\r\n\r\n1\r\n" + dashes + b"--",
            dashes + b"\r\nContent-Disposition: form-data; name=\xff\r\n\r\n1\r\n" + dashes + b"--",
            good.replace(b"\r\n\r\n", b"\r\nContent-Length: 7\r\n\r\n"),
        ):
            for step in (0, 1):
                self.refused(body, step)

    def test_many_parts(self) -> None:
        """There may be a hundred parts, and not one more."""
        self.assertEqual(len(events(form(*[Part("a")] * MAX_PARTS))), 2 * MAX_PARTS)
        self.refused(form(*[Part("a")] * (MAX_PARTS + 1)))
        self.refused(form(*[Part("a")] * 10_000), 65536)

    def test_long_heads(self) -> None:
        """Lines of a head, and their number, are bounded before they end."""
        disposition = b'Content-Disposition: form-data; name="a"'
        parser = FormParser(CONTENT_TYPE)
        with self.assertRaises(MalformedRequest):
            for data in (
                f"--{BOUNDARY}\r\nX: ".encode(),
                *[b"x" * 1000] * (MAX_HEADER_LINE // 1000 + 1),
            ):
                list(parser.parse(data))
        lines = [disposition, *[b"X-A: b"] * MAX_HEADER_LINES]
        self.refused(joined([b"\r\n".join(lines) + b"\r\n\r\nx"]))
        self.assertEqual(len(events(joined([b"\r\n".join(lines[:-1]) + b"\r\n\r\nx"]))), 3)

    def test_long_margins(self) -> None:
        """What is before the first part, or after the last, is dropped, and bounded too."""
        for before in (b"x", form(Part("a", b"1"))):
            parser = FormParser(CONTENT_TYPE)
            list(parser.parse(before))
            with self.assertRaises(MalformedRequest):
                for _ in range(MAX_MARGIN // 1000 + 2):
                    list(parser.parse(b"x" * 1000))
