"""Make the figures of docs/crossbar.md (about two minutes on two cores).

python docs/make_crossbar_figures.py
python docs/make_crossbar_figures.py --only levels --format png --out /tmp
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure

import reliability as rel
from reliability.crossbar import crossbar_border, resistance_levels, size_map
from reliability.network import TiledNetwork, accuracy_on_tiles
from reliability.report import figures as draw
from reliability.report.size_report import typical_array

CARD = rel.load_technology("oxram-130nm")


def largest(figure: Figure) -> None:
    """Largest array against LRS resistance and line resistance."""
    axes = {"lrs_resistance": np.geomspace(3e3, 5e4, 5), "ratio": [20.0],
            "wire": np.geomspace(1, 30, 5)}  # fmt: skip
    sizes = size_map(CARD, axes, limit=0.3, max_size=256, uncertainty_draws=4)
    draw.largest_array_map(
        sizes.isel(ratio=0), figure.subplots(), x="lrs_resistance", y="wire", wanted=64
    )


def levels(figure: Figure) -> None:
    """Size against read energy of LRS resistance and ratio."""
    found = resistance_levels(
        CARD, [5e3, 10e3, 20e3], [10.0, 30.0, 100.0], limit=0.3, segment_resistance=3.0,
        max_size=256, uncertainty_draws=4,
    )  # fmt: skip
    draw.levels_pareto(found, figure.subplots())


def border(figure: Figure) -> None:
    """Most columns for each number of rows."""
    found = crossbar_border(
        CARD, [8, 16, 32, 64, 128], limit=0.3, node="130nm", max_size=512,
        uncertainty_draws=4,
    )  # fmt: skip
    draw.feasible_border(found, figure.subplots())


def voltages(figure: Figure) -> None:
    """Voltages of the lines of one array."""
    solved = typical_array(CARD, (96, 96), 1.0, 0)
    for ax, line in zip(figure.subplots(1, 2), ("word", "bit"), strict=True):
        draw.voltage_map(solved[f"{line}_line_voltage"], ax)
        ax.set_title(f"{line} lines", fontsize=10)


def accuracy(figure: Figure) -> None:
    """Accuracy that the SPIRIT network loses to its lines."""
    network = rel.load_network("spirit")
    ohms = [0.3, 1.0, 3.0, 10.0, 30.0]
    cases = {
        "one tile of 144 x 80, row by row": ((144, 80), "rows"),
        "one tile of 144 x 80, all rows": ((144, 80), "matrix"),
        "tiles of 32 x 32, all rows": ((32, 32), "matrix"),
    }
    found = {
        label: accuracy_on_tiles(
            TiledNetwork(network, reading, chips=4, images=1000),
            CARD,
            ohms,
            tile=tile,
            uncertainty_draws=6,
        )
        for label, (tile, reading) in cases.items()
    }
    for label, one in found.items():
        ends = zip(*(100 * one[f"lost_{k}"].values for k in ("mean", "low", "high")), strict=True)
        print(label, *("{:.1f} ({:.1f} to {:.1f})".format(*row) for row in ends), "points")
    draw.accuracy_against_resistance(found, figure.subplots())


FIGURES: dict[str, tuple[Callable[[Figure], None], tuple[float, float]]] = {
    "largest": (largest, (5.8, 4.4)),
    "levels": (levels, (6.4, 4.6)),
    "border": (border, (5.6, 4.4)),
    "voltages": (voltages, (9.0, 4.0)),
    "accuracy": (accuracy, (6.4, 4.4)),
}


def main() -> None:
    """Command line entry."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=FIGURES)
    parser.add_argument("--format", default="svg", choices=("svg", "png"))
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "figures")
    choice = parser.parse_args()
    for name, (make, size) in FIGURES.items():
        if choice.only in (None, name):
            with matplotlib.rc_context(draw.STYLE):
                figure = Figure(figsize=size, layout="constrained", dpi=150)
                make(figure)
                file = choice.out / f"crossbar_{name}.{choice.format}"
                metadata = {"Date": None, "Creator": None} if choice.format == "svg" else None
                figure.savefig(file, metadata=metadata, facecolor="white")
            print(file)


if __name__ == "__main__":
    main()
