"""The one table of metrics: names, kinds, labels and help, as Prometheus shows them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar

from attrs import frozen
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from hmacfs.base import network_events
from hmacfs.base.errors import NoSpace, SignatureWrong, Unknown
from hmacfs.base.events import ABORTED, UNFORESEEN
from hmacfs.base.network_events import NETWORK_CHANGES

T = TypeVar("T", Counter, Gauge, Histogram)

SIZES: Final = tuple(1024.0 * 4**step for step in range(12))
"""Upper bounds of buckets of bytes: 1 KiB to 4 GiB."""

SECONDS: Final = (
    *(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0),
)
"""Upper bounds of buckets of time: of a small file on a good line to a large one on a bad one."""


@frozen(eq=False)
class Metric(Generic[T]):
    """
    One row of the table.

    :ivar labels: none ever holds the path of a file or the address of a client.
    :ivar buckets: upper bounds, of a histogram.
    :ivar initial: values of the only label that are shown before they occur, so
        that an alert sees the first time.
    """

    kind: Callable[..., T]
    name: str
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    initial: tuple[str, ...] = ()

    def make(self, registry: CollectorRegistry) -> T:
        """Make the metric in a registry, where it must be the first of its name."""
        more = {"buckets": self.buckets} if self.buckets else {}
        made = self.kind(self.name, self.help, self.labels, registry=registry, **more)
        for value in self.initial:
            made.labels(value)
        return made


UPLOADS: Final = Metric(
    Counter, "hmac_file_server_uploads_total", "Uploads that succeeded, repeated ones included."
)
UPLOAD_ERRORS: Final = Metric(
    Counter,
    "hmac_file_server_upload_errors_total",
    "Uploads that did not succeed.",
    labels=("reason",),
    initial=(ABORTED, UNFORESEEN, NoSpace.code, SignatureWrong.code),
)
UPLOAD_DURATION: Final = Metric(
    Histogram,
    "hmac_file_server_upload_duration_seconds",
    "How long uploads that succeeded took.",
    buckets=SECONDS,
)
UPLOAD_SIZE: Final = Metric(
    Histogram,
    "hmac_file_server_upload_size_bytes",
    "How large uploads that succeeded were.",
    buckets=SIZES,
)
SESSIONS: Final = Metric(
    Gauge,
    "hmac_file_server_sessions",
    "Uploads that can be taken up again, and those that are remembered, by what they are.",
    labels=("state",),
)
RESUMPTIONS: Final = Metric(
    Counter,
    "hmac_file_server_resumptions_total",
    "Requests that brought more bytes of an upload of which some were here.",
)
TAKEOVERS: Final = Metric(
    Counter,
    "hmac_file_server_takeovers_total",
    "Requests that a newer one for the same upload has ended.",
)
UPLOADS_UNDER_WAY: Final = Metric(
    Gauge, "hmac_file_server_uploads_under_way", "Uploads that have begun and not ended."
)
UPLOADS_WAITING: Final = Metric(
    Gauge, "hmac_file_server_upload_queue_length", "Uploads under way beyond numworkers."
)
THREADS: Final = Metric(
    Gauge, "hmac_file_server_worker_threads", "Threads that there may be to read and write files."
)
THUMBNAILS: Final = Metric(
    Counter,
    "hmac_file_server_thumbnails_total",
    "Images of which small pictures were to be made, by what came of it.",
    labels=("result",),
    initial=("made", "unreadable", "killed", "slow", "failed"),
)
REMOVED: Final = Metric(
    Counter,
    "hmac_file_server_files_removed_total",
    "Files that the server deleted, because somebody wanted it or their time was over.",
    labels=("reason",),
)
REMOVED_BYTES: Final = Metric(
    Counter, "hmac_file_server_removed_bytes_total", "How large the files were that it deleted."
)
DOWNLOADS: Final = Metric(
    Counter,
    "hmac_file_server_downloads_total",
    "Downloads of files, or of parts of files, that were sent to the end.",
)
DOWNLOAD_ERRORS: Final = Metric(
    Counter,
    "hmac_file_server_download_errors_total",
    "Downloads that were refused or not sent to the end.",
    labels=("reason",),
    initial=(ABORTED, UNFORESEEN, Unknown.code),
)
DOWNLOAD_DURATION: Final = Metric(
    Histogram,
    "hmac_file_server_download_duration_seconds",
    "How long downloads that were sent to the end took.",
    buckets=SECONDS,
)
DOWNLOAD_SIZE: Final = Metric(
    Histogram,
    "hmac_file_server_download_size_bytes",
    "How large downloads that were sent to the end were.",
    buckets=SIZES,
)
SCANS: Final = Metric(
    Counter,
    "hmac_file_server_scans_total",
    "Scans for infected files, by how they ended.",
    labels=("result",),
    initial=("clean", "infected", "failed", "postponed", "oversize"),
)
SCAN_DURATION: Final = Metric(
    Histogram,
    "hmac_file_server_scan_duration_seconds",
    "How long scans took.",
    buckets=SECONDS,
)
SHARED_FILES: Final = Metric(
    Counter,
    "hmac_file_server_files_deduplicated_total",
    "Files that got the bytes of an equal file instead of their own.",
)
SHARED_BYTES: Final = Metric(
    Counter,
    "hmac_file_server_deduplicated_bytes_total",
    "Bytes of the disk that were saved by that.",
)
REQUESTS: Final = Metric(
    Counter,
    "hmac_file_server_http_requests_total",
    "Requests that were answered; status 499 is a client that went away before.",
    labels=("method", "route", "status"),
)
DEVICES: Final = Metric(
    Counter,
    "hmac_file_server_client_requests_total",
    "Requests by the kind of device that they say they come from, where that is looked at.",
    labels=("device",),
)
CONNECTIONS: Final = Metric(
    Gauge, "hmac_file_server_active_connections", "Connections that are open."
)
STORE_FAILURES: Final = Metric(
    Counter,
    "hmac_file_server_store_failures_total",
    "Questions that a store of the shared state did not answer, by the store and what went wrong.",
    labels=("store", "kind"),
)
STORE_ACTIVE: Final = Metric(
    Gauge,
    "hmac_file_server_store_active",
    "Whether a store of the shared state is the one that answers.",
    labels=("store",),
)
NETWORK_EVENTS: Final = Metric(
    Counter,
    "hmac_file_server_network_events_total",
    "Changes of the interfaces and addresses of this machine that have lasted.",
    labels=("kind",),
    initial=NETWORK_CHANGES,
)
LOST_CONNECTIONS: Final = Metric(
    Counter,
    "hmac_file_server_lost_connections_total",
    "Connections that were given up: their address here was gone, or their client silent.",
    labels=("reason",),
    initial=network_events.LOST_CONNECTIONS,
)
QUALITY: Final = Metric(
    Gauge,
    "hmac_file_server_connections_quality",
    "Connections by how good they are, and by the interface if interfaces are told apart.",
    labels=("interface", "quality"),
)
RTT: Final = Metric(
    Gauge,
    "hmac_file_server_rtt_seconds",
    "Mean of the round-trip times of the connections that are open.",
    labels=("interface",),
)
PREFERRED: Final = Metric(
    Gauge,
    "hmac_file_server_best_interface",
    "Always 1; the label tells the interface that counts as the best.",
    labels=("interface",),
)
LOSS: Final = Metric(
    Gauge,
    "hmac_file_server_loss_ratio",
    "Share of what was sent lately that had to be sent again, where enough was.",
    labels=("interface",),
)
RECORDS_LOST: Final = Metric(
    Counter,
    "hmac_file_server_audit_records_lost_total",
    "Records of the audit log that could not be written.",
)
BANS: Final = Metric(
    Counter,
    "hmac_file_server_bans_total",
    "Clients that were shut out because their credentials were refused too often.",
)
RATE_LIMITED: Final = Metric(
    Counter,
    "hmac_file_server_rate_limited_total",
    "Uploads that were refused because too many began, by what was counted.",
    labels=("by",),
    initial=("ip", "jid"),
)
BUILD: Final = Metric(
    Gauge,
    "hmac_file_server_build_info",
    "Always 1; the labels tell what is running.",
    labels=("version", "python"),
)

# The names that the documents of versions 2 and 3 have, which dashboards know.
PLAIN_MEMORY: Final = Metric(
    Gauge, "memory_usage_bytes", "Memory of the server that is resident, in bytes."
)
PLAIN_CPU: Final = Metric(
    Gauge,
    "cpu_usage_percent",
    "Processor time of the server since it was last asked for; 100 is one core.",
)
PLAIN_CONNECTIONS: Final = Metric(Gauge, "active_connections_total", "Connections that are open.")
PLAIN_TASKS: Final = Metric(Gauge, "goroutines_count", "Requests that are being handled.")
PLAIN_REQUESTS: Final = Metric(
    Counter,
    "http_requests_total",
    "Requests that were answered, by method and route.",
    labels=("method", "path"),
)

TABLE: Final[tuple[Metric[Any], ...]] = (
    UPLOADS,
    UPLOAD_ERRORS,
    UPLOAD_DURATION,
    UPLOAD_SIZE,
    SESSIONS,
    RESUMPTIONS,
    TAKEOVERS,
    UPLOADS_UNDER_WAY,
    UPLOADS_WAITING,
    THREADS,
    THUMBNAILS,
    REMOVED,
    REMOVED_BYTES,
    DOWNLOADS,
    DOWNLOAD_ERRORS,
    DOWNLOAD_DURATION,
    DOWNLOAD_SIZE,
    SCANS,
    SCAN_DURATION,
    SHARED_FILES,
    SHARED_BYTES,
    REQUESTS,
    DEVICES,
    CONNECTIONS,
    STORE_FAILURES,
    STORE_ACTIVE,
    NETWORK_EVENTS,
    LOST_CONNECTIONS,
    QUALITY,
    RTT,
    LOSS,
    PREFERRED,
    RECORDS_LOST,
    BANS,
    RATE_LIMITED,
    BUILD,
    PLAIN_MEMORY,
    PLAIN_CPU,
    PLAIN_CONNECTIONS,
    PLAIN_TASKS,
    PLAIN_REQUESTS,
)
