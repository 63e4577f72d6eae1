"""Installs the Debian packages that the tests with real servers need, where it may.

Standard library only: ``./test`` runs this as a program while it makes the environment.
"""

from __future__ import annotations

import fcntl
import os
import pathlib
import shutil
import subprocess
from collections.abc import Iterable, Sequence

ROOT = pathlib.Path(__file__).resolve().parent.parent
LISTS = (ROOT / "tests/real/apt-packages.txt", ROOT / "tests/packaging/apt-packages.txt")
LOCK = ROOT / ".venv-test.apt.lock"


def listed(path: pathlib.Path) -> tuple[str, ...]:
    """Return the packages of a list: one a line, ``#`` begins a comment."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return tuple(name for line in lines if (name := line.partition("#")[0].strip()))


def installed() -> frozenset[str]:
    """Return the packages that dpkg has, configured, and what they provide."""
    query = ["dpkg-query", "--show", "--showformat=${db:Status-Status}\t${Package}, ${Provides}\n"]
    if shutil.which("dpkg-query") is None:
        return frozenset()
    said = subprocess.run(query, capture_output=True, text=True, check=False).stdout
    rows = [line.partition("\t") for line in said.splitlines()]
    there = [names for status, _, names in rows if status == "installed"]
    return frozenset(
        name.split()[0] for names in there for name in names.split(",") if name.strip()
    )


def missing(packages: Sequence[str]) -> tuple[str, ...]:
    """Return those of the packages that are not installed."""
    there = installed()
    return tuple(package for package in packages if package not in there)


def install_listed(lists: Iterable[pathlib.Path]) -> tuple[str, ...]:
    """Do as :func:`install` does for what is listed, when nobody else does in this checkout."""
    packages = tuple(dict.fromkeys(name for path in lists for name in listed(path)))
    if not packages:
        return ()
    with LOCK.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        return install(packages)


def install(packages: Sequence[str]) -> tuple[str, ...]:
    """Install what is missing of the packages; return what still is, after saying why."""
    wanted = missing(packages)
    if not wanted:
        return ()
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        print("Only root on Debian can install:", *wanted, flush=True)
        return wanted
    print("Installing:", *wanted, flush=True)
    options = ["-q", "-o", "DPkg::Lock::Timeout=300"]
    apt_get(["update", *options])
    # A machine that loses its power meanwhile is none that tests would go on with.
    options += ["-o", "Dpkg::Options::=--force-unsafe-io"]
    # One package that does not exist must not keep the others away.
    if not apt_get(["install", "-y", "--no-install-recommends", *options, *wanted]):
        for package in wanted:
            apt_get(["install", "-y", "--no-install-recommends", *options, package])
    return missing(wanted)


def apt_get(arguments: Sequence[str]) -> bool:
    """Run apt-get; when it fails, show what it said."""
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(
        ["apt-get", *arguments],
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        print(done.stdout, flush=True)
    return done.returncode == 0


if __name__ == "__main__":
    install_listed(LISTS)
