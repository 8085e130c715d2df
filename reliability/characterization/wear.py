"""Wear: what cycling changed in relaxation and programming (`reliability.devices.wear`).

Reads after programming, or before and after a bake, of fresh and of cycled cells give the links of
relaxation by maximum likelihood, given the relaxation of the fresh cells. The mixture is that of
`mixture_likelihood`, its spreads stretched and its jumps multiplied.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.optimize import minimize

from reliability.characterization.estimates import (
    Array,
    Estimate,
    Fit,
    assumed,
    exact,
    fitted_by,
    from_covariance,
    quartile_sigma,
)
from reliability.characterization.mixture_likelihood import log_density
from reliability.characterization.read_table import ROOM, Reads
from reliability.characterization.target import Levels, level_of, together
from reliability.devices import level_relaxation
from reliability.devices.unstable_cells import UnstableCells
from reliability.devices.wear import Wear, log_growth
from reliability.errors import InputError
from reliability.technology import STATES, Parameter, Technology

ONSET = 100.0
WHY = (
    "one number of cycles beside none does not identify it; the exponents hold for that number, "
    "and what lies between is interpolated"
)
_KNOTS = 5
_FEWEST = 20  # reads of a group
_SCALE = 128.0  # units of G_max/128, in which numbers are near 1
_SMOOTH = 2.0  # strength of the penalty on the curvature of a link over levels, per unit^2
_ONSETS = 24  # tried where three numbers of cycles or more identify it


def apart(reads: Sequence[Reads]) -> tuple[list[Reads], list[Reads]]:
    """Separate reads over time of the least cycled cells from those of others.

    Files without cycles, or with cycles and no time, are returned as they are.

    Raises
    ------
    InputError
        Cycles that are not whole.

    Examples
    --------
    >>> table = pd.DataFrame({"cycles": [0, 0, 10, 10], "time": [0.0, 1.0, 0.0, 1.0]})
    >>> fresh, worn = apart([Reads(table, "a.csv")])
    >>> len(fresh[0].table), len(worn[0].table)
    (2, 2)
    """
    timed = [one for one in reads if one.has("time")]
    for one in timed:
        cycles = one.table["cycles"].dropna()
        if (broken := cycles[cycles % 1 != 0]).size:
            raise InputError(
                f"{one.source.split(' (')[0]}: cycles: got {broken.iloc[0]:g}, expected a whole "
                "number"
            )
    least = min((float(one.table["cycles"].fillna(0.0).min()) for one in timed), default=0.0)
    fresh: list[Reads] = []
    worn: list[Reads] = []
    for one in reads:
        more = one.table["cycles"].fillna(0.0) > least
        if not one.has("time") or not more.any():
            fresh.append(one)
            continue
        worn.append(_part(one, more))
        if not more.all():
            fresh.append(_part(one, ~more))
    return fresh, worn


def _part(one: Reads, rows: pd.Series) -> Reads:
    return replace(one, table=one.table[rows].reset_index(drop=True))


# --- relaxation of levels


class _Changes(NamedTuple):
    """Changes of worn cells, in units of G_max/128."""

    change: Array
    initial: Array
    fresh: Array  # (6, reads), local parameters of fresh cells
    reached: Array  # part of the mean relaxation
    cycles: Array
    knots: Array  # (reads, knots), weights of the knots
    run: Array


def fit_levels(
    fresh: Sequence[Reads], worn: Sequence[Reads], relaxation: Fit, levels: Levels
) -> Fit:
    """Fit the links of relaxation and programming of levels.

    Parameters
    ----------
    fresh, worn : sequence of Reads
        From `apart`.
    relaxation : Fit
        Of the fresh cells (`level_relaxation.fit_relaxation`).
    levels : Levels

    Raises
    ------
    InputError
        Fewer than 20 reads of worn cells after time 0.
    """
    source = "; ".join(dict.fromkeys(one.source for one in (*fresh, *worn)))
    model = _fresh_model(relaxation, levels)
    knots = min(_KNOTS, len(levels.target))
    data = _changes(worn, levels, model, knots)
    numbers = np.unique(data.cycles)
    onset, found, covariance = _best_onset(data, knots, numbers)
    covariance = covariance + _of_fresh(relaxation, model, levels, onset, data, knots)
    at = np.linspace(0, 1, knots) * levels.maximum * 1e6
    section = "wear.target"
    estimates = [
        *(Estimate(f"{section}.relaxation_spread_{k}", note=f"at {g:.3g} µS")
          for k, g in enumerate(at)),
        *(Estimate(f"{section}.relaxation_shift_{k}", note=f"at {g:.3g} µS")
          for k, g in enumerate(at)),
        Estimate(f"{section}.relaxation_jumps"),
    ]  # fmt: skip
    unit = np.ones(len(found))
    unit[knots : 2 * knots] = levels.maximum / _SCALE
    parameters, correlation = from_covariance(
        estimates, found * unit, covariance * np.outer(unit, unit), source
    )
    parameters |= _programming(fresh, worn, levels, onset, knots, source)
    parameters["wear.onset"] = _onset(onset, numbers, source)
    return Fit(
        "wear_target", parameters, correlation, {},
        {"wear.cycles": (0.0, float(numbers.max()))},
        tuple(_gaps(numbers)), replaces=("wear.target.*",),
    )  # fmt: skip


def _gaps(numbers: Array) -> list[str]:
    gaps = ["wear: noise, retention barrier, weak cells, wear from cell to cell, recovery by rest"]
    if len(numbers) < 2:
        gaps.append(f"wear: onset (assumed: {WHY})")
    return gaps


def _onset(onset: float, numbers: Array, source: str) -> Parameter:
    if len(numbers) < 2:
        return assumed("wear.onset", onset, WHY)
    return exact(
        "wear.onset", float(f"{onset:.3g}"), source, "most likely; not sampled"
    ).model_copy(update={"confidence": "fitted", "source": fitted_by(source)})


def _fresh_model(relaxation: Fit, levels: Levels) -> UnstableCells:
    top = {"target.maximum": exact("target.maximum", levels.maximum, "levels")}
    known = top | relaxation.needed | relaxation.parameters
    card = Technology("fresh", "", "OxRAM", "", known, models=relaxation.models)
    model = level_relaxation.from_technology(card)
    assert isinstance(model, UnstableCells)  # what levels are fitted with
    return model


def _changes(worn: Sequence[Reads], levels: Levels, model: UnstableCells, knots: int) -> _Changes:
    parts = []
    for number, one in enumerate(worn):
        table = one.table.assign(level=level_of(one, levels), file=number)
        parts.append(table[(table["level"] >= 0) & (table["time"] > 0) & (table["first"] > 0)])
    rows = pd.concat(parts, ignore_index=True)
    if len(rows) < _FEWEST:
        raise InputError(f"wear: got {len(rows)} reads of cycled cells, expected {_FEWEST} or more")
    unit = levels.maximum / _SCALE
    kelvin = rows["temperature"].fillna(ROOM).to_numpy(float)
    conditions = pd.DataFrame({"time": rows["point"], "kelvin": kelvin, "level": rows["level"]})
    local, reached = np.empty((6, len(rows))), np.empty(len(rows))
    grid = np.linspace(0, 1, model.conditions[0].profiles.shape[1])
    for key, index in conditions.groupby(list(conditions)).indices.items():
        time, at, level = map(float, tuple(key))  # type: ignore[arg-type]
        stated = model.profiles(model.progress([time], [at]))
        stated[[0, 1, 3, 4]] /= unit
        stated[1:] = np.log(np.maximum(stated[1:], 1e-300))
        fraction = levels.fraction[int(level)]
        local[:, index] = [[np.interp(fraction, grid, row)] for row in stated]
        reached[index] = level_relaxation.reached(model, [time], [at])
    place = levels.fraction[rows["level"].to_numpy(int)]
    return _Changes(
        ((rows["conductance"] - rows["first"]) / unit).to_numpy(float),
        np.maximum(rows["first"].to_numpy(float) / unit, 1e-3),
        local, reached, rows["cycles"].to_numpy(float), _basis(place, knots),
        np.asarray(rows.groupby(["file", "run"]).ngroup(), float),
    )  # fmt: skip


def _basis(fraction: Array, knots: int) -> Array:
    """Weights of evenly spaced knots at fractions of G_max, shape (len(fraction), knots)."""
    if knots == 1:
        return np.ones((len(fraction), 1))
    rows = [np.interp(fraction, np.linspace(0, 1, knots), row) for row in np.eye(knots)]
    return np.array(rows).T


def _best_onset(data: _Changes, knots: int, numbers: Array) -> tuple[float, Array, Array]:
    """Onset, estimates and covariance; the onset of one number of cycles is assumed."""
    if len(numbers) < 2:
        found, covariance, _ = _maximise(data, knots, ONSET)
        return ONSET, found, covariance
    tried = np.geomspace(numbers.min() / 30, numbers.max(), _ONSETS)
    each = [_maximise(data, knots, onset) for onset in tried]
    best = int(np.argmax([value for _, _, value in each]))
    return float(tried[best]), *each[best][:2]


def _maximise(data: _Changes, knots: int, onset: float) -> tuple[Array, Array, float]:
    """Estimates (spread and shift at the knots, jumps), their covariance and the likelihood."""
    length, decades = log_growth(onset, data.cycles), Wear(onset).decades(data.cycles)
    shifts = (decades * data.reached)[:, None] * data.knots
    spreads = length[:, None] * data.knots
    curve = np.diff(np.eye(knots), 2, axis=0) if knots > 2 else np.zeros((1, knots))
    penalty = np.zeros((2 * knots + 1, 2 * knots + 1))
    strength = _SMOOTH * float(length.mean()) ** 2
    penalty[:knots, :knots] = strength * curve.T @ curve + 1e-3 * np.eye(knots)
    penalty[knots:-1, knots:-1] = 0.1 * curve.T @ curve + 1e-4 * np.eye(knots)
    penalty[-1, -1] = 1e-2 * float(length.mean()) ** 2

    def scores(theta: Array) -> tuple[Array, Array]:
        spread, shift = spreads @ theta[:knots], shifts @ theta[knots:-1]
        local = data.fresh + np.stack(
            [shift, spread, length * theta[-1], spread, spread, 0 * spread]
        )
        local[2] = np.minimum(local[2], np.log(20.0))
        log_f, slope = log_density(data.change, data.initial, local, _SCALE)
        stretched = (slope[1] + slope[3] + slope[4])[:, None] * spreads
        return log_f, np.column_stack([stretched, slope[0][:, None] * shifts, slope[2] * length])

    def loss(theta: Array) -> tuple[float, Array]:
        log_f, each = scores(theta)
        down = penalty @ theta
        return float(0.5 * theta @ down - log_f.sum()), down - each.sum(axis=0)

    found = minimize(loss, np.zeros(2 * knots + 1), jac=True, method="BFGS").x
    log_f, each = scores(found)
    inverse = np.linalg.inv(each.T @ each + penalty)
    runs = pd.DataFrame(each).groupby(data.run).sum().to_numpy()
    covariance = inverse @ (runs.T @ runs + penalty) @ inverse
    return found, covariance, float(log_f.sum())


def _of_fresh(
    relaxation: Fit, model: UnstableCells, levels: Levels, onset: float, data: _Changes, knots: int
) -> Array:
    """Covariance of the estimates by what is uncertain of the fresh cells.

    A worn spread is measured whatever the fresh one is: the exponent has the error of both.
    """
    out = np.zeros(2 * knots + 1)
    at = np.linspace(0, 1, knots)
    hottest = max(model.conditions, key=lambda c: model.progress(c.time, c.temperature))
    names = [key for key in relaxation.parameters if key.endswith(".sigma_0")]
    length = float(log_growth(onset, data.cycles).mean())
    per_decade = float(Wear(onset).decades(data.cycles).mean())
    for key in names:
        section = key.removesuffix(".sigma_0")
        if relaxation.parameters[f"{section}.time"].value != hottest.time:
            continue
        count = hottest.profiles.shape[1]
        grid = np.linspace(0, 1, count)
        width = [relaxation.parameters[f"{section}.sigma_{k}"].sigma or 0.0 for k in range(count)]
        shift = [relaxation.parameters[f"{section}.shift_{k}"].sigma or 0.0 for k in range(count)]
        out[:knots] = (np.interp(at, grid, width) / length) ** 2
        unit = levels.maximum / _SCALE
        out[knots:-1] = (np.interp(at, grid, shift) / unit / per_decade) ** 2
    return np.diag(out)


def _programming(
    fresh: Sequence[Reads], worn: Sequence[Reads], levels: Levels, onset: float, knots: int,
    source: str,
) -> dict[str, Parameter]:  # fmt: skip
    """Growth of the spread of the first read about its level."""
    widths = [_widths(reads, levels) for reads in (fresh, worn)]
    both = widths[0].merge(widths[1], on="level", suffixes=("_fresh", "_worn"))
    if len(both) < 2:
        return {}
    length = log_growth(onset, both["cycles_worn"].to_numpy(float))
    growth = (both["log_width_worn"] - both["log_width_fresh"]).to_numpy(float) / length
    variance = (both["variance_fresh"] + both["variance_worn"]).to_numpy(float) / length**2
    basis = _basis(levels.fraction[both["level"].to_numpy(int)], knots)
    curve = np.diff(np.eye(knots), 2, axis=0) if knots > 2 else np.zeros((1, knots))
    weight = basis.T / variance
    inverse = np.linalg.inv(weight @ basis + _SMOOTH / variance.mean() / 10 * curve.T @ curve
                            + 1e-2 * np.eye(knots))  # fmt: skip
    values = inverse @ (weight @ growth)
    missed = growth - basis @ values
    scatter = max(1.0, float((missed**2 / variance).sum()) / max(len(both) - knots, 1))
    names = [Estimate(f"wear.target.programming_spread_{k}") for k in range(knots)]
    return from_covariance(names, values, inverse * scatter, source)[0]


def _widths(reads: Sequence[Reads], levels: Levels) -> pd.DataFrame:
    """ln of the robust sigma of what was programmed to each level, and its variance."""
    parts = []
    for one in reads:
        table = one.table.assign(level=level_of(one, levels))
        table = table[(table["level"] >= 0) & np.isfinite(table["first"])]
        keys = ["level", *together(table)]
        for key, first in table.drop_duplicates("run").groupby(keys, dropna=False)["first"]:
            if len(first) >= _FEWEST:
                wide = quartile_sigma(first)
                parts.append((key[0], len(first), np.log(max(wide, 1e-12)),
                              float(np.nan_to_num(table["cycles"].max()))))  # fmt: skip
    table = pd.DataFrame(parts, columns=["level", "count", "log_width", "cycles"])
    rows = [
        (level, float(np.average(one["log_width"], weights=one["count"])),
         1.36 / one["count"].sum(), one["cycles"].max())
        for level, one in table.groupby("level")
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["level", "log_width", "variance", "cycles"])


# --- two states


def fit_relaxed_states(fresh: Sequence[Reads], worn: Sequence[Reads]) -> Fit | None:
    """Fit the links of relaxation of LRS and HRS: spread and middle of the change of ln G.

    Changes of worn cells are compared with those of fresh ones read at the same time and
    temperature; None where no state was read so.
    """
    source = "; ".join(dict.fromkeys(one.source for one in (*fresh, *worn)))
    pairs = _state_changes(fresh).merge(
        _state_changes(worn), on=["state", "point", "kelvin"], suffixes=("_fresh", "_worn")
    )
    parameters: dict[str, Parameter] = {}
    for state, rows in pairs.groupby("state"):
        cycles = rows["cycles_worn"].to_numpy(float)
        length, decades = log_growth(ONSET, cycles), Wear(ONSET).decades(cycles)
        spread = (rows["log_width_worn"] - rows["log_width_fresh"]).to_numpy(float) / length
        variance = 1.36 * (1 / rows["count_fresh"] + 1 / rows["count_worn"]) / length**2
        shift = (rows["middle_worn"] - rows["middle_fresh"]).to_numpy(float) / decades
        of_shift = (
            np.exp(2 * rows["log_width_fresh"]) / rows["count_fresh"]
            + np.exp(2 * rows["log_width_worn"]) / rows["count_worn"]
        ) * (np.pi / 2) / decades**2  # fmt: skip
        for name, values, error in (("spread", spread, variance), ("shift", shift, of_shift)):
            w = 1 / error.to_numpy(float)
            mean = float((w * values).sum() / w.sum())
            found, _ = from_covariance(
                [Estimate(f"wear.{state}.relaxation_{name}")], np.array([mean]),
                np.array([[1 / w.sum()]]), source,
            )  # fmt: skip
            parameters |= found
    if not parameters:
        return None
    parameters["wear.onset"] = assumed("wear.onset", ONSET, WHY)
    top = float(pairs["cycles_worn"].max())
    gaps = tuple(_gaps(np.unique(pairs["cycles_worn"])[:1]))
    return Fit("wear_states", parameters, None, {}, {"wear.cycles": (0.0, top)}, gaps)


def _state_changes(reads: Sequence[Reads]) -> pd.DataFrame:
    rows = []
    for one in reads:
        table = one.table.assign(kelvin=one.table["temperature"].fillna(ROOM))
        table = table[table["state"].isin(STATES) & (table["time"] > 0)]
        table = table[(table["first"] > 0) & (table["conductance"] > 0)]
        table["cycles"] = table["cycles"].fillna(0.0)
        table["change"] = np.log(table["conductance"] / table["first"])
        for key, y in table.groupby(["state", "point", "kelvin", "cycles"])["change"]:
            wide = quartile_sigma(y)
            if len(y) >= _FEWEST and wide > 0:
                rows.append((*key, len(y), np.log(wide), y.median()))
    names = ["state", "point", "kelvin", "cycles", "count", "log_width", "middle"]
    return pd.DataFrame(rows, columns=names)
