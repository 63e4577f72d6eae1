"""buildah and podman with a storage of their own, where systemd does not run."""

from __future__ import annotations

import atexit
import functools
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import Final

from tests.packaging import cache
from tests.packaging.cache import CHECKOUT
from tests.real.clamd import MARK

ENGINE: Final = """\
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=4096:4096"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
"""
STORAGE: Final = """\
[storage]
driver = "overlay"
runroot = "{directory}/run"
graphroot = "{directory}/graph"
"""

CLAMD: Final = """\
Foreground true
TCPSocket 3310
DatabaseDirectory /var/lib/clamav
"""
PROGRAMS: Final = ("clamd", "prometheus", "redis-server", "redis-cli")
"""What of this machine is in them, which has the Debian of the base."""

NEEDED: Final = re.compile(r"=> (/\S+)")
OTHERS: Final = {
    "docker.io/library/redis:7": (
        # As the image of that name does where no password is set.
        'ENTRYPOINT ["sh", "-c", "exec \\"$@\\" --protected-mode no", "sh"]\n'
    ),
    "docker.io/clamav/clamav:1.4": (
        "COPY clamd.conf /etc/clamav/clamd.conf\n"
        "COPY signatures /var/lib/clamav\n"
        'CMD ["clamd", "--config-file=/etc/clamav/clamd.conf"]\n'
    ),
    "docker.io/prom/prometheus:v2.53.4": (
        'WORKDIR /prometheus\nCMD ["prometheus", "--config.file=/etc/prometheus/prometheus.yml"]\n'
    ),
}
"""What stands for images of registries: a name, and how it is made beyond :data:`PROGRAMS`."""

IMAGE: Final = "localhost/hmac-file-server"
BASE: Final = "localhost/debian"


class Engine:
    """
    What makes and runs containers.

    :ivar directory: all that it has; removed by :meth:`clear`.
    """

    def __init__(self) -> None:
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="hmacfs-containers-"))
        (self.directory / "engine.conf").write_text(ENGINE, encoding="ascii")
        storage = STORAGE.format(directory=self.directory)
        (self.directory / "storage.conf").write_text(storage, encoding="ascii")

    def run(
        self,
        command: Sequence[str | os.PathLike[str]],
        check: bool = True,
        more: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run buildah or podman, or what runs them; return what it said.

        :raises AssertionError: with what it said, if it fails.
        """
        environ = {
            "CONTAINERS_CONF": str(self.directory / "engine.conf"),
            "CONTAINERS_STORAGE_CONF": str(self.directory / "storage.conf"),
            **(more or {}),
        }
        return cache.run(command, environ, check)

    def build(self) -> None:
        """Build the image of this checkout, on the Debian of this machine's suite."""
        # A build of it would write all of it down several times.
        packed = self.directory / "tree.tar"
        cache.run(["tar", f"--directory={cache.tree()}", "--create", f"--file={packed}", "."])
        self.run(["podman", "import", "--quiet", packed, BASE])
        packed.unlink()
        build = ["buildah", "bud", "--isolation=chroot", "--network=host", "--format=docker"]
        # What this machine says of package indexes holds in there too; all of it is read-only.
        settings = self.directory / "pip"
        settings.mkdir()
        text = "[global]\n"
        certificates = pathlib.Path(
            os.environ.get("PIP_CERT") or "/etc/ssl/certs/ca-certificates.crt"
        )
        if certificates.is_file():
            shutil.copy(certificates, settings / "certificates.crt")
            text += "cert = /run/pip/certificates.crt\n"
        index = os.environ.get("PIP_INDEX_URL")
        text += f"index-url = {index}\n" if index else ""
        (settings / "pip.conf").write_text(text, encoding="utf-8")
        shared = [
            f"--volume={settings}:/run/pip:ro",
            f"--volume={settings}/pip.conf:/etc/pip.conf:ro",
        ]
        file = [f"--file={CHECKOUT / 'Containerfile'}", f"--build-arg=BASE={BASE}"]
        self.run([*build, *shared, *file, "-t", IMAGE, str(CHECKOUT)])

    def build_others(self) -> None:
        """Build what the compose files take from registries, of Debian's programs."""
        context = self.directory / "others"
        (context / "signatures").mkdir(parents=True)
        mark = f"Mark-Test:0:*:{MARK.hex()}\n"
        (context / "signatures/test.ndb").write_text(mark, encoding="ascii")
        (context / "clamd.conf").write_text(CLAMD, encoding="ascii")
        for program in PROGRAMS:
            path = shutil.which(program, path="/usr/sbin:/usr/bin")
            assert path is not None
            for needed in (path, *NEEDED.findall(cache.run(["ldd", path], check=False).stdout)):
                # Without links of directories, which a copy would put in place of those.
                place = context / "root" / pathlib.Path(needed).parent.resolve().relative_to("/")
                place.mkdir(parents=True, exist_ok=True)
                shutil.copy(needed, place)
        build = ["buildah", "bud", "--isolation=chroot", "--network=host", "--format=docker"]
        for name, last in OTHERS.items():
            text = f"FROM {BASE}\nCOPY root /\n{last}"
            (context / "Containerfile").write_text(text, encoding="ascii")
            self.run([*build, "--layers", "-t", name, str(context)])
        shutil.rmtree(context)

    def clear(self) -> None:
        """Remove everything."""
        self.run(["podman", "rm", "--all", "--force", "--time=0"], check=False)
        self.run(["podman", "volume", "rm", "--all", "--force"], check=False)
        self.run(["podman", "rmi", "--all", "--force"], check=False)
        shutil.rmtree(self.directory, ignore_errors=True)


@functools.cache
def engine() -> Engine:
    """Return what has the image of this checkout, which is built once."""
    cache.need("buildah", "podman", "runc", "mmdebstrap")
    made = Engine()
    atexit.register(made.clear)
    started = time.monotonic()
    made.build()
    print(f"timing: the container image: {time.monotonic() - started:.1f} s")
    return made


@functools.cache
def engine_with_others() -> Engine:
    """Return the same with what the compose files take from registries."""
    cache.need(*PROGRAMS, "podman-compose", "/usr/lib/podman/netavark", "iptables")
    made = engine()
    started = time.monotonic()
    made.build_others()
    print(f"timing: images of Redis, ClamAV and Prometheus: {time.monotonic() - started:.1f} s")
    return made
