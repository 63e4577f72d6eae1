"""The package for the other suite, on a booted machine of it."""

from __future__ import annotations

import os
import shutil
from typing import Final

from twisted.trial.unittest import SkipTest

from tests.packaging import cache
from tests.packaging.machine import MachineCase

OTHER: Final = {"bookworm": "trixie", "trixie": "bookworm"}
UNIT: Final = "hmac-file-server"


class OtherSuiteTests(MachineCase):
    """Everything from the build to the purge."""

    def setUp(self) -> None:
        if not os.environ.get("HMACFS_LONG"):
            raise SkipTest("only with --long: this makes whole systems of the other suite")
        super().setUp()
        cache.need("debootstrap", "unshare")

    def test_life(self) -> None:
        """Its tests pass in the build, it is installed, is used, comes back, and is purged."""
        other = OTHER[cache.suite()]
        shutil.copy(cache.build(cache.CHECKOUT, "", other), self.shared / "first.deb")
        self.machine.boot(cache.tree(of=other))
        self.do("dpkg -i /shared/first.deb")
        self.wait_active()
        self.assert_uploads("a")
        self.do(f"systemctl reload {UNIT} && systemctl restart {UNIT}")
        self.assert_serves("a")
        self.do(f"systemctl start {UNIT}-retention && dpkg --purge {UNIT}")
        self.do(f"test -f /var/lib/{UNIT}/uploads/a && ! test -e /usr/lib/{UNIT}")
