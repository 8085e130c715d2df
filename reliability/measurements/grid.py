"""Put rows in any order onto the grid of a Dataset: wafer, die, cell and the stress axes."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.errors import InputError
from reliability.measurements.log import Log
from reliability.measurements.names import AXES, KNOWN
from reliability.measurements.spool import Spool, filled_array

_KEYS = {
    "wafer": (("lot", "wafer"), ("wafer",), ("lot",)),
    "die": (("die",), ("die_x", "die_y"), ("x", "y")),
    "cell": (("cell",), ("row", "column")),
    "time": (("nominal_time",), ("time",)),
}
_HIERARCHY = ("wafer", "die", "cell")
_TOGETHER = 16  # rows a read time; times that more rows have in common are nominal ones
_GAP = 1.5  # a larger factor from one read time to the next separates two time points


def build_dataset(
    rows: Spool,
    labels: Mapping[str, Sequence[str]],
    log: Log,
    *,
    units: Mapping[str, str],
    extra_axes: Sequence[str] = (),
    time_points: Sequence[float] = (),
) -> xr.Dataset:
    """Arrange rows as arrays over wafer, die, cell and every axis that takes more than one value.

    Parameters
    ----------
    rows : Spool
        One column for each name; labels as their number in ``labels``.
    labels : mapping of str to sequence of str
    log : Log
        Takes notes of contradictions.
    units : mapping of str to str
        Unit of each column.
    extra_axes : sequence of str
        Columns that are axes besides the known ones.
    time_points : sequence of float
        Nominal times (s) that reads are assigned to; found from the data when empty.

    Returns
    -------
    Dataset
        Missing reads are NaN. Rows with the same address make the dimension ``repeat``, numbered in
        the order of the file. Where reads of one nominal time were taken at different times, these
        are in ``elapsed``.

    Raises
    ------
    InputError
        The rows are so scattered that the grid would be far larger than they are.
    """
    grid = _Grid(rows, extra_axes)
    if "state" in rows.names and not grid.constant_in_cell("state"):
        grid.add_axis("state", ("state",))
    grid.find_levels(np.asarray(time_points, dtype=np.float64))
    size = grid.count_repeats()
    if size > max(64 * rows.count, 1 << 20):
        sizes = ", ".join(f"{axis} {count}" for axis, count in grid.sizes().items())
        raise InputError(
            f"{rows.count} rows do not fill a grid of {size} ({sizes}); "
            "name the columns that distinguish repeats, or give time_points"
        )
    arrays = grid.scatter()
    return _assemble(grid, arrays, labels, log, units)


class _Grid:
    def __init__(self, rows: Spool, extra_axes: Sequence[str]) -> None:
        self.rows = rows
        self.index = {name: position for position, name in enumerate(rows.names)}
        self.axes: dict[str, tuple[str, ...]] = {}
        self.levels: dict[str, NDArray[Any]] = {}
        self.edges: NDArray[np.float64] | None = None  # lower edge of each group of times
        self.repeats = 1
        for axis in (*AXES, *extra_axes):
            if axis == "state":
                continue
            for columns in _KEYS.get(axis, ((axis,),)):
                if all(column in self.index for column in columns):
                    self.axes[axis] = columns
                    break

    def add_axis(self, axis: str, columns: tuple[str, ...]) -> None:
        order = [name for name in (*AXES, *self.axes) if name in self.axes or name == axis]
        self.axes = {name: self.axes.get(name, columns) for name in dict.fromkeys(order)}

    def sizes(self) -> dict[str, int]:
        sizes = dict.fromkeys(_HIERARCHY, 1)
        sizes.update({axis: len(self.levels[axis]) for axis in self.axes})
        if self.repeats > 1:
            sizes["repeat"] = self.repeats
        return sizes

    def column(self, block: NDArray[np.float64], name: str) -> NDArray[np.float64]:
        return block[:, self.index[name]]

    def key(self, block: NDArray[np.float64], axis: str) -> NDArray[Any]:
        """Return one number a row; a pair of columns makes a complex one, which sorts as a pair."""
        columns = [self.column(block, name) for name in self.axes[axis]]
        return columns[0] if len(columns) == 1 else columns[0] + 1j * columns[1]

    def place(self, block: NDArray[np.float64], axes: Sequence[str]) -> NDArray[np.int64]:
        """Return the flat position of each row on some of the axes."""
        flat = np.zeros(len(block), dtype=np.int64)
        for axis in axes:
            if axis not in self.axes:
                continue
            key = self.key(block, axis)
            if axis == "time" and self.edges is not None:
                position = np.searchsorted(self.edges, key, side="right") - 1
                position = np.maximum(position, 0)
            else:
                position = np.searchsorted(self.levels[axis], key)
            flat = flat * len(self.levels[axis]) + position
        return flat

    def unique(self, axis: str) -> NDArray[Any]:
        found: list[NDArray[Any]] = []
        for block in self.rows:
            found.append(np.unique(self.key(block, axis)))
            if sum(map(len, found[1:])) > max(1 << 16, len(found[0])):  # keep what waits small
                found = [np.unique(np.concatenate(found))]
        return np.unique(np.concatenate(found))

    def constant_in_cell(self, name: str) -> bool:
        """Tell whether a column has one value in each cell."""
        cells = [axis for axis in _HIERARCHY if axis in self.axes]
        self.levels.update({axis: self.unique(axis) for axis in cells})
        total = math.prod(len(self.levels[axis]) for axis in cells)
        first = filled_array([total])
        for block in self.rows:
            flat, value = self.place(block, cells), self.column(block, name)
            new = np.isnan(first[flat])
            first[flat[new]] = value[new]
            if not np.array_equal(first[flat], value, equal_nan=True):
                return False
        return True

    def find_levels(self, time_points: NDArray[np.float64]) -> None:
        for axis in self.axes:
            self.levels[axis] = self.unique(axis)
        if "time" not in self.axes:
            return
        if time_points.size:
            points = np.sort(time_points)
            with np.errstate(divide="ignore"):
                middle = np.sqrt(points[1:] * points[:-1])  # the middle in log time
            middle = np.where(points[:-1] == 0, points[1:] / 10, middle)
            self.edges = np.concatenate([[-np.inf], middle])
            self.levels["time"] = points
            return
        others = math.prod(len(self.levels[axis]) for axis in self.axes if axis != "time")
        times = self.levels["time"]
        scattered = len(times) * others > 4 * self.rows.count  # most places would stay empty
        if scattered and len(times) * _TOGETHER > self.rows.count:
            with np.errstate(divide="ignore", invalid="ignore"):
                split = np.concatenate([[True], times[1:] > _GAP * times[:-1]])
            starts = np.flatnonzero(split)
            self.edges = times[starts]
            groups = np.split(times, starts[1:])
            self.levels["time"] = np.array([np.median(group) for group in groups])

    def count_repeats(self) -> int:
        """Find how often the fullest address occurs; return the number of places in the grid."""
        total = math.prod(self.sizes().values())
        if total > max(64 * self.rows.count, 1 << 20):
            return total
        counts = filled_array([total], 0, np.int32)
        for block in self.rows:
            places, times = np.unique(self.place(block, list(self.axes)), return_counts=True)
            counts[places] += times.astype(np.int32)
        self.repeats = int(counts.max(initial=1))
        return total * self.repeats

    def properties(self, role: str) -> list[str]:
        """Return the columns that describe a wafer, a die or a cell."""
        names = [name for name in self.index if name in KNOWN and KNOWN[name].role == role]
        return [name for name in names if name not in self.axes]

    def values(self) -> list[str]:
        """Return the measured columns, and ``time`` when the axis shows nominal times."""
        taken = {name for columns in self.axes.values() for name in columns}
        taken.update(name for role in _HIERARCHY for name in self.properties(role))
        names = [name for name in self.index if name not in taken and name != "time"]
        timed = self.edges is not None or ("time" in self.index and self.axes["time"] != ("time",))
        return [*names, "time"] if timed else names

    def scatter(self) -> dict[str, NDArray[np.float64]]:
        """Return the arrays of all measured values over all axes, and of ``time`` as measured."""
        shape = list(self.sizes().values())
        names = self.values()
        arrays = {name: filled_array(shape) for name in names}
        flats = {name: array.reshape(-1) for name, array in arrays.items()}
        seen = filled_array([math.prod(shape) // self.repeats], 0, np.int32)
        for block in self.rows:
            flat = self.place(block, list(self.axes))
            if self.repeats > 1:
                order = np.argsort(flat, kind="stable")
                ordered = flat[order]
                first = np.searchsorted(ordered, ordered)
                number = np.empty(len(flat), dtype=np.int64)
                number[order] = np.arange(len(flat)) - first + seen[ordered]
                np.add.at(seen, flat, 1)
                flat = flat * self.repeats + number
            for name in names:
                flats[name][flat] = self.column(block, name)
        return arrays

    def property_array(self, name: str, axes: Sequence[str]) -> tuple[NDArray[np.float64], int]:
        """Return a property over some axes, and how many rows contradict the first that gave it."""
        shape = [self.sizes()[axis] for axis in axes]
        array = filled_array(shape)
        flat_array = array.reshape(-1)
        contradictions = 0
        for block in self.rows:
            flat, value = self.place(block, axes), self.column(block, name)
            new = np.isnan(flat_array[flat]) & ~np.isnan(value)
            flat_array[flat[new][::-1]] = value[new][::-1]
            contradictions += int(np.sum((flat_array[flat] != value) & ~np.isnan(value)))
        return array, contradictions


def _assemble(
    grid: _Grid,
    arrays: Mapping[str, NDArray[np.float64]],
    labels: Mapping[str, Sequence[str]],
    log: Log,
    units: Mapping[str, str],
) -> xr.Dataset:
    sizes = grid.sizes()
    dims = tuple(sizes)
    names = {"time": "elapsed"}
    dataset = xr.Dataset(
        {
            names.get(name, name): (dims, array, {"units": units.get(name, "")})
            for name, array in arrays.items()
        }
    )
    for axis, size in sizes.items():
        levels = grid.levels.get(axis, np.arange(size))
        attrs = {"units": units.get(axis, KNOWN[axis].unit if axis in KNOWN else "")}
        if axis == "wafer" and "lot" in grid.axes.get(axis, ()):
            values = _wafer_labels(levels, grid.axes[axis], labels, log)
        else:
            if len(grid.axes.get(axis, ())) == 2:  # a pair of coordinates: a die or a cell
                levels = np.arange(size)
            values = _decode(levels, labels.get(axis), attrs["units"])
        dataset = dataset.assign_coords({axis: (axis, values, attrs)})
    for role, axes in (("wafer", ("wafer",)), ("die", ("die",)), ("cell", _HIERARCHY)):
        for name in grid.properties(role):
            array, contradictions = grid.property_array(name, axes)
            if contradictions:
                log.note(f"{name}: {contradictions} rows contradict an earlier row of their {role}")
            if role == "cell" and array.shape[:2] == (1, 1):
                axes, array = ("cell",), array[0, 0]
            values = _decode(array, labels.get(name), KNOWN[name].unit)
            dataset[name] = (axes, values, {"units": KNOWN[name].unit})
            if name != "initial_conductance":
                dataset = dataset.set_coords(name)
    single = [axis for axis, size in sizes.items() if size == 1 and axis not in _HIERARCHY]
    return dataset.squeeze(single)


def _wafer_labels(
    keys: NDArray[Any], columns: Sequence[str], labels: Mapping[str, Sequence[str]], log: Log
) -> NDArray[Any]:
    """Return names of wafers that are one wafer each: with the lot, where lots use the same numbers."""
    lots = _decode(np.real(keys), labels.get("lot"), "")
    if columns == ("lot",):
        if len(lots) > 1:
            log.note("no column names the wafers: each lot counts as one wafer")
        return lots
    wafers = _decode(np.imag(keys), labels.get("wafer"), "")
    if len(np.unique(wafers)) == len(wafers):
        return wafers
    log.note("lots use the same wafer numbers: wafers are named lot/wafer")
    return np.array([f"{lot}/{wafer}" for lot, wafer in zip(lots, wafers, strict=True)])


def _decode(values: NDArray[Any], labels: Sequence[str] | None, unit: str) -> NDArray[Any]:
    """Return labels as text and whole pure numbers (addresses, levels, counts) as integers."""
    if labels is not None:
        texts = np.array([*labels, ""], dtype=str)
        return texts[np.where(np.isnan(values), len(labels), values).astype(int)]
    whole = values.dtype.kind == "f" and not unit and bool(np.all(values == np.round(values)))
    whole = whole and bool(np.all(np.abs(values) < 2.0**53))
    return values.astype(np.int64) if whole else values
