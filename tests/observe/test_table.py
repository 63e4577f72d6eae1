"""The table of metrics."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.observe.table import SECONDS, SIZES, TABLE, Metric

PLAIN = {
    "memory_usage_bytes",
    "cpu_usage_percent",
    "active_connections_total",
    "goroutines_count",
    "http_requests_total",
}
LABELS = {
    *("reason", "result", "method", "route", "path", "state", "status", "version", "python"),
    *("store", "kind", "interface", "quality", "device", "by"),
}


class TableTests(SynchronousTestCase):
    """The rows."""

    def test_names(self) -> None:
        """Every name has our prefix, but those that the documents have without; none is twice."""
        names = [row.name for row in TABLE]
        self.assertEqual(len(names), len(set(names)))
        without = {name for name in names if not name.startswith("hmac_file_server_")}
        self.assertEqual(without, PLAIN)

    def test_units(self) -> None:
        """Counters end in _total; histograms in their unit, which their buckets fit."""
        for row in TABLE:
            if row.kind is Counter:
                self.assertTrue(row.name.endswith("_total"), row.name)
            if row.kind is Histogram:
                expected = SIZES if row.name.endswith("_bytes") else SECONDS
                self.assertTrue(row.name.endswith(("_bytes", "_seconds")), row.name)
                self.assertEqual(row.buckets, expected)

    def test_labels(self) -> None:
        """No label can hold the name of a file or the address of a client."""
        self.assertEqual({label for row in TABLE for label in row.labels}, LABELS)

    def test_buckets(self) -> None:
        """Bounds rise; those of sizes are whole bytes up to 4 GiB."""
        for bounds in (SIZES, SECONDS):
            self.assertEqual(list(bounds), sorted(set(bounds)))
        self.assertEqual((SIZES[0], SIZES[-1]), (1024, 4 * 1024**3))

    def test_help(self) -> None:
        """Every row says in a sentence what it counts."""
        for row in TABLE:
            self.assertRegex(row.help, r"\A[A-Z][^\n]+\.\Z", row.name)


class MetricTests(SynchronousTestCase):
    """``Metric.make``."""

    def test_initial(self) -> None:
        """Values that are worth an alert are there, as zero, before they occur."""
        registry = CollectorRegistry()
        Metric(Counter, "errors_total", "Errors.", ("reason",), initial=("a",)).make(registry)
        self.assertEqual(registry.get_sample_value("errors_total", {"reason": "a"}), 0.0)
        self.assertIsNone(registry.get_sample_value("errors_total", {"reason": "b"}))

    def test_buckets(self) -> None:
        """A histogram has the buckets of its row, and one for all that is larger."""
        registry = CollectorRegistry()
        made = Metric(Histogram, "size_bytes", "Size.", buckets=(1.0, 4.0)).make(registry)
        for size in (0, 4, 5):
            made.observe(size)
        counts = {
            bound: registry.get_sample_value("size_bytes_bucket", {"le": bound})
            for bound in ("1.0", "4.0", "+Inf")
        }
        self.assertEqual(counts, {"1.0": 1, "4.0": 2, "+Inf": 3})

    def test_twice(self) -> None:
        """Two metrics of one name in one registry are a mistake that shows at once."""
        registry = CollectorRegistry()
        TABLE[0].make(registry)
        self.assertRaises(ValueError, TABLE[0].make, registry)
