"""Ageing of populations: the same cells after a mission.

A cell has one path. `age` looks its random numbers up again instead of carrying them, and always
computes from the programmed conductance and the whole history: ageing in two steps equals ageing in
one. Cells are worked on in blocks, so that time and memory stay low and nothing depends on what is
computed together.
"""

import json
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.devices import path, wear
from reliability.devices.verify import after_last_pulse
from reliability.errors import InputError, expect
from reliability.mission import MissionProfile, Segment
from reliability.population.blocks import Deviates, for_blocks
from reliability.population.measured import MeasuredCells
from reliability.population.programmed import STUCK, Pick, Worn, codes, defects_in, states_in
from reliability.population.rewriting import of_each_cell, rewritten, worn_cells
from reliability.population.sampling import VARIABLE_ATTRS, addresses, card_of_cells
from reliability.technology import Technology
from reliability.units import outside

Floats = NDArray[np.floating]
PLACED = "placed"  # attribute of cells that lie in another order than on their chip
_OF_CYCLES = ("endurance", "wear")
Of = Callable[[str], Floats]
# Ages the conductances (S) of a block of cells: those, their states or targets, their defects,
# random numbers, pulses received (or None), reads for each read of the profile, and wear (or None).
Block = Callable[..., Floats]


def age(population: xr.Dataset, profile: MissionProfile) -> xr.Dataset:
    """Return the population after a mission, on top of what it has been through already.

    All phenomena that the card has are applied (`reliability.devices.path`). Cycles wear the cells
    and write them again (`reliability.devices.wear`), and what follows counts from the last write.

    Parameters
    ----------
    population : Dataset
        From `sample_population`, `sample_dies` or an earlier `age`. A variable ``reads``, if there
        is one, holds the reads of each cell for each read of the profile (per inference, say), a
        variable ``cycles`` likewise its cycles.
    profile : MissionProfile

    Returns
    -------
    Dataset
        The same cells, ``conductance`` (S) at the end of the mission. Conditions outside a model's
        valid range raise a warning that is also kept in ``attrs["warnings"]``. After cycles
        ``programmed`` is what the last write left, ``defect`` has the cells that failed for good,
        and ``attrs["wear_not_modelled"]`` lists the links of wear that the card does not state.

    Raises
    ------
    InputError
        Not a population with its attributes and at least one cell, ``reads`` or ``cycles`` below 0,
        a write method that the card has no data for, or not a mission profile.

    Examples
    --------
    >>> import reliability as rel
    >>> pop = rel.sample_population(rel.load_technology("oxram-130nm"), cells=2000, seed=7)
    >>> old = age(pop, rel.MissionProfile.constant(time="10 years", temperature="85 degC"))
    >>> bool(old["conductance"].median() < pop["conductance"].median())
    True
    """
    technology = card_of_cells(population)
    expect(profile, MissionProfile, "profile", "a MissionProfile, as MissionProfile.constant gives")
    if PLACED in population.attrs:
        raise InputError(
            "population: got cells placed around faults, not in the order of their chip; age them "
            "with repaired_chips(profile=)"
        )
    history = MissionProfile([Segment(**s) for s in json.loads(population.attrs["mission"])])
    history = history + profile
    if isinstance(technology, MeasuredCells):
        return _at_measured(population, technology, history)
    is_target = "target" in population.coords
    state: NDArray[Any] = (
        population["target"].values if is_target else codes(population["state"].values)
    )
    present = {"target"} if is_target else {name for name, _ in states_in(state)}
    own = of_each_cell(population, "cycles")
    notes = out_of_range(technology, history, present, 1.0 if own is None else float(own.max()))
    for note in notes:
        warnings.warn(note, stacklevel=2)
    worn = None
    if history.cycles:
        worn = worn_cells(population, technology, history)
        population = rewritten(population, technology, history, worn)
    rows = population["programmed"].transpose(..., "cell")
    programmed = np.ascontiguousarray(rows.values).reshape(-1, rows.sizes["cell"])

    defect, pulses, reads = (of_each_cell(population, n) for n in ("defect", "pulses", "reads"))
    assert defect is not None  # of every population
    address, seed = addresses(population), int(population.attrs["seed"])
    make = _after_targets if is_target else _after_states
    after = make(technology, history.since_last_write, worn)
    aged = np.empty_like(programmed)

    def work(chip: int, block: slice) -> None:
        # in double precision whatever the dtype: exponents of 30 lose digits in single
        deviates = Deviates(seed, address[chip], block, np.float64)
        count = None if pulses is None else pulses[chip, block]
        each = 1.0 if reads is None else reads[chip, block]
        g = programmed[chip, block].astype(np.float64, copy=False)
        cells = g, state[block], defect[chip, block]
        x = None if worn is None else worn.x[chip, block]
        aged[chip, block] = after(*cells, deviates, count, each, x)

    for_blocks(work, *programmed.shape)
    out = population.assign(
        conductance=(rows.dims, aged.reshape(rows.shape), VARIABLE_ATTRS["conductance"])
    )
    out.attrs = population.attrs | {
        "mission": json.dumps([vars(segment) for segment in history.segments]),
        "warnings": sorted(set(population.attrs.get("warnings", [])) | set(notes)),
    }
    if worn is not None:
        out.attrs["wear_not_modelled"] = wear.not_modelled(technology)
    return out


def _at_measured(
    population: xr.Dataset, cells: MeasuredCells, history: MissionProfile
) -> xr.Dataset:
    """Return a population of measured cells at conditions that were measured."""
    rows = population["conductance"].transpose(..., "cell")
    state = population["target" if "target" in population.coords else "state"].values
    at = cells.place(history)
    g = cells.conductance(addresses(population), state, int(population.attrs["seed"]), at)
    aged = g.reshape(rows.shape).astype(rows.dtype)
    out = population.assign(conductance=(rows.dims, aged, VARIABLE_ATTRS["conductance"]))
    return out.assign_attrs(mission=json.dumps([vars(segment) for segment in history.segments]))


def _after_targets(technology: Technology, history: MissionProfile, worn: Worn | None) -> Block:
    """Return what ages cells programmed to levels; defective ones stay as they are."""
    path_of_targets = path.target_path(technology, history)

    def after(g, target, wrong, deviates, pulses, reads, x):  # type: ignore[no-untyped-def]
        target = target[:1] if target.strides == (0,) else target  # one for all cells
        of = deviates if worn is None else worn.renewed(deviates, x)
        out = path_of_targets(g, target, of, reads, x)
        return np.where(wrong > 0, g, out) if wrong.any() else out

    return after


def _after_states(technology: Technology, history: MissionProfile, worn: Worn | None) -> Block:
    """Return what ages cells in LRS and HRS; stuck cells age as what they are stuck in."""
    path_of = cache(lambda name: path.state_path(technology, name, history))

    def after(g, state, wrong, deviates, pulses, reads, x):  # type: ignore[no-untyped-def]
        def aged(name: str, pick: Pick) -> Floats:
            count = None if pulses is None else pulses[pick]
            each = reads if np.ndim(reads) == 0 else reads[pick]
            own = None if x is None else x[pick]
            of = deviates.of(pick)
            of = of if worn is None or own is None else worn.renewed(of, own)
            return path_of(name)(g[pick], after_last_pulse(of, count), each, own)

        out = np.empty_like(g)
        for name, pick in states_in(state):
            out[pick] = aged(name, pick)
        for kind, cells in defects_in(wrong):  # unformed cells do not age
            out[cells] = aged(STUCK[kind], cells) if kind in STUCK else g[cells]
        return out

    return after


def out_of_range(
    technology: Technology, profile: MissionProfile, states: set[str], most: float = 1.0
) -> list[str]:
    """Return one line for each condition that leaves the valid range of a model that is applied.

    Parameters
    ----------
    technology : Technology
    profile : MissionProfile
    states : set of str
        ``"LRS"``, ``"HRS"`` or ``"target"``: what the cells are in.
    most : float
        Cycles of the most cycled cell for each cycle of the profile.
    """
    notes = []
    for name, ends in technology.valid.items():
        section, _, condition = name.rpartition(".")
        phenomenon, _, state = section.partition(".")
        if phenomenon not in (*path.PHENOMENA, *_OF_CYCLES) or (state and state not in states):
            continue
        if phenomenon in _OF_CYCLES and not profile.cycles:
            continue
        acts = {"read_disturb": "reads", **dict.fromkeys(_OF_CYCLES, "cycles")}
        counted = acts.get(phenomenon, "time")
        segments = [s for s in profile.segments if getattr(s, counted) > 0]
        unit = {"temperature": "K", "voltage": "V", "time": "s"}.get(condition, "")
        found = {
            "temperature": [s.temperature for s in segments],
            "voltage": [abs(s.read_voltage) for s in segments],
            "time": [profile.duration],
            "cycles": [profile.cycles * most],
        }.get(condition, [])
        notes += outside(f"{section}: {condition}", found, ends, unit)
    return notes
