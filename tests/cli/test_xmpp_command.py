"""Tests of ``hmac-file-server xmpp-config``."""

from __future__ import annotations

import io

from hmacfs.cli.main import main
from hmacfs.cli.xmpp_command import PEERS
from tests.cli.config_case import SECRET, ConfigCase


class Terminal(io.StringIO):
    """A standard output that somebody reads."""

    def isatty(self) -> bool:
        """Say so."""
        return True


class XmppConfigTests(ConfigCase):
    """The lines; tests/real tries them in the programs they are for."""

    URL = 'public_base_url = "https://f.example.net"'

    def test_secret_is_hidden(self) -> None:
        """Where no terminal reads, the secret is only written when it is asked for."""
        self.configure(self.URL)
        for program in ("prosody", "prosody-file-share", "ejabberd"):
            outcome = self.command("xmpp-config", program)
            self.assertEqual((outcome.code, outcome.err), (0, ""))
            self.assertNotIn(SECRET, outcome.out)
            self.assertIn("-show-secret", outcome.out)
            self.assertIn(SECRET, self.command("xmpp-config", program, "-show-secret").out)

    def test_terminal(self) -> None:
        """On a terminal the secret is there to be copied."""
        self.configure(self.URL)
        out = Terminal()
        arguments = ["-config", str(self.config), "xmpp-config", "prosody"]
        self.assertEqual(main(arguments, {}, out, io.StringIO()), 0)
        self.assertIn(SECRET, out.getvalue())

    def test_proxies_need_no_secret(self) -> None:
        """What goes into a proxy has no secret in it."""
        for program in ("nginx", "apache"):
            outcome = self.command("xmpp-config", program, "-show-secret")
            self.assertNotIn(SECRET, outcome.out)

    def test_file_share_secret(self) -> None:
        """The module with tokens has a secret of its own where there is one."""
        other = "another secret that is long enough"
        self.configure(self.URL, f'secret = "{SECRET}"\nfile_share_secret = "{other}"')
        share = self.command("xmpp-config", "prosody-file-share", "-show-secret")
        self.assertIn(f'secret = "{other}"', share.out)
        self.assertNotIn(other, self.command("xmpp-config", "prosody", "-show-secret").out)

    def test_quoted(self) -> None:
        """A secret with quotes in it is written so that it is read as it is."""
        self.configure(self.URL, "secret = '''one \"two\" \\ three, and more of it'''")
        outcome = self.command("xmpp-config", "prosody", "-show-secret")
        self.assertIn(r'= "one \"two\" \\ three, and more of it"', outcome.out)

    def test_public_url(self) -> None:
        """The URL is that of the configuration or the command line, else an example."""
        for server, arguments, url in (
            (self.URL, (), "https://f.example.net/upload"),
            (self.URL, ("-base-url", "https://g.example.net/"), "https://g.example.net/upload"),
            (f'{self.URL}\nupload_prefix = ""', (), "https://f.example.net"),
            ("", (), "https://files.example.org/upload"),
        ):
            self.configure(server)
            outcome = self.command("xmpp-config", "ejabberd", *arguments)
            self.assertIn(f'put_url: "{url}"\n', outcome.out)
            self.assertEqual(not server, "public_base_url" in outcome.err)
        self.assertEqual(self.command("xmpp-config", "nginx", "-base-url", "here").code, 2)

    def test_address(self) -> None:
        """Proxies are told where the server listens."""
        for server, nginx, apache in (
            ('listen_address = "8081"', "http://127.0.0.1:8081;", "http://127.0.0.1:8081/"),
            ('listen_address = "[::1]:80"', "http://[::1]:80;", "http://[::1]:80/"),
            (
                'unix_socket = true\nunix_socket_path = "/run/f.sock"',
                "http://unix:/run/f.sock:;",
                "unix:/run/f.sock|http://localhost/",
            ),
        ):
            self.configure(server)
            self.assertIn(f"proxy_pass {nginx}", self.command("xmpp-config", "nginx").out)
            self.assertIn(f"ProxyPass / {apache} ", self.command("xmpp-config", "apache").out)

    def test_programs(self) -> None:
        """Each program has its lines, and others are not known."""
        for program in PEERS:
            self.assertEqual(self.command("xmpp-config", program).code, 0)
        self.assertEqual(self.command("xmpp-config", "sendmail").code, 2)
