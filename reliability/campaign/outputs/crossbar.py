"""The largest crossbar in a study: one search at each point of a sweep."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import numpy as np
import xarray as xr
from pydantic import Field, model_validator
from scipy import special

from reliability.campaign.frame import StudyFrame
from reliability.campaign.kind import Group, Kind, Read, Results, Row, Task, cut
from reliability.campaign.limits import limit_row
from reliability.campaign.tables import Count, Table
from reliability.crossbar import ArrayConditions, crossbar_limit
from reliability.errors import InputError
from reliability.mission import MissionProfile
from reliability.units import Ohms, Volts

_KEPT = ("size", "size_low", "size_high", "monte_carlo_high", "rows", "columns", "drawn_size")
_WORK = 50_000  # image evaluations that take as long as one search


class CrossbarTable(Table):
    """The largest array that works, where the outputs have "crossbar"."""

    criterion: Literal["output_error", "step_error", "bit_error_rate", "read_margin"] = (
        "output_error"
    )
    """Criterion that an array has to meet (`reliability.crossbar_limit`)."""
    limit: Annotated[float, Field(gt=0, lt=1)] = 0.3
    """Limit of the criterion."""
    segment_resistance: Ohms | None = None
    """Resistance of a line along one cell; or a node."""
    node: str | None = None
    """Node of the wire table, "130nm"; it has an uncertainty of its own."""
    cell_layout: Literal["1T1R", "passive"] = "1T1R"
    """Layout that sets the length of a cell at a node."""
    bias_scheme: Literal["grounded", "floating", "V/2", "V/3"] = "grounded"
    """Voltage of unselected lines."""
    read_voltage: Volts | None = None
    """Read voltage that replaces the card's."""
    density: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Fraction of cells in LRS."""
    activity: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Fraction of rows that are driven at once."""
    access_resistance: Ohms | None = None
    """Resistance of the access transistor of each cell; by default the card's in a 1T1R layout."""
    gain_correction: bool = False
    """Whether the sums of an array are multiplied by the one factor that suits them best."""
    source_resistance: Ohms = 0.0
    """Resistance of each driver."""
    sense_resistance: Ohms = 0.0
    """Resistance of each sense input."""
    drive: Literal["left", "right", "both"] = "left"
    """Driven ends of the word lines."""
    sense: Literal["top", "bottom", "both"] = "bottom"
    """Sensed ends of the bit lines."""
    rows: Count | None = None
    """Fixed number of rows, of which the most columns are searched."""
    columns: Count | None = None
    """Fixed number of columns, of which the most rows are searched."""
    aspect: Annotated[float, Field(gt=0)] = 1.0
    """Columns over rows, where both are searched."""
    max_size: Annotated[int, Field(ge=2, strict=True)] = 512
    """Largest array that is tried."""

    @model_validator(mode="after")
    def _one_wire(self) -> "CrossbarTable":
        if self.segment_resistance is not None and self.node is not None:
            raise ValueError("got both segment_resistance and node, expected one of them")
        return self


class CrossbarLimits(Table):
    array_lines: Count | None = None
    """Least number of lines of the largest array."""


_NOT_CONDITIONS = ("criterion", "limit", "segment_resistance", "max_size")


def mission_of(study: StudyFrame) -> MissionProfile | None:
    """Return what the cells go through before they are read; None: nothing."""
    mission = study.stress.mission(study.stress.end)
    acts = [one for one in mission.segments if one.time or one.reads or one.cycles]
    return mission if acts else None


def _conditions(study: StudyFrame) -> dict[str, Any]:
    """Fields of `reliability.crossbar.ArrayConditions`."""
    table = study.options("crossbar")
    found = {name: getattr(table, name) for name in type(table).model_fields
             if name not in _NOT_CONDITIONS}  # fmt: skip
    return found | {"profile": mission_of(study)}


def _check(study: StudyFrame) -> None:
    count = len(study.stress.combinations)
    if count > 1:
        raise InputError(f"crossbar: got {count} stress conditions, expected one; a sweep has an "
                         "array for each")  # fmt: skip
    if any(study.stress.inferences):
        raise InputError("crossbar: got stress.inferences, expected stress.reads")
    conditions = ArrayConditions.of(_conditions(study))
    conditions.check(study.load_technology(), study.options("crossbar").criterion)


def _missions(study: StudyFrame) -> Iterator[MissionProfile]:
    if (mission := mission_of(study)) is not None:
        yield mission


def _tasks(study: StudyFrame, point: int) -> Iterator[Task]:
    cards = 1 + (study.uncertainty.draws if study.uncertainty else 0)
    return cut("crossbar", point, 1, 1, _WORK * cards)


def _largest(study: StudyFrame, task: Task) -> xr.Dataset:
    """Search the largest array of one card and of cards sampled from its uncertainty."""
    c = study.options("crossbar")
    found = crossbar_limit(
        study.load_technology(),
        c.criterion,
        c.limit,
        c.segment_resistance,
        **_conditions(study),
        max_size=c.max_size,
        uncertainty_draws=study.uncertainty.draws if study.uncertainty else 0,
        confidence=study.confidence,
        seed=study.seed,
    )
    array = np.arange(task.first, task.first + task.count)
    return found[list(_KEPT)].drop_attrs(deep=False).expand_dims(array=array)


def _answer(study: StudyFrame, results: Results) -> dict[str, Any]:
    found = results["crossbar"].isel(array=0)
    answer = {
        "rows": int(found["rows"]),
        "columns": int(found["columns"]),
        "size": int(found["size"]),
        "low": float(found["size_low"]),
        "high": float(found["size_high"]),
    }
    return {"crossbar": answer}


def _outcomes(study: StudyFrame, results: Results, answer: dict[str, Any]) -> Iterator[Row]:
    limit, found = study.options("limits").array_lines, answer["crossbar"]
    if limit is not None:
        values = found["size"], found["low"], found["high"]
        yield limit_row("array_lines", limit, "least", values)


def _compare(first: Read, other: Read, confidence: float) -> Iterator[Row]:
    """Compare arrays by their intervals: an answer each, no repeats that could be matched."""
    x, y = (results["crossbar"].isel(array=0) for _, results in (first, other))
    sigma = [
        (float(r["size_high"]) - float(r["size_low"])) / 2 / special.ndtri(0.5 + s.confidence / 2)
        for r, (s, _) in ((x, first), (y, other))
    ]
    difference, error = float(y["size"] - x["size"]), float(np.hypot(sigma[0], sigma[1]))
    half = error * special.ndtri(0.5 + confidence / 2)
    yield {
        "quantity": "largest array", "condition": {}, "unit": "lines",
        "first": float(x["size"]), "other": float(y["size"]), "paired": False,
        "how": "unpaired: from the two intervals, taken as normal",
        "difference": difference, "low": difference - half, "high": difference + half,
        "p": 2 * float(special.ndtr(-abs(difference) / error)) if error else float(difference == 0),
    }  # fmt: skip


def _apart(a: StudyFrame, b: StudyFrame) -> str:
    mine, other = ((t.criterion, t.limit) for t in (a.options("crossbar"), b.options("crossbar")))
    return "" if mine == other else f"arrays by {mine} and by {other}, expected the same"


KIND = Kind(
    of_measured_cells=True,
    uses=("stress",),
    check=_check,
    missions=_missions,
    table=CrossbarTable,
    default=CrossbarTable(),
    groups={"crossbar": Group("array", _largest)},
    tasks=_tasks,
    answer=_answer,
    limits=CrossbarLimits,
    outcomes=_outcomes,
    compare=_compare,
    intervals={"crossbar.size": ("crossbar.low", "crossbar.high")},
    apart=_apart,
)
