"""Wear of few cells: early cycles predict the medians and spreads of both states later.

The closure of the window and the growth of the spread of `reliability.devices.endurance`,

    median ln R = m + c log10(1 + x/x_on),    ln sigma = s + w ln(1 + x/x_on),

are fitted on medians and spreads of bins of the early cycles, evenly spaced in log cycles; bins of
few reads count less. Draws of the fit take the residuals of whole bins again, and a predicted bin
one residual more.
"""

import warnings
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from reliability.characterization.estimates import quartile_sigma
from reliability.errors import InputError
from reliability.measurements import read_measurements
from reliability.random import stream
from reliability.validation.blind_prediction import Prediction, Row

Array = NDArray[np.float64]
_FEWEST = 8  # reads of a bin, and bins of a fit
_MANY = 100  # reads of a bin whose scatter is that of the state, not of the few reads
_ONSETS = 40  # that are tried


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
    weight: Array


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
            found = _draws(early, y, late, asked.draws, generator)
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
            middle, sigma = np.quantile(here, 0.5), max(quartile_sigma(here), 1e-6)
            weight = np.sqrt(here.size / (here.size + _MANY))
            out.append((10 ** ((k + 0.5) / per_decade), middle, np.log(sigma), weight))
    return _Bins(*np.array(out, float).reshape(-1, 4).T)


def _draws(
    early: _Bins, y: Array, late: _Bins, draws: int, generator: np.random.Generator
) -> Array:
    """Draw predictions of later bins, shape (draws, bins)."""
    x, w = early.cycles, early.weight
    now, later = (_designs(x, bins.cycles) for bins in (early, late))
    fitted = _predicted(now, now, y[None], w)[0]
    # three parameters were fitted: what is left over is smaller than the scatter
    residual = (y - fitted) * w * np.sqrt(len(x) / max(len(x) - 3, 1))
    again = fitted + generator.choice(residual, (draws, len(x))) / w
    own = generator.choice(residual, (draws, len(late.cycles))) / late.weight
    return _predicted(now, later, again, w) + own


def _designs(early: Array, x: Array) -> Array:
    """Columns 1 and log10(1 + x/x_on) at onsets over the early cycles, (onsets, len(x), 2)."""
    onset = np.geomspace(early.min(), early.max(), _ONSETS)
    slope = np.log10(1 + x / onset[:, None])
    return np.stack([np.ones_like(slope), slope], axis=-1)


def _predicted(now: Array, later: Array, y: Array, weight: Array) -> Array:
    """Least squares of each series (series, bins) with the best onset, at the later design."""
    inverse = np.linalg.pinv(now * weight[:, None])  # (onsets, 2, bins)
    coefficients = np.einsum("ock,sk->soc", inverse, y * weight)
    missed = np.einsum("okc,soc->sok", now, coefficients) - y[:, None]
    best = np.argmin(((missed * weight) ** 2).sum(-1), axis=1)
    chosen = coefficients[np.arange(len(y)), best]
    return np.asarray(np.einsum("skc,sc->sk", later[best], chosen))
