"""The formal evaluator: the same network as weighted sums of pixel values, no spikes."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

_BLOCK = 32  # chips per matrix product


def run_formal(
    weights: NDArray[np.float32],
    pixels: NDArray[np.uint8],
    activation: Literal["argmax", "tanh"],
    threshold: NDArray[np.float32],
) -> NDArray[np.int16]:
    """Classify every image on every chip by the largest output.

    Parameters
    ----------
    weights : ndarray of float32, shape (chips, inputs, outputs)
        In units of weight, with the gain in them.
    pixels : ndarray of uint8, shape (images, inputs)
    activation : {"argmax", "tanh"}
        ``argmax`` compares the sums, ``tanh`` compares tanh(sum / threshold), which is what a
        neuron with two thresholds and reset by subtraction computes on average.
    threshold : ndarray of float32, shape (chips, outputs)
        In units of weight; scale of the tanh.

    Returns
    -------
    ndarray of int16, shape (chips, images)
    """
    chips, inputs, outputs = weights.shape
    predicted = np.empty((chips, len(pixels)), dtype=np.int16)
    x = pixels / 255.0  # float64: rounding can't decide between two classes
    for first in range(0, chips, _BLOCK):
        block = weights[first : first + _BLOCK].astype(np.float64)
        sums = x @ block.transpose(1, 0, 2).reshape(inputs, -1)
        sums = sums.reshape(len(pixels), len(block), outputs)
        if activation == "tanh":
            sums = np.tanh(sums / threshold[first : first + _BLOCK])
        predicted[first : first + _BLOCK] = sums.argmax(axis=-1).T
    return predicted
