"""Tables of the plan of a qualification, as they stand in its TOML file."""

import re
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)

from reliability.errors import InputError, from_validation
from reliability.lifetime.statements import parse_known
from reliability.units import Kelvin, NonNegative, Seconds, Volts, quantity


def _with_unit(given: Any) -> Any:
    """Refuse a bare number: 55 is not 55 K."""
    if isinstance(given, (int, float)) and not isinstance(given, bool):
        raise ValueError(f"got {given}, expected a text with its unit, such as '55 degC', '10 h'")
    return given


_WITH_UNIT = BeforeValidator(_with_unit)
Temperature = Annotated[Kelvin, _WITH_UNIT]
Time = Annotated[Seconds, _WITH_UNIT]
Voltage = Annotated[Volts, _WITH_UNIT]
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
    time: Time
    temperature: Temperature
    voltage: Voltage | None = None
    reads: NonNegative = 0.0
    cycles: NonNegative = 0.0


class ClaimTable(_Table):
    """At most ``fraction`` of the units fails over the mission."""

    fraction: Annotated[float | str, AfterValidator(lambda given: _probability(given))]
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.9
    quantity: str = "cumulative failures"
    uber: Fraction | None = None
    segment: Annotated[tuple[SegmentTable, ...], Field(min_length=1)]


class ProductTable(_Table):
    """What the product is specified for."""

    memory: str
    temperature: tuple[Temperature, Temperature] | None = None
    cycles: NonNegative = 0.0
    grade: Literal[0, 1, 2, 3] | None = None
    """Temperature grade of AEC-Q100, for automotive products."""

    @property
    def is_pcm(self) -> bool:
        """Whether the memory is phase-change memory, by one of its names."""
        name = self.memory.lower()
        return name in ("pcm", "pram", "pcram") or "phase" in name


class AccelerationTable(_Table):
    """What is taken as known, with its source."""

    activation_energy: str | None = None
    voltage_model: Literal["exponential", "inverse_power"] = "exponential"
    voltage_acceleration: str | None = None
    voltage_exponent: str | None = None
    shape: str | None = None
    source: str


class SampleTable(_Table):
    """A sample that the public summaries of a standard leave open."""

    lots: Annotated[int, Field(ge=1, strict=True)]
    devices: Annotated[int, Field(ge=1, strict=True)]
    accept: Count = 0


class LotTable(_Table):
    """Units of one lot and what became of them.

    ``failures`` is their number, or one for each of the read points of the test; bits and errors
    of an uncorrectable bit-error rate are those of the lot.
    """

    name: Annotated[str, Field(min_length=1)]
    devices: Annotated[int, Field(ge=1, strict=True)]
    failures: Count | tuple[Count, ...] = 0
    time_zero_rejects: Count = 0
    lost_reads: Count = 0
    retests: Count = 0
    over_range: Count = 0
    bits_read: NonNegative = 0.0
    uncorrectable_errors: Count = 0

    @property
    def failed(self) -> int:
        """Failures at all read points."""
        return sum(self.failures) if isinstance(self.failures, tuple) else self.failures


class TestTable(_Table):
    """One test: its conditions, and counts of lots or a data file."""

    name: Annotated[str, Field(min_length=1)]
    temperature: Temperature | None = None
    voltage: Voltage | None = None
    duration: str | None = None
    read_points: tuple[str, ...] = ()
    reads: NonNegative = 0.0
    cycles: NonNegative = 0.0
    cycling_temperature: Temperature | None = None
    write_temperature: Temperature | None = None
    read_temperature: Temperature | None = None
    bits_read: NonNegative = 0.0
    uncorrectable_errors: Count = 0
    mechanism: str = ""
    criterion: Annotated[str, Field(min_length=1)]
    correction: Literal["before", "after", "none"] = "none"
    unit: Literal["devices", "bits"] = "devices"
    file: str | None = None
    failure: str | None = None
    state: str | None = None
    columns: str | None = None
    layout: str | None = None
    missing: Literal["failed", "censored", "refuse"] = "failed"
    consecutive: Annotated[int, Field(ge=1, strict=True)] = 1
    degradation: tuple[Literal["linear", "log_time", "power", "exponential", "saturating"], ...] = (
        "linear", "log_time", "power", "exponential",
    )  # fmt: skip
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
    not_applicable: dict[str, Annotated[str, Field(min_length=1)]] = {}
    test: Annotated[tuple[TestTable, ...], Field(min_length=1)]


def read_plan(table: dict[str, Any], where: str) -> PlanTable:
    """Check the tables of a plan.

    Parameters
    ----------
    table : dict
        As the file has it.
    where : str
        Name of the file, for what is said of it.

    Raises
    ------
    InputError
        In one line: an unknown key, a value that cannot be, a number without a unit.
    """
    try:
        return PlanTable.model_validate(table)
    except ValidationError as error:
        raise _named(from_validation(error, where, _keys()), table) from None


def claimed_fraction(claim: ClaimTable) -> float:
    """Return the claimed fraction as a number."""
    return quantity(claim.fraction, "", "claim: fraction", low=0.0, high=1.0)


def known_acceleration(given: AccelerationTable | None) -> dict[str, float | tuple[float, float]]:
    """Return the coefficients, and the shape, that are taken as known, or their ranges.

    Raises
    ------
    InputError
        One that is not above 0.
    """
    if given is None:
        return {}
    assumed = {
        "voltage_acceleration": given.voltage_acceleration, "exponent": given.voltage_exponent
    }  # fmt: skip
    texts = [f"{name} = {value}" for name, value in assumed.items() if value is not None]
    known = parse_known(given.activation_energy, given.shape, ", ".join(texts) or None)
    for name, value in known.items():
        if not 0 < np.min(value) <= np.max(value) < np.inf:
            raise InputError(f"{name}: got {value}, allowed above 0")
    return known


def _probability(given: float | str) -> float | str:
    value = quantity(given, "", "fraction", low=0.0, high=1.0)
    if not 0 < value < 1:
        raise ValueError(f"got {given}, allowed between 0 and 1")
    return given


def _named(error: InputError, table: dict[str, Any]) -> InputError:
    """Say the names of tests and lots instead of their numbers."""

    def named(match: re.Match[str]) -> str:
        try:
            test = table["test"][int(match[1])]
            found = f"test {test.get('name', int(match[1]) + 1)}: "
            if match[2] is None:
                return found
            lot = test["lot"][int(match[2])]
            return f"{found}lot {lot.get('name') or int(match[2]) + 1}: "
        except (AttributeError, KeyError, TypeError, IndexError):
            return match[0]

    text = re.sub(
        r"\bclaim\.segment\.(\d+)\.(?=\w)",
        lambda m: f"claim: segment {int(m[1]) + 1}: ",
        str(error),
    )
    text = re.sub(r"\btest\.(\d+)\.(?:lot\.(\d+)\.)?(?=\w)", named, text)
    return InputError(re.sub(r"\.(constrained-\w+|tuple\[[^:]*\])(\.\d+)?", "", text))


def _keys() -> dict[str, list[str]]:
    tables: dict[str, Any] = {
        "": PlanTable, "document": DocumentTable, "claim": ClaimTable, "product": ProductTable,
        "acceleration": AccelerationTable, "test": TestTable, "claim.segment": SegmentTable,
        "test.lot": LotTable,
    }  # fmt: skip
    return {name: list(table.model_fields) for name, table in tables.items()}
