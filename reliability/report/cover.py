"""The cover of a study's report: the statement, key figures with intervals, and the verdicts."""

from collections.abc import Iterator
from typing import Any

from reliability.campaign.spec import Study
from reliability.campaign.sweep import Point
from reliability.report.outputs.architecture import key_quantities
from reliability.report.page import KeyFigure, Outcome, Table, Verdict
from reliability.report.points import (
    answers_of_points,
    axis_label,
    named_point,
    point_text,
)
from reliability.report.words import age_title, of_age, percent
from reliability.units import engineering

_NAMES = {
    "accuracy": "mean accuracy of a chip",
    "chips_below": "share of chips below the wanted accuracy",
    "failed_cells": "share of cells failed",
    "array_lines": "lines of the largest array",
}


def study_statement(study: Study, summary: dict[str, Any]) -> Iterator[str]:
    """Say first what a study of a network without a sweep found."""
    end, start = summary["accuracy"], summary["accuracy_by_age"][0]
    sure = percent(end["confidence"], 0)
    first, when = map(age_title, (study.stress.combinations[0], study.stress.end))
    line = (
        f"{when} the mean accuracy of a chip is {percent(end['mean'])} ({percent(end['low'])} to "
        f"{percent(end['high'])} at {sure}), with {percent(end['sigma_chips'])} (1σ) from chip "
        "to chip"
    )
    if "spikes_per_image" in summary:
        line += (
            f"; an image takes {summary['spikes_per_image']:.0f} input spikes and "
            f"{engineering(summary['energy_per_image_joule'], 'J')} in synapses and neurons "
            f"({engineering(summary['energy_per_image_system_joule'], 'J')} with logic and "
            "interface)"
        )
    yield f"{line}."
    yield (
        f"Ideal cells classify {percent(summary['ideal_accuracy'])} of {summary['images']:,} test "
        f"images. {first} the mean of chips is {percent(start['mean'])} "
        f"({percent(start['low'])} to {percent(start['high'])} at {sure})."
    )
    if study.sensitivity:
        measured = study.sensitivity.measured
        gap = (summary["ideal_accuracy"] - measured) * 100
        factors = ", ".join(factor.name for factor in study.sensitivity.factor)
        yield (
            f"The measured chip has {percent(measured, 0)} ({study.sensitivity.measured_source}), "
            f"{gap:.1f} points below ideal. {summary['combinations_explaining_measured']} of "
            f"{summary['combinations']} combinations of {factors} "
            "could have given it; one chip cannot tell them apart."
        )


def key_figures(study: Study, summary: dict[str, Any]) -> Iterator[KeyFigure]:
    """Yield the numbers of the cover, of a sweep its best and worst points."""
    points = answers_of_points(study, summary)
    if "accuracy" in study.outputs:
        yield from (_of_sweep(study, points) if study.sweep else _of_network(study, summary))
    if "attribution" in study.outputs and not study.sweep:
        yield from _of_attribution(summary["attribution"])
    if "architecture" in study.outputs:
        yield from key_quantities(summary["architecture"])
    if "endurance" in study.outputs:
        found = [(point, e) for point, answer in points for e in answer["endurance"]]
        for point, e in {id(e): (point, e) for point, e in (found[0], found[-1])}.values():
            where = named_point(study, point)
            yield KeyFigure(
                f"cells failed by {e['cycles']:,.0f} cycles at "
                f"{engineering(e['temperature_k'], 'K')}",
                percent(e["fraction_failed"], 2),
                _interval(percent(e["low"], 2), percent(e["high"], 2), e["confidence"]),
                where or f"{e['cells']:,} cells",
            )
    if "crossbar" in study.outputs:
        point, answer = max(points, key=lambda each: each[1]["crossbar"]["size"])
        found_size = answer["crossbar"]
        shape = f"{found_size['rows']} × {found_size['columns']}"
        yield KeyFigure(
            "largest array", shape if found_size["size"] else "none",
            _interval(f"{found_size['low']:.0f}", f"{found_size['high']:.0f} lines",
                      study.confidence),
            named_point(study, point),
        )  # fmt: skip


def _of_attribution(found: dict[str, Any]) -> Iterator[KeyFigure]:
    """What is lost by all phenomena, and by the three that cost most."""
    named = [("loss of accuracy", found["loss"], "")]
    named += [(row["name"], row["shapley"], "its share") for row in found["phenomena"][:3]]
    for name, ends, note in named:
        value, low, high = (f"{100 * end:.1f}" for end in ends)
        yield KeyFigure(name, f"{value} points", _interval(low, high, found["confidence"]), note)


def _of_network(study: Study, summary: dict[str, Any]) -> Iterator[KeyFigure]:
    chips = f"{summary['chips']} chips, {summary['images']:,} images"
    yield _accuracy(of_age(study.stress.end), summary["accuracy"], chips)
    worst = summary["accuracy_by_age"][-1]
    if study.stress.combinations[-1] != study.stress.end:
        yield _accuracy(of_age(study.stress.combinations[-1]), worst, "hottest, longest, most read")
    yield KeyFigure(
        "accuracy of ideal cells", percent(summary["ideal_accuracy"]),
        _interval(percent(summary["ideal_accuracy_low"]), percent(summary["ideal_accuracy_high"]),
                  study.confidence),
        "no spread, no ageing",
    )  # fmt: skip
    yield KeyFigure("chip to chip", f"± {percent(summary['accuracy']['sigma_chips'])}", "1σ",
                    of_age(study.stress.end))  # fmt: skip
    if "spikes_per_image" in summary:
        energy = engineering(summary["energy_per_image_joule"], "J")
        yield KeyFigure("energy per image", energy, "synapses and neurons, as the card has it",
                        f"{summary['spikes_per_image']:.0f} input spikes")  # fmt: skip


def _of_sweep(study: Study, points: list[tuple[Point, dict[str, Any]]]) -> Iterator[KeyFigure]:
    ordered = sorted(points, key=lambda each: each[1]["accuracy"]["mean"])
    for name, (point, answer) in (("best point", ordered[-1]), ("worst point", ordered[0])):
        yield _accuracy(name, answer["accuracy"], named_point(study, point))


def _accuracy(name: str, found: dict[str, Any], note: str) -> KeyFigure:
    interval = _interval(percent(found["low"]), percent(found["high"]), found["confidence"])
    return KeyFigure(f"accuracy, {name}", percent(found["mean"]), interval, note)


def _interval(low: str, high: str, confidence: float) -> str:
    return f"{low} to {high} at {percent(confidence, 0)}"


def verdicts(study: Study, summary: dict[str, Any]) -> Iterator[Verdict]:
    """Yield one verdict for each wanted limit: the worst of all points and conditions that decide.

    One that is not met anywhere is not met; else one that is not decided anywhere is not decided.
    """
    answers = [
        (point, found)
        for point, answer in answers_of_points(study, summary)
        for found in answer.get("limits", [])
        if found["decides"]
    ]
    for name in dict.fromkeys(found["limit"] for _, found in answers):
        own = [(point, found) for point, found in answers if found["limit"] == name]
        count = {o: sum(f["outcome"] == o for _, f in own) for o in _WORST_FIRST}
        worst: Outcome = next(o for o in _WORST_FIRST if count[o])
        point, found = next((p, f) for p, f in own if f["outcome"] == worst)
        where = ", ".join(filter(None, (point_text(point), _where(found))))
        because = f"{limit_value(name, found['value'])} ({_ends(found)}){where and f' {where}'}."
        if len(own) > 1:
            tally = ", ".join(f"{o} at {n}" for o, n in count.items() if n)
            because += f" Of {len(own)} conditions: {tally}."
        if found.get("note"):
            because += f" Note: {found['note']}."
        yield Verdict(limit_text(found), worst, because)


_WORST_FIRST: tuple[Outcome, ...] = ("not met", "not decided", "met")


def limit_text(found: dict[str, Any]) -> str:
    """Say a wanted limit: ``mean accuracy of a chip at least 82.0 %``."""
    sense = "at least" if found["sense"] == "least" else "at most"
    return f"{_NAMES[found['limit']]} {sense} {limit_value(found['limit'], found['wanted'])}"


def limit_value(name: str, value: float) -> str:
    """Print a value of a limit."""
    if name == "array_lines":
        return f"{value:.0f}"
    return percent(value, 1 if name == "accuracy" else 2)


def _ends(found: dict[str, Any]) -> str:
    return " to ".join(limit_value(found["limit"], found[end]) for end in ("low", "high"))


def _where(found: dict[str, Any]) -> str:
    if "age" in found:
        return of_age(found["age"])
    return f"at {engineering(found['temperature_k'], 'K')}" if "temperature_k" in found else ""


def limits_table(study: Study, summary: dict[str, Any]) -> Table:
    """Return every limit at every point and age."""
    swept = [axis_label(axis) for axis in study.sweep]
    rows = [
        [limit_text(found), *(point_text({name: value}) for name, value in point.items()),
         _where(found), limit_value(found["limit"], found["value"]), _ends(found),
         found["outcome"], "yes" if found["decides"] else "no"]
        for point, answer in answers_of_points(study, summary)
        for found in answer.get("limits", [])
    ]  # fmt: skip
    return Table(
        "limits", "Wanted limits",
        f"Met: the whole {percent(study.confidence, 0)} interval is on the wanted side of the "
        "limit; not met: all of it is on the other; not decided: the limit lies inside.",
        ["limit", *swept, "condition", "found", "interval", "verdict", "decides"],
        [list(row) for row in dict.fromkeys(map(tuple, rows))],  # no time: one temperature is all
    )  # fmt: skip
