"""Speed of the crossbar solver beside badcrossbar and SuperLU, in one process.

Run ``python -m benchmarks.crossbar`` (three minutes), with ``--large`` for 2048 and 4096 lines,
with ``--plot FILE`` for the growth with size. Every number is the best of several runs; peers run
once. Peers: badcrossbar (optional, ``pip install badcrossbar``; needs cairo) and scipy's SuperLU on
the nodal matrix with the ordering that suits a symmetric matrix best (MMD_AT_PLUS_A), matrix
assembly not counted.
"""

import argparse
import logging
import resource
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import splu

import reliability as rel
from benchmarks.found import left_out, row
from reliability.crossbar import effective_conductance, solve_crossbar
from reliability.network.deep.layer_mapping import place, read_layer, target_states

SEGMENT = 1.0  # ohm


def random_array(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    level = np.where(rng.random((n, n)) < 0.5, 1e-6, 1e-4)
    return level * rng.lognormal(0, 0.3, (n, n)), 0.2 * rng.random(n)


def best(run: Callable[[], Any], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def nodal_system(g: np.ndarray, v: np.ndarray) -> tuple[sp.csc_matrix, np.ndarray]:
    """Matrix and right side of all 2 n^2 nodes."""
    n, line = len(v), 1 / SEGMENT
    node = np.arange(n * n).reshape(n, n)
    a = np.concatenate([node[:, :-1].ravel(), n * n + node[:-1].ravel(), node.ravel()])
    b = np.concatenate([node[:, 1:].ravel(), n * n + node[1:].ravel(), n * n + node.ravel()])
    c = np.concatenate([np.full(2 * n * (n - 1), line), g.ravel()])
    ends = np.concatenate([node[:, 0], n * n + node[-1]])
    rows, columns = np.concatenate([a, b, a, b, ends]), np.concatenate([a, b, b, a, ends])
    data = np.concatenate([c, c, -c, -c, np.full(2 * n, line)])
    right = np.zeros(2 * n * n)
    right[node[:, 0]] = line * v
    return sp.csc_matrix((data, (rows, columns)), shape=(2 * n * n, 2 * n * n)), right


def report(name: str, n: int, peer: float, ours: float, error: float) -> None:
    print(f"  {name:21s} {peer:8.3f} s  ratio {peer / ours:6.0f}  difference {error:.0e}")
    row(f"crossbar {n} × {n}", f"{ours * 1e3:.3g} ms", f"{name} {peer:.3g} s", peer / ours)


def superlu(n: int, ours: float, ordering: str) -> None:
    g, v = random_array(n)
    matrix, right = nodal_system(g, v)
    start = time.perf_counter()
    x = splu(matrix, permc_spec=ordering).solve(right)
    peer = time.perf_counter() - start
    current = (g * (x[: n * n] - x[n * n :]).reshape(n, n)).sum(axis=0)
    error = np.max(np.abs(solve_crossbar(g, v)["output_current"].values / current - 1))
    report(f"SuperLU {ordering}", n, peer, ours, error)


def against_badcrossbar(n: int, ours: float) -> None:
    try:
        import badcrossbar
    except ImportError as error:
        left_out(f"badcrossbar {n} × {n}", error)
        return
    logging.disable(logging.INFO)
    g, v = random_array(n)
    start = time.perf_counter()
    peer_result = badcrossbar.compute(v[:, None], 1 / g, r_i=SEGMENT)
    peer = time.perf_counter() - start
    error = np.max(
        np.abs(solve_crossbar(g, v)["output_current"].values / peer_result.currents.output[0] - 1)
    )
    report("badcrossbar", n, peer, ours, error)


def sizes(large: bool) -> dict[int, float]:
    took = {}
    for n in [64, 128, 256, 512, 1024] + ([2048, 4096] if large else []):
        g, v = random_array(n)
        took[n] = best(lambda g=g, v=v: solve_crossbar(g, v, workers=1), 20 if n <= 512 else 3)
        out = solve_crossbar(g, v, workers=1)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(
            f"{n:5d} x {n:<5d}{took[n] * 1e3:9.2f} ms  {out.attrs['iterations']:3d} steps  "
            f"residual {out.attrs['residual']:.0e}  peak memory {memory:.1f} GB"
        )
        if n >= 1024:
            row(f"crossbar {n} × {n}", f"{took[n]:.3g} s, at most {memory:.1f} GB")
        if n in (64, 128, 256):
            against_badcrossbar(n, took[n])
        if n in (256, 512):
            for ordering in ("COLAMD", "MMD_AT_PLUS_A"):
                superlu(n, took[n], ordering)
    return took


def batches() -> None:
    for n, count in ((64, 400), (128, 120), (256, 40)):
        g = np.stack([random_array(n, k)[0] for k in range(count)])
        v = random_array(n)[1]
        one = best(lambda g=g, v=v: solve_crossbar(g, v, workers=1), 5)
        two = best(lambda g=g, v=v: solve_crossbar(g, v, workers=2), 5)
        print(
            f"batch of {count} arrays {n} x {n}: {count / one:7.0f} /s on one thread, "
            f"{count / two:7.0f} /s on two, ratio {one / two:.2f}"
        )
        name = f"batch of {count} arrays {n} × {n}, two threads"
        row(name, f"{count / two:.0f} /s", f"one thread {count / one:.0f} /s", one / two)


def tiles() -> None:
    """All lines in use: the nodes are eliminated, by operations that grow with rows cubed."""
    before = 0.0
    for n in (64, 128, 256, 512):
        g = random_array(n)[0]
        took = best(lambda g=g: effective_conductance(g, workers=1), 5)
        grown = f", {took / before:.1f} times the tile of half the size" if before else ""
        print(f"effective matrix of a {n} x {n} tile: {took:.3g} s{grown}")
        if n >= 256:
            row(f"effective matrix of a tile {n} × {n}, one thread", f"{took:.3g} s{grown}")
        before = took


def networks() -> None:
    """All layers of a network behind lines: on larger tiles more cells are idle, fewer are cut."""
    card = rel.load_technology("pcm-mushroom")
    for name in ("mobilenet-mnist", "resnet-cifar10"):
        network, before = rel.load_network(name), 0.0
        for n in (128, 256, 512):
            lines = {"word_line_resistance": SEGMENT, "bit_line_resistance": SEGMENT}
            tiling = rel.Tiling(rows=n, columns=n, **lines)
            placed = place(network, tiling)
            g = target_states(placed, card)
            start = time.perf_counter()
            for layer in placed:
                read_layer(layer, g, card, tiling)
            took = time.perf_counter() - start
            grown = f", {took / before:.1f} times tiles of half the size" if before else ""
            print(f"{name} on tiles of {n} x {n} with lines: {took:.3g} s{grown}")
            row(f"{name} on tiles of {n} × {n} with lines", f"{took:.3g} s{grown}")
            before = took


def plot(took: dict[int, float], path: str) -> None:
    import matplotlib.pyplot as plt

    cells = np.array([n * n for n in took], dtype=float)
    seconds = np.array(list(took.values()))
    figure, axes = plt.subplots(figsize=(4, 3), layout="constrained")
    axes.loglog(cells, seconds * 1e3, "o-", label="solve_crossbar, one thread")
    axes.loglog(cells, seconds[0] * 1e3 * cells / cells[0], ":", label="proportional to cells")
    axes.set(xlabel="cells", ylabel="time (ms)")
    axes.legend(frameon=False)
    figure.savefig(path, dpi=200)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--plot")
    choice = parser.parse_args()
    solve_crossbar([[1e-5]], [0.1])  # compile
    effective_conductance(np.full((64, 64), 1e-5))
    took = sizes(choice.large)
    batches()
    tiles()
    networks()
    if choice.plot:
        plot(took, choice.plot)


if __name__ == "__main__":
    main()
