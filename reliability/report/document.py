"""The document of a finished study: its report and a summary for machines."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import xarray as xr

from reliability.campaign.selection import at_point
from reliability.campaign.spec import Study
from reliability.campaign.store import read_results
from reliability.campaign.summary import summarize
from reliability.files import replace_text
from reliability.report.architecture import (
    architecture_figures,
    architecture_lines,
    architecture_tables,
)
from reliability.report.attribution_figures import (
    attribution_figures,
    attribution_lines,
    attribution_table,
)
from reliability.report.cover import (
    answers_of_points,
    key_figures,
    limits_table,
    study_statement,
    verdicts,
)
from reliability.report.endurance_figures import (
    endurance_figures,
    endurance_lines,
    endurance_table,
)
from reliability.report.method import method_section, phenomena_section, population_section
from reliability.report.page import Figure, Report, Section, Table
from reliability.report.provenance import assumptions_section, study_provenance
from reliability.report.qualification_plan import plan_tables
from reliability.report.render import save_report
from reliability.report.size_sweep import size_figures, size_lines, size_rows
from reliability.report.study_figures import (
    ageing_figures,
    network_figures,
    population_figures,
    sensitivity_figures,
)
from reliability.report.study_tables import ages_table
from reliability.report.sweep_figures import point_text, sweep_figures
from reliability.report.sweep_rows import sweep_answer, sweep_table
from reliability.report.tornado import tornado_figures
from reliability.technology import Technology

_Results = dict[str, xr.Dataset]


def write_report(
    study: Study,
    folder: str | Path,
    *,
    formats: Sequence[str] = ("html",),
    template: str = "full",
    notes: Sequence[str] = (),
) -> Path:
    """Write ``summary.json`` and the report of a finished study.

    Parameters
    ----------
    study : Study
    folder : str or Path
        With the ``results.zarr`` that `reliability.run_study` wrote.
    formats : sequence of {"html", "pdf"}
        ``report.html`` (one file, no network needed, opens from disk), ``report.pdf``.
    template : str
        ``full``, ``brief``, or the path of a Jinja2 template.
    notes : sequence of str
        What a reader must know first.

    Returns
    -------
    Path
        The report, in the first of the formats.

    Raises
    ------
    InputError
        No results there; no such template; PDF without WeasyPrint.
    """
    folder = Path(folder)
    results = read_results(folder)
    summary = summarize(study, results)
    report = study_report(study, folder, results, summary, notes)
    made = save_report(report, folder / "report.html", formats, template)
    replace_text(folder / "summary.json", json.dumps(summary, indent=1))
    return made


def study_report(
    study: Study, folder: Path, results: _Results, summary: dict[str, Any], notes: Sequence[str]
) -> Report:
    """Return the whole document of a study."""
    technology = study.load_technology()
    alone = "accuracy" in study.outputs and not study.sweep
    sections = [
        method_section(study, summary),
        population_section(study, technology, population_figures(study, results) if alone else ()),
        phenomena_section(study, technology, ageing_figures(study, results) if alone else ()),
    ]
    statement: list[str] = []
    if "accuracy" in study.outputs:
        statement += (sweep_answer(study, results, summary) if study.sweep
                      else study_statement(study, summary))  # fmt: skip
        sections.append(_network(study, technology, results, summary))
    if "attribution" in study.outputs:
        statement += _attribution_lines(study, summary)
        sections.append(_attribution(study, summary))
    if "endurance" in study.outputs:
        statement += _endurance_lines(study, results, summary)
        sections.append(_endurance(study, results, summary))
    if "crossbar" in study.outputs:
        statement += size_lines(study, summary)
        sections.append(_crossbar(study, summary))
    if "architecture" in study.outputs:
        statement += _architecture_lines(study, results, summary)
        sections.append(_architecture(study, results, summary))
    sections += _sensitivity(study, technology, results)
    sections += [
        _qualification(study, technology, summary),
        assumptions_section(study),
        study_provenance(study, folder),
    ]
    return Report(
        study.title, study.question, statement, sections, list(key_figures(study, summary)),
        list(verdicts(study, summary)), [*notes, *summary["warnings"]],
    )  # fmt: skip


def _network(
    study: Study, technology: Technology, results: _Results, summary: dict[str, Any]
) -> Section:
    if study.sweep:
        figures = sweep_figures(study, results, summary)
        return Section("network", "Network", (), list(figures),
                       [sweep_table(study, results, summary)])  # fmt: skip
    figures = network_figures(study, technology, results, summary)
    return Section("network", "Network", (), list(figures), [ages_table(study, summary)])


def _of_points(
    study: Study, results: _Results, summary: dict[str, Any]
) -> Iterator[tuple[str, _Results, dict[str, Any]]]:
    for point, answer in answers_of_points(study, summary):
        yield point_text(point), at_point(results, point) if study.sweep else results, answer


def _attribution_lines(study: Study, summary: dict[str, Any]) -> Iterator[str]:
    for point, answer in answers_of_points(study, summary):
        title = point_text(point)
        for line in attribution_lines(study.at(point), answer["attribution"]):
            yield f"{title}{title and ': '}{line}"


def _attribution(study: Study, summary: dict[str, Any]) -> Section:
    figures: list[Figure] = []
    tables: list[Table] = []
    for k, (point, answer) in enumerate(answers_of_points(study, summary)):
        title = point_text(point)
        figures += attribution_figures(study.at(point), answer["attribution"], title)
        tables.append(attribution_table(answer["attribution"], title, k + 1))
    return Section("attribution", "What each phenomenon costs", (), figures, tables)


def _endurance_lines(study: Study, results: _Results, summary: dict[str, Any]) -> Iterator[str]:
    for title, here, answer in _of_points(study, results, summary):
        for line in endurance_lines(study, here, answer["endurance"]):
            yield f"{title}{title and ': '}{line}"


def _endurance(study: Study, results: _Results, summary: dict[str, Any]) -> Section:
    figures: list[Figure] = []
    tables: list[Table] = []
    for k, (title, here, answer) in enumerate(_of_points(study, results, summary)):
        figures += endurance_figures(study, here, title)
        tables.append(endurance_table(answer["endurance"], title, k + 1))
    return Section("endurance", "Endurance", (), figures, tables)


def _crossbar(study: Study, summary: dict[str, Any]) -> Section:
    figures = size_figures(study, summary) if study.sweep else ()
    return Section("crossbar", "Crossbar", (), list(figures), [size_rows(study, summary)])


def _architecture_lines(study: Study, results: _Results, summary: dict[str, Any]) -> Iterator[str]:
    for title, _, answer in _of_points(study, results, summary):
        for line in architecture_lines(answer["architecture"]):
            yield f"{title}{title and ': '}{line}"


def _architecture(study: Study, results: _Results, summary: dict[str, Any]) -> Section:
    figures: list[Figure] = []
    tables: list[Table] = []
    for title, here, answer in _of_points(study, results, summary):
        figures += architecture_figures(study, here["architecture"], title)
        tables += architecture_tables(study, answer["architecture"], title)
    return Section("architecture", "Architecture", (), figures, tables)


def _sensitivity(study: Study, technology: Technology, results: _Results) -> Iterator[Section]:
    if "accuracy" not in study.outputs or study.sweep:
        return
    figures = list(tornado_figures(study, technology, results))
    if study.sensitivity:
        figures += sensitivity_figures(study, results["sensitivity"])
    if figures:
        yield Section("sensitivity", "Sensitivity", (), figures)


def _qualification(study: Study, technology: Technology, summary: dict[str, Any]) -> Section:
    limits = limits_table(study, summary)
    text = () if limits.rows else (
        "The study states no limit, so there is no verdict. [limits] in the study, or reliability "
        "report FOLDER --limit accuracy=0.82, gives one without computing anything again.",
    )  # fmt: skip
    tables = [limits] if limits.rows else []
    return Section("qualification", "Qualification", text,
                   tables=[*tables, *plan_tables(study, technology)])  # fmt: skip
