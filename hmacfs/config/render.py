"""From options to the text of configuration files."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import tomlkit

from hmacfs.config import options
from hmacfs.config.kinds import Plain
from hmacfs.config.option import Option

PLACEHOLDER: Final = "CHANGE-THIS"
"""The secret of sample files, which no server accepts."""

_WIDTH: Final = 96

_MINIMAL: Final = """\
# HMAC File Server: what most servers need.
# All settings, with what they do: hmac-file-server -genconfig-advanced

[server]
# Only programs on this machine can connect, such as a proxy with TLS.
# "8080" listens on all interfaces.
listen_address = "127.0.0.1:8080"
# The directory of the uploaded files.
storage_path = "./uploads"

[security]
# The same secret belongs into the XMPP server's configuration. Keep it to yourself.
secret = {secret}

[logging]
# debug, info, warn or error
level = "info"
"""

_ADVANCED: Final = """\
# HMAC File Server: every setting.
# A line that begins with "#" and has no space after it shows a default: to change it, take the
# "#" away. Sizes are bytes or 1KB, 1MB, 1GB, 1TB (1024s); times are seconds or 500ms, 30s, 5m,
# 1h30m, 30d, 2w, 1y. Each setting is also the environment variable HMAC_<SECTION>_<KEY>.
"""

_ACTIVE: Final[Mapping[Option[Any], Plain]] = {
    options.SERVER_LISTEN_ADDRESS: "127.0.0.1:8080",
    options.SERVER_STORAGE_PATH: "./uploads",
}
"""What a generated file says aloud, beside the secret."""


def literal(value: Plain) -> str:
    """Write one value of TOML in one line."""
    if isinstance(value, Mapping):
        pairs = (f"{_key(key)} = {literal(inner)}" for key, inner in value.items())
        inside = ", ".join(pairs)
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(literal(inner) for inner in value)}]"
    return str(tomlkit.item(value).as_string())


def minimal(secret: str) -> str:
    """Write the configuration that most servers need, for this machine alone."""
    return _MINIMAL.format(secret=literal(secret))


def advanced(secret: str) -> str:
    """Write every option with its documentation; all but a few are commented out."""
    active = {**_ACTIVE, options.SECURITY_SECRET: secret}
    lines = [_ADVANCED]
    for section, members in by_section(options.TABLE):
        lines.append(f"[{section}]")
        for option in members:
            lines.extend((*_documented(option, active.get(option)), ""))
    return "\n".join(lines).rstrip() + "\n"


def assignment(option: Option[Any], value: Any) -> str:
    """Write ``key = value`` as it stands under the option's section."""
    return f"{option.name} = {literal(option.kind.plain(value))}"


def by_section(
    table: Iterable[Option[Any]],
) -> Iterator[tuple[str, list[Option[Any]]]]:
    """Group options by their sections, in the order of the table."""
    sections: dict[str, list[Option[Any]]] = {}
    for option in table:
        sections.setdefault(option.section, []).append(option)
    yield from sections.items()


def _documented(option: Option[Any], active: Plain | None) -> Iterator[str]:
    summary = option.summary if option.in_effect else f"{option.summary} (Not yet in effect.)"
    yield from textwrap.wrap(summary, _WIDTH, initial_indent="# ", subsequent_indent="# ")
    if option.secret:
        yield f'# Or: {option.name}_file = "/etc/hmac-file-server/{option.name}"'
    elif option.example != option.default:
        yield f"# Example: {assignment(option, option.example)}"
    if active is None:
        yield f"#{assignment(option, option.default)}"
    else:
        yield f"{option.name} = {literal(active)}"


def _key(name: str) -> str:
    return str(tomlkit.key(name).as_string())
