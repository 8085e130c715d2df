"""Files that are whole or not there."""

import contextlib
import os
import secrets
from pathlib import Path

from reliability.errors import InputError

_NEW = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0)


def check_writable(path: Path) -> None:
    """Refuse a place where nothing can be written, before an hour is spent on what goes there.

    Raises
    ------
    InputError
        The nearest folder that exists is a file, or is not open to this user.
    """
    place = next(each for each in (path, *path.absolute().parents) if each.exists())
    if place != path and not place.is_dir():
        raise InputError(f"out: {str(place)!r} is a file, expected a folder")
    if not os.access(place, os.W_OK):
        raise InputError(f"out: {str(place)!r} can't be written to")


def replace_text(path: Path, text: str) -> None:
    """Write a file beside its name and rename it when it is whole."""
    replace_bytes(path, text.encode("utf-8"))


def replace_bytes(path: Path, data: bytes, *, sync: bool = True) -> None:
    """Write a file beside its name and rename it when it is whole and on the disk.

    The temporary file has a name that nobody else can know or hold, so that writers at the same
    time each leave a whole file, and no link is followed. After a loss of power the file is the
    old one or the new one, unless ``sync`` is false, which is faster.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    file = os.open(temporary, _NEW | getattr(os, "O_BINARY", 0), 0o666)
    try:
        with os.fdopen(file, "wb") as out:
            out.write(data)
            out.flush()
            if sync:
                os.fsync(out.fileno())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    if sync:
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Put the names in a folder on the disk, where the system can do that."""
    with contextlib.suppress(OSError):  # Windows opens no folder, some network disks sync none
        place = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(place)
        finally:
            os.close(place)
