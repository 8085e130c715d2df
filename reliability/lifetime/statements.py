"""Claims and tests stated in words: durations, conditions, known coefficients, counts."""

import re
from collections.abc import Mapping

import numpy as np
import xarray as xr

from reliability.errors import InputError
from reliability.lifetime.priors import Prior
from reliability.units import quantity

_UNITS = {"activation_energy": "eV", "voltage_acceleration": "1/V"}
_NUMBER = re.compile(r"^\s*[-+.\deE]+\s*$")


def parse_duration(text: str, name: str) -> tuple[float, str]:
    """A time in s, or a number of cycles or reads, and which of them it is.

    >>> parse_duration("10 years", "claim"), parse_duration("1e5 cycles", "claim")
    ((315576000.0, 'time'), (100000.0, 'cycles'))
    """
    match = re.match(r"^\s*(\S+)\s*(cycles?|reads?)\s*$", text)
    if match:
        count = quantity(match.group(1), "", name, low=0.0)
        return count, "cycles" if match.group(2).startswith("cycle") else "reads"
    if _NUMBER.match(text):
        raise InputError(f"{name}: got {text!r}, expected a unit: years, h, cycles, reads")
    try:
        return quantity(text, "s", name, low=0.0), "time"
    except InputError as error:
        other = "" if text.strip().startswith("-") else ", nor in cycles or reads"
        raise InputError(f"{error}{other}") from None


def parse_condition(text: str | None, name: str) -> dict[str, float]:
    """A condition such as '85 degC, 0.1 V', in K and V.

    >>> parse_condition("85 degC, 0.1 V", "at")
    {'temperature': 358.15, 'voltage': 0.1}
    """
    stress: dict[str, float] = {}
    for entry in (text or "").split(","):
        entry = entry.strip()
        if not entry:
            continue
        if _NUMBER.match(entry):
            raise InputError(f"{name}: got {entry!r}, expected a unit: degC, K or V")
        for stress_name, unit in (("temperature", "K"), ("voltage", "V")):
            try:
                value = quantity(entry, unit, name)
            except InputError:
                continue
            if stress_name in stress:
                raise InputError(f"{name}: two values of {stress_name} in {text!r}")
            stress[stress_name] = value
            break
        else:
            raise InputError(f"{name}: got {entry!r}, expected a temperature or a voltage")
    return stress


def parse_known(
    activation_energy: str | None, shape: str | None, assume: str | None
) -> dict[str, float | tuple[float, float]]:
    """Coefficients that are taken as known, or ranges of them, as `assess_claim` takes them.

    >>> parse_known("0.6 eV to 0.8 eV", "1", "voltage_acceleration = 20 1/V")
    {'activation_energy': (0.6, 0.8), 'shape': 1.0, 'voltage_acceleration': 20.0}
    """
    known: dict[str, float | tuple[float, float]] = {}
    if activation_energy:
        known["activation_energy"] = _range(activation_energy, "eV", "activation_energy")
    if shape:
        known["shape"] = _range(shape, "", "shape")
    for entry in (assume or "").split(","):
        if not entry.strip():
            continue
        name, equals, value = (part.strip() for part in entry.partition("="))
        if not equals:
            raise InputError(f"assume: got {entry!r}, expected 'name = value'")
        known[name] = _range(value, _UNITS.get(name, ""), name)
    return known


def parse_prior(text: str) -> Prior:
    """A prior such as 'shape = 1.2 to 2.4 (lots 1 to 4)': its central 90 %, and the source.

    >>> found = parse_prior("activation_energy = 1 eV to 1.21 eV (three bakes)")
    >>> found.name, round(found.median, 3), round(found.spread, 3), found.source
    ('activation_energy', 1.1, 1.1, 'three bakes')
    """
    match = re.match(r"^\s*(\w+)\s*=\s*([^()]+?)\s+to\s+([^()]+?)\s*\((.+)\)\s*$", text)
    if not match:
        raise InputError(
            f"prior: got {text!r}, expected 'name = low to high (source)', the central 90 %"
        )
    name, *ends, source = match.groups()
    low, high = (quantity(end, _UNITS.get(name, ""), name) for end in ends)
    if not 0 < low < high:
        raise InputError(f"prior of {name}: got {low:g} to {high:g}, allowed 0 < low < high")
    return Prior(name, float(np.sqrt(low * high)), float(np.sqrt(high / low)), source.strip())


def _range(text: str, unit: str, name: str) -> float | tuple[float, float]:
    """A value, or two with 'to' between."""
    ends = [quantity(part, unit, name) for part in re.split(r"\s+to\s+", text.strip())]
    if len(ends) > 2:
        raise InputError(f"{name}: got {text!r}, expected a value or 'low to high'")
    return ends[0] if len(ends) == 1 else (ends[0], ends[1])


def stated_test(
    devices: int | None, length: str | None, failures: int, stress: Mapping[str, float]
) -> xr.Dataset:
    """A test stated by counts, as `reliability.measurements.read_lifetimes` gives one of a file.

    Parameters
    ----------
    devices, failures : int
    length : str
        Duration of the test, ``"1000 h"`` or ``"1e5 cycles"``.
    stress : mapping of str to float

    Raises
    ------
    InputError
        No number of devices or duration, or more failures than devices.

    Examples
    --------
    >>> stated_test(231, "1000 h", 0, {"temperature": 398.15})["lower"].values.tolist()
    [3600000.0]
    """
    for name, value in (("devices", devices), ("duration", length)):
        if not value:
            raise InputError(f"{name}: missing; give a file, or --devices and --duration")
    end, clock = parse_duration(str(length), "duration")
    on_test = int(devices or 0)
    if failures > on_test:
        raise InputError(f"failures: got {failures}, more than {on_test} devices")
    # When they failed is not known: some time before the end.
    rows = [(0.0, end, failures), (end, np.inf, on_test - failures)]
    lower, upper, frequency = np.array([row for row in rows if row[2]], dtype=float).T
    units = "s" if clock == "time" else "1"
    return xr.Dataset(
        {
            "lower": ("unit", lower, {"units": units}),
            "upper": ("unit", upper, {"units": units}),
            "frequency": ("unit", frequency),
            **{name: ("unit", np.full(lower.size, value)) for name, value in stress.items()},
        },
        attrs={"clock": clock, "source": "stated on the command line"},
    )
