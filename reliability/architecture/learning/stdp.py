"""Stochastic binary STDP: two-level synapses that flip at random when their neuron fires.

Each neuron has one two-level cell for each input. An input spikes within the window of an image
with probability min(gain x intensity, 1). The neuron with the largest

    (cells in LRS whose input spiked) - background (all its cells in LRS) - threshold

fires and keeps the others from firing (lateral inhibition). Then each of its cells

    whose input spiked        gets a SET pulse with probability ``potentiate``,
    whose input did not       a RESET pulse with probability ``depress``,

whatever state it is in: the rule does not read before it writes, so a pulse on a cell that is
there already is a write too. The threshold of a neuron that fires rises and those of its
competitors fall by as much together, so that all fire about as often; the background stands for a
weight that is normalised. These are the tricks of 1-bit stochastic STDP in hardware [1]_. A teacher
lets only the neurons of the image's class compete. After learning the thresholds are off and an
image belongs to the class whose best neurons have the largest sum.

A chip in 130 nm CMOS with OxRAM learns with a rule of this kind, 64 inputs and 64 neurons [2]_; its
circuit and probabilities are not those here.

.. [1] A. Yousefzadeh et al., Front. Neurosci. 12, 665 (2018), doi:10.3389/fnins.2018.00665.
.. [2] L. A. Camunas-Mesa et al., arXiv:2209.06068 (abstract).
"""

from dataclasses import dataclass
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from reliability.architecture.learning.write_life import AT_ONE, FREE
from reliability.random import stream

_CHUNK = 5000  # images whose random numbers are drawn at once
_VOTES = 3  # best neurons of a class that are heard


@dataclass(frozen=True)
class Stdp:
    """The numbers of the rule; the defaults did best on held-out images.

    Parameters
    ----------
    neurons : int
        Of all ten classes together.
    potentiate, depress : float
        Probability of a pulse.
    gain : float
        Spikes within the window for an input of full intensity.
    background : float
    adaptation : float
        Rise of the threshold of a neuron that fires, in cells.
    """

    neurons: int = 200
    potentiate: float = 0.015
    depress: float = 0.015
    gain: float = 2.0
    background: float = 0.4
    adaptation: float = 0.1


class Synapses(NamedTuple):
    """Cells of all neurons.

    Attributes
    ----------
    weight : ndarray of int8, shape (neurons, inputs)
        0 in HRS, 1 in LRS.
    stuck : ndarray of int8, shape (neurons, inputs)
    threshold : ndarray of float64, shape (neurons,)
    writes, flips : ndarray of int32, shape (neurons, inputs)
        Pulses, and those that changed the state.
    """

    weight: NDArray[np.int8]
    stuck: NDArray[np.int8]
    threshold: NDArray[np.float64]
    writes: NDArray[np.int32]
    flips: NDArray[np.int32]


def start(rule: Stdp, inputs: int, seed: int, stuck: NDArray[np.int8] | None = None) -> Synapses:
    """Return synapses of which a random half are in LRS.

    >>> start(Stdp(neurons=10), 4, seed=1).weight.shape
    (10, 4)
    """
    shape = (rule.neurons, inputs)
    weight = (stream(seed, "stdp.start").random(shape) < 0.5).astype(np.int8)
    bad = np.full(shape, FREE, np.int8)
    if stuck is not None:  # by input, as the loads are
        bad = np.ascontiguousarray(stuck.reshape(inputs, rule.neurons).T)
    weight = np.where(bad == FREE, weight, bad == AT_ONE).astype(np.int8)
    return Synapses(
        weight, bad, np.zeros(rule.neurons), np.zeros(shape, np.int32), np.zeros(shape, np.int32)
    )


def learn(
    rule: Stdp,
    synapses: Synapses,
    pixels: NDArray[np.float32],
    labels: NDArray[np.int64],
    seed: int,
    *,
    classes: int = 10,
) -> None:
    """Show images once, in their order; synapses change in place.

    Parameters
    ----------
    rule : Stdp
    synapses : Synapses
    pixels : ndarray of float32, shape (images, inputs)
        0 to 1.
    labels : ndarray of int64, shape (images,)
    seed, classes : int
        Neuron k belongs to class k % classes.
    """
    for first in range(0, len(pixels), _CHUNK):
        part = slice(first, first + _CHUNK)
        x, y = pixels[part], labels[part]
        random = stream(seed, "stdp.spikes", first // _CHUNK).random(x.shape, np.float32)
        u = stream(seed, "stdp.pulses", first // _CHUNK).random(x.shape, np.float32)
        _learn(
            *synapses, random < rule.gain * x, y, u, rule.potentiate, rule.depress,
            rule.background, rule.adaptation, classes,
        )  # fmt: skip


def classify(
    rule: Stdp, weight: NDArray[np.float32], pixels: NDArray[np.float32], classes: int = 10
) -> NDArray[np.int64]:
    """Return the class of each image: of the largest sum of its best neurons.

    Parameters
    ----------
    rule : Stdp
    weight : ndarray of float32, shape (inputs, neurons)
        0 in HRS, 1 in LRS.
    pixels : ndarray of float32, shape (images, inputs)
    classes : int
    """
    x = np.minimum(rule.gain * pixels, 1)
    sums = x @ weight - np.float32(rule.background) * weight.sum(axis=0)
    of_class = np.sort(sums.reshape(len(x), -1, classes), axis=1)
    return of_class[:, -_VOTES:].sum(axis=1).argmax(axis=1)


@numba.njit(cache=True, nogil=True)
def _learn(  # type: ignore[no-untyped-def]
    weight, stuck, threshold, writes, flips, spikes, labels, u, potentiate, depress, background,
    adaptation, classes,
):  # fmt: skip
    neurons, inputs = weight.shape
    on = np.empty(inputs, np.int64)
    ones = np.empty(neurons, np.int64)
    for j in range(neurons):
        ones[j] = weight[j].sum()
    for k in range(len(spikes)):
        count = 0
        for i in range(inputs):
            if spikes[k, i]:
                on[count] = i
                count += 1
        best, winner = -np.inf, labels[k]
        for j in range(labels[k], neurons, classes):
            total = 0
            for i in range(count):
                total += weight[j, on[i]]
            value = total - background * ones[j] - threshold[j]
            if value > best:
                best, winner = value, j
        threshold[winner] += adaptation
        for j in range(labels[k], neurons, classes):
            threshold[j] -= adaptation * classes / neurons
        for i in range(inputs):
            new = np.int8(spikes[k, i])
            if u[k, i] < (potentiate if new else depress):
                writes[winner, i] += 1
                if stuck[winner, i] < 0 and weight[winner, i] != new:
                    ones[winner] += 2 * new - 1
                    weight[winner, i] = new
                    flips[winner, i] += 1
