"""The figures of a comparison: differences with their intervals, and the studies over time."""

from collections.abc import Iterator, Sequence
from textwrap import fill
from typing import Any, Literal

import numpy as np
import xarray as xr

from reliability.campaign.selection import at_age
from reliability.campaign.spec import Study
from reliability.population.cycling import count_failures
from reliability.report import figures as draw
from reliability.report.comparison_words import Row, at_end, pair, subject
from reliability.report.figures.style import colour, log_axis, marker, percent_axis
from reliability.report.page import Figure, canvas, svg
from reliability.report.sweep_overlays import sweep_overlays
from reliability.report.words import of_age, percent
from reliability.units import engineering

_Read = tuple[Study, dict[str, xr.Dataset]]
_MOST = 7  # studies in one figure, of the palette
_MOST_ROWS = 40


def comparison_figures(
    told: dict[str, Any], names: list[str], read: Sequence[_Read]
) -> Iterator[Figure]:
    """Yield the figures of a comparison: differences, and the answers of the studies as curves.

    Parameters
    ----------
    told : dict
        Of `reliability.campaign.compare_studies`.
    names : list of str
        Short names of the studies.
    read : sequence of (Study, dict of str to Dataset)
        The studies and their results.
    """
    rows = told["differences"]
    if told["axes"]:
        yield from sweep_overlays(told, names, read[0][0])
        return
    if len(rows) <= _MOST_ROWS:
        if shares := [row for row in rows if row["unit"] == "share"]:
            yield _intervals(told, names, shares, "difference")
        if ratios := [row for row in rows if row["measure"] == "ratio" and row["p"] is not None]:
            yield _intervals(told, names, ratios, "ratio")
    read = read[:_MOST]
    if all("accuracy" in study.outputs for study, _ in read):
        yield from _accuracy_figures(told, names, read)
    if all("endurance" in study.outputs for study, _ in read):
        yield _endurance_figure(names, read)


def _intervals(
    told: dict[str, Any],
    names: list[str],
    rows: list[Row],
    measure: Literal["difference", "ratio"],
) -> Figure:
    """Draw one measure of all rows, each on a line of its own."""
    with canvas(8.6, 1.5 + 0.3 * len(rows)) as (figure, axes):
        ax = axes.flat[0]
        y = np.arange(len(rows))[::-1]
        for real, kind, label in ((True, "o", "real"), (False, "x", "not told from none")):
            here = np.array([row["real"] is real for row in rows])
            if not here.any():
                continue
            value, low, high = (
                np.array([row[key] for row in rows], float)[here]
                for key in (measure, "low", "high")
            )
            ends = np.maximum(np.nan_to_num(np.stack([value - low, high - value])), 0)
            ax.errorbar(value, y[here], xerr=ends, fmt=kind, ms=5, capsize=3, lw=1.2,
                        color=colour(0) if real else "0.35", label=label)  # fmt: skip
        lines = [f"{pair(row, names)}: {subject(row, told['axes'])}" for row in rows]
        ax.set_yticks(y, [fill(line, 48) for line in lines], fontsize=8)
        ax.set_ylim(-0.6, len(rows) - 0.4)
        if measure == "ratio":
            ax.axvline(1, color="0.2", lw=1)
            log_axis(ax.xaxis, [row[key] for row in rows for key in ("low", "high")])
            ax.set_xlabel("ratio")
        else:
            ax.axvline(0, color="0.2", lw=1)
            percent_axis(ax.xaxis, "difference in points")
            ax.set_xlabel("difference (points)")
        ax.grid(axis="y", visible=False)
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
        each = "Each study over the first" if measure == "ratio" else "Each study less the first"
        return Figure(
            f"{measure}-figure", f"{measure.capitalize()}s and their intervals",
            f"{each}, with the {percent(told['confidence'], 0)} interval.",
            svg(figure, f"{measure.capitalize()}s between the studies with their intervals"),
        )  # fmt: skip


def _accuracy_figures(
    told: dict[str, Any], names: list[str], read: Sequence[_Read]
) -> Iterator[Figure]:
    common = [age for age in read[0][0].stress.combinations
              if all(age in study.stress.combinations for study, _ in read)]  # fmt: skip
    rows = [row for row in told["differences"]
            if row["quantity"] == "accuracy" and row["condition"] in common]  # fmt: skip
    if rows:
        yield from _accuracy_against_time(rows, names, read)
    ends = [study.stress.end for study, _ in read]
    if rows:  # an age that all have
        ends = [at_end(rows)[0]["condition"]] * len(read)
    with canvas(7.6, 4.4) as (figure, axes):
        ax = axes.flat[0]
        for k, (name, (_, results), end) in enumerate(zip(names, read, ends, strict=False)):
            x = np.sort(at_age(results["chips"]["accuracy"], end).values.ravel())
            share = (np.arange(x.size) + 0.5) / x.size
            ax.plot(x, share, marker(k) + "-", ms=3.5, lw=1, color=colour(k),
                    label=f"{name}, {of_age(end)}")  # fmt: skip
        percent_axis(ax.xaxis, "accuracy of a chip")
        percent_axis(ax.yaxis, "chips below")
        ax.legend(title="study")
        yield Figure(
            "chips", "Accuracy of the chips", "Each point is a chip.",
            svg(figure, "Cumulative distribution of the accuracy of the chips of each study"),
        )  # fmt: skip


def _accuracy_against_time(
    rows: list[Row], names: list[str], read: Sequence[_Read]
) -> Iterator[Figure]:
    ages, end = [row["condition"] for row in rows], at_end(rows)[0]["condition"]
    rest = {key: value for key, value in end.items() if key != "time"}
    times = sorted({age["time"] for age in ages})
    curves = []
    for study, results in read:
        here = {k: v for k, v in rest.items() if v in _values(study, k)}
        curve = at_age(results["chips"]["accuracy"], here).load()
        curves.append(curve.sel(time=[t for t in times if t in study.stress.times]))
    if len(times) > 1 and all(curve["time"].equals(curves[0]["time"]) for curve in curves):
        with canvas(8.6, 4.8) as (figure, axes):
            draw.points_against_time(curves, names[: len(curves)], axes.flat[0])
            yield Figure(
                "accuracy", "Accuracy against time",
                "Mean of the chips of each study (line) and 5 to 95 % of them (band), at "
                f"{engineering(end['temperature'], 'K')}.",
                svg(figure, "Accuracy against time of each study"),
            )  # fmt: skip


def _values(study: Study, name: str) -> tuple[float, ...]:
    return {key: values for key, values, _ in study.stress.axes}[name]


def _endurance_figure(names: list[str], read: Sequence[_Read]) -> Figure:
    first = read[0][0].endurance
    common = [t for t in first.temperatures
              if all(t in study.endurance.temperatures for study, _ in read)]  # fmt: skip
    temperature = max(common or first.temperatures)
    with canvas(8.6, 4.6) as (figure, axes):
        ax = axes.flat[0]
        shown = []
        for k, (name, (study, results)) in enumerate(zip(names, read, strict=False)):
            if temperature not in study.endurance.temperatures:
                continue
            at = count_failures(results["endurance"].load()).sel(temperature=temperature)
            n, share = at["cycles"].values, at["fraction_failed"].values
            seen = share > 0
            ax.fill_between(n, at["fraction_low"], at["fraction_high"], color=colour(k),
                            alpha=0.15, lw=0)  # fmt: skip
            ax.plot(n[seen], share[seen], color=colour(k), label=name)
            shown.append(n)
        log_axis(ax.xaxis, np.concatenate(shown))
        ax.set_yscale("log")
        ax.set_xlabel("SET/RESET cycles")
        ax.set_ylabel("fraction of cells failed")
        ax.legend(title="study")
        return Figure(
            "endurance", "Cells failed against cycles",
            f"At {engineering(temperature, 'K')}, with the 95 % interval of all wafers of each "
            "study.",
            svg(figure, "Fraction of cells failed against cycles of each study"),
        )  # fmt: skip
