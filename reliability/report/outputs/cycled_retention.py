"""Retention after cycling: headline, error rate against storage time, and a table."""

from collections.abc import Iterator
from typing import Any

import xarray as xr

from reliability.campaign.outputs.cycled_retention import error_rates, widest
from reliability.campaign.spec import Study
from reliability.report import figures as draw
from reliability.report.chapter import Chapter, LimitWords
from reliability.report.comparison_words import Row
from reliability.report.page import Figure, KeyFigure, Section, Table, canvas, numbers_of, svg
from reliability.report.points import (
    Finished,
    axis_label,
    named_point,
    point_text,
    sentences,
    value_text,
)
from reliability.report.words import (
    age_title,
    few_draws,
    interval_text,
    listed,
    of_age,
    percent,
    rate_text,
    stress_columns,
    typeset,
)
from reliability.units import duration, engineering, grouped


def _sections(finished: Finished) -> Iterator[Section]:
    missing = finished.answers()[0][1]["retention"]["not_modelled"]
    notes = (f"The card states no wear of: {', '.join(missing)}.",) if missing else ()
    figures = _at_every_point(finished) if finished.study.sweep else _figures(finished)
    yield Section("retention", "Retention after cycling", notes, list(figures), [_table(finished)])


def _figures(finished: Finished) -> Iterator[Figure]:
    study, end = finished.study, finished.study.stress.end
    along = [n for n in ("time", "cycles") if len(finished.study.stress.axes_of(n)) > 1]
    if not along:
        return
    found = error_rates(study, finished.results)
    found = found.sel({k: v for k, v in end.items() if k not in ("time", "cycles")})
    x, lines = along[0], "cycles" if along[0] == "time" else "time"
    where = f" at {engineering(end['temperature'], 'K')}"
    with canvas(8.6, 4.8) as (figure, axes):
        draw.error_rate_against_stress(found, axes.flat[0], x=x, lines=lines)
        name = {"time": "storage time", "cycles": "number of cycles"}[x]
        yield Figure(
            "retention", f"Bit-error rate against {name}",
            f"Both states, storage{where}; one line per "
            f"{'number of cycles before' if lines == 'cycles' else 'storage time'}. "
            f"{_bars(study)} No point: no cell misread.",
            svg(figure, f"Bit-error rate against {name}"),
            numbers_of(found.drop_vars("of_state").drop_dims("state", errors="ignore")),
        )  # fmt: skip


def _at_every_point(finished: Finished) -> Iterator[Figure]:
    """Draw the end of the stress at each point, after each number of cycles."""
    axes_named = " × ".join(axis_label(axis) for axis in finished.study.sweep)
    names, parts = [], []
    points = [point for point, _ in finished.answers()]
    for point, (_, here) in zip(points, finished.points(), strict=True):
        end = {k: v for k, v in here.study.stress.end.items() if k != "cycles"}
        parts.append(error_rates(here.study, here.results).sel(end).drop_vars(list(end)))
        names.append(point_text(point))
    if len({tuple(part["cycles"].values) for part in parts}) > 1:
        return
    found = xr.concat(parts, xr.DataArray(names, dims="point", name="point"))
    kept = found[[name for name in found.data_vars if "state" not in found[name].dims]]
    with canvas(8.6, 1.6 + 0.34 * len(names)) as (figure, axes):
        draw.error_rate_of_points(kept, axes.flat[0])
        yield Figure(
            "retention", "Bit-error rate at every point",
            f"{axes_named[:1].upper()}{axes_named[1:]}. Both states, at the end of the storage. "
            f"{_bars(finished.study)}",
            svg(figure, "Bit-error rate at every point of the sweep"), numbers_of(kept),
        )  # fmt: skip


def _bars(study: Study) -> str:
    sampled = "; thin bars: that of sampled cards" if study.uncertainty else ""
    return f"Thick bars: {percent(study.confidence, 0)} interval over wafers{sampled}."


def _drawn(at: dict[str, Any]) -> Iterator[tuple[float, float]]:
    """Yield the interval of sampled cards where there are some."""
    if "drawn_low" in at:
        yield at["drawn_low"], at["drawn_high"]


def _table(finished: Finished) -> Table:
    """Tabulate every point and stress condition; only what differs has a column."""
    study, answers = finished.study, finished.answers()
    stress = stress_columns([at for _, a in answers for at in a["retention"]["conditions"]])
    sampled = study.uncertainty is not None
    rows = [
        [
            *(value_text(name, value) for name, value in point.items()),
            *(text(at) for text in stress.values()),
            rate_text(at["error_rate"]), f"{rate_text(at['low'])} to {rate_text(at['high'])}",
            *(f"{rate_text(low)} to {rate_text(high)}" for low, high in _drawn(at)),
            rate_text(at["lrs"]), rate_text(at["hrs"]),
        ]
        for point, answer in answers for at in answer["retention"]["conditions"]
    ]  # fmt: skip
    first = answers[0][1]["retention"]
    many = f"every point{' and stress condition' if stress else ''}"
    return Table(
        "retention-table", "Bit-error rate after cycling and storage",
        f"Misread cells of {grouped(first['cells'])}, half in each state, at "
        f"{many if study.sweep else 'each stress condition'}, with "
        f"the {percent(first['confidence'], 0)} interval over wafers"
        f"{' and that of sampled cards' if sampled else ''}.",
        [*map(axis_label, study.sweep), *stress, "bit-error rate", "interval",
         *(["sampled cards"] * sampled), "LRS", "HRS"],
        rows,
    )  # fmt: skip


def _headline(answer: dict[str, Any]) -> str:
    end = answer["end"]
    fresh = min(answer["conditions"], key=lambda row: (row["cycles"], row != end))
    same = [r for r in answer["conditions"] if r["cycles"] == fresh["cycles"]
            and all(r[k] == end[k] for k in ("time", "temperature", "reads"))]  # fmt: skip
    low, high = map(rate_text, widest(end))
    text = (
        f"{age_title(end)} the bit-error rate is {rate_text(end['error_rate'])} "
        f"({low} to {high} at "
        f"{percent(answer['confidence'], 0)} confidence)"
    )
    if end["cycles"] > fresh["cycles"] and same:
        few = f"after {fresh['cycles']:.5g} cycles" if fresh["cycles"] else "without the cycles"
        text += f", {rate_text(same[0]['error_rate'])} {typeset(few)}"
    return text


def _statement(finished: Finished) -> Iterator[str]:
    yield from sentences(
        finished, lambda answer: _headline(answer["retention"]),
        lambda answer: answer["retention"]["end"]["error_rate"],
    )  # fmt: skip


def _lines(answer: dict[str, Any]) -> Iterator[str]:
    line = _headline(answer["retention"])
    yield line[0].lower() + line[1:]


def _key_figures(finished: Finished) -> Iterator[KeyFigure]:
    ordered = sorted(finished.answers(), key=lambda each: each[1]["retention"]["end"]["error_rate"])
    for point, answer in {id(e): e for e in (ordered[0], ordered[-1])}.values():
        end = answer["retention"]["end"]
        yield KeyFigure(
            f"bit-error rate {of_age(end)}", rate_text(end["error_rate"]),
            interval_text(" to ".join(map(rate_text, widest(end))),
                          answer["retention"]["confidence"]),
            named_point(finished.study, point) or f"{grouped(answer['retention']['cells'])} cells",
        )  # fmt: skip


def _method(study: Study) -> Iterator[str]:
    r, stress = study.options("retention"), study.stress
    cycles = ""
    if any(stress.cycles):
        *first, last = (f"{n:.5g}" for n in stress.cycles)
        numbers = f"{', '.join(first)} and {last}" if first else last
        cycles = f"cycled {numbers} times at {engineering(stress.cycling_temperature, 'K')}, "
    read = r.read_at(study)
    at = "" if read is None else f" at {engineering(read, 'K')} with noise"
    yield (
        f"{r.wafers} wafers of {r.dies} dies of {grouped(r.cells)} cells in each state of "
        f"technology {study.technology} were {cycles}stored up to "
        f"{duration(max(stress.times))} at {listed(stress.temperatures, 'K')}, and read{at}; a "
        "cell is misread on the wrong side of the read reference."
    )


def _intervals(study: Study) -> Iterator[str]:
    cards = " and that of the sampled cards" if study.uncertainty else ""
    few = few_draws(study.uncertainty.draws, study.confidence) if study.uncertainty else ""
    yield f"The interval of a bit-error rate includes wafer-level variability{cards}.{few}"


def _acts(phenomenon: str, study: Study) -> str:
    stress = study.stress
    if phenomenon in ("endurance", "wear"):
        cycled = any(stress.cycles) or any(s.cycles for s in stress.preconditioning)
        return "after the cycles of the study" if cycled else "does not act: no cycles"
    if phenomenon in ("relaxation", "retention"):
        if not max(stress.times):
            return "does not act: no time passes"
        return f"to {duration(stress.times[-1])} at {listed(stress.temperatures, 'K')}"
    if phenomenon == "read_disturb" and not max(stress.reads):
        return "does not act: no reads are counted"
    if phenomenon in ("noise", "conduction"):
        hot = study.options("retention").read_at(study)
        return "does not act" if hot is None else f"in each read, at {engineering(hot, 'K')}"
    return "as on the card"


def _interval(answer: dict[str, Any], row: Row, at: dict[str, float]) -> tuple[float, float] | None:
    for found in answer["retention"]["conditions"]:
        if all(found.get(name) == value for name, value in at.items()):
            return widest(found)
    return None


CHAPTER = Chapter(
    sections=_sections,
    statement=_statement,
    lines=_lines,
    key_figures=_key_figures,
    method=_method,
    intervals=_intervals,
    acts=_acts,
    interval=_interval,
    limits={"cell_errors": LimitWords("bit-error rate", rate_text)},
)
