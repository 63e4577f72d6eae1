"""The same network, seen in both ways."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from hmacfs.netwatch.facts import Facts, name_of
from hmacfs.netwatch.kernel import WatchReactor, open_socket
from hmacfs.netwatch.looking import look
from hmacfs.netwatch.watch import NetworkWatch, Pace


class LookTests(SynchronousTestCase):
    """``look``."""

    def test_same(self) -> None:
        """This machine looks the same to the routing socket and to those who do without it."""
        try:
            connection = open_socket()
        except OSError as error:
            raise SkipTest(f"there is no routing socket here: {error}") from error

        async def nothing() -> Facts:
            raise OSError("nobody is to look")

        reactor = MemoryReactorClock()
        watch = NetworkWatch(
            cast(WatchReactor, reactor),
            Pace(1, 1),
            lambda: connection,
            nothing,
            lambda _: None,
        )
        watch.start()
        self.addCleanup(watch.stop)
        # What is asked of the kernel is answered before the question returns.
        for _ in range(100):
            for reader in tuple(reactor.readers):
                reader.doRead()
        self.assertEqual("", watch.fault)
        seen = look()
        self.assertEqual(set(watch.facts), set(seen))
        links = [key for key in seen if key[1] is None]
        self.assertEqual([watch.facts[key] for key in links], [seen[key] for key in links])
        self.assertIn("lo", [name_of(seen, index) for index, _ in links])

    def test_no_files(self) -> None:
        """A system without the kernel's files says so."""
        self.assertRaises(OSError, look, Path(self.mktemp()))
