"""What a kind of output is to a report: its sections, its sentences and its words.

Each module of `reliability.report.outputs` makes one `Chapter` for the kind of the same name in
`reliability.campaign.outputs`; the rest of the report loops over those that a study asks for.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from reliability.campaign.spec import Study
from reliability.report.comparison_words import Row
from reliability.report.page import Figure, KeyFigure, Section, Table
from reliability.report.points import Finished
from reliability.report.words import percent


class LimitWords(NamedTuple):
    """How an acceptance limit is written: the quantity, and its values."""

    quantity: str
    value: Callable[[float], str] = lambda value: percent(value, 2)


def _nothing(*_: Any) -> Iterator[Any]:
    return iter(())


@dataclass(frozen=True)
class Chapter:
    """A kind of output in a report; every part but the first two may be empty.

    Parameters
    ----------
    sections : callable
        ``(finished)``: its sections.
    statement : callable
        ``(finished)``: sentences of the cover, the headline first.
    lines : callable
        ``(answer)``: the answer of a study or point in short, for a terminal and for comparisons.
    key_figures : callable
        ``(finished)``: numbers of the cover.
    method, intervals, population : callable
        ``(study)``: sentences on what was computed, on what its intervals hold, on its chips.
    cells, stress : callable
        ``(finished)``: figures of the cells for the sections on population and phenomena.
    acts : callable
        ``(phenomenon, study)``: under which conditions a phenomenon of the card acts, or that it
        does not; "" where this kind does not say.
    sampled : callable
        ``(study)``: what was computed of each card whose parameters are sampled.
    limits : mapping of str to LimitWords
        Its keys of ``[limits]``.
    plans : callable
        ``(finished)``: tables of the tests that would demonstrate an answer.
    sensitivity : callable
        ``(finished)``: figures of what the answer depends on.
    assumptions, provenance : callable
        ``(study)``: sections of parameters and rows of provenance beside those of the card.
    overlays : callable
        ``(compared, names, read)``: figures of several studies.
    interval : callable
        ``(answer, row, conditions)``: interval of an answer for a row of a comparison, None where
        it has none under these conditions.
    of_sweep : bool
        Whether a sweep has one answer of this kind instead of one at each point.
    of_cells : bool
        Whether the report describes the population and phenomena of the card.
    """

    sections: Callable[[Finished], Iterator[Section]]
    statement: Callable[[Finished], Iterator[str]]
    lines: Callable[[dict[str, Any]], Iterator[str]]
    key_figures: Callable[[Finished], Iterator[KeyFigure]] = _nothing
    method: Callable[[Study], Iterator[str]] = _nothing
    intervals: Callable[[Study], Iterator[str]] = _nothing
    population: Callable[[Study], Iterator[str]] = _nothing
    cells: Callable[[Finished], Iterator[Figure]] = _nothing
    stress: Callable[[Finished], Iterator[Figure]] = _nothing
    acts: Callable[[str, Study], str] = field(default=lambda *_: "")
    sampled: Callable[[Study], str] = field(default=lambda _: "")
    limits: Mapping[str, LimitWords] = field(default_factory=dict)
    plans: Callable[[Finished], Iterator[Table]] = _nothing
    sensitivity: Callable[[Finished], Iterator[Figure]] = _nothing
    assumptions: Callable[[Study], Iterator[Section]] = _nothing
    provenance: Callable[[Study], Iterator[tuple[str, str]]] = _nothing
    overlays: Callable[[Any, list[str], Sequence[Any]], Iterator[Figure]] = _nothing
    interval: Callable[
        [dict[str, Any], Row, dict[str, float]], tuple[float | None, float | None] | None
    ] = field(default=lambda *_: None)
    of_sweep: bool = False
    of_cells: bool = True
