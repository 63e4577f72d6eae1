"""Tests of hmacfs.config.merge."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.config import options
from tests.config.files import WITH_SECRET, load, messages, warnings

DAY = 86400.0


class TwiceTests(SynchronousTestCase):
    """One meaning under several names."""

    def test_newest_name_rules(self) -> None:
        """Today's name rules over an old one, wherever it stands, and a warning says so."""
        text = "[server]\nstorage_path = '/new'\nStoreDir = '/old'"
        settings = load(text)
        self.assertEqual(str(settings[options.SERVER_STORAGE_PATH]), "/new")
        self.assertEqual(
            [str(warning) for warning in settings.warnings],
            [
                'config.toml:3:12: server.StoreDir: this means the same as "server.storage_path" '
                "in line 2, which rules, keep one of them"
            ],
        )

    def test_later_line_rules(self) -> None:
        """Of two equal names the later one rules."""
        settings = load("[server]\nbind_ip = '192.0.2.1'\nBindIP = '192.0.2.2'")
        self.assertEqual(settings[options.SERVER_BIND_IP], "192.0.2.2")
        self.assertEqual(len(settings.warnings), 1)

    def test_limit_in_two_sections(self) -> None:
        """The largest upload may be said in [server] or [uploads]."""
        self.assertEqual(load("[uploads]\nmax_upload_size = 5")[options.SERVER_MAX_UPLOAD_SIZE], 5)
        both = "[uploads]\nmax_upload_size = 5\n[server]\nmax_upload_size = 6"
        self.assertEqual(load(both)[options.SERVER_MAX_UPLOAD_SIZE], 6)
        self.assertEqual(len(warnings(both)), 1)

    def test_secret_not_shown(self) -> None:
        """A secret that is given twice is not shown."""
        for warning in warnings("Secret = 'first-one'\n[security]\nsecret = 'second-one'", {}):
            self.assertNotIn("-one", warning)

    def test_every_wrong_value(self) -> None:
        """All wrong values are said at once, in the order of the file."""
        found = messages(
            self, "[workers]\nnumworkers = 'x'\nuploadqueuesize = -1\n[server]\npre_cache = 1"
        )
        self.assertEqual([message.split(":")[1] for message in found], ["2", "3", "5"])

    def test_wrong_value_under_old_name(self) -> None:
        """A wrong value is an error though another name rules."""
        self.assertEqual(
            len(messages(self, "ListenPort = 'x'\n[server]\nlisten_address = '80'")), 1
        )


class RetentionTests(SynchronousTestCase):
    """The age at which files are deleted."""

    def test_nothing_asked(self) -> None:
        """Without a word about it nothing is deleted."""
        self.assertIs(load("")[options.SERVER_FILETTLENABLED], False)

    def test_age_is_an_order(self) -> None:
        """An age under its present name switches deletion on."""
        settings = load("[server]\nmax_file_age = '720h'")
        self.assertIs(settings[options.SERVER_FILETTLENABLED], True)
        self.assertEqual(settings[options.SERVER_MAX_FILE_AGE], 30 * DAY)

    def test_explicit_no(self) -> None:
        """A switch that is off stays off, and the age is said to do nothing."""
        settings = load("[server]\nfilettlenabled = false\nmax_file_age = '720h'")
        self.assertIs(settings[options.SERVER_FILETTLENABLED], False)
        self.assertEqual(
            [str(warning) for warning in settings.warnings],
            [
                "config.toml:3:16: server.max_file_age: this does nothing, "
                "server.filettlenabled is off"
            ],
        )

    def test_old_ages_need_their_switch(self) -> None:
        """An old age counts with its own switch only, and a warning says when it does not."""
        for age, switch in (
            ("DeleteFilesAfterPeriod", "DeleteFiles"),
            ("MaxRetentionTime", "RetentionPolicyEnabled"),
            ("filettl", "filettlenabled"),
        ):
            off = load(f"{age} = '7d'\n{switch} = false")
            self.assertIs(off[options.SERVER_FILETTLENABLED], False)
            self.assertIn("this is left out", str(off.warnings[0]))
            on = load(f"{age} = '7d'\n{switch} = true")
            self.assertIs(on[options.SERVER_FILETTLENABLED], True)
            self.assertEqual(on[options.SERVER_MAX_FILE_AGE], 7 * DAY)
            self.assertEqual(on.warnings, ())

    def test_shortest_rules(self) -> None:
        """Of several ages the shortest rules, and a warning says so for each other."""
        settings = load(
            "DeleteFiles = true\nDeleteFilesAfterPeriod = '30d'\n"
            "RetentionPolicyEnabled = true\nMaxRetentionTime = '10d'\n"
            "[server]\nmax_file_age = '20d'"
        )
        self.assertEqual(settings[options.SERVER_MAX_FILE_AGE], 10 * DAY)
        self.assertEqual(len(settings.warnings), 2)
        for warning in settings.warnings:
            self.assertIn('"MaxRetentionTime" in line 4, which rules', str(warning))

    def test_days(self) -> None:
        """An age in days is one in days, and an order."""
        settings = load("[storage]\nretention_days = 3")
        self.assertEqual(settings[options.SERVER_MAX_FILE_AGE], 3 * DAY)
        self.assertIs(settings[options.SERVER_FILETTLENABLED], True)

    def test_size(self) -> None:
        """The largest amount depends on the switch of its generation."""
        text = "MaxRetentionSize = 1024\nRetentionPolicyEnabled = "
        self.assertEqual(load(text + "true")[options.RETENTION_MAX_SIZE], 1024)
        self.assertEqual(load(text + "false")[options.RETENTION_MAX_SIZE], 0)

    def test_any_switch(self) -> None:
        """Deletion is on when any of its switches is; one that says otherwise is warned of."""
        settings = load("DeleteFiles = false\nRetentionPolicyEnabled = true")
        self.assertIs(settings[options.SERVER_FILETTLENABLED], True)
        self.assertEqual(len(settings.warnings), 1)

    def test_variable_rules(self) -> None:
        """A variable rules over the shortest."""
        settings = load(
            "[server]\nmax_file_age = '10d'", {**WITH_SECRET, "HMAC_SERVER_MAX_FILE_AGE": "20d"}
        )
        self.assertEqual(settings[options.SERVER_MAX_FILE_AGE], 20 * DAY)


class OtherCombinationTests(SynchronousTestCase):
    """Other settings that old files gave in several ways."""

    def test_bans(self) -> None:
        """The longer of BlockDuration and AutoBanTime rules, the latter with AutoUnban only."""
        text = "BlockDuration = 300\nAutoBanTime = 600\nAutoUnban = "
        self.assertEqual(load(text + "true")[options.BANS_DURATION], 600.0)
        self.assertEqual(load(text + "false")[options.BANS_DURATION], 300.0)

    def test_idle_timeout(self) -> None:
        """The shortest idle time rules."""
        text = "[server]\nidle_conn_timeout = '90s'\n[timeouts]\nidletimeout = '4800s'"
        self.assertEqual(load(text)[options.TIMEOUTS_IDLETIMEOUT], 90.0)

    def test_global_extensions(self) -> None:
        """global_extensions replaces both lists, with a warning where one was given."""
        settings = load(
            "[server]\nglobal_extensions = ['.txt']\n[uploads]\nallowed_extensions = ['.pdf']"
        )
        self.assertEqual(settings[options.UPLOADS_ALLOWED_EXTENSIONS], (".txt",))
        self.assertEqual(settings[options.DOWNLOADS_ALLOWED_EXTENSIONS], (".txt",))
        self.assertEqual(
            settings.origin(options.DOWNLOADS_ALLOWED_EXTENSIONS).spelling,
            "server.global_extensions",
        )
        self.assertEqual(
            [str(warning) for warning in settings.warnings],
            [
                'config.toml:4:1: uploads.allowed_extensions: "global_extensions" replaces this '
                "list, keep one of them"
            ],
        )

    def test_empty_global_extensions(self) -> None:
        """An empty list replaces nothing."""
        settings = load(
            "[server]\nglobal_extensions = []\n[uploads]\nallowed_extensions = ['.pdf']"
        )
        self.assertEqual(settings[options.UPLOADS_ALLOWED_EXTENSIONS], (".pdf",))

    def test_flat_redis(self) -> None:
        """A flat address of Redis switches it on, an empty or an explicit no does not."""
        self.assertIs(load("RedisAddr = 'r:1'")[options.REDIS_REDISENABLED], True)
        off = load("RedisAddr = 'r:1'\n[redis]\nredisenabled = false")
        self.assertIs(off[options.REDIS_REDISENABLED], False)
        self.assertEqual(len(off.warnings), 1)
        self.assertIs(load("[redis]\nredisaddr = 'r:1'")[options.REDIS_REDISENABLED], False)

    def test_empty_redis_address(self) -> None:
        """An old file without Redis has an empty address."""
        settings = load("RedisAddr = ''")
        self.assertIs(settings[options.REDIS_REDISENABLED], False)
