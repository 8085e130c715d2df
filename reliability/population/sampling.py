"""Sampling of populations: wafers, dies and cells as programmed, as a Dataset.

What is random in a cell is drawn from streams keyed by (seed, phenomenon, lot, wafer, die, chip),
so that a cell is the same whoever samples it, with which others, and in which dtype.
"""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import DTypeLike, NDArray

from reliability.devices.verify import Verify
from reliability.errors import InputError, expect, whole_number
from reliability.population.measured import MeasuredCells, program_cells, technology_of
from reliability.population.programmed import DEFECTS, State
from reliability.population.wafer import die_sites
from reliability.technology import Technology
from reliability.version import __version__


def sample_population(
    technology: Technology | xr.Dataset,
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
    technology : Technology or Dataset
        A Dataset of `reliability.read_measurements`: its cells are resampled
        (`reliability.population.measured`).
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
        Number of the lot; its wafers and cells are others than those of another lot.
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
    technology = technology_of(technology)
    if verify is not None:
        expect(verify, Verify, "verify", "a Verify")
    if np.dtype(dtype) not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise InputError(f"dtype: got {np.dtype(dtype)}, allowed: float32, float64")
    sizes = {"wafers": wafers, "dies": dies, "chips": 1 if chips is None else chips, "cells": cells}
    for name, size in sizes.items():
        whole_number(size, name, low=1)
    whole_number(first_wafer, "first_wafer")
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
    address = np.column_stack([address, np.full(len(address), lot)])
    made = program_cells(technology, address, state, cells, verify=verify, seed=seed, dtype=dtype)
    x, y = sites[:dies].T * 1e3
    out = xr.Dataset(
        {
            name: (dims, array.reshape(shape), VARIABLE_ATTRS[name])
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
    return _with_cells(out, technology)


def sample_dies(
    technology: Technology | xr.Dataset,
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
    technology = technology_of(technology)
    sites = die_sites(technology)
    if not 1 <= dies_per_wafer <= len(sites):
        raise InputError(f"dies_per_wafer: got {dies_per_wafer}, allowed 1 to {len(sites)}")
    chip = np.arange(first, first + count)
    wafer, die = np.divmod(chip, dies_per_wafer)
    address = np.column_stack([wafer, die, np.zeros_like(die), np.full(count, lot)])
    made = program_cells(
        technology, address, state, len(state), verify=verify, seed=seed, dtype=dtype
    )
    x, y = sites[die].T * 1e3
    out = xr.Dataset(
        {
            name: (("chip", "cell"), array, VARIABLE_ATTRS[name])
            for name, array in made.variables.items()
        },
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
    return _with_cells(out, technology)


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
    if "measured" in population.attrs:
        return MeasuredCells.in_population(population)
    return Technology.from_json(population.attrs["technology_card"])


def addresses(population: xr.Dataset) -> NDArray[np.int64]:
    """Return (wafer, die, chip, lot) of every chip, shape (chips, 4), leading dimensions flat."""
    lead = [dim for dim in population["conductance"].dims if dim != "cell"]
    shape = [population.sizes[dim] for dim in lead]
    chips_of_a_die = {"wafer", "die", "chip"} <= set(lead)
    out = np.zeros((*shape, 4), dtype=np.int64)
    for k, name in enumerate(("wafer", "die", "chip", "lot")):
        if name == "chip" and not chips_of_a_die:
            continue
        column = population[name]
        own = [dim for dim in lead if dim in column.dims]
        along = tuple(slice(None) if dim in own else np.newaxis for dim in lead)
        out[..., k] = column.transpose(*own).values[along]
    return out.reshape(-1, 4)


VARIABLE_ATTRS: dict[str, dict[str, Any]] = {
    "conductance": {"units": "S", "long_name": "conductance at the read voltage"},
    "programmed": {"units": "S", "long_name": "conductance as programmed"},
    "defect": {"units": "1", "long_name": "defect", "flag_meanings": " ".join(DEFECTS)},
    "pulses": {"units": "1", "long_name": "programming pulses received"},
    "passed": {"units": "1", "long_name": "passed the verify"},
}


def _with_cells(population: xr.Dataset, technology: Technology) -> xr.Dataset:
    """Add the measured cells that a population was drawn from."""
    if not isinstance(technology, MeasuredCells):
        return population
    cells = technology.embedded()
    return population.assign(cells.variables).assign_attrs(
        measured=json.dumps(technology.data.attrs), **technology.source
    )


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
