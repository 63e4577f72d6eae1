"""
What is done on the connections to a database server, blocking: by who reads, by who writes.

A connection that was lost is made anew when it is next needed.  What was under
way when it went is not repeated if it may have been done.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from twisted.logger import Logger

from hmacfs.stores import scripts
from hmacfs.stores.database import Done, Failed, Outcome, Work
from hmacfs.stores.drivers import Driver, Link, explained
from hmacfs.stores.interfaces import StoreFailed
from hmacfs.stores.places import Place

_log = Logger()


class ServerReader:
    """
    Reads.

    :param patience: seconds to wait for a connection.
    """

    def __init__(self, driver: Driver, place: Place, patience: float) -> None:
        self._driver = driver
        self._place = place
        self._patience = patience
        self._link: Link | None = None

    def open(self) -> None:
        """
        Connect.

        :raises StoreFailed: if that cannot be done; the message says what to do.
        """
        try:
            self._link = self._driver.connect(self._place, self._patience)
        except Exception as error:
            raise self._explained(error) from error

    def perform(self, works: Sequence[Work[object]]) -> list[Outcome]:
        """Do each work for itself; it sees all that was committed before it begins."""
        return [self._read(work) for work in works]

    def interrupt(self) -> None:
        """Break the connection, whatever it waits for.  Called on any thread."""
        link = self._link
        if link is not None:
            with suppress(Exception):
                link.interrupt()

    def close(self) -> None:
        """Let go of the connection."""
        link, self._link = self._link, None
        if link is not None:
            with suppress(Exception):
                link.close()

    def _read(self, work: Work[object]) -> Outcome:
        try:
            try:
                return Done(work(self._linked()))
            except Exception as error:
                if not self._lost(error):
                    raise
                # It may have been idle for too long; to read twice harms nothing.
                self.close()
                return Done(work(self._linked()))
        except Exception as error:
            if self._lost(error):
                self.close()
            return Failed(self._explained(error))

    def _linked(self) -> Link:
        if self._link is None:
            self.open()
        if self._link is None:
            raise StoreFailed(f"{self._driver.name} at {self._place} was closed")
        return self._link

    def _lost(self, error: Exception) -> bool:
        failure = self._driver.failure(error)
        return isinstance(error, OSError) or (failure is not None and failure.lost)

    def _explained(self, error: Exception) -> Exception:
        return explained(error, self._driver, self._place)


class ServerWriter(ServerReader):
    """Writes, and makes the tables."""

    def open(self) -> None:
        """Connect, and bring the tables to the version of this release."""
        super().open()
        try:
            self._upgrade(self._linked())
        except Exception as error:
            raise self._explained(error) from error
        finally:
            # Others who are to make the tables wait until this connection ends.
            self.close()
        super().open()

    def perform(self, works: Sequence[Work[object]]) -> list[Outcome]:
        """
        Do all works in one transaction.

        A work that fails is undone and leaves the others alone.  When the
        transaction itself fails, all of them fail, and may be done or not.
        """
        try:
            link = self._begun()
            outcomes = [self._outcome(link, work) for work in works]
            link.execute("COMMIT")
        except Exception as error:
            # The server undoes what is open when the connection goes.
            self.close()
            return [Failed(self._explained(error)) for _ in works]
        return outcomes

    def _begun(self) -> Link:
        try:
            return self._begin()
        except Exception as error:
            if not self._lost(error):
                raise
            self.close()
            return self._begin()

    def _begin(self) -> Link:
        link = self._linked()
        link.execute("BEGIN")
        link.execute(self._driver.lock)
        return link

    def _outcome(self, link: Link, work: Work[object]) -> Outcome:
        link.execute("SAVEPOINT work")
        outcome: Outcome
        try:
            outcome = Done(work(link))
        except Exception as error:
            if self._lost(error):
                raise
            link.execute("ROLLBACK TO SAVEPOINT work")
            outcome = Failed(self._explained(error))
        link.execute("RELEASE SAVEPOINT work")
        return outcome

    def _upgrade(self, link: Link) -> None:
        steps = scripts.packaged_steps(self._driver.steps)
        link.execute("BEGIN")
        if not link.execute(self._driver.alone).fetchall()[0][0]:
            raise StoreFailed(
                f"another program changes the tables of {self._driver.name} at {self._place}: "
                "wait until it has ended"
            )
        link.execute("CREATE TABLE IF NOT EXISTS hmacfs_schema (version INTEGER NOT NULL)")
        rows = link.execute("SELECT version FROM hmacfs_schema").fetchall()
        if not rows:
            link.execute("INSERT INTO hmacfs_schema (version) VALUES (0)")
        version = rows[0][0] if rows else 0
        if version > len(steps):
            raise StoreFailed(
                f"the database {self._place.database} of {self._driver.name} at {self._place} was "
                f"written by a newer release (schema {version}, this one knows {len(steps)}): "
                "install that release, or give this one a database of its own"
            )
        if 0 < version < len(steps):
            self._keep_copies(link, steps[:version])
        for number, step in enumerate(steps[version:], version + 1):
            for statement in scripts.statements(step):
                self._change(link, statement)
            # In MySQL each change of a table commits; the steps can be taken again.
            link.execute("UPDATE hmacfs_schema SET version = ?", (number,))
        link.execute("COMMIT")
        if version < len(steps):
            _log.info(
                "the database {name} at {place} now has schema {version}",
                name=self._place.database,
                place=str(self._place),
                version=len(steps),
            )

    def _change(self, link: Link, statement: str) -> None:
        try:
            link.execute(statement)
        except Exception as error:
            failure = self._driver.failure(error)
            if failure is None or not failure.done:
                raise

    def _keep_copies(self, link: Link, steps: Sequence[str]) -> None:
        there = {row[0] for row in link.execute(self._driver.tables).fetchall()}
        for table in scripts.tables(steps):
            copy, unfinished = f"{table}_version_{len(steps)}", f"{table}_being_copied"
            # A change that was broken off may have spoilt what a copy would be made of now.
            if copy not in there:
                link.execute(f"DROP TABLE IF EXISTS {unfinished}")
                link.execute(f"CREATE TABLE {unfinished} AS SELECT * FROM {table}")  # noqa: S608 - our names
                link.execute(f"ALTER TABLE {unfinished} RENAME TO {copy}")
