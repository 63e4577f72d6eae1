"""How connections are measured and judged."""

from __future__ import annotations

import socket
import struct
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any, cast

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.addresses import Address
from hmacfs.base.events import Events
from hmacfs.base.network_events import ConnectionsGivenUp, ConnectionsMeasured, Measured
from hmacfs.config import options
from hmacfs.config.settings import Settings
from hmacfs.netwatch import tcp_info
from hmacfs.netwatch.connections import AT_ONCE
from hmacfs.netwatch.measuring import ALL, Measures, QualityWatch
from hmacfs.netwatch.quality import LEAST_SENT, MOST_NAMES, OTHERS, Meter, Thresholds
from hmacfs.netwatch.tcp_info import Sample
from hmacfs.service.quality import measures

THRESHOLDS = Thresholds(0.2, 1.0, 0.02, 0.1)
HERE = ip_address("192.0.2.1")


def info(
    rtt: float = 0.0, sent: int = 0, repeated: int = 0, unanswered: int = 0, silence: float = 0.0
) -> bytes:
    """Write what the kernel would, as linux/tcp.h has it."""
    words = [0] * 58
    words[52 // 4] = words[56 // 4] = int(silence * 1000)
    words[68 // 4] = int(rtt * 1_000_000)
    words[100 // 4] = repeated
    words[156 // 4] = sent
    written = bytearray(struct.pack("=58I", *words))
    written[2:4] = unanswered, 0
    return bytes(written)


class Connection:
    """A connection of the tests; its own socket, whose options are noted."""

    family = socket.AF_INET

    def __init__(self, here: Address | None = HERE) -> None:
        self.here = here
        self.info = info()
        self.options: dict[int, int] = {}
        self.aborted = False

    @property
    def socket(self) -> socket.socket | None:
        """What is asked."""
        return None if self.aborted else cast(socket.socket, self)

    def getsockopt(self, level: int, option: int, room: int) -> bytes:
        """Tell how it is."""
        assert (level, option) == (socket.IPPROTO_TCP, socket.TCP_INFO), "asked something else"
        return self.info[:room]

    def setsockopt(self, level: int, option: int, value: int) -> None:
        """Take an option."""
        self.options[option] = value

    def abort(self) -> None:
        """Cut it."""
        self.aborted = True


class SampleTests(SynchronousTestCase):
    """``sample`` and ``read``."""

    def test_real(self) -> None:
        """What the kernel tells of a connection of this machine makes sense."""
        with (
            socket.create_server(("127.0.0.1", 0)) as server,
            socket.create_connection(server.getsockname()) as client,
            server.accept()[0] as accepted,
        ):
            client.sendall(b"question")
            self.assertEqual(b"question", accepted.recv(100))
            found = tcp_info.sample(client)
            assert found is not None
            self.assertEqual((1, 0, 0), (found.sent, found.repeated, found.unanswered))
            self.assertGreater(found.rtt, 0)
            self.assertLess(found.rtt, 10)
            tcp_info.probe(client, 1.5)
            self.assertEqual(1, client.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))
            self.assertEqual(2, client.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE))
        self.assertIsNone(tcp_info.sample(client))

    def test_others(self) -> None:
        """A socket that is none of TCP has no quality."""
        one, other = socket.socketpair()
        with one, other:
            self.assertIsNone(tcp_info.sample(one))

    def test_read(self) -> None:
        """The numbers are where the kernel writes them; an older one tells fewer."""
        written = info(0.25, 30, 3, 2, 1.5)
        self.assertEqual(Sample(0.25, 2, 1.5, 30, 3), tcp_info.read(written))
        self.assertEqual(Sample(0.25, 2, 1.5, 0, 3), tcp_info.read(written[:104]))
        self.assertIsNone(tcp_info.read(written[:103]))


class MeterTests(SynchronousTestCase):
    """``Meter`` and ``Thresholds``."""

    def test_judge(self) -> None:
        """A connection is as good as the worse of its two numbers."""
        cases = [
            *((0.1, None, "good"), (0.2, None, "poor"), (0.999, None, "poor"), (1.0, None, "bad")),
            *((0.1, 0.019, "good"), (0.1, 0.02, "poor"), (0.1, 0.1, "bad"), (0.3, 0.5, "bad")),
        ]
        for rtt, loss, expected in cases:
            self.assertEqual(expected, THRESHOLDS.judge(rtt, loss), (rtt, loss))

    def test_losses(self) -> None:
        """A share is of what was sent since the sample before, if that is enough to tell."""
        meter = Meter(THRESHOLDS)
        first = meter.measure([("a", "eth0", Sample(0.1, 0, 0, 1000, 500))])
        self.assertEqual({"eth0": Measured({"good": 0, "poor": 0, "bad": 1}, 0.1, 0.5)}, first)
        second = meter.measure([("a", "eth0", Sample(0.1, 0, 0, 1100, 501))])
        self.assertEqual({"eth0": Measured({"good": 1, "poor": 0, "bad": 0}, 0.1, 0.01)}, second)
        third = meter.measure([("a", "eth0", Sample(0.1, 0, 0, 1100 + LEAST_SENT - 1, 510))])
        self.assertIsNone(third["eth0"].loss)
        self.assertEqual({}, meter.measure([]))

    def test_bounded(self) -> None:
        """However many interfaces there are, so many are told apart and no more."""
        sample = Sample(0.5, 0, 0, 0, 0)
        found = Meter(THRESHOLDS).measure((n, f"veth{n}", sample) for n in range(100))
        self.assertEqual(MOST_NAMES + 1, len(found))
        self.assertEqual(100 - MOST_NAMES, found[OTHERS].qualities["poor"])


class WatchTests(SynchronousTestCase):
    """``QualityWatch``."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.events = Events(lambda: self.fail("a listener failed"))
        self.measured: list[Mapping[str, Measured]] = []
        self.lost: list[ConnectionsGivenUp] = []
        self.events.listen(
            ConnectionsMeasured, lambda event: self.measured.append(event.interfaces)
        )
        self.events.listen(ConnectionsGivenUp, self.lost.append)
        self.connections: list[Connection] = []

    def watch(self, *, tells: bool = True, by_interface: bool = False, lives: int = 0) -> None:
        """Begin to look every two seconds."""
        wanted = Measures(2.0, tells, by_interface, THRESHOLDS, lives)
        watch = QualityWatch(
            self.clock, wanted, lambda: self.connections, lambda: {HERE: "eth0"}, self.events
        )
        watch.start()
        self.addCleanup(lambda: self.assertEqual([], self.clock.getDelayedCalls()))
        self.addCleanup(watch.stop)

    def test_interfaces(self) -> None:
        """Interfaces are told apart by the address that a connection came to, if at all."""
        self.connections = [Connection(), Connection(ip_address("192.0.2.9")), Connection(None)]
        for by_interface, expected in ((False, {ALL: 3}), (True, {"eth0": 1, OTHERS: 2})):
            self.watch(by_interface=by_interface)
            self.clock.advance(2)
            [found] = self.measured
            self.measured.clear()
            counts = {name: sum(measured.qualities.values()) for name, measured in found.items()}
            self.assertEqual(expected, counts)
            self.doCleanups()

    def test_silent(self) -> None:
        """A client is asked once it is there, and given up when it has been silent for too long."""
        dead, alive, asked, paused = self.connections = [Connection() for _ in range(4)]
        dead.info = info(unanswered=2, silence=6)
        # It takes no more now, and is asked seldom whether it does; that is on its way.
        paused.info = info(unanswered=1, silence=100)
        alive.info = info(silence=1000)
        asked.info = info(unanswered=3, silence=5.9)
        self.watch(tells=False, lives=3)
        self.clock.advance(2)
        self.assertEqual([True, False, False, False], [each.aborted for each in self.connections])
        self.assertEqual([ConnectionsGivenUp(1, "client")], self.lost)
        self.assertEqual([], self.measured)
        self.assertEqual(1, alive.options.pop(socket.SO_KEEPALIVE))
        self.assertEqual({2}, set(alive.options.values()))
        alive.options.clear()
        self.clock.advance(2)
        self.assertEqual({}, alive.options)

    def test_not_asked(self) -> None:
        """Where nobody is to be given up nobody is asked."""
        self.connections = [Connection()]
        self.connections[0].info = info(unanswered=9, silence=99)
        self.watch()
        self.clock.advance(2)
        self.assertEqual((False, {}), (self.connections[0].aborted, self.connections[0].options))

    def test_many(self) -> None:
        """Many connections are looked at with pauses, and then it goes on."""
        self.connections = [Connection() for _ in range(AT_ONCE + 1)]
        delays: list[float] = []
        later = self.clock.callLater

        def noted(delay: float, work: Any, *arguments: Any) -> Any:
            delays.append(delay)
            return later(delay, work, *arguments)

        self.patch(self.clock, "callLater", noted)
        self.watch()
        self.clock.advance(2)
        self.clock.advance(2)
        self.assertEqual([2, 0, 2, 0, 2], delays)
        counts = [found[ALL].qualities["good"] for found in self.measured]
        self.assertEqual([AT_ONCE + 1] * 2, counts)


class SettingsTests(SynchronousTestCase):
    """``measures``."""

    def test_switches(self) -> None:
        """Nothing is measured unless networkevents and one of the two are on."""
        on = {
            options.SERVER_NETWORKEVENTS: True,
            options.NETWORK_RESILIENCE_QUALITY_MONITORING: True,
        }
        for option in on:
            self.assertIsNone(measures(Settings.of({**on, option: False})), option.key)
        self.assertIsNotNone(measures(Settings.of(on)))

    def test_mobile(self) -> None:
        """Mobile networks have patience, but for what was given."""
        found = measures(
            Settings.of(
                {
                    options.SERVER_NETWORKEVENTS: True,
                    options.NETWORK_RESILIENCE_PREDICTIVE_SWITCHING: True,
                    options.NETWORK_RESILIENCE_MOBILE_OPTIMIZATIONS: True,
                    options.NETWORK_RESILIENCE_RTT_WARNING_THRESHOLD: 0.2,
                }
            )
        )
        assert found is not None
        self.assertEqual(Thresholds(0.2, 3.0, 0.05, 0.2), found.thresholds)
        self.assertEqual(30.0, found.patience)
