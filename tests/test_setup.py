"""The wheel holds what the server needs and leaves Twisted whole."""

from __future__ import annotations

import email
import pathlib
import shutil
import subprocess
import sys
import zipfile

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.version import VERSION
from tools import environment

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCES = ("hmacfs", "twisted", "requirements", "setup.py", "pyproject.toml", "LICENSE")


class WheelTests(SynchronousTestCase):
    """A wheel built from a copy of the sources."""

    def setUp(self) -> None:
        copy = pathlib.Path(self.mktemp()).resolve()
        copy.mkdir()
        for name in SOURCES:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("*.cache"))
            else:
                shutil.copy(ROOT / name, copy / name)
        (copy / "hmacfs/base/extra/deep").mkdir(parents=True)
        (copy / "hmacfs/base/extra/deep/schema.sql").touch()
        done = subprocess.run(
            [sys.executable, "setup.py", "-q", "bdist_wheel"],
            cwd=copy,
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(0, done.returncode, done.stderr)
        [path] = (copy / "dist").iterdir()
        self.wheel = zipfile.ZipFile(path)
        self.addCleanup(self.wheel.close)
        self.path = path

    def metadata(self, name: str) -> str:
        """Return a file of the wheel's metadata."""
        return self.wheel.read(f"hmacfs-{VERSION}.dist-info/{name}").decode()

    def test_contents(self) -> None:
        """Every module, the types, schemas in any depth, and the one plugin are in it; no tests."""
        names = {name for name in self.wheel.namelist() if ".dist-info/" not in name}
        modules = {str(path.relative_to(ROOT)) for path in (ROOT / "hmacfs").rglob("*.py")}
        self.assertEqual(set(), modules - names)
        self.assertIn("hmacfs/py.typed", names)
        self.assertIn("hmacfs/base/extra/deep/schema.sql", names)
        self.assertEqual(
            {"twisted/plugins/hmacfs_plugin.py"},
            {name for name in names if not name.startswith("hmacfs/")},
        )

    def test_metadata(self) -> None:
        """The version is the one the program tells; the requirements are those that are locked."""
        self.assertEqual(f"hmacfs-{VERSION}-py3-none-any.whl", self.path.name)
        metadata = email.message_from_string(self.metadata("METADATA"))
        self.assertEqual(VERSION, metadata["Version"])
        self.assertEqual(">=3.11", metadata["Requires-Python"])
        self.assertIn("Twisted[tls]>=25.5", metadata.get_all("Requires-Dist"))

    def test_command(self) -> None:
        """The console script runs what the script of a checkout runs."""
        self.assertEqual(
            "[console_scripts]\nhmac-file-server = hmacfs.cli.main:main\n",
            self.metadata("entry_points.txt"),
        )
        self.assertIn("\nfrom hmacfs.cli.main import main\n", environment.SCRIPT)


class PluginTests(SynchronousTestCase):
    """``twistd hmacfs`` from a checkout."""

    def test_known_to_twistd(self) -> None:
        """Twistd lists the plugin."""
        twistd = pathlib.Path(sys.executable).with_name("twistd")
        done = subprocess.run([twistd, "--help"], capture_output=True, text=True, check=True)
        self.assertIn("\n    hmacfs  ", done.stdout)
