"""Cycles: what ln R remembers from one SET/RESET cycle to the next (`reliability.devices.cycles`).

Each cell's deviation (ln R, or what the quantile function of its state makes of it) is taken about
its own mean. The pooled values give the skew and the tails; their normal deviates the fractions of
the white, medium and slow part and the two memories, by least squares on the autocovariance with
the bias that the cells' own means put into it. Cells differ in width as well, by their rare pulses;
a width of their own besides would put those pulses into few cells, which measured cells do not
show, and is not fitted.
"""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from reliability.characterization.estimates import (
    Array,
    Estimate,
    Fit,
    assumed,
    bootstrap,
    joined,
)
from reliability.characterization.read_table import Reads
from reliability.devices import cycles as process
from reliability.devices.shapes import moments
from reliability.random import stream
from reliability.technology import STATES

_FEWEST_CELLS, _FEWEST_CYCLES = 8, 40
_MOST_CYCLES = 1000  # before wear
_LAGS = 50
_SIMULATED, _ROUNDS = 300_000, 4  # cycles of each simulation, and how many there are
_SHOWN = 0.05  # of the variance; a correlation of the states that is less counts as none
_MEDIUM = (3.0, 5.0, 8.0, 12.0, 18.0)  # cycles that are tried
_SLOW = (30.0, 45.0, 65.0, 100.0, 150.0, 220.0, 330.0)
_EDGES = np.concatenate([[-np.inf], np.linspace(-6, 10, 201), [np.inf]])
_MIDDLE = np.concatenate([[-6.5], (_EDGES[1:-2] + _EDGES[2:-1]) / 2, [11.0]])


def can_fit(one: Reads) -> bool:
    """Return whether a file has consecutive cycles enough of both states of the same cells."""
    both = _matrices(one)
    return both is not None


def fit_cycles(
    one: Reads, seed: int, deviations: Mapping[str, Callable[[Array], Array]] | None = None
) -> Fit:
    """Fit the section ``cycles``.

    Parameters
    ----------
    one : Reads
    seed : int
    deviations : mapping of str to callable, optional
        What makes ln R the deviation d of a state; ln R itself by default.
    """
    both = _matrices(one)
    assert both is not None
    same = deviations or {}
    both = [same[s](y) if s in same else y for s, y in zip(STATES, both, strict=True)]
    cells, cycles = both[0].shape
    slow = tuple(m for m in _SLOW if m <= max(cycles, 90) / 3 + 1)
    measured = _Statistics(both, slow)
    ones = np.ones(cells)
    raw = measured.at(ones)
    found = _unbiased(raw, cells, cycles, seed)
    again = bootstrap(lambda weights: measured.at(weights[0]), [cells], "cycles", seed)
    again = again + (found - raw)
    estimates = _estimates()
    for k, e in enumerate(estimates):  # a fraction that reaches its end stays possible
        if e.valid is not None:
            found[k] = float(np.clip(found[k], *e.valid))
    # The memories are those of a grid, and could be anywhere between two of its values; what the
    # next slow memory makes of the other estimates is uncertain with it.
    rng = stream(seed, "characterization.cycles.grid")
    off = rng.uniform(-0.5, 0.5, (len(again), 2))
    again[:, 0] += math.log(_MEDIUM[1] / _MEDIUM[0]) * off[:, 0]
    again += off[:, 1:] * _next_memory(measured, raw, found, cells, seed)
    fraction = found[[[2, 6], [3, 7]]]
    size = np.sqrt(np.prod([1 - fraction.sum(axis=0), *fraction], axis=1))
    shown = np.abs(found[-3:]) > 2 * again[:, -3:].std(axis=0)
    shown &= np.abs(found[-3:]) * size > _SHOWN
    use = [*range(len(found) - 3), *(len(found) - 3 + np.flatnonzero(shown))]
    parameters, correlation = joined(
        [estimates[k] for k in use], found[use], again[:, use], one.source
    )
    for k in set(range(len(estimates))) - set(use):
        name, error = estimates[k].name, again[:, k].std()
        parameters[name] = assumed(
            name,
            0.0,
            f"none; {found[k]:.2f} +- {error:.2f} in {one.source} changes the variance of a cycle "
            "by less than 5 %",
        )
    for state in STATES:
        name = f"cycles.{state}.sigma_spread"
        why = "none; what differs between cells in width is in the tails of their pulses"
        parameters[name] = assumed(name, 0.0, why)
    memory, gaps = float(np.exp(found[1])), []
    if memory >= slow[-1] * 0.99:
        gaps.append(
            f"cycles: a memory beyond {memory:.0f} cycles, which {cycles} cycles do not "
            "distinguish from a difference between cells"
        )
    return Fit(
        "cycles",
        parameters,
        correlation,
        not_identifiable=tuple(gaps),
        replaces=("cycles.*",),
    )


def _estimates() -> list[Estimate]:
    """What is fitted, in the order of `_Statistics.at`."""
    estimates = [
        Estimate("cycles.memory_medium", "lognormal"), Estimate("cycles.memory_slow", "lognormal"),
    ]  # fmt: skip
    for state in STATES:
        estimates += [
            Estimate(f"cycles.{state}.medium", valid=(0.0, 0.3)),
            Estimate(f"cycles.{state}.slow", valid=(0.0, 0.69)),
            Estimate(f"cycles.{state}.skew"),
            Estimate(f"cycles.{state}.tail", "lognormal"),
        ]
    parts = ("white", "medium", "slow")
    estimates += [Estimate(f"cycles.correlation_{part}", valid=(-1.0, 1.0)) for part in parts]
    return estimates


class _Statistics:
    """What is looked at in measured or simulated cycles, for any weights of the cells."""

    def __init__(self, both: Sequence[Array], slow: Sequence[float]) -> None:
        self.cycles, self.slow = both[0].shape[1], slow
        lags = min(_LAGS, self.cycles // 4)
        relative = [_standardised(y) for y in both]
        self.counts = [_histogram(r) for r in relative]
        ones = np.ones(len(both[0]))
        self.shapes = [_shape(c, ones) for c in self.counts]
        model = process.Cycles(
            (10, 100), (0, 0), (0, 0), skew=_pair(self.shapes, 0), tail=_pair(self.shapes, 1)
        )
        deviates = [process.to_deviate(model, k, r) for k, r in enumerate(relative)]
        self.sums = [process.lag_sums(u, lags) for u in deviates]
        self.cross = _cross_sums(deviates, lags)

    def at(self, weight: Array, memory: tuple[float, float] | None = None) -> Array:
        """Return ln memories; of each state medium, slow, skew, ln tail; correlations."""
        w = weight / weight.sum()
        mean = [w @ s for s in self.sums]
        grid = [(m, s) for m in _MEDIUM for s in self.slow] if memory is None else [memory]
        memory, fractions = _memory(mean, self.cycles, grid)
        own: list[float] = []
        for k in range(2):
            skew, tail = _shape(self.counts[k], w, self.shapes[k])
            own += [fractions[k][1], fractions[k][2], skew, np.log(tail)]
        return np.array([*np.log(memory), *own, *_correlation(w @ self.cross, memory, fractions)])


def pulse_shape(deviation: Array) -> tuple[float, float]:
    """Return skew and tail of cells' deviations, shape (cells, cycles).

    Plain estimates, without what `fit_cycles` corrects them for.
    """
    counts = _histogram(_standardised(deviation))
    return _shape(counts, np.ones(len(counts)))


def _next_memory(measured: "_Statistics", raw: Array, found: Array, cells: int, seed: int) -> Array:
    """What the estimates change by with the next slow memory of the grid."""
    medium, slow = np.exp(raw[:2])
    others = [m for m in measured.slow if not math.isclose(m, slow)]
    if not others:
        change = np.zeros(len(found))
        change[1] = math.log(_SLOW[1] / _SLOW[0])
        return change
    longer = [m for m in others if m > slow]  # which hides more in the mean of a cell
    near = min(longer) if longer else max(others)
    there = measured.at(np.ones(cells), (medium, near))
    return _unbiased(there, cells, measured.cycles, seed) - found


def _unbiased(raw: Array, cells: int, cycles: int, seed: int) -> Array:
    """Take off what the same statistics are off by on cycles simulated with the answer [1]_.

    A cell's own mean, which its values are taken relative to, hides some of its slow part and of
    its tails.

    .. [1] C. Gourieroux, A. Monfort, E. Renault, "Indirect inference", J. Appl. Econometrics 8,
       S85 (1993), doi:10.1002/jae.3950080507.
    """
    found = raw.copy()
    memory = (float(np.exp(raw[0])), float(np.exp(raw[1])))
    many = max(_SIMULATED // cycles, cells)
    for _ in range(_ROUNDS):
        model = _model(found)
        walk = process.start(model, seed, [0, 0, 0], many)
        u = process.advance(walk, cycles)
        both = [process.from_deviate(model, k, u[:, :, k]) for k in range(2)]
        seen = _Statistics(both, (memory[1],)).at(np.ones(many), memory)
        found[2:10] += raw[2:10] - seen[2:10]
    return found


def _model(found: Array) -> process.Cycles:
    medium, slow, skew, log_tail = (found[2 + k : 10 : 4] for k in range(4))
    medium, slow = np.clip(medium, 0.0, 0.3), np.clip(slow, 0.0, 0.69)
    tail = np.exp(np.clip(log_tail, np.log(0.3), np.log(2.0)))

    def pair(values: Array) -> tuple[float, float]:
        return float(values[0]), float(values[1])

    return process.Cycles(
        pair(np.exp(found[:2])), pair(medium), pair(slow),
        skew=pair(skew), tail=pair(tail),
    )  # fmt: skip


def _pair(shapes: Sequence[tuple[float, float]], k: int) -> tuple[float, float]:
    return shapes[0][k], shapes[1][k]


def _matrices(one: Reads) -> list[Array] | None:
    """ln R of the cells that have every cycle of both states, shape (cells, cycles) each."""
    table = one.table
    table = table[table["state"].isin(STATES) & (table["cycles"] <= _MOST_CYCLES)]
    table = table[(table["conductance"] > 0)].drop_duplicates("run")
    if table["cycles"].nunique() < _FEWEST_CYCLES:
        return None
    numbers = np.sort(table["cycles"].unique())
    if len(np.unique(np.diff(numbers))) > 1 or np.diff(numbers)[0] != 1:
        return None  # not consecutive
    wide = table.assign(y=-np.log(table["conductance"])).pivot_table(
        index="cell", columns=["state", "cycles"], values="y"
    )
    if set(STATES) - set(wide.columns.get_level_values(0)):
        return None
    wide = wide.dropna()
    if len(wide) < _FEWEST_CELLS:
        return None
    return [wide[state].to_numpy() for state in STATES]


def _standardised(y: Array) -> Array:
    """Deviations from the cell's mean, in units of what is common to all cells."""
    off = y - y.mean(axis=1, keepdims=True)
    return off / np.sqrt((off**2).mean() * y.shape[1] / (y.shape[1] - 1))


def _histogram(r: Array) -> Array:
    """How many values of each cell are in each bin, shape (cells, bins)."""
    bins = np.clip(np.digitize(r, _EDGES) - 1, 0, len(_MIDDLE) - 1)
    rows = np.repeat(np.arange(len(r)), r.shape[1])
    flat = np.bincount(rows * len(_MIDDLE) + bins.ravel(), minlength=len(r) * len(_MIDDLE))
    return flat.reshape(len(r), -1).astype(float)


def _shape(
    counts: Array, weight: Array, start: tuple[float, float] = (0.0, 0.8)
) -> tuple[float, float]:
    """Skew and tail of the sinh-arcsinh map with the largest likelihood of the binned values."""
    pooled = weight @ counts
    pooled = pooled / pooled.sum()
    x = _MIDDLE

    def loss(u: NDArray[np.float64]) -> float:
        skew, tail = float(u[0]), float(np.exp(u[1]))
        mean, sd = moments(skew, tail)
        if not np.isfinite(sd) or sd <= 0:
            return 1e9
        inner = x * sd + mean
        deviate = np.sinh(np.arcsinh(inner) * tail - skew)
        slope = np.log(tail * sd) + 0.5 * np.log1p(deviate**2) - 0.5 * np.log1p(inner**2)
        return float(-(pooled @ (slope - deviate**2 / 2)))

    bounds = ((-1.5, 1.5), (np.log(0.3), np.log(2.0)))
    found = minimize(
        loss, [start[0], np.log(start[1])], method="Nelder-Mead", bounds=bounds,
        options={"xatol": 1e-3, "fatol": 1e-8},
    ).x  # fmt: skip
    return float(found[0]), float(np.exp(found[1]))


def _memory(
    sums: Sequence[Array], cycles: int, grid: Sequence[tuple[float, float]]
) -> tuple[tuple[float, float], list[Array]]:
    """Return the memories that miss both states least, and the fractions of each state."""
    best: tuple[float, tuple[float, float], list[Array]] | None = None
    for memory in grid:
        pairs = [process.fractions_of(total, cycles, memory) for total in sums]
        miss = sum((m / total[0]) ** 2 for (_, m), total in zip(pairs, sums, strict=True))
        if best is None or miss < best[0]:
            best = miss, memory, [fractions / fractions.sum() for fractions, _ in pairs]
    assert best is not None
    return best[1], best[2]


def _cross_sums(deviates: Sequence[Array], lags: int) -> Array:
    """Mean product of the LRS deviate with the HRS deviate k cycles apart, both ways, each cell."""
    a, b = (u - u.mean(axis=1, keepdims=True) for u in deviates)
    n = a.shape[1]
    out = [(a * b).mean(axis=1)]
    for k in range(1, lags + 1):
        forward, backward = (a[:, k:] * b[:, : n - k]), (a[:, : n - k] * b[:, k:])
        out.append((forward.mean(axis=1) + backward.mean(axis=1)) / 2)
    return np.stack(out, axis=1)


def _correlation(
    cross: Array, memory: tuple[float, float], fractions: Sequence[Array]
) -> tuple[float, float, float]:
    """Correlation of the white, medium and slow parts of the two states."""
    lag = np.arange(len(cross))
    decay = np.column_stack([lag == 0, *(np.exp(-lag / m) for m in memory)]).astype(float)
    size = np.sqrt(fractions[0] * fractions[1])
    use = size > 0.02  # a part that is hardly there has no correlation to speak of
    out = np.zeros(3)
    out[use] = np.linalg.lstsq(decay[:, use] * size[use], cross, rcond=None)[0]
    white, medium, slow = np.clip(out, -1.0, 1.0).tolist()
    return white, medium, slow
