"""The document of a finished study."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from reliability.campaign.remains import read_remains
from reliability.campaign.spec import Study
from reliability.campaign.store import results_fingerprint
from reliability.campaign.summary import read_summary, write_summary
from reliability.report.acceptance import acceptance_sections, verdicts
from reliability.report.conditioning_tables import observed_tables
from reliability.report.decision_section import (
    decision_section,
    decision_statement,
    has_decision,
)
from reliability.report.designs_section import recommendation
from reliability.report.method import method_section, phenomena_section, population_section
from reliability.report.outputs import chapters_of
from reliability.report.page import Report, Section
from reliability.report.points import Finished
from reliability.report.provenance import (
    confidence_text,
    parameter_tables,
    provenance_section,
    study_toml,
)
from reliability.report.render import save_report
from reliability.report.search_section import (
    has_search,
    search_section,
    search_statement,
    write_chosen,
)
from reliability.report.words import in_words, merged

_OUTSIDE = "outside the valid range"
_CARD = re.compile(r"card \S+: ")


def write_report(
    study: Study,
    folder: str | Path,
    *,
    formats: Sequence[str] = ("html",),
    template: str = "full",
    notes: Sequence[str] = (),
) -> Path:
    """Write the report of a finished study, and its ``summary.json``.

    Where tasks of the study failed, it is the report of the rest, and names what is left out.

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
    RunError
        So many tasks failed that there is no answer.
    """
    folder = Path(folder)
    study, results, left_out = read_remains(study, folder)
    summary = read_summary(study, folder, results)
    write_summary(folder, summary)
    finished = Finished(study, results, summary)
    write_chosen(finished, folder)
    report = study_report(finished, folder, [*left_out, *notes])
    return save_report(report, folder / "report.html", formats, template)


def study_report(finished: Finished, folder: Path, notes: Sequence[str]) -> Report:
    """Return the whole document of a study."""
    study, summary = finished.study, finished.summary
    chapters = chapters_of(study)
    sections = [method_section(finished)]
    if any(chapter.of_cells for chapter in chapters):
        sections += [population_section(finished), phenomena_section(finished)]
    sections += [search_section(finished)] if has_search(finished) else []
    sections += [decision_section(finished)] if has_decision(finished) else []
    sections += [section for chapter in chapters for section in chapter.sections(finished)]
    influence = [figure for chapter in chapters for figure in chapter.sensitivity(finished)]
    if influence:
        sections.append(Section("sensitivity", "Sensitivity", (), influence))
    sections += [
        *acceptance_sections(finished),
        _assumptions(study),
        _provenance(study, folder),
    ]
    return Report(
        study.title, study.question,
        [*_first(finished), *(line for c in chapters for line in c.statement(finished))], sections,
        [figure for chapter in chapters for figure in chapter.key_figures(finished)],
        list(verdicts(finished)), [*notes, *_warnings(summary["warnings"])],
    )  # fmt: skip


def _first(finished: Finished) -> Iterator[str]:
    """Sentences on the designs, which come before those of the outputs."""
    yield from recommendation(finished)
    if has_search(finished):
        yield from search_statement(finished)
    if has_decision(finished):
        yield from decision_statement(finished)


def _assumptions(study: Study) -> Section:
    """Return every parameter of every card with source and confidence."""
    parts = [part for chapter in chapters_of(study) for part in chapter.assumptions(study)]
    cards = {str(card) for card in study.values_of("technology")}
    for k, name in enumerate(sorted(cards)):
        technology = study.model_copy(update={"technology": name}).load_technology()
        parts.append(Section(
            f"card-{k + 1}", technology.title,
            (technology.description, confidence_text(technology)),
            tables=(
                *parameter_tables(technology, f"-{k + 1}" if k else ""),
                *observed_tables(technology, f"-{k + 1}" if k else ""),
            ),
        ))  # fmt: skip
    return Section("assumptions", "Assumptions", parts=tuple(parts))


def _provenance(study: Study, folder: Path) -> Section:
    """Return what makes a study's results again, and what tells that they are the same."""
    cards = {str(card) for card in study.values_of("technology")}
    told = {
        "seed": str(study.seed),
        "spec hash": study.spec_hash,
        "results, SHA-256 of their checksums": results_fingerprint(folder),
    }
    for name in sorted(cards):
        card = study.filed_technology(name)
        told[f"card {card.name}, SHA-256"] = card.fingerprint
    for name in study.values_of("cells"):
        if name is not None:
            one = study.load_cells(str(name)).attrs
            told["measured cells, SHA-256"] = f"{one['source']}, {one['source_sha256']}"
    for chapter in chapters_of(study):
        told |= dict(chapter.provenance(study))
    told["command"] = "reliability run study.toml --out FOLDER"
    return provenance_section(
        told, (
            "study.toml is the listing below; numbers without a unit are SI. Equal spec hashes "
            "give equal results.",
        ),
        listing=study_toml(study),
    )  # fmt: skip


def _warnings(texts: Sequence[str]) -> list[str]:
    """Return warnings in words; those that one range of a card raises stand in one sentence."""
    outside: dict[str, list[str]] = {}
    for text in texts:
        if _OUTSIDE in text:
            card = _CARD.match(text)
            whose = card[0] if card else ""
            outside.setdefault(whose, []).append(_warning(text.removeprefix(whose)))
    return [
        *(_warning(text) for text in texts if _OUTSIDE not in text),
        *(f"{whose}{line}" for whose, lines in outside.items() for line in merged(lines)),
    ]


def _warning(text: str) -> str:
    """Say a warning of a model in words: before a colon stands the section of the card."""
    where, colon, what = text.partition(": ")
    return f"{in_words(where)}{colon}{what}" if colon and " " not in where else text
