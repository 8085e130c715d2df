"""Options of the architecture studies: one table each, told apart by ``study``."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from reliability.architecture import Sheet, list_nodes, load_sheet
from reliability.campaign.dotted import Value, flat
from reliability.units import Kelvin, Ohms, Seconds


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


class AreaOptions(_Options):
    """Area, time, energy and leakage: in parallel, or shared in time."""

    study: Literal["area"] = "area"
    sheet: str = "area"
    nodes: tuple[str, ...] = tuple(list_nodes())
    """CMOS nodes, oldest first."""
    inputs: Annotated[int, Field(ge=1, strict=True)] = 144
    """Of the network."""
    cells: Annotated[int, Field(ge=2, strict=True)] = 8
    """Of a weight."""
    deadline: Annotated[Seconds, Field(gt=0)] = 1e-3
    """Time for an inference."""
    temperature: Kelvin = 298.15
    """Of the leakage."""
    draws_per_task: ClassVar[int] = 8


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


OPTIONS: dict[str, type[_Options]] = {
    "area": AreaOptions,
    "energy": EnergyOptions,
    "streams": StreamsOptions,
}
AnyOptions = Annotated[AreaOptions | EnergyOptions | StreamsOptions, Field(discriminator="study")]
