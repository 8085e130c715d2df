"""The study: its tables together, what they name, and its hashes."""

import json
from collections.abc import Iterator
from hashlib import sha256
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from reliability.campaign.dotted import Value, flat, put, vary
from reliability.campaign.outputs.architecture_options import OPTIONS, AnyOptions
from reliability.campaign.tables import (
    AttributionTable,
    Axis,
    CrossbarTable,
    DesignTable,
    EnduranceTable,
    LimitsTable,
    NetworkTable,
    PopulationTable,
    ProgrammingTable,
    SensitivityTable,
    StressTable,
    Table,
    TilingTable,
    UncertaintyTable,
)
from reliability.devices.programming import set_conditions
from reliability.errors import InputError, from_validation, unknown_name
from reliability.mission import MissionProfile
from reliability.network import DeepNetwork, Network, load_network
from reliability.network.analysis.loss_attribution import chosen
from reliability.network.deep.layer_mapping import check_card
from reliability.technology import Technology, load_technology
from reliability.version import __version__


class Study(Table):
    """A whole study; every field has a default but the title and the technology."""

    title: str
    """What the report is called."""
    question: str = ""
    """What the study is to answer."""
    technology: str
    """Name of a card, or a card's TOML file."""
    parameters: dict[str, Value] = Field(default={})
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
    stress: StressTable = StressTable()
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
            if "study" not in value:
                raise ValueError(f"study: missing, allowed: {', '.join(OPTIONS)}")
            study = value["study"]
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

    @property
    def attribution_mission(self) -> MissionProfile:
        """What chips have been through when their loss is attributed."""
        return self.stress.then(self.attribution.last)

    def phenomena(self) -> list[str]:
        """Return the phenomena that an attribution tells apart."""
        return chosen(
            self.load_technology(),
            self.attribution.phenomena or None,
            self.attribution_mission,
            of_neurons=self.network.neuron == "technology"
            and isinstance(self.load_network(), Network),
            of_reads=self.network.read_temperature is not None,
        )

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
        study.check_cells(study.load_technology())
        return study

    def check_cells(self, technology: Technology) -> None:
        """Refuse a way of holding weights, or of programming, that the card does not have."""
        for name in self.architecture.needs if self.architecture else ():
            if name not in technology:
                raise InputError(
                    f"technology: {technology.name} has no {name}, which the study needs"
                )
        if not {"accuracy", "attribution"} & set(self.outputs):
            return
        if "attribution" in self.outputs:
            self.phenomena()
        if isinstance(self.load_network(), DeepNetwork):
            check_card(technology, self.tiling.tiling(technology))
        elif self.network.mapping == "multi_level" and "target.maximum" not in technology:
            raise InputError(
                f"network.mapping: got 'multi_level', but {technology.name} has no levels; "
                "allowed: 'two_level'"
            )
        elif "target.maximum" not in technology and not technology.has_states:
            raise InputError(f"technology: {technology.name} has neither LRS and HRS nor levels")
        if self.programming.verify and not technology.has_states:
            raise InputError(f"programming.verify: {technology.name} has levels, not LRS and HRS")

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
        components = [self.architecture.load_components()] if self.architecture else []
        parts = (
            __version__,
            text,
            *(components.fingerprint for components in components),
            *(load_technology(str(card)).fingerprint for card in cards),
            *(load_network(str(name)).fingerprint for name in networks),
        )
        return sha256("\n".join(parts).encode()).hexdigest()


def _keys(table: type[BaseModel], name: str = "") -> dict[str, list[str]]:
    """Keys of a table and, by their dotted names, of the tables in it."""
    found = {name: sorted(table.model_fields)}
    for key, field in table.model_fields.items():
        inside = set(tables_in(field.annotation))
        if len(inside) == 1:  # architecture has one for each study
            found |= _keys(inside.pop(), f"{name}.{key}".lstrip("."))
    return found


def tables_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the tables in the type of a key: itself, in tuples, or in what may be None."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from tables_in(part)


KEYS = _keys(Study)
KEYS |= {f"architecture.{name}": sorted(table.model_fields) for name, table in OPTIONS.items()}
