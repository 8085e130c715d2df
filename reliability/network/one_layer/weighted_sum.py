"""Conventional (non-spiking) evaluation: outputs are weighted sums of pixel values.

The inputs may pass a digital-to-analogue converter and the sums an analogue-to-digital one, as on a
crossbar that computes the sums at once. Eight chips, one per lane of a vector, and six images share
each load of a weight; the sums stay in registers until the largest is known. Every sum is added up
in the order of the inputs, so a chip's result depends on nothing beside it.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from reliability.errors import InputError
from reliability.network.one_layer.lanes import (
    LANES,
    choose,
    load,
    multiply_add,
    nearest,
    repeat,
    store,
)

_IMAGES = 6  # with two outputs each: twelve sums of the sixteen vector registers
_BATCH = 16  # tiles of images, which stay in the second-level cache while the chips pass


@dataclass(frozen=True)
class Converters:
    """Resolution of the inputs and of the sums; by default neither loses anything.

    Parameters
    ----------
    dac_bits : int
        Inputs are rounded to k / (2**dac_bits - 1) of the full one; 8 bits keep every pixel.
    adc_bits : int, optional
        Sums are rounded to whole steps of ``adc_range / 2**(adc_bits - 1)`` and clipped to codes
        from ``-2**(adc_bits - 1)`` to ``2**(adc_bits - 1) - 1``. None: they are kept.
    adc_range : float, optional
        Size of the sum at which the converter is full, in units of weight at a full input.

    Examples
    --------
    >>> Converters(adc_bits=6)
    Traceback (most recent call last):
    reliability.errors.InputError: converters: adc_range: got None, adc_bits needs a number above 0
    """

    dac_bits: int = 8
    adc_bits: int | None = None
    adc_range: float | None = None

    def __post_init__(self) -> None:
        if self.dac_bits not in range(1, 9):
            raise InputError(f"converters: dac_bits: got {self.dac_bits}, allowed 1 to 8")
        if self.adc_bits is None:
            if self.adc_range is not None:
                raise InputError("converters: adc_range: given without adc_bits")
        elif self.adc_bits not in range(2, 17):
            raise InputError(f"converters: adc_bits: got {self.adc_bits}, allowed 2 to 16")
        elif self.adc_range is None or not 0 < self.adc_range < float("inf"):
            raise InputError(
                f"converters: adc_range: got {self.adc_range}, adc_bits needs a number above 0"
            )

    def codes(self) -> NDArray[np.float32]:
        """Return the whole number from 0 to 2**dac_bits - 1 that each of the 256 pixels becomes."""
        return np.rint(np.arange(256) * ((2**self.dac_bits - 1) / 255)).astype(np.float32)


def run_weighted_sum(
    weights: NDArray[np.float32],
    pixels: NDArray[np.uint8],
    activation: Literal["argmax", "tanh"],
    threshold: NDArray[np.float32],
    converters: Converters | None = None,
) -> NDArray[np.int16]:
    """Classify every image on every chip by the largest output.

    Parameters
    ----------
    weights : ndarray of float32, shape (chips, inputs, outputs)
        In units of weight, with the gain in them.
    pixels : ndarray of uint8, shape (images, inputs)
        255 is an input of 1.
    activation : {"argmax", "tanh"}
        ``argmax`` compares the sums, ``tanh`` compares tanh(sum / threshold): neurons whose output
        saturates and whose thresholds differ.
    threshold : ndarray of float32, shape (chips, outputs)
        In units of weight; scale of the tanh.
    converters : Converters, optional
        By default without loss.

    Returns
    -------
    ndarray of int16, shape (chips, images)
        The first one of equal outputs.

    Notes
    -----
    Sums are in float32, in the order of the inputs, each product added without rounding of its
    own. Whole weights give exact sums up to 2**24; else outputs that differ by less than about
    1e-6 of the sum's size may change places. tanh rises everywhere, so sum / threshold is compared.
    """
    chips = len(weights)
    converters = Converters() if converters is None else converters
    steps = 2**converters.dac_bits - 1
    scale = 1 / threshold if activation == "tanh" else np.ones_like(threshold)
    adc = None
    if converters.adc_bits is not None:
        full = 2 ** (converters.adc_bits - 1)
        codes_per_step = full / (float(converters.adc_range or 0) * steps)
        adc = np.array([codes_per_step, -full, full - 1], dtype=np.float32)
    tiles = -(-len(pixels) // _IMAGES)
    predicted = np.empty((-(-chips // LANES) * LANES, tiles * _IMAGES), dtype=np.int16)
    w, scale = _arrange(weights, scale.astype(np.float32))
    _classify(pixels, converters.codes(), w, scale, adc, predicted)
    return predicted[:chips, : len(pixels)]


def weighted_sums(
    weights: NDArray[np.float32],
    pixels: NDArray[np.uint8],
    activation: Literal["argmax", "tanh"],
    threshold: NDArray[np.float32],
    converters: Converters,
) -> NDArray[np.float32]:
    """Return what `run_weighted_sum` compares, in units of weight at a full input.

    Parameters
    ----------
    weights, pixels, activation, threshold, converters
        As of `run_weighted_sum`; with ``tanh`` sums are in units of the threshold, before the tanh.

    Returns
    -------
    ndarray of float32, shape (chips, images, outputs)
    """
    steps = np.float32(2**converters.dac_bits - 1)
    sums = np.matmul(converters.codes()[pixels] / steps, weights)
    if converters.adc_bits is not None:
        full = 2 ** (converters.adc_bits - 1)
        step = np.float32(float(converters.adc_range or 0) / full)
        sums = np.clip(np.rint(sums / step), -full, full - 1).astype(np.float32) * step
    return sums / threshold[:, None] if activation == "tanh" else sums


@njit(cache=True)
def _arrange(weights, scale):  # type: ignore[no-untyped-def]
    """Put the weights in the order of use: group of chips, pair of outputs, input, output, chip."""
    chips, inputs, outputs = weights.shape
    groups, pairs = -(-chips // LANES), -(-outputs // 2)
    w = np.zeros((groups, pairs * inputs * 2 * LANES), dtype=np.float32)
    s = np.ones((groups, outputs * LANES), dtype=np.float32)
    for n in range(chips):
        g, c = n // LANES, n % LANES
        for j in range(outputs):
            s[g, j * LANES + c] = scale[n, j]
            for i in range(inputs):
                w[g, ((j // 2 * inputs + i) * 2 + j % 2) * LANES + c] = weights[n, i, j]
    return w, s


@njit(parallel=True, cache=True)
def _classify(pixels, codes, w, scale, adc, predicted):  # type: ignore[no-untyped-def]
    inputs = pixels.shape[1]
    outputs = scale.shape[1] // LANES
    tiles = predicted.shape[1] // _IMAGES
    x = np.zeros((tiles * _IMAGES, inputs), np.float32)
    for k in prange(len(pixels)):
        for i in range(inputs):
            x[k, i] = codes[pixels[k, i]]
    for task in prange(len(w) * -(-tiles // _BATCH)):
        batch, group = task // len(w), task % len(w)
        sums = np.empty(2 * _IMAGES * LANES, np.float32)
        best = np.empty(_IMAGES * LANES, np.float32)
        first = np.empty(_IMAGES * LANES, np.int32)
        for tile in range(batch * _BATCH, min((batch + 1) * _BATCH, tiles)):
            for pair in range(-(-outputs // 2)):
                _sum_tile(x, tile * _IMAGES, w[group], pair * inputs * 2 * LANES, sums)
                for j in range(2 * pair, min(2 * pair + 2, outputs)):
                    _compare(sums, j, scale[group], adc, best, first)
            for m in range(_IMAGES):
                for c in range(LANES):
                    predicted[group * LANES + c, tile * _IMAGES + m] = first[m * LANES + c]


@njit(cache=True)
def _sum_tile(x, k, w, at, sums):  # type: ignore[no-untyped-def]
    """Add up two outputs of six images."""
    a0 = a1 = a2 = a3 = a4 = a5 = repeat(np.float32(0))
    b0 = b1 = b2 = b3 = b4 = b5 = repeat(np.float32(0))
    for i in range(x.shape[1]):
        a, b = load(w, at), load(w, at + LANES)
        at += 2 * LANES
        y = repeat(x[k, i])
        a0, b0 = multiply_add(y, a, a0), multiply_add(y, b, b0)
        y = repeat(x[k + 1, i])
        a1, b1 = multiply_add(y, a, a1), multiply_add(y, b, b1)
        y = repeat(x[k + 2, i])
        a2, b2 = multiply_add(y, a, a2), multiply_add(y, b, b2)
        y = repeat(x[k + 3, i])
        a3, b3 = multiply_add(y, a, a3), multiply_add(y, b, b3)
        y = repeat(x[k + 4, i])
        a4, b4 = multiply_add(y, a, a4), multiply_add(y, b, b4)
        y = repeat(x[k + 5, i])
        a5, b5 = multiply_add(y, a, a5), multiply_add(y, b, b5)
    place = 0
    for s in (a0, a1, a2, a3, a4, a5, b0, b1, b2, b3, b4, b5):
        store(sums, place, s)
        place += LANES


@njit(cache=True)
def _compare(sums, j, scale, adc, best, first):  # type: ignore[no-untyped-def]
    """Let output j of each image replace the best so far where it is larger."""
    factor = load(scale, j * LANES)
    number = repeat(np.int32(j))
    for m in range(0, len(best), LANES):
        y = load(sums, j % 2 * len(best) + m)
        if adc is not None:
            low, high = repeat(adc[1]), repeat(adc[2])
            y = nearest(y * repeat(adc[0]))
            y = choose(y > low, y, low)
            y = choose(y > high, high, y)
        y = y * factor
        old = load(best, m)
        if j == 0:
            store(best, m, y)
            store(first, m, number)
        else:
            store(first, m, choose(y > old, number, load(first, m)))
            store(best, m, choose(y > old, y, old))
