"""Programming window and error rates of measured cells: counted, with intervals over dies or cells.

Dies are the units where the file has several, else cells. Nothing lies beyond what was measured: an
error rate of which no cell is an example is 0 with an upper bound, which is not below the exact
binomial one of the number of cells.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtri, stdtrit

from reliability.errors import InputError
from reliability.mission import MissionProfile
from reliability.population.measured import MeasuredCells
from reliability.statistics import binomial_bound, clustered_proportion
from reliability.technology import STATES
from reliability.version import __version__

Array = NDArray[np.float64]
CONFIDENCE = 0.9


def window_of_cells(
    cells: MeasuredCells, reference: float | None, profile: MissionProfile, seed: int = 0
) -> xr.Dataset:
    """Return the window of measured cells; as `reliability.programming_window`.

    Parameters
    ----------
    cells : MeasuredCells
    reference : float or None
        S; None: the one at which the fewest of these cells are misread.
    profile : MissionProfile
        That was measured.
    seed : int
        Kept with the result; nothing is sampled.

    Raises
    ------
    InputError
        Cells without LRS and HRS, or a mission that was not measured.
    """
    at = cells.place(profile)
    chosen = least_errors(cells, at) if reference is None else reference
    rates = error_rates(cells, chosen, at)
    medians = [_median(*cells.reads_of(state, at)[:2]) for state in STATES]
    low, high = np.array([
        _interval(cells, rate, bad, cell)
        for rate, (_, bad, cell) in zip(rates, _wrong(cells, chosen, at), strict=True)
    ]).T  # fmt: skip
    found = {
        "lrs": ((), medians[0], "S"), "hrs": ((), medians[1], "S"),
        "window": ((), math.log10(medians[0] / medians[1]), "decade"),
        "reference": ((), chosen, "S"),
        "error_rate": (("state",), rates, "1"),
        "error_rate_low": (("state",), low, "1"),
        "error_rate_high": (("state",), high, "1"),
        "extrapolated": (("state",), np.zeros(2, bool), "1"),
        "bit_error_rate": ((), float(rates.mean()), "1"),
        "sigmas": ((), float(-ndtri(rates.max())), "1"),
    }  # fmt: skip
    return xr.Dataset(
        {name: (dims, value, {"units": unit}) for name, (dims, value, unit) in found.items()},
        coords={"state": list(STATES)},
        attrs={
            "seed": seed, "spec_hash": "", "technology": cells.name, **cells.source,
            "technology_card": cells.to_json(), "reliability_version": __version__,
            "time": profile.duration, "defect_error_rate": 0.0, "confidence": CONFIDENCE,
            "warnings": list(cells.notes),
        },
    )  # fmt: skip


def error_rates(cells: MeasuredCells, reference: float, at: Mapping[str, int]) -> Array:
    """Return the fraction of LRS cells below, and of HRS cells above, a reference (S)."""
    return np.array([float(w @ bad) for w, bad, _ in _wrong(cells, reference, at)])


def least_errors(cells: MeasuredCells, at: Mapping[str, int]) -> float:
    """Return the middle, in ln G, of the references (S) at which the fewest cells are misread."""
    (lrs, of_lrs, _), (hrs, of_hrs, _) = (cells.reads_of(state, at) for state in STATES)
    g = np.concatenate([lrs, hrs])
    order = np.argsort(g)
    # above a read of the LRS it is wrong, above one of the HRS it is right
    change = np.concatenate([of_lrs, -of_hrs])[order]
    errors = 1.0 + np.cumsum(change)[:-1]  # of a reference between two neighbours
    best = np.flatnonzero(errors <= errors.min() + 1e-12)
    first = best[0]
    last = first + int(np.argmax(np.diff(np.append(best, best[-1] + 2)) > 1))
    return math.sqrt(g[order][first] * g[order][last + 1])


def spread_of_error(cells: MeasuredCells, state: str, reference: float) -> tuple[float, float]:
    """Return the fraction of a state on the wrong side of a reference and its standard error."""
    k = STATES.index(state)
    weight, bad, cell = list(_wrong(cells, reference, cells.place(MissionProfile([]))))[k]
    rate = float(weight @ bad)
    part = np.bincount(_units(cells)[cell], weight * (bad - rate))
    count = int(np.unique(_units(cells)[cell]).size)
    return rate, math.sqrt(count / (count - 1) * float(part @ part))


def pair_errors(
    cells: MeasuredCells, profile: MissionProfile | None, confidence: float
) -> tuple[float, float, float]:
    """Return the fraction of all pairs of an LRS and an HRS cell that are read wrongly.

    With its interval over dies, or over cells where all are of one die: the variance of the area
    under a curve of clustered data [1]_, Student's t on the log-odds.

    References
    ----------
    .. [1] N. A. Obuchowski, Biometrics 53, 567 (1997), doi:10.2307/2533958.
    """
    at = cells.place(MissionProfile([]) if profile is None else profile)
    (lrs, of_lrs, cell_lrs), (hrs, of_hrs, cell_hrs) = (cells.reads_of(s, at) for s in STATES)
    # fraction of the reads of the other state that turn each one round
    lost = 1 - _weight_below(hrs, of_hrs, lrs, "left")
    won = _weight_below(lrs, of_lrs, hrs, "right")
    rate = float(of_lrs @ lost)
    unit = _units(cells)
    count = int(unit.max()) + 1
    if rate in (0.0, 1.0):
        unseen = binomial_bound(0, cells.cells, 0.5 + confidence / 2)
        return (0.0, 0.0, unseen) if rate == 0 else (1.0, 1 - unseen, 1.0)
    part = np.bincount(unit[cell_lrs], of_lrs * (lost - rate), count)
    part += np.bincount(unit[cell_hrs], of_hrs * (won - rate), count)
    error = math.sqrt(count / (count - 1) * float(part @ part)) / (rate * (1 - rate))
    half = float(stdtrit(count - 1, 0.5 + confidence / 2)) * error
    return rate, float(expit(logit(rate) - half)), float(expit(logit(rate) + half))


def _weight_below(values: Array, weight: Array, at: Array, side: Literal["left", "right"]) -> Array:
    """Weight of the values below (or at) each of some others."""
    order = np.argsort(values)
    total = np.concatenate([[0.0], np.cumsum(weight[order])])
    return np.asarray(total[np.searchsorted(values[order], at, side=side)] / total[-1])


def _units(cells: MeasuredCells) -> NDArray[np.intp]:
    """What was sampled independently: the die of each cell where there are several, else itself."""
    several = cells.clusters > 1
    return cells.data["cluster"].values if several else np.arange(cells.cells)


def _interval(
    cells: MeasuredCells, rate: float, bad: NDArray[np.bool_], cell: NDArray[np.intp]
) -> tuple[float, float]:
    """Interval of the fraction of wrong reads; the reads of a unit resemble each other."""
    unit = _units(cells)[cell]
    alone = np.bincount(cell).max() == 1 and cells.clusters == 1
    wrong, reads = (np.bincount(unit * (not alone), w) for w in (bad, np.ones(bad.size)))
    found = clustered_proportion(wrong[reads > 0], reads[reads > 0], CONFIDENCE)
    unseen = binomial_bound(0, cells.cells, 0.5 + CONFIDENCE / 2)
    high = max(float(found.high), unseen if rate == 0 else rate)
    low = min(float(found.low), 1 - unseen if rate == 1 else rate)
    return low, high


def need_two_states(cells: MeasuredCells) -> None:
    """Refuse cells of levels."""
    if not cells.has_states:
        raise InputError(f"technology: {cells.name} has levels, expected cells in LRS and HRS")


def _wrong(
    cells: MeasuredCells, reference: float, at: Mapping[str, int]
) -> Iterator[tuple[Array, NDArray[np.bool_], NDArray[np.intp]]]:
    """Yield of each state the weight, the error and the cell of every read."""
    for state in STATES:
        g, weight, cell = cells.reads_of(state, at)
        yield weight, g < reference if state == "LRS" else g > reference, cell


def _median(values: Array, weight: Array) -> float:
    order = np.argsort(values)
    return float(values[order][np.searchsorted(np.cumsum(weight[order]), 0.5)])
