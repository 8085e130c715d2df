"""Chips below a limit of accuracy: estimates from a few chips against a count over very many.

python -m benchmarks.yields              # 100 000 chips of SPIRIT, some minutes
python -m benchmarks.yields --chips 4000

Prints, for some thresholds, the fraction of all chips below, and of groups of chips: how often the
interval at 90 % holds it, and the median estimate, for each estimate of `rel.accuracy_yield`.
"""

import argparse
import time

import numpy as np
import xarray as xr
from scipy import special, stats

import reliability as rel
from benchmarks.found import row

AT_ONCE = 250
IMAGES = 1000
THRESHOLDS = (0.81, 0.8, 0.78, 0.76, 0.74, 0.72)


def evaluate(chips: int) -> xr.Dataset:
    """Accuracy of chips of one lot an hour after programming, 25 on a wafer."""
    net, tech = rel.load_network("spirit"), rel.load_technology("oxram-130nm")
    neuron, hour = rel.Neuron.from_technology(tech), rel.MissionProfile.constant("1 h")
    parts = []
    for first in range(0, chips, AT_ONCE):
        cells = rel.sample_chips(tech, net, chips=AT_ONCE, first=first, seed=77)
        aged = rel.age(cells, hour)
        found = rel.evaluate(net, aged, images=IMAGES, seed=77, neuron=neuron)
        parts.append(found[["accuracy"]])
    return xr.concat(parts, "chip", data_vars="minimal", combine_attrs="override")


def main() -> None:
    """Command line entry."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chips", type=int, default=100_000)
    parser.add_argument("--groups", type=int, nargs="+", default=[1000])
    arguments = parser.parse_args()
    start = time.perf_counter()
    chips = evaluate(arguments.chips)
    accuracy = chips["accuracy"].values
    y = special.logit(accuracy)
    print(f"{accuracy.size} chips in {time.perf_counter() - start:.0f} s")
    print(f"mean {accuracy.mean():.3f}; skewness of the logit {stats.skew(y):.2f}")
    print("\n| accuracy below | of all chips | chips | estimate | median | interval holds |")
    print("|---|---|---|---|---|---|")
    for threshold in THRESHOLDS:
        below = int((accuracy < threshold).sum())
        truth = below / accuracy.size
        for size in arguments.groups:
            count = accuracy.size // size
            groups = [chips.isel(chip=slice(g * size, (g + 1) * size)) for g in range(count)]
            found = [rel.accuracy_yield(group, threshold, 0.9) for group in groups]
            for estimate in ("count", "normal", "tail"):
                rows = [f.sel(estimate=estimate) for f in found]
                values = np.array([float(r["fraction"]) for r in rows])
                if np.isnan(values).any():
                    continue
                holds = np.mean([float(r["low"]) <= truth <= float(r["high"]) for r in rows])
                if size == arguments.groups[-1] and estimate != "normal":
                    row(f"accuracy yield below {threshold:.0%}, {estimate} of {size} chips",
                        f"{np.median(values):.1e}, interval holds {holds:.0%} of {count}",
                        f"counted on {accuracy.size} chips {truth:.1e}")  # fmt: skip
                print(f"| {threshold:.0%} | {below}: {truth:.1e} | {size} | {estimate} | "
                      f"{np.median(values):.1e} | {holds:.0%} of {count} |")  # fmt: skip


if __name__ == "__main__":
    main()
