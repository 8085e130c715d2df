"""A chip that has learnt for a while, and then rests: its cells are worn and lose what they hold.

The cells that learning writes most are worn most (`reliability.devices.wear`), and worn cells relax
and retain as the card says of them. The weights learnt last are written to cells with the wear of
all runs before, and read after storage.
"""

import numpy as np
from numpy.typing import NDArray

from reliability.architecture.learning.chip_learning import Chip
from reliability.devices.target import Target
from reliability.devices.verify import Verify
from reliability.mission import MissionProfile, Segment
from reliability.network.conductances import in_series, state_difference
from reliability.population import age
from reliability.population.sampling import sample_dies
from reliability.technology import Technology

_ROOM = 298.15  # K, while it learns


def stored_weights(
    technology: Technology, chip: Chip, *, cycles: NDArray[np.float64], storage: Segment,
    attempts: int, number: int, seed: int,
) -> NDArray[np.float32]:  # fmt: skip
    """Return the weights of a chip after cycles and storage.

    Parameters
    ----------
    technology : Technology
    chip : Chip
        With the weights learnt last.
    cycles : ndarray, shape (inputs, outputs, 2, cells)
        Of each cell, before its last write.
    storage : Segment
        Time and temperature.
    attempts : int
        Pulses at most until a two-level cell is verified.
    number, seed : int
        Chip of the lot.

    Returns
    -------
    ndarray of float32, shape (inputs, outputs)
        In steps.

    Examples
    --------
    >>> import reliability as rel
    >>> from reliability.architecture.learning.written_cells import ideal
    >>> chip = Chip.programmed(np.array([[2], [-3]]), ideal(2, 16), 4, two_level=True)
    >>> card = rel.load_technology("oxram-130nm")
    >>> hour = rel.Segment(time="1 h", temperature="25 degC")
    >>> none = np.zeros(chip.held.shape)
    >>> stored_weights(card, chip, cycles=none, storage=hour, attempts=10, number=0, seed=1).shape
    (2, 1)
    """
    shape = chip.held.shape
    sides = np.stack([np.maximum(chip.level, 0), np.maximum(-chip.level, 0)], axis=-1)[..., None]
    if technology.has_states:
        given = Verify.from_technology(technology)
        verify = Verify(given.lrs_resistance, given.hrs_resistance, attempts)
        state = np.where(np.arange(chip.steps) < sides, "LRS", "HRS")
        unit = state_difference(technology)
    else:
        verify = None
        levels = Target.from_technology(technology)
        unit = (levels.maximum - levels.minimum) / chip.steps
        state = levels.minimum + unit * sides
    made = sample_dies(
        technology, state=state.ravel(), count=1, first=number, seed=seed, verify=verify
    )
    stretches = [storage]
    if cycles.any():
        made = made.assign(cycles=("cell", np.round(cycles).ravel()))
        stretches = [Segment(0.0, _ROOM, cycles=1), storage]
    g = age(made, MissionProfile(stretches))["conductance"].values.reshape(shape)
    if technology.has_states:
        g = in_series(g, technology["access.series_resistance"])
    total = (g / unit).sum(axis=-1)
    return np.asarray(total[..., 0] - total[..., 1], np.float32)
