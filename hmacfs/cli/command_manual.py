"""The manual page of the command, for ``man``: ``python -m hmacfs.cli.command_manual``."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Final

from hmacfs.base.version import VERSION
from hmacfs.cli.commands import COMMANDS, parser_of
from hmacfs.cli.main import parser
from hmacfs.config.manual import escape

_HEAD: Final = rf""".\" Made from the parsers of the command: python -m hmacfs.cli.command_manual
.TH HMAC\-FILE\-SERVER 1 "" "hmac\-file\-server {VERSION}" "User commands"
.SH NAME
hmac\-file\-server \- receive and serve the files of XMPP clients
.SH SYNOPSIS
.B hmac\-file\-server
.RI [ flags ]
.br
.B hmac\-file\-server
.I command
.RI [ arguments ]
.SH DESCRIPTION
Receives files that an XMPP server allowed by a signed URL, and serves them.
Without a command it serves until it is told to stop.
Without any configuration it writes a minimal one, with a secret of its own, to
.IR ./config.toml .
Flags may be written with one dash or two.
"""

_TAIL: Final = r""".SH SIGNALS
.TP
.B SIGHUP
Reads the configuration, the secrets and the certificate again.
.TP
.B SIGTERM
Refuses what is new, lets uploads and downloads that are under way end for a while, and stops.
.SH FILES
.TP
.I /etc/hmac\-file\-server/config.toml
The configuration, unless
.B \-config
or
.B $HMAC_CONFIG_PATH
names another one, or there is one in the working directory.
.TP
.I /var/log/hmac\-file\-server/audit.log
The audit log, where it is switched on.
.SH EXIT STATUS
0 is fine, 1 is a failure, 2 is a mistake in the configuration or the command line.
.SH SEE ALSO
.BR hmac\-file\-server.toml (5)
"""


def manual() -> str:
    """Write the whole page."""
    lines = [_HEAD.rstrip("\n"), ".SH FLAGS", *_options(parser())]
    lines.append(".SH COMMANDS")
    for listed in COMMANDS:
        made = parser_of(listed.command)
        lines.extend((f".SS {escape(listed.name)}", escape(_sentence(listed.help))))
        lines.extend(_options(made))
    return "\n".join(lines) + "\n" + _TAIL


def _options(of: argparse.ArgumentParser) -> Iterator[str]:
    for action in of._actions:
        if action.help == argparse.SUPPRESS:
            continue
        yield ".TP"
        yield f".B {escape(_names(action))}"
        yield escape(_sentence((action.help or action.dest) % vars(action)))


def _names(action: argparse.Action) -> str:
    value = action.metavar or action.dest.upper()
    if action.choices is not None:
        value = "|".join(map(str, action.choices))
    if not action.option_strings:
        return str(value)
    # Each with two dashes is there with one as well.
    shortest = action.option_strings[0]
    return shortest if action.nargs == 0 else f"{shortest} {value}"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


if __name__ == "__main__":
    print(manual(), end="")
