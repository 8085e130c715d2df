"""The spiking kernel against the slow reference, and its rules."""

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import reliability as rel
from reliability.network.one_layer.neuron import Neuron
from reliability.network.one_layer.spiking import count_reads, rate_code, run_spiking
from reliability.random import draw
from tests.network.one_layer.reference import classify


@given(
    seed=st.integers(0, 2**31),
    chips=st.integers(1, 20),
    inputs=st.integers(1, 9),
    outputs=st.integers(2, 11),
    refractory=st.integers(0, 3),
    leak=st.sampled_from([0.0, 0.03]),
    delta_s=st.integers(1, 6),
    noise=st.sampled_from([0.0, 0.7]),
)
@settings(max_examples=300, deadline=None)
def test_kernel_equals_reference(
    seed, chips, inputs, outputs, refractory, leak, delta_s, noise
) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.integers(-4, 5, (chips, inputs, outputs)) + noise * rng.standard_normal(
        (chips, inputs, outputs)
    )
    weights = weights.astype(np.float32)
    upper, lower = (4 + noise * rng.random((2, chips, outputs))).astype(np.float32)
    sequences = rng.integers(0, inputs, (3, 40)).astype(np.uint16)
    neuron = Neuron(refractory=refractory, leak=leak)
    found = run_spiking(weights, upper, lower, sequences, neuron, delta_s)
    for c in {0, chips // 2, chips - 1}:  # whole and broken groups of lanes
        for k, sequence in enumerate(sequences):
            expected = classify(
                weights[c], upper[c], lower[c], sequence,
                refractory=refractory, leak=leak, delta_s=delta_s,
            )  # fmt: skip
            assert (found.predicted[c, k], found.events[c, k]) == expected


def test_a_chip_does_not_depend_on_its_neighbours() -> None:
    rng = np.random.default_rng(5)
    weights = rng.normal(0, 3, (130, 12, 10)).astype(np.float32)
    threshold = np.full((130, 10), 4, np.float32)
    sequences = rng.integers(0, 12, (20, 200)).astype(np.uint16)
    whole = run_spiking(weights, threshold, threshold, sequences, Neuron(), 8)
    for part in (slice(0, 1), slice(3, 20), slice(60, 130)):
        some = run_spiking(weights[part], threshold[part], threshold[part], sequences, Neuron(), 8)
        assert (some.predicted == whole.predicted[part]).all()
        assert (some.events == whole.events[part]).all()


def test_results_do_not_depend_on_threads_or_on_the_images_beside() -> None:
    rng = np.random.default_rng(6)
    weights = rng.normal(0, 2, (19, 12, 10)).astype(np.float32)
    upper, lower = rng.uniform(3, 5, (2, 19, 10)).astype(np.float32)
    sequences = rng.integers(0, 12, (50, 300)).astype(np.uint16)
    neuron = Neuron(leak=0.01, refractory=1)
    whole = run_spiking(weights, upper, lower, sequences, neuron, 7)
    threads = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        for images in (slice(0, 50), slice(7, 8), slice(20, 43)):
            part = run_spiking(weights, upper, lower, sequences[images], neuron, 7)
            assert (part.predicted == whole.predicted[:, images]).all()
            assert (part.events == whole.events[:, images]).all()
    finally:
        numba.set_num_threads(threads)


def test_a_blank_image_has_a_sequence_too() -> None:
    pixels = np.array([[0, 0, 0], [0, 7, 0]], dtype=np.uint8)
    codes = rate_code(pixels, np.arange(2), 20, seed=1)
    assert (codes[0] < 3).all()
    assert (codes[1] == 1).all()


def test_weight_of_four_fires_once_per_event_and_the_sign_counts() -> None:
    """Weight +4 at one output, -4 at the other: the lead grows by two an event."""
    weights = np.array([[[4.0, -4.0]]], dtype=np.float32)
    threshold = np.full((1, 2), 4, np.float32)
    sequences = np.zeros((1, 50), dtype=np.uint16)
    found = run_spiking(weights, threshold, threshold, sequences, Neuron(), 10)
    assert (found.predicted[0, 0], found.events[0, 0]) == (0, 5)


def test_refractory_neuron_integrates_but_does_not_fire() -> None:
    """With one event of rest after each spike only every second event can fire."""
    weights = np.array([[[4.0, 0.0]]], dtype=np.float32)
    threshold = np.full((1, 2), 4, np.float32)
    sequences = np.zeros((1, 100), dtype=np.uint16)
    found = run_spiking(weights, threshold, threshold, sequences, Neuron(refractory=1), 10)
    assert found.events[0, 0] == 19  # spikes at events 1, 3, ..., 19


def test_limit_decides_for_the_leader() -> None:
    weights = np.array([[[1.0, 4.0, 4.0]]], dtype=np.float32)
    threshold = np.full((1, 3), 4, np.float32)
    found = run_spiking(weights, threshold, threshold, np.zeros((1, 30), np.uint16), Neuron(), 10)
    assert (found.predicted[0, 0], found.events[0, 0]) == (1, 30)  # first of equals


def test_events_follow_the_pixels() -> None:
    """Chi-square of the events of one image against its pixel values."""
    pixels = np.array([[0, 10, 20, 70, 155]], dtype=np.uint8)
    events = 20_000
    index = rate_code(pixels, np.array([17]), events, seed=3)[0]
    counts = np.bincount(index, minlength=5)
    assert counts[0] == 0
    expected = pixels[0, 1:] / pixels.sum() * events
    assert stats.chisquare(counts[1:], expected).pvalue > 1e-4


def test_events_are_quantiles_of_the_pixels() -> None:
    """The input of an event is where its uniform number falls in the cumulative pixels."""
    pixels = np.random.default_rng(7).integers(0, 256, (4, 30)).astype(np.uint8)
    pixels[0, :3], pixels[1, -4:], pixels[2, 5:20] = 0, 0, 0
    index = np.array([3, 4, 9, 11])
    address = np.array([[k, 0, 0] for k in index])
    u = draw(1, "events", address, 500, distribution="uniform", dtype=np.float32)
    cumulative = np.cumsum(pixels.astype(int), axis=1)
    found = rate_code(pixels, index, 500, seed=1)
    for k in range(len(index)):
        unit = np.floor(u[k].astype(float) * cumulative[k, -1])
        assert (found[k] == np.searchsorted(cumulative[k], unit, side="right")).all()


def test_an_image_has_its_own_sequence() -> None:
    pixels = rel.load_mnist()["pixels"].values[[5, 900]]
    both = rate_code(pixels, np.array([5, 900]), 64, seed=1)
    assert (rate_code(pixels[1:], np.array([900]), 64, seed=1)[0] == both[1]).all()


def test_reads_are_the_events_before_the_decision() -> None:
    rng = np.random.default_rng(0)
    sequences = rng.integers(0, 6, (30, 50)).astype(np.uint16)
    events = rng.integers(1, 51, (4, 30)).astype(np.int32)
    reads = count_reads(sequences, events, 6)
    for c in range(4):
        used = np.concatenate([s[:n] for s, n in zip(sequences, events[c], strict=True)])
        assert reads[c].tolist() == np.bincount(used, minlength=6).tolist()


@pytest.mark.parametrize("bad", [{"threshold": 0.0}, {"leak": 1.0}, {"refractory": -1}])
def test_impossible_neurons_are_refused(bad) -> None:
    with pytest.raises(rel.InputError, match="neuron"):
        Neuron(**bad)
