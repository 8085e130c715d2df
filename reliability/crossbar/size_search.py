"""Search of the largest size that works, from noisy trials, and the interval of that size.

A size is tried on Monte Carlo arrays (or chips) until the mean of the criterion is on one side of
the bound. The error of a wrong verdict is spent over the looks, most of it on the last one, and
the bounds of the mean are corrected for skewness, so that a size exactly at the limit is called
working, or failing, no more often than the confidence level allows. Sizes without a verdict lie
inside the interval.
"""

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from reliability.crossbar.array_conditions import Progress
from reliability.progress import tracked
from reliability.version import __version__

LOOKS = (8, 16, 32, 64)  # Monte Carlo arrays after which a size is judged
_SPENT = (0.02, 0.06, 0.2, 0.72)  # fraction of the error that each look may spend
_SMALLEST = 4  # lines of the first size that is tried
_ROUNDED = 1e-6  # lines


class Trial(NamedTuple):
    """Mean of the criterion at one size with its interval, arrays tried, and the verdict."""

    mean: float
    low: float
    high: float
    arrays: int
    verdict: int  # 1: works, -1: fails, 0: no verdict


def mean_bounds(values: ArrayLike, error: float) -> tuple[float, float]:
    """Return lower and upper bound of a mean, each missed with probability ``error``.

    Student's t with Hall's cubic transformation for skewness (P. Hall, J. R. Stat. Soc. B 54, 221
    (1992), doi:10.1111/j.2517-6161.1992.tb01876.x). Of 8 or more independent values.

    Examples
    --------
    >>> low, high = mean_bounds([1.0, 1.1, 0.9, 1.0, 1.05, 0.95, 1.02, 3.0], 0.05)
    >>> round(low, 2), round(high, 2)  # the long tail is on the upper side
    (0.93, 3.01)
    """
    x = np.asarray(values, dtype=float)
    mean, deviation = float(x.mean()), float(x.std())
    if x.size < 2 or deviation == 0.0:
        return (mean, mean) if x.size > 1 else (-math.inf, math.inf)
    g = float((((x - mean) / deviation) ** 3).mean()) / math.sqrt(x.size)
    q = float(stdtrit(x.size - 1, 1 - error))
    step = float(x.std(ddof=1)) / math.sqrt(x.size)

    def untransformed(y: float) -> float:
        if abs(g) < 1e-6:
            return y
        return 3 / g * (float(np.cbrt(1 + g * (y - g / 6))) - 1)

    return mean - step * untransformed(q), mean - step * untransformed(-q)


def tried(
    sample: Callable[[int], float],
    bound: float,
    error: float,
    looks: tuple[int, ...] = LOOKS,
) -> Trial:
    """Try one size: draw arrays until the mean is shown to lie on one side of the bound.

    Parameters
    ----------
    sample : callable
        Number of an array to its criterion; NaN where the array has none.
    bound : float
        That the mean must not exceed.
    error : float
        Probability of a wrong verdict on a size whose mean is the bound, on each side.
    looks : tuple of int
        Arrays after which a verdict is possible.

    Examples
    --------
    >>> tried(lambda k: 0.1 + 0.01 * (k % 3), 0.3, 0.025)[3:]
    (8, 1)
    """
    values: list[float] = []
    spent = np.array(_SPENT[-len(looks) :]) / sum(_SPENT[-len(looks) :])
    for count, part in zip(looks, error * spent, strict=True):
        first = len(values)
        values += [sample(index) for index in range(first, count)]
        known = [value for value in values if not math.isnan(value)]
        if not known:
            continue
        low, high = mean_bounds(known, float(part))
        if high <= bound or low > bound:
            verdict = 1 if high <= bound else -1
            return Trial(float(np.mean(known)), low, high, count, verdict)
    if not known:
        return Trial(math.nan, math.nan, math.nan, looks[-1], 0)
    return Trial(float(np.mean(known)), low, high, looks[-1], 0)


def largest_size(judge: Callable[[int], int], max_size: int) -> tuple[int, int]:
    """Return the largest size that works, and the largest that may.

    Sizes double until one fails after one has worked; then the ends are bisected to about 3 %.

    Parameters
    ----------
    judge : callable
        Size to 1 (works), -1 (fails) or 0 (no verdict).
    max_size : int

    Returns
    -------
    works, may_work : int
        0 where no size works. ``may_work`` is one less than the smallest size that is known to
        fail with all larger ones.

    Examples
    --------
    >>> largest_size(lambda n: 1 if 6 <= n <= 100 else -1, 512)
    (100, 101)
    >>> low, high = largest_size(lambda n: 1 if n < 90 else 0 if n < 120 else -1, 512)
    >>> low, 119 <= high <= 122
    (88, True)
    """
    verdicts: dict[int, int] = {}
    n = min(_SMALLEST, max_size)
    while True:
        verdicts[n] = judge(n)
        if n == max_size or (verdicts[n] < 0 and 1 in verdicts.values()):
            break
        n = min(2 * n, max_size)
    works = max((size for size, verdict in verdicts.items() if verdict > 0), default=0)
    possible = max((size for size, verdict in verdicts.items() if verdict >= 0), default=0)
    if works:
        above = min((size for size in verdicts if size > works), default=max_size + 1)
        works = _bisected(judge, verdicts, works, above, lambda verdict: verdict > 0)
    if possible:
        possible = max(size for size, verdict in verdicts.items() if verdict >= 0)
        above = min((size for size in verdicts if size > possible), default=max_size + 1)
        possible = _bisected(judge, verdicts, possible, above, lambda verdict: verdict >= 0)
    failing = [size for size in verdicts if size > possible]
    return works, min(failing, default=max_size + 1) - 1


def _bisected(
    judge: Callable[[int], int],
    verdicts: dict[int, int],
    good: int,
    bad: int,
    passes: Callable[[int], bool],
) -> int:
    """Largest passing size between one that passes and one that does not, to about 3 %."""
    while bad - good > max(1, good // 32) and bad in verdicts:
        middle = (good + bad) // 2
        if middle not in verdicts:
            verdicts[middle] = judge(middle)
        if passes(verdicts[middle]):
            good = middle
        else:
            bad = middle
    return good


def searched(
    judge: Callable[[int, int | None], Trial],
    *,
    max_size: int,
    uncertainty_draws: int,
    confidence: float,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Search the nominal card and cards drawn from its uncertainty; see `crossbar_limit`.

    Parameters
    ----------
    judge : callable
        Size and number of a drawn card (None: the nominal card) to a `Trial`.
    max_size, uncertainty_draws, confidence, progress
        As for `crossbar_limit`.
    """
    trials: dict[int, Trial] = {}

    def nominal(n: int) -> int:
        trials[n] = judge(n, None)
        return trials[n].verdict

    cards = 1 + uncertainty_draws
    size, possible = largest_size(nominal, max_size)
    if progress:
        progress(1, cards)
    drawn = np.zeros(uncertainty_draws, dtype=np.int64)
    draws = range(uncertainty_draws)
    for draw in draws if progress else tracked(draws, "sampled cards", uncertainty_draws):
        drawn[draw] = largest_size(lambda n, d=draw: judge(n, d).verdict, max_size)[0]  # type: ignore[misc]
        if progress:
            progress(draw + 2, cards)
    return _dataset(size, possible, trials, drawn, max_size=max_size, confidence=confidence)


def _dataset(
    size: int,
    possible: int,
    trials: Mapping[int, Trial],
    drawn: NDArray[np.integer],
    *,
    max_size: int,
    confidence: float,
) -> xr.Dataset:
    sizes = sorted(trials)
    low, high = prediction_of_sizes(drawn, max_size, confidence)
    columns = {
        "value": [trials[n].mean for n in sizes],
        "value_low": [trials[n].low for n in sizes],
        "value_high": [trials[n].high for n in sizes],
        "arrays": [trials[n].arrays for n in sizes],
    }
    lines = {"units": "lines"}
    return xr.Dataset(
        {
            "size": ((), size, lines),
            "monte_carlo_high": ((), possible, lines),
            "size_low": ((), np.fmin(low, size), lines),
            "size_high": ((), np.fmax(high, possible), lines),
            "drawn_size": ("draw", drawn, lines),
            **{name: ("tried", column) for name, column in columns.items()},
        },
        coords={"tried": sizes},
        attrs={
            "max_size": max_size,
            "confidence": confidence,
            "reliability_version": __version__,
        },
    )


def prediction_of_sizes(
    drawn: NDArray[np.integer], max_size: int, confidence: float
) -> tuple[float, float]:
    """Student-t prediction for the size of one more card; NaN with fewer than two.

    >>> low, high = prediction_of_sizes(np.array([60, 70, 64, 80]), 512, 0.95)
    >>> round(low), round(high)
    (43, 107)
    """
    if drawn.size < 2:
        return math.nan, math.nan
    logs = np.log(drawn[drawn > 0])
    if logs.size < 2:
        return 0.0, float(max_size)
    half = float(
        stdtrit(logs.size - 1, 0.5 + confidence / 2)
        * logs.std(ddof=1)
        * math.sqrt(1 + 1 / logs.size)
    )
    centre = float(logs.mean())
    # equal sizes are their own ends, whatever exp(log(size)) rounds to
    low = 0.0 if drawn.min() == 0 else math.floor(math.exp(centre - half) + _ROUNDED)
    high = float(max_size) if drawn.max() >= max_size else math.exp(min(centre + half, 50.0))
    return float(low), float(min(math.ceil(high - _ROUNDED), max_size))
