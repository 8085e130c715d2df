"""Sheets of Excel workbooks, row by row, with limits that are checked before unpacking."""

import warnings
import zipfile
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reliability.errors import InputError, unknown_name
from reliability.measurements.log import Log
from reliability.measurements.source import Source, open_binary, optional_module

Block = tuple[int, dict[int, NDArray[Any]]]  # number of its first row, and its columns

_ROWS = 1 << 16  # rows taken at a time
# Bytes of a sheet and of another part of a workbook; above _SMALL, times the packed size.
_SHEET, _PART, _SMALL, _TIMES = 1 << 30, 1 << 28, 1 << 26, 100


def workbook(source: Source) -> Any:
    """Open an .xlsx file for reading row by row.

    Raises
    ------
    InputError
        openpyxl is not installed; the file is damaged or another kind of archive; a sheet is above
        1 GiB, another part above 256 MiB, or a part above 64 MiB is 100 times its packed size.
    """
    openpyxl = optional_module("openpyxl", source, "excel")
    try:
        with zipfile.ZipFile(open_binary(source)) as archive:
            parts = archive.infolist()
    except Exception as error:  # damage of many kinds
        raise InputError(f"{source.name}: is not an Excel workbook, or damaged: {error}") from None
    for part in parts:
        most = _SHEET if "worksheets/" in part.filename else _PART
        packed = part.file_size > max(_SMALL, _TIMES * part.compress_size)
        if part.file_size > most or packed:
            raise InputError(
                f"{source.name}: {part.filename} unpacks to {part.file_size >> 20} MiB out of "
                f"{part.compress_size >> 10} KiB; allowed {most >> 20} MiB, and "
                f"{_TIMES} times the packed size; not read"
            )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # styles and extensions that do not matter here
            return openpyxl.load_workbook(open_binary(source), read_only=True, data_only=True)
    except Exception as error:  # zip and XML errors of many kinds
        raise InputError(f"{source.name}: is not an Excel workbook, or damaged: {error}") from None


def sheet_name(source: Source, sheet: str | int) -> str:
    """Return the name of a sheet that exists, given its name or its number from 1."""
    names = workbook(source).sheetnames
    if not names:
        raise InputError(f"{source.name}: a workbook without sheets")
    if sheet == "":
        return str(names[0])
    if str(sheet) in names:
        return str(sheet)
    if str(sheet).isdigit() and 1 <= int(sheet) <= len(names):
        return str(names[int(sheet) - 1])
    raise unknown_name(f"sheet of {source.name}", str(sheet), names)


def sheet_rows(source: Source, sheet: str) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a sheet, one at a time, as long as they are in the file.

    The size that a sheet states is not used: some writers leave it out, others keep it when rows
    are added.

    Raises
    ------
    InputError
        The sheet is damaged, or no sheet of cells.
    """
    try:
        cells = workbook(source)[sheet]
        if not hasattr(cells, "reset_dimensions"):
            raise InputError(f"{source.name}: sheet {sheet!r} holds a chart and no cells")
        cells.reset_dimensions()
        yield from cells.iter_rows(values_only=True)
    except InputError:
        raise
    except Exception as error:  # XML errors of many kinds
        raise InputError(f"{source.name}: sheet {sheet!r} is damaged: {error}") from None


def sheet_start(source: Source, sheet: str) -> list[list[str]]:
    """Return the first 200 rows of a sheet as texts, equally long."""
    rows: list[list[str]] = []
    for row in islice(sheet_rows(source, sheet), 200):
        texts = ["" if entry is None else str(entry).strip() for entry in row]
        while texts and not texts[-1]:
            texts.pop()
        rows.append(texts)
    width = max((len(row) for row in rows), default=0)
    return [row + [""] * (width - len(row)) for row in rows]


def sheet_blocks(source: Source, sheet: str, skip: int, width: int, log: Log) -> Iterator[Block]:
    block: list[list[Any]] = []
    first, outside = skip + 1, []
    for index, row in enumerate(sheet_rows(source, sheet), start=1):
        if index <= skip:
            continue
        if any(entry is not None for entry in row[width:]):
            outside.append(index)
        block.append([*row[:width], *[None] * (width - len(row))])
        if len(block) == _ROWS:
            yield first, _transpose(block)
            first, block = index + 1, []
    if block:
        yield first, _transpose(block)
    if outside:
        message = f"line {outside[0]}: cells beyond the last column of the header were left out"
        log.note(message, more=len(outside) - 1)


def _transpose(block: Sequence[Sequence[Any]]) -> dict[int, NDArray[Any]]:
    table = np.empty((len(block), len(block[0])), dtype=object)
    for index, row in enumerate(block):
        table[index] = row
    return {position: table[:, position] for position in range(table.shape[1])}
