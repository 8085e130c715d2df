"""The chips that a deep network is evaluated on: their cells when asked, and what those make."""

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.errors import InputError, whole_number
from reliability.mission import MissionProfile
from reliability.network.deep.graph import Stage, feeds
from reliability.network.deep.layer_mapping import (
    Placed,
    check_card,
    compensation,
    read_layer,
    target_states,
)
from reliability.network.deep.tiling import Tiling
from reliability.population.ageing import age
from reliability.population.measured import MeasuredCells, is_measured
from reliability.population.sampling import addresses, card_of_cells, sample_dies
from reliability.technology import Technology


class Chip(NamedTuple):
    """Cells of one chip, S, at the time of evaluation and as programmed."""

    conductance: NDArray[np.floating]
    programmed: NDArray[np.floating]
    warnings: list[str]


class Chips(NamedTuple):
    """Chips of one technology.

    Attributes
    ----------
    lead : DataArray
        With the leading dimensions and coordinates of the population.
    technology : Technology or None
        None: one chip of ideal cells.
    mission : str
        What the cells have been through, as a population's attribute says it.
    address : ndarray of int, shape (chips, 3)
        Wafer, die and chip.
    chip : callable
        Number of a chip, in the order of ``lead``, to its `Chip`.
    """

    lead: xr.DataArray
    technology: Technology | None
    mission: str
    address: NDArray[np.int64]
    chip: Callable[[int], Chip]


class Loaded(NamedTuple):
    """Weights of one chip as inputs of the graph, the error of each layer, and warnings.

    The error is the root mean square of what the pairs read as, less what they should, in units
    of a full pair.
    """

    values: dict[str, NDArray[np.float32]]
    errors: list[float]
    warnings: list[str]


def chips_of(
    cells: Technology | xr.Dataset | None,
    placed: tuple[Placed, ...],
    tiling: Tiling,
    chips: int,
    profile: MissionProfile | None,
    seed: int,
) -> Chips:
    """Return the chips to evaluate; parameters as of `reliability.network.evaluate_deep`."""
    if cells is None:
        if profile is not None:
            raise InputError("profile: ideal cells do not age; give a technology or a population")
        if any(tiling.lines.values()):
            raise InputError("tiling: lines with resistance need cells; give a technology")
        lead = xr.DataArray(np.zeros(1), dims="chip", coords={"chip": [0]})
        none = Chip(np.empty(0), np.empty(0), [])
        return Chips(lead, None, "[]", np.zeros((1, 3), np.int64), lambda number: none)
    if is_measured(cells):
        cells = MeasuredCells.of(cells)
    if isinstance(cells, Technology):
        return _sampled(cells, placed, tiling, chips, profile, seed)
    if not isinstance(cells, xr.Dataset) or "technology_card" not in cells.attrs:
        raise InputError(
            f"cells: got {type(cells).__name__}, expected a Technology, a population of "
            "program_layers, a Dataset of read_measurements, or None"
        )
    return _given(cells, placed, tiling, profile)


def load_chip(chips: Chips, number: int, stages: tuple[Stage, ...], tiling: Tiling) -> Loaded:
    """Return the weights that the cells of one chip make."""
    chip = chips.chip(number)
    out = Loaded({}, [], chip.warnings)
    for stage in stages:
        placed = stage.placed
        read = placed.coded
        if chips.technology is not None:
            read = read_layer(placed, chip.conductance, chips.technology, tiling)
            factor = compensation(placed, read, chip.conductance, chip.programmed, tiling)
            read *= np.float32(factor)
        out.errors.append(float(np.sqrt(np.mean((read - placed.coded) ** 2, dtype=float))))
        out.values.update(feeds(stage, read))
    return out


def default_tiling(cells: Technology | xr.Dataset | None) -> Tiling:
    """Return how a population was programmed; else levels where the card has them, else bits."""
    if is_measured(cells):
        return default_tiling(MeasuredCells.of(cells))
    if isinstance(cells, xr.Dataset):
        if "tiling" in cells.attrs:
            return Tiling(**json.loads(cells.attrs["tiling"]))
        return Tiling("levels" if "target" in cells.coords else "bits")
    return Tiling("bits" if cells is not None and "target.maximum" not in cells else "levels")


def _given(
    cells: xr.Dataset, placed: tuple[Placed, ...], tiling: Tiling, profile: MissionProfile | None
) -> Chips:
    technology = card_of_cells(cells)
    check_card(technology, tiling)
    if "tiling" in cells.attrs:
        programmed_as = json.loads(cells.attrs["tiling"])
        for name in ("cells", "weight_bits", "bits_per_cell", "scale"):
            if programmed_as[name] != asdict(tiling)[name]:
                raise InputError(
                    f"tiling: {name}: got {asdict(tiling)[name]!r}, but the cells were programmed "
                    f"with {programmed_as[name]!r}"
                )
    expected = placed[-1].cells.stop
    if cells.sizes.get("cell") != expected:
        raise InputError(
            f"cells: got {cells.sizes.get('cell')} cells per chip, the network needs {expected}"
        )
    if profile is not None:
        cells = age(cells, profile)
    rows = cells["conductance"].transpose(..., "cell")
    flat = rows.values.reshape(-1, expected)
    programmed = cells["programmed"].transpose(*rows.dims).values.reshape(-1, expected)
    notes = list(cells.attrs["warnings"])
    return Chips(
        rows.isel(cell=0, drop=True),
        technology,
        cells.attrs["mission"],
        addresses(cells),
        lambda number: Chip(flat[number], programmed[number], notes),
    )


def _sampled(
    technology: Technology,
    placed: tuple[Placed, ...],
    tiling: Tiling,
    chips: int,
    profile: MissionProfile | None,
    seed: int,
) -> Chips:
    """Chips sampled one at a time: those of a large network don't fit in memory together."""
    check_card(technology, tiling)
    whole_number(chips, "chips", 1)
    state = target_states(placed, technology)
    # one cell of each chip, for their places on their wafers
    places = sample_dies(technology, state=state[:1], count=chips, seed=seed)

    def chip(number: int) -> Chip:
        cells = sample_dies(technology, state=state, count=1, first=number, seed=seed)
        cells = cells if profile is None else age(cells, profile)
        now, programmed = (cells[name].values[0] for name in ("conductance", "programmed"))
        return Chip(now, programmed, list(cells.attrs["warnings"]))

    segments = [] if profile is None else [vars(segment) for segment in profile.segments]
    lead = places["conductance"].isel(cell=0, drop=True)
    return Chips(lead, technology, json.dumps(segments), addresses(places), chip)
