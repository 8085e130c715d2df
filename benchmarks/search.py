"""How much of a Pareto front a search finds, and what it costs beside the evaluations.

Usage: python -m benchmarks.search

ZDT1 of three variables with noise, whose front is known: the fraction of its hypervolume up to
(1.1, 1.1) that 100, 200 and 300 designs reach, beside as many designs of a Latin hypercube. The
time is that of proposing designs; evaluating them takes none here.
"""

import time

import numpy as np
from scipy.stats import qmc

from benchmarks.found import row
from reliability.campaign.search import Evaluation, Space, hypervolume, search_designs
from reliability.campaign.tables import SearchTable

NAMES = ("a", "b", "c")
WHOLE = 0.1 * 1.1 + 1.1 - 1 / 3  # hypervolume of the front
SEEDS = range(5)


def zdt1(x: np.ndarray) -> np.ndarray:
    """Both objectives of designs, shape (designs, 3), to be minimised."""
    g = 1 + 9 * x[:, 1:].mean(axis=1)
    return np.column_stack([x[:, 0], g * (1 - np.sqrt(x[:, 0] / g))])


def found(method: str, designs: int, seed: int) -> float:
    """Return the hypervolume that a search reaches, from values with a noise of 0.01."""
    noise = np.random.default_rng(seed)
    objectives = tuple(
        {"name": name, "direction": "minimise", "unit": "1"} for name in ("one", "two")
    )
    table = SearchTable(objective=objectives, evaluations=designs, population=20, method=method)

    def evaluate(asked: list) -> list[Evaluation]:
        values = zdt1(np.array([[one[name] for name in NAMES] for one in asked]))
        return [Evaluation(each) for each in values + noise.normal(0, 0.01, values.shape)]

    seen = search_designs({name: Space((), 0.0, 1.0) for name in NAMES}, table, seed, evaluate)
    return hypervolume(zdt1(np.array([[one[name] for name in NAMES] for one in seen])), [1.1, 1.1])


def main() -> None:
    """Print the table."""
    for designs in (100, 200, 300):
        chance = [
            hypervolume(zdt1(qmc.LatinHypercube(3, rng=seed).random(designs)), [1.1, 1.1]) / WHOLE
            for seed in SEEDS
        ]
        for method in ("nsga2", "tpe"):
            start = time.perf_counter()
            reached = np.mean([found(method, designs, seed) for seed in SEEDS]) / WHOLE
            each = (time.perf_counter() - start) / len(SEEDS) / designs
            print(
                f"{method:5} {designs} designs: {reached:.0%} of the front, Latin hypercube "
                f"{np.mean(chance):.0%}; {1e3 * each:.2f} ms a design"
            )
            row(
                f"front of {designs} designs, {method}, {1e3 * each:.1f} ms a design",
                f"{reached:.0%} of the hypervolume",
                f"Latin hypercube {np.mean(chance):.0%}",
                float(reached / np.mean(chance)),
            )


if __name__ == "__main__":
    main()
