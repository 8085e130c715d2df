"""A study without a sweep: figures of its cells, and its network in figures and a table."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.colors import LogNorm

from reliability.campaign.selection import at_age
from reliability.campaign.spec import Study
from reliability.report import figures as draw
from reliability.report.page import Figure, Section, Table, canvas, svg
from reliability.report.points import Results
from reliability.report.words import age_title, percent, typeset
from reliability.technology import Technology
from reliability.units import duration, engineering

_MOST_CURVES = 100  # of chips, so that a report stays small


def population_figures(study: Study, results: Results) -> Iterator[Figure]:
    """Yield the conductance of the cells before and after the mission."""
    chips, end_reads = _at_end_reads(study, results)
    if "conductance_quantile" not in chips:
        return
    stress = study.stress
    start = {"time": stress.times[0], "temperature": stress.temperatures[0]}
    worst = {"time": stress.times[-1], "temperature": stress.temperatures[-1]}
    every = -(-chips.sizes["chip"] // _MOST_CURVES)
    quantiles = chips["conductance_quantile"].isel(chip=slice(None, None, every))
    shown = f"one line for each of {quantiles.sizes['chip']} chips"
    shown_ages = [start, worst] if worst != start else [worst]
    with canvas(5 * len(shown_ages), 4.4, 1, len(shown_ages)) as (figure, axes):
        for ax, age in zip(axes.flat, shown_ages, strict=True):
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


def ageing_figures(study: Study, results: Results) -> Iterator[Figure]:
    """Yield what time and heat do to the states."""
    chips, end_reads = _at_end_reads(study, results)
    times = len(study.stress.times)
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


def _at_end_reads(study: Study, results: Results) -> tuple[xr.Dataset, dict[str, float]]:
    """Chips at one read voltage and the last of the reads, for figures of time and temperature."""
    end_reads = {k: study.stress.end[k] for k in ("reads", "read_voltage", "inferences")}
    return at_age(results["chips"], end_reads), end_reads


def network_section(
    study: Study, technology: Technology, results: Results, summary: dict[str, Any]
) -> Section:
    """Return accuracy, spikes and energy over ages, reads, chips and classes."""
    figures = tuple(_figures(study, technology, results, summary))
    return Section("network", "Network", (), figures, (_ages_table(study, summary),))


def _figures(
    study: Study, technology: Technology, results: Results, summary: dict[str, Any]
) -> Iterator[Figure]:
    stress, end = study.stress, study.stress.end
    chips, _ = _at_end_reads(study, results)
    here = {k: end[k] for k in ("time", "temperature")}

    if len(stress.times) > 1:
        yield from _time_figures(study, technology, results, summary)
    for along in ("reads", "inferences"):
        if len(getattr(stress, along)) > 1:
            yield _reads_figure(study, results, summary, along)
    if len(stress.inferences) > 1:
        yield from _rows_figure(study, results)

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
            "Which classes are confused",
            f"All chips together. {age_title(end)}.",
            svg(figure, "Confusion matrix"),
        )


def _time_figures(
    study: Study, technology: Technology, results: Results, summary: dict[str, Any]
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


def _reads_figure(study: Study, results: Results, summary: dict[str, Any], along: str) -> Figure:
    """Draw accuracy against reads of every cell, or against inferences, at the end of the rest."""
    end = study.stress.end
    here = {name: end[name] for name in ("time", "temperature")}
    here |= {"inferences": 0.0} if along == "reads" else {}
    title = {"reads": "reads of every cell", "inferences": "inferences"}[along]
    draws = at_age(results["draws"]["accuracy"], here) if "draws" in results else None
    dots = " Dots: 5 to 95 % of the mean over cards drawn from what is uncertain."
    with canvas(8.6, 4.8) as (figure, axes):
        draw.accuracy_against_reads(
            at_age(results["chips"]["accuracy"], here), axes.flat[0],
            ideal=summary["ideal_accuracy"], confidence=study.confidence, draws=draws,
        )  # fmt: skip
        return Figure(
            along,
            f"Accuracy against {title}",
            f"Mean of {study.population.chips} chips with its {percent(study.confidence, 0)} "
            f"interval (points), 5 to 95 % of chips (band).{'' if draws is None else dots} "
            f"{age_title({'time': end['time'], 'temperature': end['temperature']})}"
            f"{' the inferences begin' if along == 'inferences' else ''}.",
            svg(figure, f"Accuracy against number of {title} for each read voltage"),
        )


def _rows_figure(study: Study, results: Results) -> Iterator[Figure]:
    """Yield which rows inferences read, of a network whose inputs are a square image."""
    stress, end = study.stress, study.stress.end
    chips = results["chips"].sel({name: end[name] for name in ("time", "temperature")})
    inputs = chips.sizes["input"]
    if math.isqrt(inputs) ** 2 != inputs:
        return
    if "read_voltage" in chips.dims:
        chips = chips.sel(read_voltage=stress.read_voltages[-1])
    each = (chips["reads_per_input"].mean("chip") / study.network.images).load()
    first, last = each.isel(inferences=0), each.isel(inferences=-1)
    norm = LogNorm(float(each.where(each > 0).min()), float(each.max()))
    with canvas(8.6, 4.4, 1, 2) as (figure, axes):
        for ax, at in zip(axes.flat, (first, last), strict=True):
            draw.reads_of_rows(at, ax, norm=norm)
            number = float(at["inferences"])
            when = f"after {number:.3g} inferences" if number else "before the first inference"
            when = typeset(when)
            ax.set_title(f"{when}\n{float(at.sum()):.0f} input events per image", fontsize=10)
        axes.flat[1].set_ylabel("")
        bar = figure.colorbar(axes.flat[0].collections[0], ax=list(axes.flat), shrink=0.85)
        bar.set_label("reads of each cell of the row per inference")
        share = float(np.sort(first.values)[::-1][: inputs // 10].sum() / first.sum())
        yield Figure(
            "reads-map",
            "Which rows inferences read",
            f"An input event reads all cells of its row. Mean over {chips.sizes['chip']} chips and "
            f"{study.network.images} images, at {engineering(stress.read_voltages[-1], 'V')}. The "
            f"tenth of the rows that is read most gets {percent(share, 0)} of the reads; rows "
            "with a dot are never read.",
            svg(figure, "Maps of the reads of each input row per inference, before and at the end"),
        )


def _ages_table(study: Study, summary: dict[str, Any]) -> Table:
    counted = next((name for name in ("reads", "inferences") if len(getattr(study.stress, name)) >
    1),
                   None)  # fmt: skip
    header = ["time", "temperature", *([counted, "read voltage"] if counted else []), "accuracy",
              "interval", "chip to chip (1σ)", "simulated chips", "test images",
              "card parameters"]  # fmt: skip
    rows = []
    for age in summary["accuracy_by_age"]:
        reads = []
        if counted:
            reads = [f"{age[counted]:.3g}", engineering(age["read_voltage_v"], "V")]
        parameters = age["sigma_parameters"]
        rows.append([
            duration(age["time_s"]) if age["time_s"] else "0 s (as programmed)",
            engineering(age["temperature_k"], "K"), *reads, percent(age["mean"]),
            f"{percent(age['low'])} to {percent(age['high'])}", percent(age["sigma_chips"]),
            f"± {percent(age['sigma_monte_carlo'], 2)}", f"± {percent(age['sigma_images'], 2)}",
            "not drawn" if parameters is None else f"± {percent(parameters)}",
        ])  # fmt: skip
    return Table(
        "answers", "How sure we are",
        f"Mean accuracy of a chip at every age with its "
        f"{percent(summary['accuracy']['confidence'], 0)} interval, and what the interval is made "
        "of. Chip to chip is the spread of the product; the others are our ignorance of its mean.",
        header, rows,
    )  # fmt: skip
