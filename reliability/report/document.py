"""The document: a finished study as one self-contained HTML file and a summary for machines."""

import json
import platform
from pathlib import Path
from typing import Any

import numpy as np

from reliability.campaign.spec import Study
from reliability.campaign.store import read_results
from reliability.campaign.summary import at_point, summarize
from reliability.campaign.sweep import Point, sweep_points
from reliability.files import replace_text
from reliability.report import page
from reliability.report.architecture import (
    architecture_figures,
    architecture_lines,
    architecture_tables,
)
from reliability.report.attribution_figures import (
    attribution_figures,
    attribution_lines,
    attribution_rows,
)
from reliability.report.endurance_figures import endurance_figures, endurance_lines
from reliability.report.page import Figure, Table
from reliability.report.size_sweep import size_figures, size_lines
from reliability.report.study_figures import study_figures
from reliability.report.sweep_figures import axis_label, point_text, sweep_figures
from reliability.report.sweep_rows import sweep_answer, sweep_rows
from reliability.report.words import age_title, percent
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
    environment.globals.update(
        duration=duration, engineering=engineering, percent=percent, axis_label=axis_label
    )
    answer: list[str] = []
    figures: list[Figure] = []
    endurance: list[tuple[str, list[dict]]] = []  # a table for each point
    rows: list[dict[str, Any]] = []
    if "accuracy" in study.outputs and study.sweep:
        answer += sweep_answer(study, results, summary)
        figures += sweep_figures(study, results, summary)
        rows += sweep_rows(study, results, summary)
    elif "accuracy" in study.outputs:
        answer += _answer(study, summary)
        figures += study_figures(study, technology, results, summary)
    phenomena: list[tuple[str, list[list[str]]]] = []  # a table for each point
    if "attribution" in study.outputs:
        for point, found in _points(study, summary):
            title = point_text(point)
            answer += [f"{title}{title and ': '}{line}" for line in
                       attribution_lines(study.at(point), found["attribution"])]  # fmt: skip
            figures += attribution_figures(study.at(point), found["attribution"], title)
            phenomena.append((title, attribution_rows(found["attribution"])))
    if "endurance" in study.outputs:
        for point, found in _points(study, summary):
            here = at_point(results, point) if study.sweep else results
            title = point_text(point)
            answer += [f"{title}{title and ': '}{line}" for line in
                       endurance_lines(study, here, found["endurance"])]  # fmt: skip
            figures += endurance_figures(study, here, title)
            endurance.append((title, found["endurance"]))
    sizes: list[tuple[str, dict[str, Any]]] = []  # a row for each point
    if "crossbar" in study.outputs:
        answer += size_lines(study, summary)
        figures += size_figures(study, summary) if study.sweep else []
        sizes = [(point_text(point), found["crossbar"])
                 for point, found in _points(study, summary)]  # fmt: skip
    tables: list[Table] = []
    sheet = None
    if study.architecture:
        sheet = study.architecture.load_sheet()
        for point, found in _points(study, summary):
            here = at_point(results, point) if study.sweep else results
            title = point_text(point)
            answer += [f"{title}{title and ': '}{line}" for line in
                       architecture_lines(found["architecture"])]  # fmt: skip
            figures += architecture_figures(study, here["architecture"], title)
            tables += architecture_tables(study, found["architecture"], title)
    text = environment.get_template("sweep.html" if study.sweep else "report.html").render(
        study=study,
        summary=summary,
        answer=answer,
        figures=figures,
        rows=rows,
        endurance=endurance,
        sizes=sizes,
        phenomena=phenomena,
        tables=tables,
        sheet=sheet,
        sheet_parameters=[parameter_row(name, p) for name, p in sheet.parameters.items()]
        if sheet
        else [],
        technology=technology,
        parameters=[parameter_row(name, p) for name, p in sorted(technology.parameters.items())],
        provenance=_provenance(study, technology),
    )
    replace_text(folder / "summary.json", json.dumps(summary, indent=1))
    replace_text(folder / "report.html", text)
    return folder / "report.html"


def _points(study: Study, summary: dict[str, Any]) -> list[tuple[Point, dict[str, Any]]]:
    """Each point of the study with its answers; without a sweep there is one."""
    if not study.sweep:
        return [({}, summary)]
    return list(zip(sweep_points(study), summary["points"], strict=True))


def _answer(study: Study, summary: dict[str, Any]) -> list[str]:
    """Say first what the study found."""
    end, start = summary["accuracy"], summary["accuracy_by_age"][0]
    sure = percent(end["confidence"], 0)
    first, when = map(age_title, (study.ages.combinations[0], study.ages.end))
    lines = [
        f"Ideal cells classify {percent(summary['ideal_accuracy'])} of {summary['images']} test "
        f"images. {first} the mean of chips is {percent(start['mean'])} "
        f"(interval at {sure}: {percent(start['low'])} to {percent(start['high'])}).",
        f"{when} the mean is {percent(end['mean'])} "
        f"({percent(end['low'])} to {percent(end['high'])}), with "
        f"{percent(end['sigma_chips'])} (1σ) from chip to chip.",
    ]
    if "spikes_per_image" in summary:
        lines[-1] = lines[-1].removesuffix(".") + (
            f"; an image takes {summary['spikes_per_image']:.0f} input spikes and "
            f"{engineering(summary['energy_per_image_joule'], 'J')} in synapses and neurons "
            f"({engineering(summary['energy_per_image_system_joule'], 'J')} with logic and "
            "interface)."
        )
    if study.sensitivity:
        measured = study.sensitivity.measured
        gap = (summary["ideal_accuracy"] - measured) * 100
        factors = ", ".join(factor.name for factor in study.sensitivity.factor)
        lines.append(
            f"The measured chip has {percent(measured, 0)} ({study.sensitivity.measured_source}), "
            f"{gap:.1f} points below ideal. {summary['combinations_explaining_measured']} of "
            f"{summary['combinations']} combinations of {factors} "
            "could have given it; one chip cannot tell them apart."
        )
    return lines


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
    return [
        ("seed", str(study.seed)),
        ("spec hash", study.spec_hash),
        ("technology card", f"{technology.name}, SHA-256 {technology.fingerprint}"),
        ("network", f"{network.name}, SHA-256 {network.fingerprint}"),
        ("versions", page.versions()),
        ("Python", platform.python_version()),
        ("study", study.model_dump_json()),
    ]
