"""Index of a folder of reports: title, answer, verdict and date of each, with a link.

Each report says what it is in the head of its page; nothing else of it is read.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote

from reliability.errors import InputError
from reliability.files import replace_bytes
from reliability.report.render import render_folder

INDEX = "index.html"
_HEAD = 100_000  # characters that are read of a page


@dataclass(frozen=True)
class Entry:
    """One report of a folder."""

    title: str
    headline: str
    verdicts: tuple[str, ...]
    date: str
    folder: str
    link: str


def write_index(folder: Path) -> Path:
    """Write ``index.html`` of all reports in the folders below.

    Parameters
    ----------
    folder : Path
        Holds the result folders of studies, sizes, comparisons, fits and qualifications.

    Returns
    -------
    Path
        Of the index.

    Raises
    ------
    InputError
        No report in the folder.
    """
    entries = sorted(_entries(folder), key=lambda entry: entry.date, reverse=True)
    if not entries:
        raise InputError(f"{folder}: no report in it; a result folder has a report.html")
    path = folder / INDEX
    replace_bytes(path, render_folder(folder.resolve().name, entries).encode())
    return path


def refresh_index(folder: Path) -> None:
    """Write the index again where there is one."""
    path = folder / INDEX
    if path.is_file() and _Head.of(path).generator.startswith("reliability "):
        write_index(folder)


def _entries(folder: Path) -> Iterator[Entry]:
    for place, inner, files in os.walk(folder):
        inner[:] = [name for name in inner if not name.endswith(".zarr")]
        for name in files:
            path = Path(place, name)
            if path.suffix != ".html" or name == INDEX:
                continue
            head = _Head.of(path)
            if head.generator.startswith("reliability "):
                yield Entry(
                    head.title.strip() or name,
                    head.description,
                    tuple(dict.fromkeys(head.verdicts)),
                    f"{datetime.fromtimestamp(path.stat().st_mtime):%Y-%m-%d %H:%M}",
                    path.parent.relative_to(folder).as_posix(),
                    quote(path.relative_to(folder).as_posix()),
                )


class _Head(HTMLParser):
    """What the head of a page says."""

    def __init__(self) -> None:
        super().__init__()
        self.title, self.description, self.generator = "", "", ""
        self.verdicts: list[str] = []
        self._in_title = False

    @classmethod
    def of(cls, path: Path) -> "_Head":
        """Read the head of a file."""
        head = cls()
        with path.open(encoding="utf-8", errors="replace") as file:
            head.feed(file.read(_HEAD).partition("<style")[0])
        return head

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        content = found.get("content") or ""
        self._in_title = tag == "title"
        if found.get("name") == "verdict":
            self.verdicts.append(content)
        elif found.get("name") in ("description", "generator"):
            setattr(self, str(found["name"]), content)

    def handle_endtag(self, tag: str) -> None:
        self._in_title = False

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title += data
