"""Endurance: cells that have failed against cycles, in words, figures and a table."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from reliability.campaign.spec import Study
from reliability.population.cycling import MODES, count_failures
from reliability.report import figures as draw
from reliability.report.page import Figure, Section, Table, canvas, svg
from reliability.report.points import Results, anchor, results_of_points
from reliability.report.words import percent
from reliability.units import engineering


def endurance_section(study: Study, results: Results, summary: dict[str, Any]) -> Section:
    """Return the endurance test at every point."""
    figures: list[Figure] = []
    tables: list[Table] = []
    for k, (title, here, answer) in enumerate(results_of_points(study, results, summary)):
        figures.append(_figure(study, here, title))
        tables.append(_table(answer["endurance"], title, k + 1))
    return Section("endurance", "Endurance", (), figures, tables)


def endurance_lines(study: Study, results: Results, summary: dict[str, Any]) -> Iterator[str]:
    """Say what the test found at every point."""
    for title, here, answer in results_of_points(study, results, summary):
        for line in _lines(here, answer["endurance"]):
            yield f"{title}{title and ': '}{line}"


def _lines(results: Results, answer: list[dict[str, Any]]) -> list[str]:
    first, last = answer[0], answer[-1]

    def said(found: dict[str, Any]) -> str:
        reached = [c for c in found["cycles_to_share"] if c["cycles"] is not None]
        text = f"at {engineering(found['temperature_k'], 'K')} "
        if reached:
            parts = [f"{percent(c['share'], 1)} by cycle {c['cycles']:,.0f}" for c in reached]
            text += ", ".join(parts) + "; "
        return text + (
            f"{found['failed']:,} of {found['cells']:,} cells by {found['cycles']:,.0f} cycles "
            f"({percent(found['fraction_failed'], 2)}, {percent(found['low'], 2)} to "
            f"{percent(found['high'], 2)} at {percent(found['confidence'], 0)})"
        )

    mode = results["endurance"]["mode"].values
    counts = np.bincount(mode.ravel(), minlength=len(MODES))[1:]
    kinds = ", ".join(
        f"{percent(n / max(counts.sum(), 1), 1)} {_kind(name)}"
        for name, n in zip(MODES[1:], counts, strict=True)
        if n
    )
    lines = [f"Cells failed {said(first)}."]
    if last is not first:
        lines.append(f"Cells failed {said(last)}.")
    lines.append(f"Of the failures: {kinds or 'none'}.")
    return lines


def _figure(study: Study, results: Results, title: str) -> Figure:
    test = count_failures(results["endurance"].load())
    draws = results["endurance_draws"]["fraction_failed"] if "endurance_draws" in results else None
    e = study.endurance
    hottest = test.isel(temperature=-1)
    with canvas(10, 4.4, 1, 2, sharey=True) as (figure, axes):
        left, right = axes.flat
        draw.failures_against_cycles(test, left, draws=draws)
        draw.failures_of_wafers(hottest, right)
        right.set_ylabel("")
        right.set_title(f"at {engineering(float(hottest['temperature']), 'K')}", fontsize=10)
        dots = "" if draws is None else " Dots: 5 to 95 % of cards drawn from what is uncertain."
        return Figure(
            anchor("endurance", title),
            f"Cells failed against cycles{title and ': '}{title}",
            f"{e.wafers} wafers of {e.dies} dies of {e.cells} cells; a cell fails when "
            f"{_pulses(e.attempts)} on the wrong side of the reading reference, or for good. Bands:"
            f" 95 % interval of all wafers.{dots} Right: each wafer alone.",
            svg(figure, "Fraction of cells failed against cycles by temperature and by wafer"),
        )


def _pulses(attempts: int) -> str:
    if attempts == 1:
        return "a pulse leaves it"
    return f"{attempts} verified pulses in a row leave it"


def _table(answer: list[dict[str, Any]], title: str, number: int) -> Table:
    rows = []
    for found in answer:
        scale, shape = found["weibull_scale"], found["weibull_shape"]
        drawn = "not drawn"
        if "drawn_low" in found:
            drawn = f"{percent(found['drawn_low'], 2)} to {percent(found['drawn_high'], 2)}"
        rows.append([
            engineering(found["temperature_k"], "K"),
            f"{found['failed']:,} of {found['cells']:,}",
            percent(found["fraction_failed"], 2),
            f"{percent(found['low'], 2)} to {percent(found['high'], 2)}",
            drawn,
            "{:,.0f} ({:,.0f} to {:,.0f})".format(*scale) if found["failed"] else "none failed",
            "{:.2f} ({:.2f} to {:.2f})".format(*shape) if found["failed"] else "",
        ])  # fmt: skip
    return Table(
        f"endurance-table{number}", f"Endurance in numbers{title and ': '}{title}",
        f"Cells that have failed after {answer[0]['cycles']:,.0f} cycles, with the interval that "
        "the spread of wafers allows for, and the Weibull law fitted to all cells.",
        ["temperature", "failed", "fraction", "interval", "cards drawn", "Weibull scale (cycles)",
         "Weibull shape"],
        rows,
    )  # fmt: skip


def _kind(mode: str) -> str:
    return mode.replace("_", " ").replace("lrs", "LRS").replace("hrs", "HRS")
