"""A qualification of several tests as plain numbers, as lines of text, and as one document."""

import json
import math
import platform
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from reliability.files import replace_text
from reliability.lifetime.acceleration import arrhenius
from reliability.lifetime.demonstration import data_sheet_sentence, printed_fraction
from reliability.product.dossier import Answer, Dossier, pooled_units
from reliability.product.next_lot import SCALE
from reliability.product.qualification_plan import LifeTest, claimed_fraction
from reliability.product.standard_rows import on_test
from reliability.report.figures.style import clock_axis, colour, log_axis
from reliability.report.page import (
    Figure,
    KeyFigure,
    Report,
    Section,
    Table,
    Verdict,
    canvas,
    numbers_of,
    svg,
)
from reliability.report.provenance import provenance_section, versions
from reliability.report.qualification_report import qualification
from reliability.report.qualification_report import qualification_figures as fit_figures
from reliability.report.render import save_report
from reliability.units import BOLTZMANN, duration, engineering, grouped

_MET = {True: "met", False: "not met", None: "open"}  # a missing test is open
_MOST_ROWS = 300  # of the raw data in the appendix; the files have the rest
_CORRECTION = {"before": "before correction", "after": "after correction", "none": "no correction"}


def dossier_summary(dossier: Dossier, command: str = "") -> dict[str, Any]:
    """Return a qualification as plain numbers and texts, for ``qualification.json``.

    Parameters
    ----------
    dossier : Dossier
    command : str
        That makes it again.
    """
    table = dossier.plan.table
    return {
        "title": table.title,
        "passed": dossier.passed,
        "document": {k: v for k, v in table.document.model_dump().items() if v},
        "requirements": [asdict(row) for row in dossier.rows],
        "claim": {
            "fraction": claimed_fraction(table.claim),
            "confidence": table.claim.confidence,
            "one_sided": True,
            "quantity": table.claim.quantity,
            "segments": [segment.model_dump() for segment in table.claim.segment],
        },
        "claims": [_answer(answer, dossier) for answer in dossier.answers],
        "tests": [_test(test) for test in dossier.plan.tests],
        "sample_sizes": [
            {"fraction": p, "no_failure": a, "one_failure": b, "two_failures": c}
            for p, a, b, c in dossier.samples
        ],
        "files": _hashes(dossier),
        "command": command,
        "versions": f"{versions()}, Python {platform.python_version()}",
    }


def _answer(answer: Answer, dossier: Dossier) -> dict[str, Any]:
    found = answer.found
    out: dict[str, Any] = {
        "mechanism": answer.mechanism,
        "tests": [test.table.name for test in answer.tests],
        "passed": answer.passed,
        "reason": answer.reason,
        "next_lot_bound": answer.next_lot,
    }
    if found is None:
        return out | {"verdict": "not assessed"}
    summary = qualification(
        found,
        pooled_units(answer.tests).assign_attrs(clock=answer.clock),
        quantity=dossier.plan.table.claim.quantity,
    )
    return out | {
        "verdict": found.verdict,
        "bound": found.bound,
        "estimate": summary["estimate"],
        "units": found.units,
        "failures": found.failures,
        "extrapolation": summary["extrapolation"],
        "equivalent_temperature_k": answer.temperature,
        "coefficients": found.coefficients,
        "shape": found.shape,
        "distribution": summary["distribution"],
        "parameters": summary["parameters"],
        "assumptions": list(found.assumptions),
        "limitations": list(found.limitations),
        "fit_bound": summary.get("fit_bound"),
        "units_needed": summary["units_needed"],
        "sensitivity": [{"activation_energy": e, "bound": b} for e, b in answer.sensitivity],
        "t_model_bound": answer.t_model.bound if answer.t_model else None,
        "acceleration": [_acceleration(test, answer) for test in answer.tests]
        if answer.temperature is not None
        else [],
        "statement": _statement(answer, dossier),
    }


def _acceleration(test: LifeTest, answer: Answer) -> dict[str, Any]:
    assert answer.found is not None
    assert answer.temperature is not None
    energy = answer.found.coefficients.get("activation_energy", 0.0)
    hottest = max(each.temperature for each in answer.tests)
    factor = float(arrhenius(answer.temperature, test.temperature, energy))
    slope = energy / (BOLTZMANN * hottest**2)
    linear = math.exp(slope * (test.temperature - answer.temperature))
    return {
        "test": test.table.name,
        "temperature_k": test.temperature,
        "arrhenius": factor,
        "t_model": linear,
        "hours": test.duration / 3600,
        "equivalent_hours": factor * test.duration / 3600,
    }


def _statement(answer: Answer, dossier: Dossier) -> str:
    found = answer.found
    if found is None or found.bound >= 1:
        return "no statement is possible"
    segments = dossier.plan.table.claim.segment
    life = _life(found.claim.duration, answer.clock)
    where = None
    if answer.clock == "time":
        kelvins = {segment.temperature for segment in segments}
        where = (
            engineering(kelvins.pop(), "K")
            if len(kelvins) == 1
            else f"the mission profile ({engineering(answer.temperature or 0.0, 'K')} equivalent)"
        )
    return data_sheet_sentence(
        dossier.plan.table.claim.quantity, found.bound, time=life, temperature=where,
        confidence=found.claim.confidence, assumptions=found.assumptions,
    )  # fmt: skip


def _life(value: float, clock: str) -> str:
    return duration(value) if clock == "time" else f"{grouped(value)} {clock}"


def _test(test: LifeTest) -> dict[str, Any]:
    return {
        "name": test.table.name,
        "temperature_k": test.temperature,
        "duration": test.duration,
        "clock": test.clock,
        "criterion": test.table.criterion,
        "correction": test.table.correction,
        "unit": test.table.unit,
        "cycles_before": test.table.cycles,
        "lots": [lot.model_dump() for lot in test.lots],
    }


def _hashes(dossier: Dossier) -> dict[str, str]:
    folder, plan = dossier.plan.path.parent, dossier.plan.path
    names = dict.fromkeys(t.table.file for t in dossier.plan.tests if t.table.file)
    files = {plan.name: plan} | {name: folder / name for name in names if name}
    return {name: sha256(path.read_bytes()).hexdigest() for name, path in files.items()}


def dossier_lines(summary: dict[str, Any]) -> list[str]:
    """Return the outcome as lines of text, the verdict first."""
    rows = summary["requirements"]
    count = {word: sum(_MET[row["met"]] == word for row in rows) for word in _MET.values()}
    verdict = "QUALIFIED" if summary["passed"] else "NOT QUALIFIED"
    lines = [
        f"{verdict}: {count['met']} requirements met, {count['not met']} not met, "
        f"{count['open']} open"
    ]
    lines += [f"{row['name']:<18}{_MET[row['met']]}: {row['reason']}" for row in rows]
    for claim in summary["claims"]:
        bound = "" if "bound" not in claim else f": {_bound_text(claim)}"
        lines.append(f"claim, {claim['mechanism']}: {claim['verdict']}{bound}")
        if claim["reason"]:
            lines.append(f"reason            {claim['reason']}")
    return lines


def _bound_text(claim: dict[str, Any]) -> str:
    text = f"at most {printed_fraction(claim['bound'], 3)} fail"
    if claim["next_lot_bound"] is not None:
        text += f", of the next lot {printed_fraction(claim['next_lot_bound'], 3)}"
    return text


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
        f"Do these tests demonstrate that at most {printed_fraction(claim['fraction'], 3)} fail "
        f"over the mission ({100 * claim['confidence']:g} % confidence, one-sided)?"
    )
    lines = dossier_lines(summary)
    head = f"{lines[0].capitalize()}."
    statement = [head] + [
        f"{_capital(c['mechanism'])}: {c['statement']}"
        for c in summary["claims"]
        if c.get("statement")
    ]
    sections = [
        Section("document", "Document", tables=list(_document(summary))),
        Section("requirements", "Requirements of the standards", (
            "A row is met if the tests of its name reached its conditions, lots, devices and "
            "accept number. Open: the test is missing, or the public summaries of the standard do "
            "not state what it requires.",), tables=[_requirements(summary)]),
        Section("claim", "Claim over the mission", tables=list(_claim_tables(summary)),
                figures=[f for a in dossier.answers for f in _figures(a, dossier)]),
        Section("acceleration", "Acceleration", (
            "The T-model has life linear in the temperature, here tangent to the Arrhenius law at "
            "the hottest test; it extrapolates to shorter lives.",),
            tables=list(_acceleration_tables(dossier, summary))),
        Section("lots", "Lots", (_lots_text(summary),), tables=[_lots(summary)]),
        Section("tests", "Tests", tables=[_tests(summary)]),
        Section("assumptions", "Assumptions and limitations",
                points=list(_assumed(dossier, summary))),
        Section("samples", "Sample sizes", tables=[_samples(summary)]),
        Section("data", "Raw data", tables=list(_raw(dossier))),
        provenance_section(
            {f"SHA-256 of {name}": value for name, value in summary["files"].items()}
            | ({"command": summary["command"]} if summary["command"] else {}),
            listing=dossier.plan.path.read_text("utf-8"),
        ),
    ]  # fmt: skip
    verdicts = [
        Verdict(
            f"{c['mechanism']}: {claim['quantity']} ≤ {printed_fraction(claim['fraction'], 3)}",
            c["verdict"] if "bound" in c else "inconclusive",
            f"{_capital(_bound_text(c) if 'bound' in c else c['reason'])}.",
        )
        for c in summary["claims"]
    ]
    return Report(
        summary["title"], question, statement,
        [s for s in sections if s.tables or s.figures or s.points],
        list(_key_figures(summary)), verdicts,
    )  # fmt: skip


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _key_figures(summary: dict[str, Any]) -> Iterator[KeyFigure]:
    rows = summary["requirements"]
    met = sum(row["met"] is True for row in rows)
    missed = sum(row["met"] is False for row in rows)
    yield KeyFigure("requirements", f"{met} met", f"{missed} not met", f"of {len(rows)}")
    for claim in summary["claims"]:
        if "bound" in claim:
            yield KeyFigure(
                f"upper bound, {claim['mechanism']}", printed_fraction(claim["bound"], 3),
                f"{claim['failures']:g} of {claim['units']:g} failed", claim["verdict"],
            )  # fmt: skip


def _document(summary: dict[str, Any]) -> Iterator[Table]:
    if summary["document"]:
        rows = [[name.replace("_", " "), text] for name, text in summary["document"].items()]
        yield Table("document-table", "Document", "", ["item", "value"], rows)


def _requirements(summary: dict[str, Any]) -> Table:
    rows = [
        [row["name"], row["standard"], row["required"], row["done"], _MET[row["met"]],
         row["reason"]]
        for row in summary["requirements"]
    ]  # fmt: skip
    return Table(
        "requirements-table", "Requirements", "",
        ["test", "standard", "required", "done", "", "reason"], rows,
    )  # fmt: skip


def _claim_tables(summary: dict[str, Any]) -> Iterator[Table]:
    rows = [
        [s["name"] or f"{k + 1}", duration(s["time"]), engineering(s["temperature"], "K"),
         grouped(s['reads']), grouped(s['cycles'])]
        for k, s in enumerate(summary["claim"]["segments"])
    ]  # fmt: skip
    yield Table("mission", "Mission profile", "",
                ["segment", "time", "temperature", "reads", "cycles"], rows)  # fmt: skip
    rows = []
    for c in summary["claims"]:
        if "bound" not in c:
            rows.append([c["mechanism"], "", c["verdict"], "", "", "", c["reason"]])
            continue
        next_lot = c["next_lot_bound"]
        factor = c["extrapolation"]
        rows.append([
            c["mechanism"], f"{c['failures']:g} of {c['units']:g}", c["verdict"],
            printed_fraction(c["bound"], 3),
            "not known" if next_lot is None else printed_fraction(next_lot, 3),
            "" if factor is None else f"{factor:.2g}×",
            "" if c["fit_bound"] is None else f"{c['fit_bound']:.3g} FIT",
        ])  # fmt: skip
    yield Table(
        "claims", "Verdict of each mechanism",
        "Upper bounds of the fraction that fails over the mission, one-sided. Extrapolation: "
        "mission over the longest equivalent test.",
        ["mechanism", "failed", "verdict", "bound", "bound of the next lot", "extrapolation",
         "failure rate at most"], rows,
    )  # fmt: skip


def _acceleration_tables(dossier: Dossier, summary: dict[str, Any]) -> Iterator[Table]:
    rows = [
        [c["mechanism"], a["test"], engineering(a["temperature_k"], "K"),
         f"{grouped(a['hours'])} h", f"{a['arrhenius']:.3g}",
         f"{grouped(a['equivalent_hours'])} h", f"{a['t_model']:.3g}"]
        for c in summary["claims"] for a in c.get("acceleration", [])
    ]  # fmt: skip
    if not rows:
        return
    at = "; ".join(
        f"{c['mechanism']}: {engineering(c['equivalent_temperature_k'], 'K')}"
        for c in summary["claims"] if c.get("equivalent_temperature_k")
    )  # fmt: skip
    yield Table(
        "factors", "Acceleration factors and equivalent hours",
        f"To the constant temperature that ages as much as the mission ({at}).",
        ["mechanism", "test", "at", "time", "Arrhenius factor", "equivalent", "T-model factor"],
        rows,
    )  # fmt: skip
    rows = [
        [c["mechanism"], *(f"{printed_fraction(s['bound'], 3)} ({s['activation_energy']:.3g} eV)"
                           for s in c["sensitivity"]),
         "" if c["t_model_bound"] is None else printed_fraction(c["t_model_bound"], 3)]
        for c in summary["claims"] if len(c.get("sensitivity", [])) == 3
    ]  # fmt: skip
    if rows:
        yield Table(
            "sensitivity", "Bound against the acceleration",
            "With the activation energy 0.1 eV lower, as used, and 0.1 eV higher, taken as known; "
            "and with the T-model.",
            ["mechanism", "Ea − 0.1 eV", "Ea", "Ea + 0.1 eV", "T-model"], rows,
        )  # fmt: skip


def _lots_text(summary: dict[str, Any]) -> str:
    lots = {lot["name"] for test in summary["tests"] for lot in test["lots"]}
    return (
        "Bound of the next lot: failures of a lot are Poisson, its ln hazard is normal about the "
        "mean, flat prior of the mean hazard, half-normal prior of scale "
        f"{SCALE:g} of the standard deviation between lots (a factor of "
        f"{math.exp(SCALE):.2g}). {len(lots)} lots hardly say how much lots differ: the bound of "
        "the next lot rests on that prior, and holds no mechanism that none of these lots had."
    )


def _lots(summary: dict[str, Any]) -> Table:
    rows = [
        [test["name"], engineering(test["temperature_k"], "K"), lot["name"],
         *(f"{lot[key]:g}" for key in ("devices", "failures", "time_zero_rejects", "lost_reads",
                                      "retests", "over_range"))]
        for test in summary["tests"] for lot in test["lots"]
    ]  # fmt: skip
    return Table(
        "lots-table", "Units and failures of each lot", "",
        ["test", "at", "lot", "on test", "failed", "time-zero rejects", "lost reads", "retests",
         "over range"], rows,
    )  # fmt: skip


def _tests(summary: dict[str, Any]) -> Table:
    rows = [
        [test["name"], engineering(test["temperature_k"], "K"),
         on_test(test["duration"], test["clock"]),
         grouped(test['cycles_before']) if test["cycles_before"] else "none", test["criterion"],
         _CORRECTION[test["correction"]], test["unit"]]
        for test in summary["tests"]
    ]  # fmt: skip
    return Table(
        "tests-table", "Conditions and failure criterion", "",
        ["test", "at", "time on test", "cycles before", "failure criterion", "error correction",
         "units"], rows,
    )  # fmt: skip


def _assumed(dossier: Dossier, summary: dict[str, Any]) -> Iterator[str]:
    given = dossier.plan.table.acceleration
    if given is not None:
        yield f"Acceleration taken as known: {given.source}"
    for claim in summary["claims"]:
        for text in (*claim.get("assumptions", []), *claim.get("limitations", [])):
            yield f"{claim['mechanism']}: {text}"
        if claim["reason"]:
            yield f"{claim['mechanism']}: not assessed, {claim['reason']}"
    for source in dict.fromkeys(row["source"] for row in summary["requirements"]):
        yield f"Requirements from: {source}"


def _samples(summary: dict[str, Any]) -> Table:
    rows = [
        [printed_fraction(s["fraction"], 3), *(grouped(s[k]) for k in
                                              ("no_failure", "one_failure", "two_failures"))]
        for s in summary["sample_sizes"]
    ]  # fmt: skip
    return Table(
        "samples-table", "Sample size of a demonstration test",
        f"Units, each tested for the whole mission or its equivalent, that demonstrate at "
        f"{100 * summary['claim']['confidence']:g} % confidence that at most this fraction fails.",
        ["fraction", "no failure", "one failure", "two failures"], rows,
    )  # fmt: skip


def _raw(dossier: Dossier) -> Iterator[Table]:
    rows = []
    for test in dossier.plan.tests:
        for unit in range(test.units.sizes["unit"]):
            one = test.units.isel(unit=unit)
            low, high = float(one["lower"]), float(one["upper"])
            rows.append([
                test.table.name, engineering(test.temperature, "K"), str(one["lot"].values),
                on_test(low, test.clock),
                on_test(high, test.clock) if math.isfinite(high) else "not failed",
                f"{float(one['frequency']):g}",
            ])  # fmt: skip
    text = "Each unit failed after the first and not after the second time."
    if len(rows) > _MOST_ROWS:
        text += f" The first {_MOST_ROWS} of {len(rows)} rows; the files hold all."
    yield Table("raw", "Units of each test", text,
                ["test", "at", "lot", "good until", "failed by", "units"],
                rows[:_MOST_ROWS])  # fmt: skip


def _figures(answer: Answer, dossier: Dossier) -> Iterator[Figure]:
    if answer.found is None:
        return
    name = answer.mechanism.replace(" ", "-")
    data = pooled_units(answer.tests).assign_attrs(clock=answer.clock)
    yield _bound_figure(answer, name)
    for figure in fit_figures(answer.found, data):
        yield Figure(
            f"{figure.id}-{name}", f"{figure.title}, {answer.mechanism}", figure.caption,
            figure.svg, figure.numbers,
        )  # fmt: skip


def _bound_figure(answer: Answer, name: str) -> Figure:
    """The bound against time at use, with the claim: axes that reach both."""
    found = answer.found
    assert found is not None
    claim = found.claim
    curves = bound_against_time(answer)
    low = max(min(claim.fraction, found.bound, 1.0) / 10, 1e-12)
    shown = curves.where(curves > low)
    ends = [found.longest, claim.duration, found.longest / 100]
    with canvas(6.6, 4.4) as (figure, axes):
        ax = axes.flat[0]
        ax.plot(shown["time"], shown["bound"], color=colour(0),
                label="upper bound")  # fmt: skip
        if "estimate" in curves:
            ax.plot(shown["time"], shown["estimate"], "--", color=colour(0),
                    label="estimate")  # fmt: skip
        ax.axvline(found.longest, color="0.5", lw=1, ls=":", label="longest equivalent test")
        ax.plot([claim.duration], [found.bound], "o", color=colour(0), label="bound at the mission")
        ax.plot([claim.duration], [claim.fraction], "*", ms=14, color="black", mec="white",
                label="claim", zorder=5)  # fmt: skip
        ax.set_yscale("log")
        ax.set_ylim(low, min(10 * max(claim.fraction, found.bound), 1.2))
        log_axis(ax.yaxis, np.array(ax.get_ylim()))
        clock_axis(ax.xaxis, answer.clock, np.array([min(ends), 3 * max(ends[:2])]))
        ax.set_xlim(min(ends), 3 * max(ends[:2]))
        ax.set_ylabel("failed (fraction)")
        ax.legend(loc="lower right")
        return Figure(
            f"bound-{name}", f"Bound and claim, {answer.mechanism}",
            f"Upper bound of the fraction failed at {100 * claim.confidence:g} % confidence, "
            "one-sided, against time at the temperature that ages as much as the mission."
            if answer.clock == "time" else
            f"Upper bound of the fraction failed at {100 * claim.confidence:g} % confidence, "
            f"one-sided, against {answer.clock}.",
            svg(figure, f"Bound of {answer.mechanism} against time with the claim"),
            numbers_of(curves),
        )  # fmt: skip


def bound_against_time(answer: Answer) -> xr.Dataset:
    """Return the bound of the fraction failed (and the estimate of a fit) against time at use.

    Without a fit it scales with the known shape; without a shape it holds up to the mission.
    """
    found = answer.found
    assert found is not None
    claim = found.claim
    start = min(found.longest, claim.duration) / 100
    time = np.geomspace(max(start, 1e-3), 3 * max(found.longest, claim.duration), 60)
    if found.fit is not None:
        names = found.fit.stresses
        stress = {name: claim.stress[name] for name in names} or None
        band = found.fit.failure_probability(time, stress, 2 * claim.confidence - 1, "wald")
        variables = {"bound": band.high, "estimate": band.value}
    else:
        power = found.shape if found.shape is not None else 0.0
        hazard = -math.log1p(-min(found.bound, 1 - 1e-12)) * (time / claim.duration) ** power
        bound = -np.expm1(-hazard)
        variables = {"bound": np.where((power == 0) & (time > found.longest), np.nan, bound)}
    unit = "s" if answer.clock == "time" else "1"
    return xr.Dataset(
        {name: ("time", np.asarray(values)) for name, values in variables.items()},
        coords={"time": ("time", time, {"units": unit})},
    )
