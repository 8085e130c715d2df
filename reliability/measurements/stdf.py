"""STDF V4 files of production testers, parsed by the library pystdf (an optional extra).

Wafers (WIR, WRR, WCR), parts (PIR, PRR) and parametric results (PTR, MPR) are read, in both byte
orders.
"""

import re
import struct
from collections.abc import Iterator
from contextlib import redirect_stderr
from dataclasses import dataclass
from io import BufferedReader, StringIO
from typing import Any

import numpy as np
import xarray as xr

from reliability.errors import InputError
from reliability.measurements.grid import build_dataset
from reliability.measurements.instrument_traces import variable_name
from reliability.measurements.log import Log
from reliability.measurements.names import KNOWN
from reliability.measurements.rows import OVERRANGE, scaled
from reliability.measurements.source import Source, open_binary, optional_module
from reliability.measurements.spool import Spool
from reliability.measurements.tester_units import UnitMeaning, parse_unit
from reliability.measurements.tidy import encode
from reliability.measurements.wafer_map import WaferMap, place_dies

_NO_COORDINATE = -32768
_SIDES = {"U": "up", "D": "down", "L": "left", "R": "right"}
_WAFER_UNITS = {1: 25.4, 2: 10.0, 3: 1.0, 4: 0.0254}  # inch, cm, mm, mil; in mm
_INVALID_RESULT = 0b0001_0110  # TEST_FLG: result not valid, timeout or not executed
_RETEST = 0b0000_0011  # PART_FLG: supersedes an earlier test of the same part or position
_GROUPS = ("cell", "row", "column", "time", "cycles", "reads", "temperature", "state")
# Names of axes and coordinates, which a test of that name must not become.
_TAKEN = {name for name, known in KNOWN.items() if known.role != "value"}
_TAKEN |= {"repeat", "radius", "elapsed", "part", "variable", "value"}


def read(source: Source, log: Log, *, tests: str = "") -> xr.Dataset:
    """Read the parametric results of all parts.

    Parameters
    ----------
    source : Source
    log : Log
        Counts records; a place in it is the number of the record in the file.
    tests : str
        Regular expression over test names. Tests that fit become one variable, and its named groups
        (cell, row, column, time, cycles, reads, temperature, state) become axes; a group
        ``quantity`` names the variable, else it is ``conductance``, ``resistance``, ``current`` or
        ``voltage`` by the unit of the results. Other tests are left out. Without a pattern every
        test is a variable.

    Returns
    -------
    Dataset
        (wafer, die, cell, ...) with the coordinates ``die_x`` and ``die_y``, and ``x``, ``y`` and
        ``radius`` (mm) when the file has a wafer configuration (WCR). Multiple results (MPR) count
        as cells. Results that the tester flags as invalid and overflow codes (9.9e37 and beyond)
        are missing. A part that supersedes an earlier test of itself replaces it. A test is its
        number and its name: two names under one number are two variables, two numbers with one
        name too (the second has its number behind the name). Units are those of
        :mod:`~reliability.measurements.tester_units`; another one is kept as text, with a note.

    Raises
    ------
    InputError
        pystdf is not installed, not STDF V4, no results, or the file ends inside a record.
    """
    try:
        pattern = re.compile(tests)
    except re.error as error:
        raise InputError(f"tests: {tests!r} is not a regular expression: {error}") from None
    for group in pattern.groupindex:
        if group not in (*_GROUPS, "quantity"):
            raise InputError(f"tests: group {group!r} is not known; allowed {', '.join(_GROUPS)}")
    collector = _Collector(source, log, pattern if tests else None)
    for name, record, index in _records(source, log):
        collector.take(name, record, index)
    return collector.dataset()


class _Counted:
    """A stream that counts its bytes, so that a file that ends inside a record is noticed."""

    def __init__(self, stream: BufferedReader, start: int = 0) -> None:
        self.stream, self.place, self.short = stream, start, False

    def read(self, size: int) -> bytes:
        data = self.stream.read(size)
        self.place += len(data)
        self.short |= 0 < len(data) < size
        return data

    def tell(self) -> int:
        return self.place

    def seek(self, place: int) -> None:
        self.stream.seek(place)
        self.place = place


def _records(source: Source, log: Log) -> Iterator[tuple[str, dict[str, Any], int]]:
    """Yield name, fields and number of each record, one record in memory at a time."""
    records = optional_module("pystdf.V4", source, "stdf").records
    make_parser = _latin_parser(optional_module("pystdf.IO", source, "stdf").Parser)
    if source.start[2:4] != b"\x00\x0a" or source.start[5:6] != b"\x04":
        raise InputError(f"{source.name}: is not an STDF version 4 file")
    taken = {"Mir", "Mrr", "Wir", "Wrr", "Wcr", "Pir", "Prr", "Ptr", "Mpr"}
    kinds = [kind for kind in records if type(kind).__name__ in {*taken, "Far"}]
    with open_binary(source) as binary:
        stream = _Counted(binary)
        parser = make_parser(recTypes=kinds, inp=stream)
        sink, reported = _Sink(stream), StringIO()
        parser.addSink(sink)
        try:
            parser.auto_detect_endian()
            while True:
                with redirect_stderr(reported):  # where the parser reports odd records
                    parser.parse_records(count=256)
                yield from sink.take(taken)
                if parser.eof or stream.short:
                    break
        except (EOFError, OSError, LookupError, ValueError, TypeError, struct.error) as error:
            raise InputError(
                f"{source.name}: damaged at record {sink.count}, byte {stream.place}: {error}"
            ) from None
    if stream.short or stream.place != sink.end:
        raise InputError(
            f"{source.name}: ends inside record {sink.count}, at byte {stream.place}; copy it again"
        )
    if odd := reported.getvalue().splitlines():
        log.note(odd[0].removeprefix("Warning: "), more=len(odd) - 1)
    if sink.last != "Mrr":
        log.note("the file does not end with a master results record (MRR); it may be incomplete")


def _latin_parser(parser: Any) -> Any:
    """Return the library's parser with texts in Latin-1: testers write degree and micro signs."""

    class LatinParser(parser):
        def readAndUnpack(self, header: Any, fmt: str) -> Any:
            if fmt != "c" or header.len < 1:
                return super().readAndUnpack(header, fmt)
            header.len -= 1
            return self.inp.read(1).decode("latin-1")

        def readCn(self, header: Any) -> str:
            if header.len == 0:
                return str(super().readCn(header))  # raises the library's end of record
            length = min(self.readField(header, "U1"), header.len)
            header.len -= length
            return str(self.inp.read(length).decode("latin-1"))

    return LatinParser


class _Sink:
    """Takes records from the parser, and where the last one should end."""

    def __init__(self, stream: _Counted) -> None:
        self.stream, self.count, self.end, self.last = stream, 0, 0, ""
        self.waiting: list[tuple[str, dict[str, Any], int]] = []

    def after_header(self, _: Any, header: Any) -> None:
        self.count += 1
        self.end = self.stream.place + header.len

    def after_send(self, _: Any, data: tuple[Any, list[Any]]) -> None:
        kind, values = data
        fields = dict(zip(kind.columnNames, values, strict=True))
        self.last = type(kind).__name__
        self.waiting.append((self.last, fields, self.count))

    def take(self, taken: set[str]) -> Iterator[tuple[str, dict[str, Any], int]]:
        for name, fields, index in self.waiting:
            if name in taken:
                yield name, fields, index
        self.waiting = []


@dataclass
class _Test:
    """One test, and what its results become once that is known."""

    number: int
    name: str
    unit: str = ""
    meaning: UnitMeaning | None = None
    inverse: bool = False
    axes: list[float | None] | None = None
    variable: float = 0.0


class _Collector:
    """Follows wafers and parts through a file, and collects one row for each result."""

    def __init__(self, source: Source, log: Log, pattern: re.Pattern[str] | None) -> None:
        self.source, self.log, self.pattern = source, log, pattern
        self.wafer: dict[int, str] = {}  # by test head
        self.results: dict[tuple[int, int], list[tuple[_Test, int, float]]] = {}  # by head and site
        self.tests: dict[tuple[int, str], _Test] = {}  # by number and name
        self.latest: dict[int, _Test] = {}  # records may leave the name out
        self.variables: dict[str, str] = {}  # name and unit inside
        self.unknown: dict[str, list[str]] = {}  # unit and tests
        self.labels: dict[str, dict[str, int]] = {"wafer": {}}
        groups = pattern.groupindex if pattern else {}
        self.axes = [name for name in _GROUPS if name in groups]
        if not {"cell", "row", "column"} & set(self.axes):
            self.axes.insert(0, "cell")
        self.parts: dict[tuple[float, float, float], int] = {}
        self.superseded: set[int] = set()
        self.names = ["wafer", "die_x", "die_y", "part", *self.axes, "variable", "value"]
        self.rows = Spool(self.names)
        self.lot = ""
        self.temperature = ""
        self.map: WaferMap | None = None

    def take(self, name: str, record: dict[str, Any], index: int) -> None:
        if name == "Mir":
            self.lot = record.get("LOT_ID") or ""
            self.temperature = record.get("TST_TEMP") or ""
        elif name == "Wcr":
            self.map = _wafer_map(record, self.log)
        elif name == "Wir":
            self.wafer[record["HEAD_NUM"]] = record.get("WAFER_ID") or ""
        elif name == "Wrr":
            self.wafer.pop(record["HEAD_NUM"], None)
        elif name == "Pir":
            self.results[record["HEAD_NUM"], record["SITE_NUM"]] = []
        elif name in ("Ptr", "Mpr"):
            self._result(record, index, multiple=record.get("RTN_RSLT") if name == "Mpr" else None)
        elif name == "Prr":
            self._part(record, index)

    def _result(self, record: dict[str, Any], index: int, multiple: list[float] | None) -> None:
        self.log.rows += 1
        number = record["TEST_NUM"]
        test = self._test(number, (record.get("TEST_TXT") or "").strip())
        test.unit = test.unit or (record.get("UNITS") or "").strip()
        place = record["HEAD_NUM"], record["SITE_NUM"]
        if place not in self.results:
            self.log.reject([index], f"result of test {number} without a part (PIR)")
            return
        values: list[Any] = [record.get("RESULT")] if multiple is None else multiple
        invalid = bool((record.get("TEST_FLG") or 0) & _INVALID_RESULT)
        for cell, value in enumerate(values or []):
            found = np.nan if invalid or value is None else float(value)
            if abs(found) >= OVERRANGE:
                self.log.overrange += 1
                found = np.nan
            self.results[place].append((test, cell, found))

    def _test(self, number: int, name: str) -> "_Test":
        """Return the test that a record means: without a name, the latest of its number."""
        latest = self.latest.get(number)
        if latest is None or (name and name != latest.name):
            known = self.tests.setdefault((number, name), _Test(number, name))
            self.latest[number] = latest = known
        return latest

    def _part(self, record: dict[str, Any], index: int) -> None:
        results = self.results.pop((record["HEAD_NUM"], record["SITE_NUM"]), [])
        die: tuple[Any, Any] = record.get("X_COORD"), record.get("Y_COORD")
        if None in die or _NO_COORDINATE in die:
            text = (record.get("PART_ID") or "").strip()  # packaged parts have no place on a wafer
            if not text.isdigit():
                self.log.bad += max(len(results) - 1, 0)
                self.log.reject([index], f"part {text!r} has no die coordinates and no number")
                return
            die = float(text), 0.0
        wafer_id = self.wafer.get(record["HEAD_NUM"], "")
        wafer = self.labels["wafer"].setdefault(wafer_id, len(self.labels["wafer"]))
        key = float(wafer), float(die[0]), float(die[1])
        part = len(self.parts) + len(self.superseded)
        if key in self.parts and (record.get("PART_FLG") or 0) & _RETEST:
            self.superseded.add(self.parts[key])
            self.log.note(f"record {index}: die {die[0]}, {die[1]} was tested again and replaced")
        self.parts[key] = part
        rows = [row for test, cell, value in results if (row := self._row(test, cell, value))]
        if rows:
            lead = np.tile([*key, float(part)], (len(rows), 1))
            self.rows.append(list(np.hstack([lead, np.array(rows)]).T))

    def _row(self, test: "_Test", cell: int, value: float) -> list[float] | None:
        """Return the axes, the variable and the value of a result; None for a test left out."""
        if test.meaning is None:
            self._understand(test)
        if test.meaning is None or test.axes is None:
            return None
        axes = [float(cell) if axis is None else axis for axis in test.axes]
        value = float(scaled(np.array(value), test.meaning.factor)) + test.meaning.offset
        if test.inverse:
            value = 1.0 / value if value else np.nan
        return [*axes, test.variable, value]

    def _understand(self, test: "_Test") -> None:
        """Find out once which variable and axes a test means."""
        title = test.name or f"test_{test.number}"
        test.meaning = parse_unit(test.unit)
        if test.meaning is None:
            self.unknown.setdefault(test.unit, []).append(title)
            test.meaning = UnitMeaning(test.unit, 1.0)
        match = self.pattern.search(title) if self.pattern else None
        if self.pattern and match is None:
            return
        inside, name = test.meaning.inside, variable_name(title)
        if match is not None:
            by_unit = {"S": "conductance", "ohm": "resistance", "A": "current", "V": "voltage"}
            name = variable_name(
                match.groupdict().get("quantity") or by_unit.get(inside, "measured")
            )
            test.inverse = inside == "ohm"
            if test.inverse:
                inside, name = "S", name.replace("resistance", "conductance")
        name = f"measured_{name}" if name in _TAKEN else name
        test.variable = float(self._variable(name, inside, test, shared=match is not None))
        test.axes = [self._axis(axis, match) for axis in self.axes]
        unit = f"in {test.unit}" if test.unit else "no unit"
        self.log.explain(f"{name}: test {test.number} {title!r}, {unit}")

    def _variable(self, name: str, inside: str, test: "_Test", *, shared: bool) -> int:
        """Return the number of the variable of a test; only a pattern lets tests share one."""
        if name in self.variables and not (shared and self.variables[name] == inside):
            other, name = name, f"{name}_{test.number}"
            while name in self.variables:
                name = f"{name}_2"
            self.log.note(f"test {test.number} {test.name!r} is {name}: {other} is another test")
        self.variables.setdefault(name, inside)
        return list(self.variables).index(name)

    def _axis(self, axis: str, match: re.Match[str] | None) -> float | None:
        text = match.groupdict().get(axis) if match else None
        if text is None:
            return None if axis == "cell" else 0.0
        try:
            value = float(text)
        except ValueError:
            return float(encode(axis, np.array([text], dtype=object), self.labels)[0])
        return value + 273.15 if axis == "temperature" else value

    def dataset(self) -> xr.Dataset:
        """Arrange the rows: the results of each variable on the same grid."""
        if self.rows.count == 0:
            raise InputError(f"{self.source.name}: holds no parametric results (PTR, MPR) of parts")
        for unit, titles in self.unknown.items():
            self.log.note(
                f"unit {unit!r} of test {titles[0]!r} is not known, kept as read", len(titles) - 1
            )
        labels = {name: list(codes) for name, codes in self.labels.items() if codes}
        parts = []
        for code, (name, unit) in enumerate(self.variables.items()):
            names = ["wafer", "die_x", "die_y", *self.axes, name]
            rows = Spool(names)
            for block in self.rows:
                block = block[block[:, -2] == code]
                if self.superseded:
                    block = block[~np.isin(block[:, 3], list(self.superseded))]
                rows.append([*block[:, :3].T, *block[:, 4:-2].T, block[:, -1]])
            if rows.count:
                units = {name: unit, **{axis: KNOWN[axis].unit for axis in self.axes}}
                parts.append(build_dataset(rows, labels, self.log, units=units))
        parts = [_by_die_index(part) for part in parts]
        dataset = xr.merge(parts, join="outer", compat="no_conflicts")
        dataset = _with_die_coordinates(dataset)
        if self.lot:
            lots = np.full(dataset.sizes["wafer"], self.lot)
            dataset = dataset.assign_coords(lot=("wafer", lots))
        dataset.attrs["tester_test_temperature"] = self.temperature
        return place_dies(dataset, self.map) if self.map is not None else dataset


def _by_die_index(part: xr.Dataset) -> xr.Dataset:
    """Name dies by their place, so that variables measured on different dies fit together."""
    names = [f"{x},{y}" for x, y in zip(part["die_x"].values, part["die_y"].values, strict=True)]
    return part.drop_vars(["die_x", "die_y"]).assign_coords(die=("die", np.array(names)))


def _with_die_coordinates(dataset: xr.Dataset) -> xr.Dataset:
    pairs = np.array([name.split(",") for name in dataset["die"].values.astype(str)], dtype=float)
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    dataset, pairs = dataset.isel(die=order), pairs[order].astype(int)
    plain = {"units": ""}
    return dataset.assign_coords(
        die=("die", np.arange(len(pairs)), plain),
        die_x=("die", pairs[:, 0], plain),
        die_y=("die", pairs[:, 1], plain),
    )


def _wafer_map(record: dict[str, Any], log: Log) -> WaferMap | None:
    """Return the wafer map of a configuration record, None (with a note) when it is incomplete."""
    size = _WAFER_UNITS.get(record.get("WF_UNITS") or 0)
    width, height = record.get("DIE_WID") or 0.0, record.get("DIE_HT") or 0.0
    centre: tuple[Any, Any] = record.get("CENTER_X"), record.get("CENTER_Y")
    if size is None or width <= 0 or height <= 0 or None in centre or _NO_COORDINATE in centre:
        log.note("the wafer configuration (WCR) lacks die size, unit or centre: no x and y")
        return None
    return WaferMap(
        pitch_x=width * size,
        pitch_y=height * size,
        centre_x=float(centre[0]),
        centre_y=float(centre[1]),
        notch=_SIDES.get((record.get("WF_FLAT") or "").strip(), "down"),
        x_direction=_SIDES.get((record.get("POS_X") or "").strip(), "right"),
        y_direction=_SIDES.get((record.get("POS_Y") or "").strip(), "up"),
    )
