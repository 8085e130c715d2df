"""Make the figures of the README and the docs from finished runs of the shipped studies.

reliability run analyses/spirit.toml --out out/spirit
reliability run analyses/relaxation.toml --out out/relaxation
python docs/make_figures.py out/spirit out/relaxation
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import matplotlib
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import reliability as rel
from reliability.campaign.accuracy_interval import accuracy_of_draws
from reliability.campaign.selection import at_age, at_point
from reliability.campaign.store import read_results
from reliability.campaign.sweep import sweep_points
from reliability.report import figures
from reliability.report.points import point_text

HERE = Path(__file__).parent


def spirit(folder: Path, ax: Axes) -> None:
    """Accuracy of SPIRIT against time and temperature."""
    results = read_results(folder)
    study = rel.load_study(HERE.parent / "analyses" / "spirit.toml")
    figures.accuracy_against_time(
        results["chips"]["accuracy"],
        ax,
        draws=accuracy_of_draws(results),
        references={
            "ideal cells": float(results["ideal"]["accuracy"].mean()),
            "measured chip (IEDM 2019)": study.sensitivity.measured if study.sensitivity else 0,
        },
    )


def relaxation(folder: Path, ax: Axes) -> None:
    """Accuracy against time of two-level and multi-level weights under two relaxation models."""
    study = rel.load_study(HERE.parent / "analyses" / "relaxation.toml")
    results, points = read_results(folder), sweep_points(study)
    rest = {name: value for name, value in study.stress.end.items() if name != "time"}
    here = [at_age(at_point(results, point)["chips"]["accuracy"], rest) for point in points]
    labels = xr.DataArray([point_text(point) for point in points], dims="point", name="point")
    figures.points_against_time(xr.concat(here, labels, coords="minimal", compat="override"), ax)


def save(name: str, draw: Callable[[Path, Axes], None], folder: Path) -> None:
    """Draw one figure and write it as SVG, the same bytes for the same results."""
    with matplotlib.rc_context(figures.STYLE):
        figure = Figure(figsize=(8.6, 4.2), layout="constrained")
        draw(folder, figure.subplots())
        out = HERE / "figures" / f"{name}.svg"
        figure.savefig(out, metadata={"Date": None, "Creator": None}, facecolor="white")
    print(out)


def main() -> None:
    """Command line entry."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("spirit", type=Path, help="folder of the finished run")
    parser.add_argument("relaxation", type=Path, help="folder of the finished run")
    arguments = parser.parse_args()
    save("accuracy", spirit, arguments.spirit)
    save("relaxation", relaxation, arguments.relaxation)


if __name__ == "__main__":
    main()
