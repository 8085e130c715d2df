"""One view of text, Excel and Parquet tables and data frames: a header, and columns in pieces."""

import re
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reliability.errors import InputError, unknown_name
from reliability.measurements.log import Log
from reliability.measurements.names import known_name, split_unit
from reliability.measurements.rows import (
    MISSING,
    Field,
    Form,
    number,
    read_piece,
    recognise_form,
    settle,
    split_line,
)
from reliability.measurements.source import (
    Source,
    first_lines,
    open_binary,
    optional_module,
    pieces,
)

_SEPARATOR = re.compile(r'"?sep=(.)"?', re.IGNORECASE)
_ROWS = 1 << 16  # rows of a sheet or a Parquet file taken at a time
# Limits of packed tables, checked before they are unpacked: bytes of a sheet, of another part of a
# workbook or of a group of rows; above _SMALL, times the packed size; rows for each byte.
_SHEET, _PART, _GROUP, _SMALL, _TIMES, _DENSE = 1 << 30, 1 << 28, 1 << 30, 1 << 26, 100, 100


_Block = tuple[int, dict[int, NDArray[Any]]]  # number of its first row, and its columns


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
        filled = self._filled(position)
        if any(len(value) > 15 and value.strip("+-").isdigit() for value in filled):
            return True  # an address beyond 2**53, which no float can tell from its neighbours
        return sum(not _is_number(value, self.form.decimal) for value in filled) * 2 > len(filled)

    def has_values(self, position: int) -> bool:
        """Tell whether the first values of a column are not all missing."""
        return bool(self._filled(position))

    def _filled(self, position: int) -> list[str]:
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
            raw = {name: column[~empty] for name, column in raw.items()}
            yield settle(raw, numbers[~empty], fields, log)

    def _blocks(self, kind: str, fields: Sequence[Field], log: Log) -> Iterator[_Block]:
        if kind == "parquet":
            yield from _parquet_blocks(self.source, fields)
        elif kind == "frame":
            yield from _frame_blocks(self.source)
        else:
            yield from _sheet_blocks(self.source, self.sheet, self.skip, self.form.width, log)


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
        if lines and (told := _SEPARATOR.fullmatch(lines[0])):  # a first line for Excel alone
            skip, delimiter = max(skip, 1), delimiter or told.group(1)
        form = recognise_form(lines[skip:], delimiter, decimal)
        rows = [split_line(line, form.delimiter) for line in lines]
        rows = [
            [] if line.lstrip().startswith("#") else row
            for line, row in zip(lines, rows, strict=True)
        ]
    return _with_header(source, rows, form, skip, str(sheet))


def _with_header(
    source: Source, rows: Sequence[Sequence[str]], form: Form, skip: int, sheet: str
) -> Table:
    start = next(
        (i for i, row in enumerate(rows) if i >= skip and len(row) == form.width and any(row)), None
    )
    if start is None:
        raise InputError(f"{source.name}: holds no rows of data")
    names, units = ("",) * form.width, ("",) * form.width
    if not any(_is_number(entry, form.decimal) for entry in rows[start] if entry):
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
    if len(row) != form.width or any(_is_number(entry, form.decimal) for entry in row if entry):
        return False
    numeric = [
        position
        for position in range(form.width)
        if any(
            len(other) == form.width
            and other[position]
            and _is_number(other[position], form.decimal)
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


def recognised_columns(table: Table) -> dict[str, int]:
    """Return standard name and position of every header that is known; the first one wins."""
    found: dict[str, int] = {}
    for position, header in enumerate(table.names):
        name = known_name(header)
        if name and name not in found:
            found[name] = position
    return found


def _is_number(text: str, decimal: str) -> bool:
    try:
        number(text, decimal)
    except ValueError:
        return False
    return True


def _is_empty(column: NDArray[Any]) -> NDArray[np.bool_]:
    if column.dtype == object:
        return np.array([entry is None or entry == "" for entry in column], dtype=bool)
    return np.zeros(len(column), dtype=bool)


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
    if sheet == "":
        return str(names[0])
    if str(sheet) in names:
        return str(sheet)
    if str(sheet).isdigit() and 1 <= int(sheet) <= len(names):
        return str(names[int(sheet) - 1])
    raise unknown_name(f"sheet of {source.name}", str(sheet), names)


def sheet_rows(source: Source, sheet: str) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a sheet, one at a time, as long as they are in the file.

    Whatever the sheet says of its own size is not believed: some writers leave it out, others keep
    it when rows are added.

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


def _sheet_blocks(source: Source, sheet: str, skip: int, width: int, log: Log) -> Iterator[_Block]:
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


def _frame_blocks(source: Source) -> Iterator[_Block]:
    frame = source.frame
    if frame is None:
        return
    for start in range(0, len(frame), _ROWS):
        part = frame.iloc[start : start + _ROWS]
        yield start + 1, {i: part.iloc[:, i].to_numpy() for i in range(part.shape[1])}


def _parquet(source: Source) -> tuple[Any, Any]:
    """Open a Parquet file; return it and its first rows."""
    parquet = optional_module("pyarrow.parquet", source, "parquet")
    try:
        file = parquet.ParquetFile(open_binary(source))
        _check_parquet(source, file.metadata)
        return file, next(file.iter_batches(batch_size=200), None)
    except InputError:
        raise
    except Exception as error:  # Arrow's own errors
        raise InputError(f"{source.name}: is not a Parquet file, or damaged: {error}") from None


def _check_parquet(source: Source, metadata: Any) -> None:
    """Refuse groups of rows beyond the memory, and counts of rows that the file cannot hold."""
    sizes = [metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups)]
    size = source.path.stat().st_size
    if max(sizes, default=0) > _GROUP or metadata.num_rows > max(_SMALL, _DENSE * size):
        raise InputError(
            f"{source.name}: {metadata.num_rows} rows in groups of up to "
            f"{max(sizes, default=0) >> 20} MiB out of {size >> 10} KiB; allowed groups of "
            f"{_GROUP >> 20} MiB and {_DENSE} rows for each byte; not read"
        )


def _open_parquet(source: Source) -> Table:
    file, head = _parquet(source)
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


def _parquet_blocks(
    source: Source, fields: Sequence[Field]
) -> Iterator[tuple[int, dict[int, NDArray[Any]]]]:
    file, _ = _parquet(source)
    names = file.schema_arrow.names
    wanted = sorted({field.position for field in fields})
    first = 1
    try:
        for batch in file.iter_batches(
            batch_size=_ROWS, columns=[names[position] for position in wanted]
        ):
            columns = [column.to_numpy(zero_copy_only=False) for column in batch.columns]
            yield first, dict(zip(wanted, columns, strict=True))
            first += batch.num_rows
    except (OSError, ValueError) as error:  # Arrow's own errors are such
        raise InputError(f"{source.name}: damaged after row {first - 1}: {error}") from None
