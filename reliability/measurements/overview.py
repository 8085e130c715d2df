"""What was understood of a file: sizes, quantities, ranges, missing values, problems."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

_BARS = " ▁▂▃▄▅▆▇█"
_BLOCK = 1 << 18  # values looked at a time
_SAMPLE = 1 << 20  # values that the median is taken from


@dataclass(frozen=True)
class Axis:
    """A dimension or a coordinate: how many values, from where to where.

    Parameters
    ----------
    name, units : str
    count : int
        Different values.
    low, high : float or str
        First and last; text for labels.
    values : tuple
        All of them when they are few.
    dimension : bool
    """

    name: str
    units: str
    count: int
    low: Any
    high: Any
    values: tuple[Any, ...]
    dimension: bool


@dataclass(frozen=True)
class Values:
    """A measured quantity.

    Parameters
    ----------
    name, units : str
    dims : tuple of str
    count, missing, not_positive : int
        Places in the array; places without a value; values of 0 or less.
    low, median, high : float
        In ``units``; the median of at most 2**20 evenly spaced values.
    histogram : str
        One bar for each bin between ``low`` and ``high``.
    scale : {"log", "linear"}
        Of the bins.
    """

    name: str
    units: str
    dims: tuple[str, ...]
    count: int
    missing: int
    not_positive: int
    low: float
    median: float
    high: float
    histogram: str
    scale: str


@dataclass(frozen=True)
class Summary:
    """What `inspect` found; plain data, for printing or for JSON (`dataclasses.asdict`).

    ``layout_evidence`` says what each column was taken for and why; ``overrange`` is the number of
    values beyond the range of the meter.
    """

    source: str
    sha256: str
    layout: str
    rows: int
    bad: int
    bad_lines: str
    blank: int
    overrange: int
    problems: tuple[str, ...]
    sizes: dict[str, int]
    axes: tuple[Axis, ...]
    quantities: tuple[Values, ...]
    metadata: dict[str, str] = field(default_factory=dict)
    layout_evidence: tuple[str, ...] = ()


def inspect(dataset: xr.Dataset, *, bins: int = 24) -> Summary:
    """Describe a Dataset of measurements (or any Dataset of the same currency).

    Parameters
    ----------
    dataset : Dataset
        Large arrays are looked at in pieces.
    bins : int
        Bars of a histogram.

    Returns
    -------
    Summary

    Examples
    --------
    >>> import xarray as xr
    >>> data = xr.Dataset({"conductance": ("cell", [1e-5, 2e-5, np.nan], {"units": "S"})})
    >>> seen = inspect(data, bins=4).quantities[0]
    >>> seen.missing, seen.low, seen.high, seen.histogram
    (1, 1e-05, 2e-05, '█  █')
    """
    attrs = dataset.attrs
    return Summary(
        source=str(attrs.get("source", "")),
        sha256=str(attrs.get("source_sha256", "")),
        layout=str(attrs.get("layout", "")),
        rows=int(attrs.get("rows_read", 0)),
        bad=int(attrs.get("rows_bad", 0)),
        bad_lines=str(attrs.get("bad_lines", "")),
        blank=int(attrs.get("rows_blank", 0)),
        overrange=int(attrs.get("values_overrange", 0)),
        problems=tuple(attrs.get("problems", ())),
        sizes={str(name): int(size) for name, size in dataset.sizes.items()},
        axes=tuple(_axis(dataset, str(name)) for name in dataset.coords),
        quantities=tuple(_values(dataset[name], bins) for name in dataset.data_vars),
        metadata={
            str(key): str(value) for key, value in attrs.items() if str(key).startswith("tester_")
        },
        layout_evidence=tuple(attrs.get("layout_evidence", ())),
    )


def engineering(values: Sequence[Any], units: str) -> str:
    """Write temperatures in °C and times from an hour on in h; "" for everything else.

    >>> engineering([298.15, 398.15], "K"), engineering([0.0, 604800.0], "s")
    ('25, 125 °C', '0, 168 h')
    """
    numbers = [float(value) for value in values if isinstance(value, (int, float))]
    if not numbers or (units == "s" and max(numbers) < 3600) or units not in ("K", "s"):
        return ""
    if units == "s" and min((value for value in numbers if value > 0), default=0) < 60:
        return f"up to {max(numbers) / 3600:.4g} h"
    shown = [value - 273.15 if units == "K" else value / 3600 for value in numbers]
    return f"{', '.join(f'{value:.6g}' for value in shown)} {'°C' if units == 'K' else 'h'}"


def _axis(dataset: xr.Dataset, name: str) -> Axis:
    coordinate = dataset[name]
    values = coordinate.values.reshape(-1)
    if values.dtype.kind == "f":
        values = values[~np.isnan(values)]
    unique = np.unique(values)
    shown = unique.tolist()
    return Axis(
        name=name,
        units=str(coordinate.attrs.get("units", "")),
        count=len(shown),
        low=shown[0] if shown else None,
        high=shown[-1] if shown else None,
        values=tuple(shown) if len(shown) <= 12 else (),
        dimension=name in dataset.dims,
    )


def _blocks(array: NDArray[Any]) -> Iterator[NDArray[np.float64]]:
    flat = array.reshape(-1)
    for start in range(0, flat.size, _BLOCK):
        block = np.asarray(flat[start : start + _BLOCK], dtype=np.float64)
        yield block[~np.isnan(block)]


def _values(variable: xr.DataArray, bins: int) -> Values:
    array = variable.values
    found, not_positive, low, high = 0, 0, np.inf, -np.inf
    for block in _blocks(array):
        if block.size:
            found += block.size
            not_positive += int(np.sum(block <= 0))
            low, high = min(low, float(block.min())), max(high, float(block.max()))
    name, units = str(variable.name), str(variable.attrs.get("units", ""))
    dims = tuple(str(dim) for dim in variable.dims)
    if found == 0:
        nan = float("nan")
        return Values(name, units, dims, array.size, array.size, 0, nan, nan, nan, "", "linear")
    log = not_positive == 0 and high > 10 * low
    ends = (np.log(low), np.log(high)) if log else (low, high)
    edges = np.linspace(ends[0], ends[1], bins + 1)
    counts = np.zeros(bins, dtype=np.int64)
    for block in _blocks(array):
        scaled = np.clip(np.log(block) if log else block, edges[0], edges[-1])
        counts += np.histogram(scaled, edges)[0] if high > low else 0
    step = max(array.size // _SAMPLE, 1)
    sample = array.reshape(-1)[::step]
    if np.isnan(sample).all():  # very sparse: no evenly spaced place was filled
        sample = next(block for block in _blocks(array) if block.size)
    return Values(
        name=name,
        units=units,
        dims=dims,
        count=array.size,
        missing=array.size - found,
        not_positive=not_positive,
        low=low,
        median=float(np.nanmedian(sample)),
        high=high,
        histogram=sparkline(counts) if high > low else _BARS[-1],
        scale="log" if log else "linear",
    )


def sparkline(counts: NDArray[np.int64]) -> str:
    """Draw counts as bars of one character; a count above zero is not empty.

    >>> sparkline(np.array([0, 1, 50, 100]))
    ' ▁▄█'
    """
    top = max(int(counts.max(initial=0)), 1)
    heights = np.ceil(counts * (len(_BARS) - 1) / top).astype(int)
    return "".join(_BARS[height] for height in heights)
