"""Designs of a sweep against the acceptance limits: the sentence of the cover and the table."""

from typing import Any

from reliability.campaign.feasible_designs import ENERGY_OF_AN_IMAGE, LISTS
from reliability.campaign.spec import Study
from reliability.report.page import Outcome, Table, Verdict
from reliability.report.points import Finished, axis_label, named_point, value_text
from reliability.report.words import percent
from reliability.units import engineering

_OUTCOMES: dict[str, Outcome] = {name: outcome for outcome, name in LISTS.items()}


def has_designs(finished: Finished) -> bool:
    """Whether the study has choices and limits that decide between them."""
    return "feasible" in finished.summary


def designs_line(study: Study, summary: dict[str, Any]) -> str:
    """Say how many designs meet all limits, and which of them is recommended."""
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
        near = max(
            (row for name in _OUTCOMES for one in summary[name] for row in one["limits"]),
            key=lambda row: (row["value"] - row["wanted"]) * (1 if row["sense"] == "least" else -1),
        )
        return (
            f"{line} The nearest to a limit is {near['limit']} = {near['value']:.4g} "
            f"({near['low']:.4g} to {near['high']:.4g}) with "
            f"{named_point(study, near['point'])}."
        )
    which = named_point(study, best["design"])
    return f"{line} Recommended: {which}, which has {_why(summary, best)}."


def design_verdict(finished: Finished) -> Verdict:
    """Return the verdict of the cover: demonstrated where a design meets every limit."""
    summary = finished.summary
    outcome: Outcome = next(_OUTCOMES[name] for name in _OUTCOMES if summary[name])
    return Verdict(
        "a design meets every acceptance limit", outcome, designs_line(finished.study, summary)
    )


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
    costs = [] if not summary["objective"] else [_cost_name(summary["objective"])]
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
        [*head, *costs, *(limit.replace("_", " ") for limit in limits), "design is"],
        rows,
    )


def _worst(design: dict[str, Any], limit: str) -> str:
    row = next(row for row in design["limits"] if row["limit"] == limit)
    return f"{row['value']:.4g} ({row['low']:.4g} to {row['high']:.4g})"


def _why(summary: dict[str, Any], best: dict[str, Any]) -> str:
    name = summary["objective"]
    if not name:
        return "the largest margin to the limits"
    return f"the least {_cost_name(name)} ({_cost_text(name, best['cost'])})"


def _cost_name(name: str) -> str:
    return (
        "energy of an image"
        if name == ENERGY_OF_AN_IMAGE
        else name.replace("_", " ").replace(".", ", ")
    )


def _cost_text(name: str, value: float) -> str:
    return engineering(value, "J") if name.endswith("joule") else f"{value:.4g}"
