"""The largest array that works.

An array is tried on Monte Carlo arrays: cells of the technology's population, random data, random
inputs, exact currents. A size counts as working when the upper confidence bound of the mean
criterion meets the limit, so noise makes the answer smaller, never larger.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.special import stdtrit

from reliability.crossbar.criteria import CRITERIA, Conditions, Criterion
from reliability.crossbar.margins import SCHEMES
from reliability.crossbar.wires import load_wire
from reliability.errors import InputError, unknown_name
from reliability.population.programmed import program
from reliability.population.wafer import die_sites
from reliability.random import stream
from reliability.statistics import mean_interval
from reliability.technology import Technology, expect_technology
from reliability.version import __version__

Array = NDArray[np.float64]
_FEW, _MANY = 4, 32  # Monte Carlo arrays of one size: at first, at most
_SMALLEST = 4  # lines of the first size that is tried


def crossbar_limit(
    technology: Technology,
    criterion: str | Callable[[Array, dict[str, Any]], float] = "output_error",
    limit: float = 0.3,
    segment_resistance: float | None = None,
    *,
    node: str | None = None,
    cell_layout: str = "1T1R",
    rows: int | None = None,
    columns: int | None = None,
    aspect: float = 1.0,
    read_voltage: float | None = None,
    density: float = 0.5,
    activity: float = 0.5,
    scheme: str = "grounded",
    max_size: int = 512,
    uncertainty_draws: int = 8,
    confidence: float = 0.95,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
    **crossbar: Any,
) -> xr.Dataset:
    """Largest array that meets a criterion, with its interval.

    Parameters
    ----------
    technology : Technology
        Gives LRS and HRS populations, and the read voltage unless set here.
    criterion : str or callable
        ``"output_error"`` (relative, of a matrix product), ``"step_error"`` (in stored ones),
        ``"bit_error_rate"`` and any function ``f(conductance, crossbar) -> float`` must stay at or
        below the limit; ``"read_margin"`` at or above it. A function gets an array (m, n) in S and
        the keyword arguments of `solve_crossbar`. For the accuracy that a network loses see
        `reliability.network.tile_limit`.
    limit : float
    segment_resistance : float, optional
        Ohm per cell along both lines; otherwise from the wire of ``node``.
    node, cell_layout : str
        Of `load_wire` and `Wire.segment_resistance`.
    rows, columns : int, optional
        One of them is given and the other searched; by default both are, at ``aspect``.
    aspect : float
        Columns over rows.
    read_voltage : float, optional
        V.
    density, activity : float
        Fraction of stored ones, and of rows that are driven at once.
    scheme : str
        Of `reliability.crossbar.margins.SCHEMES`, for ``"read_margin"`` and ``"bit_error_rate"``.
    max_size : int
        Searched lines up to this number are tried.
    uncertainty_draws : int
        Cards drawn from the uncertainty of the technology's parameters (and of the wire).
    confidence : float
        Of the bound at one size, one-sided, and of the interval of the size, two-sided.
    seed : int
    progress : callable, optional
        Called with (cards searched, cards to search).
    **crossbar
        Source and sense resistance, ``drive``, ``sense``, ``cell`` of `solve_crossbar`.

    Returns
    -------
    Dataset
        ``size``: searched lines (rows, unless ``rows`` was given) of the card as it is (0: no size
        works; ``max_size``: the limit lies beyond), and ``rows``, ``columns`` of that array.
        ``monte_carlo_high``: largest tried size that the Monte Carlo arrays do not show to fail
        (``size`` itself is the lower end). ``drawn_size`` (draw); ``size_low``, ``size_high``:
        interval of the Monte Carlo arrays and, from two draws on, of the parameters. ``value``
        (tried) with ``value_low``, ``value_high``, ``arrays``: the trials of the card as it is.

    Raises
    ------
    InputError
        A card without LRS and HRS, an unknown criterion or scheme, both or none of
        ``segment_resistance`` and ``node``, or a number out of range.

    Notes
    -----
    Sizes double until one fails, then are bisected to about 3 %. Small arrays can fail where larger
    ones work, because spread averages out over rows: sizes below the first that works are passed
    over. Valid where the criterion grows with size beyond that.

    Array k of a size stands on die k of wafer k of lot k. The interval of the parameters is the
    Student-t prediction for one more card on the logarithm of the size; it reaches 0 or
    ``max_size`` where a drawn card does.

    Examples
    --------
    >>> import reliability as rel
    >>> tech = rel.load_technology("oxram-130nm")
    >>> out = crossbar_limit(tech, limit=0.3, segment_resistance=5.0, max_size=64,
    ...                      uncertainty_draws=2)
    >>> int(out["size"]) < 64, out["drawn_size"].shape
    (True, (2,))
    """
    expect_technology(technology)
    need_states(technology)
    word, bit, sigma_ln = line_segments(segment_resistance, node, cell_layout)
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
    if not 0.5 < confidence < 1:
        raise InputError(f"confidence: got {confidence}, allowed more than 0.5, less than 1")
    shape_of = _shapes(rows, columns, aspect)

    def largest(card: Technology, factor: float) -> tuple[int, dict[int, tuple[float, ...]]]:
        lines = {
            "word_line_resistance": word * factor,
            "bit_line_resistance": bit * factor,
            **crossbar,
        }
        volts = card["read.voltage"] if read_voltage is None else read_voltage
        at = Conditions(card, volts, activity, density, scheme, lines)
        trial = _Trial(criterion, limit, at, shape_of, confidence, seed)
        return largest_size(trial.works, max_size), trial.tried

    cards = 1 + uncertainty_draws
    size, tried = largest(technology, 1.0)
    if progress:
        progress(1, cards)
    drawn = np.zeros(uncertainty_draws, dtype=np.int64)
    for draw in range(uncertainty_draws):
        factor = wire_factor(sigma_ln, seed, draw)
        drawn[draw] = largest(technology.drawn(seed, draw), factor)[0]
        if progress:
            progress(draw + 2, cards)
    margin = criterion == "read_margin"
    out = size_dataset(
        size, tried, drawn, shape_of(size) if size else (0, 0),
        bound=1 - limit if margin else limit, max_size=max_size, confidence=confidence,
    )  # fmt: skip
    if margin:  # trials count what is lost of it
        low, high = 1 - out["value_high"], 1 - out["value_low"]
        out = out.assign(value=1 - out["value"], value_low=low, value_high=high)
    return out.assign_attrs(
        criterion=criterion if isinstance(criterion, str) else criterion.__name__,
        limit=limit,
        word_line_resistance=word,
        bit_line_resistance=bit,
        technology=technology.name,
        seed=seed,
    )


def need_states(technology: Technology) -> None:
    """Refuse a card of levels: arrays are filled with stored ones and zeros."""
    if not technology.has_states:
        raise InputError(f"technology: {technology.name} has levels, arrays need LRS and HRS")


def size_dataset(
    size: int,
    tried: Mapping[int, tuple[float, ...]],
    drawn: NDArray[np.integer],
    shape: tuple[int, int],
    *,
    bound: float,
    max_size: int,
    confidence: float,
) -> xr.Dataset:
    """Put the outcome of a search together; see `crossbar_limit`.

    Parameters
    ----------
    size : int
        Largest that works.
    tried : mapping of int to (mean, low, high, arrays)
        Criterion of each size of the card as it is.
    drawn : ndarray of int
        Largest of each drawn card.
    shape : (rows, columns)
        Of the largest array.
    bound : float
        That the criterion must not exceed.
    max_size : int
    confidence : float
    """
    sizes = sorted(tried)
    mean, below, above, arrays = np.array([tried[n] for n in sizes]).T
    surely = [n for n in sizes if n > size and not tried[n][1] <= bound]  # these surely fail
    possible = max((n for n in sizes if n < min(surely, default=math.inf)), default=0)
    possible = max(possible, size)
    low, high = prediction_of_sizes(drawn, max_size, confidence)
    return xr.Dataset(
        {
            "size": ((), size, {"units": "lines"}),
            "rows": ((), shape[0], {"units": "lines"}),
            "columns": ((), shape[1], {"units": "lines"}),
            "monte_carlo_high": ((), possible, {"units": "lines"}),
            "size_low": ((), np.fmin(low, size), {"units": "lines"}),
            "size_high": ((), np.fmax(high, possible), {"units": "lines"}),
            "drawn_size": ("draw", drawn, {"units": "lines"}),
            "value": ("tried", mean),
            "value_low": ("tried", below),
            "value_high": ("tried", above),
            "arrays": ("tried", arrays.astype(int)),
        },
        coords={"tried": sizes},
        attrs={
            "max_size": max_size,
            "confidence": confidence,
            "reliability_version": __version__,
        },
    )


def largest_size(works: Callable[[int], bool], max_size: int) -> int:
    """Largest size that works: doubling up to the first failure after a success, then bisection.

    >>> largest_size(lambda n: 6 <= n <= 100, 512)
    100
    """
    good, bad, n = 0, 0, min(_SMALLEST, max_size)
    while not bad:
        if works(n):
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
        if works(middle):
            good = middle
        else:
            bad = middle
    return good


def prediction_of_sizes(
    drawn: NDArray[np.integer], max_size: int, confidence: float
) -> tuple[float, float]:
    """Student-t prediction for the size of one more card; NaN with fewer than two.

    >>> low, high = prediction_of_sizes(np.array([60, 70, 64, 80]), 512, 0.95)
    >>> round(low), round(high)
    (43, 107)
    """
    if drawn.size < 2:
        return math.nan, math.nan
    logs = np.log(drawn[drawn > 0])
    if logs.size < 2:
        return 0.0, float(max_size)
    half = float(
        stdtrit(logs.size - 1, 0.5 + confidence / 2)
        * logs.std(ddof=1)
        * math.sqrt(1 + 1 / logs.size)
    )
    centre = float(logs.mean())
    low = 0.0 if drawn.min() == 0 else math.floor(math.exp(centre - half))
    high = float(max_size) if drawn.max() >= max_size else math.exp(min(centre + half, 50.0))
    return float(low), float(min(math.ceil(high), max_size))


class _Trial:
    """Does an array of a size work? Draws Monte Carlo arrays until that is clear."""

    def __init__(
        self,
        criterion: str | Callable[[Array, dict[str, Any]], float],
        limit: float,
        at: Conditions,
        shape_of: Callable[[int], tuple[int, int]],
        confidence: float,
        seed: int,
    ) -> None:
        self.at, self.shape_of, self.seed = at, shape_of, seed
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
            values += [
                value
                for index in range(drawn, drawn + count)
                if not math.isnan(value := self.sample(n, index))
            ]
            drawn += count
            mean, low, high = mean_interval(values, self.two_sided) if values else (math.nan,) * 3
            if high <= self.bound or low > self.bound or drawn >= _MANY:
                break
        self.tried[n] = (mean, low, high, float(drawn))
        return bool(high <= self.bound)

    def sample(self, n: int, index: int) -> float:
        """Criterion of Monte Carlo array ``index``."""
        shape = self.shape_of(n)
        card = self.at.technology
        draws = stream(self.seed, "crossbar.limit", index, *shape)
        data = draws.random(shape) < self.at.density
        address = np.array([[index, index % len(die_sites(card)), 0, index]])
        made = program(
            card, address, np.where(data, "LRS", "HRS").ravel(), data.size,
            verify=None, seed=self.seed, dtype=np.float64,
        )  # fmt: skip
        g = made.variables["conductance"][0].reshape(shape)
        return self.measure(g, data, self.at, draws)


def _shapes(
    rows: int | None, columns: int | None, aspect: float
) -> Callable[[int], tuple[int, int]]:
    """Shape of the array whose searched lines are n."""
    for name, given in (("rows", rows), ("columns", columns)):
        if given is not None and given < 1:
            raise InputError(f"{name}: got {given}, allowed 1 or more")
    if rows is not None and columns is not None:
        raise InputError("rows, columns: give at most one of them; the other is searched")
    if not (math.isfinite(aspect) and aspect > 0):
        raise InputError(f"aspect: got {aspect}, allowed more than 0")
    if aspect != 1.0 and (rows is not None or columns is not None):
        raise InputError("aspect: goes without rows and columns")
    if rows is not None:
        return lambda n: (rows, n)
    if columns is not None:
        return lambda n: (n, columns)
    return lambda n: (n, max(1, round(n * aspect)))


def line_segments(
    segment_resistance: float | None, node: str | None, layout: str
) -> tuple[float, float, float]:
    """Ohm per cell along word and bit line, and the standard deviation of their logarithm.

    >>> line_segments(2.0, None, "1T1R")
    (2.0, 2.0, 0.0)
    """
    if (segment_resistance is None) == (node is None):
        raise InputError("segment_resistance, node: give one of them")
    if node is not None:
        wire = load_wire(node)
        return (*wire.segment_resistance(layout), wire.sigma_ln)
    ohm = float(segment_resistance or 0.0)
    if not 0 <= ohm < math.inf:
        raise InputError(f"segment_resistance: got {segment_resistance}, allowed >= 0 ohm")
    return ohm, ohm, 0.0


def wire_factor(sigma_ln: float, seed: int, draw: int) -> float:
    """Factor on the line resistance of a drawn card."""
    return math.exp(sigma_ln * float(stream(seed, "crossbar.wire", draw).standard_normal()))
