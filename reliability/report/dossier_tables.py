"""Tables of a qualification of several tests."""

import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reliability.lifetime.demonstration import printed
from reliability.lifetime.next_lot import SCALE
from reliability.lifetime.random_lots import PRIOR_SCALE
from reliability.product.dossier import Dossier
from reliability.product.standard_rows import on_test
from reliability.report.dossier_figures import anchor
from reliability.report.dossier_summary import place, reason, result
from reliability.report.figures.style import ppm
from reliability.report.page import Table
from reliability.units import duration, engineering, engineering_unit, grouped

Array = NDArray[np.float64]
_MOST_ROWS = 300  # of the raw data in the appendix; the files have the rest
_CORRECTION = {"before": "before correction", "after": "after correction", "none": "no correction"}


def document_table(summary: dict[str, Any]) -> Table:
    """Return the document block, with what is not stated."""
    rows = [[name, text or "not stated"] for name, text in summary["document"].items()]
    return Table("document-table", "Document", "", ["item", "value"], rows)


def requirements_table(summary: dict[str, Any]) -> Table:
    """Return one row for each requirement."""
    rows = [
        [
            row["name"],
            row["standard"],
            row["required"],
            row["done"],
            result(row),
            reason(row),
        ]
        for row in summary["requirements"]
    ]
    return Table(
        "requirements-table", "Requirements", "",
        ["test", "standard", "required", "done", "result", "reason"], rows,
    )  # fmt: skip


def claim_tables(summary: dict[str, Any]) -> Iterator[Table]:
    """Yield the mission profile and the verdict of each mechanism."""
    segments = summary["claim"]["segments"]
    volts = any(s["voltage"] is not None for s in segments)
    rows = [
        [s["name"] or f"{k + 1}", duration(s["time"]), engineering(s["temperature"], "K"),
         *([engineering(s["voltage"], "V")] if volts else []), grouped(s["reads"]),
         grouped(s["cycles"])]
        for k, s in enumerate(segments)
    ]  # fmt: skip
    header = ["segment", "time", "temperature", *(["voltage"] if volts else []), "reads", "cycles"]
    yield Table("mission", "Mission profile", "", header, rows)
    rows = []
    for c in summary["claims"]:
        if "bound" not in c:
            rows.append([c["mechanism"], "", c["verdict"], "", "", "", c["reason"], ""])
            continue
        next_lot = c["next_lot_bound"]
        rows.append([
            c["mechanism"], f"{c['failures']:g} of {c['units']:g} {c['unit']}", c["verdict"],
            ppm(c["bound"]),
            "not known" if next_lot is None else ppm(next_lot),
            place(c["condition"]) or "by number", _extrapolated(c["extrapolation"]),
            "" if c["fit_bound"] is None else f"{c['fit_bound']:.3g} FIT",
        ])  # fmt: skip
    yield Table(
        "claims", "Verdict of each mechanism",
        f"Upper bounds of the fraction that fails over the mission "
        f"({100 * summary['claim']['confidence']:g} % confidence, one-sided). Extrapolation: time "
        "of the mission over the longest equivalent test. Failure rate: mean over the mission.",
        ["mechanism", "failed", "verdict", "upper bound", "upper bound, next lot",
         "equivalent condition", "extrapolation", "failure rate at most"], rows,
    )  # fmt: skip


def _extrapolated(factor: float | None) -> str:
    if factor is None:
        return ""
    return f"{factor:.2g}×" if factor > 1 else "none"


def acceleration_tables(dossier: Dossier, summary: dict[str, Any]) -> Iterator[Table]:
    """Yield the acceleration with its source, factors, and the sensitivity to them."""
    given = dossier.plan.table.acceleration
    rows = []
    for c in summary["claims"]:
        for name, value in c.get("coefficients", {}).items():
            fitted = c["parameters"].get(name)
            known = given is not None and fitted is None
            rows.append([
                c["mechanism"], name.replace("_", " "), f"{value:.3g}{_UNITS.get(name, '')}",
                "" if known or not fitted else f"{fitted['low']:.3g} to {fitted['high']:.3g}",
                f"assumed: {given.source}" if known and given else "fitted to these tests",
            ])  # fmt: skip
    if not rows:
        return
    yield Table(
        "coefficients", "Acceleration, fitted or assumed", "",
        ["mechanism", "coefficient", "value", "two-sided interval", "source"], rows,
    )  # fmt: skip
    rows = []
    for c in summary["claims"]:
        for f in c.get("factors", []):
            hours = [grouped(h) + " h" for h in f["equivalent_hours"]]
            hours = hours if len(hours) == 3 else ["", hours[0], ""]
            middle = f["factors"][len(f["factors"]) // 2]
            rows.append([
                c["mechanism"], f["test"], place(f["stress"]), f"{grouped(f['hours'])} h",
                printed(middle, 3), *hours,
                "" if f["t_model"] is None else printed(f["t_model"], 3),
            ])  # fmt: skip
    yield Table(
        "factors", "Acceleration factors and equivalent hours",
        "Equivalent hours also with the activation energy 0.1 eV lower and higher.",
        ["mechanism", "test", "at", "time", "factor", "equivalent, Ea − 0.1 eV",
         "equivalent, Ea", "equivalent, Ea + 0.1 eV", "factor, T-model"], rows,
    )  # fmt: skip
    rows = [
        [c["mechanism"], *(f"{ppm(s['bound'])} ({s['activation_energy']:.3g} eV)"
                           for s in c["sensitivity"]),
         "" if c["t_model_bound"] is None else ppm(c["t_model_bound"])]
        for c in summary["claims"] if len(c.get("sensitivity", [])) == 3
    ]  # fmt: skip
    if rows:
        yield Table(
            "sensitivity", "Upper bound against the acceleration",
            "With the activation energy 0.1 eV lower, as used, and 0.1 eV higher, taken as known; "
            "and with the T-model.",
            ["mechanism", "Ea − 0.1 eV", "Ea", "Ea + 0.1 eV", "T-model"], rows,
        )  # fmt: skip


_UNITS = {
    "activation_energy": " eV", "voltage_acceleration": " /V", "temperature_slope": " /K"
}  # fmt: skip


def degradation_tables(summary: dict[str, Any]) -> Iterator[Table]:
    """Yield the prediction of each test, its shapes, and the comparison with failure times."""
    found = [
        (c, d) for c in summary["claims"] for d in c.get("degradation", [])
    ]  # fmt: skip
    rows, compared, shapes = [], [], []
    for c, d in found:
        tests = ", ".join(d["tests"])
        if d["reason"]:
            rows.append([c["mechanism"], tests, place(d["stress"]), "", "", "", "", d["reason"]])
            continue
        kind = "one read of each unit" if d["destructive"] else "repeated reads"
        rows.append([
            c["mechanism"], tests, place(d["stress"]),
            f"{d['reads']} of {d['units']} units, {kind}", _crossing(d["median_crossing"]),
            "not known" if d["fraction"] is None else duration(d["equivalent_duration"]),
            *_fraction(d),
        ])  # fmt: skip
        compared.append([
            c["mechanism"], tests, *_counted(d["counted"]), _fraction(d)[1],
            "not known: " + d["failure_time_reason"] if d["failure_time_bound"] is None
            else ppm(d["failure_time_bound"]),
        ])  # fmt: skip
        shapes += [
            [tests, s["shape"].replace("_", " "), f"{s['aicc_difference']:.1f}",
             "yes" if s["counts"] else "no",
             ", ".join(f"{k.replace('_', ' ')} {v:.3g}{_UNITS.get(k, '')}"
                       for k, v in s["coefficients"].items())]
            for s in d["shapes"]
        ]  # fmt: skip
        shapes += [
            [tests, text.partition(": ")[0].replace("_", " "), "", "no", text.partition(": ")[2]]
            for text in d["left_out"]
        ]
    if rows:
        yield Table(
            "paths", "Prediction from degradation paths",
            "Crossing time of half of the units at the condition of the test (the highest of "
            "several), with its two-sided interval; fraction beyond the limit at the equivalent "
            "of the mission.",
            ["mechanism", "tests", "at", "reads after time zero", "median crossing time",
             "equivalent of the mission", "estimate", "upper bound"], rows,
        )  # fmt: skip
    if compared:
        yield Table(
            "paths-compared", "Degradation paths and failure times of the same file",
            "By the last read-out of at least nine tenths of the units: the fraction that the "
            "paths predict, and the failures counted with their 90 % interval. Over the mission: "
            "upper bounds, the one of failure times without an assumed shape.",
            ["mechanism", "tests", "predicted", "counted", "agree", "bound, paths",
             "bound, failure times"], compared,
        )  # fmt: skip
        yield Table("path-shapes", "Shapes of the paths", "",
                    ["tests", "shape", "AICc difference", "counts", "acceleration or reason"],
                    shapes)  # fmt: skip


def _fraction(path: dict[str, Any]) -> list[str]:
    found = path["fraction"]
    return ["", ""] if found is None else [ppm(found["estimate"]), ppm(found["high"])]


def _crossing(median: dict[str, float | None]) -> str:
    if median["value"] is None:
        return "never"
    low, high = (median[k] for k in ("low", "high"))
    ends = [duration(v) if v is not None else "never" for v in (low, high)]
    return f"{duration(median['value'])} ({ends[0]} to {ends[1]})"


def _counted(counted: dict[str, Any] | None) -> list[str]:
    if counted is None:
        return ["", "", ""]
    return [
        ppm(counted["predicted"]),
        f"{counted['failed']:g} of {counted['units']:g} ({ppm(counted['low'])} to "
        f"{ppm(counted['high'])})",
        "yes" if counted["agree"] else "no",
    ]


def lots_text(summary: dict[str, Any]) -> list[str]:
    """Return the model of lots, and what so few lots do not tell."""
    names = sorted({lot["name"] for test in summary["tests"] for lot in test["lots"]})
    n, confidence = len(names), summary["claim"]["confidence"]
    bad = 1 - (1 - confidence) ** (1 / n)
    lots, good = (f"{n} lots", f"all {n} lots are") if n > 1 else ("1 lot", "this lot is")
    return [
        "Model of the bound for the next lot: the failures of a lot are Poisson; its ln hazard is "
        "normal about the mean, with a flat prior of the mean hazard and a half-normal prior of "
        f"scale {SCALE:g} of the standard deviation between lots (a factor of "
        f"{math.exp(SCALE):.2g}). Of a fitted distribution it follows from the fit, in which each "
        "lot shifts the log life by a normal deviate with a half-Cauchy prior of scale "
        f"{PRIOR_SCALE:g} of its standard deviation.",
        f"Not identifiable from {lots}: how much lots differ, so that the bound for the next lot "
        f"rests on that prior; and a mechanism that none of them has. Even if {good} good, up to "
        f"{100 * bad:.0f} % of all lots may be bad ({100 * confidence:g} % confidence, "
        "binomial).",
    ]  # fmt: skip


def lots_table(summary: dict[str, Any]) -> Table:
    """Return the units of each lot in each test."""
    keys = ("devices", "failures", "time_zero_rejects", "lost_reads", "retests", "over_range")
    rows = [
        [test["name"], place(test["stress"]), lot["name"], *(f"{lot[key]:g}" for key in keys)]
        for test in summary["tests"] for lot in test["lots"]
    ]  # fmt: skip
    return Table(
        "lots-table", "Units and failures of each lot",
        "On test (n) and failed (r). Time-zero rejects were beyond the criterion before the test "
        "and are not on test.",
        ["test", "at", "lot", "on test (n)", "failed (r)", "time-zero rejects", "lost reads",
         "retests", "over range"], rows,
    )  # fmt: skip


def tests_table(summary: dict[str, Any]) -> Table:
    """Return the conditions and the failure criterion of each test."""
    rows = [
        [test["name"], place(test["stress"]), on_test(test["duration"], test["clock"]),
         _cycled(test), _during(test), test["criterion"], _CORRECTION[test["correction"]],
         test["unit"]]
        for test in summary["tests"]
    ]  # fmt: skip
    return Table(
        "tests-table", "Conditions and failure criterion", "",
        ["test", "at", "time on test", "preconditioning", "during the test", "failure criterion",
         "error correction", "units"], rows,
    )  # fmt: skip


def _cycled(test: dict[str, Any]) -> str:
    if not test["cycles_before"]:
        return "none"
    at = engineering(test["cycling_temperature_k"], "K")
    return f"{grouped(test['cycles_before'])} cycles at {at}"


def _during(test: dict[str, Any]) -> str:
    """What cells go through beside time at a temperature."""
    parts = [f"{grouped(test['reads'])} reads"] if test["reads"] else []
    for doing, key in (("written", "write_temperature_k"), ("read", "read_temperature_k")):
        if test[key] is not None:
            parts.append(f"{doing} at {engineering(test[key], 'K')}")
    if test["bits_read"]:
        parts.append(f"{test['uncorrectable_errors']} uncorrectable errors in "
                     f"{test['bits_read']:.3g} bits read")  # fmt: skip
    return ", ".join(parts)


def read_point_table(summary: dict[str, Any]) -> Table:
    """Return the units on test and failed at each read point."""
    rows = [
        [test["name"], place(test["stress"]), on_test(p["time"], test["clock"]),
         f"{p['on_test']:g}", f"{p['failed']:g}", f"{p['failed_so_far']:g}"]
        for test in summary["tests"] for p in test["read_points"]
    ]  # fmt: skip
    return Table(
        "read-points", "Units and failures at each read-out", "",
        ["test", "at", "read-out", "on test", "failed since the one before", "failed so far"], rows,
    )  # fmt: skip


def assumptions_table(summary: dict[str, Any]) -> Table:
    """Return what each claim rests on, and what the tests do not demonstrate."""
    rows = []
    for claim in summary["claims"]:
        for text in claim.get("assumptions", []):
            kind = "data" if "failed in the test" in text else "assumption"
            rows.append([claim["mechanism"], kind, text])
        rows += [[claim["mechanism"], "limitation", t] for t in claim.get("limitations", [])]
        if claim["reason"]:
            rows.append([claim["mechanism"], "not assessed", claim["reason"]])
    return Table("assumed", "Assumptions and limitations of each claim", "",
                 ["mechanism", "kind", "statement"], rows)  # fmt: skip


def further_tests(summary: dict[str, Any]) -> Iterator[Table]:
    """Yield what would demonstrate the claims and requirements that are not."""
    rows = []
    for c in summary["claims"]:
        if c["passed"] or "bound" not in c:
            continue
        if c["units_needed"] is None:
            rows.append([c["mechanism"], "", "no number of units: the estimate is above the claim"])
            continue
        failed = "failures in the same proportion" if c["distribution"] else (
            f"{c['failures']:g} failure{'' if c['failures'] == 1 else 's'}"
        )  # fmt: skip
        rows.append([c["mechanism"], f"{c['units_needed']}", f"the same test, {failed}"])
        rows += [
            [c["mechanism"], f"{p['units']}",
             f"{on_test(p['duration'], 'time')} at {engineering(p['temperature'], 'K')} without a "
             "failure, with this shape and activation energy"]
            for p in c["plans"]
        ]  # fmt: skip
    if rows:
        yield Table("further", "Units that would demonstrate the claim", "",
                    ["mechanism", "units", "test"], rows)  # fmt: skip
    rows = [
        [row["name"], result(row), row["required"], reason(row)]
        for row in summary["requirements"] if result(row) in ("missing", "open", "not met")
    ]  # fmt: skip
    if rows:
        yield Table("missing", "Requirements not met, missing or open", "",
                    ["test", "result", "required", "reason"], rows)  # fmt: skip


def samples_table(summary: dict[str, Any]) -> Table:
    """Return the sample sizes of demonstration tests."""
    keys = ("no_failure", "one_failure", "two_failures")
    rows = [
        [ppm(s["fraction"]), *(grouped(s[k]) for k in keys)] for s in summary["sample_sizes"]
    ]  # fmt: skip
    return Table(
        "samples-table", "Sample size of a demonstration test",
        f"Units, each tested for the whole mission or its equivalent, that demonstrate at "
        f"{100 * summary['claim']['confidence']:g} % confidence (one-sided) that at most this "
        "fraction fails.",
        ["fraction", "no failure", "one failure", "two failures"], rows,
    )  # fmt: skip


def raw_tables(dossier: Dossier) -> Iterator[Table]:
    """Yield the units of all tests, and the reads of those that have some."""
    alike: Counter[tuple[str, ...]] = Counter()  # units that no read-out tells apart are one row
    for test in dossier.plan.tests:
        units = test.units
        for low, high, lot, many in zip(
            units["lower"].values, units["upper"].values, units["lot"].values,
            units["frequency"].values, strict=True,
        ):  # fmt: skip
            failed = on_test(high, test.clock) if math.isfinite(high) else "not failed"
            key = (test.table.name, place(test.stress), str(lot), on_test(low, test.clock), failed)
            alike[key] += many
    rows = [[*key, f"{many:g}"] for key, many in alike.items()]
    yield Table("raw", "Units of each test", _shown(
        "Each unit failed after the first and not after the second time.", rows),
        ["test", "at", "lot", "good until", "failed by", "units"], rows[:_MOST_ROWS])  # fmt: skip
    for test in dossier.plan.tests:
        reads = test.reads
        if reads is None:
            continue
        times, numbers = np.unique(reads["time"].values), np.unique(reads["unit"].values)
        factor, symbol = engineering_unit(
            float(np.median(np.abs(reads["value"].values))), str(reads.attrs["units"])
        )
        values: Array = np.full((numbers.size, times.size), np.nan)
        row = np.searchsorted(numbers, reads["unit"].values)
        values[row, np.searchsorted(times, reads["time"].values)] = reads["value"].values / factor
        lots = dict(zip(row, reads["lot"].values, strict=True))
        rows = [
            [str(lots[k]), f"{k + 1}", *("no read" if math.isnan(v) else f"{v:#.4g}" for v in one)]
            for k, one in enumerate(values)
        ]
        named = f"{reads.attrs['quantity']}{f' ({symbol})' if symbol else ''}"
        yield Table(
            f"reads-{anchor(test.table.name)}", f"Reads of {test.table.name}",
            _shown(f"{named[:1].upper()}{named[1:]} of each unit at each read-out.", rows),
            ["lot", "unit", *(on_test(t, test.clock) for t in times)], rows[:_MOST_ROWS],
        )  # fmt: skip


def _shown(text: str, rows: list[list[str]]) -> str:
    if len(rows) <= _MOST_ROWS:
        return text
    return f"{text} The first {_MOST_ROWS} of {len(rows)} rows; the files hold all."
