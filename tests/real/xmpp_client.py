"""An XMPP client that asks for upload slots (XEP-0363) and prints them.

A process of its own, for it runs on asyncio. Reads lines of JSON from its standard input: port,
jid, password, service and a list of wishes (filename, size, content_type). Logs in for each, and
writes a line: a list of slots (put, get, headers), or a text that says what failed.
"""

from __future__ import annotations

import asyncio
import json
import sys
import traceback
from typing import Any, Final
from xml.etree import ElementTree

from slixmpp import ClientXMPP

UPLOAD: Final = "{urn:xmpp:http:upload:0}"
PATIENCE: Final = 60.0


class Client(ClientXMPP):
    """Logs in without TLS, asks, and leaves."""

    def __init__(self, asked: dict[str, Any]) -> None:
        super().__init__(asked["jid"], asked["password"])
        self.enable_starttls = False
        self.enable_direct_tls = False
        self.enable_plaintext = True
        self["feature_mechanisms"].unencrypted_scram = True
        self.slots: asyncio.Future[list[dict[str, Any]]] = asyncio.Future()
        self._asked = asked
        self.add_event_handler("session_start", self._ask_all)
        for fault in ("connection_failed", "failed_all_auth"):
            self.add_event_handler(fault, self._give_up)

    async def _ask_all(self, _: object) -> None:
        try:
            self.slots.set_result([await self._ask(wish) for wish in self._asked["wishes"]])
        except Exception as error:
            self.slots.set_exception(error)

    async def _ask(self, wish: dict[str, Any]) -> dict[str, Any]:
        facts = {"filename": wish["filename"], "size": str(wish["size"])}
        if wish["content_type"] is not None:
            facts["content-type"] = wish["content_type"]
        iq = self.make_iq_get(ito=self._asked["service"])
        iq.append(ElementTree.Element(f"{UPLOAD}request", facts))
        answer = await iq.send(timeout=PATIENCE)
        put = answer.xml.find(f"{UPLOAD}slot/{UPLOAD}put")
        get = answer.xml.find(f"{UPLOAD}slot/{UPLOAD}get")
        headers = {header.get("name"): header.text for header in put.findall(f"{UPLOAD}header")}
        return {"put": put.get("url"), "get": get.get("url"), "headers": headers}

    def _give_up(self, event: object) -> None:
        if not self.slots.done():
            self.slots.set_exception(ConnectionError(f"no session: {event}"))


async def slots(asked: dict[str, Any]) -> list[dict[str, Any]] | str:
    """Log in, ask, and leave; return the slots, or what failed."""
    client = Client(asked)
    client.connect("127.0.0.1", asked["port"])
    try:
        return await asyncio.wait_for(client.slots, PATIENCE)
    except Exception:
        return traceback.format_exc()
    finally:
        await client.disconnect()


async def main() -> None:
    """Do what each line of the standard input asks for."""
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(await slots(json.loads(line))), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
