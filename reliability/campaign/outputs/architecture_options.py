"""Options of the architecture studies: one table each; ``study`` says which."""

from collections.abc import Collection
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from reliability.architecture import Components, load_components
from reliability.architecture.learning.incremental import RULES as INCREMENTAL_RULES
from reliability.architecture.learning.on_chip_training import RULES
from reliability.architecture.memory.tiers import GRID
from reliability.campaign.dotted import Value, flat
from reliability.campaign.tables import Count, Rising, Table
from reliability.errors import InputError, unknown_name
from reliability.network import Network, load_network
from reliability.technology.nodes import load_node
from reliability.units import (
    Kelvin,
    Metres,
    NonNegative,
    Ohms,
    Seconds,
    SquareMetres,
    Unit,
    WattsPerArea,
)


def _known_node(name: str) -> str:
    load_node(name)
    return name


def _known_network(name: str) -> str:
    load_network(name)
    return name


def _one_layer(name: str) -> str:
    if not isinstance(load_network(name), Network):
        raise InputError(f"got {name!r}, expected a network of one layer")
    return name


def _one_of(kind: str, names: Collection[str]) -> AfterValidator:
    def known(name: str) -> str:
        if name not in names:
            raise unknown_name(kind, name, names)
        return name

    return AfterValidator(known)


_TWO_STATES = (
    "programming.LRS.resistance", "programming.HRS.resistance", "read.voltage", "read.pulse_width",
)  # fmt: skip
_Node = Annotated[str, AfterValidator(_known_node)]
_Positive = Annotated[float, Field(gt=0)]
_Network = Annotated[str, AfterValidator(_known_network)]
_OneLayer = Annotated[str, AfterValidator(_one_layer)]


class _Options(Table):
    """What every architecture study has; the other fields are arguments of its function."""

    study: str
    """Which study."""
    components: str
    """Name of shipped component parameters, or a TOML file of one's own."""
    parameters: dict[str, Value] = Field(default={})
    """Component parameters to set instead, by dotted name."""
    work: ClassVar[int] = 500
    """Image evaluations of a small network that take as long as one draw."""
    needs: ClassVar[tuple[str, ...]] = ()
    """Parameters that the card must have."""
    draws_per_task: ClassVar[int] = 1
    """More where a draw takes less time than keeping it (0.1 s)."""

    @field_validator("parameters", mode="before")
    @classmethod
    def _dotted(cls, value: Any) -> Any:
        return flat(value) if isinstance(value, dict) else value

    def load_components(self) -> Components:
        """Return the components that the study names, with what the study sets instead."""
        return load_components(self.components).with_values(self.parameters)

    @property
    def arguments(self) -> dict[str, Any]:
        """Return the keyword arguments of the study's function."""
        return {name: getattr(self, name) for name in type(self).model_fields
                if name not in _Options.model_fields}  # fmt: skip


class EnergyOptions(_Options):
    """Energy of an inference in spikes and in digital sums."""

    study: Literal["energy"] = "energy"
    """Which study."""
    components: str = "energy"
    """Name of shipped component parameters, or a TOML file of one's own."""
    network: _OneLayer = "spirit"
    """A network of one layer."""
    node: _Node = "130nm"
    """CMOS node."""
    lrs_resistance: Annotated[Ohms, Field(gt=0)] | None = None
    """Resistance of the LRS, instead of the card's; the HRS keeps its ratio."""
    weights: Count | None = None
    """Weights in the SRAM of the digital sums, instead of those of the network."""
    coding: Literal["rate", "first_spike"] = "rate"
    """A lead of spike counts decides, or the first output spike."""
    lead: Count = 10
    """Lead of the first over the second output count that decides in rate coding."""
    threshold: _Positive = 14.0
    """Threshold of the output spike that decides in first-spike coding."""
    images: Annotated[int, Field(ge=1, le=10_000, strict=True)] = 1000
    """Test images on which events are counted."""
    needs: ClassVar[tuple[str, ...]] = _TWO_STATES
    draws_per_task: ClassVar[int] = 64


class AreaOptions(_Options):
    """Area, time, energy and leakage of a core in parallel, or multiplexed in time."""

    study: Literal["area"] = "area"
    """Which study."""
    components: str = "area"
    """Name of shipped component parameters, or a TOML file of one's own."""
    node: _Node = "130nm"
    """CMOS node."""
    classes: Count = 10
    """Classes of the network."""
    inputs: Count = 144
    """Inputs of the network."""
    cells: Annotated[int, Field(ge=2, strict=True)] = 8
    """Cells of a weight."""
    deadline: Annotated[Seconds, Field(gt=0)] = 1e-3
    """Time for an inference."""
    temperature: Kelvin = 298.15
    """Temperature at which logic and memory leak."""
    needs: ClassVar[tuple[str, ...]] = _TWO_STATES
    draws_per_task: ClassVar[int] = 128


class StreamsOptions(_Options):
    """Average power on a stream of events."""

    study: Literal["streams"] = "streams"
    """Which study."""
    components: str = "streams"
    """Name of shipped component parameters, or a TOML file of one's own."""
    network: _OneLayer = "spirit"
    """A network of one layer."""
    node: _Node = "130nm"
    """CMOS node."""
    temperature: Kelvin = 298.15
    """Temperature at which logic and memory leak."""
    tick: Annotated[float, Unit("Hz"), Field(gt=0)] = 1000.0
    """Rate at which a clocked core computes, Hz."""
    rate: Annotated[float, Unit("Hz"), Field(ge=0)] = 100.0
    """Input events per second, of all inputs together."""
    needs: ClassVar[tuple[str, ...]] = _TWO_STATES
    draws_per_task: ClassVar[int] = 256


class HierarchyOptions(_Options):
    """A resistive cache against DRAM and flash."""

    study: Literal["hierarchy"] = "hierarchy"
    """Which study."""
    components: str = "hierarchy"
    """Name of shipped component parameters, or a TOML file of one's own."""
    host: Literal["accelerator", "mcu", "fpga"] = "mcu"
    """Host: accelerator, microcontroller or FPGA."""
    network: _Network = "mobilenet-mnist"
    """Network that ships, or an ONNX file."""
    capacity: Count = 32768
    """Bytes of the resistive cache."""
    local_bytes: Count | None = None
    """Bytes of SRAM inside the host, instead of its usual ones."""
    scratch: Literal["cached", "own"] = "cached"
    """Activations go through the caches, or stay in the host's SRAM."""
    line_bytes: Count = 32
    """Bytes of a line of both cache levels."""
    weight_bits: Count = 8
    """Bits of a weight in memory."""
    ways: Count = 8
    """Ways of both cache levels."""
    feature_size: Metres = 130e-9
    """Feature size of the areas."""
    temperature: Kelvin = 298.15
    """Temperature of the cells while they are written."""
    mission: Seconds = 315576000.0
    """How long the cache has to last."""
    lost_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.01
    """Fraction of the lines that it writes which may be lost by then."""
    rest: Seconds = 86400.0
    """Time without power after which the retention of the cache is computed."""
    needs: ClassVar[tuple[str, ...]] = (*_TWO_STATES, "endurance.scale")
    draws_per_task: ClassVar[int] = 256

    @model_validator(mode="after")
    def _whole_lines(self) -> "HierarchyOptions":
        for name, size in (("capacity", self.capacity), ("local_bytes", self.local_bytes)):
            if size is not None and size % self.line_bytes:
                raise ValueError(
                    f"{name}: got {size} bytes, expected a multiple of {self.line_bytes}"
                )
        return self


class TiersOptions(_Options):
    """Planar, stacked and monolithic layouts of memory and logic."""

    study: Literal["tiers"] = "tiers"
    """Which study."""
    components: str = "tiers"
    """Name of shipped component parameters, or a TOML file of one's own."""
    structure: Literal["planar", "tsv", "hybrid", "monolithic"] = "planar"
    """Layout: in a plane, with through-silicon vias, copper pads or monolithic tiers."""
    cooling: Literal["package", "heat_sink"] = "package"
    """Plain package, or a heat sink."""
    power_density: WattsPerArea = 1e4
    """Power over the area of the planar chip."""
    network: _OneLayer = "spirit"
    """A network of one layer."""
    chips: Count = 8
    """Chips of the accuracy at each temperature."""
    images: Annotated[int, Field(ge=1, le=10_000, strict=True)] = 500
    """Test images of each chip."""
    cells: Count = 20_000
    """Cells of each state, for the bit errors."""
    lines: Count = 256
    """Word lines, and bit lines, of a tile."""
    feature_size: Metres = 130e-9
    """Feature size of cells and logic."""
    chip_area: SquareMetres = 25e-6
    """Area of the planar chip."""
    temperatures: Annotated[tuple[Kelvin, ...], Field(min_length=2), Rising] = GRID
    """Temperatures at which the cells are aged; looked up in between."""
    ambient: Kelvin = 318.15
    """Temperature around the package."""
    time: Seconds = 315576000.0
    """Duration of the mission."""
    reads: NonNegative = 1e8
    """Reads of every cell in that time."""
    allowed_loss: Annotated[float, Field(gt=0, lt=1)] = 0.01
    """Loss of accuracy to the heat of the chip that is allowed."""
    needs: ClassVar[tuple[str, ...]] = _TWO_STATES
    draws_per_task: ClassVar[int] = 256  # all, which share aged cells with those of other points


class IncrementalOptions(_Options):
    """A deployed network that learns a new class, or a drifted input."""

    study: Literal["incremental"] = "incremental"
    """Which study."""
    components: str = "learning"
    """Name of shipped component parameters, or a TOML file of one's own."""
    scenario: Literal["new_class", "shifted_input"] = "new_class"
    """Novelty: a class that was not trained, or images moved by one pixel."""
    rule: Annotated[str, _one_of("rule", INCREMENTAL_RULES)] = "replay"
    """Images that are shown, and cells that may be written."""
    new_class: Annotated[int, Field(ge=0, le=9, strict=True)] = 9
    """Digit that is new."""
    steps: Annotated[int, Field(ge=1, le=64, strict=True)] = 4
    """Largest weight: cells on a side, or levels of one cell."""
    rate: Annotated[float, Field(ge=0, le=1)] = 0.02
    """Learning rate."""
    images: Annotated[int, Field(ge=1, le=50_000, strict=True)] = 6000
    """Images shown while it learns anew."""
    stored: Annotated[int, Field(ge=1, le=50_000, strict=True)] = 500
    """Earlier images that are kept."""
    attempts: Annotated[int, Field(ge=1, le=255, strict=True)] = 10
    """Pulses at most until a two-level cell is verified."""
    budgets: Annotated[tuple[int, ...], Field(min_length=1), Rising] = (
        5,
        10,
        20,
        50,
        100,
        200,
        500,
        1000,
    )
    """Writes after which the accuracy is tested."""
    chips: Annotated[int, Field(ge=1, strict=True)] = 4
    """Chips, each with other cells and images."""
    test_images: Annotated[int, Field(ge=10, le=10_000, strict=True)] = 4000
    """Images that are tested on."""
    runs: Annotated[tuple[NonNegative, ...], Rising] = ()
    """Learning runs before, for each of which the accuracy after storage is tested."""
    storage_time: Seconds = 31_557_600.0
    """Storage after the last run."""
    storage_temperature: Kelvin = 298.15
    """Temperature of the storage."""
    work: ClassVar[int] = 100_000
    draws_per_task: ClassVar[int] = 4


class LearningOptions(_Options):
    """Training runs until the cells of a network fail."""

    study: Literal["learning"] = "learning"
    """Which study."""
    components: str = "learning"
    """Name of shipped component parameters, or a TOML file of one's own."""
    rule: Annotated[str, _one_of("rule", RULES)] = "backprop_every"
    """Learning rule with its schedule of writes."""
    images: Annotated[int, Field(ge=1, le=50_000, strict=True)] = 50_000
    """Training images."""
    epochs: Annotated[int, Field(ge=1, strict=True)] = 2
    """How often the images are shown in one training run."""
    repeats: Annotated[int, Field(ge=1, strict=True)] = 3
    """Training runs that are averaged."""
    failed: Annotated[tuple[float, ...], Rising] = ()
    """Fractions of cells that have failed, with which the rule is also trained."""
    loss: Annotated[float, Field(gt=0, lt=1)] = 0.02
    """Accuracy that may be lost to failed cells."""
    temperature: Kelvin = 298.15
    """Temperature of the cells while they are written."""
    runs: Annotated[tuple[NonNegative, ...], Rising] = ()
    """Training runs after which the accuracy after storage is computed."""
    storage_time: Seconds = 31_557_600.0
    """Storage after the last run."""
    storage_temperature: Kelvin = 298.15
    """Temperature of the storage."""
    work: ClassVar[int] = 3_000
    needs: ClassVar[tuple[str, ...]] = ("endurance.scale",)
    draws_per_task: ClassVar[int] = 4096  # all, which share training runs


_Any = (
    AreaOptions
    | EnergyOptions
    | HierarchyOptions
    | IncrementalOptions
    | LearningOptions
    | StreamsOptions
    | TiersOptions
)
OPTIONS: dict[str, type[_Options]] = {
    options.model_fields["study"].default: options for options in get_args(_Any)
}


def _known_study(value: Any) -> Any:
    if isinstance(value, dict):
        if "study" not in value:
            raise ValueError(f"study: missing, allowed: {', '.join(OPTIONS)}")
        study = value["study"]
        if not isinstance(study, str) or study not in OPTIONS:
            raise ValueError(str(unknown_name("study", str(study), OPTIONS)))
    return value


AnyOptions = Annotated[
    Annotated[_Any, Field(discriminator="study")] | None, BeforeValidator(_known_study)
]
"""Options of the study that ``study`` names; None without one."""
