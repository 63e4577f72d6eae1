"""THE table: every option by the name ``SECTION_KEY``."""

from __future__ import annotations

from typing import Any, Final

from hmacfs.config.option import Option
from hmacfs.config.table import (
    content,
    downloads,
    index,
    lifecycle,
    listening,
    networks,
    protection,
    reporting,
    retention,
    s3,
    scanning,
    security,
    storage,
    stores,
    uploads,
    workers,
)

# The sections are modules for their length's sake only; readers import options from here.
from hmacfs.config.table.content import *  # noqa: F403
from hmacfs.config.table.downloads import *  # noqa: F403
from hmacfs.config.table.index import *  # noqa: F403
from hmacfs.config.table.lifecycle import *  # noqa: F403
from hmacfs.config.table.listening import *  # noqa: F403
from hmacfs.config.table.networks import *  # noqa: F403
from hmacfs.config.table.protection import *  # noqa: F403
from hmacfs.config.table.reporting import *  # noqa: F403
from hmacfs.config.table.retention import *  # noqa: F403
from hmacfs.config.table.s3 import *  # noqa: F403
from hmacfs.config.table.scanning import *  # noqa: F403
from hmacfs.config.table.security import *  # noqa: F403
from hmacfs.config.table.storage import *  # noqa: F403
from hmacfs.config.table.stores import *  # noqa: F403
from hmacfs.config.table.uploads import *  # noqa: F403
from hmacfs.config.table.workers import *  # noqa: F403

SECTIONS: Final = (
    "server",
    "tls",
    "security",
    "key_rotation",
    "logging",
    "timeouts",
    "uploads",
    "downloads",
    "workers",
    "bans",
    "rate_limit",
    "quotas",
    "retention",
    "versioning",
    "index",
    "deduplication",
    "thumbnails",
    "clamav",
    "validation",
    "compression",
    "iso",
    "redis",
    "fallback",
    "stores",
    "session_store",
    "s3",
    "network_resilience",
    "client_network_support",
    "audit",
    "admin",
    "admin.auth",
)
"""The sections in the order in which documents show them."""

_MODULES: Final = (
    listening,
    storage,
    index,
    security,
    reporting,
    lifecycle,
    uploads,
    downloads,
    workers,
    protection,
    retention,
    content,
    scanning,
    stores,
    s3,
    networks,
)

TABLE: Final[tuple[Option[Any], ...]] = tuple(
    sorted(
        (
            value
            for module in _MODULES
            for value in vars(module).values()
            if isinstance(value, Option)
        ),
        key=lambda option: SECTIONS.index(option.section),
    )
)
"""Every option, by section; within one as the modules of the table have them."""

BY_KEY: Final = {option.key: option for option in TABLE}
