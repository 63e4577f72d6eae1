"""The machines of the tests themselves."""

from __future__ import annotations

from tests.packaging import cache
from tests.packaging.machine import Machine, MachineCase

SLEEPS = "systemd-run --quiet --unit=sleeps sleep infinity"


class MachineTests(MachineCase):
    """Machines beside each other."""

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
