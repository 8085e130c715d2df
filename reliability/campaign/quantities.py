"""Units of what a sweep changes, by its dotted name."""

from collections.abc import Iterator
from types import NoneType
from typing import get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from reliability.campaign.dotted import AGES
from reliability.campaign.spec import Study, tables_in
from reliability.technology.vocabulary import unit_of as unit_of_parameter
from reliability.units import Unit


def unit_of(name: str) -> str | None:
    """Return the SI unit of the values of a dotted name, None where they are not quantities.

    >>> unit_of("temperature"), unit_of("technology.read.voltage"), unit_of("network.delta_s")
    ('K', 'V', None)
    >>> unit_of("crossbar.segment_resistance"), unit_of("architecture.ambient")
    ('ohm', 'K')
    """
    if name in AGES:
        return AGES[name][1]
    if name.startswith("technology."):
        return unit_of_parameter(name.removeprefix("technology."))
    return _UNITS.get(name)


def _units(table: type[BaseModel], name: str = "") -> Iterator[tuple[str, str]]:
    """Yield the dotted name and the unit of each quantity of a table and of those in it."""
    for key, field in table.model_fields.items():
        dotted = f"{name}.{key}".lstrip(".")
        yield from ((dotted, unit) for unit in _of_field(field))
        for inside in tables_in(field.annotation):
            yield from _units(inside, dotted)


def _of_field(field: FieldInfo) -> Iterator[str]:
    """Yield the unit of one quantity, which may be None; lists cannot be swept."""
    parts = get_args(field.annotation)
    optional = [getattr(part, "__metadata__", ()) for part in parts if NoneType in parts]
    for mark in (*field.metadata, *(mark for marks in optional for mark in marks)):
        if isinstance(mark, Unit):
            yield mark.symbol


_UNITS: dict[str, str] = dict(_units(Study))
