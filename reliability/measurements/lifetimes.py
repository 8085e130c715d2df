"""Lifetimes out of files: times to failure as they stand in a table, or reads against a limit.

`read_lifetimes` gives intervals that hold the time (or number of cycles or reads) to failure of
each cell, as `reliability.fit_lifetime` takes them.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.errors import InputError, unknown_name
from reliability.measurements.delimited import Table, find_column, open_table
from reliability.measurements.log import Log
from reliability.measurements.names import known_name, scaling, split_unit
from reliability.measurements.reader import load_mapping, read_measurements
from reliability.measurements.rows import Field
from reliability.measurements.source import open_source
from reliability.units import quantity
from reliability.version import __version__

Array = NDArray[np.float64]
CLOCKS = {"time": "s", "cycles": "1", "reads": "1"}
# What a column of a table of lifetimes may be, its unit, and other words for it.
_COLUMNS = {
    "time": ("s", "ttf timetofailure failuretime lifetime endoftest hours"),
    "cycles": ("", "cyclestofailure ctf"),
    "reads": ("", "readstofailure"),
    "event": ("", "failed failure fail status"),
    "lower": ("s", "lastgood from"),
    "upper": ("s", "firstbad to"),
    "frequency": ("", "count devices units number quantity qty"),
    "temperature": ("K", ""),
    "voltage": ("V", "readvoltage stressvoltage"),
}
_FAILED = ("1", "1.0", "f", "failed", "failure", "fail", "yes", "true")
_GOOD = ("0", "0.0", "s", "c", "censored", "suspended", "survived", "good", "passed", "pass",
         "no", "false", "ok")  # fmt: skip
_LIMIT = re.compile(r"^\s*(\w+)\s*(<=|>=|<|>)\s*(.+?)\s*$")


def read_lifetimes(
    path: str | Path,
    *,
    columns: Mapping[str, Any] | Sequence[str] | str | None = None,
    failure: str | None = None,
    state: str | None = None,
    layout: str | None = None,
    constants: Mapping[str, str | float] | None = None,
) -> xr.Dataset:
    """Read lifetimes from a table of them, or from reads with a limit that defines failure.

    Parameters
    ----------
    path : str or Path
        Without ``failure``: a table (CSV, TSV, XLSX, Parquet) with ``time`` (or ``cycles`` or
        ``reads``) and ``event`` (1 or F failed, 0 or S still good; without it all failed), or with
        ``lower`` and ``upper`` ends of read-out intervals (an empty ``upper``: still good), and
        ``frequency``, ``temperature``, ``voltage`` where they apply. With ``failure``: any file of
        `read_measurements`.
    columns : mapping, sequence or str, optional
        Which column is what, as for `read_measurements`; ``"time [h], event, -"`` in order.
    failure : str, optional
        When a read is a failure: ``"conductance < 20 uS"``, ``"resistance > 50 kohm"``, relative
        to the first read ``"conductance < 80 %"``, or for both states of a cell
        ``"window < 10"`` (LRS over HRS conductance).
    state : str, optional
        Only cells of this state.
    layout, constants
        As for `read_measurements`; ``constants`` also for a table.

    Returns
    -------
    Dataset
        ``lower``, ``upper`` (inf: still good) and ``frequency`` over ``unit``, with ``temperature``
        (K) and ``voltage`` (V) where known; ``attrs["clock"]`` is time, cycles or reads. A cell
        that is bad at its first read failed before it. A cell that recovers stays failed.

    Raises
    ------
    InputError
        In one line: columns that are missing or have no unit, a limit that cannot be read, no rows.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "oven.csv"
    >>> _ = path.write_text("time [h],event,temperature [degC]\\n120,1,125\\n1000,0,125\\n")
    >>> data = read_lifetimes(path)
    >>> (data["upper"].values / 3600).tolist(), float(data["temperature"][0])
    ([120.0, inf], 398.15)
    """
    if isinstance(columns, str) and columns.endswith(".toml"):
        mapping = load_mapping(columns)
        columns = mapping.get("columns")
        constants = {**mapping.get("constants", {}), **(constants or {})}
    if failure is not None:
        options: dict[str, Any] = {"columns": columns, "constants": constants or {}}
        return lifetimes_of(read_measurements(path, layout, **options), failure, state=state)
    source = open_source(path)
    log = Log()
    table = open_table(source)
    fields, clock = _fields(table, columns)
    pieces: dict[str, list[NDArray[Any]]] = {field.name: [] for field in fields}
    for piece in table.columns(fields, log):
        if "event" in pieces:
            piece = _events(piece, log)
        for name, parts in pieces.items():
            parts.append(piece[name])
    found = {
        name: np.concatenate(parts) if parts else np.zeros(0) for name, parts in pieces.items()
    }
    rows = len(next(iter(found.values())))
    if rows == 0 or 2 * log.bad > log.rows:
        first = log.messages[0] if log.messages else "it has no rows"
        raise InputError(f"{source.name}: {log.bad} of {log.rows} rows cannot be read; {first}")
    if "lower" in found or "upper" in found:
        lower = np.nan_to_num(found.get("lower", np.zeros(rows)), nan=0.0)
        upper = found.get("upper", np.full(rows, np.nan))
        upper = np.where(np.isnan(upper), np.inf, upper)
    else:
        lower = found[clock]
        upper = np.where(found.get("event", np.ones(rows)) == 1, lower, np.inf)
    frequency = np.nan_to_num(found.get("frequency", np.ones(rows)), nan=1.0)
    stress: dict[str, Array] = {}
    for name in ("temperature", "voltage"):
        if name in found:
            stress[name] = found[name]
    for name, value in (constants or {}).items():
        if name not in ("temperature", "voltage"):
            raise unknown_name("constant", name, ("temperature", "voltage"))
        stress[name] = np.full(rows, quantity(value, _COLUMNS[name][0], f"constants.{name}"))
    out = _dataset(lower, upper, frequency, stress, clock)
    return out.assign_attrs(
        source=source.name, source_sha256=source.sha256, rows_read=log.rows, rows_bad=log.bad,
        bad_lines=log.bad_lines(), problems=log.messages, failure="as the table says",
    )  # fmt: skip


def lifetimes_of(data: xr.Dataset, failure: str, *, state: str | None = None) -> xr.Dataset:
    """Turn reads of cells into intervals that hold their time to failure.

    Parameters
    ----------
    data : Dataset
        Of `read_measurements` or of a sampled population; ``conductance`` over cells and one of
        time, cycles or reads.
    failure, state
        As for `read_lifetimes`.

    Returns
    -------
    Dataset
        As `read_lifetimes` returns.

    Examples
    --------
    >>> reads = xr.Dataset(
    ...     {"conductance": (("cell", "time"), [[50e-6, 48e-6, 9e-6], [50e-6, 49e-6, 49e-6]])},
    ...     coords={"time": [0.0, 3600.0, 7200.0]})
    >>> found = lifetimes_of(reads, "conductance < 20 uS")
    >>> found["lower"].values.tolist(), found["upper"].values.tolist()
    ([3600.0, 7200.0], [7200.0, inf])
    """
    what, sign, limit, relative = parse_failure(failure)
    if "conductance" not in data:
        also = (
            "; give read_voltage under [constants] of a columns file" if "current" in data else ""
        )
        raise InputError(f"failure: the file has no conductance to compare{also}")
    g = data["conductance"].where(np.isfinite(data["conductance"]))
    clock = next((name for name in CLOCKS if g.sizes.get(name, 1) > 1), None)
    if clock is None:
        raise InputError("failure: the reads do not differ in time, cycles or reads")
    if state is not None or what == "window":
        g = _of_state(data, g, what, state)
    dims = [d for d in g.dims if d != clock]
    values = g.transpose(*dims, clock)
    flat = values.values.reshape(-1, g.sizes[clock])
    if what == "resistance":  # an open cell has none that could be compared, but its conductance
        sign, limit = -sign, 1 / limit if limit > 0 else np.inf
    times = np.broadcast_to(g[clock].values.astype(float), values.shape)
    if "elapsed" in data and clock == "time":
        elapsed = data["elapsed"].broadcast_like(values).transpose(*dims, clock).values
        times = np.where(np.isnan(elapsed), times, elapsed)
    times = times.reshape(flat.shape)
    if relative:
        first = np.argmax(~np.isnan(flat), axis=1)
        start = np.take_along_axis(flat, first[:, None], axis=1)
        flat = flat / np.where(start > 0, start, np.nan)
    known = ~np.isnan(flat)
    with np.errstate(invalid="ignore"):
        bad = known & (sign * flat > sign * limit)
    lower, upper = _first_failure(times, known, bad)
    tested = known.any(axis=1) & (upper > 0) & ~((lower == 0) & np.isinf(upper))
    stress = {}
    for name, source in (("temperature", "temperature"), ("voltage", "read_voltage")):
        if source in data.coords:
            on = data[source].broadcast_like(values.isel({clock: 0}, drop=True))
            stress[name] = on.transpose(*dims).values.ravel()[tested].astype(float)
    if not tested.any():
        raise InputError("failure: no cell has a read after time 0")
    out = _dataset(lower[tested], upper[tested], np.ones(int(tested.sum())), stress, clock)
    kept = ("source", "source_sha256", "rows_read", "rows_bad", "bad_lines", "problems")
    attrs = {name: data.attrs[name] for name in kept if name in data.attrs}
    if tested.sum() > 0 and "temperature" in dims and g.sizes["temperature"] > 1:
        place = dims.index("temperature")
        per_cell = tested.reshape(values.shape[:-1]).sum(axis=place)
        if (per_cell > 1).any():
            note = "cells were baked at several temperatures: each bake counts as a unit of its own"
            attrs["problems"] = [*attrs.get("problems", []), note]
    early = int((bad & known)[np.arange(len(bad)), np.argmax(known, axis=1)].sum())
    return out.assign_attrs(
        attrs | {"failure": failure, "failed_at_first_read": early,
                 "cells_without_test": int((~tested).sum())}
    )  # fmt: skip


def parse_failure(text: str) -> tuple[str, float, float, bool]:
    """Read a limit: quantity, sign (-1 for below), value in SI, whether relative to the first read.

    >>> parse_failure("conductance < 80 %")
    ('conductance', -1.0, 0.8, True)
    """
    match = _LIMIT.match(text)
    units = {"conductance": "S", "resistance": "ohm", "window": ""}
    if not match:
        raise InputError(f"failure: got {text!r}, expected e.g. 'conductance < 20 uS'")
    what, comparison, value = match.groups()
    if what not in units:
        raise unknown_name("quantity in failure", what, units)
    relative = value.endswith("%") and what != "window"
    number = quantity(value, "" if relative else units[what], "failure", low=0.0)
    return what, 1.0 if ">" in comparison else -1.0, number, relative


def _first_failure(
    times: Array, known: NDArray[np.bool_], bad: NDArray[np.bool_]
) -> tuple[Array, Array]:
    """Last good time before the first failure, and the time of that failure (inf: none)."""
    when = np.where(known, times, np.inf)
    upper = np.where(bad, when, np.inf).min(axis=1)
    good = known & ~bad & (times < upper[:, None])
    lower = np.where(good, times, 0.0).max(axis=1)
    # A failure seen at time 0 happened before the first read after it.
    later = np.where(known & (times > 0), times, np.inf).min(axis=1)
    at_once = (upper <= 0) & np.isfinite(later)
    return np.where(at_once, 0.0, lower), np.where(at_once, later, upper)


def _of_state(data: xr.Dataset, g: xr.DataArray, what: str, state: str | None) -> xr.DataArray:
    if "state" not in data.coords:
        raise InputError("state: the file does not name states")
    names = [str(name) for name in np.unique(data["state"].values)]
    if what == "window":
        if "state" not in g.dims or not {"LRS", "HRS"} <= set(names):
            raise InputError("failure: a window needs LRS and HRS reads of the same cells")
        lrs, hrs = (g.sel(state=name, drop=True) for name in ("LRS", "HRS"))
        # An HRS of no current, or less by the error of the meter, leaves the window open.
        open_or_none = xr.where(lrs > 0, np.inf, 0.0)
        window = xr.where(hrs > 0, lrs / hrs.where(hrs > 0), open_or_none)
        return window.where(lrs.notnull() & hrs.notnull())
    if state not in names:
        raise unknown_name("state", str(state), names)
    if "state" in g.dims:
        return g.sel(state=state, drop=True)
    return g.where(data["state"] == state)


def _fields(
    table: Table, columns: Mapping[str, Any] | Sequence[str] | str | None
) -> tuple[list[Field], str]:
    """Columns to take, and the clock that lifetimes are counted on."""
    if isinstance(columns, str):
        columns = [entry.strip() for entry in columns.split(",")]
    chosen: dict[str, tuple[int, str]] = {}
    if columns is None:
        for position, header in enumerate(table.names):
            name = _column_name(header)
            if name and name not in chosen:
                chosen[name] = position, table.units[position]
    elif isinstance(columns, Mapping):
        for name, wanted in columns.items():
            asked = wanted if isinstance(wanted, Mapping) else {"column": wanted}
            position, unit = find_column(table, asked.get("column", ""), name)
            chosen[name] = position, str(asked.get("unit", unit))
    else:
        if len(columns) != len(table.names):
            raise InputError(
                f"{table.source.name}: columns names {len(columns)} columns, the file has "
                f"{len(table.names)}"
            )
        for position, entry in enumerate(columns):
            name, unit = split_unit(entry)
            if name not in ("", "-"):
                chosen[_column_name(name) or name] = position, unit or table.units[position]
    for name in chosen:
        if name not in _COLUMNS:
            raise unknown_name("column of a table of lifetimes", name, _COLUMNS)
    clock = next((name for name in CLOCKS if name in chosen), None)
    if clock is None and not {"lower", "upper"} & set(chosen):
        raise InputError(
            f"{table.source.name}: no column with a time (cycles, reads) to failure among "
            f"{', '.join(name for name in table.names if name) or 'its columns'}; say which with "
            "columns, or give a limit that defines failure"
        )
    fields = []
    for name, (position, unit) in chosen.items():
        inside = _COLUMNS[name][0]
        if name in ("time", "lower", "upper") and not unit:
            raise InputError(f"{table.source.name}: {name}: has no unit; write it, '{name} [h]'")
        if name in ("lower", "upper") and unit in ("cycles", "reads", "1"):
            clock, unit, inside = (unit if unit in CLOCKS else "cycles"), "", ""
        factor, offset = (1.0, 0.0) if name == "event" else scaling(name, unit, inside)
        required = name in ("time", "cycles", "reads", "event", "temperature", "voltage")
        fields.append(Field(name, position, factor, offset, name == "event", required))
    return fields, clock or "time"


def _column_name(header: str) -> str:
    word = re.sub(r"[^a-z0-9]", "", header.lower())
    for name, (_, words) in _COLUMNS.items():
        if word == name or word in words.split():
            return name
    known = known_name(header)
    return known if known in _COLUMNS else ""


def _events(piece: dict[str, NDArray[Any]], log: Log) -> dict[str, NDArray[Any]]:
    text = np.array([str(entry).strip().lower() for entry in piece["event"]], dtype=object)
    failed, good = np.isin(text, _FAILED), np.isin(text, _GOOD)
    wrong = ~(failed | good)
    if wrong.any():
        shown = str(piece["event"][np.argmax(wrong)])
        log.reject(piece["line"][wrong], f"event: {shown!r} is neither a failure nor a survivor")
    piece = {**piece, "event": failed.astype(float)}
    return {name: column[~wrong] for name, column in piece.items()}


def _dataset(
    lower: Array, upper: Array, frequency: Array, stress: Mapping[str, Array], clock: str
) -> xr.Dataset:
    units = {"temperature": "K", "voltage": "V"}
    return xr.Dataset(
        {
            "lower": ("unit", lower, {"units": CLOCKS[clock]}),
            "upper": ("unit", upper, {"units": CLOCKS[clock]}),
            "frequency": ("unit", frequency, {"units": "1"}),
            **{name: ("unit", values, {"units": units[name]}) for name, values in stress.items()},
        },
        attrs={"clock": clock, "reliability_version": __version__},
    )
