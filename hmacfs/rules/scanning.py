"""No infected file is published: uploads are scanned when all their bytes are there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from attrs import field, frozen
from twisted.logger import Logger

from hmacfs.base.errors import Infected, Refusal, TooLarge, Unavailable
from hmacfs.base.events import Events, FileRemoved, InfectionFound, ScanEnded
from hmacfs.base.names import StoredName
from hmacfs.base.values import Grant, StoredFile, Tombstone
from hmacfs.blobs.interfaces import Blobs
from hmacfs.flow.turns import Turns
from hmacfs.rules.clamd import ScanFailed, TooLargeToScan
from hmacfs.rules.conditions import Conditions
from hmacfs.rules.kinds import EVERY, extensions_of
from hmacfs.rules.postponed import Postponed
from hmacfs.rules.quarantine import Case, Quarantine
from hmacfs.rules.rule import Material, Rule
from hmacfs.rules.scannable import Scannable
from hmacfs.stores.interfaces import Index, versions_of

INFECTED = "found to be infected"
"""The reason on the tombstones of files that were published before they were scanned."""

WITHDRAWN = "infected"
"""Why such a file was removed, for those who listen."""

RETRY_AFTER = 30
"""Seconds after which the scanner may be back."""

STEP = 100
"""Postponed files to look at, at once."""


class Scanner(Protocol):
    """What tells infected bytes from others."""

    async def scan(self, subject: Scannable) -> str | None:
        """
        Tell the signature that bytes have, or ``None`` if they are clean.

        :raises TooLargeToScan: if they are too many for it.
        :raises ScanFailed: if it could not tell.
        """

    async def ping(self) -> None:
        """
        See whether it is there.

        :raises ScanFailed: if not.
        """


@frozen
class Scope:
    """
    What is scanned.

    :ivar extensions: with their dots and in lower case; none, and
        :data:`~hmacfs.rules.kinds.EVERY`, mean every file.
    :ivar largest: the most bytes of a file that is scanned.
    :ivar refuses_larger: whether larger ones are refused, else they are taken as they are.
    """

    extensions: frozenset[str] = frozenset()
    largest: int = 2**63
    refuses_larger: bool = False

    def covers(self, name: StoredName) -> bool:
        """Tell whether files of this name are scanned."""
        covers_all = not self.extensions or EVERY in self.extensions
        return covers_all or not self.extensions.isdisjoint(extensions_of(name.leaf))


@frozen
class Scanning(Rule):
    """
    Asks a scanner about each file.

    :param postponed: where to note files that are published while the scanner
        does not answer; without it uploads are refused then.
    :param now: tells seconds since the epoch.
    :param seconds: a clock that never goes back.
    """

    scanner: Scanner
    scope: Scope
    postponed: Postponed | None
    quarantine: Quarantine | None
    events: Events
    now: Callable[[], float]
    seconds: Callable[[], float]
    _failing: list[str] = field(factory=list, init=False, eq=False, repr=False)
    log: Logger = field(factory=Logger, eq=False, repr=False)

    async def before(self, grant: Grant, conditions: Conditions) -> None:
        """Refuse what would be refused after its bytes: the too large, and all while it fails."""
        if not self.scope.covers(grant.name):
            return
        if grant.size > self.scope.largest and self.scope.refuses_larger:
            raise self._too_large()
        if self._failing and self.postponed is None:
            try:
                await self.scanner.ping()
            except ScanFailed as error:
                raise _unavailable() from error
            self._failing.clear()

    async def judge(self, material: Material, grant: Grant, conditions: Conditions) -> None:
        """
        Scan.  Without a byte nothing is infected, and clamd takes it for an error.

        :raises Infected: if the bytes are.
        :raises Unavailable: if they cannot be scanned now, and may not be published so.
        :raises TooLarge: if they are too many to scan, and may not be published so.
        """
        if not self.scope.covers(grant.name) or material.size == 0:
            return
        began = self.seconds()
        outcome = "failed"
        try:
            outcome = await self._judge(material, grant)
        except Infected:
            outcome = "infected"
            raise
        except TooLarge:
            outcome = "oversize"
            raise
        finally:
            self.events.tell(ScanEnded(outcome, self.seconds() - began))

    async def _judge(self, material: Material, grant: Grant) -> str:
        if material.size > self.scope.largest:
            return self._oversize(grant)
        try:
            signature = await self.scanner.scan(material.blob)
        except TooLargeToScan:
            return self._oversize(grant)
        except ScanFailed as error:
            self._failing[:] = [str(error)]
            self.log.error("no scan: {error}", error=error)
            if self.postponed is None:
                raise _unavailable() from error
            try:
                await self.postponed.add(grant.name)
            except OSError as failure:
                self.log.error("nor can it be made up for: {error}", error=failure)
                raise _unavailable() from failure
            return "postponed"
        self._failing.clear()
        if signature is None:
            return "clean"
        case = Case(grant.name, grant.owner, material.size, material.sha256, signature, self.now())
        await self._found(material.blob, case)
        raise Infected(f"the file is infected: {signature}", signature=signature)

    async def catch_up(self, index: Index, blobs: Blobs, turns: Turns) -> None:
        """
        Scan what was published without a scan, and withdraw what is infected.

        Ends early while the scanner does not answer.
        """
        if self.postponed is None:
            return
        while names := await self.postponed.some(STEP):
            try:
                await self.scanner.ping()
                for name in names:
                    await self._catch_up(name, index, blobs, turns)
                    await self.postponed.forget(name)
            except ScanFailed as error:
                self.log.error("no scan: {error}", error=error)
                return

    async def _catch_up(self, name: StoredName, index: Index, blobs: Blobs, turns: Turns) -> None:
        async with turns.of(name):
            file = await index.find(name)
            # It may have been replaced since, and be a version.
            versions = await versions_of(index, name)
            is_infected = isinstance(file, StoredFile) and await self._is_infected(file, blobs)
            for version in versions:
                if is_infected or await self._is_infected(version, blobs):
                    await blobs.remove(version.name)
                    await index.amend(version, None)
                    self.events.tell(FileRemoved(version, WITHDRAWN))
            if isinstance(file, StoredFile) and is_infected:
                await index.bury(Tombstone(name, self.now(), INFECTED))
                self.events.tell(FileRemoved(file, WITHDRAWN))
            if is_infected or _is_withdrawn(file):
                # A crash may have come before this.
                await blobs.remove(name)

    async def _is_infected(self, file: StoredFile, blobs: Blobs) -> bool:
        blob = await blobs.open(file.name)
        if blob is None:
            return False
        began = self.seconds()
        outcome = "failed"
        try:
            signature = await self.scanner.scan(blob)
            outcome = "clean" if signature is None else "infected"
            if signature is not None:
                case = Case(file.name, file.owner, file.size, file.sha256, signature, self.now())
                await self._found(blob, case)
        except TooLargeToScan:
            outcome = "oversize"
            self.log.warn("{name} is too large to scan, and stays", name=str(file.name))
        finally:
            await blob.lane.run(blob.close)
            self.events.tell(ScanEnded(outcome, self.seconds() - began))
        return outcome == "infected"

    async def _found(self, subject: Scannable, case: Case) -> None:
        self.log.warn(
            "{name} of {owner} is infected with {signature}; sha256 {sha256}",
            name=str(case.name),
            owner="nobody known" if case.owner is None else case.owner,
            signature=case.signature,
            sha256=case.sha256.hex(),
        )
        fate = "dropped"
        if self.quarantine is not None:
            try:
                await self.quarantine.keep(subject, case)
                fate = "quarantined"
            except OSError as error:
                # That it cannot be kept is no reason to publish it, or to answer otherwise.
                self.log.error("it cannot be kept in quarantine: {error}", error=error)
        self.events.tell(
            InfectionFound(case.name, case.owner, case.size, case.sha256, case.signature, fate)
        )

    def _oversize(self, grant: Grant) -> str:
        if self.scope.refuses_larger:
            raise self._too_large()
        self.log.warn("{name} is too large to scan, and is taken", name=str(grant.name))
        return "oversize"

    def _too_large(self) -> Refusal:
        limit = self.scope.largest
        return TooLarge(f"files larger than {limit} bytes cannot be scanned", limit=limit)


def _is_withdrawn(known: StoredFile | Tombstone | None) -> bool:
    return isinstance(known, Tombstone) and known.reason == INFECTED


def _unavailable() -> Refusal:
    return Unavailable(
        "files cannot be scanned for the moment, and are not taken without",
        retry_after=RETRY_AFTER,
    )
