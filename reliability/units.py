"""Quantities at the door: text with a unit in, SI numbers inside, engineers' units in figures."""

import math
import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from reliability.errors import InputError

BOLTZMANN = 8.617333262e-5  # eV/K, CODATA 2018 (exact from the SI definitions, rounded)

_NUMBER_UNIT = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(.*?)\s*$")
_PREFIXES = {-15: "f", -12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T"}


@lru_cache(maxsize=1)
def _registry() -> Any:
    from pint import UnitRegistry  # slow import, and only text needs it

    registry: Any = UnitRegistry(cache_folder=None)
    registry.define("decade = 1")
    return registry


# A unit as it is typed: names with small exponents, and numbers without.
_FACTOR = re.compile(
    r"(?:[^\W\d]|[%°])[\w%°⁻]*(?:\s*(?:\*\*|\^)\s*(?:[-+]?\d{1,2}(?:\.\d{1,3})?"
    r"|\([-+]?\d{1,2}(?:\.\d{1,3})?\)))?|\d{1,9}(?:\.\d{1,9})?"
)
_LONGEST_UNIT = 60


def _is_unit(text: str) -> bool:
    """Whether a text can be a unit, before pint computes it: its powers may have no end.

    >>> [_is_unit(text) for text in ("uS", "1/cm**2", "W/(m K)", "m**(9**9**9)", "9**9**9 m")]
    [True, True, True, False, False]
    """
    rest = _FACTOR.sub("", text) if len(text) <= _LONGEST_UNIT else "**"
    return "**" not in rest and not rest.strip("*/()· \t")


# What files state most is converted without pint, which takes half a second to start.
_MULTIPLES = {"f": 1e-15, "p": 1e-12, "n": 1e-9, "u": 1e-6, "µ": 1e-6, "m": 1e-3, "": 1.0,
              "k": 1e3, "M": 1e6, "G": 1e9}  # fmt: skip
_COUNTS = ("cycle", "cycles", "read", "reads")  # of no angle, as a cycle is in other units
_FACTORS = {
    (prefix + symbol, symbol): factor
    for symbol in ("s", "A", "S", "V", "ohm", "J", "F", "W", "Hz", "m", "eV")
    for prefix, factor in _MULTIPLES.items()
} | {
    ("min", "s"): 60.0, ("h", "s"): 3600.0, ("day", "s"): 86400.0, ("days", "s"): 86400.0,
    ("year", "s"): 31557600.0, ("years", "s"): 31557600.0, ("%", ""): 0.01,
    ("um^2", "m^2"): 1e-12, ("mm^2", "m^2"): 1e-6,
}  # fmt: skip


@lru_cache(maxsize=1024)
def _convert(value: float, unit: str, target: str) -> float:
    if unit == target or (not target and unit in _COUNTS):
        return value
    if (unit, target) in _FACTORS:
        return value * _FACTORS[unit, target]
    if (unit, target) == ("degC", "K"):
        return value + 273.15
    if not _is_unit(unit):
        raise ValueError(unit)
    registry = _registry()
    if not target and str(registry.Quantity(1.0, unit).to_base_units().units) == "radian":
        raise ValueError(unit)  # 5 turns are no pure number
    return float(registry.Quantity(value, unit or "").to(target).magnitude)


def quantity(
    value: str | float,
    unit: str,
    name: str = "value",
    *,
    low: float = -math.inf,
    high: float = math.inf,
) -> float:
    """Convert a number or a text with a unit to the SI number in ``unit``.

    Parameters
    ----------
    value : str or float
        ``"85 degC"``, ``"10 years"``, ``"50 uS"``; a bare number is taken to be in ``unit``.
    unit : str
        Target unit, e.g. ``"K"``; ``""`` for a pure number.
    name : str
        What the message of an error calls it.
    low, high : float
        Closed range that is physically possible, in ``unit``.

    Raises
    ------
    InputError
        Not a number, a unit of another dimension, not finite, or out of range.

    Examples
    --------
    >>> quantity("85 degC", "K")
    358.15
    >>> round(quantity("10 years", "s"))
    315576000
    >>> quantity("3 kg", "K", name="temperature")
    Traceback (most recent call last):
    reliability.errors.InputError: temperature: got '3 kg', which is not in units of K
    """
    neither = f"{name}: got {value!r}, expected a number or '<number> <unit>'"
    if isinstance(value, bool):
        raise InputError(neither)
    if not isinstance(value, (str, int, float)):
        try:
            number = float(value)  # NumPy scalars
        except (TypeError, ValueError):
            raise InputError(neither) from None
    elif isinstance(value, str):
        match = _NUMBER_UNIT.match(value)
        if not match:
            raise InputError(
                f"{name}: got {value!r}, expected "
                + (f"'<number> <unit>' in units of {unit}" if unit else "a number")
            )
        text = match.group(2)
        try:
            number = _convert(float(match.group(1)), text, unit) if text else float(match.group(1))
        except Exception:  # pint raises many kinds, some of them not its own
            raise InputError(
                f"{name}: got {value!r}, which is not in units of {unit or '1'}"
            ) from None
    else:
        number = float(value)
    if not math.isfinite(number):
        raise InputError(f"{name}: got {value!r}, expected a finite number")
    if not low <= number <= high:
        raise InputError(f"{name}: got {value!r}, allowed {_range(low, high)} {unit}".rstrip())
    return number


COLD = 150.0  # K: a bare number below was rather meant in degrees Celsius


def kelvin(value: str | float, name: str = "temperature") -> float:
    """Convert a temperature to K, and warn of a number that looks like degrees Celsius.

    >>> kelvin("25 degC"), kelvin("77 K")
    (298.15, 77.0)
    """
    number = quantity(value, "K", name, low=1e-3, high=2000.0)
    bare = not isinstance(value, str) or re.fullmatch(r"[-+.\deE\s]+", value)
    if bare and number < COLD:
        warnings.warn(
            f"{name}: got {value} without a unit, which is in K; '{value} degC' is in Celsius",
            stacklevel=3,
        )
    return number


def _range(low: float, high: float) -> str:
    if math.isinf(high):
        return f">= {low:g}"
    if math.isinf(low):
        return f"<= {high:g}"
    return f"{low:g} to {high:g}"


def grouped(value: float) -> str:
    """Print a whole number, five digits and more in groups of three.

    >>> grouped(1500), grouped(24600)
    ('1500', '24 600')
    """
    return f"{value:.0f}" if abs(value) < 9999.5 else f"{value:,.0f}".replace(",", " ")


def engineering(value: float, unit: str, digits: int = 3) -> str:
    """Print an SI number as engineers read it.

    >>> engineering(4.9e3, "ohm"), engineering(3.6e-12, "J"), engineering(358.15, "K")
    ('4.9 kΩ', '3.6 pJ', '85 °C')
    >>> engineering(4.86e-14, "m^2"), engineering(2.5e-5, "m^2"), engineering(3.6e4, "W/m^2")
    ('0.0486 µm²', '25 mm²', '3.6 W/cm²')
    >>> engineering(6.71e-9, "m^2"), engineering(1.152e4, "1"), engineering(8e8, "1")
    ('6710 µm²', '11 500', '8e+08')
    """
    if not math.isfinite(value):
        return f"{value} {unit}".strip()
    if unit == "K":
        return f"{value - 273.15:.{digits}g} °C"
    if unit == "s" and abs(value) >= 120:
        return duration(value)
    factor, symbol = engineering_unit(value, unit)
    text = f"{value / factor:.{digits}g}"
    if "e+0" in text and abs(float(text)) < 1e6:
        text = grouped(float(text))
    return f"{text} {symbol}".strip()


def outside(
    name: str, values: Iterable[float], ends: tuple[float, float] | None, unit: str
) -> list[str]:
    """Return a line on the first value that leaves its valid range; none where all are inside.

    >>> outside("retention: temperature", [300.0, 600.0], (273.15, 533.15), "K")
    ['retention: temperature 327 °C is outside the valid range 0 °C to 260 °C']
    """
    low, high = ends or (-math.inf, math.inf)
    for value in values:
        if not low <= value <= high:
            got, *allowed = (engineering(x, unit) for x in (value, low, high))
            hint = " (a number without a unit is in K)" if unit == "K" and value < COLD else ""
            return [f"{name} {got}{hint} is outside the valid range {' to '.join(allowed)}"]
    return []


def engineering_unit(value: float, unit: str) -> tuple[float, str]:
    """Return the unit with the prefix in which a number is read best, and its size in ``unit``.

    >>> engineering_unit(4.9e3, "ohm"), engineering_unit(2e-5, "S"), engineering_unit(0.5, "1")
    ((1000.0, 'kΩ'), (1e-06, 'µS'), (1.0, ''))
    >>> engineering_unit(5e-4, "1/K")
    (1.0, '1/K')
    """
    if unit == "m^2":  # prefixes are squared with the metre
        return (1e-6, "mm²") if abs(value) >= 1e-8 else (1e-12, "µm²")
    if unit == "W/m^2":
        return 1e4, "W/cm²"
    symbol = {"ohm": "Ω", "1": ""}.get(unit, unit)
    if symbol in {"", "%", "mm", "eV", "K", "eV/K"} or symbol.startswith("1/") or value == 0:
        return 1.0, symbol
    exponent = 3 * math.floor(math.log10(abs(value)) / 3 + 1e-12)
    exponent = min(max(exponent, -15), 12)
    return 10.0**exponent, f"{_PREFIXES[exponent]}{symbol}"


def duration(seconds: float) -> str:
    """Print a time as reliability tests state it: years, whole days, else hours down to seconds.

    Read-outs such as 1000 h stay in hours, which are round where days or years are not.

    >>> duration(3600.0), duration(315576000.0), duration(0.0), duration(1.0e8)
    ('1 h', '10 years', '0 s', '3.17 years')
    >>> duration(3.6e6), duration(3.6e7), duration(30 * 86400.0), duration(2.0e5)
    ('1000 h', '10 000 h', '30 days', '55.6 h')
    >>> duration(3000 * 3600.0), duration(168 * 3600.0)  # whichever has fewer digits
    ('3000 h', '7 days')
    >>> duration(7e10), duration(1e-7)
    ('2220 years', '100 ns')
    """
    years, days, hours = (seconds / size for size in (31557600.0, 86400.0, 3600.0))
    if years >= 0.9995 and (_is_round(years) or not _is_round(hours)):
        many = grouped(float(f"{years:.3g}")) if 1000 <= years < 1e9 else f"{years:.3g}"
        return f"{many} year{'s' * (round(years, 2) != 1)}"
    whole = 0.9995 <= days < 1000 and abs(days - round(days)) < 1e-9 * days
    if whole and _digits(days) <= _digits(hours):
        return f"{days:.0f} day{'s' * (days > 1)}"
    if hours >= 0.9995:
        return f"{grouped(float(f'{hours:.3g}')) if hours >= 100 else f'{hours:.3g}'} h"
    if seconds >= 59.97:
        return f"{seconds / 60:.3g} min"
    return engineering(seconds, "s") if 0 < seconds < 0.9995 else f"{seconds:.3g} s"


def _digits(value: float) -> int:
    """Number of digits without the zeros at the end of a whole number."""
    return len(f"{value:.0f}".rstrip("0"))


def _is_round(value: float) -> bool:
    """Tell whether three digits are all that a number has."""
    return math.isclose(value, float(f"{value:.3g}"), rel_tol=1e-9)


@dataclass(frozen=True)
class Unit:
    """The SI unit of a typed value, for those who print values by the name of their key."""

    symbol: str


def _typed(unit: str, low: float, high: float = math.inf) -> BeforeValidator:
    return BeforeValidator(lambda value: quantity(value, unit, low=low, high=high))


# Types for specifications and cards: text with a unit or a bare SI number, checked at the door.
_Quantity = WithJsonSchema({"type": ["number", "string"]})
Kelvin = Annotated[float, Unit("K"), _typed("K", 1e-3, 2000.0), _Quantity]
Seconds = Annotated[float, Unit("s"), _typed("s", 0.0), _Quantity]
Amperes = Annotated[float, Unit("A"), _typed("A", 0.0), _Quantity]
Siemens = Annotated[float, Unit("S"), _typed("S", 0.0), _Quantity]
Ohms = Annotated[float, Unit("ohm"), _typed("ohm", 0.0), _Quantity]
Volts = Annotated[float, Unit("V"), _typed("V", -100.0, 100.0), _Quantity]
Joules = Annotated[float, Unit("J"), _typed("J", 0.0), _Quantity]
Metres = Annotated[float, Unit("m"), _typed("m", 0.0), _Quantity]
SquareMetres = Annotated[float, Unit("m^2"), _typed("m^2", 0.0), _Quantity]
WattsPerArea = Annotated[float, Unit("W/m^2"), _typed("W/m^2", 0.0), _Quantity]
NonNegative = Annotated[float, Unit(""), _typed("", 0.0), _Quantity]
Share = Annotated[float, Unit(""), _typed("", 0.0, 1.0), _Quantity]
