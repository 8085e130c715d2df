"""The names that a measured Dataset uses, their units, and what testers call them."""

import math
import re
from dataclasses import dataclass
from typing import Literal

from reliability.errors import InputError
from reliability.measurements.tester_units import parse_unit

Role = Literal["axis", "wafer", "die", "cell", "value"]


@dataclass(frozen=True)
class Quantity:
    """One column that the importers know by name.

    Parameters
    ----------
    unit : str
        Unit inside the Dataset (SI, but mm on the wafer).
    role : {"axis", "wafer", "die", "cell", "value"}
        A dimension; a property of each wafer, die or cell; or a measured value.
    low : float
        A value below is impossible and makes its row a bad one.
    words : str
        Other names, in lower case without separators, that headers use for it.
    label : bool
        May be text.
    """

    unit: str
    role: Role
    low: float = -math.inf
    words: str = ""
    label: bool = False


KNOWN: dict[str, Quantity] = {
    "wafer": Quantity("", "axis", words="waferid wafername wafernumber waferno slot", label=True),
    "lot": Quantity("", "wafer", words="lotid lotname lotnumber", label=True),
    "die": Quantity("", "axis", words="dieid site sitenumber chip chipid", label=True),
    "die_x": Quantity("", "die", words="diex xdie xcoord xcoordinate diecolumn xindex"),
    "die_y": Quantity("", "die", words="diey ydie ycoord ycoordinate dierow yindex"),
    "x": Quantity("mm", "die", words="xmm posx xposition"),
    "y": Quantity("mm", "die", words="ymm posy yposition"),
    "cell": Quantity(
        "", "axis", words="address addr celladdress cellid bit dut device deviceid", label=True
    ),
    "row": Quantity("", "cell", words="arrayrow wl wordline"),
    "column": Quantity("", "cell", words="arraycolumn col bl bitline"),
    "state": Quantity("", "cell", words="level levelindex statelevel", label=True),
    "target": Quantity("S", "cell", 0.0, "targetconductance gtarget"),
    "initial_conductance": Quantity("S", "cell", words="g0 ginitial gstart"),
    "temperature": Quantity("K", "axis", 1e-3, "temp tbake baketemperature temperatur"),
    "nominal_time": Quantity("s", "axis", 0.0, "timepoint nominaltimepoint tnominal"),
    "time": Quantity("s", "axis", 0.0, "elapsed elapsedtime timestamp readtime timeafterverify"),
    "cycles": Quantity("", "axis", 0.0, "cycle cyclenumber ncycles cyclecount cyclesbefore"),
    "reads": Quantity("", "axis", 0.0, "read readnumber nreads readcount pulses"),
    "method": Quantity("", "axis", words="writemethod algorithm writealgorithm", label=True),
    "pulse_width": Quantity("s", "axis", 0.0, "pw width pulselength"),
    "word_line_voltage": Quantity("V", "axis", words="vwl wlv gatevoltage vg vgate"),
    "bit_line_voltage": Quantity("V", "axis", words="vbl blv"),
    "source_line_voltage": Quantity("V", "axis", words="vsl slv"),
    "read_voltage": Quantity("V", "axis", words="vread readv"),
    "conductance": Quantity("S", "value", words="g cond gread"),
    "resistance": Quantity("ohm", "value", words="r res rread"),
    "conductance_before": Quantity("S", "value", words="gbefore gpre"),
    "conductance_after": Quantity("S", "value", words="gafter gpost"),
    "resistance_before": Quantity("ohm", "value", words="rbefore rpre"),
    "resistance_after": Quantity("ohm", "value", words="rafter rpost"),
    "conductance_lrs": Quantity("S", "value", words="glrs gset gon"),
    "conductance_hrs": Quantity("S", "value", words="ghrs greset goff"),
    "resistance_lrs": Quantity("ohm", "value", words="rlrs rset ron"),
    "resistance_hrs": Quantity("ohm", "value", words="rhrs rreset roff"),
    "current": Quantity("A", "value", words="i iread readcurrent"),
    "current_lrs": Quantity("A", "value", words="ilrs ion"),
    "current_hrs": Quantity("A", "value", words="ihrs ioff"),
    "voltage": Quantity("V", "value", words="v bias"),
}

# The order of dimensions in a Dataset; others follow, "repeat" comes last.
AXES = (
    *("wafer", "die", "cell", "state", "temperature", "pulse_width"),
    *("source_line_voltage", "bit_line_voltage", "word_line_voltage", "read_voltage"),
    *("method", "reads", "cycles", "time"),
)

_BRACKETS = re.compile(r"^(.*?)\s*(?:[\[{<]\s*([^\]}>]*?)\s*[\]}>]|\(\s*([^)]*?)\s*\))\s*$")
_FACTOR = re.compile(r"[x×*]\s*(?:1[eE][-+]?\d+|10\s*\^?\s*[-+]?\d+)\b")
_OTHER_UNITS = (  # "Time / s", "Current, A", "T: °C", "time in h", "v_set_V", "R kOhm"
    *(re.compile(r"^(.*?)\s*/\s*([^/]+)$"), re.compile(r"^(.*?)\s*,\s*([^,]+)$")),
    *(re.compile(r"^(.*?)\s*:\s*([^:]+)$"), re.compile(r"^(.*?)\s+in\s+(\S+)$")),
    *(re.compile(r"^(.+)_([^_]+)$"), re.compile(r"^(.*\w)\s+(\S+)$")),
)
# Units as headers write them behind an underscore, in any case: TIME_H, R_OHM, TEMP_C.
SUFFIXES = {
    "s": {"h": "h", "hr": "h", "hrs": "h", "hours": "h", "s": "s", "sec": "s", "min": "min",
          "ms": "ms", "us": "us", "ns": "ns", "d": "day", "days": "day"},
    "K": {"c": "degC", "degc": "degC", "k": "K"},
    "ohm": {"ohm": "ohm", "ohms": "ohm", "kohm": "kohm", "mohm": "Mohm"},
    "S": {"s": "S", "ms": "mS", "us": "uS", "ns": "nS"},
    "A": {"a": "A", "ma": "mA", "ua": "uA", "na": "nA", "pa": "pA"},
    "V": {"v": "V", "mv": "mV"},
}  # fmt: skip
# What the first letter or a word of a name says about the dimension of a quantity.
_LETTERS = {
    **{"i": ("A",), "v": ("V",), "u": ("V",), "r": ("ohm",), "g": ("S",), "t": ("s", "K")},
    **{"c": ("F",), "f": ("Hz",), "p": ("W",), "e": ("J",)},
}
_STEMS = {
    **{"time": "s", "delay": "s", "width": "s", "duration": "s", "period": "s", "temp": "K"},
    **{"curr": "A", "volt": "V", "bias": "V", "potential": "V", "resist": "ohm", "cond": "S"},
    **{"power": "W", "energy": "J", "freq": "Hz", "capac": "F"},
}


_STATE = re.compile(r"(?<![a-z])[lh]rs(?![a-z])", re.IGNORECASE)
_OF_STATES = {"resistance": "ohm", "conductance": "S", "current": "A"}
_READOUT = re.compile(r"(\w)\s*[(\[](\d[\d.,eE+]*\s*[^\W\d][^)\]]*|\d+\s*°\s*C)[)\]]")


def split_unit(header: str) -> tuple[str, str]:
    """Split a header or a column text into its name and its unit.

    A unit stands in brackets at the end; behind ``/``, ``,``, ``in`` or ``_`` it must be one of the
    quantity that the name means, so that ``LRS/HRS`` and ``i_max`` stay names.

    >>> split_unit("Bake time (h)"), split_unit("G [uS]"), split_unit("address")
    (('Bake time', 'h'), ('G', 'uS'), ('address', ''))
    >>> split_unit("Time / s"), split_unit("v_set_V"), split_unit("LRS/HRS"), split_unit("AI(2)")
    (('Time', 's'), ('v_set', 'V'), ('LRS/HRS', ''), ('AI(2)', ''))

    A number with a unit in brackets is no unit but when or where the column was read.

    >>> split_unit("R(24 h) [kOhm]"), split_unit("R (85 °C)")
    (('R @ 24 h', 'kOhm'), ('R @ 85 °C', ''))
    >>> split_unit("T: °C"), split_unit("R kOhm"), split_unit("time <h>")
    (('T', '°C'), ('R', 'kOhm'), ('time', 'h'))
    >>> split_unit("R (LRS)")
    ('R LRS', '')
    >>> split_unit("VOLTAGE_MV"), split_unit("I_MAX")  # a header in capitals
    (('VOLTAGE', 'mV'), ('I_MAX', ''))

    Raises
    ------
    InputError
        A factor in the header, such as "R x1e3".
    """
    read = _READOUT.search(header)
    unit = re.sub(r"^[-+\d.,eE\s]+", "", read[2]) if read else ""
    own = read and any(parse_unit(unit, inside) for inside in dimensions(header[: read.end(1)]))
    if own or _FACTOR.search(header):
        raise InputError(
            f"header {header!r} has a factor, by which the numbers may be multiplied or divided; "
            "write the unit of the numbers, such as 'R [kohm]'"
        )
    header = _READOUT.sub(r"\1 @ \2", header.strip())
    if match := _BRACKETS.match(header):
        name, square, rounded = match.groups()
        if rounded is None or not rounded.isdigit():  # "AI(2)" numbers a run
            inside = square if square is not None else rounded
            return (f"{name} {inside}", "") if _STATE.fullmatch(inside) else (name, inside)
    for form in _OTHER_UNITS:
        if (match := form.match(header)) and match.group(1):
            name, unit = match.groups()
            inside_ones = dimensions(name)
            if any(parse_unit(unit, inside) for inside in inside_ones):
                return name, unit
            known = [SUFFIXES.get(inside, {}).get(unit.lower()) for inside in inside_ones]
            if unit.isupper() and (written := next(filter(None, known), "")):
                return name, written
    return header, ""


def dimensions(name: str) -> tuple[str, ...]:
    """Return the units that a quantity of this name can have, none when the name says nothing."""
    known = KNOWN.get(known_name(name))
    if known is not None:
        return (known.unit,) if known.unit else ()
    rest, state = without_state(name)
    if state:
        return dimensions(rest) if rest else tuple(_OF_STATES.values())
    word = name.strip().lower()
    stems = tuple(unit for stem, unit in _STEMS.items() if stem in word)
    return stems or _LETTERS.get(word[:1], ())


def without_state(header: str) -> tuple[str, str]:
    """Return a header without the state that it names, and the state, "" for none.

    >>> without_state("LRS"), without_state("Iread@0.1V HRS"), without_state("G_LRS read")
    (('', 'lrs'), ('Iread@0.1V', 'hrs'), ('G read', 'lrs'))
    """
    found = {match.lower() for match in _STATE.findall(header)}
    if len(found) != 1:
        return header, ""
    rest = re.sub(r"[\s_]*\0[\s_]*", " ", _STATE.sub("\0", header)).strip(" -:/,")
    return re.sub(r"\s*@\s*", "@", rest), found.pop()


def of_state(header: str, unit: str) -> str:
    """Return the standard name of a column of one state, by its words or else its unit.

    >>> of_state("LRS", "kOhm"), of_state("HRS read current", "nA"), of_state("HRS", "h")
    ('resistance_lrs', 'current_hrs', '')
    """
    rest, state = without_state(header)
    if not state:
        return ""
    name = known_name(rest)
    if not rest:
        name = next((n for n, inside in _OF_STATES.items() if unit and parse_unit(unit, inside)),
                    "")  # fmt: skip
    return f"{name}_{state}" if name in _OF_STATES else ""


def known_name(header: str) -> str:
    """Return the standard name of a header, or "" when no name fits.

    >>> known_name("Cell address"), known_name("G"), known_name("operator")
    ('cell', 'conductance', '')
    """
    if header.strip() in ("t", "T"):
        return "time" if header.strip() == "t" else "temperature"
    word = re.sub(r"[^a-z0-9]", "", header.lower())
    for name, known in KNOWN.items():
        if word == name.replace("_", "") or word in known.words.split():
            return name
    return ""


def unit_inside(name: str, unit: str) -> str:
    """Return the unit that a quantity has in the Dataset: that of its name, else the SI base unit.

    Raises
    ------
    InputError
        A unit that does not exist.
    """
    if name in KNOWN:
        return KNOWN[name].unit
    found = parse_unit(unit)
    if found is None:
        raise InputError(f"{name}: {unit!r} is not a unit that is known")
    return found.inside


def scaling(name: str, unit: str, inside: str) -> tuple[float, float]:
    """Return factor and offset that take numbers in ``unit`` to numbers in ``inside``.

    Raises
    ------
    InputError
        A unit of another dimension.

    Examples
    --------
    >>> scaling("temperature", "degC", "K"), scaling("conductance", "uS", "S")
    ((1.0, 273.15), (1e-06, 0.0))
    """
    if unit in ("", inside):
        return 1.0, 0.0
    found = parse_unit(unit, inside)
    if found is None:
        what = f"of {inside}" if inside else "of a pure number"
        raise InputError(f"{name}: {unit!r} is not a unit {what}")
    return found.factor, found.offset
