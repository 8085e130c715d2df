"""Two states: median, model, and the variance components from the lot down to the single cycle.

The deviation d of `reliability.devices.programming` is split by restricted maximum likelihood
(`reliability.statistics.variance_components`). Its information holds for normal effects; where the
cells' tails are heavier, the sigmas of the estimates grow with the fourth moment.
"""

import math
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import special

from reliability.characterization.estimates import (
    Array,
    Estimate,
    Fit,
    assumed,
    fitted_by,
    from_covariance,
)
from reliability.characterization.read_table import Reads
from reliability.statistics import (
    integrated_time,
    radial_trend,
    variance_components,
)
from reliability.statistics.variance import VarianceComponents
from reliability.technology import STATES, Parameter

_LEVELS = ("lot", "wafer", "die", "cell")
_FEWEST = 8  # cells of a state
_UNWORN = 1000  # cycles that count as before any wear
_Z90 = 1.6449  # ends of a 90 % interval in sigmas


def can_fit(one: Reads) -> bool:
    """Return whether a file has cells enough of both states."""
    runs = _programmed(one)
    return all((runs.loc[runs["state"] == s, "cell"].nunique()) >= _FEWEST for s in STATES)


def fit_state(one: Reads, state: str, edge: float) -> Fit:
    """Fit ``programming.<state>``.

    Parameters
    ----------
    one : Reads
    state : {"LRS", "HRS"}
    edge : float
        Radius of the wafer, mm.
    """
    section = f"programming.{state}"
    runs = _programmed(one)
    runs = runs[runs["state"] == state]
    g = runs["first"].to_numpy()
    model = "normal_conductance" if _is_normal(g) else "lognormal_resistance"
    scale = float(np.mean(g)) if model == "normal_conductance" else math.exp(np.log(g).mean())
    deviation = 1 - g / scale if model == "normal_conductance" else -np.log(g / scale)
    estimates, transformed, variance = [], [], []
    parameters: dict[str, Parameter] = {}
    trend = _radial(runs, deviation, edge)
    if trend is not None:
        coefficient, error = trend
        deviation = deviation - coefficient * ((runs["radius"].to_numpy() / edge) ** 2 - 0.5)
        estimates.append(Estimate(f"{section}.radial"))
        transformed.append(coefficient)
        variance.append(error**2)
    groups, residual, gaps = _hierarchy(runs, state)
    split = _components(runs, deviation, groups, residual)
    mean, names = split.mean, split.names
    if model == "normal_conductance":  # G = (1 - d) / R, and the mean of d belongs to R
        log_median, factor = -math.log(scale * (1 - mean)), 1 / (1 - mean)
    else:
        log_median, factor = mean - math.log(scale), 1.0
    estimates.insert(0, Estimate(f"{section}.resistance", "lognormal"))
    transformed.insert(0, log_median)
    variance.insert(0, 0.0)
    shown = [k for k in range(len(names)) if np.isfinite(split.covariance[k, k])]
    for k in shown:
        estimates.append(Estimate(f"{section}.sigma_{names[k]}", "lognormal"))
        transformed.append(math.log(split.spread[names[k]] * factor))
    head = len(estimates) - len(shown)
    whole = np.diag([*variance, *np.zeros(len(shown))])
    whole[head:, head:] = split.covariance[np.ix_(shown, shown)]
    moved = np.zeros(len(estimates))  # what an error of the mean changes
    moved[0] = split.mean_error * factor
    if model == "normal_conductance":  # sigmas relative to the mean
        moved[head:] = moved[0]
    whole += np.outer(moved, moved)
    fitted, correlation = from_covariance(estimates, np.array(transformed), whole, one.source)
    for k in set(range(len(names))) - set(shown):
        high = math.sqrt(split.interval[names[k]][1]) * factor
        parameters[f"{section}.sigma_{names[k]}"] = Parameter(
            value=0.0, distribution="normal", sigma=float(f"{high / _Z90:.3g}"),
            valid=(0.0, float(f"{5 * high:.3g}")), source=fitted_by(one.source),
            confidence="fitted", note="not distinguishable from 0 in the data",
        )  # fmt: skip
    if residual == "cell":  # a base's own value would count twice
        name = f"{section}.sigma_cycle"
        parameters[name] = assumed(name, 0.0, "none besides sigma_cell, which holds it")
    return Fit(
        f"programming_{state}", fitted | parameters, correlation, {section: model},
        not_identifiable=tuple(gaps), needed=_needed(section),
    )  # fmt: skip


class _Components(NamedTuple):
    mean: float
    mean_error: float
    names: list[str]
    spread: dict[str, float]
    covariance: Array  # of ln spread
    interval: dict[str, tuple[float, float]]  # of the variances


def _components(
    runs: pd.DataFrame, deviation: Array, groups: dict[str, Array], residual: str
) -> _Components:
    """Split the variance of a deviation into its levels."""
    if groups:
        time = _memory(runs, deviation) if residual == "cycle" else 1.0
        found = variance_components(
            deviation, groups, residual=residual, integrated_time=time, confidence=0.9
        )
        heavy, names = _heaviness(runs, deviation, residual), list(found.variance)
        grow = np.array([max(heavy.get(name, 1.0), _upper(found, name)) for name in names])
        outermost = len(np.unique(next(iter(groups.values()))))
        return _Components(
            found.mean, found.mean_error * _few(outermost), names, found.deviation,
            found.covariance * np.outer(grow, grow), found.interval,
        )  # fmt: skip
    n, sd = len(deviation), float(deviation.std(ddof=1))
    mean = float(deviation.mean())
    fourth = float(np.mean((deviation - mean) ** 4) / np.var(deviation) ** 2)
    return _Components(
        mean, sd / math.sqrt(n) * _few(n), [residual], {residual: sd},
        np.array([[max(fourth - 1, 0.1) / (4 * n)]]), {residual: (0.0, 0.0)},
    )  # fmt: skip


def _few(groups: int) -> float:
    """Factor that makes a normal 90 % interval of a mean one of Student's t."""
    return float(special.stdtrit(groups - 1, 0.95)) / _Z90


def _upper(found: VarianceComponents, name: str) -> float:
    """Factor that takes a normal 90 % interval of ln sigma to the upper profile-likelihood end."""
    k = list(found.variance).index(name)
    high = math.log(found.interval[name][1] / max(found.variance[name], 1e-300)) / 2
    error = _Z90 * math.sqrt(found.covariance[k, k])
    return max(high / error, 1.0) if error > 0 else 1.0


def _programmed(one: Reads) -> pd.DataFrame:
    """One row for each programming of a cell to a state, before wear."""
    runs = one.table[one.table["state"].isin(STATES)].drop_duplicates("run")
    runs = runs[np.isfinite(runs["first"]) & (runs["first"] > 0)]
    cycles = runs["cycles"]
    return runs[cycles.isna() | (cycles <= _UNWORN)]


def _is_normal(g: Array) -> bool:
    """Whether the body of the values is closer to normal in G than in ln G, by likelihood."""
    low, high = np.quantile(g, [0.01, 0.99])
    body = g[(g >= low) & (g <= high)]
    return bool(-math.log(np.std(body)) > -math.log(np.std(np.log(body))) - np.log(body).mean())


def _hierarchy(runs: pd.DataFrame, state: str) -> tuple[dict[str, Array], str, list[str]]:
    """Return the levels that the data identify, the innermost, and what they do not."""
    labels = {name: runs[name].to_numpy() for name in _LEVELS}
    gaps = []
    repeated = len(runs) >= 2 * runs["cell"].nunique()
    residual = "cycle" if repeated else "cell"
    if not repeated:
        gaps.append(
            f"programming of the {state}: one programming a cell, so that the spread from cycle to "
            "cycle is in sigma_cell"
        )
        labels.pop("cell")
    groups: dict[str, Array] = {}
    outer = 1
    for name, own in labels.items():
        count = int(runs.groupby([*groups, name]).ngroups) if groups else len(np.unique(own))
        inside = len(runs) if name == (*labels,)[-1] else runs["cell"].nunique()
        if outer < count < inside:
            groups[name] = own
            outer = count
        elif name != "lot":
            gaps.append(f"programming of the {state}: the spread between {_PLURAL[name]}")
    return groups, residual, gaps


_PLURAL = {"wafer": "wafers", "die": "dies", "cell": "cells"}


def _memory(runs: pd.DataFrame, deviation: Array) -> float:
    """Integrated time of a cell's cycles."""
    table = pd.DataFrame({"cell": runs["cell"], "cycles": runs["cycles"], "d": deviation})
    wide = table.pivot_table(index="cell", columns="cycles", values="d").dropna()
    return integrated_time(wide.to_numpy()) if wide.shape[0] and wide.shape[1] >= 8 else 1.0


def _heaviness(runs: pd.DataFrame, deviation: Array, residual: str) -> dict[str, float]:
    """Factor by which heavy tails widen the sigma of the innermost two components."""
    by_cell = pd.Series(deviation).groupby(runs["cell"].to_numpy())

    def factor(values: Array) -> float:
        off = values - values.mean()
        excess = float(np.mean(off**4) / np.mean(off**2) ** 2) - 3
        return math.sqrt(max(excess + 2, 2) / 2)

    if residual == "cell":
        return {"cell": factor(deviation)}
    inside = np.asarray(by_cell.var().dropna(), float)
    degrees = by_cell.size().to_numpy() - 1
    spread = np.std(inside) / np.mean(inside) / math.sqrt(len(inside)) / 2
    normal = 1 / math.sqrt(2 * degrees.sum())
    return {
        "cell": factor(np.asarray(by_cell.mean(), float)),
        "cycle": max(float(spread / normal), 1.0),
    }


def _radial(runs: pd.DataFrame, deviation: Array, edge: float) -> tuple[float, float] | None:
    """Trend over the wafer and its error, where dies have positions enough."""
    if runs["radius"].isna().any():
        return None
    dies = (
        pd.DataFrame(
            {"wafer": runs["wafer"], "die": runs["die"], "r": runs["radius"], "d": deviation}
        )
        .groupby(["wafer", "die"], as_index=False)
        .mean()
    )
    if dies.groupby("wafer").size().max() < 6 or dies["r"].nunique() < 4:
        return None
    found = radial_trend(dies["d"], dies["r"], dies["wafer"], reference=edge)
    return found.coefficient, (found.high - found.low) / 2 / _Z90


def _needed(section: str) -> dict[str, Parameter]:
    why = "none; not identifiable from the data"
    names = ["sigma_lot", "sigma_wafer", "sigma_die", "radial"]
    return {f"{section}.{name}": assumed(f"{section}.{name}", 0.0, why) for name in names}
