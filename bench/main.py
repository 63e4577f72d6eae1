"""Measures both servers in turn, and prints the medians and what they are to each other."""

from __future__ import annotations

import argparse
import pathlib
import statistics
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Final

from bench import servers
from bench.clients import Failed
from bench.measures import QUICK, WHOLE, Measure, Sizes, measures
from bench.servers import CannotMeasure, Server

ROUNDS: Final = 5
UNUSABLE: Final = 2


def row(*cells: str) -> str:
    """Return a line of the table."""
    name, *numbers = cells
    return (
        f"{name:<62}" + "".join(f" {number:>26}" for number in numbers[:-1]) + f" {numbers[-1]:>6}"
    )


def shown(found: Sequence[float]) -> str:
    """Return the median, and between what the values were."""
    middle, least, most = statistics.median(found), min(found), max(found)
    return f"{middle:.4g} ({least:.4g}-{most:.4g})"


def compare(measure: Measure, both: Sequence[Server], rounds: int) -> str:
    """Measure the servers in turn, each first in every other round; return a line of the table."""
    found: dict[Server, list[float]] = {server: [] for server in both}
    for number in range(rounds):
        for server in both if number % 2 else reversed(both):
            found[server].append(measure.take(server))
    first, second = (statistics.median(values) for values in found.values())
    ratio = f"{first / second:.2f}" if second else "-"
    unit = f"{measure.name}, {measure.unit}{'' if measure.more_is_better else ' (less is better)'}"
    return row(unit, *(shown(values) for values in found.values()), ratio)


def run(sizes: Sizes, rounds: int, wanted: Sequence[str]) -> None:
    """
    Print the table.

    :param wanted: words, one of which is in the name of each measure; none for all.
    :raises CannotMeasure: if a server cannot be started.
    :raises Failed: if a request fails.
    """
    with tempfile.TemporaryDirectory(prefix="hmacfs-bench-") as name, ExitStack() as running:
        directory = pathlib.Path(name)
        # So that nginx's workers may enter, whoever they are.
        directory.chmod(0o755)
        both = [
            running.enter_context(make(directory / label))
            for label, make in (("ours", servers.ours), ("nginx", servers.nginx))
        ]
        print(row("", *(server.name for server in both), "ratio"), flush=True)
        for measure in measures(directory, sizes):
            if not wanted or any(word in measure.name for word in wanted):
                print(compare(measure, both, rounds), flush=True)


def main(arguments: Sequence[str]) -> int:
    """Do what the command line says; return the exit code."""
    parser = argparse.ArgumentParser(prog="bench/run", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small files, one round: does it run?")
    parser.add_argument("--rounds", type=int, help=f"how often each is measured; {ROUNDS}")
    parser.add_argument("measure", nargs="*", help="words of the measures to take; all")
    options = parser.parse_args(arguments)
    rounds = options.rounds or (1 if options.quick else ROUNDS)
    try:
        run(QUICK if options.quick else WHOLE, rounds, options.measure)
    except (CannotMeasure, Failed) as error:
        print(f"bench/run: {error}", file=sys.stderr)
        return UNUSABLE
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
