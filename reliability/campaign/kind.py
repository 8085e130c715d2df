"""What a kind of output is to a study: its table, tasks, computation, answer and comparison.

Each module of `reliability.campaign.outputs` makes one `Kind`; the rest of the campaign loops over
those that a study asks for and never asks which they are.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import xarray as xr

from reliability.campaign.frame import StudyFrame
from reliability.campaign.tables import Table
from reliability.mission import MissionProfile

Results = dict[str, xr.Dataset]  # groups of the store by name
Read = tuple[StudyFrame, Results]
Row = dict[str, Any]  # of a comparison (`reliability.compare_studies`)


@dataclass(frozen=True)
class Task:
    """A part of a study that one worker computes.

    Parameters
    ----------
    group : str
        Group of the store, one of `Kind.groups`.
    point : int
        Of the sweep; 0 without one.
    first, count : int
        Range along the group's own dimension.
    size, chunk : int
        Length of that dimension in the whole study, and how much of it each of its tasks has.
    work : int
        Image evaluations (images times chips times read-outs), or what takes as long as one.
    """

    group: str
    point: int
    first: int
    count: int
    size: int
    chunk: int
    work: int

    @property
    def name(self) -> str:
        """What progress and errors call the task."""
        where = f"{self.group} {self.first} to {self.first + self.count - 1}"
        return f"point {self.point}, {where}" if self.point else where


class Group(NamedTuple):
    """A group of the store: the dimension of its tasks, and what computes one of them."""

    dimension: str
    compute: Callable[[StudyFrame, Task], xr.Dataset]


def _nothing(*_: Any) -> Iterator[Any]:
    return iter(())


def _accept(*_: Any) -> None:
    return None


@dataclass(frozen=True)
class Kind:
    """A kind of output.

    Parameters
    ----------
    groups : mapping of str to Group
        Groups of the store that it fills.
    tasks : callable
        ``(study, point)``: the tasks of one point of a sweep, of the study at its first point.
    answer : callable
        ``(study, results)``: what it adds to ``summary.json``, of a study without a sweep.
    answer_of_sweep : callable, optional
        ``(study, results)``: what it adds beside the answers of the points of a sweep.
    compare : callable
        ``(first, other, confidence)``: a row for each number that two studies both have.
    table : type, optional
        Of the table that has the kind's name in a study; by default it has none of its own.
    default : object, optional
        What that table is where a study does not have it.
    limits : type, optional
        Table of the acceptance limits that it adds to ``[limits]``.
    outcomes : callable, optional
        ``(study, results, answer)``: a row for each of its limits (`campaign.limits`).
    later : callable, optional
        ``(study, points, chunk)``: tasks that come after all others, so that a study can stop.
    is_sure : callable, optional
        ``(study, points)``: whether these tasks have told enough, by the results at each point.
    check, check_sweep : callable, optional
        Refuse a study, or the studies at the points of a sweep, that cannot be computed.
    missions : callable, optional
        ``(study)``: what its cells go through, to warn of conditions outside a model's range.
    sizes : callable, optional
        ``(study)``: what the head of the summary says of how much was simulated.
    apart : callable, optional
        ``(study, other)``: why two studies cannot be compared, "" where they can.
    memory : callable, optional
        ``(study)``: keys that decide on the memory of a task, each with its bytes.
    grows : tuple of str, optional
        Keys that may grow when a study is extended.
    fingerprints : callable, optional
        ``(study)``: of files that only this kind reads.
    intervals : mapping of str to (str, str)
        Numbers of its answer that have an interval, and the numbers that are its ends.
    uses : tuple of str
        Tables of a study, of those that not every kind uses, that act on this one.
    own_axes : mapping of str to str
        Axes that its results have of themselves, which a sweep cannot have too, and the keys that
        hold their values.
    of_measured_cells : bool
        Whether measured cells can take the place of those of a card.
    """

    groups: Mapping[str, Group]
    tasks: Callable[[StudyFrame, int], Iterator[Task]]
    answer: Callable[[StudyFrame, Results], dict[str, Any]]
    compare: Callable[[Read, Read, float], Iterator[Row]]
    table: Any = None
    default: Any = None
    limits: type[Table] | None = None
    outcomes: Callable[[StudyFrame, Results, dict[str, Any]], Iterator[Row]] = _nothing
    answer_of_sweep: Callable[[StudyFrame, Results], dict[str, Any]] = field(default=lambda *_: {})
    later: Callable[[StudyFrame, int, int], Iterator[Task]] = _nothing
    is_sure: Callable[[StudyFrame, list[Results]], bool] | None = None
    check: Callable[[StudyFrame], None] = _accept
    check_sweep: Callable[[Sequence[StudyFrame]], None] = _accept
    missions: Callable[[StudyFrame], Iterator[MissionProfile]] = _nothing
    sizes: Callable[[StudyFrame, Results], dict[str, int]] = field(default=lambda *_: {})
    apart: Callable[[StudyFrame, StudyFrame], str] = field(default=lambda *_: "")
    memory: Callable[[StudyFrame], Iterator[tuple[str, float]]] = _nothing
    grows: tuple[str, ...] = ()
    fingerprints: Callable[[StudyFrame], Iterator[str]] = _nothing
    intervals: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    uses: tuple[str, ...] = ()
    own_axes: Mapping[str, str] = field(default_factory=dict)
    of_measured_cells: bool = False


def cut(group: str, point: int, total: int, size: int, work: int) -> Iterator[Task]:
    """Cut a dimension into tasks of equal size; ``work`` is that of one place along it."""
    for first in range(0, total, size):
        count = min(size, total - first)
        yield Task(group, point, first, count, total, size, count * work)
