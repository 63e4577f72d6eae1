"""Mobile devices and others."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.wire.devices import MOBILE, OTHER, device_of


class DeviceTests(SynchronousTestCase):
    """``device_of``."""

    def test_agents(self) -> None:
        """The words of the 3.2 documents make a mobile device, in capitals or not."""
        for agent, expected in (
            ("Conversations/2.16 (Android 14)", MOBILE),
            ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X)", MOBILE),
            ("SomeApp MOBILE", MOBILE),
            ("gajim 1.9", OTHER),
            ("", OTHER),
            (None, OTHER),
        ):
            self.assertEqual(expected, device_of(agent, None), agent)

    def test_hints(self) -> None:
        """What a browser says outright rules, unless it cannot be read."""
        self.assertEqual(OTHER, device_of("Android", "?0"))
        self.assertEqual(MOBILE, device_of("gajim", " ?1 "))
        self.assertEqual(MOBILE, device_of("Android", "yes"))
