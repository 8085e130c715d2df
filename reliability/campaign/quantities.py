"""Units and types of the keys of a study, by their dotted names."""

from collections.abc import Iterator
from functools import cache
from types import NoneType
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from reliability.campaign.dotted import AGES
from reliability.technology.vocabulary import unit_of as unit_of_parameter
from reliability.units import Unit


def unit_in(study: type[BaseModel], name: str) -> str | None:
    """Return the SI unit of the values of a dotted name, None where they are not quantities.

    Parameters
    ----------
    study : type
        Model of the study that has the key.
    name : str
        As the name of an axis of a sweep.

    Examples
    --------
    >>> from reliability.campaign.spec import Study
    >>> [unit_in(Study, name) for name in ("temperature", "technology.read.voltage")]
    ['K', 'V']
    >>> [unit_in(Study, name) for name in ("crossbar.segment_resistance", "network.delta_s")]
    ['ohm', None]
    """
    if name in AGES:
        return AGES[name][1]
    if name.startswith("technology."):
        return unit_of_parameter(name.removeprefix("technology."))
    return _units(study).get(name)


def is_whole(study: type[BaseModel], name: str) -> bool:
    """Whether a dotted name takes whole numbers only.

    Examples
    --------
    >>> from reliability.campaign.spec import Study
    >>> [is_whole(Study, name) for name in ("tiling.rows", "network.read_temperature", "time")]
    [True, False, False]
    """
    return name in _whole(study)


@cache
def _units(study: type[BaseModel]) -> dict[str, str]:
    return {name: unit for name, field in _listed(study) for unit in _of_field(field)}


@cache
def _whole(study: type[BaseModel]) -> set[str]:
    return {name for name, field in _listed(study)
            if int in (types := set(_plain(field.annotation))) and float not in types}  # fmt: skip


def _listed(table: type[BaseModel], name: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Yield the dotted name of each key of a table and of those in it."""
    for key, field in table.model_fields.items():
        dotted = f"{name}.{key}".lstrip(".")
        yield dotted, field
        for inside in tables_in(field.annotation):
            yield from _listed(inside, dotted)


def _plain(annotation: Any) -> Iterator[Any]:
    """Yield the types of a key; lists cannot be swept."""
    parts = () if get_origin(annotation) is tuple else get_args(annotation)
    yield annotation
    for part in parts:
        yield from _plain(part)


def _of_field(field: FieldInfo) -> Iterator[str]:
    """Yield the unit of one quantity, which may be None; lists cannot be swept."""
    parts = get_args(field.annotation)
    optional = [getattr(part, "__metadata__", ()) for part in parts if NoneType in parts]
    for mark in (*field.metadata, *(mark for marks in optional for mark in marks)):
        if isinstance(mark, Unit):
            yield mark.symbol


def tables_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the tables in the type of a key: itself, in tuples, or in what may be None."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from tables_in(part)
