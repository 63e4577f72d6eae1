"""A client that is started in the network of another machine, with JSON as its only argument.

It prints one line of JSON. What it can do: ``put`` and ``get`` a file, and ``stream``, which
uploads one file after the other until its standard input ends.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import select
import ssl
import sys
import threading
import time
from typing import Any, Final

PIECES: Final = 8
PAUSE: Final = 0.03


def content(name: str) -> bytes:
    """Return what a file of this name holds."""
    return hashlib.sha256(name.encode()).digest() * 4000


def connect(asked: dict[str, Any]) -> http.client.HTTPConnection:
    """Return a connection to the server."""
    port = int(asked.get("port", 8080))
    if "certificate" in asked:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=asked["certificate"])
        return http.client.HTTPSConnection("localhost", port, timeout=50, context=context)
    return http.client.HTTPConnection("127.0.0.1", port, timeout=50)


def put(asked: dict[str, Any], name: str, pause: float = 0) -> int:
    """Upload a file, in pieces with pauses between them; return the status."""
    data = content(name)
    message = f"{name}\0{len(data)}\0application/octet-stream".encode()
    mac = hmac.new(str(asked["secret"]).encode(), message, hashlib.sha256).hexdigest()
    connection = connect(asked)
    try:
        connection.putrequest("PUT", f"/upload/{name}?v2={mac}")
        connection.putheader("Content-Length", str(len(data)))
        connection.endheaders()
        step = len(data) // PIECES
        for start in range(0, len(data), step):
            connection.send(data[start : start + step])
            time.sleep(pause)
        return connection.getresponse().status
    finally:
        connection.close()


def get(asked: dict[str, Any], name: str) -> dict[str, object]:
    """Download a file and tell whether it is what was uploaded."""
    connection = connect(asked)
    connection.request("GET", f"/upload/{name}")
    answer = connection.getresponse()
    return {"status": answer.status, "same": answer.read() == content(name)}


def stream(asked: dict[str, Any]) -> dict[str, object]:
    """Upload file after file until standard input ends; tell how many, and what failed."""
    done: list[int] = []
    failed: list[str] = []
    over = threading.Event()

    def work(worker: int) -> None:
        number = 0
        while not over.is_set():
            name = f"{asked['name']}-{worker}-{number}"
            number += 1
            try:
                status = put(asked, name, PAUSE)
            except OSError as error:
                failed.append(f"{name}: {error!r}")
                continue
            if status == 201:
                done.append(number)
            else:
                failed.append(f"{name}: {status}")

    workers = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for worker in workers:
        worker.start()
    select.select([sys.stdin], [], [])
    over.set()
    for worker in workers:
        worker.join()
    return {"done": len(done), "failed": failed}


def main() -> None:
    """Do what the only argument says."""
    asked = json.loads(sys.argv[1])
    if asked["do"] == "put":
        status = put(asked, asked["name"], float(asked.get("pause", 0)))
        answer: dict[str, object] = {"status": status}
    elif asked["do"] == "get":
        answer = get(asked, asked["name"])
    else:
        answer = stream(asked)
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
