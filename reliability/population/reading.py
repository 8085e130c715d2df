"""One read of every cell of a population: at the temperature of the read, with the cell's noise.

What `reliability.population.age` returns is what the cells are; this is what an instrument or an
inference sees of them. A trap belongs to its cell, like all its random numbers; whether it is
filled, and white and 1/f noise, belong to the read.
"""

import json
import warnings
from collections.abc import Callable

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.devices.conduction import TEMPERATURES, Conduction, at_temperature
from reliability.devices.drift import Drift, read_factor
from reliability.devices.noise import Noise
from reliability.devices.noise import read as noisy
from reliability.devices.wear import Wear
from reliability.errors import InputError, whole_number
from reliability.mission import MissionProfile, Segment
from reliability.population.blocks import Deviates, for_blocks
from reliability.population.measured import MeasuredCells
from reliability.population.programmed import codes, states_in
from reliability.population.rewriting import worn_cells
from reliability.population.sampling import addresses, card_of_cells
from reliability.technology import Technology
from reliability.units import kelvin, outside, quantity

Floats = NDArray[np.floating]


def read_cells(
    population: xr.Dataset,
    *,
    temperature: float | str | None = None,
    time: float | str = 1.0,
    read: int = 0,
    overwrite: bool = False,
) -> xr.Dataset:
    """Return what one read of every cell gives.

    Parameters
    ----------
    population : Dataset
        From `reliability.sample_population`, `reliability.sample_dies` or `reliability.age`.
    temperature : float or str, optional
        Of the read, K or text with a unit; by default the one at which the card states its
        conductances. LRS and HRS follow `reliability.devices.conduction`, levels of PCM the
        barrier of `reliability.devices.drift.read_factor`; a card that says nothing of it gives a
        warning and the same conductance.
    time : float or str
        Since the cells were last known, s: 1/f noise has grown in log time since then.
    read : int
        Number of the read: each has noise of its own, the same one whenever it is asked for.
    overwrite : bool
        Let what is read take the place of the population's conductances in memory.

    Returns
    -------
    Dataset
        The same cells, ``conductance`` (S) as it is read; ``attrs["read"]`` says how. Ageing it
        goes on from the cells, not from what was read.

    Raises
    ------
    InputError
        A temperature or time that cannot be, or measured cells, which are reads already.

    Warns
    -----
    UserWarning
        A card that does not say what the temperature does, or a temperature outside the range in
        which the model of the conduction holds; it is also kept in ``attrs["warnings"]``.

    Examples
    --------
    >>> import reliability as rel
    >>> cells = rel.sample_population(rel.load_technology("oxram-130nm"), state="HRS", seed=7)
    >>> hot = read_cells(cells, temperature="85 degC")
    >>> bool(hot["conductance"].median() > cells["conductance"].median())
    True
    """
    technology = card_of_cells(population)
    if isinstance(technology, MeasuredCells):
        raise InputError(
            f"population: measured cells of {technology.name} are reads already, with their noise"
        )
    at = None if temperature is None else kelvin(temperature)
    seconds = quantity(time, "s", "time", low=0.0)
    whole_number(read, "read")
    is_target = "target" in population.coords
    state = population["target"].values if is_target else codes(population["state"].values)
    rows = population["conductance"].transpose(..., "cell")
    g = np.ascontiguousarray(rows.values).reshape(-1, rows.sizes["cell"])
    address, seed = addresses(population), int(population.attrs["seed"])
    # what the cells were programmed to is never written over
    kept = "programmed" in population and np.shares_memory(g, population["programmed"].values)
    out = g if overwrite and not kept else np.empty_like(g)
    notes: list[str] = []
    warm = None if at is None else _temperature_of_read(technology, at, is_target, notes)
    noise = Noise.from_technology(technology) if "noise" in technology.models else None
    amplitude = _worn_noise(population, technology) if noise is not None else None

    def work(chip: int, block: slice) -> None:
        now = g[chip, block]
        if warm is not None:
            now = warm(now, state[block])
        if noise is not None:
            deviates = Deviates(seed, address[chip], block, g.dtype)
            uniform = None
            if noise.telegraph_fraction > 0:
                trap = deviates.sixteenths("noise.trap", 4)
                uniform = [*trap, deviates.uniform(f"noise.trap/read {read}")]
            quiet = now
            now = noisy(noise, now, seconds, deviates(f"noise/read {read}"), uniform)
            if amplitude is not None:
                now = quiet * (now / quiet) ** amplitude[chip, block].astype(g.dtype)
        out[chip, block] = now

    for_blocks(work, *g.shape)
    for note in notes:
        warnings.warn(note, stacklevel=2)
    result = population.assign(conductance=(rows.dims, out.reshape(rows.shape), rows.attrs))
    how = {"temperature": at, "time": seconds, "read": int(read)}
    known = set(population.attrs.get("warnings", []))
    result.attrs = population.attrs | {
        "read": json.dumps(how), "warnings": sorted(known | set(notes))
    }  # fmt: skip
    return result


def _worn_noise(population: xr.Dataset, technology: Technology) -> Floats | None:
    """Return the factor on ln of the noise of worn cells, None where it is 1."""
    history = MissionProfile([Segment(**s) for s in json.loads(population.attrs["mission"])])
    if not history.cycles or not (exponent := technology.get("wear.noise", 0.0)):
        return None
    link = Wear(technology["wear.onset"])
    return link.growth(exponent, worn_cells(population, technology, history).x)


def _temperature_of_read(
    technology: Technology, at: float, is_target: bool, notes: list[str]
) -> Callable[[Floats, NDArray], Floats] | None:
    """Return what a read at a temperature makes of conductances and their states or targets."""
    if is_target and "drift.conduction_energy" in technology:
        barrier = Drift.from_technology(technology)
        return lambda g, target: g * read_factor(barrier, target, at).astype(g.dtype)
    if not is_target and "conduction" in technology.models:
        ends = technology.valid.get("conduction.temperature", TEMPERATURES)
        notes += outside("conduction: temperature", [at], ends, "K")
        models = {name: Conduction.from_technology(technology, name) for name in ("LRS", "HRS")}

        def of_states(g: Floats, state: NDArray) -> Floats:
            out = np.empty_like(g)
            for name, pick in states_in(state):
                out[pick] = at_temperature(models[name], g[pick], at)
            return out

        return of_states
    notes.append(f"{technology.name} does not say how conductance depends on the read temperature")
    return None
