"""The manual page of the configuration file, for ``man``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from hmacfs.config.option import Option
from hmacfs.config.options import TABLE
from hmacfs.config.render import assignment, by_section

_HEAD: Final = r""".\" Made from the table of options by python -m hmacfs.cli.gendocs.
.TH HMAC\-FILE\-SERVER.TOML 5 "" "hmac\-file\-server" "File formats"
.SH NAME
hmac\-file\-server.toml \- configuration of the HMAC File Server
.SH SYNOPSIS
.I ./config.toml
.br
.I /etc/hmac\-file\-server/config.toml
.SH DESCRIPTION
The file is TOML.
.BR hmac\-file\-server (1)
takes the one that
.B \-config
or
.B $HMAC_CONFIG_PATH
names, else the first of the above.
One that others than its owner may write is refused, and so are unknown names.
Capitals and underscores in names do not matter; names of older versions are understood.
.PP
.B hmac\-file\-server \-validate\-verbose
shows every value in force and where it came from.
.SH VALUES
.TP
.B Size
A number of bytes, or a text with B, KB, MB, GB or TB, which count in 1024s.
.TP
.B Duration
A number of seconds, or a text such as "500ms", "30s", "5m" (minutes), "1h30m", "30d", "2w" or
"2y".
.TP
.B Secret
May stand in a file of its own, which the name with
.I _file
at its end tells.
.SH ENVIRONMENT
.B HMAC_SECTION_KEY
rules over
.I key
of
.IR [section] .
.SH OPTIONS
"""

_TAIL: Final = r""".SH SEE ALSO
.BR hmac\-file\-server (1)
"""


def manual() -> str:
    """Write the whole page."""
    lines = [_HEAD.rstrip("\n")]
    for section, members in by_section(TABLE):
        lines.append(f".SS [{escape(section)}]")
        for option in members:
            lines.extend(_described(option))
    return "\n".join(lines) + "\n" + _TAIL


def escape(text: str) -> str:
    """Write text so that roff shows it as it is."""
    escaped = text.replace("\\", r"\e").replace("-", r"\-").replace("×", r"\(mu")
    return re.sub(r"(?m)^([.'])", r"\\&\1", escaped)


def _described(option: Option[Any]) -> Iterator[str]:
    yield ".TP"
    yield f".B {escape(option.name)}"
    yield escape(f"{option.summary} ({_facts(option)}.)")


def _facts(option: Option[Any]) -> str:
    facts = [option.kind.noun]
    if not option.secret:
        facts.append(f"default {assignment(option, option.default).partition(' = ')[2]}")
    if option.reloadable:
        facts.append("reloadable")
    if not option.in_effect:
        facts.append("not yet in effect")
    return "; ".join(facts)
