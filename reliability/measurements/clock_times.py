"""Clock times in a column of a table: the time since the first read of each cell."""

import numpy as np
import pandas as pd

from reliability.errors import InputError
from reliability.measurements.clock import recognise_clock, recognise_count
from reliability.measurements.log import Log
from reliability.measurements.spool import Spool

_ADDRESS = ("lot", "wafer", "die", "die_x", "die_y", "x", "y", "site", "cell", "row", "column",
            "state", "temperature")  # fmt: skip


def since_first_read(rows: Spool, labels: dict[str, dict[str, int]], log: Log) -> Spool:
    """Replace the column ``timestamp`` by ``time``, s since the first read of each cell.

    Raises
    ------
    InputError
        The entries are no times in a form that is known.
    """
    texts = list(labels.pop("timestamp", {})) or [""]
    clock = recognise_clock(texts) or recognise_count(texts)
    if clock is None:
        raise InputError(f"got {texts[0]!r}, expected a time such as '2026-03-02 08:30:00'")
    if clock.note:
        log.note(clock.note)
    table = pd.DataFrame(np.concatenate(list(rows)), columns=rows.names)
    codes = table.pop("timestamp")
    seconds = clock.seconds(texts)
    absolute = pd.Series(np.where(codes.isna(), np.nan, seconds[codes.fillna(0).astype(int)]))
    lost = int(absolute.isna().sum())
    if lost:
        log.note(f"{lost} rows have no time in the form of the others; they are left out")
    address = [name for name in _ADDRESS if name in table]
    cells = table.groupby(address, dropna=False, sort=False).ngroup() if address else 0 * codes
    if clock.is_duration(texts):
        table["time"] = absolute
        log.note("times of more than 24 h in hours, minutes and seconds: taken as times since the "
                 "start, not as times of day")  # fmt: skip
    else:
        table["time"] = absolute - absolute.groupby(cells).transform("min")
        log.note("clock times: the time is counted from the first read of each cell")
    table = table[table["time"].notna()]
    done = Spool(list(table.columns))
    done.append([table[name].to_numpy(dtype=float) for name in table])
    return done
