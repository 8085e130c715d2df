"""Tidy tables, one row a read: CSV, TSV, Parquet or XLSX with named or numbered columns."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.errors import InputError, unknown_name
from reliability.measurements.delimited import Table, find_column, open_table, recognised_columns
from reliability.measurements.grid import build_dataset
from reliability.measurements.log import Log
from reliability.measurements.names import (
    AXES,
    KNOWN,
    known_name,
    scaling,
    split_unit,
    unit_inside,
)
from reliability.measurements.rows import Field
from reliability.measurements.source import Source
from reliability.measurements.spool import Spool
from reliability.units import quantity

Columns = Mapping[str, Any] | Sequence[str] | str | None
Piece = dict[str, NDArray[Any]]

_COLUMN_KEYS = ("column", "unit", "text")
_KEYS = ("die_x", "die_y", "nominal_time")  # columns that name an axis under another name


def read(
    source: Source,
    log: Log,
    *,
    columns: Columns = None,
    axes: Sequence[str] = (),
    delimiter: str = "",
    decimal: str = "",
    sheet: str | int = "",
    skip: int = 0,
    time_points: Sequence[str | float] = (),
) -> xr.Dataset:
    """Read a table with one row for each read.

    Parameters
    ----------
    source : Source
    log : Log
    columns : mapping, sequence or str, optional
        A mapping gives for each name of the Dataset the column: its header, its position (from 1),
        either with a unit in brackets (``"t [h]"``, ``"3 [uS]"``), or a table
        ``{column = ..., unit = ..., text = true}``. A sequence (or a text with commas) names
        the columns in the order of the file, ``"-"`` for one that is left out. Without, headers
        that are known are taken, and other columns of numbers keep their own names.
    axes : sequence of str
        Names of columns that are axes (stress conditions) besides the known ones.
    delimiter, decimal : str
        Found from the text when empty.
    sheet : str or int
        Sheet of a workbook, by name or number from 1.
    skip : int
        Lines before the header.
    time_points : sequence of float or str
        Nominal read times; each read goes to the nearest in log time.

    Returns
    -------
    Dataset
        See :func:`reliability.measurements.grid.build_dataset`.

    Raises
    ------
    InputError
        No such column, unit or sheet; or no measured value among the columns.
    """
    table = open_table(source, delimiter=delimiter, decimal=decimal, sheet=sheet, skip=skip)
    fields, units = choose_fields(table, columns, log, axes)
    return collect(table, fields, units, log, axes=axes, time_points=time_points)


def collect(
    table: Table,
    fields: Sequence[Field],
    units: Mapping[str, str],
    log: Log,
    *,
    axes: Sequence[str] = (),
    time_points: Sequence[str | float] = (),
    reshape: Callable[[Piece], Piece] = lambda piece: piece,
) -> xr.Dataset:
    """Read all pieces of a table and arrange them.

    Parameters
    ----------
    table : Table
    fields : sequence of Field
    units : mapping of str to str
    log : Log
    axes, time_points
        As for :func:`read`.
    reshape : callable
        Applied to the columns of each piece, e.g. to make two rows of one.
    """
    rows: Spool | None = None
    labels: dict[str, dict[str, int]] = {}
    for piece in table.columns(fields, log):
        piece = reshape(with_conductance(piece, log))
        piece.pop("line")
        piece = {name: encode(name, column, labels) for name, column in piece.items()}
        if rows is None:
            rows = Spool(list(piece))
        rows.append([piece[name] for name in rows.names])
    return arrange(rows, labels, log, table.source, units, axes, time_points)


def arrange(
    rows: Spool | None,
    labels: Mapping[str, Mapping[str, int]],
    log: Log,
    source: Source,
    units: Mapping[str, str],
    axes: Sequence[str] = (),
    time_points: Sequence[str | float] = (),
) -> xr.Dataset:
    """Build the Dataset from rows, or say in one line why there is none."""
    if rows is None or rows.count == 0 or 2 * log.bad > log.rows:
        first = log.messages[0] if log.messages else "it has no rows"
        raise InputError(
            f"{source.name}: {log.bad} of {log.rows} rows cannot be read as this layout; {first}"
        )
    points = [quantity(point, "s", "time_points", low=0.0) for point in time_points]
    inside = {name: unit_inside(name, units.get(name, "")) for name in rows.names}
    inside.setdefault("time", "s")
    texts = {name: list(codes) for name, codes in labels.items()}
    try:
        return build_dataset(
            rows, texts, log, units=inside, extra_axes=tuple(axes), time_points=points
        )
    except InputError as error:
        raise InputError(f"{source.name}: {error}") from None


def choose_fields(
    table: Table, columns: Columns, log: Log, axes: Sequence[str] = ()
) -> tuple[list[Field], dict[str, str]]:
    """Decide which columns are read, under which name and in which unit.

    Raises
    ------
    InputError
        A column that does not exist, a wrong unit, or no measured value at all.
    """
    if isinstance(columns, str):
        columns = [entry.strip() for entry in columns.split(",")]
    if columns is None:
        chosen = _from_header(table, log)
    elif isinstance(columns, Mapping):
        chosen = [_from_mapping(table, name, entry) for name, entry in columns.items()]
    else:
        chosen = _from_order(table, columns)
    names = [name for name, *_ in chosen]
    for name in axes:
        if name not in names:
            raise unknown_name("column named in axes", name, names)
    required = {*AXES, *axes, *_KEYS} - {"state"}
    fields, units = [], {}
    for name, position, unit, text in chosen:
        if text is None:
            text = (name not in KNOWN or KNOWN[name].label) and table.is_text(position)
        inside = "" if text else unit_inside(name, unit)
        factor, offset = (1.0, 0.0) if text else scaling(name, unit, inside)
        fields.append(Field(name, position, factor, offset, text, name in required))
        units[name] = inside if name not in KNOWN else KNOWN[name].unit
    if not any(_is_value(name) and name not in axes for name in names):
        raise InputError(
            f"{table.source.name}: no measured value (conductance, resistance, current ...) among "
            f"the columns {', '.join(names) or '-'}; give columns={{name: header or position}}"
        )
    return fields, units


def _is_value(name: str) -> bool:
    return name not in KNOWN or KNOWN[name].role == "value"


def _from_header(table: Table, log: Log) -> list[tuple[str, int, str, bool | None]]:
    if not any(table.names):
        raise InputError(
            f"{table.source.name}: has no header; name its {len(table.names)} columns in order "
            "with columns=[...], or name the layout"
        )
    known = recognised_columns(table)
    chosen: list[tuple[str, int, str, bool | None]] = [
        (name, position, table.units[position], None) for name, position in known.items()
    ]
    taken = set(known)
    for position, header in enumerate(table.names):
        if position in known.values() or not (header or table.has_values(position)):
            continue
        name = re.sub(r"\W+", "_", header.lower()).strip("_") or f"column_{position + 1}"
        if table.is_text(position) or name in taken:
            log.note(f"column {position + 1} {header!r} was left out")
            continue
        try:
            unit_inside(name, table.units[position])
        except InputError:
            log.note(
                f"column {header!r}: unit {table.units[position]!r} is not known, kept as read"
            )
            chosen.append((name, position, "", None))
        else:
            chosen.append((name, position, table.units[position], None))
        taken.add(name)
    return chosen


def _from_mapping(table: Table, name: str, entry: Any) -> tuple[str, int, str, bool | None]:
    text = None
    unit = ""
    if isinstance(entry, Mapping):
        for key in entry:
            if key not in _COLUMN_KEYS:
                raise unknown_name(f"key of column {name}", key, _COLUMN_KEYS)
        if "column" not in entry:
            raise InputError(f"columns.{name}.column: missing, but it is required")
        text, unit, entry = entry.get("text"), str(entry.get("unit", "")), entry["column"]
    if isinstance(entry, bool) or not isinstance(entry, (str, int)):
        raise InputError(f"columns.{name}: got {entry!r}, expected a header or a position from 1")
    position, found = find_column(table, entry, name)
    return name, position, unit or found, text


def _from_order(table: Table, columns: Sequence[str]) -> list[tuple[str, int, str, bool | None]]:
    if len(columns) != len(table.names):
        raise InputError(
            f"{table.source.name}: columns names {len(columns)} columns, the file has "
            f"{len(table.names)}"
        )
    chosen: list[tuple[str, int, str, bool | None]] = []
    for position, entry in enumerate(columns):
        name, unit = split_unit(entry)
        if name in ("", "-"):
            continue
        name = name if name in KNOWN else known_name(name) or name
        if name in [other for other, *_ in chosen]:
            raise InputError(f"columns: {name!r} is named twice")
        chosen.append((name, position, unit or table.units[position], None))
    return chosen


def with_conductance(piece: Piece, log: Log) -> Piece:
    """Replace resistances by conductances; where both are given, note rows that disagree by 1 %."""
    for name in [name for name in piece if name.startswith("resistance")]:
        conductance = 1.0 / piece.pop(name)
        other = name.replace("resistance", "conductance")
        if other in piece:
            with np.errstate(invalid="ignore"):
                differ = np.abs(conductance - piece[other]) > 0.01 * np.abs(conductance)
            if differ.any():
                line = piece["line"][np.argmax(differ)]
                message = f"line {line}: {name} is not 1 / {other}; {other} is kept"
                log.note(message, more=int(differ.sum()) - 1)
            piece[other] = np.where(np.isnan(piece[other]), conductance, piece[other])
        else:
            piece[other] = conductance
    return piece


def encode(
    name: str, column: NDArray[Any], labels: dict[str, dict[str, int]]
) -> NDArray[np.float64]:
    """Return numbers as they are, labels as their number in ``labels``, NaN for an empty one."""
    if column.dtype != object:
        return column
    codes = labels.setdefault(name, {})
    return np.array(
        [codes.setdefault(entry, len(codes)) if entry else np.nan for entry in column], dtype=float
    )


def stack_states(piece: Piece, states: Mapping[str, str]) -> Piece:
    """Make one row for each state out of columns that hold one state each.

    Parameters
    ----------
    piece : dict of str to ndarray, shape (n,)
    states : mapping of str to str
        Name of the state and of the column with its conductance.
    """
    parts = {state: piece.pop(column) for state, column in states.items()}
    count = len(piece["line"])
    stacked: Piece = {name: np.tile(column, len(parts)) for name, column in piece.items()}
    stacked["state"] = np.repeat(np.array(list(parts), dtype=object), count)
    stacked["conductance"] = np.concatenate(list(parts.values()))
    return stacked


def names_of(fields: Iterable[Field]) -> set[str]:
    """Return the names of fields."""
    return {field.name for field in fields}
