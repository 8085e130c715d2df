"""A qualification of several tests as plain numbers, and as lines of text."""

import math
import platform
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from hashlib import sha256
from typing import Any

import numpy as np

from reliability.lifetime.demonstration import data_sheet_sentence
from reliability.product.dossier import Dossier
from reliability.product.mechanisms import Answer, pooled_units
from reliability.product.mission_equivalent import log_factor
from reliability.product.path_answers import PathAnswer
from reliability.product.plan_tables import claimed_fraction
from reliability.product.qualification_plan import LifeTest
from reliability.product.standard_rows import tests_of_requirements
from reliability.report.figures.style import ppm
from reliability.report.provenance import versions
from reliability.report.qualification_report import qualification
from reliability.units import duration, engineering, grouped

_RESULT = {True: "met", False: "not met", None: "open"}


def result(row: Mapping[str, Any]) -> str:
    """Say whether a requirement is met, open, without a test (missing), or not applicable."""
    if not row["applies"]:
        return "not applicable"
    return "missing" if row["met"] is None and row["done"] == "no test" else _RESULT[row["met"]]


def reason(row: Mapping[str, Any]) -> str:
    """Return the reason of a result, for a place where the result stands before it."""
    return str(row["reason"]).removeprefix(f"{result(row)}: ")


def counted_rows(summary: dict[str, Any]) -> str:
    """Count the requirements by their result: '5 of 11 requirements met, 1 not met, 5 missing'."""
    words = [result(row) for row in summary["requirements"] if row["applies"]]
    rest = [f"{words.count(w)} {w}" for w in ("not met", "missing", "open") if w in words]
    return ", ".join([f"{words.count('met')} of {len(words)} requirements met", *rest])


def dossier_summary(dossier: Dossier, command: str = "") -> dict[str, Any]:
    """Return a qualification as plain numbers and texts, for ``qualification.json``.

    Parameters
    ----------
    dossier : Dossier
    command : str
        That makes it again.
    """
    table = dossier.plan.table
    given = table.acceleration
    return {
        "title": table.title,
        "verdict": dossier.verdict,
        "passed": dossier.passed,
        "document": table.document.model_dump(),
        "requirements": [asdict(row) for row in dossier.rows],
        "claim": {
            "fraction": claimed_fraction(table.claim),
            "confidence": table.claim.confidence,
            "one_sided": True,
            "quantity": table.claim.quantity,
            "segments": [segment.model_dump() for segment in table.claim.segment],
        },
        "acceleration": given.model_dump() if given else None,
        "claims": [_answer(answer, dossier) for answer in dossier.answers],
        "tests": [_test(test) for test in dossier.plan.tests],
        "sample_sizes": [
            {"fraction": p, "no_failure": a, "one_failure": b, "two_failures": c}
            for p, a, b, c in dossier.samples
        ],
        "tests_of_no_requirement": list(_of_no_requirement(dossier)),
        "files": _hashes(dossier),
        "command": command,
        "versions": f"{versions()}, Python {platform.python_version()}",
    }


def _answer(answer: Answer, dossier: Dossier) -> dict[str, Any]:
    found = answer.found
    out: dict[str, Any] = {
        "mechanism": answer.mechanism,
        "clock": answer.clock,
        "tests": [test.table.name for test in answer.tests],
        "passed": answer.passed,
        "reason": answer.reason,
        "next_lot_bound": answer.next_lot,
        "degradation": [_paths(each) for each in answer.paths],
    }
    if found is None:
        return out | {"verdict": "not assessed"}
    summary = qualification(
        found,
        pooled_units(answer.tests).assign_attrs(clock=answer.clock),
        quantity=dossier.plan.table.claim.quantity,
    )
    unit = " and ".join(dict.fromkeys(test.table.unit for test in answer.tests))
    of_bits = ["the bound is a fraction of bits, not of devices"] if "bits" in unit else []
    kept = ("estimate", "extrapolation", "distribution", "parameters", "units_needed", "plans")
    return (
        out
        | {name: summary[name] for name in kept}
        | {
            "verdict": found.verdict,
            "bound": found.bound,
            "bound_ppm": 1e6 * found.bound,
            "units": found.units,
            "unit": unit,
            "failures": found.failures,
            "condition": answer.condition,
            "coefficients": found.coefficients,
            "shape": found.shape,
            "assumptions": list(found.assumptions),
            "limitations": [*found.limitations, *of_bits],
            "fit_bound": summary.get("fit_bound"),
            "sensitivity": [{"activation_energy": e, "bound": b} for e, b in answer.sensitivity],
            "t_model_bound": answer.t_model.bound if answer.t_model else None,
            "t_model_condition": answer.t_model.claim.stress if answer.t_model else None,
            "factors": list(_factors(answer)),
            "statement": _statement(answer, dossier),
        }
    )


def _factors(answer: Answer) -> Iterator[dict[str, Any]]:
    """Acceleration factor and equivalent hours of each test, with the energy 0.1 eV off too."""
    found = answer.found
    assert found is not None
    if answer.clock != "time" or not answer.models:
        return
    for test in answer.tests:
        row: dict[str, Any] = {
            "test": test.table.name, "stress": test.stress, "hours": test.duration / 3600
        }  # fmt: skip
        energies: list[float | None] = [each[0] for each in answer.sensitivity]
        factors = []
        for energy, condition in zip(
            energies or [None], answer.conditions or [answer.condition], strict=True
        ):
            values = dict(found.coefficients)
            if energy is not None:
                values["activation_energy"] = energy
            factors.append(math.exp(log_factor(answer.models, condition, test.stress, values)))
        row["factors"] = factors
        row["equivalent_hours"] = [f * test.duration / 3600 for f in factors]
        row["t_model"] = _t_model_factor(answer, test)
        yield row


def _t_model_factor(answer: Answer, test: LifeTest) -> float | None:
    found, linear = answer.found, answer.t_model
    assert found is not None
    if linear is None:
        return None
    models = answer.models.replace("arrhenius", "t_model")
    return math.exp(log_factor(models, linear.claim.stress, test.stress, linear.coefficients))


def _paths(each: PathAnswer) -> dict[str, Any]:
    out: dict[str, Any] = {
        "tests": [test.table.name for test in each.tests],
        "stress": each.stress,
        "equivalent_duration": each.duration,
        "reason": each.reason,
        "left_out": list(each.left_out),
    }
    if not each.fits:
        return out
    best, counted, mission = each.fits[0][1], each.counted, each.at_mission
    assert each.median is not None
    return out | {
        "units": best.data.units,
        "reads": best.data.value.size,
        "destructive": best.data.destructive,
        "limit": best.data.limit,
        "shapes": [
            {
                "shape": name, "aicc_difference": fit.aicc - best.aicc, "sigma": fit.sigma,
                "counts": (name, fit) in each.close, "coefficients": fit.coefficients,
            }
            for name, fit in each.fits
        ],
        "fraction": None if mission is None
        else dict(zip(("estimate", "low", "high"), map(float, mission), strict=True)),
        "median_crossing": {
            k: float(v) if np.isfinite(v) else None
            for k, v in zip(("value", "low", "high"), each.median, strict=True)
        },
        "counted": None if counted is None else counted._asdict() | {"agree": counted.agree},
        "failure_time_bound": None if each.of_times is None else each.of_times.bound,
        "failure_time_reason": each.of_times_reason,
    }  # fmt: skip


def place(stress: dict[str, float]) -> str:
    """Print a condition: '125 °C and 1.3 V'."""
    units = {"temperature": "K", "voltage": "V"}
    return " and ".join(engineering(stress[n], units[n]) for n in units if n in stress)


def _statement(answer: Answer, dossier: Dossier) -> str:
    found = answer.found
    if found is None or found.bound >= 1:
        return "no statement is possible"
    segments = dossier.plan.table.claim.segment
    where = None
    if answer.clock == "time":
        kelvins = {segment.temperature for segment in segments}
        where = place(answer.condition)
        if len(kelvins) > 1:
            where = f"the mission profile (equivalent to {where})"
    claim = dossier.plan.table.claim
    return data_sheet_sentence(
        claim.quantity, found.bound, time=life(found.claim.duration, answer.clock),
        temperature=where, confidence=claim.confidence, assumptions=found.assumptions,
        one_sided=True,
    )  # fmt: skip


def life(value: float, clock: str) -> str:
    """Print a time of use, or a number of cycles or reads."""
    return duration(value) if clock == "time" else f"{grouped(value)} {clock}"


def _test(test: LifeTest) -> dict[str, Any]:
    return {
        "name": test.table.name,
        "stress": test.stress,
        "temperature_k": test.temperature,
        "duration": test.duration,
        "clock": test.clock,
        "criterion": test.table.criterion,
        "correction": test.table.correction,
        "unit": test.table.unit,
        "cycles_before": test.table.cycles,
        "cycling_temperature_k": test.table.cycling_temperature,
        "reads": test.table.reads,
        "write_temperature_k": test.table.write_temperature,
        "read_temperature_k": test.table.read_temperature,
        "bits_read": test.bits_read,
        "uncorrectable_errors": test.uncorrectable_errors,
        "lots": [lot.model_dump() | {"failures": lot.failed} for lot in test.lots],
        "read_points": list(_read_points(test)),
    }


def _read_points(test: LifeTest) -> Iterator[dict[str, float]]:
    """Units on test, failed and taken off at each read point."""
    lower, upper = test.units["lower"].values, test.units["upper"].values
    many = test.units["frequency"].values
    before = 0.0
    for point in test.points:
        seen = np.where(np.isfinite(upper), upper, np.inf)
        gone = seen <= before * (1 + 1e-9)
        off = ~np.isfinite(upper) & (lower < before * (1 - 1e-9))
        failed = (seen <= point * (1 + 1e-9)) & ~gone
        yield {
            "time": point,
            "on_test": float(many[~gone & ~off].sum()),
            "failed": float(many[failed].sum()),
            "failed_so_far": float(many[seen <= point * (1 + 1e-9)].sum()),
        }
        before = point


def _of_no_requirement(dossier: Dossier) -> dict[str, None]:
    names = (test.table.name for test in dossier.plan.tests)
    known = tests_of_requirements()
    return dict.fromkeys(name for name in names if name not in known)


def _hashes(dossier: Dossier) -> dict[str, str]:
    folder, plan = dossier.plan.path.parent, dossier.plan.path
    names = dict.fromkeys(t.table.file for t in dossier.plan.tests if t.table.file)
    files = {plan.name: plan} | {name: folder / name for name in names if name}
    return {name: sha256(path.read_bytes()).hexdigest() for name, path in files.items()}


def dossier_lines(summary: dict[str, Any]) -> list[str]:
    """Return the outcome as lines of text, the verdict first."""
    rows = summary["requirements"]
    claims = [claim["passed"] for claim in summary["claims"]]
    lines = [
        f"{summary['verdict'].upper()}: {counted_rows(summary)}; "
        + (f"{sum(claims)} of {len(claims)} claims demonstrated" if claims
           else "no test speaks of the claim")
    ]  # fmt: skip
    lines += [f"{row['name']:<18}{result(row)}: {reason(row)}" for row in rows]
    if others := summary["tests_of_no_requirement"]:
        lines.append(f"tests of no requirement: {', '.join(others)}")
    for claim in summary["claims"]:
        bound = "" if "bound" not in claim else f": {bound_text(claim)}"
        lines.append(f"claim, {claim['mechanism']}: {claim['verdict']}{bound}")
        if claim["reason"]:
            lines.append(f"reason            {claim['reason']}")
        for each in claim.get("degradation", []):
            lines.append(f"degradation       {', '.join(each['tests'])}: {degradation_text(each)}")
    return lines


def bound_text(claim: dict[str, Any]) -> str:
    """Say the bounds of a mechanism."""
    text = f"at most {ppm(claim['bound'])} fail over the mission"
    if claim["next_lot_bound"] is not None:
        text += f"; at most {ppm(claim['next_lot_bound'])} of the next lot"
    return text


def degradation_text(each: dict[str, Any]) -> str:
    """Say what the degradation paths of a test predict."""
    if each["reason"]:
        return f"not fitted, {each['reason']}"
    shapes = [s["shape"].replace("_", " ") for s in each["shapes"] if s["counts"]]
    if each["fraction"] is None:
        return "nothing for the mission, the acceleration is not known"
    return (
        f"at most {ppm(each['fraction']['high'])} beyond the limit after the mission "
        f"({' or '.join(shapes)} paths of {each['units']} units)"
    )
