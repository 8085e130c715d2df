"""Many levels: which conductances they aim at, and the error that program and verify leaves."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
import scipy

from reliability.characterization.estimates import (
    Array,
    Estimate,
    Fit,
    assumed,
    bootstrap,
    exact,
    joined,
)
from reliability.characterization.read_table import Reads
from reliability.devices.target import WINDOW
from reliability.errors import InputError
from reliability.technology import Parameter

_FEWEST = 20  # cells that tell a standard deviation to 16 %
_EVEN = 0.5  # of a pitch
_RARE = 0.25  # levels with a smaller fraction of the cells of a typical one are not in use


@dataclass(frozen=True)
class Levels:
    """The levels in use.

    Attributes
    ----------
    target : ndarray, shape (levels,)
        Conductance that each aims at, S, in increasing order.
    number : ndarray, shape (levels,)
        What the files call each.
    minimum, maximum : float
        S: the lower end of the lowest level and the upper end of the highest, G_max; the lowest and
        the highest target where files say targets.
    reach : float
        A conductance belongs to a level when it is so close to its target, S.
    tuned : bool
        Whether each level has a verify window of its own, set anew with each write of the cells.
    """

    target: Array
    number: Array
    minimum: float
    maximum: float
    reach: float
    tuned: bool = False

    def nearest(self, conductance: Array) -> Array:
        """Return the position of the level that a conductance (S) belongs to; -1 for none."""
        at = np.abs(np.asarray(conductance)[:, None] - self.target)
        best = at.argmin(axis=1)
        inside = at[np.arange(len(best)), best] <= self.reach * (1 + 1e-9)
        return np.where(inside, best, -1)

    @property
    def fraction(self) -> Array:
        """Targets as fractions of G_max."""
        return self.target / self.maximum


def find_levels(reads: Sequence[Reads], maximum: float | None = None) -> Levels:
    """Find the levels of files that name a target or the number of a level for each cell.

    Parameters
    ----------
    reads : sequence of Reads
    maximum : float, optional
        G_max as designed, S.

    Raises
    ------
    InputError
        No level with enough cells, or targets above ``maximum``.

    Notes
    -----
    Numbered levels are taken as evenly spaced, if the middles of all are within half a pitch of
    that: verify accepts a window for each, so the middle of what was programmed at a level
    estimates its target far better than the mean, and a Theil-Sen line through the middles gives
    pitch and offset. Else a maker has tuned each level by itself, and they are where the medians
    of their cells are, in rising or falling order, on average over the writes. Levels that hold
    less than a quarter of the cells of a typical level are taken as not in use.
    """
    cells = pd.concat(
        [one.table.drop_duplicates("run").assign(number=one.is_level_number) for one in reads]
    )
    cells = cells[np.isfinite(cells["target"]) & np.isfinite(cells["first"])]
    numbered = bool(cells["number"].any())
    if cells["number"].nunique() > 1:
        raise InputError("levels: one file numbers its levels, another gives targets; use one")
    count = cells.groupby("target").size()
    count = count[(count >= _FEWEST) & (count >= _RARE * count.median())]
    if count.empty:
        raise InputError(f"levels: no level has {_FEWEST} cells with a read at time 0")
    number = count.index.to_numpy(float)
    if not numbered:
        top = float(number.max()) if maximum is None else maximum
        if number.max() > top * (1 + 1e-9):
            raise InputError(f"levels: got a target of {number.max():.3g} S, maximum {top:.3g} S")
        reach = float(np.diff(number).min()) / 2 if len(number) > 1 else np.inf
        return Levels(number, number, float(number.min()), top, reach)
    programmed = cells[cells["target"].isin(number)].groupby("target")["first"]
    middle = ((programmed.min() + programmed.max()) / 2).to_numpy()
    if len(number) == 1:
        top = float(middle[0]) if maximum is None else maximum
        return Levels(middle, number, float(middle[0]), top, np.inf)
    pitch, offset, *_ = scipy.stats.theilslopes(middle, number)
    off = np.abs(middle - offset - pitch * number).max()
    if not pitch > 0 or off > pitch * _EVEN:
        return _uneven(cells[cells["target"].isin(number)], number, maximum)
    top = float(pitch * (number.max() + 0.5) + offset)
    if maximum is not None:  # design numbers: a whole number of pitches, levels on half pitches
        pitch = maximum / round(maximum / pitch)
        offset = round(offset / pitch * 2) / 2 * pitch
        top = maximum
    else:
        pitch, offset, top = (float(f"{x:.5g}") for x in (pitch, offset, top))
    target = offset + pitch * number
    use = target <= top * (1 + 1e-9)
    lowest = max(float(target[0]) - pitch / 2, 0.0)
    return Levels(target[use], number[use], lowest, top, pitch / 2)


def _uneven(cells: pd.DataFrame, number: Array, maximum: float | None) -> Levels:
    """Levels where their cells are: medians, over writes, that rise or fall with the number."""
    written = cells.groupby(["target", *together(cells)], dropna=False)["first"]
    middle = written.median().groupby("target").mean().to_numpy()
    order = np.argsort(middle)
    turns = np.diff(number[order])
    if not (np.all(turns > 0) or np.all(turns < 0)):
        raise InputError("levels: the conductance neither rises nor falls with the number")
    target = middle[order]
    top = float(cells["first"].max()) if maximum is None else maximum
    use = target <= top * (1 + 1e-9)
    target, count = target[use], int(use.sum())
    reach = float(np.diff(target).min()) / 2 if count > 1 else np.inf
    lowest = float(cells["first"].min())
    return Levels(target, number[order][use], lowest, top, reach, tuned=True)


def level_of(one: Reads, levels: Levels) -> Array:
    """Return the position among ``levels`` of every read's level; -1 for none.

    Where the file does not say what a cell was programmed to, it is the level that its first read
    belongs to.
    """
    target = one.table["target"].to_numpy(float)
    if np.isnan(target).all():
        return levels.nearest(np.nan_to_num(one.table["first"].to_numpy(float), nan=-1.0))
    order = np.argsort(levels.number)  # falling, where the first level has the most conductance
    place = np.searchsorted(levels.number[order], target)
    position = order[np.minimum(place, len(order) - 1)]
    return np.where(levels.number[position] == target, position, -1)


def together(table: pd.DataFrame) -> list[str]:
    """Return the columns that tell one write of all cells from another."""
    return [key for key in ("repeat", "test", "temperature", "cycles") if key in table]


def aims(table: pd.DataFrame, levels: Levels) -> Array:
    """Return the conductance (S) that the cell of every read was programmed to.

    Of levels that are set anew with each write, the median of its first reads.

    Parameters
    ----------
    table : DataFrame
        Reads, with their position among the levels as ``level``.
    levels : Levels
    """
    target = levels.target[table["level"].to_numpy(int)]
    if not levels.tuned:
        return target
    runs = table.drop_duplicates("run").set_index("run")
    written = runs.groupby(["level", *together(table)], dropna=False)["first"]
    middle = written.transform("median").where(written.transform("size") >= _FEWEST)
    return np.asarray(table["run"].map(middle).fillna(pd.Series(target, table.index)), float)


def fit_programming(reads: Sequence[Reads], levels: Levels, seed: int) -> Fit:
    """Fit the programming error: sigma(g) = error_0 + error_1 g, about the target.

    Levels that a maker tuned one by one have the quantiles of their verify windows besides.

    Parameters
    ----------
    reads : sequence of Reads
        Files that say the level of each cell.
    levels : Levels
    seed : int

    Raises
    ------
    InputError
        No level with enough cells.
    """
    columns = []
    for number, one in enumerate(reads):
        runs = one.table.assign(level=level_of(one, levels)).drop_duplicates("run")
        runs = runs[(runs["level"] >= 0) & np.isfinite(runs["first"])]
        runs = runs.assign(file=number, aim=aims(runs, levels))
        columns.append(runs[["file", "cell", "level", "first", "aim"]])
    cells = pd.concat(columns)
    level = cells["level"].to_numpy()
    off = cells["first"].to_numpy() - cells["aim"].to_numpy()
    identity = cells.groupby(["file", "cell"], sort=False).ngroup().to_numpy()
    degree = min(1, len(np.unique(level)) - 1)
    square = off**2

    def error(weights: Sequence[Array]) -> Array:
        w = weights[0][identity]
        n = np.bincount(level, w, len(levels.target))
        enough = n >= _FEWEST / 2
        spread = np.sqrt(np.bincount(level, w * square, len(levels.target))[enough] / n[enough])
        return np.asarray(
            np.polynomial.polynomial.polyfit(
                levels.fraction[enough], spread, degree, w=np.sqrt(n[enough])
            )
        )

    count = int(identity.max()) + 1
    source = "; ".join(one.source for one in reads)
    transformed = error([np.ones(count)])
    again = bootstrap(error, [count], "programming.target", seed)
    estimates = [Estimate(f"programming.target.error_{k}") for k in range(degree + 1)]
    parameters, correlation = joined(estimates, transformed, again, source)
    gaps: tuple[str, ...] = ()
    if levels.tuned:
        parameters |= _windows(off, level, identity, levels, seed, source)
        gaps = _set_anew(cells, levels)
    return Fit(
        "programming_target", _ends(levels, source) | parameters, correlation,
        not_identifiable=gaps,
        replaces=tuple(f"programming.target.{name}_*" for name in ("error", "level", "window")),
    )  # fmt: skip


def _windows(
    off: Array, level: Array, identity: Array, levels: Levels, seed: int, source: str
) -> dict[str, Parameter]:
    """Quantiles of the programmed conductance about each level (S)."""
    count, order = int(identity.max()) + 1, np.lexsort((off, level))
    off, level, identity = off[order], level[order], identity[order]
    ends = np.searchsorted(level, np.arange(len(levels.target) + 1))
    asked = list(WINDOW.values())

    def quantiles(weights: Sequence[Array]) -> Array:
        w = weights[0][identity]
        out = []
        for low, high in pairwise(ends):
            total = np.cumsum(w[low:high])
            out.append(np.interp(asked, (total - w[low:high] / 2) / total[-1], off[low:high]))
        return np.ravel(out, order="F")

    again = bootstrap(quantiles, [count], "programming.target.window", seed)
    at = [f"of the level at {target * 1e6:.4g} µS" for target in levels.target]
    estimates = [
        Estimate(f"programming.target.window_{name}_{k}", note=note)
        for name in WINDOW for k, note in enumerate(at)
    ]  # fmt: skip
    found = joined(estimates, quantiles([np.ones(count)]), again, source)[0]
    names = [f"programming.target.level_{k}" for k in range(len(levels.target))]
    return found | {
        name: exact(name, float(f"{target:.5g}"), source, "median of the cells, mean over writes")
        for name, target in zip(names, levels.target, strict=True)
    }


def _set_anew(cells: pd.DataFrame, levels: Levels) -> tuple[str, ...]:
    """Say by how much levels differ from write to write."""
    aim = cells.groupby("level")["aim"]
    spread = (aim.max() - aim.min()).to_numpy()
    worst = int(spread.argmax())
    if not spread[worst] > 0:
        return ()
    return (
        f"programming: whether the medians of a level, up to {spread[worst] * 1e6:.2g} µS apart "
        f"from write to write (at {levels.target[worst] * 1e6:.3g} µS), were meant to move: taken "
        "as other targets, not as an error",
    )


def range_of(reads: Sequence[Reads], levels: Levels) -> Fit:
    """Return the range of levels that were taken from the first reads, and no error of them."""
    source = "; ".join(one.source for one in reads)
    name = "programming.target.error_0"
    why = "levels were taken from the first read, which says nothing of the error of programming"
    return Fit(
        "target_range", _ends(levels, source),
        not_identifiable=("programming: the error about the target",),
        needed={name: assumed(name, 0.0, why)},
    )  # fmt: skip


def _ends(levels: Levels, source: str) -> dict[str, Parameter]:
    """Lowest and highest conductance in use."""
    ends = {"target.minimum": levels.minimum, "target.maximum": levels.maximum}
    return {name: exact(name, value, source) for name, value in ends.items()}
