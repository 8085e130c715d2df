"""State or level of cells by their first read, for files that say neither."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Literal

import numpy as np
import xarray as xr

from reliability.characterization.gate import is_sweep
from reliability.characterization.read_table import Reads, reads_of
from reliability.errors import InputError, unknown_name

_APART = 2.0  # factor between the conductances of two states that no cell lies in
_FEWEST = 20  # cells of a level on average
_LEVELS = 16


def reads_with_levels(
    datasets: Iterable[xr.Dataset], level_from: Literal["first"] | None
) -> list[Reads]:
    """Return the reads of Datasets that are no sweeps of the gate voltage.

    With ``level_from="first"``, and where no file says a level, cells without a state have that of
    their first read (see `with_first_levels`).
    """
    if level_from not in (None, "first"):
        raise unknown_name("level_from", str(level_from), ("first",))
    reads = [reads_of(dataset) for dataset in datasets if not is_sweep(dataset)]
    if level_from is None or any(one.table["target"].notna().any() for one in reads):
        return reads
    return [with_first_levels(one) if one.has("time") else one for one in reads]


def with_first_levels(one: Reads) -> Reads:
    """Give every cell the state or the level of its first read.

    Where the first reads leave a gap of a factor of two or more, cells above the widest one are LRS
    and cells below HRS. Otherwise each cell belongs to one of up to 16 evenly spaced levels, whose
    targets are their middles; nothing is said then of the error of programming.

    Parameters
    ----------
    one : Reads
        Reads with a read at time 0. Those that say a state or a level are returned as they are.

    Raises
    ------
    InputError
        No read at time 0, or all cells within a factor of two, which says no state.

    Examples
    --------
    >>> import xarray as xr
    >>> from reliability.characterization import reads_of
    >>> bake = xr.Dataset({"conductance": (("cell", "time"), [[5e-5, 4e-5], [5e-6, 6e-6]])},
    ...                   coords={"time": [0.0, 3600.0]}, attrs={"source": "a.csv"})
    >>> with_first_levels(reads_of(bake)).table["state"].tolist()
    ['LRS', 'LRS', 'HRS', 'HRS']
    """
    table = one.table
    if table["target"].notna().any() or (table["state"] != "").any():
        return one
    name = one.source.split(" (")[0]
    start = table["first"].to_numpy(float)
    first = np.sort(table.drop_duplicates("run")["first"].to_numpy(float))
    first = first[first > 0]
    if not first.size:
        raise InputError(f"{name}: no read at time 0 to take the level of the cells from")
    step = first[1:] / first[:-1]
    if step.max(initial=1.0) >= _APART:
        border = first[1:][step.argmax()]
        state = np.where(start >= border, "LRS", np.where(start > 0, "HRS", ""))
        return replace(one, table=table.assign(state=state))
    low, high = float(first[0]), float(first[-1])
    if high < _APART * low:
        raise InputError(
            f"{name}: the first reads lie within {low * 1e6:.3g} to {high * 1e6:.3g} µS, which "
            "says no state; give it, as in FILE@state=LRS"
        )
    count = max(2, min(_LEVELS, len(first) // (2 * _FEWEST)))
    pitch = (high - low) / count
    level = np.clip((start - low) // pitch, 0, count - 1)
    target = low + (level + 0.5) * pitch
    return replace(one, table=table.assign(target=target), is_from_first_read=True)
