"""Deep networks in spikes: against a NumPy loop, and towards the weighted sums."""

import numpy as np
import pytest
import xarray as xr

import reliability as rel
from reliability.network.deep.graph import Stage, feeds
from reliability.network.deep.layer_mapping import place
from reliability.network.deep.rate_coding import _neurons, _run_steps, _spiking_graph, _steps
from reliability.network.deep.runtime import Session
from tests.network.deep.onnx_models import (
    convolve,
    model,
    onnx,
    small_network,
    small_scores,
    small_weights,
    tensor,
)


@pytest.fixture
def small(tmp_path):
    return rel.load_network(small_network(tmp_path / "small.onnx"))


def images(count: int = 6) -> np.ndarray:
    return np.random.default_rng(2).random((count, 2, 6, 5)).astype(np.float32)


def in_steps(network, x, counts, leak=0.0, mismatch=None):
    """Summed scores after each count and the nominal threshold, from the graph."""
    stages = tuple(Stage(p) for p in place(network, rel.Tiling()))
    neurons = _neurons(network, stages, {network.input_name: x}, leak)
    values = {k: v for s in stages for k, v in feeds(s, s.placed.coded).items()}
    thresholds = {}
    for n in neurons:
        scale = np.ones(n.shape) if mismatch is None else mismatch
        thresholds[f"{n.name}::threshold"] = (n.threshold * scale[None]).astype(np.float32)
    session = Session(_spiking_graph(network, stages, neurons), values | thresholds)
    steps = _steps("current", x, None)
    return *_run_steps(session, network, neurons, thresholds, steps, counts), neurons


def test_neurons_against_numpy(small) -> None:
    """Charge, threshold, reset by subtraction and leak, step by step, with unequal neurons."""
    w, x, leak = small_weights(), images(), 0.05
    rng = np.random.default_rng(3)
    mismatch = 1 + 0.2 * rng.normal(size=(6, 3, 5))
    scores, spikes, neurons = in_steps(small, x, [7], leak, mismatch)
    drive = convolve(x, w["w1"], (1, 1, 1, 1), (2, 1), 1) + w["b1"][:, None, None]
    size = np.maximum(drive, 0).max()
    assert neurons[0].threshold == pytest.approx(size, rel=1e-5)
    threshold = size * mismatch
    charge = np.broadcast_to(threshold / 2, drive.shape).copy()
    total, count = 0.0, 0
    for _ in range(7):
        charge = (1 - leak) * charge + drive
        fires = charge >= threshold
        charge -= fires * threshold
        count += fires.sum()
        c = convolve(size * fires, w["w2"], (0, 0, 0, 0), (1, 3), 6)
        total = total + 0.5 * c.reshape(len(x), -1) @ w["w3"].T.astype(float) + 2 * w["b3"]
    assert spikes[0] == count
    assert scores[0] == pytest.approx(total, abs=1e-3)


def test_mean_over_steps_tends_to_the_weighted_sums(small) -> None:
    """Of rectified inputs within the threshold the rate is right to theta / T."""
    w, x = small_weights(), images()
    counts = [10, 100, 1000]
    scores, _, neurons = in_steps(small, x, counts)
    expected = small_scores(x, w)
    # largest change of a score if every neuron is off by one spike in T
    reach = 0.5 * np.abs(w["w3"]).sum(axis=1).max() * np.abs(w["w2"]).sum(axis=(1, 2, 3)).max()
    for total, steps in zip(scores, counts, strict=True):
        error = np.abs(total / steps - expected).max()
        assert error <= reach * neurons[0].threshold / steps
    assert error < 0.02 * np.abs(expected).max()


def test_accuracy_tends_to_that_of_the_sums() -> None:
    net = rel.load_network("mobilenet-mnist")
    expected = rel.evaluate(net, images=100)["accuracy"].item()
    out = rel.evaluate_spiking(net, steps=[8, 32, 128], images=100, coding="current")
    gaps = expected - out["accuracy"].values[0]
    assert gaps[0] > gaps[2]
    assert abs(gaps[2]) <= 0.03
    assert (np.diff(out["spikes"].values[0]) > 0).all()


def test_chips_and_images_do_not_depend_on_others() -> None:
    net, card = rel.load_network("mobilenet-mnist"), rel.load_technology("techB")
    settings = {"images": 20, "threshold_mismatch": 0.1, "seed": 6, "leak": 1e-3}
    many = rel.evaluate_spiking(net, card, chips=3, steps=[5, 9], **settings)
    few = rel.evaluate_spiking(net, card, chips=2, steps=[5], **settings)
    assert few["accuracy"].equals(many["accuracy"].isel(chip=slice(2), steps=[0]))
    assert few["spikes"].equals(many["spikes"].isel(chip=slice(2), steps=[0]))
    assert few["accuracy"].dims == ("chip", "steps")


def test_expected_events_are_the_pixels() -> None:
    net = rel.load_network("mobilenet-mnist")
    out = rel.evaluate_spiking(net, steps=[1, 2], images=30)
    ink = rel.load_mnist28()["inputs"].values[np.arange(30) * 2000 // 30].sum() / 30
    assert out["events"].values == pytest.approx([ink, 2 * ink], rel=1e-6)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"steps": []}, "steps: got"),
        ({"steps": [0]}, "expected integers of 1 or more"),
        ({"steps": [1.5]}, "expected integers"),
        ({"coding": "rate"}, "allowed: current, events"),
        ({"leak": 1.0}, "leak: got 1.0, allowed 0 to below 1"),
        ({"threshold_mismatch": -0.1}, "threshold_mismatch: got -0.1"),
        ({"tiling": rel.Tiling(adc_bits=8)}, "neither driven by a DAC nor read by an ADC"),
    ],
)
def test_bad_settings_are_refused(settings, says) -> None:
    net = rel.load_network("mobilenet-mnist")
    with pytest.raises(rel.InputError, match=says):
        rel.evaluate_spiking(net, **settings)


def test_operators_without_neurons_are_named(tmp_path) -> None:
    def network(*nodes):
        weights = [tensor("w", np.ones((2, 1, 1, 1))), tensor("v", np.ones((18, 3)))]
        made = model(nodes, weights, [("x", ["N", 1, 3, 3])], [("y", ["N", 3])])
        (tmp_path / "net.onnx").write_bytes(made.SerializeToString())
        return rel.load_network(tmp_path / "net.onnx")

    make = onnx.helper.make_node
    first, flat, last = (
        make("Conv", ["x", "w"], ["a"]),
        make("Flatten", ["b"], ["c"]),
        make("MatMul", ["c", "v"], ["y"]),
    )
    data = xr.Dataset(
        {"inputs": (("image", "c", "h", "w"), np.ones((2, 1, 3, 3))), "label": ("image", [0, 1])}
    )
    cases = (
        (make("Sigmoid", ["a"], ["b"], name="squash"), data, "Sigmoid 'squash' has no neuron"),
        (make("Identity", ["a"], ["b"]), data, "no Relu or Clip"),
        (make("Relu", ["a"], ["b"]), -data, "inputs are -1 to -1, allowed 0 to 1"),
    )
    for middle, given, says in cases:
        net = network(first, middle, flat, last)
        with pytest.raises(rel.InputError, match=says):
            rel.evaluate_spiking(net, data=given.assign(label=data["label"]))
