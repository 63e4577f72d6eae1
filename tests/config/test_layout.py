"""Tests of hmacfs.config.layout."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.config.layout import Layout


class LayoutTests(SynchronousTestCase):
    """Tests of Layout."""

    def test_order(self) -> None:
        """Sections are in the order of their first mention, and entries in that of theirs."""
        layout = Layout()
        layout.put("b", (), "x = 1")
        layout.put("a", ("# y",), "y = 1")
        layout.put("b", (), "z = 1")
        self.assertEqual(layout.text(), "[b]\nx = 1\nz = 1\n\n[a]\n# y\ny = 1\n")

    def test_headers(self) -> None:
        """A header keeps its comments; a section without entries is not written."""
        layout = Layout(below=("# end",))
        layout.open("a", ("# A",), " # behind")
        layout.open("empty", ())
        layout.put("a", (), "x = 1")
        self.assertEqual(layout.text(), "# A\n[a] # behind\nx = 1\n# end\n")

    def test_about_the_file(self) -> None:
        """What stands apart at the top stays above the first section."""
        layout = Layout()
        layout.put("a", ("# the file", "", "# x"), "x = 1")
        self.assertEqual(layout.text(), "# the file\n\n[a]\n# x\nx = 1\n")

    def test_left_out(self) -> None:
        """The comment right above an entry goes with it, what stands apart stays."""
        layout = Layout()
        layout.put("a", (), "x = 1")
        layout.leave_out(("# group", "", "# only about y"))
        layout.put("a", (), "z = 1")
        self.assertEqual(layout.text(), "[a]\nx = 1\n# group\n\nz = 1\n")

    def test_end(self) -> None:
        """Blank lines at the end are not written, comments are."""
        layout = Layout(below=("", "# end", "", ""))
        layout.put("a", (), "x = 1")
        self.assertEqual(layout.text(), "[a]\nx = 1\n\n# end\n")

    def test_section_again(self) -> None:
        """The comments of a second header come to the entries after it."""
        layout = Layout()
        layout.put("a", (), "x = 1")
        layout.open("a", ("# more",))
        layout.put("a", (), "y = 1")
        self.assertEqual(layout.text(), "[a]\nx = 1\n# more\ny = 1\n")
