"""Programming against the gate voltage of the access transistor: SET and RESET curves of an array.

The gate limits the current, and what a pulse leaves follows its overdrive V - V_T:

    SET:    R = R_floor + R_scale / (V - V_T)      (V_c / I_c with I_c ~ V - V_T)
    RESET:  R = R_scale (V - V_T)^n
    ln R of a pulse = ln R(V) + sigma_cell b + sigma_sweep c

with V in volts, b (one per cell) and c (one per sweep) standard normal. A pulse only ever lowers
(SET) or raises (RESET) the resistance that it finds, so below V_T nothing happens. R_floor is what
does not depend on the gate: line, transistor in the read, filament.

`fit` estimates the curve and its spreads from repeated sweeps of some cells; `interval` is the
range that holds a pulse on any cell of the array with a given probability. Measured on a 1T1R array
with 200 ns pulses, 2.1 to 2.4 V (SET) and 2.4 to 2.9 V (RESET) at the gate [1]_: there the medians
follow these models within a few per cent. Beyond, sweeps had been stopped once a cell reached its
goal, and what is left is a selection.

.. [1] Our computation on the data of github.com/akashlevy/RRAM-RADAR-Tuning @ 5038af3.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import least_squares
from scipy.special import stdtrit

from reliability.errors import InputError

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
    if not 0 < probability < 1:
        raise InputError(f"probability: got {probability!r}, allowed between 0 and 1")
    score = float(stdtrit(curve.cells - 1.0, (1 + probability) / 2))
    sigma_cell = curve.sigma_cell * math.sqrt(1.0 + 1.0 / curve.cells)
    spread = score * math.hypot(sigma_cell, curve.sigma_sweep)
    middle = resistance(curve, voltage)
    return middle * np.exp(-spread), middle * np.exp(spread)


def fit(
    operation: Operation,
    voltage: ArrayLike,
    resistance_after: ArrayLike,
    cell: ArrayLike,
    before: float,
) -> GateCurve:
    """Fit the curve and its spreads to repeated sweeps of some cells.

    Parameters
    ----------
    operation : {"SET", "RESET"}
    voltage, resistance_after : array_like, shape (n,)
        V and ohm, of single pulses.
    cell : array_like, shape (n,)
        Which cell each pulse was on.
    before : float
        Median resistance before the sweeps, ohm.

    Returns
    -------
    GateCurve

    Raises
    ------
    InputError
        Fewer than 8 cells or 4 voltages, or no cell swept twice: no spread or no curve can be
        estimated.

    Notes
    -----
    The median curve is a least-squares fit to the median of ln R at each voltage, weighted by the
    number of pulses. Residuals are then split: the variance of a cell's mean over its sweeps is
    sigma_cell^2 + sigma_sweep^2 / sweeps, the one around it sigma_sweep^2.
    """
    v, r, who = (np.asarray(x) for x in (voltage, resistance_after, cell))
    voltages = np.unique(v.round(6))
    if len(np.unique(who)) < 8 or len(voltages) < 4:
        raise InputError(
            f"gate sweep: got {len(np.unique(who))} cells at {len(voltages)} voltages, "
            "expected 8 cells and 4 voltages or more"
        )
    log_r = np.log(r)
    middle = np.array([np.median(log_r[np.isclose(v, at)]) for at in voltages])
    count = np.array([np.isclose(v, at).sum() for at in voltages])

    def made(x: NDArray[np.float64]) -> GateCurve:
        values = (x[0], np.exp(x[1]), np.exp(x[2]), -1.0)
        if operation == "RESET":
            values = (x[0], 0.0, np.exp(x[1]), x[2])
        return GateCurve(operation, float(before), *(float(value) for value in values))

    start = (
        [voltages[0] - 0.1, middle.min() - 0.1, np.log(0.1 * before)]
        if operation == "SET"
        else [voltages[0] - 0.1, middle.max(), 1.0]
    )

    def misfit(x: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.sqrt(count) * (np.log(resistance(made(x), voltages)) - middle)

    found = least_squares(
        misfit,
        start,
        x_scale=[0.05, 0.1, 0.1],
    )
    curve = made(found.x)
    sigma_cell, sigma_sweep = _spreads(log_r - np.log(resistance(curve, v)), v, who, voltages)
    cells = float(len(np.unique(who)))
    return replace(curve, sigma_cell=sigma_cell, sigma_sweep=sigma_sweep, cells=cells)


def _spreads(
    residual: NDArray[np.float64],
    v: NDArray[np.float64],
    who: NDArray,
    voltages: NDArray[np.float64],
) -> tuple[float, float]:
    """Standard deviations between cells and from sweep to sweep, averaged over voltages."""
    between, within = [], []
    for at in voltages:
        here = np.isclose(v, at)
        groups = [residual[here & (who == one)] for one in np.unique(who[here])]
        groups = [group for group in groups if len(group) > 1]
        if not groups:
            continue
        noise = np.mean([group.var(ddof=1) for group in groups])
        share = np.mean([1.0 / len(group) for group in groups])
        between.append(np.mean([group.mean() ** 2 for group in groups]) - noise * share)
        within.append(noise)
    if not within:
        raise InputError("gate sweep: got one sweep of each cell, expected 2 or more of some")
    return float(np.sqrt(max(np.mean(between), 0.0))), float(np.sqrt(np.mean(within)))
