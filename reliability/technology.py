"""The technology card: every number about a memory with its unit, uncertainty, source, confidence.

A card is data, a TOML file under ``data/technologies`` or anywhere else. ``VOCABULARY`` is the list
of everything that a card may say; each room reads the part it needs. A value without a source is
refused; an assumed one says so.
"""

import math
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from scipy.special import ndtr

from reliability.errors import InputError, from_validation, unknown_name
from reliability.random import stream
from reliability.resources import data_folder
from reliability.units import quantity

Confidence = Literal["measured", "published", "fitted", "assumed"]

# Dotted name -> SI unit. A star stands for the state (LRS, HRS). Sigmas of resistances are
# relative: the standard deviation of ln R, or of G/median(G) where the law is normal in G.
# Mismatches are standard deviations relative to the nominal; leak is the fraction of a neuron's
# charge that is lost per mean interval between input events.
VOCABULARY: dict[str, str] = {
    "wafer.diameter": "m",
    "wafer.edge_exclusion": "m",
    "wafer.die_width": "m",
    "wafer.die_height": "m",
    "programming.*.resistance": "ohm",
    "programming.*.sigma_lot": "",
    "programming.*.sigma_wafer": "",
    "programming.*.sigma_die": "",
    "programming.*.radial": "",
    "programming.*.sigma_cell": "",
    "programming.*.sigma_cycle": "",
    "programming.compliance_current": "A",
    "programming.reset_voltage": "V",
    "programming.pulse_width": "s",
    "programming.LRS.compliance_exponent": "",
    "programming.LRS.sigma_exponent": "",
    "programming.HRS.reset_threshold": "V",
    "programming.HRS.reset_exponent": "",
    "programming.*.width_exponent": "",
    "programming.verify.lrs_resistance": "ohm",
    "programming.verify.hrs_resistance": "ohm",
    "programming.verify.attempts": "",
    "programming.verify.wait": "s",
    "programming.target.error_*": "S",
    "target.minimum": "S",
    "target.maximum": "S",
    "defects.stuck_lrs": "",
    "defects.stuck_hrs": "",
    "defects.unformed": "",
    "defects.unformed_resistance": "ohm",
    "access.series_resistance": "ohm",
    "relaxation.*.sigma": "",
    "relaxation.*.shift": "",
    "relaxation.onset_time": "s",
    "relaxation.reference_time": "s",
    "relaxation.target.sigma_one_second": "S",
    "relaxation.target.sigma_per_efold": "S",
    "relaxation.target.shift_per_efold": "S",
    "relaxation.target.sigma_*": "S",
    "relaxation.target.shift_*": "S",
    "relaxation.target.onset_time": "s",
    "relaxation.target.reference_time": "s",
    "relaxation.target.reference_temperature": "K",
    "relaxation.target.attempt_time": "s",
    "relaxation.target.decades_per_step": "",
    "relaxation.target.*.time": "s",
    "relaxation.target.*.error_*": "S",
    "retention.*.time_constant": "s",
    "retention.*.reference_temperature": "K",
    "retention.*.activation_energy": "eV",
    "retention.*.sigma_activation_energy": "eV",
    "retention.*.shape": "",
    "retention.final_resistance": "ohm",
    "retention.sigma_final": "",
    "drift.reference_time": "s",
    "drift.nu_intercept": "",
    "drift.nu_slope": "",
    "drift.nu_minimum": "",
    "drift.nu_maximum": "",
    "drift.sigma_intercept": "",
    "drift.sigma_slope": "",
    "drift.sigma_minimum": "",
    "drift.sigma_maximum": "",
    "drift.reference_temperature": "K",
    "drift.attempt_time": "s",
    "drift.conduction_energy": "eV",
    "cycles.memory_medium": "",
    "cycles.memory_slow": "",
    "cycles.correlation_*": "",
    "cycles.*.medium": "",
    "cycles.*.slow": "",
    "cycles.*.sigma_spread": "",
    "cycles.*.skew": "",
    "cycles.*.tail": "",
    "endurance.scale": "",
    "endurance.shape": "",
    "endurance.sigma_lot": "",
    "endurance.sigma_wafer": "",
    "endurance.sigma_die": "",
    "endurance.stuck_lrs": "",
    "endurance.activation_energy": "eV",
    "endurance.reference_temperature": "K",
    "endurance.reference_energy": "J",
    "endurance.energy_exponent": "",
    "endurance.onset": "",
    "endurance.*.closing": "",
    "endurance.*.widening": "",
    "read_disturb.bound_reads": "",
    "read_disturb.bound_cells": "",
    "read_disturb.bound_confidence": "",
    "read_disturb.reference_voltage": "V",
    "read_disturb.reference_temperature": "K",
    "read_disturb.reference_width": "s",
    "read_disturb.width_exponent": "",
    "read_disturb.alternating_share": "",
    "read_disturb.*.reads": "",
    "read_disturb.*.sigma": "",
    "read_disturb.*.lifetime_shape": "",
    "read_disturb.*.clustering": "",
    "read_disturb.*.voltage_slope": "1/V",
    "read_disturb.*.activation_energy": "eV",
    "read_disturb.*.shape": "",
    "read_disturb.*.final_resistance": "ohm",
    "noise.reference_conductance": "S",
    "noise.white": "",
    "noise.white_exponent": "",
    "noise.flicker": "",
    "noise.flicker_exponent": "",
    "noise.flicker_limit": "",
    "noise.flicker_onset": "s",
    "noise.telegraph_share": "",
    "noise.telegraph_amplitude": "",
    "noise.telegraph_exponent": "",
    "noise.telegraph_spread": "",
    "noise.telegraph_shortest": "s",
    "noise.telegraph_longest": "s",
    "conduction.nonlinearity_voltage": "V",
    "conduction.reference_temperature": "K",
    "conduction.*.activation_energy": "eV",
    "conduction.*.temperature_coefficient": "1/K",
    "read.voltage": "V",
    "read.pulse_width": "s",
    "neuron.capacitance": "F",
    "neuron.threshold_mismatch": "",
    "neuron.injector_mismatch": "",
    "neuron.leak": "",
    "energy.event": "J",
    "energy.event_system": "J",
}
# What a section may choose, and the laws there are.
LAWS: dict[str, tuple[str, ...]] = {
    "programming.*": ("normal_conductance", "lognormal_resistance", "loglogistic_resistance"),
    "relaxation": ("saturating", "log_time"),
    "relaxation.target": ("random_walk", "saturating", "log_linear", "snapshots"),
    "retention.*": ("arrhenius_loss",),
    "endurance": ("weibull", "lognormal"),
    "read_disturb.*": ("lognormal", "clustering"),
    "noise": ("power", "logarithmic"),
    "conduction": ("sinh", "polynomial"),
}
# Names whose values may be negative.
_SIGNED = (
    "*.radial",
    "*.shift",
    "*.shift_*",
    "*.error_*",
    "*.sigma_[0-9]",
    "*.nu_*",
    "drift.sigma_*",
    "*_exponent",
    "*.skew",
    "*.correlation_*",
    "*.temperature_coefficient",
)
_CONDITIONS = {"temperature": "K", "time": "s", "conductance": "S", "reads": "", "voltage": "V"}


class Parameter(BaseModel):
    """One number of a card, in SI.

    ``distribution`` says how the value is uncertain: ``normal`` (``sigma`` in the value's unit),
    ``lognormal`` (``sigma`` of the natural logarithm), ``uniform`` (over ``interval``) or
    ``exact`` (by definition or design).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    value: float
    unit: str = ""
    sigma: float | None = None
    interval: tuple[float, float] | None = None
    distribution: Literal["normal", "lognormal", "uniform", "exact"]
    source: str
    confidence: Confidence
    valid: tuple[float, float] | None = None
    note: str = ""

    @model_validator(mode="after")
    def _uncertainty_is_whole(self) -> "Parameter":
        if self.distribution == "uniform":
            if self.interval is None or not self.interval[0] <= self.value <= self.interval[1]:
                raise ValueError(
                    f"a uniform value needs an interval that holds it, got {self.interval}"
                )
        elif self.distribution != "exact" and (self.sigma is None or not self.sigma >= 0):
            raise ValueError(f"a {self.distribution} value needs sigma >= 0, got {self.sigma}")
        if self.distribution == "lognormal" and self.value <= 0:
            raise ValueError(f"a lognormal value must be positive, got {self.value}")
        if self.valid and not self.valid[0] <= self.value <= self.valid[1]:
            raise ValueError(f"got {self.value}, outside its own valid range {list(self.valid)}")
        return self

    def at(self, z: float) -> float:
        """Return the value at standard normal score ``z``, kept inside the valid range.

        >>> Parameter(value=2.0, distribution="normal", sigma=0.5, source="s",
        ...           confidence="assumed").at(-1.0)
        1.5
        """
        if self.distribution == "normal":
            value = self.value + z * (self.sigma or 0.0)
        elif self.distribution == "lognormal":
            value = self.value * math.exp(z * (self.sigma or 0.0))
        elif self.distribution == "uniform" and self.interval:
            low, high = self.interval
            value = low + (high - low) * float(ndtr(z))
        else:
            value = self.value
        low, high = self.valid or (-math.inf, math.inf)
        return min(max(value, low), high)


@dataclass(frozen=True)
class Technology(Mapping[str, float]):
    """A memory technology: a mapping from dotted parameter names to SI values.

    Attributes
    ----------
    name, title, memory, description : str
    parameters : dict of str to Parameter
    laws : dict of str to str
        The law that each section chose, e.g. ``{"relaxation": "saturating"}``.
    valid : dict of str to (low, high)
        Conditions in which a section holds, in SI: ``{"retention.LRS.temperature": (273, 533)}``.

    Examples
    --------
    >>> tech = load_technology("oxram-130nm")
    >>> tech["read.voltage"]
    0.1
    >>> tech.parameters["read.voltage"].confidence
    'published'
    """

    name: str
    title: str
    memory: str
    description: str
    parameters: dict[str, Parameter]
    laws: dict[str, str] = field(default_factory=dict)
    valid: dict[str, tuple[float, float]] = field(default_factory=dict)

    def __getitem__(self, key: str) -> float:
        try:
            return self.parameters[key].value
        except KeyError:
            raise unknown_name(f"parameter of {self.name}", key, self.parameters) from None

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a parameter, or ``default`` where the card has none."""
        return self[key] if key in self.parameters else default

    def __iter__(self) -> Iterator[str]:
        return iter(self.parameters)

    def __len__(self) -> int:
        return len(self.parameters)

    def __contains__(self, key: object) -> bool:
        return key in self.parameters

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of everything the card says."""
        return sha256(self.to_json().encode()).hexdigest()

    def to_json(self) -> str:
        """Return the whole card as one line of JSON; ``from_json`` reads it back."""
        return _Card(**{name: getattr(self, name) for name in _Card.model_fields}).model_dump_json()

    @staticmethod
    def from_json(text: str) -> "Technology":
        """Read what ``to_json`` wrote."""
        card = _Card.model_validate_json(text)
        return Technology(**{name: getattr(card, name) for name in _Card.model_fields})

    def with_values(self, values: Mapping[str, float]) -> "Technology":
        """Return the card with other values (SI), each marked as an assumption of the study.

        >>> load_technology("oxram-130nm").with_values({"read.voltage": 0.2})["read.voltage"]
        0.2
        """
        changed = dict(self.parameters)
        for key, value in values.items():
            self[key]  # refuses an unknown name
            _check_possible(key, value)
            old = changed[key]
            changed[key] = Parameter(
                value=value,
                unit=old.unit,
                distribution="exact",
                source=f"set by the study; the card has {old.value:g} from: {old.source}",
                confidence="assumed",
            )
        return replace(self, parameters=changed)

    def drawn(self, seed: int, draw: int) -> "Technology":
        """Return the card with every value drawn from its uncertainty (one draw per ``draw``).

        Parameters are drawn independently; a draw of one parameter does not depend on which others
        the card has.
        """
        return replace(
            self,
            parameters={
                key: parameter.model_copy(
                    update={
                        "value": parameter.at(
                            float(stream(seed, f"card/{key}", draw).standard_normal())
                        )
                    }
                )
                for key, parameter in self.parameters.items()
            },
        )


class _Card(BaseModel):
    """The JSON form of a Technology."""

    name: str
    title: str
    memory: str
    description: str
    parameters: dict[str, Parameter]
    laws: dict[str, str]
    valid: dict[str, tuple[float, float]]


def list_technologies() -> list[str]:
    """Return the names of the cards that ship with the suite.

    >>> "oxram-130nm" in list_technologies()
    True
    """
    folder = data_folder() / "technologies"
    return sorted(
        f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml")
    )


def load_technology(name_or_path: str | Path) -> Technology:
    """Load a card by its name, or from a TOML file of one's own.

    Parameters
    ----------
    name_or_path : str or Path
        A name of ``list_technologies()``, or a path (it ends with ``.toml`` or has a separator).
        A card that says ``base = "<name or path>"`` is a variant: it has all that the other card
        has, but for what it says itself.

    Raises
    ------
    InputError
        No such card, not TOML, an unknown key, a wrong unit, a missing source or uncertainty.

    Examples
    --------
    >>> load_technology("oxram-130n")
    Traceback (most recent call last):
    reliability.errors.InputError: unknown technology 'oxram-130n'; did you mean 'oxram-130nm'? ...
    """
    text = str(name_or_path)
    return _from_table(_read_table(name_or_path), text)


def _read_table(name_or_path: str | Path, variants: tuple[str, ...] = ()) -> dict[str, Any]:
    """Read a card's TOML, on top of that of its base where it names one."""
    text = str(name_or_path)
    if isinstance(name_or_path, Path) or text.endswith(".toml") or "/" in text or "\\" in text:
        path = Path(name_or_path)
        if not path.is_file():
            raise InputError(
                f"technology: no file {text!r}; shipped: {', '.join(list_technologies())}"
            )
        content = path.read_bytes()
    elif text in list_technologies():
        content = (data_folder() / "technologies" / f"{text}.toml").read_bytes()
    else:
        raise unknown_name("technology", text, list_technologies())
    try:
        table = tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{text}: not a TOML file: {error}") from None
    base = table.pop("base", None)
    if base is None:
        return table
    if not isinstance(base, str) or text in variants:
        raise InputError(f"{text}: base: got {base!r}, expected another card's name or file")
    beside = Path(text).parent / base
    own_file = text.endswith(".toml") and base.endswith(".toml") and beside.is_file()
    return _merged(_read_table(beside if own_file else base, (*variants, text)), table)


def _merged(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Return ``base`` with the tables of ``own`` put in; a parameter is replaced whole."""
    out = dict(base)
    for key, entry in own.items():
        old = out.get(key)
        if isinstance(old, dict) and isinstance(entry, dict) and "value" not in entry:
            entry = _merged(old, entry)
        out[key] = entry
    return out


def _from_table(table: dict[str, Any], where: str) -> Technology:
    head = {key: table.pop(key, None) for key in ("name", "title", "memory", "description")}
    for key, value in head.items():
        if not isinstance(value, str) or not value:
            raise InputError(f"{where}: {key}: got {value!r}, expected text")
    sources = table.pop("sources", {})
    parameters: dict[str, Parameter] = {}
    laws: dict[str, str] = {}
    valid: dict[str, tuple[float, float]] = {}
    for section, content in _sections(table, where):
        for key, entry in content.items():
            name = f"{section}.{key}"
            if key == "law":
                laws[section] = _law(section, entry, where)
            elif key == "valid":
                valid.update(_conditions(section, entry, where))
            else:
                parameters[name] = _parameter(name, entry, sources, where)
    return Technology(parameters=parameters, laws=laws, valid=valid, **head)


def _sections(table: dict[str, Any], where: str, prefix: str = "") -> Iterator[tuple[str, dict]]:
    """Yield (dotted section, its entries), a section being a table of parameters."""
    own: dict[str, Any] = {}
    for key, entry in table.items():
        name = f"{prefix}{key}"
        if (
            isinstance(entry, dict)
            and "value" not in entry
            and not _unit_of(name)
            and key != "valid"
        ):
            yield from _sections(entry, where, f"{name}.")
        elif prefix:
            own[key] = entry
        else:
            raise unknown_name(f"key in {where}:", key, {n.split(".")[0] for n in VOCABULARY})
    if own:
        yield prefix.rstrip("."), own


def _unit_of(name: str) -> tuple[str] | None:
    for pattern, unit in VOCABULARY.items():
        if fnmatchcase(name, pattern):
            return (unit,)
    return None


def _law(section: str, law: Any, where: str) -> str:
    for pattern, allowed in LAWS.items():
        if fnmatchcase(section, pattern):
            if law not in allowed:
                raise InputError(f"{where}: {section}.{unknown_name('law', str(law), allowed)}")
            return str(law)
    raise InputError(f"{where}: {section}.law: this section has no choice of laws")


def _conditions(section: str, table: Any, where: str) -> dict[str, tuple[float, float]]:
    out = {}
    for key, pair in table.items():
        if key not in _CONDITIONS:
            raise InputError(
                f"{where}: {section}.valid: {unknown_name('condition', key, _CONDITIONS)}"
            )
        name = f"{section}.{key}"
        low, high = (quantity(end, _CONDITIONS[key], f"{where}: {name}") for end in pair)
        out[name] = (low, high)
    return out


def _parameter(name: str, entry: Any, sources: dict[str, str], where: str) -> Parameter:
    known = _unit_of(name)
    if known is None:
        section = name.rpartition(".")[0]
        same = [p for p in VOCABULARY if fnmatchcase(section, p.rpartition(".")[0])]
        if not same:
            known_sections = {p.rpartition(".")[0].replace("*", "LRS") for p in VOCABULARY}
            raise InputError(f"{where}: {unknown_name('section', section, known_sections)}")
        raise InputError(
            f"{where}: {section}: "
            + str(unknown_name("parameter", name.split(".")[-1], [p.split(".")[-1] for p in same]))
        )
    if not isinstance(entry, dict):
        raise InputError(f"{where}: {name}: got {entry!r}, expected a table with value and source")
    fields = dict(entry)
    unit, written = known[0], fields.get("unit", known[0])
    source = fields.get("source")
    if not isinstance(source, str) or not source.strip():
        raise InputError(
            f"{where}: {name}: no source; say where the value comes from (or 'assumed: why')"
        )
    fields["source"] = sources.get(source, source)

    def si(number: Any, label: str) -> float:
        if isinstance(number, (int, float)) and not isinstance(number, bool):
            return quantity(f"{number!r} {written}", unit, f"{where}: {name}: {label}")
        return quantity(number, unit, f"{where}: {name}: {label}")

    fields["value"] = si(fields.get("value"), "value")
    for pair in ("interval", "valid"):
        if pair in fields:
            ends = fields[pair]
            if not isinstance(ends, list) or len(ends) != 2:
                raise InputError(f"{where}: {name}: {pair}: got {ends!r}, expected [low, high]")
            fields[pair] = tuple(si(end, pair) for end in ends)
    if "sigma" in fields and fields.get("distribution") == "normal":
        # a difference: scale without the offset that degC has
        fields["sigma"] = si(fields["sigma"], "sigma") - si(0, "sigma")
    fields["unit"] = unit
    try:
        parameter = Parameter(**fields)
    except ValidationError as error:
        raise from_validation(
            error, f"{where}: {name}", {"": sorted(Parameter.model_fields)}
        ) from None
    except TypeError as error:
        raise InputError(f"{where}: {name}: {error}") from None
    _check_possible(name, parameter.value, f"{where}: ")
    return parameter


def _check_possible(name: str, value: float, where: str = "") -> None:
    signed = any(fnmatchcase(name, pattern) for pattern in _SIGNED)
    if not math.isfinite(value) or (value < 0 and not signed):
        unit = (_unit_of(name) or ("",))[0]
        raise InputError(f"{where}{name}: value: got {value:g}, allowed >= 0 {unit}".rstrip())
