"""Studies whose chips are judged by another metric than accuracy, the user's own among them."""

import json

import numpy as np
import pytest

import reliability as rel
from reliability.campaign.accuracy_interval import score_interval

pytest.importorskip("onnxruntime")
from tests.campaign.test_run import values_of
from tests.network.deep.onnx_models import small_network, small_scores, small_weights

STUDY = """
title = "own metric"
technology = "techB"
seed = 3
[network]
name = "net.onnx"
data = "{data}"
{metric}
[population]
chips = 3
[stress]
times = ["0 s"]
"""


def worst(outputs, target):
    """Largest error of an output."""
    return np.abs(outputs - target).max()


def fails(outputs, target):
    """A metric with an error of its own."""
    raise ValueError("two\nlines")


@pytest.fixture
def folder(tmp_path):
    x = np.random.default_rng(2).normal(size=(40, 2, 6, 5)).astype(np.float32)
    scores = small_scores(x, small_weights()).astype(np.float32)
    small_network(tmp_path / "net.onnx")
    np.savez(tmp_path / "class.npz", inputs=x, label=scores.argmax(axis=1))
    np.savez(tmp_path / "real.npz", inputs=x, label=scores)
    return tmp_path


def written(folder, metric="", data="real.npz"):
    path = folder / "study.toml"
    path.write_text(STUDY.format(metric=metric, data=data))
    return path


@pytest.mark.parametrize(
    ("metric", "data", "said"),
    [("mse", "real.npz", "mean squared error"),
     pytest.param("f1", "class.npz", "F1 score", marks=pytest.mark.slow),
     (worst, "real.npz", "worst")],
)  # fmt: skip
def test_a_study_has_the_values_of_evaluate_and_a_report_that_names_the_metric(
    folder, metric, data, said
) -> None:
    line = f'metric = "{metric}"' if isinstance(metric, str) else ""
    own = None if isinstance(metric, str) else metric
    study = rel.load_study(written(folder, line, data), metric=own)
    out = rel.run_study(study, folder / "out", workers=1)
    found = values_of(out)["chips"]["accuracy"].values.ravel()
    with np.load(folder / data) as held:
        pair = held["inputs"], held["label"]
    direct = rel.evaluate(folder / "net.onnx", rel.load_technology("techB"), data=pair, chips=3,
                          seed=3, metric=metric)  # fmt: skip
    name = str(direct.attrs["metric"])
    assert found.tolist() == direct[name].values.tolist()
    summary = json.loads((out / "summary.json").read_text())
    assert summary["metric"].endswith(name)
    assert summary["accuracy"]["nominal"] == pytest.approx(found.mean())
    if metric == "mse":  # spread of the images' own errors
        expected = (direct["mse_high"] - direct["mse"]).mean() / 1.95996
        assert summary["accuracy"]["sigma_images"] == pytest.approx(float(expected), rel=1e-4)
    page = rel.write_report(study, out).read_text("utf-8")
    assert f"the {'' if metric == 'mse' else 'mean '}{said} of a chip is" in page
    assert ("accuracy" in page.partition("<h2")[0]) is False


def test_a_function_is_given_by_the_caller_never_by_a_file(folder) -> None:
    where = "tests.campaign.test_metrics_of_studies:worst"
    study = rel.load_study(written(folder), metric=where)
    assert study.spec_hash == rel.load_study(written(folder), metric=worst).spec_hash
    assert study.network.metric.startswith(f"{where}@")
    says = f"a file can't name a function; give it by reliability run STUDY --metric {where}"
    for text in (where, study.network.metric):
        with pytest.raises(rel.InputError, match=says):
            rel.load_study(written(folder, f'metric = "{text}"'))
    with pytest.raises(rel.InputError, match="other processes can't import"):
        rel.load_study(written(folder), metric=lambda outputs, target: 1.0)


@pytest.mark.parametrize(
    ("more", "metric", "says"),
    [
        ("", fails, "metric fails: ValueError: two lines"),
        ("[limits]\naccuracy = 0.5", "mse", "limits.accuracy: needs a metric between 0 and 1"),
        ('[[sweep]]\nname = "network.metric"\nvalues = ["mse", "f1"]', None, "one metric for all"),
    ],
)
def test_metrics_that_cannot_be_are_refused_at_load(folder, more, metric, says) -> None:
    path = written(folder)
    path.write_text(path.read_text() + more)
    with pytest.raises(rel.InputError, match=says) as found:
        rel.load_study(path, metric=metric)
    assert "\n" not in str(found.value)


def test_scores_have_the_interval_of_student() -> None:
    """Chips alone: that of scipy; with images, variances add."""
    from scipy import stats

    x = np.array([2.0, 3.5, 3.0, 5.0])
    low, high = stats.t.interval(0.9, 3, x.mean(), stats.sem(x))
    found = score_interval(x, float("nan"), None, 0.9)
    assert (found["low"], found["high"]) == pytest.approx((low, high))
    wider = score_interval(x, 0.7, None, 0.9)
    half = np.hypot(high - x.mean(), 0.7 * stats.norm.ppf(0.95))
    assert wider["high"] - wider["mean"] == pytest.approx(half)
