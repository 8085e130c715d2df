"""Formal evaluation of a population of chips beside NumPy and aihwkit's inference tile.

All draw weights with a spread for each chip, quantise the inputs, add up, quantise the sums and
take the largest of ten, for 10 000 images. The limit is NumPy's largest single-precision matrix
product, measured in the same process on the same threads; two operations a weight and an image.
aihwkit gets one thread or all, what is faster, and neither output noise nor range search.

    pip install -e ".[benchmarks]"
    python -m benchmarks.weighted_sum
"""

import os
import time

import numba
import numpy as np

import reliability as rel
from benchmarks.found import left_out, row
from reliability.network.one_layer.weight_mapping import read_weights
from reliability.network.one_layer.weighted_sum import Converters, run_weighted_sum
from reliability.random import draw

CHIPS, SPREAD, RANGE = 128, 0.3, 64.0
CONVERTERS = Converters(dac_bits=7, adc_bits=8, adc_range=RANGE)


def best_of(repeats, function):
    """Shortest wall time, shortest processor time (s) and the result, after one run to warm up."""
    function()
    wall, busy = [], []
    for _ in range(repeats):
        start, start_busy = time.perf_counter(), time.process_time()
        result = function()
        wall.append(time.perf_counter() - start)
        busy.append(time.process_time() - start_busy)
    return min(wall), min(busy), result


def aihwkit_tile(net, threads, pixels):
    """Time of one chip (wall, busy): its weights drawn, then all images; decisions without loss."""
    import torch
    from aihwkit.nn import AnalogLinear
    from aihwkit.simulator.configs import TorchInferenceRPUConfig
    from aihwkit.simulator.parameters import BoundManagementType, NoiseManagementType

    def layer(perfect):
        config = TorchInferenceRPUConfig()
        config.forward.is_perfect = perfect
        config.forward.inp_res, config.forward.out_res = 2.0**-7, 2.0**-8
        config.forward.out_bound, config.forward.out_noise = RANGE / net.weight_max, 0.0
        config.forward.bound_management = BoundManagementType.NONE
        config.forward.noise_management = NoiseManagementType.NONE
        tile = AnalogLinear(net.inputs, net.outputs, bias=False, rpu_config=config).eval()
        tile.set_weights(torch.from_numpy(net.weights.T.astype(np.float32) / net.weight_max))
        return tile

    x = torch.from_numpy((pixels / 255).astype(np.float32))
    with torch.inference_mode():
        perfect = layer(True)(x).argmax(dim=1).numpy()
        tile = layer(False)

        def one_chip():
            tile.program_analog_weights()
            return tile(x).argmax(dim=1)

        times = []
        for n in {1, threads}:
            torch.set_num_threads(n)
            times.append(best_of(5, one_chip)[:2])
    return *np.min(times, axis=0), perfect


def main() -> None:
    """Run all and print the table."""
    net = rel.load_network("spirit")
    technology = rel.load_technology("oxram-130nm")
    pixels = rel.load_mnist()["pixels"].values
    threads = numba.get_num_threads()
    address = np.zeros((CHIPS, 3), dtype=np.int64)
    address[:, 1] = np.arange(CHIPS)
    threshold = np.ones((CHIPS, net.outputs), np.float32)
    operations = 2 * net.weights.size * len(pixels)

    def sample():
        z = draw(1, "benchmark", address, net.weights.size, dtype=np.float32)
        spread = np.float32(SPREAD) * z.reshape(CHIPS, *net.weights.shape)
        return net.weights.astype(np.float32) + spread

    def from_cells():
        cells = rel.sample_chips(technology, net, chips=CHIPS, seed=1)
        return read_weights(cells, net, technology)

    def evaluate(weights):
        return run_weighted_sum(weights, pixels, "argmax", threshold, CONVERTERS)

    def plain(chips=16):
        x = CONVERTERS.codes()[pixels] / np.float32(2**CONVERTERS.dac_bits - 1)
        block = sample()[:chips]
        sums = x @ block.transpose(1, 0, 2).reshape(net.inputs, -1)
        step = np.float32(RANGE / 2 ** (CONVERTERS.adc_bits - 1))
        codes = np.clip(np.rint(sums / step), -128, 127)
        return codes.reshape(len(pixels), chips, -1).argmax(axis=-1).T

    n = 1536
    a = np.random.default_rng(0).standard_normal((n, n), dtype=np.float32)
    wall, busy, _ = best_of(7, lambda: a @ a)
    peak, busy_peak = 2 * n**3 / wall, 2 * n**3 / busy
    print(f"{CHIPS} chips, {len(pixels)} images, {threads} threads; load of the machine", end=" ")
    print(f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n")
    print(f"{'':36} {'populations/s':>13} {'GFLOP/s':>8} {'of sgemm':>8}   per busy core")

    def line(name, timing, chips):
        wall, busy = timing[:2]
        rate, busy_rate = chips * operations / wall, chips * operations / busy
        print(
            f"{name:36} {chips / wall:13.0f} {rate / 1e9:8.1f} {rate / peak:8.0%} "
            f"{busy_rate / 1e9:8.1f} {busy_rate / busy_peak:6.0%}"
        )
        return chips / wall, chips / busy

    print(f"{'sgemm':36} {'':13} {peak / 1e9:8.1f} {1:8.0%} {busy_peak / 1e9:8.1f} {1:6.0%}")
    weights = sample()
    line("sums, converters, largest", best_of(7, lambda: evaluate(weights)), CHIPS)
    ours = line("  and weights drawn", best_of(7, lambda: evaluate(sample())), CHIPS)
    line("  and cells of oxram-130nm drawn", best_of(2, lambda: evaluate(from_cells())), CHIPS)
    wall, busy, found = best_of(2, plain)
    numpy_rate = line("NumPy, 16 chips a product", (wall, busy), len(found))
    if (found != evaluate(weights)[: len(found)]).mean() > 1e-3:
        raise SystemExit("NumPy and the evaluator disagree")
    rates = {"NumPy": numpy_rate}
    try:
        wall, busy, perfect = aihwkit_tile(net, threads, pixels)
        mine = run_weighted_sum(
            net.weights[None].astype(np.float32), pixels, "argmax", threshold[:1]
        )
        if (perfect != mine[0]).mean() > 1e-3:
            raise SystemExit("aihwkit and the evaluator disagree")
        rates["aihwkit"] = line("aihwkit TorchInferenceRPUConfig", (wall, busy), 1)
    except ImportError as error:
        left_out("aihwkit", error)
    print()
    for name, (rate, busy_rate) in rates.items():
        print(
            f"weights drawn: {ours[0] / rate:.1f}x {name}; {ours[1] / busy_rate:.1f}x per busy core"
        )
        row(
            "weighted sums of 128 chips, weights drawn", f"{ours[0]:.0f} populations/s",
            f"{name} {rate:.0f} populations/s", ours[0] / rate,
        )  # fmt: skip
    share = ours[0] * operations / peak
    row("the same beside the largest matrix product", f"{share:.0%} of sgemm", "NumPy sgemm", share)


if __name__ == "__main__":
    main()
