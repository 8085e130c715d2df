"""Spiking evaluation of a population of chips beside a plain loop over one chip at a time.

The peer is the usual numba kernel: one chip, events outside, outputs inside, same inputs, same
early stop. Both run in this process on the same threads. Prints useful synaptic operations per
second (events before the decision x outputs x chips) and the ratio.

    python benchmarks/spiking.py
"""

import time

import numba
import numpy as np
from numba import njit, prange

import reliability as rel
from reliability.network.spiking import rate_code, run_spiking

CHIPS, IMAGES, LIMIT, DELTA_S = 64, 4000, 1024, 10


@njit(parallel=True)
def one_chip(weights, sequences, delta):  # type: ignore[no-untyped-def]
    """Number of events until the decision, one chip."""
    events = np.empty(len(sequences), dtype=np.int32)
    outputs = weights.shape[1]
    for k in prange(len(sequences)):
        charge = np.zeros(outputs, dtype=np.float32)
        count = np.zeros(outputs, dtype=np.int32)
        for t in range(sequences.shape[1]):
            for j in range(outputs):
                charge[j] += weights[sequences[k, t], j]
                if charge[j] >= 4:
                    charge[j] -= 4
                    count[j] += 1
                elif charge[j] <= -4:
                    charge[j] += 4
                    count[j] -= 1
            best = second = -1_000_000
            for j in range(outputs):
                if count[j] > best:
                    best, second = count[j], best
                elif count[j] > second:
                    second = count[j]
            if best - second >= delta or t == sequences.shape[1] - 1:
                events[k] = t + 1
                break
    return events


def best_of(repeats, function):  # type: ignore[no-untyped-def]
    """Shortest time and the result."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = function()
        times.append(time.perf_counter() - start)
    return min(times), result


def main() -> None:
    """Run both and print the table."""
    net = rel.load_network("spirit")
    pixels = rel.load_mnist()["pixels"].values[:IMAGES]
    sequences = rate_code(pixels, np.arange(IMAGES), LIMIT, seed=1)
    noise = np.random.default_rng(0).standard_normal((CHIPS, *net.weights.shape))
    weights = (net.weights + 0.3 * noise).astype(np.float32)
    threshold = np.full((CHIPS, net.outputs), 4, np.float32)

    def population():  # type: ignore[no-untyped-def]
        return run_spiking(weights, threshold, threshold, sequences, rel.Neuron(), DELTA_S).events

    def loop():  # type: ignore[no-untyped-def]
        return np.array([one_chip(w, sequences, DELTA_S) for w in weights])

    population(), loop()  # compile
    ours, events = best_of(3, population)
    peer, expected = best_of(3, loop)
    if not (events == expected).all():
        raise SystemExit("the two disagree")
    work = events.sum() * net.outputs
    print(f"{CHIPS} chips, {IMAGES} images, {numba.get_num_threads()} threads")
    print(f"one chip at a time   {work / peer / 1e9:6.2f} G synaptic operations/s")
    print(f"population           {work / ours / 1e9:6.2f} G synaptic operations/s")
    print(f"ratio                {peer / ours:6.2f}")


if __name__ == "__main__":
    main()
