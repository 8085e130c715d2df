"""Two states: median, model, and the variance components from the lot down to the single cycle.

The deviation d of `reliability.devices.programming` is split by restricted maximum likelihood
(`reliability.statistics.variance_components`). Its information holds for normal effects; where the
cells' tails are heavier, the sigmas of the estimates grow with the fourth moment.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy
from scipy import special
from scipy.linalg import block_diag

from reliability.characterization.estimates import (
    Array,
    Estimate,
    Fit,
    assumed,
    bootstrap,
    exact,
    fitted_by,
    from_covariance,
    joined,
)
from reliability.characterization.read_table import Reads
from reliability.characterization.state_shape import (
    Pulses,
    StateShape,
    fit_shape,
    is_needed,
)
from reliability.devices.programming import SLOPES
from reliability.statistics import integrated_time, radial_trend, variance_components
from reliability.statistics.variance import VarianceComponents
from reliability.technology import STATES, Parameter

_LEVELS = ("lot", "wafer", "die", "cell")
_FEWEST = 8  # cells of a state
_FEWEST_PAIRS = 30  # cells of both states, below which their correlation says nothing
_ROUNDS = 4  # of refitting a state
_UNWORN = 1000  # cycles that count as before any wear
_Z90 = 1.6449  # ends of a 90 % interval in sigmas


def can_fit(one: Reads) -> bool:
    """Return whether a file has cells enough of both states."""
    runs = _programmed(one)
    return all((runs.loc[runs["state"] == s, "cell"].nunique()) >= _FEWEST for s in STATES)


def fit_state(
    one: Reads,
    state: str,
    edge: float,
    shape: StateShape | None = None,
    cycles: Fit | None = None,
) -> Fit:
    """Fit ``programming.<state>``.

    Parameters
    ----------
    one : Reads
    state : {"LRS", "HRS"}
    edge : float
        Radius of the wafer, mm.
    shape : StateShape, optional
        Quantile function of the state, from `shapes_of`.
    cycles : Fit, optional
        What cycles of these cells remember, from `cycles.fit_cycles`.
    """
    section = f"programming.{state}"
    runs = _programmed(one)
    runs = runs[runs["state"] == state]
    model, scale, deviation = _deviations(runs["first"].to_numpy(), shape)
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
    memory = None if cycles is None else cycles_memory(runs, cycles.parameters, state)
    split = _components(runs, deviation, groups, residual, memory)
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
    if shape is not None:
        estimates += [Estimate(f"{section}.{name}", "lognormal") for name in SLOPES]
        transformed += np.log(shape.slopes).tolist()
        whole = block_diag(whole, np.cov(shape.again, rowvar=False))
        parameters |= _tail(section, shape, one.source)
    fitted, correlation = from_covariance(estimates, np.array(transformed), whole, one.source)
    for k in set(range(len(names))) - set(shown):
        high = math.sqrt(split.interval[names[k]][1]) * factor
        parameters[f"{section}.sigma_{names[k]}"] = _no_more_than(high, one.source)
    if residual == "cell":  # a base's own value would count twice
        name = f"{section}.sigma_cycle"
        parameters[name] = assumed(name, 0.0, "none besides sigma_cell, which holds it")
    return Fit(
        f"programming_{state}", fitted | parameters, correlation, {section: model},
        not_identifiable=tuple(gaps), needed=_needed(section),
        replaces=tuple(f"{section}.{name}" for name in _OF_SHAPE),
    )  # fmt: skip


def _no_more_than(high: float, source: str) -> Parameter:
    """Return a spread that the data do not show, with the end of its 90 % interval."""
    return Parameter(
        value=0.0, distribution="normal", sigma=float(f"{high / _Z90:.3g}"),
        valid=(0.0, float(f"{5 * high:.3g}")), source=fitted_by(source),
        confidence="fitted", note="not distinguishable from 0 in the data",
    )  # fmt: skip


def shapes_of(one: Reads, seed: int) -> dict[str, StateShape]:
    """Return the quantile functions of the states whose bodies no model of one scale fits.

    Single pulses have the shape that `cycles.fit_cycles` finds on the deviations that a first
    quantile function gives; the second, for those pulses, is returned.
    """
    runs = _programmed(one)
    found: dict[str, StateShape] = {}
    for state in STATES:
        own = runs[runs["state"] == state].sort_values(["cell", "cycles"])
        log_r, cell = -np.log(own["first"].to_numpy()), own["cell"].to_numpy()
        shape = fit_shape(log_r, cell, state, seed)
        if shape is not None and is_needed(shape) and not _is_normal_whole(own["first"]):
            found[state] = shape
    return found


def refit(one: Reads, shapes: Mapping[str, StateShape], cycles: Fit, seed: int
          ) -> dict[str, StateShape]:  # fmt: skip
    """Return the quantile functions again, for single pulses of the shape that ``cycles`` has."""
    runs = _programmed(one)
    out = {}
    for state, shape in shapes.items():
        own = runs[runs["state"] == state]
        pulses = Pulses(*(
            cycles.parameters[f"cycles.{state}.{name}"].value for name in Pulses._fields
        ))  # fmt: skip
        log_r, cell = -np.log(own["first"].to_numpy()), own["cell"].to_numpy()
        groups, residual, _ = _hierarchy(own, state)
        memory = cycles_memory(own, cycles.parameters, state)
        for _ in range(_ROUNDS):  # the cells' fraction is that of the deviations it gives
            split = _components(own, shape.deviation(log_r), groups, residual, memory)
            pulse = split.spread.get("cycle", 0.0) ** 2
            at = 1 - pulse / sum(sigma**2 for sigma in split.spread.values())
            shape = fit_shape(log_r, cell, state, seed, (at, pulses)) or shape
        out[state] = shape
    return out


def cycles_memory(runs: pd.DataFrame, fitted: Mapping[str, Parameter], state: str) -> float:
    """Number of cycles that carry the information of one, in as many as a cell has."""
    lag = np.arange(int(runs.groupby("cell").size().median()))
    rho = sum(
        fitted[f"cycles.{state}.{part}"].value
        * np.exp(-lag / fitted[f"cycles.memory_{part}"].value)
        for part in ("medium", "slow")
    )
    return float(1 + 2 * ((1 - lag / len(lag)) * rho)[1:].sum())


def fit_correlation(one: Reads, shapes: Mapping[str, StateShape], fits: Sequence[Fit], seed: int
                    ) -> Fit | None:  # fmt: skip
    """Fit the correlation of LRS and HRS between cells that were programmed to both."""
    runs = _programmed(one)
    means = {}
    for state in STATES:
        own = runs[runs["state"] == state]
        deviation = pd.Series(_deviations(own["first"].to_numpy(), shapes.get(state))[2])
        # about the mean of the die: what dies share is not the cells' own
        die = [own[name].to_numpy() for name in ("lot", "wafer", "die")]
        deviation -= deviation.groupby(die).transform("mean")
        means[state] = deviation.groupby(own["cell"].to_numpy()).mean()
    both = pd.DataFrame(means).dropna().to_numpy()
    if len(both) < _FEWEST_PAIRS:
        return None
    sigma = [
        fit.parameters[f"programming.{state}.sigma_cell"].value
        for fit, state in zip(fits, STATES, strict=True)
    ]
    if min(sigma) == 0:
        return None

    def estimate(weights: Sequence[Array]) -> Array:
        covariance = np.cov(both.T, fweights=weights[0].astype(int))[0, 1]
        return np.array([covariance / (sigma[0] * sigma[1])])

    found = estimate([np.ones(len(both))])
    again = bootstrap(estimate, [len(both)], "correlation", seed)
    name = Estimate("programming.correlation_cell", valid=(-1.0, 1.0))
    parameters, _ = joined([name], np.clip(found, -1.0, 1.0), again, one.source)
    return Fit("programming_correlation", parameters)


def _deviations(g: Array, shape: StateShape | None) -> tuple[str, float, Array]:
    """Model of the body, its scale (S), and the deviation of conductances from it."""
    if shape is not None:
        return "lognormal_resistance", math.exp(-shape.log_centre), shape.deviation(-np.log(g))
    if _is_normal(g):
        scale = float(np.mean(g))
        return "normal_conductance", scale, 1 - g / scale
    scale = math.exp(np.log(g).mean())
    return "lognormal_resistance", scale, -np.log(g / scale)


_OF_SHAPE = ("slope_*", "smallest_probability", "tail_scale")


def _tail(section: str, shape: StateShape, source: str) -> dict[str, Parameter]:
    """Where the data end, and how uncertain the tail is from there on."""
    name = f"{section}.smallest_probability"
    return {
        name: exact(
            name, float(f"{shape.smallest_probability:.2g}"), fitted_by(source),
            "below, the tail is extrapolated with the slope at 3 sigma",
        ),
        f"{section}.tail_scale": assumed(
            f"{section}.tail_scale", 1.0, "tails go on as steeply as at 3 sigma, a third more or "
            "less", sigma=0.3, distribution="lognormal",
        ),
    }  # fmt: skip


class _Components(NamedTuple):
    mean: float
    mean_error: float
    names: list[str]
    spread: dict[str, float]
    covariance: Array  # of ln spread
    interval: dict[str, tuple[float, float]]  # of the variances


def _components(
    runs: pd.DataFrame,
    deviation: Array,
    groups: dict[str, Array],
    residual: str,
    memory: float | None,
) -> _Components:
    """Split the variance of a deviation into its levels."""
    if groups:
        time = (memory or _memory(runs, deviation)) if residual == "cycle" else 1.0
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


def _is_normal_whole(g: pd.Series) -> bool:
    """Whether a normal distribution of G holds beyond the body: skew and tails within chance."""
    values = g.to_numpy()
    return _is_normal(values) and bool(
        abs(scipy.stats.kurtosis(values)) < 1.0 and abs(scipy.stats.skew(values)) < 0.5
    )


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
