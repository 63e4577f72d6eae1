"""A server whose network changes under it: machines of their own, a real cable, real addresses."""

from __future__ import annotations

import json
import os
import re
from typing import Any, Final

from tests.ports import free_port
from tests.real import certificates, namespaces
from tests.real.case import MEGABYTE, ServerCase, noise
from tests.real.client import Answer, Connection, Headers
from tests.real.daemon import CHECKOUT, Daemon, eventually
from tests.real.slow_line import slow_line

FIRST: Final = "10.77.1.1"
SECOND: Final = "10.77.2.1"
LATE: Final = "10.77.3.1"
SLOW: Final = "10.77.4.1"
SIXTH: Final = "fd77::1"
FORBIDDEN: Final = "import socket\n\ndel socket.AF_NETLINK\n"
"""The text of a ``sitecustomize`` module: as if this system had no rtnetlink."""

SIZE: Final = 8 * MEGABYTE
TOKEN: Final[Headers] = {"X-Session-Token": "from-one-network-to-another"}
MANY: Final = 1000
QUALITY: Final = re.compile(
    r'^hmac_file_server_connections_quality\{interface="(\w+)",quality="(\w+)"\} (\S+)$', re.M
)
SLOW_RTT: Final = re.compile(r'^hmac_file_server_rtt_seconds\{interface="slow"\} (\S+)$', re.M)
COUNT: Final = re.compile(r'^hmac_file_server_network_events_total\{kind="(\w+)"\} (\S+)$', re.M)


class NetworkCase(ServerCase):
    """A machine for a server, and another one for its client."""

    daemon: Daemon

    def setUp(self) -> None:
        self.server, self.client = machines = namespaces.two_machines()
        self.addCleanup(namespaces.remove, *machines)
        addresses = (FIRST, SECOND, LATE)
        self.server.ip(*(f"address add {address}/24 dev cable" for address in addresses[:2]))
        self.client.ip(*(f"address add {a.rpartition('.')[0]}.9/24 dev cable" for a in addresses))
        self.port, self.metrics, self.late = (free_port() for _ in range(3))

    def log_has(self, text: str) -> None:
        """Wait until the server has logged this."""
        eventually(text, lambda: text in self.daemon.log)

    def connect_to(self, host: str, port: int | None = None) -> Connection:
        """Return a connection from the client's machine."""
        with self.client.entered():
            connection = Connection(port or self.port, host=host)
        self.addCleanup(connection.close)
        return connection

    def ask_here(self, port: int, target: str, headers: Headers | None = None) -> Answer:
        """Ask the server on its own machine."""
        with self.server.entered(), Connection(port) as connection:
            return connection.request("GET", target, headers)

    def counts(self) -> dict[str, int]:
        """Return how many changes of each kind there were, but for none."""
        page = self.page()
        return {kind: int(float(count)) for kind, count in COUNT.findall(page) if float(count)}

    def wait_for(self, counts: dict[str, int]) -> None:
        """Wait until so many changes were counted, and no others."""
        eventually(f"{counts}, not {self.counts()}", lambda: self.counts() == counts)

    def page(self) -> str:
        """Return the metrics."""
        return self.ask_here(self.metrics, "/metrics").body.decode()

    def part(self) -> dict[str, Any]:
        """Return what the health says of the network."""
        accept: Headers = {"Accept": "application/json"}
        answer = self.ask_here(self.port, "/health", accept)
        self.assert_status(200, answer)
        found: dict[str, Any] = json.loads(answer.body)["parts"]["network"]
        return found

    def quality(self, interface: str) -> dict[str, float]:
        """Return what the metrics tell of the connections by an interface."""
        found = QUALITY.findall(self.page())
        return {name: float(count) for of, name, count in found if of == interface}


class WatchedTests(NetworkCase):
    """A server whose network the kernel tells of."""

    def setUp(self) -> None:
        super().setUp()
        with self.server.entered():
            self.daemon = self.start(
                {
                    "server": {
                        "listen_address": str(self.port),
                        "listeners": [f"tcp:{LATE}:{self.late}"],
                        "metrics_port": str(self.metrics),
                        "networkevents": True,
                    },
                    "network_resilience": {
                        "detection_interval": "300ms",
                        "max_detection_interval": "1s",
                        "quality_monitoring": True,
                        "predictive_switching": True,
                        "quality_check_interval": "200ms",
                        "multi_interface_enabled": True,
                        "rtt_critical_threshold": "30s",
                    },
                },
                port=self.port,
            )
        self.log_has("the network is watched: 2 of 2 interfaces up")

    def test_upload_moves(self) -> None:
        """An upload whose server address goes away rests at once, and goes on by another."""
        data = noise(SIZE)
        target = self.daemon.target("video", SIZE)
        broken = self.connect_to(FIRST)
        broken.begin("PUT", target, {**TOKEN, "Content-Length": SIZE})
        broken.send(data[: SIZE // 2])
        bystander = self.connect_to(SECOND)
        self.assert_status(200, bystander.request("GET", "/health"))
        self.server.ip(f"address del {FIRST}/24 dev cable")
        self.log_has("cut 1 connections to addresses that are gone")
        self.assertIn(f"cable has the address {FIRST} no more", self.daemon.log)
        page = self.page()
        self.assertIn('hmac_file_server_lost_connections_total{reason="address"} 1.0', page)
        self.assertIn('hmac_file_server_sessions{state="open"} 1.0', page)
        self.wait_for({"address_removed": 1})

        self.assertTrue(bystander.works())
        answer = bystander.request("HEAD", target, TOKEN)
        self.assert_status(200, answer)
        offset = int(answer.headers["upload-offset"])
        self.assertGreater(offset, 0)
        part = f"bytes {offset}-{SIZE - 1}/{SIZE}"
        rest = {**TOKEN, "Content-Range": part, "Content-Length": SIZE - offset}
        bystander.begin("PUT", target, rest)
        bystander.send(data[offset:])
        self.assert_status(201, bystander.answer("PUT"))
        got = bystander.request("GET", self.daemon.place("video"))
        self.assertEqual(data, got.body)

    def test_quality(self) -> None:
        """Connections are judged by their interface; a client that is gone is not waited for."""
        self.enterContext(slow_line(self.server, self.client, 0.15))
        self.server.ip(f"address add {SLOW}/24 dev slow")
        self.client.ip("address add 10.77.4.9/24 dev slow")
        self.log_has(f"slow has the address {SLOW}")
        there = self.connect_to(SLOW)
        self.assert_status(200, there.request("GET", "/health"))
        gone = self.connect_to(FIRST)
        target = self.daemon.target("video", SIZE)
        gone.begin("PUT", target, {**TOKEN, "Content-Length": SIZE})
        gone.send(bytes(SIZE // 2))
        one = {"good": 1, "poor": 0, "bad": 0}
        eventually("a quick one", lambda: self.quality("cable") == one)
        self.assertEqual({"good": 0, "poor": 1, "bad": 0}, self.quality("slow"))
        self.log_has("the best interface is cable")
        [rtt] = SLOW_RTT.findall(self.page())
        self.assertGreater(float(rtt), 0.3)

        self.client.ip("link set cable down")
        self.log_has("gave up 1 connections: their clients are silent")
        page = self.page()
        self.assertIn('hmac_file_server_lost_connections_total{reason="client"} 1.0', page)
        self.assertIn('hmac_file_server_sessions{state="open"} 1.0', page)
        self.assertEqual(1, self.counts()["interface_down"])
        self.assertIn('hmac_file_server_best_interface{interface="slow"} 1.0', page)
        answer = there.request("HEAD", target, TOKEN)
        self.assert_status(200, answer)
        self.assertGreater(int(answer.headers["upload-offset"]), 0)

    def test_listening(self) -> None:
        """An address to listen on is waited for, and can go and come back."""
        self.log_has(f"cannot listen on {LATE}:{self.late}")
        self.assertEqual("degraded", self.part()["status"])
        self.assertIn(LATE, self.part()["detail"])
        self.server.ip(f"address add {LATE}/24 dev cable")
        self.log_has(f"now also on tcp:{LATE}:{self.late}")
        self.assertEqual("ok", self.part()["status"])
        self.assertIn(
            "2 of 2 interfaces up, 5 addresses, told by the kernel", self.part()["detail"]
        )
        with self.connect_to(LATE, self.late) as connection:
            self.assert_status(200, connection.request("GET", "/health"))
        self.server.ip(f"address del {LATE}/24 dev cable")
        self.wait_for({"address_added": 1, "address_removed": 1})
        self.server.ip(f"address add {LATE}/24 dev cable")
        self.wait_for({"address_added": 2, "address_removed": 1})
        with self.connect_to(LATE, self.late) as connection:
            self.assert_status(200, connection.request("GET", "/health"))

    def test_counted(self) -> None:
        """Each change that lasts is counted once; what comes and goes in between is none."""
        flapping = [f"link set cable {state}" for _ in range(10) for state in ("down", "up")]
        self.server.ip(
            *flapping, *(f"address {what} {LATE}/24 dev cable" for what in ("add", "del"))
        )
        self.server.ip(
            "link add other type veth peer name end",
            "link set end addrgenmode none",
            "link set other addrgenmode none",
            "link set end up",
            "link set other up",
            "address add 10.78.0.1/16 dev other",
        )
        added = {"interface_added": 2, "interface_up": 2, "address_added": 1}
        self.wait_for(added)
        self.server.ip("link del other")
        removed = {"interface_down": 2, "interface_removed": 2, "address_removed": 1}
        self.wait_for({**added, **removed})
        several = [f"10.78.{n // 250}.{n % 250 + 2}/32" for n in range(MANY)]
        self.server.ip(*(f"address add {address} dev cable" for address in several))
        many = added["address_added"] + MANY
        self.wait_for({**added, **removed, "address_added": many})
        self.assertIn("more changes of the network", self.daemon.log)
        self.assertLess(self.daemon.log.count("cable has the address"), MANY)


class ForbiddenTests(NetworkCase):
    """A server whose network it has to look at itself."""

    def test_without_the_kernel(self) -> None:
        """Where rtnetlink is forbidden the server looks for itself; TLS and IPv6 are no other."""
        place = self.directory()
        (place / "sitecustomize.py").write_text(FORBIDDEN, encoding="utf-8")
        certificate = certificates.make(place)
        port = free_port()
        daemon = Daemon(
            place / "server",
            {
                "server": {
                    "listen_address": str(port),
                    "networkevents": True,
                    "metrics_port": str(self.metrics),
                    "listeners": [f"tls:[::]:{self.late}"],
                },
                "tls": {
                    "cert_file": os.fspath(certificate.certificate),
                    "key_file": os.fspath(certificate.key),
                },
                "network_resilience": {
                    "detection_interval": "200ms",
                    "quality_monitoring": True,
                    "quality_check_interval": "200ms",
                },
            },
            port=port,
        )
        self.daemon = daemon
        daemon.launcher = ["env", f"PYTHONPATH={place}:{CHECKOUT}"]
        self.addCleanup(self._end, daemon)
        self.server.ip(f"address add {SIXTH}/64 dev cable nodad")
        self.client.ip(f"address add {SIXTH}9/64 dev cable nodad")
        with self.server.entered():
            daemon.start()
        eventually("the warning", lambda: "the kernel does not tell of changes" in daemon.log)
        eventually("the first look", lambda: "the network is watched: 2 of 2" in daemon.log)
        with self.client.entered():
            connection = Connection(self.late, tls=certificate.trusting(), host=SIXTH)
        with connection:
            self.assert_status(200, connection.request("GET", "/health"))
            eventually("a connection", lambda: self.quality("all").get("good"))
            self.server.ip(f"address del {SIXTH}/64 dev cable")
            eventually("its end", lambda: "cut 1 connections to addresses" in daemon.log)
        self.assertIn(f"cable has the address {SIXTH} no more", daemon.log)
        self.assertEqual({"address_removed": 1}, self.counts())
