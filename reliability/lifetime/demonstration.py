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

from scipy import special

from reliability.errors import InputError, fraction
from reliability.lifetime.acceleration import arrhenius
from reliability.statistics.proportions import binomial_bound
from reliability.units import duration, engineering, grouped

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
    confidence: float = 0.6, replacement: bool = False,
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
    replacement : bool
        Failed devices were replaced or repaired, so that more may fail than were on test.

    Raises
    ------
    InputError
        A value that is not possible.

    Notes
    -----
    ``chi2(confidence; 2 failures + 2) / (2 devices hours acceleration) * 1e9`` [1]_, for a constant
    failure rate and a test of fixed duration. Exact without a failure; with some it holds in more
    than the stated fraction of tests, as bounds of a count do.

    Examples
    --------
    >>> round(failure_rate_bound(devices=231, hours=1000, acceleration=77.9, confidence=0.6), 1)
    50.9
    """
    _positive(devices=devices, hours=hours, acceleration=acceleration)
    _count(failures=failures)
    fraction(confidence, "confidence")
    if failures > devices and not replacement:
        raise InputError(
            f"failures: got {failures}, more than {devices:g} devices, allowed with replacement"
        )
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
    fraction(probability, "probability")
    fraction(confidence, "confidence")
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
    Weibull: ``1 - F_test = (1 - F_use)^((AF t_test / t_use)^shape)`` [4]_ (section 10.6); the
    number of devices follows from the exact binomial bound.

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
    fraction(probability, "probability")
    fraction(confidence, "confidence")
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


def data_sheet_sentence(
    quantity: str,
    bound: float,
    *,
    time: float | str,
    temperature: float | str | None,
    confidence: float,
    assumptions: Sequence[str],
    unit: str = "",
    one_sided: bool = False,
) -> str:
    """Write the sentence that may be printed on a data sheet.

    Parameters
    ----------
    quantity : str
        E.g. ``"cumulative failures"`` (printed in % or ppm) or ``"BER"``.
    bound : float
        Upper bound of it; printed with two digits, rounded up, so that the sentence stays true.
    time : float or str
        In s, or as it is printed (``"10⁶ cycles"``).
    temperature : float, str or None
        In K, or as it is printed (``"85 °C and 100 mV"``), or none.
    confidence : float
    assumptions : sequence of str
        All of them, at least one: no such statement holds without.
    unit : str
        Of the bound.
    one_sided : bool
        Whether to say that the confidence is one-sided.

    Raises
    ------
    InputError
        No assumption is named, or a value that is not possible.

    Examples
    --------
    >>> data_sheet_sentence("cumulative failures", 9.4e-4, time=315576000.0, temperature=328.15,
    ...     confidence=0.9, assumptions=["Ea = 0.7 eV"])
    'Cumulative failures ≤ 0.094 % after 10 years at 55 °C (90 % confidence), given: Ea = 0.7 eV.'
    """
    if not assumptions:
        raise InputError("assumptions: got none, at least one is required")
    if isinstance(temperature, (int, float)):
        _positive(temperature=temperature)
        temperature = engineering(temperature, "K")
    fraction(confidence, "confidence")
    if not (math.isfinite(bound) and bound >= 0):
        raise InputError(f"bound: got {bound!r}, allowed a finite number of 0 or more")
    value = _rounded_up(bound)
    text = printed(value) if unit or quantity == "BER" else printed_fraction(value)
    when = time if isinstance(time, str) else duration(time)
    where = f" at {temperature}" if temperature else ""
    return (
        f"{quantity[:1].upper()}{quantity[1:]} ≤ {f'{text} {unit}'.strip()} after {when}{where} "
        f"({100 * confidence:g} % confidence{', one-sided' if one_sided else ''}), "
        f"given: {'; '.join(assumptions)}."
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


def printed(value: float, digits: int = 2) -> str:
    """Print a number with powers of ten and grouped thousands.

    >>> printed(2.4e-6), printed(24600.0, 3), printed(130.0), printed(0.031), printed(1e8)
    ('2.4 × 10⁻⁶', '24 600', '130', '0.031', '10⁸')
    """
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    if 1e-3 <= abs(value) < 1e6:
        rounded = float(f"{value:.{digits}g}")
        whole = rounded >= 10 ** (digits - 1)
        return grouped(rounded) if whole else f"{rounded:.{digits}g}"
    factor, exponent = f"{value:.{digits - 1}e}".split("e")
    ten = "10" + str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return ten if float(factor) == 1 else f"{float(factor):g} × {ten}"


def printed_fraction(value: float, digits: int = 2) -> str:
    """Print a fraction of units in per cent or ppm.

    >>> printed_fraction(0.01), printed_fraction(9.4e-4), printed_fraction(2.4e-6)
    ('1 %', '0.094 %', '2.4 ppm')
    """
    if value == 0 or value >= 1e-4:
        return f"{100 * value:.{digits}g} %" if value < 0.1 else f"{100 * value:.3g} %"
    return f"{printed(1e6 * value, digits)} ppm"


def _positive(**values: float) -> None:
    for name, value in values.items():
        if not (math.isfinite(value) and value > 0):
            raise InputError(f"{name}: got {value!r}, allowed a finite number greater than 0")


def _count(**values: int) -> None:
    for name, value in values.items():
        if not (value >= 0 and value == int(value)):
            raise InputError(f"{name}: got {value!r}, allowed a whole number of 0 or more")
