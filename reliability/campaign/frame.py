"""What every study has, whatever its outputs: the tables in common, and what they name."""

import json
import warnings
from collections.abc import Callable, Collection, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

import xarray as xr
from pydantic import Field, PrivateAttr, field_validator, model_validator

from reliability.campaign.conditioned_study import conditioned
from reliability.campaign.dotted import Value, flat, vary
from reliability.campaign.named_files import with_base_names
from reliability.campaign.tables import (
    Axis,
    DecisionTable,
    DesignTable,
    NetworkTable,
    PopulationTable,
    ProgrammingTable,
    SearchTable,
    SensitivityTable,
    StressTable,
    Table,
    TilingTable,
    UncertaintyTable,
)
from reliability.devices.programming import set_conditions
from reliability.errors import InputError
from reliability.measurements import read_measurements
from reliability.network import DeepNetwork, Network, load_network
from reliability.network.metrics import Metric, named_metric, signed_metric
from reliability.network.own_data import data_of
from reliability.population.measured import MeasuredCells
from reliability.technology import Technology, load_technology
from reliability.technology.observed import observations_of, read_observation
from reliability.version import __version__

Point = dict[str, int | float | str]
_Named = TypeVar("_Named")


class _Known(dict[Any, Any]):
    """What a study has read; studies are equal whatever they have read."""

    __hash__ = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Known)


class StudyFrame(Table):
    """The keys of every study; `reliability.campaign.spec.Study` adds a table for each output."""

    title: str
    """Title of the report."""
    question: str = ""
    """Question that the study answers."""
    technology: str
    """Name of a technology card, or path of its TOML file."""
    cells: str | None = None
    """Path of a file of measured cells, or the name of a shipped one. They take the place of the
    card's cells; neurons, energies and read voltage stay those of the card."""
    observation: tuple[dict[str, Any], ...] = ()
    """Observations that the card is conditioned on first, with the keys of docs/conditioning.md."""
    parameters: dict[str, Value] = Field(default={})
    """Parameters and models that replace those of the card, by dotted name."""
    seed: Annotated[int, Field(strict=True)] = 0
    """Seed of all random numbers; equal seeds give equal results."""
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    """Confidence level of all intervals."""
    outputs: Annotated[tuple[str, ...], Field(min_length=1)] = ("accuracy",)
    """Kinds of output that are computed."""
    network: NetworkTable = NetworkTable()
    tiling: TilingTable = TilingTable()
    programming: ProgrammingTable = ProgrammingTable()
    population: PopulationTable = PopulationTable()
    stress: StressTable = StressTable()
    uncertainty: UncertaintyTable | None = None
    sensitivity: SensitivityTable | None = None
    sweep: tuple[Axis, ...] = ()
    design: DesignTable = DesignTable()
    search: SearchTable | None = None
    decision: DecisionTable | None = None
    # Points of the sweep whose tasks failed (`reliability.campaign.remains`).
    _left_out: frozenset[int] = PrivateAttr(default=frozenset())
    # Cards, networks and component parameters, read once for a study and the studies at its points.
    _known: _Known = PrivateAttr(default_factory=_Known)

    @field_validator("parameters", mode="before")
    @classmethod
    def _dotted(cls, value: Any) -> Any:
        return flat(value) if isinstance(value, dict) else value

    @field_validator("observation")
    @classmethod
    def _can_be(cls, value: tuple[dict[str, Any], ...]) -> tuple[dict[str, Any], ...]:
        for number, one in enumerate(value, 1):
            read_observation(one, str(number))
        return value

    @model_validator(mode="after")
    def _one_grid(self) -> "StudyFrame":
        if self.sweep and self.sensitivity:
            raise ValueError("got both sweep and sensitivity, expected one of them")
        if self.sensitivity and self.network.read_temperature is not None:
            raise ValueError("got sensitivity and network.read_temperature, expected one of them")
        if "accuracy" not in self.outputs and (self.sensitivity or self.population.until):
            raise ValueError('outputs: sensitivity and population.until need "accuracy"')
        if self.search and not self.sweep:
            raise ValueError("search: got no [[sweep]], expected one for each choice")
        if self.search and self.design.kind not in ("grid", "listed"):
            raise ValueError(f"search: got design.kind {self.design.kind!r}, expected none")
        stages = self.search.stages if self.search else ()
        if stages and stages[-1] >= self.population.chips:
            raise ValueError(f"search: stages: got {list(stages)}, allowed less than the "
                             f"{self.population.chips} of population.chips")  # fmt: skip
        names = [axis.name for axis in self.sweep]
        if len(set(names)) < len(names):
            raise ValueError(f"sweep: got {names}, expected each name once")
        return self

    @property
    def is_grid(self) -> bool:
        """Whether the points are all combinations of the values of the axes."""
        return self.design.kind == "grid" and not self._left_out

    @property
    def left_out(self) -> frozenset[int]:
        """Numbers of the points of the sweep that are left out."""
        return self._left_out

    def without_points(self, numbers: Collection[int]) -> Self:
        """Return the study without some points of its sweep."""
        rest = self.model_copy()
        rest._left_out = frozenset(numbers)
        return rest

    def with_designs(self, designs: Sequence[Point]) -> Self:
        """Return the study at listed designs of its choices, instead of a grid."""
        table = self.design.model_dump() | {"kind": "listed", "listed": tuple(designs)}
        return self.model_copy(update={"design": DesignTable(**table)})

    def options(self, kind: str) -> Any:
        """Return the table of one kind of output."""
        return getattr(self, kind)

    def known(self, key: tuple[Any, ...], read: Callable[[], _Named]) -> _Named:
        """Return what has been read under a key before, by this study or at another point of it."""
        if key not in self._known:
            self._known[key] = read()
        found: _Named = self._known[key]
        return found

    def filed_technology(self, name: str) -> Technology:
        """Return a card as its file has it."""
        return self.known(("technology", name), lambda: load_technology(name))

    def named_technology(self, name: str) -> Technology:
        """Return a card, conditioned on the observations of the study."""
        card = self.filed_technology(name)
        if not self.observation:
            return card
        return self.known(
            ("conditioned", name),
            lambda: conditioned(card, observations_of(self.observation), self.seed),
        )

    def load_technology(self) -> Technology:
        """Return the card that the study names, with the parameters that the study sets."""
        conditions = self.programming.model_dump(exclude={"verify"}, exclude_none=True)

        def varied() -> Technology:
            card = self.named_technology(self.technology)
            if self.cells is not None:
                card = MeasuredCells.of(self.load_cells(self.cells), card)
            card = vary(card, self.parameters)
            return set_conditions(card, **conditions) if conditions else card

        key = (self.technology, self.cells, *self.parameters.items(), None, *conditions.items())
        return self.known(("card", *key), varied)

    def load_cells(self, name: str) -> xr.Dataset:
        """Return the measured cells of a file."""

        def read() -> xr.Dataset:
            with warnings.catch_warnings():  # the cells say what was left out
                warnings.simplefilter("ignore")
                try:
                    return read_measurements(name)
                except InputError as error:
                    raise InputError(f"cells: {error}") from None

        return self.known(("cells", name), read)

    def named_network(self, name: str) -> Network | DeepNetwork:
        """Return a network as its file and the study's options have it."""
        n = self.network
        options: dict[str, Any] = {
            "digital": n.digital, "fixed": n.fixed, "input_shape": n.input_shape
        }  # fmt: skip
        key = ("network", name, json.dumps(options))
        return self.known(key, lambda: load_network(name, **options))

    def metric(self) -> Metric:
        """Return the metric of a chip: a name, or the user's own function."""
        name = self.network.metric
        return self.known(("metric", name), lambda: named_metric(name)) if ":" in name else name

    def with_metric(self, metric: Metric) -> Self:
        """Return the study with a metric that its user, not its file, has given."""
        name, function = signed_metric(metric)
        rest = self.model_copy(update={"network": self.network.model_copy(
            update={"metric": name})})  # fmt: skip
        if function is not None:
            self._known["metric", name] = function
        return rest

    def load_network(self) -> Network | DeepNetwork:
        """Return the network that the study names."""
        return self.named_network(self.network.name)

    def load_data(self) -> xr.Dataset | None:
        """Return the test data that the study names; None: those of the network."""
        return self._data_of(self.network.data)

    def load_calibration(self) -> xr.Dataset | None:
        """Return the images that set the ranges of converters; None: some of the test data."""
        return self._data_of(self.network.calibration)

    def _data_of(self, name: str | None) -> xr.Dataset | None:
        if name is None:
            return None
        variable = "inputs" if isinstance(self.load_network(), DeepNetwork) else "pixels"
        return self.known(("data", name, variable), lambda: data_of(name, variable))

    @property
    def spec_hash(self) -> str:
        """SHA-256 of study, cards, network and version: equal hashes, equal results."""
        spec = with_base_names(json.loads(self.model_dump_json(exclude={"limits", "decision"})))
        return self._hash(json.dumps(spec, sort_keys=True))  # files keep no order of keys

    @property
    def frame_hash(self) -> str:
        """The same without how many chips, draws and points: studies that extend one another."""
        written = self.model_dump_json(exclude={"sweep", "design", "limits", "decision"})
        frame = with_base_names(json.loads(written))
        for name in self._growing():
            table, _, key = name.partition(".")
            if frame.get(table):
                del frame[table][key]
        frame["axes"] = [axis.name for axis in self.sweep]
        return self._hash(json.dumps(frame, sort_keys=True))

    def _growing(self) -> tuple[str, ...]:
        """Keys that may grow when a study is extended."""
        return "population.chips", "uncertainty.draws", "search.evaluations"

    def _fingerprints(self) -> list[str]:
        """Fingerprints of the files that only one kind of output reads."""
        return []

    def data_sha256(self, name: str) -> str:
        """Return the SHA-256 of a file, or of all files of a folder."""

        def of_file() -> str:
            path = Path(name)
            files = [path] if path.is_file() else sorted(f for f in path.rglob("*") if f.is_file())
            found = sha256()
            for file in files:
                found.update(file.read_bytes())
            return found.hexdigest()

        return self.known(("data_sha256", name), of_file)

    def _hash(self, text: str) -> str:
        named = {axis.name: axis.values for axis in self.sweep}
        cards = named.get("technology", (self.technology,))
        networks = named.get("network.name", (self.network.name,))
        parts = (
            __version__,
            text,
            *self._fingerprints(),
            *(self.filed_technology(str(card)).fingerprint for card in cards),
            *(self.named_network(str(name)).fingerprint for name in networks),
            *(
                self.data_sha256(str(name))
                for name in (
                    *named.get("cells", (self.cells,)),
                    self.network.data,
                    self.network.calibration,
                )
                if name is not None
            ),
        )
        return sha256("\n".join(parts).encode()).hexdigest()
