"""What each phenomenon needs to be fitted, and what the files have of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from reliability.characterization.read_table import STATES, Reads

_CELLS = 20  # cells of a state at a time, of a level, or at a temperature
_STATE_CELLS = 8  # cells of a state for its distribution


@dataclass(frozen=True)
class Requirement:
    """What one phenomenon needs.

    Parameters
    ----------
    phenomenon : str
    fits : tuple of str
        Beginnings of the names of the fits that it makes.
    needs : str
    has : callable
        Says what a file has of it.
    """

    phenomenon: str
    fits: tuple[str, ...]
    needs: str
    has: Callable[[Reads], str]


def _of_states(one: Reads) -> str:
    cells = one.table.groupby("state")["cell"].nunique()
    levels = one.table["target"].notna().any()
    if not levels and not any(cells.get(state, 0) for state in STATES):
        return f"{one.cells} cells without a state or a level"
    parts = [f"{cells.get(state, 0)} cells of {state}" for state in STATES if not levels]
    return ", ".join(parts or ["cells of numbered levels"])


def _count(one: Reads, axis: str, unit: str) -> str:
    number = int(one.table[axis].nunique())
    return f"{number} {unit}{'s' if number != 1 else ''}"


def _temperatures(one: Reads) -> str:
    found = sorted(one.table["temperature"].dropna().unique())
    degrees = ", ".join(f"{kelvin - 273.15:.4g}" for kelvin in found)
    return f"read at {degrees} °C" if found else "no temperature stated"


def _cycles(one: Reads) -> str:
    return _count(one, "cycles", "cycle") if one.has("cycles", 1) else "no cycles"


def _longest(one: Reads) -> str:
    longest = int(one.table.groupby("run").size().max())
    return f"at most {longest} read{'s' if longest != 1 else ''} of a cell in a row"


_REQUIREMENTS = (
    Requirement(
        "programming", ("programming",),
        f"{_STATE_CELLS} cells each of LRS and HRS, or {_CELLS} cells of each level", _of_states,
    ),
    Requirement(
        "cycle-to-cycle correlation", ("cycles",),
        "40 consecutive cycles of both states of each cell",
        lambda one: f"{_of_states(one)}; {_cycles(one)}",
    ),
    Requirement(
        "relaxation", ("relaxation",),
        f"{_CELLS} cells of each state or level read at time 0 and at two later times near room "
        "temperature",
        lambda one: f"{_of_states(one)}; {_count(one, 'point', 'time')}; {_temperatures(one)}",
    ),
    Requirement(
        "retention", ("retention", "relaxation_target"),
        f"{_CELLS} cells each of LRS and HRS at each of two bake temperatures",
        lambda one: f"{_of_states(one)}; {_count(one, 'point', 'time')}; {_temperatures(one)}",
    ),
    Requirement(
        "read disturb", ("read_disturb",),
        f"{_CELLS} cells of a state after several numbers of reads",
        lambda one: _count(one, "reads", "number") + " of reads" if one.has("reads", 1)
        else "no numbers of reads",
    ),
    Requirement(
        "endurance", ("endurance",), "5 cells that stop switching, both states read over cycles",
        lambda one: f"{_of_states(one)}; {_cycles(one)}",
    ),
    Requirement("noise", ("noise",), "traces of 1000 reads of each cell", _longest),
)  # fmt: skip


def unmet(reads: Sequence[Reads], fitted: Sequence[str] = ()) -> list[str]:
    """Return one line for each phenomenon that was not fitted: what it needs, what the files have.

    Parameters
    ----------
    reads : sequence of Reads
    fitted : sequence of str
        Names of the fits that were made.

    Examples
    --------
    >>> import xarray as xr
    >>> from reliability.characterization import reads_of
    >>> bake = xr.Dataset({"conductance": (("cell", "time"), [[5e-5, 4e-5]])},
    ...     coords={"time": [0.0, 3600.0], "state": "LRS"}, attrs={"source": "a.csv"})
    >>> unmet([reads_of(bake)])[0].split("; ")[1]
    'a.csv has 1 cells of LRS, 0 cells of HRS'
    """
    lines = []
    for one in _REQUIREMENTS:
        if any(name.startswith(one.fits) for name in fitted):
            continue
        found = "; ".join(f"{each.source.split(' (')[0]} has {one.has(each)}" for each in reads)
        lines.append(f"{one.phenomenon}: needs {one.needs}; {found or 'no file has reads'}")
    return lines
