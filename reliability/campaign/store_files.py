"""Files of a store, in a folder or at a URL, and JSON that has a checksum of itself."""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from reliability.files import replace_bytes, replace_text


def read_file(root: str, key: str) -> bytes | None:
    """Return a file of a store, None if it is not there."""
    try:
        if "://" not in root:
            return Path(root, key).read_bytes()
        import fsspec

        with fsspec.open(f"{root}/{key}", "rb") as file:
            return bytes(file.read())
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return None


def put_file(root: str, key: str, data: bytes) -> None:
    if "://" in root:
        import fsspec

        with fsspec.open(f"{root}/{key}", "wb") as file:
            file.write(data)
        return
    path = Path(root, key)
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_bytes(path, data, sync=False)  # there are many, and each has a checksum


def put_all(root: str, place: Path) -> None:
    """Put the files of a hierarchy into another one, but for the metadata of the root."""
    for path in sorted(place.rglob("*")):
        key = path.relative_to(place).as_posix()
        if path.is_file() and key != "zarr.json":
            put_file(root, key, path.read_bytes())


def as_json(data: bytes | None) -> Any:
    try:
        return json.loads(data or b"null")
    except (ValueError, RecursionError):
        return None


def at_path(found: Any, *path: str) -> Any:
    """Return what lies at a path in nested tables, None where there is nothing."""
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return found


def write_signed(path: Path, content: Mapping[str, Any]) -> None:
    """Write a table as JSON, with a checksum of it."""
    whole = {**content, "checksum": _signature(content)}
    replace_text(path, json.dumps(whole, indent=1, sort_keys=True))


def read_signed(path: Path) -> dict[str, Any]:
    """Return a table that has the checksum it says; ValueError: it is damaged."""
    found = as_json(path.read_bytes())
    if not isinstance(found, dict) or found.pop("checksum", None) != _signature(found):
        raise ValueError("damaged")
    return found


def _signature(content: Mapping[str, Any]) -> str:
    return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
