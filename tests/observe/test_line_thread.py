"""The thread that writes the log."""

from __future__ import annotations

import contextlib
import io
import threading

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.observe.line_thread import LineThread

PATIENCE = 60.0


class SlowOutput:
    """
    An output that can be held up, and writes down what it is asked to do.

    :ivar done: lines that were written, and the other things that it was asked.
    """

    def __init__(self) -> None:
        self.done: list[str] = []
        self.free = threading.Event()
        self.free.set()
        self.busy = threading.Event()

    def write(self, line: str) -> None:
        """Write a line, when the test lets it."""
        self.busy.set()
        if not self.free.wait(PATIENCE):
            raise AssertionError("nobody freed the output")
        if line == "bad\n":
            raise ZeroDivisionError
        self.done.append(line)

    def lost(self, count: int) -> None:
        """Note it."""
        self.done.append(f"lost {count}")

    def reopen(self) -> None:
        """Note it."""
        self.done.append("reopen")

    def close(self) -> None:
        """Note it."""
        self.done.append("close")


class LineThreadTests(SynchronousTestCase):
    """``LineThread``."""

    def setUp(self) -> None:
        self.output = SlowOutput()
        self.lines = LineThread(self.output, limit=3)

    def held_up(self) -> None:
        """Start it and hold it up in its first line."""
        self.lines.start()
        self.output.free.clear()
        self.lines.put("first\n")
        self.assertTrue(self.output.busy.wait(PATIENCE))

    def end(self) -> list[str]:
        """Let it go, wait for its end, and tell what was done after the file was opened."""
        self.output.free.set()
        self.lines.stop(PATIENCE)
        done = list(self.output.done)
        done.remove("reopen")
        return done

    def test_order(self) -> None:
        """Lines are written in their order, and all of them before the end."""
        self.lines.put("early\n")
        self.lines.start()
        self.lines.put("late\n")
        self.assertEqual(self.end(), ["early\n", "late\n", "close"])

    def test_opened_at_the_start(self) -> None:
        """The file is opened before anything is logged, so that a fault shows at once."""
        self.lines.start()
        self.lines.stop(PATIENCE)
        self.assertEqual(self.output.done, ["reopen", "close"])

    def test_never_waits(self) -> None:
        """While the disk hangs nobody waits; what is too much is lost and counted in its place."""
        self.held_up()
        self.assertFalse(self.lines.is_full)
        for n in range(8):
            self.lines.put(f"{n}\n")
        self.assertTrue(self.lines.is_full)
        kept = ["0\n", "1\n", "2\n"]
        self.assertEqual(self.end(), ["first\n", *kept, "lost 5", "close"])

    def test_many_threads(self) -> None:
        """Lines of several threads are all written, each thread's in their order."""
        lines = LineThread(self.output)
        lines.start()

        def log(name: str) -> None:
            for n in range(200):
                lines.put(f"{name} {n}\n")

        threads = [threading.Thread(target=log, args=(name,)) for name in "abc"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        lines.stop(PATIENCE)
        for name in "abc":
            mine = [line for line in self.output.done if line.startswith(f"{name} ")]
            self.assertEqual(mine, [f"{name} {n}\n" for n in range(200)])

    def test_reopen(self) -> None:
        """The file is opened anew after what was logged before, and before what is logged then."""
        self.held_up()
        self.lines.put("before\n")
        self.lines.reopen()
        self.lines.reopen()
        self.lines.put("after\n")
        self.assertEqual(self.end(), ["first\n", "before\n", "reopen", "after\n", "close"])

    def test_faulty_output(self) -> None:
        """A fault in the writing ends neither the thread nor the log."""
        with contextlib.redirect_stderr(io.StringIO()) as said:
            self.lines.put("bad\n")
            self.lines.put("good\n")
            self.lines.start()
            done = self.end()
        self.assertEqual(done, ["good\n", "close"])
        self.assertIn("ZeroDivisionError", said.getvalue())

    def test_last_words(self) -> None:
        """What is logged after the end is written at once."""
        self.lines.start()
        self.end()
        self.lines.put("last\n")
        self.assertEqual(self.output.done[-1], "last\n")

    def test_hanging_disk(self) -> None:
        """The end does not wait for a disk that hangs for ever."""
        self.held_up()
        self.lines.stop(0.0)
        self.assertNotIn("close", self.output.done)
        self.assertEqual(self.end(), ["first\n", "close"])

    def test_daemon(self) -> None:
        """Nor does the process."""
        self.held_up()
        [thread] = [thread for thread in threading.enumerate() if thread.name == "log"]
        self.assertTrue(thread.daemon)
        self.end()
        self.assertFalse(thread.is_alive())
