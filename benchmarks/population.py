"""Cells per second of sampling and ageing, beside drawing plain normals with NumPy.

Usage: python -m benchmarks.population [millions of cells]

Prints, for float32 and one process, the rate at which cells are sampled, aged, read with noise, and
all three, the rate at which NumPy fills an array with normal numbers (one thread, as it comes), and
the ratio of the two. Memory is the peak of what was allocated, in copies of the array.
"""

import sys
import time
import tracemalloc
from collections.abc import Callable

import numpy as np

import reliability as rel
from benchmarks.found import row

MISSION = rel.MissionProfile(
    [
        rel.Segment(time="1 h"),
        rel.Segment(time="10 years", temperature="85 degC", reads=8e8, read_voltage=0.1),
    ]
)
CASES = (("oxram-130nm", "LRS"), ("oxram-130nm", "HRS"), ("pcm-mushroom", 0.5), ("techB", 0.4))


def seconds(work: Callable[[], object], repeats: int = 3) -> float:
    """Return the shortest of some runs."""
    best = np.inf
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def main() -> None:
    import warnings

    warnings.simplefilter("ignore")
    cells = int(float(sys.argv[1]) * 1e6) if len(sys.argv) > 1 else 10_000_000
    normals = np.empty(cells, np.float32)
    plain = cells / seconds(
        lambda: np.random.default_rng(1).standard_normal(out=normals, dtype=np.float32)
    )
    print(f"{cells:.0e} cells, float32; NumPy draws {plain:.2e} normals/s")
    columns = "".join(f"{name:>10}" for name in ("sample", "age", "read", "all"))
    print(f"{'card':<14}{'state':<6}{columns}{'copies':>8}  all/NumPy")
    for name, state in CASES:
        card = rel.load_technology(name)

        def sample(card: rel.Technology = card, state: str | float = state) -> object:
            return rel.sample_population(card, cells=cells, state=state, seed=1, dtype=np.float32)

        population = sample()
        sampling = seconds(sample)
        aged = rel.age(population, MISSION)
        ageing = seconds(lambda population=population: rel.age(population, MISSION))
        reading = seconds(lambda aged=aged: rel.read_cells(aged, overwrite=True))
        del population, aged
        tracemalloc.start()
        aged = rel.read_cells(rel.age(sample(), MISSION), overwrite=True)
        copies = tracemalloc.get_traced_memory()[1] / (4 * cells)
        tracemalloc.stop()
        del aged
        whole = cells / (sampling + ageing + reading)
        print(
            f"{name:<14}{state!s:<6}{cells / sampling:>10.2e}{cells / ageing:>10.2e}"
            f"{cells / reading:>10.2e}{whole:>10.2e}{copies:>8.2f}  1/{plain / whole:.1f}"
        )
        row(
            f"cells of {name} ({state}) sampled, aged and read; {copies:.1f} arrays of memory",
            f"{whole:.2g} /s", f"NumPy, plain normals {plain:.2g} /s", whole / plain,
        )  # fmt: skip


if __name__ == "__main__":
    main()
