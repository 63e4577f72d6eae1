"""What every survey must do, as tests: the same small index, looked at from all sides."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from hmacfs.base.survey import Order, Stock, Uploader
from hmacfs.base.values import StoredFile
from hmacfs.stores.interfaces import Index, Survey
from tests.stores.samples import LARGEST, buried, stored

Opened = Callable[[TestCase, Path], Awaitable[tuple[Index, Survey]]]
"""Opens an empty index and a survey of it, which are closed after the test."""

FILES = (
    stored("b/1", uploaded_at=1.0, size=30, owner="romeo", metadata='{"a": 1}', expires_at=9.5),
    stored("a/2", uploaded_at=2.0, size=10, owner="romeo"),
    stored("c/3", uploaded_at=3.0, size=20, owner="juliet"),
    stored("\u00e9", uploaded_at=2.0, size=30, owner=""),
    stored("d", uploaded_at=-5.5, size=LARGEST),
)
OLD = evolve(
    stored(uploaded_at=4.0, size=LARGEST, owner="romeo"), name=FILES[0].name.version("1-a")
)


class _SurveyTests(TestCase):
    """The rules that hold for every survey."""

    opened: Opened

    async def test_survey(self) -> None:
        """Files are counted, listed in every order, and told by owner; versions are apart."""
        index, survey = await type(self).opened(self, Path(self.mktemp()))
        self.assertEqual(await survey.stock(), Stock(0, 0, 0))
        self.assertEqual(await survey.listed(Order.DATE, 0, 5), [])
        self.assertEqual(await survey.uploaders(0, 5), [])
        self.assertIsNone(await survey.uploader("romeo"))
        for file in (*FILES, OLD, stored("gone", owner="romeo")):
            await index.add(file)
        await index.bury(buried("gone"))

        self.assertEqual(await survey.stock(), Stock(5, 1, 90 + 2 * LARGEST))
        self.assertEqual([await survey.count(), await survey.count("romeo")], [5, 2])
        self.assertEqual([await survey.count(""), await survey.count("nobody")], [1, 0])

        async def told(order: Order, *more: str) -> str:
            listed = await survey.listed(order, 0, 9, *more)
            pages = [file for n in range(9) for file in await survey.listed(order, n, 1, *more)]
            self.assertEqual(pages, list(listed))
            return " ".join(str(file.name) for file in listed)

        self.assertEqual(await told(Order.DATE), "c/3 \u00e9 a/2 b/1 d")
        self.assertEqual(await told(Order.SIZE), "d b/1 \u00e9 c/3 a/2")
        self.assertEqual(await told(Order.NAME), "a/2 b/1 c/3 d \u00e9")
        self.assertEqual(await told(Order.SIZE, "romeo"), "b/1 a/2")
        self.assertEqual(await told(Order.DATE, "nobody"), "")
        whole: list[StoredFile] = list(await survey.listed(Order.NAME, 1, 1))
        self.assertEqual(whole, [FILES[0]])

        romeo = Uploader("romeo", 2, 40 + LARGEST, 4.0)
        everybody = [Uploader("", 1, 30, 2.0), Uploader("juliet", 1, 20, 3.0), romeo]
        self.assertEqual(list(await survey.uploaders(0, 9)), everybody)
        self.assertEqual(list(await survey.uploaders(1, 1)), everybody[1:2])
        self.assertEqual(await survey.uploader("romeo"), romeo)
        self.assertIsNone(await survey.uploader("nobody"))
        counted = [await survey.count_uploaders(since) for since in (None, 2.0, 3.0, 4.5)]
        self.assertEqual(counted, [3, 3, 2, 0])


def make_survey_tests(name: str, module: str, opened: Opened) -> type[TestCase]:
    """Make the tests of a survey."""
    made = type(name, (_SurveyTests,), {"opened": staticmethod(opened), "__module__": module})
    made.__qualname__ = name
    return made


def closed_after(case: TestCase, close: Callable[[], Awaitable[None]]) -> None:
    """Have something closed after the test, what was opened last first."""

    async def closing() -> None:
        await close()

    case.addCleanup(lambda: Deferred.fromCoroutine(closing()))
