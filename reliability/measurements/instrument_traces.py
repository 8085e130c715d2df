"""Common to the layouts of sweeps: names, units and axes of their columns."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.errors import InputError, unknown_name
from reliability.measurements.log import Log, printable
from reliability.measurements.names import unit_inside
from reliability.measurements.rows import scaled
from reliability.measurements.source import Source
from reliability.measurements.tester_units import UnitMeaning, parse_unit

HIERARCHY = ("wafer", "die", "cell")

_LETTERS = {"I": "A", "V": "V", "R": "ohm", "G": "S", "C": "F", "F": "Hz"}
_WORDS = {
    **dict.fromkeys(("time", "timestamp", "t"), "s"),
    **{"voltage": "V", "current": "A", "resistance": "ohm", "conductance": "S"},
    **{"capacitance": "F", "frequency": "Hz"},
    **dict.fromkeys(("index", "input", "var", "variable", "value", "version", "vendor"), ""),
    **dict.fromkeys(("interval", "iteration", "item", "impedance", "volume", "void", "info"), ""),
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
    scalars: Sequence[Mapping[str, float]] = (),
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
    scalars : sequence of mapping of str to float, optional
        Numbers that belong to a whole sweep, by their name in the Dataset; (wafer, die, cell,
        sweep).

    Raises
    ------
    InputError
        A column of ``columns`` that no sweep has.
    """
    names = list(dict.fromkeys(name for trace in traces for name in trace))
    for asked in (columns or {}).values():
        if asked not in names:
            raise unknown_name("column", asked, names)
    renamed = {old: new for new, old in (columns or {}).items()}
    inside = {name: _to_si(units.get(name, "")) for name in names}
    for unit, plain in (("V", "voltage"), ("A", "current"), ("s", "time"), ("S", "conductance")):
        alike = [name for name in names if inside[name].inside == unit]
        if len(alike) == 1 and plain not in renamed.values():
            renamed.setdefault(alike[0], plain)
    longest = max(len(column) for trace in traces for column in trace.values())
    dataset = xr.Dataset()
    for name in names:
        array = np.full((1, 1, 1, len(traces), longest), np.nan)
        for index, trace in enumerate(traces):
            if name in trace:
                column = scaled(trace[name], inside[name].factor) + inside[name].offset
                array[0, 0, 0, index, : len(column)] = column
        attrs = {"units": inside[name].inside, "long_name": name}
        variable = renamed.get(name, variable_name(name))
        while variable in dataset or variable in ("sweep", "point", "setup", *HIERARCHY):
            variable += "_2"  # names that differ only in signs, or that the axes have
        dataset[variable] = (*HIERARCHY, "sweep", "point"), array, attrs
    for name in dict.fromkeys(name for values in scalars for name in values):
        array = np.array([values.get(name, np.nan) for values in scalars]).reshape(1, 1, 1, -1)
        dataset[name] = (*HIERARCHY, "sweep"), array, {"units": unit_inside("", units[name])}
    counted = {"units": ""}
    return dataset.assign_coords(
        {axis: (axis, [0], counted) for axis in HIERARCHY}
        | {"sweep": ("sweep", np.arange(1, len(traces) + 1), counted)}
        | {"point": ("point", np.arange(longest), counted)}
        | {"setup": ("sweep", np.array([printable(title) for title in titles], dtype=str))}
    )


class Sweeps(Protocol):
    """What a reader of an export has collected."""

    traces: list[dict[str, NDArray[np.float64]]]
    titles: list[str]
    units: dict[str, str]

    @property
    def metadata(self) -> Mapping[str, str | Sequence[str]]: ...


def dataset_of_sweeps(
    found: Sweeps, columns: Mapping[str, str] | None, log: Log, source: Source, absent: str
) -> xr.Dataset:
    """Arrange what a reader has collected, with the metadata; without sweeps say what is absent."""
    if not found.traces:
        first_problem = f"; {log.messages[0]}" if log.messages else ""
        raise InputError(f"{source.name}: {absent}{first_problem}")
    log.check(source.name)
    dataset = trace_dataset(found.traces, found.titles, found.units, columns)
    dataset.attrs.update(metadata_attributes(found.metadata))
    for name, unit in found.units.items():
        log.explain(f"column {name!r}: {f'in {unit}' if unit else 'no unit is written'}")
    return dataset


def _to_si(unit: str) -> UnitMeaning:
    """Return what a unit means; an unknown one stays as it is."""
    return parse_unit(unit) or UnitMeaning(unit, 1.0)


def metadata_attributes(metadata: Mapping[str, str | Sequence[str]]) -> dict[str, Any]:
    """Return a tester's metadata as attributes ``tester_...``; lists as JSON text."""
    return {
        f"tester_{variable_name(key)}": printable(
            value if isinstance(value, str) else json.dumps(list(value), ensure_ascii=False)
        )
        for key, value in metadata.items()
    }
