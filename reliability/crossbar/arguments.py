"""What `solve_crossbar` and its neighbours accept, checked at the door."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reliability.errors import InputError, unknown_name

Array = NDArray[np.float64]
SMALLEST = 1e-20  # ohm; a smaller segment drops nothing that a double can show

_ENDS = {"left": (True, False), "right": (False, True), "both": (True, True)}
_SIDES = {"top": (True, False), "bottom": (False, True), "both": (True, True)}


class Wiring(NamedTuple):
    """Lines, drivers and sense inputs of one or many arrays."""

    words: float | Array  # ohm, (m, n + 1) if an array
    lines: float | Array  # ohm, (m + 1, n) if an array
    sources: Array  # ohm, (..., m)
    senses: Array  # ohm, (..., n)
    driven: tuple[bool, bool]
    sensed: tuple[bool, bool]


def wiring(
    shape: tuple[int, ...],
    *,
    word_line_resistance: ArrayLike = 1.0,
    bit_line_resistance: ArrayLike = 1.0,
    source_resistance: ArrayLike = 0.0,
    sense_resistance: ArrayLike = 0.0,
    drive: str = "left",
    sense: str = "bottom",
) -> Wiring:
    """Return the lines of arrays (..., m, n), as `solve_crossbar` takes them.

    >>> wiring((4, 3), bit_line_resistance=2.0).lines
    2.0
    """
    *batch, m, n = shape
    return Wiring(
        segments(word_line_resistance, "word_line_resistance", (m, n + 1)),
        segments(bit_line_resistance, "bit_line_resistance", (m + 1, n)),
        of_each_line(source_resistance, "source_resistance", tuple(batch), m, 0.0, "ohm"),
        of_each_line(sense_resistance, "sense_resistance", tuple(batch), n, 0.0, "ohm"),
        *ends(drive, sense),
    )


def tolerance_in_range(tolerance: float) -> float:
    """Return a tolerance that double precision can reach, or refuse it."""
    if not 1e-14 <= tolerance < 1:
        raise InputError(f"tolerance: got {tolerance}, allowed 1e-14 to 1")
    return tolerance


def cells_of_arrays(conductance: ArrayLike) -> Array:
    """Return conductances (..., m, n) >= 0, or say what is wrong with them."""
    g = checked(conductance, "conductance", low=0.0, unit="S")
    if g.ndim < 2 or 0 in g.shape:
        raise InputError(f"conductance: got shape {g.shape}, expected (..., rows, columns)")
    return g


def ends(drive: str, sense: str) -> tuple[tuple[bool, bool], tuple[bool, bool]]:
    """Return which ends of the word lines are driven (left, right), of bit lines sensed.

    >>> ends("left", "both")
    ((True, False), (True, True))
    """
    if drive not in _ENDS:
        raise unknown_name("drive", str(drive), _ENDS)
    if sense not in _SIDES:
        raise unknown_name("sense", str(sense), _SIDES)
    return _ENDS[drive], _SIDES[sense]


def checked(value: ArrayLike, name: str, *, low: float = -np.inf, unit: str = "") -> Array:
    """Return a finite real array in double precision, or say in one line what is wrong with it."""
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise InputError(f"{name}: not an array: {error}") from None
    if array.dtype.kind not in "fiu":
        raise InputError(f"{name}: got {array.dtype} values, expected real numbers")
    array = np.asarray(array, dtype=np.float64)
    for wrong, allowed in (
        (~np.isfinite(array), "finite numbers"),
        (array < low, f">= {low:g} {unit}"),
    ):
        if wrong.any():
            place = tuple(int(axis[0]) for axis in np.nonzero(wrong)) if array.ndim else ()
            where = f" at {place}" if place else ""
            raise InputError(f"{name}: got {array[place]:g}{where}, allowed {allowed}")
    return array


def input_vectors(v: Array, batch: tuple[int, ...], m: int) -> tuple[Array, bool]:
    """Bring the voltages to shape batch + (k, m); say whether the caller gave k."""
    if v.ndim == 1 and v.shape == (m,):
        return np.broadcast_to(v, (*batch, 1, m)), False
    if batch and v.shape == (*batch, m):
        return v[..., None, :], False
    if v.ndim == 2 and v.shape[0] == m:
        return np.broadcast_to(np.ascontiguousarray(v.T), (*batch, v.shape[1], m)), True
    if batch and v.shape[:-1] == (*batch, m):
        return np.swapaxes(v, -1, -2), True
    arrays = f"{(*batch, m)}, {(*batch, m)} + (vectors,) or " if batch else ""
    raise InputError(f"voltage: got shape {v.shape}, expected {arrays}({m},) or ({m}, vectors)")


def of_each_line(
    value: ArrayLike, name: str, batch: tuple[int, ...], size: int, low: float, unit: str
) -> Array:
    """Return one number for each line of each array; resistances may be infinite."""
    array = _resistances(value, name) if low == 0.0 else checked(value, name, unit=unit)
    try:
        return np.broadcast_to(array, (*batch, size))
    except ValueError:
        raise InputError(
            f"{name}: got shape {array.shape}, expected a number or {(*batch, size)}"
        ) from None


def segments(value: ArrayLike, name: str, shape: tuple[int, int]) -> float | Array:
    """Return the resistance of all segments, or an array of them; ``inf`` in an array is open."""
    array = _resistances(value, name)
    if array.ndim == 0:
        if array == np.inf:
            raise InputError(f"{name}: got inf, allowed only for single segments of an array")
        return float(array) if array > SMALLEST else 0.0
    if array.shape != shape:
        raise InputError(f"{name}: got shape {array.shape}, expected a number or {shape}")
    return np.ascontiguousarray(array)


def _resistances(value: ArrayLike, name: str) -> Array:
    raw = np.asarray(value)
    infinite = (raw == np.inf) if raw.dtype.kind == "f" else np.zeros(raw.shape, dtype=bool)
    array = checked(np.where(infinite, 0.0, raw), name, low=0.0, unit="ohm")
    return np.where(infinite, np.inf, array)
