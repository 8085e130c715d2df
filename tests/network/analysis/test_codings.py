"""Spikes and sums decide alike in the limit, at the rate that chance allows."""

import numpy as np
import pytest

import reliability as rel
from reliability.network.one_layer.spiking import run_spiking
from reliability.network.one_layer.weighted_sum import run_weighted_sum


@pytest.fixture(scope="module")
def net():
    return rel.load_network("spirit")


def test_decisions_meet_as_the_lead_grows(net) -> None:
    r = rel.compare_codings(net, delta_s=(2, 10, 160), spike_limit=16_384, images=1000, seed=3)
    assert (np.diff(r["equal"]) > 0).all()
    assert (np.diff(r["spikes"]) > 0).all()
    assert r["equal"][-1] > 0.98
    gap = abs(r["accuracy"][-1] - r["sum_accuracy"])
    assert gap <= 1 - r["equal"][-1]  # only images decided differently can differ
    assert (r["equal_low"] < r["equal"]).all()
    assert (r["equal"] < r["equal_high"]).all()


def test_share_of_equal_decisions_is_that_of_multinomial_counts(net) -> None:
    """After N events without early end, what decides is chance in the pixels' event counts."""
    images, events = 2000, 1024
    found = rel.compare_codings(net, delta_s=[10**6], spike_limit=events, images=images, seed=3)
    assert found["undecided"].item() == 1
    assert found["spikes"].item() == events
    pixels = rel.load_mnist()["pixels"].values[np.arange(images) * 10_000 // images].astype(float)
    share = pixels / pixels.sum(axis=1, keepdims=True)
    counts = np.random.default_rng(0).multinomial(events, share)
    weights = net.weights.astype(float)
    expected = ((counts @ weights).argmax(axis=1) == (pixels @ weights).argmax(axis=1)).mean()
    sigma = np.sqrt(2 * expected * (1 - expected) / images)
    assert abs(found["equal"].item() - expected) < 4 * sigma


def test_a_smaller_threshold_only_changes_the_scale_of_the_lead(net) -> None:
    half = rel.Neuron(threshold=2.0)
    r = rel.compare_codings(net, delta_s=[10], images=1000, seed=3)
    s = rel.compare_codings(net, delta_s=[20], images=1000, neuron=half, seed=3)
    assert s["spikes"].item() == pytest.approx(r["spikes"].item(), rel=0.05)
    assert abs(s["equal"].item() - r["equal"].item()) < 4 * np.sqrt(2 * 0.05 * 0.95 / 1000)


def test_saturated_outputs_are_equal_however_large_their_sums() -> None:
    """Charge above one threshold per event cannot be fired off: both outputs count every event."""
    weights = np.array([[[2.0, 3.0]]], dtype=np.float32)
    one = np.ones((1, 2), np.float32)
    events = np.zeros((1, 500), np.uint16)
    spikes = run_spiking(weights, one, one, events, rel.Neuron(threshold=1.0), 10)
    assert spikes.events[0, 0] == 500
    assert spikes.predicted[0, 0] == 0
    assert run_weighted_sum(weights, np.array([[255]], np.uint8), "argmax", one)[0, 0] == 1


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"images": 0}, "images: got 0, allowed 1 to 10000"),
        ({"spike_limit": 0}, "spike_limit"),
        ({"delta_s": []}, "delta_s"),
        ({"delta_s": [3, 0]}, "delta_s"),
    ],
)
def test_bad_settings_are_refused(net, settings, says) -> None:
    with pytest.raises(rel.InputError, match=says):
        rel.compare_codings(net, **settings)


def test_codings_are_compared_on_the_same_samples() -> None:
    net = rel.load_network("spirit")
    codes = [rel.FirstSpike(16), rel.FirstSpike(1e6)]
    r = rel.compare_codings(net, delta_s=[10], first_spike=codes, images=300)
    alone = rel.evaluate(net, coding="first_spike", images=300)
    assert r["first_spike_accuracy"][0].item() == alone["accuracy"].item()
    assert r["first_spike_spikes"][0].item() == pytest.approx(alone["spikes"].item())
    assert r["first_spike_undecided"].values[1] == 1
    assert (r["first_spike_accuracy_low"] < r["first_spike_accuracy"]).all()
