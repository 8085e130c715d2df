"""Relaxation of many levels: `reliability.devices.level_relaxation`, model ``random_walk``.

The change of a cell's conductance has the mean shift(g) s(t) and the standard deviation
sigma(g) sqrt(s(t_eq)). What each level and time shows (mean, standard deviation, number of cells)
is fitted by least squares, sigma on a log scale because its error is relative. Bakes then give the
attempt time, which turns temperature into time.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares, minimize_scalar

from reliability.characterization.estimates import (
    Array,
    Estimate,
    Fit,
    Groups,
    assumed,
    bootstrap,
    exact,
    fitted_by,
    joined,
)
from reliability.characterization.read_table import ROOM, Reads
from reliability.characterization.target import Levels, level_of
from reliability.devices.level_relaxation import RandomWalk
from reliability.errors import InputError
from reliability.technology import Parameter

KNOTS = 9  # at most, evenly spaced from g = 0 to g = 1
_FEWEST = 20  # cells of a level at a time
_SUPPORT = 0.25  # a knot without a level so near is as the nearest one that has
_HOT = 333.0  # K; reads above are bakes
_SECTION = "relaxation.target"
_STEPS = (1.0, 1.5, 2.0, 3.0)  # decades that are tried
_STEP_ERROR = 0.2  # of their logarithm: half the distance between two
_UNIT = 1e-6  # S, so that numbers are near 1


class _Table(NamedTuple):
    """Changes since programming, grouped by level and time (or temperature)."""

    groups: Groups
    level: NDArray[np.intp]  # of each group
    time: Array  # s, mean of each group
    temperature: Array  # K


def fit_relaxation(reads: Sequence[Reads], levels: Levels, seed: int) -> Fit:
    """Fit sigma and shift against level, the onset time, and with bakes the attempt time.

    Parameters
    ----------
    reads : sequence of Reads
        Reads after programming at one temperature, and before and after bakes.
    levels : Levels
    seed : int

    Raises
    ------
    InputError
        Fewer than two times after programming with enough cells.
    """
    after, bakes = _files(reads)
    room, bake = _table(after, levels), _table(bakes[0], levels) if bakes else None
    if len(np.unique(room.time)) < 2:
        raise InputError(f"relaxation: fewer than two times with {_FEWEST} cells of a level")
    reference = float(after.table["point"].max())
    stated = np.isfinite(room.temperature).any()
    kelvin = float(np.nanmedian(room.temperature)) if stated else ROOM
    basis = _basis(levels, min(KNOTS, len(np.unique(room.level))))
    walk = _WalkFit(room, basis, reference)
    start = walk.start()

    def estimate(weights: Sequence[Array]) -> Array:
        found = walk.at(weights[0], start)
        if bake is None:
            return found
        return np.append(found, _attempt(bake, weights[1], walk, found, kelvin))

    sets = [one.cells for one in (after, *bakes)]
    best = estimate([np.ones(n) for n in sets])
    start = best[walk.sigma_and_onset]
    again = bootstrap(estimate, sets, _SECTION, seed)
    estimates = _estimates(basis, levels, bake is not None)
    source = "; ".join(one.source for one in (after, *bakes))
    worse = walk.misfit(np.ones(after.cells), best)
    parameters, correlation = joined(
        estimates, best, again, source,
        {e.name: worse for e in estimates},
    )  # fmt: skip
    gaps = [_MISFIT.format(worse)] if worse > 1.1 else []
    unstated = "" if stated else "the file says none: room temperature"
    for name, value, note in (
        ("reference_time", reference, "last read"), ("reference_temperature", kelvin, unstated)
    ):  # fmt: skip
        parameters[f"{_SECTION}.{name}"] = exact(f"{_SECTION}.{name}", value, source, note)
    onset = math.exp(best[2 * walk.knots])
    step, needed = _step(_decades_per_step(after, levels, onset), source)
    parameters |= step
    if needed:
        gaps.append("relaxation: how the reads of one cell are correlated over time")
    if bake is None:
        needed |= _assumed_attempt()
        gaps.append("relaxation: what temperature does (attempt_time is assumed: no bake)")
    hottest = kelvin if bake is None else float(bake.temperature.max())
    valid = {
        f"{_SECTION}.time": (0.0, reference),
        f"{_SECTION}.temperature": (min(kelvin, ROOM), hottest),
    }
    return Fit(
        "relaxation_target", parameters, correlation, {_SECTION: "random_walk"}, valid,
        tuple(gaps), needed,
        tuple(f"{_SECTION}.{name}" for name in ("sigma_*", "shift_*", "*.*")),
    )  # fmt: skip


_MISFIT = (
    "relaxation: the model misses single levels and times by {:.1f} times the scatter of the "
    "cells; the sigmas of its parameters are that much larger"
)


def _files(reads: Sequence[Reads]) -> tuple[Reads, list[Reads]]:
    """Return the reads after programming and those of bakes."""
    after = [one for one in reads if not _is_bake(one) and one.has("time")]
    bakes = [one for one in reads if _is_bake(one)]
    if len(after) != 1 or len(bakes) > 1:
        raise InputError(
            f"relaxation: got {len(after)} files of reads at room temperature and {len(bakes)} of "
            "bakes, expected one and at most one; put reads of one kind into one file"
        )
    return after[0], bakes


def _estimates(basis: Array, levels: Levels, baked: bool) -> list[Estimate]:
    far = [" (no level near: as the nearest)" if not s else "" for s in _supported(basis)]
    at = np.linspace(0, 1, len(basis.T)) * levels.maximum * 1e6
    notes = [f"at {g:.3g} uS{extra}" for g, extra in zip(at, far, strict=True)]
    return [
        *(Estimate(f"{_SECTION}.sigma_{k}", "lognormal", note) for k, note in enumerate(notes)),
        *(Estimate(f"{_SECTION}.shift_{k}", "normal", note) for k, note in enumerate(notes)),
        Estimate(f"{_SECTION}.onset_time", "lognormal"),
        *([Estimate(f"{_SECTION}.attempt_time", "lognormal")] if baked else []),
    ]


def _step(decades: float | None, source: str) -> tuple[dict[str, Parameter], dict[str, Parameter]]:
    """Return the fitted length of a step of the walk, or the assumed one."""
    name = f"{_SECTION}.decades_per_step"
    if decades is None:
        return {}, {name: assumed(name, 1.0, "independent steps of the walk, of one decade")}
    return {
        name: Parameter(
            value=decades, distribution="lognormal", sigma=_STEP_ERROR, source=fitted_by(source),
            confidence="fitted", valid=(_STEPS[0], _STEPS[-1]),
            note="of 1, 1.5, 2 and 3; by the correlation of a cell's changes",
        )
    }, {}  # fmt: skip


def _assumed_attempt() -> dict[str, Parameter]:
    name = f"{_SECTION}.attempt_time"
    why = "one vibration of an atom; no bake was measured"
    return {name: assumed(name, 1e-13, why, sigma=3.0, distribution="lognormal")}


def _decades_per_step(one: Reads, levels: Levels, onset: float) -> float | None:
    """Return how many decades a step of the walk takes, from the correlation of a cell's changes.

    Steps in log time that are independent make the change at a first time and at a later one
    correlate by the steps that both hold.
    """
    table = one.table.assign(level=level_of(one, levels))
    table = table[(table["level"] >= 0) & (table["time"] > 0) & np.isfinite(table["first"])]
    wide = table.assign(change=table["conductance"] - table["first"]).pivot_table(
        index=["level", "run"], columns="point", values="change"
    )
    times = wide.columns.to_numpy(float)
    if len(times) < 3:
        return None
    seen = []
    for _, own in wide.groupby(level="level"):
        for k in range(1, len(times)):
            both = own[[times[0], times[k]]].dropna().to_numpy()
            if len(both) >= _FEWEST and both.std(axis=0).all():
                seen.append((k, len(both), float(np.corrcoef(both.T)[0, 1])))
    if not seen:
        return None
    later, count, correlation = (np.array(column) for column in zip(*seen, strict=True))

    def miss(decades: float) -> float:
        model = RandomWalk(1.0, (1.0,), (0.0,), onset, float(times[-1]), decades_per_step=decades)
        reached = [np.array(model.steps([time], [ROOM])) for time in times]
        expected = []
        for amplitude in reached:
            common = min(len(amplitude), len(reached[0]))
            dot = amplitude[:common] @ reached[0][:common]
            expected.append(dot / np.linalg.norm(amplitude) / np.linalg.norm(reached[0]))
        return float(count @ (np.array(expected)[later] - correlation) ** 2)

    return min(_STEPS, key=miss)


def can_fit(one: Reads) -> bool:
    """Return whether a file of levels has reads after programming, or bakes."""
    return one.has("time")


def has_room_reads(reads: Sequence[Reads]) -> bool:
    """Return whether a file reads levels at two later times at room temperature.

    Bakes alone do not: how far a level spreads in them depends on the onset time and on the attempt
    time, which only the reads at room temperature tell apart.
    """
    after = [one.table for one in reads if not _is_bake(one)]
    return any(table.loc[table["time"] > 0, "point"].nunique() >= 2 for table in after)


def _is_bake(one: Reads) -> bool:
    return one.has("temperature") or bool((one.table["temperature"] > _HOT).any())


def _table(one: Reads, levels: Levels) -> _Table:
    table = one.table.assign(level=level_of(one, levels))
    table = table[(table["level"] >= 0) & (table["time"] > 0) & np.isfinite(table["first"])]
    keys = ["level", "temperature", "point"]
    size = table.groupby(keys, dropna=False)["conductance"].transform("size")
    table = table[size >= _FEWEST]
    if table.empty:
        raise InputError(f"{one.source}: no level has {_FEWEST} cells read after time 0")
    grouped = table.groupby(keys, dropna=False)
    group = grouped.ngroup().to_numpy()
    change = (table["conductance"] - table["first"]).to_numpy() / _UNIT
    first = table.groupby(group).first()
    groups = Groups(change, group, table["cell"].to_numpy(), len(first))
    return _Table(
        groups, first["level"].to_numpy(), table.groupby(group)["time"].mean().to_numpy(),
        first["temperature"].to_numpy(),
    )  # fmt: skip


def _basis(levels: Levels, knots: int) -> Array:
    """Weight of each knot at each level; a knot that no level is near goes with the nearest."""
    at = np.linspace(0.0, 1.0, max(knots, 1))
    own = np.array([np.interp(levels.fraction, at, row) for row in np.eye(len(at))]).T
    return own if len(at) > 1 else np.ones((len(levels.target), 1))


def _supported(basis: Array) -> NDArray[np.bool_]:
    return np.asarray(basis.max(axis=0) >= _SUPPORT)


class _WalkFit:
    """Least squares of the standard deviations, then of the means."""

    def __init__(self, table: _Table, basis: Array, reference: float) -> None:
        self.table, self.reference = table, reference
        self.supported = np.flatnonzero(_supported(basis))
        # column of the fit that each knot takes its value from
        self.taken = np.abs(np.arange(basis.shape[1])[:, None] - self.supported).argmin(axis=1)
        folded = np.zeros((len(basis), len(self.supported)))
        for knot, column in enumerate(self.taken):
            folded[:, column] += basis[:, knot]
        self.level_basis = folded
        self.basis = folded[table.level]
        self.knots = basis.shape[1]

    @property
    def sigma_and_onset(self) -> NDArray[np.intp]:
        """Where the estimates that `at` iterates on stand in what it returns."""
        return np.append(self.supported, 2 * self.knots)

    def progress(self, onset: float, time: Array) -> Array:
        return np.log1p(time / onset) / math.log1p(self.reference / onset)

    def start(self) -> Array:
        sd = self.table.groups.moments(np.ones(int(self.table.groups.cell.max()) + 1))[2]
        first = np.full(len(self.supported), math.log(np.median(sd) * _UNIT))
        return np.append(first, math.log(self.table.time.min() / 10))

    def at(self, weight: Array, start: Array) -> Array:
        """Return ln sigma and shift of all knots (S) and ln onset time, of cells that count so."""
        n, mean, sd = self.table.groups.moments(weight)
        use = (n >= _FEWEST / 2) & (sd > 0)
        basis, time = self.basis[use], self.table.time[use]
        root, log_sd = np.sqrt(n[use]), np.log(sd[use] * _UNIT)

        def residuals(x: Array) -> Array:
            s = self.progress(math.exp(x[-1]), time)
            return root * (np.log(basis @ np.exp(x[:-1])) + 0.5 * np.log(s) - log_sd)

        def slopes(x: Array) -> Array:
            level = basis * np.exp(x[:-1])
            onset = math.exp(x[-1])
            with np.errstate(over="ignore"):
                slower = -(time / (time + onset)) / np.log1p(time / onset)
                common = (self.reference / (self.reference + onset)) / math.log1p(
                    self.reference / onset
                )
            return root[:, None] * np.column_stack(
                [level / level.sum(axis=1, keepdims=True), 0.5 * (slower + common)]
            )

        low = np.append(np.full(len(start) - 1, -np.inf), math.log(1e-15))
        high = np.append(np.full(len(start) - 1, np.inf), math.log(self.reference))
        found = least_squares(residuals, start, jac=slopes, loss="soft_l1", bounds=(low, high)).x
        s = self.progress(math.exp(found[-1]), time)
        weight_of_mean = root / (basis @ np.exp(found[:-1]) * np.sqrt(s))
        columns = s[:, None] * basis * weight_of_mean[:, None]
        shift = np.linalg.lstsq(columns, mean[use] * _UNIT * weight_of_mean, rcond=None)[0]
        return np.concatenate([found[:-1][self.taken], shift[self.taken], found[-1:]])

    def misfit(self, weight: Array, transformed: Array) -> float:
        """Return by how much the model misses the groups, in the scatter of their cells; 1 or more.

        Root of the median squared residual of ln sd, over that of a model that is right. The
        scatter
        of a standard deviation follows from the fourth moment of the group.
        """
        n, mean, sd = self.table.groups.moments(weight)
        off = (self.table.groups.values - mean[self.table.groups.group]) / sd[
            self.table.groups.group
        ]
        fourth = np.bincount(self.table.groups.group, off**4) / n
        error = np.sqrt(np.maximum(fourth - 1, 0.1) / (4 * n))
        level = self.level_basis @ np.exp(transformed[: self.knots][self.supported])
        s = self.progress(math.exp(transformed[2 * self.knots]), self.table.time)
        residual = (np.log(sd * _UNIT) - np.log(level[self.table.level] * np.sqrt(s))) / error
        free = len(self.supported) + 1
        fraction = len(residual) / max(len(residual) - free, 1)
        return max(1.0, math.sqrt(float(np.median(residual**2)) / 0.4549 * fraction))


def _attempt(bake: _Table, weight: Array, fit: _WalkFit, walk: Array, room: float) -> float:
    """Return the ln of the attempt time with which the walk at room gives the bakes' sigma.

    From levels with at least a quarter of the largest sigma, whose relaxation is well above what a
    read and a bake add. All levels count alike: what the model misses at a level is no sampling.
    """
    n, _, sd = bake.groups.moments(weight)
    level = fit.level_basis @ np.exp(walk[: fit.knots][fit.supported])
    use = (n >= _FEWEST / 2) & (level[bake.level] >= level.max() / 4)
    sigma, hot, time = level[bake.level][use], bake.temperature[use], bake.time[use]
    onset = math.exp(walk[2 * fit.knots])
    observed = np.log(sd[use] * _UNIT)

    def loss(log_attempt: float) -> float:
        log_time = log_attempt + (np.log(time) - log_attempt) * hot / room
        # ln(1 + t/onset) without overflow
        progress = np.logaddexp(0.0, log_time - math.log(onset)) / math.log1p(fit.reference / onset)
        return float(np.sum((np.log(sigma) + 0.5 * np.log(progress) - observed) ** 2))

    return float(
        minimize_scalar(loss, bounds=(math.log(1e-30), math.log(1e-2)), method="bounded").x
    )
