"""A chip that has learnt for a while, and then rests: its cells are worn and lose what they hold.

The cells that learning writes most are worn most (`reliability.devices.wear`), and worn cells relax
and retain as the card says of them. The weights learnt last are written to cells with the wear of
all runs before, and read after storage.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from xarray import DataArray

from reliability.architecture.learning.on_chip_training import RULES, Training, accuracy_of
from reliability.architecture.learning.stdp import Stdp
from reliability.devices.target import Target
from reliability.devices.verify import Verify
from reliability.errors import InputError
from reliability.mission import MissionProfile, Segment
from reliability.network.conductances import idle_conductance, in_series, state_difference
from reliability.population import age
from reliability.population.sampling import sample_dies
from reliability.technology import Technology
from reliability.units import duration, engineering

_ROOM = 298.15  # K, while it learns
_ATTEMPTS = 10  # pulses at most until a two-level cell is verified
CELLS = 16  # two-level cells of a side that stands for one of many levels


def rising_runs(runs: Sequence[float]) -> None:
    """Refuse numbers of runs that do not rise from 0 or more."""
    if any(each < 0 for each in runs) or list(runs) != sorted(set(runs)):
        raise InputError(f"runs: got {list(runs)}, expected rising numbers of 0 or more")


def storage_answers(accuracy: DataArray, storage: Segment) -> dict[str, tuple[float, str, str]]:
    """Return the answers of a study after storage: cells worn by the fewest and the most runs.

    Parameters
    ----------
    accuracy : DataArray
        Over ``runs`` and what is averaged.
    storage : Segment

    Examples
    --------
    >>> kept = DataArray([0.8, 0.7], dims="runs", coords={"runs": [0.0, 1000.0]})
    >>> for _, _, name in storage_answers(kept, Segment("1 year", "25 degC")).values():
    ...     print(name)
    accuracy after 1 year at 25 °C, cells without earlier runs
    accuracy after 1 year at 25 °C, cells worn by 1000 runs
    """
    ends = {"accuracy_after_storage_first": 0, "accuracy_after_storage": -1}
    after = f"accuracy after {duration(storage.time)} at {engineering(storage.temperature, 'K')}"
    found = {}
    for name, k in ends.items():
        often = accuracy.isel(runs=k)
        n = float(often["runs"])
        cells = f"cells worn by {n:g} runs" if n else "cells without earlier runs"
        found[name] = (float(often.mean()), "1", f"{after}, {cells}")
    return found if accuracy.sizes["runs"] > 1 else {name: found[name]}


def stored_sides(
    technology: Technology, sides: NDArray[np.floating], *, cycles: NDArray[np.float64],
    storage: Segment, written_at: float = _ROOM, attempts: int = _ATTEMPTS, number: int = 0,
    seed: int = 0,
) -> NDArray[np.float32]:  # fmt: skip
    """Return what the sides of weights give after cycles and storage.

    Parameters
    ----------
    technology : Technology
    sides : ndarray, shape (...)
        What was written, 0 to 1.
    cycles : ndarray, shape (..., cells)
        Of each cell, before its last write. A side has that many two-level cells, or one cell of a
        card of levels.
    storage : Segment
        Time and temperature.
    written_at : float
        Temperature of the cycles, K.
    attempts : int
        Pulses at most until a two-level cell is verified.
    number, seed : int
        Chip of the lot.

    Returns
    -------
    ndarray of float32, shape (...)
        0 to 1 but for what the cells add.

    Examples
    --------
    >>> import reliability as rel
    >>> card = rel.load_technology("oxram-130nm")
    >>> hour = rel.Segment(time="1 h", temperature="25 degC")
    >>> sides = np.array([[0.5, 0.0], [0.0, 0.75]])
    >>> stored_sides(card, sides, cycles=np.zeros((2, 2, 4)), storage=hour, seed=1).shape
    (2, 2)
    """
    cells = cycles.shape[-1]
    verify, written = None, sides[..., None]
    if technology.has_states:
        given = Verify.from_technology(technology)
        verify = Verify(given.lrs_resistance, given.hrs_resistance, attempts)
        state = np.where(np.arange(cells) < np.round(written * cells), "LRS", "HRS")
    else:
        levels = Target.from_technology(technology)
        unit = levels.maximum - levels.minimum
        state = levels.minimum + unit * written
    made = sample_dies(
        technology, state=state.ravel(), count=1, first=number, seed=seed, verify=verify
    )
    stretches = [storage]
    if cycles.any():
        made = made.assign(cycles=("cell", np.round(cycles).ravel()))
        stretches = [Segment(0.0, written_at, cycles=1), storage]
    g = age(made, MissionProfile(stretches))["conductance"].values.reshape(state.shape)
    if not technology.has_states:
        return np.asarray((g[..., 0] - levels.minimum) / unit, np.float32)
    g = in_series(g, technology["access.series_resistance"]) - idle_conductance(technology)
    return np.asarray(g.mean(axis=-1) / state_difference(technology), np.float32)


def stored_accuracy(
    technology: Technology, rule: str, training: Training, *, cycles_of_write: float,
    storage: Segment, written_at: float = _ROOM, seed: int = 0,
) -> float:  # fmt: skip
    """Return the accuracy of a training run on worn cells, after storage.

    Parameters
    ----------
    technology : Technology
        On a card with LRS and HRS a side of a rule with many levels is held by as many two-level
        cells as the rule has levels (`CELLS` where it has any value), each with the writes of the
        side; on a card of levels a side of two-level cells is one cell with their mean writes.
    rule : str
        Name in `RULES`.
    training : Training
        The last run.
    cycles_of_write : float
        Cycles that one write of the run stands for, those of earlier runs included.
    storage : Segment
    written_at : float
        Temperature of the cells while they are written, K.
    seed : int
        Of the cells.
    """
    how = RULES[rule]
    many = 1 if isinstance(how, Stdp) else how.levels or CELLS
    of_layer: list[NDArray[np.float32]] = []
    cycles: list[NDArray[np.float64]] = []
    for weight, load in zip(training.weights, training.loads, strict=True):
        own = [weight] if load.shape[1] == 1 else [np.maximum(weight, 0), np.maximum(-weight, 0)]
        written = np.moveaxis(load, 3, 1) * cycles_of_write  # (inputs, outputs, sides, cells)
        if not technology.has_states:
            written = written.mean(axis=3, keepdims=True)
        elif written.shape[3] < many:
            written = np.broadcast_to(written, (*written.shape[:3], many))
        of_layer.append(np.stack(own, axis=-1).ravel())
        cycles.append(np.asarray(written.reshape(-1, written.shape[3]), float))
    given = stored_sides(
        technology,
        np.concatenate(of_layer),
        cycles=np.concatenate(cycles),
        storage=storage,
        written_at=written_at,
        seed=seed,
    )
    ends = np.cumsum([each.size for each in of_layer])[:-1]
    read = []
    for weight, part in zip(training.weights, np.split(given, ends), strict=True):
        plus, *minus = np.moveaxis(part.reshape(*weight.shape, -1), -1, 0)
        read.append(plus - minus[0] if minus else plus)
    return accuracy_of(how, read)
