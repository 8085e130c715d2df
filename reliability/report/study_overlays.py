"""Answers of several studies over each other: accuracy of chips, cells failed against cycles."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import xarray as xr

from reliability.campaign.metric_words import metric_name
from reliability.campaign.selection import at_age
from reliability.campaign.spec import Study
from reliability.population.cycling import count_failures
from reliability.report import figures as draw
from reliability.report.comparison_words import Row, at_end
from reliability.report.figures.accuracy_figures import bands_of_chips
from reliability.report.figures.style import colour, log_axis, marker, metric_axis, percent_axis
from reliability.report.measure import Measure
from reliability.report.page import Figure, Numbers, canvas, numbers_of, svg
from reliability.report.words import of_age
from reliability.units import engineering

Read = tuple[Study, dict[str, xr.Dataset]]


def accuracy_overlays(
    told: dict[str, Any], names: list[str], read: Sequence[Read]
) -> Iterator[Figure]:
    name = metric_name(read[0][0])
    common = [age for age in read[0][0].stress.combinations
              if all(age in study.stress.combinations for study, _ in read)]  # fmt: skip
    rows = [row for row in told["differences"]
            if row["quantity"] == name and row["condition"] in common]  # fmt: skip
    if rows:
        yield from _accuracy_against_time(rows, names, read)
    ends = [study.stress.end for study, _ in read]
    if rows:  # an age that all have
        ends = [at_end(rows)[0]["condition"]] * len(read)
    with canvas(7.6, 4.4) as (figure, axes):
        ax = axes.flat[0]
        numbers: list[list[Any]] = []
        for k, (each, (_, results), end) in enumerate(zip(names, read, ends, strict=False)):
            x = np.sort(at_age(results["chips"]["accuracy"], end).values.ravel())
            below = (np.arange(x.size) + 0.5) / x.size
            ax.plot(x, below, marker(k) + "-", ms=3.5, lw=1, color=colour(k),
                    label=f"{each}, {of_age(end)}")  # fmt: skip
            numbers += [[each, *point] for point in zip(x.tolist(), below.tolist(), strict=True)]
        metric_axis(ax.xaxis, read[0][1]["chips"]["accuracy"], " of a chip")
        percent_axis(ax.yaxis, "chips below")
        ax.legend(title="study")
        yield Figure(
            "chips", f"Distribution of {name} over chips", "Each point is a chip.",
            svg(figure, f"Cumulative distribution of {name} of the chips of each study"),
            Numbers(["study", f"{name} of a chip", "fraction of chips below"], numbers),
        )  # fmt: skip


def _accuracy_against_time(
    rows: list[Row], names: list[str], read: Sequence[Read]
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
        labels = xr.DataArray(names[: len(curves)], dims="point", name="point")
        plain = [c.drop_vars([n for n, v in c.coords.items() if "chip" in v.dims]) for c in curves]
        accuracy = xr.concat(plain, labels, coords="minimal", compat="override")
        with canvas(8.6, 4.8) as (figure, axes):
            draw.points_against_time(accuracy, axes.flat[0])
            yield Figure(
                "accuracy", f"{Measure.of(read[0][0]).title} against time",
                "Mean of the chips of each study (line) and 5 to 95 % of them (thick bars), at "
                f"{engineering(end['temperature'], 'K')}.",
                svg(figure, f"{metric_name(read[0][0])} against time of each study"),
                numbers_of(bands_of_chips(accuracy.rename(point="study"))),
            )  # fmt: skip


def _values(study: Study, name: str) -> tuple[float, ...]:
    return {key: values for key, values, _ in study.stress.axes}[name]


def endurance_overlays(
    told: dict[str, Any], names: list[str], read: Sequence[Read]
) -> Iterator[Figure]:
    tables = [study.options("endurance") for study, _ in read]
    first = tables[0]
    common = [t for t in first.temperatures
              if all(t in table.temperatures for table in tables)]  # fmt: skip
    temperature = max(common or first.temperatures)
    with canvas(8.6, 4.6) as (figure, axes):
        ax = axes.flat[0]
        shown = []
        for k, (name, (_, results)) in enumerate(zip(names, read, strict=False)):
            if temperature not in tables[k].temperatures:
                continue
            at = count_failures(results["endurance"].load()).sel(temperature=temperature)
            n, failed = at["cycles"].values, at["fraction_failed"].values
            seen = failed > 0
            ax.fill_between(n, at["fraction_low"], at["fraction_high"], color=colour(k),
                            alpha=0.15, lw=0)  # fmt: skip
            ax.plot(n[seen], failed[seen], color=colour(k), label=name)
            curve = at[["fraction_failed", "fraction_low", "fraction_high"]].reset_coords(drop=True)
            shown.append(curve.assign_coords(study=name))
        log_axis(ax.xaxis, np.concatenate([curve["cycles"] for curve in shown]))
        ax.set_yscale("log")
        ax.set_xlabel("SET/RESET cycles")
        ax.set_ylabel("fraction of cells failed")
        ax.legend(title="study")
        yield Figure(
            "endurance", "Cumulative failures against cycles",
            f"At {engineering(temperature, 'K')}, with the 95 % interval of all wafers of each "
            "study.",
            svg(figure, "Fraction of cells failed against cycles of each study"),
            numbers_of(xr.concat(shown, "study", join="outer")),
        )  # fmt: skip
