"""Layouts of published resistive-memory data: relaxation, bake, cycling, sweep, endurance, noise.

The files have no header; the default column order is that of the data sets named at each function,
``columns`` gives another one. A file that has a header is read by it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.errors import InputError
from reliability.measurements.delimited import Table, open_table
from reliability.measurements.log import Log
from reliability.measurements.names import KNOWN, known_name, split_unit
from reliability.measurements.rows import (
    OVERRANGE,
    Field,
    Form,
    number,
    recognise_form,
    scaled,
    split_line,
)
from reliability.measurements.source import Source, first_lines, numbered_lines
from reliability.measurements.spool import Spool
from reliability.measurements.tidy import (
    Columns,
    Piece,
    arrange,
    choose_fields,
    collect,
    encode,
    names_of,
    stack_columns,
)
from reliability.technology import STATES
from reliability.units import quantity

RELAXATION = (
    *("cell", "time", "resistance", "conductance", "initial_conductance", "state"),
    "nominal_time",
)
BAKE = ("cell", "time", "resistance", "conductance", "temperature [degC]")
SWEEP = (
    *("cell", "pulse_width [ns]", "{line}_voltage", "word_line_voltage"),
    *("resistance_before", "resistance_after"),
)
ENDURANCE = ("cell", "resistance_lrs", "resistance_hrs", "cycles")


def read_relaxation(
    source: Source,
    log: Log,
    *,
    columns: Columns = None,
    time_points: Sequence[str | float] = (),
) -> xr.Dataset:
    """Read cells programmed with verify and read again after nominal times.

    Parameters
    ----------
    source : Source
    log : Log
    columns : mapping or sequence, optional
        Default: address, time after verify (s), resistance (ohm), conductance (S), conductance at
        time 0 (S), level, nominal time (s).
    time_points : sequence of float or str
        Nominal times, for files that have none.

    Returns
    -------
    Dataset
        ``conductance`` (wafer, die, cell, time), ``elapsed`` (true read times, s),
        ``initial_conductance`` and the coordinate ``state`` of each cell.

    References
    ----------
    Layout of github.com/akashlevy/RRAM-Relaxation-Master-Model (MIT).
    """
    table = open_table(source)
    fields, units = _fields(table, columns, RELAXATION, log)
    return collect(table, fields, units, log, time_points=time_points)


def read_bake(
    source: Source,
    log: Log,
    *,
    columns: Columns = None,
    time_points: Sequence[str | float] = (),
) -> xr.Dataset:
    """Read cells before and after a bake, at one or more temperatures.

    Parameters
    ----------
    source : Source
    log : Log
    columns : mapping or sequence, optional
        Default: address, time (s), resistance (ohm), conductance (S), bake temperature (degC).
    time_points : sequence of float or str
        Nominal times; without, reads whose times lie close together make one time point, the
        median of them.

    Returns
    -------
    Dataset
        ``conductance`` and ``elapsed`` (wafer, die, cell, temperature, time).

    References
    ----------
    Layout of github.com/akashlevy/RRAM-Relaxation-Master-Model (MIT).
    """
    table = open_table(source)
    fields, units = _fields(table, columns, BAKE, log)
    return collect(table, fields, units, log, time_points=time_points)


def read_sweep(
    source: Source, log: Log, *, columns: Columns = None, operation: str = ""
) -> xr.Dataset:
    """Read programming sweeps: resistance before and after each pulse against its voltages.

    Parameters
    ----------
    source : Source
    log : Log
    columns : mapping or sequence, optional
        Default: address, pulse width (ns), bit-line (SET) or source-line (RESET) voltage (V),
        word-line voltage (V), resistance before and after (ohm).
    operation : {"", "set", "reset"}
        Which of the two the third column is; when empty, RESET if the pulses raise the resistance
        (mean of ln(after / before) over all pulses).

    Returns
    -------
    Dataset
        ``conductance_before`` and ``conductance_after`` (wafer, die, cell, ..., word_line_voltage,
        repeat), where ``repeat`` numbers the sweeps of a cell.

    References
    ----------
    Layout of github.com/akashlevy/RRAM-RADAR-Tuning.
    """
    if operation not in ("", "set", "reset"):
        raise InputError(f"operation: got {operation!r}, allowed set, reset")
    table = open_table(source)
    line = "source_line" if operation == "reset" else "bit_line"
    order = [name.format(line=line) for name in SWEEP]
    fields, units = _fields(table, columns, order, log)
    dataset = collect(table, fields, units, log)
    if not {"conductance_before", "conductance_after"} <= set(dataset):
        raise InputError(f"{source.name}: a sweep needs resistance_before and resistance_after")
    if not operation:
        with np.errstate(invalid="ignore", divide="ignore"):
            rise = np.log(
                dataset["conductance_before"].values / dataset["conductance_after"].values
            )
        rise = rise[np.isfinite(rise)]
        operation = "reset" if rise.size and rise.mean() > 0 else "set"
        log.note(f"operation {operation!r} was found from the resistances before and after")
        if operation == "reset" and columns is None and not any(table.names):
            dataset = dataset.rename(bit_line_voltage="source_line_voltage")
    dataset.attrs["operation"] = operation
    return dataset


def read_endurance(source: Source, log: Log, *, columns: Columns = None) -> xr.Dataset:
    """Read the two states of cells that are cycled, at some of the cycles.

    Parameters
    ----------
    source : Source
    log : Log
    columns : mapping or sequence, optional
        Default: address, resistance after SET (ohm), resistance after RESET (ohm), cycle number.

    Returns
    -------
    Dataset
        ``conductance`` (wafer, die, cell, state, cycles) with the states LRS and HRS.

    References
    ----------
    Layout of github.com/robert-radway/NI-RRAM-Python (MIT).
    """
    table = open_table(source)
    fields, units = _fields(table, columns, ENDURANCE, log)
    if not {"resistance_lrs", "conductance_lrs"} & names_of(fields):
        raise InputError(f"{source.name}: endurance needs resistance_lrs and resistance_hrs")
    columns = {"conductance": [f"conductance_{state.lower()}" for state in STATES]}

    def reshape(piece: Piece) -> Piece:
        return stack_columns(piece, "state", STATES, columns)

    return collect(table, fields, units, log, reshape=reshape)


def read_cycling(
    source: Source,
    log: Log,
    *,
    columns: Sequence[str] = ("cell",),
    states: Sequence[str] = ("HRS", "LRS"),
    value: str = "resistance [ohm]",
) -> xr.Dataset:
    """Read one line a cell: its address, then the states alternating, cycle after cycle.

    Parameters
    ----------
    source : Source
    log : Log
    columns : sequence of str
        What the first fields of a line are.
    states : sequence of str
        States in the order they alternate.
    value : str
        What is alternating: resistance, conductance or current, with its unit.

    Returns
    -------
    Dataset
        ``conductance`` (wafer, die, cell, state, cycles); cycles count from 1. Lines may be of
        different length; a cell that ends earlier has missing cycles.

    References
    ----------
    Layout of github.com/akashlevy/RRAM-RADAR-Tuning.
    """
    texts = np.array(states, dtype=object)

    def place(count: int) -> dict[str, NDArray[Any]]:
        index = np.arange(count)
        return {"state": texts[index % len(texts)], "cycles": 1.0 + index // len(texts)}

    return _read_wide(source, log, columns, value, place)


def read_noise(
    source: Source,
    log: Log,
    *,
    columns: Sequence[str] = ("state", "-"),
    sample_rate: str | float | None = None,
    value: str = "conductance [S]",
) -> xr.Dataset:
    """Read one line a cell: what it is, then its trace of reads at equal intervals.

    Parameters
    ----------
    source : Source
    log : Log
    columns : sequence of str
        What the first fields of a line are, ``"-"`` for one that is left out. Without ``"cell"``
        each line is a cell of its own, numbered from 0.
    sample_rate : float or str, optional
        Reads a second (Hz); gives the axis ``time``. Without, the axis is ``reads``.
    value : str
        What the trace is: conductance, resistance or current, with its unit.

    Returns
    -------
    Dataset
        ``conductance`` (wafer, die, cell, time or reads) and the coordinate ``state``.

    References
    ----------
    Layout of github.com/akashlevy/RRAM-Relaxation-Master-Model (MIT).
    """
    rate = None if sample_rate is None else quantity(sample_rate, "Hz", "sample_rate", low=1e-12)

    def place(count: int) -> dict[str, NDArray[Any]]:
        index = np.arange(count, dtype=float)
        return {"reads": index + 1.0} if rate is None else {"time": index / rate}

    return _read_wide(source, log, columns, value, place)


def _order(table: Table, columns: Columns, default: Sequence[str]) -> Columns:
    """Return the given columns; else None (the header) or the default order without a header."""
    if columns is not None or any(known_name(name) for name in table.names):
        return columns
    if len(table.names) != len(default):
        raise InputError(
            f"{table.source.name}: has {len(table.names)} columns, this layout has {len(default)}: "
            f"{', '.join(default)}; name them with columns=[...]"
        )
    return list(default)


def _fields(
    table: Table, columns: Columns, default: Sequence[str], log: Log
) -> tuple[list[Field], dict[str, str]]:
    """Choose the columns by header, by the given names or in the default order, and say so."""
    order = _order(table, columns, default)
    fields, units = choose_fields(table, order, log)
    why = "by its header" if order is None else "by the order given"
    for field in fields:
        by = "by the order of the layout" if columns is None and order is not None else why
        log.explain(f"column {field.position + 1}: {field.name}, {by}")
    return fields, units


def _read_wide(
    source: Source, log: Log, columns: Sequence[str], value: str, place: Any
) -> xr.Dataset:
    """Read lines of any length: a few leading columns, then many values."""
    form = recognise_form(first_lines(source)[:20])
    names = [split_unit(name)[0] for name in columns]
    for name in names:
        if name not in KNOWN and name != "-":
            raise InputError(f"columns: {name!r} cannot lead a line; known: {', '.join(KNOWN)}")
    table = Table(source, (*names, value), ("",) * (len(names) + 1), (), 0, form)
    name, unit = split_unit(value)
    (field,), units = choose_fields(table, {name: {"column": len(names) + 1, "unit": unit}}, log)
    rows: Spool | None = None
    labels: dict[str, dict[str, int]] = {}
    texts: dict[str, bool] = {}  # whether the first fields are labels, by the first good line
    for line, text in numbered_lines(source):
        if not text.strip() or text.lstrip().startswith("#"):
            log.blank += 1
            continue
        log.rows += 1
        lead, values = _wide_line(text, line, form, names, texts, log)
        if values is None:
            continue
        texts = texts or {name: isinstance(entry, str) for name, entry in lead.items()}
        if not {"cell", "row"} & set(names):
            lead["cell"] = float(log.rows - 1)
        piece = _wide_piece(lead, values, field, place, line, log)
        piece = {name: encode(name, column, labels) for name, column in piece.items()}
        if rows is None:
            rows = Spool(list(piece))
        rows.append([piece[name] for name in rows.names])
    return arrange(rows, labels, log, source, units)


def _wide_line(
    text: str,
    line: int,
    form: Form,
    names: Sequence[str],
    texts: Mapping[str, bool],
    log: Log,
) -> tuple[dict[str, Any], NDArray[np.float64] | None]:
    row = split_line(text, form.delimiter)
    while row and row[-1] == "":
        row.pop()
    lead: dict[str, Any] = {}
    if len(row) <= len(names):
        log.reject([line], f"{len(row)} fields, and the first {len(names)} are no values")
        return lead, None
    for name, entry in zip(names, row, strict=False):
        if name == "-":
            continue
        value = _or_nan(entry, form.decimal)
        label = texts.get(name, KNOWN[name].label and np.isnan(value)) and not _missing(entry)
        if np.isnan(value) and not label:
            log.reject([line], f"{name}: {entry!r} is not possible")
            return lead, None
        lead[name] = entry if label else value
    entries = row[len(names) :]
    try:
        return lead, np.array(entries, dtype=np.float64)
    except ValueError:
        values = np.array([_or_nan(entry, form.decimal) for entry in entries])
    odd = [i for i, entry in enumerate(entries) if values[i] != values[i] and not _missing(entry)]
    if 2 * len(odd) > len(entries):
        log.reject([line], f"{entries[odd[0]]!r} is not a number")
        return lead, None
    if odd:
        where = f"line {line}, field {odd[0] + len(names) + 1}"
        log.note(f"{where}: {entries[odd[0]]!r} is not a number, kept as missing", len(odd) - 1)
    return lead, values


def _missing(entry: str) -> bool:
    try:
        return bool(np.isnan(number(entry)))
    except ValueError:
        return False


def _or_nan(entry: str, decimal: str) -> float:
    try:
        return number(entry, decimal)
    except ValueError:
        return np.nan


def _wide_piece(
    lead: Mapping[str, Any],
    values: NDArray[np.float64],
    field: Field,
    place: Any,
    line: int,
    log: Log,
) -> Piece:
    piece: Piece = {
        name: np.full(len(values), entry, dtype=object if isinstance(entry, str) else float)
        for name, entry in lead.items()
    }
    over = np.abs(values) >= OVERRANGE
    log.overrange += int(over.sum())
    values = scaled(np.where(over, np.nan, values), field.factor)
    name = field.name.replace("resistance", "conductance")
    if name != field.name:
        with np.errstate(divide="ignore", over="ignore"):
            inverse = 1.0 / values
        if zeros := int(np.isinf(inverse).sum()):
            log.note(f"line {line}: a resistance of 0, kept as missing", more=zeros - 1)
        values = np.where(np.isinf(inverse), np.nan, inverse)
    return {**piece, **place(len(values)), name: values}
