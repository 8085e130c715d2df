"""Cell-cycles with wear per second, and memory: cells cycled, written again, baked and read.

Usage: python -m benchmarks.wear [cell-cycles, default 1e9]
"""

import resource
import sys
import time

import numpy as np

import reliability as rel
from benchmarks.found import row
from reliability.population import cycling

TECH = rel.load_technology("oxram-130nm")
CELLS = 100_000
# No cell is misread or stuck before the end, so that every cycle of every cell is drawn and worn.
LASTING = TECH.with_values({
    "programming.HRS.resistance": 1e30, "programming.LRS.resistance": 1e-30,
    "endurance.scale": 1e30, "defects.stuck_lrs": 0.0, "defects.stuck_hrs": 0.0,
    "defects.unformed": 0.0,
})  # fmt: skip


def mission(cycles: int) -> tuple[float, float]:
    """Return the seconds of cycling, rewriting, baking and reading, and the cells misread."""
    start = time.perf_counter()
    cells = rel.sample_population(TECH, cells=CELLS, state="HRS", seed=7)
    hot = np.where(np.arange(CELLS) % 10 == 0, 10.0, 1.0)  # rows that are written more often
    bake = rel.Segment("100 h", "125 degC", cycles=int(cycles / CELLS / hot.mean()))
    aged = rel.age(cells.assign(cycles=("cell", hot)), rel.MissionProfile([bake]))
    read = rel.read_cells(aged)["conductance"]
    return time.perf_counter() - start, float((read > 1e-4).mean())


def main() -> None:
    """Print the table."""
    total = int(float(sys.argv[1])) if len(sys.argv) > 1 else 10**9
    mission(CELLS)  # compile
    test = {"cells": 1000, "reference": 1.0, "method": "every_cycle"}
    cycling.endurance(LASTING, cycles=10, **test)

    took, wrong = mission(total)
    rate = f"{total / took:.2e} /s"
    print(f"mission    {total:.0e} cell-cycles  {took:.2f} s  {rate}, {wrong:.2%} misread")
    row(f"{total:.0e} cell-cycles with wear: cycled, written again, baked and read",
        f"{total / took:.2g} /s")  # fmt: skip
    start = time.perf_counter()
    cycling.endurance(LASTING, cycles=total // 1000, **test)
    took = time.perf_counter() - start
    print(f"every one  {total:.0e} cell-cycles  {took:.2f} s  {total / took:.2e} /s")
    row(f"{total:.0e} cell-cycles with wear, every one drawn", f"{total / took:.2g} /s")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"peak memory {peak:.2f} GiB")
    row("cell-cycles with wear, peak memory", f"{peak:.2f} GiB")


if __name__ == "__main__":
    main()
