"""``/stats``, ``/health`` and ``/config`` of the interface for administrators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from attrs import frozen

from hmacfs.base.moments import rfc3339
from hmacfs.base.units import render_duration
from hmacfs.base.version import VERSION
from hmacfs.library.inventory import Inventory
from hmacfs.web import private
from hmacfs.web.admin_documents import size
from hmacfs.web.admin_questions import check_parameters
from hmacfs.web.documents import Document
from hmacfs.web.health import Health
from hmacfs.web.request import StreamingRequest

DAY: Final = 86400.0


@frozen
class AdminServer:
    """
    Tells how the server is, and how it is configured.

    :param requests: counts those of the last day.
    :param system: tells what the process takes of its machine.
    :param settings: tells the configuration, without secrets.
    :param now: tells seconds since the epoch.
    :param uptime: tells seconds since the start.
    """

    inventory: Inventory
    healthy: Health
    requests: Callable[[], Document]
    system: Callable[[], Document]
    settings: Callable[[], Document]
    now: Callable[[], float]
    uptime: Callable[[], float]

    async def stats(self, request: StreamingRequest) -> None:
        """Tell how much there is, and how much is done."""
        check_parameters(request)
        survey, now = self.inventory.survey, self.now()
        stock = await survey.stock()
        uptime = self.uptime()
        document = {
            "storage": {
                **size("used_bytes", stock.size),
                "file_count": stock.files,
                "version_count": stock.versions,
                "free_bytes": await self.inventory.free_bytes(),
            },
            "users": {
                "total": await survey.count_uploaders(),
                "active_24h": await survey.count_uploaders(now - DAY),
                "active_7d": await survey.count_uploaders(now - 7 * DAY),
            },
            "requests": {**self.requests(), "counted_since": rfc3339(now - min(uptime, DAY))},
            "system": {
                "uptime": render_duration(int(uptime)),
                "uptime_seconds": int(uptime),
                "version": VERSION,
                **self.system(),
            },
        }
        private.document(request, document)

    async def health(self, request: StreamingRequest) -> None:
        """Tell how each part is, with 503 where ``/health`` of the public listener has it."""
        check_parameters(request)
        status, headers, body = await self.healthy.answer("application/json", details=True)
        private.reply(request, status, headers, body)

    async def config(self, request: StreamingRequest) -> None:
        """Tell every setting in force; of a secret whether there is one."""
        check_parameters(request)
        private.document(request, self.settings())
