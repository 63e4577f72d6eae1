"""
What every signature scheme must do, as one set of tests.

A scheme proves itself by a class derived from :class:`SchemeTests`, which makes
a :class:`Subject`: the scheme, a request that it grants, and how to change each
fact that its signature covers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from attrs import evolve, field, frozen
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.auth.facts import PartFacts, RequestFacts
from hmacfs.auth.pending import Pending
from hmacfs.auth.permit import Permit, Scope, flat_name
from hmacfs.auth.schemes import Scheme
from hmacfs.base.errors import Refusal
from hmacfs.base.values import Grant

NOW = 1_800_000_000.0
"""When the requests of the tests come, in seconds since the epoch."""

UPLOAD_ID = "550e8400-e29b-41d4-a716-446655440000"
"""The upload id of the documents."""

PROPERTY = settings(
    deadline=None,
    # One property is run for several schemes on purpose.
    suppress_health_check=[HealthCheck.differing_executors],
)


@frozen
class Case:
    """A request, and what its form tells later of the file."""

    facts: RequestFacts
    part: PartFacts = field(factory=PartFacts)


Change = Callable[[Case, int], Case]
"""Changes one fact of a request; the number, from 0, says which of its changes to make."""


@frozen
class Subject:
    """
    A scheme under test.

    :ivar scheme: with the secret that signed the case.
    :ivar stranger: the same scheme with another secret.
    :ivar case: a request that the scheme grants.
    :ivar signed: how to change each fact that the signature covers.
    :ivar signature: the signature's text in the request.
    :ivar resigned: the facts with another text in place of the signature.
    :ivar unsigned: the facts without a signature.
    :ivar secret: what must never show.
    """

    scheme: Scheme
    stranger: Scheme
    case: Case
    signed: Mapping[str, Change]
    signature: str
    resigned: Callable[[RequestFacts, str], RequestFacts]
    unsigned: RequestFacts
    secret: str


def settle(scheme: Scheme, case: Case) -> Permit:
    """Read a request, and what its form tells later."""
    permit = scheme.read(case.facts)
    return permit.settle(case.part) if isinstance(permit, Pending) else permit


def admit(scheme: Scheme, case: Case) -> Permit | Grant:
    """Read a request as far as the web would: an upload becomes a grant."""
    permit = settle(scheme, case)
    if Scope.UPLOAD not in permit.scopes:
        return permit
    facts, part = case.facts, case.part
    if facts.is_form:
        name = permit.name or flat_name(permit.filename or part.filename or "")
        return permit.grant(name, part.size, part.content_type)
    name = facts.name if permit.filename is None else flat_name(permit.filename)
    return permit.grant(name, facts.length, facts.headers.get("content-type"))


def flip_bit(data: bytes, number: int) -> bytes:
    """Flip one bit of some bytes."""
    place = number % (len(data) * 8)
    flipped = bytearray(data)
    flipped[place // 8] ^= 1 << place % 8
    return bytes(flipped)


def flip_character(text: str, number: int) -> str:
    """Flip one of the low seven bits of one character of an ASCII text."""
    place, bit = divmod(number, 7)
    place %= len(text)
    return text[:place] + chr(ord(text[place]) ^ 1 << bit) + text[place + 1 :]


def flip_path(case: Case, number: int) -> Case:
    """Flip one bit of the path."""
    return evolve(case, facts=evolve(case.facts, path=flip_bit(case.facts.path, number)))


def flip_length(case: Case, number: int) -> Case:
    """Flip one of the low 40 bits of the length."""
    assert case.facts.length is not None
    return evolve(case, facts=evolve(case.facts, length=case.facts.length ^ 1 << number % 40))


def flip_size(case: Case, number: int) -> Case:
    """Flip one of the low 40 bits of the size of the file in the form."""
    assert case.part.size is not None
    return evolve(case, part=evolve(case.part, size=case.part.size ^ 1 << number % 40))


def flip_header(name: str) -> Change:
    """Make a change that flips one bit of one character of a header."""

    def change(case: Case, number: int) -> Case:
        flipped = flip_character(case.facts.headers[name], number)
        return evolve(case, facts=with_header(case.facts, name, flipped))

    return change


def flip_parameter(name: str) -> Change:
    """Make a change that flips one bit of one character of a query parameter."""

    def change(case: Case, number: int) -> Case:
        flipped = flip_character(case.facts.parameters[name], number)
        return evolve(case, facts=with_parameter(case.facts, name, flipped))

    return change


def flip_filename(case: Case, number: int) -> Case:
    """Flip one bit of one character of the file name in the form."""
    flipped = flip_character(case.part.filename or "", number)
    return evolve(case, part=evolve(case.part, filename=flipped))


def flip_part_type(case: Case, number: int) -> Case:
    """Flip one bit of one character of the type of the file in the form."""
    flipped = flip_character(case.part.content_type or "", number)
    return evolve(case, part=evolve(case.part, content_type=flipped))


def with_header(facts: RequestFacts, name: str, value: str) -> RequestFacts:
    """Set one header."""
    return evolve(facts, headers={**facts.headers, name: value})


def with_parameter(facts: RequestFacts, name: str, value: str) -> RequestFacts:
    """Set one parameter of the query."""
    return evolve(facts, parameters={**facts.parameters, name: value})


def resign_parameter(name: str) -> Callable[[RequestFacts, str], RequestFacts]:
    """Put the signature into a parameter of the query."""
    return lambda facts, text: with_parameter(facts, name, text)


def resign_authorization(scheme: str) -> Callable[[RequestFacts, str], RequestFacts]:
    """Put the signature into Authorization, under this scheme."""
    return lambda facts, text: with_header(facts, "authorization", f"{scheme} {text}")


def is_hexadecimal(text: str) -> bool:
    """Tell whether a text has hexadecimal digits only."""
    return all(character in "0123456789abcdefABCDEF" for character in text)


class SchemeTests(SynchronousTestCase):
    """The rules that hold for every scheme; derive from it by its module, so that it is not run."""

    def make_subject(self) -> Subject:
        """Make what is tested."""
        raise NotImplementedError

    def setUp(self) -> None:
        self.subject = self.make_subject()

    def refuse(self, case: Case) -> Refusal:
        """Fail unless the request is not granted; return the refusal."""
        refusal: Refusal = self.assertRaises(Refusal, admit, self.subject.scheme, case)
        return refusal

    def refuse_signature(self, text: str) -> None:
        """Fail if the request is granted with another text in place of its signature."""
        facts = self.subject.resigned(self.subject.case.facts, text)
        if self.subject.scheme.is_used_by(facts):
            self.refuse(evolve(self.subject.case, facts=facts))

    def test_grants(self) -> None:
        """The request that was signed is seen as signed, and granted, under the scheme's name."""
        self.assertTrue(self.subject.scheme.is_used_by(self.subject.case.facts))
        granted = admit(self.subject.scheme, self.subject.case)
        self.assertEqual(self.subject.scheme.name, granted.scheme)

    def test_same_twice(self) -> None:
        """Reading remembers nothing: the same request is granted the same again."""
        first = admit(self.subject.scheme, self.subject.case)
        self.assertEqual(first, admit(self.subject.scheme, self.subject.case))

    def test_unsigned(self) -> None:
        """A request without the signature is not one of this scheme."""
        self.assertFalse(self.subject.scheme.is_used_by(self.subject.unsigned))

    def test_other_secret(self) -> None:
        """A signature under another secret is seen, and refused."""
        self.assertTrue(self.subject.stranger.is_used_by(self.subject.case.facts))
        self.assertRaises(Refusal, admit, self.subject.stranger, self.subject.case)

    @PROPERTY
    @given(st.data())
    def test_every_fact_counts(self, data: st.DataObject) -> None:
        """No signed fact can be changed by a single bit."""
        name = data.draw(st.sampled_from(sorted(self.subject.signed)))
        number = data.draw(st.integers(0, 1 << 12))
        changed = self.subject.signed[name](self.subject.case, number)
        assume(changed != self.subject.case)
        self.refuse(changed)

    @PROPERTY
    @given(st.integers(0, 1 << 12))
    def test_every_digit_counts(self, number: int) -> None:
        """No character of the signature can be changed but in the case of a hexadecimal."""
        signature = self.subject.signature
        changed = flip_character(signature, number)
        if is_hexadecimal(signature):
            assume(changed.lower() != signature.lower())
        self.refuse_signature(changed)

    @PROPERTY
    @given(st.integers(0, 400), st.sampled_from(["", "=", "0", " ", "\n", ".", "A"]))
    def test_length_counts(self, length: int, padding: str) -> None:
        """A signature that is cut, or has something behind it, is refused."""
        changed = self.subject.signature[:length] + padding
        assume(changed != self.subject.signature)
        self.refuse_signature(changed)

    @PROPERTY
    @given(st.text(max_size=100))
    def test_any_text(self, text: str) -> None:
        """Whatever stands in place of the signature is refused, never an error of ours."""
        self.refuse_signature(text)

    def test_huge(self) -> None:
        """A signature of a megabyte is refused."""
        for character in ("a", ".", "=", "\0"):
            self.refuse_signature(character * (1 << 20))

    def test_tells_no_secret(self) -> None:
        """Neither the scheme's ``repr`` nor a refusal tells the secret or the signature."""
        subject = self.subject
        changed = flip_character(subject.signature, 0)
        facts = subject.resigned(subject.case.facts, changed)
        refusal = self.refuse(evolve(subject.case, facts=facts))
        permit = settle(subject.scheme, subject.case)
        shown = f"{subject.scheme!r} {refusal!r} {refusal.detail} {refusal.facts} {permit!r}"
        for secret in (subject.secret, subject.signature, changed):
            self.assertNotIn(secret, shown)
