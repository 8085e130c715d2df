"""Acceptance limits: the verdicts of the cover, the table of all of them, and plans of tests."""

import math
from collections.abc import Iterator
from typing import Any

from reliability.campaign.limits import WORST_FIRST, worst_outcome
from reliability.campaign.metric_words import is_fraction
from reliability.report.designs_section import design_verdict, designs_table, has_designs
from reliability.report.outputs import CHAPTERS, chapters_of
from reliability.report.page import Section, Table, Verdict
from reliability.report.points import Finished, axis_label, point_text
from reliability.report.words import of_age, percent
from reliability.units import engineering


def verdicts(finished: Finished) -> Iterator[Verdict]:
    """Yield one verdict for each acceptance limit: the worst of all that decide.

    A limit that is not demonstrated at one point or condition is not demonstrated; else one that is
    inconclusive anywhere is inconclusive. Where the axes of a sweep are choices, a verdict on the
    designs takes their place.
    """
    if has_designs(finished):
        yield design_verdict(finished)
        return
    answers = [
        (point, found)
        for point, answer in finished.answers()
        for found in answer.get("limits", [])
        if found["decides"]
    ]
    for name in dict.fromkeys(found["limit"] for _, found in answers):
        own = [(point, found) for point, found in answers if found["limit"] == name]
        count = {o: sum(f["outcome"] == o for _, f in own) for o in WORST_FIRST}
        worst = worst_outcome([found["outcome"] for _, found in own])
        point, found = next((p, f) for p, f in own if f["outcome"] == worst)
        where = ", ".join(filter(None, (point_text(point), _where(found))))
        because = f"{_value(found, 'value')} ({_ends(found)}){where and f' {where}'}."
        if len(own) > 1:
            tally = ", ".join(f"{o} at {n}" for o, n in count.items() if n)
            because += f" Of {len(own)} conditions: {tally}."
        if found.get("note"):
            because += f" Note: {found['note']}."
        yield Verdict(limit_text(found), worst, because)


def limit_text(found: dict[str, Any]) -> str:
    """Say an acceptance limit: ``mean accuracy of a chip ≥ 82.0 %``."""
    sign = "≥" if found["sense"] == "least" else "≤"
    return f"{_words(found).quantity} {sign} {_value(found, 'wanted')}"


def _words(found: dict[str, Any]) -> Any:
    return next(c.limits[found["limit"]] for c in CHAPTERS.values() if found["limit"] in c.limits)


def _value(found: dict[str, Any], key: str) -> str:
    return str(_words(found).value(found[key]))


def _ends(found: dict[str, Any]) -> str:
    if math.isnan(found["low"]):  # of one chip
        return "interval not known"
    return f"{_value(found, 'low')} to {_value(found, 'high')}"


def _where(found: dict[str, Any]) -> str:
    if "age" in found:
        return of_age(found["age"])
    return f"at {engineering(found['temperature_k'], 'K')}" if "temperature_k" in found else ""


def acceptance_sections(finished: Finished) -> Iterator[Section]:
    """Yield every limit at every point and stress condition, and the plans of tests, if any."""
    limits = _limits_table(finished)
    keys = [key for chapter in chapters_of(finished.study) for key in chapter.limits]
    if keys[:1] == ["accuracy"] and not is_fraction(finished.study):
        keys = []
    text = () if limits.rows or not keys else (
        "The study states no acceptance limit, so there is no verdict. A limit can be stated "
        f"afterwards, without a new run: reliability report FOLDER --limit {keys[0]}=VALUE.",
    )  # fmt: skip
    plans = [table for chapter in chapters_of(finished.study) for table in chapter.plans(finished)]
    designs = [designs_table(finished)] if has_designs(finished) else []
    tables = [*designs, *([limits] if limits.rows else []), *plans]
    if text or tables:
        yield Section("qualification", "Qualification", text, tables=tables)


def _limits_table(finished: Finished) -> Table:
    study = finished.study
    swept = [axis_label(axis) for axis in study.sweep]
    rows = [
        [limit_text(found), *(point_text({name: value}) for name, value in point.items()),
         _where(found), _value(found, "value"), _ends(found), found["outcome"],
         "yes" if found["decides"] else "no"]
        for point, answer in finished.answers()
        for found in answer.get("limits", [])
    ]  # fmt: skip
    return Table(
        "limits", "Acceptance limits",
        f"Demonstrated: the whole {percent(study.confidence, 0)} interval meets the limit. Not "
        "demonstrated: no part of it does. Inconclusive: the limit lies inside the interval.",
        ["limit", *swept, "condition", "value", "interval", "verdict", "decides"],
        [list(row) for row in dict.fromkeys(map(tuple, rows))],  # no time: one temperature is all
    )  # fmt: skip
