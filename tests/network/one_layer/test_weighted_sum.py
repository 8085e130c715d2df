"""Weighted sums against NumPy's matrix product."""

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import reliability as rel
from reliability.network.one_layer.weighted_sum import Converters, run_weighted_sum


def quantise(x, converters):  # type: ignore[no-untyped-def]
    """Sums as the converter gives them, straight from its description."""
    if converters.adc_bits is None:
        return x
    half = 2 ** (converters.adc_bits - 1)
    return np.clip(np.rint(x / (converters.adc_range / half)), -half, half - 1)


@given(
    seed=st.integers(0, 2**31),
    chips=st.integers(1, 20),
    inputs=st.integers(1, 30),
    outputs=st.integers(1, 11),
    images=st.integers(1, 15),
    dac_bits=st.integers(1, 8),
    adc_bits=st.sampled_from([None, 2, 5, 9]),
)
@settings(max_examples=150, deadline=None)
def test_whole_weights_give_the_matrix_product(
    seed, chips, inputs, outputs, images, dac_bits, adc_bits
) -> None:
    """Sums of whole numbers are exact, whatever their order; the first of equals is chosen."""
    rng = np.random.default_rng(seed)
    weights = rng.integers(-4, 5, (chips, inputs, outputs)).astype(np.float32)
    pixels = rng.integers(0, 256, (images, inputs)).astype(np.uint8)
    steps = 2**dac_bits - 1
    # A full scale of so many whole sums that the edges of the codes are met without rounding.
    adc_range = None if adc_bits is None else 2 ** (adc_bits - 1) * 3 / steps
    converters = Converters(dac_bits, adc_bits, adc_range)
    threshold = np.ones((chips, outputs), np.float32)
    found = run_weighted_sum(weights, pixels, "argmax", threshold, converters)
    codes = np.rint(pixels.astype(float) * steps / 255)
    sums = np.einsum("ki,nij->nkj", codes, weights.astype(float))
    expected = quantise(sums / steps, converters).argmax(axis=-1)
    assert (found == expected).all()


def test_real_weights_differ_from_double_precision_only_between_equals() -> None:
    rng = np.random.default_rng(1)
    weights = rng.normal(0, 2, (11, 144, 10)).astype(np.float32)
    threshold = rng.uniform(3, 5, (11, 10)).astype(np.float32)
    pixels = rel.load_mnist()["pixels"].values[:1000]
    sums = np.einsum("ki,nij->nkj", pixels / 255, weights.astype(float)) / threshold[:, None]
    found = run_weighted_sum(weights, pixels, "tanh", threshold)
    chosen = np.take_along_axis(sums, found[..., None].astype(int), axis=-1)[..., 0]
    assert (sums.max(axis=-1) - chosen < 1e-5 * np.abs(sums).max()).all()
    assert (found != sums.argmax(axis=-1)).mean() < 1e-3


def test_a_chip_and_an_image_do_not_depend_on_what_is_beside() -> None:
    rng = np.random.default_rng(2)
    weights = rng.normal(0, 2, (21, 30, 10)).astype(np.float32)
    threshold = np.ones((21, 10), np.float32)
    # Images that are nearly a tie between two outputs, where any rounding shows.
    weights[..., 1] = weights[:, ::-1, 0]
    pixels = rng.integers(0, 256, (50, 15)).astype(np.uint8)
    pixels = np.concatenate([pixels, pixels[:, ::-1]], axis=1)
    whole = run_weighted_sum(weights, pixels, "argmax", threshold)
    threads = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        for chips, images in ((slice(0, 1), slice(0, 50)), (slice(5, 19), slice(11, 30))):
            part = run_weighted_sum(weights[chips], pixels[images], "argmax", threshold[chips])
            assert (part == whole[chips, images]).all()
    finally:
        numba.set_num_threads(threads)


def test_fewer_bits_cost_accuracy_and_reads() -> None:
    net = rel.load_network("spirit")

    def accuracy(converters=None):  # type: ignore[no-untyped-def]
        return rel.evaluate(net, coding=rel.WeightedSum(converters), images=2000)

    full = accuracy()
    fine = accuracy(Converters(adc_bits=10, adc_range=64.0))
    coarse = accuracy(Converters(dac_bits=1, adc_bits=4, adc_range=64.0))
    assert abs(fine["accuracy"].item() - full["accuracy"].item()) < 0.005
    assert coarse["accuracy"].item() < fine["accuracy"].item() - 0.02
    assert coarse["reads"].sum() < full["reads"].sum()  # an input of code 0 is not pulsed
    assert "adc_bits=4" in coarse.attrs["converters"]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"dac_bits": 0}, "dac_bits: got 0, allowed 1 to 8"),
        ({"adc_bits": 1, "adc_range": 1.0}, "adc_bits: got 1, allowed 2 to 16"),
        ({"adc_bits": 4, "adc_range": -1.0}, "adc_range: got -1.0"),
        ({"adc_range": 4.0}, "given without adc_bits"),
    ],
)
def test_impossible_converters_are_refused(settings, says) -> None:
    with pytest.raises(rel.InputError, match=says):
        Converters(**settings)


def test_converters_of_another_kind_are_refused() -> None:
    with pytest.raises(rel.InputError, match="converters: got 8, expected Converters"):
        rel.WeightedSum(8)
