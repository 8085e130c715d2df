"""Designs of a sweep against the acceptance limits: the sentence of the cover and the table."""

from collections.abc import Iterator
from typing import Any

from reliability.campaign.feasible_designs import ENERGY_OF_AN_IMAGE, LISTS
from reliability.campaign.fronts import recommended_design
from reliability.campaign.spec import Study
from reliability.campaign.tables import unit_of_number
from reliability.report.chapter import LimitWords
from reliability.report.outputs import CHAPTERS
from reliability.report.page import Outcome, Table, Verdict
from reliability.report.points import Finished, axis_label, named_point, value_text
from reliability.report.words import percent, ppm_text, rate_text
from reliability.units import engineering

_OUTCOMES: dict[str, Outcome] = {name: outcome for outcome, name in LISTS.items()}


def has_designs(finished: Finished) -> bool:
    """Whether the study has choices and limits that decide between them."""
    return "feasible" in finished.summary


def designs_line(study: Study, summary: dict[str, Any]) -> str:
    """Say how many designs meet all limits, and which of them is recommended."""
    best, line = summary["recommended"], count_line(study, summary)
    if best is None:
        return line
    which = named_point(study, best["design"])
    return f"{line} Recommended: {which}, which has {_why(summary, best)}."


def count_line(study: Study, summary: dict[str, Any]) -> str:
    """Say how many designs meet all limits; without one, what is nearest."""
    met, open_, out = (len(summary[name]) for name in _OUTCOMES)
    count = met + open_ + out
    sure = percent(study.confidence, 0)
    line = (
        f"{met} of {count} designs {'meets' if met == 1 else 'meet'} every acceptance limit at "
        f"{sure} confidence"
    )
    line += f", {open_} {'is' if open_ == 1 else 'are'} inconclusive." if open_ else "."
    best = summary["recommended"]
    if best is None:
        near = nearest(summary)
        words = limit_words(near["limit"])
        ends = f"{words.value(near['low'])} to {words.value(near['high'])}"
        return (
            f"{line} The nearest to its limit is {words.quantity} {words.value(near['value'])} "
            f"({ends}) with {named_point(study, near['point'])}."
        )
    return line


def nearest(summary: dict[str, Any]) -> dict[str, Any]:
    """Return the limit that the design nearest to meeting all of them misses most."""

    def missed(row: dict[str, Any]) -> float:
        gap = (row["value"] - row["wanted"]) / (abs(row["wanted"]) or 1.0)
        return gap if row["sense"] == "most" else -gap

    least = next(summary[name] for name in ("inconclusive", "infeasible") if summary[name])
    worst = [max((row for row in one["limits"] if row["outcome"] != "demonstrated"), key=missed)
             for one in least]  # fmt: skip
    return min(worst, key=missed)


def limit_words(name: str) -> LimitWords:
    """Return how an acceptance limit is written."""
    return next(c.limits[name] for c in CHAPTERS.values() if name in c.limits)


def recommendation(finished: Finished) -> Iterator[str]:
    """Say in one sentence which design to take, where the study has designs to choose from."""
    study, summary = finished.study, finished.summary
    design = recommended_design(summary)
    if design is None:
        return
    chosen = next(a for p, a in finished.answers() if design.items() <= p.items())
    if "front" in summary:
        first = summary["front"][0]
        sure = {"demonstrated": "", "inconclusive": " (not demonstrated to meet every limit)"}
        why = "; ".join(objective_text(one) for one in first["objectives"])
        yield f"Recommended: {named_point(study, design)}{sure[first['outcome']]}: {why}."
        return
    met = "; ".join(
        f"{limit_words(row['limit']).quantity} {limit_words(row['limit']).value(row['value'])}"
        for row in chosen["limits"] if row["decides"]
    )  # fmt: skip
    yield (
        f"Recommended: {named_point(study, design)}, which has "
        f"{_why(summary, summary['recommended'])} of the designs that meet every limit: {met}."
    )


def objective_text(one: dict[str, Any]) -> str:
    """Say an objective by its name, with its interval, in its unit."""
    return f"{one['label'] or cost_name(one['name'])} {objective_value(one)}"


def objective_value(one: dict[str, Any]) -> str:
    """Return an objective with its interval, in its unit; an accuracy in percent."""
    fraction = one["name"].startswith("accuracy")
    ends = [percent(one[end]) if fraction else number_text(one[end], one["unit"])
            for end in ("value", "low", "high")]  # fmt: skip
    return ends[0] if ends[0] == ends[1] == ends[2] else f"{ends[0]} ({ends[1]} to {ends[2]})"


def number_text(value: float, unit: str) -> str:
    """Print a number of an answer with its unit."""
    if unit == "ppm":
        return ppm_text(value)
    if unit in ("", "1"):
        return rate_text(value) if 0 < abs(value) < 1e-3 else f"{value:.4g}"
    return engineering(value, unit)


def design_verdict(finished: Finished) -> Verdict:
    """Return the verdict of the cover: demonstrated where a design meets every limit.

    A design that meets them on the nominal card, but not on as many sampled cards as the confidence
    of the study asks for, is inconclusive.
    """
    summary = finished.summary
    outcome: Outcome = next(_OUTCOMES[name] for name in _OUTCOMES if summary[name])
    design = recommended_design(summary)
    named = f"the recommended design ({named_point(finished.study, design)})" if design else ""
    meets = "meets every acceptance limit"
    met = summary.get("decision", {}).get("probability_met")
    if outcome == "demonstrated" and met and met["value"] < finished.study.confidence:
        outcome = "inconclusive"
        meets += f" on the nominal card, but only on {percent(met['value'], 0)} of sampled cards"
    return Verdict(f"{named or 'a design'} {meets}", outcome, count_line(finished.study, summary))


def designs_table(finished: Finished) -> Table:
    """Return every design with its worst limits, the feasible ones first, by cost."""
    study, summary = finished.study, finished.summary
    axes = {axis.name: axis_label(axis) for axis in study.sweep}
    every = [
        (name, one)
        for name in _OUTCOMES
        for one in sorted(summary[name], key=lambda design: design["cost"])
    ]
    choices = list(every[0][1]["design"])
    limits = [row["limit"] for row in every[0][1]["limits"]]
    head = [axes[name] for name in choices]
    costs = [] if not summary["objective"] else [cost_name(summary["objective"])]
    rows = [
        [
            *(value_text(key, value) for key, value in one["design"].items()),
            *([_cost_text(summary["objective"], one["cost"])] if costs else []),
            *(_worst(one, limit) for limit in limits),
            name,
        ]
        for name, one in every
    ]
    return Table(
        "designs",
        "Designs",
        "Each design with the worst value of each limit over the conditions of the sweep, and its "
        "interval. Feasible: every limit is demonstrated at every condition.",
        [*head, *costs, *(limit_words(limit).quantity for limit in limits), "design is"],
        rows,
    )


def _worst(design: dict[str, Any], limit: str) -> str:
    row = next(row for row in design["limits"] if row["limit"] == limit)
    value, low, high = (limit_words(limit).value(row[end]) for end in ("value", "low", "high"))
    return value if low == value == high else f"{value} ({low} to {high})"


def _why(summary: dict[str, Any], best: dict[str, Any]) -> str:
    if "front" in summary:
        return "; ".join(objective_text(one) for one in summary["front"][0]["objectives"])
    name = summary["objective"]
    if not name:
        return "the largest margin to the limits"
    return f"the least {cost_name(name)} ({_cost_text(name, best['cost'])})"


def cost_name(name: str) -> str:
    """Say a number of summary.json by its dotted name."""
    if name == ENERGY_OF_AN_IMAGE:
        return "energy of an image"
    for end in ("_joule", "_m2", "_ppm"):
        name = name.removesuffix(end)
    return name.rpartition(".")[2].replace("uber", "UBER").replace("_", " ")


def _cost_text(name: str, value: float) -> str:
    return number_text(value, unit_of_number(name))
