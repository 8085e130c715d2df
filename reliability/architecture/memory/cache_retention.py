"""Bits of a worn resistive cache that are misread after it has rested without power.

A cell that was written n times is written again with verify, rests, and is read once at the
reference that separates the states best as programmed. What wear changes of it (its state, its
relaxation, its barrier, its hard failure) is that of `reliability.devices.wear`. Cells are
simulated at decades of cycles; the fraction misread is straight between them in log(1 + n).
"""

import warnings
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from reliability.devices.write_methods import last_verify
from reliability.mission import MissionProfile, Segment
from reliability.population import age, best_reference, programming_window, sample_population
from reliability.technology import STATES, Technology
from reliability.units import outside

CELLS = 10_000  # of each state
_CYCLES = (0, *(10**k for k in range(1, 10)))


def misread_cells(
    technology: Technology, cycles: Sequence[float], rest: Segment, *, seed: int = 0
) -> NDArray[np.float64]:
    """Return the fraction of cells that are misread after cycles and a rest, mean of both states.

    Parameters
    ----------
    technology : Technology
        With LRS and HRS.
    cycles : sequence of float
        Before the last write, at the temperature of the rest.
    rest : Segment
        Time and temperature.
    seed : int
        Of 10 000 cells a state.

    Warns
    -----
    UserWarning
        Cycles outside the valid range of the card's wear.

    Examples
    --------
    >>> import reliability as rel
    >>> card = rel.load_technology("oxram-130nm")
    >>> fresh, worn = misread_cells(card, [0, 5000], rel.Segment("1 day", "25 degC"))
    >>> bool(0 < fresh < worn)
    True
    """
    for note in outside("wear: cycles", cycles, technology.valid.get("wear.cycles"), ""):
        warnings.warn(note, stacklevel=2)
    wrong = _at_decades(technology.to_json(), rest, seed)
    return np.interp(np.log1p(cycles), np.log1p(_CYCLES), wrong)


@lru_cache(maxsize=512)
def _at_decades(card: str, rest: Segment, seed: int) -> NDArray[np.float64]:
    """Misread cells at each of the cycles; kept, because all points of a sweep share the card."""
    technology = Technology.from_json(card)
    verify = last_verify(technology, "verify", best_reference(technology))
    reference = float(programming_window(technology, verify=verify)["reference"])
    wrong = np.zeros(len(_CYCLES))
    for state in STATES:
        cells = sample_population(technology, cells=CELLS, state=state, verify=verify, seed=seed)
        for k, count in enumerate(_CYCLES):
            before = [Segment(0.0, rest.temperature, cycles=count)] if count else []
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message=".*outside the valid range")
                end = age(cells, MissionProfile([*before, rest]))["conductance"].values
            misread = end < reference if state == "LRS" else end >= reference
            wrong[k] += misread.mean() / len(STATES)
    return wrong
