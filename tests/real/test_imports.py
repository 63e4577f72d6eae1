"""What a server imports: nothing of features that are off, which would take memory and time."""

from __future__ import annotations

import importlib.util
import re
from typing import Final

from tests.ports import free_port
from tests.real.case import ServerCase
from tests.real.daemon import Daemon, Sections

IMPORTED: Final = re.compile(r"^import time: +\d+ \| +\d+ \| +(\S+)$", re.MULTILINE)

SWITCHED: Final = frozenset(
    {
        "hmacfs.rules.clamd",
        "hmacfs.service.admin",
        "hmacfs.service.packing",
        "hmacfs.service.scans",
        "hmacfs.service.warming",
        "puremagic",
    }
)
"""What options switch on that need no other server."""

UNUSED: Final = frozenset(
    {
        *SWITCHED,
        "PIL",
        "h11",
        "hmacfs.cli.config_commands",
        "hmacfs.cli.first_start",
        "hmacfs.cli.put_command",
        "hmacfs.config.checks.catalogue",
        "hmacfs.config.fix",
        "hmacfs.stores.mysql",
        "hmacfs.stores.postgresql",
        "hmacfs.stores.redis",
        "hmacfs.web.websocket",
        "pillow_heif",
        "psycopg",
        "pycdlib",
        "pymysql",
        "tomlkit",
        "txredisapi",
        "wsproto",
    }
)
"""What a server with the default configuration does without."""


class ImportTests(ServerCase):
    """The modules of a running server."""

    def imported(self, sections: Sections) -> tuple[Daemon, set[str]]:
        """Start a server; return it and the modules that it has imported."""
        daemon = Daemon(self.directory(), sections)
        # It says of each module that it was imported (PYTHONPROFILEIMPORTTIME of the manual).
        daemon.launcher = ["env", "PYTHONPROFILEIMPORTTIME=1"]
        self.addCleanup(self._end, daemon)
        daemon.start()
        return daemon, set(IMPORTED.findall(daemon.log))

    def test_default(self) -> None:
        """A server with the default configuration imports nothing of what is off."""
        daemon, imported = self.imported({})
        self.assertIn("hmacfs.service.server", imported)
        self.assertEqual(set(), imported & UNUSED)
        with self.connect(daemon) as connection:
            target = daemon.target("file.txt", 4)
            self.assert_status(201, connection.put(target, b"file"))
        self.assert_comes_back(daemon, "/upload/file.txt", b"file")
        self.assertEqual(set(), set(IMPORTED.findall(daemon.log)) & UNUSED)

    def test_switched_on(self) -> None:
        """What is switched on is imported at the start, so that no request waits for it."""
        _, imported = self.imported(
            {
                "server": {"pre_cache": True},
                "validation": {"check_magic_bytes": True},
                "clamav": {
                    "clamavenabled": True,
                    "clamavsocket": f"tcp:127.0.0.1:{free_port()}",
                },
                "iso": {"enabled": True, "schedule": "1d"},
                "admin": {
                    "enabled": True,
                    "bind": str(free_port()),
                    "auth": {"token": "a token of these tests"},
                },
            }
        )
        self.assertEqual(SWITCHED, imported & SWITCHED)

    def test_names(self) -> None:
        """Each module that must not be there is one that there is."""
        missing = [name for name in UNUSED if importlib.util.find_spec(name) is None]
        self.assertEqual([], missing)
