"""A qualification as lines of text, as plain numbers, and as a report."""

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
from reliability.lifetime.demonstration import (
    JESD47_TESTS,
    data_sheet_sentence,
    plan_test,
    printed,
    printed_fraction,
)
from reliability.lifetime.distributions import name_in_words
from reliability.lifetime.future_units import Prediction
from reliability.report import figures as draw
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
from reliability.report.provenance import provenance_section
from reliability.report.render import save_report
from reliability.report.words import in_words, typeset
from reliability.units import duration, engineering

_PER_FIT = 1e9 * 3600.0  # device seconds of one failure at 1 FIT
_YEAR = 31_557_600.0  # s
_METHODS = {
    "known shape": "no fit: chi-square of 2 r + 2 degrees of freedom for r failures over the "
    "equivalent time at the use condition, shape and acceleration known (JESD85)",
    "binomial": "no fit: exact binomial bound of the units that lived as long as the claim",
    "profile": "maximum likelihood fit, likelihood-ratio bound",
    "priors": "posterior with the stated priors, flat in the expected number of failures",
    "random lots": "fit with a random effect of lots, quantile of the posterior with a half-Cauchy "
    "prior of the standard deviation of ln life between lots",
    "calibrated": "maximum likelihood fit, likelihood-ratio bound calibrated on simulated tests",
    "bootstrap": "maximum likelihood fit, quantile of fits of simulated tests",
    "wald": "maximum likelihood fit, normal approximation",
}


def qualification(
    found: Assessment, data: xr.Dataset, *, quantity: str = "cumulative failures",
    jesd47: str = "", next_lot: Prediction | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Return the assessment of a claim as plain numbers and texts.

    Parameters
    ----------
    found : Assessment
    data : Dataset
        Of `read_lifetimes`, that was assessed.
    quantity : str
        What the data sheet calls the fraction that fails, e.g. ``"BER"``.
    jesd47 : str
        Name of a test of JESD47 whose sample plan is compared.
    next_lot : Prediction, optional
        Failures of the next lot in the claimed use.
    """
    claim, clock = found.claim, str(data.attrs["clock"])
    summary: dict[str, Any] = {
        "verdict": found.verdict,
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
        "extrapolation": _number(found.extrapolation),
        "rate_bound": _number(found.rate_bound),
        "distribution": found.fit.distribution.name if found.fit else None,
        "parameters": _parameters(found),
        "assumptions": list(found.assumptions),
        "limitations": list(found.limitations),
        "units_needed": more_units(found),
        "plans": list(_plans(found, data)),
        "sentence": (
            f"no statement is possible: the test does not bound {quantity} below 100 %."
            if found.bound >= 1
            else data_sheet_sentence(
                quantity, found.bound, time=_span(claim.duration, clock),
                temperature=_place(claim.stress), confidence=claim.confidence,
                assumptions=found.assumptions,
            )
        ),
    }  # fmt: skip
    if clock == "time" and found.bound < 1:
        summary["fit_bound"] = found.rate_bound * _PER_FIT
    if next_lot is not None:
        summary["next_lot"] = {
            "units": next_lot.units, "expected": next_lot.expected, "bound": next_lot.high
        }  # fmt: skip
    if jesd47:
        test = next(test for test in JESD47_TESTS if test.name == jesd47)
        met = found.units >= test.devices and found.failures <= test.allowed_failures
        summary["jesd47"] = {
            "name": test.name, "devices": test.devices, "lots": test.lots,
            "allowed_failures": test.allowed_failures, "condition": test.condition,
            "sample_plan_met": bool(met),
        }  # fmt: skip
    return summary


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
    """Zero-failure tests that would demonstrate the claim, where shape and Ea are known."""
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


def qualification_lines(summary: dict[str, Any]) -> list[str]:
    """Return the outcome as lines of text, the verdict first."""
    claim, test, clock = summary["claim"], summary["test"], summary["claim"]["clock"]
    place = _place(claim["stress"])
    where = f" at {place}" if place else ""
    lines = [
        f"{summary['verdict'].upper()}: {_claimed(summary)}{_beyond(summary)}",
        f"bound        {_fraction(summary['bound'], claim)} (claimed over bound "
        f"{summary['margin'] or math.inf:.3g}; {_estimate(summary)})",
        f"life         {printed_fraction(claim['fraction'], 3)} failed not before "
        f"{_span(summary['life_bound'], clock)}{where}",
        f"test         {test['units']:g} units, {test['failures']:g} failed; "
        f"{_equivalent(test['use_time'], clock)}; longest {_span(test['longest'], clock)}",
    ]
    if "fit_bound" in summary:
        lines.append(
            f"failure rate ≤ {printed(summary['fit_bound'])} FIT{where}, mean over the claimed time"
        )
    if "next_lot" in summary:
        lot = summary["next_lot"]
        lines.append(
            f"next lot     at most {lot['bound']} of {lot['units']} units fail in the claimed time "
            f"({100 * claim['confidence']:g} % prediction bound; expected {lot['expected']:.2g})"
        )
    if summary["distribution"]:
        distribution = name_in_words(summary["distribution"])
        for name, p in summary["parameters"].items():
            value, low, high = (_parameter(name, p[k], clock) for k in ("value", "low", "high"))
            ends = f"{low} to {high}" if p["low"] < p["high"] else "assumed"
            lines.append(f"{distribution} {name.replace('_', ' ')} {value} ({ends})")
    if "jesd47" in summary:
        plan = summary["jesd47"]
        met = "met" if plan["sample_plan_met"] else "not met"
        lines.append(
            f"JESD47       {plan['name']}: {plan['lots']} lots, {plan['devices']} devices, "
            f"{plan['allowed_failures']} failures, {plan['condition']}: sample plan {met}"
        )
    lines.append(f"data sheet   {summary['sentence']}")
    lines += [f"limitation   {text}" for text in summary["limitations"]]
    lines += [f"needed       {text}" for text in needed(summary)]
    return lines


def needed(summary: dict[str, Any]) -> list[str]:
    """Return what would demonstrate a claim that was not demonstrated."""
    if summary["passed"]:
        return []
    clock, units = summary["claim"]["clock"], summary["units_needed"]
    if units is None:
        texts = ["no number of units: the estimate itself is above the claim"]
    else:
        outcome = (
            "failures in the same proportion" if summary["distribution"]
            else f"{summary['test']['failures']:g} failures"
        )  # fmt: skip
        texts = [f"{units} units in the same test with {outcome} "
                 f"({units - summary['test']['units']:.0f} more)"]  # fmt: skip
    for plan in summary["plans"]:
        count = f"{plan['units']} unit{'s' if plan['units'] > 1 else ''}"
        texts.append(
            f"or {count} for {_span(plan['duration'], clock)} at "
            f"{engineering(plan['temperature'], 'K')} without a failure, "
            f"if Ea and the shape are as {_known_from(summary)}"
        )
    return texts


def _known_from(summary: dict[str, Any]) -> str:
    """Whether the shape and the activation energy were fitted, or one or both assumed."""
    energy = summary["parameters"].get("activation_energy")
    if not summary["distribution"]:
        return "assumed"
    return "fitted" if energy and energy["low"] < energy["high"] else "above"


def _claimed(summary: dict[str, Any]) -> str:
    """The claim as a sentence without its stop."""
    claim = summary["claim"]
    place = _place(claim["stress"])
    return (
        f"{claim['quantity']} ≤ {_fraction(claim['fraction'], claim)} after "
        f"{_span(claim['duration'], claim['clock'])}{f' at {place}' if place else ''} "
        f"({100 * claim['confidence']:g} % confidence)"
    )


def _beyond(summary: dict[str, Any]) -> str:
    """How far the claim lies beyond the test, in the verdict."""
    factor = summary["extrapolation"]
    if factor is None or factor <= 1:
        return ""
    return f"; claim {factor:.2g} times as long as the longest equivalent test"


def _fraction(value: float, claim: dict[str, Any]) -> str:
    return printed(value, 3) if claim["quantity"] == "BER" else printed_fraction(value, 3)


def _equivalent(total: float, clock: str) -> str:
    if clock == "time":
        return f"{printed(total / _YEAR, 3)} equivalent device-years"
    return f"{printed(total, 3)} equivalent device-{clock}"


def _estimate(summary: dict[str, Any]) -> str:
    if summary["estimate"] is None:
        return "no estimate: nothing was fitted"
    return f"estimate {_fraction(summary['estimate'], summary['claim'])}"


def _span(value: float, clock: str) -> str:
    if clock != "time":
        return f"{printed(value, 3)} {clock}"
    return f"{printed(value / _YEAR, 3)} years" if value >= 1000 * _YEAR else duration(value)


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
    summary: dict[str, Any],
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
    summary : dict
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
    replace_text(folder / "qualification.json", json.dumps(summary, indent=1))
    lines = qualification_lines(summary)
    kept = ("source", "source_sha256", "failure", "rows_read", "rows_bad", "reliability_version")
    claimed = lines[0].split(": ", 1)[1]
    verdict = Verdict(claimed, summary["verdict"], _labelled(lines[1]))
    sections = [
        Section("result", "Result", figures=list(qualification_figures(found, data)),
                tables=list(_tables(found, summary))),
        Section("qualification", "Statement and limitations",
                tables=_gaps(summary, found.method)),
        Section("assumptions", "Assumptions", points=summary["assumptions"]),
        provenance_section(
            {key: str(data.attrs[key]) for key in kept if key in data.attrs}
            | ({"command": command} if command else {})
        ),
    ]  # fmt: skip
    report = Report(
        f"Qualification: {summary['claim']['quantity']}",
        f"Does the test demonstrate {_claimed(summary)}?",
        [_spaced(summary["sentence"]), *map(_labelled, lines[2:4]),
         *(f"Next lot: {line[13:]}." for line in lines if line.startswith("next lot "))],
        [s for s in sections if s.figures or s.tables or s.points],
        list(_key_figures(summary)), [verdict],
    )  # fmt: skip
    return save_report(report, folder / "report.html", formats, template)


def _labelled(line: str) -> str:
    """Return a line of `qualification_lines` with a colon after its label."""
    label, text = line.split(maxsplit=1)
    return f"{_spaced(label)}: {text}."


def _spaced(line: str) -> str:
    """Return a text with a capital, without repeated spaces."""
    text = " ".join(line.split())
    return text[0].upper() + text[1:]


def _key_figures(summary: dict[str, Any]) -> Iterator[KeyFigure]:
    claim, test, clock = summary["claim"], summary["test"], summary["claim"]["clock"]
    sure = f"at {100 * claim['confidence']:g} %, one-sided"
    yield KeyFigure("upper bound", _fraction(summary["bound"], claim), sure,
                    f"claimed: {_fraction(claim['fraction'], claim)}")  # fmt: skip
    yield KeyFigure("margin", f"{summary['margin'] or math.inf:.3g}×", "claimed over bound",
                    _estimate(summary))  # fmt: skip
    yield KeyFigure(
        f"life to {printed_fraction(claim['fraction'], 3)} failures",
        _span(summary["life_bound"], clock),
        f"at least, {sure}",
    )
    yield KeyFigure("test", f"{test['units']:g} units", "", f"{test['failures']:g} failed")
    if "fit_bound" in summary:
        yield KeyFigure("failure rate", f"{printed(summary['fit_bound'])} FIT", f"at most, {sure}")


def _gaps(summary: dict[str, Any], method: str) -> list[Table]:
    rows = [["data sheet", typeset(summary["sentence"])],
            ["method of the bound", _METHODS[method]]]  # fmt: skip
    if "jesd47" in summary:
        plan = summary["jesd47"]
        rows.append([
            "sample plan of JESD47", f"{'met' if plan['sample_plan_met'] else 'not met'}: "
            f"{plan['name']}, {plan['lots']} lots, {plan['devices']} devices, "
            f"{plan['allowed_failures']} failures, {plan['condition']}",
        ])  # fmt: skip
    rows += [["limitation", text] for text in summary["limitations"]]
    rows += [["needed", text] for text in needed(summary)]
    return [
        Table("gaps", "Statement, limitations and further tests", "", ["kind", "statement"], rows)
    ]


def _tables(found: Assessment, summary: dict[str, Any]) -> Iterator[Table]:
    clock = summary["claim"]["clock"]
    if summary["parameters"]:
        rows = [
            [
                in_words(name),
                _parameter(name, p["value"], clock),
                *(
                    _parameter(name, p[k], clock) if p["low"] < p["high"] else "assumed"
                    for k in ("low", "high")
                ),
            ]
            for name, p in summary["parameters"].items()
        ]
        two_sided = 2 * found.claim.confidence - 1
        yield Table("parameters", f"Fitted distribution: {name_in_words(summary['distribution'])}",
                            f"Intervals at {100 * two_sided:g} %, two-sided.",
                    ["parameter", "value", "low", "high"], rows)  # fmt: skip
    table = found.comparison
    if table is not None and len(table) > 1:
        rows = [
            [name_in_words(str(row.distribution)), f"{row.parameters}", f"{row.log_likelihood:.2f}",
             f"{row.difference:.2f}", f"{row.weight:.2f}",
             "" if math.isnan(bound) else _fraction(bound, summary["claim"])]
            for row, bound in zip(table.itertuples(), table["bound"], strict=True)
        ]  # fmt: skip
        yield Table("distributions", "Candidate distributions",
                    "Best first by AICc; bound of those that fit equally well.",
                    ["distribution", "parameters", "log-likelihood", "AICc difference", "weight",
                     "bound"], rows)  # fmt: skip


def qualification_figures(found: Assessment, data: xr.Dataset) -> Iterator[Figure]:
    """Yield the probability plot of a fit, and its life against temperature."""
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
            f"Failures, the fitted distribution ({name_in_words(fit.distribution.name)}) and its "
            f"{100 * two_sided:g} % band at each time.",
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
