"""The document: a finished study as one self-contained HTML file and a summary for machines."""

import json
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import xarray as xr
from matplotlib.colors import Normalize

from reliability.campaign.spec import Study
from reliability.campaign.store import read_results
from reliability.campaign.summary import at_age, explained, summarize
from reliability.report import figures as draw
from reliability.report import page
from reliability.report.page import Figure as _Figure
from reliability.report.page import canvas as _canvas
from reliability.report.page import svg as _svg
from reliability.technology import Parameter, Technology
from reliability.units import duration, engineering


def write_report(study: Study, folder: str | Path) -> Path:
    """Write ``summary.json`` and ``report.html`` of a finished study.

    Parameters
    ----------
    study : Study
    folder : str or Path
        With the ``results.zarr`` that `reliability.run_study` wrote.

    Returns
    -------
    Path
        The report: one file, no network needed, opens from disk.
    """
    folder = Path(folder)
    results = read_results(folder)
    summary = summarize(study, results)
    technology = study.load_technology()
    environment = page.environment()
    environment.globals.update(duration=duration, engineering=engineering, percent=_percent)
    text = environment.get_template("report.html").render(
        study=study,
        summary=summary,
        answer=_answer(study, summary),
        figures=list(_figures(study, technology, results, summary)),
        technology=technology,
        parameters=[parameter_row(name, p) for name, p in sorted(technology.parameters.items())],
        provenance=_provenance(study, technology),
    )
    page.replace(folder / "summary.json", json.dumps(summary, indent=1))
    page.replace(folder / "report.html", text)
    return folder / "report.html"


def _percent(value: float, digits: int = 1) -> str:
    return f"{value * 100:.{digits}f} %"


def _answer(study: Study, summary: dict[str, Any]) -> list[str]:
    """Say first what the study found."""
    end, start = summary["accuracy"], summary["accuracy_by_age"][0]
    sure = _percent(end["confidence"], 0)
    first, when = map(_age_title, (study.ages.combinations[0], study.ages.end))
    lines = [
        f"Ideal cells classify {_percent(summary['ideal_accuracy'])} of {summary['images']} test "
        f"images. {first} the mean of chips is {_percent(start['mean'])} "
        f"(interval at {sure}: {_percent(start['low'])} to {_percent(start['high'])}).",
        f"{when} the mean is {_percent(end['mean'])} "
        f"({_percent(end['low'])} to {_percent(end['high'])}), with "
        f"{_percent(end['sigma_chips'])} (1σ) from chip to chip; an image takes "
        f"{summary['spikes_per_image']:.0f} input spikes and "
        f"{engineering(summary['energy_per_image_joule'], 'J')} in synapses and neurons "
        f"({engineering(summary['energy_per_image_system_joule'], 'J')} with logic and interface).",
    ]
    if study.sensitivity:
        measured = study.sensitivity.measured
        gap = (summary["ideal_accuracy"] - measured) * 100
        factors = ", ".join(factor.name for factor in study.sensitivity.factor)
        lines.append(
            f"The measured chip has {_percent(measured, 0)} ({study.sensitivity.measured_source}), "
            f"{gap:.1f} points below ideal. {summary['combinations_explaining_measured']} of "
            f"{summary['combinations']} combinations of {factors} "
            "could have given it; one chip cannot tell them apart."
        )
    return lines


def _figures(
    study: Study, technology: Technology, results: dict[str, xr.Dataset], summary: dict[str, Any]
) -> Iterator[_Figure]:
    ages, end = study.ages, study.ages.end
    # One read voltage and the last of the reads, where the figure is about time and temperature.
    end_reads = {k: end[k] for k in ("reads", "read_voltage")}
    chips = at_age(results["chips"], end_reads)
    start = {"time": ages.times[0], "temperature": ages.temperatures[0]}
    worst = {"time": ages.times[-1], "temperature": ages.temperatures[-1]}
    here = {k: end[k] for k in ("time", "temperature")}
    many = f"{study.population.chips} chips"

    with _canvas(10, 4.4, 1, 2) as (figure, axes):
        for ax, age in zip(axes.flat, (start, worst), strict=True):
            draw.probability_plot(chips["conductance_quantile"].sel(age), ax)
            ax.set_title(_age_title(age | end_reads), pad=18, fontsize=10)
        axes.flat[0].legend(loc="lower right", fontsize=8)
        yield _Figure(
            "conductance",
            "Conductance of the cells",
            "Cumulative distribution of both states on normal probability paper, one line per chip "
            f"({many}); a straight line on the log axis is log-normal.",
            _svg(figure, "Probability plot of conductance by state and wafer"),
        )

    if len(ages.times) > 1:
        yield from _time_figures(study, technology, results, summary)
    if len(ages.reads) > 1:
        with _canvas(8.6, 4.4) as (figure, axes):
            accuracy = results["chips"]["accuracy"].sel(here)
            draw.accuracy_against_reads(accuracy, axes.flat[0], ideal=summary["ideal_accuracy"])
            yield _Figure(
                "reads",
                "Accuracy against reads of every cell",
                f"Mean over {many} (line) and 5 to 95 % of chips (band). {_age_title(here)}.",
                _svg(figure, "Accuracy against number of reads for each read voltage"),
            )

    accuracy = chips["accuracy"].sel(here)
    wafers = np.unique(accuracy["wafer"].values)
    columns = min(len(wafers), 4)
    rows = -(-len(wafers) // columns)
    with _canvas(2.5 * columns + 1, 2.9 * rows + 0.2, rows, columns) as (figure, axes):
        norm = Normalize(*np.quantile(accuracy.values, [0.02, 0.98]))
        for ax in axes.flat[len(wafers) :]:
            ax.set_axis_off()
        for ax, wafer in zip(axes.flat, wafers, strict=False):
            dies = draw.wafer_map(
                accuracy.isel(chip=accuracy["wafer"].values == wafer),
                ax,
                diameter=technology["wafer.diameter"] * 1e3,
                die=(technology["wafer.die_width"] * 1e3, technology["wafer.die_height"] * 1e3),
                norm=norm,
            )
            ax.set_title(f"wafer {wafer}", fontsize=10)
        bar = figure.colorbar(dies, ax=list(axes.flat), shrink=0.75, extend="both")
        bar.ax.yaxis.set_major_formatter(
            matplotlib.ticker.PercentFormatter(1, symbol="", decimals=0)
        )
        bar.set_label("accuracy (%)")
        yield _Figure(
            "wafers",
            "Accuracy per chip on the wafer",
            f"{_age_title(end)}. One chip per die; the notch is at the bottom.",
            _svg(figure, "Wafer maps of the accuracy of each chip"),
        )

    with _canvas(5.6, 4.8) as (figure, axes):
        draw.confusion_matrix(chips["confusion"].sel(here).sum("chip"), axes.flat[0])
        yield _Figure(
            "confusion",
            "Which digits are confused",
            f"All chips together. {_age_title(end)}.",
            _svg(figure, "Confusion matrix"),
        )

    if study.sensitivity:
        yield from _sensitivity_figures(study, results["sensitivity"])


def _time_figures(
    study: Study, technology: Technology, results: dict[str, xr.Dataset], summary: dict[str, Any]
) -> Iterator[_Figure]:
    end_reads = {k: study.ages.end[k] for k in ("reads", "read_voltage")}
    chips = at_age(results["chips"], end_reads)
    many = f"{study.population.chips} chips"

    with _canvas(8.6, 4.6) as (figure, axes):
        references = {
            f"ideal cells {_percent(summary['ideal_accuracy'])}": summary["ideal_accuracy"]
        }
        if study.sensitivity:
            measured = study.sensitivity.measured
            references[f"measured chip {_percent(measured, 0)}"] = measured
        draws = at_age(results["draws"]["accuracy"], end_reads) if "draws" in results else None
        draw.accuracy_against_time(
            chips["accuracy"], axes.flat[0], draws=draws, references=references
        )
        yield _Figure(
            "accuracy",
            "Accuracy against time and temperature",
            f"Mean over {many} (line), 5 to 95 % of chips (band)"
            + (
                ", 5 to 95 % of the mean over draws of the card's parameters (dots)."
                if draws is not None
                else "."
            ),
            _svg(figure, "Accuracy against time for each temperature with bands"),
        )

    with _canvas(8.6, 4.4) as (figure, axes):
        draw.spikes_against_time(chips, axes.flat[0])
        yield _Figure(
            "spikes",
            "Spikes and energy per image",
            "Mean input spikes until the decision (line) and 5 to 95 % of chips (band). Energy is "
            f"{engineering(technology['energy.event'], 'J')} for each spike at each output; with "
            f"logic and interface {engineering(technology['energy.event_system'], 'J')}.",
            _svg(figure, "Input spikes and energy per image against time"),
        )


def _sensitivity_figures(study: Study, grid: xr.Dataset) -> Iterator[_Figure]:
    settings = study.sensitivity
    assert settings is not None
    names = [factor.name for factor in settings.factor]
    # The card's own level: scale 1, or the lowest of a factor that is set.
    card = {f.name: 1.0 if 1.0 in f.scale else min(f.levels) for f in settings.factor}
    panels: list[tuple[str, str | None]] = [(names[0], names[1] if len(names) > 1 else None)]
    panels += [(name, None) for name in names[2:]]
    age = {"time": settings.time, "temperature": settings.temperature}
    with _canvas(4.0 * len(panels), 4.0, 1, len(panels), sharey=True) as (figure, axes):
        for ax, (factor, lines) in zip(axes.flat, panels, strict=True):
            fixed = {k: v for k, v in card.items() if k not in (factor, lines)}
            draw.accuracy_against_factor(
                grid, ax, factor=factor, lines=lines, fixed=fixed, measured=settings.measured
            )
        for ax in axes.flat[1:]:
            ax.set_ylabel("")
        levels = ", ".join(f"{name} {level:g}" for name, level in card.items())
        yield _Figure(
            "factors",
            "What costs accuracy",
            f"Each factor alone, the others as the card has them ({levels}). Mean and 5 to 95 % of "
            f"{settings.chips} chips on {settings.images} images. {_age_title(age)}.",
            _svg(figure, "Accuracy against each factor"),
        )
    half = (len(names) + 1) // 2
    if len(names) < 2:
        return
    with _canvas(10.5, 6.4) as (figure, axes):
        draw.sensitivity_matrix(
            grid, explained(grid, study), axes.flat[0], rows=names[:half], columns=names[half:]
        )
        yield _Figure(
            "combinations",
            f"Which combinations explain {settings.measured:.0%}",
            "Mean accuracy (%) of every combination. Framed: one chip measured at "
            f"{settings.measured:.0%} lies inside the {_percent(study.confidence, 0)} prediction "
            "interval of a chip there (spread from chip to chip, simulation and image error "
            "included).",
            _svg(figure, "Matrix of accuracy over all combinations of factors"),
        )


def _age_title(age: dict[str, float]) -> str:
    reads = ""
    if age.get("reads"):
        reads = f"{age['reads']:.3g} reads at {engineering(age['read_voltage'], 'V')}"
    if age["time"] == 0:
        return f"After {reads}" if reads else "As programmed"
    title = f"After {duration(age['time'])} at {engineering(age['temperature'], 'K')}"
    return f"{title} and {reads}" if reads else title


def parameter_row(name: str, parameter: Parameter) -> dict[str, str]:
    """Return a parameter as the texts of a table: value, uncertainty, confidence, source, note."""
    p, unit = parameter, parameter.unit
    sigma = p.sigma or 0.0
    low, high = p.interval or (p.value, p.value)
    uncertainty = {
        "normal": f"± {engineering(sigma, unit)} (1σ)",
        "lognormal": f"× ÷ {np.exp(sigma):.3g} (1σ, log-normal)",
        "uniform": f"{engineering(low, unit)} to {engineering(high, unit)}",
        "exact": "taken as exact",
    }[p.distribution]
    return {
        "name": name,
        "value": engineering(p.value, unit),
        "uncertainty": uncertainty,
        "confidence": p.confidence,
        "source": p.source,
        "note": p.note,
    }


def _provenance(study: Study, technology: Technology) -> list[tuple[str, str]]:
    network = study.load_network()
    packages = ("rram-reliability", "numpy", "scipy", "numba", "xarray", "zarr")
    return [
        ("seed", str(study.seed)),
        ("spec hash", study.spec_hash),
        ("technology card", f"{technology.name}, SHA-256 {technology.fingerprint}"),
        ("network", f"{network.name}, SHA-256 {network.fingerprint}"),
        ("versions", ", ".join(f"{p} {page.version_of(p)}" for p in packages)),
        ("Python", platform.python_version()),
        ("study", study.model_dump_json()),
    ]
