"""Joined messages: exactly one way of splitting each is accepted."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.auth import joined
from hmacfs.base.errors import SignatureAmbiguous
from tests.auth.scheme_suite import PROPERTY, UPLOAD_ID

NAMES = st.text(alphabet="ab. mp3g4z7/x0129", min_size=1, max_size=12)
TYPES = st.text(alphabet="imagetxaudio/; =+.1p", min_size=1, max_size=16)


def takes_size(name: str, size: int) -> bool:
    """Tell whether name and size are accepted together."""
    try:
        joined.check_name_and_size(name, size)
    except SignatureAmbiguous:
        return False
    return True


def takes_type(name: str, content_type: str) -> bool:
    """Tell whether name and type are accepted together."""
    try:
        joined.check_name_and_type(name, content_type)
    except SignatureAmbiguous:
        return False
    return True


class NameAndSizeTests(SynchronousTestCase):
    """``check_name_and_size``."""

    def test_plain_names(self) -> None:
        """A name that does not end in a digit is accepted with any size."""
        for name in ("a.txt", "photo.jpg", "README", "archive.7z", "2023", "x1.tar.gz"):
            self.assertEqual(name != "2023", takes_size(name, 0))
            self.assertEqual(name != "2023", takes_size(name, 1048576))

    def test_names_that_end_in_a_digit(self) -> None:
        """Only known extensions may end in a digit, in either case."""
        for name in ("a.mp3", "song.MP3", "film.mp4", "clip.3g2", "list.m3u8"):
            self.assertTrue(takes_size(name, 123))
        for name in ("img_0001", "report.2023", "mp3", "a.mp5", "a.mp33", "disc.r00"):
            self.assertFalse(takes_size(name, 123))

    def test_the_other_split(self) -> None:
        """Where a longer name is possible the shorter one is refused, genuine or not."""
        for size in (1, 12, 123, 1234):
            self.assertTrue(takes_size("photo.mp4", size))
        self.assertFalse(takes_size("photo.mp", 4123))
        self.assertTrue(takes_size("photo.mp", 5123))

    def test_zeros(self) -> None:
        """A size of nothing is one digit; no other size begins with a zero."""
        self.assertTrue(takes_size("a.mp4", 0))
        self.assertFalse(takes_size("a.mp", 40))
        self.assertTrue(takes_size("a.mp", 400))
        self.assertTrue(takes_size("a.mp", 4))

    def test_spaces(self) -> None:
        """A name that ends in a space is refused: with its size it would be the message of v."""
        self.assertFalse(takes_size("a ", 5))

    @PROPERTY
    @given(NAMES, st.integers(0, 10**6))
    def test_one_split(self, name: str, size: int) -> None:
        """Of all splits of a message at most one is accepted."""
        message = f"{name}{size}"
        splits = [
            end
            for end in range(1, len(message))
            if message[end:].isdigit()
            if str(int(message[end:])) == message[end:]
            if takes_size(message[:end], int(message[end:]))
        ]
        self.assertLessEqual(len(splits), 1)

    def test_many_digits(self) -> None:
        """A name of a thousand digits is judged, and refused."""
        self.assertFalse(takes_size("1" * 1024, 5))


class NameAndTypeTests(SynchronousTestCase):
    """``check_name_and_type``."""

    def test_registered(self) -> None:
        """Types below a registered top-level type are accepted, parameters and case included."""
        for kind in ("text/plain", "image/png", "Application/pdf", "text/plain; charset=utf-8"):
            self.assertTrue(takes_type("a.txt", kind))

    def test_unregistered(self) -> None:
        """Other top-level types are refused, and what is no type at all."""
        for kind in ("ttext/plain", "xtext/plain", "chemical/x-pdb", "", "text", "/plain", "text/"):
            self.assertFalse(takes_type("a", kind))

    def test_slash(self) -> None:
        """A name with a slash is refused: it could hold the beginning of a type."""
        self.assertFalse(takes_type("a.txttext/plain; x=", "image/png"))
        self.assertTrue(takes_type("a.txt", "text/plain; x=image/png"))

    def test_other_messages(self) -> None:
        """A type that would make the message that of another scheme is refused."""
        for kind in (
            "text/plain; 5",
            "text/plain; ",
            "text/plain ",
            "text/x\0005\0a/b",
            "text/x\n",
        ):
            self.assertFalse(takes_type("a.txt", kind))
        self.assertTrue(takes_type("a.txt", "text/plain; x=5"))

    def test_no_type_ends_in_another(self) -> None:
        """No registered top-level type is the end of another, on which the rule relies."""
        for one in joined.TOP_LEVEL_TYPES:
            for other in joined.TOP_LEVEL_TYPES - {one}:
                self.assertFalse(one.endswith(other))

    @PROPERTY
    @given(NAMES, TYPES)
    def test_one_split(self, name: str, content_type: str) -> None:
        """Of all splits of a message at most one is accepted."""
        message = name + content_type
        splits = [end for end in range(1, len(message)) if takes_type(message[:end], message[end:])]
        self.assertLessEqual(len(splits), 1)


class ShapeTests(SynchronousTestCase):
    """Timestamps and upload ids."""

    def test_timestamp(self) -> None:
        """A timestamp has ten digits."""
        self.assertEqual(1642678800, joined.timestamp("1642678800"))

    def test_no_timestamp(self) -> None:
        """Nothing else is a timestamp."""
        for text in (
            "",
            "164267880",
            "16426788000",
            "1642678800.0",
            "+642678800",
            "٣" * 10,
            "1642678800\n",
        ):
            self.assertRaises(SignatureAmbiguous, joined.timestamp, text)

    def test_upload_id(self) -> None:
        """An upload id is a UUID in either case, of any version."""
        self.assertEqual(UPLOAD_ID, joined.upload_id(UPLOAD_ID))
        self.assertEqual(UPLOAD_ID, joined.upload_id(UPLOAD_ID.upper()))

    def test_no_upload_id(self) -> None:
        """Nothing else is an upload id."""
        short = UPLOAD_ID.replace("-", "")
        for text in (
            "",
            short,
            UPLOAD_ID[1:],
            f"0{UPLOAD_ID}",
            f"{{{UPLOAD_ID}}}",
            UPLOAD_ID + "\n",
            "g" + UPLOAD_ID[1:],
        ):
            self.assertRaises(SignatureAmbiguous, joined.upload_id, text)
