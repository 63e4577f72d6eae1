"""The container image: built, run as its compose files and units say, and used."""

from __future__ import annotations

import configparser
import hashlib
import hmac
import json
import os
import pathlib
import re
import secrets
import subprocess
from typing import Any, Final

import yaml
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.config.options import TABLE
from hmacfs.config.read import read_file
from tests.docs.documents import examples
from tests.packaging import cache, compose_suite
from tests.packaging.cache import CHECKOUT
from tests.packaging.engine import IMAGE, engine
from tests.packaging.machine import eventually
from tests.ports import free_port
from tests.real.client import Connection, ask

CONTAINERS: Final = CHECKOUT / "etc/containers"
COMPOSE: Final = ("compose.yml", "compose.clamav.yml", "compose.monitoring.yml")

LOCKED_UP: Final = (
    *("--read-only", "--cap-drop=all", "--security-opt=no-new-privileges", "--tmpfs=/tmp"),
    *("--network=host",),
)
"""What the compose files and the unit ask for."""

# Of Podman 4.4 or later.
QUADLET_PROGRAM: Final = "/usr/libexec/podman/quadlet"
# Of podman-systemd.unit(5), version 4.4.
QUADLET: Final = frozenset(
    {
        *("dropcapability", "image", "nonewprivileges", "publishport", "readonly", "secret"),
        *("tmpfs", "volume"),
    }
)


class ImageTests(SynchronousTestCase):
    """The image."""

    def setUp(self) -> None:
        engine()
        self.port = free_port()
        self.secret = secrets.token_hex(32)
        self.file = pathlib.Path(self.mktemp()).resolve()
        self.file.write_text(f"{self.secret}\n", encoding="ascii")
        self.file.chmod(0o400)
        os.chown(self.file, 1011, 1011)

    def podman(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run podman."""
        return engine().run(["podman", *arguments], check)

    def start(self, *more: str) -> str:
        """Start a container as the examples do; return its name."""
        name = f"files-{self.port}"
        self.addCleanup(self.podman, "rm", "--force", "--time=0", name, check=False)
        self.podman(
            *(
                "run",
                "--detach",
                f"--name={name}",
                *LOCKED_UP,
                f"--volume={name}:/var/lib/hmac-file-server",
            ),
            f"--env=HMAC_SERVER_LISTEN_ADDRESS=127.0.0.1:{self.port}",
            f"--env=HMAC_SERVER_METRICS_PORT=127.0.0.1:{free_port()}",
            *(more or (f"--volume={self.file}:/run/secrets/hmac-file-server:ro",)),
            IMAGE,
        )
        return name

    def wait(self, name: str) -> None:
        """Wait until the server in it answers."""

        def answers() -> bool:
            try:
                return ask(self.port, "GET", "/health").status == 200
            except OSError:
                return False

        try:
            eventually("the server", answers)
        except AssertionError:
            self.fail(self.podman("logs", name).stdout)

    def test_used(self) -> None:
        """It takes a file and gives it back, also after it was stopped and started again."""
        name = self.start()
        self.wait(name)
        data = b"hello" * 1000
        mac = hmac.new(self.secret.encode(), b"a %d" % len(data), hashlib.sha256).hexdigest()
        with Connection(self.port) as connection:
            self.assertEqual(201, connection.put(f"/upload/a?v={mac}", data).status)
        self.podman("healthcheck", "run", name)
        self.podman("stop", "--time=15", name)
        state = json.loads(self.podman("inspect", name).stdout)[0]["State"]
        self.assertEqual(0, state["ExitCode"])
        self.podman("start", name)
        self.wait(name)
        self.assertEqual(data, ask(self.port, "GET", "/upload/a").body)

    def test_locked_up(self) -> None:
        """It runs as UID 1011, with no capability, and cannot write but where files belong."""
        name = self.start()
        self.wait(name)
        pid = self.podman("inspect", "--format={{.State.Pid}}", name).stdout.strip()
        status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
        for line in (r"Uid:\t1011\t1011\t1011\t1011", r"CapEff:\t0+", r"NoNewPrivs:\t1"):
            self.assertRegex(status, rf"(?m)^{line}$")
        write = ["exec", name, "sh", "-c"]
        for path in ("/x", "/etc/hmac-file-server/x", "/opt/x", "/usr/x"):
            self.assertNotEqual(0, self.podman(*write, f": > {path}", check=False).returncode, path)
        self.podman(*write, ": > /var/lib/hmac-file-server/x")

    def test_no_secret(self) -> None:
        """Without a secret it ends at once and says what is missing."""
        name = self.start("--env=NONE=1")
        self.assertEqual("2", self.podman("wait", name).stdout.strip())
        self.assertIn("/run/secrets/hmac-file-server", self.podman("logs", name).stdout)

    def test_install_manager(self) -> None:
        """install-manager.sh starts it, keeps the secret in a second run, and removes it."""
        directory = pathlib.Path(self.mktemp()).resolve()
        options = [
            *("--network=host", f"--env=HMAC_SERVER_LISTEN_ADDRESS=127.0.0.1:{self.port}"),
            f"--env=HMAC_SERVER_METRICS_PORT=127.0.0.1:{free_port()}",
        ]
        environ = {
            "HMACFS_IMAGE": IMAGE,
            "HMACFS_ETC": str(directory),
            "HMACFS_CONTAINER_OPTIONS": " ".join(options),
        }
        script = CHECKOUT / "install-manager.sh"
        self.assertIn("runs in a container", engine().run([script, "podman"], more=environ).stdout)
        secret = (directory / "container-secret").read_bytes()
        self.wait("hmac-file-server")
        engine().run([script, "podman"], more=environ)
        self.wait("hmac-file-server")
        self.assertEqual(secret, (directory / "container-secret").read_bytes())
        said = engine().run([script, "--test"], more=environ).stdout
        self.assertIn("the container of podman works", said)
        said = engine().run([script, "--uninstall"], more=environ).stdout
        self.assertIn("removed the container of podman", said)
        self.assertIn("uploads", said)
        self.assertNotEqual(0, engine().run([script, "--test"], False, environ).returncode)

        # The words of Docker are those of Podman.
        docker = directory / "bin/docker"
        docker.parent.mkdir()
        docker.symlink_to("/usr/bin/podman")
        environ["PATH"] = f"{docker.parent}:{os.environ['PATH']}"
        engine().run([script, "docker"], more=environ)
        self.wait("hmac-file-server")
        said = engine().run([script, "--test"], more=environ).stdout
        self.assertIn("the container of docker works", said)
        engine().run([script, "--uninstall", "--purge"], more=environ)
        self.assertFalse(directory.exists())

    def test_document(self) -> None:
        """What docs/install.rst tells to run starts the server, which is reached by the port."""
        cache.need("/usr/lib/podman/netavark", "iptables", "openssl")
        [example] = [e for e in examples("sh") if e.section == "In a container"]
        build, _, rest = example.text.partition("\n")
        # That is what engine() does.
        self.assertEqual(f"podman build --tag {IMAGE} .", build)
        self.assertIn("--publish=127.0.0.1:8080:8080", rest)
        directory = pathlib.Path(self.mktemp()).resolve()
        directory.mkdir()
        self.addCleanup(self.podman, "rm", "--force", "--time=0", "hmac-file-server", check=False)
        text = rest.replace("127.0.0.1:8080:", f"127.0.0.1:{self.port}:")
        engine().run(["sh", "-ec", f"cd {directory}\n{text}"])
        self.wait("hmac-file-server")

    def test_without_tools(self) -> None:
        """Neither pip nor a compiler is in it, and the user owns nothing of the program."""
        name = self.start()
        self.wait(name)
        for command in ("command -v pip", "command -v cc", "command -v curl", "test -w /opt"):
            done = self.podman("exec", name, "sh", "-c", command, check=False)
            self.assertNotEqual(0, done.returncode, command)


class ComposeTests(compose_suite.ComposeTests):
    """The compose files."""


class ExampleTests(SynchronousTestCase):
    """The files of etc/containers."""

    def compose(self, name: str) -> Any:
        """Return what a compose file says."""
        return yaml.safe_load((CONTAINERS / name).read_text(encoding="utf-8"))

    def test_compose(self) -> None:
        """Every compose file starts the server locked up, with files that are there."""
        for name in COMPOSE:
            told = self.compose(name)
            server = told["services"]["hmac-file-server"]
            self.assertEqual((True, ["ALL"]), (server["read_only"], server["cap_drop"]), name)
            self.assertEqual(["no-new-privileges:true"], server["security_opt"])
            self.assertTrue((CONTAINERS / server["build"]["context"] / "Containerfile").exists())
            for each in told["services"].values():
                self.assertEqual(set(), set(each.get("depends_on", ())) - set(told["services"]))
                for volume in each.get("volumes", ()):
                    source = volume.partition(":")[0]
                    known = source in told["volumes"] or (CONTAINERS / source).is_file()
                    self.assertTrue(known, f"{name}: {volume}")

    def test_variables(self) -> None:
        """Each variable is that of an option."""
        variables = {option.variable for option in TABLE}
        for path in (*CONTAINERS.iterdir(), CHECKOUT / "Containerfile"):
            text = path.read_text(encoding="utf-8")
            used = set(re.findall(r"\bHMAC_[A-Z_]+(?=[:=])", text)) - {"HMAC_CONFIG_PATH"}
            self.assertEqual(set(), used - variables, path.name)

    def test_configuration(self) -> None:
        """The configuration in the image can be used."""
        secret = pathlib.Path(self.mktemp()).resolve()
        secret.write_text("a secret that nobody has seen before\n", encoding="ascii")
        secret.chmod(0o600)
        environ = {"HMAC_SECURITY_SECRET_FILE": str(secret)}
        self.assertEqual((), read_file(CONTAINERS / "config.toml", environ).warnings)

    def test_copied(self) -> None:
        """What the image is built of is let through to the builder, and nothing else is."""
        ignored = (CHECKOUT / ".containerignore").read_text(encoding="utf-8")
        self.assertEqual(ignored, (CHECKOUT / ".dockerignore").read_text(encoding="utf-8"))
        passed = {line[1:] for line in ignored.splitlines() if line.startswith("!")}
        text = (CHECKOUT / "Containerfile").read_text(encoding="utf-8")
        copies = re.findall(r"^COPY (?!--from)(?:--\S+ )*(.*) \S+$", text, re.MULTILINE)
        sources = {word for words in copies for word in words.split()}
        self.assertEqual(
            passed, {"requirements" if s.startswith("requirements/") else s for s in sources}
        )

    def test_quadlet(self) -> None:
        """The unit asks for what the compose files do, in words that quadlet knows."""
        text = (CONTAINERS / "hmac-file-server.container").read_text(encoding="utf-8")
        unit = configparser.ConfigParser(strict=False)
        unit.read_string(text)
        self.assertEqual(set(), set(unit["Container"]) - QUADLET)
        self.assertEqual("true", unit["Container"]["ReadOnly"])
        self.assertEqual("ALL", unit["Container"]["DropCapability"])

    def test_quadlet_generator(self) -> None:
        """Podman makes a service of the unit, which starts the server locked up."""
        cache.need(QUADLET_PROGRAM)
        done = cache.run(
            [QUADLET_PROGRAM, "-dryrun", "-user"], {"QUADLET_UNIT_DIRS": str(CONTAINERS)}
        )
        run = next(line for line in done.stdout.splitlines() if line.startswith("ExecStart="))
        for option in ("--read-only", "--cap-drop", "--tmpfs", "--secret", "no-new-privileges"):
            self.assertIn(option, run)
