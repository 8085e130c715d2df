"""Files that are never half there."""

from pathlib import Path


def replace_text(path: Path, text: str) -> None:
    """Write a file beside its name and rename it when it is whole."""
    temporary = path.with_name(f".{path.name}")
    temporary.write_text(text, "utf-8")
    temporary.replace(path)
