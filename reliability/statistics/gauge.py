"""Gauge repeatability and reproducibility: how much of a variance is the measurement."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from reliability.errors import InputError, fraction

Array = NDArray[np.float64]


class Deviation(NamedTuple):
    """A standard deviation with the ends of its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class GaugeStudy:
    """Result of `gauge_study`.

    Attributes
    ----------
    repeatability, gauge : Deviation
        Of repeated measurements of one part by one operator, and of the whole measurement.
    reproducibility, interaction, part, total : float
        Standard deviations; estimates below 0 are set to 0.
    percent : dict of str to float
        Each standard deviation in per cent of the total; they add in squares.
    of_tolerance : float
        ``6 * gauge`` over the tolerance; NaN without one.
    categories : int
        Distinct categories, ``1.41 * part / gauge`` rounded down; at least 5 are wanted.
    interaction_p_value : float
        Of the test of no interaction; the interaction was pooled where it is above ``alpha``.
    """

    repeatability: Deviation
    gauge: Deviation
    reproducibility: float
    interaction: float
    part: float
    total: float
    percent: dict[str, float]
    of_tolerance: float
    categories: int
    interaction_p_value: float


def gauge_study(
    values: ArrayLike, part: ArrayLike, operator: ArrayLike, *, tolerance: float | None = None,
    alpha: float = 0.25, confidence: float = 0.9,
) -> GaugeStudy:  # fmt: skip
    """Repeatability and reproducibility of a gauge from a crossed study, by analysis of variance.

    Parameters
    ----------
    values : array_like, shape (n,)
        Each operator (tester, probe card) measures each part (die) equally often, at least twice.
    part, operator : array_like, shape (n,)
    tolerance : float, optional
        Width of the specification.
    alpha : float
        The interaction is pooled with the repeatability if its p-value is above.
    confidence : float
        Of the intervals, two-sided.

    Returns
    -------
    GaugeStudy

    Raises
    ------
    InputError
        A study that is not balanced, with one part or operator, or without repeats.

    Notes
    -----
    Analysis of variance of AIAG [1]_; interval of the repeatability from chi-square, of the gauge
    by the modified large-sample method [2]_. With three operators the latter is wide: operators are
    two degrees of freedom.

    References
    ----------
    .. [1] AIAG, "Measurement Systems Analysis", 4th edition, 2010, chapter III.
    .. [2] R. K. Burdick, C. M. Borror, D. C. Montgomery, "Design and Analysis of Gauge R&R
       Studies", SIAM, 2005, doi:10.1137/1.9780898718379.

    Examples
    --------
    >>> value = [1.0, 1.1, 1.2, 1.1, 2.0, 2.1, 2.1, 2.2, 3.1, 3.0, 3.2, 3.3]
    >>> found = gauge_study(value, np.repeat([1, 2, 3], 4), np.tile(["A", "A", "B", "B"], 3))
    >>> round(found.gauge.value, 3), found.categories
    (0.113, 12)
    """
    fraction(confidence, "confidence")
    x, count = _cube(values, part, operator)
    parts, operators, repeats = x.shape
    mean = x.mean()
    of_part, of_operator, of_cell = x.mean((1, 2)), x.mean((0, 2)), x.mean(2)
    inside = of_cell - of_part[:, None] - of_operator + mean
    degrees = np.array([parts - 1, operators - 1, (parts - 1) * (operators - 1),
                        count - parts * operators])  # fmt: skip
    square = np.array([
        operators * repeats * np.sum((of_part - mean) ** 2),
        parts * repeats * np.sum((of_operator - mean) ** 2),
        repeats * np.sum(inside**2),
        np.sum((x - of_cell[:, :, None]) ** 2),
    ])  # fmt: skip
    if not square[3] > 0:
        raise InputError("values: repeats are all equal, the gauge does not resolve its own error")
    mp, mo, mi, me = square / degrees
    p_value = float(special.fdtrc(degrees[2], degrees[3], mi / me))
    if p_value > alpha:
        mi = me = (square[2] + square[3]) / (degrees[2] + degrees[3])
        terms = [(1 / (parts * repeats), mo, degrees[1]),
                 (1 - 1 / (parts * repeats), me, degrees[2] + degrees[3])]  # fmt: skip
    else:
        terms = [(1 / (parts * repeats), mo, degrees[1]),
                 ((parts - 1) / (parts * repeats), mi, degrees[2]),
                 (1 - 1 / repeats, me, degrees[3])]  # fmt: skip
    by_operator = max((mo - mi) / (parts * repeats), 0.0)
    by_interaction = max((mi - me) / repeats, 0.0)
    by_part = max((mp - mi) / (operators * repeats), 0.0)
    gauge = me + by_operator + by_interaction
    variances = {
        "gauge": gauge, "repeatability": me, "reproducibility": by_operator,
        "interaction": by_interaction, "part": by_part, "total": gauge + by_part,
    }  # fmt: skip
    root = {name: float(np.sqrt(value)) for name, value in variances.items()}
    tail = (1 - confidence) / 2
    within = degrees[3] if p_value <= alpha else degrees[2] + degrees[3]
    return GaugeStudy(
        Deviation(root["repeatability"], *_sum_interval([(1.0, me, within)], tail, me)),
        Deviation(root["gauge"], *_sum_interval(terms, tail, gauge)),
        root["reproducibility"], root["interaction"], root["part"], root["total"],
        {name: 100 * value / root["total"] for name, value in root.items()},
        np.nan if tolerance is None else 6 * root["gauge"] / tolerance,
        int(1.41 * root["part"] / root["gauge"]), p_value,
    )  # fmt: skip


def _sum_interval(
    terms: list[tuple[float, float, int]], tail: float, value: float
) -> tuple[float, float]:
    """Interval of the root of a sum of mean squares with positive factors."""
    below = above = 0.0
    for factor, square, degrees in terms:
        quantiles = special.chdtri(degrees, [tail, 1 - tail])
        below += ((1 - degrees / quantiles[0]) * factor * square) ** 2
        above += ((degrees / quantiles[1] - 1) * factor * square) ** 2
    total = sum(factor * square for factor, square, _ in terms)
    low, high = max(total - np.sqrt(below), 0.0), total + np.sqrt(above)
    return float(np.sqrt(min(low, value))), float(np.sqrt(max(high, value)))


def _cube(values: ArrayLike, part: ArrayLike, operator: ArrayLike) -> tuple[Array, int]:
    """Values as parts x operators x repeats."""
    x = np.asarray(values, float).ravel()
    if not np.all(np.isfinite(x)):
        raise InputError(f"values: row {int(np.argmin(np.isfinite(x)))} is not a finite number")
    codes = []
    for name, labels in (("part", part), ("operator", operator)):
        array = np.asarray(labels).ravel()
        if array.size != x.size:
            raise InputError(f"{name}: got {array.size} rows, expected {x.size}")
        codes.append(np.unique(array, return_inverse=True)[1])
        if codes[-1].max() < 1:
            raise InputError(f"{name}: got one, at least 2 are required")
    shape = int(codes[0].max()) + 1, int(codes[1].max()) + 1
    cell = codes[0] * shape[1] + codes[1]
    size = np.bincount(cell, minlength=shape[0] * shape[1])
    if size.min() != size.max() or size.min() < 2:
        raise InputError(
            "values: each operator must measure each part equally often, at least twice; got "
            f"{size.min()} to {size.max()} times"
        )
    return x[np.argsort(cell, kind="stable")].reshape(*shape, -1), x.size
