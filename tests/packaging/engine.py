"""buildah and podman with a storage of their own, where systemd does not run."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from typing import Final

from tests.packaging import cache
from tests.packaging.cache import CHECKOUT

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
        context = self.directory / "base"
        context.mkdir()
        with tarfile.open(context / "tree.tar", "w") as archive:
            archive.add(cache.tree(), ".")
        (context / "Containerfile").write_text("FROM scratch\nADD tree.tar /\n", encoding="ascii")
        build = ["buildah", "bud", "--isolation=chroot", "--network=host", "--format=docker"]
        self.run([*build, "-t", BASE, str(context)])
        shutil.rmtree(context)
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

    def clear(self) -> None:
        """Remove everything."""
        self.run(["podman", "rm", "--all", "--force", "--time=0"], check=False)
        self.run(["podman", "volume", "rm", "--all", "--force"], check=False)
        self.run(["podman", "rmi", "--all", "--force"], check=False)
        shutil.rmtree(self.directory, ignore_errors=True)
