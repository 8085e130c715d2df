"""Keithley 4200A Clarius exports: CSV, and workbooks with the sheets Data, Append and Settings."""

import re
from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.errors import InputError
from reliability.measurements.delimited import kind_of
from reliability.measurements.instrument_traces import (
    HIERARCHY,
    metadata_attributes,
    trace_dataset,
    unit_of,
    variable_name,
)
from reliability.measurements.log import Log
from reliability.measurements.rows import is_number, read_row, recognise_form, split_line
from reliability.measurements.source import Source, first_lines, numbered_lines
from reliability.measurements.workbooks import sheet_name, sheet_rows, workbook

_ERRORS = ("#REF", "#N/A", "#VALUE", "#DIV/0", "#NUM", "#NAME?", "#NULL")  # of formulas
_ASIDE = ("calc", "settings", "run settings")  # sheets that describe the test
_STATES = {"ILRS": "LRS", "IHRS": "HRS"}
_NAMES = {
    "VSET": "set_voltage",
    "VRESET": "reset_voltage",
    "ISET": "set_current",
    "IRESET": "reset_current",
    "VFORM": "forming_voltage",
    "IFORM": "forming_current",
    "Time": "duration",
}


def read(
    source: Source,
    log: Log,
    *,
    columns: Mapping[str, str] | None = None,
    sheet: str = "",
) -> xr.Dataset:
    """Read an export with one header row (traces) or two (test, then quantity: cycling).

    Parameters
    ----------
    source : Source
    log : Log
    columns : mapping of str to str, optional
        For traces: name in the Dataset to name in the file, e.g. ``{"current": "AI"}``.
    sheet : str
        Only this sheet of a workbook; by default every sheet that holds data.

    Returns
    -------
    Dataset
        Errors of formulas (``#REF``) are missing values. A formula that has a value in the first
        row only belongs to the whole sweep (``forming_voltage``). Cycling: ``current`` (wafer, die,
        cell, test, cycles, state) with the states LRS and HRS, and the other quantities (wafer,
        die, cell, test, cycles); tests without any value (the other polarity) are left out and
        named in ``attrs["empty_tests"]``. Traces: see `trace_dataset`. Metadata rows become
        attributes ``tester_...``; the site number becomes the coordinate ``die``.

    Raises
    ------
    InputError
        No header of this kind, or no data.
    """
    if kind_of(source) != "text":
        return _read_workbook(source, log, columns, sheet)
    form = recognise_form([line for line in first_lines(source) if line.strip()][:50])
    block = _Block(source, form.decimal, log)
    for line, text in numbered_lines(source):
        block.add(split_line(text, form.delimiter), line)
    return _finish([block], ["Data"], {}, columns, source, log)


def is_export(rows: Sequence[Sequence[str]]) -> bool:
    """Tell from its first rows whether a table is one: a test and its run number ("#1")."""
    if len(rows) < 2:
        return False
    first, second = rows[0], rows[1]
    tests = [entry for entry in first[1:] if "#" in entry]
    return bool(tests) and list(second[:1]) == ["Index"] and len(first) == len(second)


def has_names(names: Sequence[str]) -> bool:
    """Tell whether columns of a sweep are named as Clarius does: AI, GateV, DrainI(2).

    >>> has_names(["Time", "AI", "AV"]), has_names(["t", "V", "I"])
    (True, False)
    """
    named = re.compile(r"([A-Z]|[A-Z]\w*[a-z])[IV](\(\d+\))?")
    return sum(bool(named.fullmatch(name)) for name in names) >= 2


class _Block:
    """One table of an export, row by row: header rows, data, metadata at the end."""

    def __init__(self, source: Source, decimal: str, log: Log) -> None:
        self.source, self.decimal, self.log = source, decimal, log
        self.header: list[list[str]] = []
        self.lines: list[int] = []
        self.values: list[NDArray[np.float64]] = []
        self.metadata: dict[str, str] = {}
        self.errors: list[int] = []  # lines with an error of a formula

    def add(self, row: list[str], line: int) -> None:
        filled = [entry for entry in row if entry]
        if not filled:
            self.log.blank += 1
        elif _starts_with_number(row, self.decimal):
            self._add_values(row, line)
        elif not self.values and len(self.header) < 2:
            self.header.append(row)
        elif len(filled) <= 2:
            self.metadata[filled[0]] = filled[-1] if len(filled) == 2 else ""
        else:
            self._add_values(row, line)

    def _add_values(self, row: list[str], line: int) -> None:
        self.log.rows += 1
        errors = [entry.upper().startswith(_ERRORS) for entry in row]
        if any(errors):
            self.errors.append(line)
            row = ["" if error else entry for entry, error in zip(row, errors, strict=True)]
        values = read_row(row, line, self.log, self.decimal)
        if values is not None:
            self.lines.append(line)
            self.values.append(values)

    def finish(self) -> None:
        """Make rows equally long: Clarius cuts empty columns off the ends of all rows alike."""
        if self.errors:
            message = f"line {self.errors[0]}: an error of a formula (#REF), kept as missing"
            self.log.note(message, more=len(self.errors) - 1)
        width = len(self.header[-1]) if self.header else 0
        lengths = [len(row) for row in self.values]
        usual = min(max(set(lengths), key=lengths.count, default=0), width)
        for index in range(len(lengths) - 1, -1, -1):
            row = self.values[index]
            if usual <= len(row) and not np.isfinite(row[width:]).any():
                padded = np.full(width, np.nan)
                padded[: len(row)] = row[:width]
                self.values[index] = padded
            else:
                message = f"{len(row)} fields instead of {usual}"
                self.log.reject([self.lines[index]], message)
                del self.values[index], self.lines[index]

    def table(self) -> NDArray[np.float64]:
        return np.array(self.values).reshape(len(self.values), -1)


def _starts_with_number(row: list[str], decimal: str) -> bool:
    """Tell whether the first field that is filled is a number."""
    return is_number(next(entry for entry in row if entry), decimal)


def _read_workbook(
    source: Source, log: Log, columns: Mapping[str, str] | None, sheet: str
) -> xr.Dataset:
    names = [sheet_name(source, sheet)] if sheet else workbook(source).sheetnames
    blocks, titles, metadata = [], [], {}
    for name in names:
        own = Log()
        block = _Block(source, ".", own)
        for line, row in enumerate(sheet_rows(source, name), start=1):
            texts = ["" if cell is None else str(cell).strip() for cell in row]
            width = len(block.header[-1]) if block.header else 0
            while len(texts) > width and not texts[-1]:
                texts.pop()
            block.add(texts + [""] * (width - len(texts)), line)
        if block.values and block.header and name.lower() not in _ASIDE:
            block.log = log
            log.rows, log.blank = log.rows + own.rows, log.blank + own.blank
            log.overrange += own.overrange
            log.take(own, f"sheet {name!r}")
            blocks.append(block)
            titles.append(name)
        else:
            for header in block.header:
                filled = [entry for entry in header if entry]
                metadata[filled[0]] = filled[1] if len(filled) > 1 else ""
            metadata.update(block.metadata)
    return _finish(blocks, titles, metadata, columns, source, log)


def _finish(
    blocks: Sequence[_Block],
    titles: Sequence[str],
    metadata: dict[str, str],
    columns: Mapping[str, str] | None,
    source: Source,
    log: Log,
) -> xr.Dataset:
    for block in blocks:
        block.finish()
    if not any(block.values and block.header for block in blocks):
        first = f"; {log.messages[0]}" if log.messages else ""
        raise InputError(f"{source.name}: is not a Clarius export: no header with data{first}")
    log.check(source.name)
    for block in blocks:
        metadata |= block.metadata
    if len(blocks[0].header) == 2:
        dataset = _cycling(blocks[0], log)
    else:
        traces, scalars, sweeps = [], [], []
        units: dict[str, str] = {}
        for block, title in zip(blocks, titles, strict=True):
            for suffix, trace in _runs(block).items():
                units |= {name: unit_of(name) for name in trace}
                units |= {_variable(name): unit_of(name) for name in trace}
                scalars.append(_scalars(trace))
                traces.append(trace)
                sweeps.append(f"{title}{suffix}")
        dataset = trace_dataset(traces, sweeps, units, columns, scalars)
    for name, variable in dataset.data_vars.items():
        written, unit = variable.attrs.get("long_name", name), variable.attrs["units"]
        log.explain(
            f"{name}: column {written!r}, {f'in {unit} by its name' if unit else 'no unit'}"
        )
    dataset.attrs.update(metadata_attributes(metadata))
    total = metadata.get("Total Cycles", "")
    if total.isdigit() and "cycles" in dataset and int(total) > dataset.sizes["cycles"]:
        log.note(f"the file says {total} cycles and holds {dataset.sizes['cycles']}")
    site = metadata.get("Site Number", "")
    if site.lstrip("-").isdigit():
        dataset = dataset.assign_coords(die=("die", [int(site)], {"units": ""}))
    return dataset


def _runs(block: _Block) -> dict[str, dict[str, NDArray[np.float64]]]:
    """Split columns "AV", "AI", "AV(2)", "AI(2)" into runs; empty columns belong to none."""
    table = block.table()
    runs: dict[str, dict[str, NDArray[np.float64]]] = {}
    for position, header in enumerate(block.header[-1]):
        name, _, number_of_run = header.rstrip(")").partition("(")
        column = table[:, position]
        filled = np.flatnonzero(~np.isnan(column))
        if filled.size and name:
            suffix = f"({number_of_run})" if number_of_run else ""
            runs.setdefault(suffix, {})[name.strip()] = column[: filled[-1] + 1]
    return runs


def _variable(name: str) -> str:
    return _NAMES.get(name, variable_name(name))


def _scalars(trace: dict[str, NDArray[np.float64]]) -> dict[str, float]:
    """Take the columns out of a sweep that have a value in their first row only."""
    longest = max(len(column) for column in trace.values())
    names = [name for name, column in trace.items() if len(column) == 1 and longest > 1]
    return {_variable(name): float(trace.pop(name)[0]) for name in names}


def _cycling(block: _Block, log: Log) -> xr.Dataset:
    tests, quantities = block.header
    table = block.table()
    if len(tests) != len(quantities):
        raise InputError(
            f"{block.source.name}: {len(tests)} tests head {len(quantities)} quantities"
        )
    cycles = table[:, 0]
    kept, first = np.unique(cycles, return_index=True)
    if np.isnan(cycles).any() or len(kept) < len(cycles):
        repeated = np.setdiff1d(np.arange(len(cycles)), first[~np.isnan(kept)])
        log.reject(np.array(block.lines)[repeated], "cycle number missing or repeated")
        table, cycles = np.delete(table, repeated, axis=0), np.delete(cycles, repeated)
    order = list(dict.fromkeys(tests[1:]))
    full = [
        test
        for test in order
        if any(
            np.isfinite(table[:, position]).any()
            for position, name in enumerate(tests)
            if position and name == test
        )
    ]
    shape = (1, 1, 1, len(full), len(cycles))
    dims = (*HIERARCHY, "test", "cycles")
    dataset = xr.Dataset()
    for position in range(1, len(tests)):
        name, test = quantities[position], tests[position]
        if test not in full:
            continue
        variable = _variable(name)
        variable = f"current_{name[1:].lower()}" if name in _STATES else variable
        if variable not in dataset:
            attrs = {"units": unit_of(name), "long_name": name}
            dataset[variable] = dims, np.full(shape, np.nan), attrs
        dataset[variable].values[0, 0, 0, full.index(test)] = table[:, position]
    if {"current_lrs", "current_hrs"} <= set(dataset):
        both = [dataset["current_lrs"].values, dataset["current_hrs"].values]
        dataset["current"] = (*dims, "state"), np.stack(both, axis=-1), {"units": "A"}
        dataset = dataset.drop_vars(["current_lrs", "current_hrs"])
        dataset = dataset.assign_coords(state=("state", np.array(["LRS", "HRS"])))
    dataset.attrs["empty_tests"] = [test for test in order if test not in full]
    counted = {"units": ""}
    return dataset.assign_coords(
        {axis: (axis, [0], counted) for axis in HIERARCHY}
        | {"test": ("test", np.array(full)), "cycles": ("cycles", cycles.astype(int), counted)}
    )
