"""The largest array that works, and the resistance levels that allow it.

An array of size n x n is tried on Monte Carlo arrays: cells of the technology's population, random
data, random inputs, exact currents. The size counts as working when the upper confidence bound of
the mean criterion meets the limit, so noise makes the answer smaller, never larger.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.crossbar.margins import SCHEMES, read_currents
from reliability.crossbar.solver import solve_crossbar
from reliability.crossbar.wires import Wire, load_wire
from reliability.errors import InputError, unknown_name
from reliability.population import sample_population
from reliability.random import stream
from reliability.statistics import mean_interval
from reliability.technology import Technology
from reliability.version import __version__

Array = NDArray[np.float64]
_FEW, _MANY = 4, 32  # Monte Carlo arrays of one size: at first, at most


@dataclass(frozen=True)
class Conditions:
    """What an array is read under: everything that a criterion needs beside the cells.

    Attributes
    ----------
    read_voltage : float
        V.
    activity : float
        Fraction of rows driven at once.
    lrs, hrs : float
        Median conductances, S.
    scheme : str
        Of `SCHEMES`.
    crossbar : dict
        Keyword arguments of `solve_crossbar`.
    """

    read_voltage: float
    activity: float
    lrs: float
    hrs: float
    scheme: str
    crossbar: dict[str, Any]


Criterion = Callable[[Array, NDArray[np.bool_], Conditions, np.random.Generator], float]


def _sums(
    g: Array, data: NDArray[np.bool_], at: Conditions, draws: np.random.Generator
) -> tuple[Array, Array]:
    """Sums read from the columns and sums meant, in stored ones, for four random inputs.

    A stored one adds ``G_LRS - G_HRS`` (medians) to the current of ``G_HRS`` that every active row
    brings; that known leakage is subtracted, as a reference column does.
    """
    on = (draws.random((g.shape[0], 4)) < at.activity).astype(float)
    current = solve_crossbar(g, at.read_voltage * on, **at.crossbar)["output_current"].values
    leakage = at.hrs * on.sum(axis=0)[:, None]
    return (current / at.read_voltage - leakage) / (at.lrs - at.hrs), on.T @ data


def output_error(
    g: Array, data: NDArray[np.bool_], at: Conditions, draws: np.random.Generator
) -> float:
    """Root mean square error of the sums over their root mean square.

    Drop along the lines, spread of ones and of zeros all count; mean leakage is subtracted.
    """
    got, wanted = _sums(g, data, at, draws)
    return float(np.sqrt(((got - wanted) ** 2).mean() / max((wanted**2).mean(), 1e-300)))


def step_error(
    g: Array, data: NDArray[np.bool_], at: Conditions, draws: np.random.Generator
) -> float:
    """95th percentile over columns of the error of a sum in stored ones (0.5 is half a step)."""
    got, wanted = _sums(g, data, at, draws)
    return float(np.quantile(np.abs(got - wanted), 0.95))


def lost_margin(
    g: Array, data: NDArray[np.bool_], at: Conditions, draws: np.random.Generator
) -> float:
    """One minus the read margin over 24 random cells, read as stored; NaN if all store one bit."""
    cells = np.column_stack([draws.integers(0, size, 24) for size in g.shape])
    stored = data[tuple(cells.T)]
    if stored.all() or not stored.any():
        return math.nan
    current = read_currents(g, cells, at.scheme, at.read_voltage, **at.crossbar)
    gap = current[stored].min() - current[~stored].max()
    return float(1 - gap / (at.read_voltage * at.lrs))


CRITERIA: dict[str, Criterion] = {
    "output_error": output_error,
    "step_error": step_error,
    "read_margin": lost_margin,
}


def crossbar_limit(
    technology: Technology,
    criterion: str | Callable[[Array, dict[str, Any]], float] = "output_error",
    limit: float = 0.05,
    segment_resistance: float | None = None,
    *,
    node: str | None = None,
    cell_layout: str = "1T1R",
    read_voltage: float | None = None,
    density: float = 0.5,
    activity: float = 0.5,
    scheme: str = "grounded",
    max_size: int = 512,
    uncertainty_draws: int = 8,
    confidence: float = 0.95,
    seed: int = 0,
    **crossbar: Any,
) -> xr.Dataset:
    """Largest square array that meets a criterion, with its interval.

    Parameters
    ----------
    technology : Technology
        Gives LRS and HRS populations, and the read voltage unless set here.
    criterion : str or callable
        ``"output_error"`` (relative, of a matrix product), ``"step_error"`` (in stored ones) and
        any function ``f(conductance, crossbar) -> float`` must stay at or below the limit;
        ``"read_margin"`` at or above it. A function gets an array (m, n) in S and the keyword
        arguments of `solve_crossbar`: this is where the accuracy that a network loses comes in.
    limit : float
    segment_resistance : float, optional
        Ohm per cell along both lines; otherwise from the wire of ``node``.
    node, cell_layout : str
        Of `load_wire` and `Wire.segment_resistance`.
    read_voltage : float, optional
        V.
    density, activity : float
        Fraction of stored ones, and of rows that are driven at once.
    scheme : str
        Of `reliability.crossbar.margins.SCHEMES`, for ``"read_margin"``.
    max_size : int
        Sizes up to this one are tried.
    uncertainty_draws : int
        Cards drawn from the uncertainty of the technology's parameters (and of the wire).
    confidence : float
        Of the bound at one size, one-sided, and of the interval of the size, two-sided.
    seed : int
    **crossbar
        Source and sense resistance, ``drive``, ``sense``, ``cell`` of `solve_crossbar`.

    Returns
    -------
    Dataset
        ``size``: of the card as it is (0: no size works; ``max_size``: the limit lies beyond);
        ``drawn_size`` (draw) and its quantiles ``size_low``, ``size_high``; ``tried`` (trial) with
        ``value``, ``value_low``, ``value_high``, ``arrays`` of the trials of the nominal card.

    Raises
    ------
    InputError

    Notes
    -----
    Sizes double until one fails, then are bisected to about 3 %. Small arrays can fail where larger
    ones work, because spread averages out over rows: sizes below the first that works are passed
    over. Valid where the criterion grows with size beyond that.

    Examples
    --------
    >>> import reliability as rel
    >>> tech = rel.load_technology("oxram-130nm")
    >>> out = crossbar_limit(tech, limit=0.3, segment_resistance=5.0, max_size=64,
    ...                      uncertainty_draws=2)
    >>> int(out["size"]) < 64, out["drawn_size"].shape
    (True, (2,))
    """
    wire = _wire(segment_resistance, node)
    if not callable(criterion) and criterion not in CRITERIA:
        raise unknown_name("criterion", criterion, CRITERIA)
    if scheme not in SCHEMES:
        raise unknown_name("scheme", scheme, SCHEMES)
    for name, value in (("density", density), ("activity", activity)):
        if not 0 < value <= 1:
            raise InputError(f"{name}: got {value}, allowed more than 0, at most 1")
    if max_size < 2 or uncertainty_draws < 0:
        raise InputError("max_size, uncertainty_draws: expected 2 or more, 0 or more")
    if not math.isfinite(limit):
        raise InputError(f"limit: got {limit}, expected a finite number")

    def largest(card: Technology, factor: float) -> tuple[int, dict[int, tuple[float, ...]]]:
        word, bit = _segments(segment_resistance, wire, cell_layout)
        lines = {
            "word_line_resistance": word * factor,
            "bit_line_resistance": bit * factor,
            **crossbar,
        }
        volts = card["read.voltage"] if read_voltage is None else read_voltage
        lrs, hrs = (1 / card[f"programming.{state}.resistance"] for state in ("LRS", "HRS"))
        at = Conditions(volts, activity, lrs, hrs, scheme, lines)
        trial = _Trial(card, criterion, limit, at, density, confidence, seed)
        return _search(trial, max_size), trial.tried

    size, tried = largest(technology, 1.0)
    drawn = np.array(
        [
            largest(
                technology.drawn(seed, draw),
                math.exp(
                    (wire.sigma_ln if wire else 0.0)
                    * float(stream(seed, "crossbar.wire", draw).standard_normal())
                ),
            )[0]
            for draw in range(uncertainty_draws)
        ],
        dtype=np.int64,
    )
    tail = (1 - confidence) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail]) if drawn.size else (np.nan, np.nan)
    sizes = sorted(tried)
    columns = np.array([tried[n] for n in sizes]).T
    margin = criterion == "read_margin"
    value, below, above = 1 - columns[[0, 2, 1]] if margin else columns[:3]
    word, bit = _segments(segment_resistance, wire, cell_layout)
    return xr.Dataset(
        {
            "size": ((), size, {"units": "lines"}),
            "size_low": ((), float(low)),
            "size_high": ((), float(high)),
            "drawn_size": ("draw", drawn),
            "value": ("tried", value),
            "value_low": ("tried", below),
            "value_high": ("tried", above),
            "arrays": ("tried", columns[3].astype(int)),
        },
        coords={"tried": sizes},
        attrs={
            "criterion": criterion if isinstance(criterion, str) else criterion.__name__,
            "limit": limit,
            "confidence": confidence,
            "word_line_resistance": word,
            "bit_line_resistance": bit,
            "technology": technology.name,
            "seed": seed,
            "reliability_version": __version__,
        },
    )


def resistance_levels(
    technology: Technology,
    lrs_resistance: Sequence[float],
    ratio: Sequence[float],
    *,
    criterion: str = "output_error",
    limit: float = 0.05,
    segment_resistance: float = 1.0,
    max_size: int = 256,
    seed: int = 0,
    **study: Any,
) -> xr.Dataset:
    """Map the size limit and the read energy over LRS resistance and HRS/LRS ratio.

    Raising the LRS resistance lowers the drop along the lines and the energy, and the signal with
    it; the ratio sets the leakage of stored zeros.

    Parameters
    ----------
    technology : Technology
    lrs_resistance : sequence of float
        Median LRS resistances, ohm.
    ratio : sequence of float
        HRS over LRS, above 1. Spreads stay those of the technology.
    criterion, limit, segment_resistance, max_size, seed, **study
        As for `crossbar_limit`; ``uncertainty_draws`` is 0 unless given.

    Returns
    -------
    Dataset
        ``size`` (lrs_resistance, ratio) with ``size_low``, ``size_high``; ``energy`` (J) of one
        read of one cell of an ideal array, averaged over data,
        ``V^2 t (density G_LRS + (1 - density) G_HRS)`` with the card's pulse width; ``signal``
        (A), the difference of LRS and HRS currents; ``pareto``: no other pair has a size as large,
        an energy as low and a signal as large, one of them better.

    Examples
    --------
    >>> import reliability as rel
    >>> tech = rel.load_technology("oxram-130nm")
    >>> out = resistance_levels(tech, [5e3, 20e3], [30.0], limit=0.3, max_size=128)
    >>> bool(out["size"][1, 0] > out["size"][0, 0])  # less drop along the lines
    True
    """
    if min(lrs_resistance) <= 0 or min(ratio) <= 1:
        raise InputError("lrs_resistance, ratio: expected positive resistances and ratios above 1")
    volts = study.get("read_voltage") or technology["read.voltage"]
    density = study.get("density", 0.5)
    shape = (len(lrs_resistance), len(ratio))
    size, low, high = np.zeros(shape, dtype=int), np.empty(shape), np.empty(shape)
    energy, signal = np.empty(shape), np.empty(shape)
    for a, ohm in enumerate(lrs_resistance):
        for b, times in enumerate(ratio):
            card = technology.with_values(
                {"programming.LRS.resistance": ohm, "programming.HRS.resistance": ohm * times}
            )
            out = crossbar_limit(
                card, criterion, limit, segment_resistance, max_size=max_size, seed=seed,
                **{"uncertainty_draws": 0, **study},
            )  # fmt: skip
            size[a, b], low[a, b], high[a, b] = (
                out[name].item() for name in ("size", "size_low", "size_high")
            )
            mean = (density + (1 - density) / times) / ohm
            energy[a, b] = volts**2 * mean * technology["read.pulse_width"]
            signal[a, b] = volts * (1 - 1 / times) / ohm
    points = np.column_stack([size.ravel(), -energy.ravel(), signal.ravel()])
    beaten = [
        any((other >= point).all() and (other > point).any() for other in points)
        for point in points
    ]
    dims = ("lrs_resistance", "ratio")
    return xr.Dataset(
        {
            "size": (dims, size, {"units": "lines"}),
            "size_low": (dims, low, {"units": "lines"}),
            "size_high": (dims, high, {"units": "lines"}),
            "energy": (dims, energy, {"units": "J"}),
            "signal": (dims, signal, {"units": "A"}),
            "pareto": (dims, ~np.array(beaten).reshape(shape)),
        },
        coords={"lrs_resistance": list(lrs_resistance), "ratio": list(ratio)},
        attrs={
            "criterion": criterion,
            "limit": limit,
            "segment_resistance": segment_resistance,
            "technology": technology.name,
            "seed": seed,
            "reliability_version": __version__,
        },
    )


class _Trial:
    """Does an array of n x n work? Draws Monte Carlo arrays until that is clear."""

    def __init__(
        self,
        card: Technology,
        criterion: str | Callable[[Array, dict[str, Any]], float],
        limit: float,
        at: Conditions,
        density: float,
        confidence: float,
        seed: int,
    ) -> None:
        self.card, self.at, self.density, self.seed = card, at, density, seed
        self.bound = 1 - limit if criterion == "read_margin" else limit
        self.two_sided = 2 * confidence - 1  # its ends are one-sided bounds
        self.measure: Criterion
        if isinstance(criterion, str):
            self.measure = CRITERIA[criterion]
        else:
            self.measure = lambda g, data, at, draws: float(criterion(g, at.crossbar))
        self.tried: dict[int, tuple[float, ...]] = {}

    def works(self, n: int) -> bool:
        values: list[float] = []
        drawn = 0
        while True:
            count = drawn or _FEW
            values += self.sample(n, drawn, count)
            drawn += count
            mean, low, high = mean_interval(values, self.two_sided) if values else (math.nan,) * 3
            if high <= self.bound or low > self.bound or drawn >= _MANY:
                break
        self.tried[n] = (mean, low, high, float(drawn))
        return bool(high <= self.bound)

    def sample(self, n: int, first: int, count: int) -> list[float]:
        populations = {
            state: sample_population(
                self.card, wafers=first + count, cells=n * n, state=state, seed=self.seed
            )["conductance"].values[first:, 0]
            for state in ("LRS", "HRS")
        }
        values = []
        for index in range(count):
            draws = stream(self.seed, "crossbar.limit", first + index, n)
            data = draws.random((n, n)) < self.density
            lrs, hrs = (populations[state][index].reshape(n, n) for state in ("LRS", "HRS"))
            values.append(self.measure(np.where(data, lrs, hrs), data, self.at, draws))
        return [value for value in values if not math.isnan(value)]


def _search(trial: _Trial, max_size: int) -> int:
    """Largest working size: doubling up to the first failure after a success, then bisection."""
    good, bad, n = 0, 0, min(4, max_size)
    while not bad:
        if trial.works(n):
            good = n
        elif good:
            bad = n
        if n == max_size:
            break
        n = min(2 * n, max_size)
    if not bad:
        return good
    while bad - good > max(1, good // 32):
        middle = (good + bad) // 2
        if trial.works(middle):
            good = middle
        else:
            bad = middle
    return good


def _wire(segment_resistance: float | None, node: str | None) -> Wire | None:
    if (segment_resistance is None) == (node is None):
        raise InputError("segment_resistance, node: give one of them")
    if segment_resistance is not None and not 0 <= segment_resistance < math.inf:
        raise InputError(f"segment_resistance: got {segment_resistance}, allowed >= 0 ohm")
    return load_wire(node) if node else None


def _segments(
    segment_resistance: float | None, wire: Wire | None, layout: str
) -> tuple[float, float]:
    if wire is None:
        return float(segment_resistance or 0.0), float(segment_resistance or 0.0)
    return wire.segment_resistance(layout)
