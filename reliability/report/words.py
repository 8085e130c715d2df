"""Numbers and stress conditions in words, as the documents say them."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from reliability.units import duration, engineering

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_POWER = re.compile(r"(?<![\w.])(\d(?:\.\d+)?)e([+-]\d+)\b")
_UNIT = re.compile(
    r"(?<=\d) (?=%|°C|\d{3}(?!\d)|"
    r"(?:[fpnµmkMGT]?(?:Ω|S|V|A|J|s|W|Hz|F)|eV|h|min|ppm|FIT|days?|years?|points?)\b)"
)


def typeset(text: str) -> str:
    """Set the numbers of a sentence as they are printed; units stay on the line of their number.

    >>> typeset("1.5e+03 years, 8e+08 reads, 1e+14 reads, p <= 2.5e-06").replace("\xa0", " ")
    '1,500 years, 8×10⁸ reads, 10¹⁴ reads, p ≤ 2.5×10⁻⁶'
    """
    text = _POWER.sub(_power, text.replace("<=", "≤").replace(">=", "≥"))
    return _UNIT.sub("\xa0", text)


def _power(match: re.Match[str]) -> str:
    factor, exponent = match.group(1), int(match.group(2))
    if 0 <= exponent < 6:
        return f"{float(match.group()):,.0f}"
    ten = f"10{str(exponent).translate(_RAISED)}"
    return ten if factor == "1" else f"{factor}×{ten}"


def in_words(name: str) -> str:
    """Print the dotted name of a parameter or a phenomenon of a card as words.

    >>> in_words("read_disturb.LRS.voltage_slope")
    'read disturb LRS voltage slope'
    """
    return name.replace(".", " ").replace("_", " ")


def percent(value: float, digits: int = 1) -> str:
    """Print a fraction as the document does.

    >>> percent(0.8372)
    '83.7 %'
    """
    return f"{value * 100:.{digits}f} %"


def fraction_text(value: float) -> str:
    """Print a fraction of cells or chips, small ones in parts per million.

    >>> fraction_text(0.0123), fraction_text(3.2e-5), fraction_text(0.0)
    ('1.23 %', '32 ppm', '0 %')
    """
    if value == 0:
        return "0 %"
    return percent(value, 2) if value >= 1e-4 else f"{value * 1e6:.3g} ppm"


def ppm_text(value: float) -> str:
    """Print failing parts in a million, many of them in percent.

    >>> ppm_text(12.34), ppm_text(2500.0), ppm_text(34567.0), ppm_text(1e-30)
    ('12.3 ppm', '2,500 ppm', '3.46 %', 'below 10⁻⁶ ppm')
    """
    if value >= 1e4:
        return f"{value / 1e4:.3g} %"
    if 0 < value < 1e-6:
        return typeset("below 1e-06 ppm")
    return f"{value:,.0f} ppm" if value >= 1000 else typeset(f"{value:.3g} ppm")


def rate_text(value: float) -> str:
    """Print an error rate as a power of ten.

    >>> rate_text(2.5e-7), rate_text(1e-6), rate_text(0.0)
    ('2.5×10⁻⁷', '10⁻⁶', '0')
    """
    return typeset(f"{value:.1e}".replace(".0e", "e")) if value else "0"


def percent_range(found: Mapping[str, Any], digits: int = 1) -> str:
    """Print the interval of an answer.

    >>> percent_range({"low": 0.81, "high": 0.85})
    '81.0 % to 85.0 %'
    """
    return f"{percent(found['low'], digits)} to {percent(found['high'], digits)}"


def interval_text(ends: str, confidence: float) -> str:
    """Print an interval with its confidence level.

    >>> interval_text("40 to 60 lines", 0.95)
    '40 to 60 lines, 95 % confidence'
    """
    return f"{ends}, {percent(confidence, 0)} confidence"


def listed(values: Sequence[float], unit: str) -> str:
    """Print values, or the first and the last of many.

    >>> listed((298.15, 358.15), "K")
    '25 °C, 85 °C'
    """
    if len(values) > 3:
        return f"{engineering(values[0], unit)} to {engineering(values[-1], unit)}"
    return ", ".join(engineering(value, unit) for value in values)


def of_age(age: dict[str, float]) -> str:
    """Say a stress condition inside a sentence.

    >>> of_age({"time": 3600.0, "temperature": 358.15})
    'after 1 h at 85 °C'
    """
    title = age_title(age)
    return title[0].lower() + title[1:]


def age_title(age: dict[str, float]) -> str:
    """Say the stress that a chip has been through.

    >>> age_title({"time": 3600.0, "temperature": 358.15})
    'After 1 h at 85 °C'
    """
    reads = ""
    if age.get("inferences"):
        reads = f"{age['inferences']:.3g} inferences at {engineering(age['read_voltage'], 'V')}"
    elif age.get("reads"):
        reads = f"{age['reads']:.3g} reads at {engineering(age['read_voltage'], 'V')}"
    cycles = f"{age['cycles']:.5g} cycles" if age.get("cycles") else ""
    reads, cycles = typeset(reads), typeset(cycles)
    if age["time"] == 0:
        both = " and ".join(filter(None, (cycles, reads)))
        return f"After {both}" if both else "As programmed"
    first = f"{cycles}, then " if cycles else ""
    title = f"After {first}{duration(age['time'])} at {engineering(age['temperature'], 'K')}"
    return f"{title} and {reads}" if reads else title
