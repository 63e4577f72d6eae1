"""Tests of hmacfs.wire.etags."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.wire.etags import EntityTag, TagList

STRONG_1, WEAK_1 = EntityTag("1"), EntityTag("1", weak=True)
STRONG_2, WEAK_2 = EntityTag("2"), EntityTag("2", weak=True)

OPAQUE = st.text(
    st.characters(min_codepoint=0x21, exclude_characters='"\x7f', exclude_categories=["Cs"])
)


def tags() -> st.SearchStrategy[EntityTag]:
    """Make tags that are valid."""
    return st.builds(EntityTag, OPAQUE, st.booleans())


class EntityTagTests(SynchronousTestCase):
    """Tests of EntityTag."""

    def test_comparison(self) -> None:
        """Tags compare as the table of RFC 9110, 8.8.3.2, says."""
        for left, right, strongly, weakly in (
            (WEAK_1, WEAK_1, False, True),
            (WEAK_1, WEAK_2, False, False),
            (WEAK_1, STRONG_1, False, True),
            (STRONG_1, WEAK_1, False, True),
            (STRONG_1, STRONG_1, True, True),
            (STRONG_1, STRONG_2, False, False),
        ):
            seen = (left.equals_strongly(right), left.equals_weakly(right))
            self.assertEqual(seen, (strongly, weakly), (left, right))

    def test_of_content(self) -> None:
        """The tag of a content is strong and the digest that sha256sum prints."""
        tag = EntityTag.of_content(hashlib.sha256(b"abc").digest())
        expected = '"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"'
        self.assertEqual(str(tag), expected)
        self.assertFalse(tag.weak)

    def test_both_ways(self) -> None:
        """Tags are written as they are read."""
        for text, tag in (
            ('"xyzzy"', EntityTag("xyzzy")),
            ('W/"xyzzy"', EntityTag("xyzzy", weak=True)),
            ('""', EntityTag("")),
            ('"a,b\\"', EntityTag("a,b\\")),
            ('"é"', EntityTag("é")),
        ):
            self.assertEqual(EntityTag.parse(text), tag)
            self.assertEqual(str(tag), text)

    def test_not_a_tag(self) -> None:
        """What has no quotes, a space or a control character in them is no tag."""
        for text in (
            "",
            "xyzzy",
            '"xyzzy',
            'xyzzy"',
            "'xyzzy'",
            'w/"xyzzy"',
            'W/ "xyzzy"',
            "W/xyzzy",
            '"a b"',
            '"a\tb"',
            '"a\x7f"',
            '"a""b"',
            ' "a"',
            '"a"\n',
            '"a", "b"',
            "*",
        ):
            self.assertIsNone(EntityTag.parse(text), text)

    @given(tags())
    def test_round_trip(self, tag: EntityTag) -> None:
        """Whatever can be written can be read."""
        self.assertEqual(EntityTag.parse(str(tag)), tag)


class TagListTests(SynchronousTestCase):
    """Tests of TagList."""

    def test_valid(self) -> None:
        """Lists are read with white space and empty elements in them (5.6.1)."""
        for header, expected in (
            ('"xyzzy"', ["xyzzy"]),
            ('"xyzzy", "r2d2xxxx", "c3piozzzz"', ["xyzzy", "r2d2xxxx", "c3piozzzz"]),
            ('"a","b"', ["a", "b"]),
            ('"a"\t ,\t"b" ', ["a", "b"]),
            (', ,"a",,"b",', ["a", "b"]),
            ('"a,b", "c"', ["a,b", "c"]),
            ("", []),
            (",", []),
        ):
            read = TagList.parse(header)
            self.assertEqual([tag.opaque for tag in read.tags], expected, header)
            self.assertFalse(read.any_content)

    def test_weak_and_strong(self) -> None:
        """Each tag of a list is weak or strong by itself."""
        self.assertEqual(TagList.parse('W/"1", "1"').tags, (WEAK_1, STRONG_1))

    def test_asterisk(self) -> None:
        """The asterisk stands for every content, also where tags are not told."""
        every = TagList.parse("*")
        for tag in (STRONG_1, WEAK_1, None):
            self.assertTrue(every.has_strongly(tag))
            self.assertTrue(every.has_weakly(tag))

    def test_unreadable(self) -> None:
        """A value that cannot be read names no content, not even by its readable part."""
        for header in (
            "1",
            '"1" "1"',
            '"1"; "1"',
            '"1", 1',
            '*, "1"',
            '"1", *',
            "*, *",
            "* ",
            '"1',
            'w/"1"',
            '"1"\n',
        ):
            self.assertEqual(TagList.parse(header), TagList(), header)

    def test_has(self) -> None:
        """A list has a tag that one of its tags equals."""
        for header, tag, strongly, weakly in (
            ('"1", "2"', STRONG_2, True, True),
            ('"1", W/"2"', STRONG_2, False, True),
            ('"1"', STRONG_2, False, False),
            ('"1", "2"', WEAK_2, False, True),
            ('"1"', None, False, False),
            ("", STRONG_1, False, False),
        ):
            read = TagList.parse(header)
            seen = (read.has_strongly(tag), read.has_weakly(tag))
            self.assertEqual(seen, (strongly, weakly), (header, tag))

    def test_long_and_broken(self) -> None:
        """A long value that turns out to be broken at its end is not slow to refuse."""
        for header in (
            ", " * 20_000 + "x",
            '"a"' + " " * 40_000 + "x",
            '"a" , \t' * 10_000 + '"',
            '"' * 40_001,
        ):
            self.assertEqual(TagList.parse(header), TagList())

    @given(st.lists(tags()), st.sampled_from([",", ", ", " ,\t", ",,", ", , "]))
    def test_round_trip(self, listed: list[EntityTag], separator: str) -> None:
        """Whatever tags are joined with commas can be read."""
        header = separator.join(str(tag) for tag in listed)
        self.assertEqual(TagList.parse(header), TagList(tuple(listed)))
