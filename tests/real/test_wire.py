"""Requests that are wrong in their lines, headers, lengths and chunks, byte by byte.

Each gets its exact answer, writes nothing, breaks nothing for others, and leaves no traceback.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from tests.real.case import KILOBYTE, ServerCase
from tests.real.client import Answer

DATA: Final = b"hello"
HEADER_LIMIT: Final = 16 * KILOBYTE

BAD_REQUEST_LINES: Final = (
    b"GET",
    b"GET /",
    b"GET / HTTP/1.1 more",
    b"GET / HTTP/1.1 ",
    b" GET / HTTP/1.1",
    b"GET  / HTTP/1.1",
    b"GET\t/\tHTTP/1.1",
    b"GET / HTTP/2.0",
    b"GET / HTTP/11",
    b"GET / http/1.1",
    b"GET / FTP/1.1",
    b"GET /a b HTTP/1.1",
    b"GET /a\0b HTTP/1.1",
    b"GET /a\x01b HTTP/1.1",
    b"GET /a\rb HTTP/1.1",
    b"G\0T / HTTP/1.1",
    b"(GET) / HTTP/1.1",
    "GÉT / HTTP/1.1".encode(),
    b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03",
    b"SSH-2.0-OpenSSH_9.2",
)

BAD_HEADERS: Final = (
    b"no colon",
    b": no name",
    b"two words: x",
    b"Space-Before-Colon : x",
    b"Nul: a\0b",
    b"Carriage-Return: a\rb",
    "Näme: x".encode(),
    b"(Name): x",
    b"N\0me: x",
)

BAD_HOSTS: Final = (
    b"",
    b"Host: one\r\nHost: two\r\n",
    b"Host: same\r\nhost: same\r\n",
    "Host: bücher.example\r\n".encode(),
    b"Host: two words\r\n",
    b"Host: name/path\r\n",
    b"Host: user@name\r\n",
    b"Host: name:port\r\n",
    b"Host: [::1\r\n",
)

BAD_LENGTHS: Final = (
    b"Content-Length: -5",
    b"Content-Length: +5",
    b"Content-Length: 5.0",
    b"Content-Length: 0x5",
    b"Content-Length: 5e0",
    b"Content-Length: five",
    b"Content-Length: 5 5",
    b"Content-Length: 5, 5",
    b"Content-Length: 5;",
    b'Content-Length: "5"',
    b"Content-Length:",
    "Content-Length: \u0665".encode(),
    b"Content-Length: " + b"9" * 19,
    b"Content-Length: " + b"9" * 5000,
    b"Content-Length: 5\r\nContent-Length: 5",
    b"Content-Length: 5\r\nContent-Length: 6",
    b"Content-Length: 0\r\nContent-Length: 5",
    b"Content-Length: 5\r\nTransfer-Encoding: chunked",
    b"Transfer-Encoding: chunked\r\nContent-Length: 5",
    b"Content-Length: 0\r\nTransfer-Encoding: chunked",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    b"Transfer-Encoding: chunked, chunked",
    b"Transfer-Encoding: gzip, chunked",
    b"Transfer-Encoding: chunked, gzip",
    b"Transfer-Encoding: identity",
    b"Transfer-Encoding: xchunked",
    b"Transfer-Encoding: \x0bchunked",
    b"Transfer-Encoding:",
)

BAD_CHUNKS: Final = (
    b"\r\n",
    b"zz\r\nhello\r\n0\r\n\r\n",
    b"-5\r\nhello\r\n0\r\n\r\n",
    b"+5\r\nhello\r\n0\r\n\r\n",
    b"0x5\r\nhello\r\n0\r\n\r\n",
    b" 5\r\nhello\r\n0\r\n\r\n",
    b"5 \r\nhello\r\n0\r\n\r\n",
    b"5_0\r\nhello\r\n0\r\n\r\n",
    "\u0665\r\nhello\r\n0\r\n\r\n".encode(),
    b"5\r\nhello0\r\n\r\n",
    b"5\r\nhelloXX0\r\n\r\n",
    b"5\nhello\r\n0\r\n\r\n",
    b"5;a=\0b\r\nhello\r\n0\r\n\r\n",
    b"5;" + b"a" * 100_000 + b"\r\nhello\r\n0\r\n\r\n",
    b"5\r\nhello\r\n0\r\nName: " + b"a" * 100_000 + b"\r\n\r\n",
)


class BadRequestTests(ServerCase):
    """One server, to which one connection after another brings a bad request."""

    def setUp(self) -> None:
        self.daemon = self.start({"server": {"max_header_bytes": HEADER_LIMIT}})
        self.target = self.daemon.target("name", len(DATA)).encode()

    def check(self, status: int, raw: bytes, *, kept: bool = False) -> Answer:
        """Fail unless a connection is answered with this status, and is kept or closed."""
        with self.connect(self.daemon) as connection:
            connection.send(raw)
            answer = connection.answer()
            self.assert_status(status, answer, raw[:200])
            self.assertEqual(kept, not answer.closes, repr(raw[:200]))
            ended = connection.works() if kept else connection.is_closed()
            self.assertTrue(ended, repr(raw[:200]))
        return answer

    def assert_all_is_well(self) -> None:
        """Fail if a request left something, or the server does not work any more."""
        self.assert_nothing_stored(self.daemon)
        with self.connect(self.daemon) as connection:
            self.assert_status(201, connection.put(self.target, DATA))
        self.assert_comes_back(self.daemon, self.daemon.place("name"), DATA)

    def check_all(self, status: int, raws: Iterable[bytes], *, kept: bool = False) -> None:
        """Check requests with one answer, and then that all is well."""
        for raw in raws:
            self.check(status, raw, kept=kept)
        self.assert_all_is_well()

    def put(self, headers: bytes, body: bytes = b"") -> bytes:
        """Return an upload whose signature is good, with these header lines."""
        return b"PUT %s HTTP/1.1\r\nHost: test\r\n%s\r\n\r\n%s" % (self.target, headers, body)

    def test_request_lines(self) -> None:
        """A request line that cannot be read is refused with 400 and ends the connection."""
        self.check_all(400, (line + b"\r\nHost: test\r\n\r\n" for line in BAD_REQUEST_LINES))

    def test_headers(self) -> None:
        """A header line that cannot be read is refused with 400 and ends the connection."""
        request = b"GET /health HTTP/1.1\r\nHost: test\r\n%s\r\n\r\n"
        self.check_all(400, (request % line for line in BAD_HEADERS))

    def test_headers_of_uploads(self) -> None:
        """The same header lines in an upload with a good signature, whose body is sent at once."""
        length = b"Content-Length: 5\r\n"
        self.check_all(400, (self.put(length + line, DATA) for line in BAD_HEADERS))

    def test_folded_first_header(self) -> None:
        """White space before the first header is refused: it continues nothing (RFC 9112, 2.2)."""
        self.check_all(400, [b"GET /health HTTP/1.1\r\n Host: test\r\n\r\n"])

    def test_hosts(self) -> None:
        """A request needs exactly one Host that makes sense; it can be told from the next one."""
        requests = (b"GET /health HTTP/1.1\r\n%s\r\n" % lines for lines in BAD_HOSTS)
        self.check_all(400, requests, kept=True)

    def test_codings(self) -> None:
        """A file in a content coding is refused on every way in, before its body is asked for."""
        requests = (
            *(b"PUT " + self.target, b"POST /upload?path=name", b"PUT /api/v3/chunk/1"),
            *(b"POST /api/v1/upload", b"POST /api/v2/upload", b"POST /api/v3/upload"),
            *(b"PUT /api/v3/upload/s/chunks/1", b"POST /files/", b"PATCH /files/s"),
        )
        codings = (b"gzip", b"identity, br", b"Aes128GCM", b"identity\r\nContent-Encoding: x")
        rest = b"Host: test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
        for request in requests:
            for coding in codings:
                raw = b"%s HTTP/1.1\r\nContent-Encoding: %s\r\n%s" % (request, coding, rest)
                answer = self.check(415, raw)
                self.assertEqual("identity", answer.headers["accept-encoding"])
        self.check_all(405, [b"PATCH / HTTP/1.1\r\nContent-Encoding: identity\r\n" + rest])
        length = b"Content-Length: 5\r\n"
        self.check(201, self.put(length + b"Content-Encoding: Identity", DATA), kept=True)

    def test_old_version(self) -> None:
        """HTTP/1.0 needs no Host; its connection ends with the answer."""
        with self.connect(self.daemon) as connection:
            connection.send(b"GET /health HTTP/1.0\r\n\r\n")
            self.assertTrue(connection.everything().startswith(b"HTTP/1.0 200 OK\r\n"))

    def test_too_long(self) -> None:
        """Request lines and headers over the limit are refused with 431."""
        many = b"".join(b"X-%d: x\r\n" % number for number in range(1000))
        self.check_all(
            431,
            (
                b"GET /" + b"a" * HEADER_LIMIT + b" HTTP/1.1\r\nHost: test\r\n\r\n",
                b"G" * HEADER_LIMIT * 2,
                b"GET /health HTTP/1.1\r\nLong: " + b"a" * HEADER_LIMIT + b"\r\n\r\n",
                b"GET /health HTTP/1.1\r\nLong: " + b"a" * HEADER_LIMIT * 2,
                b"GET /health HTTP/1.1\r\n" + b"Many: aaaaaaaaaa\r\n" * 400 * 4 + b"\r\n",
                b"GET /health HTTP/1.1\r\n" + many + b"\r\n",
                self.put(b"Content-Length: 5\r\nLong: " + b"a" * HEADER_LIMIT, DATA),
            ),
        )

    def test_just_short_enough(self) -> None:
        """Headers a little below the limit are read."""
        long = b"Long: " + b"a" * (HEADER_LIMIT - 200)
        with self.connect(self.daemon) as connection:
            connection.send(b"GET /health HTTP/1.1\r\nHost: test\r\n%s\r\n\r\n" % long)
            self.assert_status(200, connection.answer())
            self.assertTrue(connection.works())

    def test_lengths(self) -> None:
        """A length that is no number, is not the only one, or has no end, is refused with 400."""
        self.check_all(400, (self.put(lines, DATA) for lines in BAD_LENGTHS))

    def test_lengths_of_downloads(self) -> None:
        """The same lengths are refused in requests that should have no body."""
        request = b"GET /health HTTP/1.1\r\nHost: test\r\n%s\r\n\r\nhello"
        self.check_all(400, (request % lines for lines in BAD_LENGTHS))

    def test_too_large(self) -> None:
        """A length beyond the largest file is refused with 413, though it is signed."""
        size = 10**18 - 1
        target = self.daemon.target("large", size).encode()
        raw = b"PUT %s HTTP/1.1\r\nHost: test\r\nContent-Length: %d\r\n\r\n" % (target, size)
        self.check_all(413, [raw, raw + DATA])

    def test_leading_zeros(self) -> None:
        """A length may begin with zeros (RFC 9110, 8.6)."""
        with self.connect(self.daemon) as connection:
            connection.send(self.put(b"Content-Length: 0005", DATA))
            self.assert_status(201, connection.answer("PUT"))

    def test_no_length(self) -> None:
        """An upload in chunks that does not tell its size is refused with 411."""
        body = b"5\r\nhello\r\n0\r\n\r\n"
        self.check_all(411, [self.put(b"Transfer-Encoding: chunked", body[:3])])

    def test_sizes(self) -> None:
        """An X-File-Size that is no number of bytes is refused with 400."""
        line = b"Transfer-Encoding: chunked\r\nX-File-Size: "
        wrong = (b"", b"-5", b"+5", b"5.0", b"0x5", b"5, 5", b"five", b"9" * 19)
        self.check_all(400, (self.put(line + size) for size in wrong))

    def test_chunks(self) -> None:
        """A body whose chunks cannot be read is refused with 400, and nothing of it is kept."""
        line = b"Transfer-Encoding: chunked\r\nX-File-Size: 5"
        self.check_all(400, (self.put(line, body) for body in BAD_CHUNKS))

    def test_huge_chunks(self) -> None:
        """A chunk larger than any file is refused with 413 when more comes than was announced."""
        line = b"Transfer-Encoding: chunked\r\nX-File-Size: 5"
        sizes = (b"6", b"7FFFFFFF", b"8" + b"0" * 15, b"F" * 16, b"F" * 40)
        self.check_all(413, (self.put(line, size + b"\r\nhello!") for size in sizes))

    def test_good_chunks(self) -> None:
        """Chunks may have extensions and trailers, and sizes in either case with zeros before."""
        line = b"Transfer-Encoding: chunked\r\nX-File-Size: 5"
        bodies = (
            b"5\r\nhello\r\n0\r\n\r\n",
            b"005;name=value\r\nhello\r\n000;end\r\n\r\n",
            b"4\r\nhell\r\n1\r\no\r\n0\r\nTrailer: x\r\nOther: y\r\n\r\n",
        )
        for body in bodies:
            with self.connect(self.daemon) as connection:
                connection.send(self.put(line, body))
                self.assert_status(201, connection.answer("PUT"), body)
                self.assertTrue(connection.works(), repr(body))

    def test_methods(self) -> None:
        """A method that is not one of those known, in their case, gets 405 with Allow."""
        for method in (b"FOO", b"put", b"Get", b"TRACE", b"PROPFIND", b"PUT_", b"!#$%&'*+-.^_`|~"):
            raw = b"%s %s HTTP/1.1\r\nHost: test\r\n\r\n" % (method, self.target)
            answer = self.check(405, raw, kept=True)
            self.assertLessEqual({"GET", "HEAD", "PUT", "OPTIONS"}, allowed(answer.headers))
            body = raw[:-2] + b"Content-Length: 5\r\n\r\nhello"
            with self.connect(self.daemon) as connection:
                connection.send(body)
                self.assert_status(405, connection.answer(), body)
        self.assert_all_is_well()


def allowed(headers: Mapping[str, str]) -> set[str]:
    """Return the methods that an answer allows."""
    return {method.strip() for method in headers["allow"].split(",")}
