"""The recommended design on sampled cards: tornado, value of information, what to measure next."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import xarray as xr

from reliability.campaign.tables import unit_of_number
from reliability.report import figures as draw
from reliability.report.designs_section import cost_name, limit_words, number_text
from reliability.report.page import Figure, Section, Table, canvas, numbers_of, svg
from reliability.report.points import Finished, named_point
from reliability.report.words import in_words, percent
from reliability.units import engineering

_MOST_PANELS = 3


def has_decision(finished: Finished) -> bool:
    """Whether the recommended design was computed on sampled cards."""
    return "decision" in finished.summary


def decision_statement(finished: Finished) -> Iterator[str]:
    """Say how probable it is that the design meets its limits, and what to measure to decide."""
    found = finished.summary["decision"]
    if "probability_met" not in found:
        return
    met = found["probability_met"]
    sure = percent(finished.study.confidence, 0)
    yield (
        f"Over the uncertainty of the card's parameters the design meets every limit with a "
        f"probability of {percent(met['value'], 0)} ({percent(met['low'], 0)} to "
        f"{percent(met['high'], 0)} at {sure} confidence, {found['draws']} sampled cards)."
    )
    yield _next(found)


def _next(found: dict[str, Any]) -> str:
    if found["risk"] == 0:
        return "All sampled cards give the same verdict: no measurement of a parameter changes it."
    best = next((r for r in found["parameters"] if r["name"] == found["measure_next"]), None)
    if best is None:
        return (
            "No parameter stands out of what chance gives among "
            f"{found['uncertain_parameters']} uncertain ones; more sampled cards (decision.draws) "
            "show weaker effects."
        )
    return (
        f"Parameter to measure next: {in_words(best['name'])}. Knowing it exactly makes a right "
        f"verdict more probable by {100 * best['value_of_information']:.1f} percentage points "
        f"({100 * best['value_low']:.1f} to {100 * best['value_high']:.1f})."
    )


def decision_section(finished: Finished) -> Section:
    """Return figures and table of the recommended design on uncertain cards."""
    study, found = finished.study, finished.summary["decision"]
    where = named_point(study, found["design"])
    text = [
        (f"Design: {where}. " if where else "")
        + f"{found['draws']} cards were sampled from the uncertainty of "
        f"{found['uncertain_parameters']} parameters and computed with the same chips. A parameter "
        "is named where its Spearman correlation with the margin to the limits (the first "
        "objective, where there is no limit) is among the strongest and it changes an answer when "
        f"it moves alone; chance alone gives a correlation of {found['by_chance']:.2f} to one of "
        "them in one study of 20."
    ]
    return Section("decision", "Uncertain parameters of the design", text,
                   list(_figures(finished)), [_table(finished)])  # fmt: skip


def _figures(finished: Finished) -> Iterator[Figure]:
    found = finished.summary["decision"]
    rows = found["parameters"][::-1]
    if not rows:
        return
    panels = list(_panels(finished, rows))[:_MOST_PANELS]
    tall = 1.5 + 0.36 * len(rows)
    with canvas(4.6 + 3.2 * len(panels), tall, 1, len(panels), sharey=True) as (figure, axes):
        for ax, panel in zip(axes.flat, panels, strict=True):
            draw.design_tornado(panel, ax)
        figure.legend(*axes.flat[0].get_legend_handles_labels(), loc="outside upper center",
                      ncols=1 + len(panels), fontsize=8)  # fmt: skip
        tail = percent(found["tail"], 0)
        title = "Tornado chart of the parameters of the card"
        yield Figure(
            "decision-tornado", title,
            f"Each parameter alone at its {tail} and {percent(1 - found['tail'], 0)} quantile "
            "(numbers), the others nominal, on the same chips. Solid line: nominal card.",
            svg(figure, title), numbers_of(xr.concat(
                [p.assign_coords(quantity=p["value"].attrs["long_name"]) for p in panels],
                "quantity", coords="minimal", compat="override", combine_attrs="drop_conflicts",
            )),
        )  # fmt: skip
    if not found.get("risk"):
        return
    bars = xr.Dataset(
        {name: ("parameter", [row[key] for row in rows]) for name, key in
         (("value", "value_of_information"), ("low", "value_low"), ("high", "value_high"))},
        {"parameter": [row["name"] for row in rows]},
    )  # fmt: skip
    with canvas(8.6, tall) as (figure, axes):
        draw.information_bars(bars, axes.flat[0])
        title = "Value of information of the parameters"
        yield Figure(
            "decision-information", title,
            "Expected gain in the probability of a right verdict if the parameter were known "
            f"exactly, with {percent(finished.study.confidence, 0)} intervals. A verdict taken now "
            f"for the more probable side is wrong with a probability of "
            f"{percent(found['risk'], 0)}.",
            svg(figure, title), numbers_of(bars),
        )  # fmt: skip


def _panels(finished: Finished, rows: Sequence[dict[str, Any]]) -> Iterator[xr.Dataset]:
    """Yield the quantities that decide, each once: a limit and an objective may be the same."""
    study, found = finished.study, finished.summary["decision"]
    limits = study.options("limits").model_dump(exclude_none=True)
    labels = {one.name: one.label for one in study.search.objective} if study.search else {}
    for name in _unlike(found):
        nominal, values = found["nominal"][name], [row["answers"][name] for row in rows]
        limit = limits.get(name)
        unit = unit_of_number(name)
        text = limit_words(name).quantity if name in limits else labels[name] or cost_name(name)
        attrs = {"long_name": text, "units": {"ppm": "1e-6"}.get(unit, unit) or "1",
                 "nominal": nominal} | ({} if limit is None else {"limit": limit})  # fmt: skip
        yield xr.Dataset(
            {"value": (("parameter", "side"), values, attrs),
             "moved": (("parameter", "side"), [row["moved"] for row in rows])},
            {"parameter": [row["name"] for row in rows], "side": ["low", "high"],
             "unit": ("parameter", [row["unit"] for row in rows])},
        )  # fmt: skip


def _unlike(found: dict[str, Any]) -> list[str]:
    """Return the quantities that move, one of those that are the same under two names."""
    answers = {name: tuple(np.ravel([row["answers"][name] for row in found["parameters"]]))
               for name in found["nominal"]}  # fmt: skip
    moved = {name: values for name, values in answers.items()
             if {*values, found["nominal"][name]} != {found["nominal"][name]}}  # fmt: skip
    return list({values: name for name, values in reversed(moved.items())}.values())[::-1]


def _table(finished: Finished) -> Table:
    found = finished.summary["decision"]
    decided, rows = "risk" in found, []
    moved = {name: {_text(finished, name, end) for row in found["parameters"]
                    for end in row["answers"][name]} for name in _unlike(found)}  # fmt: skip
    names = [name for name, texts in moved.items() if len(texts) > 1] or list(moved)
    for row in found["parameters"]:
        ends = [engineering(float(end), row["unit"] or "1") for end in row["moved"]]
        cells = [in_words(row["name"]), f"{ends[0]} to {ends[1]}",
                 f"{row['correlation']:.2f} ({row['low']:.2f} to {row['high']:.2f})"]  # fmt: skip
        if decided:
            gain = [100 * row[key] for key in ("value_of_information", "value_low", "value_high")]
            cells.append(f"{gain[0]:.1f} ({gain[1]:.1f} to {gain[2]:.1f})")
        cells += [" to ".join(_text(finished, name, end) for end in row["answers"][name])
                  for name in names]  # fmt: skip
        rows.append(cells)
    head = ["parameter", "low to high value", "rank correlation"]
    head += ["value of information (points)"] if decided else []
    return Table(
        "decision-table", "Parameters that move the design",
        "Answers with the parameter at its low and at its high value, the others nominal; on the "
        "nominal card: " + "; ".join(
            f"{_quantity(finished, name)} {_text(finished, name, found['nominal'][name])}"
            for name in names
        ) + ".",
        [*head, *(_quantity(finished, name) for name in names)], rows,
    )  # fmt: skip


def _quantity(finished: Finished, name: str) -> str:
    if name in finished.study.options("limits").model_dump(exclude_none=True):
        return str(limit_words(name).quantity)
    return cost_name(name)


def _text(finished: Finished, name: str, value: float) -> str:
    if name in finished.study.options("limits").model_dump(exclude_none=True):
        return str(limit_words(name).value(value))
    return number_text(value, unit_of_number(name))
