"""The plan of a qualification: tests with their conditions, lots and outcome, and the claim.

A TOML file; `load_plan` reads it, with the data files that it names. Nothing in it is ignored: an
unknown key, a test without conditions or a lot without a name is refused.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from reliability.errors import InputError
from reliability.files import read_toml
from reliability.lifetime.statements import parse_duration
from reliability.measurements import (
    lifetimes_of,
    read_lifetimes,
    read_measurements,
    reads_of_units,
)
from reliability.product.plan_tables import (
    LotTable,
    PlanTable,
    TestTable,
    known_acceleration,
    read_plan,
)
from reliability.units import engineering


@dataclass(frozen=True)
class LifeTest:
    """A test with its units.

    Attributes
    ----------
    table : TestTable
    units : Dataset
        ``lower``, ``upper``, ``frequency`` and ``lot`` (unit), as `read_lifetimes` gives it.
    lots : tuple of LotTable
    duration : float
        Longest time on test, s; or cycles.
    clock : str
    points : tuple of float
        Read points, in the unit of the duration.
    reads : Dataset or None
        Of `reliability.measurements.reads_of_units`, of a file of reads.
    """

    table: TestTable
    units: xr.Dataset
    lots: tuple[LotTable, ...]
    duration: float
    clock: str
    points: tuple[float, ...] = ()
    reads: xr.Dataset | None = None

    @property
    def stress(self) -> dict[str, float]:
        """Temperature, and voltage where it is stated."""
        voltage = self.table.voltage
        return {"temperature": self.temperature} | ({} if voltage is None else {"voltage": voltage})

    @property
    def bits_read(self) -> float:
        """Bits read in the whole test."""
        return self.table.bits_read + sum(lot.bits_read for lot in self.lots)

    @property
    def uncorrectable_errors(self) -> int:
        """Uncorrectable errors in the whole test."""
        return self.table.uncorrectable_errors + sum(lot.uncorrectable_errors for lot in self.lots)

    @property
    def failures(self) -> int:
        """Failures of all lots."""
        return sum(lot.failed for lot in self.lots)

    @property
    def devices(self) -> int:
        """Units of all lots."""
        return sum(lot.devices for lot in self.lots)

    @property
    def temperature(self) -> float:
        """K."""
        assert self.table.temperature is not None  # of every test that has been read
        return self.table.temperature


@dataclass(frozen=True)
class Plan:
    """A plan with its tests read.

    Attributes
    ----------
    table : PlanTable
    tests : tuple of LifeTest
    path : Path
    """

    table: PlanTable
    tests: tuple[LifeTest, ...]
    path: Path

    def named(self, name: str) -> list[LifeTest]:
        """Return the tests of a name."""
        return [test for test in self.tests if test.table.name == name]


def load_plan(path: str | Path) -> Plan:
    """Read the plan of a qualification and the data files that it names.

    Parameters
    ----------
    path : str or Path
        TOML; data files lie beside it or have whole paths.

    Raises
    ------
    InputError
        In one line: an unknown key, a test without temperature or duration, lots without a name,
        more failures than devices, a file that cannot be read.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"plan: no file {str(path)!r}")
    table = read_toml(path.read_bytes(), str(path))
    if not isinstance(table.get("test"), list):
        raise InputError(f"{path}: test: missing, expected one [[test]] or more")
    plan = read_plan(table, str(path))
    names = [test.name for test in plan.test]
    labels = [
        f"{path}: test {name}"
        + (f" ({names[:k].count(name) + 1})" if names.count(name) > 1 else "")
        for k, name in enumerate(names)
    ]
    _check_voltages(plan, labels, path)
    try:
        known_acceleration(plan.acceleration)
    except InputError as error:
        raise InputError(f"{path}: acceleration: {error}") from None
    tests = [_read(test, label, path.parent) for test, label in zip(plan.test, labels, strict=True)]
    return Plan(plan, tuple(tests), path)


def _check_voltages(plan: PlanTable, labels: list[str], path: Path) -> None:
    """Refuse a voltage of a test without one of the mission, and a mission that states some."""
    stated = [segment.voltage is not None for segment in plan.claim.segment]
    if any(stated) and not all(stated):
        raise InputError(
            f"{path}: claim: segment {stated.index(False) + 1}: voltage: missing, others state one "
            "(0 V where nothing is applied)"
        )
    for test, label in zip(plan.test, labels, strict=True):
        if test.voltage is not None and not any(stated):
            raise InputError(f"{label}: voltage: the segments of the claim state none")
    given = plan.acceleration
    if given is None:
        return
    both = given.voltage_acceleration is not None and given.voltage_exponent is not None
    power = given.voltage_model == "inverse_power"
    if both or (given.voltage_acceleration if power else given.voltage_exponent) is not None:
        wanted = "voltage_exponent" if power else "voltage_acceleration"
        raise InputError(
            f"{path}: acceleration: the {given.voltage_model} model of voltage takes {wanted}"
        )


def _read(test: TestTable, where: str, folder: Path) -> LifeTest:
    if test.temperature is None and test.file is None:
        raise InputError(f"{where}: temperature: missing; a test without conditions shows nothing")
    if (test.file is None) == (not test.lot):
        got = "both" if test.file else "neither"
        raise InputError(f"{where}: got {got} of file and [[test.lot]], expected one of them")
    _check_bits(test, where)
    found = _of_counts(test, where) if test.file is None else _of_file(test, where, folder)
    if found.table.cycles and found.table.cycling_temperature is None:
        raise InputError(f"{where}: cycling_temperature: missing, the test has cycles before it")
    return found


def _check_bits(test: TestTable, where: str) -> None:
    """Refuse bits that would count twice, and uncorrectable errors in no bits."""
    of_lots = any(lot.bits_read for lot in test.lot)
    if test.bits_read and of_lots:
        raise InputError(f"{where}: bits_read: got those of the test and of lots, expected one")
    if test.uncorrectable_errors and not (test.bits_read or of_lots):
        raise InputError(f"{where}: uncorrectable_errors: got {test.uncorrectable_errors}, but no "
                         "bits_read")  # fmt: skip
    for lot in test.lot:
        if lot.uncorrectable_errors and not (test.bits_read or lot.bits_read):
            raise InputError(f"{where}: lot {lot.name}: uncorrectable_errors: got "
                             f"{lot.uncorrectable_errors}, but no bits_read")  # fmt: skip


def _points(test: TestTable, where: str, clock: str, end: float) -> tuple[float, ...]:
    """Stated read points in order, none beyond the end of the test."""
    found = []
    for text in test.read_points:
        value, counted = parse_duration(text, f"{where}: read_points")
        if counted != clock:
            raise InputError(f"{where}: read_points: got {text!r}, the test counts {clock}")
        if value > end * (1 + 1e-9):
            raise InputError(f"{where}: read_points: got {text!r}, beyond the end of the test")
        found.append(value)
    if found != sorted(set(found)):
        raise InputError(f"{where}: read_points: expected rising ones, each once")
    return tuple(found)


def _of_counts(test: TestTable, where: str) -> LifeTest:
    if test.duration is None:
        raise InputError(f"{where}: duration: missing; a test without conditions shows nothing")
    for key in ("failure", "state", "columns", "layout", "in_lot"):
        if getattr(test, key) is not None:
            raise InputError(f"{where}: {key}: goes with a file")
    end, clock = parse_duration(test.duration, f"{where}: duration")
    points = _points(test, where, clock, end)
    names = [lot.name for lot in test.lot]
    if len(set(names)) < len(names):
        raise InputError(f"{where}: lot: got {', '.join(names)}, expected each name once")
    rows: list[tuple[float, float, float, str]] = []
    for lot in test.lot:
        if lot.failed > lot.devices:
            raise InputError(
                f"{where}: lot {lot.name}: got {lot.failed} failures of {lot.devices} devices"
            )
        if isinstance(lot.failures, tuple) and len(lot.failures) != len(points):
            raise InputError(
                f"{where}: lot {lot.name}: failures: got {len(lot.failures)}, expected one for "
                f"each of {len(points)} read points"
            )
        ends = points if isinstance(lot.failures, tuple) else (end,)
        count = lot.failures if isinstance(lot.failures, tuple) else (lot.failures,)
        for low, high, failed in zip((0.0, *ends), ends, count, strict=False):
            rows.append((low, high, failed, lot.name))
        rows.append((end, np.inf, lot.devices - lot.failed, lot.name))
    kept = [row for row in rows if row[2]]
    lower, upper, frequency = np.array([row[:3] for row in kept], float).T
    units = xr.Dataset(
        {
            "lower": ("unit", lower),
            "upper": ("unit", upper),
            "frequency": ("unit", frequency),
            "lot": ("unit", [row[3] for row in kept]),
        },
        attrs={"clock": clock, "source": "counts in the plan"},
    )
    return LifeTest(test, units, test.lot, end, clock, points or (end,))


def _of_file(test: TestTable, where: str, folder: Path) -> LifeTest:
    stated = {"temperature": test.temperature, "voltage": test.voltage}
    reads = None
    try:
        if test.failure is None:
            units = _with_stated(
                read_lifetimes(
                    folder / str(test.file), columns=test.columns, missing=test.missing
                ), stated,
            )  # fmt: skip
        else:
            stated["read_voltage"] = stated.pop("voltage")
            data = read_measurements(
                folder / str(test.file), test.layout, columns=test.columns,
                constants={name: value for name, value in stated.items() if value is not None},
            )  # fmt: skip
            units = lifetimes_of(
                data, test.failure, state=test.state, missing=test.missing,
                consecutive=test.consecutive,
            )  # fmt: skip
            reads = reads_of_units(data, test.failure, state=test.state)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    if "lot" not in units:
        if test.in_lot is None:
            raise InputError(
                f"{where}: lot: not named; the file has no column lot, and in_lot is missing"
            )
        units = units.assign(lot=("unit", [test.in_lot] * units.sizes["unit"]))
        if reads is not None:
            reads = reads.assign(lot=("read", [test.in_lot] * reads.sizes["read"]))
    changed = test.model_copy(
        update={name: _single(units, name, where) for name in ("temperature", "voltage")}
    )
    if changed.temperature is None:
        raise InputError(f"{where}: temperature: missing; a test without conditions shows nothing")
    clock = str(units.attrs["clock"])
    ends = np.where(np.isfinite(units["upper"]), units["upper"], units["lower"])
    end = float(ends.max())
    points = _points(test, where, clock, end)
    units = _between_read_points(units, points)
    if not points:
        seen = np.unique(reads["time"].values) if reads is not None else units["upper"].values
        points = tuple(float(t) for t in np.unique(seen[np.isfinite(seen) & (seen > 0)]))
    if not points or points[-1] < end:
        points = (*points, end)
    lots = tuple(_lot_of_file(str(name), units) for name in np.unique(units["lot"].values))
    return LifeTest(changed, units, lots, end, clock, points, reads)


def _with_stated(units: xr.Dataset, stated: dict[str, float | None]) -> xr.Dataset:
    """Units of a table at the stated conditions, which those of the table must not contradict."""
    for name, value in stated.items():
        if value is None:
            continue
        own = np.unique(units[name].values) if name in units else np.array([value])
        for other in own[np.abs(own - value) > 1e-6 * abs(value)]:
            unit = {"temperature": "K", "voltage": "V"}[name]
            raise InputError(f"{name}: got {engineering(value, unit)} in the plan and "
                             f"{engineering(float(other), unit)} in the file")  # fmt: skip
        units = units.assign({name: ("unit", np.full(units.sizes["unit"], value))})
    return units


def _single(units: xr.Dataset, name: str, where: str) -> float | None:
    """The one temperature or voltage of a file."""
    values = np.unique(units[name].values) if name in units else np.zeros(0)
    if values.size > 1:
        raise InputError(
            f"{where}: {name}: got {values.size} in the file, expected one for each test"
        )
    return float(values[0]) if values.size else None


def _between_read_points(units: xr.Dataset, points: tuple[float, ...]) -> xr.Dataset:
    """A failure that a table puts at a read point came between it and the one before."""
    before = dict(zip(points, (0.0, *points), strict=False))
    lower, upper = units["lower"].values.copy(), units["upper"].values
    for k in np.flatnonzero(lower == upper):
        lower[k] = before.get(float(upper[k]), lower[k])
    return units.assign(lower=("unit", lower))


def _lot_of_file(name: str, units: xr.Dataset) -> LotTable:
    own = units.sel(unit=units["lot"] == name)
    count, failed = own["frequency"].values, np.isfinite(own["upper"].values)
    of_lots = units.attrs.get("of_lots", {})
    told = of_lots.get(name, of_lots.get("", {}))
    return LotTable(name=name, devices=int(count.sum()), failures=int(count[failed].sum()), **told)
