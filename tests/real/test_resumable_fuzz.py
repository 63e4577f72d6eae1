"""Header fields made up for tus and the IETF's drafts: none of them is an error of the server."""

from __future__ import annotations

import re
import time
import uuid
from typing import Final

from attrs import frozen
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.real.case import ServerCase
from tests.real.wire import SECTIONS, RealServer
from tests.web.rufh_suite import ORIGIN
from tests.web.signing import credential
from tests.web.tus_rows import PART, V, checksum
from tests.web.wire import mac_v, request

EXAMPLES: Final = 120
FINE: Final = {*range(200, 500), 501}
BODY: Final = b"12345"
KEYS: Final = re.compile("TUS|RUFH")

JUNK: Final = st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=20)
NUMBERS: Final = st.sampled_from(["0", "3", "5", "10", "99", "-1", "5.0", "9" * 15, "9" * 40, "٣"])
BOOLEANS: Final = st.sampled_from(["?0", "?1", "?2", "1", "?1;a", "?0, ?1"])
DIGESTS: Final = st.sampled_from(
    ["sha-256=:AAAA:", "sha-256=abc", "md5=:AA==:", f"sha-256=:{'A' * 43}=:", "sha-512=1", "x"]
)
FIELDS: Final = {
    "Tus-Resumable": st.sampled_from(["1.0.0", "0.2.2", "1.0.0, 1.0.0"]),
    "X-HTTP-Method-Override": st.sampled_from(["PATCH", "HEAD", "DELETE", "GET", "OPTIONS", "x"]),
    "Upload-Offset": NUMBERS,
    "Upload-Length": NUMBERS,
    "Upload-Defer-Length": st.sampled_from(["1", "0"]),
    "Upload-Metadata": st.sampled_from(["filename eA==", "a,b", "filename //8=", ",", "a x"]),
    "Upload-Concat": st.sampled_from(["partial", "final;TUS", "final;TUS TUS RUFH", "final;", "x"]),
    "Upload-Checksum": st.sampled_from([checksum(BODY), checksum(b""), "sha1 AAAA", "md5"]),
    "Trailer": st.just("Upload-Checksum"),
    "Upload-Draft-Interop-Version": st.sampled_from(["3", "5", "6", "7", "9", "10", "?1"]),
    "Upload-Complete": BOOLEANS,
    "Upload-Incomplete": BOOLEANS,
    "Content-Type": st.sampled_from(
        [
            "application/offset+octet-stream",
            "application/partial-upload",
            "multipart/form-data; boundary=x",
            "text/plain",
        ]
    ),
    "Content-Digest": DIGESTS,
    "Repr-Digest": DIGESTS,
    "Want-Repr-Digest": st.sampled_from(["sha-256=5", "sha-256", "("]),
    "Content-Disposition": st.sampled_from(["inline; filename*=UTF-8''%ff", 'inline; filename="']),
    "Content-Range": st.sampled_from(["bytes 0-4/5", "bytes */5", "x"]),
    "X-Session-Token": st.sampled_from(["abc", "a b"]),
    "Expect": st.just("100-continue"),
    "Accept": st.just("application/json"),
}

RIGHT: Final[tuple[dict[str, str], ...]] = (
    {},
    {"Tus-Resumable": "1.0.0"},
    {
        "Tus-Resumable": "1.0.0",
        "Content-Type": "application/offset+octet-stream",
        "Upload-Offset": "5",
    },
    {
        "Upload-Draft-Interop-Version": "9",
        "Upload-Complete": "?0",
        "Content-Type": "application/partial-upload",
        "Upload-Offset": "5",
    },
)
"""What requests need to get anywhere."""


@frozen
class Made:
    """A request that was made up; ``TUS``, ``RUFH`` and ``SLOT`` stand for URLs that there are."""

    method: str
    target: str
    fields: dict[str, str]
    authorized: bool
    in_chunks: bool


@st.composite
def requests(draw: st.DrawFn) -> Made:
    """Make up a request: fields of the protocols, most of them with values that can be read."""
    names = draw(st.lists(st.sampled_from(sorted(FIELDS)), max_size=5, unique=True))
    fields = dict(draw(st.sampled_from(RIGHT)))
    for name in names:
        fields[name] = draw(st.one_of(FIELDS[name], FIELDS[name], JUNK))
    methods = st.sampled_from(["HEAD", "PATCH", "POST", "PUT", "DELETE", "GET", "OPTIONS"])
    targets = ["/files", "/files/", "TUS", "RUFH", "SLOT", "/upload", "/files/" + "A" * 43]
    return Made(
        draw(methods),
        draw(st.sampled_from(targets)),
        fields,
        draw(st.booleans()),
        draw(st.booleans()),
    )


class FuzzTests(ServerCase):
    """Every method of every kind of URL."""

    def setUp(self) -> None:
        sections = {**SECTIONS, "uploads": {"max_sessions_per_owner": 100 * EXAMPLES}}
        self.server = RealServer(self.start(sections))
        self.token = credential("jwt", "x", owner="alice", lifetime=3600, now=time.time()).headers[
            0
        ]

    def targets(self) -> dict[str, str]:
        """Begin an upload in each dialect; return where they are, and a signed URL."""
        deferred = "Upload-Defer-Length: 1"
        tus = self.server.ask("POST", "/files", [V, PART, self.token, deferred], BODY)
        draft = [self.token, "Upload-Complete: ?0"]
        rufh = self.server.ask("POST", "/files", draft, BODY)
        self.assertEqual((201, 201), (tus.status, rufh.status))
        slot = f"{uuid.uuid4()}/photo.jpg"
        return {
            "TUS": tus.headers["location"].removeprefix(ORIGIN),
            "RUFH": rufh.headers["location"].removeprefix(ORIGIN),
            "SLOT": f"/upload/{slot}?v={mac_v(slot, len(BODY))}",
        }

    def test_requests(self) -> None:
        """Right and wrong requests are answered, and the log has no fault at the end."""
        seen: set[int] = set()

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        )
        @given(requests())
        def ask(made: Made) -> None:
            seen.add(self.status_of(made))

        ask()
        self.assertLessEqual(seen, FINE)
        # It has not only knocked at doors that were shut.
        self.assertLessEqual({200, 201, 204, 400, 412, 415}, seen)

    def status_of(self, made: Made) -> int:
        """Send a request; return the status of its final response."""
        places = self.targets()
        lines = []
        for name, text in made.fields.items():
            value = KEYS.sub(lambda found: places[found[0]], text)
            lines.append(f"{name}: {value}")
        if made.authorized:
            lines.append(self.token)
        target = places.get(made.target, made.target)
        if made.in_chunks:
            head = request(made.method, target, [*lines, "Transfer-Encoding: chunked"])
            trailer = f"Upload-Checksum: {checksum(BODY)}\r\n".encode()
            data = head + b"%x\r\n%s\r\n0\r\n%s\r\n" % (len(BODY), BODY, trailer)
        else:
            data = request(made.method, target, lines, BODY)
        talk = self.server.connect()
        talk.send(data)
        status = 100
        while status < 200:
            status = talk.response(made.method).status
        talk.close()
        self.assertIn(status, FINE, made)
        return status
