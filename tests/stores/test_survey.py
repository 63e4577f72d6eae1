"""Tests of surveys of the index."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from twisted.internet import reactor as global_reactor
from twisted.internet.interfaces import IReactorFromThreads
from twisted.trial.unittest import TestCase

from hmacfs.stores.interfaces import Index, StoreFailed, Survey
from hmacfs.stores.memory import MemoryIndex
from hmacfs.stores.memory_survey import WholeSurvey
from hmacfs.stores.sqlite import SqliteIndex, sqlite_survey
from hmacfs.stores.survey import SqlSurvey
from tests.stores.samples import stored
from tests.stores.survey_suite import closed_after, make_survey_tests

reactor = cast(IReactorFromThreads, global_reactor)


async def open_memory(_: TestCase, path: Path) -> tuple[Index, Survey]:
    """Open an index in memory."""
    index = MemoryIndex()
    return index, WholeSurvey(index)


async def open_sqlite(case: TestCase, path: Path) -> tuple[SqliteIndex, SqlSurvey]:
    """Open an index in a new file."""
    index, survey = SqliteIndex(path, reactor), sqlite_survey(path, reactor)
    closed_after(case, index.close)
    closed_after(case, survey.close)
    await index.start()
    await survey.start()
    return index, survey


MemorySurveyTests = make_survey_tests("MemorySurveyTests", __name__, open_memory)
SqliteSurveyTests = make_survey_tests("SqliteSurveyTests", __name__, open_sqlite)


class ThreadTests(TestCase):
    """The thread of a survey."""

    async def test_apart(self) -> None:
        """A survey that takes long keeps nobody waiting who asks for a file."""
        index, survey = await open_sqlite(self, Path(self.mktemp()))
        await index.add(stored())
        # It joins a few thousand rows with each other, and nobody waits for the end.
        endless = (
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) "
            "SELECT count(*) FROM n AS a, n AS b"
        )
        slow = survey._ask(lambda connection: connection.execute(endless).fetchall())
        self.assertEqual(await index.find(stored().name), stored())
        self.assertFalse(slow.called)
        self.assertEqual(await slow, [(9_000_000,)])

    async def test_closed(self) -> None:
        """A closed survey refuses whatever is asked, and may be closed again."""
        _, survey = await open_sqlite(self, Path(self.mktemp()))
        await survey.close()
        with self.assertRaises(StoreFailed):
            await survey.count()
        await survey.close()
