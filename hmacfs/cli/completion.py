"""Completion of the command line for bash: ``python -m hmacfs.cli.completion``."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Final

from hmacfs.cli.commands import COMMANDS, parser_of
from hmacfs.cli.main import parser

_TEMPLATE: Final = """\
# Completion for hmac-file-server; made from its parsers by python -m hmacfs.cli.completion.
_hmac_file_server() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD - 1]}}
    local words='' command='' word
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        case $word in
            {commands}) command=$word; break ;;
        esac
    done
    case $command:$before in
{choices}
        *)
            case $command in
{members}
                *) words='{flags}' ;;
            esac
            ;;
    esac
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -o default -F _hmac_file_server hmac-file-server
"""


def script() -> str:
    """Write what bash reads."""
    top = parser()
    names = [listed.name for listed in COMMANDS]
    parsers = {"": top} | {listed.name: parser_of(listed.command) for listed in COMMANDS}
    members = [
        f"                {name}) words='{' '.join(_words(made))}' ;;"
        for name, made in parsers.items()
        if name
    ]
    choices = [line for name, made in parsers.items() for line in _choices(name, made)]
    return _TEMPLATE.format(
        commands="|".join(names),
        choices="\n".join(choices),
        members="\n".join(members),
        flags=" ".join((*names, *_words(top))),
    )


def _words(of: argparse.ArgumentParser) -> Iterator[str]:
    for action in of._actions:
        if action.option_strings:
            # One spelling of each is enough to choose from.
            yield action.option_strings[-1]
        elif action.choices is not None:
            yield from map(str, action.choices)


def _choices(command: str, of: argparse.ArgumentParser) -> Iterator[str]:
    for action in of._actions:
        if not action.option_strings or action.nargs == 0:
            continue
        # What takes a value of its own kind is left to bash, which completes files.
        words = " ".join(map(str, action.choices or ()))
        labels = "|".join(f"{command}:{name}" for name in action.option_strings)
        yield f"        {labels}) words='{words}' ;;"


if __name__ == "__main__":
    print(script(), end="")
