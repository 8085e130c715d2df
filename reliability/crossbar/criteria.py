"""What an array must do: numbers that grow as the array gets worse, one for each Monte Carlo array.

A criterion takes the conductances of one array, the data they store, the `Conditions` of the read
and a random generator for what it draws itself (inputs, cells to read).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from reliability.crossbar.margins import read_currents
from reliability.crossbar.solver import solve_crossbar
from reliability.crossbar.tiles import chord
from reliability.devices.programming import Programming, deviation_at, score_of
from reliability.population.measured import MeasuredCells
from reliability.population.wafer import radial_positions
from reliability.technology import Technology

Array = NDArray[np.float64]
_READ = 24  # cells read in one array, for the read margin
_READ_ERRORS = 8  # and for the bit-error rate, each at three conductances


@dataclass(frozen=True)
class Conditions:
    """What an array is read under: everything that a criterion needs beside the cells.

    Attributes
    ----------
    technology : Technology
        Whose cells they are.
    read_voltage : float
        V.
    activity : float
        Fraction of rows driven at once.
    density : float
        Fraction of stored ones.
    bias_scheme : str
        Of `reliability.crossbar.margins.BIAS_SCHEMES`.
    crossbar : dict
        Keyword arguments of `solve_crossbar`.
    access : float
        Ohm, in series with each cell.
    gain_correction : bool
        Whether sums are multiplied by the factor that suits them best.
    """

    technology: Technology
    read_voltage: float
    activity: float
    density: float
    bias_scheme: str
    crossbar: dict[str, Any]
    access: float = 0.0
    gain_correction: bool = False

    def seen(self, conductance: Array) -> Array:
        """Conductance of cells with their access transistor in series."""
        return conductance / (1 + self.access * conductance)

    def level(self, state: str) -> float:
        """Conductance I / V (S) of the state's median cell alone at the read voltage.

        Of a card of levels the largest ("LRS") and the smallest target.
        """
        card = self.technology
        if card.has_states:
            median = np.array([1 / card[f"programming.{state}.resistance"]])
        else:
            median = np.array([card[f"target.{'maximum' if state == 'LRS' else 'minimum'}"]])
        median = self.seen(median)
        return float(chord(median, self.crossbar.get("cell"), self.read_voltage)[0])


Criterion = Callable[[Array, NDArray[Any], Conditions, np.random.Generator], float]


def _sums(
    g: Array, data: NDArray[Any], at: Conditions, draws: np.random.Generator
) -> tuple[Array, Array]:
    """Sums read from the columns and sums meant, in stored ones, for four random inputs.

    Data of a card of levels are fractions of the largest target. A stored one adds
    ``G_LRS - G_HRS`` (medians) to the current of ``G_HRS`` that every active row brings; that known
    leakage is subtracted, as a reference column does.
    """
    on = (draws.random((g.shape[0], 4)) < at.activity).astype(float)
    current = solve_crossbar(g, at.read_voltage * on, **at.crossbar)["output_current"].values
    lrs, hrs = at.level("LRS"), at.level("HRS")
    leakage = hrs * on.sum(axis=0)[:, None]
    got, meant = (current / at.read_voltage - leakage) / (lrs - hrs), on.T @ data
    if at.gain_correction:
        got = got * ((got * meant).sum() / max((got**2).sum(), 1e-300))
    return got, meant


def output_error(
    g: Array, data: NDArray[np.bool_], at: Conditions, draws: np.random.Generator
) -> float:
    """Root mean square error of the sums over their root mean square.

    IR drop and the variability of ones and zeros all count; mean leakage is subtracted.
    """
    got, meant = _sums(g, data, at, draws)
    return float(np.sqrt(((got - meant) ** 2).mean() / max((meant**2).mean(), 1e-300)))


def step_error(
    g: Array, data: NDArray[np.bool_], at: Conditions, draws: np.random.Generator
) -> float:
    """95th percentile over columns of the error of a sum in stored ones (0.5 is half a step)."""
    got, meant = _sums(g, data, at, draws)
    return float(np.quantile(np.abs(got - meant), 0.95))


def lost_margin(
    g: Array, data: NDArray[np.bool_], at: Conditions, draws: np.random.Generator
) -> float:
    """One minus the read margin over 24 random cells, read as stored; NaN if all store one bit."""
    cells = np.column_stack([draws.integers(0, size, _READ) for size in g.shape])
    stored = data[tuple(cells.T)]
    if stored.all() or not stored.any():
        return math.nan
    current = read_currents(g, cells, at.bias_scheme, at.read_voltage, **at.crossbar)
    gap = current[stored].min() - current[~stored].max()
    return float(1 - gap / (at.read_voltage * at.level("LRS")))


def bit_error_rate(
    g: Array, data: NDArray[np.bool_], at: Conditions, draws: np.random.Generator
) -> float:
    """Bit-error rate over cells and data at the array's best reference current.

    Eight random cells are read among the others as they are. A linear circuit seen from one of its
    cells is a source with a resistance, so the sensed current is ``I0 + A G / (1 + R G)`` of the
    cell's conductance G, exactly; three solves give I0, A and R, and the model of the population
    gives the chance that G is on the wrong side of a reference, without counting. Nonlinear cells
    are interpolated by the same form. Stuck cells are counted in, wrong where the other bit is
    stored.
    """
    cells = np.column_stack([draws.integers(0, size, _READ_ERRORS) for size in g.shape])
    card = at.technology
    levels = [0.0] + [1 / card[f"programming.{state}.resistance"] for state in ("HRS", "LRS")]
    arrays = np.repeat(g[None], len(levels) * _READ_ERRORS, axis=0)
    each = np.repeat(np.arange(_READ_ERRORS), len(levels))
    arrays[np.arange(len(each)), cells[each, 0], cells[each, 1]] = np.tile(
        at.seen(np.array(levels)), _READ_ERRORS
    )
    current = read_currents(arrays, cells[each], at.bias_scheme, at.read_voltage, **at.crossbar)
    background, low, high = current.reshape(_READ_ERRORS, len(levels)).T
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse = 1 / (low - background), 1 / (high - background)
        gain = (1 / levels[1] - 1 / levels[2]) / (inverse[0] - inverse[1])
        resistance = gain * inverse[1] - 1 / levels[2]

    def error(reference: Array) -> Array:
        above = reference[:, None] - background
        with np.errstate(divide="ignore", invalid="ignore"):
            at_reference = np.where(above > 0, above / (gain - above * resistance), 0.0)
        # a reference that no conductance reaches: everything lies below it
        at_reference = np.where((above > 0) & (at_reference <= 0), np.inf, at_reference)
        ones = _tail(card, "LRS", at_reference, 1.0).mean(axis=1)
        zeros = _tail(card, "HRS", at_reference, -1.0).mean(axis=1)
        return at.density * ones + (1 - at.density) * zeros

    # Between the weakest and the strongest read; finer around the best of the first search.
    ends = float(current.min()), float(current.max())
    for _ in range(3):
        tried = np.linspace(*ends, 129)
        rates = error(tried)
        best = int(np.argmin(rates))
        ends = float(tried[max(best - 1, 0)]), float(tried[min(best + 1, 128)])
    # A stuck cell is wrong where the other bit is stored; one that is not formed reads as a zero.
    wrong = {"stuck_lrs": 1 - at.density, "stuck_hrs": at.density, "unformed": at.density}
    rate = {name: card.get(f"defects.{name}", 0.0) for name in wrong}
    of_stuck = sum(rate[name] * fraction for name, fraction in wrong.items())
    return float((1 - sum(rate.values())) * rates[best] + of_stuck)


def _tail(card: Technology, state: str, g: Array, sign: float) -> Array:
    """Probability that a cell of the state conducts less (sign 1) or more (sign -1) than g."""
    if isinstance(card, MeasuredCells):
        return card.fraction_beyond(state, g, above=sign < 0)
    model = Programming.from_technology(card, state)
    with np.errstate(divide="ignore", invalid="ignore"):
        deviation = np.where(np.isinf(g), -np.inf, deviation_at(model, g))
        place, count = np.unique(radial_positions(card).round(2), return_counts=True)
        score = score_of(model, deviation[..., None] - model.radial * place)
    score = np.where(np.isnan(score), 0.0, score)  # no spread, and exactly at the reference
    return np.asarray(ndtr(-sign * score) @ (count / count.sum()))


CRITERIA: dict[str, Criterion] = {
    "output_error": output_error,
    "step_error": step_error,
    "read_margin": lost_margin,
    "bit_error_rate": bit_error_rate,
}
