"""One run at a time in a folder: a lock that names its owner, with a heartbeat and a token.

The lock is a file. Whoever claims, refreshes or releases it first takes the system's own lock on
that file (``flock``), so that of two that find a dead owner's lock one takes it over. An owner that
was suspended so long that another run took over finds another token: it touches nothing, and its
workers write nothing.
"""

import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from reliability.errors import InputError
from reliability.units import duration

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

LOCK = "lock.json"
_HEARTBEAT = 10.0  # s
_STALE = 120.0  # s without a heartbeat: the owner is taken for dead
_SETTLE = 0.2  # s until a claim that no system lock protects is checked
_FLAGS = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


class LockLost(OSError):
    """Another run took the folder over, because this one gave no sign of life."""


@contextmanager
def locked(folder: Path) -> Iterator[str]:
    """Hold the lock of a folder, and give its token.

    Raises
    ------
    InputError
        Another run holds it; the message says which, where and since when.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"out: {str(folder)!r} is a file, expected a folder")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / LOCK
    token = _claim(path)
    done = threading.Event()
    beat = threading.Thread(target=_beat, args=(path, token, done), daemon=True)
    beat.start()
    try:
        yield token
    finally:
        done.set()
        beat.join()
        with suppress(OSError), _opened(path) as (file, _):
            if _read(file).get("token") == token:
                path.unlink(missing_ok=True)


def check(folder: Path, token: str) -> None:
    """Refuse to go on in a folder whose lock has another token.

    Raises
    ------
    LockLost
        Another run holds the folder, or nobody does.
    """
    if not holds(folder, token):
        raise LockLost(f"this run has lost the lock of {str(folder)!r}; nothing more is written")


def holds(folder: Path, token: str) -> bool:
    """Whether the lock of a folder has this token."""
    try:
        return bool(json.loads((folder / LOCK).read_bytes())["token"] == token)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False


def owner(folder: Path) -> str | None:
    """Name the process that runs in a folder, None if there is none."""
    path = folder / LOCK
    try:
        return _owner(json.loads(path.read_bytes()), path.stat().st_mtime)
    except (OSError, ValueError, RecursionError):
        return None


def _owner(found: Any, beaten: float) -> str | None:
    try:
        here = found["host"] == socket.gethostname()
        if time.time() - beaten > _STALE or (here and not _is_alive(int(found["pid"]))):
            return None
        since = duration(max(time.time() - float(found["since"]), 0.0))
        return f"process {found['pid']} on {found['host']}, since {since}"
    except (ValueError, KeyError, TypeError, OverflowError):
        return None


def _claim(path: Path) -> str:
    token = secrets.token_hex(16)
    me = {"host": socket.gethostname(), "pid": os.getpid(), "since": time.time(), "token": token}
    try:
        with _opened(path, os.O_CREAT) as (file, alone):
            running = _owner(_read(file), os.fstat(file).st_mtime)
            if running:
                raise InputError(f"out: {str(path.parent)!r} is being run by {running}")
            os.ftruncate(file, 0)
            os.write(file, json.dumps(me).encode())
            os.fsync(file)
    except OSError as error:
        raise InputError(f"out: cannot write to {str(path.parent)!r}: {error}") from None
    if not alone:
        time.sleep(_SETTLE)
        if not holds(path.parent, token):
            raise InputError(f"out: {str(path.parent)!r} is being run by another process")
    return token


@contextmanager
def _opened(path: Path, flags: int = 0) -> Iterator[tuple[int, bool]]:
    """Open the file that has the lock's name now, and tell whether nobody else is in this place.

    A file that was removed, or replaced, while this process waited for it is not the lock.
    """
    while True:
        file = os.open(path, _FLAGS | flags, 0o666)
        try:
            alone = _flock(file)
            try:
                same = os.path.samestat(os.fstat(file), path.stat())
            except FileNotFoundError:
                same = False
            if same:
                yield file, alone
                return
        finally:
            os.close(file)  # and with it the system's lock


def _flock(file: int) -> bool:
    if fcntl is None:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
    except OSError:  # a disk without it
        return False
    return True


def _read(file: int) -> dict[str, Any]:
    """Return what a lock file says, nothing if its owner died while it wrote its name."""
    try:
        found = json.loads(os.read(file, 10_000))
    except (ValueError, RecursionError):
        return {}
    finally:
        os.lseek(file, 0, os.SEEK_SET)
    return found if isinstance(found, dict) else {}


def _beat(path: Path, token: str, done: threading.Event) -> None:
    while not done.wait(_HEARTBEAT):
        with suppress(OSError), _opened(path) as (file, _):
            if _read(file).get("token") == token:
                os.utime(path)


def _is_alive(pid: int) -> bool:
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
