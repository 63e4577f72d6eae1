"""Makes the virtual environments of this checkout from the lock, once, and runs commands in them.

Standard library only: this runs before anything is installed. An environment is good while its key
is: the lock, this file, the place of the checkout and the interpreter. It is built beside its final
place and renamed into it, so that a run that is interrupted, or two runs at once, never leave half
of one.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

ROOT: Final = pathlib.Path(__file__).resolve().parent.parent
KEY_FILE: Final = "made-from"
STANDARD_ERROR: Final = 2
# A shell begins, as in pip's own scripts: a first line cannot name an interpreter with spaces.
SCRIPT: Final = """\
#!/bin/sh
'''exec' "{python}" "$0" "$@"
' '''
import sys

from hmacfs.cli.main import main

sys.exit(main())
"""


class Environment(NamedTuple):
    """A virtual environment: its directory in the checkout, and the lock that it is made from."""

    directory: str
    lock: str


RUN: Final = Environment(".venv", "run.txt")
TEST: Final = Environment(".venv-test", "test.txt")
PACKAGES: Final = (sys.executable, "-m", "tests.apt")
"""The command that installs the Debian packages of the tests."""


class CannotMake(Exception):
    """The environment cannot be made; the text is one sentence for the administrator."""

    def __init__(self, sentence: str, exit_code: int) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code


def key(root: pathlib.Path, environment: Environment, python: pathlib.Path) -> str:
    """Return what tells an environment from one made of something else."""
    digest = hashlib.sha256()
    for part in (root / "requirements" / environment.lock, pathlib.Path(__file__)):
        digest.update(hashlib.sha256(part.read_bytes()).digest())
    digest.update(os.fsencode(root) + b"\0" + os.fsencode(python.resolve()))
    return digest.hexdigest()


def is_ready(root: pathlib.Path, environment: Environment) -> bool:
    """Whether the environment is there, whole, and made from what the checkout says now."""
    place = root / environment.directory
    python = place / "bin/python"
    try:
        made_from = (place / KEY_FILE).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return False
    # The key follows the link: the interpreter of the next release makes a new environment.
    return python.exists() and made_from == key(root, environment, python)


@contextlib.contextmanager
def locked(path: pathlib.Path) -> Iterator[None]:
    """Hold the lock at this path; another run that wants it waits."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def run(command: Sequence[str | os.PathLike[str]], failure: CannotMake) -> None:
    """Run a command whose output is for the administrator, never on our standard output."""
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    environ.pop("PYTHONPATH", None)
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=STANDARD_ERROR, env=environ, check=False
    )
    if done.returncode != 0:
        raise failure


def has_venv() -> bool:
    """Whether this Python can make environments: Debian ships that part apart."""
    return importlib.util.find_spec("ensurepip") is not None


def install_venv() -> None:
    """Install Debian's package with the missing part, or say in one sentence what to do."""
    package = f"python{sysconfig.get_python_version()}-venv"
    advice = CannotMake(f"This Python cannot make environments: apt-get install {package}.", 2)
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise advice
    say(f"installing {package}")
    apt_get = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300", "-o", "Dpkg::Use-Pty=0"]
    # A mirror that cannot be asked for news may still have the package.
    with contextlib.suppress(CannotMake):
        run([*apt_get, "update"], advice)
    run([*apt_get, "install", "-y", "--no-install-recommends", package], advice)
    importlib.invalidate_caches()
    if not has_venv():
        raise advice


def move_scripts(built: pathlib.Path, final: pathlib.Path) -> None:
    """Make the scripts of an environment name the place it is moved to."""
    before, after = os.fsencode(built), os.fsencode(final)
    for path in [built / "pyvenv.cfg", *(built / "bin").iterdir()]:
        if path.is_symlink() or not path.is_file():
            continue
        text = path.read_bytes()
        if before in text:
            path.write_bytes(text.replace(before, after))


def build(root: pathlib.Path, environment: Environment, place: pathlib.Path) -> None:
    """Build at ``place`` the environment that is to be moved to its own directory."""
    python = place / "bin/python"
    run([sys.executable, "-m", "venv", place], CannotMake("python -m venv failed, see above.", 1))
    lock = root / "requirements" / environment.lock
    install = ["install", "--disable-pip-version-check", "--quiet", "--require-hashes"]
    if environment is TEST:
        # What of it is used is compiled when it is.
        install.append("--no-compile")
    run(
        [python, "-m", "pip", *install, "--requirement", lock],
        CannotMake("The locked dependencies could not be installed, see above.", 1),
    )
    site = next((place / "lib").glob("python3*/site-packages"))
    (site / "hmacfs.pth").write_text(f"{root}\n", encoding="utf-8")
    script = place / "bin/hmac-file-server"
    script.write_text(SCRIPT.format(python=python), encoding="utf-8")
    script.chmod(0o755)
    move_scripts(place, root / environment.directory)


Build = Callable[[pathlib.Path, Environment, pathlib.Path], None]


def ensure(
    root: pathlib.Path,
    environment: Environment,
    build: Build = build,
    meanwhile: Sequence[str] = (),
) -> pathlib.Path:
    """Return the Python of the environment, which is made first where it must be.

    :param meanwhile: a command that is run beside the making of it, and may take longer.
    :raises CannotMake: with what is missing.
    """
    if not is_ready(root, environment):
        with locked(root / f"{environment.directory}.lock"):
            if not is_ready(root, environment):
                make(root, environment, build, meanwhile)
    return root / environment.directory / "bin/python"


def make(
    root: pathlib.Path, environment: Environment, build: Build, meanwhile: Sequence[str] = ()
) -> None:
    """Build the environment beside its place and put it there; the lock is held."""
    final = root / environment.directory
    for leftover in root.glob(f"{environment.directory}.new-*"):
        shutil.rmtree(leftover)
    if not has_venv():
        install_venv()
    if meanwhile:
        subprocess.Popen(meanwhile, cwd=root, stdin=subprocess.DEVNULL, stdout=STANDARD_ERROR)
    say(f"making {environment.directory} from requirements/{environment.lock}, once")
    with tempfile.TemporaryDirectory(prefix=f"{environment.directory}.new-", dir=root) as work:
        place = pathlib.Path(work) / "built"
        build(root, environment, place)
        python = place / "bin/python"
        (place / KEY_FILE).write_text(key(root, environment, python), encoding="ascii")
        if final.exists():
            final.rename(pathlib.Path(work) / "replaced")
        place.rename(final)


def say(sentence: str) -> None:
    """Tell the administrator; standard output belongs to the command that comes after."""
    print(f"hmacfs: {sentence}", file=sys.stderr, flush=True)


def main(arguments: Sequence[str]) -> int:
    """Become ``serve FLAGS`` or ``test ARGUMENTS``; return an exit code only where that fails."""
    what, *flags = arguments
    environment = {"serve": RUN, "test": TEST}[what]
    # A whole run waits for the packages of the tests when it comes to those that need them.
    is_whole = what == "test" and flags in ([], ["all"])
    try:
        python = ensure(ROOT, environment, meanwhile=PACKAGES if is_whole else ())
    except CannotMake as error:
        say(str(error))
        return error.exit_code
    except OSError as error:
        say(f"{environment.directory} cannot be made: {error}")
        return 1
    program = {"serve": [str(python.with_name("hmac-file-server"))], "test": ["-m", "tests.run"]}
    os.execv(python, [str(python), *program[what], *flags])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
