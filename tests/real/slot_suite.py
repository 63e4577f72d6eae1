"""What holds for slots of either protocol of Prosody, used as clients use them."""

from __future__ import annotations

import atexit
import functools
import itertools
import pathlib
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from typing import ClassVar, Final
from urllib.parse import quote, unquote, unquote_to_bytes, urlsplit

from twisted.trial.unittest import SkipTest

from tests.real.case import MEGABYTE, ServerCase, noise
from tests.real.client import Answer, ask, put
from tests.real.daemon import PATIENCE, SECRET
from tests.real.prosody import Component, Prosody
from tests.real.slots import Slot, Wish

NAMES: Final = (
    "hello.txt",
    "two words.txt",
    "one+two.txt",
    "100%.txt",
    "%41%2f%2e%2e.txt",
    "(1) & [2] {3} = 4;5,6:7@8$9!'*~.txt",
    "what?#no.txt",
    '"quoted" <b>.txt',
    "back\\slash.txt",
    "..",
    "...",
    "fünf Äpfel.jpg",
    "a\u0308 and \u00e4.jpg",
    "файл и ещё.pdf",
    "文件.png",
    "👩‍👩‍👧‍👦 😀.gif",
    "я" * 127 + "y",
)
REFUSED: Final = frozenset({".."})

ESCAPED_LETTER: Final = re.compile(rb"%[89A-Fa-f][0-9A-Fa-f]")

# Characters of a path that RFC 3986 lets stand for themselves.
PLAIN: Final = "!$&'()*+,;=:@/~"


def as_issued(url: str) -> bytes:
    """Return a URL as libcurl, Go and browsers' fetch send it."""
    return url.encode()


def normalised(url: str) -> bytes:
    """Return a URL as yarl (aiohttp, slixmpp) sends it: escaped where it must be, in capitals."""
    path, mark, query = url.partition("?")
    return (quote(unquote(path), safe=PLAIN) + mark + query).encode()


def fully_escaped(url: str) -> bytes:
    """Return a URL with every byte of its file name escaped."""
    path, mark, query = url.partition("?")
    folder, _, name = path.rpartition("/")
    escaped = "".join(f"%{byte:02x}" for byte in unquote(name).encode())
    return f"{folder}/{escaped}{mark}{query}".encode()


def raw(url: str) -> bytes:
    """Return a URL with its letters beyond ASCII as they are, as ejabberd issues them."""
    return ESCAPED_LETTER.sub(lambda found: unquote_to_bytes(found[0]), url.encode())


@functools.cache
def prosody_for(url: str, protocol: str) -> Prosody:
    """Start a Prosody for all tests of the server at a URL."""
    prosody = Prosody(
        [
            Component("prefix.localhost", f"{url}/upload/", SECRET, protocol),
            Component("bare.localhost", f"{url}/", SECRET, protocol),
        ]
    )
    atexit.register(prosody.stop)
    prosody.start()
    return prosody


SPELLINGS: Final[Sequence[Callable[[str], bytes]]] = (as_issued, normalised, fully_escaped, raw)


class SlotTests(ServerCase):
    """Prosody with two components that sign alike: below ``/upload/``, and right after the host."""

    protocol: ClassVar[str]

    def setUp(self) -> None:
        self.daemon = self.together()
        self.before = set(self.daemon.stored())
        self.prosody = prosody_for(self.daemon.base_url, self.protocol)

    def slots(self, wishes: Sequence[Wish], service: str = "prefix.localhost") -> list[Slot]:
        """Ask for slots, whose signatures may not be logged."""
        slots = self.prosody.slots(service, wishes)
        for slot in slots:
            scheme, _, made = urlsplit(slot.put).query.partition("=")
            self.assertEqual({"v1": "v", "v2": "v2"}[self.protocol], scheme)
            self.daemon.macs.add(made)
        return slots

    def slot(self, name: str, data: bytes, kind: str | None = None) -> Slot:
        """Ask for a slot for these bytes."""
        return self.slots([Wish(name, len(data), kind)])[0]

    def put(self, slot: Slot, data: bytes, kind: str | None = None) -> Answer:
        """Upload to a slot."""
        return put(self.daemon.port, self.target(slot.put), data, kind)

    def get(self, slot: Slot, method: str = "GET") -> Answer:
        """Download from a slot."""
        return ask(self.daemon.port, method, self.target(slot.get))

    def target(self, url: str) -> str:
        """Return what a client asks the server for."""
        self.assertTrue(url.startswith(f"{self.daemon.base_url}/"), url)
        return url.removeprefix(self.daemon.base_url)

    def assert_nothing_new(self) -> None:
        """Fail if the server has any file that it had not before the test, or any stage."""
        self.assertEqual(self.before, set(self.daemon.stored()))
        self.assertEqual([], self.daemon.stages())

    def test_names(self) -> None:
        """Whatever a file is called and however its URL is spelled, its bytes come back."""
        cases = list(itertools.product(NAMES, SPELLINGS))
        for service in ("prefix.localhost", "bare.localhost"):
            slots = self.slots([Wish(name, 20) for name, _ in cases], service)
            for number, ((name, spelled), slot) in enumerate(zip(cases, slots, strict=True)):
                case = (service, name, spelled.__name__)
                data = b"%20d" % number
                answer = put(self.daemon.port, spelled(self.target(slot.put)), data)
                self.assert_status(400 if name in REFUSED else 201, answer, case)
                if name not in REFUSED:
                    for target in (self.target(slot.get), spelled(self.target(slot.get))):
                        self.assert_comes_back(self.daemon, target, data)
        stored = 2 * len(SPELLINGS) * (len(NAMES) - len(REFUSED))
        self.assertEqual(stored, len(self.daemon.stored().keys() - self.before))
        self.assertEqual([], self.daemon.stages())

    def test_empty_file(self) -> None:
        """A file without bytes is a file."""
        slot = self.slot("empty.txt", b"")
        self.assert_status(201, self.put(slot, b""))
        answer = self.get(slot)
        self.assertEqual((200, b""), (answer.status, answer.body))
        self.assertEqual("0", answer.headers["content-length"])
        self.assert_status(201, self.put(slot, b""))

    def test_types(self) -> None:
        """The declared type comes back with the file; without one it is bytes."""
        kinds = (
            "image/jpeg",
            "text/plain; charset=utf-8",
            "application/x-iso9660-image",
            'multipart/mixed; boundary="a b"',
            "x-none/of-these+at.all",
        )
        slots = self.slots([Wish(f"file-{n}", 5, kind) for n, kind in enumerate(kinds)])
        for kind, slot in zip(kinds, slots, strict=True):
            self.assert_status(201, self.put(slot, b"hello", kind), kind)
            for method in ("GET", "HEAD"):
                self.assertEqual(kind, self.get(slot, method).headers["content-type"])
        untyped = self.slot("untyped", b"hello")
        self.assert_status(201, self.put(untyped, b"hello"))
        self.assertEqual("application/octet-stream", self.get(untyped).headers["content-type"])

    def test_used_again(self) -> None:
        """The same bytes may be sent to a slot again, as clients do; others are refused."""
        slot = self.slot("name", b"hello")
        self.assert_status(201, self.put(slot, b"hello"))
        self.assert_status(201, self.put(slot, b"hello"))
        self.assert_status(409, self.put(slot, b"HELLO"))
        self.assertEqual(b"hello", self.get(slot).body)

    def test_another_size(self) -> None:
        """A file of another size than the slot is for is refused."""
        slot = self.slot("name", b"hello")
        for data in (b"", b"hell", b"hello!"):
            self.assert_status(403, self.put(slot, data), data)
        self.assert_nothing_new()

    def test_another_name(self) -> None:
        """A slot is for its name alone."""
        one, two = self.slots([Wish("one", 5), Wish("two", 5)])
        mixed = urlsplit(one.put)._replace(query=urlsplit(two.put).query).geturl()
        self.assert_status(403, put(self.daemon.port, self.target(mixed), b"hello"))
        self.assert_nothing_new()

    def test_curl(self) -> None:
        """100 MB from curl, which waits for 100 Continue and declares no type, and back to it."""
        if shutil.which("curl") is None:
            raise SkipTest("there is no curl")
        here = self.directory()
        sent, received = here / "sent", here / "received"
        data = noise(100 * MEGABYTE)
        sent.write_bytes(data)
        slot = self.slot("hundred (MB) +.bin", data)
        self.assertEqual("201", curl(here / "answer", "--upload-file", str(sent), slot.put))
        self.assertEqual("200", curl(received, slot.get))
        self.assertEqual(data, received.read_bytes())
        self.assertEqual("206", curl(received, "--range", "99999990-100000009", slot.get))
        self.assertEqual(data[99_999_990:100_000_010], received.read_bytes())


def curl(output: pathlib.Path, *arguments: str) -> str:
    """Run curl and return the status of the answer, whose body is in the output file then."""
    command = ["curl", "--silent", "--show-error", "--globoff", "--write-out", "%{http_code}"]
    done = subprocess.run(
        [*command, "--output", str(output), *arguments],
        capture_output=True,
        text=True,
        timeout=3 * PATIENCE,
        check=False,
    )
    if done.returncode != 0:
        raise AssertionError(f"curl: {done.stderr}")
    return done.stdout
