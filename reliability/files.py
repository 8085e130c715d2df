"""Files that are never half there."""

import os
from pathlib import Path

from reliability.errors import InputError


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


def replace_bytes(path: Path, data: bytes) -> None:
    """Write a file beside its name and rename it when it is whole."""
    temporary = path.with_name(f".{path.name}")
    temporary.write_bytes(data)
    temporary.replace(path)
