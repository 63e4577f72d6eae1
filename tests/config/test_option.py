"""Tests of hmacfs.config.option."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.config import options
from hmacfs.config.option import Generation, as_given


class OptionTests(SynchronousTestCase):
    """Tests of Option and what belongs to it."""

    def test_names(self) -> None:
        """Section, name and variable follow from the key, also of a section in a section."""
        option = options.ADMIN_AUTH_TOKEN
        self.assertEqual(
            (option.section, option.name, option.variable),
            ("admin.auth", "token", "HMAC_ADMIN_AUTH_TOKEN"),
        )

    def test_generations_in_order(self) -> None:
        """Generations compare by age, and each has a label of its own."""
        self.assertLess(Generation.FIRST, Generation.V1_0_5)
        self.assertLess(Generation.V3_2, Generation.V4)
        self.assertEqual(
            [generation.label for generation in Generation],
            ["1.0", "1.0.5", "2.0", "2.x", "3.x", "4"],
        )

    def test_as_given(self) -> None:
        """An alias without conversion takes the value as it stands."""
        value = ["x"]
        self.assertIs(as_given(value), value)
