"""The study: the tables in common with one table for each kind of output, and their checks."""

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, get_origin

from pydantic import BaseModel, ValidationError, create_model, field_validator, model_validator

from reliability.campaign.dotted import put
from reliability.campaign.frame import Point, StudyFrame
from reliability.campaign.kind import Kind
from reliability.campaign.outputs import OUTPUTS, kinds_of
from reliability.campaign.quantities import tables_in, unit_in
from reliability.campaign.study_cells import check_cells, check_writes
from reliability.campaign.sweep import sweep_points
from reliability.campaign.tables import Table
from reliability.errors import from_validation, unknown_name


class _Checked(StudyFrame):
    """A study whose outputs have been asked whether they can be computed."""

    @field_validator("outputs")
    @classmethod
    def _known_outputs(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if name not in OUTPUTS:
                raise ValueError(str(unknown_name("output", name, OUTPUTS)))
        return value

    @model_validator(mode="after")
    def _limits_of_outputs(self) -> "_Checked":
        given = self.options("limits").model_dump(exclude_none=True)
        if self.decision and not given and not self.search:
            raise ValueError("decision: got no limits and no search, expected one of them")
        for name, kind in OUTPUTS.items():
            own = kind.limits.model_fields if kind.limits else {}
            if name not in self.outputs and not given.keys().isdisjoint(own):
                raise ValueError(f"limits: got one of {name}, which is not in outputs")
            required = kind.table is not None and kind.default is None
            if required and (name in self.outputs) != (self.options(name) is not None):
                raise ValueError(f'outputs: got "{name}" without its table, or the table without '
                                 "it; expected both")  # fmt: skip
        return self

    def check(self) -> None:
        """Refuse what the outputs cannot be computed of: a card or network that is unfit."""
        if self.cells is not None:
            check_cells(self, OUTPUTS)
        check_writes(self)
        for kind in kinds_of(self):
            kind.check(self)

    def at(self, point: Point) -> "Study":
        """Return the study at one point of its sweep, a study without a sweep.

        Raises
        ------
        InputError
            A name or value that cannot be.
        """
        table = self.model_dump(exclude={"sweep", "design", "search", "decision"})
        for name, value in point.items():
            put(table, name, value)
        try:
            study = type(self)(**table)
        except ValidationError as error:
            raise from_validation(error, "sweep", KEYS) from None
        study._known = self._known
        study.check()
        return study

    def values_of(self, name: str) -> list[Any]:
        """Return the values that a key has at the points of the sweep; its own without one.

        Examples
        --------
        >>> Study(title="t", technology="oxram-130nm").values_of("network.mapping")
        ['two_level']
        """
        if any(axis.name == name for axis in self.sweep):
            return list(dict.fromkeys(point[name] for point in sweep_points(self)))
        value: Any = self
        for key in name.split("."):
            value = getattr(value, key)
        return [value]

    def at_points(self) -> "list[Study]":
        """Return the study at every point of its sweep; itself without one."""
        return [self.at(point) for point in sweep_points(self)] if self.sweep else [self]

    def _growing(self) -> tuple[str, ...]:
        return (*super()._growing(), *(key for kind in OUTPUTS.values() for key in kind.grows))

    def _fingerprints(self) -> list[str]:
        return [text for kind in kinds_of(self) for text in kind.fingerprints(self)]

    def __reduce__(self) -> tuple[Any, ...]:
        # A worker gets text, and all tasks in it one study, which reads its files once.
        return _from_json, (self.model_dump_json(),)


@lru_cache(maxsize=8)
def _from_json(text: str) -> "Study":
    return Study.model_validate_json(text)


def study_type(kinds: Mapping[str, Kind]) -> type[_Checked]:
    """Return the model of a study that can have these kinds of output, each with its table."""
    bases = tuple(kind.limits for kind in kinds.values() if kind.limits) or (Table,)
    limits = create_model("LimitsTable", __base__=bases)
    limits.__doc__ = "Acceptance limits; the report says whether they are met."
    fields: dict[str, Any] = {
        name: (kind.table, kind.default) for name, kind in kinds.items() if kind.table is not None
    }
    study = create_model(
        "Study", __base__=_Checked, __module__=__name__, **fields, limits=(limits, limits())
    )
    study.__doc__ = "A study: the keys of every study, and a table for each kind of output."
    return study


if TYPE_CHECKING:
    Study = _Checked
else:
    Study = study_type(OUTPUTS)


def unit_of(name: str) -> str | None:
    """Return the SI unit of a key of a study (`reliability.campaign.quantities.unit_in`)."""
    return unit_in(Study, name)


def _keys(table: type[BaseModel], name: str = "") -> dict[str, list[str]]:
    """Keys of a table and, by their dotted names, of the tables in it."""
    found = {name: sorted(table.model_fields)}
    for key, field in table.model_fields.items():
        inside = list(dict.fromkeys(tables_in(field.annotation)))
        dotted = f"{name}.{key}".lstrip(".")
        for each in inside:
            found |= _keys(each, dotted if len(inside) == 1 else f"{dotted}.{_tag(each)}")
    return found


def _tag(table: type[BaseModel]) -> str:
    """Return what tells one of several tables of a key from the others."""
    return next(
        str(field.default)
        for field in table.model_fields.values()
        if get_origin(field.annotation) is Literal
    )


KEYS = _keys(Study)
