"""The numbers after a scripted day of a server, read with Prometheus' own parser."""

from __future__ import annotations

import platform
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.events import (
    ConnectionsChanged,
    DownloadFailed,
    DownloadSent,
    Events,
    RequestEnded,
    RequestsChanged,
    SessionsCounted,
    StoreCallFailed,
    StoreSwitched,
    UploadFailed,
    UploadResumed,
    UploadStored,
    UploadTakenOver,
)
from hmacfs.base.network_events import (
    NETWORK_CHANGES,
    ConnectionsGivenUp,
    ConnectionsMeasured,
    InterfacePreferred,
    Measured,
    NetworkChanged,
)
from hmacfs.base.values import StoredFile
from hmacfs.base.version import VERSION
from hmacfs.observe.metrics import METHODS, Metrics
from hmacfs.observe.table import TABLE
from tests.blobs.samples import named
from tests.flow.held_pool import HeldPool
from tests.web.wire import Server, mac_v, request

OURS = "hmac_file_server_"

Samples = dict[tuple[str, tuple[str, ...]], float]
"""Values by the name of the series and the values of its labels, in the order of their names."""


def parsed(text: bytes) -> Samples:
    """Read a page, whose every line must be understood, and leave the empty buckets out."""
    samples: Samples = {}
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            labels = tuple(value for _, value in sorted(sample.labels.items()))
            assert (sample.name, labels) not in samples, sample
            samples[sample.name, labels] = sample.value
    return samples


class MetricsCase(SynchronousTestCase):
    """Metrics that listen to a bus."""

    def setUp(self) -> None:
        self.events = Events(lambda: self.fail("a listener failed"))
        self.metrics = Metrics(CollectorRegistry(), self.events, lambda: 0.0, lambda: 0.0)

    def samples(self, prefix: str = "") -> Samples:
        """Read the page as it is now: the series whose names begin so."""
        page = parsed(self.metrics.render())
        return {key: value for key, value in page.items() if key[0].startswith(prefix)}


class UploadSessionTests(MetricsCase):
    """Uploads that rest and go on."""

    def test_sessions(self) -> None:
        """Sessions are told by their state, what goes on and what is taken over is counted."""
        self.events.tell(SessionsCounted({"open": 3, "stored": 1}))
        self.events.tell(SessionsCounted({"open": 2, "stored": 2}))
        self.events.tell(UploadResumed())
        self.events.tell(UploadTakenOver())
        self.events.tell(UploadTakenOver())
        samples = self.samples(OURS)
        self.assertEqual(samples[f"{OURS}sessions", ("open",)], 2)
        self.assertEqual(samples[f"{OURS}sessions", ("stored",)], 2)
        self.assertEqual(samples[f"{OURS}resumptions_total", ()], 1)
        self.assertEqual(samples[f"{OURS}takeovers_total", ()], 2)


class EventTests(MetricsCase):
    """What each event does."""

    def test_at_first(self) -> None:
        """A server that did nothing shows nothing but zeros and itself."""
        samples = self.samples(OURS)
        build = samples.pop((f"{OURS}build_info", (platform.python_version(), VERSION)))
        self.assertEqual(build, 1)
        self.assertEqual(set(samples.values()), {0.0})

    def test_every_row(self) -> None:
        """Every row of the table is on the page, with its help and its type."""
        text = self.metrics.render().decode()
        for row in TABLE:
            self.assertIn(f"# HELP {row.name} {row.help}\n", text)
            self.assertIn(f"# TYPE {row.name} {row.kind.__name__.lower()}\n", text)
        self.assertNotIn("_created", text)

    def test_upload(self) -> None:
        """A stored upload is counted, timed and weighed; whether it is new makes no difference."""
        file = StoredFile(named("a"), 5000, bytes(32), "text/plain", 0.0)
        self.events.tell(UploadStored(file, True, 0.75))
        self.events.tell(UploadStored(file, False, 0.25))
        samples = self.samples(f"{OURS}upload")
        self.assertEqual(samples[f"{OURS}uploads_total", ()], 2)
        self.assertEqual(samples[f"{OURS}upload_duration_seconds_sum", ()], 1)
        self.assertEqual(samples[f"{OURS}upload_duration_seconds_count", ()], 2)
        self.assertEqual(samples[f"{OURS}upload_duration_seconds_bucket", ("0.25",)], 1)
        self.assertEqual(samples[f"{OURS}upload_size_bytes_sum", ()], 10000)
        self.assertEqual(samples[f"{OURS}upload_size_bytes_bucket", ("4096.0",)], 0)
        self.assertEqual(samples[f"{OURS}upload_size_bytes_bucket", ("16384.0",)], 2)
        self.assertEqual(samples[f"{OURS}upload_errors_total", ("error",)], 0)

    def test_failed_upload(self) -> None:
        """A failed one is counted by its reason, and nowhere else."""
        self.events.tell(UploadFailed("no-space"))
        self.events.tell(UploadFailed("made-up-later"))
        self.events.tell(UploadFailed("no-space"))
        samples = self.samples(f"{OURS}upload")
        self.assertEqual(samples.pop((f"{OURS}upload_errors_total", ("no-space",))), 2)
        self.assertEqual(samples.pop((f"{OURS}upload_errors_total", ("made-up-later",))), 1)
        self.assertEqual(set(samples.values()), {0.0})

    def test_download(self) -> None:
        """A download that was sent to the end is counted, timed and weighed."""
        self.events.tell(DownloadSent(2000, 1.5, complete=True, name=named("x")))
        samples = self.samples(f"{OURS}download")
        self.assertEqual(samples[f"{OURS}downloads_total", ()], 1)
        self.assertEqual(samples[f"{OURS}download_duration_seconds_sum", ()], 1.5)
        self.assertEqual(samples[f"{OURS}download_size_bytes_sum", ()], 2000)
        self.assertEqual(samples[f"{OURS}download_size_bytes_count", ()], 1)

    def test_failed_download(self) -> None:
        """One that broke off is an error of its own reason, like those that were refused."""
        self.events.tell(DownloadSent(2000, 1.5, complete=False, name=named("x")))
        self.events.tell(DownloadFailed("gone"))
        samples = self.samples(f"{OURS}download")
        self.assertEqual(samples.pop((f"{OURS}download_errors_total", ("aborted",))), 1)
        self.assertEqual(samples.pop((f"{OURS}download_errors_total", ("gone",))), 1)
        self.assertEqual(set(samples.values()), {0.0})

    def test_requests(self) -> None:
        """Requests are counted under both names, by method, route and status."""
        for status in (200, 404, 200):
            self.events.tell(RequestEnded("GET", "/{path}", status, 0.1))
        self.assertEqual(
            self.samples(f"{OURS}http"),
            {
                (f"{OURS}http_requests_total", ("GET", "/{path}", "200")): 2,
                (f"{OURS}http_requests_total", ("GET", "/{path}", "404")): 1,
            },
        )
        plain = self.samples("http_requests")
        self.assertEqual(plain, {("http_requests_total", ("GET", "/{path}")): 3})

    def test_what_clients_make_up(self) -> None:
        """Methods that clients make up make one series, and no route is one too."""
        for method in ("BREW", "get", 'A"\n', ""):
            self.events.tell(RequestEnded(method, "", 405, 0.0))
        plain = self.samples("http_requests")
        self.assertEqual(plain, {("http_requests_total", ("other", "none")): 4})
        for method in METHODS:
            self.events.tell(RequestEnded(method, "", 405, 0.0))
        self.assertEqual(len(self.samples("http_requests")), 1 + len(METHODS))

    def test_gauges(self) -> None:
        """What is open or under way now is shown under the names it has had."""
        self.events.tell(ConnectionsChanged(3))
        self.events.tell(RequestsChanged(2))
        samples = self.samples()
        self.assertEqual(samples[f"{OURS}active_connections", ()], 3)
        self.assertEqual(samples["active_connections_total", ()], 3)
        self.assertEqual(samples["goroutines_count", ()], 2)
        self.events.tell(ConnectionsChanged(0))
        self.assertEqual(self.samples()["active_connections_total", ()], 0)

    def test_stores(self) -> None:
        """Questions that a store did not answer are counted; who answers is shown."""
        self.events.tell(StoreSwitched("redis", active=True))
        self.events.tell(StoreSwitched("fallback", active=False))
        self.events.tell(StoreCallFailed("redis", "failed"))
        self.events.tell(StoreCallFailed("redis", "failed"))
        self.events.tell(StoreSwitched("redis", active=False))
        self.events.tell(StoreSwitched("fallback", active=True))
        samples = self.samples()
        active = f"{OURS}store_active"
        self.assertEqual(samples[active, ("redis",)], 0)
        self.assertEqual(samples[active, ("fallback",)], 1)
        self.assertEqual(samples[f"{OURS}store_failures_total", ("failed", "redis")], 2)

    def test_network(self) -> None:
        """Changes of the network are counted by their kind, and connections that they cut."""
        for kind in ("address_removed", "address_removed", "interface_down"):
            self.events.tell(NetworkChanged(kind, "eth0", "192.0.2.1"))
        self.events.tell(ConnectionsGivenUp(3, "address"))
        samples = self.samples(OURS)
        counted = {
            labels[0]: count
            for (name, labels), count in samples.items()
            if name == f"{OURS}network_events_total"
        }
        expected = {**dict.fromkeys(NETWORK_CHANGES, 0), "address_removed": 2, "interface_down": 1}
        self.assertEqual(counted, expected)
        lost = f"{OURS}lost_connections_total"
        self.assertEqual((samples[lost, ("address",)], samples[lost, ("client",)]), (3, 0))

    def test_quality(self) -> None:
        """Each measurement takes the place of the one before."""
        some = Measured({"good": 2, "poor": 0, "bad": 1}, 0.25, 0.5)
        self.events.tell(ConnectionsMeasured({"eth0": some}))
        some = Measured({"good": 1, "poor": 0, "bad": 0}, 0.125, None)
        self.events.tell(ConnectionsMeasured({"wlan0": some}))
        samples = self.samples(OURS)
        told = {key: value for key, value in samples.items() if "wlan0" in key[1]}
        expected = {
            (f"{OURS}connections_quality", ("wlan0", "good")): 1,
            (f"{OURS}connections_quality", ("wlan0", "poor")): 0,
            (f"{OURS}connections_quality", ("wlan0", "bad")): 0,
            (f"{OURS}rtt_seconds", ("wlan0",)): 0.125,
        }
        self.assertEqual(expected, told)
        self.assertEqual([], [key for key in samples if "eth0" in key[1]])

    def test_preferred(self) -> None:
        """One interface at the most is the best."""
        best = f"{OURS}best_interface"
        for names in (["eth0", "wlan0"], ["eth0", ""]):
            for name in names:
                self.events.tell(InterfacePreferred(name))
            expected = {(best, (name,)): 1 for name in names[1:] if name}
            self.assertEqual(expected, self.samples(best))

    def test_process(self) -> None:
        """Memory and processor time are those of this process."""
        time, spent = [10.0], [1.0]
        self.metrics = Metrics.apart(self.events, lambda: time[0], lambda: spent[0])
        time[0], spent[0] = 20.0, 6.0
        samples = self.samples()
        self.assertEqual(samples["cpu_usage_percent", ()], 50)
        self.assertGreater(samples["memory_usage_bytes", ()], 4 * 1024 * 1024)
        self.assertGreater(samples["process_open_fds", ()], 2)


class SessionTests(MetricsCase):
    """A server, its clients, and the numbers after."""

    def setUp(self) -> None:
        self.pool = HeldPool()
        self.server = Server(Path(self.mktemp()), pool=self.pool)
        self.pool.run_all()
        self.events = self.server.events
        self.metrics = Metrics(CollectorRegistry(), self.events, lambda: 0.0, lambda: 0.0)

    def ask(self, method: str, target: str, *headers: str, body: bytes | None = None) -> int:
        """Send a request, let the disk work, and tell the status of the answer."""
        conversation = self.server.connect()
        conversation.send(request(method, target, headers, body))
        self.pool.run_all()
        status = conversation.response(method).status
        conversation.close()
        return status

    def put(self, name: str, body: bytes) -> int:
        """Upload with a good signature."""
        return self.ask("PUT", f"/upload/{name}?v={mac_v(name, len(body))}", body=body)

    def script(self) -> None:
        """Do everything that there is to count."""
        self.assertEqual(self.put("a", b"hello"), 201)
        self.assertEqual(self.put("a", b"hello"), 201)
        self.assertEqual(self.put("a", b"other"), 409)
        self.assertEqual(self.put("b", bytes(300_000)), 201)
        self.assertEqual(self.ask("PUT", "/upload/c?v=00", body=b"1"), 403)
        self.assertEqual(self.ask("PUT", "/upload/c", body=b"1"), 403)
        slow = self.server.connect()
        slow.send(request("PUT", f"/upload/d?v={mac_v('d', 4)}", (), b"slow")[:-2])
        self.server.clock.advance(2)
        slow.send(b"ow")
        self.pool.run_all()
        slow.close()
        broken = self.server.connect()
        broken.send(request("PUT", f"/upload/e?v={mac_v('e', 9)}", (), b"broken...")[:-3])
        broken.lose()
        self.pool.run_all()
        self.assertEqual(self.ask("GET", "/a"), 200)
        self.assertEqual(self.ask("GET", "/a", "Range: bytes=1-2"), 206)
        self.assertEqual(self.ask("GET", "/a", "Range: bytes=9-"), 416)
        self.assertEqual(self.ask("HEAD", "/a"), 200)
        self.assertEqual(self.ask("GET", "/nothing"), 404)
        self.assertEqual(self.ask("GET", "/health"), 200)
        self.assertEqual(self.ask("OPTIONS", "/a"), 200)
        self.assertEqual(self.ask("BREW", "/a"), 405)
        gone = self.server.connect()
        gone.send(request("GET", "/b"))
        while not gone.output():
            self.pool.run_next()
        gone.lose()
        self.pool.run_all()

    def test_exact(self) -> None:
        """Each number is exact."""
        self.script()
        samples = self.samples(OURS)
        del samples[f"{OURS}build_info", (platform.python_version(), VERSION)]
        counted = {key: n for key, n in samples.items() if n and not key[0].endswith("_bucket")}
        self.assertEqual(
            counted,
            {
                (f"{OURS}uploads_total", ()): 4,
                (f"{OURS}upload_duration_seconds_count", ()): 4,
                (f"{OURS}upload_duration_seconds_sum", ()): 2.0,
                (f"{OURS}upload_size_bytes_count", ()): 4,
                (f"{OURS}upload_size_bytes_sum", ()): 5 + 5 + 300_000 + 4,
                (f"{OURS}upload_errors_total", ("aborted",)): 1,
                (f"{OURS}upload_errors_total", ("name-taken",)): 1,
                (f"{OURS}upload_errors_total", ("signature-missing",)): 1,
                (f"{OURS}upload_errors_total", ("signature-wrong",)): 1,
                (f"{OURS}downloads_total", ()): 2,
                (f"{OURS}download_duration_seconds_count", ()): 2,
                (f"{OURS}download_size_bytes_count", ()): 2,
                (f"{OURS}download_size_bytes_sum", ()): 5 + 2,
                (f"{OURS}download_errors_total", ("aborted",)): 1,
                (f"{OURS}download_errors_total", ("not-found",)): 1,
                (f"{OURS}http_requests_total", ("PUT", "/{path}", "201")): 4,
                (f"{OURS}http_requests_total", ("PUT", "/{path}", "403")): 2,
                (f"{OURS}http_requests_total", ("PUT", "/{path}", "409")): 1,
                (f"{OURS}http_requests_total", ("PUT", "/{path}", "499")): 1,
                (f"{OURS}http_requests_total", ("GET", "/{path}", "200")): 2,
                (f"{OURS}http_requests_total", ("GET", "/{path}", "206")): 1,
                (f"{OURS}http_requests_total", ("GET", "/{path}", "404")): 1,
                (f"{OURS}http_requests_total", ("GET", "/{path}", "416")): 1,
                (f"{OURS}http_requests_total", ("GET", "/health", "200")): 1,
                (f"{OURS}http_requests_total", ("HEAD", "/{path}", "200")): 1,
                (f"{OURS}http_requests_total", ("OPTIONS", "/{path}", "200")): 1,
                (f"{OURS}http_requests_total", ("other", "none", "405")): 1,
            },
        )
        buckets = {
            bound: samples[f"{OURS}upload_size_bytes_bucket", (bound,)]
            for bound in ("1024.0", "262144.0", "1.048576e+06", "+Inf")
        }
        self.assertEqual(buckets, {"1024.0": 3, "262144.0": 3, "1.048576e+06": 4, "+Inf": 4})
        self.assertEqual(samples[f"{OURS}upload_duration_seconds_bucket", ("1.0",)], 3)

    def test_nothing_open_at_the_end(self) -> None:
        """When all have gone, nothing is open and nothing under way."""
        self.server.connect()
        self.script()
        samples = self.samples()
        self.assertEqual(samples["active_connections_total", ()], 1)
        self.assertEqual(samples["goroutines_count", ()], 0)

    def test_each_upload_once(self) -> None:
        """Every PUT is either an upload that succeeded or an error."""
        self.script()
        samples = self.samples()
        errors = [n for (name, _), n in samples.items() if name == f"{OURS}upload_errors_total"]
        puts = samples["http_requests_total", ("PUT", "/{path}")]
        self.assertEqual(samples[f"{OURS}uploads_total", ()] + sum(errors), puts)

    def test_no_names_and_no_addresses(self) -> None:
        """Nothing on the page names a file or a client."""
        self.put("love-letter", b"hello")
        self.ask("GET", "/love-letter")
        text = self.metrics.render()
        self.assertNotIn(b"love-letter", text)
        self.assertNotIn(b"192.0.2.1", text)
