"""IR drop in a network on tiles: cells as the sense inputs see them, and the accuracy lost.

The layer's cells, inputs as rows and outputs x sides x cells as columns, are cut into tiles. The
exact solver gives each tile the conductances that its sense inputs see, and `evaluate` takes them
as it takes any population: accuracy against the length and the resistance of the lines.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.crossbar.array_conditions import ArrayConditions, Progress
from reliability.crossbar.array_size import check_search
from reliability.crossbar.size_search import Trial, mean_bounds, searched
from reliability.crossbar.tiles import effective_conductance, on_tiles_of, read_rows
from reliability.errors import InputError, unknown_name
from reliability.mission import MissionProfile
from reliability.network.analysis.deep_tiles import TiledDeepNetwork
from reliability.network.conductances import in_series
from reliability.network.evaluation import evaluate
from reliability.network.one_layer.model import Network
from reliability.network.one_layer.weight_mapping import sample_chips
from reliability.population import age
from reliability.population.ageing import card_of_cells
from reliability.progress import tracked
from reliability.statistics import mean_interval
from reliability.technology import Technology
from reliability.version import __version__

Reading = Literal["rows", "matrix"]
_READINGS = ("rows", "matrix")
_CONDITIONS = (
    "node", "cell_layout", "source_resistance", "sense_resistance", "drive", "sense", "cell",
    "read_voltage",
)  # fmt: skip


@dataclass(frozen=True)
class TiledNetwork:
    """A network on tiles, and the chips and images that it is evaluated with.

    Parameters
    ----------
    network : Network
        Of one layer.
    reading : {"rows", "matrix"}
        One row at a time through its gates, or all rows at once, as for `on_tiles`.
    chips, images : int
        Chips sampled of each card, and test images.
    profile : MissionProfile, optional
        Mission of the chips before they are read.
    """

    network: Network
    reading: Reading = "rows"
    chips: int = 8
    images: int = 2000
    profile: MissionProfile | None = None

    @property
    def conditions(self) -> tuple[str, ...]:
        """Conditions of an array that act on these tiles."""
        return _CONDITIONS if self.reading == "matrix" else _CONDITIONS[:4]

    @property
    def described(self) -> str:
        """What a report says of how the tiles are read."""
        rows = "one row at a time, as a spike on one input does"
        return rows if self.reading == "rows" else "all rows at once"

    def smallest(self, card: Technology) -> int:
        """Return the lines of the smallest tile that holds a weight."""
        return 1

    def sample(self, card: Technology, seed: int) -> xr.Dataset:
        """Return the chips of a card."""
        population = sample_chips(card, self.network, chips=self.chips, seed=seed)
        return population if self.profile is None else age(population, self.profile)

    def accuracy(self, population: xr.Dataset, seed: int) -> NDArray[np.float64]:
        """Return the accuracy of each chip."""
        found = evaluate(self.network, population, images=self.images, seed=seed)
        return found["accuracy"].values

    def seen(
        self, population: xr.Dataset, tile: tuple[int, int], lines: dict[str, float], **circuit: Any
    ) -> xr.Dataset:
        """Return the chips as the sense inputs of their tiles see them."""
        return on_tiles(
            population, self.network, tile=tile, reading=self.reading, **lines, **circuit
        )


def on_tiles(
    population: xr.Dataset,
    network: Network,
    *,
    tile: tuple[int, int] = (128, 128),
    reading: Reading = "rows",
    word_line_resistance: float = 1.0,
    bit_line_resistance: float = 1.0,
    **crossbar: Any,
) -> xr.Dataset:
    """Return a population as the sense inputs of its tiles see it.

    Parameters
    ----------
    population : Dataset
        Chips of `sample_chips`, aged or not; what is returned can't be aged any more.
    network : Network
        Whose layer the chips carry.
    tile : (rows, columns)
        Cells that no weight uses are in the HRS (median), or at the smallest level.
    reading : {"rows", "matrix"}
        ``"rows"``: one row at a time through its gates, as a spike on one input does;
        ``"matrix"``: all rows at once, gates open (`effective_conductance`).
    word_line_resistance, bit_line_resistance : float
        Ohm per cell.
    **crossbar
        ``source_resistance``, ``sense_resistance``; for ``"matrix"`` also ``drive``, ``sense``,
        ``cell``, ``read_voltage`` of `effective_conductance`.

    Returns
    -------
    Dataset
        The population with ``conductance`` replaced: cells that would give the same currents, in
        series with the card's access transistor, on lines without resistance.

    Raises
    ------
    InputError
        An unknown reading, a tile without cells, or another number of cells than the network has.

    Examples
    --------
    >>> import reliability as rel
    >>> net = rel.load_network("spirit")
    >>> chips = rel.sample_chips(rel.load_technology("oxram-130nm"), net, chips=2, seed=1)
    >>> seen = on_tiles(chips, net, tile=(144, 80), bit_line_resistance=10.0)
    >>> bool((seen["conductance"] < chips["conductance"]).all())
    True
    """
    if reading not in _READINGS:
        raise unknown_name("reading", str(reading), _READINGS)
    if min(tile) < 1:
        raise InputError(f"tile: got {tile}, expected (rows, columns), each 1 or more")
    allowed = ["source_resistance", "sense_resistance"]
    allowed += [] if reading == "rows" else ["drive", "sense", "cell", "read_voltage", "tolerance"]
    for name in crossbar:
        if name not in allowed:
            raise unknown_name(f"option of reading {reading!r}", name, allowed)
    card = card_of_cells(population)
    g = population["conductance"].transpose(..., "cell").values.astype(float)
    several = population.attrs.get("mapping") != "multi_level"  # cells on each side of a weight
    rows, columns = network.inputs, network.outputs * 2 * (network.weight_max if several else 1)
    if g.shape[-1] != rows * columns:
        raise InputError(
            f"population: got {g.shape[-1]} cells per chip, network {network.name} needs "
            f"{rows * columns}"
        )
    access = card.get("access.series_resistance", 0.0)
    lines = {
        "word_line_resistance": word_line_resistance,
        "bit_line_resistance": bit_line_resistance,
        **crossbar,
    }

    def read(tiles: NDArray[np.float64]) -> NDArray[np.float64]:
        if reading == "matrix":
            return effective_conductance(in_series(tiles, access), **lines)
        return read_rows(tiles, 1.0, access_resistance=access, **lines)

    states = card.has_states
    unused = 1 / card["programming.HRS.resistance"] if states else card["target.minimum"]
    seen = on_tiles_of(g.reshape(-1, rows, columns), tile, unused, read).reshape(g.shape)
    out = population.drop_vars(["programmed"], errors="ignore")  # the cells are not these
    cell = seen / (1 - access * seen)
    return out.assign(
        conductance=(
            population["conductance"].transpose(..., "cell").dims,
            cell.astype(population["conductance"].dtype),
            population["conductance"].attrs,
        )
    ).assign_attrs(tile=list(tile), reading=reading)


def accuracy_on_tiles(
    tiled: TiledNetwork,
    technology: Technology,
    segment_resistance: Sequence[float],
    *,
    tile: tuple[int, int] = (128, 128),
    uncertainty_draws: int = 8,
    confidence: float = 0.95,
    seed: int = 0,
    progress: Progress | None = None,
    **crossbar: Any,
) -> xr.Dataset:
    """Accuracy of a network against the resistance of its tiles' lines.

    Parameters
    ----------
    tiled : TiledNetwork
        The same chips, images and input events at every resistance and without lines, so that the
        loss is a difference of pairs.
    technology : Technology
    segment_resistance : sequence of float
        Ohm per cell along both lines.
    tile, **crossbar
        As for `on_tiles`.
    uncertainty_draws : int
        Cards drawn from the uncertainty of the technology's parameters.
    confidence : float
        Confidence level of the intervals.
    seed : int
    progress : callable, optional
        Called with (cards done, cards to do).

    Returns
    -------
    Dataset
        ``accuracy`` and ``lost`` (segment_resistance, chip), the latter against the same chip on
        lines without resistance; ``lost_mean``, ``lost_low``, ``lost_high`` (segment_resistance):
        Student-t interval of the mean over chips, and with two draws or more the prediction over
        cards; ``drawn_lost`` (draw, segment_resistance). All of it on the same test images, whose
        own sampling error is at most ``image_sigma`` (segment_resistance).

    Examples
    --------
    >>> import reliability as rel
    >>> tiled = TiledNetwork(rel.load_network("spirit"), chips=2, images=100)
    >>> found = accuracy_on_tiles(
    ...     tiled, rel.load_technology("oxram-130nm"), [0.0, 300.0], tile=(144, 80),
    ...     uncertainty_draws=0)
    >>> found["lost"].values[0].tolist(), bool(found["lost_mean"][1] > 0)
    ([0.0, 0.0], True)
    """
    ohms = [float(ohm) for ohm in segment_resistance]
    if not ohms or not all(0 <= ohm < math.inf for ohm in ohms):
        raise InputError(f"segment_resistance: got {ohms}, expected one or more of 0 ohm or above")
    found, draws = [], (None, *range(uncertainty_draws))
    for draw in draws if progress else tracked(draws, "cards", len(draws)):
        card = technology if draw is None else technology.drawn(seed, draw)
        population = tiled.sample(card, seed)
        both = [{"word_line_resistance": ohm, "bit_line_resistance": ohm} for ohm in ohms]
        seen = [population, *(tiled.seen(population, tile, line, **crossbar) for line in both)]
        found.append(np.stack([tiled.accuracy(one, seed) for one in seen]))
        if progress:
            progress(len(found), 1 + uncertainty_draws)
    nominal = found[0]
    drawn = np.array([(one[0] - one[1:]).mean(axis=1) for one in found[1:]])
    return _lost(
        nominal, drawn.reshape(-1, len(ohms)), ohms, tiled.images, confidence
    ).assign_attrs(
        tile=list(tile),
        reading=tiled.reading,
        network=tiled.network.name,
        technology=technology.name,
        chips=tiled.chips,
        seed=seed,
    )


def _lost(
    accuracy: NDArray[np.float64],
    drawn: NDArray[np.float64],
    ohms: list[float],
    images: int,
    confidence: float,
) -> xr.Dataset:
    """Accuracy lost to lines, from that without and with each of them (1 + lines, chips)."""
    lost = accuracy[0] - accuracy[1:]
    mean, low, high = np.array([mean_interval(row, confidence) for row in lost]).T
    draws = len(drawn)
    if draws > 1:  # one more card, and the chips of this one
        spread = np.array([mean_interval(column, confidence) for column in drawn.T]).T
        half = np.hypot((spread[2] - spread[0]) * math.sqrt(draws + 1), mean - low)
        low, high = mean - half, mean + half
    fraction = accuracy.mean(axis=1)
    low, high = np.clip((low, high), fraction[0] - 1, fraction[0])  # what can be lost or gained
    variance = (fraction[0] * (1 - fraction[0]) + fraction[1:] * (1 - fraction[1:])) / images
    unit = {"units": "1"}
    return xr.Dataset(
        {
            "accuracy": (("segment_resistance", "chip"), accuracy[1:], unit),
            "lost": (("segment_resistance", "chip"), lost, unit),
            "lost_mean": ("segment_resistance", mean, unit),
            "lost_low": ("segment_resistance", low, unit),
            "lost_high": ("segment_resistance", high, unit),
            "drawn_lost": (("draw", "segment_resistance"), drawn, unit),
            "image_sigma": ("segment_resistance", np.sqrt(variance), unit),
        },
        coords={"segment_resistance": ("segment_resistance", ohms, {"units": "ohm"})},
        attrs={
            "accuracy_without_lines": float(fraction[0]),
            "images": images,
            "confidence": confidence,
            "reliability_version": __version__,
        },
    )


def tile_limit(
    tiled: TiledNetwork | TiledDeepNetwork,
    technology: Technology,
    limit: float = 0.01,
    segment_resistance: float | None = None,
    *,
    layer: str | None = None,
    max_size: int = 256,
    uncertainty_draws: int = 4,
    confidence: float = 0.95,
    seed: int = 0,
    progress: Progress | None = None,
    **conditions: Any,
) -> xr.Dataset:
    """Find the largest square tile on which a network loses no more accuracy than a limit.

    Parameters
    ----------
    tiled : TiledNetwork or TiledDeepNetwork
        8 chips or more.
    technology : Technology
    limit : float
        Accuracy that may be lost to the lines, as a fraction of all images.
    segment_resistance : float, optional
        Ohm per cell along both lines (1 without a node).
    layer : str, optional
        Layer of a deep network that alone lies on such tiles, instead of that of ``tiled``.
    max_size : int
        Tiles larger than the layer leave cells in the HRS unused.
    uncertainty_draws : int
        Cards drawn from the uncertainty of the technology's parameters (and of the wire).
    confidence : float
        Confidence level of the interval of the size, two-sided.
    seed : int
    progress : callable, optional
        Called with (cards searched, cards to search).
    **conditions
        Of `reliability.crossbar.ArrayConditions`: ``node``, ``cell_layout``,
        ``source_resistance``, ``sense_resistance``; for ``reading="matrix"`` of one layer also
        ``drive``, ``sense``, ``cell``, ``read_voltage``.

    Returns
    -------
    Dataset
        As `reliability.crossbar_limit` returns, ``value`` being the accuracy lost.

    Examples
    --------
    >>> import reliability as rel
    >>> tiled = TiledNetwork(rel.load_network("spirit"), images=100)
    >>> found = tile_limit(
    ...     tiled, rel.load_technology("oxram-130nm"), 0.05, 300.0, max_size=16,
    ...     uncertainty_draws=0)
    >>> bool(found["size"] <= 16)
    True
    """
    check_search(limit, max_size, uncertainty_draws, confidence)
    if layer is not None:
        if not isinstance(tiled, TiledDeepNetwork):
            raise InputError(f"layer: got {layer!r} for a network of one layer")
        tiled = replace(tiled, layer=layer)
    array = ArrayConditions.of(conditions, tiled.conditions)
    if segment_resistance is None and array.node is None:
        segment_resistance = 1.0
    lines = array.lines(segment_resistance)
    circuit = {n: v for n, v in conditions.items() if n not in ("node", "cell_layout")}
    chips: dict[int | None, tuple[xr.Dataset, NDArray[np.float64]]] = {}

    def judge(n: int, draw: int | None) -> Trial:
        if draw not in chips:
            card = technology if draw is None else technology.drawn(seed, draw)
            population = tiled.sample(card, seed)
            chips.clear()
            chips[draw] = population, tiled.accuracy(population, seed)
        population, ideal = chips[draw]
        if n < tiled.smallest(technology):
            return Trial(math.nan, math.nan, math.nan, tiled.chips, -1)
        seen = tiled.seen(population, (n, n), lines.drawn(seed, draw), **circuit)
        lost = ideal - tiled.accuracy(seen, seed)
        mean = float(lost.mean())
        if draw is not None:
            return Trial(mean, mean, mean, tiled.chips, 1 if mean <= limit else -1)
        low, high = mean_bounds(lost, (1 - confidence) / 2)
        return Trial(mean, low, high, tiled.chips, 1 if high <= limit else -1 if low > limit else 0)

    out = searched(
        judge, max_size=max_size, uncertainty_draws=uncertainty_draws, confidence=confidence,
        progress=progress,
    )  # fmt: skip
    return out.assign(rows=out["size"], columns=out["size"]).assign_attrs(
        criterion="accuracy_drop",
        limit=limit,
        word_line_resistance=lines.word,
        bit_line_resistance=lines.bit,
        network=tiled.network.name,
        images=tiled.images,
        chips=tiled.chips,
        tiles=tiled.described,
        mission="" if tiled.profile is None else str(tiled.profile),
        cell_layout=array.cell_layout,
        access_ohm=float(technology.get("access.series_resistance", 0.0)),
        technology=technology.name,
        seed=seed,
    )
