"""A test in order, one that is skipped, and one for each fault that no run may let pass."""

from __future__ import annotations

import os
import pathlib
import stat
import tempfile
import warnings

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet import reactor
from twisted.internet.interfaces import IReactorTime
from twisted.trial.unittest import SkipTest, TestCase


class StrictTests(TestCase):
    """What ``tests.strict_trial`` is tried on."""

    def test_in_order(self) -> None:
        """Passes."""

    def test_skipped(self) -> None:
        """Is skipped, with a reason."""
        raise SkipTest("needs what no machine has")

    def test_surroundings(self) -> None:
        """Has no settings of another server, its language, and files that others may read."""
        theirs = {"HMAC_SECURITY_SECRET", "HMAC_CONFIG_PATH", "NOTIFY_SOCKET", "LISTEN_FDS"}
        self.assertEqual(set(), {*theirs, "GIT_DIR"} & set(os.environ))
        self.assertEqual(("C.UTF-8", "/var/tmp"), (os.environ["LC_ALL"], tempfile.gettempdir()))
        self.assertEqual("elsewhere,localhost,127.0.0.1,::1", os.environ["no_proxy"])
        path = pathlib.Path(self.mktemp())
        path.touch()
        self.assertEqual(0o644, stat.S_IMODE(path.stat().st_mode))

    def test_deprecated(self) -> None:
        """Uses, from a module of ours, what is deprecated."""
        warnings.warn("this goes away", DeprecationWarning, stacklevel=1)

    def test_never_awaited(self) -> None:
        """Calls a coroutine function and drops the coroutine."""

        async def forgotten() -> None: ...

        forgotten()  # type: ignore[unused-coroutine]  # the fault that this test is about

    def test_bytes_as_text(self) -> None:
        """Compares bytes with text, which is never equal."""
        given: object = b"a"
        self.assertFalse(given == "a")

    @given(number=st.integers(7, 9))
    def test_property(self, number: int) -> None:
        """Holds for all numbers but one."""
        self.assertNotEqual(number, 8)

    def test_dirty_reactor(self) -> None:
        """Leaves a delayed call behind."""
        IReactorTime(reactor).callLater(60, int)

    def test_a_long_name_that_says_what_is_tested_here(self) -> None:
        """Tells where its files are, each time another place."""
        for _ in range(2):
            print(f"\nplace: {pathlib.Path(self.mktemp()).resolve()}")
