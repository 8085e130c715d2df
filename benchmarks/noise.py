"""Disturb and noise of 1e7 cells, beside plain draws and aihwkit's read noise in plain NumPy.

Usage: python -m benchmarks.noise [cells, default 1e7]
"""

import sys
import time

import numpy as np

import reliability as rel
from benchmarks.found import row
from reliability.devices import noise, read_disturb
from reliability.population.blocks import Deviates, for_blocks

TECH = rel.load_technology("oxram-130nm")


def best_of(work, times: int = 3) -> float:
    """Shortest wall time of a few calls."""
    spent = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        spent.append(time.perf_counter() - start)
    return min(spent)


def main() -> None:
    """Print the table."""
    cells = int(float(sys.argv[1])) if len(sys.argv) > 1 else 10**7
    g = np.full((1, cells), 1e-5, np.float32)
    out = np.empty_like(g)
    address = np.zeros(3, int)
    disturb = read_disturb.ReadDisturb.from_technology(TECH, "HRS")
    law = noise.Noise.from_technology(TECH)

    def draws(chip: int, block: slice) -> None:
        deviates = Deviates(1, address, block, np.float32)
        out[chip, block] = deviates("read_disturb")
        out[chip, block] += deviates("noise")

    def read_and_disturb(chip: int, block: slice) -> None:
        deviates = Deviates(1, address, block, np.float32)
        after = read_disturb.conductance(disturb, g[chip, block], 8e8, deviates("read_disturb"))
        out[chip, block] = noise.read(law, after, 1.0, deviates("noise"))

    def published(q: float = 0.0088, t_r: float = 250e-9) -> None:
        """Read noise of PCM as aihwkit writes it, on the whole array."""
        relative = g / np.float32(25e-6)
        sigma = np.minimum(q / relative**0.65, 0.2) * np.sqrt(np.log((1 + t_r) / (2 * t_r)))
        np.multiply(g, 1 + sigma * np.random.default_rng(1).standard_normal(g.shape, np.float32))

    def noise_alone(chip: int, block: slice) -> None:
        deviates = Deviates(1, address, block, np.float32)
        out[chip, block] = noise.read(law, g[chip, block], 1.0, deviates("noise"))

    plain = best_of(lambda: for_blocks(draws, 1, cells))
    ours = best_of(lambda: for_blocks(read_and_disturb, 1, cells))
    alone = best_of(lambda: for_blocks(noise_alone, 1, cells))
    theirs = best_of(published)
    print(f"two normals per cell           {cells / plain:.2e} cells/s")
    print(f"read disturb and noisy read    {cells / ours:.2e} cells/s  {ours / plain:.2f} x draws")
    print(f"noisy read alone               {cells / alone:.2e} cells/s")
    print(f"aihwkit's formula in NumPy     {cells / theirs:.2e} cells/s, one thread")
    row(
        "cells read with noise", f"{cells / alone:.2g} /s",
        f"aihwkit's formula in NumPy, one thread {cells / theirs:.2g} /s", theirs / alone,
    )  # fmt: skip
    print(f"ratio, noise alone: {theirs / alone:.2f} times as fast")


if __name__ == "__main__":
    main()
