"""The command line of ``hmac-file-server``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TextIO

from hmacfs.base.version import VERSION
from hmacfs.cli import commands, config_commands, first_start, locate, logs
from hmacfs.cli.config_commands import Surroundings
from hmacfs.config import options
from hmacfs.config.problems import ConfigError
from hmacfs.config.read import read_file

FINE = 0
FAILED = 1
USAGE = 2


def parser() -> argparse.ArgumentParser:
    """Make the parser; every flag may be written with one dash or two."""
    made = argparse.ArgumentParser(
        prog="hmac-file-server",
        description="Receives files that an XMPP server allowed by a signed URL, and serves them.",
        allow_abbrev=False,
    )
    add = made.add_argument
    add("-config", "--config", metavar="FILE", help="the configuration to read")
    config_commands.add_flags(made)
    add("-version", "--version", action="store_true", help="show the version")
    commands.add_to(made)
    return made


def main(
    argv: Sequence[str] | None = None,
    environ: Mapping[str, str] = os.environ,
    stdout: TextIO = sys.stdout,
    stderr: TextIO = sys.stderr,
) -> int:
    """Do what the command line says; tell the exit code: 0 fine, 1 failed, 2 config or usage."""
    arguments = parser().parse_args(argv)
    if arguments.version:
        print(f"hmac-file-server {VERSION}", file=stdout)
        return FINE
    around = Surroundings(stdout, stderr, environ)
    done = commands.perform(arguments, around)
    if done is None:
        done = config_commands.perform(arguments, around)
    if done is not None:
        return done
    path = locate.config(arguments.config, environ)
    is_first_start = path is None
    try:
        if path is None:
            path = locate.LOCAL_CONFIG
            first_start.write_config(path)
        settings = read_file(path, environ)
    except ConfigError as error:
        print(error, file=stderr)
        return USAGE
    except OSError as error:
        print(f"cannot write {path}: {error.strerror}", file=stderr)
        return FAILED
    for warning in settings.warnings:
        print(f"warning: {warning}", file=stderr)
    if is_first_start:
        print(first_start.greeting(path, settings), file=stderr)
    logs.begin(settings[options.LOGGING_LEVEL], stderr)
    # Importing it installs the reactor, which nothing above needs.
    from hmacfs.cli.run import run

    return run(settings, lambda: read_file(path, environ), environ)


if __name__ == "__main__":
    sys.exit(main())
