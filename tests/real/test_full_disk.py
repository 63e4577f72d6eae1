"""Storage that is full: uploads are refused, nothing half is left, and it works again after."""

from __future__ import annotations

import os
import pathlib
import signal

from tests.real import ways
from tests.real.case import MEGABYTE, ServerCase, command, noise
from tests.real.client import Connection, Headers, ask, put
from tests.real.daemon import Daemon, DidNotStart, eventually

DISK = 16 * MEGABYTE


class FullDiskTests(ServerCase):
    """A file system of 16 MiB in memory."""

    def start_on_small_disk(self) -> tuple[Daemon, pathlib.Path]:
        """Return a server that may use the small disk to its last byte, and the disk."""
        disk = self.small_disk(DISK)
        return self.start({"server": {"min_free_bytes": 0}}, disk / "store"), disk

    def fill(self, disk: pathlib.Path, leave: int = 0) -> pathlib.Path:
        """Take what room the disk has but for so many bytes; return the file that has it."""
        ballast = disk / "ballast"
        state = os.statvfs(disk)
        with ballast.open("wb", buffering=0) as file:
            file.write(bytes(state.f_bavail * state.f_frsize - leave))
        state = os.statvfs(disk)
        self.assertEqual(leave, state.f_bavail * state.f_frsize)
        return ballast

    def test_filled_during_upload(self) -> None:
        """When the disk is full in mid-upload the answer is 507, and all is as before."""
        daemon, disk = self.start_on_small_disk()
        # What comes after the answer is no more than the server reads and throws away.
        first, second = noise(MEGABYTE, 1), noise(5 * MEGABYTE, 2)
        self.assert_status(201, put(daemon.port, daemon.target("first", len(first)), first))
        connection = self.connect(daemon)
        target = daemon.target("second", len(second))
        connection.begin("PUT", target, {"Content-Length": len(second)})
        connection.send(second[:MEGABYTE])
        eventually("bytes on the disk", lambda: any(s.stat().st_size for s in daemon.stages()))
        ballast = self.fill(disk)
        connection.send(second[MEGABYTE:])
        self.assert_status(507, connection.answer("PUT"))
        self.assertEqual((["first"], []), (list(daemon.stored()), daemon.stages()))
        self.assert_comes_back(daemon, daemon.place("first"), first)
        ballast.unlink()
        self.assert_room_again(daemon, "second", second)

    def test_filled_during_a_session(self) -> None:
        """An upload that can be taken up again is kept as far as it came, and goes on after."""
        daemon, disk = self.start_on_small_disk()
        data = noise(5 * MEGABYTE)
        target, token = daemon.target("video", len(data)), {"X-Session-Token": "of-this-test"}
        connection = self.connect(daemon)
        connection.begin("PUT", target, {"Content-Length": len(data), **token})
        connection.send(data[:MEGABYTE])
        place = daemon.storage / ".hmacfs" / "sessions"
        eventually("bytes", lambda: MEGABYTE in {path.stat().st_size for path in place.iterdir()})
        ballast = self.fill(disk)
        connection.send(data[MEGABYTE:])
        self.assert_status(507, connection.answer("PUT"))
        self.assertEqual({}, daemon.stored())
        daemon.kill9()
        ballast.unlink()
        daemon.start()
        with Connection(daemon.port) as connection:
            offset = int(connection.request("HEAD", target, token).headers["upload-offset"])
            self.assertGreaterEqual(offset, MEGABYTE)
            rest = f"bytes {offset}-{len(data) - 1}/{len(data)}"
            answer = connection.put(target, data[offset:], headers={**token, "Content-Range": rest})
        self.assert_status(201, answer)
        self.assert_comes_back(daemon, daemon.place("video"), data)

    def test_cancelled_without_room(self) -> None:
        """To cancel an upload takes no room, and gives its own back."""
        daemon, disk = self.start_on_small_disk()
        target = daemon.target("video", 5 * MEGABYTE)
        told: Headers = {"Upload-Complete": "?0", "Upload-Length": 5 * MEGABYTE}
        with Connection(daemon.port) as connection:
            answer = connection.put(target, noise(MEGABYTE), headers=told)
        self.assert_status(201, answer)
        place = "/files/" + answer.headers["location"].rpartition("/")[2]
        self.fill(disk)
        self.assert_status(204, ask(daemon.port, "DELETE", place))
        state = os.statvfs(disk)
        self.assertGreaterEqual(state.f_bavail * state.f_frsize, MEGABYTE)
        self.assert_status(410, ask(daemon.port, "HEAD", place))

    def test_no_room_for_the_index(self) -> None:
        """When there is room for the file but none to record it, the answer is 507 as well."""
        daemon, disk = self.start_on_small_disk()
        ballast = self.fill(disk)
        self.assert_status(507, put(daemon.port, daemon.target("empty", 0), b""))
        self.assert_nothing_stored(daemon)
        ballast.unlink()
        self.assert_room_again(daemon, "empty", b"")

    def test_deleting_makes_room(self) -> None:
        """Where there is no room at all files can be deleted, by request, command and age."""
        disk = self.small_disk(DISK)
        server = {"min_free_bytes": 0, "cleanup_interval": "60s"}
        daemon = self.start({**ways.SECTIONS, "server": server}, disk / "store")
        reserve = daemon.storage / ".hmacfs" / "reserve"
        for number in range(4):
            data = noise(MEGABYTE, number)
            self.assert_status(201, put(daemon.port, daemon.target(f"{number}", len(data)), data))
        ballast = self.fill(disk)
        answer = ask(daemon.port, "DELETE", daemon.place("0"), ways.token(scope="admin"))
        self.assert_status(204, answer)
        self.assertIn("what was kept for a start is used", daemon.log)
        eventually("what is kept", reserve.exists)
        ballast.unlink()
        ballast = self.fill(disk)
        self.assertEqual(0, command(daemon, "rm", "1").returncode)
        self.assertTrue(reserve.exists())
        ballast.unlink()
        self.fill(disk)
        text = daemon.config.read_text(encoding="utf-8")
        daemon.config.write_text(f"{text}\n[retention]\nmax_size = '1MB'\n", encoding="utf-8")
        daemon.process.send_signal(signal.SIGHUP)
        eventually("the deletion", lambda: list(daemon.stored()) == ["3"])
        eventually("what is kept", reserve.exists)

    def test_start_with_little_room(self) -> None:
        """A server that starts with too little room serves what it has, and takes uploads later."""
        disk = self.small_disk(DISK)
        daemon = self.start({"server": {"min_free_bytes": "1MB"}}, disk / "store")
        data = noise(MEGABYTE)
        self.assert_status(201, put(daemon.port, daemon.target("first", len(data)), data))
        daemon.stop()
        ballast = self.fill(disk, leave=MEGABYTE // 2)
        daemon.start()
        self.assert_comes_back(daemon, daemon.place("first"), data)
        self.assert_status(507, put(daemon.port, daemon.target("empty", 0), b""))
        self.assertEqual((["first"], []), (list(daemon.stored()), daemon.stages()))
        ballast.unlink()
        self.assert_room_again(daemon, "second", data)

    def test_start_without_room(self) -> None:
        """Where there is no room at all the server starts, serves what it has, and says why."""
        daemon, disk = self.start_on_small_disk()
        data = noise(MEGABYTE)
        self.assert_status(201, put(daemon.port, daemon.target("first", len(data)), data))
        daemon.stop()
        ballast = self.fill(disk)
        daemon.start()
        self.assertIn("there is no room left", daemon.log)
        self.assert_comes_back(daemon, daemon.place("first"), data)
        self.assert_status(507, put(daemon.port, daemon.target("more", len(data)), data))
        ballast.unlink()
        self.assert_room_again(daemon, "second", data)

    def test_start_without_room_again(self) -> None:
        """Where even what is kept for that is used up, the server says what to do and ends."""
        daemon, disk = self.start_on_small_disk()
        daemon.stop()
        (daemon.storage / ".hmacfs" / "reserve").unlink()
        ballast = self.fill(disk)
        failure = self.assertRaises(DidNotStart, daemon.start)
        self.assertEqual(1, daemon.process.returncode)
        self.assertIn("free space on its file system", str(failure))
        ballast.unlink()
        daemon.start()
        self.assertTrue((daemon.storage / ".hmacfs" / "reserve").exists())

    def test_killed_when_full(self) -> None:
        """Killed with an upload under way and no room left, it starts again and clears up."""
        daemon, disk = self.start_on_small_disk()
        data = noise(5 * MEGABYTE)
        with Connection(daemon.port) as connection:
            connection.begin("PUT", daemon.target("cut", len(data)), {"Content-Length": len(data)})
            connection.send(data[:MEGABYTE])
            eventually("bytes on the disk", lambda: any(s.stat().st_size for s in daemon.stages()))
            ballast = self.fill(disk)
            daemon.kill9()
        daemon.start()
        self.assert_nothing_stored(daemon)
        ballast.unlink()
        self.assert_room_again(daemon, "cut", data)

    def assert_room_again(self, daemon: Daemon, name: str, data: bytes) -> None:
        """Fail unless an upload succeeds soon: the room may be looked at only now and then."""

        def is_taken() -> bool:
            answer = put(daemon.port, daemon.target(name, len(data)), data)
            self.assertIn(answer.status, (201, 507))
            return answer.status == 201

        eventually("room for an upload", is_taken)
        self.assertEqual([], daemon.stages())
        self.assert_comes_back(daemon, daemon.place(name), data)


class MinimumTests(ServerCase):
    """``min_free_bytes``: room that uploads may not take."""

    def test_refused_before_the_body(self) -> None:
        """An upload that would take the room is refused with 507 before a byte is asked for."""
        daemon = self.start({"server": {"min_free_bytes": "1000TB"}})
        connection = self.connect(daemon)
        size = 10 * MEGABYTE
        connection.begin(
            "PUT", daemon.target("name", size), {"Content-Length": size, "Expect": "100-continue"}
        )
        answer = connection.answer("PUT")
        self.assert_status(507, answer)
        self.assertTrue(answer.closes)
        self.assertTrue(connection.is_closed())
        self.assert_nothing_stored(daemon)

    def test_downloads_go_on(self) -> None:
        """What is stored can be downloaded, and sent again, though there is no room for more."""
        daemon = self.start()
        data = noise(MEGABYTE)
        target = daemon.target("name", len(data))
        self.assert_status(201, put(daemon.port, target, data))
        daemon.stop()
        scarce = Daemon(self.directory(), {"server": {"min_free_bytes": "1000TB"}}, daemon.storage)
        self.addCleanup(self._end, scarce)
        scarce.start()
        self.assert_comes_back(scarce, scarce.place("name"), data)
        self.assert_status(201, put(scarce.port, scarce.target("name", len(data)), data))
        other = scarce.target("other", len(data))
        self.assert_status(507, put(scarce.port, other, data))
