"""What takes long to make and is kept between runs, outside of the checkout."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from typing import Final

from twisted.trial.unittest import SkipTest

from tests import hygiene

CHECKOUT: Final = pathlib.Path(__file__).resolve().parents[2]
SUITES: Final = ("bookworm", "trixie")
INSIDE: Final = (
    *("adduser", "ca-certificates", "dbus", "iproute2", "libpam-systemd", "logrotate", "procps"),
    *("python3", "python3-venv", "systemd", "systemd-sysv"),
)
"""The Debian packages of the machines."""

SOURCES: Final = ("debian", "docs", "etc", "hmacfs", "requirements", "twisted")
"""What the package is made of."""

# Of a run in an integration service everything may hang; nothing here takes that long.
LIMIT: Final = 900.0


def directory() -> pathlib.Path:
    """Return where things are kept."""
    home = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    path = pathlib.Path(os.environ.get("HMACFS_CACHE") or pathlib.Path(home) / "hmacfs")
    path.mkdir(parents=True, exist_ok=True)
    return path


@contextlib.contextmanager
def locked(name: str) -> Iterator[None]:
    """Keep other runs from making the same thing."""
    with (directory() / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def run(
    command: Sequence[str | os.PathLike[str]],
    environ: dict[str, str] | None = None,
    check: bool = True,
) -> subprocess.CompletedProcess[str]:
    """Run a command on this machine and return what it said, both outputs in one.

    :raises AssertionError: with what it said, if it fails.
    """
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, **(environ or {})},
        text=True,
        timeout=LIMIT,
        check=False,
    )
    if check and done.returncode != 0:
        raise AssertionError(f"{command[0]} failed: {done.stdout[-4000:]}")
    return done


def need(*programs: str) -> None:
    """Skip the test where this is not root's Debian with these programs."""
    if os.geteuid() != 0:
        raise SkipTest("only root can make and boot machines")
    absent = [name for name in programs if shutil.which(name) is None]
    if absent:
        raise SkipTest(f"not installed: {' '.join(absent)}")
    if suite() not in SUITES:
        raise SkipTest(f"{suite()} is neither of the suites {SUITES}")


def suite() -> str:
    """Return the suite of this machine."""
    text = pathlib.Path("/etc/os-release").read_text(encoding="utf-8")
    found = re.search(r"^VERSION_CODENAME=(\w+)$", text, re.MULTILINE)
    return found[1] if found else "an unknown suite"


def mirror() -> str:
    """Return where this machine has its Debian from."""
    said = run(["apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages"])
    for site in said.stdout.splitlines():
        if site.rstrip("/").endswith("/debian"):
            return site
    raise SkipTest("apt knows no mirror of Debian")


def tree() -> pathlib.Path:
    """Return a Debian of this machine's suite, as it is right after its installation."""
    names = hashlib.sha256(" ".join(INSIDE).encode()).hexdigest()[:8]
    path = directory() / f"tree-{suite()}-{names}"
    with locked("tree"):
        if not path.exists():
            made = path.with_suffix(".new")
            shutil.rmtree(made, ignore_errors=True)
            include = f"--include={','.join(INSIDE)}"
            run(["debootstrap", "--variant=minbase", include, suite(), made, mirror()])
            made.rename(path)
    return path


@functools.cache
def package() -> pathlib.Path:
    """Return the Debian package of this checkout; its tests are left to ``./test quick``."""
    digest = hashlib.sha256()
    for name in hygiene.tracked(CHECKOUT):
        if name.parts[0] in SOURCES or len(name.parts) == 1:
            digest.update(os.fsencode(name) + b"\0")
            digest.update(hashlib.sha256((CHECKOUT / name).read_bytes()).digest())
    kept = directory() / "packages" / digest.hexdigest()[:16]
    with locked("package"):
        if not kept.exists():
            kept.parent.mkdir(exist_ok=True)
            # Other runs may still use those that they made.
            by_age = sorted(kept.parent.iterdir(), key=lambda path: path.stat().st_mtime)
            for old in by_age[:-2]:
                shutil.rmtree(old)
            options = "" if os.environ.get("HMACFS_LONG") else "nocheck"
            done = subprocess.run(
                [CHECKOUT / "debian/build"],
                env={**os.environ, "DEB_BUILD_OPTIONS": options},
                capture_output=True,
                text=True,
                timeout=LIMIT,
                check=False,
            )
            assert done.returncode == 0, done.stderr[-4000:]
            made = kept.with_suffix(".new")
            shutil.rmtree(made, ignore_errors=True)
            made.mkdir()
            shutil.copy(done.stdout.strip(), made)
            made.rename(kept)
    [path] = kept.iterdir()
    return path


def next_package(to: pathlib.Path) -> pathlib.Path:
    """Return a package like that of this checkout, but of a later version, in a directory."""
    first = package()
    work = to / "next"
    old = field(first, "Version")
    new = old.replace("4.", "5.", 1)
    run(["dpkg-deb", "--raw-extract", first, work])
    home = work / "usr/lib/hmac-file-server"
    (home / old).rename(home / new)
    command = work / "usr/bin/hmac-file-server"
    command.unlink()
    command.symlink_to(f"../lib/hmac-file-server/{new}/bin/hmac-file-server")
    places = [*(work / "DEBIAN").iterdir(), home / new / "pyvenv.cfg"]
    scripts = [path for path in (home / new / "bin").iterdir() if not path.is_symlink()]
    for path in (*places, *scripts):
        path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    made = to / f"hmac-file-server_{new}.deb"
    run(["dpkg-deb", "-Zgzip", "-z1", "--root-owner-group", "--build", work, made])
    shutil.rmtree(work)
    return made


def field(deb: pathlib.Path, name: str) -> str:
    """Return a field of a package."""
    return run(["dpkg-deb", "--field", deb, name]).stdout.strip()
