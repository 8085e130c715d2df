"""Files that are whole or not there."""

import contextlib
import os
import secrets
import tomllib
from pathlib import Path
from typing import Any

from reliability.errors import InputError, printable

_DEPTH = 16  # tables and lists in one another
_LARGEST = 16 * 2**20  # bytes of a TOML file

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


def read_toml(content: bytes, where: str) -> dict[str, Any]:
    """Return the table of a TOML file, as data from somebody else.

    Control characters are taken out of its texts, which will be printed.

    Raises
    ------
    InputError
        Not TOML; more than 16 MiB, 16 levels of tables and lists, or 64 bits of a whole number.

    Examples
    --------
    >>> read_toml(b'title = "\\\\u001b[2Jlot 7"', "study.toml")
    {'title': 'lot 7'}
    """
    if len(content) > _LARGEST:
        raise InputError(f"{where}: got {len(content)} bytes, allowed {_LARGEST}")
    try:
        table = tomllib.loads(content.decode())
    except RecursionError:
        raise InputError(f"{where}: tables and lists go deeper than {_DEPTH} levels") from None
    except ValueError as error:  # TOML, UTF-8, a number of thousands of digits
        raise InputError(f"{where}: not a TOML file: {error}") from None
    return {key: _checked(value, where, 1) for key, value in table.items()}


def _checked(value: Any, where: str, depth: int) -> Any:
    if depth > _DEPTH:
        raise InputError(f"{where}: tables and lists go deeper than {_DEPTH} levels")
    if isinstance(value, dict):
        return {printable(key): _checked(v, where, depth + 1) for key, v in value.items()}
    if isinstance(value, list):
        return [_checked(each, where, depth + 1) for each in value]
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise InputError(f"{where}: got a whole number of {value.bit_length()} bits, "
                         "allowed 64")  # fmt: skip
    return printable(value) if isinstance(value, str) else value


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
