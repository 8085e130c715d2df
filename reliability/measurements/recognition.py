"""Find the layout of a file from its content, and say by what."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from reliability.errors import InputError
from reliability.measurements import arc_one, keithley, keysight, labview
from reliability.measurements.delimited import kind_of, open_table
from reliability.measurements.names import KNOWN, known_name, split_unit
from reliability.measurements.rows import number, recognise_form, split_line
from reliability.measurements.source import Source, first_lines
from reliability.measurements.table_head import Head, read_head
from reliability.measurements.workbooks import sheet_name, sheet_start, workbook

Found = tuple[str, str]  # layout, and the evidence for it in one sentence

_PLAIN = ("time", "voltage", "current", "temperature", "-")
_CLARIUS = "names of Clarius (AI, GateV) at the head of a sweep"


def recognise_layout(
    source: Source, columns: Mapping[str, Any] | Sequence[str] | str | None = None
) -> Found:
    """Find the layout from the first lines, or from the names of columns that are given.

    Raises
    ------
    InputError
        Nothing fits.
    """
    kind = kind_of(source)
    if kind == "stdf":
        return "stdf", "the file begins with an attributes record (FAR) of STDF V4"
    if isinstance(columns, str):
        columns = [entry.strip() for entry in columns.split(",")]
    if kind == "text" and (found := _by_first_lines(source)):
        return found
    if kind == "xlsx" and (found := _by_sheets(source)):
        return found
    if columns is not None and (found := _by_columns(source, columns)):
        return found
    head = read_head(source)
    if head is not None and head.is_trace():
        return _trace(head)
    if kind == "text" and (rows := _rows_of_numbers(source)) and not (head and _is_named(head)):
        return _by_numbers(source, rows)
    names = open_table(source).names
    if arc_one.is_export(names):
        return "arc_one", "columns Wordline, Bitline, Resistance, Amplitude and Tag"
    return "tidy", "a table with a header, and no sign of another layout"


def _by_first_lines(source: Source) -> Found | None:
    lines = [line for line in first_lines(source) if line.strip()]
    if labview.is_export(lines):
        return "labview", "the first line is that of a LabVIEW measurement file"
    if keysight.is_export(lines):
        return "keysight", "the first record is one of EasyEXPERT"
    delimiter = recognise_form(lines[:20]).delimiter
    if keithley.is_export([split_line(line, delimiter) for line in lines[:2]]):
        return "keithley", "a row of tests with run numbers (#1) over a row that begins with Index"
    return None


def _by_sheets(source: Source) -> Found | None:
    rows = sheet_start(source, sheet_name(source, ""))
    rows = [[*row[: _filled(row)]] for row in rows if any(row)]
    if keithley.is_export(rows):
        return "keithley", "a row of tests with run numbers (#1) over a row that begins with Index"
    aside = {str(name).lower() for name in workbook(source).sheetnames} & {"calc", "settings"}
    head = read_head(source) if aside else None
    if head is not None and head.is_trace():
        return "keithley", f"a sweep beside a sheet {min(aside)!r}"
    return None


def _filled(row: Sequence[str]) -> int:
    return max(i + 1 for i, entry in enumerate(row) if entry)


def _trace(head: Head) -> Found:
    names = [column.name for column in head.of("s", "V", "A")]
    written = any("header" in column.why for column in head.columns)
    if keithley.has_names(names) and not written:
        return "keithley", _CLARIUS
    listed = ", ".join(repr(name) for name in names)
    return "traces", f"columns of time, voltage or current ({listed}) and no address of a cell"


def _is_named(head: Head) -> bool:
    return any(column.known for column in head.columns)


def _by_columns(source: Source, columns: Mapping[str, Any] | Sequence[str]) -> Found | None:
    """Decide by the names that are given; None where the file has to decide."""
    names = [split_unit(str(name))[0] for name in columns]
    known = [name if name in KNOWN or name == "-" else known_name(name) for name in names]
    if isinstance(columns, Mapping):
        addressed = any(name in KNOWN and KNOWN[name].role != "value" for name in known)
        return ("tidy", "columns= names addresses or axes") if addressed else None
    rows = _rows_of_numbers(source)
    if rows and len(rows[0]) > 20 and len(names) != len(rows[0]):
        return None  # the first fields of long lines
    if {"resistance_before", "resistance_after"} <= set(known):
        return "sweep", "columns= names resistances before and after a pulse"
    if {"resistance_lrs", "resistance_hrs"} <= set(known):
        return "endurance", "columns= names the resistances of both states"
    if all(name in (*_PLAIN, "") for name in known) and "-" not in set(known) - {"-"}:
        head = read_head(source, names=list(columns)) if len(names) == _width(source) else None
        if head is not None and head.is_trace():
            return "traces", "columns= names time, voltage and current, and no address of a cell"
    return "tidy", "columns= names the columns"


def _width(source: Source) -> int:
    return len(open_table(source).names)


def _rows_of_numbers(source: Source) -> list[list[float]]:
    """Return the first rows of a text that has numbers only, nothing where it has not."""
    if kind_of(source) != "text":
        return []
    lines = [line for line in first_lines(source) if line.strip()]
    data = [line for line in lines if not line.lstrip().startswith("#")][:20]
    form = recognise_form(data)
    rows = [split_line(line, form.delimiter) for line in data]
    if not rows:
        raise InputError(f"{source.name}: holds no rows of data")
    try:
        return [[number(entry, form.decimal) for entry in row] for row in rows]
    except ValueError:
        return []


def _by_numbers(source: Source, rows: list[list[float]]) -> Found:
    """Find the layout of a table without a header from what the numbers can be."""
    width = len(rows[0])
    table = np.array([row for row in rows if len(row) == width])
    if not np.isfinite(table).any(axis=0).all() and width <= 20:
        raise InputError(f"{source.name}: a column without numbers, and no header")
    if width > 20 and np.isfinite(rows[0][2:]).any():
        middle = float(np.nanmedian(np.abs(rows[0][2:])))
        layout = "noise" if middle < 1e-2 else "cycling"
        return layout, f"lines of {width} numbers with a median of {middle:.3g}, without a header"
    inverse = width in (5, 7) and bool(np.nanmax(np.abs(table[:, 2] * table[:, 3] - 1)) < 1e-3)
    if inverse:
        layout = "relaxation" if width == 7 else "bake"
        return layout, f"{width} columns without a header, the fourth 1 over the third"
    if width == 6 and np.nanmin(table[:, 4:]) > 100 and np.nanmax(np.abs(table[:, 2:4])) < 20:
        return "sweep", "6 columns without a header: two voltages, then two resistances"
    if width == 4 and np.nanmin(table[:, 1:3]) > 100 and np.all(np.diff(table[:, 3]) >= 0):
        return "endurance", "4 columns without a header: two resistances, then rising cycles"
    raise InputError(
        f"{source.name}: {width} columns without a header fit no layout; name them in order with "
        "columns=[...] ('cell,time [h],-,resistance [ohm]'), or give layout="
    )
