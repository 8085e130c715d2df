"""What stands above the header of a spreadsheet: conditions of the test, titles, merged headers."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from reliability.errors import InputError
from reliability.measurements.delimited import (
    Table,
    kind_of,
    open_table,
    sheet_start,
)
from reliability.measurements.headings import evident_unit
from reliability.measurements.names import KNOWN, split_unit, unit_inside
from reliability.measurements.rows import is_number, recognise_form, split_line
from reliability.measurements.source import Source, first_lines
from reliability.measurements.workbooks import sheet_name, workbook
from reliability.units import quantity

_ROWS = 60  # rows that a header and what is above it may take
_NUMBER = r"(?P<value>-?\d+(?:[.,]\d+)?)"
_TO_NUMBER = rf"[\])]?\s*[:=]?\s*{_NUMBER}"  # behind a unit in brackets
_DEGREES = r"(?P<unit>°\s*C|deg\s*C|[CK])"
_TEMPERATURE = r"(?:temp(?:erature?|eratur)?|t_?bake|bake|oven|ofen)\b"
_READ_VOLTAGE = r"(?:v_?read|read[ _]?voltage|lesespannung)\b"
_CONDITIONS = (
    ("temperature", re.compile(rf"{_TEMPERATURE}[^-\d]*{_NUMBER}\s*{_DEGREES}\b", re.I)),
    ("temperature", re.compile(rf"(?<![\w.]){_NUMBER}\s*(?P<unit>°\s*C|deg\s*C)\b")),
    ("temperature", re.compile(rf"{_TEMPERATURE}\s*[\[(/]\s*{_DEGREES}{_TO_NUMBER}", re.I)),
    ("temperature", re.compile(rf"{_TEMPERATURE}\s*[:=]?\s*{_NUMBER}(?P<unit>)", re.I)),
    ("read_voltage", re.compile(rf"{_READ_VOLTAGE}[^-\d]*{_NUMBER}\s*(?P<unit>m?V)\b", re.I)),
    ("read_voltage",
     re.compile(rf"{_READ_VOLTAGE}\s*[\[(/]\s*(?P<unit>m?V){_TO_NUMBER}", re.I)),
)  # fmt: skip
_SHEET = re.compile(r"(?<![\w.-])(?P<value>\d{2,3})\s*(?:°\s*C|deg\s*C|C)(?!\w)")
_LABELS = re.compile(r"(lot|wafer)(?:[ _]?id|[ _]?no)?\s*[:=]\s*(\S+)", re.IGNORECASE)
_KEY = re.compile(r"([A-Za-z][\w ]{0,30}?)\s*[:=]\s*(.+)")
_QUANTITY = re.compile(r"resistance|conductance|current|widerstand|leitwert|strom", re.IGNORECASE)


@dataclass(frozen=True)
class Preamble:
    """Lines above the header.

    Parameters
    ----------
    constants : dict of str to float or str
        Conditions that hold for all rows, in SI.
    evidence : list of str
        Where each of them stands.
    metadata : dict of str to str
        Other lines of the form "key: value".
    notes : list of str
        Sheets of a workbook that were not read.
    """

    constants: dict[str, float | str] = field(default_factory=dict)
    evidence: list[str] = field(default_factory=list)
    metadata: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def open_sheet(
    source: Source, *, delimiter: str = "", decimal: str = "", sheet: str | int = "", skip: int = 0
) -> tuple[Table, Preamble]:
    """Open a table and read what stands above its header (parameters as for `open_table`)."""
    kind = kind_of(source)
    options = {"delimiter": delimiter, "decimal": decimal, "sheet": sheet, "skip": skip}
    if kind not in ("text", "xlsx"):
        return open_table(source, **options), Preamble()  # type: ignore[arg-type]
    rows, sign = _first_rows(source, kind, delimiter, decimal, sheet)
    start = _first_data(rows, sign, skip)
    if start is None or start == skip:
        return open_table(source, **options), _sheets(source, kind, sheet)  # type: ignore[arg-type]
    header = _header_row(rows, start)
    merged = header > skip and _spans(rows[header - 1], rows[header])
    above = rows[: header - merged]
    preamble = read_preamble(above, _sheets(source, kind, sheet))
    if kind == "xlsx" or merged:
        options["skip"] = max(skip, header)
    table = open_table(source, **options)  # type: ignore[arg-type]
    if merged and table.skip >= header:
        table = _with_spans(table, rows[header - 1])
    return table, preamble


def _first_rows(
    source: Source, kind: str, delimiter: str, decimal: str, sheet: str | int
) -> tuple[list[list[str]], str]:
    if kind == "xlsx":
        return sheet_start(source, sheet_name(source, sheet))[:_ROWS], "."
    lines = first_lines(source)
    form = recognise_form(lines, delimiter, decimal)
    return [split_line(line, form.delimiter) for line in lines[:_ROWS]], form.decimal


def _first_data(rows: Sequence[Sequence[str]], decimal: str, skip: int) -> int | None:
    """Index of the first row of data: at least a number, as wide as most, and no line of text."""
    widths = [len(row) for row in rows[skip:] if any(row)]
    width = max(set(widths), key=widths.count, default=0)
    for index, row in enumerate(rows):
        filled = [entry for entry in row if entry]
        if index < skip or len(row) < width or len(filled) < 2 or row[0].startswith("#"):
            continue
        if any(is_number(entry, decimal) for entry in filled[1:]) or is_number(filled[0], decimal):
            header = rows[index - 1] if index > skip else []
            return index if any(header) or index == skip else None
    return None


def _header_row(rows: Sequence[Sequence[str]], start: int) -> int:
    """Index of the header above the first data: above a row of units, if there is one."""
    units = [entry for entry in rows[start - 1] if entry]
    above = [entry for entry in rows[start - 2] if entry] if start > 1 else []
    return start - 2 if len(above) >= len(units) and all(map(_is_unit, units)) else start - 1


def _is_unit(text: str) -> bool:
    if re.fullmatch(r"[\[(].*[\])]", text):
        return True
    try:
        unit_inside("value", text)
    except InputError:
        return False
    return True


def _spans(above: Sequence[str], header: Sequence[str]) -> bool:
    """Tell whether the row above names what the columns under it have in common."""
    if len(above) != len(header) or sum(map(bool, above)) < 2:
        return False
    gaps = [place for place, entry in enumerate(header) if not entry]
    return bool(gaps) and all(above[place] for place in gaps)


def _with_spans(table: Table, above: Sequence[str]) -> Table:
    """Give the columns under a merged header what it says of them."""
    names, units = list(table.names), list(table.units)
    span = ""
    for place, entry in enumerate(above[: len(names)]):
        span = entry or span
        text, unit = split_unit(span)
        if not names[place]:
            names[place], units[place], span = text, units[place] or unit, ""
        elif span:
            found = _QUANTITY.search(text)
            names[place] = f"{found.group(0) if found else text} @ {names[place]}"
            units[place] = units[place] or unit
    return replace(table, names=tuple(names), units=tuple(units))


def _sheets(source: Source, kind: str, sheet: str | int) -> Preamble:
    """What the name of the sheet says, and a note of the sheets that are not read."""
    found = Preamble()
    if kind != "xlsx":
        return found
    chosen = sheet_name(source, sheet)
    match = _SHEET.search(chosen)
    if match:
        found.constants["temperature"] = quantity(f"{match['value']} degC", "K", "temperature")
        found.evidence.append(f"sheet {chosen!r}: temperature of all rows")
    others = [repr(str(name)) for name in workbook(source).sheetnames if name != chosen]
    if others and sheet == "":
        found.notes.append(
            f"sheet {chosen!r} was read, {', '.join(others)} not; read one with sheet, on the "
            f"command line {source.name}@sheet={others[0][1:-1]}"
        )
    return found


def read_preamble(rows: Sequence[Sequence[str]], found: Preamble | None = None) -> Preamble:
    """Read the conditions that lines above a header state, and add them to ``found``.

    >>> found = read_preamble([["Program: RET_V12"], ["Temperature: 125 C"], ["Vread", "0.2 V"]])
    >>> found.constants, found.metadata
    ({'temperature': 398.15, 'read_voltage': 0.2}, {'program': 'RET_V12'})
    """
    found = found or Preamble()
    for index, row in enumerate(rows, start=1):
        filled = [entry.strip() for entry in row if entry.strip()]
        two = len(filled) == 2 and filled[0][-1] not in ":="  # a name and its value in two columns
        text = (": " if two else " ").join(filled).lstrip("# ").strip()
        if not text or not _conditions(text, index, found):
            match = _KEY.fullmatch(text)
            if match:
                key = re.sub(r"\W+", "_", match.group(1).strip().lower())
                found.metadata[key] = match.group(2)
    return found


def _conditions(text: str, line: int, found: Preamble) -> bool:
    used = False
    for name, pattern in _CONDITIONS:
        match = pattern.search(text)
        if match is None or name in found.constants:
            continue
        number_text = match["value"].replace(",", ".")
        unit = re.sub(r"^(?:°|deg)?\s*C$", "degC", match["unit"])
        unit = unit or evident_unit(name, np.array([float(number_text)]))[0]
        if not unit:
            continue
        found.constants[name] = quantity(f"{number_text} {unit}", KNOWN[name].unit, name)
        shown = f"line {line} {text!r}: {name.replace('_', ' ')} of all rows"
        found.evidence.append(shown if match["unit"] else f"{shown}, read as {unit}")
        used = True
    for label in _LABELS.finditer(text):
        found.constants.setdefault(label.group(1).lower(), label.group(2).strip(",;"))
        found.evidence.append(f"line {line} {text!r}: {label.group(1).lower()} of all rows")
        used = True
    return used
