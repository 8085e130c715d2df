"""Programming against the gate voltage of the access transistor: SET and RESET curves of an array.

The gate limits the current, and what a pulse leaves follows its overdrive V - V_T:

    SET:    R = R_floor + R_scale / (V - V_T)      (V_c / I_c with I_c ~ V - V_T)
    RESET:  R = R_scale (V - V_T)^n
    ln R of a pulse = ln R(V) + sigma_cell b + sigma_sweep c

with V in volts, b (one per cell) and c (one per sweep) standard normal. A pulse only ever lowers
(SET) or raises (RESET) the resistance that it finds, so below V_T nothing happens. R_floor is what
does not depend on the gate: line, transistor in the read, filament.

`reliability.characterization.gate` fits the curve and its spreads; `interval` is the range that
holds a pulse on any cell of the array with a given probability. Measured on a 1T1R array
with 200 ns pulses, 2.1 to 2.4 V (SET) and 2.4 to 2.9 V (RESET) at the gate [1]_: there the medians
follow these models within a few per cent. Beyond, sweeps had been stopped once a cell reached its
goal, and what is left is a selection.

.. [1] Our computation on the data of github.com/akashlevy/RRAM-RADAR-Tuning @ 5038af3.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from reliability.errors import fraction

Operation = Literal["SET", "RESET"]
_LEAST_OVERDRIVE = 1e-3  # V; below, the pulse does nothing


@dataclass(frozen=True)
class GateCurve:
    """Resistance after a pulse against the gate voltage.

    Parameters
    ----------
    operation : {"SET", "RESET"}
    before : float
        Median resistance that the pulse finds, ohm.
    threshold : float
        V_T, V.
    floor, scale : float
        R_floor and R_scale (at 1 V of overdrive), ohm.
    exponent : float
        n; -1 for the SET.
    sigma_cell, sigma_sweep : float
        Standard deviation of ln R over cells and from sweep to sweep.
    cells : float
        Number of cells that it was fitted on.
    """

    operation: Operation
    before: float
    threshold: float
    floor: float
    scale: float
    exponent: float
    sigma_cell: float = 0.0
    sigma_sweep: float = 0.0
    cells: float = math.inf


def resistance(curve: GateCurve, voltage: ArrayLike) -> NDArray[np.float64]:
    """Return the median resistance, ohm, after a pulse at gate ``voltage`` (V).

    Examples
    --------
    >>> curve = GateCurve("RESET", 6e3, threshold=2.3, floor=0.0, scale=80e3, exponent=1.0)
    >>> resistance(curve, [2.0, 2.8]).round().tolist()
    [6000.0, 40000.0]
    """
    overdrive = np.asarray(voltage, float) - curve.threshold
    on = overdrive > _LEAST_OVERDRIVE
    after = curve.floor + curve.scale * np.where(on, overdrive, 1.0) ** curve.exponent
    limited = np.minimum if curve.operation == "SET" else np.maximum
    return np.where(on, limited(after, curve.before), curve.before)


def interval(
    curve: GateCurve, voltage: ArrayLike, probability: float = 0.9
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the central range, ohm, that a pulse at ``voltage`` (V) on another cell falls in.

    It allows for the curve having been fitted on few cells: the mean of n cells is off by
    sigma_cell / sqrt(n), and the spread of n cells makes Student's t of the normal.

    Examples
    --------
    >>> curve = GateCurve("RESET", 6e3, 2.3, 0.0, 80e3, 1.0, sigma_cell=0.3, sigma_sweep=0.4)
    >>> low, high = interval(curve, [2.8])
    >>> low.round().tolist(), high.round().tolist()
    ([17575.0], [91041.0])
    """
    fraction(probability, "probability")
    score = float(stdtrit(curve.cells - 1.0, (1 + probability) / 2))
    sigma_cell = curve.sigma_cell * math.sqrt(1.0 + 1.0 / curve.cells)
    spread = score * math.hypot(sigma_cell, curve.sigma_sweep)
    middle = resistance(curve, voltage)
    return middle * np.exp(-spread), middle * np.exp(spread)
