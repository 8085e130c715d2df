"""What the two parameter-analyser formats share: names, units and axes of their columns."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.errors import InputError, unknown_name
from reliability.measurements.names import scaling, unit_inside
from reliability.measurements.rows import scaled

HIERARCHY = ("wafer", "die", "cell")

_LETTERS = {"I": "A", "V": "V", "R": "ohm", "G": "S", "C": "F", "F": "Hz"}
_WORDS = {
    **dict.fromkeys(("time", "timestamp", "t"), "s"),
    **{"voltage": "V", "current": "A", "resistance": "ohm", "conductance": "S"},
    **{"capacitance": "F", "frequency": "Hz", "index": "", "input": ""},
}
_STYLES = (
    re.compile(r"(?:.*[a-z]|[A-Z])([IV])"),  # Clarius: DrainI, GateV, AI
    re.compile(r"([IV])(?:[A-Z]*|[a-z]*)"),  # EasyEXPERT: Id, VG, Vread; Clarius: ILRS, VSET
    re.compile(r"([RGCF])[a-z]?"),  # R, Rs, G, Cp
)


def unit_of(name: str) -> str:
    """Return the unit that a parameter analyser means by a column name, "" when it says nothing.

    >>> [unit_of(name) for name in ("AI", "GateV", "I2", "Vread", "Time", "RATIO_POSITIVE", "VSET")]
    ['A', 'V', 'A', 'V', 's', '', 'V']
    """
    word = re.sub(r"[\W_\d].*$", "", name.strip())
    if word.lower() in _WORDS:
        return _WORDS[word.lower()]
    letters = [match.group(1) for style in _STYLES if (match := style.fullmatch(word))]
    return _LETTERS[letters[0]] if letters else ""


def variable_name(text: str) -> str:
    """Return a tester's name as the name of a variable or an attribute.

    >>> variable_name("Total Execution Time:"), variable_name("TestRecord.RecordTime")
    ('total_execution_time', 'testrecord_recordtime')
    """
    return re.sub(r"\W+", "_", text.strip().lower()).strip("_") or "unnamed"


def trace_dataset(
    traces: Sequence[Mapping[str, NDArray[np.float64]]],
    titles: Sequence[str],
    units: Mapping[str, str],
    columns: Mapping[str, str] | None,
) -> xr.Dataset:
    """Arrange sweeps of different lengths as (wafer, die, cell, sweep, point), NaN behind the end.

    Parameters
    ----------
    traces : sequence of mapping of str to ndarray, shape (points,)
        Columns of each sweep by the tester's name.
    titles : sequence of str
        Setup of each sweep.
    units : mapping of str to str
    columns : mapping of str to str, optional
        Name in the Dataset to name in the file, e.g. ``{"current": "I2"}``. Without, a single
        voltage, current or time column gets the plain name.

    Raises
    ------
    InputError
        A column of ``columns`` that no sweep has.
    """
    names = list(dict.fromkeys(name for trace in traces for name in trace))
    for wanted in (columns or {}).values():
        if wanted not in names:
            raise unknown_name("column", wanted, names)
    renamed = {old: new for new, old in (columns or {}).items()}
    for unit, plain in (("V", "voltage"), ("A", "current"), ("s", "time"), ("S", "conductance")):
        alike = [name for name in names if _to_si(name, units.get(name, ""))[1] == unit]
        if len(alike) == 1 and plain not in renamed.values():
            renamed.setdefault(alike[0], plain)
    longest = max(len(column) for trace in traces for column in trace.values())
    dataset = xr.Dataset()
    for name in names:
        factor, inside = _to_si(name, units.get(name, ""))
        array = np.full((1, 1, 1, len(traces), longest), np.nan)
        for index, trace in enumerate(traces):
            if name in trace:
                array[0, 0, 0, index, : len(trace[name])] = scaled(trace[name], factor)
        attrs = {"units": inside, "long_name": name}
        dataset[renamed.get(name, variable_name(name))] = (
            (*HIERARCHY, "sweep", "point"),
            array,
            attrs,
        )
    counted = {"units": ""}
    return dataset.assign_coords(
        {axis: (axis, [0], counted) for axis in HIERARCHY}
        | {"sweep": ("sweep", np.arange(1, len(traces) + 1), counted)}
        | {"point": ("point", np.arange(longest), counted)}
        | {"setup": ("sweep", np.array(titles, dtype=str))}
    )


def _to_si(name: str, unit: str) -> tuple[float, str]:
    """Return the factor to the SI unit and that unit; a unit nobody knows stays as it is."""
    try:
        inside = unit_inside("", unit)
        return scaling(name, unit, inside)[0], inside
    except InputError:
        return 1.0, unit


def metadata_attributes(metadata: Mapping[str, str | Sequence[str]]) -> dict[str, Any]:
    """Return a tester's metadata as attributes ``tester_...``; lists as JSON text."""
    return {
        f"tester_{variable_name(key)}": value if isinstance(value, str) else json.dumps(list(value))
        for key, value in metadata.items()
    }
