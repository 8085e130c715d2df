"""The spiking evaluator: rate-coded events in, integrate-and-fire neurons, a lead decides.

All chips see the same event sequences. A group of chips, one per lane of a vector, takes an image
event by event until each has decided, so the lanes that idle wait for the slowest of a few only,
and the group's weights stay in the caches from image to image. A chip's result depends on its own
lane only, whatever else is in the group.
"""

from typing import NamedTuple

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from reliability.network.one_layer.lanes import LANES, bits, choose, load, repeat, store
from reliability.network.one_layer.neuron import Neuron
from reliability.random import draw

BATCHES = 16  # of images; with the groups of chips they are the tasks of the threads
UNREACHABLE = np.float32(1e30)  # a threshold that no charge reaches


class Spikes(NamedTuple):
    """Outcome of every image on every chip, of shape (chips, images)."""

    predicted: NDArray[np.int16]
    events: NDArray[np.int32]
    scores: NDArray[np.float32] | None = None  # (chips, images, outputs), the largest decided


def rate_code(
    pixels: NDArray[np.uint8], index: NDArray[np.integer], events: int, seed: int
) -> NDArray[np.uint16]:
    """Code images as sequences of input events, each input in proportion to its pixel.

    Superposed Poisson sources: the next event comes from input i with probability pixel_i / sum.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (images, inputs)
    index : ndarray of int, shape (images,)
        Number of each image in its data set, which keys its random stream.
    events : int
        Length of each sequence.
    seed : int

    Returns
    -------
    ndarray of uint16, shape (images, events)
        Input of each event. An image has the same sequence whichever others are coded.
    """
    address = np.zeros((len(pixels), 3), dtype=np.int64)
    address[:, 0] = index
    u = draw(seed, "events", address, events, distribution="uniform", dtype=np.float32)
    cumulative = np.cumsum(pixels, axis=1, dtype=np.int64)
    out = np.empty(u.shape, dtype=np.uint16)
    _inverse_cumulative(u, cumulative, out)
    return out


def run_spiking(
    weights: NDArray[np.float32],
    upper: NDArray[np.float32],
    lower: NDArray[np.float32],
    sequences: NDArray[np.uint16],
    neuron: Neuron,
    delta_s: int,
    scores: bool = False,
) -> Spikes:
    """Classify every image on every chip.

    Parameters
    ----------
    weights : ndarray of float32, shape (chips, inputs, outputs)
        With the injector gain in them, in units of weight.
    upper, lower : ndarray of float32, shape (chips, outputs)
        Thresholds, both positive.
    sequences : ndarray of uint16, shape (images, events)
    neuron : Neuron
        Its refractory period and leak; thresholds and gains are in the arrays.
    delta_s : int
        Lead of the first over the second output count that decides.
    scores : bool
        Keep the output counts (positive minus negative spikes) at the decision.

    Returns
    -------
    Spikes
        Predicted class and number of input events until the decision. At the end of the sequence
        the leading output decides, the first one of equals.
    """
    chips = len(weights)
    kept = np.empty((chips, len(sequences), weights.shape[2]), np.float32) if scores else None
    predicted = np.empty((chips, len(sequences)), dtype=np.int16)
    events = np.empty((chips, len(sequences)), dtype=np.int32)
    _integrate_and_fire(
        interleave(weights.reshape(chips, -1), np.float32(0)),
        interleave(upper, UNREACHABLE),
        interleave(-lower, -UNREACHABLE),
        np.float32(1 - neuron.leak) if neuron.leak else None,
        np.int32(neuron.refractory) if neuron.refractory else None,
        sequences,
        np.int32(delta_s),
        predicted,
        events,
        kept,
    )
    return Spikes(predicted, events, kept)


def count_reads(
    sequences: NDArray[np.uint16], events: NDArray[np.int32], inputs: int
) -> NDArray[np.int64]:
    """Count how often each input of each chip was pulsed over all images.

    Parameters
    ----------
    sequences : ndarray of uint16, shape (images, length)
    events : ndarray of int32, shape (chips, images)
        Events until the decision.
    inputs : int

    Returns
    -------
    ndarray of int64, shape (chips, inputs)
    """
    groups = interleave(events, np.int32(0))
    reads = np.zeros((len(groups), inputs * LANES), dtype=np.int64)
    _count_reads(sequences, groups, reads)
    by_lane = reads.reshape(-1, inputs, LANES).transpose(0, 2, 1)
    return by_lane.reshape(-1, inputs)[: len(events)]


@njit(parallel=True, cache=True)
def _inverse_cumulative(u, cumulative, out):  # type: ignore[no-untyped-def]
    for k in prange(u.shape[0]):
        total = cumulative[k, -1]
        source = np.full(total + 1, cumulative.shape[1] - 1, dtype=np.uint16)  # of each unit
        first = 0
        for i in range(cumulative.shape[1]):
            source[first : cumulative[k, i]] = i
            first = cumulative[k, i]
        for t in range(u.shape[1]):
            out[k, t] = source[np.int64(u[k, t] * total)]


# Arrays that are made in compiled code start at a multiple of the vector's size.
@njit(cache=True)
def interleave(rows, fill):  # type: ignore[no-untyped-def]
    """Put row g * LANES + c into lane c of group g; rows beyond the last are ``fill``."""
    chips, size = rows.shape
    out = np.empty((-(-chips // LANES), size * LANES), dtype=rows.dtype)
    for g in range(len(out)):
        for c in range(LANES):
            chip = g * LANES + c
            for i in range(size):
                out[g, i * LANES + c] = rows[chip, i] if chip < chips else fill
    return out


@njit(parallel=True, cache=True)
def _integrate_and_fire(  # type: ignore[no-untyped-def]
    w, upper, lower, keep, refractory, sequences, delta, predicted, events, scores
):
    size = upper.shape[1]
    images = len(sequences)
    for task in prange(len(w) * BATCHES):
        group, batch = task // BATCHES, task % BATCHES
        first = group * LANES
        chips = min(LANES, len(predicted) - first)
        charge = np.empty(size, np.float32)
        count = np.empty(size, np.int32)  # positive minus negative spikes
        rest = np.empty(size, np.int32)  # events left of the refractory period
        winner = np.empty(LANES, np.int32)
        for k in range(batch * images // BATCHES, (batch + 1) * images // BATCHES):
            open_ = (1 << chips) - 1  # bit c: the chip of lane c has not decided
            charge[:], count[:], rest[:] = 0, 0, 0
            for t in range(sequences.shape[1]):
                row = np.int64(sequences[k, t]) * size
                leads = _step(
                    charge, count, rest, upper[group], lower[group], keep, refractory, w[group], row
                )
                decided = bits(leads >= repeat(delta)) & open_
                if t == sequences.shape[1] - 1:
                    decided = open_
                if decided:
                    _leader(count, winner)
                    for c in range(chips):
                        if decided >> c & 1:
                            predicted[first + c, k] = winner[c]
                            events[first + c, k] = t + 1
                            if scores is not None:
                                scores[first + c, k] = count[c::LANES]
                    open_ &= ~decided
                    if open_ == 0:
                        break


@njit(cache=True)
def _step(  # type: ignore[no-untyped-def]
    charge, count, rest, upper, lower, keep, refractory, w, row
):
    """Let one input event reach all outputs; return the leads after it."""
    none, one = repeat(np.int32(0)), repeat(np.int32(1))
    best = second = repeat(np.int32(-(2**30)))
    for j in range(0, len(charge), LANES):
        x = load(charge, j)
        if keep is not None:
            x = x * repeat(keep)
        x = x + load(w, row + j)
        up, down = load(upper, j), load(lower, j)
        plus, minus = x >= up, x <= down
        if refractory is not None:
            wait = load(rest, j)
            plus, minus = plus & (none >= wait), minus & (none >= wait)
            store(rest, j, choose(plus | minus, repeat(refractory), wait - one))
        store(charge, j, x - choose(plus, up, choose(minus, down, repeat(np.float32(0)))))
        n = load(count, j) + choose(plus, one, none) - choose(minus, one, none)
        store(count, j, n)
        low = choose(n > best, best, n)
        second = choose(low > second, low, second)
        best = choose(n > best, n, best)
    return best - second


@njit(cache=True)
def _leader(count, winner):  # type: ignore[no-untyped-def]
    """Find the output with the largest count, the first one of equals."""
    best = repeat(np.int32(-(2**30)))
    first = best
    for j in range(0, len(count), LANES):
        n = load(count, j)
        first = choose(n > best, repeat(np.int32(j // LANES)), first)
        best = choose(n > best, n, best)
    store(winner, 0, first)


@njit(parallel=True, cache=True)
def _count_reads(sequences, events, reads):  # type: ignore[no-untyped-def]
    one, none = repeat(np.int32(1)), repeat(np.int32(0))
    for g in prange(len(reads)):
        count = np.zeros(reads.shape[1], np.int32)
        pulses = 0  # at most so many in each counter
        for k in range(len(sequences)):
            ends = load(events[g], k * LANES)
            t = 0
            while bits(ends > repeat(np.int32(t))):
                at = np.int64(sequences[k, t]) * LANES
                used = ends > repeat(np.int32(t))
                store(count, at, load(count, at) + choose(used, one, none))
                t += 1
            pulses += t
            if pulses > 2**30 or k == len(sequences) - 1:
                for i in range(len(count)):
                    reads[g, i] += count[i]
                    count[i] = 0
                pulses = 0
