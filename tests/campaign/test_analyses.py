"""Every study that ships runs to its report, at a reduced size."""

import html
import json
import math
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

import reliability as rel
from reliability.campaign.store import read_results
from reliability.report.words import typeset
from reliability.units import duration, engineering, grouped
from tests.report.browser import NAMES, visit

STUDIES = sorted((Path(__file__).resolve().parents[2] / "analyses").glob("*.toml"))
# Run by `-m slow` alone: another study of the same kind of output stays in the fast suite.
SLOW = (
    "crossbar_size", "inferences", "temperature", "tiers", "wafer_maturity", "relaxation",
    "read_disturb", "energy_rate_coding", "energy_time_coding", "learning_failed_cells",
    "energy_resistance", "hierarchy", "retention",
    "ecc", "refresh", "redundancy", "design_memory", "design_spirit", "measured_cells",
    "design_tile", "cifar10", "cross_temperature", "retention_after_cycling",
    "refresh_spirit", "refresh_mobilenet", "redundancy_mobilenet", "programming_window",
    "endurance",
)  # fmt: skip
CODINGS = {"rate": "rate-coded spikes", "weighted_sum": "analog multiply-accumulate",
           "first_spike": "first-spike coding"}  # fmt: skip
SMALL = {
    "population.chips": 2,
    "network.images": 20,
    "endurance.wafers": 2,
    "endurance.dies": 2,
    "endurance.cells": 30,
    "crossbar.max_size": 4,
    "attribution.phenomena": ["relaxation", "device-to-device variability"],
    "attribution.chips": 2,
    "attribution.images": 10,
    "window.compliance_currents": ["50 uA"],
    "window.reset_voltages": ["2.5 V", "2.9 V"],
}


def ends(values):
    """The first and the last value, or the only one."""
    return tuple(dict.fromkeys((*values[:1], *values[-1:])))


def at_its_ends(study):
    """The study with the first and the last value of every axis, and few levels of each factor."""
    names = ("times", "temperatures", "reads", "inferences", "read_voltages")
    ages = {name: ends(getattr(study.stress, name)) for name in names}
    sweep = tuple(
        axis.model_copy(update={"values": ends(axis.values)} if axis.values else {"points": 2})
        for axis in study.sweep
    )
    changed = {"stress": study.stress.model_copy(update=ages), "sweep": sweep}
    if study.sensitivity:  # combinations multiply: the first level and the card's, or the last
        factors = tuple(
            factor.model_copy(
                update={"value": ends(factor.value), "scale": ends(cut(factor.scale, 1.0))}
            )
            for factor in study.sensitivity.factor
        )
        changed["sensitivity"] = study.sensitivity.model_copy(update={"factor": factors})
    return study.model_copy(update=changed)


def with_axes(study, values):
    """The study with other values on axes of its architecture."""
    sweep = tuple(
        axis.model_copy(update={"values": values.get(axis.name.rpartition(".")[2], axis.values)})
        for axis in study.sweep
    )
    return study.model_copy(update={"sweep": sweep})


def cut(values, last):
    """Values up to ``last``, if it is one of them."""
    return values[: values.index(last) + 1] if last in values else values


def degrees(kelvins):
    """Return temperatures as a report prints them, without the unit that several may share."""
    return (f"{t - 273.15:g}" for t in kelvins)


def what_method_says(study, folder):
    """Yield what the Method of a report must name: from the store, and from the study's tables."""
    groups = read_results(folder)
    for name, group in groups.items():
        if name != "ideal" and ("technology" in group.attrs or "technology" in group.coords):
            names = group.coords.get("technology", group.attrs.get("technology"))
            yield from map(str, np.ravel(np.asarray(names, object)))  # swept or not
        if "coding" in group.attrs and name == "chips":
            yield group.attrs.get("network", study.network.name)
            codings = group["network.coding"].values if "network.coding" in group else ()
            for coding in {*codings} or {group.attrs["coding"]}:
                yield CODINGS[coding]
            if group.attrs["coding"] == "rate" and "delta_s" in group.attrs:  # not swept
                yield f"leads by {group.attrs['delta_s']}"
    yield from map(str, study.values_of("technology"))
    if groups.keys() & {"chips", "attribution"}:
        tiled = isinstance(study.load_network(), rel.DeepNetwork)
        for mapping in () if tiled else study.values_of("network.mapping"):
            yield str(mapping).replace("_", "-")
        if tiled:
            words = {"drift": "drift compensation", "gain": "gain calibration",
                     "batch_norm": "batch normalisation",
                     "gain_columns": "gain calibration of each column"}  # fmt: skip
            for key, what in (("adc_bits", "ADCs on the sums"), ("dac_bits", "input DACs"),
                              ("compensation", "")):  # fmt: skip
                used = [
                    one for one in study.values_of(f"tiling.{key}") if one not in (None, "none")
                ]
                yield from [what] * bool(used and what)
                yield from (words.get(one, str(one)) for one in used)
    if "attribution" in groups:
        own = study.options("attribution")
        yield from (study.network.name, CODINGS[study.network.coding])
        yield from (f"{own.chips} simulated chips", f"{grouped(own.images)} images")
        yield from (duration(own.time), *degrees([own.temperature]))
    if "window" in groups:
        own = study.options("window")
        yield from (engineering(amps, "A") for amps in ends(own.compliance_currents))
        yield from (engineering(volts, "V") for volts in ends(own.reset_voltages))
    if "chips" in groups:
        conditions = groups["chips"]["accuracy"].sizes
        count = math.prod(conditions.get(name, 1) for name in study.stress.end)
        yield "one stress condition" if count == 1 else f"each of {count} stress conditions"
        for point in study.at_points():
            yield from degrees(ends(point.stress.temperatures))
        yield f"{study.network.images} test images"
    if "endurance" in groups:
        for point in study.at_points():
            yield f"{grouped(point.endurance.cycles)} cycles"
            yield from degrees(ends(point.endurance.temperatures))
    if "retention" in groups:
        for point in study.at_points():
            yield from degrees((*point.stress.temperatures, point.stress.cycling_temperature))
            yield from degrees({point.options("retention").read_at(point)} - {None})
    if "product" in groups:
        for point in study.at_points():
            yield from degrees(point.stress.temperatures)
            yield "no error correction" if point.product.code == "none" else (
                f"corrects {point.product.word_code().corrects} bit")  # fmt: skip
    if "crossbar" in groups:
        yield from (f"{100 * float(a):.0f}" for a in study.values_of("crossbar.activity"))
        yield from map(str, study.values_of("crossbar.bias_scheme"))
    if study.architecture:
        yield f"architecture model {study.architecture.study}"
        for key in ("node", "network", "classes", "images", "chips"):
            for point in study.at_points():
                value = point.architecture.arguments.get(key)
                if isinstance(value, int):
                    yield grouped(value)
                elif value is not None:
                    yield re.sub(r"(\d)nm$", r"\1", str(value).replace("_", " "))


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, marks=[pytest.mark.slow] if path.stem in SLOW else [], id=path.stem)
        for path in STUDIES
    ],
)
def test_a_shipped_study_runs_to_its_report(path, tmp_path) -> None:
    text = path.read_text("utf-8")
    assert text.startswith("# "), "a study begins with its question"
    images: dict[str, object] = {}
    if "network.data=COPY" in text:  # CIFAR-10, which does not ship
        pytest.importorskip("onnxruntime")
        copy = np.random.default_rng(1).integers(0, 10, (40, 3073), np.uint8)
        (tmp_path / "test_batch.bin").write_bytes(copy.tobytes())
        images |= {"network.data": str(tmp_path), "network.images": 20}
    whole = rel.load_study(path, images)
    acting = set(whole.outputs)
    if acting & {"accuracy", "attribution"}:
        acting |= {"network", "population"}
    settings = images | {k: value for k, value in SMALL.items() if k.partition(".")[0] in acting}
    if whole.network.name.endswith("mnist"):
        pytest.importorskip("onnxruntime")
    studied = whole.architecture.study if whole.architecture else ""
    if studied == "tiers":
        settings |= {"architecture.chips": 1, "architecture.images": 20, "architecture.cells": 200}
        settings |= {"architecture.temperatures": [318.15, 398.15]}
    if studied == "learning":
        settings |= {"architecture.images": 200, "architecture.repeats": 1}
    if studied == "incremental":
        settings |= {"architecture.images": 200, "architecture.chips": 1}
        settings |= {"architecture.test_images": 100}
    if whole.uncertainty:
        settings |= {"uncertainty.draws": 2, "uncertainty.chips": 1, "uncertainty.images": 20}
    if whole.sensitivity:
        settings |= {"sensitivity.chips": 2, "sensitivity.images": 10}
    if whole.search:
        settings |= {"search.evaluations": 3, "search.population": 3, "search.stages": []}
    if whole.decision:
        settings |= {"decision.draws": 8, "decision.parameters": 1, "decision.chips": 1}
    study = at_its_ends(rel.load_study(path, settings))
    if studied == "hierarchy":
        study = with_axes(study, {"network": ("spirit",), "capacity": (1024, 2048)})
    folder = rel.run_study(study, tmp_path / "out")
    report = rel.write_report(study, folder).read_text("utf-8")
    assert typeset(study.question).replace("'", "&#39;") in report
    method = html.unescape(re.split('id="method"|id="population"|id="architecture"', report)[-2])
    method = re.sub(r"<[^>]*>", "", method).replace("\xa0", " ").replace("\u202f", " ")
    for said in what_method_says(study, folder):
        assert re.search(rf"(?<![\w.]){re.escape(said)}(?!\d)", method), said
    if path.stem in SLOW and any(map(shutil.which, NAMES)):
        (tmp_path / "seen").mkdir()
        seen, _ = visit({"report": report}, {}, tmp_path / "seen")
        for width in (1280, 400):
            found = seen[f"report.html {width}"]
            assert found["page"] <= width
            assert (found["wide"], found["overlaps"], found["broken"]) == ([], [], [])
    summary = json.loads((folder / "summary.json").read_text())
    for point in summary.get("points", [summary]):
        for answer in ("accuracy", "attribution", "endurance", "crossbar", "architecture"):
            assert (answer in point) == (answer in study.outputs)
