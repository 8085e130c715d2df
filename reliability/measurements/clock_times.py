"""Times of day and dates in a column of a table: the time since the first read of each cell."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reliability.errors import InputError
from reliability.measurements.log import Log
from reliability.measurements.spool import Spool

# Where day and month are in doubt, both orders are tried and must not both fit.
_FORMATS = (
    "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y",
    "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %I:%M %p", "%m/%d/%Y",
    "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d/%m/%Y %I:%M %p", "%d/%m/%Y",
    "%d-%b-%Y %H:%M:%S", "%d-%b-%Y %H:%M", "%d-%b-%Y",
    "%H:%M:%S", "%H:%M:%S.%f",
)  # fmt: skip
_ADDRESS = ("lot", "wafer", "die", "die_x", "die_y", "x", "y", "site", "cell", "row", "column",
            "state", "temperature")  # fmt: skip


def seconds_of(texts: NDArray[Any]) -> NDArray[np.float64]:
    """Return clock times in s since the earliest of them; NaN where the text is empty.

    Parameters
    ----------
    texts : ndarray of str, shape (n,)

    Raises
    ------
    InputError
        A text is no date or time in a form that is known, or day and month are in doubt.

    Examples
    --------
    >>> np.diff(seconds_of(np.array(["2026-03-02 08:30", "2026-03-03 08:30"]))).item()
    86400.0
    """
    series = pd.Series(texts, dtype=object).replace("", None)
    if series.isna().all():
        return np.full(len(series), np.nan)
    try:
        return _elapsed(pd.to_datetime(series, format="ISO8601", utc=True))
    except (ValueError, TypeError):
        pass
    found: dict[str, NDArray[np.float64]] = {}
    for form in _FORMATS:
        try:
            found[form] = _elapsed(pd.to_datetime(series, format=form, utc=True))
        except (ValueError, TypeError):
            continue
    if not found:
        raise InputError(
            f"got {texts[0]!r}, expected a date and time such as '2026-03-02 08:30:00'"
        )
    first = next(iter(found.values()))
    if any(not np.array_equal(first, other, equal_nan=True) for other in found.values()):
        raise InputError(f"{texts[0]!r} may be day/month or month/day; write '2026-03-02 08:30:00'")
    return first


def _elapsed(times: "pd.Series[Any]") -> NDArray[np.float64]:
    return np.asarray((times - times.min()).dt.total_seconds(), dtype=np.float64)


def since_first_read(rows: Spool, labels: dict[str, dict[str, int]], log: Log) -> Spool:
    """Replace the column ``timestamp`` by ``time``, s since the first read of each cell."""
    table = pd.DataFrame(np.concatenate(list(rows)), columns=rows.names)
    clock = seconds_of(np.array(list(labels.pop("timestamp")), dtype=object))
    codes = table.pop("timestamp")
    absolute = np.where(codes.isna(), np.nan, clock[codes.fillna(0).astype(int)])
    address = [name for name in _ADDRESS if name in table]
    cells = table.groupby(address, dropna=False, sort=False).ngroup() if address else 0 * codes
    table["time"] = absolute - pd.Series(absolute).groupby(cells).transform("min")
    log.note("clock times: the time is counted from the first read of each cell")
    done = Spool(list(table.columns))
    done.append([table[name].to_numpy(dtype=float) for name in table])
    return done
