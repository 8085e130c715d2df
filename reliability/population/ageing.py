"""Populations of cells: sample wafers, dies and cells as programmed, then age them by a mission.

A cell has one path. What is random in it is drawn from streams keyed by (seed, phenomenon, wafer,
die, chip), so `age` looks the latents up again instead of carrying them, and always computes from
the programmed conductance and the whole history: ageing in two steps equals ageing in one. Cells
are worked on in blocks with streams of their own, so that time and memory stay low and nothing
depends on what is computed together.
"""

import json
import warnings
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import DTypeLike, NDArray

from reliability.devices import path
from reliability.devices.verify import Verify, after_last_pulse
from reliability.errors import InputError, expect
from reliability.mission import MissionProfile, Segment
from reliability.population.blocks import Scores, for_blocks
from reliability.population.programmed import (
    DEFECTS,
    STUCK,
    Pick,
    State,
    codes,
    defects_in,
    program,
    states_in,
)
from reliability.population.wafer import die_sites
from reliability.technology import Technology, expect_technology
from reliability.units import outside
from reliability.version import __version__


def sample_population(
    technology: Technology,
    *,
    wafers: int = 1,
    dies: int = 1,
    chips: int | None = None,
    cells: int = 1000,
    state: State = "LRS",
    verify: Verify | None = None,
    seed: int = 0,
    lot: int = 0,
    first_wafer: int = 0,
    dtype: DTypeLike = np.float64,
) -> xr.Dataset:
    """Sample cells as programmed.

    Parameters
    ----------
    technology : Technology
    wafers, dies, cells : int
        Wafers of the lot, dies per wafer, cells per chip.
    chips : int, optional
        Chips per die; by default a die carries one and the Dataset has no dimension ``chip``.
    state : str, float, or a sequence of either
        For all cells or for each cell of a chip: ``"LRS"`` or ``"HRS"``, or a target conductance
        (in siemens, as text with a unit, or as a fraction of G_max, see
        `reliability.devices.target.levels`) for a card with levels.
    verify : Verify, optional
        Program the two states with verify (`reliability.devices.verify`) instead of by one pulse.
    seed : int
    lot : int
        Lots differ by their own effect.
    first_wafer : int
        Number of the first of the wafers in the lot.
    dtype : float32 or float64

    Returns
    -------
    Dataset
        ``conductance`` and ``programmed`` (S), ``defect`` (its ``flag_meanings`` by index), with
        verify ``pulses`` received and ``passed``; dimensions (wafer, die, [chip,] cell);
        coordinates ``lot``, ``x``, ``y``, ``radius`` (mm), and ``state`` or ``target`` (S).

    Raises
    ------
    InputError
        A size below 1, an unknown state, a target that is negative or above G_max, more dies than
        the wafer holds.

    Examples
    --------
    >>> import reliability as rel
    >>> tech = rel.load_technology("oxram-130nm")
    >>> pop = sample_population(tech, wafers=2, dies=8, cells=1000, state="LRS", seed=7)
    >>> pop["conductance"].dims, pop["conductance"].attrs["units"]
    (('wafer', 'die', 'cell'), 'S')
    >>> pcm = sample_population(rel.load_technology("pcm-mushroom"), cells=1000, state=0.5, seed=7)
    >>> round(float(pcm["conductance"].mean() * 1e6), 1)
    12.5
    """
    expect_technology(technology)
    if verify is not None:
        expect(verify, Verify, "verify", "a Verify")
    if np.dtype(dtype) not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise InputError(f"dtype: got {np.dtype(dtype)}, allowed: float32, float64")
    sizes = {"wafers": wafers, "dies": dies, "chips": 1 if chips is None else chips, "cells": cells}
    for name, size in sizes.items():
        if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 1:
            raise InputError(f"{name}: got {size!r}, expected an integer of 1 or more")
    if first_wafer < 0:
        raise InputError(f"first_wafer: got {first_wafer!r}, allowed 0 or more")
    sites = die_sites(technology)
    if dies > len(sites):
        raise InputError(
            f"dies: got {dies}, allowed 1 to {len(sites)} on a wafer of this technology"
        )
    dims: tuple[str, ...] = ("wafer", "die", "cell")
    shape: tuple[int, ...] = (wafers, dies, cells)
    if chips is not None:
        dims, shape = ("wafer", "die", "chip", "cell"), (wafers, dies, chips, cells)
    address = np.stack(np.unravel_index(np.arange(int(np.prod(shape[:-1]))), shape[:-1]), axis=-1)
    address[:, 0] += first_wafer
    if chips is None:
        address = np.column_stack([address, np.zeros(len(address), int)])
    made = program(
        technology, address, state, cells, verify=verify, seed=seed, lot=lot, dtype=dtype
    )
    x, y = sites[:dies].T * 1e3
    return xr.Dataset(
        {
            name: (dims, array.reshape(shape), _ATTRS[name])
            for name, array in made.variables.items()
        },
        coords={
            "wafer": first_wafer + np.arange(wafers),
            "lot": ("wafer", np.full(wafers, lot)),
            "die": np.arange(dies),
            **_site_coordinates("die", x, y),
            **({} if chips is None else {"chip": np.arange(chips)}),
            **made.coordinate,
        },
        attrs=_provenance(technology, seed, verify, made.warnings),
    )


def sample_dies(
    technology: Technology,
    *,
    state: Sequence[str] | Sequence[float] | NDArray[Any],
    count: int,
    first: int = 0,
    dies_per_wafer: int = 25,
    verify: Verify | None = None,
    seed: int = 0,
    lot: int = 0,
    dtype: DTypeLike = np.float32,
) -> xr.Dataset:
    """Sample chips ``first`` to ``first + count`` of a lot, as one flat dimension ``chip``.

    Chip k lies on wafer ``k // dies_per_wafer``, die ``k % dies_per_wafer``, and is the same chip
    as `sample_population` makes there.

    Examples
    --------
    >>> import reliability as rel
    >>> tech = rel.load_technology("oxram-130nm")
    >>> lot = sample_dies(tech, state=["LRS", "HRS"], count=30, seed=7)
    >>> int(lot["wafer"][-1]), int(lot["die"][-1])
    (1, 4)
    """
    sites = die_sites(technology)
    if not 1 <= dies_per_wafer <= len(sites):
        raise InputError(f"dies_per_wafer: got {dies_per_wafer}, allowed 1 to {len(sites)}")
    chip = np.arange(first, first + count)
    wafer, die = np.divmod(chip, dies_per_wafer)
    address = np.column_stack([wafer, die, np.zeros_like(die)])
    made = program(
        technology, address, state, len(state), verify=verify, seed=seed, lot=lot, dtype=dtype
    )
    x, y = sites[die].T * 1e3
    return xr.Dataset(
        {name: (("chip", "cell"), array, _ATTRS[name]) for name, array in made.variables.items()},
        coords={
            "chip": chip,
            "wafer": ("chip", wafer),
            "die": ("chip", die),
            "lot": ("chip", np.full(count, lot)),
            **_site_coordinates("chip", x, y),
            **made.coordinate,
        },
        attrs=_provenance(technology, seed, verify, made.warnings),
    )


def card_of_cells(population: xr.Dataset) -> Technology:
    """Return the card that a population was sampled from.

    Raises
    ------
    InputError
        Not a population, an empty one, or one that lost its variables or attributes.
    """
    whole = "a population, as sample_population gives it (with its attributes and 'conductance')"
    expect(population, xr.Dataset, "population", whole)
    if "technology_card" not in population.attrs or "conductance" not in population:
        raise InputError(f"population: got a Dataset of other things, expected {whole}")
    if not population["conductance"].size:
        raise InputError("population: got no cell, at least one is required")
    return Technology.from_json(population.attrs["technology_card"])


def age(population: xr.Dataset, profile: MissionProfile) -> xr.Dataset:
    """Return the population after a mission, on top of what it has been through already.

    All phenomena that the card has are applied (`reliability.devices.path`).

    Parameters
    ----------
    population : Dataset
        From `sample_population`, `sample_dies` or an earlier `age`. A variable ``reads``, if there
        is one, holds the reads of each cell for each read of the profile (per inference, say).
    profile : MissionProfile

    Returns
    -------
    Dataset
        The same cells, ``conductance`` (S) at the end of the mission. Conditions outside a model's
        valid range raise a warning that is also kept in ``attrs["warnings"]``.

    Raises
    ------
    InputError
        Not a population with its attributes and at least one cell, ``reads`` below 0, or not a
        mission profile.

    Examples
    --------
    >>> import reliability as rel
    >>> pop = sample_population(rel.load_technology("oxram-130nm"), cells=2000, seed=7)
    >>> old = age(pop, rel.MissionProfile.constant(time="10 years", temperature="85 degC"))
    >>> bool(old["conductance"].median() < pop["conductance"].median())
    True
    """
    technology = card_of_cells(population)
    expect(profile, MissionProfile, "profile", "a MissionProfile, as MissionProfile.constant gives")
    history = MissionProfile([Segment(**s) for s in json.loads(population.attrs["mission"])])
    history = history + profile
    is_target = "target" in population.coords
    state: NDArray[Any] = (
        population["target"].values if is_target else codes(population["state"].values)
    )
    present = {"target"} if is_target else {name for name, _ in states_in(state)}
    notes = out_of_range(technology, history, present)
    for note in notes:
        warnings.warn(note, stacklevel=2)
    rows = population["programmed"].transpose(..., "cell")
    programmed = np.ascontiguousarray(rows.values).reshape(-1, rows.sizes["cell"])
    shape = programmed.shape
    defect = population["defect"].transpose(*rows.dims).values.reshape(shape)
    pulses = None
    if "pulses" in population:
        pulses = population["pulses"].transpose(*rows.dims).values.reshape(shape)
    reads = None
    if "reads" in population:
        given = population["reads"]
        if not (given >= 0).all():
            raise InputError(f"reads: got {float(given.min()):g} or NaN, allowed 0 or more")
        reads = given.broadcast_like(rows).transpose(*rows.dims).values.reshape(shape)
    address, seed = addresses(population), int(population.attrs["seed"])
    aged = np.empty_like(programmed)

    path_of = cache(lambda name: path.state_path(technology, name, history))
    path_of_targets = path.target_path(technology, history) if is_target else None

    def after(
        name: str, g: NDArray[np.floating], scores: Scores, chip: int, block: slice, pick: Pick
    ) -> NDArray[np.floating]:
        count = None if pulses is None else pulses[chip, block][pick]
        latents = after_last_pulse(scores.of(pick), count)
        each = 1.0 if reads is None else reads[chip, block][pick]
        return path_of(name)(g[pick], latents, each)

    def work(chip: int, block: slice) -> None:
        scores = Scores(seed, address[chip], block, programmed.dtype)
        g, wrong, out = (array[chip, block] for array in (programmed, defect, aged))
        if path_of_targets is not None:
            each = 1.0 if reads is None else reads[chip, block]
            target = state[block]
            target = target[:1] if target.strides == (0,) else target  # one for all cells
            out[:] = path_of_targets(g, target, scores, each)
            if wrong.any():
                out[wrong > 0] = g[wrong > 0]
            return
        for name, pick in states_in(state[block]):
            out[pick] = after(name, g, scores, chip, block, pick)
        for kind, cells in defects_in(wrong):
            # unformed cells do not age
            stuck = kind in STUCK
            out[cells] = after(STUCK[kind], g, scores, chip, block, cells) if stuck else g[cells]

    for_blocks(work, *shape)
    out = population.assign(
        conductance=(rows.dims, aged.reshape(rows.shape), _ATTRS["conductance"])
    )
    out.attrs = population.attrs | {
        "mission": json.dumps([vars(segment) for segment in history.segments]),
        "warnings": sorted(set(population.attrs.get("warnings", [])) | set(notes)),
    }
    return out


def addresses(population: xr.Dataset) -> NDArray[np.int64]:
    """Return (wafer, die, chip) of every chip, shape (chips, 3), leading dimensions flattened."""
    lead = [dim for dim in population["conductance"].dims if dim != "cell"]
    shape = [population.sizes[dim] for dim in lead]
    chips_of_a_die = {"wafer", "die", "chip"} <= set(lead)
    out = np.zeros((*shape, 3), dtype=np.int64)
    for k, name in enumerate(("wafer", "die", "chip") if chips_of_a_die else ("wafer", "die")):
        column = population[name]
        own = [dim for dim in lead if dim in column.dims]
        along = tuple(slice(None) if dim in own else np.newaxis for dim in lead)
        out[..., k] = column.transpose(*own).values[along]
    return out.reshape(-1, 3)


_ATTRS: dict[str, dict[str, Any]] = {
    "conductance": {"units": "S", "long_name": "conductance at the read voltage"},
    "programmed": {"units": "S", "long_name": "conductance as programmed"},
    "defect": {"units": "1", "long_name": "defect", "flag_meanings": " ".join(DEFECTS)},
    "pulses": {"units": "1", "long_name": "programming pulses received"},
    "passed": {"units": "1", "long_name": "passed the verify"},
}


def _site_coordinates(dim: str, x: NDArray, y: NDArray) -> dict[str, Any]:
    mm = {"units": "mm"}
    return {"x": (dim, x, mm), "y": (dim, y, mm), "radius": (dim, np.hypot(x, y), mm)}


def _provenance(
    technology: Technology, seed: int, algorithm: Verify | None, notes: list[str]
) -> dict[str, Any]:
    return {
        "seed": int(seed),
        "technology": technology.name,
        "technology_card": technology.to_json(),
        "spec_hash": "",  # a study fills it in
        "reliability_version": __version__,
        "mission": "[]",
        "warnings": notes,
        **({} if algorithm is None else {"verify": json.dumps(vars(algorithm))}),
    }


def out_of_range(technology: Technology, profile: MissionProfile, states: set[str]) -> list[str]:
    """Return one line for each condition that leaves the valid range of a model that is applied.

    Parameters
    ----------
    technology : Technology
    profile : MissionProfile
    states : set of str
        ``"LRS"``, ``"HRS"`` or ``"target"``: what the cells are in.
    """
    notes = []
    for name, ends in technology.valid.items():
        section, _, condition = name.rpartition(".")
        phenomenon, _, state = section.partition(".")
        if phenomenon not in path.PHENOMENA or (state and state not in states):
            continue
        read = phenomenon == "read_disturb"
        segments = [s for s in profile.segments if (s.reads if read else s.time) > 0]
        unit = {"temperature": "K", "voltage": "V", "time": "s"}.get(condition, "")
        found = {
            "temperature": [s.temperature for s in segments],
            "voltage": [abs(s.read_voltage) for s in segments],
            "time": [profile.duration],
        }.get(condition, [])
        notes += outside(f"{section}: {condition}", found, ends, unit)
    return notes
