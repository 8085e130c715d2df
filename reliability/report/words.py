"""Numbers and ages in words, as the documents say them."""

from reliability.units import duration, engineering


def percent(value: float, digits: int = 1) -> str:
    """Print a share as the document does.

    >>> percent(0.8372)
    '83.7 %'
    """
    return f"{value * 100:.{digits}f} %"


def of_age(age: dict[str, float]) -> str:
    """Say an age inside a sentence.

    >>> of_age({"time": 3600.0, "temperature": 358.15})
    'after 1 h at 85 °C'
    """
    title = age_title(age)
    return title[0].lower() + title[1:]


def age_title(age: dict[str, float]) -> str:
    """Say what a chip has been through.

    >>> age_title({"time": 3600.0, "temperature": 358.15})
    'After 1 h at 85 °C'
    """
    reads = ""
    if age.get("inferences"):
        reads = f"{age['inferences']:.3g} inferences at {engineering(age['read_voltage'], 'V')}"
    elif age.get("reads"):
        reads = f"{age['reads']:.3g} reads at {engineering(age['read_voltage'], 'V')}"
    if age["time"] == 0:
        return f"After {reads}" if reads else "As programmed"
    title = f"After {duration(age['time'])} at {engineering(age['temperature'], 'K')}"
    return f"{title} and {reads}" if reads else title
