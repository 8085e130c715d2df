"""What a study is: a TOML file, typed and checked before anything runs."""

import itertools
import json
import tomllib
from hashlib import sha256
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from reliability.campaign.architecture_options import OPTIONS, AnyOptions
from reliability.campaign.dotted import Value, flat, put, vary
from reliability.devices.programming import set_conditions
from reliability.errors import InputError, from_validation, unknown_name
from reliability.mission import MissionProfile, Segment
from reliability.network import DeepNetwork, Network, Tiling, load_network
from reliability.network.conductances import has_states
from reliability.network.deep.chips import default_tiling
from reliability.network.deep.mapping import check_card
from reliability.network.one_layer.mapping import Mapping
from reliability.network.one_layer.streams import default_data
from reliability.network.questions.inferences import steps
from reliability.resources import shipped_studies
from reliability.technology import Technology, load_technology
from reliability.units import Amperes, Kelvin, NonNegative, Ohms, Seconds, Share, Volts
from reliability.version import __version__

MOST_POINTS = 100_000  # of a sweep, unless the user says that so many are meant
_CHECKED = 2000  # points of a sweep that are tried before anything runs
_DEEP_IMAGES = 2000  # of MNIST at 28 x 28 that ship
_Count = Annotated[int, Field(ge=1, strict=True)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class NetworkTable(_Table):
    """Which network, and how it is evaluated."""

    name: str = "spirit"
    """A network that ships with the suite, or a TOML file of weights."""
    coding: Literal["spiking", "formal", "time"] = "spiking"
    """Spikes until a decision, weighted sums, or events in time until an output fires first."""
    mapping: Mapping = "two_level"
    """A weight on several two-level cells, or on one multi-level cell on each side."""
    images: Annotated[int, Field(ge=1, le=10_000, strict=True)] = 10_000
    """Test images, evenly spaced over the 10 000."""
    delta_s: _Count = 10
    """Lead of the first over the second output count that decides."""
    spike_limit: _Count = 1024
    """Input events after which the leading output decides."""
    first_spike: Annotated[float, Field(gt=0)] = 16.0
    """Time: charge at which an output fires, in units of weight (`reliability.FirstSpike`)."""
    desensitization: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Time: share of its gain that a synapse loses with each event of a sample."""
    neuron: Literal["technology", "ideal"] = "technology"
    """Mismatch and leak as the card has them, or none."""
    read_temperature: Kelvin | None = None
    """Read the cells at this temperature and with their noise, the same noise for all images;
    by default at the card's own temperature and without noise."""


class TilingTable(_Table):
    """How the weights of a network of many layers lie in cells (`reliability.Tiling`)."""

    cells: Literal["levels", "bits", "pairs"] | None = None
    """By default levels where the card has them, else bits."""
    weight_bits: _Count = 5
    """Of a weight in bits, its sign included."""
    bits_per_cell: _Count = 1
    """Of one digit of it."""
    scale: Literal["channel", "layer"] = "channel"
    """What has one scale of its own."""
    rows: _Count = 256
    """Of a tile."""
    columns: _Count = 256
    """Of a tile."""
    dac_bits: _Count | None = None
    """Of the inputs; exact by default."""
    adc_bits: _Count | None = None
    """Of the sums of a tile; exact by default."""
    adc_range: Annotated[float, Field(gt=0)] = 1.0
    """Largest sum that is coded, in units of the largest on the calibration images."""
    word_line_resistance: Ohms = 0.0
    """Of the line along one cell."""
    bit_line_resistance: Ohms = 0.0
    """Of the line along one cell."""
    compensation: Literal["none", "drift", "gain"] = "none"
    """Digital factor on the sums of a layer."""

    def tiling(self, technology: Technology) -> Tiling:
        """Return the tiling for a card."""
        values = self.model_dump()
        values["cells"] = values["cells"] or default_tiling(technology).cells
        return Tiling(**values)


class VerifyTable(_Table):
    """Program and verify, instead of one pulse (`reliability.Verify`)."""

    lrs_resistance: Ohms
    """A cell passes in LRS with at most so much."""
    hrs_resistance: Ohms
    """A cell passes in HRS with at least so much."""
    attempts: Annotated[int, Field(ge=1, le=255, strict=True)]
    """Pulses after which a cell is given up."""
    wait: Seconds = 0.0
    """Between the pulse and the read."""


class ProgrammingTable(_Table):
    """How cells of two states are programmed; by default as the card has it."""

    compliance_current: Amperes | None = None
    """Of the SET (`reliability.set_conditions`)."""
    reset_voltage: Volts | None = None
    """Stop voltage of the RESET."""
    pulse_width: Seconds | None = None
    """Of both."""
    verify: VerifyTable | None = None


class Stretch(_Table):
    """A stretch of time at one temperature, before the ages of a study."""

    time: Seconds
    """How long."""
    temperature: Kelvin = 298.15
    """Of storage."""
    reads: NonNegative = 0.0
    """Of every cell."""
    read_voltage: Volts = 0.1
    """Of those reads."""


class PopulationTable(_Table):
    """The chips, all on dies of one lot."""

    chips: _Count = 100
    """How many; with `until`, at most so many."""
    dies_per_wafer: _Count = 25
    """Chips on one wafer, one on each die."""
    until: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Stop when the Monte Carlo interval of the mean accuracy is within so much of the mean, at
    the end of the mission and at every point of a sweep."""


class AgesTable(_Table):
    """Every combination of time, temperature, reads or inferences, and read voltage."""

    times: Annotated[tuple[Seconds, ...], Field(min_length=1)] = (0.0,)
    """Since programming, rising: ["0 s", "10 years"]."""
    temperatures: Annotated[tuple[Kelvin, ...], Field(min_length=1)] = (298.15,)
    """Of storage, rising: ["25 degC", "85 degC"]."""
    reads: Annotated[tuple[NonNegative, ...], Field(min_length=1)] = (0.0,)
    """Of every cell, rising."""
    read_voltages: Annotated[tuple[Volts, ...], Field(min_length=1)] = (0.1,)
    """Of those reads, rising."""
    inferences: Annotated[tuple[NonNegative, ...], Field(min_length=1)] = (0.0,)
    """Instead of reads: of the network, each reading its rows as its images do, rising."""
    before: tuple[Stretch, ...] = ()
    """What every chip has been through before: a solder reflow, days and nights."""

    @model_validator(mode="after")
    def _no_repeats(self) -> "AgesTable":
        for name in ("times", "temperatures", "reads", "read_voltages", "inferences"):
            values = getattr(self, name)
            if list(values) != sorted(set(values)):
                raise ValueError(f"{name}: got {list(values)}, expected rising values")
        read = any(self.reads) or any(stretch.reads for stretch in self.before)
        if any(self.inferences) and read:
            raise ValueError("got both reads and inferences, expected one of them")
        return self

    @property
    def axes(self) -> list[tuple[str, tuple[float, ...], str]]:
        """Name, values and unit of each axis, as in `reliability.Segment`; outermost first."""
        return [
            ("read_voltage", self.read_voltages, "V"),
            ("reads", self.reads, "1"),
            ("temperature", self.temperatures, "K"),
            ("time", self.times, "s"),
            ("inferences", self.inferences, "1"),
        ]

    @property
    def combinations(self) -> list[dict[str, float]]:
        """All combinations, the last axis fastest."""
        names = [name for name, _, _ in self.axes]
        values = itertools.product(*(values for _, values, _ in self.axes))
        return [dict(zip(names, combination, strict=True)) for combination in values]

    def mission(self, age: dict[str, float]) -> MissionProfile:
        """Return all that a chip has been through at one of the combinations."""
        reads = age["reads"] + age["inferences"]  # one of them
        last = Segment(age["time"], age["temperature"], reads, age["read_voltage"])
        return MissionProfile([*(Segment(**vars(stretch)) for stretch in self.before), last])

    @property
    def end(self) -> dict[str, float]:
        """The headline: longest and most read, at the first temperature and read voltage."""
        return {
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


class EnduranceTable(_Table):
    """Cells cycled to failure, where the outputs have "endurance"."""

    wafers: _Count = 5
    """Of one lot."""
    dies: _Count = 20
    """On each wafer."""
    cells: _Count = 1000
    """On each die."""
    cycles: Annotated[float, Field(ge=1, le=1e15)] = 1e6
    """Length of the test."""
    temperatures: Annotated[tuple[Kelvin, ...], Field(min_length=1)] = (298.15,)
    """Of the cells while they are cycled."""
    attempts: _Count = 1
    """Verified pulses after which a cell on the wrong side of the reference has failed."""
    method: Literal["first_passage", "every_cycle"] = "first_passage"
    """The law of the first passage, or each cycle drawn."""


class CrossbarTable(_Table):
    """The largest array that works, where the outputs have "crossbar"."""

    criterion: Literal["output_error", "step_error", "bit_error_rate", "read_margin"] = (
        "output_error"
    )
    """What has to be met (`reliability.crossbar_limit`)."""
    limit: Annotated[float, Field(gt=0, lt=1)] = 0.3
    """Of the criterion."""
    segment_resistance: Ohms | None = None
    """Of the line along one cell; or a node."""
    node: str | None = None
    """Of the wire table, "130nm"; it has an uncertainty of its own."""
    cell_layout: Literal["1T1R", "passive"] = "1T1R"
    """Of a node: how long a cell is."""
    scheme: Literal["grounded", "floating", "V/2", "V/3"] = "grounded"
    """Unselected lines."""
    read_voltage: Volts | None = None
    """Instead of the card's."""
    density: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Share of cells in LRS."""
    activity: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Share of rows that are driven at once."""
    max_size: Annotated[int, Field(ge=2, strict=True)] = 512
    """Larger arrays are not tried."""

    @model_validator(mode="after")
    def _one_wire(self) -> "CrossbarTable":
        if self.segment_resistance is not None and self.node is not None:
            raise ValueError("got both segment_resistance and node, expected one of them")
        return self


class AttributionTable(_Table):
    """Which phenomenon costs how much accuracy, where the outputs have "attribution"."""

    phenomena: tuple[str, ...] = ()
    """To tell apart ("spread of cells", "relaxation"); by default all that act."""
    chips: Annotated[int, Field(ge=2, strict=True)] = 24
    """For each combination of the phenomena."""
    images: Annotated[int, Field(ge=1, le=10_000, strict=True)] = 2000
    """Test images for each of them."""
    time: Seconds = 0.0
    """Since programming."""
    temperature: Kelvin = 298.15
    """Of storage until then."""
    reads: NonNegative = 0.0
    """Of every cell until then."""
    read_voltage: Volts = 0.1
    """Of those reads."""


class UncertaintyTable(_Table):
    """Draws of the card's parameters from their uncertainty."""

    draws: Annotated[int, Field(ge=2, strict=True)] = 24
    """Cards that are drawn."""
    chips: _Count = 8
    """Chips of each drawn card."""
    images: Annotated[int, Field(ge=1, le=10_000, strict=True)] = 2000
    """Test images for each of them."""


class Factor(_Table):
    """One axis of the sensitivity grid: parameters that are scaled or set together."""

    name: str
    """Short name of the axis."""
    label: str
    """What figures print."""
    parameters: Annotated[tuple[str, ...], Field(min_length=1)]
    """Dotted names of the card's parameters that change together."""
    scale: tuple[float, ...] = ()
    """Factors on the card's values."""
    value: tuple[float, ...] = ()
    """Values in SI instead of the card's."""

    @model_validator(mode="after")
    def _scale_or_value(self) -> "Factor":
        if bool(self.scale) == bool(self.value):
            raise ValueError("got both or neither of scale and value, expected one of them")
        return self

    @property
    def levels(self) -> tuple[float, ...]:
        """Scales or values of the axis."""
        return self.scale or self.value


class SensitivityTable(_Table):
    """All combinations of the factors, compared with a measured accuracy."""

    chips: Annotated[int, Field(ge=2, strict=True)] = 16
    """Chips at each combination."""
    images: Annotated[int, Field(ge=1, le=10_000, strict=True)] = 2000
    """Test images for each of them."""
    time: Seconds = 3600.0
    """Since programming."""
    temperature: Kelvin = 298.15
    """Of storage until then."""
    measured: Annotated[float, Field(gt=0, lt=1)] = 0.84
    """Accuracy of the measured chip."""
    measured_source: str
    """Where that is reported."""
    factor: Annotated[tuple[Factor, ...], Field(min_length=1)]
    """Axes of the grid."""


class Axis(_Table):
    """One axis of a sweep: values, or a range from ``low`` to ``high``."""

    name: str
    """What changes: a key of this file ("network.delta_s"), the card ("technology"), one of its
    parameters or laws ("technology.relaxation.LRS.sigma", "technology.relaxation.law"), or
    "temperature", "time", "reads", "read_voltage", "inferences"."""
    label: str = ""
    """What figures print; the name by default."""
    values: tuple[Value, ...] = ()
    """The values, SI or text with a unit."""
    low: Value | None = None
    """Begin of a range."""
    high: Value | None = None
    """End of a range."""
    points: Annotated[int, Field(ge=2, strict=True)] = 5
    """Values on the range, where the design is a grid."""
    spacing: Literal["linear", "log"] = "linear"
    """Of the range."""

    @model_validator(mode="after")
    def _values_or_range(self) -> "Axis":
        ends = (self.low is not None) + (self.high is not None)
        if ends == 1 or bool(self.values) == bool(ends):
            raise ValueError("got neither or both of values and low, high; expected one of them")
        if len(set(self.values)) < len(self.values):
            raise ValueError(f"values: got {list(self.values)}, expected each of them once")
        return self


class DesignTable(_Table):
    """How the axes of a sweep are combined."""

    kind: Literal["grid", "latin_hypercube", "sobol"] = "grid"
    """All combinations, or `points` of them spread over the ranges (scipy.stats.qmc)."""
    points: Annotated[int, Field(ge=1, strict=True)] = 64
    """Of the two designs that are not a grid."""


class LimitsTable(_Table):
    """What is wanted; the report says whether it is met. No result depends on it."""

    accuracy: Share | None = None
    """Least mean accuracy of a chip, at every age; the end of the mission decides."""
    chips_below: Share | None = None
    """Largest share of chips below that accuracy at the end of the mission."""
    failed_cells: Share | None = None
    """Largest share of cells that may have failed at the end of the endurance test."""
    array_lines: _Count | None = None
    """Least number of lines of the largest array."""

    @model_validator(mode="after")
    def _below_what(self) -> "LimitsTable":
        if self.chips_below is not None and self.accuracy is None:
            raise ValueError("got chips_below without accuracy, expected both")
        return self


class Study(_Table):
    """A whole study; every field has a default but the title and the technology."""

    title: str
    """What the report is called."""
    question: str = ""
    """What the study is to answer."""
    technology: str
    """Name of a card, or a card's TOML file."""
    parameters: dict[str, Value] = {}
    """Parameters and laws of the card to set instead, by dotted name."""
    seed: Annotated[int, Field(strict=True)] = 0
    """Equal seeds, equal results."""
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    """Of all intervals."""
    outputs: Annotated[
        tuple[Literal["accuracy", "attribution", "endurance", "crossbar", "architecture"], ...],
        Field(min_length=1),
    ] = ("accuracy",)
    """What is computed: accuracy of the network at every age, what each phenomenon costs of it,
    endurance of the cells, the largest crossbar, a study of the chip around the array."""
    network: NetworkTable = NetworkTable()
    tiling: TilingTable = TilingTable()
    programming: ProgrammingTable = ProgrammingTable()
    population: PopulationTable = PopulationTable()
    ages: AgesTable = AgesTable()
    attribution: AttributionTable = AttributionTable()
    endurance: EnduranceTable = EnduranceTable()
    crossbar: CrossbarTable = CrossbarTable()
    architecture: AnyOptions | None = None
    """Of the chip around the array: `study` says which, the other keys are that study's."""
    uncertainty: UncertaintyTable | None = None
    sensitivity: SensitivityTable | None = None
    limits: LimitsTable = LimitsTable()
    sweep: tuple[Axis, ...] = ()
    design: DesignTable = DesignTable()

    @field_validator("parameters", mode="before")
    @classmethod
    def _dotted(cls, value: Any) -> Any:
        return flat(value) if isinstance(value, dict) else value

    @field_validator("architecture", mode="before")
    @classmethod
    def _known_study(cls, value: Any) -> Any:
        if isinstance(value, dict):
            study = value.get("study")
            if not isinstance(study, str) or study not in OPTIONS:
                raise ValueError(str(unknown_name("study", str(study), OPTIONS)))
        return value

    @model_validator(mode="after")
    def _one_grid(self) -> "Study":
        if self.sweep and self.sensitivity:
            raise ValueError("got both sweep and sensitivity, expected one of them")
        if self.sensitivity and self.network.read_temperature is not None:
            raise ValueError("got sensitivity and network.read_temperature, expected one of them")
        if "accuracy" not in self.outputs and (self.sensitivity or self.population.until):
            raise ValueError('outputs: sensitivity and population.until need "accuracy"')
        wanted = {"accuracy": self.limits.accuracy, "endurance": self.limits.failed_cells,
                  "crossbar": self.limits.array_lines}  # fmt: skip
        for output, limit in wanted.items():
            if limit is not None and output not in self.outputs:
                raise ValueError(f"limits: got one of {output}, which is not in outputs")
        if ("architecture" in self.outputs) != (self.architecture is not None):
            raise ValueError('outputs: got "architecture" without its table, or the table without '
                             'it; expected both')  # fmt: skip
        names = [axis.name for axis in self.sweep]
        if len(set(names)) < len(names):
            raise ValueError(f"sweep: got {names}, expected each name once")
        return self

    def load_technology(self) -> Technology:
        """Return the card that the study names, with what the study sets instead."""
        card = vary(load_technology(self.technology), self.parameters)
        conditions = self.programming.model_dump(exclude={"verify"}, exclude_none=True)
        return set_conditions(card, **conditions) if conditions else card

    def load_network(self) -> Network | DeepNetwork:
        """Return the network that the study names."""
        return load_network(self.network.name)

    def at(self, point: dict[str, Value]) -> "Study":
        """Return the study at one point of its sweep, a study without a sweep.

        Raises
        ------
        InputError
            A name or value that cannot be.
        """
        table = self.model_dump(exclude={"sweep", "design"})
        for name, value in point.items():
            put(table, name, value)
        try:
            study = Study(**table)
        except ValidationError as error:
            raise from_validation(error, "sweep", KEYS) from None
        _check_cells(study, study.load_technology())
        return study

    @property
    def spec_hash(self) -> str:
        """SHA-256 of study, cards, network and version: equal hashes, equal results."""
        return self._hash(self.model_dump_json(exclude={"limits"}))

    @property
    def frame_hash(self) -> str:
        """The same without how many chips, draws and points: studies that extend one another."""
        frame = json.loads(self.model_dump_json(exclude={"sweep", "design", "limits"}))
        del frame["population"]["chips"], frame["endurance"]["wafers"]
        if frame["uncertainty"]:
            del frame["uncertainty"]["draws"]
        frame["axes"] = [axis.name for axis in self.sweep]
        return self._hash(json.dumps(frame, sort_keys=True))

    def _hash(self, text: str) -> str:
        named = {axis.name: axis.values for axis in self.sweep}
        cards = named.get("technology", (self.technology,))
        networks = named.get("network.name", (self.network.name,))
        sheets = [self.architecture.load_sheet()] if self.architecture else []
        parts = (
            __version__,
            text,
            *(sheet.fingerprint for sheet in sheets),
            *(load_technology(str(card)).fingerprint for card in cards),
            *(load_network(str(name)).fingerprint for name in networks),
        )
        return sha256("\n".join(parts).encode()).hexdigest()


def load_study(
    path: str | Path,
    overrides: dict[str, Any] | None = None,
    *,
    most_points: int = MOST_POINTS,
) -> Study:
    """Read and check a study.

    Parameters
    ----------
    path : str or Path
        TOML file, or the name of a study that ships with the suite (``"spirit"``). A technology
        that is a file is looked up beside it.
    overrides : dict, optional
        Dotted name to value, as the names of a sweep's axes, e.g. ``{"population.chips": 20}`` or
        ``{"technology.read.voltage": "0.2 V"}``; None values are ignored.
    most_points : int
        Sweeps of more points are refused.

    Raises
    ------
    InputError
        Missing file, not TOML, an unknown key, a value or unit that cannot be right; one line that
        names the key, what it got, what is allowed and the nearest valid name.
    """
    file: Path | Traversable = Path(path)
    if not file.is_file():
        shipped = shipped_studies()
        if str(path).endswith(".toml"):
            raise InputError(f"study: no file {str(path)!r}")
        if str(path) not in shipped:
            raise unknown_name("study", str(path), shipped)
        file = shipped[str(path)]
    try:
        table = tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{file.name}: not a TOML file: {error}") from None
    for key, value in (overrides or {}).items():
        if value is not None:
            try:
                put(table, key, value)
            except InputError as error:
                raise InputError(f"{file.name}: {error}") from None
    try:
        study = Study(**table)
    except ValidationError as error:
        raise from_validation(error, file.name, KEYS) from None
    study = _with_cards_beside(study, Path(path).parent)
    _check_names(study, file.name)
    _check_sweep(study, file.name, most_points)
    return study


def _with_cards_beside(study: Study, folder: Path) -> Study:
    def beside(card: Any) -> Any:
        path = folder / str(card)
        return str(path) if str(card).endswith(".toml") and path.is_file() else card

    sweep = tuple(
        axis.model_copy(update={"values": tuple(map(beside, axis.values))})
        if axis.name == "technology"
        else axis
        for axis in study.sweep
    )
    return study.model_copy(update={"technology": beside(study.technology), "sweep": sweep})


def _check_names(study: Study, where: str) -> None:
    """Refuse names that the card, the network or the other tables do not have."""
    try:
        technology = study.load_technology()
    except InputError as error:
        raise InputError(f"{where}: technology: {error}") from None
    try:
        study.load_network()
    except InputError as error:
        raise InputError(f"{where}: network.name: {error}") from None
    try:
        if study.architecture:
            study.architecture.load_sheet()
    except InputError as error:
        raise InputError(f"{where}: architecture: {error}") from None
    _check_images(study, where)
    if not study.sweep:  # each point is looked at by itself
        try:
            _check_cells(study, technology)
        except InputError as error:
            raise InputError(f"{where}: {error}") from None
    names = set()
    for factor in study.sensitivity.factor if study.sensitivity else ():
        if factor.name in names:
            raise InputError(f"{where}: sensitivity.factor: name {factor.name!r} is there twice")
        names.add(factor.name)
        for parameter in factor.parameters:
            if parameter not in technology:
                line = unknown_name(f"parameter of {technology.name}", parameter, technology)
                raise InputError(f"{where}: sensitivity.factor.parameters: {line}")


def _check_images(study: Study, where: str) -> None:
    """Refuse more samples than there are, and what goes with networks of one layer only."""
    network = study.load_network()
    there = _DEEP_IMAGES if isinstance(network, DeepNetwork) else default_data(network).label.size
    tables: dict[str, Any] = {
        "network": study.network,
        "uncertainty": study.uncertainty,
        "sensitivity": study.sensitivity,
    }
    tables |= {"attribution": study.attribution} if "attribution" in study.outputs else {}
    for name, table in tables.items():
        if table is not None and table.images > there:
            raise InputError(f"{where}: {name}.images: got {table.images}, allowed 1 to {there} "
                             f"test images for {study.network.name}")  # fmt: skip
    if not isinstance(network, DeepNetwork):
        return
    inferences = any(study.ages.inferences)
    if study.sensitivity or inferences or study.network.read_temperature is not None:
        raise InputError(f"{where}: sensitivity, ages.inferences and network.read_temperature "
                         f"need a network of one layer, got {study.network.name}")  # fmt: skip


def _check_cells(study: Study, technology: Technology) -> None:
    """Refuse a way of holding weights, or of programming, that the card does not have."""
    for name in study.architecture.needs if study.architecture else ():
        if name not in technology:
            raise InputError(f"technology: {technology.name} has no {name}, which the study needs")
    if not {"accuracy", "attribution"} & set(study.outputs):
        return
    if "attribution" in study.outputs:
        from reliability.campaign.attribution import phenomena

        phenomena(study)
    if isinstance(study.load_network(), DeepNetwork):
        check_card(technology, study.tiling.tiling(technology))
    elif study.network.mapping == "multi_level" and "target.maximum" not in technology:
        raise InputError(
            f"network.mapping: got 'multi_level', but {technology.name} has no levels; "
            "allowed: 'two_level'"
        )
    elif "target.maximum" not in technology and not has_states(technology):
        raise InputError(f"technology: {technology.name} has neither LRS and HRS nor levels")
    if study.programming.verify and not has_states(technology):
        raise InputError(f"programming.verify: {technology.name} has levels, not LRS and HRS")


def _check_sweep(study: Study, where: str, most: int) -> None:
    """Refuse sweeps that are too large by mistake, and points that cannot be."""
    from reliability.campaign.sweep import count_points, sweep_points

    if not study.sweep:
        return
    try:
        count = count_points(study)
        if count > most:
            raise InputError(f"sweep: got {count:.3g} points, allowed {most:g}; --yes if meant")
        if count <= _CHECKED:
            points = [study.at(point) for point in sweep_points(study)]
            if "attribution" in study.outputs:
                _check_phenomena(points)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def _check_phenomena(points: list[Study]) -> None:
    """Refuse a sweep whose points do not tell the same phenomena apart."""
    from reliability.campaign.attribution import phenomena

    first = phenomena(points[0])
    for point in points:
        if (here := phenomena(point)) != first:
            differ = ", ".join(sorted(set(here) ^ set(first)))
            raise InputError(
                f"attribution.phenomena: points of the sweep differ in {differ}; name those to "
                "tell apart"
            )


def _keys(model: type[BaseModel], prefix: str = "") -> dict[str, list[str]]:
    """Valid keys of every table of a specification."""
    found = {prefix: sorted(model.model_fields)}
    tables: dict[str, type[BaseModel]] = {
        "network": NetworkTable,
        "tiling": TilingTable,
        "programming": ProgrammingTable,
        "verify": VerifyTable,
        "before": Stretch,
        "population": PopulationTable,
        "ages": AgesTable,
        "attribution": AttributionTable,
        "endurance": EnduranceTable,
        "crossbar": CrossbarTable,
        "uncertainty": UncertaintyTable,
        "sensitivity": SensitivityTable,
        "limits": LimitsTable,
        "factor": Factor,
        "sweep": Axis,
        "design": DesignTable,
    }
    for name in model.model_fields:
        if name in tables:
            found |= _keys(tables[name], f"{prefix}.{name}".lstrip("."))
    return found


KEYS = _keys(Study)
KEYS |= {f"architecture.{name}": sorted(table.model_fields) for name, table in OPTIONS.items()}
