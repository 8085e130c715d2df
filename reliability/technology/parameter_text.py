"""A parameter of a card or of components as texts that a person reads."""

import math

from reliability.technology.card import Parameter
from reliability.units import engineering


def parameter_row(name: str, parameter: Parameter) -> dict[str, str]:
    """Return a parameter as the texts of a table: value, uncertainty, confidence, source, note.

    >>> from reliability.technology import load_technology
    >>> card = load_technology("oxram-130nm")
    >>> parameter_row("read.voltage", card.parameters["read.voltage"])["value"]
    '100 mV'
    """
    p, unit = parameter, parameter.unit
    sigma = p.sigma or 0.0
    low, high = p.interval or (p.value, p.value)
    uncertainty = {
        "normal": f"± {_difference(sigma, unit)} (1σ)",
        "lognormal": f"× ÷ {math.exp(sigma):.3g} (1σ, log-normal)",
        "uniform": f"{engineering(low, unit)} to {engineering(high, unit)}",
        "bounded": f"{engineering(p.at(-1.0), unit)} to {engineering(p.at(1.0), unit)} (1σ)",
        "exact": "taken as exact",
        "none": "taken as exact",
    }[p.distribution if sigma or low < high else "none"]
    return {
        "name": name,
        "value": (_difference if name.endswith("rise") else engineering)(p.value, unit),
        "uncertainty": uncertainty,
        "confidence": p.confidence,
        "source": p.source,
        "note": p.note,
    }


def _difference(value: float, unit: str) -> str:
    """Print a difference: one of temperatures is in K, not from 0 °C on.

    >>> _difference(7.0, "K"), _difference(2e3, "ohm")
    ('7 K', '2 kΩ')
    """
    return f"{value:.3g} K" if unit == "K" else engineering(value, unit)
