"""Wear of few cells: early cycles predict the medians and spreads of both states later.

The closure of the window and the growth of the spread of `reliability.devices.endurance`,

    median ln R = m + c log10(1 + x/x_on),    ln sigma = s + w ln(1 + x/x_on),

are fitted on medians and spreads of bins of the early cycles, evenly spaced in log cycles. Draws of
the fit take the residuals of whole bins again, and a predicted bin one residual more.
"""

import warnings
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from reliability.errors import InputError
from reliability.measurements import read_measurements
from reliability.random import stream
from reliability.validation.prediction import Prediction, Row

Array = NDArray[np.float64]
_FEWEST = 8  # reads of a bin, and bins of a fit
_QUARTILES = 1.349  # between the quartiles of a normal distribution, in sigmas


class WearPrediction(Prediction):
    """Keys of the kind ``wear``: ``fit`` and ``predict`` are ranges of cycles."""

    file_name: str
    fit: tuple[float, float]
    predict: tuple[float, float]
    bins_per_decade: int = 8
    draws: int = 200


class _Bins(NamedTuple):
    cycles: Array
    median: Array  # of ln R
    spread: Array  # ln of the robust sigma of ln R


def predict_wear(asked: WearPrediction, name: str) -> list[Row]:
    """Return rows for the median and the spread of each state in the bins to predict."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = read_measurements(asked.file(asked.file_name))
    if "cycles" not in data.dims or "state" not in data.dims:
        raise InputError(f"{name}: got {dict(data.sizes)}, expected cycles of LRS and HRS")
    generator = stream(asked.seed, "validation.wear")
    rows = []
    for state in data["state"].values:
        log_r = -np.log(data["conductance"].sel(state=state).transpose(..., "cycles").values)
        log_r = log_r.reshape(-1, data.sizes["cycles"])
        cycles = data["cycles"].values.astype(float)
        early, late = (
            _bins(cycles, log_r, ends, asked.bins_per_decade) for ends in (asked.fit, asked.predict)
        )
        if len(early.cycles) < _FEWEST or not len(late.cycles):
            raise InputError(f"{name}: got {len(early.cycles)} bins of {state}, expected 8 or more")
        for what, y, x in (("median", early.median, np.exp), ("spread", early.spread, np.exp)):
            found = _draws(early.cycles, y, late.cycles, asked.draws, generator)
            measured = late.median if what == "median" else late.spread
            unit = "ohm" if what == "median" else "1"
            rows += [
                Row.of(f"{what} of the {state} at {at:.2g} cycles", name, x(d), x(m), unit=unit)
                for at, d, m in zip(late.cycles, found.T, measured, strict=True)
            ]
    return rows


def _bins(cycles: Array, log_r: Array, ends: tuple[float, float], per_decade: int) -> _Bins:
    inside = (cycles >= ends[0]) & (cycles <= ends[1]) & (cycles > 0)
    number = np.floor(np.log10(np.where(inside, cycles, 1.0)) * per_decade).astype(int)
    out = []
    for k in np.unique(number[inside]):
        here = log_r[:, inside & (number == k)]
        here = here[np.isfinite(here)]
        if here.size >= _FEWEST:
            low, middle, high = np.quantile(here, [0.25, 0.5, 0.75])
            sigma = max(float(high - low) / _QUARTILES, 1e-6)
            out.append((10 ** ((k + 0.5) / per_decade), middle, np.log(sigma)))
    return _Bins(*np.array(out, float).reshape(-1, 3).T)


def _draws(x: Array, y: Array, later: Array, draws: int, generator: np.random.Generator) -> Array:
    """Draw predictions at later cycles, shape (draws, later)."""
    parameters = _fitted(x, y)
    residual = y - _model(parameters, x)
    out = np.empty((draws, len(later)))
    for k in range(draws):
        again = _model(parameters, x) + generator.choice(residual, len(x))
        out[k] = _model(_fitted(x, again), later) + generator.choice(residual, len(later))
    return out


def _model(parameters: Array, x: Array) -> Array:
    level, slope, log_onset = parameters
    return np.asarray(level + slope * np.log10(1 + x / 10**log_onset))


def _fitted(x: Array, y: Array) -> Array:
    ends = np.log10(x.min()), np.log10(x.max())
    start = [float(y[:3].mean()), 0.0, sum(ends) / 2]
    found = least_squares(
        lambda p: _model(p, x) - y, start,
        bounds=([-np.inf, -5.0, ends[0]], [np.inf, 5.0, ends[1]]),
    )  # fmt: skip
    return np.asarray(found.x)
