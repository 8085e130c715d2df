"""How long a card takes to be conditioned on observations.

Usage: python -m benchmarks.conditioning

One observation, whose likelihood is a closed form, and all that `oxram-130nm` cites, of which some
need a simulation. No peer conditions cards; the limit is five minutes on two cores.
"""

import time
import warnings

import reliability as rel
from benchmarks.found import row
from reliability.conditioning import posterior

ONE = {
    "kind": "write_errors", "state": "HRS", "cells": 262144, "wrong": 530, "passes": 1,
    "source": "benchmark",
}  # fmt: skip


def main() -> None:
    """Print the table."""
    card = rel.load_technology("oxram-130nm")
    cited = [one.model_copy(update={"used": False}) for one in card.observations]
    for name, observations in (("one observation", [ONE]), ("all that it cites", cited)):
        start = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = posterior(card, observations, seed=1)
        took = time.perf_counter() - start
        draws = sum(s.draws for s in found.samplings)
        print(f"oxram-130nm, {name} ({len(observations)}): {took:.1f} s, {draws} sampled cards")
        row(f"oxram-130nm conditioned on {name} ({len(observations)})", f"{took:.1f} s")


if __name__ == "__main__":
    main()
