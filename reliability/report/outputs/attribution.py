"""Attribution: how much accuracy each phenomenon costs, as headline, bars and a table."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import xarray as xr

from reliability.campaign.outputs.attribution import mission_of
from reliability.campaign.spec import Study
from reliability.report import figures as draw
from reliability.report.chapter import Chapter
from reliability.report.comparison_words import Row
from reliability.report.outputs.accuracy import chips_text, network_text
from reliability.report.page import Figure, KeyFigure, Section, Table, canvas, numbers_of, svg
from reliability.report.points import Finished, anchor, titled
from reliability.report.words import age_title, counted, ends_text, interval_text, of_age, percent
from reliability.units import engineering

_WAYS = {
    "shapley": "Shapley value",
    "all_but_one": "gain if removed",
    "alone": "loss caused by it alone",
}


def _sections(finished: Finished) -> Iterator[Section]:
    figures: list[Figure] = []
    tables: list[Table] = []
    for k, (title, here) in enumerate(finished.points()):
        figures.append(_figure(here, title))
        tables.append(attribution_table(here.summary["attribution"], title, k + 1))
    yield Section("attribution", "Loss of accuracy by phenomenon", (), figures, tables)


def _statement(finished: Finished) -> Iterator[str]:
    for title, here in finished.points():
        found = here.summary["attribution"]
        first, *others = found["phenomena"]
        rest = "; ".join(f"{row['name']} {_points(row['shapley'])}" for row in others)
        line = (
            f"{age_title(_conditions(here.study))} the accuracy falls from "
            f"{percent(found['accuracy_none'])} without these phenomena to "
            f"{percent(found['accuracy_all'])} with all of them, a loss of "
            f"{_points(found['loss'])} points at {percent(here.study.confidence, 0)} confidence, "
            f"of which {first['name']} causes {_points(first['shapley'])}"
        )
        yield f"With {title}: {line[0].lower()}{line[1:]}." if title else f"{line}."
        if rest:
            yield f"Shapley values of the other phenomena: {rest} points."


def _lines(answer: dict[str, Any]) -> Iterator[str]:
    found = answer["attribution"]
    first = found["phenomena"][0]
    yield (
        f"loss of accuracy {_points(found['loss'])} points, most of it by {first['name']}: "
        f"{_points(first['shapley'])}"
    )


def _interval(answer: dict[str, Any], row: Row, at: dict[str, float]) -> tuple[float, float] | None:
    found = answer["attribution"]
    losses = {"": found["loss"]} | {one["name"]: one["shapley"] for one in found["phenomena"]}
    _, low, high = losses[row["phenomenon"]]
    return low, high


def bars_data(found: dict[str, Any]) -> xr.Dataset:
    """Return the loss by each phenomenon, counted in three ways, of an answer of `summarize`."""
    rows = found["phenomena"]
    ends = np.array([[row[way] for row in rows] for way in _WAYS])  # (way, phenomenon, number)
    return xr.Dataset(
        {
            name: (("way", "cause"), ends[:, :, k])
            for k, name in enumerate(("value", "low", "high"))
        },
        {"way": list(_WAYS.values()), "cause": [row["name"] for row in rows]},
    )


def _figure(finished: Finished, title: str) -> Figure:
    found, when = finished.summary["attribution"], age_title(_conditions(finished.study))
    rows, data = len(found["phenomena"]), bars_data(found)
    with canvas(8.6, 1.2 + 0.62 * rows) as (figure, axes):
        draw.attribution_bars(data, axes.flat[0])
        return Figure(
            anchor("attribution", title),
            titled("Loss of accuracy by phenomenon", title),
            f"{when}. All {2**rows} combinations of the phenomena on the same "
            f"{counted(found['chips'], 'chip')} and {counted(found['images'], 'image')}; bars end "
            f"at the mean, with its {percent(found['confidence'], 0)} interval over chips. Shapley "
            f"values add up to the loss of {_points(found['loss'][:1])} points.",
            svg(figure, "Bars of the loss of accuracy by each phenomenon"),
            numbers_of(data),
        )


def attribution_table(found: dict[str, Any], title: str, number: int) -> Table:
    """Return what each phenomenon costs, and their sum; ``title`` names the point of a sweep."""
    rows = [[row["name"], *(_points(row[kind]) for kind in _WAYS)] for row in found["phenomena"]]
    return Table(
        f"attribution-table{number}",
        titled("Loss of accuracy by phenomenon, values", title),
        "Loss of accuracy in points, mean of chips with its interval. The Shapley value is the "
        "mean of what a phenomenon costs on top of others, over all orders in which they can be "
        "added; Shapley values add up to the whole loss. Phenomena act together, so the other two "
        "columns do not.",
        ["phenomenon", *_WAYS.values()],
        [*rows, ["all of them", _points(found["loss"]), "", ""]],
    )


def _conditions(study: Study) -> dict[str, float]:
    a = study.options("attribution")
    return {
        "time": a.time,
        "temperature": a.temperature,
        "reads": a.reads,
        "read_voltage": a.read_voltage,
    }


def _points(ends: Sequence[float]) -> str:
    """Print a loss, with its interval where it has one, in points."""
    value, *rest = map(_point, ends)
    return f"{value} ({ends_text(*rest)})" if rest else value


def _point(value: float) -> str:
    return "not known" if math.isnan(value) else f"{round(100 * value, 1) + 0.0:.1f}"  # no -0.0


def _key_figures(finished: Finished) -> Iterator[KeyFigure]:
    """Yield the loss by all phenomena, and by the three that cost most."""
    if finished.study.sweep:
        return
    found = finished.summary["attribution"]
    named = [("loss of accuracy", found["loss"], "")]
    named += [(row["name"], row["shapley"], "Shapley value") for row in found["phenomena"][:3]]
    for name, ends, note in named:
        value, low, high = map(_point, ends)
        interval = interval_text(ends_text(low, high), found["confidence"])
        yield KeyFigure(name, f"{value} points", interval, note)


def _method(study: Study) -> Iterator[str]:
    a = study.options("attribution")
    yield (
        f"The {network_text(study)} was evaluated with every combination of the phenomena "
        f"{of_age(_conditions(study))}, on the same {counted(a.chips, 'simulated chip')} of "
        f"technology {study.technology} and {counted(a.images, 'image')} each time."
    )


def _intervals(study: Study) -> Iterator[str]:
    yield "The interval of a loss is that of its mean over chips (Student t), for the nominal card."


def _acts(phenomenon: str, study: Study) -> str:
    a, names = study.options("attribution"), mission_of(study).segments
    if phenomenon in ("relaxation", "retention", "drift"):
        if not any(segment.time for segment in names):
            return "does not act: no time passes"
        return f"with and without, {of_age({'time': a.time, 'temperature': a.temperature})}"
    if phenomenon == "read_disturb":
        if not any(segment.reads for segment in names):
            return "does not act: no reads are counted"
        return f"with and without, {a.reads:.3g} reads at {engineering(a.read_voltage, 'V')}"
    if phenomenon in ("endurance", "wear"):
        return "does not act: cells are programmed once"
    read = study.network.read_temperature
    if phenomenon in ("noise", "conduction"):
        if read is not None:
            return f"in each read, at {engineering(read, 'K')}"
        how = "without noise" if phenomenon == "noise" else "at the card's temperature and voltage"
        return f"does not act: cells are read {how}"
    return "as on the card"


CHAPTER = Chapter(
    sections=_sections,
    statement=_statement,
    lines=_lines,
    key_figures=_key_figures,
    method=_method,
    intervals=_intervals,
    population=lambda study: chips_text(study, study.options("attribution").chips),
    acts=_acts,
    interval=_interval,
)
