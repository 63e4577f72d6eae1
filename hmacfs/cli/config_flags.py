"""The flags of ``hmac-file-server`` about configuration files, as its parser knows them."""

from __future__ import annotations

import argparse
from typing import Final

_FLAGS: Final = {
    "genconfig": "write a configuration with what most servers need to standard output",
    "genconfig-advanced": "the same with every setting and its documentation",
    "validate-config": "say whether the configuration can be used",
    "validate-quiet": "the same, but say nothing when it can",
    "validate-verbose": "the same with every value in force, where it came from, and all checks",
    "check-security": "look for what is insecure",
    "check-performance": "look for what is slow",
    "check-connectivity": "try the servers that the configuration needs",
    "check-fixable": "look for what -fix-config would mend",
    "list-checks": "list all checks",
    "fix-config": "bring the configuration up to date; leaves a backup",
}


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags, with one dash or two."""
    for name, description in _FLAGS.items():
        parser.add_argument(f"-{name}", f"--{name}", action="store_true", help=description)
    parser.add_argument(
        "-genconfig-path",
        "--genconfig-path",
        metavar="FILE",
        help="write the generated configuration to a new file",
    )
    parser.add_argument("-json", "--json", action="store_true", help="write reports as JSON")


def is_any(arguments: argparse.Namespace) -> bool:
    """Tell whether there is one of these flags that asks for something to be done."""
    asked = (getattr(arguments, flag.replace("-", "_")) for flag in _FLAGS)
    return any(asked) or arguments.genconfig_path is not None
