"""Relaxation of two states: `reliability.devices.relaxation`, models ``log_time``, ``saturating``.

ln G of a cell moves by one normal step of mean shift and standard deviation sigma that unfolds as
s(t). Standard deviations of each state and time are fitted by least squares on a log scale, means
then linearly; that relaxation ends at one of the read times is taken where it fits clearly better.
"""

import math

import numpy as np
import pandas as pd
from scipy.optimize import least_squares

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


def can_fit(one: Reads) -> bool:
    """Return whether a file follows both states over times at room temperature."""
    table = _table(one)
    times = table.groupby("state")["point"].nunique()
    return all(times.get(state, 0) >= 2 for state in STATES)


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
        shift = []
        for k in range(2):
            mine = state == k
            w = n[mine] / np.exp(2 * found.x[k]) / s[mine] ** 2
            shift.append(float((w * s[mine]) @ mean[mine] / ((w * s[mine]) @ s[mine])))
        return np.array([*found.x[:2], *shift, found.x[2]]), float(2 * found.cost)

    ones = np.ones(cells)
    begin = np.array([-2.0, -2.0, math.log(max(time.min() / 10, 1e-11))])
    fits = {end: at(ones, end, begin) for end in ends}
    best = min(fits, key=lambda end: fits[end][1] + (_CLEARLY if np.isfinite(end) else 0.0))
    transformed = fits[best][0]
    start = transformed[[0, 1, 4]]
    again = bootstrap(lambda w: at(w[0], best, start)[0], [cells], "relaxation", seed)
    estimates = [
        *(Estimate(f"relaxation.{name}.sigma", "lognormal") for name in STATES),
        *(Estimate(f"relaxation.{name}.shift") for name in STATES),
        Estimate("relaxation.onset_time", "lognormal"),
    ]
    parameters, correlation = joined(estimates, transformed, again, one.source)
    reference = float(points[-1]) if np.isinf(best) else best
    note = "last read" if np.isinf(best) else "no later read differs"
    parameters["relaxation.reference_time"] = exact(
        "relaxation.reference_time", reference, one.source, note
    )
    model = "log_time" if np.isinf(best) else "saturating"
    not_identifiable = ["relaxation: what temperature does to it (the model has none)"]
    kelvin = float(table["temperature"].fillna(ROOM).median())
    return Fit(
        "relaxation", parameters, correlation, {"relaxation": model},
        {"relaxation.time": (0.0, float(points[-1])),
         "relaxation.temperature": (min(kelvin, ROOM), max(kelvin, ROOM))},
        tuple(not_identifiable),
    )  # fmt: skip


def _table(one: Reads) -> pd.DataFrame:
    table = one.table
    table = table[table["state"].isin(STATES) & (table["time"] > 0) & (table["first"] > 0)]
    table = table[(table["conductance"] > 0) & ~(table["temperature"] > _HOT)]
    size = table.groupby(["state", "point"])["conductance"].transform("size")
    return table[size >= _FEWEST]
