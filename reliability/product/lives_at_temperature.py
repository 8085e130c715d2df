"""Life at each test temperature, and the acceleration model through it, for an Arrhenius plot."""

import math

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.errors import InputError
from reliability.lifetime.censored_fit import NoMaximum, fit_lifetime
from reliability.lifetime.claims import FEW
from reliability.product.mechanisms import Answer, pooled_units
from reliability.product.mission_equivalent import log_factor

Array = NDArray[np.float64]


def lives_at_temperature(answer: Answer) -> xr.Dataset:
    """Return median lives at the test temperatures, and lower limits of life against temperature.

    Parameters
    ----------
    answer : Answer
        With a finding over time.

    Returns
    -------
    Dataset
        ``median``, ``low``, ``high`` (tested): of a fit to the failures at one temperature alone,
        NaN with fewer than three; ``longest`` (tested): longest time on test; ``failed``,
        ``units`` (tested). ``arrhenius`` and ``t_model`` (temperature): lower confidence bound of
        the time by which the claimed fraction has failed. Times are at the voltage of the mission.
    """
    found = answer.found
    assert found is not None
    claim = found.claim
    units = pooled_units(answer.tests)
    kelvin = units["temperature"].values
    scale = np.array([_of_voltage(answer, t) for t in answer.tests])
    factor = np.repeat(scale, [t.units.sizes["unit"] for t in answer.tests])
    tested = np.unique(kelvin)
    columns: dict[str, list[float]] = {
        n: [] for n in ("median", "low", "high", "longest", "failed", "units")
    }
    for temperature in tested:
        here = kelvin == temperature
        lower, upper = (units[n].values[here] * factor[here] for n in ("lower", "upper"))
        count = units["frequency"].values[here]
        for name, value in zip(
            columns,
            (*_median(lower, upper, count, 2 * claim.confidence - 1),
             float(np.where(np.isfinite(upper), upper, lower).max()),
             float(count[np.isfinite(upper)].sum()), float(count.sum())),
            strict=True,
        ):  # fmt: skip
            columns[name].append(value)
    ends = np.array([*tested, claim.stress["temperature"]])
    grid = 1 / np.linspace(1 / (ends.max() + 10), 1 / (ends.min() - 10), 41)
    lines = {"arrhenius": [_life(answer, "arrhenius", t) for t in grid]}
    if answer.t_model is not None:
        lines["t_model"] = [_life(answer, "t_model", t) for t in grid]
    return xr.Dataset(
        {name: ("tested", values) for name, values in columns.items()}
        | {name: ("temperature", values) for name, values in lines.items()},
        coords={"tested": tested, "temperature": grid},
    )


def _of_voltage(answer: Answer, test: object) -> float:
    """Time at the voltage of the mission over the time of a test."""
    found = answer.found
    assert found is not None
    stress, use = test.stress, found.claim.stress  # type: ignore[attr-defined]
    for model, name in (("voltage_exponential", "voltage_acceleration"),
                        ("inverse_power", "exponent")):  # fmt: skip
        if name in found.coefficients:
            one, at = ({"voltage": each["voltage"]} for each in (stress, use))
            return math.exp(log_factor(model, at, one, found.coefficients))
    return 1.0


def _median(
    lower: Array, upper: Array, count: Array, confidence: float
) -> tuple[float, float, float]:
    """Median of the better of a Weibull and a log-normal fit, with its interval."""
    none = (math.nan, math.nan, math.nan)
    if count[np.isfinite(upper)].sum() < FEW:
        return none
    fits = []
    for name in ("weibull", "lognormal"):
        try:
            fits.append(fit_lifetime(
                lower=lower, upper=upper, frequency=count, distribution=name
            ))  # fmt: skip
        except (NoMaximum, InputError):
            continue
    if not fits:
        return none
    value, low, high = min(fits, key=lambda fit: fit.aicc).quantile(0.5, None, confidence)
    return float(value), float(low), float(high)


def _life(answer: Answer, model: str, temperature: float) -> float:
    found = answer.t_model if model == "t_model" else answer.found
    assert found is not None
    if not {"activation_energy", "temperature_slope"} & set(found.coefficients):
        return found.life_bound if temperature == found.claim.stress["temperature"] else math.nan
    use = {"temperature": found.claim.stress["temperature"]}
    faster = log_factor(model, use, {"temperature": temperature}, found.coefficients)
    return found.life_bound * math.exp(-faster)
