"""A qualification of several tests as one document."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from reliability.files import replace_text
from reliability.product.dossier import Dossier
from reliability.report.dossier_figures import mechanism_figures, path_figure
from reliability.report.dossier_summary import (
    bound_text,
    counted_rows,
    dossier_lines,
    dossier_summary,
)
from reliability.report.dossier_tables import (
    acceleration_tables,
    assumptions_table,
    claim_tables,
    degradation_tables,
    document_table,
    further_tests,
    lots_table,
    lots_text,
    raw_tables,
    read_point_table,
    requirements_table,
    samples_table,
    tests_table,
)
from reliability.report.figures.style import ppm
from reliability.report.page import KeyFigure, Report, Section, Verdict
from reliability.report.provenance import provenance_section
from reliability.report.render import save_report


def write_dossier(
    dossier: Dossier,
    folder: Path,
    *,
    command: str = "",
    formats: Sequence[str] = ("html",),
    template: str = "full",
) -> Path:
    """Write ``qualification.json`` and the document.

    Parameters
    ----------
    dossier : Dossier
    folder : Path
        Made if it is not there.
    command : str
        That makes it again.
    formats, template
        As `reliability.report.render.save_report` takes them.

    Returns
    -------
    Path
        The document.
    """
    folder.mkdir(parents=True, exist_ok=True)
    summary = dossier_summary(dossier, command)
    replace_text(folder / "qualification.json", json.dumps(summary, indent=1))
    return save_report(_report(dossier, summary), folder / "report.html", formats, template)


def _report(dossier: Dossier, summary: dict[str, Any]) -> Report:
    claim = summary["claim"]
    question = (
        f"Do these tests demonstrate that at most {ppm(claim['fraction'])} of the units fail over "
        f"the mission ({100 * claim['confidence']:g} % confidence, one-sided)?"
    )
    verdict, _, counted = dossier_lines(summary)[0].partition(": ")
    statement = [f"{verdict.capitalize()}: {counted}."] + [
        f"{_capital(c['mechanism'])}: {c['statement']}"
        for c in summary["claims"]
        if c.get("statement")
    ]
    verdicts = [
        Verdict(
            f"{c['mechanism']}: {claim['quantity']} ≤ {ppm(claim['fraction'])}",
            c["verdict"] if "bound" in c else "inconclusive",
            f"{_capital(bound_text(c) if 'bound' in c else c['reason'])}.",
        )
        for c in summary["claims"]
    ]
    sections = [s for s in _sections(dossier, summary) if s.tables or s.figures or s.points]
    return Report(
        summary["title"], question, statement, sections, list(_key_figures(summary)), verdicts
    )


def _sections(dossier: Dossier, summary: dict[str, Any]) -> Iterator[Section]:
    yield Section("document", "Document", tables=[document_table(summary)])
    others = summary["tests_of_no_requirement"]
    yield Section("requirements", "Requirements of the standards", (
        *([f"Tests that no requirement asks for: {', '.join(others)}."] if others else []),
        "A requirement is met if the tests of its name reached its conditions, lots, devices and "
        "accept number; missing if the plan has no such test; open if what the standard requires "
        "could not be confirmed from public sources. Sources of the requirements:",),
        points=list(dict.fromkeys(row["source"] for row in summary["requirements"])),
        tables=[requirements_table(summary)])  # fmt: skip
    alone = ", ".join(dossier.unclaimed)
    yield Section("claim", "Mission profile and claim",
        (f"Checked against their requirement alone, and part of no claim: {alone}.",)
        if alone else (), tables=list(claim_tables(summary)))  # fmt: skip
    yield Section("bounds", "Bounds and lives",
                  figures=[f for a in dossier.answers for f in mechanism_figures(a)])  # fmt: skip
    yield Section("acceleration", "Acceleration", (
        "The factors are to the constant condition that ages as much as the mission in the same "
        "time. The T-model has life linear in the temperature, here tangent to the Arrhenius law "
        "at the hottest test unless several temperatures were fitted; it extrapolates to shorter "
        "lives.",), tables=list(acceleration_tables(dossier, summary)))  # fmt: skip
    yield Section("degradation", "Degradation paths", (
        "Reads of each unit fitted as paths by mixed effects (maximum likelihood); a unit fails "
        "when its path, without the error of a read, crosses the limit. The bound is the worst of "
        "the shapes whose AICc is within 4 of the best, one-sided, by the delta method.",),
        tables=list(degradation_tables(summary)),
        figures=[path_figure(p, a.mechanism) for a in dossier.answers for p in a.paths
                 if p.fits and len(p.tests) == 1])  # fmt: skip
    yield Section("lots", "Lots", lots_text(summary), tables=[lots_table(summary)])
    yield Section("tests", "Tests", tables=[tests_table(summary), read_point_table(summary)])
    yield Section("assumptions", "Assumptions and limitations",
                  tables=[assumptions_table(summary)])  # fmt: skip
    yield Section("samples", "Missing demonstrations and sample sizes",
                  tables=[*further_tests(summary), samples_table(summary)])  # fmt: skip
    yield Section("data", "Raw data", tables=list(raw_tables(dossier)))
    yield provenance_section(
        {f"SHA-256 of {name}": value for name, value in summary["files"].items()}
        | ({"command": summary["command"]} if summary["command"] else {}),
        listing=dossier.plan.path.read_text("utf-8"),
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _key_figures(summary: dict[str, Any]) -> Iterator[KeyFigure]:
    met, _, rest = counted_rows(summary).partition(" requirements met")
    yield KeyFigure("requirements", f"{met} met", rest.removeprefix(", "))
    for claim in summary["claims"]:
        if "bound" in claim:
            yield KeyFigure(
                f"upper bound, {claim['mechanism']}", ppm(claim["bound"]),
                f"{claim['failures']:g} of {claim['units']:g} failed", claim["verdict"],
            )  # fmt: skip
