"""Lifetimes as people write them into one cell: 350, 1000+, >1000, <168, 168-500, "41.7 d"."""

import re
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reliability.measurements.rows import in_its_unit, number, scaled

Array = NDArray[np.float64]

_NUMBER = r"[+]?(?:\d+[.,]?\d*|[.,]\d+)(?:[.,' ]\d{3})*(?:[eE][-+]?\d+)?(?:\s*[^\W\d_]+)?"
_STILL_GOOD = re.compile(rf"(?:[>≥]\s*=?\s*({_NUMBER})|({_NUMBER})\s*\+)")
_BEFORE = re.compile(rf"[<≤]\s*=?\s*({_NUMBER})")
_BETWEEN = re.compile(
    rf"[\[(]?\s*({_NUMBER})\s*(?:-|–|—|\.\.+|to|bis|[;,]\s)\s*({_NUMBER})\s*[\])]?"
)


def life_bounds(
    entries: Sequence[str], factor: float, inside: str, decimal: str
) -> tuple[Array, Array]:
    """Return the last time known good and the first known failed of each entry.

    Both are the number where an entry is one, and NaN where it cannot be read.

    Parameters
    ----------
    entries : sequence of str
    factor : float
        Takes the numbers to SI units.
    inside : str
        SI unit of entries that have units of their own.
    decimal : str

    Examples
    --------
    >>> life_bounds(["350", "1000+", ">2 kh", "<168", "168-500"], 3600.0, "s", ".")[1] / 3600
    array([350.,  inf,  inf, 168., 500.])
    """
    # where the decimal sign is a comma, a point groups digits
    words = ["" if decimal == "," and "." in entry else entry for entry in entries]
    plain = pd.to_numeric(pd.Series(words, dtype=object), errors="coerce").to_numpy(
        float, copy=True
    )
    lower = scaled(plain, factor)
    upper = lower.copy()

    def value(text: str) -> float:
        own = in_its_unit(text, inside, decimal) if inside else None
        return number(text, decimal) * factor if own is None else own

    for place in np.flatnonzero(~np.isfinite(plain)).tolist():
        try:
            lower[place], upper[place] = _bounds(entries[place].strip(), value)
        except ValueError:
            lower[place] = upper[place] = np.nan
    wrong = ~(lower >= 0) | ~(upper >= lower) | np.isinf(lower)
    lower[wrong] = upper[wrong] = np.nan
    return lower, upper


def _bounds(text: str, value: Callable[[str], float]) -> tuple[float, float]:
    if match := _STILL_GOOD.fullmatch(text):
        return value(match[1] or match[2]), np.inf
    if match := _BEFORE.fullmatch(text):
        return 0.0, value(match[1])
    if match := _BETWEEN.fullmatch(text):
        return value(match[1]), value(match[2])
    return value(text), value(text)
