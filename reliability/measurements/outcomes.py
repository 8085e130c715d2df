"""How tables of lifetimes say what failed: by a column of outcomes, or by the life itself as in
1000+, >1000, <168 and 168-500.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reliability.errors import InputError
from reliability.measurements.clock import recognise_clock
from reliability.measurements.delimited import Table
from reliability.measurements.headings import AT_VOLTAGE, meaning_of
from reliability.measurements.names import KNOWN, without_state
from reliability.measurements.rows import in_its_unit, is_number, number, scaled

Array = NDArray[np.float64]

_FAILED = ("1", "1.0", "f", "failed", "failure", "fail", "yes", "y", "true", "x", "dead", "e",
           "event", "ausfall", "ausgefallen", "defekt", "ja", "j")  # fmt: skip
_GOOD = ("0", "0.0", "s", "c", "censored", "suspended", "suspension", "survived", "good", "passed",
         "pass", "p", "no", "n", "false", "ok", "alive", "running", "survivor",
         "unfailed", "nein", "gut")  # fmt: skip
# A column named "censored": which entries mean that the unit was still good.
_CENSORED = ("1", "1.0", "c", "s", "censored", "suspended", "yes", "y", "true", "right", "x", "ja",
             "j", "zensiert")  # fmt: skip
_NOT_CENSORED = ("0", "0.0", "f", "failed", "failure", "no", "n", "false", "exact", "nein",
                 "ausfall")  # fmt: skip
_OUTCOME = {word for word in (*_FAILED, *_GOOD) if len(word) > 1 and word.isalpha()}
_SAYS_IT = re.compile(
    r"fail|surviv|censor|suspen|at[ _-]?risk|sample[ _-]?size|tested|on[ _-]?test|cause",
    re.IGNORECASE,
)
_READ = ("resistance", "conductance", "current")
_NUMBER = r"[+]?(?:\d+[.,]?\d*|[.,]\d+)(?:[.,' ]\d{3})*(?:[eE][-+]?\d+)?(?:\s*[^\W\d_]+)?"
_STILL_GOOD = re.compile(rf"(?:[>≥]\s*=?\s*({_NUMBER})|({_NUMBER})\s*\+)")
_BEFORE = re.compile(rf"[<≤]\s*=?\s*({_NUMBER})")
_BETWEEN = re.compile(
    rf"[\[(]?\s*({_NUMBER})\s*(?:-|–|—|\.\.+|to|bis|[;,]\s)\s*({_NUMBER})\s*[\])]?"
)


def life_bounds(
    entries: Sequence[str], factor: float, inside: str, decimal: str
) -> tuple[Array, Array]:
    """Return the last time known good and the first known failed of each entry.

    Both are the number where an entry is one, and NaN where it cannot be read.

    Parameters
    ----------
    entries : sequence of str
    factor : float
        Takes the numbers to SI units.
    inside : str
        SI unit of entries that have units of their own.
    decimal : str

    Examples
    --------
    >>> life_bounds(["350", "1000+", ">2 kh", "<168", "168-500"], 3600.0, "s", ".")[1] / 3600
    array([350.,  inf,  inf, 168., 500.])
    """
    # where the decimal sign is a comma, a point groups digits
    words = ["" if decimal == "," and "." in entry else entry for entry in entries]
    plain = pd.to_numeric(pd.Series(words, dtype=object), errors="coerce").to_numpy(
        float, copy=True
    )
    lower = scaled(plain, factor)
    upper = lower.copy()

    def value(text: str) -> float:
        own = in_its_unit(text, inside, decimal) if inside else None
        return number(text, decimal) * factor if own is None else own

    for place in np.flatnonzero(~np.isfinite(plain)).tolist():
        try:
            lower[place], upper[place] = _bounds(entries[place].strip(), value)
        except ValueError:
            lower[place] = upper[place] = np.nan
    wrong = ~(lower >= 0) | ~(upper >= lower) | np.isinf(lower)
    lower[wrong] = upper[wrong] = np.nan
    return lower, upper


def _bounds(text: str, value: Callable[[str], float]) -> tuple[float, float]:
    if match := _STILL_GOOD.fullmatch(text):
        return value(match[1] or match[2]), np.inf
    if match := _BEFORE.fullmatch(text):
        return 0.0, value(match[1])
    if match := _BETWEEN.fullmatch(text):
        return value(match[1]), value(match[2])
    return value(text), value(text)


def refuse_doubt(table: Table, chosen: Mapping[str, Any]) -> None:
    """Refuse a column that is not used and may say what failed, or how many.

    No doubt is raised by addresses, dates, and a column that is the same for all units; where the
    ends of intervals say what failed, only by numbers of units.

    Raises
    ------
    InputError
        The table holds reads instead of lives. Or the column holds two outcomes, or words such as
        OK beside causes; or its header speaks of failures, survivors or units on test.
    """
    if {"event", "censored"} & set(chosen):
        return
    ends = bool({"lower", "upper"} & set(chosen))
    used = {position for position, _ in chosen.values()}
    if not ends:
        _refuse_reads(table, used)
    for position, header in enumerate(table.names):
        values = table.values(position)
        entries = sorted({entry.strip().lower() for entry in values})
        known = KNOWN.get(meaning_of(header, table.units[position])[0])
        if position in used or not entries or (known and known.role != "value"):
            continue
        numbers = all(is_number(entry, table.form.decimal) for entry in entries)
        says_it = bool(_SAYS_IT.search(header)) and recognise_clock(entries) is None
        if ends:
            doubt = numbers and says_it and "frequency" not in chosen
        elif len(entries) == 1 and len(values) == len(table.sample) and not numbers:
            doubt = entries[0] in _GOOD
        else:
            two = len(entries) == 2 and any(e in _FAILED for e in entries)
            two &= any(entry in _GOOD for entry in entries)
            doubt = two or bool(_OUTCOME & set(entries)) or says_it
        if doubt:
            shown = " and ".join(entries) if len(entries) < 3 else ", ".join([*entries[:3], "..."])
            raise InputError(
                f"{table.source.name}: column {position + 1} {header!r} holds {shown}, which may "
                "say what failed; name it event, censored or count with columns, or leave it out "
                "there with '-'"
            )


def _refuse_reads(table: Table, used: Collection[int]) -> None:
    """Refuse a table of reads at times, which are no times to failure."""
    meanings = [meaning_of(*pair)[0] for pair in zip(table.names, table.units, strict=True)]
    clocks = [place for place in used if meanings[place] in ("time", "cycles", "reads")]
    for place, (header, name) in enumerate(zip(table.names, meanings, strict=True)):
        read = name.split("_")[0] in _READ or AT_VOLTAGE.fullmatch(without_state(header)[0])
        if clocks and place not in used and read and table.has_values(place):
            raise InputError(
                f"{table.source.name}: column {place + 1} {header!r} holds reads, not one life of "
                "each unit; say when a read is a failure with failure, such as "
                "'resistance > 50 kohm', or leave the column out with columns"
            )


def failed_of(source: str, found: Mapping[str, NDArray[Any]]) -> NDArray[np.bool_]:
    """Tell which units failed, by the column that says it."""
    name = "event" if "event" in found else "censored"
    text = np.array([str(entry).strip().lower() for entry in found[name]], dtype=object)
    yes, no = (_FAILED, _GOOD) if name == "event" else (_NOT_CENSORED, _CENSORED)
    failed, good = np.isin(text, yes), np.isin(text, no)
    wrong = ~(failed | good)
    if wrong.any():
        shown = str(found[name][np.argmax(wrong)])
        raise InputError(
            f"{source}: {name}: {shown!r} is neither a failure nor a survivor; allowed "
            f"{', '.join(yes[:3])} and {', '.join(no[:3])}"
        )
    return failed
