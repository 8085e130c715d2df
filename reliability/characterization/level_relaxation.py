"""Relaxation of many levels: `reliability.devices.level_relaxation`, model ``unstable_cells``.

The changes of all reads give the functions of the level at some conditions by maximum likelihood
(`mixture_likelihood`); each read counts with its own distribution, so that nothing rests on how
the reads of one cell hang together, and the sigmas take those of one programming as one. What the
reads of a cell share gives the memory of a displacement and the part that each read draws anew.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.special import expit

from reliability.characterization.estimates import (
    Array,
    Estimate,
    Fit,
    assumed,
    exact,
    from_covariance,
)
from reliability.characterization.mixture_likelihood import (
    BODY,
    LOCAL,
    Changes,
    Estimated,
    Weights,
    maximise,
)
from reliability.characterization.read_table import ROOM, Reads
from reliability.characterization.target import Levels, level_of
from reliability.devices.equivalent_time import equivalent_time
from reliability.devices.unstable_cells import (
    PROFILES,
    Condition,
    UnstableCells,
    conductance,
)
from reliability.errors import InputError
from reliability.random import stream
from reliability.technology import Correlation, Parameter

KNOTS = 13  # at most, evenly spaced from g = 0 to g = 1
_FEWEST = 20  # cells of a level at a condition
_HOT = 333.0  # K; reads above are bakes
_SECTION = "relaxation.target"
_SCALE = 128  # units of G_max/128, in which numbers are near 1
_ATTEMPT = 1e-13  # s
_BAKES = 3  # conditions of bakes at which the functions are stated, at most
_ALIKE = 2.0  # strength of the penalty on the difference of a function between two such bakes
_DECADES = 2.0  # between conditions at which the functions are stated
# Centre and strength of a weak penalty: of each value, of its slope and its curvature over levels.
_CENTRE = (0.0, 0.0, -1.0, 1.8, 1.4, -7.5)
_STRENGTH = (0.05, 0.1, 0.5)
_OF_KINDS = (0.25, 1.0, 1.0, 1.0, 1.0, 2.0)  # shifts are not logarithms; few cells are rare
_CELLS = 1000  # simulated at each level for the correlation over time
_MEMORIES = (0.1, 30.0)


class _Table(NamedTuple):
    """Changes with the level and the condition of each."""

    rows: pd.DataFrame
    conditions: pd.DataFrame


def can_fit(one: Reads) -> bool:
    """Return whether a file of levels has reads after programming, or bakes."""
    return one.has("time")


def fit_relaxation(reads: Sequence[Reads], levels: Levels, seed: int) -> Fit:
    """Fit how the cells of each level relax over time and temperature.

    Parameters
    ----------
    reads : sequence of Reads
        Reads after programming, before and after bakes, or both.
    levels : Levels
    seed : int
        Of the simulated cells that give the correlation over time.

    Raises
    ------
    InputError
        No level with enough cells read after time 0.
    """
    table = _table(reads, levels)
    source = "; ".join(one.source for one in reads)
    room, stated_room = _room(reads)
    onset = float(table.conditions["time"].min()) / 10
    x = np.array([
        math.log1p(equivalent_time([t], [kelvin], _ATTEMPT, room) / onset)
        for t, kelvin in zip(table.conditions["time"], table.conditions["temperature"], strict=True)
    ])  # fmt: skip
    stated = _stated(table.conditions, x, room)
    knots = min(KNOTS, table.rows["level"].nunique())
    data, weights = _problem(table, levels, x, stated, knots)
    found = maximise(data, weights, float(_SCALE))
    parameters, groups, worst = _on_card(found, table, data, weights, stated, levels, source)
    gaps = [_MISFIT.format(worst)] if worst > 1.2 else []
    unstated = "" if stated_room else "the file says none: room temperature"
    for name, value, note in (
        ("reference_temperature", room, unstated),
        ("onset_time", onset, "a tenth of the first read"),
    ):
        parameters[f"{_SECTION}.{name}"] = exact(f"{_SECTION}.{name}", value, source, note)
    parameters |= _assumed_here()
    needed = _needed()
    model = _model(parameters | needed, stated, levels.maximum)
    shared = _fit_shared(reads, levels, model, seed, source)
    if not shared:
        gaps.append("relaxation: how the reads of one cell are correlated over time")
    if len({kelvin for _, kelvin, _ in stated}) == 1:
        gaps.append("relaxation: what temperature does (attempt_time is assumed: no bake)")
    times, kelvins = table.conditions["time"], table.conditions["temperature"]
    valid = {
        f"{_SECTION}.time": (0.0, float(times.max())),
        f"{_SECTION}.temperature": (min(room, ROOM), float(kelvins.max())),
    }
    return Fit(
        "relaxation_target", parameters | shared, None, {_SECTION: "unstable_cells"}, valid,
        tuple(gaps), {k: p for k, p in needed.items() if k not in shared}, (f"{_SECTION}.*",),
        groups,
    )  # fmt: skip


_MISFIT = (
    "relaxation: single levels and times scatter {:.1f} times as much about the model as cells "
    "explain; the sigmas of its parameters are that much larger"
)


def _room(reads: Sequence[Reads]) -> tuple[float, bool]:
    """Return the temperature of the reads after programming, and whether a file states it."""
    cold = [one.table["temperature"].to_numpy(float) for one in reads if not _is_bake(one)]
    found = np.concatenate([np.empty(0), *cold])
    found = found[np.isfinite(found)]
    return (float(np.median(found)), True) if len(found) else (ROOM, False)


def _is_bake(one: Reads) -> bool:
    return one.has("temperature") or bool((one.table["temperature"] > _HOT).any())


def _table(reads: Sequence[Reads], levels: Levels) -> _Table:
    columns = []
    for number, one in enumerate(reads):
        table = one.table.assign(level=level_of(one, levels), file=number)
        table["temperature"] = table["temperature"].fillna(ROOM)
        table = table[(table["level"] >= 0) & (table["time"] > 0) & np.isfinite(table["first"])]
        columns.append(table)
    table = pd.concat(columns, ignore_index=True)
    keys = ["temperature", "point"]
    size = table.groupby(["level", *keys])["conductance"].transform("size")
    table = table[size >= _FEWEST].reset_index(drop=True)
    if table.empty:
        names = ", ".join(one.source.split(" (")[0] for one in reads)
        raise InputError(f"{names}: no level has {_FEWEST} cells read after time 0")
    grouped = table.groupby(keys)
    table["condition"] = grouped.ngroup()
    return _Table(table, grouped["time"].mean().reset_index())


def _stated(conditions: pd.DataFrame, x: Array, room: float) -> list[tuple[str, float, int]]:
    """Choose the conditions at which the card states the functions: name, temperature, which.

    Of the reads about one in two decades, of the bakes the first, a middle and the last in effect.
    """
    kelvin = conditions["temperature"].to_numpy(float)
    cold = np.flatnonzero(np.abs(kelvin - room) < 10.0)
    hot = np.setdiff1d(np.arange(len(x)), cold)
    out: list[tuple[str, float, int]] = []
    if len(cold):
        decades = float(np.ptp(x[cold])) / math.log(10.0)
        wanted = np.linspace(x[cold].min(), x[cold].max(), 1 + round(decades / _DECADES))
        wanted = wanted if len(wanted) > 1 or len(cold) == 1 else x[cold][[0, -1]]
        chosen = sorted({int(cold[np.abs(x[cold] - at).argmin()]) for at in wanted},
                        key=lambda k: x[k])  # fmt: skip
        out += [(f"read_{n}", float(kelvin[k]), k) for n, k in enumerate(chosen, 1)]
    if len(hot):
        wanted = np.linspace(x[hot].min(), x[hot].max(), min(_BAKES, len(hot)))
        ends = sorted({int(hot[np.abs(x[hot] - at).argmin()]) for at in wanted}, key=lambda k: x[k])
        out += [(f"bake_{n}", float(kelvin[k]), k) for n, k in enumerate(ends, 1)]
    return out


def _problem(
    table: _Table, levels: Levels, x: Array, stated: Sequence[tuple[str, float, int]], knots: int
) -> tuple[Changes, Weights]:
    rows, unit = table.rows, levels.maximum / _SCALE
    grouped = rows.groupby(["level", "condition"])
    first = grouped.first().reset_index()
    data = Changes(
        ((rows["conductance"] - rows["first"]) / unit).to_numpy(),
        np.maximum((rows["first"] / unit).to_numpy(), 1e-3),
        np.asarray(grouped.ngroup(), np.intp),
        np.asarray(rows.groupby(["file", "run", "level"]).ngroup(), np.intp),
        first["level"].to_numpy(np.intp),
        first["condition"].to_numpy(np.intp),
    )
    at = x[[k for _, _, k in stated]]
    order = np.argsort(at)
    of_conditions = np.empty((len(x), len(at)))
    of_conditions[:, order] = np.array([
        np.interp(x, at[order], row) for row in np.eye(len(at))
    ]).T  # fmt: skip
    of_levels = np.array([
        np.interp(levels.fraction, np.linspace(0, 1, knots), row) for row in np.eye(knots)
    ]).T if knots > 1 else np.ones((len(levels.target), 1))  # fmt: skip
    value, slope, curve = (np.diff(np.eye(knots), k, axis=0) for k in range(3))
    one = sum(
        strength * d.T @ d for strength, d in zip(_STRENGTH, (value, slope, curve), strict=True)
    )
    penalty = np.kron(np.eye(len(at)), np.kron(np.diag(_OF_KINDS), one))
    # Otherwise two bakes may be described by different mixtures, and what is between by neither.
    baked = [number for number, (name, _, _) in enumerate(stated) if name.startswith("bake")]
    change = np.diff(np.eye(len(at))[baked], axis=0)
    alike = np.kron(np.diag(_OF_KINDS), _ALIKE * np.eye(knots))
    penalty += np.kron(change.T @ change, alike)
    centre = np.tile(np.array(_CENTRE)[:, None], (len(at), 1, knots)).reshape(len(at), LOCAL, knots)
    return data, Weights(of_levels, of_conditions, penalty, centre)


def _on_card(
    found: Estimated, table: _Table, data: Changes, weights: Weights,
    stated: Sequence[tuple[str, float, int]], levels: Levels, source: str,
) -> tuple[dict[str, Parameter], dict[str, Correlation], float]:  # fmt: skip
    """Return parameters, their correlation at each condition, and by how much sigmas grew."""
    knots, unit = found.estimates.shape[2], levels.maximum / _SCALE
    at = np.linspace(0, 1, knots) * levels.maximum * 1e6
    inflation = _inflation(found, data, weights)
    parameters: dict[str, Parameter] = {}
    groups: dict[str, Correlation] = {}
    for number, (name, kelvin, k) in enumerate(stated):
        section = f"{_SECTION}.{name}"
        estimates = [
            Estimate(f"{section}.{profile}_{knot}", "normal" if profile == "shift" else "lognormal",
                     f"at {at[knot]:.3g} µS")
            for profile in PROFILES for knot in range(knots)
        ]  # fmt: skip
        values = found.estimates[number].copy()
        scale = np.ones_like(values)
        scale[0] = unit
        values[0] *= unit
        values[[1, 3, 4]] += math.log(unit)
        own = slice(number * values.size, (number + 1) * values.size)
        covariance = found.covariance[own, own] * np.outer(scale, scale)
        fitted, correlation = from_covariance(
            estimates, values.ravel(), covariance * inflation[number] ** 2, source
        )
        parameters |= fitted
        groups |= _at_each_level(correlation, f"{_SECTION}.{name}", knots)
        time = float(table.conditions["time"].iloc[k])
        parameters[f"{section}.time"] = exact(f"{section}.time", float(f"{time:.4g}"), source)
        parameters[f"{section}.temperature"] = exact(f"{section}.temperature", kelvin, source)
    return parameters, groups, float(inflation.max())


def _inflation(found: Estimated, data: Changes, weights: Weights) -> Array:
    """Return by how much the sigmas of each stated condition grow.

    What single levels and times miss beyond the scatter of their cells is taken as a scatter of
    levels about the curve through them, which a value between two levels has in full.
    """
    part = weights.of_conditions[data.condition]
    groups = part.sum(axis=0)
    free = found.estimates[0, :BODY].size
    expected = np.maximum(BODY * groups - free, 1.0)
    excess = part.T @ found.misfit / expected - 1.0
    sure = excess > 2.0 * np.sqrt(2.0 / expected)
    per_knot = np.maximum(BODY * groups / free, 1.0)
    return np.sqrt(1.0 + np.where(sure, np.maximum(excess, 0.0), 0.0) * per_knot)


def _at_each_level(
    correlation: Correlation | None, section: str, knots: int
) -> dict[str, Correlation]:
    """Return the correlation of the functions at each level, which is where it is strong.

    Rounded to two digits, a little nearer to none so that it stays a correlation.
    """
    if correlation is None:
        return {}
    names, whole = list(correlation.parameters), np.array(correlation.matrix)
    groups = {}
    for knot in range(knots):
        own = [f"{section}.{p}_{knot}" for p in PROFILES if f"{section}.{p}_{knot}" in names]
        if len(own) < 2:
            continue
        pick = [names.index(name) for name in own]
        matrix = np.round(0.96 * whole[np.ix_(pick, pick)], 2)
        np.fill_diagonal(matrix, 1.0)
        rows = tuple(tuple(row) for row in matrix.tolist())
        group = f"{section}.{knot}".replace(".", "_")
        groups[group] = Correlation(parameters=tuple(own), matrix=rows)
    return groups


def _assumed_here() -> dict[str, Parameter]:
    name = f"{_SECTION}.attempt_time"
    why = "one vibration of an atom; one duration of the bakes does not identify it"
    return {name: assumed(name, _ATTEMPT, why, sigma=2.0, distribution="lognormal")}


def _needed() -> dict[str, Parameter]:
    why = "reads of one cell at three times or more were not measured"
    values = {
        "memory": 5.0, "fluctuation": 0.5, "jump_fluctuation": 0.2, "decades_per_step": 1.0
    }  # fmt: skip
    return {
        f"{_SECTION}.{name}": assumed(f"{_SECTION}.{name}", value, why)
        for name, value in values.items()
    }


def _model(
    parameters: dict[str, Parameter], stated: Sequence[tuple[str, float, int]], maximum: float
) -> UnstableCells:
    def value(name: str) -> float:
        return parameters[f"{_SECTION}.{name}"].value

    count = sum(key.startswith(f"{_SECTION}.{stated[0][0]}.sigma_") for key in parameters)
    conditions = tuple(
        Condition(
            value(f"{name}.time"), value(f"{name}.temperature"),
            np.array([[value(f"{name}.{p}_{k}") for k in range(count)] for p in PROFILES]),
        )
        for name, _, _ in stated
    )  # fmt: skip
    return UnstableCells(
        maximum, conditions, value("onset_time"), value("attempt_time"),
        value("reference_temperature"), value("memory"), value("fluctuation"),
        value("jump_fluctuation"), value("decades_per_step"),
    )  # fmt: skip


class _Shared(NamedTuple):
    """Correlation of the changes of a cell at two times."""

    pair: NDArray[np.intp]  # (pairs, 3): level, first and second time
    observed: Array  # (pairs,)
    influence: list[tuple[NDArray[np.intp], Array]]  # runs and their influence on each


def _fit_shared(
    reads: Sequence[Reads], levels: Levels, model: UnstableCells, seed: int, source: str
) -> dict[str, Parameter]:
    """Fit memory and fluctuation: what simulated cells share over time as measured cells do."""
    files = [one for one in reads if not _is_bake(one) and one.has("time", 3)]
    if not files:
        return {}
    times, shared = _observed(files[0], levels)
    if not len(shared.observed):
        return {}
    weight = 1 / np.array([max(math.sqrt(np.sum(i**2)), 0.02) for _, i in shared.influence])
    cells = _Simulated(levels.target, times, model, seed)
    level, first, second = shared.pair.T

    def miss(z: Array) -> Array:
        return (cells.correlation(*_natural(z))[level, first, second] - shared.observed) * weight

    low, high = math.log(_MEMORIES[0]), math.log(_MEMORIES[1])
    found = least_squares(
        miss, [math.log(5.0), 0.0, -1.4], bounds=([low, -5.0, -5.0], [high, 5.0, 5.0]),
        loss="soft_l1",
        diff_step=0.03, xtol=1e-3, ftol=1e-4,
    )  # fmt: skip
    pull = -np.linalg.pinv(found.jac.T @ found.jac + 1e-6 * np.eye(3)) @ found.jac.T * weight
    runs = 1 + max(int(rows.max()) for rows, _ in shared.influence)
    moved = np.zeros((runs, 3))
    for column, (rows, influence) in zip(pull.T, shared.influence, strict=True):
        moved[rows] += influence[:, None] * column
    residual = float(np.median(found.fun**2)) / 0.4549
    covariance = moved.T @ moved * max(1.0, residual)
    values = np.array(_natural(found.x))
    slope = np.append(1.0, values[1:] * (1 - values[1:]))
    values[0] = math.log(values[0])
    spread = covariance * np.outer(slope, slope) + 1e-8 * np.eye(3)
    estimates = [
        Estimate(f"{_SECTION}.memory", "lognormal", "decades", valid=(0.01, 100.0)),
        *(Estimate(f"{_SECTION}.{name}", "normal", "", valid=(0.0, 1.0))
          for name in ("fluctuation", "jump_fluctuation")),
    ]  # fmt: skip
    return from_covariance(estimates, values, spread, source)[0]


def _natural(z: Array) -> tuple[float, float, float]:
    return math.exp(z[0]), float(expit(z[1])), float(expit(z[2]))


def _observed(one: Reads, levels: Levels) -> tuple[Array, _Shared]:
    table = one.table.assign(level=level_of(one, levels))
    table = table[(table["level"] >= 0) & (table["time"] > 0) & np.isfinite(table["first"])]
    table = table.assign(change=table["conductance"] - table["first"])
    times = table.groupby("point")["time"].mean().to_numpy()
    wide = table.pivot_table(index=["level", "run"], columns="point", values="change")
    pairs, seen, influence = [], [], []
    for level, own in wide.groupby(level="level"):
        runs = own.index.get_level_values("run").to_numpy(np.intp)
        values = own.to_numpy(float)
        for i in range(len(times)):
            for j in range(i + 1, len(times)):
                both = np.isfinite(values[:, i]) & np.isfinite(values[:, j])
                a, b = values[both, i], values[both, j]
                if len(a) < _FEWEST or not (a.std() > 0 and b.std() > 0):
                    continue
                a, b = (a - a.mean()) / a.std(), (b - b.mean()) / b.std()
                r = float((a * b).mean())
                pairs.append((int(level), i, j))
                seen.append(r)
                influence.append((runs[both], (a * b - r * (a * a + b * b) / 2) / len(a)))
    return times, _Shared(np.array(pairs, np.intp).reshape(-1, 3), np.array(seen), influence)


class _Simulated:
    """Simulated cells of every level, the same deviates for every memory and fluctuation."""

    def __init__(self, target: Array, times: Array, model: UnstableCells, seed: int) -> None:
        self.target, self.times, self.model, self.seed = target, times, model, seed
        self.initial = np.repeat(target, _CELLS)
        self.deviates: dict[str, Array] = {}

    def _deviate(self, name: str) -> Array:
        if name not in self.deviates:
            generator = stream(self.seed, f"characterization.{name}")
            self.deviates[name] = generator.standard_normal(len(self.initial))
        return self.deviates[name]

    def correlation(self, memory: float, fluctuation: float, jump_fluctuation: float) -> Array:
        """Return the correlation of the changes, shape (levels, times, times)."""
        model = replace(
            self.model, memory=memory, fluctuation=fluctuation, jump_fluctuation=jump_fluctuation
        )
        kelvin = [model.reference_temperature]
        change = np.array([
            conductance(model, self.initial, self.initial, [t], kelvin,
                        [self._deviate(name) for name in model.streams([t], kelvin)])
            - self.initial
            for t in self.times
        ]).reshape(len(self.times), len(self.target), -1)  # fmt: skip
        change -= change.mean(axis=2, keepdims=True)
        change /= np.sqrt((change**2).mean(axis=2, keepdims=True))
        return np.asarray(np.einsum("ilc,jlc->lij", change, change) / _CELLS)
