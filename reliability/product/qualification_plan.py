"""The plan of a qualification: tests with their conditions, lots and outcome, and the claim.

A TOML file; `load_plan` reads it, with the data files that it names. Nothing in it is ignored: an
unknown key, a test without conditions or a lot without a name is refused.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import xarray as xr
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from reliability.errors import InputError, from_validation
from reliability.files import read_toml
from reliability.lifetime.statements import parse_duration
from reliability.measurements import read_lifetimes
from reliability.units import Kelvin, NonNegative, Seconds, quantity

Count = Annotated[int, Field(ge=0, strict=True)]
Fraction = Annotated[float, Field(gt=0, lt=1)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DocumentTable(_Table):
    """What the document says of itself; free texts."""

    device: str = ""
    lot: str = ""
    mask: str = ""
    package: str = ""
    program: str = ""
    equipment: str = ""
    calibration: str = ""
    author: str = ""
    reviewer: str = ""
    approver: str = ""
    date: str = ""
    number: str = ""
    revision: str = ""


class SegmentTable(_Table):
    """A stretch of the mission."""

    name: str = ""
    time: Seconds
    temperature: Kelvin
    reads: NonNegative = 0.0
    cycles: NonNegative = 0.0


class ClaimTable(_Table):
    """At most ``fraction`` of the units fails over the mission."""

    fraction: float | str
    confidence: float = 0.9
    quantity: str = "cumulative failures"
    uber: Fraction | None = None
    segment: Annotated[tuple[SegmentTable, ...], Field(min_length=1)]


class ProductTable(_Table):
    """What the product is specified for."""

    memory: str
    temperature: tuple[Kelvin, Kelvin] | None = None
    cycles: NonNegative = 0.0


class AccelerationTable(_Table):
    """What is taken as known, with its source."""

    activation_energy: str | None = None
    shape: str | None = None
    source: str


class SampleTable(_Table):
    """A sample that the public summaries of a standard leave open."""

    lots: Annotated[int, Field(ge=1, strict=True)]
    devices: Annotated[int, Field(ge=1, strict=True)]
    accept: Count = 0


class LotTable(_Table):
    """Units of one lot and what became of them."""

    name: Annotated[str, Field(min_length=1)]
    devices: Annotated[int, Field(ge=1, strict=True)]
    failures: Count = 0
    time_zero_rejects: Count = 0
    lost_reads: Count = 0
    retests: Count = 0
    over_range: Count = 0


class TestTable(_Table):
    """One test: its conditions, and counts of lots or a data file."""

    name: Annotated[str, Field(min_length=1)]
    temperature: Kelvin | None = None
    duration: str | None = None
    read_points: tuple[str, ...] = ()
    reads: NonNegative = 0.0
    cycles: NonNegative = 0.0
    cycling_temperature: Kelvin | None = None
    write_temperature: Kelvin | None = None
    read_temperature: Kelvin | None = None
    bits_read: NonNegative = 0.0
    uncorrectable_errors: Count = 0
    mechanism: str = ""
    criterion: Annotated[str, Field(min_length=1)]
    correction: Literal["before", "after", "none"] = "none"
    unit: Literal["devices", "bits"] = "devices"
    file: str | None = None
    failure: str | None = None
    columns: str | None = None
    missing: Literal["failed", "censored", "refuse"] = "failed"
    in_lot: str | None = None
    lot: tuple[LotTable, ...] = ()


class PlanTable(_Table):
    """A plan as it stands in its file."""

    title: str = "Qualification"
    document: DocumentTable = DocumentTable()
    product: ProductTable
    claim: ClaimTable
    acceleration: AccelerationTable | None = None
    samples: dict[str, SampleTable] = {}
    test: Annotated[tuple[TestTable, ...], Field(min_length=1)]


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
    """

    table: TestTable
    units: xr.Dataset
    lots: tuple[LotTable, ...]
    duration: float
    clock: str

    @property
    def failures(self) -> int:
        """Failures of all lots."""
        return sum(lot.failures for lot in self.lots)

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
    try:
        plan = PlanTable.model_validate(table)
    except ValidationError as error:
        raise from_validation(error, str(path), _keys()) from None
    names = [test.name for test in plan.test]
    labels = [
        f"{path}: test {name}"
        + (f" ({names[:k].count(name) + 1})" if names.count(name) > 1 else "")
        for k, name in enumerate(names)
    ]
    tests = [_read(test, label, path.parent) for test, label in zip(plan.test, labels, strict=True)]
    return Plan(plan, tuple(tests), path)


def _read(test: TestTable, where: str, folder: Path) -> LifeTest:
    if test.temperature is None and test.file is None:
        raise InputError(f"{where}: temperature: missing; a test without conditions shows nothing")
    if (test.file is None) == (not test.lot):
        got = "both" if test.file else "neither"
        raise InputError(f"{where}: got {got} of file and [[test.lot]], expected one of them")
    found = _of_counts(test, where) if test.file is None else _of_file(test, where, folder)
    for point in test.read_points:
        parse_duration(point, f"{where}: read_points")
    if found.table.cycles and found.table.cycling_temperature is None:
        raise InputError(f"{where}: cycling_temperature: missing, the test has cycles before it")
    return found


def _of_counts(test: TestTable, where: str) -> LifeTest:
    if test.duration is None:
        raise InputError(f"{where}: duration: missing; a test without conditions shows nothing")
    end, clock = parse_duration(test.duration, f"{where}: duration")
    names = [lot.name for lot in test.lot]
    if len(set(names)) < len(names):
        raise InputError(f"{where}: lot: got {', '.join(names)}, expected each name once")
    rows: list[tuple[float, float, float, str]] = []
    for lot in test.lot:
        if lot.failures > lot.devices:
            raise InputError(
                f"{where}: lot {lot.name}: got {lot.failures} failures of {lot.devices} devices"
            )
        rows.append((0.0, end, lot.failures, lot.name))
        rows.append((end, np.inf, lot.devices - lot.failures, lot.name))
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
    return LifeTest(test, units, test.lot, end, clock)


def _of_file(test: TestTable, where: str, folder: Path) -> LifeTest:
    constants: dict[str, str | float] = {}
    if test.temperature is not None:
        constants["temperature"] = test.temperature
    try:
        units = read_lifetimes(
            folder / str(test.file), columns=test.columns, failure=test.failure,
            constants=constants, missing=test.missing,
        )  # fmt: skip
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    if "lot" not in units:
        if test.in_lot is None:
            raise InputError(
                f"{where}: lot: not named; the file has no column lot, and in_lot is missing"
            )
        units = units.assign(lot=("unit", [test.in_lot] * units.sizes["unit"]))
    kelvin = np.unique(units["temperature"].values) if "temperature" in units else np.zeros(0)
    if kelvin.size != 1:
        raise InputError(
            f"{where}: temperature: got {kelvin.size} in the file, expected one for each test"
        )
    lots = []
    for name in np.unique(units["lot"].values):
        own = units.sel(unit=units["lot"] == name)
        failed = np.isfinite(own["upper"].values)
        count = own["frequency"].values
        devices, failures = int(count.sum()), int(count[failed].sum())
        lots.append(LotTable(name=str(name), devices=devices, failures=failures))
    ends = np.where(np.isfinite(units["upper"]), units["upper"], units["lower"])
    changed = test.model_copy(update={"temperature": float(kelvin[0])})
    return LifeTest(changed, units, tuple(lots), float(ends.max()), str(units.attrs["clock"]))


def claimed_fraction(claim: ClaimTable) -> float:
    """Return the claimed fraction as a number."""
    return quantity(claim.fraction, "", "claim: fraction", low=0.0, high=1.0)


def _keys() -> dict[str, list[str]]:
    tables: dict[str, Any] = {
        "": PlanTable, "document": DocumentTable, "claim": ClaimTable, "product": ProductTable,
        "acceleration": AccelerationTable, "test": TestTable, "claim.segment": SegmentTable,
        "test.lot": LotTable,
    }  # fmt: skip
    return {name: list(table.model_fields) for name, table in tables.items()}
