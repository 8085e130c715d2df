"""Lifetimes as they come from a test, checked and brought to one form."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reliability.errors import InputError
from reliability.units import COLD, kelvin

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Observations:
    """Intervals that hold each time to failure.

    Attributes
    ----------
    lower, upper, frequency : ndarray, shape (n,)
        ``lower == upper``: exact; ``upper`` infinite: right-censored.
    entry, leave : ndarray, shape (n,), or None
        Truncation: the unit is in the data only because it failed between these times.
    stress : dict of str to ndarray, shape (n,)
        Numbers, or text for a factor of a formula.
    unit : float
        A typical time, by which times are divided before a fit.
    positive : bool
        Times are greater than 0.
    lots : ndarray of int, shape (n,), or None
        Lot of each row, counted from 0.
    """

    lower: Array
    upper: Array
    frequency: Array
    entry: Array | None
    leave: Array | None
    stress: dict[str, NDArray[Any]]
    unit: float
    positive: bool
    lots: NDArray[np.intp] | None = None

    @property
    def units(self) -> float:
        """Number of units on test."""
        return float(self.frequency.sum())

    @property
    def failures(self) -> float:
        """Number of units that failed."""
        return float(self.frequency[np.isfinite(self.upper)].sum())


def observations(
    time: ArrayLike | None = None,
    *,
    event: ArrayLike | None = None,
    lower: ArrayLike | None = None,
    upper: ArrayLike | None = None,
    frequency: ArrayLike | None = None,
    truncation: ArrayLike | tuple[ArrayLike | None, ArrayLike | None] | None = None,
    stress: Mapping[str, ArrayLike] | None = None,
    lots: ArrayLike | None = None,
    positive: bool = True,
) -> Observations:
    """Check lifetimes and bring them to intervals; parameters as `fit_lifetime`.

    Raises
    ------
    InputError
        The first row that cannot be right is named, counted from 0.

    Examples
    --------
    >>> data = observations([10.0, 20.0], event=[1, 0])
    >>> data.upper.tolist(), data.failures
    ([10.0, inf], 1.0)
    """
    if time is not None and (lower is not None or upper is not None):
        raise InputError("give either time (and event) or lower and upper, not both")
    if time is not None:
        low = _column("time", time, None)
        failed = np.ones(low.size) if event is None else _column("event", event, low.size)
        _refuse("event", ~np.isin(failed, (0, 1)), failed, "0 or 1")
        _refuse("time", np.isinf(low), low, "finite times")
        high = np.where(failed == 1, low, np.inf)
    elif lower is not None and upper is not None:
        if event is not None:
            raise InputError("event: goes with time; with lower and upper, upper=inf is censored")
        low = _column("lower", lower, None)
        high = _column("upper", upper, low.size)
        _refuse("upper", high < low, high, "not less than lower")
        _refuse("lower", np.isposinf(low), low, "finite times")
    else:
        raise InputError("give time (and event), or lower and upper")
    if positive:
        _refuse("time" if time is not None else "lower", low < 0, low, "0 or more")
        _refuse("time" if time is not None else "upper", high <= 0, high, "greater than 0")
    count = np.ones(low.size) if frequency is None else _column("frequency", frequency, low.size)
    _refuse("frequency", ~(np.isfinite(count) & (count >= 0)), count, "0 or more")
    if not count.sum() > 0:
        raise InputError("time: got no unit, at least one is required")
    entry, leave = _truncation(truncation, low.size)
    if entry is not None:
        _refuse("truncation", entry > np.where(low == high, high, low), entry, "<= the time")
    if leave is not None:
        _refuse("truncation", leave < high, leave, "not before the time to failure")
    stresses = {name: _stress(name, value, low.size) for name, value in (stress or {}).items()}
    if "temperature" in stresses and stresses["temperature"].dtype.kind == "f":
        coldest = float(stresses["temperature"].min(initial=COLD))
        if 0 < coldest < COLD:
            kelvin(coldest)  # warns of degrees Celsius
    return Observations(
        low, high, count, entry, leave, stresses, _typical(low, high, count, positive), positive,
        _lots(lots, low.size),
    )  # fmt: skip


def _lots(lots: ArrayLike | None, size: int) -> NDArray[np.intp] | None:
    if lots is None:
        return None
    labels = np.asarray(lots).ravel()
    if labels.size != size:
        raise InputError(f"lots: got {labels.size} rows, expected {size}")
    names, codes = np.unique(labels, return_inverse=True)
    if names.size < 2:
        raise InputError("lots: got one lot, at least 2 are required to compare them")
    return codes


def lifetimes_on_the_line(data: Observations) -> Observations:
    """On the whole real line 0 is the least time, unless some times are negative.

    >>> data = observations(lower=[0.0, 2.0], upper=[1.0, 3.0], positive=False)
    >>> lifetimes_on_the_line(data).lower.tolist()
    [-inf, 2.0]
    """
    if data.positive or np.any(data.lower[np.isfinite(data.lower)] < 0):
        return data
    left = (data.lower == 0) & (data.upper > 0)
    return replace(data, lower=np.where(left, -np.inf, data.lower))


def _truncation(
    truncation: ArrayLike | tuple[ArrayLike | None, ArrayLike | None] | None, size: int
) -> tuple[Array | None, Array | None]:
    if truncation is None:
        return None, None
    if not isinstance(truncation, tuple):
        return _column("truncation", truncation, size), None
    if len(truncation) != 2:
        raise InputError(f"truncation: got a tuple of {len(truncation)}, expected (before, after)")
    before, after = truncation
    return (
        None if before is None else _column("truncation", before, size),
        None if after is None else _column("truncation", after, size),
    )


def _column(name: str, values: ArrayLike, size: int | None) -> Array:
    """One number per row; a single one stands for all rows."""
    try:
        array = np.asarray(values, float)
    except (TypeError, ValueError):
        raise InputError(f"{name}: got something that is not a number") from None
    if array.ndim > 1:
        raise InputError(f"{name}: got shape {array.shape}, expected one value per unit")
    if array.ndim == 0 and size is None:
        array = array[None]
    if size is not None:
        if array.ndim == 1 and array.size != size:
            raise InputError(f"{name}: got {array.size} rows, expected {size}")
        array = np.broadcast_to(array, (size,))
    _refuse(name, np.isnan(array), array, "numbers")
    return array


def _stress(name: str, values: ArrayLike, size: int) -> NDArray[Any]:
    """A stress of each row: a number, or the text of a factor."""
    array = np.asarray(values)
    if not any(isinstance(value, str) for value in array.ravel()[:1]):
        return _column(name, values, size)
    for row, value in enumerate(np.atleast_1d(array)):
        if not isinstance(value, str) or not value.strip():
            raise InputError(
                f"{name}: row {row} is {value!r}, allowed: text, as in the rows before"
            )
    if array.ndim == 1 and array.size != size:
        raise InputError(f"{name}: got {array.size} rows, expected {size}")
    return np.broadcast_to(array.astype(str), (size,))


def _refuse(name: str, bad: NDArray[np.bool_], values: Array, allowed: str) -> None:
    if bad.any():
        row = int(np.argmax(bad))
        raise InputError(f"{name}: row {row} is {values[row]:g}, allowed: {allowed}")


def _typical(low: Array, high: Array, count: Array, positive: bool) -> float:
    """Geometric mean of the bounds, or their standard deviation where times may be negative."""
    if positive:
        ends = np.where(np.isfinite(high) & (low <= 0), high, low)
        usable = (ends > 0) & (count > 0)
        if not usable.any():
            return 1.0  # nothing is known but that all were good at 0
        return float(np.exp(np.average(np.log(ends[usable]), weights=count[usable])))
    ends = np.where(np.isfinite(low), low, high)
    usable = np.isfinite(ends) & (count > 0)
    deviation = float(np.std(ends[usable]))
    return deviation if deviation > 0 else float(np.max(np.abs(ends[usable])) or 1.0)
