"""The constant condition that ages as much as a mission, and acceleration factors to it.

Temperatures act by the Arrhenius law (or the T-model), voltages by an exponential or an inverse
power. The equivalent condition has the total time of the mission and its highest voltage; the
temperature follows.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from reliability.lifetime.acceleration import acceleration, arrhenius
from reliability.product.plan_tables import SegmentTable
from reliability.product.qualification_plan import LifeTest
from reliability.units import BOLTZMANN

Floats = NDArray[np.float64]
VOLTAGE_MODELS = {"exponential": "voltage_exponential", "inverse_power": "inverse_power"}


def log_factor(
    models: str, reference: Mapping[str, float], stress: Mapping[str, float],
    coefficients: Mapping[str, float],
) -> float:  # fmt: skip
    """Logarithm of how many times faster a condition ages than the reference.

    Parameters
    ----------
    models : str
        Of `reliability.lifetime.acceleration`, joined by ``+``.
    reference, stress : mapping of str to float
        K, V.
    coefficients : mapping of str to float

    Examples
    --------
    >>> factor = log_factor("arrhenius", {"temperature": 328.15}, {"temperature": 398.15},
    ...     {"activation_energy": 0.7})
    >>> round(math.exp(factor), 1)
    77.6
    """
    chosen = acceleration(models, list(reference))
    (cold, cold_offset), (hot, hot_offset) = (
        chosen.regressors(reference), chosen.regressors({k: stress[k] for k in reference})
    )  # fmt: skip
    values = np.array([coefficients[name] for name in chosen.coefficients])
    return float(((cold - hot) @ values + cold_offset - hot_offset)[0])


def equivalent_temperature(
    times: Sequence[float], temperatures: Sequence[float], activation_energy: float,
    factors: Sequence[float] | None = None,
) -> float:  # fmt: skip
    """Return the constant temperature, K, that ages as much as segments in the same total time.

    Parameters
    ----------
    times, temperatures : sequence of float
    activation_energy : float
        eV; the highest temperature where it is 0 or less.
    factors : sequence of float, optional
        Other acceleration factors of the segments, to the condition that is wanted.

    Examples
    --------
    >>> round(equivalent_temperature([1.0, 1.0], [300.0, 400.0], 1.0), 1)
    390.7
    """
    t, kelvin = np.asarray(times, float), np.asarray(temperatures, float)
    hottest = float(kelvin.max())
    if activation_energy <= 0 or t.sum() == 0:
        return hottest
    rates = arrhenius(hottest, kelvin, activation_energy) * (1.0 if factors is None else factors)
    rate = float((t / t.sum()) @ np.asarray(rates, float))
    return float(1 / (1 / hottest - BOLTZMANN * math.log(rate) / activation_energy))


def equivalent_t_model(
    times: Sequence[float], temperatures: Sequence[float], slope: float,
    factors: Sequence[float] | None = None,
) -> float:  # fmt: skip
    """Return the same with life linear in T: ln life falls by ``slope`` for each kelvin.

    Examples
    --------
    >>> round(equivalent_t_model([1.0, 1.0], [300.0, 400.0], 0.1), 1)
    393.1
    """
    t, kelvin = np.asarray(times, float), np.asarray(temperatures, float)
    hottest = float(kelvin.max())
    rates = np.exp(slope * (kelvin - hottest)) * (1.0 if factors is None else factors)
    return hottest + math.log(float((t / t.sum()) @ np.asarray(rates, float))) / slope


def voltage_factors(
    segments: Sequence[SegmentTable], model: str, coefficients: Mapping[str, float]
) -> tuple[float, list[float]]:
    """Return the highest voltage of a mission, and how much slower each segment ages at its own."""
    volts = np.array([segment.voltage for segment in segments], float)
    highest = float(volts.max())
    if model == "inverse_power":
        return highest, list((volts / highest) ** coefficients.get("exponent", 0.0))
    slope = coefficients.get("voltage_acceleration", 0.0)
    return highest, list(np.exp(slope * (volts - highest)))


def has_voltage(tests: Sequence[LifeTest], segments: Sequence[SegmentTable]) -> bool:
    """Whether voltage is a stress of tests: the mission and all of them state it."""
    return segments[0].voltage is not None and all(t.table.voltage is not None for t in tests)
