"""Files that are never half there."""

from pathlib import Path


def replace_text(path: Path, text: str) -> None:
    """Write a file beside its name and rename it when it is whole."""
    replace_bytes(path, text.encode("utf-8"))


def replace_bytes(path: Path, data: bytes) -> None:
    """Write a file beside its name and rename it when it is whole."""
    temporary = path.with_name(f".{path.name}")
    temporary.write_bytes(data)
    temporary.replace(path)
