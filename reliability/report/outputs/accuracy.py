"""Accuracy of a network: headline, figures of cells, chips and classes, tables, plans of tests."""

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.colors import LogNorm

from reliability.campaign.accuracy_interval import accuracy_of_draws
from reliability.campaign.metric_words import is_fraction
from reliability.campaign.selection import FEWEST_WAFERS, at_age
from reliability.campaign.spec import Study
from reliability.network import DeepNetwork
from reliability.network.evaluation import energy_of_an_event
from reliability.network.metrics import METRICS
from reliability.report import figures as draw
from reliability.report.chapter import Chapter, LimitWords
from reliability.report.comparison_words import Row
from reliability.report.demonstration_tables import plan_tables
from reliability.report.figures.accuracy_figures import (
    band_or_bars,
    bands_of_chips,
    bands_of_draws,
    state_bands,
)
from reliability.report.mapping_table import mapping_of
from reliability.report.measure import Measure
from reliability.report.page import Figure, KeyFigure, Section, Table, canvas, numbers_of, svg
from reliability.report.points import Finished, named_point
from reliability.report.sensitivity_section import parameter_correlations, sensitivity_figures
from reliability.report.study_overlays import accuracy_overlays
from reliability.report.sweep_section import sweep_section, sweep_statement
from reliability.report.tiling_words import cells_words, circuit_words
from reliability.report.words import (
    age_title,
    counted,
    interval_text,
    listed,
    of_age,
    percent,
    stress_columns,
    typeset,
)
from reliability.technology import Technology
from reliability.units import duration, engineering, grouped

_LOST = 0.01  # of accuracy, which reads may cost
_MOST_CURVES = 100  # of chips, so that a report stays small


def _statement(finished: Finished) -> Iterator[str]:
    if finished.study.sweep:
        yield from sweep_statement(finished)
        return
    study, summary = finished.study, finished.summary
    measure = Measure.of(study)
    end, start = summary["accuracy"], summary["accuracy_by_age"][0]
    sure = percent(end["confidence"], 0)
    first, when = age_title(study.stress.combinations[0]), age_title(study.stress.end)
    nominal = "nominal card" if study.cells is None else "all measured cells"
    worst, last = "", study.stress.combinations[-1]
    if last != study.stress.end:
        found = summary["accuracy_by_age"][-1]
        worst = f"; {of_age(last)} it is {measure.text(found['mean'])} ({measure.ends(found)})"
    with_card = f"; {nominal}: {measure.text(end['nominal'])}" if study.uncertainty else ""
    yield from _reads_left(finished)
    yield (
        f"{when} the {measure.mean} of a chip is {measure.text(end['mean'])} "
        f"({measure.ends(end)} at {sure} confidence{with_card}){worst}."
    )
    line = f"Chip-to-chip variability is {_sigma(measure, end)}"
    if "spikes_per_image" in summary:
        line += (
            f"; an image takes {summary['spikes_per_image']:.0f} input spikes and "
            f"{engineering(summary['energy_per_image_joule'], 'J')} in synapses and neurons "
            f"({engineering(summary['energy_per_image_system_joule'], 'J')} with logic and "
            "interface)"
        )
    yield f"{line}."
    ideal = measure.text(summary["ideal_accuracy"])
    images = f"{grouped(summary['images'])} test images"
    yield (
        (f"Ideal cells classify {ideal} of {images}. " if study.network.metric == "accuracy"
         else f"Ideal cells have {_article(measure)} of {ideal} on {images}. ")
        + f"{first} the mean of chips is {measure.text(start['mean'])} ({measure.ends(start)} "
        f"at {sure} confidence)."
    )  # fmt: skip
    if study.sensitivity:
        measured = study.sensitivity.measured
        gap = (summary["ideal_accuracy"] - measured) * 100
        yield (
            f"The measured chip has {percent(measured, 0)} ({study.sensitivity.measured_source}), "
            f"{gap:.1f} points below ideal. Given that accuracy, the most probable levels of the "
            f"sensitivity factors, with their probability, are {_probable(study, summary)}."
        )
    yield from _depends_on(finished)


def _one_sigma(measure: Measure, value: float | None) -> str:
    if value is None or math.isnan(value):
        return "not known"
    return f"± {measure.text(value, 2)}"


def _sigma(measure: Measure, found: dict[str, Any]) -> str:
    sigma = found["sigma_chips"]
    one = sigma is None or math.isnan(sigma)
    return "not known from one chip" if one else f"{measure.text(sigma)} (1σ)"


def _reads_left(finished: Finished) -> Iterator[str]:
    """Say how many reads or inferences cost no more than a point, at each read voltage."""
    study, end = finished.study, finished.study.stress.end
    along = next((n for n in ("reads", "inferences") if len(getattr(study.stress, n)) > 1), None)
    if along is None or not is_fraction(study):
        return
    here = {name: end[name] for name in ("time", "temperature", "cycles")}
    here |= {"inferences": 0.0} if along == "reads" else {}
    mean = at_age(finished.results["chips"]["accuracy"], here).mean("chip").load()
    numbers, most = mean[along].values, []
    for volts in np.atleast_1d(mean["read_voltage"].values):
        lost = mean.isel({along: 0}) - mean
        kept = lost.sel(read_voltage=volts) if "read_voltage" in mean.dims else lost
        last = numbers[int(np.argmax(kept.values > _LOST)) - 1] if (kept > _LOST).any() else None
        number = f"all {numbers[-1]:.3g}" if last is None else f"{last:.3g}" if last else "none"
        most.append(f"{number} at {engineering(float(volts), 'V')}")
    yield (
        f"Of the {along} evaluated at {engineering(end['temperature'], 'K')}, these cost the "
        f"nominal card no more than {100 * _LOST:.0f} point of accuracy: {', '.join(most)}."
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _article(measure: Measure) -> str:
    return f"{'an' if measure.name[0] in 'aeiouF' else 'a'} {measure.name}"


def _probable(study: Study, summary: dict[str, Any]) -> str:
    """The most probable level of each factor, with its probability."""
    assert study.sensitivity is not None
    parts = []
    for factor in study.sensitivity.factor:
        best = max(
            summary["factors_given_measured"][factor.name], key=lambda each: each["probability"]
        )
        parts.append(f"{factor.label} = {best['level']:g} ({percent(best['probability'], 0)})")
    return ", ".join(parts)


def _depends_on(finished: Finished) -> Iterator[str]:
    """Name the parameter that the interval depends on most, where one stands out."""
    study = finished.study
    if "draws" not in finished.results:
        return
    draws = at_age(finished.results["draws"]["accuracy"], study.stress.end).load()
    found = parameter_correlations(
        study, study.load_technology(), draws, lambda section: _moves(section, study)
    )
    if found is not None and abs(float(found["correlation"][-1])) > found.attrs["by_chance"]:
        yield (
            f"The interval depends most on {found['parameter'].values[-1]} (rank correlation "
            f"{float(found['correlation'][-1]):+.2f})."
        )


def _lines(answer: dict[str, Any]) -> Iterator[str]:
    found, spikes = answer["accuracy"], answer.get("spikes_per_image")
    measure = Measure.named(answer.get("metric", "accuracy"))
    yield (
        f"{measure.name} {measure.text(found['mean'])} ({measure.ends(found)} at "
        f"{percent(found['confidence'], 0)}), ideal {measure.text(answer['ideal_accuracy'])}"
        + ("" if spikes is None else f", {spikes:.0f} spikes per image")
    )


def _interval(answer: dict[str, Any], row: Row, at: dict[str, float]) -> tuple[float, float] | None:
    names = {"time": "time_s", "temperature": "temperature_k", "read_voltage": "read_voltage_v"}
    for found in answer["accuracy_by_age"]:
        if all(found[names.get(name, name)] == value for name, value in at.items()):
            return found["low"], found["high"]
    return None


def _key_figures(finished: Finished) -> Iterator[KeyFigure]:
    study, summary, measure = finished.study, finished.summary, Measure.of(finished.study)
    if study.sweep:
        ordered = sorted(finished.answers(), key=lambda each: each[1]["accuracy"]["mean"])
        names = ("best", "worst") if measure.fraction else ("highest", "lowest")
        for name, (point, answer) in zip(names, (ordered[-1], ordered[0]), strict=True):
            where = named_point(study, point)
            yield _key_accuracy(measure, f"{name} point", answer["accuracy"], where)
        return
    chips = f"{counted(summary['chips'], 'chip')}, {counted(summary['images'], 'image')}"
    yield _key_accuracy(measure, of_age(study.stress.end), summary["accuracy"], chips)
    worst, last = summary["accuracy_by_age"][-1], study.stress.combinations[-1]
    if last != study.stress.end:
        yield _key_accuracy(measure, of_age(last), worst, "highest stress")
    ideal = {end: summary.get(f"ideal_accuracy_{end}") for end in ("low", "high")}
    ends = "" if ideal["low"] is None else interval_text(measure.ends(ideal), study.confidence)
    yield KeyFigure(
        f"{measure.name} of ideal cells", measure.text(summary["ideal_accuracy"]), ends,
        "no variability, no ageing",
    )  # fmt: skip
    sigma = _sigma(measure, summary["accuracy"]).removesuffix(" (1σ)")
    yield KeyFigure("chip-to-chip variability", f"± {sigma}" if summary["chips"] > 1 else sigma,
                    "1σ", of_age(study.stress.end))  # fmt: skip
    if "spikes_per_image" in summary:
        energy = engineering(summary["energy_per_image_joule"], "J")
        yield KeyFigure("energy per image", energy, "synapses and neurons, nominal card",
                        f"{summary['spikes_per_image']:.0f} input spikes")  # fmt: skip


def _key_accuracy(measure: Measure, name: str, found: dict[str, Any], note: str) -> KeyFigure:
    interval = interval_text(measure.ends(found), found["confidence"])
    return KeyFigure(f"{measure.name}, {name}", measure.text(found["mean"]), interval, note)


# --- method


def network_text(study: Study) -> str:
    """Say which network is evaluated, how inputs are coded and how weights lie in cells."""
    name = str(study.network.name)
    deep = isinstance(study.named_network(name), DeepNetwork)
    return f"network {name} ({_deep(study) if deep else _one_layer(study)})"


def _deep(study: Study) -> str:
    tiling = study.tiling.tiling(study.load_technology())
    text = (f"analog multiply-accumulate layer by layer on tiles of {tiling.rows} × "
            f"{tiling.columns} cells; {cells_words(tiling)}")  # fmt: skip
    for name, what in (("dac_bits", "input DACs"), ("adc_bits", "ADCs on the sums")):
        if (bits := getattr(tiling, name)) is not None:
            text += f"; {bits}-bit {what}"
    for part in circuit_words(tiling):
        text += f"; {part}"
    return text


_METRICS = {
    "top5": "Top-5 accuracy is the fraction of images whose class is among the five largest "
    "outputs.",
    "agreement": "Agreement is the fraction of images that a chip decides as ideal cells do.",
    "f1": "The F1 score is the mean over classes of 2 hits / (decided + labelled); its interval "
    "over images is that of 400 bootstrap samples.",
    "mse": "The mean squared error is taken over all outputs and images.",
}

_CODINGS = {
    "rate": "rate-coded spikes until one output count leads by {delta_s}, at most {spike_limit} "
    "input events",
    "weighted_sum": "conventional (non-spiking) evaluation, analog multiply-accumulate",
    "first_spike": "first-spike coding: the first output spike, at a charge of {first_spike}, "
    "decides",
}


_UNDECIDED = {
    "rate": "An image that is undecided after the last input event gets the class that leads then, "
    "of equal ones the first; it counts in the accuracy.",
    "first_spike": "An image without an output spike gets the class of the output nearest to its "
    "threshold; it counts in the accuracy.",
}


def _one_layer(study: Study) -> str:
    network = study.network
    coding = _CODINGS[network.coding].format(**network.model_dump())
    ideal = "; ideal neurons" if network.neuron == "ideal" else ""
    return f"{coding}; {network.mapping.replace('_', '-')} cells{ideal}"


def _method(study: Study) -> Iterator[str]:
    yield (
        f"The {network_text(study)} was programmed into the cells of "
        f"{counted(study.population.chips, 'simulated chip')} of technology {study.technology}. "
        "Every cell follows one trajectory of "
        f"programming, ageing and reads; each chip classified {grouped(study.network.images)} test "
        "images "
        f"at {_conditions(study)}."
    )
    deep = isinstance(study.named_network(str(study.network.name)), DeepNetwork)
    yield from _redundancy(study, deep)
    if study.stress.refresh:
        yield f"Refresh rewrites every cell at least once in {duration(study.stress.refresh)}."
    if not deep and study.network.coding in _UNDECIDED:
        yield _UNDECIDED[study.network.coding]
    metric = study.network.metric
    if metric in _METRICS:
        yield _METRICS[metric]
    elif metric != "accuracy":
        name, _, digest = metric.partition("@")
        yield (f"The metric {Measure.of(study).name} is the user's function {name} of the outputs "
               f"and labels of a chip (SHA-256 of its source {digest}…).")  # fmt: skip


def _redundancy(study: Study, deep: bool) -> Iterator[str]:
    """Say what cells there are beside those that the weights need, and how they are used."""
    n = study.network
    if n.copies > 1:
        yield f"With {n.copies} copies of each cell the weight is their mean."
    if n.spare_columns:
        yield (f"A layer has {n.spare_columns} spare columns, for outputs whose own columns have "
               "stuck cells.")  # fmt: skip
    if n.fault_mapping != "none":
        what = "columns" if deep else "rows and columns"
        signs = " and the signs of columns" if n.fault_mapping == "swap_and_sign" else ""
        yield (
            f"Each chip is tested as fabricated, and its {what}{signs} are assigned so that stuck "
            "cells take least from the weights."
        )
    if deep and (n.copies > 1 or n.spare_columns):
        yield "Energy, latency and area include copies; spare columns take area and are not read."


def _conditions(study: Study) -> str:
    """Say the stress conditions: one, or how many and their ranges."""
    stress, count = study.stress, len(study.stress.combinations)
    if count == 1:
        return f"one stress condition ({of_age(stress.end)})"

    def ends(values: Sequence[float], text: Callable[[float], str]) -> str:
        return " to ".join(text(value) for value in dict.fromkeys((values[0], values[-1])))

    times = ends(stress.times, lambda time: duration(time) if time else "0 s")
    parts = [f"storage for {times}", listed(stress.temperatures, "K")]
    for name in ("reads", "inferences"):
        if max(numbers := getattr(stress, name)) > 0:
            many, volts = ends(numbers, "{:.3g}".format), listed(stress.read_voltages, "V")
            parts.append(f"{many} {name} at {volts}")
    return f"each of {count} stress conditions ({'; '.join(parts)})"


def _intervals(study: Study) -> Iterator[str]:
    measure, metric = Measure.of(study), study.network.metric
    images = {"f1": " and of test images (bootstrap)", "mse": " and of test images (Student t)"}
    drawn = (" on the logit scale between chance and the ideal network" if measure.fraction
             else "")  # fmt: skip
    yield (
        f"The interval of the {measure.mean} adds the variances of the finite number of chips "
        "and wafers (Student t)"
        + images.get(metric, " and of test images (binomial)" if measure.fraction else "")
        + (f", and of the {_samples(study)} (Student t{drawn}). The value is the median over the "
           f"{_samples(study)}." if study.uncertainty else ".")
    )  # fmt: skip
    if study.population.chips == 1:
        yield "With one chip the variability between chips is not in it."
    if metric not in METRICS:
        yield "The finite number of test images is not in it: of a user's metric it is not known."
    few = -(-study.population.chips // study.population.dies_per_wafer) < FEWEST_WAFERS
    if few and study.cells is None:
        yield (f"With fewer than {FEWEST_WAFERS} wafers, wafer-level variability cannot be "
               "estimated: the interval holds for more chips of these wafers.")  # fmt: skip


def chips_text(study: Study, chips: int) -> Iterator[str]:
    """Say on which wafers the chips of a study are."""
    if study.cells is not None:
        yield f"{counted(chips, 'chip')}, each with measured cells of its own drawing."
        return
    dies = study.population.dies_per_wafer
    wafers = -(-chips // dies)
    yield (
        f"{counted(chips, 'chip')} on {counted(wafers, 'wafer')} of one lot, one on each "
        f"die, {dies} dies per wafer. Lot-to-lot variability is not in the chips."
    )


def _acts(phenomenon: str, study: Study) -> str:
    stress, network = study.stress, study.network
    if phenomenon == "programming":
        verify = study.programming.verify
        return f"verify, up to {verify.attempts} pulses" if verify else "as on the card"
    if phenomenon in ("endurance", "wear"):
        if stress.end["cycles"] or any(s.cycles for s in stress.preconditioning):
            return "after the cycles of the study"
        count = stress.rewrites(stress.end)
        once = "does not act: cells are programmed once"
        return f"{count} rewrites by refresh" if count else once
    if phenomenon in ("relaxation", "retention", "drift"):
        if max(stress.times) == 0 and not stress.preconditioning:
            return "does not act: no time passes"
        where = f"at {listed(stress.temperatures, 'K')}"
        if stress.rewrites(stress.end):
            return f"to {duration(stress.refresh or 0.0)} between rewrites, {where}"
        return f"to {duration(stress.times[-1])} {where}"
    if phenomenon == "read_disturb":
        volts = listed(stress.read_voltages, "V")
        if max(stress.inferences) > 0:
            return f"by the reads of {max(stress.inferences):.3g} inferences at {volts}"
        if max(stress.reads) == 0:
            return "does not act: no reads are counted"
        return f"to {max(stress.reads):.3g} reads at {volts}"
    if phenomenon in ("noise", "conduction"):
        if network.read_temperature is not None:
            return f"in each read, at {engineering(network.read_temperature, 'K')}"
        how = "without noise" if phenomenon == "noise" else "at the card's temperature and voltage"
        return f"does not act: cells are read {how}"
    return "as on the card"


def _sampled(study: Study) -> str:
    if not study.uncertainty:
        return ""
    chips = study.uncertainty.chips
    return f"with {chips} chip{'' if chips == 1 else 's'} of each"


def _provenance(study: Study) -> Iterator[tuple[str, str]]:
    for name in sorted({str(name) for name in study.values_of("network.name")}):
        network = study.named_network(name)
        yield f"network {network.name}, SHA-256", network.fingerprint
    for given in (study.network.data, study.network.calibration):
        if given is not None:
            yield f"data {Path(given).name}, SHA-256", study.data_sha256(given)


# --- figures


def _cells(finished: Finished) -> Iterator[Figure]:
    """Yield the conductance of the cells before and after the mission."""
    chips, end_reads = _at_end_reads(finished)
    if finished.study.sweep or "conductance_quantile" not in chips:
        return
    stress = finished.study.stress
    start = {"time": stress.times[0], "temperature": stress.temperatures[0]}
    worst = {"time": stress.times[-1], "temperature": stress.temperatures[-1]}
    every = -(-chips.sizes["chip"] // _MOST_CURVES)
    quantiles = chips["conductance_quantile"].isel(chip=slice(None, None, every))
    lines = f"one line for each of {counted(quantiles.sizes['chip'], 'chip')}"
    shown = [start, worst] if worst != start else [worst]
    with canvas(5 * len(shown), 4.4, 1, len(shown)) as (figure, axes):
        for ax, at in zip(axes.flat, shown, strict=True):
            draw.conductance_of_chips(quantiles.sel(at), ax)
            ax.set_title(age_title(at | end_reads), pad=24, fontsize=10)
        if axes.flat[0].get_legend_handles_labels()[0]:
            figure.legend(*axes.flat[0].get_legend_handles_labels(), fontsize=8, ncols=6,
                          loc="outside lower center")  # fmt: skip
        yield Figure(
            "conductance",
            "Conductance of the cells",
            f"Cumulative distribution of both states on normal probability paper, {lines}; a "
            "straight line on the log axis is log-normal.",
            svg(figure, "Probability plot of conductance by state and wafer"),
            numbers_of(xr.concat([quantiles.sel(at) for at in shown], "condition")),
        )


def _stress(finished: Finished) -> Iterator[Figure]:
    """Yield what time and heat do to the states."""
    chips, end_reads = _at_end_reads(finished)
    times = len(finished.study.stress.times)
    if finished.study.sweep or "conductance_quantile" not in chips or times < 2:
        return
    with canvas(8.6, 4.6) as (figure, axes):
        draw.states_against_time(chips["conductance_quantile"], axes.flat[0])
        yield Figure(
            "states",
            "States against time and temperature",
            "Median cell (line) and the middle 90 % of cells (bars) of each state, all chips "
            f"together.{_held(end_reads)}",
            svg(figure, "Median and spread of the conductance of each state against time"),
            numbers_of(state_bands(chips["conductance_quantile"])),
        )


def _at_end_reads(finished: Finished) -> tuple[xr.Dataset, dict[str, float]]:
    """Chips at one read voltage and the last of the reads, for figures of time and temperature."""
    end = finished.study.stress.end
    end_reads = {k: end[k] for k in ("reads", "read_voltage", "inferences", "cycles")}
    return at_age(finished.results["chips"], end_reads), end_reads


def _held(end: dict[str, float]) -> str:
    """Say which cycles and reads a figure of time and temperature holds."""
    cycles = f" After {end['cycles']:.5g} cycles." if end["cycles"] else ""
    reads = f" With {end['reads']:.3g} reads." if end["reads"] else ""
    return typeset(cycles + reads)


def _sections(finished: Finished) -> Iterator[Section]:
    if finished.study.sweep:
        yield sweep_section(finished)
        return
    tables = (_read_outs(finished), *mapping_of(finished.study))
    yield Section("network", "Network", (), tuple(_figures(finished)), tables)


def _sensitivity(finished: Finished) -> Iterator[Figure]:
    if not finished.study.sweep:
        yield from sensitivity_figures(finished, lambda section: _moves(section, finished.study))


def _moves(section: str, study: Study) -> bool:
    """Whether the parameters of a section of the card can move the accuracy."""
    if section in ("wafer", "energy", "cycles", "endurance"):
        return False
    return not _acts(section, study).startswith("does not act")


def _figures(finished: Finished) -> Iterator[Figure]:
    study, technology = finished.study, finished.study.load_technology()
    stress, end = study.stress, study.stress.end
    chips, _ = _at_end_reads(finished)
    here = {k: end[k] for k in ("time", "temperature")}

    if len(stress.times) > 1:
        yield from _time_figures(finished)
    if len(stress.cycles) > 1 and len(stress.times) > 1:
        yield _cycles_figure(finished)
    for along in ("reads", "inferences"):
        if len(getattr(stress, along)) > 1:
            yield _reads_figure(finished, along)
    if len(stress.inferences) > 1:
        yield from _rows_figure(finished)

    accuracy = chips["accuracy"].sel(here)
    if study.cells is None:  # else of no known wafer
        yield _wafer_figure(Measure.of(study), accuracy, technology, age_title(end))

    if "confusion" not in chips:
        return  # a metric that has no classes
    with canvas(5.6, 4.8) as (figure, axes):
        confusion = chips["confusion"].sel(here).sum("chip")
        draw.confusion_matrix(confusion, axes.flat[0])
        yield Figure(
            "confusion",
            "Confusion matrix",
            f"All chips together. {age_title(end)}.",
            svg(figure, "Confusion matrix"),
            numbers_of(confusion, "images"),
        )


def _bands(accuracy: xr.DataArray, draws: xr.DataArray | None) -> xr.Dataset:
    """Return what a figure of accuracy draws: the bands of chips and of sampled cards."""
    bands = bands_of_chips(accuracy)
    return bands if draws is None else bands.assign(bands_of_draws(draws).data_vars)


def _samples(study: Study) -> str:
    """What the draws of a study are."""
    return "sampled cards" if study.cells is None else "bootstrap samples of the cells"


def _wafer_figure(
    measure: Measure, accuracy: xr.DataArray, technology: Technology, title: str
) -> Figure:
    wafers = np.unique(accuracy["wafer"].values)
    columns = min(len(wafers), 4)
    rows = -(-len(wafers) // columns)
    with canvas(3.0 * columns + 1.3, 3.3 * rows + 0.2, rows, columns) as (figure, axes):
        draw.wafer_maps(
            (accuracy * 100).assign_attrs(units="%", long_name=measure.name)
            if measure.fraction
            else accuracy.assign_attrs(units="1", long_name=measure.name),
            list(axes.flat),
            diameter=technology["wafer.diameter"] * 1e3,
            die=(technology["wafer.die_width"] * 1e3, technology["wafer.die_height"] * 1e3),
            edge_exclusion=technology["wafer.edge_exclusion"] * 1e3,
        )
        return Figure(
            "wafers",
            f"{measure.title} per chip on the wafer",
            f"{title}. One chip per die; the notch is at the bottom.",
            svg(figure, f"Wafer maps of the {measure.name} of each chip"),
            numbers_of(accuracy.reset_coords()),
        )


def _time_figures(finished: Finished) -> Iterator[Figure]:
    study, results, summary = finished.study, finished.results, finished.summary
    energy = energy_of_an_event(study.load_technology())
    chips, end_reads = _at_end_reads(finished)
    stress = study.stress
    many, measure = counted(study.population.chips, "chip"), Measure.of(study)

    with canvas(8.6, 4.6) as (figure, axes):
        references = {
            f"ideal cells {measure.text(summary['ideal_accuracy'])}": summary["ideal_accuracy"]
        }
        if study.sensitivity:
            measured = study.sensitivity.measured
            references[f"measured chip {percent(measured, 0)}"] = measured
        draws = at_age(accuracy_of_draws(results), end_reads) if "draws" in results else None
        draw.accuracy_against_time(
            chips["accuracy"], axes.flat[0], draws=draws, references=references
        )
        yield Figure(
            "accuracy",
            f"{measure.title} against time and temperature",
            f"Mean over {many} of the nominal card (line), 5 to 95 % of chips "
            f"({band_or_bars(len(stress.temperatures))})"
            + (
                f", 5 to 95 % of the means of {_samples(study)} (thin bars)."
                if draws is not None
                else "."
            )
            + _held(end_reads),
            svg(figure, f"{measure.title} against time for each temperature with bands"),
            numbers_of(_bands(chips["accuracy"], draws)),
        )

    if "spikes" not in chips:
        return
    with canvas(8.6, 4.4) as (figure, axes):
        draw.spikes_against_time(chips, axes.flat[0])
        yield Figure(
            "spikes",
            "Spikes and energy per image",
            "Mean input spikes until the decision (line) and 5 to 95 % of chips "
            f"({band_or_bars(len(stress.temperatures))}).{_held(end_reads)} Energy is "
            f"{engineering(energy['synapse_and_neuron'], 'J')} for each spike at each output; with "
            f"logic and interface {engineering(energy['system'], 'J')}.",
            svg(figure, "Input spikes and energy per image against time"),
            numbers_of(bands_of_chips(chips["spikes"])),
        )


def _cycles_figure(finished: Finished) -> Figure:
    """Draw accuracy against time, one line per number of cycles."""
    end, measure = finished.study.stress.end, Measure.of(finished.study)
    rest = {k: v for k, v in end.items() if k not in ("time", "cycles")}
    accuracy = at_age(finished.results["chips"]["accuracy"], rest).load()
    labels = [typeset(f"{n:.5g} cycles") if n else "fresh" for n in accuracy["cycles"].values]
    accuracy = accuracy.rename(cycles="point").assign_coords(point=np.array(labels))
    with canvas(8.6, 4.8) as (figure, axes):
        draw.points_against_time(accuracy, axes.flat[0])
        return Figure(
            "cycles",
            f"{measure.title} against storage time after cycling",
            f"Storage at {engineering(end['temperature'], 'K')}; one line per number of cycles "
            "before: mean of the chips, and 5 to 95 % of them (thick bars).",
            svg(figure, f"{measure.title} against storage time, one line per number of cycles"),
            numbers_of(accuracy.mean("chip")),
        )


def _reads_figure(finished: Finished, along: str) -> Figure:
    """Draw accuracy against reads of every cell, or against inferences, at the end of the rest."""
    study, results, end = finished.study, finished.results, finished.study.stress.end
    here = {name: end[name] for name in ("time", "temperature", "cycles")}
    here |= {"inferences": 0.0} if along == "reads" else {}
    measure = Measure.of(study)
    title = {"reads": "reads of every cell", "inferences": "inferences"}[along]
    draws = at_age(accuracy_of_draws(results), here) if "draws" in results else None
    accuracy = at_age(results["chips"]["accuracy"], here)
    band = band_or_bars(len(study.stress.read_voltages))
    thin = (f"their {percent(study.confidence, 0)} interval" if draws is None else
            f"5 to 95 % of the means of {_samples(study)}")  # fmt: skip
    with canvas(8.6, 4.8) as (figure, axes):
        draw.accuracy_against_reads(
            accuracy, axes.flat[0],
            ideal=finished.summary["ideal_accuracy"], confidence=study.confidence, draws=draws,
        )  # fmt: skip
        return Figure(
            along,
            f"{measure.title} against {title}",
            f"Mean of {counted(study.population.chips, 'chip')} (points), {thin} (thin bars), "
            f"5 to 95 % of chips ({band}). "
            f"{age_title({'time': end['time'], 'temperature': end['temperature']})}"
            f"{' the inferences begin' if along == 'inferences' else ''}.",
            svg(figure, f"{measure.title} against number of {title} for each read voltage"),
            numbers_of(_bands(accuracy, draws)),
        )


def _rows_figure(finished: Finished) -> Iterator[Figure]:
    """Yield which rows inferences read, of a network whose inputs are a square image."""
    study, stress, end = finished.study, finished.study.stress, finished.study.stress.end
    chips = finished.results["chips"].sel({name: end[name] for name in ("time", "temperature")})
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
        most = float(np.sort(first.values)[::-1][: inputs // 10].sum() / first.sum())
        yield Figure(
            "reads-map",
            "Reads of each row by inferences",
            "An input event reads all cells of its row. Mean over "
            f"{counted(chips.sizes['chip'], 'chip')} and {counted(study.network.images, 'image')}, "
            f"at {engineering(stress.read_voltages[-1], 'V')}. The tenth of the rows that is read "
            f"most gets {percent(most, 0)} of the reads; rows with a dot are not read.",
            svg(figure, "Maps of the reads of each input row per inference, before and at the end"),
            numbers_of(each, "reads per inference"),
        )


def _read_outs(finished: Finished) -> Table:
    study, summary, measure = finished.study, finished.summary, Measure.of(finished.study)
    read_outs = study.stress.combinations
    columns = stress_columns(read_outs)
    rows = []
    for at, found in zip(read_outs, summary["accuracy_by_age"], strict=True):
        parameters, images = found["sigma_parameters"], found["sigma_images"]
        rows.append([
            *(text(at) for text in columns.values()),
            measure.text(found["mean"]), measure.ends(found), measure.text(found["sigma_chips"]),
            _one_sigma(measure, found["sigma_monte_carlo"]), _one_sigma(measure, images),
            "not sampled" if parameters is None else f"± {measure.text(parameters)}",
        ])  # fmt: skip
    return Table(
        "answers", f"{measure.title} at each read-out",
        f"{_capital(measure.mean)} of a chip "
        f"{'at every stress condition' if columns else of_age(study.stress.end)} with its "
        f"{percent(summary['accuracy']['confidence'], 0)} interval and the components of that "
        "interval. Chip-to-chip variability is a property of the product; the other components are "
        "the uncertainty of its mean.",
        [*columns, measure.name, "interval", "chip-to-chip (1σ)", "finite chips",
         "finite images", "card parameters" if study.cells is None else "finite cells"],
        rows,
    )  # fmt: skip


CHAPTER = Chapter(
    sections=_sections,
    statement=_statement,
    lines=_lines,
    key_figures=_key_figures,
    method=_method,
    intervals=_intervals,
    population=lambda study: chips_text(study, study.population.chips),
    cells=_cells,
    stress=_stress,
    acts=_acts,
    sampled=_sampled,
    limits={
        "accuracy": LimitWords("mean accuracy of a chip", percent),
        "chips_below": LimitWords("fraction of chips below the accuracy limit"),
        "energy_per_image": LimitWords("energy of an image", lambda v: engineering(v, "J")),
        "tile_area": LimitWords("area of the tiles", lambda v: engineering(v, "m^2")),
    },
    plans=lambda finished: plan_tables(finished.study) if is_fraction(finished.study) else iter(()),
    sensitivity=_sensitivity,
    provenance=_provenance,
    overlays=accuracy_overlays,
    interval=_interval,
)
