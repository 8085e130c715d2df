"""A network on tiles with resistive lines: what its cells look like from the sense inputs.

The layer's cells, inputs as rows and outputs x sides x cells as columns, are cut into tiles. The
exact solver gives each tile the conductances that its sense inputs see, and `evaluate` takes them
as it takes any population: accuracy against the length and the resistance of the lines.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.crossbar.array_size import (
    largest_size,
    line_segments,
    size_dataset,
    wire_factor,
)
from reliability.crossbar.inference import effective_conductance
from reliability.crossbar.read_modes import read_rows
from reliability.errors import InputError, unknown_name
from reliability.mission import MissionProfile
from reliability.network.conductances import in_series
from reliability.network.evaluation import evaluate
from reliability.network.one_layer.model import Network
from reliability.network.one_layer.weight_mapping import sample_chips
from reliability.population import age
from reliability.statistics import mean_interval
from reliability.technology import Technology
from reliability.version import __version__

Reading = Literal["rows", "matrix"]
_READINGS = ("rows", "matrix")


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
    """Return a population as it looks through the lines of its tiles.

    Parameters
    ----------
    population : Dataset
        Chips of `sample_chips`, aged or not; what is returned can't be aged any more.
    network : Network
        Whose layer the chips carry.
    tile : (rows, columns)
        Cells that no weight uses are in the HRS (median).
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
        An unknown reading, a tile without cells, another number of cells than the network has in
        ``two_level``, or a card with levels.

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
    down, across = tile
    if down < 1 or across < 1:
        raise InputError(f"tile: got {tile}, expected (rows, columns), each 1 or more")
    allowed = ["source_resistance", "sense_resistance"]
    allowed += [] if reading == "rows" else ["drive", "sense", "cell", "read_voltage", "tolerance"]
    for name in crossbar:
        if name not in allowed:
            raise unknown_name(f"option of reading {reading!r}", name, allowed)
    card = Technology.from_json(population.attrs["technology_card"])
    if not card.has_states:
        raise InputError(f"population: {card.name} has no LRS and HRS, which tiles are made of")
    g = population["conductance"].transpose(..., "cell").values.astype(float)
    rows, columns = network.inputs, network.outputs * 2 * network.weight_max
    if g.shape[-1] != rows * columns:
        raise InputError(
            f"population: got {g.shape[-1]} cells per chip, network {network.name} needs "
            f"{rows * columns}"
        )
    access = card["access.series_resistance"]
    tiles = _cut(g.reshape(-1, rows, columns), tile, 1 / card["programming.HRS.resistance"])
    lines = {
        "word_line_resistance": word_line_resistance,
        "bit_line_resistance": bit_line_resistance,
        **crossbar,
    }
    seen: Any  # an array of the tiles' shape
    if reading == "matrix":
        seen = effective_conductance(in_series(tiles, access), **lines)
    else:
        seen = read_rows(tiles, 1.0, access_resistance=access, **lines)
    whole = seen.swapaxes(-3, -2).reshape(len(tiles), tiles.shape[1] * down, -1)
    whole = whole[:, :rows, :columns].reshape(g.shape)
    out = population.drop_vars(["programmed"], errors="ignore")  # the cells are not these
    cell = whole / (1 - access * whole)
    return out.assign(
        conductance=(
            population["conductance"].transpose(..., "cell").dims,
            cell.astype(population["conductance"].dtype),
            population["conductance"].attrs,
        )
    ).assign_attrs(tile=list(tile), reading=reading)


def accuracy_on_tiles(
    network: Network,
    technology: Technology,
    segment_resistance: Sequence[float],
    *,
    tile: tuple[int, int] = (128, 128),
    reading: Reading = "rows",
    chips: int = 8,
    images: int = 2000,
    uncertainty_draws: int = 8,
    profile: MissionProfile | None = None,
    confidence: float = 0.95,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
    **crossbar: Any,
) -> xr.Dataset:
    """Accuracy of a network against the resistance of its tiles' lines.

    Parameters
    ----------
    network : Network
    technology : Technology
    segment_resistance : sequence of float
        Ohm per cell along both lines.
    tile, reading, **crossbar
        As for `on_tiles`.
    chips, images : int
        Of `evaluate`. The same chips, images and input events at every resistance and without
        lines, so that the loss is a difference of pairs.
    uncertainty_draws : int
        Cards drawn from the uncertainty of the technology's parameters.
    profile : MissionProfile, optional
        Mission of the chips before they are read.
    confidence : float
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
    >>> found = accuracy_on_tiles(
    ...     rel.load_network("spirit"), rel.load_technology("oxram-130nm"), [0.0, 300.0],
    ...     tile=(144, 80), chips=2, images=100, uncertainty_draws=0)
    >>> found["lost"].values[0].tolist(), bool(found["lost_mean"][1] > 0)
    ([0.0, 0.0], True)
    """
    ohms = [float(ohm) for ohm in segment_resistance]
    if not ohms or not all(0 <= ohm < math.inf for ohm in ohms):
        raise InputError(f"segment_resistance: got {ohms}, expected one or more of 0 ohm or above")

    def accuracies(card: Technology) -> NDArray[np.float64]:
        population = _chips(card, network, chips, profile, seed)
        options: dict[str, Any] = {"images": images, "seed": seed}
        seen = [
            on_tiles(
                population, network, tile=tile, reading=reading,
                word_line_resistance=ohm, bit_line_resistance=ohm, **crossbar,
            )
            for ohm in ohms
        ]  # fmt: skip
        return np.stack(
            [evaluate(network, one, **options)["accuracy"].values for one in [population, *seen]]
        )

    nominal = accuracies(technology)
    drawn = np.empty((uncertainty_draws, len(ohms)))
    for draw in range(uncertainty_draws):
        if progress:
            progress(draw + 1, 1 + uncertainty_draws)
        one = accuracies(technology.drawn(seed, draw))
        drawn[draw] = (one[0] - one[1:]).mean(axis=1)
    if progress:
        progress(1 + uncertainty_draws, 1 + uncertainty_draws)
    lost = nominal[0] - nominal[1:]
    mean, low, high = np.array([mean_interval(row, confidence) for row in lost]).T
    if uncertainty_draws > 1:  # one more card, and the chips of this one
        spread = np.array([mean_interval(column, confidence) for column in drawn.T]).T
        wider = (spread[2] - spread[0]) * math.sqrt(uncertainty_draws + 1)
        half = np.hypot(wider, mean - low)
        low, high = mean - half, mean + half
    share = nominal.mean(axis=1)
    low, high = np.clip((low, high), share[0] - 1, share[0])  # what can be lost or gained
    variance = (share[0] * (1 - share[0]) + share[1:] * (1 - share[1:])) / images
    return xr.Dataset(
        {
            "accuracy": (("segment_resistance", "chip"), nominal[1:], {"units": "1"}),
            "lost": (("segment_resistance", "chip"), lost, {"units": "1"}),
            "lost_mean": ("segment_resistance", mean, {"units": "1"}),
            "lost_low": ("segment_resistance", low, {"units": "1"}),
            "lost_high": ("segment_resistance", high, {"units": "1"}),
            "drawn_lost": (("draw", "segment_resistance"), drawn, {"units": "1"}),
            "image_sigma": ("segment_resistance", np.sqrt(variance), {"units": "1"}),
        },
        coords={"segment_resistance": ("segment_resistance", ohms, {"units": "ohm"})},
        attrs={
            "tile": list(tile),
            "reading": reading,
            "network": network.name,
            "technology": technology.name,
            "accuracy_without_lines": float(share[0]),
            "chips": chips,
            "images": images,
            "confidence": confidence,
            "seed": seed,
            "reliability_version": __version__,
        },
    )


def tile_limit(
    network: Network,
    technology: Technology,
    limit: float = 0.01,
    segment_resistance: float | None = None,
    *,
    node: str | None = None,
    cell_layout: str = "1T1R",
    reading: Reading = "rows",
    chips: int = 8,
    images: int = 2000,
    max_size: int = 256,
    uncertainty_draws: int = 4,
    profile: MissionProfile | None = None,
    confidence: float = 0.95,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
    **crossbar: Any,
) -> xr.Dataset:
    """Largest square tile on which a network loses no more accuracy than a limit.

    Parameters
    ----------
    network : Network
    technology : Technology
    limit : float
        Accuracy that may be lost to the lines, as a fraction of all images.
    segment_resistance : float, optional
        Ohm per cell along both lines (1 without a node).
    node, cell_layout : str
        Of `reliability.crossbar.load_wire` and `Wire.segment_resistance`.
    reading, chips, images, profile, **crossbar
        As for `accuracy_on_tiles`.
    max_size : int
        Tiles larger than the layer leave cells in the HRS unused.
    uncertainty_draws : int
        Cards drawn from the uncertainty of the technology's parameters (and of the wire).
    confidence : float
        Of the bound at one size, one-sided over chips, and of the interval of the size.
    seed : int
    progress : callable, optional
        Called with (cards searched, cards to search).

    Returns
    -------
    Dataset
        As `reliability.crossbar_limit` returns, ``value`` being the accuracy lost.

    Examples
    --------
    >>> import reliability as rel
    >>> found = tile_limit(
    ...     rel.load_network("spirit"), rel.load_technology("oxram-130nm"), 0.05, 300.0,
    ...     max_size=32, uncertainty_draws=0, chips=2, images=100)
    >>> bool(found["size"] <= 32)
    True
    """
    if not (math.isfinite(limit) and max_size >= 2):
        raise InputError("limit, max_size: expected a finite number and 2 or more")
    if segment_resistance is None and node is None:
        segment_resistance = 1.0
    word, bit, sigma_ln = line_segments(segment_resistance, node, cell_layout)

    def largest(card: Technology, factor: float) -> tuple[int, dict[int, tuple[float, ...]]]:
        population = _chips(card, network, chips, profile, seed)
        ideal = evaluate(network, population, images=images, seed=seed)["accuracy"].values
        tried: dict[int, tuple[float, ...]] = {}

        def works(n: int) -> bool:
            seen = on_tiles(
                population, network, tile=(n, n), reading=reading,
                word_line_resistance=word * factor, bit_line_resistance=bit * factor, **crossbar,
            )  # fmt: skip
            found = evaluate(network, seen, images=images, seed=seed)["accuracy"].values
            tried[n] = (*mean_interval(ideal - found, 2 * confidence - 1), float(chips))
            return tried[n][2] <= limit

        return largest_size(works, max_size), tried

    size, tried = largest(technology, 1.0)
    drawn = np.zeros(uncertainty_draws, dtype=np.int64)
    for draw in range(uncertainty_draws):
        if progress:
            progress(draw + 1, 1 + uncertainty_draws)
        factor = wire_factor(sigma_ln, seed, draw)
        drawn[draw] = largest(technology.drawn(seed, draw), factor)[0]
    if progress:
        progress(1 + uncertainty_draws, 1 + uncertainty_draws)
    return size_dataset(
        size, tried, drawn, (size, size), bound=limit, max_size=max_size, confidence=confidence
    ).assign_attrs(
        criterion="accuracy_drop",
        limit=limit,
        word_line_resistance=word,
        bit_line_resistance=bit,
        network=network.name,
        images=images,
        technology=technology.name,
        seed=seed,
    )


def _chips(
    card: Technology, network: Network, chips: int, profile: MissionProfile | None, seed: int
) -> xr.Dataset:
    population = sample_chips(card, network, chips=chips, seed=seed)
    return population if profile is None else age(population, profile)


def _cut(cells: NDArray[np.float64], tile: tuple[int, int], unused: float) -> NDArray[np.float64]:
    """Cells (chips, rows, columns) as tiles (chips, row tiles, column tiles, rows, columns)."""
    chips, rows, columns = cells.shape
    down, across = -(-rows // tile[0]), -(-columns // tile[1])
    padded = np.full((chips, down * tile[0], across * tile[1]), unused)
    padded[:, :rows, :columns] = cells
    return padded.reshape(chips, down, tile[0], across, tile[1]).swapaxes(2, 3).copy()
