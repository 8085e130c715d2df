"""What stands above the numbers of a table, and what its columns of time, voltage and current are.

The numbers are found first, then the header above them: a row of names, a row of units, a line
behind ``#``. What each column is follows from its unit, else from its name; the reasons are kept.
"""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from reliability.errors import InputError
from reliability.measurements.clock import Clock, recognise_clock
from reliability.measurements.delimited import Table, kind_of, open_table
from reliability.measurements.instrument_traces import unit_of
from reliability.measurements.names import KNOWN, dimensions, known_name, scaling, split_unit
from reliability.measurements.rows import (
    MISSING,
    Form,
    is_number,
    number,
    recognise_form,
    split_line,
)
from reliability.measurements.source import Source, first_lines
from reliability.measurements.tester_units import parse_unit
from reliability.measurements.workbooks import sheet_name, sheet_start

Rows = list[list[str]]

_COMMENT = re.compile(r'\s*"?(#|%|//|!)[#%!\s]*')
_KEY = re.compile(r"([A-Za-z][^:=,;\t]{0,60}?)\s*[:=,;\t]\s*(.*\S)")
_CHANNEL = re.compile(r"(ch|chan|channel|c|trace|kanal|ampl|amplitude)[ _]?\w?V?", re.IGNORECASE)
_COUNTER = ("", "x", "nr", "no", "n", "index", "idx", "point", "points", "sample", "samples", "#")
_IN = re.compile(r"^(.*?)\s*\bin\s+(\S+)$")  # Rohde & Schwarz: "in s", "C1 in V"
_FIRST = re.compile(r"(start|t0)\s*=?\s*(\S*)", re.IGNORECASE)  # Rigol: time of the first point
_STEP = re.compile(r"(increment|tinc)\s*=?\s*(\S*)", re.IGNORECASE)
_PURE_WORDS = ("sequence", "index", "text", "none")  # in a row of units
_WORD_AND_UNIT = re.compile(r"\S+\s*[\[(][^\])]*[\])]|\S+")
_NO_VALUE = re.compile(r"#[A-Z/0]+[!?]?|O\.?L\.?|OVLD|OVER\w*|[<>]\s*\S+|[+-]?inf", re.IGNORECASE)
_RECORDER = {"TraceName", "VUnit"}  # keys of a Yokogawa recorder
_STATE = re.compile(r"_(lrs|hrs|before|after)$")


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Parameters
    ----------
    name : str
        As in the file.
    position : int
    unit : str
        As written, or as the name says it.
    inside : str
        SI unit; ``"words"`` for a column of words.
    why : str
        Reason, for the reader of the file.
    """

    name: str
    position: int
    unit: str
    inside: str
    why: str

    @property
    def known(self) -> str:
        """Return the standard name, where the header is one."""
        return "" if self.why.startswith("counts") else known_name(self.name)


@dataclass(frozen=True)
class Head:
    """A table of numbers, what is above it, and what its columns are.

    Parameters
    ----------
    table : Table
    columns : tuple of Column
    metadata : dict of str to str
    clock : Clock, optional
        How the column of times is written, where it is text.
    first, step : float
        Time of the first point and interval (s), where the header has them and no column.
    """

    table: Table
    columns: tuple[Column, ...]
    metadata: dict[str, str] = field(default_factory=dict)
    clock: Clock | None = None
    first: float = 0.0
    step: float = 0.0

    def of(self, *inside: str) -> list[Column]:
        """Return the columns in some units."""
        return [column for column in self.columns if column.inside in inside]

    def is_trace(self) -> bool:
        """Tell whether these are sweeps or waveforms, and not reads of cells with an address."""
        known = {column.known for column in self.columns} - {""}
        aside = {"time", "temperature"} if self.of("s") or self.step else {"time"}
        if self.of("A") and len(self.of("V")) > 1:  # a gate sweep
            aside |= {"word_line_voltage", "bit_line_voltage", "source_line_voltage"}
        address = {name for name in known - aside if KNOWN[name].role != "value"}
        if address or any(_STATE.search(name) for name in known):
            return False
        electrical = len(self.of("V", "A"))
        waveform = bool(self.step) or self._before_trigger()
        return electrical >= 2 or (electrical == 1 and waveform)

    def _before_trigger(self) -> bool:
        texts = [row[column.position] for column in self.of("s") for row in self.table.sample]
        return self.clock is None and any(text.strip().startswith("-") for text in texts)

    def evidence(self) -> list[str]:
        """Return in sentences what the columns are and why."""
        sentences = [f"column {c.position + 1} {c.name!r}: {c.why}" for c in self.columns]
        if self.step:
            sentences.append(
                f"time: from {self.first:g} s in steps of {self.step:g} s, by the header"
            )
        return sentences


def read_head(source: Source, *, sheet: str = "", names: Sequence[str] = ()) -> Head | None:
    """Find the numbers of a table and the header above them.

    Parameters
    ----------
    source : Source
    sheet : str
        Of a workbook; the first when empty.
    names : sequence of str
        Columns in order, with units; they replace the header.

    Returns
    -------
    Head or None
        None for a table without a run of numbers, or without any name for its columns.
    """
    kind = kind_of(source)
    if kind in ("parquet", "frame"):
        table = open_table(source)
        headers = list(zip(table.names, table.units, strict=True))
        numeric = [not table.is_text(i) for i in range(len(headers))]
        return _head(table, headers, numeric, {}, names)
    if kind == "xlsx":
        sheet = sheet_name(source, sheet)
        rows = sheet_start(source, sheet)
        comments = [False] * len(rows)
        form = Form("", ".", max(map(len, rows), default=0))
    else:
        lines = first_lines(source, 400)
        comments = [bool(_COMMENT.match(line)) for line in lines]
        plain = [line for line, c in zip(lines, comments, strict=True) if not c and line.strip()]
        if not plain:
            return None
        form = recognise_form(plain[len(plain) // 2 :])
        rows = [split_line(line, form.delimiter) for line in lines]
    return _from_rows(source, rows, comments, form, sheet, names)


def _from_rows(
    source: Source,
    rows: Rows,
    comments: Sequence[bool],
    form: Form,
    sheet: str,
    names: Sequence[str],
) -> Head | None:
    rows = [row if comment else _trimmed(row, form.width)
            for row, comment in zip(rows, comments, strict=True)]  # fmt: skip
    full = [
        i for i, row in enumerate(rows) if not comments[i] and len(row) == form.width and any(row)
    ]
    numeric = [_is_numeric([rows[i][column] for i in full], form) for column in range(form.width)]
    keys = {row[0].strip() for row in rows if row} >= _RECORDER  # in front of the first rows
    start = next(
        (i for i in full if _fits(rows[i], numeric, form)
         and (not keys or not rows[i][0].strip() or _is_beside(rows[i]))), None,
    )  # fmt: skip
    if start is None or not any(numeric):
        return None
    while (
        start - 1 in full
        and not (keys and rows[start - 1][0].strip())
        and _has_number(rows[start - 1], numeric, form)
    ):
        start -= 1  # a damaged row: bad, but no header
    above = [
        _comment_cells(row, form) if comment else row
        for row, comment in zip(rows[:start], comments, strict=False)
    ]
    headers, used, aside = _keyed(above, form) or _headers(above, numeric, form)
    metadata = _metadata(above[: len(above) - used], form)
    headers = _units_above(headers, numeric, metadata)
    if _is_beside(rows[start]):
        headers = _beside(rows[start:], metadata)
    sample = tuple(tuple(rows[i]) for i in full if i >= start)
    names_, units = zip(*headers, strict=True) if headers else ((), ())
    table = Table(source, names_, units, sample, start, form, sheet)
    return _head(table, headers, numeric, metadata, names, aside)


def _trimmed(row: list[str], width: int) -> list[str]:
    """Return a row without the empty cells behind a last separator that the others lack."""
    while len(row) > width and not row[-1].strip():
        row = row[:-1]
    return row


def _is_beside(row: Sequence[str]) -> bool:
    """Tell whether a row begins the header of a Tektronix TDS, which stands beside the numbers."""
    return row[0].strip().lower() == "record length"


def _is_numeric(entries: Sequence[str], form: Form) -> bool:
    """Tell whether most entries of the second half of a column are numbers; of all, if it is empty.

    The first half may hold lines of a preamble that happen to be as long.
    """
    for part in (entries[len(entries) // 2 :], entries):
        filled = [entry for entry in part if not _is_neutral(entry)]
        if filled:
            return 2 * sum(_is_number(entry, form) for entry in filled) > len(filled)
    return False


def _is_neutral(text: str) -> bool:
    """Tell whether an entry is missing, an error of a formula or an overflow written as a word."""
    return text.strip() in MISSING or bool(_NO_VALUE.fullmatch(text.strip()))


def _fits(row: Sequence[str], numeric: Sequence[bool], form: Form) -> bool:
    """Tell whether a row has numbers, or nothing, in every column of numbers, and one at least."""
    entries = [e for e, one in zip(row, numeric, strict=True) if one and not _is_neutral(e)]
    return bool(entries) and all(_is_number(entry, form) for entry in entries)


def _has_number(row: Sequence[str], numeric: Sequence[bool], form: Form) -> bool:
    return any(_is_number(e, form) for e, one in zip(row, numeric, strict=True) if one)


def _is_number(text: str, form: Form) -> bool:
    return is_number(text, form.decimal) and text.strip() not in MISSING


def _comment_cells(row: Sequence[str], form: Form) -> list[str]:
    """Return the text behind a comment mark, and behind it its cells if it has as many as a row."""
    joined = (form.delimiter or ",").join(row)
    text = _COMMENT.sub("", joined, count=1)
    for delimiter in (form.delimiter, "\t", ",", ";", " "):
        if delimiter and len(cells := split_line(text, delimiter)) == form.width:
            return [text.strip('" '), *(cell.strip('" ') for cell in cells)]
    if len(cells := _WORD_AND_UNIT.findall(text)) == form.width:
        return [text, *cells]
    return [text.strip('" ')]


def _headers(
    above: Rows, numeric: Sequence[bool], form: Form
) -> tuple[list[tuple[str, str]], int, list[tuple[str, str]]]:
    """Return name and unit of each column, the rows they take, and pairs of cells beside them."""
    written = [
        (len(above) - i, row[1:] if len(row) == form.width + 1 else row)
        for i, row in enumerate(above)
        if any(re.search(r"\w|#", entry) for entry in row)
    ]
    if (
        not written
        or len(written[-1][1]) != form.width
        or _has_number(written[-1][1], numeric, form)
    ):
        return [], 0, []
    used, row = written[-1]
    units = [""] * form.width
    if len(written) > 1 and len(written[-2][1]) == form.width and _is_units(row, numeric):
        used, units, row = written[-2][0], [entry.strip("()[] ") for entry in row], written[-2][1]
    pairs = []
    for name, unit in zip(row, units, strict=True):
        stem, own = split_unit(name)
        if not own and (match := _IN.match(name)) and parse_unit(match.group(2)):
            stem, own = match.groups()
        pure = unit.lower() in _PURE_WORDS
        pairs.append((stem, "" if pure else unit or own))
    beside = list(zip(row, units, strict=True))
    return pairs, used, [pair for pair, one in zip(beside, numeric, strict=True) if not one]


def _is_units(row: Sequence[str], numeric: Sequence[bool]) -> bool:
    entries = [e.strip("()[] ") for e, one in zip(row, numeric, strict=True) if one and e]
    known = [(bool(parse_unit(e)) and not e.isdigit()) or e.lower() in _PURE_WORDS for e in entries]
    return bool(entries) and all(known)


def _beside(rows: Rows, metadata: dict[str, str]) -> list[tuple[str, str]]:
    """Take key and value in the columns before the time and the signal of each channel.

    A second channel has columns of its own behind the first; its times are the same.
    """
    headers = [("-", "")] * len(rows[0])
    starts = [i for i, entry in enumerate(rows[0]) if entry.strip().lower() == "record length"]
    times: list[str] = []
    for start, end in zip(starts, [*starts[1:], len(rows[0])], strict=True):
        own = {row[start]: row[start + 1] for row in rows if len(row) > end - 1 and row[start]}
        filled = [i for i in range(start, end) if rows[-1][i].strip() or rows[0][i].strip()]
        own_times = [row[filled[-2]] for row in rows]
        if own_times != times:
            headers[filled[-2]] = ("time", own.get("Horizontal Units", "s"))
        units = {"volts": "V", "amps": "A", "amperes": "A", "": "V"}
        unit = own.get("Vertical Units", "")
        headers[filled[-1]] = (own.get("Source", "CH1"), units.get(unit.lower(), unit))
        times = times or own_times
        metadata |= own if start == starts[0] else {}
    return headers


_TIME_UNITS = re.compile(r"(?:horizontal|x|time) ?units?", re.IGNORECASE)
_SIGNAL_UNITS = re.compile(r"(?:vertical|y) ?units?", re.IGNORECASE)


def _units_above(
    headers: list[tuple[str, str]], numeric: Sequence[bool], metadata: dict[str, str]
) -> list[tuple[str, str]]:
    """Give columns without a unit that of a line above: ``Vertical Units,V,A``, one a channel."""
    times: list[str] = []
    signals: list[str] = []
    for key, text in metadata.items():
        for pattern, found in ((_TIME_UNITS, times), (_SIGNAL_UNITS, signals)):
            if pattern.fullmatch(key.strip()):
                found += [unit.strip() for unit in text.split(",")]
    named = [i for i, (name, _) in enumerate(headers) if numeric[i] and name]
    channels = [i for i in named if known_name(headers[i][0]) != "time"]
    signals = signals * len(channels) if len(set(signals)) == 1 else signals
    given = dict(zip(channels, signals, strict=False)) if len(signals) >= len(channels) else {}
    given |= {i: times[0] for i in named if i not in channels and times}
    return [(name, unit or given.get(i, "")) for i, (name, unit) in enumerate(headers)]


def _keyed(
    above: Rows, form: Form
) -> tuple[list[tuple[str, str]], int, list[tuple[str, str]]] | None:
    """Return what `_headers` does of a Yokogawa recorder, whose rows have a key in front."""
    keys = {row[0].strip(): (len(above) - i, row[1:]) for i, row in enumerate(above) if row}
    if not keys.keys() >= _RECORDER or len(keys["TraceName"][1]) != form.width - 1:
        return None
    used, names = keys["TraceName"]
    pairs = list(zip(names, keys["VUnit"][1], strict=False))
    second = scaling("HUnit", keys["HUnit"][1][0], "s")[0] if "HUnit" in keys else 1.0
    aside = [(word, f"{second * number(keys[key][1][0])!r}") for word, key in
             (("Start", "HOffset"), ("Increment", "HResolution")) if key in keys]  # fmt: skip
    return [("-", ""), *pairs], used, aside


def _metadata(rows: Rows, form: Form) -> dict[str, str]:
    found = {}
    for row in rows:
        filled = [entry for entry in row if entry]
        filled = filled[:1] if len(row) == form.width + 1 else filled  # behind a comment mark
        match = _KEY.fullmatch(filled[0]) if len(filled) == 1 else None
        if match:
            found[match.group(1)] = match.group(2)
        elif len(filled) >= 2:
            found[filled[0].rstrip(":=")] = ", ".join(filled[1:])
    return found


def _head(
    table: Table,
    headers: Sequence[tuple[str, str]],
    numeric: Sequence[bool],
    metadata: dict[str, str],
    names: Sequence[str],
    aside: Sequence[tuple[str, str]] = (),
) -> Head | None:
    if names:
        if len(names) != len(numeric):
            raise InputError(
                f"{table.source.name}: columns names {len(names)} columns, "
                f"the file has {len(numeric)}"
            )
        headers = [split_unit(name) for name in names]
    if not headers:
        return None
    first, step = (_beside_header(aside, pattern) for pattern in (_FIRST, _STEP))
    columns, clock = [], None
    timed = _clock_column([name for name, _ in headers], numeric)
    for position, (name, unit) in enumerate(headers):
        values = [row[position].strip() for row in table.sample if position < len(row)]
        values = [value for value in values if value not in MISSING]
        if not values or name == "-":
            continue
        if not numeric[position]:
            found = recognise_clock(values) if position == timed else None
            inside, why = ("s", "clock times") if found else ("words", "words")
            clock = found or clock
            columns.append(Column(name, position, "s" if found else "", inside, why))
        elif step and name.lower() in _COUNTER:
            continue
        else:
            columns.append(_column(name, position, unit, values))
    return Head(table, tuple(columns), metadata, clock, first, step)


def _clock_column(names: Sequence[str], numeric: Sequence[bool]) -> int | None:
    """Return the position of the column of text that may hold times: Time rather than Date."""
    for pattern in (r"time|zeit", r"date|datum"):
        for position, name in enumerate(names):
            if not numeric[position] and re.search(pattern, name.lower()):
                return position
    return None


def _beside_header(cells: Sequence[tuple[str, str]], pattern: re.Pattern[str]) -> float:
    """Return a number that stands in the header, as "Start" over it or as "t0 = -1e-3"; else 0."""
    for name, below in cells:
        if match := pattern.fullmatch(name.strip()):
            try:
                return number(match.group(2) or below)
            except ValueError:
                return 0.0
    return 0.0


def _column(name: str, position: int, unit: str, values: Sequence[str]) -> Column:
    """Say what a column of numbers is: by its unit, else by its name."""
    if unit:
        meanings = [parse_unit(unit, inside) for inside in dimensions(name)]
        meaning = next((m for m in meanings if m), None) or parse_unit(unit)
        if meaning is None:
            return Column(name, position, unit, unit, f"unit {unit!r} is not known, kept as read")
        written = unit if parse_unit(unit) == meaning else unit.lower()  # TIME_MS, TIME_US
        return Column(name, position, written, meaning.inside, f"in {unit} by its header")
    if name.lower() in _COUNTER and _counts(values):
        return Column(name, position, "", "", "counts the points")
    known = known_name(name)
    by_name = KNOWN[known].unit if known not in ("", "temperature") else unit_of(name)
    if not by_name and _CHANNEL.fullmatch(name):
        by_name = "V"
    if known == "temperature" or not by_name:
        return Column(name, position, "", "", "no unit is written")
    return Column(name, position, by_name, by_name, f"in {by_name} by its name, no unit is written")


def _counts(values: Sequence[str]) -> bool:
    """Tell whether values go up by one."""
    try:
        numbers = [float(value) for value in values]
    except ValueError:
        return False
    return all(b - a == 1 for a, b in itertools.pairwise(numbers))
