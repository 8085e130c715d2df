"""Endurance: fraction of cells failed against cycles, as headline, figures and a table."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr

from reliability.campaign.outputs.endurance import EnduranceTable, write_curves_of
from reliability.campaign.spec import Study
from reliability.population.cycling import MODES, count_failures
from reliability.report import figures as draw
from reliability.report.chapter import Chapter, LimitWords
from reliability.report.comparison_words import Row
from reliability.report.page import Figure, KeyFigure, Section, Table, canvas, numbers_of, svg
from reliability.report.points import MOST_SENTENCES, Finished, anchor, named_point, titled
from reliability.report.study_overlays import endurance_overlays
from reliability.report.words import (
    few_draws,
    fraction_text,
    interval_text,
    listed,
    percent,
    percent_range,
)
from reliability.statistics.means import one_more
from reliability.technology import STATES
from reliability.units import engineering, grouped


def _sections(finished: Finished) -> Iterator[Section]:
    figures: list[Figure] = []
    tables: list[Table] = []
    for k, (title, here) in enumerate(finished.points()):
        figures.append(_figure(here, title))
        figures += _writes(here, title)
        tables.append(_table(here.summary["endurance"], title, k + 1))
    yield Section("endurance", "Endurance", (), figures, tables)


def _statement(finished: Finished) -> Iterator[str]:
    answers = finished.answers()
    if len(answers) > MOST_SENTENCES:  # the points of the fewest and the most failures
        ordered = sorted(answers, key=lambda each: each[1]["endurance"][0]["fraction_failed"])
        answers = [ordered[0], ordered[-1]]
    for point, answer in answers:
        where = named_point(finished.study, point)
        yield _headline(answer["endurance"], where and f" with {where}")
    if not finished.study.sweep:
        yield from _details(finished)


def _headline(answer: list[dict[str, Any]], where: str) -> str:
    """Say which fraction of the cells has failed at the end of the test."""
    ends = {id(each): each for each in (answer[0], answer[-1])}.values()
    found = [
        f"{fraction_text(e['fraction_failed'])} ({percent_range(e, 2)}) at "
        f"{engineering(e['temperature_k'], 'K')}" for e in ends
    ]  # fmt: skip
    return (
        f"After {answer[0]['cycles']:.3g} cycles the fraction of cells that have failed{where} is "
        f"{' and '.join(found)} ({percent(answer[0]['confidence'], 0)} confidence)."
    )


def _details(finished: Finished) -> Iterator[str]:
    found = finished.summary["endurance"][0]
    reached = [c for c in found["cycles_to_share"] if c["cycles"] is not None]
    if reached:
        parts = [f"{100 * c['share']:g} % after {_cycles(c['cycles'])}" for c in reached]
        at = engineering(found["temperature_k"], "K")
        yield f"Cumulative failures at {at} reach {', '.join(parts)}."
    yield from _wafers_and_temperatures(finished)
    mode = finished.results["endurance"]["mode"].values
    counts = np.bincount(mode.ravel(), minlength=len(MODES))[1:]
    if "pulses" in found:
        pulses = " and ".join(f"{found['pulses'][s.lower()]:.2f} ({s})" for s in STATES)
        failed = max(found["write_failures"].values())
        yield (
            f"After {grouped(found['cycles'])} cycles a write "
            f"({_name(finished.study.options('endurance').write)}) takes {pulses} pulses on "
            f"average, and at most {fraction_text(failed)} of writes fail temporarily; "
            f"{fraction_text(found['permanent'][0])} of cells have failed for good."
        )
    kinds = ", ".join(
        f"{percent(n / counts.sum(), 1)} {_kind(name)}"
        for name, n in zip(MODES[1:], counts, strict=True)
        if n
    )
    if kinds:
        yield f"Failure modes at all temperatures: {kinds}."


def _wafers_and_temperatures(finished: Finished) -> Iterator[str]:
    """Say how much wafers differ, and how much faster cells fail when hot."""
    first, last = (finished.summary["endurance"][k] for k in (0, -1))
    ends = [engineering(each["temperature_k"], "K") for each in (first, last)]
    failed = (finished.results["endurance"]["mode"] > 0).isel(temperature=0)
    of_wafer = failed.mean([name for name in failed.dims if name != "wafer"]).values
    if of_wafer.size > 1:
        yield (
            f"The fraction failed at {ends[0]} differs from wafer to wafer by "
            f"{100 * float(of_wafer.std(ddof=1)):.2g} points (1σ of {of_wafer.size} wafers)."
        )
    if last is not first and first["failed"] and last["failed"]:
        faster = first["weibull_scale"][0] / last["weibull_scale"][0]
        yield (f"From {ends[0]} to {ends[1]} the Weibull scale of cycles to failure falls by a "
               f"factor of {faster:.2g}.")  # fmt: skip


def _cycles(number: float) -> str:
    return f"{grouped(number)} cycle{'' if number == 1 else 's'}"


def _lines(answer: dict[str, Any]) -> Iterator[str]:
    for found in answer["endurance"]:
        yield (
            f"{percent(found['fraction_failed'], 2)} of cells failed by {found['cycles']:.3g} "
            f"cycles at {engineering(found['temperature_k'], 'K')} ({percent_range(found, 2)} at "
            f"{percent(found['confidence'], 0)})"
        )


def _interval(answer: dict[str, Any], row: Row, at: dict[str, float]) -> tuple[float, float] | None:
    for found in answer["endurance"]:
        if (found["temperature_k"], found["cycles"]) == (at["temperature"], at["cycles"]):
            return found["low"], found["high"]
    return None


def _key_figures(finished: Finished) -> Iterator[KeyFigure]:
    found = [(point, e) for point, answer in finished.answers() for e in answer["endurance"]]
    for point, e in {id(e): (point, e) for point, e in (found[0], found[-1])}.values():
        at = engineering(e["temperature_k"], "K")
        yield KeyFigure(
            f"cells failed after {grouped(e['cycles'])} cycles at {at}",
            fraction_text(e["fraction_failed"]),
            interval_text(percent_range(e, 2), e["confidence"]),
            named_point(finished.study, point) or f"{grouped(e['cells'])} cells",
        )


def _figure(finished: Finished, title: str) -> Figure:
    results, e = finished.results, finished.study.options("endurance")
    test = count_failures(results["endurance"].load())
    draws = results["endurance_draws"]["fraction_failed"] if "endurance_draws" in results else None
    hottest = test.isel(temperature=-1)
    with canvas(10, 4.4, 1, 2, sharey=True) as (figure, axes):
        left, right = axes.flat
        draw.failures_against_cycles(test, left, draws=draws)
        draw.failures_of_wafers(hottest, right)
        right.set_ylabel("")
        right.set_title(f"at {engineering(float(hottest['temperature']), 'K')}", fontsize=10)
        drawn = "Bands" if draws is None else "Bands and dots"
        ends = f" {drawn} are of the lowest and the highest temperature."
        ends = ends if test.sizes["temperature"] > 2 else ""
        dots = "" if draws is None else " Dots: 5 to 95 % of sampled cards."
        return Figure(
            anchor("endurance", title),
            titled("Cumulative failures against cycles", title),
            f"{_size(e)} of {e.dies} dies of {e.cells} cells; a cell fails when "
            f"{_pulses(e)} on the wrong side of the read reference (temporary write "
            "failure), or when it is stuck (permanent failure). "
            f"Bands: 95 % interval over {_units(e)}.{dots}{ends} Right: each wafer"
            f"{', numbered through the lots in turn' if e.lots > 1 else ''}.",
            svg(figure, "Fraction of cells failed against cycles by temperature and by wafer"),
            numbers_of(_drawn(test, draws)),
        )


def _writes(finished: Finished, title: str) -> Iterator[Figure]:
    """Draw what a write takes and leaves against cycles."""
    curves = write_curves_of(finished.results["endurance"])
    if "pulses" not in curves:
        return
    e = finished.study.options("endurance")
    hottest = curves.isel(temperature=-1)
    with canvas(10, 4.2, 1, 2) as (figure, axes):
        draw.write_curve(hottest, "pulses", axes.flat[0])
        draw.write_curve(hottest, "write_failures", axes.flat[1])
        at = engineering(float(hottest["temperature"]), "K")
        yield Figure(
            anchor("writes", title), titled("Pulses and failures of a write against cycles", title),
            f"Write method {_name(e.write)} at {at}: mean pulses of a write (left) and fraction of "
            f"writes that fail temporarily (right). Bands: 95 % interval over {_units(e)}.",
            svg(figure, "Pulses of a write and failing writes against cycles"),
            numbers_of(hottest),
        )  # fmt: skip


def _units(e: EnduranceTable) -> str:
    """What differs at random in the intervals."""
    return "lots" if e.lots > 1 else "wafers"


def _size(e: EnduranceTable) -> str:
    wafers = f"{e.wafers} wafer{'' if e.wafers == 1 else 's'}"
    return f"{e.lots} lots of {wafers}" if e.lots > 1 else wafers


def _name(write: str) -> str:
    return write.replace("_", " ")


def _drawn(test: xr.Dataset, draws: xr.DataArray | None) -> xr.Dataset:
    """Return the fractions that the figure draws, with those of sampled cards."""
    curves = test[["fraction_failed", "fraction_low", "fraction_high"]]
    if draws is None:
        return curves
    low, high = one_more(draws.transpose("draw", ...).values, 0.9)
    like = draws.isel(draw=0, drop=True)
    return curves.assign(sampled_low=like.copy(data=low), sampled_high=like.copy(data=high))


def _pulses(e: EnduranceTable) -> str:
    if e.write == "verify" and e.attempts > 1:
        return f"{e.attempts} verified pulses in a row leave it"
    if e.write in ("verify", "single_pulse"):
        return "a pulse leaves it"
    if e.write == "fixed_pulses":
        return f"the last of {e.write_method().pulses} pulses leaves it"
    return f"a write ({_name(e.write)}) leaves it"


def _table(answer: list[dict[str, Any]], title: str, number: int) -> Table:
    rows = []
    for found in answer:
        scale, shape = found["weibull_scale"], found["weibull_shape"]
        sampled = "not sampled"
        if "drawn_low" in found:
            sampled = f"{percent(found['drawn_low'], 2)} to {percent(found['drawn_high'], 2)}"
        rows.append([
            engineering(found["temperature_k"], "K"),
            f"{grouped(found['failed'])} of {grouped(found['cells'])}",
            fraction_text(found["fraction_failed"]),
            percent_range(found, 2),
            sampled,
            "{} ({} to {})".format(*map(grouped, scale)) if found["failed"] else "none failed",
            "{:.2f} ({:.2f} to {:.2f})".format(*shape) if found["failed"] else "",
        ])  # fmt: skip
    return Table(
        f"endurance-table{number}", titled("Cumulative failures and Weibull fit", title),
        f"Cells that have failed after {grouped(answer[0]['cycles'])} cycles, with the interval "
        "that "
        "variability of lots and wafers allows, and the Weibull distribution fitted to all cells.",
        ["temperature", "failed", "fraction", "interval", "sampled cards",
         "Weibull scale (cycles)", "Weibull shape"],
        rows,
    )  # fmt: skip


def _kind(mode: str) -> str:
    return mode.replace("_", " ").replace("lrs", "LRS").replace("hrs", "HRS")


def _method(study: Study) -> Iterator[str]:
    e = study.options("endurance")
    how = {"first_passage": "cycles to failure from the first-passage distribution",
           "every_cycle": "every cycle simulated"}[e.method]  # fmt: skip
    yield (
        f"{_size(e)} of {e.dies} dies of {grouped(e.cells)} cells of technology "
        f"{study.technology} "
        f"were cycled to failure, or to {e.cycles:.3g} cycles, at {listed(e.temperatures, 'K')} "
        f"({how}); a cell fails when "
        f"{_pulses(e)} on the wrong side of the read reference (temporary write "
        "failure), or when it is stuck (permanent failure)."
    )


def _intervals(study: Study) -> Iterator[str]:
    apart = "; that of sampled cards is in the table" if study.uncertainty else ""
    levels = "lot- and wafer-level" if study.options("endurance").lots > 1 else "wafer-level"
    few = few_draws(study.uncertainty.draws, 0.95) if study.uncertainty else ""
    yield f"The interval of the fraction failed includes {levels} variability{apart}.{few}"


def _acts(phenomenon: str, study: Study) -> str:
    e = study.options("endurance")
    if phenomenon == "endurance":
        return f"to {e.cycles:.3g} cycles at {listed(e.temperatures, 'K')}"
    if phenomenon in ("programming", "defects"):
        return "as on the card"
    return "does not act: cells are read after each pulse"


CHAPTER = Chapter(
    sections=_sections,
    statement=_statement,
    lines=_lines,
    key_figures=_key_figures,
    method=_method,
    intervals=_intervals,
    acts=_acts,
    overlays=endurance_overlays,
    interval=_interval,
    limits={"failed_cells": LimitWords("fraction of cells failed")},
)
