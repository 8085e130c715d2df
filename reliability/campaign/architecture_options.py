"""Options of the architecture studies: one table each, told apart by ``study``."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from reliability.architecture import Sheet, list_nodes, load_sheet
from reliability.architecture.incremental import RULES as INCREMENTAL_RULES
from reliability.architecture.training import RULES
from reliability.campaign.dotted import Value, flat
from reliability.units import Kelvin, Ohms


class _Options(BaseModel):
    """What every architecture study has; the other fields are arguments of its function."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    study: str
    """Which study."""
    sheet: str
    """Name of a parameter sheet, or a sheet's TOML file."""
    parameters: dict[str, Value] = {}
    """Parameters of the sheet to set instead, by dotted name."""
    work: ClassVar[int] = 20_000
    """Image evaluations of a small network that take as long as one draw."""
    draws_per_task: ClassVar[int] = 1
    """More where a draw takes less time than keeping it (0.1 s)."""

    @field_validator("parameters", mode="before")
    @classmethod
    def _dotted(cls, value: Any) -> Any:
        return flat(value) if isinstance(value, dict) else value

    def load_sheet(self) -> Sheet:
        """Return the sheet that the study names, with what the study sets instead."""
        return load_sheet(self.sheet).with_values(self.parameters)

    @property
    def arguments(self) -> dict[str, Any]:
        """Return the keyword arguments of the study's function."""
        return {name: getattr(self, name) for name in type(self).model_fields
                if name not in _Options.model_fields}  # fmt: skip


class EnergyOptions(_Options):
    """Energy of an inference, in spikes and in sums."""

    study: Literal["energy"] = "energy"
    sheet: str = "energy"
    network: str = "spirit"
    """A network of one layer."""
    nodes: tuple[str, ...] = tuple(list_nodes())
    """CMOS nodes, of which the last is the newest."""
    lrs_resistances: tuple[Ohms, ...] = (2e3, 5.5e3, 2e4, 5e4, 1e5, 3e5, 1e6)
    """Resistances of the LRS."""
    leads: tuple[int, ...] = (1, 2, 5, 10, 20, 40)
    """Leads of the first over the second output count that decide."""
    images: Annotated[int, Field(ge=1, le=10_000, strict=True)] = 1000
    """Test images on which events are counted."""
    draws_per_task: ClassVar[int] = 16


class StreamsOptions(_Options):
    """Average power on a stream of events."""

    study: Literal["streams"] = "streams"
    sheet: str = "streams"
    network: str = "spirit"
    """A network of one layer."""
    node: str = "130nm"
    """CMOS node."""
    temperature: Kelvin = 298.15
    """Of the leakage."""
    tick: Annotated[float, Field(gt=0)] = 1000.0
    """Rate at which a clocked core computes, Hz."""
    draws_per_task: ClassVar[int] = 32


class IncrementalOptions(_Options):
    """A deployed network that learns a new class, or a drifted input."""

    study: Literal["incremental"] = "incremental"
    sheet: str = "learning"
    scenario: Literal["new_class", "shifted_input"] = "new_class"
    """What is new: a class never seen, or images moved by one pixel."""
    rules: Annotated[tuple[str, ...], Field(min_length=1)] = tuple(INCREMENTAL_RULES)
    """What is shown, and what may be written."""
    new_class: Annotated[int, Field(ge=0, le=9, strict=True)] = 9
    """Digit that is new."""
    steps: Annotated[int, Field(ge=1, le=64, strict=True)] = 4
    """Largest weight: cells on a side, or levels of one cell."""
    rate: Annotated[float, Field(ge=0, le=1)] = 0.02
    """Learning rate."""
    images: Annotated[int, Field(ge=1, le=50_000, strict=True)] = 6000
    """Shown while it learns anew."""
    stored: Annotated[int, Field(ge=1, le=50_000, strict=True)] = 500
    """Images of before that are kept."""
    attempts: Annotated[int, Field(ge=1, le=255, strict=True)] = 10
    """Pulses at most until a two-level cell is verified."""
    budgets: Annotated[tuple[int, ...], Field(min_length=1)] = (5, 10, 20, 50, 100, 200, 500, 1000)
    """Writes after which the accuracy is tested."""
    chips: Annotated[int, Field(ge=1, strict=True)] = 4
    """Each with other cells and images."""
    test_images: Annotated[int, Field(ge=10, le=10_000, strict=True)] = 4000
    """Images that are tested on."""


class LearningOptions(_Options):
    """Trainings that the cells of a network stand."""

    study: Literal["learning"] = "learning"
    sheet: str = "learning"
    rules: Annotated[tuple[str, ...], Field(min_length=1)] = tuple(RULES)
    """Rules with their schedules of writes."""
    aged: tuple[str, ...] = ("backprop_every", "backprop_hybrid", "delta_two_level", "stdp")
    """Rules that are also trained on chips whose cells have failed."""
    images: Annotated[int, Field(ge=1, le=50_000, strict=True)] = 50_000
    """Training images."""
    epochs: Annotated[int, Field(ge=1, strict=True)] = 2
    """How often they are shown in one training."""
    repeats: Annotated[int, Field(ge=1, strict=True)] = 3
    """Trainings of each rule that are averaged."""
    failed: tuple[float, ...] = (0.01, 0.03, 0.1, 0.3)
    """Shares of cells that have failed."""
    loss: Annotated[float, Field(gt=0, lt=1)] = 0.02
    """Accuracy that may be lost to failed cells."""
    temperature: Kelvin = 298.15
    """Of the cells while they are written."""
    work: ClassVar[int] = 100_000
    draws_per_task: ClassVar[int] = 4096  # all that share trainings


OPTIONS: dict[str, type[_Options]] = {
    "energy": EnergyOptions,
    "incremental": IncrementalOptions,
    "learning": LearningOptions,
    "streams": StreamsOptions,
}
AnyOptions = Annotated[
    EnergyOptions | IncrementalOptions | LearningOptions | StreamsOptions,
    Field(discriminator="study"),
]
