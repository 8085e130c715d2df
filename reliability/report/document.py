"""The document of a finished study: its report and a summary for machines."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reliability.campaign.spec import Study
from reliability.campaign.store import read_results
from reliability.campaign.summary import summarize
from reliability.files import replace_text
from reliability.report.acceptance import qualification_section
from reliability.report.cover import key_figures, study_statement, verdicts
from reliability.report.method import method_section, phenomena_section, population_section
from reliability.report.outputs.accuracy import ageing_figures, network_section, population_figures
from reliability.report.outputs.architecture import architecture_lines, architecture_section
from reliability.report.outputs.attribution import attribution_lines, attribution_section
from reliability.report.outputs.crossbar import crossbar_lines, crossbar_section
from reliability.report.outputs.endurance import endurance_lines, endurance_section
from reliability.report.page import Report
from reliability.report.points import Results
from reliability.report.provenance import assumptions_section, study_provenance
from reliability.report.render import save_report
from reliability.report.sensitivity_section import sensitivity_section
from reliability.report.sweep_section import sweep_lines, sweep_section
from reliability.report.words import in_words


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
    study: Study, folder: Path, results: Results, summary: dict[str, Any], notes: Sequence[str]
) -> Report:
    """Return the whole document of a study."""
    technology = study.load_technology()
    alone = "accuracy" in study.outputs and not study.sweep
    sections = [method_section(study, summary)]
    if set(study.outputs) != {
        "architecture"
    }:  # which says in its components what it takes of the card
        cells, ageing = (population_figures(study, results), ageing_figures(study, results)) if (
            alone) else ((), ())  # fmt: skip
        sections.append(population_section(study, technology, cells))
        sections.append(phenomena_section(study, technology, ageing))
    statement: list[str] = []
    if alone:
        statement += study_statement(study, summary)
        sections.append(network_section(study, technology, results, summary))
    elif "accuracy" in study.outputs:
        statement += sweep_lines(study, results, summary)
        sections.append(sweep_section(study, results, summary))
    if "attribution" in study.outputs:
        statement += attribution_lines(study, summary)
        sections.append(attribution_section(study, summary))
    if "endurance" in study.outputs:
        statement += endurance_lines(study, results, summary)
        sections.append(endurance_section(study, results, summary))
    if "crossbar" in study.outputs:
        statement += crossbar_lines(study, summary)
        sections.append(crossbar_section(study, summary))
    if "architecture" in study.outputs:
        statement += architecture_lines(study, summary)
        sections.append(architecture_section(study, results, summary))
    sections += [
        *sensitivity_section(study, technology, results),
        qualification_section(study, technology, summary),
        assumptions_section(study),
        study_provenance(study, folder),
    ]
    return Report(
        study.title, study.question, statement, sections, list(key_figures(study, summary)),
        list(verdicts(study, summary)), [*notes, *map(_warning, summary["warnings"])],
    )  # fmt: skip


def _warning(text: str) -> str:
    """Say a warning of a model in words: before a colon stands the section of the card."""
    where, colon, what = text.partition(": ")
    return f"{in_words(where)}{colon}{what}" if colon and " " not in where else text
