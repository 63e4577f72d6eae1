"""Every way by which bytes come in, for what has to hold on all of them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Final

import jwt
from attrs import frozen

from tests import forms
from tests.real.client import Answer, Connection, Headers
from tests.real.daemon import SECRET, Daemon, Sections

TOKEN_SECRET: Final = "a secret for the tokens of these tests only"
SECTIONS: Final[Sections] = {
    "security": {"enablejwt": True, "jwtsecret": TOKEN_SECRET},
    "uploads": {"chunk_size": 1024},
}
"""What the configuration needs to say for all of them."""

TUS: Final = {"Tus-Resumable": "1.0.0"}
DRAFT: Final = {"Upload-Draft-Interop-Version": "9"}
PART: Final = {"Content-Type": "application/partial-upload"}


@frozen
class File:
    """
    What is uploaded.

    :ivar name: of one segment; ways that store below a folder of their own make that.
    """

    name: str
    data: bytes
    kind: str = "application/octet-stream"

    @property
    def half(self) -> int:
        """Where it is cut by those who send it in two parts."""
        return len(self.data) // 2


Way = Callable[[Daemon, File], Answer]
"""Uploads a file, and returns the answer that decides on it."""


def send(
    daemon: Daemon, method: str, target: str, data: bytes = b"", headers: Headers | None = None
) -> Answer:
    """Send a request on a connection of its own, and return the final answer."""
    with Connection(daemon.port) as connection:
        connection.begin(method, target, {"Content-Length": len(data), **(headers or {})})
        connection.send(data)
        answer = connection.answer(method)
        while answer.status < 200:
            answer = connection.answer(method)
        return answer


def token(**claims: object) -> dict[str, str]:
    """Make the credential of somebody who may upload."""
    facts = {"sub": "romeo", "exp": int(time.time()) + 600, **claims}
    return {"Authorization": f"Bearer {jwt.encode(facts, TOKEN_SECRET, 'HS256')}"}


def signature(message: str) -> str:
    """Sign as the programs of the 3.2 documents do."""
    return base64.b64encode(hmac.digest(SECRET.encode(), message.encode(), "sha256")).decode()


def target_of(url: str) -> str:
    """Return the request target of a URL."""
    return "/" + url.split("/", 3)[3]


def _put(scheme: str) -> Way:
    def put(daemon: Daemon, file: File) -> Answer:
        target = daemon.target(file.name, len(file.data), file.kind, scheme)
        return send(daemon, "PUT", target, file.data, {"Content-Type": file.kind})

    return put


def _chunked(daemon: Daemon, file: File) -> Answer:
    target = daemon.target(file.name, len(file.data), file.kind)
    with Connection(daemon.port) as connection:
        headers: Headers = {
            "Content-Type": file.kind,
            "Transfer-Encoding": "chunked",
            "X-File-Size": len(file.data),
        }
        connection.begin("PUT", target, headers)
        for data in (file.data[: file.half], file.data[file.half :]):
            connection.send(b"%x\r\n%s\r\n" % (len(data), data))
        connection.send(b"0\r\n\r\n")
        return connection.answer("PUT")


def _file_share(daemon: Daemon, file: File) -> Answer:
    slot = uuid.uuid4().hex
    claims = {
        "slot": slot,
        "filename": file.name,
        "filesize": len(file.data),
        "filetype": file.kind,
        "exp": int(time.time()) + 600,
    }
    headers = {
        "Authorization": f"Bearer {jwt.encode(claims, SECRET, 'HS256')}",
        "Content-Type": file.kind,
    }
    return send(daemon, "PUT", daemon.place(f"{slot}/{file.name}"), file.data, headers)


def _query(daemon: Daemon, file: File) -> str:
    now, upload_id = int(time.time()), str(uuid.uuid4())
    signed = signature(f"{file.name}{len(file.data)}{now}{upload_id}").replace("+", "%2B")
    return f"filename={file.name}&timestamp={now}&uploadid={upload_id}&signature={signed}"


def _signed_query(daemon: Daemon, file: File) -> Answer:
    target = f"/upload?{_query(daemon, file)}"
    return send(daemon, "PUT", target, file.data, {"Content-Type": file.kind})


def _form(method: str) -> Way:
    def upload(daemon: Daemon, file: File) -> Answer:
        mac = daemon.sign(file.name.encode(), len(file.data), scheme="v")
        target = f"/upload/{file.name}?v={mac}"
        if method == "POST":
            target = f"/upload?path={file.name}&v={mac}"
        return _send_form(daemon, method, target, file, {"X-File-Size": str(len(file.data))})

    return upload


def _send_form(
    daemon: Daemon, method: str, target: str, file: File, headers: Mapping[str, str]
) -> Answer:
    body = forms.form(forms.file(file.data, file.name, file.kind))
    return send(daemon, method, target, body, {"Content-Type": forms.CONTENT_TYPE, **headers})


def _bearer(daemon: Daemon, file: File) -> Answer:
    mac = daemon.sign(file.name.encode(), len(file.data), scheme="v")
    target = daemon.place(file.name)
    return _send_form(daemon, "PUT", target, file, {"Authorization": f"Bearer {mac}"})


def _v1(daemon: Daemon, file: File) -> Answer:
    now = int(time.time())
    headers = {
        "Authorization": f"HMAC-SHA256 {signature(f'{file.name}{file.kind}{now}')}",
        "X-Upload-Timestamp": str(now),
    }
    return _send_form(daemon, "POST", "/api/v1/upload", file, headers)


def _v2_header(uri: str, content: str) -> dict[str, str]:
    now, upload_id = int(time.time()), str(uuid.uuid4())
    signed = signature(f"POST{uri}{now}{upload_id}{content}")
    return {
        "Authorization": f"HMAC-SHA256-V2 {signed}",
        "X-Upload-Timestamp": str(now),
        "X-Upload-ID": upload_id,
    }


def _v2(daemon: Daemon, file: File) -> Answer:
    digest = hashlib.sha256(file.data).hexdigest()
    headers = {**_v2_header("/api/v2/upload", digest), "X-Content-SHA256": digest}
    return _send_form(daemon, "POST", "/api/v2/upload", file, headers)


def _v3(daemon: Daemon, file: File) -> Answer:
    order = {"filename": file.name, "size": len(file.data), "content_type": file.kind}
    body = json.dumps(order).encode()
    headers = {**token(), "Content-Type": "application/json"}
    answer = send(daemon, "POST", "/api/v3/upload", body, headers)
    if answer.status != 201:
        return answer
    session = json.loads(answer.body)
    size = session["chunk_size"]
    for number, url in enumerate(session["upload_urls"]["chunks"]):
        part = file.data[number * size : (number + 1) * size]
        answer = send(daemon, "PUT", target_of(url), part)
    if not file.data:
        answer = send(daemon, "POST", target_of(session["complete_url"]), headers=token())
    return answer


def _tus_metadata(file: File) -> dict[str, str]:
    name, kind = (base64.b64encode(text.encode()).decode() for text in (file.name, file.kind))
    return {"Upload-Metadata": f"filename {name},filetype {kind}"}


def _tus_begun(
    daemon: Daemon, file: File, size: int | None, data: bytes = b"", **more: str
) -> Answer:
    length = {} if size is None else {"Upload-Length": str(size)}
    typed = {"Content-Type": "application/offset+octet-stream"} if data else {}
    named = {name.replace("_", "-"): value for name, value in more.items()}
    headers = {**TUS, **token(), **_tus_metadata(file), **length, **typed, **named}
    return send(daemon, "POST", "/files", data, headers)


def _tus_patch(daemon: Daemon, upload: str, data: bytes, offset: int) -> Answer:
    typed = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": str(offset)}
    return send(daemon, "PATCH", target_of(upload), data, {**TUS, **typed})


def _tus(daemon: Daemon, file: File) -> Answer:
    answer = _tus_begun(daemon, file, len(file.data))
    if answer.status != 201:
        return answer
    upload = answer.headers["location"]
    answer = _tus_patch(daemon, upload, file.data[: file.half], 0)
    if answer.status != 204:
        return answer
    return _tus_patch(daemon, upload, file.data[file.half :], file.half)


def _tus_at_once(daemon: Daemon, file: File) -> Answer:
    return _tus_begun(daemon, file, len(file.data), file.data)


def _tus_signed(daemon: Daemon, file: File) -> Answer:
    headers = {
        **TUS,
        **_tus_metadata(file),
        "Upload-Length": str(len(file.data)),
        "Content-Type": "application/offset+octet-stream",
    }
    return send(daemon, "POST", f"/files?{_query(daemon, file)}", file.data, headers)


def _tus_joined(daemon: Daemon, file: File) -> Answer:
    parts = []
    for data in (file.data[: file.half], file.data[file.half :]):
        answer = _tus_begun(daemon, file, len(data), data, Upload_Concat="partial")
        if answer.status != 201:
            return answer
        parts.append(answer.headers["location"])
    return _tus_begun(daemon, file, None, Upload_Concat=f"final;{' '.join(parts)}")


def _draft(daemon: Daemon, file: File) -> Answer:
    target = daemon.target(file.name, len(file.data), scheme="v")
    headers = {**DRAFT, "Upload-Complete": "?0", "Upload-Length": str(len(file.data))}
    typed = {"Content-Type": file.kind}
    answer = send(daemon, "PUT", target, file.data[: file.half], {**headers, **typed})
    if answer.status != 201:
        return answer
    rest = {**DRAFT, **PART, "Upload-Complete": "?1", "Upload-Offset": str(file.half)}
    upload = target_of(answer.headers["location"])
    return send(daemon, "PATCH", upload, file.data[file.half :], rest)


def _draft_at_once(daemon: Daemon, file: File) -> Answer:
    target = daemon.target(file.name, len(file.data), scheme="v")
    headers = {**DRAFT, "Upload-Complete": "?1", "Content-Type": file.kind}
    return send(daemon, "PUT", target, file.data, headers)


def _draft_of_files(daemon: Daemon, file: File) -> Answer:
    headers = {**DRAFT, **token(), **_tus_metadata(file), "Content-Type": file.kind}
    return send(daemon, "POST", "/files", file.data, {**headers, "Upload-Complete": "?1"})


def _session_token(daemon: Daemon, file: File) -> Answer:
    target = daemon.target(file.name, len(file.data), file.kind)
    headers = {"X-Session-Token": "a-token", "Content-Type": file.kind}
    last, total = len(file.data) - 1, len(file.data)
    first = {"Content-Range": f"bytes 0-{file.half - 1}/{total}"}
    answer = send(daemon, "PUT", target, file.data[: file.half], {**headers, **first})
    if answer.status != 202:
        return answer
    rest = {"Content-Range": f"bytes {file.half}-{last}/{total}"}
    return send(daemon, "PUT", target, file.data[file.half :], {**headers, **rest})


def _session_token_at_once(daemon: Daemon, file: File) -> Answer:
    target = daemon.target(file.name, len(file.data), file.kind)
    headers = {"X-Session-Token": "another-token", "Content-Type": file.kind}
    return send(daemon, "PUT", target, file.data, headers)


WAYS: Final[Mapping[str, Way]] = {
    "PUT v": _put("v"),
    "PUT v2": _put("v2"),
    "PUT token": _put("token"),
    "PUT chunked": _chunked,
    "PUT of file_share": _file_share,
    "PUT with a signed query": _signed_query,
    "form by POST": _form("POST"),
    "form by PUT": _form("PUT"),
    "form with a bearer MAC": _bearer,
    "V1": _v1,
    "V2": _v2,
    "V3": _v3,
    "tus": _tus,
    "tus with the creation": _tus_at_once,
    "tus with a signed query": _tus_signed,
    "tus, joined": _tus_joined,
    "draft": _draft,
    "draft at once": _draft_at_once,
    "draft on /files": _draft_of_files,
    "X-Session-Token": _session_token,
    "X-Session-Token at once": _session_token_at_once,
}
"""By what people call them."""


def name_of(way: str, extension: str = ".bin") -> str:
    """Make a name for a file that comes by a way: letters, for signed queries end in no digit."""
    return "".join(letter for letter in way if letter.isalnum()) + "x" + extension
