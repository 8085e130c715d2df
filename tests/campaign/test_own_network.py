"""A study of a network and data of one's own, from files beside it."""

import numpy as np
import pytest

import reliability as rel

pytest.importorskip("onnxruntime")
from tests.campaign.test_run import values_of
from tests.network.deep.onnx_models import small_network, small_scores, small_weights

STUDY = """
title = "own"
technology = "techB"
seed = 3
[network]
name = "net.onnx"
data = "data.npz"
[population]
chips = 4
[stress]
times = ["0 s"]
"""


@pytest.fixture
def folder(tmp_path):
    x = np.random.default_rng(2).normal(size=(40, 2, 6, 5)).astype(np.float32)
    label = small_scores(x, small_weights()).argmax(axis=1)
    small_network(tmp_path / "net.onnx")
    np.savez(tmp_path / "data.npz", inputs=x, label=label)
    (tmp_path / "study.toml").write_text(STUDY)
    return tmp_path


def test_a_study_takes_network_and_data_beside_it(folder) -> None:
    study = rel.load_study(folder / "study.toml")
    assert study.network.images == 40
    found = values_of(rel.run_study(study, folder / "out", workers=1))["chips"]["accuracy"]
    with np.load(folder / "data.npz") as held:
        data = held["inputs"], held["label"]
    direct = rel.evaluate(folder / "net.onnx", rel.load_technology("techB"), data=data, chips=4,
                          seed=3)  # fmt: skip
    assert found.values.ravel().tolist() == direct["accuracy"].values.tolist()


def test_the_content_of_the_data_is_in_the_hash_of_the_study(folder) -> None:
    before = rel.load_study(folder / "study.toml").spec_hash
    assert rel.load_study(folder / "study.toml").spec_hash == before
    with np.load(folder / "data.npz") as held:
        np.savez(folder / "data.npz", inputs=held["inputs"] + 1, label=held["label"])
    assert rel.load_study(folder / "study.toml").spec_hash != before


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('data = "data.npz"', 'data = "other.npz"', "network.data: data: no file 'other.npz'"),
        ('data = "data.npz"', 'data = "data.npz"\nimages = 41', "got 41, allowed 1 to 40"),
        ('name = "net.onnx"', 'name = "mobilenet-mnist"', "got images of shape"),
        ('data = "data.npz"', 'data = "far.npz"', "network.data: label: got 7, allowed 0 to 2"),
        ('name = "net.onnx"\ndata = "data.npz"', 'metric = "top5"', "network.metric: got 'top5'"),
    ],
)
def test_data_that_do_not_fit_are_refused_before_the_run(folder, old, new, says) -> None:
    with np.load(folder / "data.npz") as held:
        np.savez(folder / "far.npz", inputs=held["inputs"], label=held["label"] * 0 + 7)
    (folder / "study.toml").write_text(STUDY.replace(old, new))
    with pytest.raises(rel.InputError, match=says):
        rel.load_study(folder / "study.toml")


@pytest.mark.parametrize("metric", ["top5", "agreement"])
def test_a_metric_takes_the_place_of_accuracy_and_is_named(folder, metric) -> None:
    """Three classes, so that the right one is always among the first five; data as Zarr."""
    with np.load(folder / "data.npz") as held:
        data = rel.network.datasets.data_of((held["inputs"], held["label"]), "inputs")
    data.to_zarr(folder / "data.zarr")
    text = STUDY.replace('"data.npz"', f'"data.zarr"\nmetric = "{metric}"')
    (folder / "study.toml").write_text(text)
    study = rel.load_study(folder / "study.toml")
    found = values_of(rel.run_study(study, folder / "out", workers=1))["chips"]["accuracy"]
    direct = rel.evaluate(folder / "net.onnx", rel.load_technology("techB"), data=data, chips=4,
                          seed=3, metric=metric)[metric]  # fmt: skip
    assert found.values.ravel().tolist() == direct.values.tolist()
    page = rel.write_report(study, folder / "out").read_text("utf-8")
    assert {"top5": "(top 5)", "agreement": "decisions in floating point"}[metric] in page
    assert "Mapping of layers to tiles" in page
    assert "depthwise" in page
