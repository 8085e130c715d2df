"""What a study is: a TOML file, typed and checked before anything runs."""

import itertools
import tomllib
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from reliability.errors import InputError, from_validation, unknown_name
from reliability.network.model import Network, load_network
from reliability.technology import Technology, load_technology
from reliability.units import Kelvin, NonNegative, Seconds, Volts
from reliability.version import __version__

_Count = Annotated[int, Field(ge=1, strict=True)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NetworkTable(_Table):
    """Which network, and how it is evaluated."""

    name: str = "spirit"
    coding: Literal["spiking", "formal"] = "spiking"
    images: Annotated[int, Field(ge=1, le=10_000, strict=True)] = 10_000
    delta_s: _Count = 10
    spike_limit: _Count = 1024
    neuron: Literal["technology", "ideal"] = "technology"


class PopulationTable(_Table):
    """The chips, all on dies of one lot."""

    chips: _Count = 100
    dies_per_wafer: _Count = 25


class AgesTable(_Table):
    """Every combination of time, temperature, reads and read voltage, from programming on."""

    times: Annotated[tuple[Seconds, ...], Field(min_length=1)] = (0.0,)
    temperatures: Annotated[tuple[Kelvin, ...], Field(min_length=1)] = (298.15,)
    reads: Annotated[tuple[NonNegative, ...], Field(min_length=1)] = (0.0,)
    read_voltages: Annotated[tuple[Volts, ...], Field(min_length=1)] = (0.1,)

    @model_validator(mode="after")
    def _no_repeats(self) -> "AgesTable":
        for name in type(self).model_fields:
            values = getattr(self, name)
            if list(values) != sorted(set(values)):
                raise ValueError(f"{name}: got {list(values)}, expected rising values")
        return self

    @property
    def axes(self) -> list[tuple[str, tuple[float, ...], str]]:
        """Name, values and unit of each axis, as in `reliability.Segment`; outermost first."""
        return [
            ("read_voltage", self.read_voltages, "V"),
            ("reads", self.reads, "1"),
            ("temperature", self.temperatures, "K"),
            ("time", self.times, "s"),
        ]

    @property
    def combinations(self) -> list[dict[str, float]]:
        """All combinations, the last axis fastest."""
        names = [name for name, _, _ in self.axes]
        values = itertools.product(*(values for _, values, _ in self.axes))
        return [dict(zip(names, combination, strict=True)) for combination in values]

    @property
    def end(self) -> dict[str, float]:
        """The headline: longest and most read, at the first temperature and read voltage."""
        return {
            "read_voltage": self.read_voltages[0],
            "reads": self.reads[-1],
            "temperature": self.temperatures[0],
            "time": self.times[-1],
        }


class UncertaintyTable(_Table):
    """Draws of the card's parameters from their uncertainty."""

    draws: Annotated[int, Field(ge=2, strict=True)] = 24
    chips: _Count = 8
    images: Annotated[int, Field(ge=1, le=10_000, strict=True)] = 2000


class Factor(_Table):
    """One axis of the sensitivity grid: parameters that are scaled or set together."""

    name: str
    label: str
    parameters: Annotated[tuple[str, ...], Field(min_length=1)]
    scale: tuple[float, ...] = ()
    value: tuple[float, ...] = ()

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
    images: Annotated[int, Field(ge=1, le=10_000, strict=True)] = 2000
    time: Seconds = 3600.0
    temperature: Kelvin = 298.15
    measured: Annotated[float, Field(gt=0, lt=1)] = 0.84
    measured_source: str
    factor: Annotated[tuple[Factor, ...], Field(min_length=1)]


class Study(_Table):
    """A whole study; every field has a default but the title and the technology."""

    title: str
    question: str = ""
    technology: str
    seed: Annotated[int, Field(strict=True)] = 0
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    network: NetworkTable = NetworkTable()
    population: PopulationTable = PopulationTable()
    ages: AgesTable = AgesTable()
    uncertainty: UncertaintyTable | None = None
    sensitivity: SensitivityTable | None = None

    def load_technology(self) -> Technology:
        """Return the card that the study names."""
        return load_technology(self.technology)

    def load_network(self) -> Network:
        """Return the network that the study names, one layer of integers."""
        network = load_network(self.network.name)
        if not isinstance(network, Network):
            raise InputError(
                f"network: name: {network.name} has many layers, a study takes one layer; "
                "use reliability.evaluate"
            )
        return network

    @property
    def spec_hash(self) -> str:
        """SHA-256 of study, card, network and version: equal hashes, equal results."""
        parts = (
            __version__,
            self.model_dump_json(),
            self.load_technology().fingerprint,
            self.load_network().fingerprint,
        )
        return sha256("\n".join(parts).encode()).hexdigest()


def load_study(path: str | Path, overrides: dict[str, Any] | None = None) -> Study:
    """Read and check a study.

    Parameters
    ----------
    path : str or Path
        TOML file. A technology that is a file is looked up beside it.
    overrides : dict, optional
        Dotted key to value, e.g. ``{"population.chips": 20}``; None values are ignored.

    Raises
    ------
    InputError
        Missing file, not TOML, an unknown key, a value or unit that cannot be right; one line that
        names the key, what it got, what is allowed and the nearest valid name.
    """
    file = Path(path)
    if not file.is_file():
        raise InputError(f"study: no file {str(path)!r}")
    try:
        table = tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{file.name}: not a TOML file: {error}") from None
    for key, value in (overrides or {}).items():
        if value is not None:
            *sections, last = key.split(".")
            target = table
            for section in sections:
                target = target.setdefault(section, {})
                if not isinstance(target, dict):
                    raise InputError(f"{file.name}: {section}: got {target!r}, expected a table")
            target[last] = value
    try:
        study = Study(**table)
    except ValidationError as error:
        raise from_validation(error, file.name, _KEYS) from None
    beside = file.parent / study.technology
    if study.technology.endswith(".toml") and beside.is_file():
        study = study.model_copy(update={"technology": str(beside)})
    _check_names(study, file.name)
    return study


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
    names = set()
    for factor in study.sensitivity.factor if study.sensitivity else ():
        if factor.name in names:
            raise InputError(f"{where}: sensitivity.factor: name {factor.name!r} is there twice")
        names.add(factor.name)
        for parameter in factor.parameters:
            if parameter not in technology:
                line = unknown_name(f"parameter of {technology.name}", parameter, technology)
                raise InputError(f"{where}: sensitivity.factor.parameters: {line}")


def _keys(model: type[BaseModel], prefix: str = "") -> dict[str, list[str]]:
    """Valid keys of every table of a specification."""
    found = {prefix: sorted(model.model_fields)}
    tables: dict[str, type[BaseModel]] = {
        "network": NetworkTable,
        "population": PopulationTable,
        "ages": AgesTable,
        "uncertainty": UncertaintyTable,
        "sensitivity": SensitivityTable,
        "factor": Factor,
    }
    for name in model.model_fields:
        if name in tables:
            found |= _keys(tables[name], f"{prefix}.{name}".lstrip("."))
    return found


_KEYS = _keys(Study)
