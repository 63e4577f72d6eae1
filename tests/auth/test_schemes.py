"""The table of the schemes, their order, and the doors."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.auth import mac, query
from hmacfs.auth.bearer import BearerMac
from hmacfs.auth.delete import SignedDelete
from hmacfs.auth.facts import RequestFacts
from hmacfs.auth.file_share import SlotToken
from hmacfs.auth.header_v1 import HeaderV1
from hmacfs.auth.header_v2 import HeaderV2
from hmacfs.auth.jws import Tokens
from hmacfs.auth.jwt import V3Token
from hmacfs.auth.keyring import Keyring
from hmacfs.auth.link import DownloadLink
from hmacfs.auth.mac import QueryMac, Version
from hmacfs.auth.pending import Pending
from hmacfs.auth.permit import Permit
from hmacfs.auth.query import QuerySignature
from hmacfs.auth.schemes import SCHEME_NAMES, SCHEMES, Entrance, Scheme, Terms, open_doors
from hmacfs.base.errors import (
    LengthRequired,
    SignatureMissing,
    SignatureWrong,
)
from hmacfs.config import options
from tests.auth import tokens
from tests.auth.granting import granted
from tests.auth.scheme_suite import NOW, UPLOAD_ID, with_header

KEYRING = Keyring.of("secret string")
PUT = RequestFacts("PUT", b"foo/bar.jpg", {}, {"content-type": "image/jpeg"}, 1048576, NOW)
SLOT = {"slot": "foo", "filename": "bar.jpg", "filesize": 1048576, "filetype": "image/jpeg"}
TERMS = Terms(KEYRING, jwt=Keyring.of("jwt secret"), delete_secret="delete secret")


def signatures(*versions: Version) -> dict[str, str]:
    """Sign the PUT with these versions."""
    return {
        version.parameter: KEYRING.sign(
            version.message(b"foo/bar.jpg", 1048576, "image/jpeg")
        ).hex()
        for version in versions
    }


class DoorTests(SynchronousTestCase):
    """``Door`` before a PUT."""

    def setUp(self) -> None:
        self.door = open_doors(Terms(KEYRING))[Entrance.PUT]

    def admitted_by(self, parameters: dict[str, str]) -> str:
        """Tell which scheme grants the PUT with these parameters."""
        return granted(self.door, evolve(PUT, parameters=parameters)).scheme

    def test_each(self) -> None:
        """Each of the three is enough by itself."""
        for version in (mac.V, mac.V2, mac.TOKEN):
            self.assertEqual(version.parameter, self.admitted_by(signatures(version)))

    def test_none(self) -> None:
        """A PUT without a signature is refused as unsigned."""
        for parameters in ({}, {"V": "0" * 64}, {"expires": "1"}):
            facts = evolve(PUT, parameters=parameters)
            self.assertRaises(SignatureMissing, self.door.read, facts)

    def test_highest_counts(self) -> None:
        """Of several signatures that fit the highest version grants."""
        self.assertEqual("v2", self.admitted_by(signatures(mac.V, mac.TOKEN, mac.V2)))
        self.assertEqual("token", self.admitted_by(signatures(mac.V, mac.TOKEN)))

    def test_lower_mends_nothing(self) -> None:
        """Only the highest version is looked at: a wrong ``v2`` is not mended by a right ``v``."""
        for wrong in ("0" * 64, "", "nonsense"):
            facts = evolve(PUT, parameters={**signatures(mac.V), "v2": wrong})
            self.assertRaises(SignatureWrong, self.door.read, facts)

    def test_higher_is_not_spoilt(self) -> None:
        """A wrong ``v`` beside a right ``v2`` is not looked at."""
        self.assertEqual("v2", self.admitted_by({**signatures(mac.V2), "v": "0" * 64}))

    def test_not_interchangeable(self) -> None:
        """The MAC of ``v`` is none of ``v2``, and the other way round."""
        v, v2 = signatures(mac.V)["v"], signatures(mac.V2)["v2"]
        for parameters in ({"v2": v}, {"token": v}, {"v": v2}):
            facts = evolve(PUT, parameters=parameters)
            self.assertRaises(SignatureWrong, self.door.read, facts)

    def test_form(self) -> None:
        """The signature of a form waits for the file that is in it."""
        form = {"content-type": "multipart/form-data; boundary=x"}
        facts = evolve(PUT, parameters=signatures(mac.V), headers=form)
        self.assertIsInstance(self.door.read(facts), Pending)

    def test_read(self) -> None:
        """What a signature allows can be had without a grant."""
        permit = self.door.read(evolve(PUT, parameters=signatures(mac.V)))
        assert isinstance(permit, Permit)
        self.assertEqual(("v", 1048576), (permit.scheme, permit.size))


class TableTests(SynchronousTestCase):
    """The table, and the doors made of it."""

    def names(self, entrance: Entrance, terms: Terms = TERMS) -> list[str]:
        """Tell the schemes of a door, in their order."""
        return [scheme.name for scheme in open_doors(terms)[entrance].schemes]

    def test_names(self) -> None:
        """A scheme has the name that the table gives it, and no two have the same."""
        self.assertEqual(len(SCHEMES), len({row.name for row in SCHEMES}))
        for row in SCHEMES:
            scheme = row.make(TERMS)
            assert scheme is not None
            self.assertEqual(row.name, scheme.name)

    def test_doors(self) -> None:
        """Each kind of request is opened by the schemes that the contract lists, in order."""
        by_path = ["v2", "token", "v", "prosody", "jwt", "bearer"]
        self.assertEqual(by_path, self.names(Entrance.PUT))
        self.assertEqual([*by_path[:3], "query", *by_path[3:]], self.names(Entrance.FORM))
        self.assertEqual(["query"], self.names(Entrance.QUERY))
        self.assertEqual(["v1"], self.names(Entrance.API_V1))
        self.assertEqual(["v2-header"], self.names(Entrance.API_V2))
        self.assertEqual(["jwt", "v2-header"], self.names(Entrance.API_V3))
        self.assertEqual(["query", "jwt"], self.names(Entrance.TUS))
        self.assertEqual(["jwt", "get"], self.names(Entrance.DOWNLOAD))
        self.assertEqual(["jwt", "delete"], self.names(Entrance.DELETE))

    def test_every_scheme_opens_a_door(self) -> None:
        """There is no scheme that nothing can be signed with."""
        opened = {name for entrance in Entrance for name in self.names(entrance)}
        self.assertEqual({row.name for row in SCHEMES}, opened)

    def test_switched_off(self) -> None:
        """A scheme that is not enabled is not looked at."""
        terms = evolve(TERMS, enabled=frozenset({"v2", "jwt"}))
        self.assertEqual(["v2", "jwt"], self.names(Entrance.PUT, terms))
        self.assertEqual([], self.names(Entrance.QUERY, terms))
        door = open_doors(terms)[Entrance.PUT]
        facts = evolve(PUT, parameters=signatures(mac.V))
        self.assertRaises(SignatureMissing, door.read, facts)

    def test_nothing_enabled(self) -> None:
        """An empty list enables nothing but what has a switch of its own."""
        terms = evolve(TERMS, enabled=frozenset())
        self.assertEqual(
            ["get", "delete"],
            [name for entrance in Entrance for name in self.names(entrance, terms)],
        )

    def test_same_names_in_the_configuration(self) -> None:
        """``security.schemes`` lists what there is, and is on for all of it."""
        self.assertEqual(set(SCHEME_NAMES), set(options.SECURITY_SCHEMES.default))
        open_doors(evolve(TERMS, enabled=frozenset(options.SECURITY_SCHEMES.default)))

    def test_unknown(self) -> None:
        """A scheme that there is not cannot be enabled, and is named."""
        error = self.assertRaises(
            ValueError, open_doors, evolve(TERMS, enabled=frozenset({"v", "v9"}))
        )
        self.assertIn("'v9'", str(error))

    def test_without_secrets(self) -> None:
        """Without their secrets V3 tokens and signed deletes are off, and Prosody's are not."""
        terms = Terms(KEYRING)
        self.assertEqual(["v2", "token", "v", "prosody", "bearer"], self.names(Entrance.PUT, terms))
        self.assertEqual([], self.names(Entrance.DELETE, terms))
        self.assertEqual(["get"], self.names(Entrance.DOWNLOAD, terms))

    def made(self, terms: Terms) -> dict[str, Scheme | None]:
        """Make every scheme."""
        return {row.name: row.make(terms) for row in SCHEMES}

    def test_terms(self) -> None:
        """Each scheme gets the terms that concern it."""
        own = Keyring.of("own secret")
        made = self.made(
            Terms(
                KEYRING,
                jwt=own,
                file_share=own,
                delete_secret="delete secret",
                jwt_algorithm="HS512",
                jwt_issuer="somebody",
                jwt_audiences=("here",),
                slot_ttl=1.0,
                signature_max_age=2.0,
                leeway=3.0,
            )
        )
        expected: dict[str, Scheme | None] = {
            "v2": QueryMac(mac.V2, KEYRING),
            "token": QueryMac(mac.TOKEN, KEYRING),
            "v": QueryMac(mac.V, KEYRING),
            "query": QuerySignature(KEYRING, 1.0),
            "prosody": SlotToken(Tokens(own), 3.0),
            "jwt": V3Token(Tokens(own, "HS512"), "somebody", ("here",), 3.0),
            "bearer": BearerMac(KEYRING),
            "v1": HeaderV1(KEYRING, 2.0),
            "v2-header": HeaderV2(KEYRING, 2.0),
            "get": DownloadLink(KEYRING),
            "delete": SignedDelete(KEYRING, "delete secret"),
        }
        self.assertEqual(expected, made)

    def test_defaults(self) -> None:
        """A slot lasts an hour, a header five minutes either way; clocks may differ by 30 s."""
        terms = Terms(KEYRING)
        self.assertEqual(
            (3600.0, 300.0, 30.0), (terms.slot_ttl, terms.signature_max_age, terms.leeway)
        )
        self.assertEqual(("HS256", "hmac-file-server"), (terms.jwt_algorithm, terms.jwt_issuer))

    def test_weaknesses(self) -> None:
        """The schemes that cover no time or not the file say so; tokens and links do not."""
        strong = {row.name for row in SCHEMES if row.weakness is None}
        self.assertEqual({"prosody", "jwt", "get"}, strong)

    def test_repr_tells_nothing(self) -> None:
        """No secret shows in the terms or in the doors."""
        shown = f"{TERMS!r} {open_doors(TERMS)!r}"
        for secret in ("secret string", "jwt secret", "delete secret"):
            self.assertNotIn(secret, shown)


class TokenTests(SynchronousTestCase):
    """Bearer tokens before a PUT."""

    def scheme_of(
        self, claims: Mapping[str, object], secret: str, file_share: Keyring | None = None
    ) -> str:
        """Tell which scheme admits a PUT with this token."""
        door = open_doors(evolve(TERMS, file_share=file_share))[Entrance.PUT]
        token = tokens.make({"exp": NOW + 60, **claims}, secret)
        return granted(door, with_header(PUT, "authorization", f"Bearer {token}")).scheme

    def test_told_apart(self) -> None:
        """A slot's token is verified with its secret, any other with the one for V3."""
        self.assertEqual("prosody", self.scheme_of(SLOT, "secret string"))
        self.assertEqual("jwt", self.scheme_of({"sub": "alice"}, "jwt secret"))

    def test_not_interchangeable(self) -> None:
        """The secret of one kind of token does not sign the other."""
        self.assertRaises(SignatureWrong, self.scheme_of, SLOT, "jwt secret")
        self.assertRaises(SignatureWrong, self.scheme_of, {"sub": "alice"}, "secret string")

    def test_own_secret(self) -> None:
        """With a secret of their own, slots are not verified with the shared one."""
        own = Keyring.of("own secret")
        self.assertEqual("prosody", self.scheme_of(SLOT, "own secret", file_share=own))
        with self.assertRaises(SignatureWrong):
            self.scheme_of(SLOT, "secret string", file_share=own)

    def test_mac_first(self) -> None:
        """A MAC in the query is looked at before any token."""
        token = tokens.make({"exp": NOW + 60}, "jwt secret")
        facts = with_header(PUT, "authorization", f"Bearer {token}")
        door = open_doors(TERMS)[Entrance.PUT]
        wrong = evolve(facts, parameters={"v": "0" * 64})
        self.assertRaises(SignatureWrong, door.read, wrong)
        self.assertEqual("jwt", granted(door, facts).scheme)

    def test_length_unknown(self) -> None:
        """A token that does not tell the size leaves it to the request."""
        token = tokens.make({"exp": NOW + 60}, "jwt secret")
        facts = with_header(evolve(PUT, length=None), "authorization", f"Bearer {token}")
        self.assertRaises(LengthRequired, granted, open_doors(TERMS)[Entrance.PUT], facts)

    def test_counts_once(self) -> None:
        """A signature that counts once says what to remember of it."""
        message = query.message("bar.jpg", 1048576, 1800000000, UPLOAD_ID)
        parameters = {
            "filename": "bar.jpg",
            "timestamp": "1800000000",
            "uploadid": UPLOAD_ID,
            "signature": base64.b64encode(KEYRING.sign(message)).decode(),
        }
        door = open_doors(TERMS)[Entrance.QUERY]
        facts = evolve(PUT, parameters=parameters)
        permit = door.read(facts)
        assert isinstance(permit, Permit)
        self.assertEqual("bar.jpg", permit.filename)
        self.assertIsNotNone(permit.once)
