"""Make the figure of docs/characterize.md: measured cells of techB on what its card predicts.

python docs/make_fit_figure.py techB_relaxation.tsv.gz techB_bake.tsv.gz
"""

import argparse
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

import reliability as rel
from reliability.report import figures


def main() -> None:
    """Command line entry."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "files", type=Path, nargs="+", help="measured files that techB is fitted on"
    )
    data = [rel.read_measurements(file) for file in parser.parse_args().files]
    check = rel.posterior_predictive(data, rel.load_technology("techB"))
    aged, baked = (check["time"] > 0).values, (check["temperature"] > 323).values
    panels = [
        ("sigma", ~baked, "after programming"),
        ("correlation", ~baked, "after programming"),
        ("sigma", baked, "after bakes of 1.3 to 1.6 h"),
    ]
    with matplotlib.rc_context(figures.STYLE):
        figure = Figure(figsize=(11, 3.9), layout="constrained")
        for ax, (quantity, use, title) in zip(figure.subplots(1, 3), panels, strict=True):
            figures.predictive_check(check.isel(statistic=aged & use), ax, quantity=quantity)
            ax.set_title(title, fontsize=10)
        out = Path(__file__).parent / "figures" / "characterize.svg"
        figure.savefig(out, metadata={"Date": None, "Creator": None}, facecolor="white")
    print(out)


if __name__ == "__main__":
    main()
