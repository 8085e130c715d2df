"""Attribution and inferences as parts of a study: what is stored is what the functions give."""

import json

import numpy as np
import pytest

import reliability as rel
from reliability.campaign.outputs.attribution import attributed
from reliability.campaign.store import read_results

ATTRIBUTION = """
title = "attribution"
technology = "oxram-130nm"
seed = 4
outputs = ["attribution"]

[population]
dies_per_wafer = 2

[attribution]
phenomena = ["device-to-device variability", "retention"]
chips = 4
images = 60
time = "10 years"
temperature = "105 degC"
"""
INFERENCES = """
title = "inferences"
technology = "oxram-130nm"
seed = 4

[network]
images = 30
neuron = "ideal"

[population]
chips = 2

[stress]
times = ["1 h"]
inferences = [0, 1e9]
read_voltages = ["0.1 V", "0.3 V"]
"""


@pytest.fixture
def written(tmp_path):  # type: ignore[no-untyped-def]
    def write(text):  # type: ignore[no-untyped-def]
        path = tmp_path / "study.toml"
        path.write_text(text)
        return path

    return write


def test_attribution_of_a_study_is_that_of_the_function(written, tmp_path) -> None:
    study = rel.load_study(written(ATTRIBUTION))
    folder = rel.run_study(study, tmp_path / "out")
    report = rel.write_report(study, folder).read_text("utf-8")
    found = attributed(study, read_results(folder))
    chips = rel.sample_chips(study.load_technology(), rel.load_network("spirit"), chips=4,
                             dies_per_wafer=2, seed=4)  # fmt: skip
    assert (found["wafer"].values == chips["wafer"].values).all()
    direct = rel.attribute_loss(
        rel.load_network("spirit"), study.load_technology(), phenomena=study.attribution.phenomena,
        profile=rel.MissionProfile.constant("10 years", "105 degC"), chips=4, images=60, seed=4,
    )  # fmt: skip
    # all on one wafer there, on two here: the first two chips are the same
    assert (found["accuracy"].values[:, :2] == direct["accuracy"].values[:, :2]).all()
    summary = json.loads((folder / "summary.json").read_text())["attribution"]
    shares = [row["shapley"][0] for row in summary["phenomena"]]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(summary["loss"][0])
    assert "gain if removed" in report


def test_points_of_a_sweep_tell_the_same_phenomena_apart(written, tmp_path) -> None:
    axis = '\n[[sweep]]\nname = "technology"\nvalues = ["oxram-130nm", "{}"]\n'
    study = rel.load_study(written(ATTRIBUTION + axis.format("oxram-300mm")))
    folder = rel.run_study(study, tmp_path / "out")
    summary = json.loads(rel.write_report(study, folder).with_name("summary.json").read_text())
    losses = [point["attribution"]["loss"][0] for point in summary["points"]]
    assert losses[0] != losses[1]
    text = ATTRIBUTION.replace('phenomena = ["device-to-device variability", "retention"]', "")
    with pytest.raises(
        rel.InputError,
        match="differ in cycle-to-cycle variability, defects, drift",
    ):
        rel.load_study(written(text + axis.format("pcm-mushroom")))
    text = ATTRIBUTION.replace('"retention"', '"defects"')
    with pytest.raises(rel.InputError, match="pcm-mushroom does not have it"):
        rel.load_study(written(text + axis.format("pcm-mushroom")))


@pytest.mark.slow
def test_inferences_of_a_study_are_those_of_the_function(written, tmp_path) -> None:
    study = rel.load_study(written(INFERENCES))
    folder = rel.run_study(study, tmp_path / "out")
    report = rel.write_report(study, folder).read_text("utf-8")
    stored = read_results(folder)["chips"].isel(temperature=0, time=0)
    direct = rel.evaluate_inferences(
        rel.load_network("spirit"), study.load_technology(), [0, 1e9],
        read_voltages=[0.1, 0.3], profile=rel.MissionProfile.constant("1 h"), chips=2, images=30,
        seed=4,
    )  # fmt: skip
    for name in ("accuracy", "spikes"):
        order = ("read_voltage", "inferences", "chip")
        assert (stored[name].transpose(*order).values == direct[name].values).all()
    reads = direct["reads_so_far"].isel(cell=slice(None, None, 80)).values
    order = ("read_voltage", "inferences", "chip", "input")
    assert stored["reads_so_far"].transpose(*order).values == pytest.approx(reads)
    assert "Reads of each row by inferences" in report
    assert "Accuracy against inferences" in report
    ages = json.loads((folder / "summary.json").read_text())["accuracy_by_age"]
    assert [age["inferences"] for age in ages] == [0, 1e9] * 2
    mean = direct["accuracy"].mean("chip").values.ravel()
    assert [age["mean"] for age in ages] == pytest.approx(mean)


def test_inferences_are_an_axis_of_a_sweep(written, tmp_path) -> None:
    axis = '\n[[sweep]]\nname = "inferences"\nvalues = [0, 1e9]\n'
    text = INFERENCES.replace("inferences = [0, 1e9]", "")
    study = rel.load_study(written(text.replace('"0.1 V", "0.3 V"', '"0.3 V"') + axis))
    folder = rel.run_study(study, tmp_path / "out")
    swept = read_results(folder)["chips"]["accuracy"].values
    assert swept.shape[:1] == (2,)
    assert np.all(swept[1].mean() < swept[0].mean())


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("inferences = [0,", "reads = [0, 1]\ninferences = [0,", "both reads and inferences"),
        ("[0, 1e9]", "[1e9, 1e8]", "expected rising"),
        ("[0, 1e9]", "[-1]", "stress.inferences.0"),
        ("[network]", '[network]\nname = "mobilenet-mnist"', "stress.inferences"),
        (
            'title = "inferences"',
            'title = "i"\noutputs = ["attribution"]\nattribution.phenomena = ["drift"]',
            "oxram-130nm does not have it",
        ),
    ],
)
def test_what_cannot_be_is_refused(written, old, new, says) -> None:
    text = INFERENCES.replace(old, new)
    assert text != INFERENCES
    if "mobilenet" in new:
        pytest.importorskip("onnxruntime")
    with pytest.raises(rel.InputError, match=says):
        rel.load_study(written(text))
