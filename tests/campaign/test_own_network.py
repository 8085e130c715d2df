"""A study of a network and data of one's own, from files beside it."""

import numpy as np
import pytest

import reliability as rel
from reliability.campaign.finished import read_study

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


def test_where_the_files_lie_is_not_part_of_the_study(folder, monkeypatch) -> None:
    """One study, run from its folder or another one: a result is found again from anywhere."""
    (folder / "elsewhere" / "deep").mkdir(parents=True)
    monkeypatch.chdir(folder)
    here = rel.load_study("study.toml")
    rel.run_study(here, "out", workers=1)
    monkeypatch.chdir(folder / "elsewhere" / "deep")
    there = rel.load_study("../../study.toml")
    assert there.spec_hash == here.spec_hash == rel.load_study(folder / "study.toml").spec_hash
    study, _, notes = read_study("../../out")
    assert study.spec_hash == here.spec_hash
    assert notes == []
    rel.run_study(there, "../../out", workers=1)  # goes on with what is there


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('data = "data.npz"', 'data = "other.npz"', "network.data: data: no file 'other.npz'"),
        ('data = "data.npz"', 'data = "data.npz"\nimages = 41', "got 41, allowed 1 to 40"),
        ('name = "net.onnx"', 'name = "mobilenet-mnist"', "got images of shape"),
        ('data = "data.npz"', 'data = "far.npz"', "network.data: label: got 7, allowed 0 to 2"),
        ('data = "data.npz"', 'data = "data.npz"\nmetric = "top3"', "did you mean 'top5'"),
        ('name = "net.onnx"\ndata = "data.npz"', "fixed = {sr = 1}", "only of an ONNX network"),
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
        data = rel.network.own_data.data_of((held["inputs"], held["label"]), "inputs")
    data.to_zarr(folder / "data.zarr")
    text = STUDY.replace('"data.npz"', f'"data.zarr"\nmetric = "{metric}"')
    (folder / "study.toml").write_text(text)
    study = rel.load_study(folder / "study.toml")
    found = values_of(rel.run_study(study, folder / "out", workers=1))["chips"]["accuracy"]
    direct = rel.evaluate(folder / "net.onnx", rel.load_technology("techB"), data=data, chips=4,
                          seed=3, metric=metric)[metric]  # fmt: skip
    assert found.values.ravel().tolist() == direct.values.tolist()
    page = rel.write_report(study, folder / "out").read_text("utf-8")
    assert f"mean {'top-5 accuracy' if metric == 'top5' else metric} of a chip is" in page
    assert "Mapping of layers to tiles" in page
    assert "depthwise" in page


def test_digital_layers_and_fixed_inputs_are_keys_of_a_study(folder) -> None:
    """A scale that is the same for all images, fixed by the study, and the last layer digital."""
    from tests.network.deep.onnx_models import model, onnx, tensor

    make = onnx.helper.make_node
    w = np.random.default_rng(1).normal(size=(4, 3)).astype(np.float32)
    nodes = [make("Mul", ["x", "scale"], ["a"]), make("MatMul", ["a", "w"], ["b"], name="first"),
             make("MatMul", ["b", "v"], ["y"], name="last")]  # fmt: skip
    made = model(nodes, [tensor("w", w), tensor("v", np.eye(3))],
                 [("x", ["N", 4]), ("scale", [])], [("y", ["N", 3])])  # fmt: skip
    (folder / "net.onnx").write_bytes(made.SerializeToString())
    x = np.random.default_rng(2).normal(size=(20, 4)).astype(np.float32)
    np.savez(folder / "data.npz", inputs=x, label=(x @ w).argmin(axis=1))
    path = folder / "study.toml"
    keys = 'fixed = {scale = -1}\ndigital = ["last"]\n[population]'
    path.write_text(STUDY.replace("[population]", keys))
    study = rel.load_study(path)
    net = study.load_network()
    assert (net.weights, net.digital_weights) == (12, 9)
    out = rel.run_study(study, folder / "out", workers=1)
    assert values_of(out)["ideal"]["accuracy"].item() == 1
    assert "12 of 21 weights (57.1%) are in cells" in (out / "summary.json").read_text()
    path.write_text(STUDY)
    with pytest.raises(rel.InputError, match=r"network.name: .*'scale'.* give its value"):
        rel.load_study(path)
