"""Curves of a lifetime fit for drawing: probability plots and life against temperature."""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.errors import InputError
from reliability.lifetime.censored_fit import LifetimeFit
from reliability.lifetime.nonparametric import plotting_positions

Array = NDArray[np.float64]


def probability_curves(
    fit: LifetimeFit, conditions: Sequence[Mapping[str, float]], *, confidence: float = 0.9
) -> xr.Dataset:
    """Fitted probability of failure against time at some conditions, and the data at each.

    Parameters
    ----------
    fit : LifetimeFit
    conditions : sequence of mapping of str to float
        Stresses of each condition; an empty mapping where nothing is accelerated.
    confidence : float
        Of the pointwise (Wald, on log-odds) band, two-sided.

    Returns
    -------
    Dataset
        ``time``, ``probability``, ``low``, ``high`` (condition, point); ``seen_time``,
        ``seen_probability`` (condition, failure), NaN where there are fewer failures;
        ``censored_time`` and how many ``censored_units`` had not failed by then (condition, end);
        stresses as coordinates of ``condition``; ``attrs["distribution"]``.

    Examples
    --------
    >>> from reliability.lifetime.censored_fit import fit_lifetime
    >>> fit = fit_lifetime([54, 187, 216, 240, 244, 335, 361, 373, 375, 386])
    >>> probability_curves(fit, [{}])["seen_time"].shape
    (1, 10)
    """
    curves: dict[str, list[Array]] = {n: [] for n in ("time", "probability", "low", "high")}
    seen: list[tuple[Array, Array]] = []
    ends: list[tuple[Array, Array]] = []
    fraction = 1 / (1 + np.exp(-np.linspace(-9, 9, 55)))
    for condition in conditions:
        stress = {name: condition[name] for name in fit.stresses} or None
        time = np.asarray(fit.quantile(fraction, stress, confidence, "wald").value)
        band = fit.failure_probability(time, stress, confidence, "wald")
        for name, values in zip(curves, (time, band.value, band.low, band.high), strict=True):
            curves[name].append(np.asarray(values))
        here = _units_at(fit, condition)
        seen.append(_points(fit, here))
        ends.append(_censored(fit, here))
    failures, censored = _padded(seen), _padded(ends)
    names = sorted({name for condition in conditions for name in condition})
    return xr.Dataset(
        {
            **{name: (("condition", "point"), np.array(rows)) for name, rows in curves.items()},
            "seen_time": (("condition", "failure"), failures[0]),
            "seen_probability": (("condition", "failure"), failures[1]),
            "censored_time": (("condition", "end"), censored[0]),
            "censored_units": (("condition", "end"), censored[1]),
        },
        coords={name: ("condition", [c[name] for c in conditions]) for name in names},
        attrs={"distribution": fit.distribution.name, "confidence": confidence},
    )


def _units_at(fit: LifetimeFit, condition: Mapping[str, float]) -> NDArray[np.bool_]:
    """Which data are of units at the condition."""
    here = np.ones(fit.data.lower.size, dtype=bool)
    for name, value in condition.items():
        if name in fit.data.stress:
            here &= np.isclose(fit.data.stress[name], value, rtol=1e-9)
    return here


def _points(fit: LifetimeFit, here: NDArray[np.bool_]) -> tuple[Array, Array]:
    """Plotting positions of the units of one condition."""
    data = fit.data
    if not np.isfinite(data.upper[here]).any():
        return np.zeros(0), np.zeros(0)
    return plotting_positions(
        lower=data.lower[here], upper=data.upper[here], frequency=data.frequency[here]
    )


def _censored(fit: LifetimeFit, here: NDArray[np.bool_]) -> tuple[Array, Array]:
    """Times until which units had not failed, and how many units."""
    right = here & ~np.isfinite(fit.data.upper)
    times, place = np.unique(fit.data.lower[right], return_inverse=True)
    units = np.bincount(place, fit.data.frequency[right], times.size)
    return times, np.asarray(units, float)


def _padded(pairs: Sequence[tuple[Array, Array]]) -> Array:
    """Pairs of arrays as one, shape (2, pairs, longest), NaN behind the shorter ones."""
    most = max((len(first) for first, _ in pairs), default=0)
    out = np.full((2, len(pairs), most), np.nan)
    for k, pair in enumerate(pairs):
        out[:, k, : len(pair[0])] = pair
    return out


def life_against_temperature(
    fit: LifetimeFit,
    temperatures: Sequence[float],
    fractions: Sequence[float],
    *,
    others: Mapping[str, float] | None = None,
    confidence: float = 0.9,
) -> xr.Dataset:
    """Life by which fractions of the units have failed, against temperature, with bands.

    Parameters
    ----------
    fit : LifetimeFit
        With an acceleration that has a temperature.
    temperatures : sequence of float
        K.
    fractions : sequence of float
    others : mapping of str to float, optional
        The other stresses.
    confidence : float
        Of the band (profile likelihood), two-sided.

    Returns
    -------
    Dataset
        ``life``, ``low``, ``high`` (fraction, temperature); ``seen_time``, ``seen_temperature``
        (failure): failures as they were seen (the end of a read-out interval).

    Raises
    ------
    InputError
        The fit has no temperature.
    """
    if "temperature" not in fit.stresses:
        raise InputError("temperature: the fit has no acceleration with it")
    rows = np.array(
        [
            [
                fit.quantile(p, {**(others or {}), "temperature": float(temperature)}, confidence)
                for temperature in temperatures
            ]
            for p in fractions
        ],
        dtype=float,
    )
    failed = np.isfinite(fit.data.upper)
    dims = ("fraction", "temperature")
    return xr.Dataset(
        {
            "life": (dims, rows[..., 0]),
            "low": (dims, rows[..., 1]),
            "high": (dims, rows[..., 2]),
            "seen_time": ("failure", fit.data.upper[failed]),
            "seen_temperature": ("failure", fit.data.stress["temperature"][failed]),
        },
        coords={"fraction": list(fractions), "temperature": list(temperatures)},
        attrs={"distribution": fit.distribution.name, "confidence": confidence},
    )
