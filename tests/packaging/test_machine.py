"""The machines of the tests themselves."""

from __future__ import annotations

import os
from unittest import mock

from tests.packaging import cache
from tests.packaging.machine import Machine, MachineCase

SLEEPS = "systemd-run --quiet --unit=sleeps sleep infinity"


class MachineTests(MachineCase):
    """Machines, whoever starts them."""

    def test_shells(self) -> None:
        """One is seen to come up whatever shell is the user's."""
        for shell in ("/bin/bash", "/bin/sh", "/usr/sbin/nologin"):
            shared = self.shared / f"shell{shell.replace('/', '-')}"
            shared.mkdir()
            machine = Machine(shared)
            self.addCleanup(machine.off)
            with mock.patch.dict(os.environ, {"SHELL": shell}):
                machine.boot(cache.tree())
            self.assertEqual("systemd\n", machine.run("cat /proc/1/comm").text)

    def test_beside(self) -> None:
        """Each has a control group of its own, and ends its own services alone."""
        shared = self.shared / "other"
        shared.mkdir()
        other = Machine(shared)
        self.addCleanup(other.off)
        for machine in (self.machine, other):
            machine.boot(cache.tree())
            self.assertEqual(0, machine.run(SLEEPS).code)
        where = "cat /proc/1/cgroup"
        self.assertNotEqual(self.do(where), other.run(where).text)
        self.assertEqual("active", self.property("ActiveState", "sleeps"))
        self.do("systemctl stop sleeps")
        self.assertEqual("active\n", other.run("systemctl is-active sleeps").text)
