"""Reading a technology card from TOML: units at the door, variants on a base, one-line errors."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from reliability.errors import InputError, from_validation, unknown_name
from reliability.technology.card import Correlation, Parameter, Technology, without
from reliability.technology.observed import observations_of
from reliability.technology.toml_file import list_files, merged, read_toml, take_head
from reliability.technology.vocabulary import (
    CONDITIONS,
    MODELS,
    VOCABULARY,
    check_possible,
    unit_of,
)
from reliability.units import quantity


def list_technologies() -> list[str]:
    """Return the names of the cards that ship with the suite.

    >>> "oxram-130nm" in list_technologies()
    True
    """
    return list_files("technologies")


def load_technology(name_or_path: str | Path) -> Technology:
    """Load a card by its name, or from a TOML file of one's own.

    Parameters
    ----------
    name_or_path : str or Path
        A name of ``list_technologies()``, or a path (it ends with ``.toml`` or has a separator).
        A card that says ``base = "<name or path>"`` is a variant: it has all that the other card
        has, but for what it says itself. ``[correlation.GROUP]`` has ``parameters = [...]`` and
        ``matrix = [[...]]``: a parameter that a variant states itself leaves its base's group.
        ``[[observation]]`` tables hold what was observed (`reliability.technology.observed`) of
        the card itself; a variant does not have those of its base.

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
    if isinstance(name_or_path, Path) or text not in list_technologies():
        return _read(name_or_path, text)
    card = _shipped(text)
    return replace(  # tables of its own, so that nobody changes those of others
        card, parameters=dict(card.parameters), models=dict(card.models), valid=dict(card.valid),
        correlation=dict(card.correlation),
    )  # fmt: skip


def _read(name_or_path: str | Path, where: str) -> Technology:
    return _from_table(read_toml(name_or_path, "technologies", "technology", _on_base), where)


@lru_cache
def _shipped(name: str) -> Technology:
    """Read a shipped card once in a process: it takes up to 50 ms."""
    return _read(name, name)


def _on_base(below: dict[str, Any], own: dict[str, Any], base: str, where: str) -> dict[str, Any]:
    """What the variant says of a parameter, its value or a group, ends what its base says."""
    below.pop("observation", None)  # of the base, not of the variant
    kept = _correlation(below.pop("correlation", {}), base)
    blocks = _correlation(own.pop("correlation", {}), where)
    said = {name for block in blocks.values() for name in block.parameters} | set(_stated(own))
    groups = without(kept, said) | blocks
    out = merged(below, own)
    if groups:
        out["correlation"] = {name: block.model_dump() for name, block in groups.items()}
    return out


def _stated(table: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield the dotted name of every parameter that a table gives a value."""
    for key, entry in table.items():
        if isinstance(entry, dict) and "value" not in entry:
            yield from _stated(entry, f"{prefix}{key}.")
        elif prefix:
            yield f"{prefix}{key}"


def _from_table(table: dict[str, Any], where: str) -> Technology:
    head = take_head(table, ("name", "title", "memory", "description"), where)
    sources = table.pop("sources", {})
    correlation = _correlation(table.pop("correlation", {}), where)
    observations = observations_of(table.pop("observation", []), where, sources)
    parameters: dict[str, Parameter] = {}
    models: dict[str, str] = {}
    valid: dict[str, tuple[float, float]] = {}
    for section, content in _sections(table, where):
        for key, entry in content.items():
            name = f"{section}.{key}"
            if key == "model":
                models[section] = _model(section, entry, where)
            elif key == "valid":
                valid.update(_conditions(section, entry, where))
            else:
                parameters[name] = _parameter(name, entry, sources, where)
    for group, block in correlation.items():
        for name in block.parameters:
            if name not in parameters:
                unknown = unknown_name("parameter", name, parameters)
                raise InputError(f"{where}: correlation.{group}: {unknown}")
    return Technology(
        parameters=parameters, models=models, valid=valid, correlation=correlation,
        observations=observations, **head
    )  # fmt: skip


def _correlation(table: Any, where: str) -> dict[str, Correlation]:
    """Read the groups of parameters that were estimated together."""
    out: dict[str, Correlation] = {}
    seen: dict[str, str] = {}
    if not isinstance(table, dict):
        raise InputError(f"{where}: correlation: got {table!r}, expected a table of groups")
    for group, entry in table.items():
        label = f"{where}: correlation.{group}"
        if not isinstance(entry, dict):
            raise InputError(f"{label}: got {entry!r}, expected parameters and matrix")
        try:
            out[group] = Correlation(**entry)
        except ValidationError as error:
            allowed = {"": sorted(Correlation.model_fields)}
            raise from_validation(error, label, allowed) from None
        for name in out[group].parameters:
            if name in seen:
                raise InputError(f"{label}: {name} is also in group {seen[name]!r}")
            seen[name] = group
    return out


def _sections(table: dict[str, Any], where: str, prefix: str = "") -> Iterator[tuple[str, dict]]:
    """Yield (dotted section, its entries), a section being a table of parameters."""
    own: dict[str, Any] = {}
    for key, entry in table.items():
        name = f"{prefix}{key}"
        if (
            isinstance(entry, dict)
            and "value" not in entry
            and unit_of(name) is None
            and key != "valid"
        ):
            yield from _sections(entry, where, f"{name}.")
        elif prefix:
            own[key] = entry
        else:
            raise unknown_name(f"key in {where}:", key, {n.split(".")[0] for n in VOCABULARY})
    if own:
        yield prefix.rstrip("."), own


def _model(section: str, model: Any, where: str) -> str:
    for pattern, allowed in MODELS.items():
        if fnmatchcase(section, pattern):
            if model not in allowed:
                raise InputError(f"{where}: {section}.{unknown_name('model', str(model), allowed)}")
            return str(model)
    raise InputError(f"{where}: {section}.model: this section has no choice of models")


def _conditions(section: str, table: Any, where: str) -> dict[str, tuple[float, float]]:
    out = {}
    if not isinstance(table, dict):
        raise InputError(f"{where}: {section}.valid: got {table!r}, expected conditions")
    for key, pair in table.items():
        if key not in CONDITIONS:
            raise InputError(
                f"{where}: {section}.valid: {unknown_name('condition', key, CONDITIONS)}"
            )
        name = f"{section}.{key}"
        if not isinstance(pair, list) or len(pair) != 2:
            raise InputError(f"{where}: {name}: got {pair!r}, expected [low, high]")
        low, high = (quantity(end, CONDITIONS[key], f"{where}: {name}") for end in pair)
        if not low <= high:
            raise InputError(f"{where}: {name}: got {pair!r}, expected [low, high]")
        out[name] = (low, high)
    return out


def _parameter(name: str, entry: Any, sources: dict[str, str], where: str) -> Parameter:
    known = unit_of(name)
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
    parameter = read_parameter(name, entry, known, sources, where)
    for value in (parameter.value, *(parameter.interval or ())):
        check_possible(name, value, f"{where}: ")
    return parameter


def read_parameter(
    name: str, entry: Any, unit: str, sources: Mapping[str, str], where: str
) -> Parameter:
    """Read one parameter as TOML has it, in SI.

    Parameters
    ----------
    name : str
        Dotted, for the message of an error.
    entry : object
        The table with value, unit, distribution, source and confidence.
    unit : str
        SI unit that the value is to have.
    sources : mapping of str to str
        What the short names of sources stand for.
    where : str
        File that the parameter is in.

    Raises
    ------
    InputError
        Not such a table, no source, no uncertainty, another unit.
    """
    if not isinstance(entry, dict):
        raise InputError(f"{where}: {name}: got {entry!r}, expected a table with value and source")
    if not isinstance(sources, Mapping):
        raise InputError(f"{where}: sources: got {sources!r}, expected a table of texts")
    fields = dict(entry)
    written = fields.get("unit", unit)
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
        return Parameter(**fields)
    except ValidationError as error:
        raise from_validation(
            error, f"{where}: {name}", {"": sorted(Parameter.model_fields)}
        ) from None
    except TypeError as error:
        raise InputError(f"{where}: {name}: {error}") from None
