"""Messages of the routing socket, written after rtnetlink(7)."""

from __future__ import annotations

import struct
from ipaddress import ip_address

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.netwatch import rtnetlink
from hmacfs.netwatch.facts import Link
from hmacfs.netwatch.rtnetlink import AddressTold, AnswerEnded, LinkTold, Origin
from tests.netwatch.routing import TENTATIVE, UP, address, attribute, link, message

FROM = Origin(3, 9)


class ReadTests(SynchronousTestCase):
    """``read``."""

    def one(self, datagram: bytes) -> rtnetlink.Message:
        """Return the only message."""
        [found] = rtnetlink.read(datagram)
        return found

    def test_links(self) -> None:
        """An interface is up when it is switched on and has a carrier."""
        for flags, up in ((UP, True), (0x1, False), (0x40, False), (0, False)):
            told = self.one(link(7, "eth0", flags, sequence=3, port=9))
            self.assertEqual(LinkTold(FROM, 7, Link("eth0", up)), told)
        gone = self.one(link(7, "eth0", kind=17, sequence=3, port=9))
        self.assertEqual(LinkTold(FROM, 7, None), gone)

    def test_bridges(self) -> None:
        """That an interface has left a bridge does not mean that it is gone."""
        self.assertEqual([], list(rtnetlink.read(link(7, "eth0", kind=17, family=7))))

    def test_addresses(self) -> None:
        """Addresses of both families come and go; one that is still being tried is not there."""
        for text in ("192.0.2.1", "2001:db8::1"):
            for kind, flags, present in ((20, 0, True), (21, 0, False), (20, TENTATIVE, False)):
                told = self.one(address(2, text, 25, kind=kind, flags=flags, sequence=3, port=9))
                self.assertEqual(AddressTold(FROM, 2, ip_address(text), 25, present), told)

    def test_point_to_point(self) -> None:
        """Of a line from point to point, our end counts."""
        ends = attribute(1, bytes((10, 0, 0, 2))) + attribute(2, bytes((10, 0, 0, 1)))
        told = self.one(message(20, struct.pack("=BBBBI", 2, 32, 0, 0, 5) + ends))
        assert isinstance(told, AddressTold)
        self.assertEqual(ip_address("10.0.0.1"), told.address)

    def test_ends(self) -> None:
        """The end of an answer says whether it is whole, or what went wrong."""
        done = message(3, struct.pack("=i", 0), 3, 9)
        self.assertEqual(AnswerEnded(FROM, whole=True, error=0), self.one(done))
        cut = message(3, struct.pack("=i", 0), 3, 9, flags=0x10)
        self.assertEqual(AnswerEnded(FROM, whole=False, error=0), self.one(cut))
        refused = message(2, struct.pack("=i", -13), 3, 9)
        self.assertEqual(AnswerEnded(FROM, whole=True, error=13), self.one(refused))

    def test_several(self) -> None:
        """All messages of a datagram are read, and those that are about something else left out."""
        datagram = link(1, "lo") + message(24, b"a route") + address(1, "127.0.0.1", 8)
        self.assertEqual([LinkTold, AddressTold], [type(each) for each in rtnetlink.read(datagram)])

    def test_cut(self) -> None:
        """However short a datagram is cut, nothing is made up."""
        whole = link(1, "eth0") + address(1, "10.0.0.1")
        for length in range(len(link(1, "eth0"))):
            self.assertEqual([], list(rtnetlink.read(whole[:length])), length)
        for length in range(len(whole)):
            self.assertLessEqual(len(list(rtnetlink.read(whole[:length]))), 1)
        self.assertEqual([], list(rtnetlink.read(bytes(64))))
