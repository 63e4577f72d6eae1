"""Tests of hmacfs.wire.lua_list."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.wire.lua_list import DEEPEST, MalformedList, items

# As Prosody 0.12 writes it.
WRITTEN = rb"""item({
	1.5;
	true;
	{
		["name"] = "x";
		["attr"] = {};
	};
	"text";
	["when"] = 1700000000;
	["attr"] = {
		["filename"] = "tr\195\168s \"x\" \\ \n\0011.jpg";
		["size"] = "12";
	};
	["with"] = "romeo@example.org";
});

""".replace(rb"\t", b"\t")


class ItemsTests(SynchronousTestCase):
    """``items``."""

    def test_items(self) -> None:
        """Fields come as they were, in tables and texts of any kind; nothing is no item."""
        name = 'très "x" \\ \n\x011.jpg'.encode()
        item = {
            b"when": 1700000000.0,
            b"attr": {b"filename": name, b"size": b"12"},
            b"with": b"romeo@example.org",
        }
        self.assertEqual([item, item], list(items(WRITTEN * 2)))
        self.assertEqual([], list(items(b"  \n")))
        self.assertEqual([{b"a": b"\n{A"}], list(items(rb'item({["a"] = "\n{\x41", nil, -2e3});')))

    def test_malformed(self) -> None:
        """What is cut off, or anything but constants, is told with its line; items before count."""
        for rest in (
            b"item({",
            b'item({["a"] = ',
            b'item({["a"] = "b',
            b"item(os.exit());",
            b"item(1);",
            b"item({1 2});",
            b"item({f});",
            b"item({0x});",
            b"return 1",
            b"item(" + (DEEPEST + 1) * b"{" + (DEEPEST + 1) * b"}" + b");",
        ):
            found = items(b"item({});\n" + rest)
            self.assertEqual({}, next(found))
            error = self.assertRaises(MalformedList, lambda found=found: list(found))
            self.assertEqual("line 2 is not understood", str(error))
