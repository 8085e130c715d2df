"""Time coding against a slow reference, and its rules."""

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import reliability as rel
from reliability.network.one_layer.coding import FirstSpike
from reliability.network.one_layer.events import Events, intensities
from reliability.network.one_layer.first_spike import run_first_spike
from reliability.network.one_layer.spiking import count_reads
from tests.network.one_layer.reference import first_to_fire


def random_events(rng, samples, inputs, most) -> Events:
    """Streams of random inputs and lengths, some without an event."""
    count = rng.integers(0, most + 1, samples).astype(np.int32)
    source = rng.integers(0, inputs, (samples, most)).astype(np.uint16)
    return Events(source, np.sort(rng.random((samples, most)), axis=1), count)


@given(
    seed=st.integers(0, 2**31),
    chips=st.integers(1, 20),
    inputs=st.integers(1, 9),
    outputs=st.integers(1, 11),
    leak=st.sampled_from([0.0, 0.03]),
    desensitization=st.sampled_from([0.0, 0.1]),
    threshold=st.sampled_from([1.0, 6.0, 20.0]),
    noise=st.sampled_from([0.0, 0.7]),
)
@settings(max_examples=200, deadline=None)
def test_kernel_equals_reference(
    seed, chips, inputs, outputs, leak, desensitization, threshold, noise
) -> None:
    rng = np.random.default_rng(seed)
    shape = (chips, inputs, outputs)
    weights = rng.integers(-4, 5, shape) + noise * rng.standard_normal(shape)
    weights = weights.astype(np.float32)
    limit = (threshold + noise * rng.random((chips, outputs))).astype(np.float32)
    events = random_events(rng, 3, inputs, 25)
    found = run_first_spike(weights, limit, events, leak, desensitization)
    reads = count_reads(events.source, found.events, inputs)
    for c in {0, chips // 2, chips - 1}:  # whole and broken groups of lanes
        used = np.zeros(inputs, int)
        for k, count in enumerate(events.length):
            expected = first_to_fire(
                weights[c], limit[c], events.source[k, :count],
                leak=leak, desensitization=desensitization,
            )  # fmt: skip
            assert (found.predicted[c, k], found.events[c, k]) == expected
            used += np.bincount(events.source[k, : expected[1]], minlength=inputs)
        assert reads[c].tolist() == used.tolist()


def test_results_do_not_depend_on_neighbours_threads_or_samples_beside() -> None:
    rng = np.random.default_rng(6)
    weights = rng.normal(0, 2, (19, 12, 10)).astype(np.float32)
    threshold = rng.uniform(8, 12, (19, 10)).astype(np.float32)
    events = random_events(rng, 50, 12, 40)
    whole = run_first_spike(weights, threshold, events, 0.01, 0.02)
    threads = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        for chips, samples in (
            (slice(0, 19), slice(7, 8)), (slice(3, 4), slice(0, 50)), (slice(5, 19), slice(20, 43)),
        ):  # fmt: skip
            some = events.of(samples)
            part = run_first_spike(weights[chips], threshold[chips], some, 0.01, 0.02)
            assert (part.predicted == whole.predicted[chips, samples]).all()
            assert (part.events == whole.events[chips, samples]).all()
    finally:
        numba.set_num_threads(threads)


def test_a_desensitized_sum_of_all_events_weighs_them_by_rank() -> None:
    """A threshold out of reach leaves the rank-order sum of plain arithmetic."""
    net = rel.load_network("spirit")
    pixels = rel.load_mnist()["pixels"].values[::50].astype(int)
    order = np.argsort(-pixels, axis=1, kind="stable")
    gain = np.where(np.arange(144) < (pixels > 0).sum(axis=1)[:, None], 0.95 ** np.arange(144), 0)
    sums = np.einsum("kt,ktj->kj", gain, net.weights[order].astype(float))
    r = rel.evaluate(net, coding=FirstSpike(1e6, 0.05), images=200)
    label = rel.load_mnist()["label"].values[::50]
    # outputs that differ by less than the rounding of the kernel may change places
    assert abs(r["accuracy"].item() - (sums.argmax(axis=1) == label).mean()) <= 1 / 200
    assert r["spikes"].item() == pytest.approx((pixels > 0).sum(axis=1).mean())


def test_events_of_a_decision_are_far_fewer_in_time_than_in_rate_coding() -> None:
    """Fewest at first; with desensitization as right as rates, for a fifth of their events."""
    net = rel.load_network("spirit")
    rate = rel.evaluate(net, seed=1)
    first = rel.evaluate(net, coding="first_spike")
    ranked = rel.evaluate(net, coding=FirstSpike(14, 0.05))
    assert first["spikes"].item() < rate["spikes"].item() / 8
    assert 0.8 < first["accuracy"].item() < rate["accuracy"].item() - 0.03
    assert ranked["spikes"].item() < rate["spikes"].item() / 4.5
    assert abs(ranked["accuracy"] - rate["accuracy"]) < 4 * np.sqrt(2 * 0.1 / 10_000)
    assert first["decision_time"].item() < ranked["decision_time"].item() < 1


def test_counts_of_time_coding_are_consistent_on_chips() -> None:
    net, tech = rel.load_network("vowels"), rel.load_technology("oxram-130nm")
    many = rel.evaluate(net, tech, coding=FirstSpike(24), chips=9)
    assert many["reads"].sum("cell").values == pytest.approx(many["spikes"].values * 370 * 72)
    assert (many["confusion"].sum(("label", "predicted")) == 370).all()
    assert many["decision_time"].attrs["units"] == "s"
    few = rel.evaluate(net, tech, coding=FirstSpike(24), chips=2)
    for name in ("accuracy", "spikes", "reads", "decision_time"):
        assert (many[name].isel(chip=slice(2)).values == few[name].values).all()


def test_spoken_vowels_in_three_codings() -> None:
    net = rel.load_network("vowels")
    right = {
        coding.name: rel.evaluate(net, coding=coding)["accuracy"].item()
        for coding in (rel.WeightedSum(), rel.RateCoding(), FirstSpike(24))
    }
    assert min(right.values()) > 0.9
    counts = intensities(rel.load_vowels(), net)
    sums = counts.astype(int) @ net.weights.astype(int)
    assert (
        right["weighted_sum"] == (sums.argmax(axis=1) == rel.load_vowels()["label"].values).mean()
    )


def test_an_output_with_a_lower_threshold_fires_first() -> None:
    weights = np.array([[[3.0, 3.0]]], np.float32)
    events = Events(np.zeros((1, 9), np.uint16), np.zeros((1, 9), np.float32), np.array([9]))
    for limit, expected in (([9.0, 6.0], (1, 2)), ([9.0, 8.5], (1, 3)), ([9.0, 9.0], (0, 3))):
        found = run_first_spike(weights, np.array([limit], np.float32), events)
        assert (found.predicted[0, 0], found.events[0, 0]) == expected


def test_options_out_of_range_are_refused() -> None:
    with pytest.raises(rel.InputError, match="desensitization: got 1, allowed 0 to below 1"):
        FirstSpike(desensitization=1)
    with pytest.raises(rel.InputError, match="did you mean 'vowels'"):
        rel.Network("x", np.array([[1]]), weight_max=1, data="vowel")
