"""What the columns of a table of reads are: from their headers, and from the values where no unit
is written.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from reliability.errors import InputError
from reliability.measurements.clock import recognise_count
from reliability.measurements.delimited import Table
from reliability.measurements.log import Log
from reliability.measurements.names import (
    KNOWN,
    SUFFIXES,
    known_name,
    of_state,
    scaling,
    unit_inside,
    without_state,
)
from reliability.measurements.rows import Field
from reliability.units import quantity

Array = NDArray[np.float64]

# Headers of spreadsheets, besides the words that `names.KNOWN` has for every layout; German ones
# too. In lower case without separators and accents.
_WORDS = {
    "cell": "device deviceid devicenumber sample sampleid sampleno serial serialnumber serialno sn "
    "part partid partno zelle zellennummer bauteil probe prufling",
    "wafer": "scheibe waferno wafernummer",
    "lot": "batch batchid los losnummer charge",
    "state": "zustand",
    "time": "readpoint readouttime readpointtime hours hour hrs stresstime baketime bakingtime "
    "bakehours agingtime storagetime duration testtime zeit auslagerungszeit dauer stunden",
    "temperature": "temperatur oventemperature stresstemperature bakingtemperature ofentemperatur",
    "cycles": "zyklus zyklen zyklenzahl",
    "resistance": "widerstand",
    "conductance": "leitwert",
    "current": "strom",
    "voltage": "spannung",
    "read_voltage": "lesespannung",
    "timestamp": "timestamp date datetime datum zeitstempel testedon measuredon readon",
}
# Headers that are a time, a temperature or a number of cycles depending on their unit.
_STRESS = ("bake", "stress", "readout", "read", "storage", "htdr", "htol", "auslagerung")
_NAMED_UNITS = {"hours": "h", "hour": "h", "hrs": "h", "stunden": "h", "bakehours": "h"}
AT_VOLTAGE = re.compile(
    r"(I|R|G)(?:_?read)?\s*(?P<unit>[fpnuµmkM]?(?:A|S|ohm|Ω))?\s*(?:@|at)\s*(?P<volts>[-+]?[.\d]+)"
    r"\s*(?P<scale>m?V)", re.IGNORECASE,
)  # fmt: skip
_OF_A_STRESS = re.compile(r"(?:bake|stress|storage|htdr|htol|auslagerung)_")
_LOGARITHM = re.compile(r"(?:log_?10|log|lg|ln)(?:\W.*|_.*)?", re.IGNORECASE)
_COUNTED = re.compile(r"([kKMG])(cycles?|cyc|reads?)\b(?:\s*to\s*fail(?:ure)?)?")
_CLOCK_UNIT = re.compile(r"(?:[dD]+[ .:])?[hH]{1,3}:[mM]{1,2}(?::[sS]{1,2})?")
_UNIT_COLUMN = ("unit", "units", "einheit")
_WHAT_COLUMN = ("parameter", "quantity", "measurand", "variable", "measurement", "messgrosse")
_HOURS = {24.0, 48.0, 96.0, 168.0, 336.0, 504.0, 672.0, 1008.0, 2016.0}  # usual read-outs


@dataclass(frozen=True)
class Meaning:
    """What one column is.

    Parameters
    ----------
    name : str
        Name in the Dataset; "" for a column that is not used.
    position : int
        From 0.
    unit : str
        As written, "" where nothing says it.
    text : bool, optional
        A label or text; found from the values when None.
    why : str
        A sentence for the reader.
    """

    name: str
    position: int
    unit: str = ""
    text: bool | None = None
    why: str = ""


def header_of(table: Table, position: int) -> str:
    """Return a header with its unit, as a reader of the file knows it."""
    name, unit = table.names[position], table.units[position]
    return f"{name} [{unit}]" if unit else name


def meaning_of(header: str, unit: str) -> tuple[str, str]:
    """Return standard name and unit of a header, "" where they are not known.

    >>> meaning_of("TIME_H", ""), meaning_of("Bake", "h"), meaning_of("Zeit", "h")
    (('time', 'h'), ('time', 'h'), ('time', 'h'))
    >>> meaning_of("R_OHM", ""), meaning_of("LRS", "Ohm"), meaning_of("Operator", "")
    (('resistance', 'ohm'), ('resistance_lrs', 'Ohm'), ('', ''))
    >>> meaning_of("kcycles", ""), meaning_of("HRS", "h")
    (('cycles', 'k'), ('time', 'h'))
    """
    word = _plain(header)
    if counted := _COUNTED.fullmatch(header.strip()):  # kcycles, Mcycles to failure
        return ("reads" if counted[2].lower().startswith("read") else "cycles"), counted[1]
    if word in _STRESS and unit:
        for name, inside in (("time", "s"), ("temperature", "K"), ("cycles", "")):
            if unit in ("cycles", "cyc") or _converts(unit, inside):
                return ("cycles", "") if unit in ("cycles", "cyc") else (name, unit)
    name = "timestamp" if word in _WORDS["timestamp"].split() else known_name(header)
    name = name or of_state(header, unit)
    name = name or next((n for n, words in _WORDS.items() if word in words.split()), "")
    if name:
        return name, unit or _NAMED_UNITS.get(word, "")
    stem, _, suffix = header.replace(" ", "_").rpartition("_")
    if stem and not unit:
        if _plain(stem) in _STRESS:  # bake_degC, bake_h
            found = (u[suffix.lower()] for u in SUFFIXES.values() if suffix.lower() in u)
            return meaning_of(stem, next(found, suffix))
        name, given = meaning_of(stem, "")
        inside = KNOWN[name].unit if name in KNOWN else ""
        if not given and suffix.lower() in SUFFIXES.get(inside, {}):
            return name, SUFFIXES[inside][suffix.lower()]
    return "", ""


def _plain(header: str) -> str:
    letters = unicodedata.normalize("NFKD", header.lower())
    return re.sub(r"[^a-z0-9]", "", letters)


def _converts(unit: str, inside: str) -> bool:
    try:
        scaling("", unit, inside)
    except InputError:
        return False
    return True


def from_header(table: Table, log: Log) -> tuple[list[Meaning], dict[str, float]]:
    """Decide by their headers what the columns are.

    Returns
    -------
    list of Meaning
        Of every column that is used, in the order of the file; unknown columns of numbers keep
        their own names. Columns that are left out are in the notes of the log.
    dict of str to float
        What a header says of all rows, in SI: ``I@0.1V`` has a read voltage.
    """
    found: dict[str, Meaning] = {}
    constants: dict[str, float] = {}
    for position, (header, unit) in enumerate(zip(table.names, table.units, strict=True)):
        shown = f"column {position + 1} {header_of(table, position)!r}"
        rest, state = without_state(header)
        match = AT_VOLTAGE.fullmatch(rest.strip())
        if match:
            name = {"I": "current", "R": "resistance", "G": "conductance"}[match[1].upper()]
            name += f"_{state}" if state else ""
            unit = unit or match["unit"] or ""
            volts = quantity(f"{match['volts']} {match['scale']}", "V", header)
            if name not in found and constants.setdefault("read_voltage", volts) != volts:
                raise InputError(
                    f"{table.source.name}: {shown} is read at {volts:g} V, another column at "
                    f"{constants['read_voltage']:g} V; say columns to choose one"
                )
        elif not rest and not unit and len({without_state(n)[1] for n in table.names} - {""}) > 1:
            raise InputError(
                f"{table.source.name}: {shown} has no unit, and its values may be resistances, "
                f"conductances or currents; write '{header} [kohm]', or say columns"
            )
        elif _LOGARITHM.fullmatch(header.strip()):
            log.note(f"{shown} was left out: it holds logarithms; give the numbers themselves")
            continue
        else:
            name, unit = meaning_of(header, unit)
        if name == "time" and _CLOCK_UNIT.fullmatch(unit):
            unit = ""  # says how the times are written
        if not name:
            if header or table.has_values(position):
                own = _own_name(table, position, found, log)
                found |= {own.name: own} if own else {}
        elif KNOWN.get(name) and KNOWN[name].label and not table.has_values(position):
            log.note(f"{shown} was left out: it is empty")
        elif name in found:
            log.note(f"{shown} was left out: {found[name].why.split(':')[0]} is the {name} already")
        else:
            what = f"{name.replace('_', ' ')}{f' in {unit}' if unit else ''}"
            found[name] = Meaning(name, position, unit, None, f"{shown}: {what}, by its header")
    _refuse_rows_of_parameters(table, found)
    _refuse_unknown_readouts(table, found)
    if not {"time", "nominal_time", "timestamp", "temperature", "bake"} & found.keys():
        for one in found.values():
            if one.name not in KNOWN and _OF_A_STRESS.match(one.name):
                raise InputError(
                    f"{table.source.name}: column {one.position + 1} "
                    f"{header_of(table, one.position)!r} may be a time, a temperature or a number; "
                    "write 'bake [h]' or 'bake [degC]', or say columns"
                )
    return _addresses(table, found, log), constants


def _refuse_unknown_readouts(table: Table, found: Mapping[str, Meaning]) -> None:
    """Refuse columns whose headers are numbers, dates or the like: 0.1V, 10k, 2024-03-01."""
    own = [header_of(table, one.position) for name, one in found.items()
           if name not in KNOWN and re.match(r"[-+]?\d", table.names[one.position])]  # fmt: skip
    if len(own) > 1:
        raise InputError(
            f"{table.source.name}: columns {own[0]!r} to {own[-1]!r} may be read-outs, but of what "
            "is not known; write the time or number of cycles, such as '24 h' or '1e4 cycles', or "
            "say columns"
        )


def _refuse_rows_of_parameters(table: Table, found: Mapping[str, Meaning]) -> None:
    """Refuse a column of numbers that are of several units or quantities, by another column."""
    own = [one for name, one in found.items() if name in ("value", "wert", "result", "reading")]
    for position, header in enumerate(table.names):
        kinds = list(dict.fromkeys(value.strip() for value in table.values(position)))
        word = _plain(header)
        if own and len(kinds) > 1 and word in (*_UNIT_COLUMN, *_WHAT_COLUMN):
            raise InputError(
                f"{table.source.name}: column {own[0].position + 1} "
                f"{header_of(table, own[0].position)!r} holds what column {position + 1} "
                f"{header!r} says, {', '.join(map(repr, kinds[:3]))}; write one column for each "
                "quantity, with its unit in the header"
            )


def _own_name(
    table: Table, position: int, found: Mapping[str, Meaning], log: Log
) -> Meaning | None:
    header, unit = table.names[position], table.units[position]
    name = re.sub(r"\W+", "_", header.lower()).strip("_") or f"column_{position + 1}"
    if name == "repeat":
        log.note(f"column {position + 1} {header!r} was left out: rows with the same address are "
                 "numbered in the order of the file")  # fmt: skip
        return None
    value = next((v for row in table.sample if position < len(row) and (v := row[position])), "")
    if name in _STRESS and re.fullmatch(r"[-+]?[\d.,]+\s*[^\W\d]+", value.strip()):
        raise InputError(
            f"{table.source.name}: column {position + 1} {header!r} has {value.strip()!r}; write "
            f"the unit into the heading, as in '{header} [degC]', and numbers below it"
        )
    if table.is_text(position) or name in found:
        log.note(f"column {position + 1} {header!r} was left out")
        return None
    why = f"column {position + 1} {header!r}: numbers of their own name"
    try:
        unit_inside(name, unit)
    except InputError:
        log.note(f"column {header!r}: unit {unit!r} is not known, kept as read")
        return Meaning(name, position, "", None, why)
    return Meaning(name, position, unit, None, why)


def _addresses(table: Table, found: dict[str, Meaning], log: Log) -> list[Meaning]:
    """Settle what depends on the other columns: X and Y, a site within a die, clock times."""

    def rename(old: str, new: str, why: str) -> None:
        meaning = found.pop(old)
        header = f"column {meaning.position + 1} {header_of(table, meaning.position)!r}"
        found[new] = replace(meaning, name=new, why=f"{header}: {why}")
        log.note(found[new].why)

    pair = [found[name] for name in ("x", "y") if name in found and not found[name].unit]
    if len(pair) == 2 and not {"die_x", "die_y"} & set(found):
        whole = all(_is_whole(table, one.position) for one in pair)
        if not whole:
            raise InputError(
                f"{table.source.name}: columns {table.names[pair[0].position]!r} and "
                f"{table.names[pair[1].position]!r} have no unit; write 'X (mm)' for positions on "
                "the wafer, or name them die_x and die_y with columns"
            )
        for name in ("x", "y"):
            rename(name, f"die_{name}", "die index, since it has no unit and holds whole numbers")
    place = found.get("die")
    if (
        place
        and {"die_x", "die_y"} <= set(found)
        and "die" not in _plain(table.names[place.position])
    ):
        if "cell" not in found:
            rename("die", "cell", "the cell, since other columns give the die")
        else:
            rename(
                "die", "site", "part of the address of the cell, since other columns give the die"
            )
    _settle_bake(table, found)
    for name in ("timestamp", "time"):
        one = found.get(name)
        dated = recognise_count(table.values(one.position)) if one else None
        days = name == "timestamp" and one and not one.unit
        if one and dated and (days or dated.form.endswith("1970")) and one.unit in ("", "s", "ms"):
            found["timestamp"] = replace(found.pop(name), name="timestamp", unit="", text=True)
            break
    clock = found.get("timestamp")
    if clock and not clock.text and "time" not in found and not table.is_text(clock.position):
        found["time"] = replace(found.pop("timestamp"), name="time")
    hour = found.get("time")
    if "timestamp" in found:
        if hour and not hour.unit and table.is_text(hour.position):  # a date and the time of day
            found["timestamp"] = replace(found["timestamp"], text=True)
            found["clock"] = replace(found.pop("time"), name="clock", text=True)
        elif "time" in found or "nominal_time" in found:
            one = found.pop("timestamp")
            log.note(f"column {one.position + 1} {table.names[one.position]!r} was not used: the "
                     "file has times")  # fmt: skip
        else:
            found["timestamp"] = replace(found["timestamp"], text=True)
    elif hour and not (
        hour.unit or table.has_units(hour.position, "s") or not table.is_text(hour.position)
    ):
        meaning = found.pop("time")
        found["timestamp"] = replace(meaning, name="timestamp", text=True)
    return sorted(found.values(), key=lambda meaning: meaning.position)


def _settle_bake(table: Table, found: dict[str, Meaning]) -> None:
    """Take a column ``bake`` without a unit for what the other columns do not say of the bake."""
    bake = found.get("bake")
    if bake is None or bake.unit or table.is_text(bake.position):
        return
    told = {"time", "temperature"} & set(found)
    values = _values(table, [bake])["bake"]
    name = "time" if "temperature" in told else "temperature"
    if len(told) == 2:
        return
    if name == "temperature" and (set(values.tolist()) <= _HOURS or values.min(initial=300) < 40):
        raise InputError(
            f"{table.source.name}: column {bake.position + 1} {table.names[bake.position]!r} may "
            "be a time, a temperature or a number; write 'bake [h]', 'bake [degC]' or 'bake number'"
        )
    found[name] = replace(found.pop("bake"), name=name)


def _is_whole(table: Table, position: int) -> bool:
    return all(re.fullmatch(r"[-+]?\d+(\.0*)?", row[position].strip()) for row in table.sample
               if position < len(row) and row[position].strip())  # fmt: skip


def settle_units(table: Table, meanings: Sequence[Meaning], log: Log) -> list[Meaning]:
    """Give columns of quantities that have no unit their evident one, with a note, or refuse.

    Raises
    ------
    InputError
        The values do not say which unit was meant; the message names the column.
    """
    meanings = [_with_cell_units(table, one) for one in meanings]
    open_ones = [
        one for one in meanings
        if not one.unit and one.text is not True and one.name in KNOWN and KNOWN[one.name].unit
    ]  # fmt: skip
    if not open_ones:
        return list(meanings)
    values = _values(table, open_ones)
    settled = []
    for one in meanings:
        if one not in open_ones:
            settled.append(one)
            continue
        label = table.names[one.position] or one.name
        unit, why = evident_unit(one.name, values[one.name])
        if not unit:
            raise InputError(
                f"{table.source.name}: column {one.position + 1} {label!r} has no unit, and {why}; "
                f"write it in the header, '{label} [{_EXAMPLE[KNOWN[one.name].unit]}]', or say "
                f"columns with '{one.name} [{_EXAMPLE[KNOWN[one.name].unit]}]'"
            )
        note = f"column {one.position + 1} {label!r} has no unit: read as {unit}, since {why}"
        log.note(note)
        settled.append(replace(one, unit=unit, why=note))
    return settled


def _with_cell_units(table: Table, one: Meaning) -> Meaning:
    """Take a column whose cells have units of their own as one in the unit of the Dataset."""
    inside = KNOWN[one.name].unit if one.name in KNOWN else ""
    if not inside or one.unit or one.text is True or not table.has_units(one.position, inside):
        return one
    return replace(one, unit=inside, why=f"{one.why}, in the units of its cells")


_EXAMPLE = {"K": "degC", "s": "h", "ohm": "kohm", "S": "uS", "A": "uA", "V": "V", "mm": "mm"}


def _values(table: Table, meanings: Sequence[Meaning]) -> dict[str, Array]:
    """Distinct values of some columns, over the whole file."""
    fields = [Field(one.name, one.position) for one in meanings]
    found: dict[str, Array] = {one.name: np.zeros(0) for one in meanings}
    for piece in table.columns(fields, Log()):
        for name in found:
            column = piece[name]
            merged = np.concatenate([found[name], column[np.isfinite(column)]])
            found[name] = np.unique(merged)[: 1 << 16]
    return found


def evident_unit(name: str, values: Array) -> tuple[str, str]:
    """Return the unit that values without one evidently have and why, or "" and what is unclear.

    Parameters
    ----------
    name : str
        Standard name of the quantity.
    values : ndarray
        Distinct values.

    Examples
    --------
    >>> evident_unit("temperature", np.array([25.0, 125.0]))
    ('degC', '25 to 125 are temperatures of a test in °C, not in K')
    >>> evident_unit("temperature", np.array([300.0]))
    ('', '300 may be K or °C')
    """
    if values.size == 0:
        return KNOWN[name].unit, "it holds no values"
    low, high = float(np.min(values)), float(np.max(values))
    if low == high == 0 and name != "temperature":
        return KNOWN[name].unit, "0 is the same in any unit"
    spread = f"{low:.4g} to {high:.4g}" if high > low else f"{low:.4g}"
    evident = _short_time if name == "pulse_width" else _EVIDENT[KNOWN[name].unit]
    return evident(values, low, high, spread)


def _temperature(values: Array, low: float, high: float, spread: str) -> tuple[str, str]:
    if high <= 200.0 and low >= -80.0:
        return "degC", f"{spread} are temperatures of a test in °C, not in K"
    if low > 200.0 and np.allclose(values % 1.0, 0.15, atol=1e-6):
        return "K", f"{spread} are whole degrees Celsius in K"
    return "", f"{spread} may be K or °C"


def _time(values: Array, low: float, high: float, spread: str) -> tuple[str, str]:
    whole = bool(np.all(values == np.round(values)))
    if whole and high < 2e4 and _HOURS & set(values.tolist()):
        return "h", f"{spread} are usual read-outs in hours"
    positive = values[values > 0]
    if high > 2e4 or (positive.size and positive.min() < 1e-2):
        return "s", f"{spread} span a range that is usual in seconds only"
    return "", f"{spread} may be seconds, minutes or hours"


def _resistance(values: Array, low: float, high: float, spread: str) -> tuple[str, str]:
    positive = values[values > 0]
    if positive.size and positive.min() >= 200.0:
        return "ohm", f"{spread} are resistances of cells in ohm"
    return "", f"{spread} may be ohm, kohm or Mohm"


def _conductance(values: Array, low: float, high: float, spread: str) -> tuple[str, str]:
    if high < 1e-2:
        return "S", f"{spread} are conductances of cells in S"
    if high >= 1.0 and high < 1e5:
        return "uS", f"{spread} are conductances of cells in µS, far too high in S"
    return "", f"{spread} may be S, mS or µS"


def _current(values: Array, low: float, high: float, spread: str) -> tuple[str, str]:
    if max(abs(low), abs(high)) < 1e-2:
        return "A", f"{spread} are currents of cells in A"
    return "", f"{spread} may be A, mA, uA or nA"


def _voltage(values: Array, low: float, high: float, spread: str) -> tuple[str, str]:
    if max(abs(low), abs(high)) <= 10.0:
        return "V", f"{spread} are voltages in V"
    return "", f"{spread} may be V or mV"


def _length(values: Array, low: float, high: float, spread: str) -> tuple[str, str]:
    return "", f"{spread} may be mm, um or die indices"


def _short_time(values: Array, low: float, high: float, spread: str) -> tuple[str, str]:
    if high < 1e-2:
        return "s", f"{spread} are widths of pulses in s"
    return "", f"{spread} may be ns, us, ms or s"


_EVIDENT: dict[str, Callable[[Array, float, float, str], tuple[str, str]]] = {
    "K": _temperature,
    "s": _time,
    "ohm": _resistance,
    "S": _conductance,
    "A": _current,
    "V": _voltage,
    "mm": _length,
}
