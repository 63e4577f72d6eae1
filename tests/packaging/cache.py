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
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from twisted.trial.unittest import SkipTest

from tests import hygiene
from tests.packaging.control_group import ControlGroup

CHECKOUT: Final = pathlib.Path(__file__).resolve().parents[2]
SUITES: Final = ("bookworm", "trixie")
INSIDE: Final = (
    *("adduser", "ca-certificates", "dbus", "iproute2", "libpam-systemd", "logrotate", "procps"),
    *("python3", "python3-venv", "systemd", "systemd-sysv", "usr-is-merged", "xorriso"),
)
"""The Debian packages of the machines."""

SOURCES: Final = ("debian", "docs", "etc", "hmacfs", "requirements", "twisted")
"""What the package is made of."""

# Of a run in an integration service everything may hang; nothing here takes that long.
LIMIT: Final = 900.0


@functools.cache
def directory() -> pathlib.Path:
    """Return where things are kept: as debian/build does, or for all users where none may write."""
    home = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    path = pathlib.Path(os.environ.get("HMACFS_CACHE") or home / "hmacfs")
    try:
        path.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path).close()
    except OSError:
        path = pathlib.Path("/var/cache/hmacfs")
        path.mkdir(exist_ok=True)
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


def tree(*more: str, of: str = "") -> pathlib.Path:
    """
    Return a Debian right after its installation, with more packages.

    :param of: its suite, in place of that of this machine.
    """
    base = tree(of=of) if more else pathlib.Path()
    names = hashlib.sha256(" ".join((*INSIDE, *more)).encode()).hexdigest()[:8]
    path = directory() / f"tree-{of or suite()}-{names}"
    with locked("tree"):
        if not path.exists():
            made = path.with_suffix(".new")
            shutil.rmtree(made, ignore_errors=True)
            if more:
                run(["cp", "--archive", base, made])
                apt_get = ["apt-get", "-o", "APT::Sandbox::User=root", "-q"]
                run_inside(made, *apt_get, "update")
                run_inside(made, *apt_get, "install", "-y", "--no-install-recommends", *more)
                run_inside(made, *apt_get, "clean")
            else:
                # In half the time that debootstrap takes.
                options = ["--variant=minbase", f"--include={','.join(INSIDE)}"]
                options += ["--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr"]
                options += ["--dpkgopt=force-unsafe-io", '--aptopt=Acquire::Languages "none"']
                run(["mmdebstrap", *options, of or suite(), made, mirror()])
            made.rename(path)
    return path


def run_inside(place: pathlib.Path, *command: str, bind: str = "") -> None:
    """
    Run a command in a tree, which is not booted, and changes it.

    :raises AssertionError: with what it said, if it fails.
    """
    enter = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--pipe"]
    bound = [f"--bind-ro={bind}"] if bind else []
    environ = ["--setenv=DEBIAN_FRONTEND=noninteractive", "--resolv-conf=bind-host"]
    group = ControlGroup()
    try:
        run(group.holding([*enter, *bound, *environ, f"--directory={place}", *command]))
    finally:
        group.remove()


def _kept(kind: str, key: str, make: Callable[[pathlib.Path], None]) -> pathlib.Path:
    """Return the directory of this kind and key, which is made where it is missing."""
    kept = directory() / kind / key
    with locked(kind):
        if not kept.exists():
            kept.parent.mkdir(exist_ok=True)
            # Other runs may still use those that they made.
            by_age = sorted(kept.parent.iterdir(), key=lambda path: path.stat().st_mtime)
            for old in by_age[:-2]:
                shutil.rmtree(old)
            made = kept.with_suffix(".new")
            shutil.rmtree(made, ignore_errors=True)
            make(made)
            made.rename(kept)
    return kept


@functools.cache
def key() -> str:
    """Return what tells this checkout's package from others."""
    digest = hashlib.sha256()
    for name in hygiene.tracked(CHECKOUT):
        if name.parts[0] in SOURCES or len(name.parts) == 1:
            digest.update(os.fsencode(name) + b"\0")
            digest.update(hashlib.sha256((CHECKOUT / name).read_bytes()).digest())
    return digest.hexdigest()[:16]


def copy(to: pathlib.Path) -> None:
    """Copy this checkout, without its tests."""
    for name in hygiene.tracked(CHECKOUT):
        if name.parts[0] != "tests":
            place = to / name
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(CHECKOUT / name, place)


@functools.cache
def package() -> pathlib.Path:
    """Return the Debian package of this checkout; its tests are left to ``./test quick``."""

    def make(made: pathlib.Path) -> None:
        started = time.monotonic()
        path = build(CHECKOUT, "" if os.environ.get("HMACFS_LONG") else "nocheck")
        print(f"timing: debian/build: {time.monotonic() - started:.1f} s")
        made.mkdir()
        shutil.copy(path, made)

    [path] = _kept("packages", key(), make).iterdir()
    return path


def build(checkout: pathlib.Path, options: str, *suite: str) -> str:
    """Build the package of a checkout and return its path.

    :raises AssertionError: with what was said, if it fails.
    """
    done = subprocess.run(
        [checkout / "debian/build", *suite],
        env={**os.environ, "DEB_BUILD_OPTIONS": options, "HMACFS_CACHE": str(directory())},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout.strip()


@functools.cache
def installed() -> pathlib.Path:
    """Return a :func:`tree` in which the package was installed."""

    def make(made: pathlib.Path) -> None:
        run(["cp", "--archive", tree(), made])
        place = "/tmp/first.deb"
        run_inside(made, "dpkg", "-i", place, bind=f"{package()}:{place}")

    return _kept("installed", f"{key()}-{suite()}", make)


@functools.cache
def wheels() -> pathlib.Path:
    """Return a directory with the libraries of the lock, for machines without a network."""
    lock = CHECKOUT / "requirements/run.txt"

    def make(made: pathlib.Path) -> None:
        wanted = ["--require-hashes", f"--requirement={lock}", f"--dest={made}"]
        run(["/usr/bin/python3", "-m", "pip", "download", "--quiet", *wanted])

    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:16]
    return _kept("wheels", f"{digest}-{suite()}", make)


@functools.cache
def next_package() -> pathlib.Path:
    """Return a package like that of this checkout, but of a later version."""

    def make(made: pathlib.Path) -> None:
        first, work = package(), made / "next"
        made.mkdir()
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
        name = made / f"hmac-file-server_{new}.deb"
        run(["dpkg-deb", "-Zgzip", "-z1", "--root-owner-group", "--build", work, name])
        shutil.rmtree(work)

    [path] = _kept("later", key(), make).iterdir()
    return path


def field(deb: pathlib.Path, name: str) -> str:
    """Return a field of a package."""
    return run(["dpkg-deb", "--field", deb, name]).stdout.strip()
