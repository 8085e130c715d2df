"""Tables of time, voltage and current: the usual file of a laboratory, PyMeasure, oscilloscopes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.errors import InputError, unknown_name
from reliability.measurements.delimited import kind_of
from reliability.measurements.instrument_traces import (
    metadata_attributes,
    trace_dataset,
    variable_name,
)
from reliability.measurements.log import Log
from reliability.measurements.names import split_unit
from reliability.measurements.rows import Field
from reliability.measurements.source import Source
from reliability.measurements.table_head import Column, Head, read_head
from reliability.measurements.workbooks import sheet_name, workbook


def read(
    source: Source,
    log: Log,
    *,
    columns: Mapping[str, Any] | Sequence[str] | str | None = None,
    sheet: str = "",
) -> xr.Dataset:
    """Read a table with one row for each point of a sweep or waveform.

    Parameters
    ----------
    source : Source
    log : Log
    columns : mapping, sequence or str, optional
        A mapping gives for a name of the Dataset the header or the position (from 1) of the column,
        ``{"current": "CH2"}``. A sequence (or a text with commas) names all columns in order, with
        their units, ``"-"`` for one that is left out.
    sheet : str
        Only this sheet of a workbook; by default every sheet with such a table is one sweep.

    Returns
    -------
    Dataset
        See `trace_dataset`. Times may be negative (before a trigger). Clock times count from the
        first of them. Columns of words are coordinates of the points. Lines above the header become
        attributes ``tester_...``.

    Raises
    ------
    InputError
        No such table, or most of its rows are bad.
    """
    if isinstance(columns, str):
        columns = [entry.strip() for entry in columns.split(",")]
    named = None if columns is None or isinstance(columns, Mapping) else list(columns)
    sheets = [""]
    if kind_of(source) == "xlsx":
        sheets = [sheet_name(source, sheet)] if sheet else list(workbook(source).sheetnames)
    traces, titles, words = [], [], []
    units: dict[str, str] = {}
    metadata: dict[str, str] = {}
    titled: dict[int, str] = {}
    for title in sheets:
        head = read_head(source, sheet=title, names=named or ())
        if head is None or not head.of("V", "A"):
            if title:
                log.note(f"sheet {title!r} was left out: no columns of voltage or current")
            continue
        trace, texts = _read_one(head, log)
        traces.append(trace)
        words.append(texts)
        units |= {_title(head, column): column.unit for column in head.columns}
        if head.step:
            units["time"] = "s"
        titles.append(title or source.name)
        titled = titled or {column.position: _title(head, column) for column in head.columns}
        metadata = head.metadata | metadata
        for sentence in head.evidence():
            log.explain(sentence)
    if not traces:
        raise InputError(f"{source.name}: no table with columns of voltage or current")
    log.check(source.name, any(len(x) for trace in traces for x in trace.values()))
    renamed: dict[str, str] = {}
    if isinstance(columns, Mapping):
        renamed, given = _renamed(columns, titled, source)
        units |= given
    dataset = trace_dataset(traces, titles, units, renamed)
    dataset.attrs.update(metadata_attributes(metadata))
    return _with_words(dataset, words)


def _read_one(
    head: Head, log: Log
) -> tuple[dict[str, NDArray[np.float64]], dict[str, NDArray[Any]]]:
    """Read the rows under a header; return columns of numbers and columns of words."""
    fields = [
        Field(f"column {c.position + 1} {c.name!r}", c.position, text=_is_text(c))
        for c in head.columns
    ]
    pieces = list(head.table.columns(fields, log))
    found = {
        field.name: np.concatenate([piece[field.name] for piece in pieces] or [np.zeros(0)])
        for field in fields
    }
    trace: dict[str, NDArray[np.float64]] = {}
    words: dict[str, NDArray[Any]] = {}
    for field, column in zip(fields, head.columns, strict=True):
        title, values = _title(head, column), found[field.name]
        if column.inside == "words":
            words[title] = values
        elif field.text:
            trace[title] = _since_first(head, values, log)
        else:
            trace[title] = values.astype(np.float64)
        if ("no unit is written" in column.why and column.inside) or "not known" in column.why:
            log.note(f"{field.name}: {column.why}")
    if head.step:
        count = max((len(values) for values in trace.values()), default=0)
        trace["time"] = (head.first + head.step * np.arange(count)).astype(np.float64)
    return trace, words


def _is_text(column: Column) -> bool:
    return column.inside == "words" or (column.inside == "s" and column.why == "clock times")


def _title(head: Head, column: Column) -> str:
    """Return the name of a column, with its number where another has the same or it has none."""
    name = column.name or f"column_{column.position + 1}"
    name = f"channel_{name}" if name.isdigit() else name
    same = [other for other in head.columns if other.name == column.name]
    return name if len(same) == 1 else f"{name}_{same.index(column) + 1}"


def _since_first(head: Head, texts: NDArray[Any], log: Log) -> NDArray[np.float64]:
    """Return clock times in seconds since the first."""
    if head.clock is None:
        raise AssertionError("a column of clock times has a clock")
    times = head.clock.seconds([str(text) for text in texts])
    if (lost := np.isnan(times) & (texts != "")).any():
        at = int(np.argmax(lost))
        log.note(f"point {at + 1}: {texts[at]!r} is no clock time, kept as missing", lost.sum() - 1)
    if head.clock.note:
        log.note(head.clock.note)
    known = np.flatnonzero(~np.isnan(times))
    if known.size:
        log.note(f"clock times count from the first, {texts[known[0]]}")
        times = times - times[known[0]]
    return times


def _renamed(
    columns: Mapping[str, Any], titles: Mapping[int, str], source: Source
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the name in the file for each name of the Dataset, and the units that are given."""
    renamed, units = {}, {}
    for new, entry in columns.items():
        table = entry if isinstance(entry, Mapping) else {"column": entry}
        text = str(table.get("column", "")).strip()
        name, unit = (text, "") if text in titles.values() else split_unit(text)
        if name not in titles.values() and name.isdigit():
            name = titles.get(int(name) - 1, name)
        if name not in titles.values():
            raise unknown_name(f"column for {new} of {source.name}", text, titles.values())
        renamed[new] = name
        if unit := str(table.get("unit", unit)):
            units[name] = unit
    return renamed, units


def _with_words(dataset: xr.Dataset, words: Sequence[Mapping[str, NDArray[Any]]]) -> xr.Dataset:
    shape = dataset.sizes["sweep"], dataset.sizes["point"]
    for name in dict.fromkeys(name for texts in words for name in texts):
        table = np.full(shape, "", dtype=object)
        for index, texts in enumerate(words):
            if name in texts:
                table[index, : len(texts[name])] = texts[name]
        title = variable_name(name)
        title = f"{title}_text" if title in dataset else title
        dataset = dataset.assign_coords({title: (("sweep", "point"), table.astype(str))})
    return dataset
