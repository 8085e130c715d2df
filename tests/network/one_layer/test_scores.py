"""Outputs and metrics of one layer, against loops and NumPy."""

import numpy as np
import pytest

import reliability as rel
from reliability.network.metrics import measured
from reliability.network.one_layer.events import Events
from reliability.network.one_layer.first_spike import run_first_spike
from reliability.network.one_layer.spiking import run_spiking

RNG = np.random.default_rng(4)
WEIGHTS = RNG.normal(0, 2, (3, 6, 4)).astype(np.float32)
ONES = np.full((3, 4), 3, np.float32)


def test_output_counts_at_the_decision_are_those_of_a_loop() -> None:
    sequences = RNG.integers(0, 6, (7, 40)).astype(np.uint16)
    found = run_spiking(WEIGHTS, ONES, ONES, sequences, rel.Neuron(), 3, scores=True)
    for chip in range(3):
        for image in range(7):
            charge, count = np.zeros(4, np.float32), np.zeros(4)
            for i in sequences[image, : found.events[chip, image]]:
                charge += WEIGHTS[chip, i]
                up, down = charge >= 3, charge <= -3
                charge += 3 * down.astype(np.float32) - 3 * up.astype(np.float32)
                count += up.astype(int) - down
            assert found.scores[chip, image].tolist() == count.tolist()
            assert count.argmax() == found.predicted[chip, image]


def test_charges_above_threshold_at_the_first_spike() -> None:
    source = RNG.integers(0, 6, (5, 12)).astype(np.uint16)
    events = Events(source, np.zeros((5, 12), np.float32), np.full(5, 12, np.int32))
    found = run_first_spike(WEIGHTS, 3 * ONES, events, scores=True)
    for chip in range(3):
        for k in range(5):
            used = source[k, : found.events[chip, k]]
            above = WEIGHTS[chip, used].sum(axis=0) - 9
            assert found.scores[chip, k] == pytest.approx(above, abs=1e-4)


@pytest.mark.parametrize("bits", [None, 5])
def test_metrics_of_weighted_sums_are_those_of_numpy(bits) -> None:
    net = rel.Network("four", RNG.integers(-3, 4, (6, 4)), weight_max=3)
    pixels = RNG.integers(0, 256, (50, 6)).astype(np.uint8)
    label = RNG.integers(0, 4, 50)
    converters = rel.Converters(8, bits, None if bits is None else 8.0)
    coding = rel.WeightedSum(converters)

    def value(metric, target=label):
        return rel.evaluate(net, coding=coding, data=(pixels, target), metric=metric, outputs=True)

    sums = (pixels / 255) @ net.weights
    if bits:
        sums = np.clip(np.rint(sums / 0.5), -16, 15) * 0.5
    assert value("accuracy")["outputs"].values[0] == pytest.approx(sums, abs=1e-5)
    assert value("mse", sums + 0.5)["mse"].item() == pytest.approx(0.25, rel=1e-5)
    assert value("agreement")["agreement"].item() == 1
    assert value("top5")["top5"].item() == 1  # of four classes
    largest = value(lambda outputs, target: (outputs.max(axis=1) - target).max())
    assert largest["<lambda>"].item() == pytest.approx((sums.max(axis=1) - label).max())
    with pytest.raises(rel.InputError, match=r"target: got shape \(50,\)"):
        value("mse")
    with pytest.raises(rel.InputError, match=r"label: got [0-9.]*, the metric .* takes integers"):
        value("accuracy", label + 0.5)


@pytest.mark.parametrize("coding", ["rate", "first_spike", "weighted_sum"])
def test_top5_and_f1_of_spirit_from_its_outputs(coding) -> None:
    net, card = rel.load_network("spirit"), rel.load_technology("oxram-130nm")
    how = {"coding": coding, "chips": 2, "images": 60, "seed": 1, "outputs": True}
    found = rel.evaluate(net, card, metric="top5", **how)
    scores, chosen = found["outputs"].values, found["image"].values
    label = rel.load_mnist()["label"].values[chosen]
    better = (scores > np.take_along_axis(scores, label[None, :, None].astype(int), 2)).sum(2)
    assert found["top5"].values.tolist() == (better < 5).mean(axis=1).tolist()
    assert (found["outputs"].argmax("output") == label).mean("image").values == pytest.approx(
        rel.evaluate(net, card, **how)["accuracy"].values, abs=0.02
    )


def test_f1_and_its_bootstrap_interval() -> None:
    """Against the definition class by class, and a bootstrap that resamples images in a loop."""
    outputs = RNG.normal(size=(1, 120, 3)).astype(np.float32)
    label = RNG.integers(0, 3, 120)
    outputs[0, np.arange(120), label] += 1.5

    def f1(decided, labels):
        each = [2 * ((decided == k) & (labels == k)).sum()
                / ((decided == k).sum() + (labels == k).sum()) for k in range(3)]  # fmt: skip
        return np.mean(each)

    decided = outputs[0].argmax(axis=1)
    found = {k: v[1][0] for k, v in measured("f1", outputs, label, lambda: None, 0.9).items()}
    assert found["f1"] == pytest.approx(f1(decided, label))
    rng = np.random.default_rng(9)
    again = [f1(decided[at], label[at]) for at in rng.integers(0, 120, (2000, 120))]
    low, high = np.quantile(again, [0.05, 0.95])
    assert (found["f1_low"], found["f1_high"]) == pytest.approx((low, high), abs=0.02)
