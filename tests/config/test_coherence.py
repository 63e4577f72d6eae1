"""Tests of hmacfs.config.coherence."""

from __future__ import annotations

import pathlib

from twisted.trial.unittest import SynchronousTestCase

from tests.config.files import SECRET, WITH_SECRET, load, messages, warnings, write


class ContradictionTests(SynchronousTestCase):
    """Settings that cannot be used together."""

    def test_no_secret(self) -> None:
        """Without any secret nothing could be signed."""
        for text in ("", "[security]\nsecret = ''"):
            (message,) = messages(self, text or "# nothing", {})
            self.assertIn('it is not set, make one with "openssl rand -hex 32"', message)

    def test_key_ring(self) -> None:
        """A ring of keys is enough."""
        self.assertEqual(warnings("[security]\nkeys_file = '/nonexistent/keys.toml'", {}), [])

    def test_two_addresses(self) -> None:
        """Two addresses to listen on contradict each other, unless they are one."""
        text = "[server]\nlisten_address = '192.0.2.1:80'\nbind_ip = "
        self.assertEqual(
            messages(self, text + "'192.0.2.2'"),
            [
                "config.toml:3:1: server.bind_ip: listen_address says 192.0.2.1 and this says "
                "192.0.2.2, say it once"
            ],
        )
        self.assertEqual(warnings(text + "'192.0.2.1'"), [])

    def test_thresholds(self) -> None:
        """Threads cannot be added and taken away at the same length of the queue."""
        text = "[server]\nworker_scale_up_thresh = 20\nworker_scale_down_thresh = "
        self.assertEqual(len(messages(self, text + "20")), 1)
        self.assertEqual(warnings(text + "19"), [])
        (message,) = messages(self, "[server]\nworker_scale_up_thresh = 5")
        self.assertIn("config.toml:2:1: server.worker_scale_up_thresh", message)

    def test_impossible(self) -> None:
        """Nobody may believe that files are encrypted, or in a bucket, while they are not."""
        (message,) = messages(self, "[security]\nencryption_key_file = '/etc/key'")
        self.assertIn("config.toml:2:1: security.encryption_key_file: this server cannot", message)
        (message,) = messages(self, "[s3]\nenabled = true\nbucket = 'b'")
        self.assertIn("config.toml:2:1: s3.enabled: this server cannot keep files in", message)
        self.assertEqual(warnings("[s3]\nenabled = false"), [])

    def test_administrator(self) -> None:
        """The interface for administrators needs the secret of its type."""
        for kind, needed in (("bearer", "token"), ("basic", "password")):
            text = f"[admin]\nenabled = true\n[admin.auth]\ntype = '{kind}'\n"
            (message,) = messages(self, text)
            self.assertIn(f"set admin.auth.{needed}", message)
            self.assertEqual(warnings(text + f"{needed} = '{SECRET}'"), [])
        text = f"[admin]\nenabled = true\n[admin.auth]\ntype = 'basic'\npassword = '{SECRET}'\n"
        text += "username = "
        self.assertEqual(warnings(text + "'root'"), [])
        (message,) = messages(self, text + "'ro:ot'")
        self.assertIn("admin.auth.username: a colon", message)

    def test_administration_listens(self) -> None:
        """The interface for administrators needs a listener: its own, or that of the metrics."""
        text = f"[admin.auth]\ntoken = '{SECRET}'\n[server]\nmetrics_enabled = false\n"
        (message,) = messages(self, text + "[admin]\nenabled = true")
        self.assertIn("set admin.bind", message)
        self.assertEqual(warnings(text + "[admin]\nenabled = true\nbind = '9091'"), [])

    def test_not_in_effect(self) -> None:
        """What is asked for and does nothing yet is told, each with its place; defaults are not."""
        text = "[workers]\nprocesses = 4\n[compression]\nenabled = true\nlevel = 3\n"
        told = "this is not yet in effect, do not rely on it"
        self.assertEqual(
            [
                f"config.toml:2:1: workers.processes: {told}",
                f"config.toml:4:1: compression.enabled: {told}",
            ],
            warnings(text),
        )
        (warning,) = warnings("NumCores = 'auto'")
        self.assertIn("config.toml:1:1: NumCores: this is not yet in effect", warning)

    def test_network(self) -> None:
        """What is said of a network that nobody watches has no effect, which is told once."""
        text = "[network_resilience]\nfast_detection = true\nquality_monitoring = true\n"
        (warning,) = warnings(text)
        self.assertIn("config.toml:2:1: network_resilience.fast_detection: nothing in", warning)
        self.assertEqual([], warnings(text + "[server]\nnetworkevents = true"))
        self.assertEqual([], warnings("[network_resilience]\nfast_detection = false"))

    def test_socket_paths(self) -> None:
        """No Unix socket has a path that the system could not take: 107 bytes at most."""
        longest = f"/run/{'é' * 46}/socket_77"
        for place, value in (
            ("server.unix_socket_path", "{}"),
            ("clamav.clamavsocket", "{}"),
            ("clamav.clamavsocket", "unix:{}"),
            ("redis.socket", "{}"),
            ("index.socket", "{}"),
            ("fallback.socket", "{}'\ntype = 'mysql"),
        ):
            section, _, name = place.partition(".")
            text = f"[{section}]\n{name} = '{value}'"
            self.assertEqual(warnings(text.format(longest)), [])
            (message,) = messages(self, text.format(f"{longest}8"))
            self.assertTrue(
                message.startswith(f"config.toml:2:{len(name) + 4}: {place}: "), message
            )
            self.assertIn("has 108 bytes", message)
        self.assertEqual(warnings(f"[server]\nlisteners = ['unix:{longest}']"), [])
        (message,) = messages(self, f"[server]\nlisteners = ['unix:{longest}8']")
        self.assertTrue(message.startswith("config.toml:2:"), message)
        self.assertIn("has 108 bytes", message)
        (message,) = messages(self, "", WITH_SECRET | {"HMAC_REDIS_SOCKET": f"{longest}8"})
        self.assertIn("HMAC_REDIS_SOCKET", message)

    def test_directories_of_sockets(self) -> None:
        """The socket that PostgreSQL makes in a directory must have such a path, too."""
        for section in ("index", "fallback"):
            text = f"[{section}]\ntype = 'postgres'\nsocket = '/run/{{}}'\nport = 5433"
            self.assertEqual(warnings(text.format("x" * 88)), [])
            (message,) = messages(self, text.format("x" * 89))
            self.assertTrue(message.startswith(f"config.toml:3:1: {section}.socket: "), message)
            self.assertIn("/.s.PGSQL.5433' has 108 bytes", message)
            self.assertEqual(warnings(text.format(f"{'x' * 88}/.s.PGSQL.5433")), [])

    def test_file_as_directory(self) -> None:
        """A file cannot be the storage directory."""
        path = write(self, "x")
        self.assertEqual(
            messages(self, f"[server]\nstorage_path = '{path}'"),
            [f"config.toml:2:1: server.storage_path: {path} is not a directory"],
        )

    def test_among_files(self) -> None:
        """What the server keeps for itself does not lie where uploads and downloads reach it."""
        place = pathlib.Path(self.mktemp()).resolve()
        place.mkdir()
        (place.parent / f"{place.name}-alias").symlink_to(place)
        text = f"[server]\nstorage_path = '{place}'\n"
        for section, key in (
            ("deduplication", "directory"),
            ("thumbnails", "directory"),
            ("clamav", "quarantine_directory"),
            ("iso", "containerfile"),
            ("index", "path"),
        ):
            for inside in (place / "own/x", f"{place}-alias/own"):
                (message,) = messages(self, f"{text}[{section}]\n{key} = '{inside}'\n")
                self.assertIn(f"config.toml:4:1: {section}.{key}: {inside} is among", message)
            for outside in (place / ".hmacfs/x", f"{place}-not/x"):
                self.assertEqual(warnings(f"{text}[{section}]\n{key} = '{outside}'\n"), [])

    def test_directory_as_file(self) -> None:
        """A directory cannot be the log."""
        path = pathlib.Path(self.mktemp())
        path.mkdir()
        self.assertEqual(
            messages(self, f"[logging]\nfile = '{path}'"),
            [f"config.toml:2:1: logging.file: {path} is a directory"],
        )

    def test_socket_or_its_directory(self) -> None:
        """PostgreSQL is told the directory of its socket, so that may be one."""
        path = pathlib.Path(self.mktemp())
        path.mkdir()
        load(f"[index]\nsocket = '{path}'\n")

    def test_impossible_path(self) -> None:
        """A path that no file can have is told in the system's words."""
        (message,) = messages(self, f"[server]\nstorage_path = '/{'x' * 300}'")
        self.assertTrue(message.endswith("cannot be looked at: File name too long"), message)

    def test_variable(self) -> None:
        """A variable that contradicts is named."""
        path = write(self, "x")
        (message,) = messages(self, "", {**WITH_SECRET, "HMAC_SERVER_STORAGE_PATH": str(path)})
        self.assertEqual(
            message,
            "environment variable HMAC_SERVER_STORAGE_PATH: HMAC_SERVER_STORAGE_PATH: "
            f"{path} is not a directory",
        )


class DoubtTests(SynchronousTestCase):
    """Settings that switch on what cannot work."""

    def test_rotation(self) -> None:
        """Keys that change by a schedule need a file, and times that make sense."""
        (found,) = warnings("[key_rotation]\nenabled = true")
        self.assertIn("config.toml:2:1: key_rotation.enabled: no key will be made", found)
        self.assertIn("set keys_file", found)
        file = "[security]\nkeys_file = '/nonexistent/keys.toml'\n[key_rotation]\n"
        self.assertEqual(warnings(f"{file}enabled = true", {}), [])
        for wrong, hint in (
            ("rotation_interval = '10m'\ngrace_period = '1h'", "every 10m"),
            ("grace_period = '10m'", "URLs that are good for 1h are refused 10m after"),
            ("grace_period = '2d'", "stays good for another 2d"),
        ):
            with self.subTest(wrong):
                self.assertIn(hint, warnings(f"{file}enabled = true\n{wrong}", {})[0])
                self.assertEqual(warnings(f"{file}{wrong}", {}), [])

    def test_tokens(self) -> None:
        """Tokens need a secret, and an audience to be compared with."""
        text = "[security]\nenablejwt = true\n"
        self.assertEqual(
            warnings(text),
            [
                "config.toml:2:1: security.enablejwt: no token will be accepted, "
                "jwtsecret is not set",
                "config.toml:2:1: security.enablejwt: tokens that name an audience will be "
                "refused, set public_base_url or jwt_audience",
            ],
        )
        enough = text + f"jwtsecret = '{SECRET}'\njwt_audience = ['x']"
        self.assertEqual(warnings(enough), [])
        self.assertEqual(load(enough).warnings, ())

    def test_tracking(self) -> None:
        """Usage cannot be counted in a Redis that is not there."""
        text = "[quotas]\ntracking = 'redis'\n"
        (message,) = warnings(text)
        self.assertIn("this server counts for itself, set redisenabled", message)
        self.assertEqual(warnings(f"{text}[redis]\nredisenabled = true"), [])
