"""Spiking evaluation of a population of chips beside two peers, in one process on the same threads.

- snnTorch: the network as `torch.nn.Linear` and `snntorch.Leaky`, stepped through time. It gets
  every advantage: chips side by side in one layer, all images in one batch, no search for the
  decision, an end when the slowest image has decided, and one thread or all, what is faster.
- The usual numba kernel: one chip at a time, events outside, outputs inside, same early stop.

Wall time needs a quiet machine; the rate per busy core (processor time) bears others beside it.
All see the same events and must come to the same decisions. Useful synaptic operations are the
events before the decision x outputs x chips. The ideal is the kernel's own rate where no chip ever
decides, so that no lane idles; the share is what is left of it when lanes wait for each other.

    pip install -e ".[benchmarks]"
    python -m benchmarks.spiking
"""

import os
import time

import numba
import numpy as np
from numba import njit, prange

import reliability as rel
from benchmarks.found import left_out, row
from reliability.network.one_layer.spiking import rate_code, run_spiking
from reliability.network.one_layer.weight_mapping import read_weights

CHIPS, IMAGES, LIMIT, DELTA_S = 64, 4000, 1024, 10
PEER_CHIPS, PEER_IMAGES = 8, 500
GRID = 64  # weights in steps of 1/64: sums are exact, so the order of additions does not matter


@njit(parallel=True)
def one_chip(weights, sequences, delta):
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


class SnnTorch:
    """Chips side by side in one layer of integrate-and-fire neurons with two thresholds."""

    def __init__(self, weights, sequences) -> None:
        import snntorch
        import torch

        self.torch = torch
        self.chips, inputs, self.outputs = weights.shape
        self.layer = torch.nn.Linear(inputs, self.chips * self.outputs, bias=False)
        side_by_side = weights.transpose(0, 2, 1).reshape(-1, inputs)
        self.layer.weight = torch.nn.Parameter(torch.from_numpy(side_by_side))
        # The argument is the charge minus the upper threshold, +4; the lower one is at -4.
        self.neuron = snntorch.Leaky(
            beta=1.0, threshold=4.0, spike_grad=lambda x: (x >= 0).float() - (x <= -8).float()
        )
        one = torch.nn.functional.one_hot
        self.spikes = one(torch.from_numpy(sequences.T.astype(np.int64)), inputs).float()

    def step(self):
        """Yield the spike counts (images, chips x outputs) after each event."""
        with self.torch.inference_mode():
            charge = count = self.torch.zeros(self.spikes.shape[1], self.chips * self.outputs)
            for spikes in self.spikes:
                fired, charge = self.neuron(self.layer(spikes), charge)
                count = count + fired
                yield count

    def events(self, delta):
        """Events until the decision (chips, images), at most the length of the sequences."""
        events = np.full((self.spikes.shape[1], self.chips), len(self.spikes), dtype=np.int32)
        for t, count in enumerate(self.step()):
            top = count.reshape(-1, self.chips, self.outputs).topk(2).values
            decided = (top[..., 0] - top[..., 1] >= delta).numpy()
            events[decided] = np.minimum(events[decided], t + 1)
        return events.T

    def run(self, threads, events) -> None:
        """Take so many steps."""
        self.torch.set_num_threads(threads)
        for _ in zip(range(events), self.step(), strict=False):
            pass


def best_of(repeats, function):
    """Shortest wall time, shortest processor time (s) and the result."""
    wall, busy = [], []
    for _ in range(repeats):
        start, start_busy = time.perf_counter(), time.process_time()
        result = function()
        wall.append(time.perf_counter() - start)
        busy.append(time.process_time() - start_busy)
    return min(wall), min(busy), result


def population_rate(name, weights, sequences):
    """Print and return useful operations per second of a population."""
    threshold = np.full(weights.shape[::2], 4, np.float32)

    def run(delta=DELTA_S, images=slice(None)):
        return run_spiking(weights, threshold, threshold, sequences[images], rel.Neuron(), delta)

    run(images=slice(1))  # compile
    wall, busy, found = best_of(7, run)
    _, full_busy, full = best_of(5, lambda: run(delta=10**6, images=slice(None, None, 8)))
    useful = found.events.sum() * weights.shape[2]
    ideal = full.events.sum() * weights.shape[2] / full_busy
    print(
        f"{name:22} {useful / wall / 1e9:8.2f} {useful / busy / 1e9:14.2f} "
        f"{ideal / 1e9:20.2f} {useful / busy / ideal:8.0%}"
    )
    return useful / wall, useful / busy, found.events


def main() -> None:
    """Run all and print the table."""
    net = rel.load_network("spirit")
    chosen = np.arange(IMAGES) * 10_000 // IMAGES
    sequences = rate_code(rel.load_mnist()["pixels"].values[chosen], chosen, LIMIT, seed=1)
    technology = rel.load_technology("oxram-130nm")
    cells = rel.sample_chips(technology, net, chips=CHIPS, seed=1)
    real = read_weights(cells, net, technology)
    noise = np.random.default_rng(0).standard_normal(real.shape)
    mild = (np.round((net.weights + 0.3 * noise) * GRID) / GRID).astype(np.float32)

    threads = numba.get_num_threads()
    print(f"{CHIPS} chips, {IMAGES} images, {threads} threads; load of the machine", end=" ")
    print(f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n")
    print("G useful synaptic operations/s")
    print(
        f"{'population of':22} {'wall':>8} {'per busy core':>14} {'ideal per busy core':>20} share"
    )
    card_rate, _, _ = population_rate("oxram-130nm", real, sequences)
    row(
        f"spiking evaluation of oxram-130nm, {CHIPS} chips × {IMAGES} images",
        f"{card_rate / 1e9:.2f} G synaptic operations/s",
    )
    rate, busy_rate, events = population_rate("spread of 0.3", mild, sequences)

    print("\npeers, on chips with a spread of 0.3")
    print(f"{'':28} {'wall':>9} {'ours is faster by':>18} {'per busy core':>14} {'by':>8}")

    def beside(name, wall, busy, useful):
        print(
            f"{name:28} {useful / wall / 1e9:9.4f} {rate * wall / useful:17.1f}x "
            f"{useful / busy / 1e9:14.4f} {busy_rate * busy / useful:7.1f}x"
        )
        unit = "G synaptic operations/s"
        row(
            "spiking evaluation, weights with a spread of 0.3", f"{rate / 1e9:.2f} {unit}",
            f"{name} {useful / wall / 1e9:.3g} {unit}", rate * wall / useful,
        )  # fmt: skip

    one_chip(mild[0], sequences[:1], DELTA_S)
    wall, busy, expected = best_of(
        2, lambda: np.array([one_chip(w, sequences, DELTA_S) for w in mild])
    )
    if not (events == expected).all():
        raise SystemExit("the two kernels disagree")
    beside("numba, one chip at a time", wall, busy, events.sum() * net.outputs)

    few = events[:PEER_CHIPS, :PEER_IMAGES]
    try:
        peer = SnnTorch(mild[:PEER_CHIPS], sequences[:PEER_IMAGES])
    except ImportError as error:
        left_out("snnTorch", error)
        return
    if not (peer.events(DELTA_S) == few).all():
        raise SystemExit("snnTorch and the kernel disagree")
    wall, busy = np.inf, np.inf
    for n in {1, threads}:
        w, b, _ = best_of(2, lambda n=n: peer.run(n, few.max()))
        wall, busy = min(wall, w), min(busy, b)
    beside("snnTorch, stepped in time", wall, busy, few.sum() * net.outputs)


if __name__ == "__main__":
    main()
