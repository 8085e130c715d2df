"""A qualification as text, as numbers for machines, and as a short report."""

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from reliability.files import replace_text
from reliability.lifetime.claims import Assessment, more_units
from reliability.lifetime.curves import life_against_temperature, probability_curves
from reliability.lifetime.demonstration import JESD47_TESTS, data_sheet_sentence, plan_test
from reliability.report import figures as draw
from reliability.report.page import (
    Figure,
    KeyFigure,
    Outcome,
    Report,
    Section,
    Table,
    Verdict,
    canvas,
    numbers_of,
    svg,
)
from reliability.report.provenance import provenance_section
from reliability.report.render import save_report
from reliability.report.words import in_words, typeset
from reliability.units import duration, engineering

_PER_FIT = 1e9 * 3600.0  # device seconds of one failure at 1 FIT
_METHODS = {
    "": "nothing fitted: chi-square of 2 r + 2 degrees for r failures over the time carried to the "
    "use condition, shape and acceleration taken as known (JESD85)",
    "profile": "maximum likelihood fit, likelihood-ratio bound",
    "calibrated": "maximum likelihood fit, likelihood-ratio bound calibrated on simulated tests",
    "bootstrap": "maximum likelihood fit, quantile of fits of simulated tests",
    "wald": "maximum likelihood fit, normal approximation",
}


def qualification(
    found: Assessment, data: xr.Dataset, *, quantity: str = "failed fraction", jesd47: str = ""
) -> dict[str, Any]:
    """Return what a test shows about a claim as plain numbers and texts.

    Parameters
    ----------
    found : Assessment
    data : Dataset
        Of `read_lifetimes`, that was assessed.
    quantity : str
        What the data sheet calls the fraction that fails, e.g. ``"BER"``.
    jesd47 : str
        Name of a test of JESD47 whose sample plan is compared.
    """
    claim, clock = found.claim, str(data.attrs["clock"])
    told: dict[str, Any] = {
        "passed": found.passed,
        "claim": {
            "quantity": quantity, "fraction": claim.fraction, "duration": claim.duration,
            "clock": clock, "stress": claim.stress, "confidence": claim.confidence,
        },
        "test": {
            "units": found.units, "failures": found.failures,
            "use_time": found.use_time, "longest": found.longest,
        },
        "bound": found.bound,
        "estimate": _number(found.estimate),
        "margin": _number(found.margin),
        "life_bound": found.life_bound,
        "binomial_bound": _number(found.binomial),
        "rate_bound": found.rate_bound,
        "law": found.fit.distribution.name if found.fit else None,
        "parameters": _parameters(found),
        "assumptions": list(found.assumptions),
        "not_shown": list(found.not_shown),
        "units_needed": more_units(found),
        "plans": list(_plans(found, data)),
        "sentence": (
            f"nothing to print: the test does not bound {quantity} below 1."
            if found.bound >= 1
            else data_sheet_sentence(
                quantity, found.bound, time=_span(claim.duration, clock),
                temperature=_place(claim.stress), confidence=claim.confidence,
                assumptions=found.assumptions,
            )
        ),
    }  # fmt: skip
    if clock == "time":
        told["fit_bound"] = found.rate_bound * _PER_FIT
    if jesd47:
        test = next(test for test in JESD47_TESTS if test.name == jesd47)
        met = found.units >= test.devices and found.failures <= test.allowed_failures
        told["jesd47"] = {
            "name": test.name, "devices": test.devices, "lots": test.lots,
            "allowed_failures": test.allowed_failures, "condition": test.condition,
            "sample_plan_met": bool(met),
        }  # fmt: skip
    return told


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _parameters(found: Assessment) -> dict[str, dict[str, float]]:
    if found.fit is None:
        return {}
    confidence = 2 * found.claim.confidence - 1
    out = {}
    for name, value in found.fit.parameters.items():
        low, high = found.fit.interval(name, confidence)
        out[name] = {"value": value, "low": low, "high": high}
    return out


def _plans(found: Assessment, data: xr.Dataset) -> Iterator[dict[str, float]]:
    """Zero-failure tests that would show the claim, where a shape and an energy are known."""
    claim = found.claim
    temperatures = np.unique(data["temperature"].values) if "temperature" in data else np.zeros(0)
    energy, shape = found.coefficients.get("activation_energy"), found.shape
    if energy is None or energy <= 0 or shape is None or "temperature" not in claim.stress:
        return
    if set(claim.stress) != {"temperature"}:
        return
    hot = float(temperatures.max())
    if hot < claim.stress["temperature"]:
        return
    upper = data["upper"].where(np.isfinite(data["upper"]), data["lower"])
    longest = float(upper.where(data["temperature"] == hot, 0.0).max())
    table = plan_test(
        probability=claim.fraction, use_time=claim.duration,
        use_temperature=claim.stress["temperature"], test_temperatures=[hot],
        test_times=[longest, 2 * longest], activation_energy=energy, shape=shape,
        confidence=claim.confidence,
    )  # fmt: skip
    for temperature, time, devices in table[["temperature", "time", "devices"]].to_numpy(float):
        yield {"temperature": temperature, "duration": time, "units": int(devices)}


def qualification_lines(told: dict[str, Any]) -> list[str]:
    """Return the outcome as lines of text, the verdict first."""
    claim, test, clock = told["claim"], told["test"], told["claim"]["clock"]
    verdict = "SHOWN" if told["passed"] else "NOT SHOWN"
    place = _place(claim["stress"])
    where = f" at {place}" if place else ""
    lines = [
        f"{verdict}: {claim['quantity']} <= {claim['fraction']:.3g} after "
        f"{_span(claim['duration'], clock)}{where}, {100 * claim['confidence']:g} % confidence",
        f"bound        {told['bound']:.3g} (margin {told['margin'] or math.inf:.3g}x; "
        f"{_estimate(told)})",
        f"life         {claim['fraction']:.3g} failed not before "
        f"{_span(told['life_bound'], clock)}{where}",
        f"test         {test['units']:g} units, {test['failures']:g} failed; together "
        f"{_span(test['use_time'], clock)}{where}, the longest {_span(test['longest'], clock)}",
    ]
    if "fit_bound" in told:
        lines.append(f"failure rate <= {told['fit_bound']:.3g} FIT{where}, mean over that time")
    if told["binomial_bound"] is not None:
        lines.append(f"binomial     exact bound {told['binomial_bound']:.3g}")
    if told["law"]:
        for name, p in told["parameters"].items():
            value, low, high = (_parameter(name, p[k], clock) for k in ("value", "low", "high"))
            lines.append(f"{told['law']:<13}{name} {value} ({low} to {high})")
    if "jesd47" in told:
        plan = told["jesd47"]
        met = "met" if plan["sample_plan_met"] else "not met"
        lines.append(
            f"JESD47       {plan['name']}: {plan['lots']} lots, {plan['devices']} devices, "
            f"{plan['allowed_failures']} failures, {plan['condition']}: sample plan {met}"
        )
    lines.append(f"data sheet   {told['sentence']}")
    lines += [f"not shown    {text}" for text in told["not_shown"]]
    lines += [f"to show it   {text}" for text in needed(told)]
    return lines


def needed(told: dict[str, Any]) -> list[str]:
    """Say what would show a claim that was not shown."""
    if told["passed"]:
        return []
    clock, units = told["claim"]["clock"], told["units_needed"]
    if units is None:
        texts = ["no number of units does: the estimate itself is above the claim"]
    else:
        outcome = (
            "failures in the same proportion" if told["law"]
            else f"{told['test']['failures']:g} failures"
        )  # fmt: skip
        texts = [f"{units} units in the same test with {outcome} "
                 f"({units - told['test']['units']:.0f} more)"]  # fmt: skip
    for plan in told["plans"]:
        count = f"{plan['units']} unit{'s' if plan['units'] > 1 else ''}"
        texts.append(
            f"or {count} for {_span(plan['duration'], clock)} at "
            f"{engineering(plan['temperature'], 'K')} without a failure, "
            f"if Ea and the shape are as {'fitted' if told['law'] else 'assumed'}"
        )
    return texts


def _estimate(told: dict[str, Any]) -> str:
    if told["estimate"] is None:
        return "no estimate: too few failures for a fit, or the shape is assumed"
    return f"estimate {told['estimate']:.3g}"


def _span(value: float, clock: str) -> str:
    return duration(value) if clock == "time" else f"{value:.3g} {clock}"


def _place(stress: dict[str, float]) -> str:
    units = {"temperature": "K", "voltage": "V"}
    return " and ".join(engineering(stress[n], units[n]) for n in units if n in stress)


def _parameter(name: str, value: float, clock: str) -> str:
    if name in ("scale", "median"):
        return _span(value, clock)
    return f"{value:.3g}" + (" eV" if name == "activation_energy" else "")


def write_qualification_report(
    found: Assessment,
    data: xr.Dataset,
    told: dict[str, Any],
    folder: Path,
    *,
    command: str = "",
    formats: Sequence[str] = ("html",),
    template: str = "full",
) -> Path:
    """Write ``qualification.json`` and ``report.html``.

    Parameters
    ----------
    found : Assessment
    data : Dataset
        Of `read_lifetimes`.
    told : dict
        Of `qualification`.
    folder : Path
        Made if it is not there.
    command : str
        That makes it again.
    formats : sequence of {"html", "pdf"}
    template : str
        As `reliability.report.render.save_report` takes it.

    Returns
    -------
    Path
        The report.
    """
    folder.mkdir(parents=True, exist_ok=True)
    replace_text(folder / "qualification.json", json.dumps(told, indent=1))
    lines = qualification_lines(told)
    kept = ("source", "source_sha256", "failure", "rows_read", "rows_bad", "reliability_version")
    claimed = lines[0].split(": ", 1)[1]
    outcome: Outcome = "demonstrated" if told["passed"] else "not demonstrated"
    verdict = Verdict(claimed, outcome, f"{_spaced(lines[1])}.")
    sections = [
        Section("result", "Result", figures=list(_figures(found, data)),
                tables=list(_tables(found, told))),
        Section("qualification", "What the test shows and does not",
                tables=_gaps(told, found.method)),
        Section("assumptions", "Assumptions", points=told["assumptions"]),
        provenance_section(
            {key: str(data.attrs[key]) for key in kept if key in data.attrs}
            | ({"to make it again": command} if command else {})
        ),
    ]  # fmt: skip
    report = Report(
        f"Qualification: {told['claim']['quantity']}", f"{_spaced(claimed)}.",
        [_spaced(told["sentence"]), *(f"{_spaced(line)}." for line in lines[2:4])],
        [s for s in sections if s.figures or s.tables or s.points],
        list(_key_figures(told)), [verdict],
    )  # fmt: skip
    return save_report(report, folder / "report.html", formats, template)


def _spaced(line: str) -> str:
    """Return a line of a table of text as a sentence."""
    text = " ".join(line.split())
    return text[0].upper() + text[1:]


def _key_figures(told: dict[str, Any]) -> Iterator[KeyFigure]:
    claim, test, clock = told["claim"], told["test"], told["claim"]["clock"]
    sure = f"at {100 * claim['confidence']:g} %, one-sided"
    yield KeyFigure("upper bound", f"{told['bound']:.3g}", sure,
                    f"claimed: {claim['fraction']:.3g}")  # fmt: skip
    yield KeyFigure("margin", f"{told['margin'] or math.inf:.3g}×", "claimed over bound",
                    _estimate(told))  # fmt: skip
    yield KeyFigure(
        f"life of {claim['fraction']:.3g}", _span(told["life_bound"], clock), f"at least, {sure}"
    )
    yield KeyFigure("test", f"{test['units']:g} units", "", f"{test['failures']:g} failed")
    if "fit_bound" in told:
        yield KeyFigure("failure rate", f"{told['fit_bound']:.3g} FIT", f"at most, {sure}")


def _gaps(told: dict[str, Any], method: str) -> list[Table]:
    rows = [["data sheet", typeset(told["sentence"])], ["how the bound is found", _METHODS[method]]]
    if told["binomial_bound"] is not None:
        rows.append(["exact binomial bound", f"{told['binomial_bound']:.3g}"])
    if "jesd47" in told:
        plan = told["jesd47"]
        rows.append([
            "sample plan of JESD47", f"{'met' if plan['sample_plan_met'] else 'not met'}: "
            f"{plan['name']}, {plan['lots']} lots, {plan['devices']} devices, "
            f"{plan['allowed_failures']} failures, {plan['condition']}",
        ])  # fmt: skip
    rows += [["not shown", text] for text in told["not_shown"]]
    rows += [["to show it", text] for text in needed(told)]
    return [Table("gaps", "What may be said, and what would show more", "", ["", "what"], rows)]


def _tables(found: Assessment, told: dict[str, Any]) -> Iterator[Table]:
    clock = told["claim"]["clock"]
    if told["parameters"]:
        rows = [
            [in_words(name), *(_parameter(name, p[k], clock) for k in ("value", "low", "high"))]
            for name, p in told["parameters"].items()
        ]
        two_sided = 2 * found.claim.confidence - 1
        yield Table("parameters", f"Fitted {told['law']} law",
                            f"Intervals at {100 * two_sided:g} %, two-sided.",
                    ["parameter", "value", "low", "high"], rows)  # fmt: skip
    if found.comparison is not None and len(found.comparison) > 1:
        rows = [
            [f"{row.distribution}", f"{row.parameters}", f"{row.log_likelihood:.2f}",
             f"{row.difference:.2f}", f"{row.weight:.2f}"]
            for row in found.comparison.itertuples()
        ]  # fmt: skip
        yield Table("laws", "Which law", "Best first by AICc.",
                            ["law", "parameters", "log-likelihood", "AICc difference", "weight"],
                            rows)  # fmt: skip


def _figures(found: Assessment, data: xr.Dataset) -> Iterator[Figure]:
    fit, claim, clock = found.fit, found.claim, str(data.attrs["clock"])
    if fit is None:
        return
    names = list(fit.stresses)
    conditions: list[dict[str, float]] = [{}]
    if names:
        tested = np.unique(np.column_stack([fit.data.stress[n] for n in names]), axis=0)
        conditions = [dict(zip(names, map(float, row), strict=True)) for row in tested]
        use = {n: claim.stress[n] for n in names}
        if use not in conditions:
            conditions.append(use)
    two_sided = 2 * claim.confidence - 1
    with canvas(6.6, 4.8) as (figure, axes):
        curves = probability_curves(fit, conditions, confidence=two_sided)
        draw.probability_plot(
            curves, axes.flat[0], clock=clock, claim=(claim.duration, claim.fraction)
        )
        yield Figure(
            "probability", "Probability plot",
            f"Failures, the {fit.distribution.name} law, and its {100 * two_sided:g} % band at "
            "each time.",
            svg(figure, "Probability of failure against time"),
            numbers_of(curves),
        )  # fmt: skip
    if "temperature" not in names:
        return
    ends = [claim.stress["temperature"], *fit.data.stress["temperature"]]
    grid = 1 / np.linspace(1 / (max(ends) + 10), 1 / (min(ends) - 10), 11)
    others = {n: claim.stress[n] for n in names if n != "temperature"}
    with canvas(6.6, 4.8) as (figure, axes):
        life = life_against_temperature(fit, list(grid), sorted({claim.fraction, 0.5}),
                                        others=others, confidence=two_sided)  # fmt: skip
        draw.arrhenius_plot(life, axes.flat[0], clock=clock,
                            claim=(claim.stress["temperature"], claim.duration))  # fmt: skip
        yield Figure(
            "arrhenius", "Life against temperature",
            f"Time by which a fraction has failed, with the {100 * two_sided:g} % band.",
            svg(figure, "Arrhenius plot of life"),
            numbers_of(life),
        )  # fmt: skip
