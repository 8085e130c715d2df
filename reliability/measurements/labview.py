"""LabVIEW measurement files (.lvm): a header, and segments with a header and columns of their own.

Source: National Instruments, "Specification for the LabVIEW Measurement File (.lvm)".
"""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.measurements.instrument_traces import dataset_of_sweeps, unit_of
from reliability.measurements.log import Log
from reliability.measurements.names import split_unit
from reliability.measurements.rows import number, read_row
from reliability.measurements.source import Source, numbered_lines

_END = "***End_of_Header***"
_SPECIAL = ("***Start_Special***", "***End_Special***")


def read(source: Source, log: Log, *, columns: Mapping[str, str] | None = None) -> xr.Dataset:
    """Read every segment of a file as one sweep.

    Parameters
    ----------
    source : Source
    log : Log
    columns : mapping of str to str, optional
        Name in the Dataset to name in the file, e.g. ``{"voltage": "Channel 1"}``.

    Returns
    -------
    Dataset
        See `trace_dataset`. ``time`` is the column X_Value, or follows from X0 and Delta_X where
        the file has no such column (X_Columns: No).

    Raises
    ------
    InputError
        No segment with data, or most rows are bad.
    """
    reader = _Reader(log)
    for line, text in numbered_lines(source):
        reader.add(text.rstrip("\r\n"), line)
    reader.close()
    return dataset_of_sweeps(
        reader, columns, log, source, "a LabVIEW file without a segment of data"
    )


def is_export(lines: Sequence[str]) -> bool:
    """Tell from its first line whether a text file is one."""
    return bool(lines) and lines[0].startswith("LabVIEW Measurement")


class _Reader:
    """Follows header, segment headers and rows; keeps the segment that is being read."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.metadata: dict[str, str] = {}
        self.units: dict[str, str] = {}
        self.traces: list[dict[str, NDArray[np.float64]]] = []
        self.titles: list[str] = []
        self._separator, self._decimal = "\t", "."
        self._part = "file"  # then "segment", "names" and "data"
        self._special = False
        self._segment: dict[str, list[str]] = {}
        self._names: list[str] = []
        self._rows: list[NDArray[np.float64]] = []

    def add(self, text: str, line: int) -> None:
        if text.startswith("LabVIEW Measurement") and not self.metadata:
            self._separator = text[len("LabVIEW Measurement") :][:1] or "\t"
        row = [entry.strip() for entry in text.split(self._separator)]
        if row[0] in _SPECIAL or self._special:
            self._special = row[0] != _SPECIAL[1]
        elif not any(row):
            self.log.blank += 1
            if self._part == "data" and self._rows:
                self.close()
        elif row[0] == _END:
            self._part = "segment" if self._part == "file" else "names"
        elif self._part == "names":
            self._names, self._part = row, "data"
        elif self._part == "data" and row[0] in ("Channels", "Samples"):
            self.close()
            self._segment[row[0]] = row[1:]
        elif self._part == "data":
            self._value(row, line)
        elif self._part == "segment":
            self._segment[row[0]] = row[1:]
        else:
            self._header(row)

    def _header(self, row: list[str]) -> None:
        self.metadata[row[0]] = row[1] if len(row) > 1 else ""
        if row[0] == "Decimal_Separator" and len(row) > 1:
            self._decimal = row[1] or "."

    def _width(self) -> int:
        names = list(self._names)
        while names and names[-1] in ("", "Comment"):
            names.pop()
        return len(names)

    def _value(self, row: list[str], line: int) -> None:
        self.log.rows += 1
        width = self._width()
        if len(row) < width:
            self.log.reject([line], f"{len(row)} fields instead of {width}")
            return
        values = read_row(row[:width], line, self.log, self._decimal)
        if values is not None:
            self._rows.append(values)

    def close(self) -> None:
        """End the segment that is being read."""
        self._part = "segment"
        if not self._rows:
            return
        table, names = np.array(self._rows), self._names[: self._width()]
        trace: dict[str, NDArray[np.float64]] = {}
        times = [i for i, name in enumerate(names) if name == "X_Value"]
        channel = 0
        for position, name in enumerate(names):
            if position in times:
                continue
            title = self._channel(name, channel)
            before = [i for i in times if i < position]
            self._time(trace, table[:, before[-1]] if before else None, title, channel, len(table))
            trace[title] = table[:, position]
            channel += 1
        self.traces.append(trace)
        self.titles.append(f"segment {len(self.traces)}")
        self._rows, self._segment = [], {}

    def _channel(self, name: str, channel: int) -> str:
        """Return the name of a channel, and keep its unit: of the header, else by its name."""
        title, unit = split_unit(name)
        labels = self._segment.get("Y_Unit_Label", [])
        label = labels[channel] if channel < len(labels) else ""
        self.units[title] = label or unit or unit_of(title)
        return title

    def _time(
        self,
        trace: dict[str, NDArray[np.float64]],
        column: NDArray[np.float64] | None,
        title: str,
        channel: int,
        count: int,
    ) -> None:
        """Add the times of a channel, once where all channels have the same."""
        if column is None or np.isnan(column).all():
            start, step = (self._number(key, channel) for key in ("X0", "Delta_X"))
            column = np.asarray(start + step * np.arange(count), dtype=np.float64)
        known = [other for name, other in trace.items() if name.startswith("time")]
        if not any(np.array_equal(column, other, equal_nan=True) for other in known):
            name = f"time_{title}" if known else "time"
            trace[name] = column
            dimension = self._segment.get("X_Dimension", ["Time"])
            self.units[name] = "s" if dimension[:1] in (["Time"], [""]) else ""

    def _number(self, key: str, channel: int) -> float:
        entries = self._segment.get(key, [])
        try:
            return number(entries[channel], self._decimal)
        except (IndexError, ValueError):
            self.log.note(f"{key} of channel {channel + 1} is missing; points are counted from 0")
            return float(key == "Delta_X")
