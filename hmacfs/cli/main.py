"""The command line of ``hmac-file-server``."""

from __future__ import annotations

import gc

# What is imported stays: to look for garbage among it is a tenth of the start.
gc.disable()

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TextIO

from hmacfs.base.started import ENVIRON
from hmacfs.base.version import VERSION
from hmacfs.cli import commands, config_flags, locate
from hmacfs.cli.command import Parser
from hmacfs.cli.surroundings import Surroundings
from hmacfs.config.problems import ConfigError
from hmacfs.config.read import read_file
from hmacfs.config.settings import Settings

gc.freeze()
gc.enable()

FINE = 0
FAILED = 1
USAGE = 2


def parser(*, add_help: bool = True) -> argparse.ArgumentParser:
    """Make the parser of the flags; every one may be written with one dash or two."""
    made = Parser(
        prog="hmac-file-server",
        description="Receives files that an XMPP server allowed by a signed URL, and serves them.",
        allow_abbrev=False,
        add_help=add_help,
    )
    add = made.add_argument
    add("-config", "--config", metavar="FILE", help="the configuration to read")
    config_flags.add_flags(made)
    add("-version", "--version", action="store_true", help="show the version")
    return made


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """
    Read the command line.

    :raises SystemExit: if it cannot be understood, or asks for help.
    """
    argv = sys.argv[1:] if argv is None else argv
    whole = parser()
    commands.add_to(whole, argv)
    # First without the commands, or what follows a mistyped flag is taken for one.
    flags = parser(add_help=False)
    flags.add_argument("-h", "-help", "--help", action="store_true")
    flags.add_argument("rest", nargs=argparse.REMAINDER)
    _, unknown = flags.parse_known_args(argv)
    if unknown:
        whole.error(f"unrecognized arguments: {' '.join(unknown)}")
    return whole.parse_args(argv)


def main(
    argv: Sequence[str] | None = None,
    environ: Mapping[str, str] | None = None,
    stdout: TextIO = sys.stdout,
    stderr: TextIO = sys.stderr,
) -> int:
    """Do what the command line says; tell the exit code: 0 fine, 1 failed, 2 config or usage."""
    arguments = parse(argv)
    if arguments.version:
        print(f"hmac-file-server {VERSION}", file=stdout)
        return FINE
    environ = dict(ENVIRON if environ is None else environ)
    around = Surroundings(stdout, stderr, environ)
    done = commands.perform(arguments, around)
    if done is None and config_flags.is_any(arguments):
        # A server has no use for what checks and writes configurations.
        from hmacfs.cli import config_commands

        done = config_commands.perform(arguments, around)
    if done is not None:
        return done
    try:
        path, settings = _read(arguments.config, environ, stderr)
    except ConfigError as error:
        print(error, file=stderr)
        return USAGE
    except OSError as error:
        print(f"cannot write {locate.LOCAL_CONFIG}: {error.strerror}", file=stderr)
        return FAILED
    gc.disable()
    # They take the memory of a server, and install the reactor, which nothing above needs.
    from hmacfs.cli import logs
    from hmacfs.cli.run import run

    gc.freeze()
    gc.enable()
    log = logs.begin(settings, stderr)
    try:
        return run(settings, lambda: read_file(path, environ), environ, log)
    finally:
        log.close()


def _read(given: str | None, environ: Mapping[str, str], stderr: TextIO) -> tuple[Path, Settings]:
    path = locate.config(given, environ)
    if path is not None:
        settings = read_file(path, environ)
        for warning in settings.warnings:
            print(f"warning: {warning}", file=stderr)
        return path, settings
    # A server needs this once in its life.
    from hmacfs.cli import first_start

    path = locate.LOCAL_CONFIG
    first_start.write_config(path)
    settings = read_file(path, environ)
    print(first_start.greeting(path, settings), file=stderr)
    return path, settings


if __name__ == "__main__":
    sys.exit(main())
