"""What the other side of a socket has not taken yet."""

from __future__ import annotations

import contextlib
import os
import socket

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.taking import untaken


class UntakenTests(SynchronousTestCase):
    """``untaken``."""

    def test_tcp(self) -> None:
        """Bytes for which the other side has no room are told, and none once it has read all."""
        with socket.create_server(("127.0.0.1", 0)) as listening:
            theirs = socket.create_connection(listening.getsockname())
            ours, _ = listening.accept()
        with theirs, ours:
            ours.setblocking(False)
            self.assertEqual(0, untaken(ours.fileno()))
            sent = 0
            with contextlib.suppress(BlockingIOError):
                while True:
                    sent += ours.send(bytes(65536))
            left = untaken(ours.fileno())
            self.assertTrue(0 < left <= sent, (left, sent))
            while sent:
                sent -= len(theirs.recv(65536))
            # The kernel acknowledges at once what goes over the loopback and is read.
            self.assertEqual(0, untaken(ours.fileno()))

    def test_no_socket(self) -> None:
        """Of what is no socket, and is not open, there is nothing."""
        reading, writing = os.pipe()
        os.close(writing)
        self.assertEqual(0, untaken(reading))
        os.close(reading)
        self.assertEqual(0, untaken(reading))
