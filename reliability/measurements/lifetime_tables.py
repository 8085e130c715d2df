"""Tables of lifetimes: a time or an interval for each unit, or pass and fail at read-outs."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from reliability.errors import InputError, unknown_name
from reliability.measurements.delimited import Table, find_column
from reliability.measurements.frames import frame_source
from reliability.measurements.headings import header_of, meaning_of
from reliability.measurements.log import Log
from reliability.measurements.names import scaling, split_unit
from reliability.measurements.outcomes import failed_of, life_bounds, refuse_doubt
from reliability.measurements.preamble import Preamble, open_sheet
from reliability.measurements.readouts import Readouts, find_readouts, passed_until
from reliability.measurements.rows import MISSING as NOTHING
from reliability.measurements.rows import Field
from reliability.measurements.source import open_source
from reliability.units import quantity
from reliability.version import __version__

Array = NDArray[np.float64]
Columns = Mapping[str, Any] | Sequence[str] | str | None
_STRESS = ("temperature", "voltage", "lot")
CLOCKS = {"time": "s", "cycles": "1", "reads": "1"}
MISSING = ("failed", "censored", "refuse")
# What a column of a table of lifetimes may be, its unit, and other words for it.
_COLUMNS = {
    "time": ("s", "ttf timetofailure failuretime lifetime endoftest hours timetofors age "
             "stateendtime failedbetween failurebetween failedat life timetofail tf hourstofailure "
             "hourstofail failuretimes ausfallzeit lebensdauer zeitbisausfall zeitbiszumausfall"),
    "cycles": ("", "cyclestofailure ctf"),
    "reads": ("", "readstofailure"),
    "event": ("", "failed failure fail status category eventobserved statefors fors fs dead delta "
              "failureindicator eventindicator ausfall ausgefallen"),
    "censored": ("", "censor cens censoring suspended suspension survived iscensored c "
                 "rightcensored rcens zensiert"),
    "lower": ("s", "lastgood from laststate lastinspected left start"),
    "upper": ("s", "firstbad to right end"),
    "frequency": ("", "count counts devices units number quantity qty n freq weight weights "
                  "numberinstate anzahl num nunits units"),
    "temperature": ("K", ""),
    "voltage": ("V", "readvoltage stressvoltage"),
    "lot": ("", "lotid lotname lotnumber batch batchid los charge"),
}  # fmt: skip


def intervals(
    lower: Array, upper: Array, frequency: Array, stress: Mapping[str, NDArray[Any]], clock: str
) -> xr.Dataset:
    """Return lifetimes as a Dataset over ``unit``; ``stress`` may hold the ``lot`` too."""
    units = {"temperature": "K", "voltage": "V", "lot": ""}
    return xr.Dataset(
        {
            "lower": ("unit", lower, {"units": CLOCKS[clock]}),
            "upper": ("unit", upper, {"units": CLOCKS[clock]}),
            "frequency": ("unit", frequency, {"units": "1"}),
            **{name: ("unit", values, {"units": units[name]}) for name, values in stress.items()},
        },
        attrs={"clock": clock, "reliability_version": __version__},
    )


def clock_text(value: float, clock: str) -> str:
    """Write a time in hours (in s below an hour) or a number of cycles or reads.

    >>> clock_text(1.8e6, "time"), clock_text(1e5, "cycles")
    ('500 h', '100000 cycles')
    """
    if clock != "time":
        return f"{value:g} {clock}" if value >= 1e6 else f"{value:.0f} {clock}"
    return f"{value / 3600:g} h" if value >= 3600 or value == 0 else f"{value:g} s"


def read_table(
    path: str | Path | pd.DataFrame,
    columns: Columns,
    constants: Mapping[str, str | float],
    missing: str,
    **options: Any,
) -> xr.Dataset:
    """Read a table of lifetimes (parameters as for `read_lifetimes`)."""
    source = frame_source(path) if isinstance(path, pd.DataFrame) else open_source(path)
    for name in options:
        if name not in ("delimiter", "decimal", "sheet", "skip"):
            raise unknown_name("option of a table of lifetimes", name, ("sheet", "delimiter",
                               "decimal", "skip"))  # fmt: skip
    table, preamble = open_sheet(source, **options)
    log = Log()
    for note in preamble.notes:
        log.note(note)
    readouts = find_readouts(table, log) if columns is None else None
    if readouts is not None and readouts.passfail:
        found, clock, evidence = _pass_and_fail(table, readouts, missing, log)
    else:
        found, clock, evidence = _lifetimes(table, columns, log)
    rows = len(found["lower"])
    stress: dict[str, NDArray[Any]] = {name: found[name] for name in _STRESS if name in found}
    above = _conditions(preamble, stress, constants, evidence)
    for name, value in (above | dict(constants)).items():
        if name not in ("temperature", "voltage"):
            raise unknown_name("constant", name, ("temperature", "voltage"))
        stress[name] = np.full(rows, quantity(value, _COLUMNS[name][0], f"constants.{name}"))
    out = intervals(found["lower"], found["upper"], found["frequency"], stress, clock)
    return out.assign_attrs(
        source=source.name, source_sha256=source.sha256, rows_read=log.rows, rows_bad=log.bad,
        bad_lines=log.bad_lines(), problems=log.messages, failure="as stated in the table",
        layout_evidence=evidence, units_lost=int(found.get("lost", np.zeros(1)).sum()),
    )  # fmt: skip


def _conditions(
    preamble: Preamble,
    stress: Mapping[str, NDArray[Any]],
    constants: Mapping[str, str | float],
    evidence: list[str],
) -> dict[str, str | float]:
    """What the lines above the header say of the stress, where nothing else does."""
    names = {"temperature": "temperature", "voltage": "read_voltage"}
    found = {
        name: preamble.constants[key]
        for name, key in names.items()
        if key in preamble.constants and name not in stress and name not in constants
    }
    evidence += [
        line for line in preamble.evidence if any(names[n].split("_")[0] in line for n in found)
    ]
    return found


def _lifetimes(table: Table, columns: Columns, log: Log) -> tuple[dict[str, Array], str, list[str]]:
    chosen = _chosen(table, columns, log)
    _choose_clock(table, chosen, log)
    clock, fields = _fields(table, chosen)
    pieces: dict[str, list[NDArray[Any]]] = {"line": [], **{field.name: [] for field in fields}}
    for piece in table.columns(fields, log):
        if clock in chosen and (empty := np.isin(piece[clock].astype(str), NOTHING)).any():
            says = piece.get("event", piece.get("censored", np.full(len(empty), "")))
            if (wrong := empty & ~np.isin(says.astype(str), NOTHING)).any():
                raise InputError(
                    f"{table.source.name}: {clock} is missing in line "
                    f"{piece['line'][np.argmax(wrong)]}, of a unit whose outcome is given; write it"
                )
            log.reject(piece["line"][empty], f"{clock} is missing")
            piece = {name: column[~empty] for name, column in piece.items()}
        for name, parts in pieces.items():
            parts.append(piece[name])
    found = {name: np.concatenate(parts) for name, parts in pieces.items() if parts}
    rows = len(next(iter(found.values()), ()))
    if rows == 0 or 2 * log.bad > log.rows:
        first = log.messages[0] if log.messages else "it has no rows"
        raise InputError(
            f"{table.source.name}: {log.bad} of {log.rows} rows cannot be read; {first}"
        )
    evidence = [f"column {place + 1} {header_of(table, place)!r}: {_MEANING.get(name, name)}"
                for name, (place, _) in chosen.items()]  # fmt: skip
    frequency = _counts(table, found, rows)
    if columns is None:
        refuse_doubt(table, chosen)
    if "lower" in found or "upper" in found:
        lower, upper = _ends(table, chosen, found, rows)
    else:
        lower, upper = _lives(table, found, clock, chosen[clock][1], evidence)
    rejects = (upper <= 0) & (frequency > 0)
    if rejects.any():
        log.note(_rejects_note(frequency[rejects].sum(), frequency.sum()))
    unread = (lower <= 0) & np.isinf(upper) & (frequency > 0)
    if unread.any():
        log.note(
            f"{frequency[unread].sum():g} units were seen at time zero only; they are not on test"
        )
    kept = (frequency > 0) & ~rejects & ~unread
    stress = {name: found[name][kept] for name in _STRESS if name in found}
    result = {"lower": lower[kept], "upper": upper[kept], "frequency": frequency[kept], **stress}
    return result, clock, evidence


def _ends(
    table: Table,
    chosen: Mapping[str, tuple[int, str]],
    found: Mapping[str, NDArray[Any]],
    rows: int,
) -> tuple[Array, Array]:
    """Ends of the intervals; a unit that a column calls good was so to the end of its state."""
    lower = np.nan_to_num(found.get("lower", np.zeros(rows)), nan=0.0)
    upper = found.get("upper", np.full(rows, np.nan))
    upper = np.where(np.isnan(upper), np.inf, upper)
    if not {"event", "censored"} & found.keys():
        return lower, upper
    failed = failed_of(table.source.name, found)
    place = chosen["upper"][0] if "upper" in chosen else 0
    if _meaning(table.names[place], table.units[place])[0] in CLOCKS:  # last inspected, state end
        lower = np.where(failed, lower, upper)
        upper = np.where(failed, upper, np.inf)
    against = np.where(failed, np.isinf(upper), np.isfinite(upper)) | np.isinf(lower)
    if against.any():
        raise InputError(
            f"{table.source.name}: the interval of line {found['line'][np.argmax(against)]} and "
            "the column that says what failed contradict each other"
        )
    return lower, upper


def _choose_clock(table: Table, chosen: dict[str, tuple[int, str]], log: Log) -> None:
    """Leave out what lives are not counted on, and say it.

    Last inspected and the time of failure or suspension are the two ends of an interval.
    """
    given = [name for name in CLOCKS if name in chosen]
    ends = {"lower", "upper"} & chosen.keys()
    if ends == {"lower"} and given:
        clock = given.pop(0)
        place, unit = chosen.pop(clock)
        chosen["upper"] = place, unit or ("" if clock == "time" else clock)
    for name in given if ends else given[1:]:
        place = chosen.pop(name)[0]
        log.note(
            f"column {place + 1} {header_of(table, place)!r} is not used: lives are counted in "
            f"{'the ends of intervals' if ends else given[0]}; say columns to count them otherwise"
        )


def _lives(
    table: Table, found: Mapping[str, NDArray[Any]], clock: str, unit: str, evidence: list[str]
) -> tuple[Array, Array]:
    """Bounds of the life of each unit, from one column and one that may say what failed.

    A unit whose life cannot be read is no bad row to go on without: the test had it.
    """
    inside = _COLUMNS[clock][0]
    entries = found[clock]
    factor = scaling(clock, unit, inside)[0]
    lower, upper = life_bounds(entries.tolist(), factor, inside, table.form.decimal)
    wrong = np.isnan(lower)
    if wrong.any():
        raise InputError(
            f"{table.source.name}: {clock}: {entries[np.argmax(wrong)]!r} of line "
            f"{found['line'][np.argmax(wrong)]} is no life of a unit ({int(wrong.sum())} of "
            f"{len(wrong)}); allowed are numbers, 1000+ or >1000 for a unit still good, <168, and "
            "168-500"
        )
    if not {"event", "censored"} & found.keys():
        good = np.isinf(upper)
        if good.any():
            evidence.append(f"{entries[np.argmax(good)]!r}: the unit was still good; without a sign"
                            " a unit failed")  # fmt: skip
        else:
            evidence.append("no column says which units were still good: all count as failed")
        return lower, upper
    failed = failed_of(table.source.name, found)
    against = np.where(failed, np.isinf(upper), np.isfinite(upper) & (upper > lower))
    if against.any():
        line = found["line"][np.argmax(against)]
        raise InputError(
            f"{table.source.name}: {clock}: {entries[np.argmax(against)]!r} of line {line} and the "
            f"column that says what failed contradict each other"
        )
    return lower, np.where(failed, upper, np.inf)


_MEANING = {
    "event": "whether the unit failed; 1, F or failed: yes; 0, S, C, suspended or censored: no",
    "censored": "whether the unit was still good; 1, C or censored: yes; 0 or F: it failed",
    "frequency": "number of units of the row",
    "lot": "lot of the unit",
    "lower": "last time known good",
    "upper": "first time known failed; empty: still good",
}


def _chosen(table: Table, columns: Columns, log: Log) -> dict[str, tuple[int, str]]:
    """Name, position and unit of the columns that are used; the others are named in a note."""
    if isinstance(columns, str):
        columns = [entry.strip() for entry in columns.split(",")]
    if columns is None:
        chosen = _by_header(table)
        used = {position for position, _ in chosen.values()}
        for position, header in enumerate(table.names):
            if position not in used and (header or table.has_values(position)):
                log.note(f"column {position + 1} {header_of(table, position)!r} is not used")
    elif isinstance(columns, Mapping):
        chosen = {}
        for name, entry in columns.items():
            asked = entry if isinstance(entry, Mapping) else {"column": entry}
            position, unit = find_column(table, asked.get("column", ""), name)
            chosen[name] = position, str(asked.get("unit", unit))
    else:
        chosen = _in_order(table, columns)
    for name in chosen:
        if name not in _COLUMNS:
            raise unknown_name("column of a table of lifetimes", name, _COLUMNS)
    return chosen


def _by_header(table: Table) -> dict[str, tuple[int, str]]:
    chosen: dict[str, tuple[int, str]] = {}
    for position, header in enumerate(table.names):
        name, unit = _meaning(header, table.units[position])
        if name and name not in chosen:
            chosen[name] = position, unit
    if "event" in chosen:
        chosen.pop("censored", None)
    return chosen


def _in_order(table: Table, columns: Sequence[str]) -> dict[str, tuple[int, str]]:
    if len(columns) != len(table.names):
        raise InputError(
            f"{table.source.name}: columns names {len(columns)} columns, the file has "
            f"{len(table.names)}"
        )
    chosen: dict[str, tuple[int, str]] = {}
    for position, entry in enumerate(columns):
        name, unit = split_unit(entry)
        if name not in ("", "-"):
            known, given = _meaning(name, unit)
            chosen[known or name] = position, given or unit or table.units[position]
    return chosen


def _meaning(header: str, unit: str) -> tuple[str, str]:
    known, given = meaning_of(header, unit)
    whole = f"{header} {unit}"  # the S of "Time to F or S" is no unit
    for text, rest in ((whole, ""), (header, given or unit)) if unit else ((header, given),):
        word = re.sub(r"[^a-z0-9]", "", text.lower())
        for name, (_, words) in _COLUMNS.items():
            if word == name or word in words.split():
                return name, rest
    known = {"read_voltage": "voltage"}.get(known, known)
    return (known, given) if known in _COLUMNS else ("", unit)


def _fields(table: Table, chosen: Mapping[str, tuple[int, str]]) -> tuple[str, list[Field]]:
    """The clock that lifetimes are counted on, and the columns to take."""
    clock = next((name for name in CLOCKS if name in chosen), "")
    ends = [name for name in ("lower", "upper") if name in chosen]
    if not clock and "upper" not in ends:
        raise InputError(
            f"{table.source.name}: no column with a time (cycles, reads) to failure among "
            f"{', '.join(name for name in table.names if name) or 'its columns'}; say which with "
            "columns, or give a limit that defines failure"
        )
    counted = {chosen[name][1] for name in ends} & {"cycles", "reads", "1"}
    if counted:
        clock = next(iter(counted - {"1"}), "cycles")
    fields = []
    for name, (position, unit) in chosen.items():
        inside = _COLUMNS[name][0]
        if name in ends and clock in ("cycles", "reads") and (counted or not unit):
            unit = inside = ""
        own = inside if table.has_units(position, inside) else None
        if inside and not unit and not own:
            example = {"K": "degC", "s": "h", "V": "V"}[inside]
            raise InputError(
                f"{table.source.name}: {name}: has no unit; write it, '{name} [{example}]'"
            )
        text = name in ("event", "censored", "lot") or name == clock
        factor, offset = (1.0, 0.0) if text else scaling(name, unit, inside)
        required = name not in ("lower", "upper", "event", "censored", "frequency", clock)
        fields.append(Field(name, position, factor, offset, text, required, own))
    return clock or "time", fields


def _counts(table: Table, found: Mapping[str, NDArray[Any]], rows: int) -> Array:
    """Number of units of each row; a count that is missing is unknown, not one."""
    counts = found.get("frequency", np.ones(rows))
    for wrong, why in ((np.isnan(counts), "is missing"), (counts < 0, "is below 0")):
        if wrong.any():
            raise InputError(
                f"{table.source.name}: frequency: the number of units {why} in {int(wrong.sum())} "
                f"of {rows} rows, first in line {found['line'][np.argmax(wrong)]}"
            )
    return np.asarray(counts, dtype=float)


def _pass_and_fail(
    table: Table, readouts: Readouts, missing: str, log: Log
) -> tuple[dict[str, Array], str, list[str]]:
    """Intervals from a table with P or F at each read-out."""
    if readouts.axis not in ("time", "cycles"):
        raise InputError(f"{table.source.name}: pass or fail over {readouts.axis} is no lifetime")
    pairs = zip(readouts.levels, readouts.positions, strict=True)
    wide = [Field(f"at {level:g}", position, text=True) for level, position in pairs]
    counted = [
        Field("frequency", position)
        for position, header in enumerate(table.names)
        if _meaning(header, "")[0] == "frequency" and position not in readouts.positions
    ][:1]
    parts = list(table.columns([*wide, *counted], log))
    found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.argsort(readouts.levels)
    entries = {readouts.levels[place]: found[wide[place].name] for place in order}
    last, failed, lost = passed_until(entries)
    rejects = failed <= 0
    unread = np.isinf(last) & np.isinf(failed)
    gone = np.isfinite(lost) & ~rejects & ~unread
    if gone.any():
        log.note(lost_note(lost[gone], readouts.axis, missing))
    if rejects.any():
        log.note(_rejects_note(int(rejects.sum()), len(failed)))
    if missing == "failed":
        failed = np.where(gone, lost, failed)
    last = np.where(np.isinf(last), 0.0, last)
    frequency = _counts(table, found, len(last))
    kept = ~rejects & ~unread & ((last > 0) | np.isfinite(failed)) & (frequency > 0)
    used = {*readouts.positions, *(field.position for field in counted)}
    for position, header in enumerate(table.names):
        if position not in used and header:
            log.note(f"column {position + 1} {header!r} is not used")
    evidence = [f"{readouts.sentence(table)}; a unit failed between the last P and the first F"]
    result = {"lower": last, "upper": failed, "frequency": frequency, "lost": gone.astype(float)}
    return {name: values[kept] for name, values in result.items()}, readouts.axis, evidence


def _rejects_note(count: float, units: float) -> str:
    return (
        f"time-zero rejects: {count:g} of {units:g} units failed at time zero; they are not on test"
    )


def lost_note(first_missed: Array, clock: str, missing: str) -> str:
    """Say how many units lost their reads and from when, and what they count as.

    Parameters
    ----------
    first_missed : ndarray, shape (units,)
        First read-out of each that it has no read of.

    Raises
    ------
    InputError
        With ``missing="refuse"``.
    """
    places, counts = np.unique(first_missed, return_counts=True)
    parts = [
        f"{count} from {clock_text(place, clock)}"
        for place, count in zip(places, counts, strict=True)
    ]
    text = f"{first_missed.size} units lost their reads: {', '.join(parts)}"
    text = (
        text.replace("1 units lost their", "1 unit lost its", 1) if first_missed.size == 1 else text
    )
    if missing == "refuse":
        raise InputError(
            f"missing: {text}; allowed with refuse are units that were read to the end"
        )
    return f"{text}; counted as {missing} (missing = {missing})"
