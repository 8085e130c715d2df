"""What each phenomenon costs: words, bars and a table."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from reliability.campaign.spec import Study
from reliability.report import figures as draw
from reliability.report.page import Figure, Section, Table, canvas, svg
from reliability.report.points import anchor, answers_of_points, point_text
from reliability.report.words import age_title, percent

_WAYS = {
    "shapley": "share of the loss (Shapley)",
    "all_but_one": "what its remedy would bring",
    "alone": "alone",
}


def attribution_section(study: Study, summary: dict[str, Any]) -> Section:
    """Return what each phenomenon costs at every point."""
    figures: list[Figure] = []
    tables: list[Table] = []
    for k, (point, answer) in enumerate(answers_of_points(study, summary)):
        title = point_text(point)
        figures.append(_figure(study.at(point), answer["attribution"], title))
        tables.append(attribution_table(answer["attribution"], title, k + 1))
    return Section("attribution", "What each phenomenon costs", (), figures, tables)


def attribution_lines(study: Study, summary: dict[str, Any]) -> Iterator[str]:
    """Say what costs most at every point."""
    for point, answer in answers_of_points(study, summary):
        title, found, when = point_text(point), answer["attribution"], _when(study.at(point))
        first, *others = found["phenomena"]
        rest = "; ".join(f"{row['name']} {_points(row['shapley'])}" for row in others)
        line = (
            f"{when} cells without any of these phenomena classify "
            f"{percent(found['accuracy_none'])}, with all of them "
            f"{percent(found['accuracy_all'])}: a loss of {_points(found['loss'])} points. "
            f"Of it {first['name']} has {_points(first['shapley'])} points"
        )
        yield f"{title}{title and ': '}{line}" + (f"; {rest}." if rest else ".")


def bars_of_ways(found: dict[str, Any], ax: Axes) -> None:
    """Draw the loss by each phenomenon, counted in three ways, of an answer of `summarize`."""
    rows = found["phenomena"]
    ends = np.array([[row[way] for row in rows] for way in _WAYS])  # (way, phenomenon, number)
    names = [row["name"] for row in rows]
    value, low, high = np.moveaxis(ends, -1, 0)
    draw.attribution_bars(names, value, low, high, ax, ways=list(_WAYS.values()))


def _figure(study: Study, found: dict[str, Any], title: str) -> Figure:
    rows = len(found["phenomena"])
    with canvas(8.6, 1.2 + 0.62 * rows) as (figure, axes):
        bars_of_ways(found, axes.flat[0])
        return Figure(
            anchor("attribution", title),
            f"What each phenomenon costs{title and ': '}{title}",
            f"{_when(study)}. All {2**rows} combinations of the phenomena on the same "
            f"{found['chips']} chips and {found['images']} images; bars end at the mean, with its "
            f"{percent(found['confidence'], 0)} interval over chips. Shares add up to the loss of "
            f"{_points(found['loss'][:1])} points.",
            svg(figure, "Bars of the loss of accuracy by each phenomenon"),
        )


def attribution_table(found: dict[str, Any], title: str, number: int) -> Table:
    """Return what each phenomenon costs, and their sum; ``title`` names the point of a sweep."""
    rows = [[row["name"], *(_points(row[kind]) for kind in _WAYS)] for row in found["phenomena"]]
    return Table(
        f"attribution-table{number}",
        f"What each phenomenon costs, in numbers{title and ': '}{title}",
        "Loss of accuracy in points, mean of chips with its interval. The share is the mean of "
        "what a phenomenon costs on top of others, over all orders in which they can be added; "
        "shares add up to the whole loss. Phenomena act together, so the other two columns do not.",
        ["phenomenon", *_WAYS.values()],
        [*rows, ["all of them", _points(found["loss"]), "", ""]],
    )


def _when(study: Study) -> str:
    a = study.attribution
    return age_title(
        {
            "time": a.time,
            "temperature": a.temperature,
            "reads": a.reads,
            "read_voltage": a.read_voltage,
        }
    )


def _points(ends: Sequence[float]) -> str:
    """Print a loss, with its interval where it has one, in points."""
    value, *rest = (f"{round(100 * end, 1) + 0.0:.1f}" for end in ends)  # no -0.0
    return f"{value} ({rest[0]} to {rest[1]})" if rest else value
