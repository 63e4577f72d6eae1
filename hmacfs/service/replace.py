"""Writing files that people wrote before: whole or not at all, and with a backup where asked."""

from __future__ import annotations

import contextlib
import os
import pathlib
import secrets
import shutil

from hmacfs.base.durable import sync


def write_new(path: pathlib.Path, text: str) -> None:
    """
    Write a file that only its owner may read.

    :raises OSError: when there is a file by this name, or it cannot be written.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        opened.write(text)


def replace(path: pathlib.Path, text: str) -> pathlib.Path:
    """
    Replace a file at once, keeping its owner and permissions, and tell the name of its backup.

    :raises OSError: when that fails; the file is then as it was.
    """
    backup = _back_up(path.resolve(strict=True))
    exchange(path, text)
    return backup


def exchange(path: pathlib.Path, text: str) -> None:
    """
    Put a text in the place of a file, durably, keeping its owner and permissions.

    Where there is no file, only the owner of the directory may read the new one.

    :raises OSError: when that fails; the file is then as it was.
    """
    # A link stays a link: what it leads to is replaced.
    path = path.resolve()
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        write_new(draft, text)
        is_there = path.exists()
        if is_there:
            shutil.copymode(path, draft)
        status = (path if is_there else path.parent).stat()
        # Only root may give files away, and only root has to.
        with contextlib.suppress(PermissionError):
            os.chown(draft, status.st_uid, status.st_gid)
        sync(draft)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    sync(path.parent)


def _back_up(path: pathlib.Path) -> pathlib.Path:
    number = 0
    while True:
        backup = path.with_name(f"{path.name}.bak{number or ''}")
        try:
            # Made empty and closed to others before anything is in it.
            write_new(backup, "")
        except FileExistsError:
            number += 1
            continue
        shutil.copy2(path, backup)
        with contextlib.suppress(PermissionError):
            os.chown(backup, path.stat().st_uid, path.stat().st_gid)
        return backup
