"""The chips that a deep network is evaluated on: their cells when asked, and what those make."""

import json
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.errors import InputError, expect, whole_number
from reliability.mission import MissionProfile
from reliability.network.deep.graph import Stage, error_values, feeds
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
    calibrated: NDArray[np.floating] | None = None  # at the last calibration, if not now


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
    if profile is not None:
        expect(profile, MissionProfile, "profile", "a MissionProfile")
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


def load_chip(chips: Chips, number: int, stages: tuple[Stage, ...], seed: int = 0) -> Loaded:
    """Return the weights that the cells of one chip make, and the errors of its converters."""
    chip = chips.chip(number)
    out = Loaded({}, [], chip.warnings)
    for stage in stages:
        placed = stage.placed
        read = placed.coded
        if chips.technology is not None:
            own = placed.tiling
            read = read_layer(placed, chip.conductance, chips.technology, own)
            then, seen = chip.conductance, read
            if chip.calibrated is not None:
                then = chip.calibrated
                seen = read_layer(placed, then, chips.technology, own)
            read = read * np.float32(compensation(placed, seen, then, chip.programmed, own))
        out.errors.append(float(np.sqrt(np.mean((read - placed.coded) ** 2, dtype=float))))
        out.values.update(feeds(stage, read))
        out.values.update(error_values(stage, chips.address[number], seed))
    return out


def aged_and_calibrated(cells: xr.Dataset, profile: MissionProfile, tiling: Tiling) -> xr.Dataset:
    """Age cells; with a calibration interval, ``calibrated`` is what they were at the last one."""
    aged, interval = age(cells, profile), tiling.calibration_interval
    if interval is None:
        return aged
    last = profile.until(profile.duration // interval * interval)
    then = age(cells, last) if last.segments else cells
    return aged.assign(calibrated=then["conductance"])


def card_of(cells: Technology | xr.Dataset | None) -> Technology | None:
    """Return the nominal technology of what is evaluated; None of ideal cells."""
    if is_measured(cells):
        return MeasuredCells.of(cells)
    if isinstance(cells, xr.Dataset) and "technology_card" in cells.attrs:
        return card_of_cells(cells)
    return cells if isinstance(cells, Technology) else None


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
        programmed_as = Tiling(**json.loads(cells.attrs["tiling"]))
        for p in placed:
            before = programmed_as.of(p.layer.name)
            for name in ("cells", "weight_bits", "bits_per_cell", "scale", "mapping"):
                if getattr(before, name) != getattr(p.tiling, name):
                    raise InputError(
                        f"tiling: {name}: got {getattr(p.tiling, name)!r}, but the cells were "
                        f"programmed with {getattr(before, name)!r}"
                    )
    expected = placed[-1].cells.stop
    if cells.sizes.get("cell") != expected:
        raise InputError(
            f"cells: got {cells.sizes.get('cell')} cells per chip, the network needs {expected}"
        )
    if profile is not None:
        cells = aged_and_calibrated(cells, profile, tiling)
    elif tiling.calibration_interval is not None and "calibrated" not in cells:
        raise InputError(
            "tiling: calibration_interval: the cells are aged already; give the mission as profile"
        )
    rows = cells["conductance"].transpose(..., "cell")
    flat = rows.values.reshape(-1, expected)

    def of_chips(name: str) -> NDArray[np.floating]:
        return cells[name].transpose(*rows.dims).values.reshape(-1, expected)

    programmed = of_chips("programmed")
    calibrated = of_chips("calibrated") if "calibrated" in cells else None
    notes = list(cells.attrs["warnings"])

    def chip(number: int) -> Chip:
        then = None if calibrated is None else calibrated[number]
        return Chip(flat[number], programmed[number], notes, then)

    return Chips(
        rows.isel(cell=0, drop=True),
        technology,
        cells.attrs["mission"],
        addresses(cells),
        chip,
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
        if profile is not None:
            cells = aged_and_calibrated(cells, profile, tiling)
        now, programmed = (cells[name].values[0] for name in ("conductance", "programmed"))
        then = cells["calibrated"].values[0] if "calibrated" in cells else None
        return Chip(now, programmed, list(cells.attrs["warnings"]), then)

    segments = [] if profile is None else [vars(segment) for segment in profile.segments]
    lead = places["conductance"].isel(cell=0, drop=True)
    return Chips(lead, technology, json.dumps(segments), addresses(places), chip)
