"""Make the figures of the README and the docs from a finished run of analyses/spirit.toml.

reliability run analyses/spirit.toml --out out/spirit
python docs/make_figures.py out/spirit
"""

import argparse
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

import reliability as rel
from reliability.campaign.store import read_results
from reliability.report import figures


def main() -> None:
    """Command line entry."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="folder of the finished run")
    folder = parser.parse_args().folder
    results = read_results(folder)
    study = rel.load_study(Path(__file__).parent.parent / "analyses" / "spirit.toml")
    with matplotlib.rc_context(figures.STYLE):
        figure = Figure(figsize=(8.6, 4.2), layout="constrained")
        figures.accuracy_against_time(
            results["chips"]["accuracy"],
            figure.subplots(),
            draws=results["draws"]["accuracy"],
            references={
                "ideal cells": float(results["ideal"]["accuracy"].mean()),
                "measured chip (IEDM 2019)": study.sensitivity.measured if study.sensitivity else 0,
            },
        )
        out = Path(__file__).parent / "figures" / "accuracy.svg"
        figure.savefig(out, metadata={"Date": None, "Creator": None}, facecolor="white")
    print(out)


if __name__ == "__main__":
    main()
