"""Component parameters: the chip around the array, as the technology card has the memory.

They are a TOML file under ``data/architecture``, or one of one's own, in the format of the cards:
each parameter has a value, a unit, an uncertainty, a source and a confidence, in sections. No list
of names is prescribed: an architecture study asks for the parameters that it needs.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar

from reliability.errors import InputError
from reliability.random import stream
from reliability.technology import Parameter, ParameterTable, read_parameter
from reliability.technology.toml_file import list_files, merged, read_toml, take_head
from reliability.units import quantity

# Units that components are kept in: of a written unit the first of the same dimension, or itself.
_SI = (
    "", "s", "m", "m^2", "m^3", "K", "kg", "J", "W", "A", "V", "ohm", "S", "F", "Hz", "eV", "C",
    "1/K", "1/V", "J/m", "J/K", "J/m^2", "W/m^2", "F/m", "F/m^2", "ohm/m", "A/m", "A/m^2", "1/m",
    "1/m^2", "W/(m K)", "W/(m^2 K)", "K/W", "m^2 K/W", "s/m", "m/s", "V/K", "C/m^2", "J/(kg K)",
    "J/(m^3 K)",
)  # fmt: skip


@dataclass(frozen=True)
class Components(ParameterTable):
    """A mapping from dotted parameter names to SI values.

    Attributes
    ----------
    name, title, description : str
    parameters : dict of str to Parameter

    Examples
    --------
    >>> components = load_components("energy")
    >>> components["neuron.capacitance"], components.parameters["neuron.capacitance"].unit
    (2e-13, 'F')
    """

    name: str
    title: str
    description: str
    parameters: dict[str, Parameter]
    _kind: ClassVar[str] = "components "

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of all that the file states, in whatever order."""
        stated = {name: p.model_dump(mode="json") for name, p in self.parameters.items()}
        text = json.dumps([self.name, self.title, self.description, stated], sort_keys=True)
        return sha256(text.encode()).hexdigest()

    def with_values(self, values: Mapping[str, str | float]) -> "Components":
        """Return the components with other values (SI, or text with a unit), exact from now on.

        >>> energy = load_components("energy")
        >>> energy.with_values({"neuron.capacitance": "50 fF"})["neuron.capacitance"]
        5e-14
        """
        changed = dict(self.parameters)
        for key, value in values.items():
            self[key]  # refuses an unknown name
            number = quantity(value, changed[key].unit, f"{self.name}: {key}")
            changed[key] = changed[key].set_to(number, "components")
            _check_sign(key, changed[key], self.name)
        return replace(self, parameters=changed)

    def drawn(self, seed: int, draw: int) -> "Components":
        """Return the components with every value sampled from its uncertainty.

        Each parameter has a standard normal deviate of its own, whatever other parameters there
        are (as `reliability.Technology.drawn`).

        >>> energy = load_components("energy")
        >>> energy.drawn(1, 2)["neuron.capacitance"] == energy.drawn(1, 2)["neuron.capacitance"]
        True
        """
        drawn = {}
        for key, parameter in self.parameters.items():
            deviate = float(stream(seed, f"sheet/{self.name}/{key}", draw).standard_normal())
            drawn[key] = parameter.model_copy(update={"value": parameter.at(deviate)})
        return replace(self, parameters=drawn)


def list_components() -> list[str]:
    """Return the names of the component parameters that ship with the suite.

    >>> "energy" in list_components()
    True
    """
    return list_files("architecture")


def load_components(name_or_path: str | Path) -> Components:
    """Load component parameters by their name, or from a TOML file of one's own.

    Parameters
    ----------
    name_or_path : str or Path
        A name of ``list_components()``, or a path (it ends with ``.toml`` or has a separator). A
        file with ``base = "<name or path>"`` has all parameters of the other one that it does not
        state itself.

    Raises
    ------
    InputError
        No such file, not TOML, a wrong unit, a missing source or uncertainty, a negative value
        without a valid range that holds it.

    Examples
    --------
    >>> load_components("enrgy")
    Traceback (most recent call last):
    reliability.errors.InputError: unknown components 'enrgy'; did you mean 'energy'? ...
    """
    shipped = str(name_or_path) in list_components()
    return _shipped(str(name_or_path)) if shipped else _load(name_or_path)


@lru_cache(maxsize=16)
def _shipped(name: str) -> Components:
    return _load(name)


def _load(name_or_path: str | Path) -> Components:
    table = read_toml(name_or_path, "architecture", "components", _on_base)
    where = str(name_or_path)
    head = take_head(table, ("name", "title", "description"), where)
    sources = table.pop("sources", {})
    parameters: dict[str, Parameter] = {}
    for name, entry in _entries(table, where):
        unit = _si_unit(entry.get("unit", ""), f"{where}: {name}")
        parameters[name] = read_parameter(name, entry, unit, sources, where)
        _check_sign(name, parameters[name], where)
    return Components(parameters=parameters, **head)


def _on_base(below: dict[str, Any], own: dict[str, Any], base: str, where: str) -> dict[str, Any]:
    return merged(below, own)


def _entries(table: dict[str, Any], where: str, prefix: str = "") -> Iterator[tuple[str, dict]]:
    """Yield the dotted name and the table of every parameter."""
    for key, entry in table.items():
        name = f"{prefix}{key}"
        if not isinstance(entry, dict):
            raise InputError(f"{where}: {name}: got {entry!r}, expected a table with value, source")
        if "value" in entry:
            yield name, entry
        else:
            yield from _entries(entry, where, f"{name}.")


def _si_unit(written: Any, where: str) -> str:
    """Return the unit in which a value that is written in another one is kept."""
    if written in _SI:
        return str(written)
    for unit in _SI:
        try:
            quantity(f"1 {written}", unit)
        except InputError:
            continue
        return unit
    raise InputError(f"{where}: unit: got {written!r}, which is not a unit that components know")


def _check_sign(name: str, parameter: Parameter, where: str) -> None:
    if parameter.value < 0 and parameter.valid is None:
        raise InputError(
            f"{where}: {name}: value: got {parameter.value:g}, allowed >= 0 {parameter.unit}; a "
            "negative one needs a valid range that holds it"
        )
