"""Train networks with and without their devices, and make the figure of docs/training.md.

python docs/make_training.py --numbers out/training

Six seeds of every way of training, the same epochs for each (some minutes on one core);
with the numbers there it only draws. Needs the extras ``train`` and ``onnx``. The integer
network is trained by data/networks/train_spirit.py, in six epochs.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import matplotlib
import numpy as np
import torch
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MultipleLocator, PercentFormatter
from numpy.typing import NDArray
from scipy import stats

import reliability as rel
from reliability.network.training import Devices, on_cells
from reliability.report import figures
from reliability.statistics.crossed import crossed_mean

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "data" / "networks"))
import train_spirit
from mlp_onnx import to_onnx

OLD = rel.MissionProfile.constant("10 years", "85 degC")
SEEDS = range(1, 7)
EPOCHS, BATCH = 6, 500
IMAGES, EVALUATION = 4000, 1000  # fresh chips: another seed than any training run
INTEGER_CHIPS, DEEP_CHIPS = 60, 30
HIDDEN = 48
# How the whole weights are trained: their scale, and whether on cells. 2.7 is that of the network
# spirit; among 3.3, 4, 4.5, 7 and 10 plain training at 4.5 was best on training images after ten
# years.
WAYS = {
    "plain": (2.7, False),
    "on cells": (2.7, True),
    "plain, larger weights": (4.5, False),
    "on cells, larger weights": (4.5, True),
}
GAINS = {
    "on cells": "plain",
    "plain, larger weights": "plain",
    "on cells, larger weights": "plain, larger weights",
}


def integer_accuracies(way: str, seed: int) -> dict[str, list[float]]:
    """Train 144 -> 10 whole weights; accuracy of each chip, in each coding and at each age."""
    card = rel.load_technology("oxram-130nm")
    scale, with_cells = WAYS[way]
    devices = Devices(card, (None, OLD), seed=seed) if with_cells else None
    settings = train_spirit.Settings(
        scale=scale, epochs=EPOCHS, batch=BATCH, learning_rate=1e-2, seed=seed
    )
    with np.load(train_spirit.DATA) as data:
        x, y = train_spirit.as_tensors(data["train_images"], data["train_labels"])
    net = rel.Network(way, train_spirit.train(x, y, settings, devices).weights, train_spirit.W_MAX)
    chips = rel.sample_chips(card, net, chips=INTEGER_CHIPS, seed=EVALUATION)
    out = {"size": [float(np.abs(net.weights).mean())]}
    for coding in ("weighted_sum", "rate"):
        for age, cells in (("ideal", None), ("new", chips), ("old", rel.age(chips, OLD))):
            r = rel.evaluate(net, cells, coding=coding, images=IMAGES, seed=EVALUATION)
            out[f"{coding} {age}"] = r["accuracy"].values.tolist()
    return out


def deep_accuracies(way: str, seed: int) -> dict[str, list[float]]:
    """Train 144 -> 48 -> 10 real weights; accuracy of each chip at each age."""
    card = rel.load_technology("techB")
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    layers = (torch.nn.Linear(144, HIDDEN), torch.nn.ReLU(), torch.nn.Linear(HIDDEN, 10))
    model = torch.nn.Sequential(*layers)
    if way == "on cells":
        on_cells(model, Devices(card, (None, OLD), seed=seed))
    data = rel.load_mnist("train")
    x = torch.from_numpy(data["pixels"].values.astype(np.float32) / np.float32(255))
    y = torch.from_numpy(data["label"].values.astype(np.int64))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    for _ in range(EPOCHS):
        for chosen in torch.randperm(len(x), generator=generator).split(BATCH):
            loss = torch.nn.functional.cross_entropy(model(x[chosen]), y[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        schedule.step()
    test = rel.load_mnist("test")
    inputs = test["pixels"].values.astype(np.float32) / np.float32(255)
    digits = xr.Dataset({"inputs": (("image", "pixel"), inputs), "label": test["label"]})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mlp.onnx"
        path.write_bytes(to_onnx([layers[0], layers[2]]).SerializeToString())
        net = rel.load_network(path)
    out = {}
    for age, cells, profile in (("ideal", None, None), ("new", card, None), ("old", card, OLD)):
        r = rel.evaluate(net, cells, data=digits, chips=DEEP_CHIPS, images=IMAGES,
                         profile=profile, seed=EVALUATION)  # fmt: skip
        out[f"deep {age}"] = r["accuracy"].values.tolist()
    return out


def crossed(values: NDArray[np.float64]) -> tuple[float, float]:
    """Mean of values (seeds, chips) and half its 95 % interval over seeds and over chips."""
    found = crossed_mean(values)
    return found.mean, found.high - found.mean


def numbers(folder: Path, kind: str) -> dict[str, dict[str, NDArray[np.float64]]]:
    """Train what the folder's file lacks; arrays (seeds, chips) of each way and case."""
    path = folder / f"{kind}.json"
    kept = json.loads(path.read_text()) if path.is_file() else {}
    accuracies = {"integer": integer_accuracies, "deep": deep_accuracies}[kind]
    ways = list(WAYS) if kind == "integer" else ["plain", "on cells"]
    for seed in SEEDS:
        for way in ways:
            if f"{way}/{seed}" in kept:
                continue
            kept[f"{way}/{seed}"] = found = accuracies(way, seed)
            folder.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(kept))
            means = {case: round(float(np.mean(a)), 4) for case, a in found.items()}
            print(way, seed, means, flush=True)
    return {
        way: {
            case: np.array([kept[f"{way}/{seed}"][case] for seed in SEEDS])
            for case in kept[f"{way}/{SEEDS[0]}"]
        }
        for way in ways
    }


def table(found: dict[str, dict[str, NDArray[np.float64]]]) -> None:
    """Print accuracies, their spread over chips, the weakest of them, and the gains."""
    for way, cases in found.items():
        for case, values in cases.items():
            if case == "size" or "ideal" in case:
                print(f"{way:24} {case:13} {values.mean():.4f} ({values.std():.4f} over seeds)")
                continue
            mean, half = crossed(values)
            spread, weak = values.std(axis=1, ddof=1), np.quantile(values, 0.05, axis=1)
            print(f"{way:24} {case:13} {mean:.2%} ± {half:.2%}, spread {spread.mean():.2%}, "
                  f"5 % quantile {weak.mean():.2%}")  # fmt: skip
    for way, other in GAINS.items():
        for case, values in found[way].items():
            if "new" in case or "old" in case:
                than = found[other][case]
                gain, half = crossed(values - than)
                narrower = values.std(axis=1, ddof=1) - than.std(axis=1, ddof=1)
                weaker = np.quantile(values, 0.05, axis=1) - np.quantile(than, 0.05, axis=1)
                print(f"{way} over {other}, {case}: {gain:+.2%} ± {half:.2%}, of the spread "
                      f"{over_seeds(narrower)}, of the quantile {over_seeds(weaker)}")  # fmt: skip


def over_seeds(values: NDArray[np.float64]) -> str:
    """Mean and 95 % interval over seeds."""
    half = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return f"{values.mean():+.2%} ± {half:.2%}"


def draw(found: dict[str, dict[str, NDArray[np.float64]]]) -> Figure:
    """Chips as programmed and aged for each way of training, and the gains."""
    labels = {"weighted_sum": "144 → 10, sums", "rate": "144 → 10, spikes",
              "deep": f"144 → {HIDDEN} → 10, levels"}  # fmt: skip
    ages = {"new": "as pro-\ngrammed", "old": "10 years\nat 85 °C"}
    colours = dict(zip(WAYS, ("C0", "C1", "#8cc5e3", "#f5d08a"), strict=True))
    figure = Figure(figsize=(12.0, 4.4), layout="constrained")
    *panels, right = figure.subplots(1, 4, width_ratios=(1.15, 1.15, 0.8, 1.2))
    for axis, (kind, title) in zip(panels, labels.items(), strict=True):
        ways = [way for way in WAYS if f"{kind} new" in found[way]]
        for k, way in enumerate(ways):
            boxes = axis.boxplot(
                [found[way][f"{kind} {age}"].ravel() for age in ages],
                positions=np.arange(2) + (k - (len(ways) - 1) / 2) * 0.2, widths=0.16,
                whis=(5, 95), showfliers=False, patch_artist=True,
                medianprops={"color": "black"},
            )  # fmt: skip
            for box in boxes["boxes"]:
                box.set_facecolor(colours[way])
        axis.set_xticks(range(2), ages.values())
        axis.set_title(title)
        axis.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axis.yaxis.set_major_locator(MultipleLocator(0.02))
    panels[0].set_ylabel("accuracy of fresh chips (5, 25, 50, 75, 95 %)")
    names = []
    for kind, title in labels.items():
        for age in ages:
            short = {"new": "as programmed", "old": "after ten years"}[age]
            names.append(f"{title.partition(', ')[2]}, {short}")
            for way, other in GAINS.items():
                case = f"{kind} {age}"
                if case not in found[way]:
                    continue
                gain, half = crossed(found[way][case] - found[other][case])
                y = len(names) - 1 + 0.22 * (list(GAINS).index(way) - 1)
                style = {"color": colours[way], "fmt": "sod"[list(GAINS).index(way)]}
                right.errorbar(gain, y, xerr=half, capsize=3, ms=5, **style)
    right.axvline(0, color="0.3", lw=1)
    right.set_yticks(range(len(names)), names, fontsize=8)
    right.invert_yaxis()
    right.set_xlabel("gain, 95 % interval")
    right.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    boxes = [Patch(facecolor=colours[way], edgecolor="black", label=way) for way in WAYS]
    figure.legend(handles=boxes, loc="outside lower left", ncols=2, fontsize=9, title="trained")
    points = [
        Line2D([], [], color=colours[way], marker=mark, ls="", label=f"{way} over {other}")
        for (way, other), mark in zip(GAINS.items(), "sod", strict=True)
    ]
    figure.legend(handles=points, loc="outside lower right", fontsize=9)
    return figure


def main() -> None:
    """Command line entry."""
    parser = argparse.ArgumentParser(description="Train networks with and without their devices.")
    parser.add_argument("--numbers", type=Path, required=True, metavar="FOLDER")
    args = parser.parse_args()
    torch.set_num_threads(1)  # with more threads the order of float sums is not fixed
    found = numbers(args.numbers, "integer")
    for way, cases in numbers(args.numbers, "deep").items():
        found[way] |= cases
    table(found)
    with matplotlib.rc_context(figures.STYLE):
        out = Path(__file__).parent / "figures" / "training.svg"
        draw(found).savefig(out, metadata={"Date": None, "Creator": None}, facecolor="white")
    print(out)


if __name__ == "__main__":
    main()
