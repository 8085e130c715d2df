"""Open a tester's file: how it is packed and encoded, and its lines in pieces."""

import bz2
import codecs
import gzip
import hashlib
import io
import lzma
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd

from reliability.errors import InputError

PIECE = 1 << 24  # characters read at a time; about 300 000 lines of a long table
LINE = 1 << 24  # characters of one line; a longer one is no row of a table
FIELDS = 2_000_000  # fields of one line
BOMB = 1 << 28, 200  # characters that a packed file may have, or as many times its size
_START = 1 << 16
_OPENERS: dict[bytes, Callable[[Path], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
}
_REFUSED = {
    b"\xd0\xcf\x11\xe0": "an old binary Excel file (.xls); save it as .xlsx or CSV",
    b"(\xb5/\xfd": "packed with zstd; unpack it first",
    b"7z\xbc\xaf": "packed with 7-Zip; unpack it first",
    b"%PDF": "a PDF document, not a table of measurements",
    b"\x89HDF": "an HDF5 or MATLAB v7.3 file; export the table as CSV or Parquet",
    b"MATLAB 5.0 MAT": "a MATLAB file; export the table as CSV or Parquet",
    b"\x93NUMPY": "a NumPy array; export the table as CSV or Parquet",
    b"\x80\x04\x95": "a Python pickle, which is not read because it can run code",
    b"SQLite format 3": "an SQLite database; export the table as CSV or Parquet",
    b"TDSm": "a LabVIEW TDMS file; export it as LVM, CSV or XLSX",
    b"\x89PNG": "a picture, not a table of measurements",
    b"\xff\xd8\xff": "a picture, not a table of measurements",
    b"GIF8": "a picture, not a table of measurements",
    b"\x00\x06\x00\x02": "a GDSII layout, not a table of measurements",
}
# Texts that are no table of measurements, by what they begin with.
_REFUSED_TEXTS = tuple(
    (re.compile(pattern, re.IGNORECASE | re.MULTILINE), what)
    for pattern, what in (
        (r"\A\s*(FileVersion\s+\d+\s+\d+\s*;|Record\s+FileRecord)", "a KLARF defect file"),
        (r"\A\s*FAR:[AB]\|4", "an ATDF file; convert it to STDF"),
        (r"\A\s*(<\?xml|<!doctype|<html|<map)", "an XML or HTML document (a wafer map or a page)"),
        (r"\A\s*(\{\s*[\"}]|\[\s*[{\"])", "a JSON document"),
        (r"\A\s*\$(date|version|timescale|comment)\b", "a VCD file of a logic simulation"),
        (r"\ATitle:.*\nDate:.*\nPlotname:", "a SPICE raw file of a simulation"),
        (r"\A(\s*(!.*)?\n)*\s*#\s*[kMG]?Hz\s+[SYZGH]\s+(MA|DB|RI)\b", "a Touchstone network file"),
        (r"\A(\s*([*].*)?\n)*\s*[.](subckt|include|lib|model|tran|option)\b", "a SPICE netlist"),
        (r"\A\s*(DEVICE|LOT|WAFER)\s*:.*\n(.*\n){0,40}RowData:", "a wafer map (SINF)"),
        (r"\A(\s*#.*\n)*\s*(import \w+|from [\w.]+ import)|\A#!", "a program"),
        (r"\A\{\\rtf|\A\\documentclass", "a text document"),
    )
)
_BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark it begins with
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


@dataclass(frozen=True)
class Source:
    """A file that exists and is not empty.

    Parameters
    ----------
    path : Path
    sha256 : str
        Digest of the file as it lies on the disk (packed, if it is packed).
    start : bytes
        Its first 64 KiB, unpacked.
    frame : DataFrame, optional
        The table itself, where it came from memory and not from a file.
    """

    path: Path
    sha256: str
    start: bytes
    frame: pd.DataFrame | None = None

    @property
    def name(self) -> str:
        """Return the file name, as every message and attribute calls it."""
        return self.path.name


def open_source(path: str | Path) -> Source:
    """Look at the beginning of a file and take its digest.

    Raises
    ------
    InputError
        No such file, a folder, an empty file, or a kind of file that is never a table.
    """
    path = Path(path)
    if not path.is_file():
        what = "a folder, not a file" if path.is_dir() else "no such file"
        raise InputError(f"{path}: {what}")
    with path.open("rb") as stream:
        magic = stream.read(8)
        stream.seek(0)
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    for mark, what in _REFUSED.items():
        if magic.startswith(mark):
            raise InputError(f"{path.name}: {what}")
    source = Source(path, digest, b"")
    with open_binary(source) as packed:
        try:
            start = packed.read(_START)
        except _BROKEN as error:
            raise _broken(source, error, "at its beginning") from None
    if not start.strip():
        raise InputError(f"{path.name}: the file is empty")
    for mark, what in _REFUSED.items():
        if start.startswith(mark):
            raise InputError(f"{path.name}: {what}")
    text = start[:8192].replace(b"\x00", b"").decode("latin-1").lstrip("ï»¿þÿ")
    for pattern, what in _REFUSED_TEXTS:
        if pattern.search(text.replace("\r\n", "\n").replace("\r", "\n")):
            raise InputError(f"{path.name}: is {what}, not a table of measurements")
    return Source(path, digest, start)


def open_binary(source: Source) -> io.BufferedReader:
    """Open the unpacked bytes of a file (gzip, bzip2 and xz are unpacked on the way)."""
    with source.path.open("rb") as stream:
        magic = stream.read(6)
    for mark, opener in _OPENERS.items():
        if magic.startswith(mark):
            return io.BufferedReader(opener(source.path))  # all open for binary reading
    return source.path.open("rb")


_BROKEN = (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError, OSError, UnicodeError)


def _broken(source: Source, error: Exception, where: str) -> InputError:
    if isinstance(error, EOFError):
        return InputError(f"{source.name}: the packed file ends too early, {where}; copy it again")
    if isinstance(error, UnicodeError):
        return InputError(f"{source.name}: the text breaks off in a character, {where}")
    return InputError(f"{source.name}: cannot be unpacked or read, {where}: {error}")


def encoding_of(source: Source) -> str:
    """Return the character encoding: by its mark, else UTF-16 by its zeros, UTF-8, or Latin-1.

    Raises
    ------
    InputError
        The bytes are not text.
    """
    start = source.start
    for mark, name in _BOMS.items():
        if start.startswith(mark):
            return name
    zeros = start.count(0)
    if zeros > len(start) // 4:
        odd = start[1::2].count(0)
        if odd in (0, zeros):  # every second byte of plain text in UTF-16
            return "utf-16-le" if odd else "utf-16-be"
    controls = sum(start.count(code) for code in range(32) if code not in (9, 10, 12, 13, 26))
    if controls > len(start) // 1000:
        raise InputError(f"{source.name}: is not a text file, and not a format that can be read")
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"


def numbered_lines(source: Source) -> Iterator[tuple[int, str]]:
    """Yield the number (from 1) and the text of each line of a text file; fails as `pieces`."""
    for first, lines in pieces(source):
        yield from enumerate(lines, start=first)


def pieces(source: Source, size: int = PIECE) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of the first line (from 1) and the lines of each piece of a text file.

    Only one piece is in memory at a time. Bytes that are not UTF-8 far inside a file that began as
    UTF-8 are read as Latin-1 (testers append notes in the code page of their own system).

    Raises
    ------
    InputError
        A packed file that ends too early or is damaged, with the last good line; a line above
        16 MiB; a packed text above 256 MiB that is 200 times its file.
    """
    line = 1
    try:
        with open_binary(source) as binary:
            encoding = encoding_of(source)
            errors = "surrogateescape" if encoding.startswith("utf-8") else "strict"
            text = io.TextIOWrapper(binary, encoding, errors)
            for lines in _whole_lines(source, text, size):
                yield line, lines if "".join(lines).isascii() else [_mend(entry) for entry in lines]
                line += len(lines)
    except InputError:
        raise
    except _BROKEN as error:
        raise _broken(source, error, f"after line {line - 1} or later") from None


def _whole_lines(source: Source, text: io.TextIOWrapper, size: int) -> Iterator[list[str]]:
    """Yield the lines of each piece; what stands behind the last line end waits for the next."""
    begun: list[str] = []
    waiting = total = 0
    most = max(BOMB[0], BOMB[1] * source.path.stat().st_size)
    while chunk := text.read(size):
        total += len(chunk)
        if total > most:
            raise InputError(f"{source.name}: unpacks to over {BOMB[1]} times its size; not read")
        whole, end, rest = chunk.rpartition("\n")
        if end:
            yield io.StringIO("".join([*begun, whole, end])).readlines()
            begun, waiting = [], 0
        begun.append(rest)
        waiting += len(rest)
        if waiting > LINE:
            raise InputError(f"{source.name}: a line is longer than {LINE >> 20} MiB; not read")
    if "".join(begun):
        yield ["".join(begun)]


def _mend(line: str) -> str:
    try:
        line.encode("utf-8")
    except UnicodeEncodeError:
        return line.encode("utf-8", "surrogateescape").decode("latin-1")
    return line


def first_lines(source: Source, count: int = 200) -> list[str]:
    """Return the first lines of a text file, without line ends.

    Raises
    ------
    InputError
        As for `pieces`; a line with more than two million fields.
    """
    for _, lines in pieces(source, _START):
        most = max(line.count(mark) for line in lines for mark in ",;\t|")
        if most > FIELDS:
            raise InputError(f"{source.name}: a line has {most + 1} fields; allowed {FIELDS}")
        return [line.rstrip("\r\n") for line in lines[:count]]
    return []


def optional_module(name: str, source: Source, extra: str) -> Any:
    """Import a module that one format needs, or say which extra brings it.

    Raises
    ------
    InputError
        It is not installed.
    """
    try:
        return import_module(name)
    except ImportError:
        package = name.partition(".")[0]
        raise InputError(
            f"{source.name}: needs {package}; pip install 'rram-reliability[{extra}]'"
        ) from None
