"""Settings become the interface for administrators, which has a listener or shares another."""

from __future__ import annotations

import os
import platform
import threading
import time
from collections.abc import Callable, Iterator
from typing import Final

from attrs import evolve
from twisted.logger import Logger

from hmacfs.auth.admin import Credential, Login, Token
from hmacfs.base.events import Events, RequestRefused
from hmacfs.config import options, shown
from hmacfs.config.settings import Settings
from hmacfs.library.inventory import Inventory
from hmacfs.library.takedown import Takedown
from hmacfs.observe.recent import Recent
from hmacfs.observe.usage import resident_bytes
from hmacfs.rules.ban_list import BanList
from hmacfs.service import audit, private, protection, quotas
from hmacfs.service.foundation import CannotStart, Foundation
from hmacfs.service.health import make_health
from hmacfs.service.private import PrivateListener
from hmacfs.service.stores import make_survey
from hmacfs.stores.bans import StateBans
from hmacfs.stores.interfaces import StoreFailed
from hmacfs.web.admin import Admin, Place
from hmacfs.web.admin_bans import AdminBans
from hmacfs.web.admin_files import AdminFiles
from hmacfs.web.admin_server import AdminServer
from hmacfs.web.admin_users import AdminUsers
from hmacfs.web.documents import Document
from hmacfs.web.private import Below, Nothing, Pages, PrivateSite
from hmacfs.web.site import Conduct

MEBIBYTE: Final = 1024 * 1024


def credential(settings: Settings) -> Credential:
    """Tell what administrators are recognised by."""
    if settings[options.ADMIN_AUTH_TYPE] == "basic":
        return Login(settings[options.ADMIN_AUTH_USERNAME], settings[options.ADMIN_AUTH_PASSWORD])
    return Token(settings[options.ADMIN_AUTH_TOKEN])


class Administration:
    """
    The interface for administrators; see :class:`~hmacfs.service.private.Guest`.

    :param uptime: tells seconds since the start.
    :param draining: whether the server is being stopped.
    :ivar is_guest: whether the listener of the metrics is to serve it.
    """

    log = Logger()

    def __init__(
        self,
        settings: Settings,
        foundation: Foundation,
        uptime: Callable[[], float],
        draining: Callable[[], bool],
    ) -> None:
        self._foundation = foundation
        self._uptime = uptime
        self._draining = draining
        self._credential = credential(settings)
        self._bind = settings[options.ADMIN_BIND]
        self.is_guest = self._bind is None
        self._site: PrivateSite | None = None
        self._recent = Recent(foundation.events, time.time)
        self._survey = make_survey(settings, foundation.reactor, foundation.reactor)
        if self._bind is not None:
            self._site = PrivateSite(
                self.pages(settings, Nothing()),
                foundation.reactor,
                self.conduct(settings),
                self.events(),
            )
            self._listener = PrivateListener(foundation, self._site)

    def pages(self, settings: Settings, otherwise: Pages) -> Pages:
        """
        Put the faces together.

        :param otherwise: what is there besides.
        """
        prefix = settings[options.ADMIN_PATH_PREFIX].rstrip("/")
        told = audit.noting(self._foundation.events)
        self._credential = credential(settings)
        admin = Admin(prefix, self._credential, self._places(settings), told)
        return Below(prefix, admin, otherwise)

    def conduct(self, settings: Settings) -> Conduct:
        """Tell how clients are treated: those who guess are shut out as everywhere."""
        peers = protection.peers_of(settings)
        return evolve(private.CONDUCT, peers=peers, bans=self._foundation.bans)

    def events(self) -> Events:
        """
        Make what a site tells that is not public.

        Who is refused is told to all; connections and requests are not counted among the others.
        """
        events = Events()
        events.listen(RequestRefused, self._foundation.events.tell)
        return events

    async def open(self) -> None:
        """
        Open what is needed, and listen, where it has a listener of its own.

        :raises CannotStart: if that cannot be done.
        """
        try:
            await self._survey.start()
        except StoreFailed as error:
            raise CannotStart(str(error)) from error
        if self._bind is None:
            return
        address = private.here(self._bind)
        try:
            await self._listener.open(address)
        except OSError as error:
            reason = error.strerror or error
            raise CannotStart(f"cannot listen for administrators on {address}: {reason}") from error
        self.log.info("administration is on {place}", place=str(self._listener.place))

    def changes(self, settings: Settings) -> bool:
        """Tell whether others would be let in by these settings than by those in force."""
        return credential(settings) != self._credential

    def adopt(self, settings: Settings) -> None:
        """Take the settings of a reload."""
        if self._site is not None:
            self._site.adopt(self.pages(settings, Nothing()), self.conduct(settings))

    async def close(self) -> None:
        """Take no more connections, and let go of everything."""
        if self._site is not None:
            await self._listener.close()
        await self._survey.close()

    def _places(self, settings: Settings) -> Iterator[Place]:
        inventory = self._inventory()
        files = AdminFiles(inventory)
        server = AdminServer(
            inventory,
            make_health(settings, self._foundation, self._uptime, self._draining),
            self._recent.told,
            _system,
            lambda: shown.document(settings),
            time.time,
            self._uptime,
        )
        yield Place("GET", "/stats", server.stats)
        yield Place("GET", "/health", server.health)
        yield Place("GET", "/config", server.config)
        yield Place("GET", "/files", files.list)
        yield Place("GET", "/files/{name}", files.show)
        yield Place("DELETE", "/files/{name}", files.remove)
        users = AdminUsers(inventory, quotas.quotas(settings, self._foundation))
        yield Place("GET", "/users", users.list)
        yield Place("GET", "/users/{name}", users.show)
        yield Place("GET", "/users/{name}/files", files.list_of)
        yield Place("GET", "/users/{name}/quota", users.quota)
        bans = AdminBans(self._bans(settings), settings[options.BANS_ENABLED])
        yield Place("GET", "/bans", bans.list)
        yield Place("POST", "/bans", bans.add)
        yield Place("DELETE", "/bans/{name}", bans.remove)

    def _bans(self, settings: Settings) -> BanList:
        return BanList(
            StateBans(self._foundation.shared.state),
            protection.exempt(protection.peers_of(settings)),
            settings[options.BANS_DURATION],
            time.time,
            self._foundation.events,
        )

    def _inventory(self) -> Inventory:
        foundation = self._foundation
        return Inventory(
            foundation.index,
            self._survey,
            foundation.blobs,
            Takedown(foundation.index, foundation.blobs, time.time, foundation.events),
            foundation.turns,
            foundation.pending,
            foundation.events,
        )


def _system() -> Document:
    return {
        "python_version": platform.python_version(),
        "num_threads": threading.active_count(),
        "memory_usage_mb": round(resident_bytes() / MEBIBYTE, 1),
        "num_cpu": len(os.sched_getaffinity(0)),
    }
