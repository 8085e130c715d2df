"""Make the figures of docs/coding.md and print their numbers.

python docs/make_coding.py
"""

from pathlib import Path

import matplotlib
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator, PercentFormatter

import reliability as rel
from reliability.report import figures
from reliability.statistics.crossed import mean_of_rows

LEADS = (1, 2, 5, 10, 20, 40, 80, 160, 320)
LENGTHS = (16, 64, 256, 1024, 4096, 16_384, 65_536)
IMAGES = 2000
NEURONS = {
    "as on the chip": rel.Neuron(),
    "threshold 0.5 instead of 4": rel.Neuron(threshold=0.5),
    "10 % leak per event": rel.Neuron(leak=0.1),
    "4 events of rest after a spike": rel.Neuron(refractory=4),
}

# Threshold and desensitization: plain, and what was best on training images.
THRESHOLDS = (6, 8, 10, 12, 14, 16, 18, 20, 24, 32, 48)
CODES = {
    "first spike": [rel.FirstSpike(t) for t in THRESHOLDS],
    "first spike, gain falls by 5 % an event": [
        rel.FirstSpike(t, 0.05) for t in (4, *THRESHOLDS[:-2])
    ],
}
CHIPS = 100


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


def ideal_codings(axis: Axes, network: str, codes: list[str]) -> None:
    """Draw accuracy against events per decision on ideal cells, and print it."""
    chosen = [code for name in codes for code in CODES[name]]
    leads = LEADS[:-2]
    r = rel.compare_codings(
        rel.load_network(network), delta_s=leads, first_spike=chosen, images=None, seed=1
    )
    axis.axhspan(r["sum_accuracy_low"], r["sum_accuracy_high"], color="0.9", lw=0)
    axis.axhline(r["sum_accuracy"], color="0.2", lw=1, ls="--", label="sums")
    curves = {"rate": (r["spikes"], *(r[f"accuracy{end}"] for end in ("", "_low", "_high")))}
    start = 0
    for name in codes:
        part = r.isel(first_spike=slice(start, start + len(CODES[name])))
        start += len(CODES[name])
        ends = (part[f"first_spike_accuracy{end}"] for end in ("", "_low", "_high"))
        curves[name] = (part["first_spike_spikes"], *ends)
    for k, (name, (events, value, low, high)) in enumerate(curves.items()):
        style = {"label": name, "marker": "os^"[k], "color": f"C{k}", "ms": 4, "lw": 1.2}
        axis.errorbar(events, value, np.abs([low - value, high - value]), capsize=2, **style)
        print(f"\n{network}, {name}")
        settings = leads if name == "rate" else [code.threshold for code in CODES[name]]
        for setting, *row in zip(
            settings, *map(np.asarray, (events, value, low, high)), strict=True
        ):
            print(f"| {setting} | {row[0]:.1f} | {row[1]:.1%} ({row[2]:.1%} to {row[3]:.1%}) |")
    print(f"sums {r['sum_accuracy'].item():.2%}")
    axis.set_xscale("log")
    axis.set_xlabel("input events per decision, mean")
    axis.set_ylabel("accuracy on ideal cells, 95 % interval")
    axis.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))


def on_chips(axis: Axes) -> None:
    """Draw the accuracy of chips with each coding, as programmed and aged, and print it."""
    card, net = rel.load_technology("oxram-130nm"), rel.load_network("spirit")
    chips = rel.sample_chips(card, net, chips=CHIPS, seed=1)
    aged = rel.age(chips, rel.MissionProfile.constant("10 years", "85 degC"))
    ways = {
        "weighted sums": rel.WeightedSum(),
        "rate,\nlead of 10": rel.RateCoding(10),
        "first spike,\nthreshold 14,\ngain falls": rel.FirstSpike(14, 0.05),
        "first spike,\nthreshold 16": rel.FirstSpike(16),
    }
    groups, ticks = [], []
    for name, way in ways.items():
        for label, population in (("as programmed", chips), ("10 years at 85 °C", aged)):
            r = rel.evaluate(net, population, images=IMAGES, seed=1, coding=way)
            a, events = r["accuracy"].values, r["spikes"].mean().item()
            _, _, high = mean_of_rows(a, r["wafer"].values)
            half = high - a.mean()
            print(f"{name!r} {label}: {a.mean():.1%} ± {half:.1%} over chips, spread "
                  f"{a.std(ddof=1):.1%}, {events:.0f} events")  # fmt: skip
            groups.append(a)
        ticks.append(name)
    at = [n // 2 + (n % 2 - 0.5) * 0.36 for n in range(len(groups))]
    boxes = axis.boxplot(
        groups, positions=at, widths=0.3, whis=(5, 95), showfliers=False, patch_artist=True,
        medianprops={"color": "black"},
    )  # fmt: skip
    for n, box in enumerate(boxes["boxes"]):
        box.set_facecolor(("C0", "C1")[n % 2])
    axis.set_xticks(range(len(ticks)), ticks, fontsize=8)
    axis.legend(boxes["boxes"][:2], ["as programmed", "10 years at 85 °C"], fontsize=8)
    axis.yaxis.set_major_locator(MultipleLocator(0.05))
    axis.set_ylabel("accuracy of chips (5, 25, 50, 75, 95 %)")
    axis.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))


def time_figure() -> None:
    """Make the figure of time coding."""
    with matplotlib.rc_context(figures.STYLE):
        figure = Figure(figsize=(11.5, 4.3), layout="constrained")
        digits, vowels, chips = figure.subplots(1, 3, width_ratios=(1, 1, 1.25))
        ideal_codings(digits, "spirit", list(CODES))
        ideal_codings(vowels, "vowels", list(CODES))
        on_chips(chips)
        digits.set_title("digits")
        vowels.set_title("spoken vowels")
        chips.set_title(f"digits on {CHIPS} chips of oxram-130nm")
        digits.set_ylim(0.45, 0.95)
        vowels.set_ylim(0.45, 1.0)
        handles, labels = digits.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower left", ncols=4, fontsize=9)
        out = Path(__file__).parent / "figures" / "time_coding.svg"
        figure.savefig(out, metadata={"Date": None, "Creator": None}, facecolor="white")
    print(out)


def main() -> None:
    """Command line entry."""
    time_figure()
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
        low, formal, high = (float(r[f"sum_accuracy{end}"]) for end in ("_low", "", "_high"))
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
