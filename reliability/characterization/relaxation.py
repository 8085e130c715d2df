"""Relaxation of two states: `reliability.devices.relaxation`, models ``log_time``, ``saturating``.

ln G of a cell moves by one normal step of mean shift and standard deviation sigma that unfolds as
s(t). Standard deviations of each state and time are fitted by least squares on a log scale, means
then linearly; that relaxation ends at one of the read times is taken where it fits clearly better.
The ratio of outer to inner quantiles gives the tails, the correlation of a cell's changes at two
times the part that each read draws anew; both are stated where the cells show them.
"""

import math

import numpy as np
import pandas as pd
import scipy
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.special import ndtri

from reliability.characterization.estimates import (
    Array,
    Estimate,
    Fit,
    Groups,
    bootstrap,
    exact,
    joined,
)
from reliability.characterization.read_table import ROOM, Reads
from reliability.technology import STATES

_FEWEST = 20  # cells of a state at a time
_HOT = 333.0  # K
_CLEARLY = 8.0  # of twice the log-likelihood
_HEAVIEST = 0.45  # h, below 0.5, where the standard deviation ends


def can_fit(one: Reads) -> bool:
    """Return whether a file follows both states over times at room temperature."""
    table = _table(one)
    times = table.groupby("state")["point"].nunique()
    return all(times.get(state, 0) >= 2 for state in STATES)


_ESTIMATES = (
    *(Estimate(f"relaxation.{name}.sigma", "lognormal") for name in STATES),
    *(Estimate(f"relaxation.{name}.shift") for name in STATES),
    Estimate("relaxation.onset_time", "lognormal"),
    *(Estimate(f"relaxation.{name}.{tail}", valid=(0.0, _HEAVIEST))
      for name in STATES for tail in ("tail_down", "tail_up")),
    Estimate("relaxation.fluctuation", valid=(0.0, 1.0)),
)  # fmt: skip


def fit_relaxation(one: Reads, seed: int) -> Fit:
    """Fit the section ``relaxation``.

    Parameters
    ----------
    one : Reads
    seed : int
    """
    table = _table(one)
    grouped = table.groupby(["state", "point"])
    group = np.asarray(grouped.ngroup())
    first = table.groupby(group).first()
    step = np.log(table["conductance"].to_numpy() / table["first"].to_numpy())
    cells = int(table["cell"].max()) + 1
    groups = Groups(step, group, table["cell"].to_numpy(), len(first))
    state = np.array([STATES.index(name) for name in first["state"]])
    time = table.groupby(group)["time"].mean().to_numpy()
    points = np.unique(first["point"])
    ends = [*points[1:-1], np.inf]  # where relaxation may end: not at all, or at a read

    def at(weight: Array, end: float, start: Array) -> tuple[Array, float]:
        n, mean, sd = groups.moments(weight)
        reference = float(points[-1]) if np.isinf(end) else end
        stretch = np.minimum(time, reference) if np.isfinite(end) else time

        def progress(log_onset: float) -> Array:
            onset = math.exp(log_onset)
            return np.log1p(stretch / onset) / math.log1p(reference / onset)

        def residuals(x: Array) -> Array:
            return np.sqrt(2 * n) * (x[state] + np.log(progress(x[2])) - np.log(sd))

        low, high = [-20, -20, math.log(1e-12)], [5, 5, math.log(reference)]
        found = least_squares(residuals, start, bounds=(low, high))
        s = progress(found.x[2])
        w = n / (np.exp(2 * found.x[state]) * s**2)
        shift = [float((w * s * mean)[state == k].sum() / (w * s * s)[state == k].sum())
                 for k in range(2)]  # fmt: skip
        return np.array([*found.x[:2], *shift, found.x[2]]), float(2 * found.cost)

    ones = np.ones(cells)
    shape = _Shape(table, state[group], group)

    def all_of(weight: Array, end: float, start: Array) -> Array:
        own = at(weight, end, start)[0]
        last = end if np.isfinite(end) else float(points[-1])
        s = np.log1p(np.minimum(time, last) / math.exp(own[4]))
        s /= math.log1p(last / math.exp(own[4]))
        mean, scale = own[2:4][state] * s, np.exp(own[:2][state]) * s
        return np.concatenate([own, shape.of((step - mean[group]) / scale[group], weight)])

    begin = np.array([-2.0, -2.0, math.log(max(time.min() / 10, 1e-11))])
    fits = {end: at(ones, end, begin) for end in ends}
    best = min(fits, key=lambda end: fits[end][1] + (_CLEARLY if np.isfinite(end) else 0.0))
    start = fits[best][0][[0, 1, 4]]
    transformed = all_of(ones, best, start)
    again = bootstrap(lambda w: all_of(w[0], best, start), [cells], "relaxation", seed)
    transformed, again = _with_tails(transformed, again)
    seen = [k for k, _ in enumerate(_ESTIMATES) if k < 5 or transformed[k] > 0]
    parameters, correlation = joined(
        [_ESTIMATES[k] for k in seen], transformed[seen], again[:, seen], one.source
    )
    on = np.isinf(best)
    reference, note = (float(points[-1]), "last read") if on else (best, "no later read differs")
    name = "relaxation.reference_time"
    parameters[name] = exact(name, reference, one.source, note)
    kelvin = float(table["temperature"].fillna(ROOM).median())
    return Fit(
        "relaxation", parameters, correlation, {"relaxation": "log_time" if on else "saturating"},
        {"relaxation.time": (0.0, float(points[-1])),
         "relaxation.temperature": (min(kelvin, ROOM), max(kelvin, ROOM))},
        ("relaxation: what temperature does to it (the model has none)",),
        replaces=("relaxation.*.tail_*", "relaxation.fluctuation"),
    )  # fmt: skip


class _Shape:
    """Tails and fluctuation of standardized changes."""

    def __init__(self, table: pd.DataFrame, state: NDArray[np.intp], group: Array) -> None:
        self.state, self.cell = state, table["cell"].to_numpy()
        rows = pd.DataFrame({"run": table["run"].to_numpy(), "group": group})
        rows["row"] = np.arange(len(rows))
        both = rows.merge(rows, on="run")
        both = both[both["group_x"] < both["group_y"]]
        self.pairs = both[["row_x", "row_y"]].to_numpy()

    def of(self, score: Array, weight: Array) -> Array:
        """Return tail_down and tail_up of both states, the fluctuation, quartiles and medians."""
        w = weight[self.cell]
        found = [_tails(score[self.state == k], w[self.state == k]) for k in range(2)]
        tails = [h for one in found for h in one[:2]]
        body = [*(one[2] for one in found), *(one[3] for one in found)]
        if not len(self.pairs):
            return np.array([*tails, 0.0, *body])
        # ranks as normal deviates: what the tails do not touch
        normal = np.empty(len(score))
        for k in range(2):
            mine = self.state == k
            normal[mine] = ndtri((scipy.stats.rankdata(score[mine]) - 0.5) / mine.sum())
        first, second = normal[self.pairs].T
        own = w[self.pairs[:, 0]]
        shared = (own @ (first * second)) / math.sqrt((own @ first**2) * (own @ second**2))
        return np.array([*tails, 1.0 - shared, *body])


def _tails(score: Array, weight: Array) -> tuple[float, float, float, float]:
    """Return h below and above the median from T(1.645) / T(0.674), interquartile range, median."""
    order = np.argsort(score)
    mass = np.cumsum(weight[order])
    five, lower, middle, upper, rest = np.interp(
        np.array([0.05, 0.25, 0.5, 0.75, 0.95]) * mass[-1], mass - weight[order] / 2, score[order]
    )
    outer, inner = ndtri(0.95), ndtri(0.75)
    half = (outer**2 - inner**2) / 2
    plain = math.log(outer / inner)
    down, up = ((five - middle) / (lower - middle), (rest - middle) / (upper - middle))
    tails = (math.log(down) - plain) / half, (math.log(up) - plain) / half
    return *tails, float(upper - lower), float(middle)


def _with_tails(found: Array, again: Array) -> tuple[Array, Array]:
    """Keep the tails and the fluctuation that stand out of their error, and fit sigma to them.

    Beside tails sigma and shift are those of the quartiles and the median of the changes.
    """
    found, again = found.copy(), again.copy()
    error = again[:, 5:10].std(axis=0)
    keep = found[5:10] > 3.0 * error
    quartile = float(ndtri(0.75))
    for rows in (found[None], again):
        ends = [*[_HEAVIEST] * 4, 1.0]
        rows[:, 5:10] = np.where(keep, np.clip(rows[:, 5:10], 1e-6, ends), 0.0)
        for k in range(2):
            if not keep[2 * k : 2 * k + 2].any():
                continue
            tails = rows[:, 5 + 2 * k : 7 + 2 * k]
            width = quartile * np.exp(tails * quartile**2 / 2).sum(axis=1)
            rows[:, 2 + k] += np.exp(rows[:, k]) * rows[:, 12 + k]
            rows[:, k] += np.log(rows[:, 10 + k] / width)
    return found[:10], again[:, :10]


def _table(one: Reads) -> pd.DataFrame:
    table = one.table
    table = table[table["state"].isin(STATES) & (table["time"] > 0) & (table["first"] > 0)]
    table = table[(table["conductance"] > 0) & ~(table["temperature"] > _HOT)]
    size = table.groupby(["state", "point"])["conductance"].transform("size")
    return table[size >= _FEWEST]
