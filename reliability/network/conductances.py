"""Conductances of cells as a column reads them: with the select transistor, and LRS less HRS."""

import numpy as np
from numpy.typing import NDArray

from reliability.devices import programming
from reliability.devices.programming import Programming
from reliability.population.measured import MeasuredCells
from reliability.technology import STATES, Technology


def in_series(conductance: NDArray[np.floating], resistance: float) -> NDArray[np.floating]:
    """Return the conductance, S, of cells with a resistance (ohm) in series.

    >>> in_series(np.array([1e-4, 0.0]), 1e4)
    array([5.e-05, 0.e+00])
    """
    return conductance / (1 + conductance * conductance.dtype.type(resistance))


def state_difference(technology: Technology) -> float:
    """Return mean G_eff(LRS) - mean G_eff(HRS) of the nominal technology, S.

    G_eff is that of the cell with its select transistor in series. The mean over each state's
    distribution is taken at 999 evenly spaced quantiles; of measured cells it is their mean.
    """
    if isinstance(technology, MeasuredCells):
        lrs, hrs = (float(g @ weight) for g, weight, _ in map(technology.reads_of, STATES))
        return lrs - hrs
    p = (np.arange(999) + 0.5) / 999
    mean = {
        state: in_series(
            programming.quantile(Programming.from_technology(technology, state), p),
            technology["access.series_resistance"],
        ).mean()
        for state in STATES
    }
    return float(mean["LRS"] - mean["HRS"])


def idle_conductance(technology: Technology) -> float:
    """Return the conductance, S, of the median HRS cell with its select transistor in series."""
    if isinstance(technology, MeasuredCells):
        return 1 / technology["programming.HRS.resistance"]
    median = programming.quantile(Programming.from_technology(technology, "HRS"), 0.5)
    return float(in_series(np.asarray(median), technology["access.series_resistance"]))
