"""The figures of a study without a sweep: its cells, its network, its factors."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr

from reliability.campaign.selection import at_age
from reliability.campaign.spec import Study
from reliability.campaign.summary import explained
from reliability.report import figures as draw
from reliability.report.inference_figures import inference_figures
from reliability.report.page import Figure, canvas, svg
from reliability.report.words import age_title, percent
from reliability.technology import Technology
from reliability.units import engineering

_MOST_CURVES = 100  # of chips, so that a report stays small


def population_figures(study: Study, results: dict[str, xr.Dataset]) -> Iterator[Figure]:
    """Yield the conductance of the cells before and after the mission."""
    chips, end_reads = _at_end_reads(study, results)
    if "conductance_quantile" not in chips:
        return
    ages = study.ages
    start = {"time": ages.times[0], "temperature": ages.temperatures[0]}
    worst = {"time": ages.times[-1], "temperature": ages.temperatures[-1]}
    every = -(-chips.sizes["chip"] // _MOST_CURVES)
    quantiles = chips["conductance_quantile"].isel(chip=slice(None, None, every))
    shown = f"one line for each of {quantiles.sizes['chip']} chips"
    with canvas(10, 4.4, 1, 2) as (figure, axes):
        for ax, age in zip(axes.flat, (start, worst), strict=True):
            draw.conductance_of_chips(quantiles.sel(age), ax)
            ax.set_title(age_title(age | end_reads), pad=18, fontsize=10)
        axes.flat[0].legend(loc="lower right", fontsize=8)
        yield Figure(
            "conductance",
            "Conductance of the cells",
            f"Cumulative distribution of both states on normal probability paper, {shown}; a "
            "straight line on the log axis is log-normal.",
            svg(figure, "Probability plot of conductance by state and wafer"),
        )


def ageing_figures(study: Study, results: dict[str, xr.Dataset]) -> Iterator[Figure]:
    """Yield what time and heat do to the states."""
    chips, end_reads = _at_end_reads(study, results)
    times = len(study.ages.times)
    if "conductance_quantile" not in chips or times < 2:
        return
    with canvas(8.6, 4.6) as (figure, axes):
        draw.states_against_time(chips["conductance_quantile"], axes.flat[0])
        reads = f" With {end_reads['reads']:.3g} reads." if end_reads["reads"] else ""
        yield Figure(
            "states",
            "States against time and temperature",
            "Median cell (line) and the middle 90 % of cells (band) of each state, all chips "
            f"together.{reads}",
            svg(figure, "Median and spread of the conductance of each state against time"),
        )


def _at_end_reads(
    study: Study, results: dict[str, xr.Dataset]
) -> tuple[xr.Dataset, dict[str, float]]:
    """Chips at one read voltage and the last of the reads, for figures of time and temperature."""
    end_reads = {k: study.ages.end[k] for k in ("reads", "read_voltage", "inferences")}
    return at_age(results["chips"], end_reads), end_reads


def network_figures(
    study: Study, technology: Technology, results: dict[str, xr.Dataset], summary: dict[str, Any]
) -> Iterator[Figure]:
    """Yield accuracy, spikes and energy over ages, chips and classes."""
    ages, end = study.ages, study.ages.end
    chips, _ = _at_end_reads(study, results)
    here = {k: end[k] for k in ("time", "temperature")}
    many = f"{study.population.chips} chips"

    if len(ages.times) > 1:
        yield from _time_figures(study, technology, results, summary)
    if len(ages.reads) > 1:
        with canvas(8.6, 4.4) as (figure, axes):
            accuracy = at_age(results["chips"]["accuracy"], here | {"inferences": 0.0})
            draw.accuracy_against_reads(accuracy, axes.flat[0], ideal=summary["ideal_accuracy"])
            yield Figure(
                "reads",
                "Accuracy against reads of every cell",
                f"Mean over {many} (line) and 5 to 95 % of chips (band). {age_title(here)}.",
                svg(figure, "Accuracy against number of reads for each read voltage"),
            )

    if len(ages.inferences) > 1:
        yield from inference_figures(study, results, summary["ideal_accuracy"])

    accuracy = chips["accuracy"].sel(here)
    wafers = np.unique(accuracy["wafer"].values)
    columns = min(len(wafers), 4)
    rows = -(-len(wafers) // columns)
    with canvas(2.5 * columns + 1, 2.9 * rows + 0.2, rows, columns) as (figure, axes):
        draw.wafer_maps(
            (accuracy * 100).assign_attrs(units="%", long_name="accuracy"),
            list(axes.flat),
            diameter=technology["wafer.diameter"] * 1e3,
            die=(technology["wafer.die_width"] * 1e3, technology["wafer.die_height"] * 1e3),
            edge_exclusion=technology["wafer.edge_exclusion"] * 1e3,
        )
        yield Figure(
            "wafers",
            "Accuracy per chip on the wafer",
            f"{age_title(end)}. One chip per die; the notch is at the bottom.",
            svg(figure, "Wafer maps of the accuracy of each chip"),
        )

    with canvas(5.6, 4.8) as (figure, axes):
        draw.confusion_matrix(chips["confusion"].sel(here).sum("chip"), axes.flat[0])
        yield Figure(
            "confusion",
            "Which digits are confused",
            f"All chips together. {age_title(end)}.",
            svg(figure, "Confusion matrix"),
        )


def _time_figures(
    study: Study, technology: Technology, results: dict[str, xr.Dataset], summary: dict[str, Any]
) -> Iterator[Figure]:
    chips, end_reads = _at_end_reads(study, results)
    many = f"{study.population.chips} chips"

    with canvas(8.6, 4.6) as (figure, axes):
        references = {
            f"ideal cells {percent(summary['ideal_accuracy'])}": summary["ideal_accuracy"]
        }
        if study.sensitivity:
            measured = study.sensitivity.measured
            references[f"measured chip {percent(measured, 0)}"] = measured
        draws = at_age(results["draws"]["accuracy"], end_reads) if "draws" in results else None
        draw.accuracy_against_time(
            chips["accuracy"], axes.flat[0], draws=draws, references=references
        )
        yield Figure(
            "accuracy",
            "Accuracy against time and temperature",
            f"Mean over {many} (line), 5 to 95 % of chips (band)"
            + (
                ", 5 to 95 % of the mean over draws of the card's parameters (dots)."
                if draws is not None
                else "."
            ),
            svg(figure, "Accuracy against time for each temperature with bands"),
        )

    if "spikes" not in chips:
        return
    with canvas(8.6, 4.4) as (figure, axes):
        draw.spikes_against_time(chips, axes.flat[0])
        yield Figure(
            "spikes",
            "Spikes and energy per image",
            "Mean input spikes until the decision (line) and 5 to 95 % of chips (band). Energy is "
            f"{engineering(technology['energy.event'], 'J')} for each spike at each output; with "
            f"logic and interface {engineering(technology['energy.event_system'], 'J')}.",
            svg(figure, "Input spikes and energy per image against time"),
        )


def sensitivity_figures(study: Study, grid: xr.Dataset) -> Iterator[Figure]:
    """Yield the grid of factors: each alone, and all combinations."""
    settings = study.sensitivity
    assert settings is not None
    names = [factor.name for factor in settings.factor]
    # The card's own level: scale 1, or the lowest of a factor that is set.
    card = {f.name: 1.0 if 1.0 in f.scale else min(f.levels) for f in settings.factor}
    panels: list[tuple[str, str | None]] = [(names[0], names[1] if len(names) > 1 else None)]
    panels += [(name, None) for name in names[2:]]
    age = {"time": settings.time, "temperature": settings.temperature}
    with canvas(4.0 * len(panels), 4.0, 1, len(panels), sharey=True) as (figure, axes):
        for ax, (factor, lines) in zip(axes.flat, panels, strict=True):
            fixed = {k: v for k, v in card.items() if k not in (factor, lines)}
            draw.accuracy_against_factor(
                grid, ax, factor=factor, lines=lines, fixed=fixed, measured=settings.measured
            )
        for ax in axes.flat[1:]:
            ax.set_ylabel("")
        levels = ", ".join(f"{name} {level:g}" for name, level in card.items())
        yield Figure(
            "factors",
            "What costs accuracy",
            f"Each factor alone, the others as the card has them ({levels}). Mean and 5 to 95 % of "
            f"{settings.chips} chips on {settings.images} images. {age_title(age)}.",
            svg(figure, "Accuracy against each factor"),
        )
    half = (len(names) + 1) // 2
    if len(names) < 2:
        return
    with canvas(10.5, 6.4) as (figure, axes):
        draw.sensitivity_matrix(
            grid, explained(grid, study), axes.flat[0], rows=names[:half], columns=names[half:]
        )
        yield Figure(
            "combinations",
            f"Which combinations explain {settings.measured:.0%}",
            "Mean accuracy (%) of every combination. Framed: one chip measured at "
            f"{settings.measured:.0%} lies inside the {percent(study.confidence, 0)} prediction "
            "interval of a chip there (spread from chip to chip, simulation and image error "
            "included).",
            svg(figure, "Matrix of accuracy over all combinations of factors"),
        )
