"""Tests of hmacfs.cli.machine."""

from __future__ import annotations

import os
import pathlib

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.cli.machine import ThisMachine


class ThisMachineTests(SynchronousTestCase):
    """Tests of ThisMachine."""

    def test_numbers(self) -> None:
        """Every machine has a processor, memory and files it may open."""
        machine = ThisMachine()
        self.assertGreaterEqual(machine.cores, 1)
        self.assertGreater(machine.memory, 16 * 1024**2)
        self.assertGreater(machine.open_files, 10)

    def test_look(self) -> None:
        """A path is told about with its own permissions, and the room on its disk."""
        path = pathlib.Path(self.mktemp())
        path.mkdir(mode=0o700)
        path.chmod(0o751)
        seen = ThisMachine().look(path)
        assert seen is not None
        self.assertEqual((seen.mode, seen.group), (0o751, path.stat().st_gid))
        self.assertEqual(seen.device, path.stat().st_dev)
        self.assertLessEqual(seen.free, os.statvfs(path).f_blocks * os.statvfs(path).f_frsize)

    def test_nothing_there(self) -> None:
        """Nothing is told about what is not there."""
        self.assertIs(ThisMachine().look(pathlib.Path(self.mktemp())), None)
