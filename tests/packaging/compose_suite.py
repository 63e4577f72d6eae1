"""The compose files of ``etc/containers``, each brought up with podman-compose and used."""

from __future__ import annotations

import hashlib
import hmac
import json
import pathlib
import secrets
import shutil
import urllib.request
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from twisted.trial.unittest import SynchronousTestCase

from tests.packaging.cache import CHECKOUT
from tests.packaging.engine import engine_with_others
from tests.packaging.machine import eventually
from tests.ports import free_port
from tests.real.clamd import MARK
from tests.real.client import Connection, ask

UNPROCESSABLE = HTTPStatus.UNPROCESSABLE_ENTITY


class ComposeTests(SynchronousTestCase):
    """Only the port of the server is another one, as others may use that of the file."""

    def setUp(self) -> None:
        self.engine = engine_with_others()
        self.port = free_port()
        self.project = f"files{self.port}"
        self.secret = secrets.token_hex(32)
        directory = pathlib.Path(self.mktemp()).resolve()
        shutil.copytree(CHECKOUT / "etc", directory)
        self.directory = directory / "containers"
        secret = self.directory / "secret"
        secret.write_text(f"{self.secret}\n", encoding="ascii")
        secret.chmod(0o400)
        shutil.chown(secret, 1011, 1011)

    def compose(self, name: str, *words: str) -> None:
        """Run podman-compose."""
        command = ["podman-compose", "-p", self.project, "-f", str(self.directory / name)]
        self.engine.run([*command, *words], more={"GRAFANA_PASSWORD": self.secret})

    def up(self, name: str, *services: str) -> None:
        """Bring services up, or all, and wait for the server."""
        path = self.directory / name
        text = path.read_text(encoding="utf-8")
        self.assertIn('"127.0.0.1:8080:8080"', text)
        path.write_text(text.replace(":8080:8080", f":{self.port}:8080"), encoding="utf-8")
        self.addCleanup(self.compose, name, "down", "--volumes", "--timeout", "1")
        self.compose(name, "up", "--detach", *services)
        eventually("the server", self.answers)

    def answers(self) -> bool:
        """Whether the server is well."""
        try:
            return ask(self.port, "GET", "/health").body == b"OK\n"
        except OSError:
            return False

    def put(self, name: str, data: bytes) -> int:
        """Upload a file and return the status."""
        message = f"{name}\0{len(data)}\0text/plain".encode()
        mac = hmac.new(self.secret.encode(), message, hashlib.sha256).hexdigest()
        headers = {"Content-Type": "text/plain"}
        with Connection(self.port) as connection:
            return connection.put(f"/upload/{name}?v2={mac}", data, headers=headers).status

    def parts(self) -> dict[str, Any]:
        """Return how the parts of the server are, which it tells those beside it."""
        ask_it = ["podman", "exec", self.container("hmac-file-server"), "hmac-file-server"]
        told = json.loads(self.engine.run([*ask_it, "health", "-json"]).stdout)
        parts: dict[str, Any] = told["parts"]
        return parts

    def container(self, service: str) -> str:
        """Return the name of the container of a service."""
        return f"{self.project}_{service}_1"

    def test_basic(self) -> None:
        """The server alone keeps its files when it is taken down and brought up."""
        self.up("compose.yml")
        self.assertEqual(201, self.put("a", b"hello"))
        self.compose("compose.yml", "down")
        self.compose("compose.yml", "up", "--detach")
        eventually("the server", self.answers)
        self.assertEqual(b"hello", ask(self.port, "GET", "/upload/a").body)

    def test_clamav(self) -> None:
        """With ClamAV, what it knows is refused."""
        self.up("compose.clamav.yml")
        eventually("the scanner", lambda: self.parts()["clamav"]["status"] == "ok")
        self.assertEqual(201, self.put("a", b"hello"))
        self.assertEqual(UNPROCESSABLE, self.put("b", b"before" + MARK + b"after"))

    def test_monitoring(self) -> None:
        """With Redis and Prometheus, the one is used, and the other sees the server."""
        # Grafana is no package of Debian.
        self.up("compose.monitoring.yml", "redis", "prometheus", "hmac-file-server")
        self.assertEqual("ok", self.parts()["redis"]["status"])
        self.assertEqual(201, self.put("a", b"hello"))
        keys = ["podman", "exec", self.container("redis"), "redis-cli", "dbsize"]
        self.assertNotEqual("0", self.engine.run(keys).stdout.strip())
        form = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        inspect = ["podman", "inspect", f"--format={form}", self.container("prometheus")]
        address = self.engine.run(inspect).stdout.strip().splitlines()[-1]
        up = quote('up{job="hmac-file-server"} == 1')

        def ask_prometheus(what: str) -> Any:
            with urllib.request.urlopen(f"http://{address}:9090/api/v1/{what}") as answer:
                return json.load(answer)["data"]

        eventually("a scrape", lambda: ask_prometheus(f"query?query={up}")["result"])
        self.assertEqual(1, len(ask_prometheus("rules")["groups"]))
