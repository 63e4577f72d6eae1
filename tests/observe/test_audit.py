"""What events become records, and what is in them."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base import errors
from hmacfs.base.errors import Refusal
from hmacfs.base.events import (
    ABORTED,
    UNFORESEEN,
    Administered,
    ClientBanned,
    CredentialAccepted,
    DownloadFailed,
    DownloadSent,
    Event,
    Events,
    FileRemoved,
    InfectionFound,
    RequestRefused,
    UploadFailed,
    UploadStored,
)
from hmacfs.base.origin import acting_for
from hmacfs.config.table.reporting import EVENTS
from hmacfs.observe.audit import Audit, kind_of
from hmacfs.observe.chain import Facts, Head, sealed
from tests.blobs.samples import named
from tests.docs.documents import examples
from tests.stores.samples import stored

TIME = "2026-01-31T12:30:15.250Z"
WHAT = {"method": "PUT", "uri": "/upload/a"}
NOW = 1_769_862_615.25


class Somebody:
    """An origin."""

    def who(self) -> Mapping[str, str]:
        """Tell who it is."""
        return {"client": "192.0.2.1"}

    def what(self) -> Mapping[str, str]:
        """Tell what it asks for."""
        return WHAT


class Alice(Somebody):
    """Another, whose token told who she is."""

    def who(self) -> Mapping[str, str]:
        """Tell who it is."""
        return {"client": "192.0.2.7", "scheme": "jwt", "by": "alice"}


class AuditTests(SynchronousTestCase):
    """``Audit``."""

    def setUp(self) -> None:
        self.events = Events(lambda: self.fail("a listener failed"))
        self.records: list[Facts] = []
        self.audit = Audit(self.events, self.records.append, EVENTS, lambda: NOW)

    def told(self, event: Event) -> dict[str, str | int]:
        """Tell an event on behalf of somebody, and return what is recorded, but for the time."""
        with acting_for(Somebody()):
            self.events.tell(event)
        [record] = self.records
        self.records.clear()
        self.assertEqual(["time", "event", "outcome", "client"], list(record)[:4])
        rest = {name: value for name, value in record.items() if name != "time"}
        self.assertEqual((TIME, "192.0.2.1"), (record["time"], rest.pop("client")))
        return rest

    def test_files(self) -> None:
        """Uploads, downloads and deletions are told with the file, its owner and its size."""
        file = stored("a/b", size=5, owner="alice", sha256=bytes(32))
        known = {"file": "a/b", "owner": "alice", "size": 5, "sha256": "00" * 32}
        for event, expected in (
            (UploadStored(file, True, 1.0), {"event": "upload", "outcome": "stored", **known}),
            (UploadStored(file, False, 1.0), {"event": "upload", "outcome": "repeated", **known}),
            (
                FileRemoved(file, "quota"),
                {"event": "delete", "outcome": "deleted", **known, "reason": "quota"},
            ),
            (
                DownloadSent(5, 1.0, True, named("a/b")),
                {"event": "download", "outcome": "sent", "file": "a/b", "size": 5},
            ),
            (
                DownloadSent(2, 1.0, False, named("a/b")),
                {"event": "download", "outcome": "aborted", "file": "a/b", "size": 2},
            ),
        ):
            self.assertEqual(expected, self.told(event))

    def test_documented(self) -> None:
        """The record in docs/operate-audit.rst is one that comes of an upload."""
        file = stored("abc/photo.jpg", size=48213, owner="alice", sha256=sha256(b"test").digest())
        with acting_for(Alice()):
            self.events.tell(UploadStored(file, True, 1.0))
        line, _ = sealed(self.records[0], Head(3, sha256(b"").hexdigest()), text=False)
        shown = [example.text for example in examples("json") if "operate-audit" in example.where]
        self.assertEqual([line.decode()], shown)

    def test_failures(self) -> None:
        """What broke off, or failed for no reason of the client's, is told once."""
        for code in (ABORTED, UNFORESEEN):
            expected = {"event": "upload", "outcome": "failed", **WHAT, "reason": code}
            self.assertEqual(expected, self.told(UploadFailed(code)))
        expected = {"event": "download", "outcome": "failed", **WHAT, "reason": UNFORESEEN}
        self.assertEqual(expected, self.told(DownloadFailed(UNFORESEEN)))
        self.events.tell(UploadFailed(errors.NoSpace.code))
        self.events.tell(DownloadFailed(errors.Unknown.code))
        self.assertEqual([], self.records)

    def test_infected(self) -> None:
        """An infected file is told with what it has and where it went, and not once more."""
        event = InfectionFound(named("x.exe"), "bob", 9, bytes(32), "Eicar", "quarantined")
        self.assertEqual(
            {
                "event": "validation_failure",
                "outcome": "quarantined",
                "file": "x.exe",
                "owner": "bob",
                "size": 9,
                "sha256": "00" * 32,
                "reason": "infected",
                "signature": "Eicar",
            },
            self.told(event),
        )
        self.events.tell(RequestRefused(Somebody(), errors.Infected.code))
        self.assertEqual([], self.records)

    def test_refused(self) -> None:
        """A refusal is told with what was asked for, also where nobody is being answered."""
        self.events.tell(RequestRefused(Somebody(), "signature-wrong"))
        expected = {"time": TIME, "event": "auth_failure", "outcome": "refused"}
        expected |= {"client": "192.0.2.1", **WHAT}
        self.assertEqual([{**expected, "reason": "signature-wrong"}], self.records)

    def test_kinds(self) -> None:
        """Every refusal that there is belongs to an event that can be chosen."""
        kinds: dict[str, set[str]] = {}
        for kind in _all(Refusal):
            kinds.setdefault(kind_of("PUT", kind.code), set()).add(kind.code)
        self.assertEqual(set(), set(kinds) - set(EVENTS))
        self.assertIn("token-refused", kinds["auth_failure"])
        self.assertIn("daily-quota-exceeded", kinds["quota_exceeded"])
        self.assertIn("kind-refused", kinds["validation_failure"])
        self.assertEqual({"too-many-uploads", "rate-limited"}, kinds["rate_limited"])
        self.assertIn("name-taken", kinds["upload"])
        self.assertEqual("download", kind_of("GET", "not-found"))
        self.assertEqual("delete", kind_of("DELETE", "gone"))

    def test_bans(self) -> None:
        """Who is shut out is told, on behalf of the request that was too much."""
        self.assertEqual(
            {
                "event": "banned",
                "outcome": "banned",
                "banned": "2001:db8::/64",
                "seconds": 300,
                "reason": "why",
            },
            self.told(ClientBanned("2001:db8::/64", 300.0, "why")),
        )

    def test_administration(self) -> None:
        """What the server or a command does is told, and that a credential was good."""
        self.assertEqual(
            {"event": "admin_action", "outcome": "done", "action": "reload"},
            self.told(Administered("reload")),
        )
        self.assertEqual(
            {"event": "admin_action", "outcome": "failed", "action": "rm", "subject": "a/b"},
            self.told(Administered("rm", "failed", "a/b")),
        )
        self.assertEqual(
            {"event": "auth_success", "outcome": "accepted", **WHAT, "scheme": "v2"},
            self.told(CredentialAccepted("v2")),
        )

    def test_wanted(self) -> None:
        """Only what is wanted is recorded, and that may change."""
        self.audit.wanted = {"delete"}
        self.events.tell(Administered("reload"))
        self.assertEqual([], self.records)
        self.events.tell(FileRemoved(stored("a"), "age"))
        self.audit.wanted = {"admin_action"}
        self.events.tell(Administered("reload"))
        self.assertEqual(2, len(self.records))


def _all(kind: type[Refusal]) -> list[type[Refusal]]:
    return [found for below in kind.__subclasses__() for found in (below, *_all(below))]
