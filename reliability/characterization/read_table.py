"""Measured Datasets as columns: one row a read, with the cell, the run and the first read of each.

A run is what follows one programming of a cell: its reads at all times, or after all numbers of
reads, under one condition. Cells are the independent units of every estimate.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from reliability.errors import InputError
from reliability.technology import STATES

Array = NDArray[np.float64]
ROOM = 298.15  # K, where a file says nothing of the temperature
_HIERARCHY = ("wafer", "die", "cell")
_AXES = ("temperature", "read_voltage", "cycles", "reads", "time")
_OTHER = (
    *("pulse_width", "word_line_voltage", "bit_line_voltage", "source_line_voltage"),
    *("repeat", "test"),
)


@dataclass(frozen=True)
class Reads:
    """Reads of one file.

    Attributes
    ----------
    table : DataFrame
        ``conductance`` (S) of every read that is there; ``cell`` (0, 1, ... over all wafers),
        ``lot``, ``wafer``, ``die``; ``run``; ``first``, the conductance (S) at the start of the
        run, NaN where it was not read; ``state`` ("LRS", "HRS" or "") and ``target`` (S or level
        number, else NaN); ``temperature`` (K), ``read_voltage`` (V), ``cycles``, ``reads``,
        ``time`` (s) and ``point`` (nominal time, s), NaN where the file does not say; ``radius``
        (mm).
    source : str
        File, number of cells and reads, digest, and where ``attrs["origin"]`` says it is from.
    is_level_number : bool
        Whether ``target`` numbers the levels instead of giving their conductance.
    is_from_first_read : bool
        Whether ``target`` was taken from the first read, so that it says nothing of programming.
    """

    table: pd.DataFrame
    source: str
    is_level_number: bool = False
    is_from_first_read: bool = False

    @property
    def cells(self) -> int:
        """Number of cells."""
        return int(self.table["cell"].max()) + 1

    def has(self, axis: str, values: int = 2) -> bool:
        """Return whether an axis takes at least so many values."""
        return int(self.table[axis].nunique()) >= values


def reads_of(dataset: xr.Dataset) -> Reads:
    """Return the reads of a measured Dataset as columns.

    Parameters
    ----------
    dataset : Dataset
        From `reliability.read_measurements`.

    Raises
    ------
    InputError
        No conductance in it, or no value.

    Examples
    --------
    >>> data = xr.Dataset({"conductance": (("cell", "time"), [[5e-5, 4e-5], [6e-5, np.nan]])},
    ...                   coords={"time": [0.0, 3600.0]}, attrs={"source": "a.csv"})
    >>> reads_of(data).table[["cell", "time", "conductance", "first"]].values.tolist()
    [[0.0, 0.0, 5e-05, 5e-05], [0.0, 3600.0, 4e-05, 5e-05], [1.0, 0.0, 6e-05, 6e-05]]
    """
    name = str(dataset.attrs.get("source", "the Dataset"))
    if "conductance" not in dataset:
        also = "; give read_voltage in constants={...}, or under [constants] of a columns file"
        also = also if "current" in dataset else ""
        pair = {"conductance_before", "conductance_after"}
        there = pair & set(dataset)
        if len(there) == 1:
            also = f"; a bake has reads before and after it: no {min(pair - there)}"
        elif there:
            also = "; reads before and after a bake need its time, as in FILE@time=30min"
        raise InputError(
            f"{name}: no conductance in it, found {', '.join(map(str, dataset))}{also}"
        )
    values = dataset["conductance"]
    for dim in values.dims:
        if dim not in (*_HIERARCHY, *_AXES, *_OTHER, "state"):
            raise InputError(f"{name}: the axis {str(dim)!r} is not one that can be fitted")
    flat = values.values.ravel()
    there = np.isfinite(flat)
    if not there.any():
        raise InputError(f"{name}: no value in it")

    def column(coordinate: xr.DataArray) -> NDArray[Any]:
        return np.asarray(coordinate.broadcast_like(values).transpose(*values.dims).values.ravel())[
            there
        ]

    def axis(key: str) -> NDArray[Any]:
        if key in dataset.coords or key in dataset:
            return column(dataset[key])
        return np.full(int(there.sum()), np.nan)

    table = pd.DataFrame({"conductance": flat[there]})
    index = [_index(values, dim) for dim in _HIERARCHY]
    codes = [i if np.ndim(i) == 0 else column(i) for i in index]
    table["wafer"], table["die"], table["cell"] = codes[0], codes[1], _combined(codes, len(table))
    for key in _AXES:
        table[key] = pd.to_numeric(pd.Series(axis(key)), errors="coerce")
    table["point"] = table["time"]
    if "elapsed" in dataset:
        elapsed = column(dataset["elapsed"])
        table["time"] = np.where(np.isfinite(elapsed), elapsed, table["time"])
    table["lot"] = pd.factorize(pd.Series(axis("lot")))[0]
    table["radius"] = pd.to_numeric(pd.Series(axis("radius")), errors="coerce")
    numbered = _label(dataset, table, column)
    others = [key for key in _OTHER if key in values.dims]
    for key in others:
        table[key] = column(dataset[key])
    keys = ["cell", "state", "target", "temperature", "read_voltage", *others]
    if "cycles" in values.dims:
        keys.append("cycles")
    table["run"] = table.groupby(keys, dropna=False, sort=False).ngroup()
    table["first"] = _first(dataset, table, column)
    read = f"{name} ({table['cell'].nunique()} cells, {len(table)} reads)"
    digest = dataset.attrs.get("source_sha256")
    source = f"{read}, sha256 {digest}" if digest else read
    origin = dataset.attrs.get("origin")
    return Reads(table, f"{source}, {origin}" if origin else source, numbered)


def _index(values: xr.DataArray, dim: str) -> Any:
    if dim not in values.dims:
        return 0
    return xr.DataArray(np.arange(values.sizes[dim]), dims=dim)


def _combined(codes: list[Any], rows: int) -> NDArray[np.intp]:
    """Number the cells of all wafers and dies, without gaps."""
    whole = np.zeros(rows, np.int64)
    for code in codes:
        top = int(np.max(code)) + 1
        whole = whole * top + code
    return np.asarray(np.unique(whole, return_inverse=True)[1])


def _label(dataset: xr.Dataset, table: pd.DataFrame, column: Any) -> bool:
    """Add ``state`` and ``target``; return whether the target is the number of a level."""
    table["state"], table["target"] = "", np.nan
    if "target" in dataset.coords or "target" in dataset:
        table["target"] = column(dataset["target"]).astype(float)
        return False
    if "state" not in dataset.coords:
        return False
    labels = column(dataset["state"])
    if labels.dtype.kind in "USO":
        names = pd.Series(labels).astype(str).str.upper()
        wrong = names[~names.isin(STATES)]
        if wrong.empty:
            table["state"] = names
            return False
        numbers = pd.to_numeric(wrong, errors="coerce")
        if numbers.isna().any():
            name = dataset.attrs.get("source", "the Dataset")
            raise InputError(
                f"{name}: state: got {wrong[numbers.isna()].iloc[0]!r}, allowed LRS, HRS, or the "
                "number of a level"
            )
    table["target"] = pd.to_numeric(pd.Series(labels), errors="coerce").astype(float)
    return True


def _first(dataset: xr.Dataset, table: pd.DataFrame, column: Any) -> Array:
    """Conductance at time 0, or before the first read, of each row's run."""
    order = table[["time", "reads"]].fillna(0.0).max(axis=1)
    start = table[order == 0].groupby("run")["conductance"].first()
    first = table["run"].map(start)
    if "initial_conductance" in dataset:
        first = first.fillna(pd.Series(column(dataset["initial_conductance"])))
    return np.asarray(first, float)
