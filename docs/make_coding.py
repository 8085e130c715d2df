"""Make the figure of docs/coding.md and print its numbers.

python docs/make_coding.py
"""

from pathlib import Path

import matplotlib
import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

import reliability as rel
from reliability.report import figures

LEADS = (1, 2, 5, 10, 20, 40, 80, 160, 320)
LENGTHS = (16, 64, 256, 1024, 4096, 16_384, 65_536)
IMAGES = 2000
NEURONS = {
    "as on the chip": rel.Neuron(),
    "threshold 0.5 instead of 4": rel.Neuron(threshold=0.5),
    "10 % leak per event": rel.Neuron(leak=0.1),
    "4 events of rest after a spike": rel.Neuron(refractory=4),
}


def compare() -> dict[str, xr.Dataset]:
    """Return the comparison of each curve."""
    net = rel.load_network("spirit")
    curves = {}
    for label, neuron in NEURONS.items():
        curves[label] = rel.compare_codings(
            net, delta_s=LEADS, spike_limit=LENGTHS[-1], images=IMAGES, neuron=neuron, seed=1
        )
    fixed = [
        rel.compare_codings(net, delta_s=[10**6], spike_limit=n, images=IMAGES, seed=1)
        for n in LENGTHS
    ]
    curves["as on the chip, fixed number of events"] = xr.concat(
        fixed, "delta_s", data_vars="minimal"
    )
    return curves


def main() -> None:
    """Command line entry."""
    curves = compare()
    with matplotlib.rc_context(figures.STYLE):
        figure = Figure(figsize=(9.0, 4.6), layout="constrained")
        left, right = figure.subplots(1, 2, sharex=True)
        for k, (label, r) in enumerate(curves.items()):
            style = {"label": label, "marker": "osD^v"[k], "ms": 4, "lw": 1.2, "capsize": 2}
            for axis, value, low, high in (
                (left, r["accuracy"], r["accuracy_low"], r["accuracy_high"]),
                (right, 1 - r["equal"], 1 - r["equal_high"], 1 - r["equal_low"]),
            ):
                axis.errorbar(r["spikes"], value, np.abs([low - value, high - value]), **style)
            print(
                f"\n{label}\n| events per image | accuracy | decided differently |\n|---|---|---|"
            )
            for point in range(r.sizes["delta_s"]):
                row = r.isel(delta_s=point)
                print(
                    f"| {float(row['spikes']):.0f} | {float(row['accuracy']):.1%} | "
                    f"{1 - float(row['equal']):.2%} ({1 - float(row['equal_high']):.2%} to "
                    f"{1 - float(row['equal_low']):.2%}) |"
                )
        low, formal, high = (float(r[f"formal_accuracy{end}"]) for end in ("_low", "", "_high"))
        print(f"sums: {formal:.2%} ({low:.2%} to {high:.2%})")
        left.axhspan(low, high, color="0.88", lw=0)
        left.axhline(formal, color="0.2", lw=1, ls="--")
        left.text(0.02, formal + 0.01, "sums", transform=left.get_yaxis_transform(), fontsize=9)
        left.set_ylabel("accuracy, 95 % interval")
        left.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        right.set_yscale("log")
        right.set_ylabel("decided differently by spikes and sums,\n95 % interval")
        right.yaxis.set_major_formatter(PercentFormatter(1))
        for axis in (left, right):
            axis.set_xscale("log")
            axis.set_xlabel("input events per image, mean")
        handles, labels = left.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=9)
        out = Path(__file__).parent / "figures" / "coding.svg"
        figure.savefig(out, metadata={"Date": None, "Creator": None}, facecolor="white")
    print(out)


if __name__ == "__main__":
    main()
