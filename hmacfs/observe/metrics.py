"""The numbers for Prometheus, kept by listening to events."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

from attrs import frozen
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from hmacfs.base.events import (
    ABORTED,
    ClientBanned,
    ConnectionsChanged,
    DeviceSeen,
    DownloadFailed,
    DownloadSent,
    Events,
    FileRemoved,
    FileShared,
    RecordsLost,
    RequestEnded,
    RequestsChanged,
    ScanEnded,
    SessionsCounted,
    StoreCallFailed,
    StoreSwitched,
    ThreadsChanged,
    ThumbnailEnded,
    UploadFailed,
    UploadLimited,
    UploadResumed,
    UploadsChanged,
    UploadStored,
    UploadTakenOver,
)
from hmacfs.base.network_events import (
    ConnectionsGivenUp,
    ConnectionsMeasured,
    InterfacePreferred,
    NetworkChanged,
)
from hmacfs.base.version import VERSION
from hmacfs.observe import table
from hmacfs.observe.table import Metric
from hmacfs.observe.usage import ProcessorShare, resident_bytes

T = TypeVar("T", Counter, Gauge, Histogram)

METHODS: Final = frozenset({"GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS"})
"""The methods that are told apart: clients can make up any number of others."""

OTHER_METHOD: Final = "other"

NO_ROUTE: Final = "none"
"""The route of a request that had none."""


class Metrics:
    """
    The metrics of the table, in a registry.

    :param seconds: a clock that never goes back.
    :param spent: tells the processor time so far, in seconds.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        events: Events,
        seconds: Callable[[], float],
        spent: Callable[[], float],
    ) -> None:
        self._registry = registry
        self._made: dict[Metric[Any], Any] = {row: row.make(registry) for row in table.TABLE}
        ProcessCollector(registry=registry)
        self[table.BUILD].labels(VERSION, platform.python_version()).set(1)
        self[table.PLAIN_MEMORY].set_function(resident_bytes)
        self[table.PLAIN_CPU].set_function(ProcessorShare(seconds, spent).percent)
        events.listen(UploadStored, self._upload_stored)
        events.listen(UploadFailed, self._upload_failed)
        events.listen(SessionsCounted, self._sessions_counted)
        events.listen(UploadResumed, lambda _: self[table.RESUMPTIONS].inc())
        events.listen(UploadTakenOver, lambda _: self[table.TAKEOVERS].inc())
        events.listen(UploadsChanged, self._uploads_changed)
        events.listen(ThreadsChanged, lambda event: self[table.THREADS].set(event.count))
        events.listen(ThumbnailEnded, lambda event: self[table.THUMBNAILS].labels(event.code).inc())
        events.listen(FileRemoved, self._file_removed)
        events.listen(DownloadSent, self._download_sent)
        events.listen(DownloadFailed, self._download_failed)
        events.listen(ScanEnded, self._scan_ended)
        events.listen(FileShared, self._file_shared)
        events.listen(RequestEnded, self._request_ended)
        events.listen(DeviceSeen, lambda event: self[table.DEVICES].labels(event.device).inc())
        events.listen(RequestsChanged, self._requests_changed)
        events.listen(StoreCallFailed, self._store_call_failed)
        events.listen(StoreSwitched, self._store_switched)
        events.listen(ClientBanned, lambda _: self[table.BANS].inc())
        events.listen(UploadLimited, lambda event: self[table.RATE_LIMITED].labels(event.by).inc())
        events.listen(ConnectionsChanged, self._connections_changed)
        events.listen(
            NetworkChanged, lambda event: self[table.NETWORK_EVENTS].labels(event.kind).inc()
        )
        events.listen(ConnectionsGivenUp, self._connections_given_up)
        events.listen(ConnectionsMeasured, self._connections_measured)
        events.listen(InterfacePreferred, self._interface_preferred)
        events.listen(RecordsLost, lambda event: self[table.RECORDS_LOST].inc(event.count))

    @classmethod
    def apart(
        cls, events: Events, seconds: Callable[[], float], spent: Callable[[], float]
    ) -> Metrics:
        """Make metrics with a registry of their own."""
        return cls(CollectorRegistry(), events, seconds, spent)

    def __getitem__(self, metric: Metric[T]) -> T:
        made: T = self._made[metric]
        return made

    def render(self) -> bytes:
        """Write all numbers in the text format of Prometheus, version 0.0.4."""
        return generate_latest(_WithoutCreated(self._registry))

    def _upload_stored(self, event: UploadStored) -> None:
        self[table.UPLOADS].inc()
        self[table.UPLOAD_DURATION].observe(event.seconds)
        self[table.UPLOAD_SIZE].observe(event.file.size)

    def _upload_failed(self, event: UploadFailed) -> None:
        self[table.UPLOAD_ERRORS].labels(event.code).inc()

    def _sessions_counted(self, event: SessionsCounted) -> None:
        for state, count in event.counts.items():
            self[table.SESSIONS].labels(state).set(count)

    def _uploads_changed(self, event: UploadsChanged) -> None:
        self[table.UPLOADS_UNDER_WAY].set(event.count)
        self[table.UPLOADS_WAITING].set(event.waiting)

    def _file_removed(self, event: FileRemoved) -> None:
        self[table.REMOVED].labels(event.reason).inc()
        self[table.REMOVED_BYTES].inc(event.file.size)

    def _scan_ended(self, event: ScanEnded) -> None:
        self[table.SCANS].labels(event.outcome).inc()
        self[table.SCAN_DURATION].observe(event.seconds)

    def _file_shared(self, event: FileShared) -> None:
        self[table.SHARED_FILES].inc()
        self[table.SHARED_BYTES].inc(event.size)

    def _download_sent(self, event: DownloadSent) -> None:
        if not event.complete:
            self[table.DOWNLOAD_ERRORS].labels(ABORTED).inc()
            return
        self[table.DOWNLOADS].inc()
        self[table.DOWNLOAD_DURATION].observe(event.seconds)
        self[table.DOWNLOAD_SIZE].observe(event.size)

    def _download_failed(self, event: DownloadFailed) -> None:
        self[table.DOWNLOAD_ERRORS].labels(event.code).inc()

    def _request_ended(self, event: RequestEnded) -> None:
        method = event.method if event.method in METHODS else OTHER_METHOD
        route = event.route or NO_ROUTE
        self[table.REQUESTS].labels(method, route, event.status).inc()
        self[table.PLAIN_REQUESTS].labels(method, route).inc()

    def _requests_changed(self, event: RequestsChanged) -> None:
        self[table.PLAIN_TASKS].set(event.count)

    def _store_call_failed(self, event: StoreCallFailed) -> None:
        self[table.STORE_FAILURES].labels(event.store, event.kind).inc()

    def _store_switched(self, event: StoreSwitched) -> None:
        self[table.STORE_ACTIVE].labels(event.store).set(event.active)

    def _connections_changed(self, event: ConnectionsChanged) -> None:
        self[table.CONNECTIONS].set(event.count)
        self[table.PLAIN_CONNECTIONS].set(event.count)

    def _connections_given_up(self, event: ConnectionsGivenUp) -> None:
        self[table.LOST_CONNECTIONS].labels(event.reason).inc(event.count)

    def _interface_preferred(self, event: InterfacePreferred) -> None:
        self[table.PREFERRED].clear()
        if event.interface:
            self[table.PREFERRED].labels(event.interface).set(1)

    def _connections_measured(self, event: ConnectionsMeasured) -> None:
        # An interface that has no connections any more has no series.
        for metric in (table.QUALITY, table.RTT, table.LOSS):
            self[metric].clear()
        for interface, measured in event.interfaces.items():
            for quality, count in measured.qualities.items():
                self[table.QUALITY].labels(interface, quality).set(count)
            self[table.RTT].labels(interface).set(measured.rtt)
            if measured.loss is not None:
                self[table.LOSS].labels(interface).set(measured.loss)


@frozen
class _WithoutCreated(Collector):
    """Leaves out when each series began, which would be half of all lines."""

    registry: CollectorRegistry

    def collect(self) -> Iterator[Family]:
        for family in self.registry.collect():
            family.samples = [
                sample for sample in family.samples if not sample.name.endswith("_created")
            ]
            yield family
