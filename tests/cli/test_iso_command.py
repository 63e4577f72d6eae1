"""Tests of the commands about containers, which pack with the programs of this machine."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from hashlib import sha256
from typing import Any

from twisted.logger import capturedLogs
from twisted.trial.unittest import SkipTest

from hmacfs.base.values import StoredFile
from hmacfs.blobs import containers
from hmacfs.blobs.catalogue import Catalogue
from hmacfs.blobs.containers import SUMS, names_in, read
from hmacfs.library import journal
from tests.blobs.samples import named, need_container_program
from tests.cli.storage_case import StorageCase


class IsoTests(StorageCase):
    """Files of several names, and a configuration that lets them be packed."""

    def setUp(self) -> None:
        need_container_program()
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
        self.assertEqual(len({entry.sha256 for entry in read(self.container)}), 3 + 1)
        (listed,) = self.run_command("iso", "list", "-json").values
        self.assertEqual((listed["files"], listed["container"]), (4, str(self.container)))
        self.assertEqual(self.run_command("reindex").out, "")
        self.assertEqual(len(self.names()), 5)
        self.assertIn("nothing to pack", self.run_command("iso", "pack").err)

    def test_hidden(self) -> None:
        """A file whose name is hidden on the disk is packed from where it lies."""
        text = self.config.read_text(encoding="utf-8")
        hiding = text.replace("[server]", '[server]\nfile_naming = "HMAC"')
        self.config.write_text(hiding, encoding="utf-8")
        self.assertEqual(self.run_command("reindex").code, 0)
        key = bytes.fromhex((self.internal / "naming.key").read_text())
        for name in self.contents:
            hidden = self.root / str(named(name).hidden(key))
            hidden.parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).rename(hidden)
        outcome = self.run_command("iso", "pack")
        self.assertIn("packed 4 files", outcome.err)
        self.assertEqual(list(self.internal.glob("objects/*/*")), [])
        self.assertEqual(self.run_command("reindex").out, "")

    def test_next(self) -> None:
        """A second container has a number; what no container can hold stays."""
        self.run_command("iso", "pack")
        self.store("later", b"later")
        self.store("large", b"x" * 5 * 1024 * 1024)
        self.assertIn("packed 1 files", self.run_command("iso", "pack").err)
        self.assertTrue((self.directory / "container-2.iso").exists())
        self.assertTrue((self.root / "large").exists())

    def test_long_names(self) -> None:
        """What cannot be shown whole stays, and long names do when no container can have them."""
        fails = self.directory / "xorriso"
        wrapped = shutil.which("xorriso")
        if wrapped is None:
            raise SkipTest("needs xorriso")
        script = f'for last; do :; done; grep -q nnnnn "$last" && exit 32; exec {wrapped} "$@"'
        fails.write_text(f"#!/bin/sh\n{script}\n", encoding="ascii")
        fails.chmod(0o755)
        self.patch(os, "environ", {**os.environ})
        self.store("m" * 254, b"too long")
        self.store("m" * 253, b"just right")
        long = ["n" * 101, f"{'n' * 102}/a"]
        for name in long:
            self.store(name, b"long")
        os.environ["PATH"] = f"{self.directory}:{os.environ['PATH']}"
        outcome = self.run_command("iso", "pack")
        self.assertIn("packed 4 files", outcome.err)
        self.assertEqual(self.run_command("iso", "pack").code, 1)
        fails.unlink()
        self.assertIn("packed 3 files", self.run_command("iso", "pack").err)
        left = {file.name for file in self.root.iterdir() if file.is_file()}
        self.assertEqual(left, {"ends", "m" * 254})

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
        """A file that is taken down is dead; its bytes go with the last file of its container."""
        self.run_command("iso", "pack")
        self.assertEqual(self.run_command("rm", "two").out, "removed two\n")
        (listed,) = self.run_command("iso", "list", "-json").values
        self.assertEqual(listed["files"], 3)
        self.assertIn(b"second", self.container.read_bytes())
        for name in self.contents:
            self.run_command("rm", name)
        self.assertFalse(self.container.exists())
        self.assertEqual(self.run_command("iso", "list").out, "")

    def test_sums(self) -> None:
        """Who has the container alone can name the files in it, and compare them."""
        self.run_command("iso", "pack")
        names = names_in(self.container, read(self.container))
        self.assertEqual(
            {str(name): digest for name, digest in names.items()},
            {name: sha256(content).digest() for name, content in self.contents.items()},
        )

    def test_adopted(self) -> None:
        """When the catalogue is lost, or a container was moved, its files are found in it again."""
        self.run_command("iso", "pack")
        self.run_command("rm", "two")
        (self.internal / "packed.sqlite").unlink()
        moved = self.container.rename(self.directory / "moved.iso")
        outcome = self.run_command("iso", "adopt", str(moved))
        self.assertEqual((outcome.code, outcome.out), (0, ""), outcome.err)
        self.assertIn("3 files", outcome.err)
        self.assertEqual(self.run_command("iso", "verify").code, 0)
        self.assertEqual(self.run_command("reindex").out, "")
        self.assertEqual(set(self.names()), {*self.contents, "ends"} - {"two"})

    def test_index_lost(self) -> None:
        """When the index is lost too, packed files are told by the names in their container."""
        self.run_command("iso", "pack")
        (self.internal / "packed.sqlite").unlink()
        # Where both connections are closed at one moment SQLite leaves the log to the next.
        for path in self.internal.glob(f"{self.path.name}*"):
            path.unlink()
        self.record()
        self.run_command("iso", "adopt", str(self.container))
        outcome = self.run_command("reindex", "-json")
        self.assertEqual({line["found"] for line in outcome.values}, {"added"})
        self.assertEqual(set(self.names()), {*self.contents, "ends"})
        file = self.known("same")
        assert isinstance(file, StoredFile)
        self.assertEqual(file.sha256, sha256(b"second").digest())

    def test_adopted_damaged(self) -> None:
        """What is damaged in a container is told, and the others are taken; no other ISO is."""
        self.run_command("iso", "pack")
        (self.internal / "packed.sqlite").unlink()
        data = self.container.read_bytes().replace(b"firstfirst", b"firstf!rst", 1)
        self.container.write_bytes(data)
        outcome = self.run_command("iso", "adopt", str(self.container))
        self.assertEqual((outcome.code, len(outcome.lines)), (1, 1))
        self.assertIn("long name", outcome.out)
        self.assertIn("3 files", outcome.err)
        self.container.write_bytes(data.replace(SUMS.encode()[-10:], b"SHA256SUMX"))
        self.assertEqual(self.run_command("iso", "adopt", str(self.container)).code, 1)
        self.container.write_bytes(b"no container" * 9999)
        self.assertEqual(self.run_command("iso", "adopt", str(self.container)).code, 1)
        self.assertEqual(self.run_command("iso", "adopt", "missing.iso").code, 1)

    def test_container_lost(self) -> None:
        """Files whose container is away keep their rows, whatever the index is compared with."""
        self.run_command("iso", "pack")
        away = self.container.rename(self.directory / "away")
        outcome = self.run_command("reindex", "-json")
        self.assertEqual(outcome.code, 1)
        self.assertNotIn("dropped", {line["found"] for line in outcome.values})
        away.rename(self.container)
        self.assertEqual(self.run_command("reindex").out, "")

    def test_damaged_before(self) -> None:
        """A file that has other bytes than were stored is left where it is, and told."""
        damaged = next(iter(self.contents))
        self.place(damaged, b"f1rst" * 1000)
        with capturedLogs() as told:
            outcome = self.run_command("iso", "pack")
        self.assertIn("packed 3 files", outcome.err)
        self.assertTrue((self.root / damaged).exists())
        self.assertFalse((self.root / "two").exists())
        self.assertEqual([each["name"] for each in told if "other bytes" in str(each)], [damaged])

    def test_replaced_meanwhile(self) -> None:
        """One that is replaced while the container is written stays, and is not called damaged."""
        replaced = next(iter(self.contents))

        def write(*arguments: Any) -> None:
            self.store(replaced, b"newer")
            containers_write(*arguments)

        containers_write = containers.write
        self.patch(containers, "write", write)
        with capturedLogs() as told:
            outcome = self.run_command("iso", "pack")
        self.assertIn("packed 3 files", outcome.err)
        self.assertEqual((self.root / replaced).read_bytes(), b"newer")
        self.assertEqual([each for each in told if "other bytes" in str(each)], [])

    def test_small_ones(self) -> None:
        """A container of many small files in folders of their own is no larger than it may be."""
        text = self.config.read_text(encoding="utf-8")
        self.config.write_text(text.replace("4MB", "1MB"), encoding="utf-8")
        for number in range(200):
            folder = f"{sha256(str(number).encode()).hexdigest()}/{'ü' * (number % 100)}x"
            leaf = "n" * (number % 199 + 1)
            self.store(f"{folder}/{leaf}", b"x" * (number * 7), uploaded_at=5.0 + number)
        while "nothing to pack" not in self.run_command("iso", "pack").err:
            continue
        sizes = [path.stat().st_size for path in self.directory.glob("container*.iso")]
        self.assertLessEqual(max(sizes), 1024**2)
        self.assertIn(len(sizes), range(4, 9), sizes)
        self.assertEqual(self.run_command("iso", "verify").code, 0)

    def test_left_by_a_crash(self) -> None:
        """What a packing has left that was killed is removed by the next one."""
        catalogue = Catalogue(self.internal / "packed.sqlite")
        catalogue.announce(self.container)
        self.container.write_bytes(b"whole, but nothing is read from it")
        half = self.directory / ".container-2.iso.0123456789abcdef.new"
        half.write_bytes(b"half")
        self.assertIn("packed 4 files", self.run_command("iso", "pack").err)
        self.assertFalse(half.exists())
        self.assertEqual([path for path, *_ in catalogue.containers()], [self.container])
        self.assertEqual(self.run_command("iso", "verify").code, 0)

    def test_one_at_a_time(self) -> None:
        """While somebody packs nobody else does."""
        held = journal.held(self.internal / "packing")
        self.addCleanup(held.close)
        outcome = self.run_command("iso", "pack")
        self.assertEqual(outcome.code, 1)
        self.assertIn("already", outcome.err)
        self.assertFalse(self.container.exists())

    def test_beside_nobody(self) -> None:
        """Where a name may get other bytes at any time it is not packed beside a server."""
        lock = os.open(self.internal / "lock", os.O_RDWR | os.O_CREAT)
        self.addCleanup(os.close, lock)
        fcntl.flock(lock, fcntl.LOCK_EX)
        self.assertEqual(self.run_command("iso", "pack").code, 0)
        self.store("new", b"new")
        more = "[retention]\ntombstone_age = '1s'\n"
        self.config.write_text(self.config.read_text(encoding="utf-8") + more, encoding="utf-8")
        self.assertIn("is running", self.run_command("iso", "pack").err)
        self.assertEqual(self.run_command("iso", "verify").code, 0)

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
        text = self.config.read_text(encoding="utf-8")
        for old, new, why in (
            ("container.iso", "config.toml/container.iso", "cannot write"),
            ("enabled = true", "enabled = true\ncharset = 'nonsense'", "nonsense"),
        ):
            self.config.write_text(text.replace(old, new), encoding="utf-8")
            outcome = self.run_command("iso", "pack")
            self.assertEqual(outcome.code, 1)
            self.assertIn(why, outcome.err)
            self.assertTrue((self.root / "two").exists())
            self.assertEqual(list(self.directory.glob("*.iso")), [])
