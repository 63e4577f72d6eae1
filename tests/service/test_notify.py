"""Telling systemd how the service is."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.service.notify import Notify, watchdog_interval


class NotifyTests(SynchronousTestCase):
    """``Notify``."""

    def listen(self, address: str) -> socket.socket:
        """Stand in for systemd."""
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(listening.close)
        listening.bind(address)
        listening.settimeout(60)
        return listening

    def test_states(self) -> None:
        """Each state is one datagram in systemd's words."""
        systemd = self.listen("n")
        self.addCleanup(Path("n").unlink)
        notify = Notify.of({"NOTIFY_SOCKET": "n"})
        notify.ready("serving")
        self.assertEqual(systemd.recv(999), b"READY=1\nSTATUS=serving")
        with notify.reloading():
            told = systemd.recv(999).decode()
            self.assertRegex(told, r"\ARELOADING=1\nMONOTONIC_USEC=\d+\Z")
        self.assertEqual(systemd.recv(999), b"READY=1")
        notify.alive()
        self.assertEqual(systemd.recv(999), b"WATCHDOG=1")
        notify.stopping()
        self.assertTrue(systemd.recv(999).startswith(b"STOPPING=1\n"))

    def test_reload_that_fails(self) -> None:
        """It is over, too: systemd would wait for its end for ever."""
        systemd = self.listen("r")
        self.addCleanup(Path("r").unlink)
        with self.assertRaises(ZeroDivisionError), Notify.of({"NOTIFY_SOCKET": "r"}).reloading():
            raise ZeroDivisionError
        systemd.recv(999)
        self.assertEqual(systemd.recv(999), b"READY=1")

    def test_abstract_socket(self) -> None:
        """An address that begins with @ is an abstract socket."""
        name = f"hmacfs-test-{os.getpid()}"
        systemd = self.listen("\0" + name)
        Notify.of({"NOTIFY_SOCKET": f"@{name}"}).alive()
        self.assertEqual(systemd.recv(999), b"WATCHDOG=1")

    def test_nobody_listens(self) -> None:
        """Without systemd, and when it is gone, nothing happens."""
        Notify.of({}).alive()
        Notify.of({"NOTIFY_SOCKET": "/nowhere/at/all"}).alive()


class WatchdogTests(SynchronousTestCase):
    """``watchdog_interval``."""

    def test_interval(self) -> None:
        """It is half of what systemd allows, if it means this process."""
        pid = str(os.getpid())
        for environ, expected in (
            ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": pid}, 15.0),
            ({"WATCHDOG_USEC": "30000000"}, 15.0),
            ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
            ({"WATCHDOG_USEC": "0"}, None),
            ({"WATCHDOG_USEC": "x"}, None),
            ({}, None),
        ):
            self.assertEqual(watchdog_interval(environ), expected)
