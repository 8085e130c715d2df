"""Keysight B1500A EasyEXPERT exports: records (DataName, DataValue) and classic test files."""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.measurements.instrument_traces import dataset_of_sweeps, unit_of
from reliability.measurements.log import Log
from reliability.measurements.rows import read_row, split_line
from reliability.measurements.source import Source, numbered_lines

_RECORDS = ("SetupTitle", "PrimitiveTest", "TestParameter", "MetaData", "AnalysisSetup")
_DATUM_NAMES = "Analysis.Setup.Vector.List.Datum.Name"
_DATUM_UNITS = "Analysis.Setup.Vector.List.Datum.Unit"
_CLASSIC_DATA = "AutoAnalysis.Marker.Data.StartCondition"


def read(source: Source, log: Log, *, columns: Mapping[str, str] | None = None) -> xr.Dataset:
    """Read every block of data of an export as one sweep.

    Parameters
    ----------
    source : Source
    log : Log
    columns : mapping of str to str, optional
        Name in the Dataset to name in the file, e.g. ``{"voltage": "V1", "current": "I2"}``.

    Returns
    -------
    Dataset
        See `trace_dataset`. Units are those that the file lists, else by the name. The metadata of
        the first block become attributes ``tester_...``.

    Raises
    ------
    InputError
        No block of data.
    """
    reader = _Reader(log)
    for line, text in numbered_lines(source):
        reader.add(split_line(text, ","), line)
    reader.close()
    return dataset_of_sweeps(
        reader, columns, log, source, "is not a B1500 export: no DataValue rows"
    )


def is_export(lines: Sequence[str]) -> bool:
    """Tell from its first lines whether a text file is one."""
    start = split_line(lines[0], ",")[0] if lines else ""
    return start in (*_RECORDS, "DataName") or start.lower() == "setup title"


class _Reader:
    """Follows the records of an export; keeps the sweep that is being read."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.metadata: dict[str, str | list[str]] = {}
        self.units: dict[str, str] = {}
        self.traces: list[dict[str, NDArray[np.float64]]] = []
        self.titles: list[str] = []
        self._title = ""
        self._names: list[str] = []
        self._rows: list[NDArray[np.float64]] = []
        self._expected: int | None = None
        self._classic = "no"  # "no", then "header" and "data" behind the marker of a classic file
        self._listed: dict[str, list[str]] = {}

    def add(self, row: list[str], line: int) -> None:
        if not any(row):
            self.log.blank += 1
        elif row[0] == "DataValue" and self._names:
            self._value(row[1:], line)
        elif row[0] == "DataName":
            self.close()
            self._open(row[1:])
        elif row[0] == "Units" and self._names and not self._rows:  # a dialect of drivers
            self.units.update(zip(self._names, row[1:], strict=False))
        elif row[0] in _RECORDS:
            self._record(row)
        elif row[0] == "Dimension1" and len(row) > 1 and row[1].isdigit():
            self._expected = int(row[1])
        elif row[0] == _CLASSIC_DATA:
            self._classic = "header"
        elif self._classic == "header":
            self._open(row)
            self._classic = "data"
        elif self._classic == "data":
            self._value(row, line)
        elif not self.traces:
            self.metadata.setdefault(row[0], row[1] if len(row) == 2 else row[1:])
            if row[0].lower() == "setup title" and len(row) > 1:
                self._title = row[1]

    def _record(self, row: list[str]) -> None:
        if self._rows:
            self.close()
        if row[0] == "SetupTitle":
            self._title = row[1] if len(row) > 1 else ""
        if len(row) > 2 and row[1] in (_DATUM_NAMES, _DATUM_UNITS):
            self._listed[row[1]] = row[2:]
        key, values = (row[0], row[1:]) if len(row) < 3 else (row[1], row[2:])
        if not self.traces:
            self.metadata.setdefault(key, values[0] if len(values) == 1 else values)

    def _open(self, names: list[str]) -> None:
        while names and not names[-1]:
            names.pop()
        self._names, self._rows = names, []
        listed = self._listed.get(_DATUM_NAMES, names), self._listed.get(_DATUM_UNITS, [])
        known = dict(zip(*listed, strict=False)) if len(listed[0]) == len(listed[1]) else {}
        for name in names:
            self.units.setdefault(name, known.get(name) or unit_of(name))

    def _value(self, row: list[str], line: int) -> None:
        self.log.rows += 1
        while len(row) > len(self._names) and row[-1] == "":
            row.pop()
        if len(row) != len(self._names):
            self.log.reject([line], f"{len(row)} values instead of {len(self._names)}")
            return
        values = read_row(row, line, self.log)
        if values is not None:
            self._rows.append(values)

    def close(self) -> None:
        """End the sweep that is being read."""
        if not self._rows:
            return
        table = np.array(self._rows)
        self.traces.append(dict(zip(self._names, table.T, strict=True)))
        self.titles.append(self._title)
        self._rows = []
        if self._expected is not None and len(table) < self._expected:
            message = f"sweep {len(self.traces)} has {len(table)} points, {self._expected} were set"
            self.log.note(message)
        self._expected = None
