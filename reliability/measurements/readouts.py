"""Read-out tables: one row for each device, one column for each read-out time (or temperature,
number of cycles, wafer); or one row for each read-out and one column for each device.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reliability.errors import InputError
from reliability.measurements.delimited import Table
from reliability.measurements.headings import evident_unit, header_of, meaning_of
from reliability.measurements.log import Log
from reliability.measurements.names import (
    KNOWN,
    known_name,
    scaling,
    unit_inside,
    without_state,
)
from reliability.measurements.rows import Field

_NUMBER = r"(?P<value>[-+]?\d+(?:[.,]\d+)?(?:[eE][+]?\d+)?)"
_COUNT = rf"{_NUMBER}(?P<unit>[kKM]?)"
_WHAT = r"(?:(?P<what>[A-Za-z][A-Za-z_ ]*?)\s*(?:@|at|after|\bnach\b|_|\s)\s*)?"
_TIME = r"(?P<unit>h|hrs?|hours?|std|stunden?|d|days?|tage?|wk|weeks?|wochen?|min|s|sec)"
# Axis and pattern of a header that names one read-out.
_PATTERNS = (
    ("time", re.compile(rf"{_WHAT}(?:t\s*=?\s*)?{_NUMBER}[\s_]*{_TIME}\.?", re.IGNORECASE)),
    (
        "time",
        re.compile(
            rf"{_WHAT}(?P<unit>hour|hr|day|week|stunde|tag|woche)[\s_]*{_NUMBER}", re.IGNORECASE
        ),
    ),
    ("time", re.compile(rf"(?P<what>)[Tt][\s_]*=?\s*{_NUMBER}(?P<unit>)")),
    ("temperature", re.compile(rf"{_WHAT}{_NUMBER}\s*(?P<unit>°\s*C|deg\s*C|C|K)")),
    (
        "cycles",
        re.compile(rf"{_WHAT}{_COUNT}\s*(?:cycles?|cyc|x|Zyklen)", re.IGNORECASE),
    ),
    ("cycles", re.compile(rf"(?P<what>)(?:cycles?|cyc)[\s_]*{_COUNT}", re.IGNORECASE)),
    (
        "cell",
        re.compile(
            r"(?P<what>)(?:unit|device|dev|dut|cell|sample|part|s/?n|zelle|bauteil|probe|(?=#))[\s_#.-]*"
            r"(?P<value>\d+)(?P<unit>)",
            re.IGNORECASE,
        ),
    ),
    ("wafer", re.compile(r"(?P<what>)(?:W|wafer)[\s_#]*(?P<value>\d+)(?P<unit>)", re.IGNORECASE)),
)
# The read-out before the stress, beside others that say their time or number of cycles.
_START = r"initial|fresh|pristine|as[\s_-]*programmed"
_INITIAL = re.compile(
    rf"{_WHAT}(?P<value>)(?P<unit>)(?:{_START}|time[\s_-]*(?:zero|0)|t[\s_]*=?\s*0|0|"
    r"pre(?:[\s_-]*(?:bake|stress))?|before(?: bake| stress)?|vorher)",
    re.IGNORECASE,
)
_INITIAL_OF = re.compile(  # initial R, R0
    rf"(?P<value>)(?P<unit>)(?P<first>(?:{_START})[\s_]+)?(?P<what>[A-Za-z]+?)(?(first)|[\s_]?0)",
    re.IGNORECASE,
)
_HOURS = re.compile(r"(?<=\d)\s*hrs?\b", re.IGNORECASE)
_UNITS = {"hr": "h", "hrs": "h", "hour": "h", "hours": "h", "std": "h", "stunde": "h",
          "stunden": "h", "d": "day", "days": "day", "tag": "day", "tage": "day",
          "wk": "week", "weeks": "week", "woche": "week", "wochen": "week", "sec": "s"}  # fmt: skip
_ADDRESS = ("wafer", "cell")
_PASSED = ("p", "pass", "passed", "ok", "good")
_FAILED = ("f", "fail", "failed", "bad", "x")


@dataclass(frozen=True)
class Readouts:
    """Columns that are one read-out each.

    Parameters
    ----------
    axis : str
        What differs between the columns: "time", "temperature", "cycles", "wafer" or "cell".
    levels : tuple of float
        Its values in SI; numbers of wafers or cells.
    positions : tuple of int
        Column of each, from 0.
    quantity, unit : str
        What they hold, "" where the headers do not say it.
    passfail : bool
        The columns say P or F (pass, fail) instead of numbers.
    states : tuple of str
        State of each, empty where the headers do not name both.
    """

    axis: str
    levels: tuple[float, ...]
    positions: tuple[int, ...]
    quantity: str
    unit: str
    passfail: bool
    states: tuple[str, ...] = ()

    def sentence(self, table: Table) -> str:
        """Say what was recognised."""
        first, last = (header_of(table, self.positions[place]) for place in (0, -1))
        what = "pass or fail" if self.passfail else self.quantity
        return (
            f"columns {self.positions[0] + 1} to {self.positions[-1] + 1} ({first!r} to {last!r}): "
            + (
                f"{what} of {len(self.levels)} devices, one row for each read-out"
                if self.axis == "cell"
                else f"{what} at {len(set(self.levels))} values of {self.axis}"
                f"{' in two states' if self.states else ''}, one row for each device"
            )
        )


def find_readouts(table: Table, log: Log) -> Readouts | None:
    """Return the read-out columns of a table, or None when it is no read-out table.

    Raises
    ------
    InputError
        Two columns of the same read-out; or columns of which the headers do not say the unit.
    """
    split = [without_state(_with_hours(name, table.names)) for name in table.names]
    names = [re.sub(r"\(\s*\)|@\s*$|^\s*@", "", rest).strip() for rest, _ in split]
    for axis, pattern in _PATTERNS:
        found = _matches(table, axis, pattern, names)
        if len(found) < 2 or (axis == "cell" and not _has_rows_of_readouts(table)):
            continue
        levels = _levels(table, axis, found, log)
        if axis in ("time", "cycles") and 0.0 not in levels:
            first = _matches(table, axis, _INITIAL, names, found) or _matches(
                table, axis, _INITIAL_OF, names, found
            )
            found, levels = [*first, *found], (0.0,) * len(first) + levels
        positions = tuple(position for position, _ in found)
        states = tuple(split[place][1].upper() for place in positions)
        states = states if any(states) else ()
        if len(set(zip(levels, states or levels, strict=True))) < len(levels):
            raise InputError(
                f"{table.source.name}: two columns of {header_of(table, min(positions))!r} to "
                f"{header_of(table, max(positions))!r} are the same {axis}"
            )
        if states and not all(states):
            raise InputError(
                f"{table.source.name}: of the columns {header_of(table, min(positions))!r} to "
                f"{header_of(table, max(positions))!r} some name a state and some do not"
            )
        passfail = all(_is_passfail(table, position) for position in positions)
        name, unit = _quantity(table, axis, found)
        return Readouts(axis, levels, positions, name, unit, passfail, states)
    return None


def _with_hours(name: str, names: Sequence[str]) -> str:
    """A header with h for hrs, where that is no state: there is no other with LRS instead."""
    other = _HOURS.sub(lambda match: match[0].lower().replace("h", "l"), name).lower()
    return name if other in {text.lower() for text in names} else _HOURS.sub(" h", name)


def _matches(
    table: Table,
    axis: str,
    pattern: re.Pattern[str],
    names: Sequence[str],
    others: Sequence[tuple[int, re.Match[str]]] = (),
) -> list[tuple[int, re.Match[str]]]:
    """Position and match of the headers that name a read-out, without those of others."""
    taken = {position for position, _ in others}
    return [
        (position, match)
        for position, (name, unit) in enumerate(zip(names, table.units, strict=True))
        if position not in taken
        and (match := pattern.fullmatch(name if axis in _ADDRESS else _whole(name, unit)))
        and _is_what(match["what"])
    ]


def _has_rows_of_readouts(table: Table) -> bool:
    return any(
        meaning_of(name, unit)[0] in ("time", "cycles", "reads", "temperature")
        for name, unit in zip(table.names, table.units, strict=True)
    )


def _whole(name: str, unit: str) -> str:
    """A header whose number and unit were taken apart is put together again."""
    name = name.strip()
    return f"{name} {unit}" if re.fullmatch(r"(?:.*[@ ])?[-+.\d]+", name) and unit else name


def _is_what(text: str | None) -> bool:
    text = (text or "").strip()
    return not text or bool(meaning_of(text, "")[0]) or text.lower() in ("t", "readout", "read")


def _levels(
    table: Table, axis: str, found: Sequence[tuple[int, re.Match[str]]], log: Log
) -> tuple[float, ...]:
    values = np.array([float(match["value"].replace(",", ".") or 0) for _, match in found])
    units = {re.sub(r"\s|deg|°", "", match["unit"] or "").lower() for _, match in found}
    if axis in ("cycles", *_ADDRESS):
        sizes = {"": 1.0, "k": 1e3, "K": 1e3, "M": 1e6}
        return tuple(
            sizes[match["unit"]] * value for value, (_, match) in zip(values, found, strict=True)
        )
    if units == {""}:
        unit, why = evident_unit(axis, values)
        first, last = (header_of(table, found[place][0]) for place in (0, -1))
        if not unit:
            raise InputError(
                f"{table.source.name}: columns {first!r} to {last!r} have no unit of {axis}, and "
                f"{why}; write it, '{values[0]:g} h'"
            )
        log.note(f"columns {first!r} to {last!r} have no unit: read as {unit}, since {why}")
        return tuple(_scaled(axis, value, unit) for value in values)
    each = (_UNITS.get(match["unit"].lower(), match["unit"]) for _, match in found)
    return tuple(
        _scaled(
            axis,
            value,
            re.sub(r"^(?:°|deg)?\s*C$", "degC", unit.lower() if axis == "time" else unit),
        )
        for value, unit in zip(values, each, strict=True)
    )


def _scaled(axis: str, value: float, unit: str) -> float:
    factor, offset = scaling(axis, unit, KNOWN[axis].unit)
    return value * factor + offset


def _is_passfail(table: Table, position: int) -> bool:
    entries = {row[position].strip().lower() for row in table.sample} - {"", "-", "na", "n/a"}
    return bool(entries) and entries <= {*_PASSED, *_FAILED}


def _quantity(
    table: Table, axis: str, found: Sequence[tuple[int, re.Match[str]]]
) -> tuple[str, str]:
    for position, match in found:
        what = (match["what"] or "").strip()
        unit = table.units[position]
        name = known_name(what) or meaning_of(what, "")[0] if what else ""
        if name in KNOWN and KNOWN[name].role == "value":
            return name, unit
        header = table.names[position].strip()
        if unit and (axis in _ADDRESS or _whole(header, unit) == header):
            return _of_unit(unit), unit
    return "", ""


def _of_unit(unit: str) -> str:
    inside = unit_inside("value", unit)
    names = {"ohm": "resistance", "S": "conductance", "A": "current"}
    return names.get(inside, "")


def readout_fields(readouts: Readouts, table: Table, log: Log) -> tuple[list[Field], str]:
    """Return a field for each read-out column, and the unit of what they hold in the Dataset.

    Raises
    ------
    InputError
        The table says neither what its values are nor are they evidently resistances.
    """
    name, unit = readouts.quantity, readouts.unit
    first = table.names[readouts.positions[0]]
    if readouts.passfail:
        raise InputError(
            f"{table.source.name}: columns such as {first!r} hold pass or fail, not "
            "measured values; reliability qualify reads them as lifetimes"
        )
    values = _sample_values(readouts, table)
    if not values.size and (own := _unit_of_cells(readouts, table)):
        name, unit = own
    elif not name or not unit:
        guess, why = evident_unit(name or "resistance", values)
        if not guess:
            raise InputError(
                f"{table.source.name}: nothing says what the columns such as {first!r} hold, and "
                f"{why}; say it with values, such as values='resistance [kohm]'"
            )
        name, unit = name or "resistance", guess
        log.note(
            f"columns such as {first!r} name no quantity: read as {name} in {unit}, since {why}"
        )
    inside = KNOWN[name].unit
    factor, offset = scaling(name, unit, inside)
    return [
        Field(f"{name}@{number}", position, factor, offset, unit=inside)
        for number, position in enumerate(readouts.positions)
    ], inside


def _unit_of_cells(readouts: Readouts, table: Table) -> tuple[str, str]:
    """Quantity and SI unit where each cell has its own unit: 5.1 kOhm, 5.1k."""
    for name in (
        (readouts.quantity,) if readouts.quantity else ("resistance", "conductance", "current")
    ):
        unit = KNOWN[name].unit
        if any(table.has_units(position, unit) for position in readouts.positions):
            return name, unit
    return "", ""


def _sample_values(readouts: Readouts, table: Table) -> NDArray[np.float64]:
    from reliability.measurements.rows import number

    found = []
    for row in table.sample:
        for position in readouts.positions:
            try:
                found.append(number(row[position], table.form.decimal))
            except ValueError:
                continue
    values = np.array(found, dtype=float)
    return np.unique(values[np.isfinite(values) & (np.abs(values) < 1e30)])


def passed_until(
    entries: Mapping[float, NDArray[np.object_]],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return last passed and first failed read-out of each device, and from when it was not read.

    Parameters
    ----------
    entries : mapping of float to ndarray of str, shape (n,)
        P or F of each device at each read-out, in order.

    Returns
    -------
    tuple of ndarray, shape (n,)
        Last passed read-out before the failure, first failed one (inf: none), and the first
        read-out after the last entry of a device that did not fail (inf: read to the end).
    """
    count = len(next(iter(entries.values())))
    last, failed, lost = np.full(count, -np.inf), np.full(count, np.inf), np.full(count, np.inf)
    for level, column in entries.items():
        words = np.array([str(entry or "").strip().lower() for entry in column], dtype=object)
        alive = np.isinf(failed)
        bad, good = np.isin(words, _FAILED), np.isin(words, _PASSED)
        failed[alive & bad] = level
        last[alive & good] = level
        lost[good | bad] = np.inf
        lost[~(good | bad) & np.isinf(lost)] = level
    lost[np.isfinite(failed)] = np.inf
    return last, failed, lost
