"""Tables with one row a read, or one column a read-out: CSV, TSV, Parquet, XLSX."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.errors import InputError, unknown_name
from reliability.measurements.clock_times import since_first_read
from reliability.measurements.delimited import Table, find_column
from reliability.measurements.grid import build_dataset
from reliability.measurements.headings import Meaning, from_header, meaning_of, settle_units
from reliability.measurements.log import Log
from reliability.measurements.names import AXES, KNOWN, scaling, split_unit, unit_inside
from reliability.measurements.preamble import Preamble, open_sheet
from reliability.measurements.readouts import Readouts, find_readouts, readout_fields
from reliability.measurements.rows import Field
from reliability.measurements.source import Source
from reliability.measurements.spool import Spool
from reliability.technology import STATES
from reliability.units import quantity

Columns = Mapping[str, Any] | Sequence[str] | str | None
Piece = dict[str, NDArray[Any]]

_COLUMN_KEYS = ("column", "unit", "text")
_NO_VALUES = ("timestamp", "clock", "site")
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
    values: str = "",
) -> xr.Dataset:
    """Read a table with one row for each read, or with one column for each read-out.

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
    values : str
        What the columns of a read-out table hold when no header says it: ``"resistance [kohm]"``.

    Returns
    -------
    Dataset
        See :func:`reliability.measurements.grid.build_dataset`; ``attrs["layout_evidence"]`` says
        what each column was taken for and why.

    Raises
    ------
    InputError
        No such column, unit or sheet; no measured value among the columns; a quantity without a
        unit that its values do not make evident; or neither an address nor an axis.
    """
    options: dict[str, Any] = {"delimiter": delimiter, "decimal": decimal, "sheet": sheet}
    table, preamble = open_sheet(source, skip=skip, **options)
    for note in preamble.notes:
        log.note(note)
    readouts = find_readouts(table, log) if columns is None else None
    if readouts is not None:
        dataset, evidence = _read_out_table(table, readouts, values, log, axes)
    else:
        dataset, evidence = _read_long(table, columns, log, axes, time_points)
    if log.overrange:
        log.note(f"{log.overrange} reads are over the range of the meter; they have no number, and "
                 "lifetimes count them by the end of the range")  # fmt: skip
    return _with_preamble(dataset, preamble, evidence)


def _read_long(
    table: Table, columns: Columns, log: Log, axes: Sequence[str], times: Sequence[str | float]
) -> tuple[xr.Dataset, list[str]]:
    chosen, constants = _chosen(table, columns, log)
    chosen = settle_units(table, chosen, log)
    fields, units = _fields(table, chosen, axes)
    reshape, after = _reshaping(chosen)
    options: dict[str, Any] = {"axes": axes, "time_points": times, "reshape": reshape}
    dataset = collect(table, fields, units, log, after=after, **options)
    if columns is None:
        _check_address(table, chosen, dataset, axes)
    for name, value in constants.items():
        if name not in dataset.coords:
            dataset = dataset.assign_coords({name: ((), value, {"units": KNOWN[name].unit})})
    return dataset, [one.why for one in chosen if one.why]


def _read_out_table(
    table: Table, readouts: Readouts, values: str, log: Log, axes: Sequence[str]
) -> tuple[xr.Dataset, list[str]]:
    if values:
        name, unit = split_unit(values)
        if name not in ("resistance", "conductance", "current"):
            raise unknown_name("quantity in values", name, ("resistance", "conductance", "current"))
        readouts = replace(readouts, quantity=name, unit=unit)
    chosen, _ = from_header(_without(table, readouts.positions), log)
    chosen = settle_units(table, [one for one in chosen if one.name != readouts.axis], log)
    fields, units = _fields(table, chosen, axes, values_needed=False)
    wide, inside = readout_fields(readouts, table, log)
    quantity_name = wide[0].name.partition("@")[0].replace("resistance", "conductance")
    levels = {field.name.replace("resistance", "conductance"): level
              for field, level in zip(wide, readouts.levels, strict=True)}  # fmt: skip
    units |= {quantity_name: KNOWN[quantity_name].unit, readouts.axis: KNOWN[readouts.axis].unit}

    def reshape(piece: Piece) -> Piece:
        numbers = np.arange(len(levels), dtype=float)
        piece = stack_columns(piece, "readout", numbers.tolist(), {quantity_name: list(levels)})
        which = piece.pop("readout").astype(int)
        piece[readouts.axis] = np.array(list(levels.values()))[which]
        if readouts.states:
            piece["state"] = np.array(readouts.states, dtype=object)[which]
        return piece

    dataset = collect(table, [*fields, *wide], units, log, axes=axes, reshape=reshape)
    replaced = replace(readouts, quantity=wide[0].name.partition("@")[0], unit=inside)
    return dataset, [*(one.why for one in chosen if one.why), replaced.sentence(table)]


def _without(table: Table, positions: Sequence[int]) -> Table:
    """The table with empty headers in some columns, so that these are not read."""
    names = tuple("" if place in positions else name for place, name in enumerate(table.names))
    sample = tuple(
        tuple("" if place in positions else entry for place, entry in enumerate(row))
        for row in table.sample
    )
    return replace(table, names=names, sample=sample)


def _reshaping(chosen: Sequence[Meaning]) -> tuple[Callable[[Piece], Piece], Any]:
    """Return what to do with each piece, and with all rows, for some columns together."""
    names = {one.name for one in chosen}
    columns = {
        kind: [f"{kind}_{state.lower()}" for state in STATES]
        for kind, same in (("conductance", "resistance"), ("current", "current"))
        if all({f"{kind}_{s.lower()}", f"{same}_{s.lower()}"} & names for s in STATES)
    }
    if {"state", "resistance", *columns} & names:
        columns = {}

    def reshape(piece: Piece) -> Piece:
        if "site" in piece and "cell" in piece:
            pairs = zip(_texts(piece.pop("site")), _texts(piece["cell"]), strict=True)
            piece["cell"] = np.array([f"{site}/{cell}" for site, cell in pairs], dtype=object)
        if "clock" in piece:
            pairs = zip(_texts(piece["timestamp"]), _texts(piece.pop("clock")), strict=True)
            piece["timestamp"] = np.array([f"{day} {hour}" for day, hour in pairs], dtype=object)
        return stack_columns(piece, "state", STATES, columns) if columns else piece

    return reshape, since_first_read if "timestamp" in names else None


def _texts(column: NDArray[Any]) -> list[str]:
    return [str(entry) if column.dtype == object else f"{entry:g}" for entry in column]


def _check_address(
    table: Table, chosen: Sequence[Meaning], dataset: xr.Dataset, axes: Sequence[str]
) -> None:
    """Refuse rows that nothing distinguishes."""
    names = {one.name for one in chosen}
    address = {name for name in names if name in KNOWN and KNOWN[name].role != "value"}
    unused = [
        header for position, header in enumerate(table.names)
        if header and position not in {one.position for one in chosen if one.name in KNOWN}
    ]  # fmt: skip
    cells = {"cell", "die", "die_x", "row", "column", "wafer", "lot"} & names
    many = dataset.sizes.get("repeat", 1) > 1
    if (many and not cells and unused) or not (address or axes or dataset.sizes["cell"] > 1):
        found = ", ".join(repr(header) for header in table.names if header)
        raise InputError(
            f"{table.source.name}: no column is recognised that distinguishes the cells, among "
            f"{found}; say which with columns, such as columns='cell, time [h], resistance [kohm]'"
        )


def _with_preamble(dataset: xr.Dataset, preamble: Preamble, evidence: list[str]) -> xr.Dataset:
    """Add what stands above the header, where the rows do not say it themselves."""
    used = []
    for name, value in preamble.constants.items():
        given = name in dataset and not (
            name in dataset.dims and dataset[name].values.tolist() == [0]
        )
        if given:
            continue
        used.append(name)
        attrs = {"units": KNOWN[name].unit}
        if name in dataset.dims or name == "lot":
            dataset = dataset.assign_coords({name: ("wafer", [value], attrs)})
        else:
            dataset = dataset.assign_coords({name: ((), value, attrs)})
    more = [line for line in preamble.evidence if any(n.replace("_", " ") in line for n in used)]
    dataset.attrs |= {f"tester_{key}": value for key, value in preamble.metadata.items()}
    dataset.attrs["layout_evidence"] = [*more, *evidence]
    return dataset


def collect(
    table: Table,
    fields: Sequence[Field],
    units: Mapping[str, str],
    log: Log,
    *,
    axes: Sequence[str] = (),
    time_points: Sequence[str | float] = (),
    reshape: Callable[[Piece], Piece] = lambda piece: piece,
    after: Callable[[Spool, dict[str, dict[str, int]], Log], Spool] | None = None,
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
    after : callable, optional
        Applied to all rows, e.g. to make times of clock times.
    """
    rows: Spool | None = None
    labels: dict[str, dict[str, int]] = {}
    for piece in table.columns(fields, log):
        piece = reshape(with_conductance(piece, log))
        piece.pop("line")
        piece = {name: encode(name, column, labels) for name, column in piece.items()}
        if rows is None:
            rows = Spool(list(piece))
        for name in piece:
            if name not in rows.names:  # over-range reads, of which the pieces before had none
                rows.add_column(name)
        empty = np.full(len(next(iter(piece.values()))), np.nan)
        rows.append([piece.get(name, empty) for name in rows.names])
    if rows is not None and after is not None:
        rows = after(rows, labels, log)
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
        located = (message for message in log.messages if message.startswith("line "))
        first = next(located, log.messages[0] if log.messages else "it has no rows")
        raise InputError(
            f"{source.name}: {log.bad} of {log.rows} rows cannot be read as this layout; {first}"
        )
    points = [quantity(point, "s", "time_points", low=0.0) for point in time_points]
    inside = {name: unit_inside(name, units.get(name, "")) for name in rows.names}
    inside |= {
        name: KNOWN[name.rpartition("_")[0]].unit
        for name in rows.names
        if name.endswith(("_below", "_above"))
    }
    inside.setdefault("time", "s")
    texts = {name: list(codes) for name, codes in labels.items()}
    try:
        dataset = build_dataset(
            rows, texts, log, units=inside, extra_axes=tuple(axes), time_points=points
        )
    except InputError as error:
        raise InputError(f"{source.name}: {error}") from None
    values = [one.values for one in dataset.data_vars.values() if one.dtype.kind == "f"]
    if values and not log.overrange and not any(np.isfinite(one).any() for one in values):
        raise InputError(
            f"{source.name}: no number in the columns of measured values, "
            f"{', '.join(map(str, dataset.data_vars))}"
        )
    return dataset


def choose_fields(
    table: Table, columns: Columns, log: Log, axes: Sequence[str] = ()
) -> tuple[list[Field], dict[str, str]]:
    """Decide which columns are read, under which name and in which unit.

    Raises
    ------
    InputError
        A column that does not exist, a wrong unit, or no measured value at all.
    """
    chosen, _ = _chosen(table, columns, log)
    return _fields(table, chosen, axes)


def _chosen(table: Table, columns: Columns, log: Log) -> tuple[list[Meaning], dict[str, float]]:
    if isinstance(columns, str):
        columns = [entry.strip() for entry in columns.split(",")]
    if columns is None:
        if not any(table.names):
            raise InputError(
                f"{table.source.name}: has no header; name its {len(table.names)} columns in order "
                "with columns=[...], or name the layout"
            )
        return from_header(table, log)
    if isinstance(columns, Mapping):
        return [_from_mapping(table, name, entry) for name, entry in columns.items()], {}
    return _from_order(table, columns), {}


def _fields(
    table: Table, chosen: Sequence[Meaning], axes: Sequence[str], *, values_needed: bool = True
) -> tuple[list[Field], dict[str, str]]:
    names = [one.name for one in chosen]
    for name in axes:
        if name not in names:
            raise unknown_name("column named in axes", name, names)
    required = {*AXES, *axes, *_KEYS, "lot"} - {"state"}
    fields, units = [], {}
    for one in chosen:
        name, unit, text = one.name, one.unit, one.text
        if text is None:
            label = name in KNOWN and KNOWN[name].label
            text = (label or name not in KNOWN) and table.is_text(one.position)
            text |= label and table.has_numbers_of_parts(one.position)
        inside = "" if text else unit_inside(name, unit)
        factor, offset = (1.0, 0.0) if text else scaling(name, unit, inside)
        unit_of_name = KNOWN[name].unit if name in KNOWN and not text else ""
        own = unit_of_name or ("" if name in ("cycles", "reads") and not text else None)
        fields.append(Field(name, one.position, factor, offset, text, name in required, own))
        units[name] = inside if name not in KNOWN else KNOWN[name].unit
    if values_needed and not any(_is_value(name) and name not in axes for name in names):
        raise InputError(
            f"{table.source.name}: no measured value (conductance, resistance, current ...) among "
            f"the columns {', '.join(names) or '-'}; give columns={{name: header or position}}"
        )
    return fields, units


def _is_value(name: str) -> bool:
    return (name not in KNOWN or KNOWN[name].role == "value") and name not in _NO_VALUES


def _from_mapping(table: Table, name: str, entry: Any) -> Meaning:
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
    why = f"column {position + 1}: {name.replace('_', ' ')}, as given"
    return Meaning(name, position, unit or found, text, why)


def _from_order(table: Table, columns: Sequence[str]) -> list[Meaning]:
    if len(columns) != len(table.names):
        raise InputError(
            f"{table.source.name}: columns names {len(columns)} columns, the file has "
            f"{len(table.names)}"
        )
    chosen: list[Meaning] = []
    for position, entry in enumerate(columns):
        name, unit = split_unit(entry)
        if name in ("", "-"):
            continue
        name = name if name in KNOWN else meaning_of(name, unit)[0] or name
        if name in [one.name for one in chosen]:
            raise InputError(f"columns: {name!r} is named twice")
        why = f"column {position + 1}: {name.replace('_', ' ')}, as given"
        chosen.append(Meaning(name, position, unit or table.units[position], None, why))
    return chosen


def with_conductance(piece: Piece, log: Log) -> Piece:
    """Replace resistances by conductances; where both are given, note rows that disagree by 1 %.

    A resistance above the range of the meter is a conductance below a limit, ``..._below``.
    """
    for name in [name for name in piece if name.endswith(("_over", "_under"))]:
        stem, _, end = name.rpartition("_")
        bound = piece.pop(name)
        if stem.startswith("resistance"):
            end = "under" if end == "over" else "over"
            with np.errstate(divide="ignore"):
                bound = np.abs(1.0 / bound)
        stem = stem.replace("resistance", "conductance")
        piece[f"{stem}_{'above' if end == 'over' else 'below'}"] = bound
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


def stack_columns(
    piece: Piece,
    axis: str,
    entries: Sequence[str] | Sequence[float],
    columns: Mapping[str, Sequence[str]],
) -> Piece:
    """Make one row for each of some columns.

    Parameters
    ----------
    piece : dict of str to ndarray, shape (n,)
    axis : str
        Name of the new column that says which one a row comes from.
    entries : sequence of str or float
        What it says for each of the columns.
    columns : mapping of str to sequence of str
        Of each column of values the ones that are stacked in it, one for each entry.
    """
    count = len(piece["line"])
    stacked: Piece = {}
    for value, parts_of in columns.items():
        for end in ("", "_below", "_above"):
            parts = [piece.pop(f"{column}{end}", np.full(count, np.nan)) for column in parts_of]
            if not end or any(np.isfinite(part).any() for part in parts):
                stacked[f"{value}{end}"] = np.concatenate(parts)
    for name, column in piece.items():
        stacked[name] = np.tile(column, len(entries))
    kind = object if isinstance(entries[0], str) else float
    stacked[axis] = np.repeat(np.array(entries, dtype=kind), count)
    return stacked


def names_of(fields: Iterable[Field]) -> set[str]:
    """Return the names of fields."""
    return {field.name for field in fields}
