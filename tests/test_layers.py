"""The layers hold, and the checks that say so see what breaks them."""

from __future__ import annotations

import pathlib

from twisted.trial.unittest import SynchronousTestCase

from tests import layers
from tests.layers import Source

ROOT = pathlib.Path(__file__).resolve().parent.parent


def source(path: str, text: str) -> Source:
    """Return a module made up for a test."""
    return Source(pathlib.PurePath(path), text)


class PackageTests(SynchronousTestCase):
    """The package as it stands."""

    def setUp(self) -> None:
        self.sources = layers.read_sources(ROOT)

    def test_has_modules(self) -> None:
        """The checks see the package: the module with its version is among the sources."""
        self.assertIn(("hmacfs", "base", "version"), [source.module for source in self.sources])

    def test_imports_go_downward(self) -> None:
        """A part imports only what its row in the table of layers names."""
        self.assertEqual([], layers.direction_faults(self.sources))

    def test_libraries_stay_in_their_part(self) -> None:
        """The web, metrics, Redis and image libraries and the reactor have one home each."""
        self.assertEqual([], layers.library_faults(self.sources))

    def test_names_say_something(self) -> None:
        """No class is named a Manager, Handler, Processor, Engine, Helper or Utils."""
        self.assertEqual([], layers.name_faults(self.sources))

    def test_packages_hold_a_docstring_only(self) -> None:
        """An ``__init__.py`` says what the package is for, and does nothing."""
        self.assertEqual([], layers.init_faults(self.sources))

    def test_modules_are_short(self) -> None:
        """No module has over 400 lines, and the median is at most 150."""
        self.assertEqual([], layers.length_faults(self.sources))


class DirectionTests(SynchronousTestCase):
    """``direction_faults`` on small sources."""

    def faults(self, path: str, text: str) -> list[str]:
        """Return the faults of one module."""
        return layers.direction_faults([source(path, text)])

    def assert_allowed(self, path: str, name: str) -> None:
        """Fail unless the module may import the name."""
        self.assertEqual([], self.faults(path, f"from {name} import x"))

    def assert_refused(self, path: str, name: str) -> None:
        """Fail unless the check names the import, with its line."""
        part = pathlib.PurePath(path).parts[1]
        self.assertEqual(
            [f"{path}:2: {part} imports {name}.x"], self.faults(path, f"\nfrom {name} import x")
        )

    def test_downward(self) -> None:
        """A part may import the layers that its row names."""
        self.assert_allowed("hmacfs/auth/jwt.py", "hmacfs.base.errors")
        self.assert_allowed("hmacfs/flow/stage.py", "hmacfs.base.values")
        self.assert_allowed("hmacfs/ingest/intake.py", "hmacfs.flow.stage")
        self.assert_allowed("hmacfs/uploads/session.py", "hmacfs.auth.jwt")
        self.assert_allowed("hmacfs/web/put.py", "hmacfs.ingest.intake")
        self.assert_allowed("hmacfs/cli/main.py", "hmacfs.web.site")

    def test_own_part(self) -> None:
        """A part may import itself, by its full name or a relative one."""
        self.assert_allowed("hmacfs/web/put.py", "hmacfs.web.errors")
        self.assert_allowed("hmacfs/web/put.py", ".errors")

    def test_upward(self) -> None:
        """What lies above is refused."""
        self.assert_refused("hmacfs/base/errors.py", "hmacfs.config.options")
        self.assert_refused("hmacfs/auth/jwt.py", "hmacfs.flow.pools")
        self.assert_refused("hmacfs/flow/stage.py", "hmacfs.ingest.intake")
        self.assert_refused("hmacfs/ingest/intake.py", "hmacfs.web.put")
        self.assert_refused("hmacfs/web/put.py", "hmacfs.service")

    def test_layer_two_knows_the_base_only(self) -> None:
        """Flow, stores and blobs know neither settings nor signatures."""
        self.assert_refused("hmacfs/stores/sql.py", "hmacfs.config.options")
        self.assert_refused("hmacfs/blobs/local.py", "hmacfs.auth.keyring")

    def test_core_knows_interfaces(self) -> None:
        """The core sees of stores and blobs their interfaces, never an implementation."""
        self.assert_allowed("hmacfs/ingest/commit.py", "hmacfs.stores.interfaces")
        self.assert_allowed("hmacfs/ingest/commit.py", "hmacfs.blobs.interfaces")
        self.assert_refused("hmacfs/ingest/commit.py", "hmacfs.stores.memory")
        self.assert_refused("hmacfs/library/lookup.py", "hmacfs.blobs.local")
        self.assert_refused("hmacfs/rules/quota.py", "hmacfs.config.options")

    def test_faces_know_no_storage(self) -> None:
        """Faces speak to the core, never to what stores."""
        self.assert_refused("hmacfs/web/put.py", "hmacfs.blobs.local")
        self.assert_refused("hmacfs/xmpp/slots.py", "hmacfs.stores.sql")

    def test_relative_imports_are_seen(self) -> None:
        """A relative import that leaves the part is resolved and judged like any other."""
        self.assertEqual(
            ["hmacfs/base/errors.py:1: base imports hmacfs.web.errors.x"],
            self.faults("hmacfs/base/errors.py", "from ..web.errors import x"),
        )
        self.assertEqual(
            ["hmacfs/base/__init__.py:1: base imports hmacfs.web.x"],
            self.faults("hmacfs/base/__init__.py", "from ..web import x"),
        )

    def test_hidden_imports_are_seen(self) -> None:
        """An import inside a function, or for the type checker only, counts."""
        hidden = (
            "def f():\n    import hmacfs.web.put\nif TYPE_CHECKING:\n    import hmacfs.web.root"
        )
        self.assertEqual(
            [
                "hmacfs/base/names.py:2: base imports hmacfs.web.put",
                "hmacfs/base/names.py:4: base imports hmacfs.web.root",
            ],
            sorted(self.faults("hmacfs/base/names.py", hidden)),
        )

    def test_import_of_the_part_itself(self) -> None:
        """``from hmacfs import web`` names the part as ``import hmacfs.web`` does."""
        self.assertEqual(
            ["hmacfs/base/names.py:1: base imports hmacfs.web"],
            self.faults("hmacfs/base/names.py", "from hmacfs import web"),
        )

    def test_names_that_begin_alike(self) -> None:
        """A package whose name only begins like ours, or a part's like another's, is not it."""
        self.assertEqual([], self.faults("hmacfs/base/names.py", "import hmacfs_extra.web"))
        self.assert_refused("hmacfs/wire/tus.py", "hmacfs.base64")

    def test_unknown_part(self) -> None:
        """A part that the table does not list is a fault, so that nobody escapes it."""
        self.assertEqual(
            ["hmacfs/misc/x.py: misc is no part of the table of layers"],
            self.faults("hmacfs/misc/x.py", ""),
        )


class LibraryTests(SynchronousTestCase):
    """``library_faults`` on small sources."""

    def assert_home(self, statement: str, home: str, stranger: str, library: str) -> None:
        """Fail unless the statement is allowed in one part and refused in another."""
        self.assertEqual([], layers.library_faults([source(f"hmacfs/{home}.py", statement)]))
        wrong = source(f"hmacfs/{stranger}.py", statement)
        self.assertEqual(
            [f"{wrong.path}:1: {library} does not belong in {wrong.part}"],
            layers.library_faults([wrong]),
        )

    def test_web_libraries(self) -> None:
        """Klein, werkzeug and twisted.web are the web part's."""
        self.assert_home("from klein import Klein", "web/root", "ingest/intake", "klein")
        self.assert_home("import werkzeug.http", "web/files", "library/serving", "werkzeug")
        self.assert_home("from twisted.web.http import x", "web/site", "flow/stage", "twisted.web")
        self.assert_home("from twisted import web", "web/site", "service", "twisted.web")

    def test_other_libraries(self) -> None:
        """Metrics, Redis and images have one part each."""
        self.assert_home(
            "import prometheus_client", "observe/table", "web/metrics", "prometheus_client"
        )
        self.assert_home("import txredisapi", "stores/redis", "rules/rates", "txredisapi")
        self.assert_home("from PIL import Image", "library/thumbnails", "ingest/scan", "PIL")

    def test_reactor(self) -> None:
        """Only the programs take the global reactor; the others are handed theirs."""
        statement = "from twisted.internet import reactor"
        for home in ("tap", "workers", "cli/main"):
            self.assert_home(statement, home, "service", "twisted.internet.reactor")

    def test_pure(self) -> None:
        """The lowest two layers know no event loop and no network."""
        self.assert_home("import socket", "netwatch/links", "auth/replay", "socket")
        self.assert_home("import asyncio", "cli/main", "config/read", "asyncio")
        self.assert_home("from twisted.python import log", "flow/stage", "wire/tus", "twisted")

    def test_base_knows_attrs_only(self) -> None:
        """The base needs the standard library and attrs, nothing more."""
        self.assertEqual(
            [], layers.library_faults([source("hmacfs/base/a.py", "import attrs, re")])
        )
        self.assert_home("import tomlkit", "config/fix", "base/values", "tomlkit")


class ShapeTests(SynchronousTestCase):
    """The checks of names, packages and lengths, on small sources."""

    def test_empty_names(self) -> None:
        """A class whose last word says nothing is named, wherever it stands."""
        text = "class UploadManager: ...\ndef f():\n    class Utils: ...\nclass Keyring: ..."
        self.assertEqual(
            [
                "hmacfs/web/a.py:1: UploadManager says nothing by its last word",
                "hmacfs/web/a.py:3: Utils says nothing by its last word",
            ],
            layers.name_faults([source("hmacfs/web/a.py", text)]),
        )

    def test_init_with_code(self) -> None:
        """An ``__init__.py`` with a statement, or with nothing, is a fault."""
        fault = ["hmacfs/web/__init__.py: holds more, or less, than a docstring"]
        for text in ('"""Web."""\nX = 1', "", "X = 1"):
            self.assertEqual(fault, layers.init_faults([source("hmacfs/web/__init__.py", text)]))
        for path, text in (("__init__", '"""Web."""'), ("put", "X = 1")):
            self.assertEqual([], layers.init_faults([source(f"hmacfs/web/{path}.py", text)]))

    def test_longest_module(self) -> None:
        """A module of 400 lines is allowed, one of 401 is not."""
        short = [source(f"hmacfs/web/{n}.py", "") for n in range(2)]
        self.assertEqual([], layers.length_faults([*short, source("hmacfs/a.py", "x\n" * 400)]))
        self.assertEqual(
            ["hmacfs/a.py: 401 lines; 400 is the most"],
            layers.length_faults([*short, source("hmacfs/a.py", "x\n" * 401)]),
        )

    def test_median_module(self) -> None:
        """The middle one of all modules may have 150 lines; packages' docstrings do not count."""
        empty = [source(f"hmacfs/{n}/__init__.py", "") for n in range(9)]
        self.assertEqual([], layers.length_faults([source("hmacfs/a.py", "x\n" * 150), *empty]))
        self.assertEqual(
            ["the median module has 151 lines; 150 is the most"],
            layers.length_faults([source("hmacfs/a.py", "x\n" * 151), *empty]),
        )
