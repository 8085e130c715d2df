"""Correlated cell-cycles per second and memory, beside drawing plain normals with NumPy.

Usage: python -m benchmarks.endurance [cell-cycles, default 1e9]
"""

import resource
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

import reliability as rel
from benchmarks.found import row
from reliability.devices import cycles
from reliability.population import cycling

TECH = rel.load_technology("oxram-130nm")
# Cells that never fail, so that every cycle of every cell is drawn.
LASTING = TECH.with_values(
    {
        "programming.HRS.resistance": 1e30,
        "programming.LRS.resistance": 1e-30,
        "endurance.scale": 1e30,
        "defects.stuck_lrs": 0.0,
        "defects.stuck_hrs": 0.0,
        "defects.unformed": 0.0,
    }
)


def seconds(work) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def plain_normals(count: int, threads: int = 2) -> None:
    """Draw normals with NumPy, as many as two states need, on the same cores."""

    def run(seed: int) -> None:
        generator = np.random.Generator(np.random.PCG64(seed))
        out = np.empty(1_000_000, np.float32)
        for _ in range(count // threads // len(out)):
            generator.standard_normal(out=out, dtype=np.float32)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(run, range(threads)))


def main() -> None:
    """Print the table."""
    total = int(float(sys.argv[1])) if len(sys.argv) > 1 else 10**9
    cells = 1000
    test = {"cells": cells, "reference": 1.0, "method": "every_cycle"}
    cycling.endurance(LASTING, cycles=10, **test)  # compile
    law = cycles.Cycles.from_technology(TECH)
    cycles.advance(cycles.start(law, 1, [0, 0, 0], 8), 8)

    drawn = seconds(lambda: cycling.endurance(LASTING, cycles=total // cells, **test))
    plain = seconds(lambda: plain_normals(2 * total))
    print(f"every cycle drawn   {total:.0e} cell-cycles  {drawn:7.2f} s  {total / drawn:.2e} /s")
    print(f"NumPy, two normals  {total:.0e} cell-cycles  {plain:7.2f} s  {total / plain:.2e} /s")
    print(f"ratio to plain NumPy normals: {plain / drawn:.2f} times as fast")

    row(
        f"endurance, {total:.0e} cycles drawn", f"{total / drawn:.2g} /s",
        f"NumPy, two normals {total / plain:.2g} /s", plain / drawn,
    )  # fmt: skip

    walk = cycles.start(law, 1, [0, 0, 0], 20_000)
    paths = seconds(lambda: cycles.advance(walk, 1000))
    print(f"paths kept          2e+07 cell-cycles  {paths:7.2f} s  {2e7 / paths:.2e} /s")

    conditions = {"wafers": 2, "dies": 5, "cells": 1000, "cycles": 1e6,
                  "temperature": ["25 degC", "125 degC"], "attempts": 1}  # fmt: skip
    law_time = seconds(lambda: cycling.endurance(TECH, **conditions))
    again = seconds(lambda: cycling.endurance(TECH, **conditions))
    cycle_time = seconds(lambda: cycling.endurance(TECH, method="every_cycle", **conditions))
    print(f"10 000 cells of the card to 1e6 cycles at two temperatures: law {law_time:.2f} s "
          f"(again {again:.2f} s), every cycle {cycle_time:.2f} s")  # fmt: skip
    far = seconds(lambda: cycling.endurance(TECH, cells=100_000, cycles=1e12))
    print(f"100 000 cells to 1e12 cycles by the law: {far:.2f} s")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"peak memory {peak:.2f} GiB")
    row("endurance, peak memory of all of it", f"{peak:.2f} GiB")


if __name__ == "__main__":
    main()
