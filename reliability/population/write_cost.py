"""Pulses, energy and failures of writes against cycles, and what they leave of the window.

Given its wear, what a cell does at one write has a closed form: with the probability q that a pulse
leaves it on the wrong side of the limit, a write of at most n verified pulses takes
(1 - q^n)/(1 - q) of them and fails with q^n. Means are taken over the cells, intervals over lots
(of one lot, wafers; of one wafer, dies; of one die, cells). Of methods that a card has measured
numbers of, means are the card's and intervals those of its parameters.
"""

import math
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.special import ndtr, stdtrit

from reliability.devices import endurance as wear
from reliability.devices import programming
from reliability.devices.programming import Programming
from reliability.devices.write_methods import MeasuredMethod, WriteMethod, has_measured_pulses
from reliability.statistics.means import nominal_and_drawn
from reliability.technology import STATES, Technology

Floats = NDArray[np.float64]
_PARTS = 20  # of the cells of one die
_DRAWS = 60  # of a card, for the intervals of a measured method
_LONG = {
    "pulses": "mean pulses of a write",
    "energy": "mean energy of a write",
    "write_failures": "fraction of writes that fail, temporarily",
    "error_rate": "fraction of cells misread after a write",
    "window": "ratio of the median resistances, HRS to LRS",
}


class Cells(NamedTuple):
    """What stays of cells over cycles.

    Attributes
    ----------
    fixed : ndarray, shape (groups, cells, 2)
        Deviation of LRS and HRS that stays from pulse to pulse.
    width : ndarray, shape (groups, cells, 2)
        Width over pulses relative to sigma_cycle.
    """

    fixed: Floats
    width: Floats


def write_curves(
    technology: Technology,
    method: WriteMethod,
    cells: Cells | None,
    rate: Floats,
    cycles: Floats,
    reference: float,
    limits: tuple[float, float],
) -> xr.Dataset:
    """Return means and 95 % intervals against cycles.

    Parameters
    ----------
    technology : Technology
    method : WriteMethod
    cells : Cells or None
        None for a card of levels.
    rate : ndarray, shape (temperatures,)
        Equivalent cycles of one cycle.
    cycles : ndarray
    reference : float
        Reading reference, S.
    limits : (float, float)
        Conductance, S, that a write must reach in LRS and in HRS.

    Returns
    -------
    Dataset
        ``pulses``, ``energy`` (J), ``write_failures`` and ``error_rate`` over (temperature, cycles,
        state), ``window`` over (temperature, cycles), each with ``_low`` and ``_high``.
    """
    x = cycles * rate[:, None]
    found: dict[str, Floats] = {}
    if has_measured_pulses(technology, method.name):
        found |= _measured(technology, method.name, x)
    elif cells is not None:
        found |= _of_cells(technology, method, cells, x, reference, limits)
    if cells is not None:
        found["window"] = _window(technology, cells, x)
    each = _pulse_energy(technology, method.name)
    if "pulses" in found and math.isfinite(each):
        found["energy"] = found["pulses"] * each
    dims = ("temperature", "cycles", "state")
    out = {}
    for name, values in found.items():  # (3, temperature, cycles[, state])
        for end, one in zip(("", "_low", "_high"), values, strict=True):
            units = "J" if name == "energy" else "1"
            out[name + end] = (dims[: one.ndim], one, {"units": units, "long_name": _LONG[name]})
    return xr.Dataset(out, coords={"state": list(STATES)} if out else {})


def _pulse_energy(technology: Technology, method: str) -> float:
    """Energy of a pulse, J: that of the method, else half of that of a SET and RESET pair."""
    pair = technology.get("endurance.reference_energy", math.nan)
    return float(technology.get(f"write.{method}.energy", pair / 2))


def _measured(technology: Technology, name: str, x: Floats) -> dict[str, Floats]:
    """Of both states alike: the files say nothing of them apart."""
    cards = [technology, *(technology.drawn(0, k) for k in range(_DRAWS))]
    models = [MeasuredMethod.from_technology(card, name) for card in cards]
    pulses = np.array([model.pulses(x) for model in models])
    failures = np.array([model.failures(x) for model in models])
    return {
        key: np.repeat(np.array([values[0], *nominal_and_drawn(values)])[..., None], 2, axis=-1)
        for key, values in (
            ("pulses", pulses), ("write_failures", failures), ("error_rate", failures)
        )
    }  # fmt: skip


def _of_cells(
    technology: Technology, method: WriteMethod, cells: Cells, x: Floats, reference: float,
    limits: tuple[float, float],
) -> dict[str, Floats]:  # fmt: skip
    model = wear.Endurance.from_technology(technology)
    tries = method.pulses if method.is_verified else 1
    units = len(cells.fixed) if len(cells.fixed) > 1 else cells.fixed.shape[1]
    each = np.empty((3, *x.shape, 2, units))
    for s, state in enumerate(STATES):
        own = Programming.from_technology(technology, state)
        for at in np.ndindex(x.shape):
            gain = float(np.exp(wear.shift(model, s, x[at])))  # the limit moves the other way
            width = cells.width[..., s] * wear.spread(model, s, x[at])
            wrong, misread = (
                _beyond(own, s, limit * gain, cells.fixed[..., s], width)
                for limit in (limits[s], reference)
            )
            failed = wrong**tries
            pulses = np.where(wrong < 1, (1 - failed) / np.maximum(1 - wrong, 1e-300), tries)
            if not method.is_verified:
                pulses = np.full(wrong.shape, float(method.pulses))
            found = np.stack([pulses, failed, misread * wrong ** (tries - 1)])
            each[(slice(None), *at, s)] = found.mean(axis=2) if len(wrong) > 1 else found[:, 0]
    ends = ((1.0, np.inf), (0.0, 1.0), (0.0, 1.0))
    return {
        name: np.clip(_interval(values), *limit)
        for name, values, limit in zip(
            ("pulses", "write_failures", "error_rate"), each, ends, strict=True
        )
    }


def _beyond(model: Programming, state: int, limit: float, fixed: Floats, width: Floats) -> Floats:
    """Probability that a pulse leaves a cell on the wrong side of a limit (S)."""
    step = float(programming.deviation_at(model, limit)) - fixed
    if model.sigma_cycle == 0:
        return np.asarray((step < 0) if state == 0 else (step >= 0), float)
    deviate = programming.pulse_deviate(model, step, width)
    return np.asarray(ndtr(-deviate if state == 0 else deviate))


def _window(technology: Technology, cells: Cells, x: Floats) -> Floats:
    """Ratio of the median resistances of the states; its interval is over wafers or dies.

    Of one die the interval is that of the median of its cells, from parts of them.
    """
    model, parts = wear.Endurance.from_technology(technology), []
    whole = cells.fixed
    split = whole[0, : whole.shape[1] // _PARTS * _PARTS].reshape(_PARTS, -1, 2)
    for fixed in (whole, split) if len(whole) == 1 and split.size else (whole,):
        logs = []
        for s, state in enumerate(STATES):
            own = Programming.from_technology(technology, state)
            fresh = -np.log(programming.conductance(own, np.median(fixed[..., s], axis=1)))
            logs.append(fresh[:, None, None] + wear.shift(model, s, x))
        parts.append(_interval(np.moveaxis(logs[1] - logs[0], 0, -1)))
    return np.exp(parts[0][0] + (parts[-1] - parts[-1][0]))


def _interval(values: Floats) -> Floats:
    """Mean over the last axis, and the ends of its 95 % Student-t interval (NaN of one value)."""
    count = values.shape[-1]
    mean = values.mean(axis=-1)
    if count < 2:
        return np.array([mean, mean * np.nan, mean * np.nan])
    reach = stdtrit(count - 1, 0.975) * values.std(axis=-1, ddof=1) / math.sqrt(count)
    return np.array([mean, mean - reach, mean + reach])
