"""Populations of cells: sample wafers, dies and cells as programmed, then age them by a mission.

A cell has one path. What is random in it is drawn from streams keyed by (seed, phenomenon, wafer,
die, chip), so `age` looks the latents up again instead of carrying them, and always computes from
the programmed conductance and the whole history: ageing in two steps equals ageing in one.
"""

import json
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import DTypeLike, NDArray

from reliability import __version__
from reliability.devices import programming, relaxation, retention
from reliability.devices.programming import STATES, Programming
from reliability.errors import InputError, unknown_name
from reliability.mission import MissionProfile, Segment
from reliability.random import draw, stream
from reliability.technology import Technology
from reliability.units import engineering

# What is wrong with a cell, in the order in which one uniform number decides it.
DEFECTS = ("none", "unformed", "stuck_lrs", "stuck_hrs")


def die_sites(technology: Technology) -> NDArray[np.float64]:
    """Return the die positions of a wafer, in the order in which dies are taken.

    The order is a fixed shuffle: any number of dies covers the wafer evenly, and die k stays where
    it is when more are asked for.

    Returns
    -------
    ndarray, shape (sites, 2)
        x and y of the die centres from the wafer centre, m.

    Examples
    --------
    >>> import reliability as rel
    >>> sites = die_sites(rel.load_technology("oxram-130nm"))
    >>> bool(np.hypot(*sites.T).max() < 0.1)  # inside a 200 mm wafer
    True
    """
    width, height = technology["wafer.die_width"], technology["wafer.die_height"]
    limit = technology["wafer.diameter"] / 2 - technology["wafer.edge_exclusion"]
    nx, ny = int(limit / width) + 1, int(limit / height) + 1
    x, y = np.meshgrid(np.arange(-nx, nx + 1) * width, np.arange(-ny, ny + 1) * height)
    inside = np.hypot(np.abs(x) + width / 2, np.abs(y) + height / 2) <= limit
    sites = np.column_stack([x[inside], y[inside]])
    return sites[stream(0, "die order").permutation(len(sites))]


def sample_population(
    technology: Technology,
    *,
    wafers: int = 1,
    dies: int = 1,
    chips: int | None = None,
    cells: int = 1000,
    state: str | Sequence[str] = "LRS",
    seed: int = 0,
    lot: int = 0,
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
    state : str or sequence of str
        ``"LRS"`` or ``"HRS"``, for all cells or for each cell of a chip.
    seed : int
    lot : int
        Lots differ by their own effect.
    dtype : float32 or float64

    Returns
    -------
    Dataset
        ``conductance`` and ``programmed`` (S), ``defect`` (index into ``DEFECTS``), dimensions
        (wafer, die, [chip,] cell); coordinates ``lot``, ``x``, ``y``, ``radius`` (mm), ``state``.

    Raises
    ------
    InputError
        A size below 1, an unknown state, more dies than the wafer holds.

    Examples
    --------
    >>> import reliability as rel
    >>> tech = rel.load_technology("oxram-130nm")
    >>> pop = sample_population(tech, wafers=2, dies=8, cells=1000, state="LRS", seed=7)
    >>> pop["conductance"].dims, pop["conductance"].attrs["units"]
    (('wafer', 'die', 'cell'), 'S')
    """
    sizes = {"wafers": wafers, "dies": dies, "chips": 1 if chips is None else chips, "cells": cells}
    for name, size in sizes.items():
        if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 1:
            raise InputError(f"{name}: got {size!r}, expected an integer of 1 or more")
    names = [state] * cells if isinstance(state, str) else list(state)
    if len(names) != cells:
        raise InputError(f"state: got {len(names)} states for {cells} cells")
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
    if chips is None:
        address = np.column_stack([address, np.zeros(len(address), int)])
    flat = _program(technology, address, _codes(names), seed=seed, lot=lot, dtype=dtype)
    x, y = sites[:dies].T * 1e3
    return xr.Dataset(
        {name: (dims, array.reshape(shape), _ATTRS[name]) for name, array in flat.items()},
        coords={
            "wafer": np.arange(wafers),
            "lot": ("wafer", np.full(wafers, lot)),
            "die": np.arange(dies),
            **_site_coordinates("die", x, y),
            **({} if chips is None else {"chip": np.arange(chips)}),
            "state": ("cell", np.array(names)),
        },
        attrs=_provenance(technology, seed),
    )


def sample_dies(
    technology: Technology,
    *,
    state: Sequence[str],
    count: int,
    first: int = 0,
    dies_per_wafer: int = 25,
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
    flat = _program(technology, address, _codes(list(state)), seed=seed, lot=lot, dtype=dtype)
    x, y = sites[die].T * 1e3
    return xr.Dataset(
        {name: (("chip", "cell"), array, _ATTRS[name]) for name, array in flat.items()},
        coords={
            "chip": chip,
            "wafer": ("chip", wafer),
            "die": ("chip", die),
            "lot": ("chip", np.full(count, lot)),
            **_site_coordinates("chip", x, y),
            "state": ("cell", np.array(state)),
        },
        attrs=_provenance(technology, seed),
    )


def age(population: xr.Dataset, profile: MissionProfile) -> xr.Dataset:
    """Return the population after a mission, on top of what it has been through already.

    Parameters
    ----------
    population : Dataset
        From `sample_population`, `sample_dies` or an earlier `age`.
    profile : MissionProfile

    Returns
    -------
    Dataset
        The same cells, ``conductance`` (S) at the end of the mission. Conditions outside a model's
        valid range raise a warning that is also kept in ``attrs["warnings"]``.

    Examples
    --------
    >>> import reliability as rel
    >>> pop = sample_population(rel.load_technology("oxram-130nm"), cells=2000, seed=7)
    >>> old = age(pop, rel.MissionProfile.constant(time="10 years", temperature="85 degC"))
    >>> bool(old["conductance"].median() < pop["conductance"].median())
    True
    """
    technology = Technology.from_json(population.attrs["technology_card"])
    history = MissionProfile([Segment(**s) for s in json.loads(population.attrs["mission"])])
    history = history + profile
    notes = _out_of_range(technology, history)
    for note in notes:
        warnings.warn(note, stacklevel=2)
    rows = population["programmed"].transpose(..., "cell")
    programmed = np.ascontiguousarray(rows.values).reshape(-1, rows.sizes["cell"])
    defect = population["defect"].transpose(*rows.dims).values.reshape(programmed.shape)
    address = addresses(population)
    seed = int(population.attrs["seed"])
    z_relaxation, z_retention = (
        draw(seed, phenomenon, address, programmed.shape[1], dtype=programmed.dtype)
        for phenomenon in ("relaxation", "retention")
    )

    in_state = _effective_state(_codes(list(population["state"].values)), defect)
    aged = programmed.copy()  # unformed cells do not age
    for code, name in enumerate(STATES):
        cells = in_state == code
        if not cells.any():
            continue
        g = relaxation.conductance(
            relaxation.Relaxation.from_technology(technology, name),
            programmed[cells],
            history.duration,
            z_relaxation[cells],
        )
        aged[cells] = retention.conductance(
            retention.Retention.from_technology(technology, name),
            g,
            history.times,
            history.temperatures,
            z_retention[cells],
        )
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
    lead = population["conductance"].transpose(..., "cell").isel(cell=0, drop=True)
    columns = [population[name].broadcast_like(lead) for name in ("wafer", "die")]
    on_die = {"wafer", "die", "chip"} <= set(lead.dims)
    columns.append(population["chip"].broadcast_like(lead) if on_die else xr.zeros_like(columns[0]))
    ordered = [column.transpose(*lead.dims).values.ravel() for column in columns]
    return np.stack(ordered, axis=-1).astype(np.int64)


_ATTRS: dict[str, dict[str, Any]] = {
    "conductance": {"units": "S", "long_name": "conductance at the read voltage"},
    "programmed": {"units": "S", "long_name": "conductance as programmed"},
    "defect": {"units": "1", "long_name": "defect", "flag_meanings": " ".join(DEFECTS)},
}


def _codes(states: list[str]) -> NDArray[np.uint8]:
    """Index into STATES of each cell."""
    known = {name: code for code, name in enumerate(STATES)}
    try:
        return np.array([known[str(name)] for name in states], dtype=np.uint8)
    except KeyError as error:
        raise unknown_name("state", str(error.args[0]), STATES) from None


def _program(
    technology: Technology,
    address: NDArray[np.integer],
    state: NDArray[np.uint8],
    *,
    seed: int,
    lot: int,
    dtype: DTypeLike,
) -> dict[str, NDArray]:
    """Conductance and defects of all cells (chips, cells) as programmed."""
    shape = (len(address), len(state))
    z_cell, z_cycle = (
        draw(seed, f"programming.{level}", address, shape[1], dtype=dtype)
        for level in ("cell", "cycle")
    )
    defect = _defects(technology, address, shape[1], seed)
    in_state = _effective_state(state, defect)
    out = np.empty(shape, dtype=dtype)
    for code, name in enumerate(STATES):
        cells = in_state == code
        if not cells.any():
            continue
        law = Programming.from_technology(technology, name)
        chip_level = _chip_deviation(law, technology, name, address, seed, lot)
        kind = out.dtype.type
        deviation = kind(law.sigma_cell) * z_cell + kind(law.sigma_cycle) * z_cycle
        deviation += chip_level[:, None].astype(out.dtype)
        out[cells] = programming.conductance(law, deviation[cells])
    unformed = defect == DEFECTS.index("unformed")
    if unformed.any():
        out[unformed] = 1.0 / technology["defects.unformed_resistance"]
    return {"conductance": out, "programmed": out, "defect": defect}


def _chip_deviation(
    law: Programming,
    technology: Technology,
    state: str,
    address: NDArray[np.integer],
    seed: int,
    lot: int,
) -> NDArray[np.float64]:
    """What all cells of a chip share: lot, wafer, radial and die effects (chips,)."""

    def normal(level: str, *where: int) -> float:
        return float(stream(seed, f"programming.{state}.{level}", *where).standard_normal())

    wafers = {int(w): normal("wafer", int(w)) for w in np.unique(address[:, 0])}
    dies = {(int(w), int(d)): normal("die", int(w), int(d)) for w, d, _ in address}
    sites = die_sites(technology)
    edge = technology["wafer.diameter"] / 2
    relative = (np.hypot(*sites[address[:, 1]].T) / edge) ** 2 - 0.5
    return np.array(
        [
            law.sigma_lot * normal("lot", lot)
            + law.sigma_wafer * wafers[int(w)]
            + law.sigma_die * dies[int(w), int(d)]
            + law.radial * r
            for (w, d, _), r in zip(address, relative, strict=True)
        ]
    )


def _defects(
    technology: Technology, address: NDArray[np.integer], cells: int, seed: int
) -> NDArray[np.uint8]:
    rates = np.array([technology[f"defects.{name}"] for name in DEFECTS[1:]])
    if rates.sum() > 1:
        raise InputError(f"defects: rates add up to {rates.sum():g}, allowed 0 to 1")
    if not rates.any():
        return np.zeros((len(address), cells), dtype=np.uint8)
    u = draw(seed, "defects", address, cells, law="uniform", dtype=np.float32)
    # below the first sum: unformed, below the second: stuck in LRS, and so on
    kind = np.searchsorted(np.cumsum(rates), u, side="right") + 1
    return np.where(kind < len(DEFECTS), kind, 0).astype(np.uint8)


def _effective_state(state: NDArray[np.uint8], defect: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """State that each cell is really in; 255 for cells in none."""
    out = np.broadcast_to(state, defect.shape).copy()
    for name, code in (("stuck_lrs", 0), ("stuck_hrs", 1), ("unformed", 255)):
        out[defect == DEFECTS.index(name)] = code
    return out


def _site_coordinates(dim: str, x: NDArray, y: NDArray) -> dict[str, Any]:
    mm = {"units": "mm"}
    return {"x": (dim, x, mm), "y": (dim, y, mm), "radius": (dim, np.hypot(x, y), mm)}


def _provenance(technology: Technology, seed: int) -> dict[str, Any]:
    return {
        "seed": int(seed),
        "technology": technology.name,
        "technology_card": technology.to_json(),
        "spec_hash": "",  # a study fills it in
        "reliability_version": __version__,
        "mission": "[]",
        "warnings": [],
    }


def _out_of_range(technology: Technology, profile: MissionProfile) -> list[str]:
    """One line for each condition that leaves the valid range of a model."""
    notes = []
    for name, (low, high) in technology.valid.items():
        section, _, condition = name.rpartition(".")
        unit = {"temperature": "K", "voltage": "V", "time": "s"}.get(condition, "")
        values = {
            "temperature": [s.temperature for s in profile.segments if s.time > 0],
            "voltage": [abs(s.read_voltage) for s in profile.segments if s.reads > 0],
            "time": [profile.duration],
        }.get(condition, [])
        beyond = [value for value in values if not low <= value <= high]
        if beyond:
            notes.append(
                f"{section}: {condition} {engineering(beyond[0], unit)} is outside the valid range "
                f"{engineering(low, unit)} to {engineering(high, unit)}"
            )
    return notes
