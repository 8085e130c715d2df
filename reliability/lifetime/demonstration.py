"""Zero- and few-failure plans, failure rates in FIT, and what may be printed on a data sheet.

References
----------
.. [1] JEDEC JESD85, "Methods for Calculating Failure Rates in Units of FITs", 2001.
.. [2] JEDEC JESD47, "Stress-Test-Driven Qualification of Integrated Circuits".
.. [3] JEDEC JESD22-A117, "Electrically Erasable Programmable ROM (EEPROM) Program/Erase Endurance
   and Data Retention Stress Test", 2018.
.. [4] W. Q. Meeker, L. A. Escobar, "Statistical Methods for Reliability Data", Wiley, 1998,
   sections 8.5 and 10.6.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from reliability.errors import InputError
from reliability.lifetime.acceleration import arrhenius
from reliability.statistics.proportions import binomial_bound
from reliability.units import duration, engineering

if TYPE_CHECKING:
    import pandas as pd

_PER_FIT = 1e9  # 1 FIT is one failure in 1e9 device hours


class StressTest(NamedTuple):
    """A test of a qualification: how many devices, for how long, how many may fail."""

    name: str
    lots: int
    devices_per_lot: int
    allowed_failures: int
    condition: str

    @property
    def devices(self) -> int:
        """Devices of all lots."""
        return self.lots * self.devices_per_lot


# Table of JESD47I as Micron TN-12-30 (rev. B, 2015) and iST print it; the condition in words.
JESD47_TESTS: tuple[StressTest, ...] = (
    StressTest("high-temperature operating life", 3, 77, 0, "1000 h at a junction >= 125 degC"),
    StressTest("uncycled high-temperature data retention", 3, 77, 0, "1000 h at 125 degC"),
    StressTest("cycling endurance", 3, 77, 0, "specified cycles at 25 degC and at >= 55 degC"),
    StressTest("post-cycling data retention", 3, 39, 0, "after cycling at >= 55 degC"),
    StressTest("low-temperature retention and read disturb", 3, 38, 0, "500 h at 25 degC"),
)


def failure_rate_bound(
    *, devices: float, hours: float, failures: int = 0, acceleration: float = 1.0,
    confidence: float = 0.6,
) -> float:  # fmt: skip
    """Upper confidence bound of a constant failure rate, in FIT (failures in 1e9 device hours).

    Parameters
    ----------
    devices : float
        Number of devices on test.
    hours : float
        Duration of the test of each, in h.
    failures : int
    acceleration : float
        How many times faster time passes in the test than in use.
    confidence : float
        One-sided; data sheets use 0.6 or 0.9.

    Raises
    ------
    InputError
        A value that is not possible.

    Notes
    -----
    ``chi2(confidence; 2 failures + 2) / (2 devices hours acceleration) * 1e9`` [1]_, for a constant
    failure rate and a test of fixed duration. Exact without a failure; with some it holds in more
    than the stated share of tests, as bounds of a count do.

    Examples
    --------
    >>> round(failure_rate_bound(devices=231, hours=1000, acceleration=77.9, confidence=0.6), 1)
    50.9
    """
    _positive(devices=devices, hours=hours, acceleration=acceleration)
    _count(failures=failures)
    _probability(confidence=confidence)
    if failures > devices:
        raise InputError(f"failures: got {failures}, more than {devices:g} devices")
    quantile = special.chdtri(2 * failures + 2, 1 - confidence)
    return float(quantile / (2 * devices * hours * acceleration) * _PER_FIT)


def sample_size(probability: float, *, failures: int = 0, confidence: float = 0.9) -> int:
    """Fewest devices with which at most ``failures`` show a failure probability.

    Parameters
    ----------
    probability : float
        Claimed upper bound, between 0 and 1.
    failures : int
        Number that may fail.
    confidence : float

    Returns
    -------
    int
        Smallest n for which the exact binomial bound is not above ``probability``.

    Raises
    ------
    InputError
        A value that is not possible.

    Examples
    --------
    231 devices without a failure show 1 % at 90 % confidence; 230 suffice.

    >>> sample_size(0.01), sample_size(0.03)
    (230, 76)
    """
    _probability(probability=probability, confidence=confidence)
    _count(failures=failures)

    def shown(devices: int) -> bool:
        return binomial_bound(failures, devices, confidence) <= probability

    # Poisson start, then bisect.
    low = failures + 1
    high = max(int(special.chdtri(2 * failures + 2, 1 - confidence) / 2 / probability) + 2, low)
    while not shown(high):
        high *= 2
    if shown(low):
        return low
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if shown(middle) else (middle, high)
    return high


def weibull_scale_bound(
    times: ArrayLike, *, failures: int = 0, shape: float, confidence: float = 0.9
) -> float:
    """Lower bound of a Weibull scale with a known shape, also without a failure.

    Parameters
    ----------
    times : array_like
        Time on test of each device, failed or not, greater than 0.
    failures : int
    shape : float
        Assumed; the bound holds only if the shape does.
    confidence : float
        One-sided.

    Returns
    -------
    float
        In the unit of ``times``.

    Raises
    ------
    InputError
        A value that is not possible.

    Notes
    -----
    ``(2 sum(t^shape) / chi2(confidence; 2 failures + 2))^(1/shape)`` [4]_ (section 8.5).

    Examples
    --------
    >>> round(weibull_scale_bound([1000.0] * 77, shape=1.0, confidence=0.9))
    33441
    """
    t = np.asarray(times, float).ravel()
    if t.size == 0 or not np.all(np.isfinite(t) & (t > 0)):
        raise InputError("times: got a value that is not greater than 0")
    _positive(shape=shape)
    _count(failures=failures)
    _probability(confidence=confidence)
    if failures > t.size:
        raise InputError(f"failures: got {failures}, more than {t.size} devices")
    # Powers of times relative to the longest cannot overflow.
    longest = t.max()
    total = np.sum((t / longest) ** shape)
    quantile = special.chdtri(2 * failures + 2, 1 - confidence)
    return float(longest * (2 * total / quantile) ** (1 / shape))


def plan_test(
    *,
    probability: float,
    use_time: float,
    use_temperature: float,
    test_temperatures: Sequence[float],
    test_times: Sequence[float],
    activation_energy: float,
    shape: float = 1.0,
    failures: int = 0,
    confidence: float = 0.9,
) -> "pd.DataFrame":
    """How many devices for how long at which temperature show a claim.

    The claim: at most a fraction ``probability`` fails within ``use_time`` at ``use_temperature``.

    Parameters
    ----------
    probability : float
    use_time : float
        In any unit.
    use_temperature : float
        In K.
    test_temperatures : sequence of float
        In K; within the range over which the mechanism is the same.
    test_times : sequence of float
        In the unit of ``use_time``.
    activation_energy : float
        In eV; the plan holds only if it does.
    shape : float
        Weibull shape, assumed.
    failures : int
        Number that may fail in the test.
    confidence : float

    Returns
    -------
    pandas.DataFrame
        Columns ``temperature``, ``time``, ``acceleration``, ``test_probability`` (of failure
        within the test if the claim is just true) and ``devices``.

    Raises
    ------
    InputError
        A value that is not possible.

    Notes
    -----
    Under a Weibull law ``1 - F_test = (1 - F_use)^((AF t_test / t_use)^shape)`` [4]_ (section
    10.6); the number of devices follows from the exact binomial bound.

    Examples
    --------
    >>> plan = plan_test(probability=0.01, use_time=87660, use_temperature=328.15,
    ...     test_temperatures=[398.15], test_times=[1000, 2000], activation_energy=0.7)
    >>> plan["devices"].tolist()
    [259, 130]
    """
    import pandas as pd

    _positive(
        use_time=use_time, use_temperature=use_temperature, activation_energy=activation_energy,
        shape=shape,
    )  # fmt: skip
    _probability(probability=probability, confidence=confidence)
    rows = []
    for temperature in test_temperatures:
        _positive(test_temperature=temperature)
        factor = float(arrhenius(use_temperature, temperature, activation_energy))
        for time in test_times:
            _positive(test_time=time)
            exponent = (factor * time / use_time) ** shape
            in_test = -math.expm1(exponent * math.log1p(-probability))
            size = failures + 1
            if in_test < 1 - 1e-12:
                size = sample_size(in_test, failures=failures, confidence=confidence)
            rows.append((temperature, time, factor, in_test, size))
    columns = ["temperature", "time", "acceleration", "test_probability", "devices"]
    return pd.DataFrame(rows, columns=columns)


class Verdict(NamedTuple):
    """Outcome of a qualification.

    ``margin`` is the limit over the bound: above 1 it is passed with room.
    """

    passed: bool
    bound: float
    limit: float
    confidence: float
    margin: float


def qualify(failures: int, trials: int, *, limit: float, confidence: float = 0.9) -> Verdict:
    """Whether a count of failures shows that their probability is within a limit.

    Parameters
    ----------
    failures, trials : int
    limit : float
        Allowed probability.
    confidence : float
        One-sided; the bound is the exact binomial one.

    Returns
    -------
    Verdict

    Raises
    ------
    InputError
        A value that is not possible.

    Examples
    --------
    >>> verdict = qualify(0, 231, limit=0.01)
    >>> verdict.passed, round(verdict.margin, 3)
    (True, 1.008)
    """
    _count(failures=failures, trials=trials)
    _probability(limit=limit, confidence=confidence)
    if trials < 1 or failures > trials:
        raise InputError(f"trials: got {trials} with {failures} failures")
    bound = binomial_bound(failures, trials, confidence)
    return Verdict(bound <= limit, bound, limit, confidence, limit / bound)


def consumer_risk(probability: float, devices: int, failures: int = 0) -> float:
    """Chance that a population with this failure probability passes a sample plan.

    Parameters
    ----------
    probability : float
    devices : int
    failures : int
        Number that may fail.

    Examples
    --------
    >>> round(consumer_risk(0.01, 231), 3)
    0.098
    """
    _probability(probability=probability)
    _count(devices=devices, failures=failures)
    return float(special.bdtr(failures, devices, probability))


def data_sheet_sentence(
    quantity: str,
    bound: float,
    *,
    time: float | str,
    temperature: float | str | None,
    confidence: float,
    assumptions: Sequence[str],
    unit: str = "",
) -> str:
    """Write the sentence that may be printed on a data sheet.

    Parameters
    ----------
    quantity : str
        E.g. ``"BER"``.
    bound : float
        Upper bound of it; printed with two digits, rounded up, so that the sentence stays true.
    time : float or str
        In s, or as it is printed (``"1e+06 cycles"``).
    temperature : float, str or None
        In K, or as it is printed (``"85 °C and 100 mV"``), or none.
    confidence : float
    assumptions : sequence of str
        All of them, at least one: no such statement holds without.
    unit : str
        Of the bound.

    Raises
    ------
    InputError
        No assumption is named, or a value that is not possible.

    Examples
    --------
    >>> data_sheet_sentence("BER", 2.4e-6, time=315576000.0, temperature=358.15, confidence=0.9,
    ...     assumptions=["Arrhenius, Ea = 1.1 eV"])
    'BER after 10 years at 85 °C <= 2.4e-06 at 90 % confidence, given: Arrhenius, Ea = 1.1 eV.'
    """
    if not assumptions:
        raise InputError("assumptions: got none, at least one is required")
    if isinstance(temperature, (int, float)):
        _positive(temperature=temperature)
        temperature = engineering(temperature, "K")
    _probability(confidence=confidence)
    if not (math.isfinite(bound) and bound >= 0):
        raise InputError(f"bound: got {bound!r}, allowed a finite number of 0 or more")
    value = f"{_rounded_up(bound):.2g} {unit}".strip()
    when = time if isinstance(time, str) else duration(time)
    where = f" at {temperature}" if temperature else ""
    return (
        f"{quantity} after {when}{where} <= {value} "
        f"at {100 * confidence:g} % confidence, given: {'; '.join(assumptions)}."
    )


def _rounded_up(value: float) -> float:
    """Round to two significant digits, never down.

    >>> _rounded_up(0.1141), _rounded_up(2.4e-6), _rounded_up(0.0)
    (0.12, 2.4e-06, 0.0)
    """
    if value == 0:
        return 0.0
    digits = 1 - math.floor(math.log10(value))
    return float(f"{math.ceil(value * 10.0**digits * (1 - 1e-9))}e{-digits}")


def _positive(**values: float) -> None:
    for name, value in values.items():
        if not (math.isfinite(value) and value > 0):
            raise InputError(f"{name}: got {value!r}, allowed a finite number greater than 0")


def _count(**values: int) -> None:
    for name, value in values.items():
        if not (value >= 0 and value == int(value)):
            raise InputError(f"{name}: got {value!r}, allowed a whole number of 0 or more")


def _probability(**values: float) -> None:
    for name, value in values.items():
        if not 0 < value < 1:
            raise InputError(f"{name}: got {value!r}, allowed between 0 and 1")
