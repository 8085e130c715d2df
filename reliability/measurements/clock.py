"""Clock times and timestamps as laboratories write them, in seconds."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

_DAY = 86400.0
_TIME = (
    r"(?P<hour>\d{1,3})[:.hH](?P<minute>[0-5]?\d)(?:[:.m](?P<second>[0-5]?\d)(?:[.,](?P<part>\d+))?)?"
    r"\s*(?P<half>[AaPp][Mm])?"
)
_ZONE = r"\s*(?P<zone>Z|UTC|[+-]\d\d:?\d\d)?"
_BETWEEN = r"(?:\s*[T_,]\s*|\s+)"
_COMPACT = r"(?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d)(?:[.,](?P<part>\d+))?"
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DATES = {
    "year first": r"(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})",
    "compact": r"(?P<year>(?:19|20)\d\d)(?P<month>\d\d)(?P<day>\d\d)",
    "named": (
        r"(?:[A-Za-z]{3,9},?\s+)?(?P<day>\d{1,2})[-/. ]+"
        r"(?P<month>[A-Za-z]{3})[a-z]*[-/., ]+(?P<year>\d{4})"
    ),
    "named first": (
        r"(?:[A-Za-z]{3},?\s+)?(?P<month>[A-Za-z]{3})[a-z]*\.?\s+"
        r"(?P<day>\d{1,2}),?\s+(?P<year>\d{4})"
    ),
    "month first": r"(?P<month>\d{1,2})[/.-](?P<day>\d{1,2})[/.-](?P<year>\d{4}|\d\d)",
    "day first": r"(?P<day>\d{1,2})[/.-](?P<month>\d{1,2})[/.-](?P<year>\d{4}|\d\d)",
}


def _forms() -> dict[str, re.Pattern[str]]:
    forms = {"time of day": re.compile(_TIME.replace("[:.hH]", "[:hH]"))}
    for name, date in _DATES.items():
        forms[name] = re.compile(rf"{date}(?:{_BETWEEN}{_TIME})?{_ZONE}")
    forms["digits"] = re.compile(rf"{_DATES['compact']}(?:{_BETWEEN})?{_COMPACT}{_ZONE}")
    forms["compact"] = re.compile(rf"{_DATES['compact']}{_BETWEEN}{_TIME}{_ZONE}")
    return forms


_FORMS = _forms()
# Times as numbers, between 2000 and 2100: seconds of one and of the day 1970-01-01 in them.
_COUNTED = {
    "days of a spreadsheet": (_DAY, 25569.0),
    "seconds since 1970": (1.0, 0.0),
    "milliseconds since 1970": (1e-3, 0.0),
}
_SPAN = (946684800.0, 4102444800.0)


@dataclass(frozen=True)
class Clock:
    """One way of writing times; the same for all rows of a column.

    Parameters
    ----------
    form : str
        ``"time of day"``, ``"year first"``, ``"month first"``, ``"day first"`` ...
    note : str
        What was assumed, for the user.
    """

    form: str
    note: str = ""

    def seconds(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return seconds since 1970 (UTC where no zone is written) or since midnight.

        Entries that are written otherwise are NaN. Times of day that fall back by more than half a
        day passed midnight.

        >>> Clock("year first").seconds(["2024-08-15T16.39.44", "?"]).tolist()
        [1723739984.0, nan]
        >>> Clock("time of day").seconds(["23:59:59.5", "0:00:01"]).tolist()
        [86399.5, 86401.0]
        """
        values = np.array([self._one(text.strip()) for text in texts], dtype=np.float64)
        if self.form == "time of day" and not self.is_duration(texts):
            known = np.flatnonzero(~np.isnan(values))
            back = np.diff(values[known], prepend=values[known[:1]]) < -_DAY / 2
            values[known] += _DAY * np.cumsum(back)
        return values

    def is_duration(self, texts: Sequence[str]) -> bool:
        """Tell whether times of day go beyond 24 h, and so are times since a start.

        >>> Clock("time of day").is_duration(["0:00:00", "168:00:00"])
        True
        """
        return self.form == "time of day" and any(self._one(t.strip()) > _DAY for t in texts)

    def _one(self, text: str) -> float:
        if self.form in _COUNTED:
            size, origin = _COUNTED[self.form]
            number = re.fullmatch(r"\d+(?:[.,]\d+)?(?:[eE][+]?\d+)?", text)
            return (float(text.replace(",", ".")) - origin) * size if number else np.nan
        match = _FORMS[self.form].fullmatch(text)
        return np.nan if match is None else _seconds(match.groupdict())


def recognise_clock(texts: Sequence[str]) -> Clock | None:
    """Return how the entries of a column write times, None when most of them are no times.

    Where day and month can be either (03/04/2025), a first or second number above 12 decides; with
    neither the month comes first behind ``/`` and the day first behind ``.`` or ``-``, with a note.

    >>> recognise_clock(["13.01.2025 10:00", "14.01.2025 10:00"]).form, recognise_clock(["A1"])
    ('day first', None)
    """
    texts = [text.strip() for text in texts if text.strip()]
    best, form = len(texts) // 2, ""
    for name in _FORMS:
        count = int(np.isfinite(Clock(name).seconds(texts)).sum()) if texts else 0
        if count > best:
            best, form = count, name
    if form not in ("month first", "day first"):
        return Clock(form) if form else None
    counts = {
        name: int(np.isfinite(Clock(name).seconds(texts)).sum())
        for name in ("month first", "day first")
    }
    if counts["month first"] != counts["day first"]:
        return Clock(max(counts, key=lambda name: counts[name]))
    form = "month first" if "/" in texts[0] else "day first"
    return Clock(form, f"{texts[0]!r}: taken with the {form}; day and month can be either")


def recognise_count(texts: Sequence[str]) -> Clock | None:
    """Return how the numbers of a column count the time since a date, None when they do not.

    >>> recognise_count(["45352.5", "45353.5"]).form, recognise_count(["0", "24", "168"])
    ('days of a spreadsheet', None)
    """
    for form in _COUNTED:
        times = Clock(form).seconds(texts)
        if times.size and np.all((times > _SPAN[0]) & (times < _SPAN[1])):
            return Clock(form, f"{texts[0]!r}: taken as {form}")
    return None


def _seconds(parts: dict[str, str | None]) -> float:
    hour, minute, second = (int(parts.get(name) or 0) for name in ("hour", "minute", "second"))
    half = (parts.get("half") or "").lower()
    if half and not 1 <= hour <= 12:
        return np.nan
    hour = hour % 12 + 12 * (half == "pm") if half else hour
    within = hour * 3600.0 + minute * 60.0 + second + float(f"0.{parts.get('part') or 0}")
    if parts.get("year") is None:
        return within
    month = parts["month"] or ""
    if month.isalpha():
        month = str(_MONTHS.index(month.lower()) + 1) if month.lower() in _MONTHS else "0"
    year = int(parts["year"] or 0)
    try:
        day = datetime(year + 2000 * (year < 100), int(month), int(parts["day"] or 0), tzinfo=UTC)
    except ValueError:
        return np.nan
    if hour > 24:
        return np.nan
    zone = (parts.get("zone") or "").replace(":", "")
    ahead = int(zone[1:3]) * 3600 + int(zone[3:]) * 60 if zone[1:].isdigit() else 0
    ahead = -ahead if zone[:1] == "-" else ahead
    return (day + timedelta(seconds=-ahead)).timestamp() + within
