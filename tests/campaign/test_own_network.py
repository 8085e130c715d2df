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
    ],
)
def test_data_that_do_not_fit_are_refused_before_the_run(folder, old, new, says) -> None:
    (folder / "study.toml").write_text(STUDY.replace(old, new))
    with pytest.raises(rel.InputError, match=says):
        rel.load_study(folder / "study.toml")
