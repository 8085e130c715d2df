"""One view of text, Excel and Parquet tables and data frames: a header, and columns in pieces."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reliability.errors import InputError, unknown_name
from reliability.measurements.log import Log
from reliability.measurements.names import split_unit
from reliability.measurements.parquet_files import parquet_blocks, parquet_file
from reliability.measurements.rows import (
    MISSING,
    Field,
    Form,
    in_its_unit,
    is_number,
    read_piece,
    recognise_form,
    settle,
    split_line,
    summary_rows,
)
from reliability.measurements.source import (
    Source,
    first_lines,
    pieces,
)
from reliability.measurements.workbooks import Block, sheet_blocks, sheet_name, sheet_start

_SEPARATOR = re.compile(r'"?sep=(.)"?', re.IGNORECASE)
_ROWS = 1 << 16  # rows of a data frame taken at a time


@dataclass(frozen=True)
class Table:
    """A table whose header has been read.

    Parameters
    ----------
    source : Source
    names : tuple of str
        Header of each column; empty texts where the file has no header.
    units : tuple of str
        Unit of each column, "" where the header gives none.
    sample : tuple of tuple of str
        The first rows.
    skip : int
        Lines before the data.
    form : Form
    sheet : str
        Sheet of a workbook.
    """

    source: Source
    names: tuple[str, ...]
    units: tuple[str, ...]
    sample: tuple[tuple[str, ...], ...]
    skip: int
    form: Form
    sheet: str = ""

    def is_text(self, position: int) -> bool:
        """Tell whether most of the first values of a column are not numbers."""
        filled = self.values(position)
        if any(len(value) > 15 and value.strip("+-").isdigit() for value in filled):
            return True  # an address beyond 2**53, which no float can tell from its neighbours
        return sum(not is_number(value, self.form.decimal) for value in filled) * 2 > len(filled)

    def has_numbers_of_parts(self, position: int) -> bool:
        """Tell whether 1.1 and 1.10, numbers of parts, are two of the first values of a column."""
        decimals = {value.strip() for value in self.values(position) if "." in value}
        return len({value.rstrip("0") for value in decimals}) < len(decimals)

    def has_units(self, position: int, inside: str) -> bool:
        """Tell whether the first values of a column have units of their own: ``10 kohm``."""
        filled = self.values(position)
        decimal = self.form.decimal
        return bool(filled) and all(
            in_its_unit(value, inside, decimal) is not None for value in filled
        )

    def has_values(self, position: int) -> bool:
        """Tell whether the first values of a column are not all missing."""
        return bool(self.values(position))

    def values(self, position: int) -> list[str]:
        """Return the first values of a column, without those that are missing."""
        values = [row[position] for row in self.sample if position < len(row)]
        return [value for value in values if value.strip() not in MISSING]

    def columns(self, fields: Sequence[Field], log: Log) -> Iterator[dict[str, NDArray[Any]]]:
        """Yield the columns of each piece, with ``"line"``; bad rows go to the log."""
        kind = kind_of(self.source)
        if kind == "text":
            for first, lines in pieces(self.source):
                skip = min(max(self.skip - first + 1, 0), len(lines))
                if found := read_piece(lines[skip:], first + skip, self.form, fields, log):
                    yield found
            return
        for first, block in self._blocks(kind, fields, log):
            numbers = np.arange(first, first + len(next(iter(block.values()))))
            nothing = np.full(len(numbers), None, dtype=object)  # a column of empty cells
            raw = {field.name: block.get(field.position, nothing) for field in fields}
            empty = np.logical_and.reduce([_is_empty(column) for column in raw.values()])
            log.blank += int(empty.sum())
            log.rows += int((~empty).sum())
            first_column = block.get(0, nothing)
            if (summary := summary_rows(list(first_column)) & ~empty).any():
                word = first_column[np.argmax(summary)]
                log.reject(numbers[summary], f"{word!r} sums up other rows")
            kept = ~(empty | summary)
            yield settle({name: c[kept] for name, c in raw.items()}, numbers[kept], fields, log)

    def _blocks(self, kind: str, fields: Sequence[Field], log: Log) -> Iterator[Block]:
        if kind == "parquet":
            yield from parquet_blocks(self.source, fields)
        elif kind == "frame":
            yield from _frame_blocks(self.source)
        else:
            yield from sheet_blocks(self.source, self.sheet, self.skip, self.form.width, log)


def kind_of(source: Source) -> str:
    """Return what kind of file it is: "text", "xlsx", "parquet", "stdf", or "frame" for none."""
    start = source.start
    if source.frame is not None:
        return "frame"
    if start.startswith(b"PAR1"):
        return "parquet"
    if start.startswith(b"PK\x03\x04"):
        return "xlsx"
    if start[2:4] == b"\x00\x0a" and start[:2] in (b"\x02\x00", b"\x00\x02"):
        return "stdf"
    return "text"


def open_table(
    source: Source, *, delimiter: str = "", decimal: str = "", sheet: str | int = "", skip: int = 0
) -> Table:
    """Read the header of a table: names, units, and where the data begin.

    Parameters
    ----------
    source : Source
    delimiter, decimal : str
        Found from the text when empty.
    sheet : str or int
        Name or number (from 1) of a sheet; the first when empty.
    skip : int
        Lines to leave out before the header; a preamble is found without.

    Raises
    ------
    InputError
        No rows of data.
    """
    kind = kind_of(source)
    if kind == "stdf":
        raise InputError(f"{source.name}: is a binary STDF file, not a table")
    if kind == "parquet":
        return _open_parquet(source)
    if kind == "frame":
        return _open_frame(source)
    if kind == "xlsx":
        sheet = sheet_name(source, sheet)
        rows = sheet_start(source, sheet)
        form = Form("", ".", max((len(row) for row in rows), default=0))
    else:
        lines = first_lines(source)
        if lines and (stated := _SEPARATOR.fullmatch(lines[0])):  # a first line for Excel alone
            skip, delimiter = max(skip, 1), delimiter or stated.group(1)
        form = recognise_form(lines[skip:], delimiter, decimal)
        rows = [split_line(line, form.delimiter) for line in lines]
        if head := _comment_header(lines, skip, form):
            skip, rows[head - 1] = (
                max(skip, head - 1),
                split_line(lines[head - 1].lstrip(" #"), form.delimiter),
            )
        rows = [
            [] if line.lstrip().startswith("#") and index != head else row
            for index, (line, row) in enumerate(zip(lines, rows, strict=True), start=1)
        ]
    return _with_header(source, rows, form, skip, str(sheet))


def _comment_header(lines: Sequence[str], skip: int, form: Form) -> int:
    """Return the number (from 1) of a line behind ``#`` that heads a table of numbers; else 0.

    It is the last before the first row, has as many fields and none of them is a number.
    """
    for index, line in enumerate(lines):
        if index < skip or not line.strip() or line.lstrip().startswith("#"):
            continue
        row = split_line(line, form.delimiter)
        above = lines[index - 1].lstrip() if index > skip else ""
        names = split_line(above.lstrip(" #"), form.delimiter)
        numbers = len(row) == form.width and any(is_number(e, form.decimal) for e in row if e)
        words = len(names) == form.width and not any(is_number(e, form.decimal) for e in names)
        return index if above.startswith("#") and numbers and words else 0
    return 0


def _with_header(
    source: Source, rows: Sequence[Sequence[str]], form: Form, skip: int, sheet: str
) -> Table:
    start = next(
        (i for i, row in enumerate(rows) if i >= skip and len(row) == form.width and any(row)), None
    )
    if start is None:
        raise InputError(f"{source.name}: holds no rows of data")
    names, units = ("",) * form.width, ("",) * form.width
    if not any(is_number(entry, form.decimal) for entry in rows[start] if entry):
        pairs = [split_unit(entry) for entry in rows[start]]
        names, units = tuple(name for name, _ in pairs), tuple(unit for _, unit in pairs)
        start += 1
        if start < len(rows) and _is_unit_row(rows, start, form):
            row = [entry.strip("()[] ") for entry in rows[start]]
            units = tuple(unit or above for unit, above in zip(row, units, strict=True))
            start += 1
    sample = tuple(tuple(row) for row in rows[start:] if len(row) == form.width and any(row))
    if not sample:
        raise InputError(f"{source.name}: holds a header and no rows of data")
    return Table(source, names, units, sample, start, form, sheet)


def _is_unit_row(rows: Sequence[Sequence[str]], index: int, form: Form) -> bool:
    """Tell whether a row without numbers stands above rows with numbers."""
    row, below = rows[index], rows[index + 1 : index + 6]
    if len(row) != form.width or any(is_number(entry, form.decimal) for entry in row if entry):
        return False
    numeric = [
        position
        for position in range(form.width)
        if any(
            len(other) == form.width
            and other[position]
            and is_number(other[position], form.decimal)
            for other in below
        )
    ]
    return bool(numeric) and any(row[position] for position in numeric)


def find_column(table: Table, wanted: str | int, name: str) -> tuple[int, str]:
    """Find a column by header, by "header [unit]" or by position; return it with its unit.

    Raises
    ------
    InputError
        No such column, with the nearest header.
    """
    width = len(table.names)
    text, unit = str(wanted).strip(), ""
    lower = [entry.lower() for entry in table.names]
    if text.lower() not in lower:
        text, unit = split_unit(text)
    if text and text.lower() in lower:
        position = lower.index(text.lower())
        if lower.count(text.lower()) > 1:
            raise InputError(
                f"{table.source.name}: {name}: {text!r} heads {lower.count(text.lower())} columns; "
                "give its position"
            )
        return position, unit or table.units[position]
    if text.isdigit():
        if not 1 <= int(text) <= width:
            raise InputError(f"{table.source.name}: {name}: column {text}, but there are {width}")
        return int(text) - 1, unit or table.units[int(text) - 1]
    if not any(table.names):
        raise InputError(
            f"{table.source.name}: {name}: column {text!r}, but the file has no header; "
            f"give positions 1 to {width}"
        )
    raise unknown_name(f"column for {name}", text, [entry for entry in table.names if entry])


def _is_empty(column: NDArray[Any]) -> NDArray[np.bool_]:
    if column.dtype == object:
        return np.array([entry is None or entry == "" for entry in column], dtype=bool)
    return np.zeros(len(column), dtype=bool)


def _open_frame(source: Source) -> Table:
    """Take the columns of a data frame, and its index where that has a name."""
    frame = source.frame
    if frame is None or not len(frame):
        raise InputError(f"{source.name}: holds no rows of data")
    pairs = [split_unit(str(name)) for name in frame.columns]
    head = frame.iloc[:200]
    columns = [
        [
            "" if empty else str(entry)
            for entry, empty in zip(head.iloc[:, i], head.iloc[:, i].isna(), strict=True)
        ]
        for i in range(len(pairs))
    ]
    names, units = zip(*pairs, strict=True)
    return Table(
        source, names, units, tuple(zip(*columns, strict=True)), 0, Form("", ".", len(pairs))
    )


def _frame_blocks(source: Source) -> Iterator[Block]:
    frame = source.frame
    if frame is None:
        return
    for start in range(0, len(frame), _ROWS):
        part = frame.iloc[start : start + _ROWS]
        yield start + 1, {i: part.iloc[:, i].to_numpy() for i in range(part.shape[1])}


def _open_parquet(source: Source) -> Table:
    file, head = parquet_file(source)
    pairs = [split_unit(name) for name in file.schema_arrow.names]
    if head is None or head.num_rows == 0:
        raise InputError(f"{source.name}: holds no rows of data")
    columns = [
        ["" if entry is None else str(entry) for entry in column.to_pylist()] for column in head
    ]
    return Table(
        source,
        tuple(name for name, _ in pairs),
        tuple(unit for _, unit in pairs),
        tuple(zip(*columns, strict=True)),
        0,
        Form("", ".", len(pairs)),
    )
