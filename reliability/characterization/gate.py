"""Programming against the gate voltage from sweeps of an array: `reliability.devices.gate`.

A RESET sweep gives the threshold and the exponent of the HRS on a card. A SET sweep gives a curve
that the card has no parameter for, since it states the compliance current: the curve is stated in
the description of the card.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import least_squares

from reliability.characterization.estimates import (
    Array,
    Estimate,
    Fit,
    assumed,
    bootstrap,
    joined,
)
from reliability.devices import gate
from reliability.errors import InputError

_VOLTAGE = "word_line_voltage"
_LEFT = 0.9  # of the sweeps must reach a voltage: those that go on are a selection
_MOVED = 0.1  # of ln R: pulses that change less do nothing yet


@dataclass(frozen=True)
class Sweep:
    """Pulses of a gate sweep.

    Attributes
    ----------
    operation : {"SET", "RESET"}
    voltage, after : ndarray, shape (pulses,)
        V and ohm, where the curve is fitted.
    cell : ndarray of int, shape (pulses,)
    before : float
        Median resistance that the sweep starts from, ohm.
    source : str
    """

    operation: gate.Operation
    voltage: Array
    after: Array
    cell: NDArray[np.intp]
    before: float
    source: str

    def curve(self, weight: Array | None = None) -> gate.GateCurve:
        """Fit the curve to cells that count so often."""
        times = np.ones(len(self.cell), int) if weight is None else weight[self.cell].astype(int)
        rows = np.repeat(np.arange(len(self.cell)), times)
        return fit_curve(
            self.operation, self.voltage[rows], self.after[rows], self.cell[rows], self.before
        )


def is_sweep(dataset: xr.Dataset) -> bool:
    """Return whether a measured Dataset is a sweep of the gate voltage."""
    return "conductance_after" in dataset and _VOLTAGE in dataset.dims


def sweep_of(dataset: xr.Dataset) -> Sweep:
    """Return the pulses of a measured sweep at the voltages where a curve can be fitted.

    Raises
    ------
    InputError
        A sweep that does not say whether it is a SET or a RESET.
    """
    name = str(dataset.attrs.get("source", "the Dataset"))
    operation = str(dataset.attrs.get("operation", "")).upper()
    if operation not in ("SET", "RESET"):
        raise InputError(f"{name}: operation: got {operation.lower()!r}, allowed: reset, set")
    pulses = dataset[["conductance_before", "conductance_after"]].to_dataframe().reset_index()
    pulses = pulses[(pulses["conductance_after"] > 0) & (pulses["conductance_before"] > 0)]
    start = pulses[pulses[_VOLTAGE] == pulses[_VOLTAGE].min()]
    before = float((1 / start["conductance_before"]).median())
    by_voltage = (1 / pulses["conductance_after"]).groupby(pulses[_VOLTAGE])
    count, moved = by_voltage.size(), np.abs(np.log(by_voltage.median() / before))
    use = count.index[(count >= _LEFT * count.max()) & (moved > _MOVED)]
    pulses = pulses[pulses[_VOLTAGE].isin(use)]
    cell = pulses.groupby([d for d in ("wafer", "die", "cell") if d in pulses]).ngroup()
    source = f"{name} ({cell.nunique()} cells, {len(pulses)} pulses)"
    digest = dataset.attrs.get("source_sha256")
    return Sweep(
        operation,  # type: ignore[arg-type]
        pulses[_VOLTAGE].to_numpy(float), 1 / pulses["conductance_after"].to_numpy(float),
        np.asarray(cell, np.intp), before, f"{source}, sha256 {digest}" if digest else source,
    )  # fmt: skip


def fit_gate(sweep: Sweep, seed: int) -> Fit:
    """Fit the sections ``programming`` and ``programming.HRS`` as far as a sweep identifies them.

    Parameters
    ----------
    sweep : Sweep
    seed : int
    """
    curve = sweep.curve()
    low, high = float(sweep.voltage.min()), float(sweep.voltage.max())
    spread = f"sigma of ln R {curve.sigma_cell:.2g} between cells, {curve.sigma_sweep:.2g} between "
    spread += f"sweeps, {low:.2f} to {high:.2f} V at the gate"
    if sweep.operation == "SET":
        found = (
            f"SET: R = {curve.floor:.3g} ohm + {curve.scale:.3g} ohm V / (V - "
            f"{curve.threshold:.3g} V), {spread}; how the compliance current follows from it"
        )
        return Fit("programming_gate_set", {}, not_identifiable=(found,))
    section = "programming.HRS"

    def estimate(weights: Sequence[Array]) -> Array:
        again = sweep.curve(weights[0])
        return np.array([again.threshold, again.exponent])

    cells = int(sweep.cell.max()) + 1
    names = [Estimate(f"{section}.reset_threshold", note=spread, valid=(0.0, low)),
             Estimate(f"{section}.reset_exponent", valid=(0.0, 5.0))]  # fmt: skip
    parameters, correlation = joined(
        names, np.array([curve.threshold, curve.exponent]),
        bootstrap(estimate, [cells], "programming.gate", seed), sweep.source,
    )  # fmt: skip
    key = "programming.reset_voltage"
    why = "the middle of the sweep; the voltage of the other measurements is not in the data"
    needed = {key: assumed(key, round((low + high) / 2, 6), why)}
    return Fit("programming_gate", parameters, correlation, needed=needed)


def fit_curve(
    operation: gate.Operation,
    voltage: ArrayLike,
    resistance_after: ArrayLike,
    cell: ArrayLike,
    before: float,
) -> gate.GateCurve:
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
    reliability.devices.gate.GateCurve

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

    def made(x: NDArray[np.float64]) -> gate.GateCurve:
        values = (x[0], np.exp(x[1]), np.exp(x[2]), -1.0)
        if operation == "RESET":
            values = (x[0], 0.0, np.exp(x[1]), x[2])
        return gate.GateCurve(operation, float(before), *(float(value) for value in values))

    start = (
        [voltages[0] - 0.1, middle.min() - 0.1, np.log(0.1 * before)]
        if operation == "SET"
        else [voltages[0] - 0.1, middle.max(), 1.0]
    )

    def misfit(x: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.sqrt(count) * (np.log(gate.resistance(made(x), voltages)) - middle)

    found = least_squares(
        misfit,
        start,
        x_scale=[0.05, 0.1, 0.1],
    )
    curve = made(found.x)
    sigma_cell, sigma_sweep = _spreads(log_r - np.log(gate.resistance(curve, v)), v, who, voltages)
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
        fraction = np.mean([1.0 / len(group) for group in groups])
        between.append(np.mean([group.mean() ** 2 for group in groups]) - noise * fraction)
        within.append(noise)
    if not within:
        raise InputError("gate sweep: got one sweep of each cell, expected 2 or more of some")
    return float(np.sqrt(max(np.mean(between), 0.0))), float(np.sqrt(np.mean(within)))
