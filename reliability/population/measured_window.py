"""Programming window and error rates of measured cells: counted, with bootstrap intervals.

Nothing lies beyond what was measured: an error rate of which no cell is an example is 0 with an
upper bound, the exact binomial one of the number of cells.
"""

import math
from collections.abc import Iterator, Mapping

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.special import ndtri

from reliability.errors import InputError
from reliability.mission import MissionProfile
from reliability.population.measured import MeasuredCells
from reliability.statistics import binomial_bound
from reliability.technology import STATES
from reliability.version import __version__

Array = NDArray[np.float64]
CONFIDENCE = 0.9
DRAWS = 200  # bootstrap samples of the cells


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
        Of the bootstrap.

    Raises
    ------
    InputError
        Cells without LRS and HRS, or a mission that was not measured.
    """
    at = cells.place(profile)
    chosen = least_errors(cells, at) if reference is None else reference
    rates = error_rates(cells, chosen, at)
    medians = [_median(*cells.reads_of(state, at)[:2]) for state in STATES]
    again = errors_again(cells, chosen, at, seed)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(again, [tail, 1 - tail], axis=0)
    unseen = binomial_bound(0, cells.cells, 1 - tail)
    high = np.where(rates > 0, high, unseen)
    found = {
        "lrs": ((), medians[0], "S"), "hrs": ((), medians[1], "S"),
        "window": ((), math.log10(medians[0] / medians[1]), "decade"),
        "reference": ((), chosen, "S"),
        "error_rate": (("state",), rates, "1"),
        "error_rate_low": (("state",), np.where(rates > 0, low, 0.0), "1"),
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


def errors_again(cells: MeasuredCells, reference: float, at: Mapping[str, int], seed: int) -> Array:
    """Return the same of bootstrap samples of the cells, shape (DRAWS, 2)."""
    of_cell = [
        (np.bincount(cell, w * bad, cells.cells), np.bincount(cell, w, cells.cells))
        for w, bad, cell in _wrong(cells, reference, at)
    ]
    return np.array([
        [count @ bad / (count @ total) for bad, total in of_cell] for count in _counts(cells, seed)
    ])  # fmt: skip


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
    at, k = cells.place(MissionProfile([])), STATES.index(state)
    again = errors_again(cells, reference, at, 0)[:, k]
    return float(error_rates(cells, reference, at)[k]), float(np.std(again, ddof=1))


def pair_errors(cells: MeasuredCells, profile: MissionProfile | None, seed: int) -> Array:
    """Return the fraction of all pairs of an LRS and an HRS cell that are read wrongly.

    Of the cells themselves and of `DRAWS` bootstrap samples, shape (1 + DRAWS,).
    """
    at = cells.place(MissionProfile([]) if profile is None else profile)
    (lrs, of_lrs, cell_lrs), (hrs, of_hrs, cell_hrs) = (cells.reads_of(s, at) for s in STATES)
    order = np.argsort(hrs)
    place = np.searchsorted(hrs[order], lrs, side="left")

    def of(count: Array) -> float:
        w_lrs, w_hrs = of_lrs * count[cell_lrs], (of_hrs * count[cell_hrs])[order]
        below = np.concatenate([[0.0], np.cumsum(w_hrs)])
        return float(w_lrs @ (below[-1] - below[place]) / (w_lrs.sum() * below[-1]))

    return np.array([of(np.ones(cells.cells)), *map(of, _counts(cells, seed))])


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


def _counts(cells: MeasuredCells, seed: int) -> Iterator[Array]:
    """Yield how often each cell is in each bootstrap sample."""
    for k in range(DRAWS):
        pick, _ = cells.picks(seed, k)
        yield np.bincount(pick, minlength=cells.cells).astype(float)


def _median(values: Array, weight: Array) -> float:
    order = np.argsort(values)
    return float(values[order][np.searchsorted(np.cumsum(weight[order]), 0.5)])
