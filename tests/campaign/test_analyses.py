"""Every study that ships runs to its report, at a reduced size."""

import json
from pathlib import Path

import pytest

import reliability as rel
from reliability.report.words import typeset

STUDIES = sorted((Path(__file__).resolve().parents[2] / "analyses").glob("*.toml"))
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
}


def at_its_ends(study):
    """The study with the first and the last value of every axis, and few levels of each factor."""

    def ends(values):
        return tuple(dict.fromkeys((*values[:1], *values[-1:])))

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


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_a_shipped_study_runs_to_its_report(path, tmp_path) -> None:
    text = path.read_text("utf-8")
    assert text.startswith("# "), "a study begins with its question"
    settings = dict(SMALL)
    whole = rel.load_study(path)
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
    study = at_its_ends(rel.load_study(path, settings))
    if studied == "hierarchy":
        study = with_axes(study, {"network": ("spirit",), "capacity": (1024, 2048)})
    folder = rel.run_study(study, tmp_path / "out")
    report = rel.write_report(study, folder).read_text("utf-8")
    assert typeset(study.question).replace("'", "&#39;") in report
    summary = json.loads((folder / "summary.json").read_text())
    for point in summary.get("points", [summary]):
        for answer in ("accuracy", "attribution", "endurance", "crossbar", "architecture"):
            assert (answer in point) == (answer in study.outputs)
