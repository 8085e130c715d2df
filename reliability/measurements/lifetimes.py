"""Lifetimes out of files: times to failure as they stand in a table, or reads against a limit.

`read_lifetimes` gives intervals that hold the time (or number of cycles or reads) to failure of
each unit, as `reliability.fit_lifetime` takes them.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from reliability.errors import InputError, unknown_name, whole_number
from reliability.measurements.lifetime_tables import (
    CLOCKS,
    MISSING,
    clock_text,
    intervals,
    lost_note,
    read_table,
)
from reliability.measurements.reader import load_mapping, read_measurements
from reliability.units import quantity

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
_LIMIT = re.compile(r"^\s*(\w+)\s*(<=|>=|<|>)\s*(.+?)\s*$")


def read_lifetimes(
    path: str | Path | pd.DataFrame,
    *,
    columns: Mapping[str, Any] | Sequence[str] | str | None = None,
    failure: str | None = None,
    state: str | None = None,
    layout: str | None = None,
    constants: Mapping[str, str | float] | None = None,
    missing: str = "failed",
    consecutive: int = 1,
    **options: Any,
) -> xr.Dataset:
    """Read lifetimes from a table of them, or from reads with a limit that defines failure.

    Parameters
    ----------
    path : str, Path or DataFrame
        Without ``failure``: a table (CSV, TSV, XLSX, Parquet) with ``time`` (or ``cycles`` or
        ``reads``) and ``event`` (1 or F failed, 0 or S still good) or ``censored`` (the reverse);
        or with ``lower`` and ``upper`` ends of read-out intervals (an empty ``upper``: still
        good); or one column for each read-out with P or F; and ``frequency``, ``temperature``,
        ``voltage``, ``lot`` where they apply. With ``failure``: any file of `read_measurements`.
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
    missing, consecutive
        As for `lifetimes_of`.
    **options
        Of the layout, as for `read_measurements`: ``sheet``, ``decimal``, ``values`` ...

    Returns
    -------
    Dataset
        As `lifetimes_of` returns. ``attrs["layout_evidence"]`` says what the columns were taken
        for, and ``attrs["problems"]`` what was left out or assumed.

    Raises
    ------
    InputError
        In one line: columns that are missing or have no unit, an event or a count that is not
        understood, a limit that cannot be read, no rows.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "oven.csv"
    >>> _ = path.write_text("time [h],event,temperature [degC]\\n120,1,125\\n1000,0,125\\n")
    >>> data = read_lifetimes(path)
    >>> (data["upper"].values / 3600).tolist(), float(data["temperature"][0])
    ([120.0, inf], 398.15)
    """
    check_missing(missing, consecutive)
    if failure is not None:
        data = read_measurements(
            path, layout, columns=columns, constants=constants or {}, **options
        )
        return lifetimes_of(data, failure, state=state, missing=missing, consecutive=consecutive)
    if isinstance(columns, str) and columns.endswith(".toml"):
        mapping = load_mapping(columns)
        columns = mapping.get("columns")
        constants = {**mapping.get("constants", {}), **(constants or {})}
    return read_table(path, columns, constants or {}, missing, **options)


def check_missing(missing: str, consecutive: int) -> None:
    """Refuse an unknown treatment of units that lose their reads, or fewer than one read."""
    if missing not in MISSING:
        raise unknown_name("missing", missing, MISSING)
    whole_number(consecutive, "consecutive", low=1)


def lifetimes_of(
    data: xr.Dataset,
    failure: str,
    *,
    state: str | None = None,
    missing: str = "failed",
    consecutive: int = 1,
) -> xr.Dataset:
    """Turn reads of cells into intervals that hold their time to failure.

    Parameters
    ----------
    data : Dataset
        Of `read_measurements` or of a sampled population; ``conductance`` over cells and one of
        time, cycles or reads.
    failure, state
        As for `read_lifetimes`.
    missing : {"failed", "censored", "refuse"}
        What a unit counts as that has no reads any more at read-outs where most units of its
        stress condition and lot have one: failed at the first of them, censored at its last read,
        or an error. Units whose condition ends with them are censored.
    consecutive : int
        Reads in a row beyond the limit that make a failure, which then counts from the first of
        them; shorter runs that a good read ends are noise. A run at the end of the test counts.

    Returns
    -------
    Dataset
        ``lower``, ``upper`` (inf: still good) and ``frequency`` over ``unit``, with ``temperature``
        (K), ``voltage`` (V) and ``lot`` where known; ``attrs["clock"]`` is time, cycles or reads.
        A unit
        that recovers after a failure stays failed. A read over the range of the meter counts by
        the end of the range. Of rows with the same address the last counts (a retest). Units
        beyond the limit at time zero are not on test (``time_zero_rejects``); ``units_lost`` is
        the number of units that lost their reads.

    Raises
    ------
    InputError
        A limit that cannot be read, reads that differ in no time, cycles or reads, or, with
        ``missing="refuse"``, a unit that loses its reads.

    Examples
    --------
    >>> reads = xr.Dataset(
    ...     {"conductance": (("cell", "time"), [[50e-6, 48e-6, 9e-6], [50e-6, 49e-6, 49e-6]])},
    ...     coords={"time": [0.0, 3600.0, 7200.0]})
    >>> found = lifetimes_of(reads, "conductance < 20 uS")
    >>> found["lower"].values.tolist(), found["upper"].values.tolist()
    ([3600.0, 7200.0], [7200.0, inf])
    """
    check_missing(missing, consecutive)
    reads = _reads(data, failure, state)
    rejected = reads.bad & (reads.times <= 0)
    rejects = rejected.any(axis=1)
    lower, upper = _first_failure(reads, consecutive)
    lost = _lost_from(reads)
    lost[np.isfinite(upper) | rejects] = -1
    notes = [*reads.notes, *_lost_notes(reads, lost, missing)]
    notes += _ended_notes(reads, (lost < 0) & np.isinf(upper) & ~rejects)
    gone = lost >= 0
    if missing == "failed":
        upper[gone] = reads.readouts[lost[gone]]
    tested = reads.there & ~rejects & (np.isfinite(upper) | (lower > 0))
    if not tested.any():
        raise InputError("failure: no cell has a read after time 0")
    if rejects.any():
        notes.append(
            f"time-zero rejects: {int(rejects.sum())} of {int(reads.there.sum())} units are beyond "
            "the limit at time zero; they are not on test"
        )
    untested = int((reads.there & ~rejects & ~tested).sum())
    if untested:
        notes.append(
            f"{untested} units have no read to compare after time zero; they are not on test"
        )
    stress = {name: values[tested] for name, values in reads.stress.items()}
    out = intervals(lower[tested], upper[tested], np.ones(int(tested.sum())), stress, reads.clock)
    kept = ("source", "source_sha256", "rows_read", "rows_bad", "bad_lines", "layout_evidence")
    attrs = {name: data.attrs[name] for name in kept if name in data.attrs}
    told: dict[str, NDArray[Any]] = {"time_zero_rejects": np.asarray(rejects), "lost_reads": gone,
                                     "retests": reads.retests,
                                     "over_range": reads.over_range}  # fmt: skip
    return out.assign_attrs(
        attrs
        | {
            "failure": failure
            if consecutive == 1
            else f"{failure} in {consecutive} reads in a row",
            "problems": [*data.attrs.get("problems", []), *notes],
            "time_zero_rejects": int(rejects.sum()),
            "units_lost": int(gone.sum()),
            "units_without_test": untested,
            "of_lots": {
                name: {key: int(values[own].sum()) for key, values in told.items()}
                for name, own in _lots(reads).items()
            },
        }
    )


def reads_of_units(data: xr.Dataset, failure: str, *, state: str | None = None) -> xr.Dataset:
    """Return the reads that a limit is compared with, as degradation paths take them.

    Parameters
    ----------
    data, failure, state
        As for `lifetimes_of`.

    Returns
    -------
    Dataset
        ``time`` (or cycles or reads: ``attrs["clock"]``), ``value`` in the quantity of the limit
        (conductance, resistance, window, or the fraction of the first read), ``unit`` and ``lot``
        over ``read``. Units beyond the limit at time zero and over-range reads are left out;
        ``attrs["limit"]``, ``["quantity"]``, ``["units"]``.

    Examples
    --------
    >>> reads = xr.Dataset(
    ...     {"conductance": (("cell", "time"), [[50e-6, 48e-6, 9e-6], [50e-6, 49e-6, 49e-6]])},
    ...     coords={"time": [0.0, 3600.0, 7200.0]})
    >>> reads_of_units(reads, "resistance > 50 kohm")["value"].values[:2].round().tolist()
    [20000.0, 20833.0]
    """
    what, _, limit, relative = parse_failure(failure)
    reads = _reads(data, failure, state)
    kept = (reads.low == reads.high) & np.isfinite(reads.low)
    rejected = np.asarray((reads.bad & (reads.times <= 0)).any(axis=1), bool)
    kept &= ~rejected[:, None]
    if what == "resistance":
        kept &= reads.low > 0
    unit, _ = np.nonzero(kept)
    value = reads.low[kept]
    lot = np.zeros(len(kept), dtype=object)
    for name, own in _lots(reads).items():
        lot[own] = name
    units = {"conductance": "S", "resistance": "ohm"}.get(what, "1")
    return xr.Dataset(
        {
            "time": ("read", reads.times[kept]),
            "value": ("read", 1 / value if what == "resistance" else value),
            "unit": ("read", unit),
            "lot": ("read", lot[unit].astype(str)),
        },
        attrs={
            "clock": reads.clock, "limit": limit, "failure": failure,
            "quantity": f"{what} over its first read" if relative else what,
            "units": "1" if relative else units,
        },
    )  # fmt: skip


def _lots(reads: "_Reads") -> dict[str, Flags]:
    """Units of each lot; of one without a name where the file names none."""
    if "lot" not in reads.stress:
        return {"": reads.there}
    lots = reads.stress["lot"]
    return {
        str(name): np.asarray(reads.there & (lots == name), bool)
        for name in np.unique(lots[reads.there])
    }


def join_lifetimes(datasets: Sequence[xr.Dataset]) -> xr.Dataset:
    """Put the units of several life tests together.

    Parameters
    ----------
    datasets : sequence of Dataset
        Of `read_lifetimes`, with the same clock and the same stress conditions stated.

    Raises
    ------
    InputError
        One states a temperature or voltage and another does not, or they count different clocks.

    Examples
    --------
    >>> one = intervals(np.array([1.0]), np.array([2.0]), np.ones(1), {}, "time")
    >>> join_lifetimes([one, one]).sizes["unit"]
    2
    """
    first = datasets[0]
    if len(datasets) == 1:
        return first
    names = [str(data.attrs.get("source", number)) for number, data in enumerate(datasets, 1)]
    for name, data in zip(names, datasets, strict=True):
        if data.attrs["clock"] != first.attrs["clock"]:
            raise InputError(
                f"{name} counts {data.attrs['clock']}, {names[0]} counts {first.attrs['clock']}"
            )
        if set(data.data_vars) != set(first.data_vars):
            odd = ", ".join(sorted(set(map(str, data)) ^ set(map(str, first))))
            raise InputError(f"{name} and {names[0]}: only one of them states {odd}")
    out = xr.concat(datasets, "unit", combine_attrs="drop")
    several = ("problems", "layout_evidence")
    summed = ("rows_read", "rows_bad", "units_lost", "time_zero_rejects", "units_without_test")
    return out.assign_attrs(
        {key: first.attrs[key] for key in ("clock", "failure", "reliability_version")
         if key in first.attrs}
        | {"source": ", ".join(names)}
        | {"source_sha256": ", ".join(str(data.attrs.get("source_sha256")) for data in datasets)}
        | {key: [f"{name}: {line}" for name, data in zip(names, datasets, strict=True)
                 for line in data.attrs.get(key, [])] for key in several}
        | {key: sum(int(data.attrs.get(key, 0)) for data in datasets) for key in summed}
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


@dataclass(frozen=True)
class _Reads:
    """Reads of units against a limit.

    Attributes
    ----------
    there : ndarray of bool, shape (units,)
        Units that were read at all.
    good, bad : ndarray of bool, shape (units, read-outs)
        Neither where there is no read, or one that cannot be compared.
    low, high : ndarray, shape (units, read-outs)
        Least and greatest value of each read; of a limit of resistance the conductance.
    retests, over_range : ndarray of int, shape (units,)
        How many read-outs were repeated, and how many were beyond the range of the meter.
    times : ndarray, shape (units, read-outs)
        When each was taken.
    readouts : ndarray, shape (read-outs,)
        Nominal times.
    stress : dict of str to ndarray, shape (units,)
    clock : str
    notes : list of str
    """

    there: Flags
    good: Flags
    bad: Flags
    low: Array
    high: Array
    retests: NDArray[np.int64]
    over_range: NDArray[np.int64]
    times: Array
    readouts: Array
    stress: dict[str, NDArray[Any]]
    clock: str
    notes: list[str]


def _reads(data: xr.Dataset, failure: str, state: str | None) -> _Reads:
    what, sign, limit, relative = parse_failure(failure)
    low, high = _bounds(data)
    clock = next((name for name in CLOCKS if low.sizes.get(name, 1) > 1), None)
    if clock is None:
        raise InputError("failure: the reads do not differ in time, cycles or reads")
    if state is not None or what == "window":
        low, high = _of_state(data, low, high, what, state)
    if what == "resistance":  # an open cell has none that could be compared, but its conductance
        sign, limit = -sign, 1 / limit if limit > 0 else np.inf
    notes: list[str] = []
    dims = [d for d in low.dims if d not in (clock, "repeat")]
    repeated = xr.zeros_like(low, dtype=bool)
    if low.sizes.get("repeat", 1) > 1:
        repeated = low.notnull().sum("repeat") > 1
        low, high = _last_repeat(low, high, notes)
    low, high = low.transpose(*dims, clock), high.transpose(*dims, clock)
    shape = (-1, low.sizes[clock])
    a, b = low.values.reshape(shape), high.values.reshape(shape)
    there = (~np.isnan(a)).any(axis=1)
    retests = repeated.transpose(*dims, clock).values.reshape(shape).sum(axis=1)
    over_range = ((a != b) & ~np.isnan(a)).sum(axis=1)
    if relative:
        a, b = _relative(a, b)
    with np.errstate(invalid="ignore"):
        bad = (a > limit) if sign > 0 else (b < limit)
        good = (b <= limit) if sign > 0 else (a >= limit)
    unclear = int((~good & ~bad & ~(np.isnan(a) | np.isnan(b))).sum())
    if unclear:
        notes.append(f"{unclear} over-range reads say too little for the limit; they are missing")
    stress: dict[str, NDArray[Any]] = {}
    for name, source in (("temperature", "temperature"), ("voltage", "read_voltage")):
        if source in data.coords:
            on = data[source].broadcast_like(low.isel({clock: 0}, drop=True))
            stress[name] = on.transpose(*dims).values.ravel().astype(float)
    if "lot" in data.coords and set(data["lot"].dims) <= set(dims):
        on = data["lot"].broadcast_like(low.isel({clock: 0}, drop=True))
        stress["lot"] = on.transpose(*dims).values.ravel()
    if "temperature" in dims and low.sizes["temperature"] > 1:
        each = (good | bad).any(axis=1).reshape(low.shape[:-1]).sum(dims.index("temperature"))
        if (each > 1).any():
            notes.append("cells were baked at several temperatures: each bake counts as one unit")
    readouts = low[clock].values.astype(float)
    return _Reads(
        there, good, bad, a, b, retests, over_range, _times(data, low, clock), readouts, stress,
        clock, notes,
    )  # fmt: skip


def _bounds(data: xr.Dataset) -> tuple[xr.DataArray, xr.DataArray]:
    """Least and greatest conductance that each read allows: the same unless it is over-range."""
    if "conductance" not in data:
        also = (
            "; give read_voltage under [constants] of a columns file" if "current" in data else ""
        )
        raise InputError(f"failure: the file has no conductance to compare{also}")
    g = data["conductance"].where(np.isfinite(data["conductance"]))
    below, above = data.get("conductance_below"), data.get("conductance_above")
    if "read_voltage" in data.coords and "current" in data:
        if below is None and "current_below" in data:
            below = data["current_below"] / data["read_voltage"]
        if above is None and "current_above" in data:
            above = data["current_above"] / data["read_voltage"]
    low, high = g, g
    if below is not None:
        only = g.isnull() & below.notnull()
        low, high = low.where(~only, 0.0), high.where(~only, below)
    if above is not None:
        only = g.isnull() & above.notnull()
        low, high = low.where(~only, above), high.where(~only, np.inf)
    return low.transpose(*g.dims), high.transpose(*g.dims)


def _last_repeat(
    low: xr.DataArray, high: xr.DataArray, notes: list[str]
) -> tuple[xr.DataArray, xr.DataArray]:
    """Of the reads of a cell at one time keep the last: a retest replaces what it repeats."""
    known = low.notnull()
    several = int((known.sum("repeat") > 1).sum())
    filled = int(known.any("repeat").sum())
    if 2 * several > filled and low.sizes.get("cell", 1) > 1:
        raise InputError(
            f"{several} of {filled} cells and read-outs have several reads each; say with columns "
            "which column distinguishes them"
        )
    notes.append(f"{several} read-outs of cells were repeated: the last read of each counts")
    return _last(low), _last(high)


def _last(values: xr.DataArray) -> xr.DataArray:
    """The last entry along ``repeat`` that is there."""
    there = values.notnull().isel(repeat=slice(None, None, -1))
    place = values.sizes["repeat"] - 1 - there.argmax("repeat")
    return values.isel(repeat=place).drop_vars("repeat", errors="ignore")


def _relative(low: Array, high: Array) -> tuple[Array, Array]:
    """Divide by the first read; NaN where that is over-range or not above zero."""
    first = np.argmax(~np.isnan(low), axis=1)[:, None]
    start, exact = np.take_along_axis(low, first, 1), np.take_along_axis(high, first, 1)
    start = np.where((start > 0) & (start == exact), start, np.nan)
    return low / start, high / start


def _times(data: xr.Dataset, like: xr.DataArray, clock: str) -> Array:
    times = np.broadcast_to(like[clock].values.astype(float), like.shape)
    if "elapsed" in data and clock == "time":
        elapsed = data["elapsed"]
        if "repeat" in elapsed.dims:
            elapsed = _last(elapsed)
        if "state" in elapsed.dims and "state" not in like.dims:
            elapsed = elapsed.isel(state=0, drop=True)
        elapsed = elapsed.broadcast_like(like).transpose(*like.dims)
        times = np.where(np.isnan(elapsed.values), times, elapsed.values)
    return times.reshape(-1, like.sizes[clock])


def _first_failure(reads: _Reads, consecutive: int) -> tuple[Array, Array]:
    """Last good time before the first failure, and the time of that failure (inf: none)."""
    units = len(reads.good)
    lower, upper = np.zeros(units), np.full(units, np.inf)
    run, start = np.zeros(units, dtype=int), np.full(units, np.inf)
    for good, bad, time in zip(reads.good.T, reads.bad.T, reads.times.T, strict=True):
        open_ = np.isinf(upper)
        run = np.where(bad, run + 1, np.where(good, 0, run))
        start = np.where(bad & (run == 1), time, start)
        confirmed = open_ & bad & (run >= consecutive)
        upper[confirmed] = start[confirmed]
        held = open_ & good
        lower[held] = time[held]
    ended = np.isinf(upper) & (run > 0)
    upper[ended] = start[ended]
    return lower, upper


def _lost_from(reads: _Reads) -> NDArray[np.int64]:
    """Read-out from which a unit has no reads while most of its group have; -1: none."""
    known = reads.good | reads.bad
    on_test = known.any(axis=1)
    codes = [np.unique(values, return_inverse=True)[1] for values in reads.stress.values()]
    conditions = np.stack(codes or [np.zeros(len(known), dtype=np.int64)], 1)
    _, group = np.unique(conditions, axis=0, return_inverse=True)
    lost = np.full(len(known), -1, dtype=np.int64)
    count = known.shape[1]
    for number in np.unique(group[on_test]):
        members = np.flatnonzero(on_test & (group.ravel() == number))
        expected = known[members].mean(axis=0) > 0.5
        last = count - 1 - np.argmax(known[members][:, ::-1], axis=1)
        after = expected[None, :] & (np.arange(count) > last[:, None])
        found = after.any(axis=1)
        lost[members[found]] = np.argmax(after[found], axis=1)
    return lost


def _lost_notes(reads: _Reads, lost: NDArray[np.int64], missing: str) -> list[str]:
    gone = lost[lost >= 0]
    return [lost_note(reads.readouts[gone], reads.clock, missing)] if gone.size else []


def _ended_notes(reads: _Reads, survivors: Flags) -> list[str]:
    """Say which survivors were read to an earlier read-out than others, as planned for them."""
    known = reads.good | reads.bad
    survivors = survivors & known.any(axis=1)
    last = known.shape[1] - 1 - np.argmax(known[:, ::-1], axis=1)
    places, counts = np.unique(last[survivors], return_counts=True)
    parts = [
        f"{count} to {clock_text(reads.readouts[place], reads.clock)}"
        for place, count in zip(places, counts, strict=True)
    ]
    return [f"survivors were read to different times: {', '.join(parts)}"] if len(parts) > 1 else []


def _of_state(
    data: xr.Dataset, low: xr.DataArray, high: xr.DataArray, what: str, state: str | None
) -> tuple[xr.DataArray, xr.DataArray]:
    if "state" not in data.coords:
        raise InputError("state: the file does not name states")
    names = [str(name) for name in np.unique(data["state"].values)]
    if what == "window":
        if "state" not in low.dims or not {"LRS", "HRS"} <= set(names):
            raise InputError("failure: a window needs LRS and HRS reads of the same cells")
        (lrs, top), (hrs, most) = (
            (low.sel(state=name, drop=True), high.sel(state=name, drop=True))
            for name in ("LRS", "HRS")
        )
        return _ratio(lrs, most), _ratio(top, hrs)
    if state not in names:
        raise unknown_name("state", str(state), names)
    if "state" in low.dims:
        return low.sel(state=state, drop=True), high.sel(state=state, drop=True)
    there = data["state"] == state
    return low.where(there), high.where(there)


def _ratio(lrs: xr.DataArray, hrs: xr.DataArray) -> xr.DataArray:
    """Window of two conductances; an HRS of no current, or less by the meter's error, is open."""
    open_or_none = xr.where(lrs > 0, np.inf, 0.0)
    window = xr.where(hrs > 0, lrs / hrs.where(hrs > 0), open_or_none)
    return window.where(lrs.notnull() & hrs.notnull())
