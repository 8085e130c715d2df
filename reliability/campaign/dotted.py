"""Dotted names: what a sweep's axis or ``--set`` changes in a study or in its card."""

from collections.abc import Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from reliability.errors import InputError, unknown_name
from reliability.technology import MODELS, Technology
from reliability.units import quantity


def _number_or_text(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()  # as TOML has it; a key takes the text for the value
    if not isinstance(value, (int, float, str)):
        raise ValueError(f"got {value!r}, expected a number or text")
    return value


# A number, or text: a name, or a number with a unit.
Value = Annotated[
    Annotated[int, Field(strict=True)] | Annotated[float, Field(strict=True)] | str,
    BeforeValidator(_number_or_text),
]
# Axes of age by the name of their dimension: the key of [stress] that holds them, and their unit.
AGES = {
    "time": ("times", "s"),
    "temperature": ("temperatures", "K"),
    "reads": ("reads", ""),
    "read_voltage": ("read_voltages", "V"),
    "inferences": ("inferences", ""),
    "cycles": ("cycles", ""),
}


def put(table: dict[str, Any], name: str, value: Any) -> None:
    """Set what ``name`` means in the table of a study.

    Parameters
    ----------
    table : dict
        As TOML has it.
    name : str
        A key (``network.delta_s``), ``technology`` or ``technology.<parameter or model>``, or the
        dimension of an age (``temperature``), which then has this one value.
    value : object

    Raises
    ------
    InputError
        A part of the name that is no table.

    Examples
    --------
    >>> study = {"technology": "techB"}
    >>> put(study, "technology.read.voltage", "0.1 V")
    >>> put(study, "temperature", "125 degC")
    >>> study
    {'technology': 'techB', 'parameters': {...}, 'stress': {'temperatures': ['125 degC']}}
    """
    if name in AGES:
        name, value = f"stress.{AGES[name][0]}", value if isinstance(value, list) else [value]
    if name.startswith("technology."):
        parameters = flat(table.get("parameters") or {})
        table["parameters"] = {**parameters, name.removeprefix("technology."): value}
        return
    *sections, last = name.split(".")
    for section in sections:
        inner = table.get(section)
        if inner is not None and not isinstance(inner, dict):
            raise InputError(f"{section}: got {inner!r}, expected a table")
        table[section] = table = dict(inner or {})
    table[last] = value


def flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested tables as one, with dotted keys.

    >>> flat({"read": {"voltage": 0.1}, "relaxation.model": "log_time"})
    {'read.voltage': 0.1, 'relaxation.model': 'log_time'}
    """
    out: dict[str, Any] = {}
    for key, value in table.items():
        out |= (
            flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
        )
    return out


def vary(technology: Technology, settings: Mapping[str, int | float | str]) -> Technology:
    """Return a card with other values and models.

    Parameters
    ----------
    technology : Technology
    settings : mapping of str to number or str
        Parameter to its value, SI or text with a unit; ``<section>.model`` to the name of a model.

    Raises
    ------
    InputError
        A parameter that the card does not have, another unit, an unknown model.

    Examples
    --------
    >>> import reliability as rel
    >>> card = vary(rel.load_technology("oxram-130nm"), {"relaxation.model": "log_time"})
    >>> card.models["relaxation"]
    'log_time'
    """
    models, values = dict(technology.models), {}
    for name, value in settings.items():
        section = name.removesuffix(".model")
        if section == name:
            technology[name]  # refuses an unknown name
            values[name] = quantity(value, technology.parameters[name].unit, name)
        elif section not in models:
            raise InputError(f"{name}: {technology.name} has no model of {section!r} to choose")
        else:
            allowed = next(names for key, names in MODELS.items() if fnmatchcase(section, key))
            if value not in allowed:
                raise unknown_name(f"{name}", str(value), allowed)
            models[section] = str(value)
    return replace(technology.with_values(values), models=models)
