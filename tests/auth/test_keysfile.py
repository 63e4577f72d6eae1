"""The file of keys."""

from __future__ import annotations

import math

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.auth.keyring import Key, Keyring
from hmacfs.auth.keysfile import KeysFileWrong, merged, parse, render, retired, rotated
from tests.auth.scheme_suite import PROPERTY

TEXT = """
[[keys]]
id = "2026-11"
secret = "opensesame"
created = 2026-11-20T10:00:00Z
retire = 2026-12-20T11:00:00+01:00

[[keys]]
id = "always"
secret = "friend"
"""
CREATED = 1795168800.0
MONTH = 30 * 86400.0

IDS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}", fullmatch=True)
SECRETS = st.text(
    st.characters(min_codepoint=32, exclude_characters="\x7f", exclude_categories=["Cs"]),
    min_size=1,
)
TIMES = st.integers(0, 4_000_000_000).map(float)


@st.composite
def rings(draw: st.DrawFn) -> Keyring:
    """Make rings that a file can hold."""
    ids = draw(st.lists(IDS, min_size=1, max_size=4, unique=True))
    secrets = draw(st.lists(SECRETS, min_size=len(ids), max_size=len(ids), unique=True))
    keys = []
    for name, secret in zip(ids, secrets, strict=True):
        created = draw(st.just(-math.inf) | TIMES)
        life = draw(st.none() | TIMES)
        begin = max(created, 0.0)
        retire = None if life is None else begin + life / 2
        keys.append(Key(name, secret.encode(), created, retire))
    return Keyring(tuple(keys))


class ParseTests(SynchronousTestCase):
    """``parse``."""

    def refuse(self, text: str) -> str:
        """Fail unless the text is refused; return the sentence."""
        return str(self.assertRaises(KeysFileWrong, parse, text))

    def test_file(self) -> None:
        """A key has an id, a secret and, where they are told, times."""
        first, second = parse(TEXT)
        self.assertEqual(Key("2026-11", b"opensesame", CREATED, CREATED + MONTH), first)
        self.assertEqual(Key("always", b"friend", -math.inf, None), second)

    def test_empty(self) -> None:
        """A file without keys is one."""
        self.assertEqual((), parse(""))
        self.assertEqual((), parse("# none yet\n"))

    def test_no_toml(self) -> None:
        """What is not TOML is refused, with its place and without its secrets."""
        sentence = self.refuse('[[keys]]\nid = "a"\nsecret = "opensesame" friend\n')
        self.assertIn("line 3", sentence)
        self.assertNotIn("opensesame", sentence)

    def test_wrong_shape(self) -> None:
        """Other tables, and keys that are no list of tables, are refused."""
        self.assertIn("[[keys]]", self.refuse('[keys]\nid = "a"\nsecret = "b"\n'))
        for text in ("keys = 1", "keys = [1]", 'secret = "a"', "[[key]]\n"):
            self.refuse(text)

    def test_wrong_fields(self) -> None:
        """What a key lacks or has too much is named, and its secret is not."""
        good = {"id": '"a"', "secret": '"opensesame"'}
        cases = {
            "id": ({"id": '""'}, {"id": "1"}, {"id": '"a b"'}, {"id": f'"{"a" * 65}"'}),
            "secret": ({"secret": '""'}, {"secret": "1"}, {"secret": r'"a\nb"'}),
            "created": ({"created": "1"}, {"created": '"2026"'}, {"created": "2026-01-01"}),
            "retire": ({"retire": "2026-01-01T00:00:00"}, {"retire": "true"}),
            "retires": ({"retires": "2026-01-01T00:00:00Z"},),
        }
        for name, changes in cases.items():
            for change in changes:
                lines = [f"{key} = {value}" for key, value in {**good, **change}.items()]
                sentence = self.refuse("\n".join(["[[keys]]", *lines]))
                self.assertIn(f"'{name}'", sentence)
                self.assertNotIn("opensesame", sentence)

    def test_missing_fields(self) -> None:
        """Id and secret must be there."""
        self.assertIn("'secret'", self.refuse('[[keys]]\nid = "a"\n'))
        self.assertIn("key 1 has no 'id'", self.refuse('[[keys]]\nsecret = "opensesame"\n'))

    def test_wrong_order(self) -> None:
        """A key does not retire before it is created."""
        text = TEXT.replace("2026-12-20", "2025-12-20")
        self.assertIn("2026-11", self.refuse(text))
        at_once = TEXT.replace("2026-12-20T11:00:00+01:00", "2026-11-20T10:00:00Z")
        self.assertEqual(CREATED, parse(at_once)[0].retire)

    def test_twice(self) -> None:
        """Neither an id nor a secret is there twice."""
        self.assertIn("id", self.refuse(TEXT.replace("always", "2026-11")))
        sentence = self.refuse(TEXT.replace("friend", "opensesame"))
        self.assertIn("secret", sentence)
        self.assertNotIn("opensesame", sentence)

    @PROPERTY
    @given(rings())
    def test_round_trip(self, ring: Keyring) -> None:
        """What is written is read back."""
        self.assertEqual(ring.keys, parse(render(ring)))

    @PROPERTY
    @given(st.text(alphabet='[]keysidrtca ="\n#1', max_size=60))
    def test_anything(self, text: str) -> None:
        """Whatever is in the file, it is keys or a sentence."""
        try:
            keys = parse(text)
        except KeysFileWrong as error:
            self.assertNotEqual("", str(error))
        else:
            self.assertIsInstance(keys, tuple)


class MergeTests(SynchronousTestCase):
    """``merged``."""

    def test_alone(self) -> None:
        """The secret alone is a ring of one that never retires."""
        ring = merged("opensesame", ())
        self.assertEqual((b"opensesame",), ring.secrets())
        self.assertEqual(b"opensesame", ring.signing_key(0.0).secret)

    def test_beside_the_file(self) -> None:
        """A secret that the file does not list verifies, and signs until there is a newer key."""
        ring = merged("config secret", parse(TEXT))
        self.assertIn(b"config secret", ring.secrets(CREATED))
        self.assertEqual("2026-11", ring.signing_key(CREATED).id)
        first = merged("config secret", parse(TEXT)[:1])
        self.assertEqual("config", first.signing_key(CREATED - 1).id)

    def test_listed(self) -> None:
        """A secret that the file lists retires as the file says."""
        ring = merged("opensesame", parse(TEXT))
        self.assertEqual(2, len(ring.keys))
        self.assertIn(b"opensesame", ring.secrets(CREATED + MONTH - 1))
        self.assertNotIn(b"opensesame", ring.secrets(CREATED + MONTH))

    def test_file_alone(self) -> None:
        """Without a secret the file is the ring."""
        self.assertEqual(parse(TEXT), merged("", parse(TEXT)).keys)

    def test_nothing(self) -> None:
        """Without any key there is no ring."""
        self.assertRaises(KeysFileWrong, merged, "", ())

    def test_id_is_taken(self) -> None:
        """A secret that is new in the configuration gets an id that no key of the file has."""
        others = (Key("config", b"other"), Key("config-2", b"another"))
        ring = merged("opensesame", others)
        self.assertEqual([key.id for key in ring.keys], ["config", "config-2", "config-3"])


class RotateTests(SynchronousTestCase):
    """``rotated``."""

    FRESH = Key("fresh", b"fresh secret", created=1000.0)

    def test_rotates(self) -> None:
        """The new key signs at once; the old one verifies for the overlap, and no longer."""
        old = merged("opensesame", ())
        signature = old.sign(b"message")
        ring = rotated(old, self.FRESH, overlap=60.0)
        self.assertEqual("fresh", ring.signing_key(1000.0).id)
        self.assertTrue(ring.verifies(b"message", signature, 1059.9))
        self.assertFalse(ring.verifies(b"message", signature, 1060.0))

    def test_survives_the_file(self) -> None:
        """Written and merged again, the secret of the configuration stays retired."""
        ring = rotated(merged("opensesame", ()), self.FRESH, overlap=60.0)
        again = merged("opensesame", parse(render(ring)))
        self.assertEqual((b"fresh secret",), again.secrets(1060.0))

    def test_earlier_retirement_holds(self) -> None:
        """A key that would retire sooner does; one that would retire later does not."""
        soon, late = Key("soon", b"a", retire=1010.0), Key("late", b"b", retire=9999.0)
        ring = rotated(Keyring((soon, late)), self.FRESH, overlap=60.0)
        self.assertEqual([None, 1010.0, 1060.0], [key.retire for key in ring.keys])

    def test_taken(self) -> None:
        """A new key has a new id and a new secret."""
        old = Keyring((Key("fresh", b"a"),))
        self.assertRaises(KeysFileWrong, rotated, old, self.FRESH, 60.0)
        self.assertRaises(
            KeysFileWrong, rotated, old, evolve(self.FRESH, id="b", secret=b"a"), 60.0
        )

    @PROPERTY
    @given(rings(), st.lists(st.floats(0.0, 1e9), min_size=1, max_size=5))
    def test_always_a_key(self, ring: Keyring, steps: list[float]) -> None:
        """However often keys are rotated, there is one that signs, and it is the newest."""
        now = 4_000_000_000.0
        for number, step in enumerate(steps):
            now += step + 1.0
            fresh = Key(f"fresh:{number}", b"\xff%d" % number, created=now)
            if fresh.id in {key.id for key in ring.keys}:
                continue
            ring = rotated(ring, fresh, overlap=step)
            self.assertEqual(fresh, ring.signing_key(now))


class RetireTests(SynchronousTestCase):
    """``retired``."""

    RING = Keyring((Key("new", b"new"), Key("old", b"old")))

    def test_retires(self) -> None:
        """From that time on nothing that the key signed is good."""
        ring = retired(self.RING, "old", 100.0)
        self.assertEqual((b"new", b"old"), ring.secrets(99.9))
        self.assertEqual((b"new",), ring.secrets(100.0))

    def test_never_later(self) -> None:
        """A key that would retire sooner does."""
        ring = retired(retired(self.RING, "old", 50.0), "old", 100.0)
        self.assertEqual((b"new",), ring.secrets(50.0))

    def test_unknown(self) -> None:
        """A key that there is not cannot retire."""
        self.assertRaises(KeysFileWrong, retired, self.RING, "other", 100.0)

    def test_last(self) -> None:
        """The last key cannot retire, nor one beside which there are only keys to come."""
        ring = retired(self.RING, "old", 100.0)
        self.assertRaises(KeysFileWrong, retired, ring, "new", 100.0)
        coming = Keyring((Key("old", b"old"), Key("new", b"new", created=200.0)))
        self.assertRaises(KeysFileWrong, retired, coming, "old", 100.0)
        self.assertEqual((b"new",), retired(coming, "old", 200.0).secrets(200.0))
