"""What targets name: nothing outside of the storage, and everything that a person may type."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from tests.real.case import ServerCase
from tests.real.client import Connection, ask, put

DATA: Final = b"hello"

# The target as it is sent, and the path that its signature is made over.
ESCAPES: Final = (
    (b"/upload/../x", b"../x"),
    (b"/upload/../../../../../../tmp/x", b"../../../../../../tmp/x"),
    (b"/upload/a/../x", b"a/../x"),
    (b"/upload/a/..", b"a/.."),
    (b"/upload/..", b".."),
    (b"/upload/./x", b"./x"),
    (b"/upload/a/./x", b"a/./x"),
    (b"/upload/.", b"."),
    (b"/upload/%2e%2e/x", b"../x"),
    (b"/upload/%2E%2E/x", b"../x"),
    (b"/upload/.%2e/x", b"../x"),
    (b"/upload/%2e./x", b"../x"),
    (b"/upload/%2e%2e%2fx", b"../x"),
    (b"/upload/..%2Fx", b"../x"),
    (b"/upload/a%2f..%2f..%2fx", b"a/../../x"),
    (b"/upload/%2e/x", b"./x"),
    (b"/%2e%2e/x", b"../x"),
    (b"/../x", b"../x"),
    (b"/upload/%c0%ae%c0%ae/x", b"\xc0\xae\xc0\xae/x"),
    (b"/upload/%c0%ae%c0%ae%c0%afx", b"\xc0\xae\xc0\xae\xc0\xafx"),
    (b"/upload/%e0%80%ae%e0%80%ae/x", b"\xe0\x80\xae\xe0\x80\xae/x"),
    (b"/upload/\xc0\xae\xc0\xae/x", b"\xc0\xae\xc0\xae/x"),
    (b"/upload//etc/x", b"/etc/x"),
    (b"/upload/%2fetc%2fx", b"/etc/x"),
    (b"/upload///x", b"//x"),
    (b"//x", b"/x"),
    (b"//etc/x", b"/etc/x"),
    (b"/upload/a//x", b"a//x"),
    (b"/upload/a/", b"a/"),
    (b"/upload/", b""),
    (b"/", b""),
    (b"/upload/a%00b", b"a\0b"),
    (b"/upload/%00", b"\0"),
    (b"/upload/a%0d%0ab", b"a\r\nb"),
    (b"/upload/a%09b", b"a\tb"),
    (b"/upload/a%7fb", b"a\x7fb"),
    (b"/upload/a\x7fb", b"a\x7fb"),
    (b"/upload/a%c2%85b", b"a\xc2\x85b"),
    (b"/upload/%ff", b"\xff"),
    (b"/upload/%ed%a0%80", b"\xed\xa0\x80"),
    (b"/upload/.hmacfs", b".hmacfs"),
    (b"/upload/.hmacfs/index.sqlite", b".hmacfs/index.sqlite"),
    (b"/upload/.hmacfs/stage/x", b".hmacfs/stage/x"),
    (b"/upload/.HMACFS/x", b".HMACFS/x"),
    (b"/upload/%2ehmacfs/x", b".hmacfs/x"),
    (b"/upload/" + b"a" * 256, b"a" * 256),
    (b"/upload/" + quote("я" * 128).encode(), ("я" * 128).encode()),
    (b"/upload/" + b"/".join([b"a" * 204] * 5) + b"b", b"/".join([b"a" * 204] * 5) + b"b"),
)

MALFORMED: Final = (
    b"/upload/%",
    b"/upload/a%",
    b"/upload/a%4",
    b"/upload/a%zz",
    b"/upload/a%4g",
    b"/upload/a%%41",
    b"/upload/a%u0041",
    b"/upload/a#b",
    b"/upload/a?%",
    b"/upload/a?v=%zz",
    b"/upload/a?v=%ff",
    b"/upload/a?v=1&v=2",
    b"/upload/a?v2=1&v2=1",
    b"/upload/a?v=1&%76=1",
    b"/upload/a?" + b"&".join(b"p%d=" % number for number in range(65)),
    b"upload/a",
    b"a",
    b"ftp://test/upload/a",
    b"file:///etc/passwd",
    b"test:80",
    b"?",
    b"..",
)

NAMES: Final = (
    "hello.txt",
    "two words.txt",
    "one + two.txt",
    "100%.txt",
    "100%25.txt",
    "%2e%2e/%2f",
    "+",
    "a?b",
    "a#b",
    "a&b=c;d",
    "a\\..\\b",
    "...",
    "..a",
    ".hidden",
    ".hmacfs2",
    "~",
    "(1) [2] {3} <4>",
    "\"quoted\" 'quoted'",
    "a:b|c*",
    "ünïcödé.png",
    "a\u0308 is not \u00e4",
    "файл и ещё.jpg",
    "文件.pdf",
    "👩‍👩‍👧‍👦 😀.gif",
    "\uff0e\uff0e",
    "\u202egnp.exe",
    "non\u00a0breaking",
    "a/b/c/d/e/f/g",
    "upload/upload/x",
    "health",
    "api/x",
    "b" * 255,
    "я" * 127 + "y",
    "😀" * 63 + "abc",
    "/".join(["c" * 204] * 5),
)


class NameTests(ServerCase):
    """One server, its files below ``/upload/``."""

    def setUp(self) -> None:
        self.daemon = self.start()
        self.connection = self.connect(self.daemon)

    def signed(self, target: bytes, path: bytes) -> bytes:
        """Return the target with a good signature over the path."""
        return target + b"?v2=" + self.daemon.sign(path, len(DATA)).encode()

    def test_escapes(self) -> None:
        """What leads out of the storage, or cannot be a name, is refused though it is signed."""
        for target, path in ESCAPES:
            with Connection(self.daemon.port) as connection:
                answer = connection.put(self.signed(target, path), DATA)
                self.assert_status(400, answer, target)
                self.assertTrue(connection.is_closed(), repr(target))
            unsigned, unknown = (403, 404) if is_text(path) else (400, 400)
            self.assert_status(unsigned, put(self.daemon.port, target, DATA), target)
            for method in ("GET", "HEAD"):
                self.assert_status(unknown, self.connection.request(method, target), target)
        self.assert_nothing_stored(self.daemon)

    def test_malformed(self) -> None:
        """A target that cannot be read is refused with 400, and the connection is kept."""
        for target in MALFORMED:
            for method in ("GET", "PUT", "OPTIONS"):
                answer = self.connection.request(method, target)
                self.assert_status(400, answer, (method, target))
                self.assertFalse(answer.closes)
        self.assertTrue(self.connection.works())
        self.assert_nothing_stored(self.daemon)

    def test_no_authority(self) -> None:
        """CONNECT is not spoken here."""
        self.assert_status(400, self.connection.request("CONNECT", b"test:80"))
        self.assertTrue(self.connection.works())

    def test_asterisk(self) -> None:
        """``*`` is the server as a whole, of which only OPTIONS tells something."""
        self.assert_status(200, self.connection.request("OPTIONS", b"*"))
        self.assert_status(400, self.connection.request("GET", b"*"))
        self.assert_status(400, self.connection.put(b"*", b""))
        self.assertTrue(self.connection.works())
        self.assert_nothing_stored(self.daemon)

    def test_names(self) -> None:
        """Every name that a file system can have is stored under it and comes back."""
        for name in NAMES:
            target = self.daemon.target(name, len(DATA))
            self.assert_status(201, self.connection.put(target, DATA), name)
            answer = self.connection.request("GET", self.daemon.place(name))
            self.assert_status(200, answer, name)
            self.assertEqual(DATA, answer.body, name)
        self.assertEqual(set(NAMES), set(self.daemon.stored()))
        self.assertEqual([], self.daemon.stages())

    def test_raw_names(self) -> None:
        """Names come as raw UTF-8 too, as ejabberd sends them, and are the same files."""
        for name in ("ünïcödé.png", "файл.jpg", "😀.gif", "я" * 127 + "y"):
            raw = f"/upload/{name}".encode()
            put = self.connection.put(self.signed(raw, name.encode()), DATA)
            self.assert_status(201, put, name)
            for target in (raw, self.daemon.place(name)):
                self.assertEqual(DATA, self.connection.request("GET", target).body, name)

    def test_one_decoding(self) -> None:
        """A name is decoded once, whatever is escaped in it; a plus is a plus."""
        for spelling in (
            b"upload/a+b.txt",
            b"upload/a%2bb.txt",
            b"upload/%61%2Bb%2etxt",
            b"a+b.txt",
        ):
            target = b"/" + spelling
            answer = self.connection.put(self.signed(target, b"a+b.txt"), DATA)
            self.assert_status(201, answer, target)
            self.assertEqual(DATA, self.connection.request("GET", target).body)
        self.assert_status(404, self.connection.request("GET", b"/upload/a%20b.txt"))
        self.assert_status(404, self.connection.request("GET", b"/upload/a%252bb.txt"))
        self.assertEqual(["a+b.txt"], list(self.daemon.stored()))

    def test_slash_in_escape(self) -> None:
        """An escaped slash is a slash, to the signature and to the storage alike."""
        target = self.signed(b"/upload/a%2Fb", b"a/b")
        self.assert_status(201, self.connection.put(target, DATA))
        self.assertEqual(DATA, self.connection.request("GET", b"/upload/a/b").body)

    def test_absolute_form(self) -> None:
        """A target with scheme and host, as proxies send it, means its path."""
        for start in (b"http://other:80", b"https://other", b"HTTP://user@other"):
            target = self.signed(start + b"/upload/a/b", b"a/b")
            self.assert_status(201, self.connection.put(target, DATA), start)
            got = self.connection.request("GET", start + b"/upload/a/b")
            self.assertEqual(DATA, got.body)
        escape = self.signed(b"http://other/upload/../x", b"../x")
        with Connection(self.daemon.port) as connection:
            self.assert_status(400, connection.put(escape, DATA))
        self.assertEqual(["a/b"], list(self.daemon.stored()))

    def test_file_and_folder(self) -> None:
        """A file cannot have the name of a folder, nor lie below a file."""
        for first, second in (("a/b", "a"), ("c", "c/d"), ("c", "c/d/e")):
            self.connection.put(self.daemon.target(first, len(DATA)), DATA)
            target = self.daemon.target(second, len(DATA))
            self.assert_status(409, put(self.daemon.port, target, DATA), second)
            self.assert_status(404, ask(self.daemon.port, "GET", self.daemon.place(second)))
        self.assertEqual({"a/b", "c"}, set(self.daemon.stored()))
        self.assertEqual([], self.daemon.stages())


class BareNameTests(ServerCase):
    """A server without a prefix, whose files lie at the top."""

    def test_reserved(self) -> None:
        """The first segments of the server's own URLs cannot begin a name; all others can."""
        daemon = self.start({"server": {"upload_prefix": ""}})
        for first in ("api", "files", "health", "download", "uploads", "thumbnail"):
            for name in (first, f"{first}/x"):
                target = daemon.target(name, len(DATA))
                # Which refusal is for the routes there to say.
                self.assertIn(put(daemon.port, target, DATA).status, range(400, 500), name)
        self.assert_nothing_stored(daemon)
        for name in ("upload/x", "healthy", "x/api", "API"):
            self.assert_status(201, put(daemon.port, daemon.target(name, len(DATA)), DATA), name)
            self.assert_comes_back(daemon, f"/{name}", DATA)


def is_text(path: bytes) -> bool:
    """Tell whether a path is UTF-8; if not, nothing else of the request is looked at."""
    try:
        path.decode()
    except UnicodeDecodeError:
        return False
    return True
