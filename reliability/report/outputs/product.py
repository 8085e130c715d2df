"""A stored program: failing macros, uncorrectable errors, energy, and what limits them."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr

from reliability.campaign.outputs.product import ProductTable
from reliability.campaign.search import non_dominated
from reliability.campaign.spec import Study, unit_of
from reliability.campaign.tables import Axis
from reliability.report import figures as draw
from reliability.report.chapter import Chapter, LimitWords
from reliability.report.comparison_words import Row
from reliability.report.page import Figure, KeyFigure, Section, Table, canvas, numbers_of, svg
from reliability.report.points import (
    MOST_LINES,
    Finished,
    anchor,
    axis_label,
    named_point,
    point_text,
    value_text,
    without,
)
from reliability.report.words import (
    few_draws,
    interval_text,
    of_age,
    percent,
    ppm_text,
    rate_text,
    stress_columns,
)
from reliability.units import duration, engineering, grouped

_UBER = "uncorrectable bit-error rate of a read"
_PPM = "failing macros"
_FLOOR = {"uber": 1e-20, "failing_ppm": 1e-6}  # values beyond the axis are drawn at its edge
_MOST_NAMED = 12  # points of a Pareto figure that carry their names
_POLARITY = {
    "fixed": "Fixed read polarity: all reads of a cell have the same.",
    "alternating": "Alternating read polarity: it changes from read to read.",
}
_MAINTENANCE = {
    "refresh": "Refresh: every cell is rewritten.",
    "scrub": "Scrub: each word is read, and written again where an error was corrected.",
}


def _range(found: dict[str, Any]) -> str:
    return " to ".join(dict.fromkeys(ppm_text(found[end]) for end in ("low", "high")))


def _uber(found: dict[str, Any]) -> str:
    ends = " to ".join(dict.fromkeys(_rate(found[f"uber_{end}"]) for end in ("low", "high")))
    return f"{_rate(found['uber'])} ({ends})"


def _rate(value: float) -> str:
    least = _FLOOR["uber"]
    return f"below {rate_text(least)}" if 0 < value < least else rate_text(value)


def _sections(finished: Finished) -> Iterator[Section]:
    tables = [_table(finished), *_read_outs(finished), *_causes(finished), *_remedies(finished),
              *_drivers(finished)]  # fmt: skip
    yield Section("product", "Stored program", (), tuple(_figures(finished)), tuple(tables))


def _figures(finished: Finished) -> Iterator[Figure]:
    yield from _against_time(finished)
    for axis in finished.study.sweep:
        yield from _against(finished, axis)
    yield from _pareto(finished)


def _against_time(finished: Finished) -> Iterator[Figure]:
    """UBER and failing macros against time, at the conditions of the end of the mission."""
    answers, end = finished.answers(), finished.study.stress.end
    if len(finished.study.stress.times) < 3 or len(answers) > MOST_LINES:
        return
    labels = [point_text(point) for point, _ in answers]
    swept = {axis.name for axis in finished.study.sweep}
    held = {name: end[name] for name in ("temperature", "reads", "read_voltage")}
    own = [
        [
            row
            for row in answer["product_by_age"]
            if row["time"] > 0 and all(row[n] == v for n, v in held.items() if n not in swept)
        ]
        for _, answer in answers
    ]
    for key, name, unit in (("uber", _UBER, "1"), ("failing_ppm", _PPM, "1e-6")):
        low, high = ("uber_low", "uber_high") if key == "uber" else ("low", "high")
        found = xr.Dataset(
            {
                part: (("line", "x"), np.array([[row[of] for row in rows] for rows in own]),
                       {"long_name": name, "units": unit})
                for part, of in (("value", key), ("low", low), ("high", high))
            },
            {"line": ("line", labels, {"long_name": _axes_text(finished)}),
             "x": ("x", [row["time"] for row in own[0]],
                   {"units": "s", "long_name": "time of the mission (log scale)"})},
        )  # fmt: skip
        if not _tells(found, unit):
            continue
        at = f" at {engineering(end['temperature'], 'K')}" if "temperature" not in swept else ""
        yield _curves(
            finished, found, f"product-{key}-time", f"{name[0].upper()}{name[1:]} against time",
            f"Mean over lots of the nominal card{at}, {_every(end)}", _FLOOR[key], clock=True,
        )  # fmt: skip


def _tells(found: xr.Dataset, unit: str) -> bool:
    """Whether lines would differ: not where every macro fails."""
    return unit != "1e-6" or float(found["value"].min()) < 0.9e6


def _every(end: dict[str, float]) -> str:
    if not end["reads"]:
        return "without reads."
    return f"{grouped(end['reads'])} reads of every cell over the time at each point."


def _curves(
    finished: Finished, found: xr.Dataset, name: str, title: str, caption: str, floor: float, *,
    clock: bool,
) -> Figure:  # fmt: skip
    band = percent(finished.study.confidence, 0)
    with canvas(8.2, 4.8) as (figure, axes):
        draw.curves_against(found, axes.flat[0], floor=floor, clock=clock)
        below = (found["low"] < floor).any()
        edge = " Values below the axis are drawn at its edge." if below else ""
        return Figure(
            name, title, f"{caption} Band: {band} interval for the next lot.{edge}",
            svg(figure, title), numbers_of(found.rename(line="design")),
        )  # fmt: skip


def _axes_text(finished: Finished) -> str:
    return ", ".join(axis_label(axis) for axis in finished.study.sweep)


def _against(finished: Finished, axis: Axis) -> Iterator[Figure]:
    """Failing macros against a numeric axis of a grid, if the lines are not many."""
    found = {(without(point, axis.name), point[axis.name]): answer["product"]
             for point, answer in finished.answers()}  # fmt: skip
    if any(isinstance(value, str) for _, value in found):
        return
    values = sorted({value for _, value in found})
    others = list(dict.fromkeys(other for other, _ in found))
    if len(values) < 3 or len(others) > MOST_LINES or len(found) < len(values) * len(others):
        return
    unit = unit_of(axis.name) or "1"
    kelvin = unit == "K"
    rest = ", ".join(axis_label(other) for other in finished.study.sweep if other != axis)
    data = xr.Dataset(
        {
            part: (("line", "x"), np.array([[found[o, v][of] for v in values] for o in others]),
                   {"long_name": _PPM, "units": "1e-6"})
            for part, of in (("value", "failing_ppm"), ("low", "low"), ("high", "high"))
        },
        {"line": ("line", [point_text(dict(other)) for other in others], {"long_name": rest}),
         "x": ("x", np.array(values, float) - (273.15 if kelvin else 0.0),
               {"units": "°C" if kelvin else unit, "long_name": axis_label(axis)})},
    )  # fmt: skip
    if not _tells(data, "1e-6"):
        return
    title = f"Failing macros against {axis_label(axis)}"
    yield _curves(finished, data, anchor("product-against", axis.name), title,
                  f"Mean over lots of the nominal card {_when(finished.study)}.",
                  _FLOOR["failing_ppm"], clock=unit == "s")  # fmt: skip


def _when(study: Study) -> str:
    """Say the end of the mission, which may be swept."""
    end = study.stress.end
    swept = {axis.name.rpartition(".")[2].removesuffix("s") for axis in study.sweep}
    return "at the end of the mission" if swept & set(end) else of_age(end)


def _pareto(finished: Finished) -> Iterator[Figure]:
    """Failing macros against energy of every point of a sweep."""
    answers = finished.answers()
    energy = np.array([answer["product"]["energy_joule"] for _, answer in answers])
    if len(answers) < 3 or np.ptp(energy) <= 1e-9 * energy.max():
        return
    ppm = np.array([[answer["product"][k] for k in ("failing_ppm", "low", "high")]
                    for _, answer in answers])  # fmt: skip
    ppm = np.maximum(ppm, _FLOOR["failing_ppm"])
    front = non_dominated(np.column_stack([energy, ppm[:, 0]]))
    names = [point_text(point) if on and front.sum() <= _MOST_NAMED else ""
             for on, (point, _) in zip(front, answers, strict=True)]  # fmt: skip
    least = {"direction": "minimise"}
    data = xr.Dataset(
        {
            "energy": ("design", energy,
                       {"long_name": "energy of a macro over the mission", "units": "J"} | least),
            "ppm": ("design", ppm[:, 0], {"long_name": _PPM, "units": "1e-6"} | least),
            "ppm_low": ("design", ppm[:, 1]),
            "ppm_high": ("design", ppm[:, 2]),
            "front": ("design", front),
        },
        {"name": ("design", names)},
    )  # fmt: skip
    points = [point_text(point) for point, _ in answers]
    with canvas(8.2, 5.0) as (figure, axes):
        draw.pareto(data, axes.flat[0], x="energy", y="ppm")
        yield Figure(
            "product-pareto", "Failing macros against energy",
            f"Every point of {_axes_text(finished)} {_when(finished.study)}, with the "
            f"{percent(finished.study.confidence, 0)} interval for the next lot. On the front: no "
            "other point has both less energy and fewer failing macros.",
            svg(figure, "Failing macros against energy of all points"),
            numbers_of(data.assign_coords(name=("design", points))),
        )  # fmt: skip


def _table(finished: Finished) -> Table:
    rows = []
    has_area = all("area_m2" in answer["product"] for _, answer in finished.answers())
    for point, answer in finished.answers():
        found = answer["product"]
        rows.append([
            *(value_text(name, value) for name, value in point.items()),
            ppm_text(found["failing_ppm"]), _range(found), _fit(found), _uber(found),
            percent(found["shipped"], 2),
            engineering(found["energy_joule"], "J"), f"{found['write_cycles']:.3g}",
            f"{found['cells_per_data_bit']:.3f}",
            *([engineering(found["area_m2"], "m^2")] if has_area else []),
        ])  # fmt: skip
    return Table(
        "product-table", "Macros at the end of the mission",
        "Failing macros of those shipped, failures in time (FIT, failures in 10⁹ device hours, mean"
        " over the mission), uncorrectable bit-error rate (UBER) of a read at the end, fraction of "
        "macros that the test before shipment accepts, energy of reads and maintenance, "
        "and cells for one data bit (check bits, spare words and copies).",
        [*(axis_label(axis) for axis in finished.study.sweep), _PPM, _interval_name(finished),
         "FIT", "UBER", "shipped", "energy", "write cycles of a cell", "cells per data bit",
         *(["area"] if has_area else [])],
        rows,
    )  # fmt: skip


def _interval_name(finished: Finished) -> str:
    return f"{percent(finished.study.confidence, 0)} interval"


def _fit(found: dict[str, Any]) -> str:
    if found["fit"] is None:
        return ""
    return grouped(found["fit"]) if found["fit"] >= 1000 else f"{found['fit']:.3g}"


def _read_outs(finished: Finished) -> Iterator[Table]:
    columns: dict[str, Any] = {}
    for _, answer in finished.answers():
        columns |= stress_columns(answer["product_by_age"])
    if not columns:
        return
    rows = [
        [*(value_text(name, value) for name, value in point.items()),
         *(text(age) for text in columns.values()),
         ppm_text(age["failing_ppm"]), _range(age), _uber(age)]
        for point, answer in finished.answers()
        for age in answer["product_by_age"]
    ]  # fmt: skip
    yield Table(
        "product-read-outs", "All stress conditions",
        f"Failing macros up to each time and UBER of a read then, with the "
        f"{percent(finished.study.confidence, 0)} interval for the next lot.",
        [*(axis_label(axis) for axis in finished.study.sweep), *columns, _PPM,
         _interval_name(finished), "UBER"],
        rows,
    )  # fmt: skip


def _causes(finished: Finished) -> Iterator[Table]:
    """What would be left without each phenomenon."""
    answers = [(point, answer["product"]) for point, answer in finished.answers()]
    if any("without" not in found for _, found in answers):
        return
    rows = [
        [*(value_text(name, value) for name, value in point.items()), name,
         ppm_text(left["failing_ppm"]), rate_text(left["uber"]),
         rate_text(max(found["uber"] - left["uber"], 0.0))]
        for point, found in answers
        for name, left in sorted(found["without"].items(), key=lambda each: each[1]["uber"])
    ]  # fmt: skip
    yield Table(
        "product-causes", "Gain if a phenomenon were removed",
        "The end of the mission with the nominal card without each phenomenon, the read reference "
        "kept.",
        [*(axis_label(axis) for axis in finished.study.sweep), "phenomenon removed", _PPM, "UBER",
         "UBER removed"],
        rows,
    )  # fmt: skip


def _remedies(finished: Finished) -> Iterator[Table]:
    """What each remedy that a macro does not have would leave, and cost."""
    answers = [(point, answer["product"]) for point, answer in finished.answers()]
    rows = [
        [*(value_text(name, value) for name, value in point.items()), name,
         ppm_text(left["failing_ppm"]), rate_text(left["uber"]),
         engineering(left["energy_joule"], "J"), f"{left['cells_per_data_bit']:.3f}"]
        for point, found in answers
        for name, left in [
            ("as it is", found),
            *sorted(found.get("remedies", {}).items(), key=lambda each: each[1]["uber"]),
        ]
    ]  # fmt: skip
    if any("remedies" not in found for _, found in answers):
        return
    yield Table(
        "product-remedies", "Gain of remedies",
        "The end of the mission with the nominal card and each remedy alone.",
        [*(axis_label(axis) for axis in finished.study.sweep), "remedy", _PPM, "UBER", "energy",
         "cells per data bit"],
        rows,
    )  # fmt: skip


def _drivers(finished: Finished) -> Iterator[Table]:
    """Which parameters make the interval wide."""
    answers = [(point, answer["product"]) for point, answer in finished.answers()]
    rows = [
        [*(value_text(name, value) for name, value in point.items()), one["parameter"],
         *(f"{value:.3g}" for value in one["value"]), *map(ppm_text, one["failing_ppm"]),
         *map(_rate, one["uber"])]
        for point, found in answers
        for one in found.get("interval_drivers", ())
    ]  # fmt: skip
    if not rows:
        return
    yield Table(
        "product-drivers", "Parameters that widen the interval",
        "The end of the mission with each uncertain parameter alone at its 5 % and its 95 % "
        "quantile (SI units), the others nominal, by the ratio of the two UBER; the ten that move "
        "it most. Effects of two parameters together are not in it.",
        [*(axis_label(axis) for axis in finished.study.sweep), "parameter", "5 %", "95 %",
         f"{_PPM} at 5 %", f"{_PPM} at 95 %", "UBER at 5 %", "UBER at 95 %"],
        rows,
    )  # fmt: skip


def _best_and_worst(finished: Finished) -> list[tuple[str, dict[str, Any]]]:
    ordered = sorted(finished.answers(), key=lambda e: (e[1]["product"]["failing_ppm"],
                                                        e[1]["product"]["uber"]))  # fmt: skip
    ends = ordered if len(ordered) == 1 else [ordered[0], ordered[-1]]
    return [(named_point(finished.study, point), answer["product"]) for point, answer in ends]


def _statement(finished: Finished) -> Iterator[str]:
    sure = percent(finished.study.confidence, 0)
    for k, (where, found) in enumerate(_best_and_worst(finished)):
        which = "At best" if k == 0 and where else "At worst" if where else ""
        yield (
            f"{which + ', with ' + where + ', ' if where else ''}"
            f"{ppm_text(found['failing_ppm'])} of macros fail over {found['mission']} "
            f"({_range(found)} at {sure} confidence for the next lot); UBER {_uber(found)}"
            f"{_because(found)}."
        )
    yield from _growth(finished)
    yield from _widest(finished)
    for point, answer in finished.answers():
        for row in answer.get("limits", []):
            if row["limit"] == "endurance_budget" and "note" in row:
                where = named_point(finished.study, point)
                note = row["note"]
                yield f"{note[0].upper()}{note[1:]}{where and f' with {where}'}."


def _growth(finished: Finished) -> Iterator[str]:
    """How the UBER grows over the times of a study, at the point of the fewest failing macros."""
    times = [time for time in finished.study.stress.times if time > 0]
    if len(times) < 2 or any(axis.name.startswith("stress.") for axis in finished.study.sweep):
        return
    point, answer = min(finished.answers(), key=lambda each: each[1]["product"]["uber"])
    end = finished.study.stress.end
    rows = [
        row
        for row in answer["product_by_age"]
        if all(row[name] == end[name] for name in ("temperature", "reads", "read_voltage"))
    ]
    first, last = (next(row for row in rows if row["time"] == t) for t in (times[0], times[-1]))
    where = named_point(finished.study, point)
    yield (
        f"{f'With {where} the' if where else 'The'} UBER is {_rate(first['uber'])} "
        f"after {duration(times[0])} and {_rate(last['uber'])} after {duration(times[-1])}."
    )


def _widest(finished: Finished) -> Iterator[str]:
    """The parameter that widens the interval most, at the first point of a sweep."""
    point, answer = finished.answers()[0]
    where = named_point(finished.study, point)
    for one in answer["product"].get("interval_drivers", ())[:1]:
        low, high = map(ppm_text, one["failing_ppm"])
        ends = f"{low} of macros fail at its 5 % quantile, {high} at its 95 % quantile"
        if low == high:  # all fail, or none
            low, high = map(_rate, one["uber"])
            ends = f"the UBER is {low} at its 5 % quantile and {high} at its 95 % quantile"
        yield (
            f"The parameter that widens the interval most is {one['parameter']}"
            f"{where and f', with {where}'}: {ends}."
        )


def _because(found: dict[str, Any]) -> str:
    cause = found.get("limited_by", "no single phenomenon")
    return "" if cause == "no single phenomenon" else f", limited most by {cause}"


def _lines(answer: dict[str, Any]) -> Iterator[str]:
    found = answer["product"]
    yield (
        f"{ppm_text(found['failing_ppm'])} of macros fail ({_range(found)} at "
        f"{percent(found['confidence'], 0)}), UBER {_uber(found)}"
    )


def _key_figures(finished: Finished) -> Iterator[KeyFigure]:
    ends = _best_and_worst(finished)
    names = ("failing macros, best point", "failing macros, worst point")
    for name, (where, found) in zip(
        names if len(ends) > 1 else ("failing macros",), ends, strict=True
    ):
        yield KeyFigure(name, ppm_text(found["failing_ppm"]),
                        interval_text(_range(found), found["confidence"]), where)  # fmt: skip


def _method(study: Study) -> Iterator[str]:
    p = study.options("product")
    verify = study.programming.verify
    written = f"program and verify with up to {verify.attempts} pulses" if verify else "one pulse"
    yield (
        f"A macro of {grouped(p.bits)} data bits in cells of technology {study.technology} stores "
        f"random data in words with {_code_text(p.code, p.word_bits)}, written with {written}. "
        "Cells of a die share the deviations of their lot, wafer and die; the failure probability "
        "is averaged over dies. A macro fails if any of its words has more wrong bits in any read "
        "than its code corrects."
    )
    yield (
        "Bit-error rates are closed forms and quadratures over programming, relaxation, retention, "
        "read disturb, noise, defects and wear, down to 10⁻¹⁵ without sampling; the errors at the "
        "end of a mission, or of an interval of maintenance, are taken for all its reads."
    )
    yield f"The mission ends {of_age(study.stress.end)}."
    yield _POLARITY[p.read_polarity]
    if p.maintenance != "none":
        yield _MAINTENANCE[p.maintenance]
        yield (
            f"The interval of maintenance is {duration(p.interval)}; rewrites wear the cells and "
            f"cost {engineering(p.write_energy, 'J')} for each cell, reads "
            f"{engineering(p.read_energy, 'J')}. An interval as long as the mission is no "
            "maintenance."
        )


def _code_text(code: str, word_bits: int) -> str:
    if code == "none":
        return f"{word_bits} bits and no error correction"
    found = ProductTable(code=code, word_bits=word_bits).word_code()
    name = {"secded": "SECDED"}.get(code, "BCH" if code.startswith("bch") else "code")
    return (f"{name} ({found.bits}, {found.data_bits}) that corrects {found.corrects} "
            f"bit{'s' if found.corrects > 1 else ''}")  # fmt: skip


def _intervals(study: Study) -> Iterator[str]:
    drawn = " and the sampled cards, each with lots of its own" if study.uncertainty else ""
    few = few_draws(study.uncertainty.draws, study.confidence) if study.uncertainty else ""
    yield (f"Intervals of failing macros and UBER are for the next lot: they include lot-to-lot "
           f"variability{drawn}.{few}")  # fmt: skip


def _acts(phenomenon: str, study: Study) -> str:
    p = study.options("product")
    if phenomenon in ("endurance", "wear") and p.maintenance == "none" and not p.cycles:
        return "does not act: cells are written once"
    if phenomenon == "conduction":
        return "does not act: cells are read at the card's voltage"
    if phenomenon == "noise" and not p.noise:
        return "does not act: reads without noise"
    if phenomenon in ("programming", "defects", "noise", "endurance", "wear"):
        return "as on the card"
    return of_age(study.stress.end)


def _interval(answer: dict[str, Any], row: Row, at: dict[str, float]) -> tuple[float, float]:
    return answer["product"]["uber_low"], answer["product"]["uber_high"]


CHAPTER = Chapter(
    sections=_sections,
    statement=_statement,
    lines=_lines,
    key_figures=_key_figures,
    method=_method,
    intervals=_intervals,
    acts=_acts,
    interval=_interval,
    limits={
        "failing_ppm": LimitWords("failing macros", ppm_text),
        "uncorrectable_rate": LimitWords("uncorrectable bit-error rate", rate_text),
        "shipped_macros": LimitWords("macros accepted before shipment"),
        "macro_energy": LimitWords("energy of a macro over the mission",
                                   lambda v: engineering(v, "J")),
        "macro_area": LimitWords("area of a macro", lambda v: engineering(v, "m^2")),
        "endurance_budget": LimitWords("write cycles of a cell", lambda v: f"{v:.3g}"),
    },
)  # fmt: skip
