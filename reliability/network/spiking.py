"""The spiking evaluator: rate-coded events in, integrate-and-fire neurons, a lead decides.

All chips see the same event sequences. The kernel goes over events outside and chips inside: the
state of a block of chips is contiguous and in float32, so every lane does the same and the loop
vectorises. A chip's result depends on its own lane only, whatever else is in the block.
"""

from typing import NamedTuple

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from reliability.network.neuron import Neuron
from reliability.random import draw

_BLOCK = 64  # chips; 144 x 10 x 64 float32 weights stay in the second-level cache
_VECTOR = 16  # chips; a few chips alone get a smaller block, of whole vectors


class Spikes(NamedTuple):
    """Outcome of every image on every chip, both of shape (chips, images)."""

    predicted: NDArray[np.int16]
    events: NDArray[np.int32]


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
    u = draw(seed, "events", address, events, law="uniform", dtype=np.float32)
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

    Returns
    -------
    Spikes
        Predicted class and number of input events until the decision. At the end of the sequence
        the leading output decides, the first one of equals.
    """
    chips, inputs, outputs = weights.shape
    images = len(sequences)
    predicted = np.empty((chips, images), dtype=np.int16)
    events = np.empty((chips, images), dtype=np.int32)
    lanes = min(_BLOCK, -(-chips // _VECTOR) * _VECTOR)
    for first in range(0, chips, lanes):
        block = slice(first, min(first + lanes, chips))
        count = block.stop - block.start
        # Lanes beyond the last chip have no weight and thresholds that they never reach.
        w = np.zeros((inputs, outputs, lanes), dtype=np.float32)
        w[..., :count] = np.moveaxis(weights[block], 0, -1)
        up = np.full((outputs, lanes), 1e30, dtype=np.float32)
        down = np.full((outputs, lanes), 1e30, dtype=np.float32)
        up[:, :count], down[:, :count] = upper[block].T, lower[block].T
        keep = np.float32(1 - neuron.leak)
        _integrate_and_fire(
            w,
            up,
            down,
            keep,
            np.float32(neuron.refractory),
            sequences,
            np.float32(delta_s),
            count,
            predicted[block],
            events[block],
        )
    return Spikes(predicted, events)


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
    reads = np.zeros((len(events), inputs), dtype=np.int64)
    _count_reads(sequences, events, reads)
    return reads


@njit(parallel=True, cache=True)
def _inverse_cumulative(u, cumulative, out):  # type: ignore[no-untyped-def]
    for k in prange(u.shape[0]):
        total = cumulative[k, -1]
        for t in range(u.shape[1]):
            r = np.int64(u[k, t] * total)
            low, high = 0, cumulative.shape[1] - 1
            while low < high:  # first input whose cumulative sum is above r
                middle = (low + high) // 2
                if cumulative[k, middle] > r:
                    high = middle
                else:
                    low = middle + 1
            out[k, t] = low


@njit(parallel=True, cache=True)
def _integrate_and_fire(  # type: ignore[no-untyped-def]
    w, up, down, keep, refractory, sequences, delta, count, predicted, events
):
    outputs, lanes = up.shape
    length = sequences.shape[1]
    for k in prange(sequences.shape[0]):
        v = np.zeros((outputs, lanes), dtype=np.float32)  # charge
        s = np.zeros((outputs, lanes), dtype=np.float32)  # positive minus negative spikes
        rest = np.zeros((outputs, lanes), dtype=np.float32)  # events left of the refractory period
        best = np.empty(lanes, dtype=np.float32)
        second = np.empty(lanes, dtype=np.float32)
        chip = np.arange(lanes)  # that a lane works for
        open_ = np.zeros(lanes, dtype=np.float32)
        open_[:count] = 1
        upper, lower = up, down
        n = lanes  # lanes in use
        left = count
        check = 0  # no lead can reach delta before this event
        for t in range(length):
            i = sequences[k, t]
            if refractory > 0:
                _step_refractory(v, s, rest, upper, lower, keep, refractory, w[i])
            elif n == lanes:
                _step(v, s, upper, lower, keep, w[i])
            else:
                _step_gathered(v, s, upper, lower, keep, w[i], chip, n)
            last = t == length - 1
            if t < check and not last:
                continue
            lead = _largest_lead(s, best, second, open_, n)
            if lead < delta and not last:
                # An event moves a lead by 2 at most: one up, the other down.
                check = t + max(1, int(np.ceil((delta - lead) / 2)))
                continue
            largest = np.float32(0)  # lead of the chips that stay open
            for c in range(n):
                lead = (best[c] - second[c]) * open_[c]
                if lead < delta and not last:
                    largest = max(largest, lead)
                elif open_[c] > 0:
                    winner = 0
                    for j in range(1, outputs):
                        if s[j, c] > s[winner, c]:
                            winner = j
                    predicted[chip[c], k] = winner
                    events[chip[c], k] = t + 1
                    open_[c] = 0
                    left -= 1
            if left == 0:
                break
            check = t + max(1, int(np.ceil((delta - largest) / 2)))
            if 2 * left <= n and n > 8 and refractory == 0:
                # Half the lanes work for nobody: move the open chips together.
                if n == lanes:
                    upper, lower = up.copy(), down.copy()
                n = _compact(v, s, upper, lower, chip, open_, n)


@njit(cache=True)
def _step(v, s, upper, lower, keep, w):  # type: ignore[no-untyped-def]
    one, zero = np.float32(1), np.float32(0)
    for j in range(v.shape[0]):
        for c in range(v.shape[1]):
            x = v[j, c] * keep + w[j, c]
            plus = one if x >= upper[j, c] else zero
            minus = one if x <= -lower[j, c] else zero
            v[j, c] = x - plus * upper[j, c] + minus * lower[j, c]
            s[j, c] += plus - minus


# As `_step`, for the open chips only; apart from it because a gather is slower than a plain load.
@njit(cache=True)
def _step_gathered(v, s, upper, lower, keep, w, chip, n):  # type: ignore[no-untyped-def]
    one, zero = np.float32(1), np.float32(0)
    for j in range(v.shape[0]):
        for c in range(n):
            x = v[j, c] * keep + w[j, chip[c]]
            plus = one if x >= upper[j, c] else zero
            minus = one if x <= -lower[j, c] else zero
            v[j, c] = x - plus * upper[j, c] + minus * lower[j, c]
            s[j, c] += plus - minus


@njit(cache=True)
def _step_refractory(v, s, rest, upper, lower, keep, refractory, w):  # type: ignore[no-untyped-def]
    one, zero = np.float32(1), np.float32(0)
    for j in range(v.shape[0]):
        for c in range(v.shape[1]):
            x = v[j, c] * keep + w[j, c]
            ready = rest[j, c] <= zero
            plus = one if (x >= upper[j, c]) & ready else zero
            minus = one if (x <= -lower[j, c]) & ready else zero
            v[j, c] = x - plus * upper[j, c] + minus * lower[j, c]
            s[j, c] += plus - minus
            rest[j, c] = refractory if plus + minus > zero else rest[j, c] - one


# Only comparisons: without NaN they vectorise, and their result is the same in any order.
@njit(cache=True, fastmath={"nnan", "nsz"})
def _largest_lead(s, best, second, open_, n):  # type: ignore[no-untyped-def]
    for c in range(n):
        best[c] = s[0, c]
        second[c] = np.float32(-1e30)
    for j in range(1, s.shape[0]):
        for c in range(n):
            x, b = s[j, c], best[c]
            low = x if x < b else b
            second[c] = low if low > second[c] else second[c]
            best[c] = x if x > b else b
    lead = np.float32(-1)
    for c in range(n):
        x = (best[c] - second[c]) * open_[c]
        lead = x if x > lead else lead
    return lead


@njit(cache=True)
def _compact(v, s, upper, lower, chip, open_, n):  # type: ignore[no-untyped-def]
    to = 0
    for c in range(n):
        if open_[c] > 0:
            for j in range(v.shape[0]):
                v[j, to], s[j, to] = v[j, c], s[j, c]
                upper[j, to], lower[j, to] = upper[j, c], lower[j, c]
            chip[to], open_[to] = chip[c], open_[c]
            to += 1
    whole = min(n, -(-to // 8) * 8)  # whole vectors; the rest of the last one stays closed
    for c in range(to, whole):
        open_[c] = 0
    return whole


@njit(parallel=True, cache=True)
def _count_reads(sequences, events, reads):  # type: ignore[no-untyped-def]
    for c in prange(events.shape[0]):
        for k in range(events.shape[1]):
            for t in range(events[c, k]):
                reads[c, sequences[k, t]] += 1
