"""The JSON documents of V3 sessions: those of the 3.2 documents, and how far a session is."""

from __future__ import annotations

from typing import Final

from attrs import frozen

from hmacfs.base.moments import rfc3339
from hmacfs.base.values import StoredFile
from hmacfs.uploads.session import Session
from hmacfs.web import documents
from hmacfs.web.chunking import Chunking
from hmacfs.web.documents import Document

PREFIX: Final = "sess_"
"""What the 3.2 documents begin the id of a session with."""

UPLOAD: Final = "/api/v3/upload"
CHUNK: Final = "/api/v3/chunk"
DOWNLOAD: Final = "/api/v3/download"
PROGRESS: Final = "/api/v3/progress"


@frozen
class V3Documents:
    """
    Writes the documents for one request.

    :param origin: scheme and host that URLs begin with.
    :param chunked: whether chunks are taken.
    :param capabilities: what this server is able to do.
    """

    origin: str
    chunked: bool
    capabilities: tuple[str, ...]

    def created(self, session: Session, chunking: Chunking, download_url: str) -> Document:
        """Tell the client of a new session where to send what."""
        session_id = PREFIX + session.id
        place = f"{self.origin}{UPLOAD}/{session_id}"
        count = chunking.count if self.chunked else 0
        chunks = [
            f"{self.origin}{CHUNK}/{number}?session={session_id}" for number in range(1, count + 1)
        ]
        # The scheme of a WebSocket goes with that of HTTP (RFC 6455, 3).
        origin = self.origin and f"ws{self.origin.removeprefix('http')}"
        return {
            "success": True,
            "version": "v3",
            "session_id": session_id,
            "upload_id": upload_id_of(session),
            "upload_urls": {"put": place, "chunks": chunks},
            "status_url": place,
            "complete_url": f"{place}/complete",
            "download_url": download_url,
            "websocket_url": f"{origin}{PROGRESS}/{session_id}",
            "chunk_size": chunking.chunk_size,
            "total_chunks": count,
            "capabilities": list(self.capabilities),
            "expires_at": rfc3339(session.expires_at),
        }


def upload_id_of(session: Session) -> str:
    """Tell the folder of the file of a session."""
    return "" if session.draft.name is None else session.draft.name.segments[0]


def status(session: Session) -> Document:
    """Tell how far a session is; ``missing`` has the first and the last byte of each gap."""
    document: Document = {
        "session_id": PREFIX + session.id,
        "upload_id": upload_id_of(session),
        "state": session.state.value,
        "filename": "" if session.draft.name is None else session.draft.name.leaf,
        "size": session.length,
        "received": session.received,
        "missing": [[span.start, span.last] for span in session.missing],
        "expires_at": rfc3339(session.expires_at),
    }
    if session.code:
        document["error"] = {"code": session.code, "detail": session.detail}
    return document


def stored(file: StoredFile, url: str, download_url: str) -> Document:
    """
    Tell what has become of a session.

    :param url: where the file is for whoever may download it there.
    :param download_url: where it is for those with a credential of V3.
    """
    return {"version": "v3", "download_url": download_url, **documents.upload(file, url)}
