"""Turn pieces of a table into columns of numbers in SI units; every bad row is located."""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reliability.measurements.log import Log, printable
from reliability.measurements.names import KNOWN
from reliability.measurements.tester_units import parse_unit

MISSING = (
    "",
    "*",
    ".",
    "NA",
    "N/A",
    "n/a",
    "n.a.",
    "#N/A",
    "#NV",
    "NaN",
    "nan",
    "NAN",
    "null",
    "NULL",
    "None",
    "none",
    "-",
    "--",
    "---",
)
OVERRANGE = 9.9e37  # SCPI-99 reports +-9.9e37 for overflow and 9.91e37 for "not a number"
_NOT_A_NUMBER = (9.905e37, 9.915e37)
# What meters and engineers write for a value beyond the range: OL, OVLD, open, >1000, <5.
_BEYOND = re.compile(
    r"(?P<sign>[<>≤≥])\s*=?\s*(?P<bound>[-+]?[.,\d]+(?:[eE][-+]?\d+)?)"
    r"|\+?(?:O\.?L\.?|OVLD|OVR?FL?W?|OVR|OVER(?:FLOW|LOAD|RANGE)?"
    r"|OUT ?OF ?RANGE|OPEN|INF(?:INITY)?|∞)",
    re.IGNORECASE,
)
_WITH_UNIT = re.compile(r"([-+]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eE][-+]?\d+)?)\s*([°%]?[^\W\d_]*)")
_PREFIXES = ("k", "M", "G", "m", "u", "µ", "n", "p")  # alone behind a number: 10k
_NO_NUMBERS = (bool, np.bool_, date, time, np.datetime64, timedelta, np.timedelta64)
_TRUTH = re.compile(r"true|false", re.IGNORECASE)
# Before pandas 3.1, whose only converter it is, the one to the nearest float had to be asked for.
_ROUND_TRIP: dict[str, Any] = (
    {} if tuple(map(int, pd.__version__.split(".")[:2])) >= (3, 1)
    else {"float_precision": "round_trip"}
)  # fmt: skip
# Groups of three digits, by the decimal sign: 1,234.5 or 1.234,5, 12 500, 12'500.
_GROUPED = {
    decimal: re.compile(
        rf"[-+]?[1-9]\d{{0,2}}(?P<mark>[{other}'’ \u00a0\u202f])\d{{3}}(?:(?P=mark)\d{{3}})*"
        rf"(?:{re.escape(decimal)}\d*)?(?:[eE][-+]?\d+)?"
    )
    for decimal, other in ((".", ","), (",", "."))
}
# Rows below a table that sum up the others, by their first entry.
_SUMMARY = re.compile(
    r"[\s;,\t\"]*(mean|average|avg|median|total|sum|std\.?[ _]?dev\.?|std|stdev|sigma|minimum|"
    r"maximum|min|max|mittelwert|mittel|summe|gesamt)\s*[:.]?\"?\s*(?:[;,\t|]|\s[-+\d]|$)",
    re.IGNORECASE,
)
_COMMA, _POINT = re.compile(r"[-+]?\d+,\d+"), re.compile(r"[-+]?\d*\.\d+(?:[eE][-+]?\d+)?")
_EXACT = 2.0**53  # the next whole number is no float: addresses beyond would merge
# Quantities whose over-range reads are kept.
_BOUNDED = {
    f"{quantity}{state}"
    for quantity in ("resistance", "conductance", "current")
    for state in ("", "_lrs", "_hrs")
}


@dataclass(frozen=True)
class Field:
    """One column that is taken from a table.

    Parameters
    ----------
    name : str
        Name in the Dataset.
    position : int
        Column in the file, from 0.
    factor, offset : float
        Take the number in the file to the unit of the Dataset.
    text : bool
        A label instead of a number.
    required : bool
        A row without it is bad.
    unit : str, optional
        Unit of the Dataset, where a cell may have a unit of its own ("10 kohm", "125C").
    """

    name: str
    position: int
    factor: float = 1.0
    offset: float = 0.0
    text: bool = False
    required: bool = False
    unit: str | None = None


@dataclass(frozen=True)
class Form:
    """How the text of a table is written.

    Parameters
    ----------
    delimiter : str
        One character, or ``" "`` for any white space.
    decimal : str
        ``"."`` or ``","``.
    width : int
        Fields in a full row.
    """

    delimiter: str
    decimal: str
    width: int


def recognise_form(lines: Sequence[str], delimiter: str = "", decimal: str = "") -> Form:
    """Find delimiter, decimal sign and number of columns from the first lines of a table.

    >>> recognise_form(["1;2,5;3", "2;2,6;4"])
    Form(delimiter=';', decimal=',', width=3)
    """
    sample = [line.strip("\r\n") for line in lines if line.strip() and line.lstrip()[0] != "#"]
    if not delimiter:
        best = 0
        for candidate in ("\t", ";", ",", "|"):
            present = sum(candidate in line for line in sample)
            if present > max(best, len(sample) // 2):
                delimiter, best = candidate, present
        if not delimiter:
            spaced = sum(len(line.split()) > 1 for line in sample)
            delimiter = " " if spaced > len(sample) // 2 else ","  # "TTF (h)" over one column
    widths = [len(split_line(line, delimiter)) for line in sample]
    width = max(set(widths), key=lambda count: (widths.count(count), count)) if widths else 0
    return Form(delimiter, decimal or _decimal(sample, delimiter), width)


def _decimal(lines: Sequence[str], delimiter: str) -> str:
    """Find the decimal sign: what stands behind groups of digits, else what most numbers have."""
    if delimiter == ",":
        return "."
    fields = [entry for line in lines for entry in split_line(line, delimiter)]
    for decimal, other in ((".", ","), (",", ".")):
        grouped = [entry for entry in fields if _GROUPED[decimal].fullmatch(entry)]
        if any(entry.count(other) > 1 or (other in entry and decimal in entry)
               for entry in grouped):  # fmt: skip
            return decimal
    plain = [re.sub(r"(?<=\d)['’ \u00a0\u202f](?=\d{3})", "", entry) for entry in fields]
    comma = [entry for entry in plain if _COMMA.match(entry)]
    point = [entry for entry in plain if _POINT.fullmatch(entry)]
    # 4,5 and 0.25 cannot have their digits in groups; 1,500 and 1.500 can
    sure = [sum(not _GROUPED[other].fullmatch(entry) for entry in some)
            for other, some in ((".", comma), (",", point))]  # fmt: skip
    if sure[0] != sure[1]:
        return "," if sure[0] > sure[1] else "."
    return "," if len(comma) > len(point) else "."


def split_line(line: str, delimiter: str) -> list[str]:
    """Split one line into its fields.

    >>> split_line('3, "a, b", 5', ",")
    ['3', 'a, b', '5']
    """
    if delimiter == " ":
        return line.split()
    if '"' not in line:
        return [entry.strip() for entry in line.rstrip("\r\n").split(delimiter)]
    reader = csv.reader([line.rstrip("\r\n")], delimiter=delimiter, skipinitialspace=True)
    return [entry.strip() for entry in next(reader, [])]


def number(text: str, decimal: str = ".") -> float:
    """Return the number that a field holds: NaN when it is missing.

    >>> number("1,234.5"), number("1.234,5", ","), number("12 500")
    (1234.5, 1234.5, 12500.0)

    Raises
    ------
    ValueError
        The field holds something else.
    """
    text = text.strip()
    if text in MISSING:
        return np.nan
    if "_" in text:  # a label like 3_12, which Python would read as a number
        raise ValueError(f"could not convert string to float: {text!r}")
    text = _ungrouped(text, decimal)
    return float(text.replace(",", ".") if decimal == "," else text)


def _ungrouped(text: str, decimal: str) -> str:
    match = _GROUPED[decimal].fullmatch(text)
    return text.replace(match["mark"], "") if match else text


def is_number(text: str, decimal: str = ".") -> bool:
    """Tell whether a field holds a number, or nothing.

    >>> is_number("0,5", ","), is_number(""), is_number("3_12")
    (True, True, False)
    """
    try:
        number(text, decimal)
    except ValueError:
        return False
    return True


def read_row(
    row: Sequence[str], line: int, log: Log, decimal: str = "."
) -> NDArray[np.float64] | None:
    """Return the numbers of a row, NaN for those over the range; None for a bad row.

    >>> read_row(["1", "9.9E37"], 1, Log())
    array([ 1., nan])
    """
    try:
        values = np.array([number(entry, decimal) for entry in row])
    except ValueError as error:
        log.reject([line], str(error))
        return None
    over = np.abs(values) >= OVERRANGE
    log.overrange += int(over.sum())
    values[over] = np.nan
    return values


def read_piece(
    lines: Sequence[str], first: int, form: Form, fields: Sequence[Field], log: Log
) -> dict[str, NDArray[Any]]:
    """Read the lines of one piece of a table.

    Parameters
    ----------
    lines : sequence of str
    first : int
        Line number of the first of them in the file.
    form : Form
    fields : sequence of Field
        Columns to take.
    log : Log
        Takes the bad rows.

    Returns
    -------
    dict of str to ndarray, shape (good rows,)
        Numbers as float64 in the units of the Dataset, labels as objects, and ``"line"``.
    """
    numbers = np.arange(first, first + len(lines))
    full = [line for line in lines if (start := line.lstrip()) and start[0] != "#"]
    if len(full) < len(lines):
        keep = [bool(start := line.lstrip()) and start[0] != "#" for line in lines]
        numbers = numbers[keep]
        log.blank += len(lines) - len(full)
    log.rows += len(full)
    full, numbers = _without_summary(full, numbers, log)
    if not full:
        return {}
    raw = _read_even(full, form, fields)
    if raw is None:
        good, raw = _read_uneven(full, numbers, form, fields, log)
        numbers = numbers[good]
    return settle(raw, numbers, fields, log, form.decimal)


def _without_summary(
    lines: list[str], numbers: NDArray[Any], log: Log
) -> tuple[list[str], NDArray[Any]]:
    """Take out the rows that hold the mean, the sum and the like of others."""
    wrong = summary_rows(lines)
    if not wrong.any():
        return lines, numbers
    first = lines[int(np.argmax(wrong))].strip().partition(";")[0].partition(",")[0]
    log.reject(numbers[wrong], f"{first!r} sums up other rows")
    return [line for line, bad in zip(lines, wrong, strict=True) if not bad], numbers[~wrong]


def summary_rows(entries: Sequence[Any]) -> NDArray[np.bool_]:
    """Tell which rows sum up others, by their first entry; a word on rows one below the other is a
    label, such as that of a lot.

    >>> summary_rows(["1,5", "2,6", "Mean,5.5", "Maxi,3"]).tolist()
    [False, False, True, False]
    >>> summary_rows(["STD,5", "STD,6", "new,7"]).tolist()
    [False, False, False]
    """
    words = np.array(
        [
            match[1].lower()
            if isinstance(entry, str)
            and (entry[:1].isalpha() or entry[:1] in ' \t;,"')
            and (match := _SUMMARY.match(entry))
            else ""
            for entry in entries
        ],
        dtype=object,
    )
    same = np.append(words[1:] == words[:-1], False)
    return (words != "") & ~same & ~np.roll(same, 1)


def _read_even(
    lines: Sequence[str], form: Form, fields: Sequence[Field]
) -> dict[str, NDArray[Any]] | None:
    """Read rows that all have the same number of clean fields; None when some have not."""
    text = "".join(lines)
    if '"' in text or _TRUTH.search(text):  # the parser would read TRUE as 1
        return None
    if form.delimiter == " ":
        even = all(len(line.split()) == form.width for line in lines)
    else:
        even = all(line.count(form.delimiter) == form.width - 1 for line in lines)
    if not even:
        return None
    try:
        frame = pd.read_csv(
            io.StringIO(text),
            sep=r"\s+" if form.delimiter == " " else form.delimiter,
            header=None,
            names=list(range(form.width)),
            index_col=False,
            usecols=sorted({field.position for field in fields}),
            dtype={field.position: str if field.text else np.float64 for field in fields},
            keep_default_na=False,
            na_values=list(MISSING),
            decimal=form.decimal,
            **_ROUND_TRIP,
            skipinitialspace=True,
            skip_blank_lines=False,
            low_memory=False,
        )
    except (ValueError, OverflowError):  # the parser's own error is a ValueError
        return None
    if len(frame) != len(lines):
        return None
    return {field.name: frame[field.position].to_numpy() for field in fields}


def _read_uneven(
    lines: Sequence[str], numbers: NDArray[Any], form: Form, fields: Sequence[Field], log: Log
) -> tuple[NDArray[np.bool_], dict[str, NDArray[Any]]]:
    """Read row by row, and reject the rows that have not the right number of fields."""
    table, good = [], np.ones(len(lines), dtype=bool)
    wrong: list[int] = []
    for index, line in enumerate(lines):
        row = split_line(line, form.delimiter)
        while len(row) > form.width and row[-1] == "":
            row.pop()
        if len(row) == form.width:
            table.append(row)
        else:
            good[index] = False
            wrong.append(len(row))
    if wrong:
        message = f"{wrong[0]} field{'s'[: wrong[0] != 1]} instead of {form.width}"
        log.reject(numbers[~good], message)
    columns = {
        field.name: np.array([row[field.position] for row in table], dtype=object)
        for field in fields
    }
    return good, columns


def settle(
    raw: dict[str, NDArray[Any]],
    numbers: NDArray[Any],
    fields: Sequence[Field],
    log: Log,
    decimal: str = ".",
) -> dict[str, NDArray[Any]]:
    """Convert raw columns to numbers in the Dataset's units; reject rows that cannot be.

    Parameters
    ----------
    raw : dict of str to ndarray, shape (n,)
        Numbers, or objects (text, None).
    numbers : ndarray of int, shape (n,)
        Line numbers.
    fields : sequence of Field
    log : Log
    decimal : str

    Returns
    -------
    dict of str to ndarray, shape (good rows,)
        The columns and ``"line"``. Where reads of a resistance, conductance or current are beyond
        the range of the meter, these are NaN, and ``NAME_over`` or ``NAME_under`` holds the end of
        the range that they are beyond (inf where the file does not say it).
    """
    bad = np.zeros(len(numbers), dtype=bool)
    columns: dict[str, NDArray[Any]] = {}
    for field in fields:
        values = raw[field.name]
        if field.text:
            columns[field.name], missing = _labels(values)
        else:
            columns[field.name], odd = _numbers(values, decimal, field.name, log)
            own = _own_units(values, odd, field.unit, decimal)
            beyond = _beyond(values, odd, columns[field.name], decimal, log)
            _reject(bad, odd, numbers, values, f"{field.name}: {{!r}} is not a number", log)
            columns[field.name] = _convert(field, columns[field.name])
            columns[field.name][list(own)] = list(own.values())
            missing = np.isnan(columns[field.name])
            if field.name.partition("@")[0] in _BOUNDED:
                columns |= {f"{field.name}_{end}": _convert(field, b) for end, b in beyond.items()}
        if field.required:
            _reject(bad, missing, numbers, values, f"{field.name} is missing", log)
        known = KNOWN.get(field.name)
        if known is not None and not field.text:
            with np.errstate(invalid="ignore"):
                low = columns[field.name] < known.low
                merged = np.abs(columns[field.name]) >= _EXACT
                if known.unit == "ohm":
                    low |= columns[field.name] == 0
            if known.label or known.role == "cell":
                message = f"{field.name}: {{!r}} is too long for a number; name the column as text"
                _reject(bad, merged, numbers, values, message, log)
            message = f"{field.name}: {{!r}} is not possible"
            _reject(bad, low, numbers, values, message, log)
    columns["line"] = numbers
    return {name: column[~bad] for name, column in columns.items()} if bad.any() else columns


def _reject(
    bad: NDArray[np.bool_],
    more: NDArray[np.bool_],
    numbers: NDArray[Any],
    values: NDArray[Any],
    message: str,
    log: Log,
) -> None:
    new = more & ~bad
    if new.any():
        value = values[np.argmax(new)]
        value = float(value) if isinstance(value, np.floating) else value
        log.reject(numbers[new], message.format(value))
        bad |= new


def _labels(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    text = np.array(
        ["" if pd.isna(value) else printable(str(value).strip()) for value in values], object
    )
    missing = np.isin(text.astype(str), MISSING)
    return text, missing


def _numbers(
    values: NDArray[Any], decimal: str, name: str, log: Log
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    if values.dtype.kind in "iuf":
        return values.astype(np.float64), np.zeros(len(values), dtype=bool)
    text = pd.Series(values, dtype=object)
    text = text.map(lambda entry: str(entry) if isinstance(entry, _NO_NUMBERS) else entry)
    missing = (text.isna() | text.isin(MISSING)).to_numpy()
    text = _without_groups(text, decimal, name, log)
    if decimal == ",":
        text = text.map(lambda entry: entry.replace(",", ".") if isinstance(entry, str) else entry)
    result = pd.to_numeric(text.where(~missing, np.nan), errors="coerce")
    converted = result.to_numpy(dtype=np.float64, copy=True)
    return converted, np.isnan(converted) & ~missing


def _without_groups(text: pd.Series, decimal: str, name: str, log: Log) -> pd.Series:
    """Take the signs out that group digits; a point is one only if no entry has another use of it.

    In a file with decimal commas, 1.500 beside 0.25 is a number with a decimal point.
    """
    words = text.map(lambda entry: entry.strip() if isinstance(entry, str) else "")
    grouped = words.map(lambda entry: _GROUPED[decimal].fullmatch(entry) is not None)
    other = "," if decimal == "." else "."
    if not grouped.any() or (words.str.contains(other, regex=False) & ~grouped).any():
        return text
    what = f"column {name}: groups of digits, "
    if not any(message.startswith(what) for message in log.messages):
        first = words[grouped].iloc[0]
        log.note(f"{what}{first!r} is read as {number(first, decimal):.15g}")
    return text.where(~grouped, words.map(lambda entry: _ungrouped(entry, decimal)))


def in_its_unit(text: str, inside: str, decimal: str = ".") -> float | None:
    """Return the number of a cell that has a unit of its own, in another unit; None without one.

    >>> in_its_unit("0.95 kΩ", "ohm"), in_its_unit("125C", "K"), in_its_unit("1.2M", "ohm")
    (950.0, 398.15, 1200000.0)
    >>> in_its_unit("12", "ohm"), in_its_unit("12 V", "ohm")
    (None, None)
    """
    match = _WITH_UNIT.fullmatch(text.strip())
    if match is None:
        return None
    meaning = parse_unit(match[2], inside)
    if meaning is None and match[2] in _PREFIXES and inside not in ("s", "K"):
        meaning = parse_unit(f"{match[2]}{inside}", inside)
    try:
        value = np.array([number(match[1], decimal)])
    except ValueError:
        return None
    return None if meaning is None else float(scaled(value, meaning.factor)[0] + meaning.offset)


def _own_units(
    values: NDArray[Any], odd: NDArray[np.bool_], inside: str | None, decimal: str
) -> dict[int, float]:
    """Take cells with units of their own out of ``odd``; return their numbers by their place."""
    if inside is None or not odd.any():
        return {}
    read = {int(i): in_its_unit(str(values[i]), inside, decimal) for i in np.flatnonzero(odd)}
    found = {place: value for place, value in read.items() if value is not None}
    odd[list(found)] = False
    return found


def _beyond(
    values: NDArray[Any],
    odd: NDArray[np.bool_],
    result: NDArray[np.float64],
    decimal: str,
    log: Log,
) -> dict[str, NDArray[np.float64]]:
    """Take over-range reads out of ``result`` and ``odd``; return the ends that they are beyond."""
    found: dict[str, NDArray[np.float64]] = {}

    def keep(end: str, place: Any, bound: float) -> None:
        found.setdefault(end, np.full(len(result), np.nan))[place] = bound

    with np.errstate(invalid="ignore"):
        size = np.abs(result)
        coded = size >= OVERRANGE
    if coded.any():
        real = coded & ~((size > _NOT_A_NUMBER[0]) & (size < _NOT_A_NUMBER[1]))
        for end, side in (("over", real & (result > 0)), ("under", real & (result < 0))):
            if side.any():
                keep(end, side, np.inf if end == "over" else -np.inf)
        result[coded] = np.nan
        log.overrange += int(coded.sum())
    for index in np.flatnonzero(odd):
        match = _BEYOND.fullmatch(str(values[index]).strip())
        if match is None:
            continue
        try:
            bound = number(match["bound"], decimal) if match["bound"] else np.inf
        except ValueError:
            continue
        keep("under" if match["sign"] in ("<", "≤") else "over", index, bound)
        odd[index] = False
        log.overrange += 1
    return found


def _convert(field: Field, values: NDArray[np.float64]) -> NDArray[np.float64]:
    if field.factor != 1.0:
        values = scaled(values, field.factor)
    return values + field.offset if field.offset != 0.0 else values


def scaled(values: NDArray[np.float64], factor: float) -> NDArray[np.float64]:
    """Return values times a factor; 200 ns give exactly 2e-7 s, not the product with 1e-9.

    >>> float(scaled(np.array([200.0]), 1e-9)[0]), 200 * 1e-9
    (2e-07, 2.0000000000000002e-07)
    """
    inverse = 1.0 / factor
    if inverse > 1.0 and abs(inverse - round(inverse)) < 1e-9 * inverse:
        return values / round(inverse)
    return values * factor
