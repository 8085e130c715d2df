"""First-spike coding: events in order of time, the first output to fire decides.

Each event adds its weight to the charge of every output, as in rate coding. An output fires when
its charge reaches its threshold, and the first to fire decides. Where one event carries several
over their thresholds, it is the one that is farthest above; where none has fired when the events
end, the one that is closest below. Charge below zero only keeps an output from firing.

Eight chips, one per lane of a vector, take a sample event by event until each has decided. A chip's
result depends on its own lane only, whatever else is in the group.
"""

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from reliability.network.one_layer.events import Events
from reliability.network.one_layer.lanes import LANES, bits, choose, load, repeat, store
from reliability.network.one_layer.spiking import BATCHES, UNREACHABLE, Spikes, interleave


def run_first_spike(
    weights: NDArray[np.float32],
    threshold: NDArray[np.float32],
    events: Events,
    leak: float = 0.0,
    desensitization: float = 0.0,
    scores: bool = False,
) -> Spikes:
    """Classify every sample on every chip.

    Parameters
    ----------
    weights : ndarray of float32, shape (chips, inputs, outputs)
        With the injector gain in them, in units of weight.
    threshold : ndarray of float32, shape (chips, outputs)
        Of each output, positive.
    events : Events
        Of each sample, in order of time.
    leak, desensitization : float
        Fraction of the charge, and of the gain of a synapse, that is lost with each event.
    scores : bool
        Keep how far the charge of each output is above its threshold at the decision.

    Returns
    -------
    Spikes
        Predicted class and number of input events until the decision.

    Notes
    -----
    The charge of output j after event k, from input i(k), is, in float32,
    x_j <- (1 - leak) x_j + ((1 - desensitization)^k) w_(i(k), j), k = 0, 1, ...

    Examples
    --------
    >>> weights = np.array([[[3.0, 1.0], [0.0, 4.0]]], dtype=np.float32)
    >>> both = Events(np.array([[0, 1]], np.uint16), np.zeros((1, 2), np.float32), np.array([2]))
    >>> threshold = np.full((1, 2), 3, np.float32)
    >>> run_first_spike(weights, threshold, both).events
    array([[1]], dtype=int32)
    """
    chips, samples = len(weights), len(events.source)
    predicted = np.empty((chips, samples), dtype=np.int16)
    used = np.empty((chips, samples), dtype=np.int32)
    above = np.empty((chips, samples, weights.shape[2]), np.float32) if scores else None
    order = np.arange(events.source.shape[1])
    _race(
        interleave(weights.reshape(chips, -1), np.float32(0)),
        interleave(threshold, UNREACHABLE),
        np.float32(1 - leak) if leak else None,
        ((1 - desensitization) ** order).astype(np.float32),
        events.source,
        events.length.astype(np.int32),
        predicted,
        used,
        above,
    )
    return Spikes(predicted, used, above)


@njit(parallel=True, cache=True)
def _race(  # type: ignore[no-untyped-def]
    w, threshold, keep, gain, source, length, predicted, used, above
):
    size = threshold.shape[1]
    samples = len(source)
    for task in prange(len(w) * BATCHES):
        group, batch = task // BATCHES, task % BATCHES
        first = group * LANES
        chips = min(LANES, len(predicted) - first)
        charge = np.empty(size, np.float32)
        winner = np.empty(LANES, np.int32)
        for k in range(batch * samples // BATCHES, (batch + 1) * samples // BATCHES):
            open_ = (1 << chips) - 1  # bit c: no output of the chip of lane c has fired
            charge[:] = 0
            for t in range(length[k]):
                row = np.int64(source[k, t]) * size
                ahead = _step(charge, threshold[group], keep, gain[t], w[group], row)
                fired = bits(ahead >= repeat(np.float32(0))) & open_
                if fired:
                    _closest(charge, threshold[group], winner)
                    for c in range(chips):
                        if fired >> c & 1:
                            predicted[first + c, k] = winner[c]
                            used[first + c, k] = t + 1
                            if above is not None:
                                above[first + c, k] = (charge - threshold[group])[c::LANES]
                    open_ &= ~fired
                    if open_ == 0:
                        break
            if open_:
                _closest(charge, threshold[group], winner)
                for c in range(chips):
                    if open_ >> c & 1:
                        predicted[first + c, k] = winner[c]
                        used[first + c, k] = length[k]
                        if above is not None:
                            above[first + c, k] = (charge - threshold[group])[c::LANES]


@njit(cache=True)
def _step(charge, threshold, keep, gain, w, row):  # type: ignore[no-untyped-def]
    """Let one input event reach all outputs; return how far the closest is above its threshold."""
    ahead = repeat(-UNREACHABLE)
    for j in range(0, len(charge), LANES):
        x = load(charge, j)
        if keep is not None:
            x = x * repeat(keep)
        x = x + load(w, row + j) * repeat(gain)
        store(charge, j, x)
        above = x - load(threshold, j)
        ahead = choose(above > ahead, above, ahead)
    return ahead


@njit(cache=True)
def _closest(charge, threshold, winner):  # type: ignore[no-untyped-def]
    """Find the output that is farthest above its threshold, the first one of equals."""
    ahead = load(charge, 0) - load(threshold, 0)
    first = repeat(np.int32(0))
    for j in range(LANES, len(charge), LANES):
        above = load(charge, j) - load(threshold, j)
        first = choose(above > ahead, repeat(np.int32(j // LANES)), first)
        ahead = choose(above > ahead, above, ahead)
    store(winner, 0, first)
