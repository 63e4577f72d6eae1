"""Every check there is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from hmacfs.config.checks import connectivity, exposure, performance, secrecy
from hmacfs.config.checks.findings import Check, Finding, Group, Sighting, Subject, Weight
from hmacfs.config.fix import Sort, fix
from hmacfs.config.problems import ConfigError

SERVICES: Final = {service: f"{service.name.lower()}-answers" for service in connectivity.Service}
"""The checks that need the network, by the service that they try."""


def _mendable(sort: Sort) -> Check:
    def look(subject: Subject) -> Iterator[Sighting]:
        try:
            changes = fix(subject.text, str(subject.file)).changes
        except ConfigError:
            # What is no TOML is no matter of names.
            return
        for change in changes:
            if change.sort is sort:
                yield Weight.ADVICE, f"line {change.line}: {change.sentence}", "", None

    return Check(sort.value, Group.FIXABLE, _MENDABLE[sort], look)


_MENDABLE: Final = {
    Sort.NAME: "names of older versions",
    Sort.FORM: "values with quotes too many or too few",
    Sort.DOUBLE: "settings that another name overrules",
    Sort.RETIRED: "names that do nothing",
}

CATALOGUE: Final = (
    *(
        Check(name, Group.SECURITY, title, look)
        for name, title, look in (
            ("short-secrets", "secrets that are too short", secrecy.short_secrets),
            ("plain-secrets", "secrets of few different characters", secrecy.plain_secrets),
            ("shared-secrets", "one secret for two purposes", secrecy.shared_secrets),
            ("readable-secrets", "secrets that everybody may read", secrecy.readable_secrets),
            ("readable-keys", "files of keys that everybody may read", secrecy.readable_keys),
            ("open-directory", "a configuration others could replace", secrecy.open_directory),
            ("open-storage", "a storage directory that everybody may write", secrecy.open_storage),
            ("weak-schemes", "signatures that leave something open", exposure.weak_schemes),
            ("plain-http", "a listener without TLS for others", exposure.plain_http),
            ("open-metrics", "metrics that others can read", exposure.open_metrics),
            ("open-admin", "an administrators' interface for others", exposure.open_admin),
            ("open-socket", "a Unix socket for everybody", exposure.open_socket),
            ("trusting", "too many trusted proxies", exposure.trusting),
            ("plain-stores", "stores without encryption or password", exposure.plain_stores),
            ("no-bans", "guessing without end", exposure.no_bans),
        )
    ),
    *(
        Check(name, Group.PERFORMANCE, title, look)
        for name, title, look in (
            ("few-workers", "threads for the processors there are", performance.few_workers),
            ("little-space", "free space for uploads", performance.little_space),
            ("far-deduplication", "shared bytes on another disk", performance.far_deduplication),
            ("odd-chunks", "chunks that are too small or too large", performance.odd_chunks),
            ("much-memory", "memory that uploads may hold", performance.much_memory),
            ("few-open-files", "open files for the connections", performance.few_open_files),
            ("long-timeouts", "times that are too long or too short", performance.long_timeouts),
            ("loud-log", "a log that tells everything", performance.loud_log),
        )
    ),
    *(_mendable(sort) for sort in Sort),
)
"""The checks that need no network."""


def titles() -> Iterator[tuple[str, Group, str]]:
    """Tell name, group and title of every check, also of those that need the network."""
    for check in CATALOGUE:
        yield check.name, check.group, check.title
    for service, name in SERVICES.items():
        yield name, Group.CONNECTIVITY, f"{service.value} answers, when it is configured"


def findings(group: Group, subject: Subject) -> Iterator[Finding]:
    """Run the checks of a group that need no network."""
    for check in CATALOGUE:
        if check.group is group:
            yield from check.findings(subject)
