"""The dashboard and the alerts of ``etc/monitoring``, in a Prometheus that watches a server."""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Any, Final

from tests.ports import free_port
from tests.real.case import ServerCase, noise
from tests.real.client import ask, put
from tests.real.daemon import CHECKOUT, PATIENCE, eventually
from tests.real.test_monitoring import program

MONITORING: Final = CHECKOUT / "etc/monitoring"
NAME: Final = re.compile(r"\b(?:hmac_file_server|process)_\w+")
EXPRESSION: Final = re.compile(r"^ +expr: (.*(?:\n {10}\S.*)*)", re.MULTILINE)
ALERT: Final = re.compile(r"- alert: (\w+)")

SERIES: Final = {
    "HmacFileServerDown": ('up{job="hmac-file-server"}', "1 1 0x18"),
    "HmacFileServerRestarts": (
        'process_start_time_seconds{job="hmac-file-server"}',
        "1 1 2 2 3 3 4 4 5x12",
    ),
    "HmacFileServerNoSpace": (
        'hmac_file_server_upload_errors_total{reason="no-space"}',
        "0x3 1x16",
    ),
    "HmacFileServerFaults": (
        'hmac_file_server_download_errors_total{reason="error"}',
        "0x3 1x16",
    ),
    "HmacFileServerSignaturesRefused": (
        'hmac_file_server_upload_errors_total{reason="signature-wrong"}',
        "0+10x20",
    ),
    "HmacFileServerBans": ("hmac_file_server_bans_total", "0+10x20"),
    "HmacFileServerInfected": ('hmac_file_server_scans_total{result="infected"}', "0x3 1x16"),
    "HmacFileServerScansFail": ('hmac_file_server_scans_total{result="failed"}', "0+1x20"),
    "HmacFileServerAuditLost": ("hmac_file_server_audit_records_lost_total", "0x3 1x16"),
    "HmacFileServerDescriptors": ('process_open_fds{job="hmac-file-server"}', "90x20"),
}
"""What makes each alert fire within twelve minutes: a series, and its values minute by minute."""

BESIDE: Final = (
    ("hmac_file_server_uploads_total", "0+1x20"),
    ('process_max_fds{job="hmac-file-server"}', "100x20"),
)
"""What is compared with them."""


def alerts() -> list[str]:
    """Return the names of the alerts."""
    return ALERT.findall((MONITORING / "alerts.yml").read_text(encoding="utf-8"))


def queries() -> Iterator[tuple[str, str]]:
    """Return each query of the dashboard, with the title of its panel."""
    dashboard = json.loads((MONITORING / "grafana-dashboard.json").read_text(encoding="utf-8"))
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            # What Grafana puts there.
            query = target["expr"].replace("$__rate_interval", "1m").replace("$instance", ".*")
            yield panel["title"], query


def conditions() -> list[str]:
    """Return the expressions of the alerts."""
    text = (MONITORING / "alerts.yml").read_text(encoding="utf-8")
    return [" ".join(found.split()) for found in EXPRESSION.findall(text)]


class QueryTests(ServerCase):
    """The queries."""

    def setUp(self) -> None:
        metrics = free_port()
        self.daemon = self.start({"server": {"metrics_port": str(metrics)}})
        data = noise(1000)
        directory = self.directory()
        config = directory / "prometheus.yml"
        text = (MONITORING / "prometheus.yml").read_text(encoding="utf-8")
        for old, new in (
            ("127.0.0.1:9090", f"127.0.0.1:{metrics}"),
            ("interval: 15s", "interval: 1s"),
        ):
            self.assertIn(old, text)
            text = text.replace(old, new)
        config.write_text(text, encoding="utf-8")
        (directory / "alerts.yml").write_bytes((MONITORING / "alerts.yml").read_bytes())
        self.port = free_port()
        prometheus = subprocess.Popen(
            [
                *(program("prometheus"), f"--config.file={config}"),
                f"--storage.tsdb.path={directory / 'data'}",
                f"--web.listen-address=127.0.0.1:{self.port}",
            ],
            cwd=directory,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.addCleanup(prometheus.wait, PATIENCE)
        self.addCleanup(prometheus.kill)
        eventually("a scrape", lambda: self.found('up{job="hmac-file-server"} == 1'))
        self.assert_status(201, put(self.daemon.port, self.daemon.target("a", 1000), data))
        self.assert_comes_back(self.daemon, self.daemon.place("a"), data)
        self.page = ask(metrics, "GET", "/metrics").body.decode()
        # A rate needs two.
        eventually("numbers", lambda: self.found("hmac_file_server_uploads_total == 1"))

    def found(self, query: str) -> Sequence[Any]:
        """Return what Prometheus finds; a query that is wrong is an error."""
        url = f"http://127.0.0.1:{self.port}/api/v1/query?query={urllib.parse.quote(query)}"
        try:
            with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
                said = json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code == HTTPStatus.SERVICE_UNAVAILABLE:
                return []  # it is just starting
            raise AssertionError(f"{query}: {error.read()!r}") from None
        except (ConnectionError, urllib.error.URLError):
            return []
        results: list[Any] = said["data"]["result"]
        return results

    def test_dashboard(self) -> None:
        """Each query of the dashboard finds something, and promtool has nothing against any."""
        seen = list(queries())
        self.assertGreater(len(seen), 20)
        for title, query in seen:
            eventually(f"{title}: {query}", lambda query=query: self.found(query))  # type: ignore[misc]
        url = f"http://127.0.0.1:{self.port}"
        for query in (*(query for _, query in seen), *conditions()):
            asked = [program("promtool"), "query", "instant", url, query]
            done = subprocess.run(asked, capture_output=True, text=True, check=False)
            self.assertEqual((0, ""), (done.returncode, done.stderr), query)

    def test_conditions(self) -> None:
        """What the alerts ask about is there, and none of them fires for a server that is well."""
        self.assertEqual(len(alerts()), len(conditions()))
        for condition in conditions():
            self.assertEqual([], self.found(condition), condition)
            for name in NAME.findall(condition):
                self.assertRegex(self.page, rf"(?m)^{name}[ {{]", condition)
            for selector in re.findall(r'\w+{\w+=[^}"]*"[^"|]+"}', condition):
                self.assertTrue(self.found(selector), selector)

    def test_down(self) -> None:
        """A server that is gone is seen to be gone."""
        self.daemon.stop()
        eventually("the alert", lambda: self.found('ALERTS{alertname="HmacFileServerDown"}'))


class RuleTests(ServerCase):
    """The rules, as promtool sees them."""

    def promtool(self, *arguments: str | pathlib.Path) -> None:
        """Run promtool, which must be content."""
        done = subprocess.run(
            [program("promtool"), *arguments], capture_output=True, text=True, check=False
        )
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)

    def test_check(self) -> None:
        """The example for Prometheus and its rules are right."""
        self.promtool("check", "rules", MONITORING / "alerts.yml")
        self.promtool("check", "config", MONITORING / "prometheus.yml")

    def test_fire(self) -> None:
        """Each alert fires for what it is for."""
        self.assertEqual(sorted(SERIES), sorted(alerts()))
        for alert, (series, values) in SERIES.items():
            shown = [{"series": name, "values": told} for name, told in ((series, values), *BESIDE)]
            case = {
                "interval": "1m",
                "input_series": shown,
                "promql_expr_test": [
                    {
                        "expr": f'count(ALERTS{{alertname="{alert}", alertstate="firing"}})',
                        "eval_time": "12m",
                        "exp_samples": [{"labels": "{}", "value": 1}],
                    }
                ],
            }
            tested = {"rule_files": [str(MONITORING / "alerts.yml")], "tests": [case]}
            path = self.directory() / "test.yml"
            # JSON is YAML.
            path.write_text(json.dumps(tested), encoding="utf-8")
            self.promtool("test", "rules", path)
