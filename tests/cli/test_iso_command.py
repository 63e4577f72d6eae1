"""Tests of the commands about containers, which pack with the programs of this machine."""

from __future__ import annotations

import shutil
import time

from twisted.trial.unittest import SkipTest

from hmacfs.blobs.containers import find
from tests.cli.storage_case import StorageCase


class IsoTests(StorageCase):
    """Files of several names, and a configuration that lets them be packed."""

    def setUp(self) -> None:
        if not (shutil.which("xorriso") or shutil.which("genisoimage")):
            raise SkipTest("containers are written by xorriso or genisoimage")
        super().setUp()
        self.container = self.directory / "container.iso"
        text = self.config.read_text(encoding="utf-8")
        more = f"[iso]\nenabled = true\nsize = '4MB'\ncontainerfile = '{self.container}'\n"
        self.config.write_text(text + more, encoding="utf-8")
        self.contents = {
            "folder/ü = a\\b, long name.txt": b"first" * 1000,
            "folder/below/zero": b"",
            "two": b"second",
            "same": b"second",
        }
        for number, (name, content) in enumerate(self.contents.items()):
            self.store(name, content, uploaded_at=1_700_000_000.0 + number)
        self.store("ends", b"soon over", expires_at=time.time() + 5000)

    def test_pack(self) -> None:
        """The files leave the disk for a container that can be read, and are listed there."""
        outcome = self.run_command("iso", "pack")
        self.assertEqual((outcome.code, outcome.out), (0, ""), outcome.err)
        self.assertIn("packed 4 files", outcome.err)
        self.assertFalse((self.root / "folder").exists())
        self.assertTrue((self.root / "ends").exists())
        self.assertEqual(len(find(self.container)), 3)
        (listed,) = self.run_command("iso", "list", "-json").values
        self.assertEqual((listed["files"], listed["container"]), (4, str(self.container)))
        self.assertEqual(self.run_command("reindex").out, "")
        self.assertEqual(len(self.names()), 5)
        self.assertIn("nothing to pack", self.run_command("iso", "pack").err)

    def test_next(self) -> None:
        """A second container has a number; what no container can hold stays."""
        self.run_command("iso", "pack")
        self.store("later", b"later")
        self.store("large", b"x" * 5 * 1024 * 1024)
        self.assertIn("packed 1 files", self.run_command("iso", "pack").err)
        self.assertTrue((self.directory / "container-2.iso").exists())
        self.assertTrue((self.root / "large").exists())

    def test_verify(self) -> None:
        """A container that has lost a byte, or is gone, is told with the files it had."""
        self.run_command("iso", "pack")
        self.assertEqual(self.run_command("iso", "verify").code, 0)
        data = self.container.read_bytes().replace(b"firstfirst", b"firstf!rst", 1)
        self.container.chmod(0o600)
        self.container.write_bytes(data)
        outcome = self.run_command("iso", "verify", "-json")
        self.assertEqual(outcome.code, 1)
        self.assertEqual([line["damaged"] for line in outcome.values], [next(iter(self.contents))])
        self.container.unlink()
        outcome = self.run_command("iso", "verify")
        self.assertEqual((outcome.code, len(outcome.lines)), (1, 4))

    def test_removed(self) -> None:
        """A packed file can be taken down: its name is dead, its bytes stay in the container."""
        self.run_command("iso", "pack")
        self.assertEqual(self.run_command("rm", "two").out, "removed two\n")
        (listed,) = self.run_command("iso", "list", "-json").values
        self.assertEqual(listed["files"], 3)
        self.assertIn(b"second", self.container.read_bytes())

    def test_off(self) -> None:
        """Without iso.enabled nothing is packed."""
        text = self.config.read_text(encoding="utf-8")
        self.config.write_text(text.replace("enabled = true", "enabled = false"), encoding="utf-8")
        outcome = self.run_command("iso", "pack")
        self.assertEqual(outcome.code, 1)
        self.assertIn("iso.enabled", outcome.err)
        self.assertTrue((self.root / "two").exists())

    def test_cannot_write(self) -> None:
        """Where the container cannot be written all files stay, with a sentence that says why."""
        self.container.parent.joinpath(".container.iso.new").mkdir()
        outcome = self.run_command("iso", "pack")
        self.assertEqual(outcome.code, 1)
        self.assertTrue((self.root / "two").exists())
        self.assertFalse(self.container.exists())
