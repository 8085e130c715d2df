"""Rewriting of populations: what the cells are after the cycles of a mission.

Cells keep what is theirs (their place in the lot, their own deviation, their barrier, their wear)
and are written again: what a write draws is drawn anew, as wide and as shifted as their wear makes
it. A cell whose cycles reach its hard failure sticks.
"""

import json
import math
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.devices import wear
from reliability.devices.endurance import Endurance, hard_failure
from reliability.devices.verify import Verify
from reliability.devices.write_methods import last_verify
from reliability.errors import InputError
from reliability.mission import MissionProfile
from reliability.population.programmed import DEFECTS, Worn, hierarchy, program
from reliability.population.sampling import VARIABLE_ATTRS, addresses
from reliability.population.window import best_reference
from reliability.random import draw
from reliability.technology import Technology

_STUCK = {name: DEFECTS.index(name) for name in ("stuck_lrs", "stuck_hrs")}


def of_each_cell(population: xr.Dataset, name: str) -> NDArray[Any] | None:
    """Return a variable of the cells, such as their reads, or None where there is none.

    Returns
    -------
    ndarray, shape (chips, cells), or None

    Raises
    ------
    InputError
        A value below 0 or not finite, or a dimension that the population does not have.
    """
    if name not in population:
        return None
    rows, given = population["programmed"].transpose(..., "cell"), population[name]
    if extra := [str(dim) for dim in given.dims if dim not in rows.dims]:
        raise InputError(
            f"{name}: got dimension {extra[0]!r}, allowed {', '.join(map(str, rows.dims))}"
        )
    bad = given.values[~((given.values >= 0) & np.isfinite(given.values))]
    if bad.size:
        raise InputError(f"{name}: got {bad[0]:g}, allowed finite numbers of 0 or more")
    values = given.broadcast_like(rows).transpose(*rows.dims).values
    return np.asarray(values).reshape(-1, rows.sizes["cell"])


def worn_cells(population: xr.Dataset, technology: Technology, history: MissionProfile) -> Worn:
    """Return the wear of the cells of a population after the cycles of a mission.

    Parameters
    ----------
    population : Dataset
        A variable ``cycles``, if there is one, has the cycles of each cell for each cycle of the
        mission.
    technology : Technology
    history : MissionProfile

    Raises
    ------
    InputError
        ``cycles`` below 0.
    """
    rows = population["programmed"].transpose(..., "cell")
    shape = (-1, rows.sizes["cell"])
    equivalent = wear.equivalent_cycles(technology, history)
    x = np.full(rows.shape, equivalent).reshape(shape)
    own = of_each_cell(population, "cycles")
    if own is not None:
        x *= own
    address, seed = addresses(population), int(population.attrs["seed"])
    x = wear.cell_cycles(technology, x, lambda name: draw(seed, name, address, x.shape[1]))
    stuck = np.zeros(x.shape, np.uint8)
    if "endurance" in technology.models:
        model = Endurance.from_technology(technology)
        until, in_lrs = (
            a.reshape(x.shape) for a in hard_failures(model, address, x.shape[1], seed)
        )
        kind = np.where(in_lrs, _STUCK["stuck_lrs"], _STUCK["stuck_hrs"])
        stuck = np.where(x >= until, kind, 0).astype(np.uint8)
    return Worn(history.cycles, x, stuck)


def rewritten(
    population: xr.Dataset, technology: Technology, history: MissionProfile, worn: Worn
) -> xr.Dataset:
    """Return the population as the last write of a mission leaves it.

    Parameters
    ----------
    population : Dataset
    technology : Technology
    history : MissionProfile
    worn : Worn
        From `worn_cells`.

    Raises
    ------
    InputError
        A write method that the card has no data for, or no states.
    """
    is_target = "target" in population.coords
    states = population["target" if is_target else "state"].values
    rows = population["programmed"].transpose(..., "cell")
    made = program(
        technology, addresses(population), states, rows.sizes["cell"],
        verify=_verify(population, technology, history, is_target), worn=worn,
        seed=int(population.attrs["seed"]), dtype=rows.dtype,
    )  # fmt: skip
    found = {
        name: (rows.dims, array.reshape(rows.shape), VARIABLE_ATTRS[name])
        for name, array in made.variables.items()
    }
    return population.drop_vars(["pulses", "passed"], errors="ignore").assign(found)


def hard_failures(
    model: Endurance, address: NDArray[np.int64], cells: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the equivalent cycles to hard failure of each cell (flat), and whether it is in LRS.

    Parameters
    ----------
    model : Endurance
    address : ndarray of int, shape (chips, 4)
    cells : int
        Of each chip.
    seed : int
    """
    deviation = hierarchy(model, "endurance", address, seed)
    u = draw(seed, "endurance.hard", address, cells, distribution="uniform")
    end = draw(seed, "endurance.stuck", address, cells, distribution="uniform") < model.stuck_lrs
    return hard_failure(model, u, deviation[:, None]).ravel(), end.ravel()


def _verify(
    population: xr.Dataset, technology: Technology, history: MissionProfile, is_target: bool
) -> Verify | None:
    """Return the verify of the last write: that of the mission, else that of the population."""
    name = next((s.write for s in reversed(history.segments) if s.cycles), None)
    if name is not None:
        reference = best_reference(technology) if technology.has_states else math.nan
        return last_verify(technology, name, reference)
    given = None if is_target else population.attrs.get("verify")
    return None if given is None else Verify(**json.loads(given))
