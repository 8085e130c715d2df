"""One run at a time in a folder: a lock that says who holds it, and that the dead let go of."""

import contextlib
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reliability.errors import InputError
from reliability.units import duration

LOCK = "lock.json"
_HEARTBEAT = 10.0  # s
_STALE = 120.0  # s without a heartbeat: the owner is taken for dead


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder.

    Raises
    ------
    InputError
        Another run holds it; the message says which, where and since when.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"out: {str(folder)!r} is a file, expected a folder")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / LOCK
    _claim(path)
    done = threading.Event()
    beat = threading.Thread(target=_beat, args=(path, done), daemon=True)
    beat.start()
    try:
        yield
    finally:
        done.set()
        beat.join()
        path.unlink(missing_ok=True)


def owner(folder: Path) -> str | None:
    """Say who runs in a folder, None if nobody does."""
    path = folder / LOCK
    try:
        found = json.loads(path.read_text("utf-8"))
        age = time.time() - path.stat().st_mtime
        here = found["host"] == socket.gethostname()
        if age > _STALE or (here and not _is_alive(int(found["pid"]))):
            return None
        since = duration(max(time.time() - float(found["since"]), 0.0))
        return f"process {found['pid']} on {found['host']}, since {since}"
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _claim(path: Path) -> None:
    me = {"host": socket.gethostname(), "pid": os.getpid(), "since": time.time()}
    text = json.dumps(me).encode()
    for _ in range(2):
        try:
            file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        except FileExistsError:
            time.sleep(0.01)  # its owner may be about to write its name
            running = owner(path.parent)
            if running:
                raise InputError(f"out: {str(path.parent)!r} is being run by {running}") from None
            path.unlink(missing_ok=True)
            continue
        except OSError as error:
            raise InputError(f"out: cannot write to {str(path.parent)!r}: {error}") from None
        with os.fdopen(file, "wb") as out:
            out.write(text)
        return
    raise InputError(f"out: {str(path.parent)!r} is being run by another process")


def _beat(path: Path, done: threading.Event) -> None:
    while not done.wait(_HEARTBEAT):
        with contextlib.suppress(OSError):
            os.utime(path)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
