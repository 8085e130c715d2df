"""The tables of a study's TOML file, each typed and checked by itself."""

import ast
import inspect
import itertools
import math
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    model_validator,
)

from reliability.campaign.dotted import Value
from reliability.devices.verify import Verify
from reliability.errors import unknown_name
from reliability.mission import MissionProfile, Segment
from reliability.network import Tiling
from reliability.network.analysis.inferences import steps
from reliability.network.deep.chips import default_tiling
from reliability.network.deep.tiling import Compensation, MappingName
from reliability.network.metrics import METRICS
from reliability.network.one_layer.weight_mapping import Mapping
from reliability.technology import Technology
from reliability.units import Amperes, Kelvin, NonNegative, Ohms, Seconds, Volts


def _rising(values: Sequence[Any]) -> Sequence[Any]:
    if list(values) != sorted(set(values)):
        raise ValueError(f"got {list(values)}, expected rising values")
    return values


def _whole(value: float) -> float:
    if value != int(value):
        raise ValueError(f"got {value:g}, expected a whole number")
    return value


def _metric(name: str) -> str:
    if ":" not in name and name not in METRICS:
        raise ValueError(str(unknown_name("metric", name, (*METRICS, "module:function"))))
    return name


Count = Annotated[int, Field(ge=1, strict=True)]
Cycles = Annotated[NonNegative, AfterValidator(_whole)]
Rising = AfterValidator(_rising)  # of a tuple, each value once


class Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def __get_pydantic_json_schema__(cls, core: Any, handler: GetJsonSchemaHandler) -> Any:
        """Describe the keys by the texts below them, which are read when a schema is asked for."""
        found = handler(core)
        properties = handler.resolve_ref_schema(found).get("properties", {})
        for name, text in _texts_below(cls):
            if name in properties:
                properties[name]["description"] = text
        return found


def _texts_below(table: type[BaseModel]) -> Iterator[tuple[str, str]]:
    """Give each key of a table, those of its bases first, and the text that stands below it."""
    for each in reversed(table.__mro__[: table.__mro__.index(BaseModel)]):
        for key, below in pairwise(_body_of(each)):
            match key, below:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(ast.Constant(str(text))):
                    yield name, inspect.cleandoc(text)


def _body_of(table: type[BaseModel]) -> list[ast.stmt]:
    classes = [each for each in _classes(table.__module__) if each.name == table.__name__]
    return classes[0].body if classes else []  # none of one that is made at run time


@lru_cache
def _classes(module: str) -> list[ast.ClassDef]:
    source = Path(str(sys.modules[module].__file__)).read_text("utf-8")
    return [each for each in ast.parse(source).body if isinstance(each, ast.ClassDef)]


class NetworkTable(Table):
    """Which network, and how it is evaluated."""

    name: str = "spirit"
    """Name of a shipped network, or path of a TOML or ONNX file."""
    data: str | None = None
    """Path of test data: an .npz file or .zarr folder with the arrays inputs and label, or a folder
    of images, one folder for each class; by default the test set of the network."""
    calibration: str | None = None
    """Path of images that set the ranges of the converters, as those of data; by default 200 of the
    test data, evenly spaced, whose labels play no part in it."""
    metric: Annotated[str, AfterValidator(_metric)] = "accuracy"
    """Metric of a chip: "accuracy" (right class), "top5" (right class among the five largest),
    "agreement" (with the decisions of ideal cells), "f1" (mean over classes), "mse" (mean squared
    error of the outputs), or the name of the function given by --metric module:function."""
    digital: tuple[str, ...] = ()
    """ONNX: names of nodes, or types of operators, whose weights stay digital."""
    input_shape: tuple[Count, ...] | None = None
    """ONNX: shape of one image, for a network whose branches depend on it."""
    fixed: dict[str, int | float | list[Any]] = Field(default={})
    """ONNX: inputs that are the same for all images, by name (a sampling rate)."""
    coding: Literal["rate", "weighted_sum", "first_spike"] = "rate"
    """Rate-coded spikes, weighted sums (non-spiking), or first spikes."""
    mapping: Mapping = "two_level"
    """Mapping of a weight to several two-level cells, or to one multi-level cell on each side."""
    copies: Annotated[int, Field(ge=1, le=100, strict=True)] = 1
    """Number of cells that hold what the mapping gives to one; the weight is their mean."""
    spare_columns: Annotated[int, Field(ge=0, le=1000, strict=True)] = 0
    """Number of spare output columns of a layer, on which outputs may lie whose own columns have
    stuck cells."""
    fault_mapping: Literal["none", "swap", "swap_and_sign"] = "none"
    """Placing of weights around the stuck cells that the test of each chip finds: columns are
    swapped, in a network of one layer also rows, and columns may hold the negative weights."""
    images: Annotated[int, Field(ge=1, le=10_000, strict=True)] = 10_000
    """Number of test images, evenly spaced; by default 10 000, or all of own data."""
    delta_s: Count = 10
    """Lead of the first over the second output count that decides."""
    spike_limit: Count = 1024
    """Input events after which the leading output decides."""
    first_spike: Annotated[float, Field(gt=0)] = 16.0
    """First-spike coding: charge at which an output fires, in units of weight."""
    desensitization: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """First-spike coding: fraction of its gain that a synapse loses with each event of a sample."""
    neuron: Literal["technology", "ideal"] = "technology"
    """Neurons with the mismatch and leak of the card, or ideal ones."""
    read_temperature: Kelvin | None = None
    """Read the cells at this temperature and with their noise, the same noise for all images;
    by default at the card's own temperature and without noise."""


class DacTable(Table):
    """Errors of the converters of inputs, drawn for each one of each chip (`reliability.Dac`)."""

    kind: Literal["binary", "ladder"] = "binary"
    """Binary elements of each converter, or one ladder for all rows of a tile."""
    offset: Annotated[float, Field(ge=0)] = 0.0
    """Standard deviation of the offset between converters, in steps (serial inputs: in pulses)."""
    gain: Annotated[float, Field(ge=0)] = 0.0
    """Standard deviation of the gain, relative."""
    mismatch: Annotated[float, Field(ge=0)] = 0.0
    """Standard deviation of a unit element, in steps: the differential nonlinearity of a ladder."""
    noise: Annotated[float, Field(ge=0)] = 0.0
    """Root mean square of the noise of each pulse, in steps."""


class AdcTable(Table):
    """Errors of the converters of sums, drawn for each one of each chip (`reliability.Adc`)."""

    kind: Literal["sar", "ramp"] = "sar"
    """Successive approximation, or one ramp for all columns of a tile."""
    offset: Annotated[float, Field(ge=0)] = 0.0
    """Standard deviation of the offset, in steps."""
    gain: Annotated[float, Field(ge=0)] = 0.0
    """Standard deviation of the gain, relative."""
    mismatch: Annotated[float, Field(ge=0)] = 0.0
    """Standard deviation of a unit element, in steps: the differential nonlinearity of a ramp."""
    noise: Annotated[float, Field(ge=0)] = 0.0
    """Root mean square of the noise of each conversion, in steps."""
    columns: Count = 1
    """Output columns that share one SAR converter."""


class TilingTable(Table):
    """How the weights of a network of many layers lie in cells (`reliability.Tiling`)."""

    cells: Literal["levels", "bits", "pairs"] | None = None
    """Cells of a weight; by default levels where the card has them, else bits."""
    weight_bits: Count = 5
    """Number of bits of a weight, its sign included."""
    bits_per_cell: Count = 1
    """Number of bits in one cell."""
    scale: Literal["channel", "layer"] = "channel"
    """Part of a layer that has one scale."""
    rows: Count = 256
    """Rows of a tile."""
    columns: Count = 256
    """Columns of a tile."""
    dac_bits: Count | None = None
    """Bits of the input converters; exact by default."""
    adc_bits: Count | None = None
    """Bits of the converters of a tile's sums; exact by default."""
    adc_range: Annotated[float, Field(gt=0)] = 1.0
    """Largest sum that is coded, in units of the largest on the calibration images."""
    word_line_resistance: Ohms = 0.0
    """Resistance of the word line along one cell."""
    bit_line_resistance: Ohms = 0.0
    """Resistance of the bit line along one cell."""
    source_resistance: Ohms = 0.0
    """Resistance of the word-line drivers."""
    sense_resistance: Ohms = 0.0
    """Resistance of the sense inputs."""
    dac_range: Annotated[float, Field(gt=0)] = 1.0
    """Largest input that is coded, in units of the largest on the calibration images."""
    mapping: MappingName = "differential"
    """Cells of a signed weight: pairs, or single cells against an offset, reference or dummy
    columns, or in two's complement."""
    pairing: Literal["columns", "rows", "separate"] = "columns"
    """Place of the cells of a pair: neighbouring columns, neighbouring rows, or two arrays."""
    serial_inputs: bool = False
    """Inputs bit by bit, each with a conversion of its own."""
    dac: DacTable | None = None
    """Errors of the converters of inputs."""
    adc: AdcTable | None = None
    """Errors of the converters of sums."""
    compensation: Compensation = "none"
    """Digital factor on the sums of a layer or of its columns, or batch normalisation calibrated
    again on the aged chip."""
    calibration_interval: Seconds | None = None
    """Time between measurements of the factor of drift or gain; by default at each read-out."""
    layers: dict[str, dict[str, Any]] = Field(default={})
    """Settings of single layers by name, instead of those of the tiling."""

    def tiling(self, technology: Technology) -> Tiling:
        """Return the tiling for a card."""
        values = self.model_dump()
        values["cells"] = values["cells"] or default_tiling(technology).cells
        return Tiling(**values)


class VerifyTable(Table):
    """Program and verify, instead of one pulse (`reliability.Verify`)."""

    lrs_resistance: Ohms
    """Largest resistance at which a cell passes verify in LRS."""
    hrs_resistance: Ohms
    """Least resistance at which a cell passes verify in HRS."""
    attempts: Annotated[int, Field(ge=1, le=255, strict=True)]
    """Number of pulses after which a cell fails to verify."""
    wait: Seconds = 0.0
    """Time between the pulse and the verify read."""


class ProgrammingTable(Table):
    """How cells of two states are programmed; by default as the card has it."""

    compliance_current: Amperes | None = None
    """Compliance current of the SET (`reliability.set_conditions`)."""
    reset_voltage: Volts | None = None
    """Stop voltage of the RESET."""
    pulse_width: Seconds | None = None
    """Width of both pulses."""
    verify: VerifyTable | None = None

    def verification(self) -> Verify | None:
        """Return the settings of program and verify, None where single pulses write."""
        return None if self.verify is None else Verify(**vars(self.verify))


class Stretch(Table):
    """A segment of preconditioning at one temperature."""

    time: Seconds
    """Duration of the segment."""
    temperature: Kelvin = 298.15
    """Storage temperature."""
    reads: NonNegative = 0.0
    """Reads of every cell."""
    read_voltage: Volts = 0.1
    """Voltage of those reads."""
    cycles: Cycles = 0.0
    """SET and RESET cycles of every cell at the start of the segment, at its temperature."""
    write: str | None = None
    """Write method of the last of them; by default that of the population."""

    @model_validator(mode="after")
    def _segment(self) -> "Stretch":
        Segment(**vars(self))  # refuses what cannot be
        return self


class PopulationTable(Table):
    """The chips, all on dies of one lot."""

    chips: Count = 100
    """Number of chips; with `until`, the largest number."""
    dies_per_wafer: Count = 25
    """Number of chips on one wafer, one on each die."""
    until: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Half width of the Monte Carlo interval of the mean accuracy at which the run stops, at the
    end of the mission and at every point of a sweep."""


class StressTable(Table):
    """Every combination of cycles, time, temperature, reads or inferences, and read voltage."""

    times: Annotated[tuple[Seconds, ...], Field(min_length=1), Rising] = (0.0,)
    """Times since programming, rising: ["0 s", "10 years"]."""
    temperatures: Annotated[tuple[Kelvin, ...], Field(min_length=1), Rising] = (298.15,)
    """Storage temperatures, rising: ["25 degC", "85 degC"]."""
    reads: Annotated[tuple[NonNegative, ...], Field(min_length=1), Rising] = (0.0,)
    """Numbers of reads of every cell, rising."""
    read_voltages: Annotated[tuple[Volts, ...], Field(min_length=1), Rising] = (0.1,)
    """Voltages of those reads, rising."""
    inferences: Annotated[tuple[NonNegative, ...], Field(min_length=1), Rising] = (0.0,)
    """Numbers of inferences, each of which reads the rows of its image, instead of reads."""
    cycles: Annotated[tuple[Cycles, ...], Field(min_length=1), Rising] = (0.0,)
    """Numbers of SET and RESET cycles of every cell before the storage, rising."""
    cycling_temperature: Kelvin = 298.15
    """Temperature of those cycles."""
    write: str | None = None
    """Write method of those cycles; by default that of the population."""
    refresh: Annotated[Seconds, Field(gt=0)] | None = None
    """Longest interval at which all cells are rewritten in operation. Read-outs are at the end of
    an interval, with the wear of all rewrites before; reads are spread evenly over intervals."""
    preconditioning: tuple[Stretch, ...] = ()
    """Preconditioning of every chip: cycles, a solder reflow, days and nights."""

    @model_validator(mode="after")
    def _reads_or_inferences(self) -> "StressTable":
        read = any(self.reads) or any(stretch.reads for stretch in self.preconditioning)
        if any(self.inferences) and read:
            raise ValueError("got both reads and inferences, expected one of them")
        if any(self.inferences) and self.refresh:
            raise ValueError("got refresh and inferences, expected refresh and reads")
        if not any(self.cycles):
            self.mission(self.end)  # refuses cycles after the last read-out
        return self

    @property
    def axes(self) -> list[tuple[str, tuple[float, ...], str]]:
        """Name, values and unit of each axis, as in `reliability.Segment`; outermost first."""
        return [
            ("read_voltage", self.read_voltages, "V"),
            ("reads", self.reads, "1"),
            ("cycles", self.cycles, "1"),
            ("temperature", self.temperatures, "K"),
            ("time", self.times, "s"),
            ("inferences", self.inferences, "1"),
        ]

    def axes_of(self, name: str) -> tuple[float, ...]:
        """Return the values of one axis."""
        return next(values for axis, values, _ in self.axes if axis == name)

    @property
    def combinations(self) -> list[dict[str, float]]:
        """All combinations, the last axis fastest."""
        names = [name for name, _, _ in self.axes]
        values = itertools.product(*(values for _, values, _ in self.axes))
        return [dict(zip(names, combination, strict=True)) for combination in values]

    def mission(self, age: dict[str, float]) -> MissionProfile:
        """Return all that a chip has been through at one of the combinations."""
        reads = age["reads"] + age["inferences"]  # one of them
        count = self.rewrites(age) + 1
        stored = Segment(
            age["time"] / count, age["temperature"], reads / count, age["read_voltage"],
            cycles=count - 1, write=self.write if count > 1 else None,
        )  # fmt: skip
        if not age["cycles"]:
            return self.then(stored)
        cycled = Segment(0.0, self.cycling_temperature, cycles=age["cycles"], write=self.write)
        return self.then(cycled, stored)

    def rewrites(self, age: dict[str, float]) -> int:
        """Return how often refresh has rewritten every cell before a read-out.

        >>> StressTable(times=(3e7,), refresh=1e7).rewrites({"time": 3e7})
        2
        """
        if self.refresh is None:
            return 0
        return max(math.ceil(age["time"] / self.refresh - 1e-9) - 1, 0)

    def then(self, *last: Segment) -> MissionProfile:
        """Return what every chip has been through before, and last segments."""
        return MissionProfile(
            [*(Segment(**vars(stretch)) for stretch in self.preconditioning), *last]
        )

    @property
    def end(self) -> dict[str, float]:
        """The headline: longest, most read and cycled, at the first temperature and voltage."""
        return {
            "cycles": self.cycles[-1],
            "read_voltage": self.read_voltages[0],
            "reads": self.reads[-1],
            "temperature": self.temperatures[0],
            "time": self.times[-1],
            "inferences": self.inferences[-1],
        }

    @property
    def evaluations(self) -> int:
        """How often a population is evaluated, the counting of reads included."""
        combinations = len(self.combinations)
        if not any(self.inferences):
            return combinations
        counted = combinations // len(self.inferences)
        return combinations + counted * steps(self.inferences[-1])


class UncertaintyTable(Table):
    """Sampling of the card's parameters from their uncertainty."""

    draws: Annotated[int, Field(ge=2, strict=True)] = 24
    """Number of cards sampled."""
    chips: Count = 8
    """Number of chips of each sampled card."""
    images: Annotated[int, Field(ge=1, le=10_000, strict=True)] = 2000
    """Number of test images of each chip."""


class Factor(Table):
    """One axis of the sensitivity grid: parameters that are scaled or set together."""

    name: str
    """Short name of the axis."""
    label: str
    """Label in figures."""
    parameters: Annotated[tuple[str, ...], Field(min_length=1)]
    """Dotted names of the card's parameters that change together."""
    scale: tuple[float, ...] = ()
    """Factors that multiply the card's values."""
    value: tuple[float, ...] = ()
    """Values in SI that replace the card's."""

    @model_validator(mode="after")
    def _scale_or_value(self) -> "Factor":
        if bool(self.scale) == bool(self.value):
            raise ValueError("got both or neither of scale and value, expected one of them")
        return self

    @property
    def levels(self) -> tuple[float, ...]:
        """Scales or values of the axis."""
        return self.scale or self.value


class SensitivityTable(Table):
    """All combinations of the factors, compared with a measured accuracy."""

    chips: Annotated[int, Field(ge=2, strict=True)] = 16
    """Chips at each combination."""
    images: Annotated[int, Field(ge=1, le=10_000, strict=True)] = 2000
    """Number of test images of each chip."""
    time: Seconds = 3600.0
    """Time since programming."""
    temperature: Kelvin = 298.15
    """Storage temperature until then."""
    measured: Annotated[float, Field(gt=0, lt=1)] = 0.84
    """Accuracy of the measured chip."""
    measured_source: str
    """Source of that accuracy."""
    factor: Annotated[tuple[Factor, ...], Field(min_length=1)]
    """Axes of the grid."""


class Axis(Table):
    """One axis of a sweep: values, or a range from ``low`` to ``high``."""

    name: str
    """Name of what changes: a key of this file ("network.delta_s"), the card ("technology"), one of
    its parameters or models ("technology.relaxation.LRS.sigma", "technology.relaxation.model"), or
    "temperature", "time", "reads", "read_voltage", "inferences"."""
    label: str = ""
    """Label in figures; the name by default."""
    values: tuple[Value, ...] = ()
    """The values, SI or text with a unit."""
    low: Value | None = None
    """Lower end of a range."""
    high: Value | None = None
    """Upper end of a range."""
    points: Annotated[int, Field(ge=2, strict=True)] = 5
    """Number of values on the range, where the design is a grid."""
    spacing: Literal["linear", "log"] = "linear"
    """Spacing of the values on the range."""
    kind: Literal["choice", "condition"] | None = None
    """What the axis is where limits are stated: a choice of the designer, or a condition over which
    the worst decides. By default temperature, time, reads, inferences, read voltage and the
    population are conditions, all else is a choice."""

    @model_validator(mode="after")
    def _values_or_range(self) -> "Axis":
        ends = (self.low is not None) + (self.high is not None)
        if ends == 1 or bool(self.values) == bool(ends):
            raise ValueError("got neither or both of values and low, high; expected one of them")
        if len(set(self.values)) < len(self.values):
            twice = next(value for value, n in Counter(self.values).items() if n > 1)
            raise ValueError(f"values: got {twice!r} twice, expected each value once")
        return self


_CONDITIONS = ("temperature", "time", "reads", "read_voltage", "inferences", "cycles", "seed")
_CONDITION_TABLES = ("stress.", "parameters.wafer", "population.")


def is_choice(axis: Axis) -> bool:
    """Whether an axis is a choice: as it says, or by its name.

    >>> is_choice(Axis(name="temperature", values=(300.0, 350.0)))
    False
    >>> is_choice(Axis(name="temperature", values=(300.0, 350.0), kind="choice"))
    True
    """
    if axis.kind is not None:
        return axis.kind == "choice"
    return axis.name not in _CONDITIONS and not axis.name.startswith(_CONDITION_TABLES)


class DesignTable(Table):
    """How the axes of a sweep are combined."""

    kind: Literal["grid", "latin_hypercube", "sobol", "listed"] = "grid"
    """All combinations, `points` of them spread over the ranges (scipy.stats.qmc), or those that
    are listed."""
    listed: tuple[dict[str, Value], ...] = ()
    """Values of the choices of each design, where the kind is "listed"; a search lists its own."""
    points: Annotated[int, Field(ge=1, strict=True)] = 64
    """Number of points of the two designs that are not a grid."""
    minimise: str = ""
    """Number of the answers of which the recommended design has least, by its dotted name in
    summary.json; by default the energy of an image, else the margin to the limits decides."""

    @model_validator(mode="after")
    def _listed_designs(self) -> "DesignTable":
        if (self.kind == "listed") != bool(self.listed):
            raise ValueError(f"listed: got {len(self.listed)} designs with kind {self.kind!r}, "
                             'expected both or none of kind "listed" and designs')  # fmt: skip
        if len({frozenset(design) for design in self.listed}) > 1:
            raise ValueError("listed: expected the same choices in each design")
        return self


class Objective(Table):
    """A number that a search makes small or large."""

    name: str
    """Dotted name of a number in summary.json: "product.energy_joule"."""
    direction: Literal["minimise", "maximise"]
    """Whether less or more is better."""
    unit: str
    """Unit of the number: "J", "m^2", "ppm", "1"."""
    label: str = ""
    """Label in figures; the name by default."""

    @model_validator(mode="after")
    def _unit_of_number(self) -> "Objective":
        unit = unit_of_number(self.name)
        if unit and self.unit != unit:
            raise ValueError(f"unit: got {self.unit!r} for {self.name}, expected {unit!r}")
        return self


def unit_of_number(name: str) -> str:
    """Return the unit of a number of summary.json by the end of its name, "" where it has none.

    >>> unit_of_number("product.energy_joule"), unit_of_number("accuracy.mean")
    ('J', '')
    """
    ends = {"_joule": "J", "_second": "s", "_m2": "m^2", "_ppm": "ppm", "_k": "K", "_s": "S"}
    return next((unit for end, unit in ends.items() if name.endswith(end)), "")


class DecisionTable(Table):
    """Sensitivity of the recommended design to the uncertain parameters of its card, and which of
    them to measure next."""

    draws: Annotated[int, Field(ge=8, le=10_000, strict=True)] = 64
    """Number of cards sampled from the uncertainty of the parameters."""
    chips: Count | None = None
    """Number of chips of each card; by default those of the study."""
    parameters: Annotated[int, Field(ge=1, le=100, strict=True)] = 10
    """Number of parameters in the tornado chart, those of strongest rank correlation."""
    tail: Annotated[float, Field(gt=0, lt=0.5)] = 0.1
    """Probability below the low and above the high value of a parameter in the tornado chart."""


class SearchTable(Table):
    """A search among the designs of the sweep instead of all of them; limits are constraints."""

    objective: Annotated[tuple[Objective, ...], Field(min_length=1, max_length=4)]
    """What is made small or large; the first decides which design of the front is recommended."""
    evaluations: Annotated[int, Field(ge=2, le=10_000, strict=True)] = 64
    """Number of designs that are computed."""
    population: Annotated[int, Field(ge=2, le=1000, strict=True)] = 16
    """Number of designs of a generation."""
    method: Literal["nsga2", "tpe"] = "nsga2"
    """Genetic search (NSGA-II), or tree-structured Parzen estimator."""
    stages: Annotated[tuple[Annotated[int, Field(ge=2, strict=True)], ...], Rising] = ()
    """Numbers of chips, rising, after which a hopeless design is computed no further: one whose
    interval lies beyond a limit, or that another design beats by whole intervals."""

    @model_validator(mode="after")
    def _unlike_objectives(self) -> "SearchTable":
        names = [one.name for one in self.objective]
        if len(set(names)) < len(names):
            raise ValueError(f"objective: got {names}, expected each name once")
        return self
