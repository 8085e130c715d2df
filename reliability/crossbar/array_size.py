"""The largest array that works: `crossbar_limit`.

An array is tried on Monte Carlo arrays: cells of the technology's population, random data, random
inputs, exact currents. Search and interval are in `reliability.crossbar.size_search`.
"""

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.crossbar.array_conditions import ArrayConditions, Progress
from reliability.crossbar.criteria import CRITERIA, Conditions, Criterion
from reliability.crossbar.size_search import LOOKS, Trial, searched, tried
from reliability.errors import InputError, unknown_name
from reliability.mission import MissionProfile
from reliability.population.ageing import age
from reliability.population.measured import MeasuredCells, technology_of
from reliability.population.sampling import sample_dies
from reliability.population.wafer import die_sites
from reliability.random import stream
from reliability.technology import Technology

Array = NDArray[np.float64]


def crossbar_limit(
    technology: Technology | xr.Dataset,
    criterion: str | Callable[[Array, dict[str, Any]], float] = "output_error",
    limit: float = 0.3,
    segment_resistance: float | None = None,
    *,
    max_size: int = 512,
    uncertainty_draws: int = 8,
    confidence: float = 0.95,
    seed: int = 0,
    progress: Progress | None = None,
    **conditions: Any,
) -> xr.Dataset:
    """Find the largest array that meets a criterion, with its interval.

    Parameters
    ----------
    technology : Technology or Dataset
        Gives the population of LRS and HRS, or of levels (uniform random targets), and the read
        voltage unless set here. The cells of a Dataset of `reliability.read_measurements` are
        resampled; drawn cards are bootstrap samples of them.
    criterion : str or callable
        ``"output_error"`` (relative, of a matrix product), ``"step_error"`` (in stored ones),
        ``"bit_error_rate"`` and any function ``f(conductance, crossbar) -> float`` must stay at or
        below the limit; ``"read_margin"`` at or above it. A function gets an array (m, n) in S and
        the keyword arguments of `solve_crossbar`. For the accuracy that a network loses see
        `reliability.network.tile_limit`.
    limit : float
        Limit of the criterion's mean over arrays.
    segment_resistance : float, optional
        Ohm per cell along both lines; otherwise from the wire of ``node``.
    max_size : int
        Largest number of searched lines that is tried.
    uncertainty_draws : int
        Cards drawn from the uncertainty of the technology's parameters (and of the wire).
    confidence : float
        Confidence level of the interval of the size, two-sided. A size at the limit is called
        working with half of the rest as probability.
    seed : int
        Seed of arrays, data and inputs.
    progress : callable, optional
        Called with (cards searched, cards to search).
    **conditions
        Fields of `reliability.crossbar.ArrayConditions`: ``rows``, ``columns``, ``aspect``,
        ``node``, ``cell_layout``, ``read_voltage``, ``density``, ``activity``, ``bias_scheme``,
        ``source_resistance``, ``sense_resistance``, ``drive``, ``sense``, ``cell``,
        ``access_resistance``, ``gain_correction``, ``profile``.

    Returns
    -------
    Dataset
        ``size``: searched lines (rows, unless ``rows`` was given) of the nominal card (0: no size
        works; ``max_size``: the limit lies beyond), and ``rows``, ``columns`` of that array.
        ``monte_carlo_high``: largest size that the Monte Carlo arrays do not show to fail
        (``size`` itself is the lower end). ``drawn_size`` (draw); ``size_low``, ``size_high``:
        interval of the Monte Carlo arrays and, from two draws on, of the parameters. ``value``
        (tried) with ``value_low``, ``value_high``, ``arrays``: the trials of the nominal card.

    Raises
    ------
    InputError
        A card of levels with a criterion of bits, an unknown criterion or condition, both or none
        of ``segment_resistance`` and ``node``, or a number out of range.

    Notes
    -----
    Each size is tried on 8 to 64 arrays (`reliability.crossbar.size_search`). Sizes double until
    one fails, then are bisected to about 3 %. Small arrays can fail where larger ones work, because
    variability averages out over rows: sizes below the first that works are passed over. Valid
    where the criterion grows with size beyond that.

    Array k of a size stands on die k of wafer k of lot k. The size of a drawn card is where the
    mean of 8 arrays meets the limit; the interval of the parameters is the Student-t prediction for
    one more card on the logarithm of the size; it reaches 0 or ``max_size`` where a drawn card
    does.

    Examples
    --------
    >>> import reliability as rel
    >>> tech = rel.load_technology("oxram-130nm")
    >>> out = crossbar_limit(tech, limit=0.3, segment_resistance=5.0, max_size=64,
    ...                      uncertainty_draws=2)
    >>> int(out["size"]) < 64, out["drawn_size"].shape
    (True, (2,))
    """
    technology = technology_of(technology)
    if isinstance(technology, MeasuredCells):
        need_states(technology)
    array = ArrayConditions.of(conditions)
    array.check(technology, criterion)
    lines = array.lines(segment_resistance)
    if array.read_voltage is None and "read.voltage" not in technology:
        raise InputError(f"read_voltage: {technology.name} does not state one; give it")
    if not callable(criterion) and criterion not in CRITERIA:
        raise unknown_name("criterion", criterion, CRITERIA)
    check_search(limit, max_size, uncertainty_draws, confidence)
    cards: dict[int | None, Technology] = {None: technology}

    def judge(n: int, draw: int | None) -> Trial:
        if draw is not None and draw not in cards:
            cards[draw] = technology.drawn(seed, draw)
        card = cards[draw]
        volts = card["read.voltage"] if array.read_voltage is None else array.read_voltage
        circuit = lines.drawn(seed, draw) | array.circuit
        at = Conditions(
            card, volts, array.activity, array.density, array.bias_scheme, circuit,
            array.access(card), array.gain_correction,
        )  # fmt: skip
        sample = _MonteCarlo(criterion, at, array.shape(n), seed, array.profile)
        return verdict(sample, bound, draw, confidence)

    margin = criterion == "read_margin"
    bound = 1 - limit if margin else limit
    out = searched(
        judge, max_size=max_size, uncertainty_draws=uncertainty_draws, confidence=confidence,
        progress=progress,
    )  # fmt: skip
    if margin:  # trials count what is lost of it
        low, high = 1 - out["value_high"], 1 - out["value_low"]
        out = out.assign(value=1 - out["value"], value_low=low, value_high=high)
    size = int(out["size"])
    rows, columns = array.shape(size) if size else (0, 0)
    return out.assign(
        rows=((), rows, {"units": "lines"}), columns=((), columns, {"units": "lines"})
    ).assign_attrs(
        criterion=criterion if isinstance(criterion, str) else criterion.__name__,
        limit=limit,
        word_line_resistance=lines.word,
        bit_line_resistance=lines.bit,
        **array.described(technology),
        technology=technology.name,
        seed=seed,
    )


def verdict(
    sample: Callable[[int], float], bound: float, draw: int | None, confidence: float
) -> Trial:
    """Try a size of the nominal card, or take the mean of a few arrays of a drawn one."""
    if draw is None:
        return tried(sample, bound, (1 - confidence) / 2)
    values = [value for k in range(LOOKS[0]) if not math.isnan(value := sample(k))]
    mean = float(np.mean(values)) if values else math.nan
    return Trial(mean, mean, mean, LOOKS[0], 1 if mean <= bound else -1)


def need_states(technology: Technology) -> None:
    """Refuse a card of levels: arrays are filled with stored ones and zeros."""
    if not technology.has_states:
        raise InputError(f"technology: {technology.name} has levels, this axis needs LRS and HRS")


def check_search(limit: float, max_size: int, uncertainty_draws: int, confidence: float) -> None:
    """Refuse options of a search that are out of range."""
    if max_size < 2 or uncertainty_draws < 0:
        raise InputError("max_size, uncertainty_draws: expected 2 or more, 0 or more")
    if not math.isfinite(limit):
        raise InputError(f"limit: got {limit}, expected a finite number")
    if not 0.5 < confidence < 1:
        raise InputError(f"confidence: got {confidence}, allowed more than 0.5, less than 1")


@dataclass(frozen=True)
class _MonteCarlo:
    """Criterion of Monte Carlo array ``index``."""

    criterion: str | Callable[[Array, dict[str, Any]], float]
    at: Conditions
    shape: tuple[int, int]
    seed: int
    profile: MissionProfile | None = None

    def __call__(self, index: int) -> float:
        card, shape = self.at.technology, self.shape
        draws = stream(self.seed, "crossbar.limit", index, *shape)
        random = draws.random(shape)
        data = random < self.at.density if card.has_states else random
        state = np.where(data, "LRS", "HRS") if card.has_states else _targets(card, random)
        dies = len(die_sites(card))
        cells = sample_dies(
            card, state=state.ravel(), count=1, first=index * dies + index % dies,
            dies_per_wafer=dies, lot=index, seed=self.seed, dtype=np.float64,
        )  # fmt: skip
        if self.profile is not None:
            with warnings.catch_warnings():  # conditions outside a range are those of the mission
                warnings.filterwarnings("ignore", message=".*outside the valid range")
                cells = age(cells, self.profile)
        g = self.at.seen(cells["conductance"].values.reshape(shape))
        if isinstance(self.criterion, str):
            measure: Criterion = CRITERIA[self.criterion]
            return measure(g, data, self.at, draws)
        return float(self.criterion(g, self.at.crossbar))


def _targets(card: Technology, fraction: Array) -> Array:
    """Target conductances (S) of fractions of the range of a card of levels."""
    low, high = card["target.minimum"], card["target.maximum"]
    return np.asarray(low + fraction * (high - low))
