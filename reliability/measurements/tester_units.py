"""The units that testers write: a closed vocabulary with case rules, and their SI units.

A unit library goes too far here: in it "a" is a year and "dB" a ratio, and "min" may be a
minimum. Here a text is one of the units below, with an SI prefix where one makes sense, or unknown.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

_PREFIXES = {
    **{"f": 1e-15, "p": 1e-12, "n": 1e-9, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "m": 1e-3, "": 1.0},
    **{"k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12},
}
_LONG_PREFIXES = {
    **{"femto": 1e-15, "pico": 1e-12, "nano": 1e-9, "micro": 1e-6, "milli": 1e-3},
    **{"kilo": 1e3, "mega": 1e6, "giga": 1e9},
}
# SI unit: its symbols as written, then its words in any case. Symbols and words take a prefix.
_PREFIXED = {
    "A": ("A a", "amp amps ampere amperes"),
    "V": ("V v", "volt volts"),
    "ohm": ("Ω Ω Ohm OHM ohm Ohms OHMS ohms", ""),
    "S": ("S", "siemens mho"),
    "s": ("s", "sec secs second seconds"),
    "Hz": ("Hz hz HZ", "hertz"),
    "F": ("F f", "farad farads"),
    "W": ("W w", "watt watts"),
    "J": ("J", "joule joules"),
    "eV": ("eV", ""),
    "H": ("H", "henry"),
    "Pa": ("Pa", "pascal"),
    "T": ("T", "tesla"),
    "m": ("m", "meter metre meters metres"),
}
_PURE = ("", 1.0, 0.0)
# Words in any case, without prefixes: SI unit, factor and offset.
_PLAIN = {
    **dict.fromkeys(("", "1", "-", "--", "#", "none", "n/a", "a.u.", "au", "arb", "arb."), _PURE),
    **dict.fromkeys(("count", "counts", "cycles", "cycle", "reads", "pulses", "code"), _PURE),
    **dict.fromkeys(("%", "percent", "pct"), ("", 1e-2, 0.0)),
    "ppm": ("", 1e-6, 0.0),
    "decade": ("", 1.0, 0.0),
    "decades": ("", 1.0, 0.0),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), ("s", 60.0, 0.0)),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours", "stunden"), ("s", 3600.0, 0.0)),
    **dict.fromkeys(("kh", "khr", "khrs", "khours", "kilohours"), ("s", 3.6e6, 0.0)),
    **dict.fromkeys(("d", "day", "days"), ("s", 86400.0, 0.0)),
    **dict.fromkeys(("week", "weeks"), ("s", 604800.0, 0.0)),
    **dict.fromkeys(("month", "months"), ("s", 2629800.0, 0.0)),
    **dict.fromkeys(("y", "yr", "yrs", "year", "years"), ("s", 31557600.0, 0.0)),
    **dict.fromkeys(
        ("c", "°c", "℃", "degc", "deg c", "degree c", "degrees c", "celsius"),
        ("K", 1.0, 273.15),
    ),
    **dict.fromkeys(("k", "kelvin", "°k"), ("K", 1.0, 0.0)),
    **dict.fromkeys(("°f", "degf", "deg f", "fahrenheit"), ("K", 5 / 9, 459.67 * 5 / 9)),
    **dict.fromkeys(("inch", "inches", "in"), ("m", 0.0254, 0.0)),
    "cm": ("m", 1e-2, 0.0),
    "mil": ("m", 25.4e-6, 0.0),
    "micron": ("m", 1e-6, 0.0),
    "bar": ("Pa", 1e5, 0.0),
    "mbar": ("Pa", 1e2, 0.0),
    "torr": ("Pa", 133.322368, 0.0),
}  # fmt: skip
# A logarithm has no factor to an SI unit: its numbers stay as they are, under its own name.
_LOGARITHMIC = {text.lower(): text for text in ("dB", "dBm", "dBc", "dBV", "dBu", "dBW", "dBFS")}
# A millimetre on the wafer and the like: a target that differs from the SI unit.
_TARGETS = {"mm": ("m", 1e-3), "%": ("", 1e-2)}


_TIMES = re.compile(r"([kKMG])(?: ?cycles?| ?cyc| ?reads?)?")  # thousands, millions of a count


@dataclass(frozen=True)
class UnitMeaning:
    """What a text means: ``value * factor + offset`` is a number in ``inside``."""

    inside: str
    factor: float
    offset: float = 0.0


@lru_cache(maxsize=4096)
def parse_unit(text: str, inside: str | None = None) -> UnitMeaning | None:
    """Return what a tester means by a unit, None for an unknown one.

    Parameters
    ----------
    text : str
        As it stands in the file. Case decides where it carries meaning (s second, S siemens, m
        milli, M mega) and is ignored where it does not (v, V; hz, Hz; uA, UA; OHM, ohm).
    inside : str, optional
        The unit that the quantity must have: only meanings of its dimension are taken, so that a
        time in "H" or "MS" is in hours or milliseconds. "MA" and "MV" stay unknown: they are
        written for milli as well as for mega.

    Examples
    --------
    >>> parse_unit("a"), parse_unit("kOHM"), parse_unit("dB")
    (UnitMeaning(inside='A', factor=1.0, offset=0.0), UnitMeaning(inside='ohm', factor=1000.0, \
offset=0.0), UnitMeaning(inside='dB', factor=1.0, offset=0.0))
    >>> parse_unit("S").inside, parse_unit("S", "s").inside, parse_unit("furlong")
    ('S', 's', None)
    """
    text = re.sub(r"\s+", " ", text.strip().strip("[]() ")).replace("º", "°")
    if inside in _TARGETS:
        base, size = _TARGETS[inside]
        found = parse_unit(text, base)
        return found and UnitMeaning(inside, float(f"{found.factor / size:.13g}"), found.offset)
    if text.lower() in _LOGARITHMIC:
        found = UnitMeaning(_LOGARITHMIC[text.lower()], 1.0)
        return found if inside in (None, found.inside) else None
    if inside == "K" and text.lower() in ("deg", "°", "degrees"):
        text = "°C"
    if inside == "" and (times := _TIMES.fullmatch(text)):
        return UnitMeaning("", _PREFIXES[times[1]])
    meanings = [meaning for meaning in _meanings(text) if inside in (None, meaning.inside)]
    if not meanings and inside == "s":  # times are written in capitals, too: H, MIN, MS, SEC
        meanings = [meaning for meaning in _meanings(text.lower()) if meaning.inside == "s"]
    return meanings[0] if meanings else None


def _meanings(text: str) -> list[UnitMeaning]:
    """Every meaning of a text, the likeliest first."""
    found = []
    if text in ("C", "K", "d", "h", "y"):  # degrees before coulomb
        found.append(UnitMeaning(*_PLAIN[text.lower()]))
    for unit, (symbols, words) in _PREFIXED.items():
        for symbol in symbols.split():
            prefix = text.removesuffix(symbol)
            if text.endswith(symbol) and (size := _prefix(prefix, symbol)) is not None:
                found.append(UnitMeaning(unit, size))
        for word in words.split():
            prefix = text.lower().removesuffix(word)
            size = _LONG_PREFIXES.get(prefix, 1.0 if prefix == "" else None)
            if text.lower().endswith(word) and (
                size or (size := _prefix(text[: len(prefix)], word))
            ):
                found.append(UnitMeaning(unit, size))
    if text.lower() in _PLAIN:
        found.append(UnitMeaning(*_PLAIN[text.lower()]))
    return found


def _prefix(prefix: str, symbol: str) -> float | None:
    """Return the size of a prefix before a symbol, None where it cannot be one."""
    if prefix == "M" and symbol in ("A", "V", "S", "F", "W"):
        return None  # testers that write capitals mean milli
    if prefix == "m" and symbol in ("OHM", "OHMS", "HZ"):
        return _PREFIXES["m"]
    if prefix in ("U", "N", "P") and symbol.isupper():  # UA, NA, PF of testers in capitals
        return _PREFIXES[prefix.lower()]
    return _PREFIXES.get(prefix)
