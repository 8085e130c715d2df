"""Make the figures of docs/deep_networks.md: the deep networks against what cells and tiles do.

Evaluates (about ten minutes on two cores), keeps the numbers in a file and draws them.

    python docs/make_deep_figures.py --numbers out/deep.json
    python docs/make_deep_figures.py --numbers out/deep.json --only draw
"""

import argparse
import json
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import (
    FixedLocator,
    FuncFormatter,
    MultipleLocator,
    NullLocator,
    PercentFormatter,
)

import reliability as rel
from reliability.crossbar.wires import load_wire
from reliability.report.figures import PALETTE, STYLE
from reliability.statistics import mean_interval
from reliability.units import duration

CHIPS, IMAGES = 10, 1000
FOLDER = Path(__file__).parent / "figures"
SECONDS = [0.0, 60.0, 3600.0, 86400.0, 2592000.0, 31557600.0, 315576000.0]
CELSIUS = [25, 40, 55, 65, 75, 85, 105]
MARKS = "os^Dv<"
Curve = dict[str, Any]


def point(network: Any, cells: Any, tiling: Any = None, profile: Any = None) -> list[float]:
    """Mean accuracy over chips and its 95 % interval."""
    result = rel.evaluate(
        network, cells, chips=CHIPS, images=IMAGES, tiling=tiling, profile=profile, seed=1
    )
    accuracy = result["accuracy"].values
    if accuracy.size == 1:
        return [
            float(result[name].item()) for name in ("accuracy", "accuracy_low", "accuracy_high")
        ]
    return [*mean_interval(accuracy)]


def curve(label: str, x: Iterable[float], make: Callable[[float], list[float]]) -> Curve:
    """One line of a figure."""
    values = [(float(v), make(v)) for v in x]
    print(label, [round(y[0], 3) for _, y in values], flush=True)
    return {"label": label, "x": [v for v, _ in values], "y": [y for _, y in values]}


def numbers() -> dict[str, list[Curve]]:
    """Evaluate everything that is drawn."""
    net = rel.load_network("mobilenet-mnist")
    card = {name: rel.load_technology(name) for name in rel.list_technologies()}
    constant = rel.MissionProfile.constant

    def aged(name: str, compensation: str) -> Callable[[float], list[float]]:
        tiling = rel.Tiling(compensation=compensation)
        return lambda t: point(net, card[name], tiling, constant(t, "25 degC") if t else None)

    def stored(name: str, compensation: str) -> Callable[[float], list[float]]:
        tiling = rel.Tiling(compensation=compensation)
        return lambda celsius: point(
            net, card[name], tiling, constant("10 years", f"{celsius} degC")
        )

    def spread(name: str) -> Callable[[float], list[float]]:
        """Programming error of levels, times a factor."""
        errors = [key for key in card[name] if key.startswith("programming.target.error")]
        return lambda factor: point(
            net, card[name].with_values({k: factor * card[name][k] for k in errors})
        )

    def spread_states(bits: int) -> Callable[[float], list[float]]:
        tech = card["oxram-130nm"]
        sigmas = [k for k in tech if k.startswith("programming.") and ".sigma_" in k]
        sigmas = [k for k in sigmas if k.rsplit(".", 1)[1] in ("sigma_cell", "sigma_cycle")]
        return lambda factor: point(
            net,
            tech.with_values({k: factor * tech[k] for k in sigmas}),
            rel.Tiling("bits", weight_bits=bits),
        )

    def converter(rows: int, share: float) -> Callable[[float], list[float]]:
        return lambda bits: point(
            net,
            card["oxram-cmo-hfox"],
            rel.Tiling(rows=rows, adc_bits=int(bits), dac_bits=8, adc_range=share),
        )

    def lines(name: str, node: str, compensation: str) -> Callable[[float], list[float]]:
        word, bit = load_wire(node).segment_resistance("1T1R")
        return lambda size: point(
            net,
            card[name],
            rel.Tiling(
                rows=int(size),
                columns=int(size),
                word_line_resistance=word,
                bit_line_resistance=bit,
                compensation=compensation,
            ),
        )

    rates = [1e-5, 1e-4, 1e-3, 3e-3, 1e-2, 2e-2, 4e-2, 8e-2, 0.15]

    def wrong(name: str) -> Curve:
        out = rel.bit_error_tolerance(rel.load_network(name), rates, draws=CHIPS, seed=1)
        y = np.stack([out[f"accuracy_{k}"].values for k in ("mean", "low", "high")], axis=1)
        print(name, y[:, 0].round(4))
        return {"label": name, "x": rates, "y": y.tolist()}

    def spikes(coding: str) -> Curve:
        steps = [8, 16, 32, 64, 128, 256]
        out = rel.evaluate_spiking(net, steps=steps, images=400, coding=coding)
        names = ("accuracy", "accuracy_low", "accuracy_high")
        y = np.stack([out[k].values[0] for k in names], axis=1)
        print(coding, y[:, 0], out["spikes"].values[0])
        return {"label": coding, "x": steps, "y": y.tolist()}

    return {
        "age": [
            curve("PCM", SECONDS[:4], aged("pcm-mushroom", "none")),
            curve("PCM, drift compensated", SECONDS, aged("pcm-mushroom", "drift")),
            curve("analog OxRAM", SECONDS, aged("oxram-analog", "none")),
            curve("analog OxRAM, gain", SECONDS, aged("oxram-analog", "gain")),
            curve("CMO/HfOx", SECONDS, aged("oxram-cmo-hfox", "none")),
            curve("techB", [*SECONDS[:3], 1e4], aged("techB", "none")),
        ],
        "temperature": [
            curve(
                label if compensation == "none" else f"{label}, {compensation}",
                CELSIUS,
                stored(name, compensation),
            )
            for label, name, compensation in (
                ("PCM", "pcm-mushroom", "gain"),
                ("analog OxRAM", "oxram-analog", "none"),
                ("analog OxRAM", "oxram-analog", "gain"),
                ("CMO/HfOx", "oxram-cmo-hfox", "none"),
                ("CMO/HfOx", "oxram-cmo-hfox", "gain"),
            )
        ],
        "spread": [
            curve("PCM levels", [0, 0.5, 1, 2, 3, 4], spread("pcm-mushroom")),
            curve("analog OxRAM levels", [0, 0.5, 1, 2, 3, 4], spread("oxram-analog")),
            curve("techB levels", [0, 1, 2, 4], spread("techB")),
            curve("LRS/HRS, 6-bit weights", [0, 0.1, 0.2, 0.3, 0.5, 1], spread_states(6)),
        ],
        "adc": [
            curve(f"{rows} rows", [3, 4, 5, 6, 7, 8], converter(rows, 1.0))
            for rows in (16, 64, 256)
        ]
        + [curve("256 rows, half range", [3, 4, 5, 6, 7, 8], converter(256, 0.5))],
        "tile": [
            curve("PCM, 130 nm", [32, 64, 128, 256], lines("pcm-mushroom", "130nm", "none")),
            curve("PCM, 22 nm", [32, 64, 128, 256], lines("pcm-mushroom", "22nm", "none")),
            curve("PCM, 22 nm, gain", [32, 64, 128, 256], lines("pcm-mushroom", "22nm", "gain")),
            curve("techB, 22 nm", [32, 64, 128, 256], lines("techB", "22nm", "none")),
            curve("techB, 22 nm, gain", [32, 64, 128, 256], lines("techB", "22nm", "gain")),
        ],
        "bits": [wrong("binary-mnist"), wrong("binary-mnist-aware")],
        "spikes": [spikes("current"), spikes("events")],
    }


def draw_curves(
    curves: list[Curve], ax: Axes, place: Callable[[float], float] = float, **legend: Any
) -> None:
    """Lines with intervals."""
    for k, c in enumerate(curves):
        mean, low, high = np.array(c["y"]).T
        x = [place(v) for v in c["x"]]
        ax.errorbar(
            x,
            mean,
            yerr=np.maximum([mean - low, high - mean], 0),
            color=PALETTE[k],
            marker=MARKS[k],
            ms=4.5,
            lw=1.3,
            capsize=2,
            label=c["label"],
        )
    ax.set_ylabel("accuracy (%)")
    ax.yaxis.set_major_formatter(PercentFormatter(1, symbol="", decimals=0))
    ax.legend(fontsize=8, **legend)


def ticks(ax: Axes, at: list[float], labels: list[str]) -> None:
    """Name these places of the horizontal axis and no others."""
    ax.xaxis.set_major_locator(FixedLocator(at))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda v, i: labels[i] if i is not None else ""))


def draw(made: dict[str, list[Curve]]) -> None:
    """Write the figures."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(9.4, 7.2), layout="constrained")
        axes = figure.subplots(2, 2)
        draw_curves(
            made["age"], axes[0, 0], lambda s: float(np.log10(max(s, 1.0))), loc="lower right"
        )
        shown = [0.0, 60.0, 3600.0, 86400.0, 31557600.0, 315576000.0]
        ticks(
            axes[0, 0],
            [float(np.log10(max(s, 1.0))) for s in shown],
            ["as\nprogrammed", *(duration(s).replace(" ", "\n") for s in shown[1:])],
        )
        axes[0, 0].set_xlabel("age at 25 °C")
        draw_curves(made["temperature"], axes[0, 1])
        axes[0, 1].set_xlabel("temperature of ten years' storage (°C)")
        draw_curves(made["spread"], axes[1, 0])
        axes[1, 0].set_xlabel("variability of the cells (times that of the card)")
        draw_curves(made["adc"], axes[1, 1])
        axes[1, 1].set_xlabel("ADC resolution (bits), CMO/HfOx, 8-bit inputs")
        for letter, ax in zip("abcd", axes.flat, strict=True):
            ax.set_ylim(0, 1.03)
            ax.set_title(f"({letter})", loc="left", fontsize=10)
        axes[0, 0].yaxis.set_major_locator(MultipleLocator(0.05))
        axes[0, 0].set_ylim(0.8, 1.005)  # uncompensated PCM leaves it
        save(figure, "deep_cells.svg")

        figure = Figure(figsize=(9.4, 4.0), layout="constrained")
        left, right = figure.subplots(1, 2)
        above = {"loc": "lower left", "bbox_to_anchor": (0.0, 1.0), "ncol": 3, "columnspacing": 1.0}
        draw_curves(made["tile"], left, lambda n: float(np.log2(n)), **above)
        ticks(left, [5.0, 6.0, 7.0, 8.0], ["32", "64", "128", "256"])
        left.set_xlabel("rows and columns of a tile")
        left.set_ylim(0, 1.03)
        draw_curves(made["spikes"], right, lambda n: float(np.log2(n)), **above)
        ticks(right, [3.0, 4.0, 5.0, 6.0, 7.0, 8.0], ["8", "16", "32", "64", "128", "256"])
        right.set_xlabel("time steps, integrate-and-fire neurons, ideal cells")
        right.set_ylim(0, 1.03)
        save(figure, "deep_tiles.svg")

        figure = Figure(figsize=(6.4, 3.9), layout="constrained")
        ax = figure.subplots()
        draw_curves(made["bits"], ax)
        for rate, says in (
            (1e-4, "tolerated\nas published"),
            (4e-2, "with error-\naware training"),
        ):
            ax.axvline(rate, color="0.4", lw=1, ls="--")
            ax.annotate(says, (rate, 0.8), xytext=(-4, 0), textcoords="offset points",
                        fontsize=8, ha="right")  # fmt: skip
        ax.set_xscale("log")
        ax.set_xlabel("bit-error rate of the weights")
        ax.set_ylim(0.6, 1.0)
        save(figure, "deep_binary.svg")


def save(figure: Figure, name: str) -> None:
    """Write a figure beside the others, the same numbers to the same bytes."""
    FOLDER.mkdir(exist_ok=True)
    figure.savefig(FOLDER / name, metadata={"Date": None, "Creator": None}, facecolor="white")
    print(FOLDER / name)


def main() -> None:
    """Command line entry."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--numbers", type=Path, required=True, metavar="FILE")
    parser.add_argument("--only", choices=["evaluate", "draw"])
    args = parser.parse_args()
    warnings.simplefilter("ignore", UserWarning)  # beyond a model's range: the page says where
    if args.only != "draw":
        args.numbers.parent.mkdir(parents=True, exist_ok=True)
        args.numbers.write_text(json.dumps(numbers(), indent=1))
    if args.only != "evaluate":
        draw(json.loads(args.numbers.read_text()))


if __name__ == "__main__":
    main()
