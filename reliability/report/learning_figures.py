"""Figures of learning on the chip: writes, lifetimes and accuracy of rules; draw 0 is nominal."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from reliability.report.architecture_figures import band
from reliability.report.figures import PALETTE

# What rules and their schedules of writes are called.
LABELS = {
    "backprop_every": "backpropagation, every image",
    "backprop_batch": "backpropagation, batches of 100",
    "backprop_threshold": "backpropagation, threshold",
    "backprop_hybrid": "backpropagation, volatile accumulation",
    "manhattan_batch": "signs (Manhattan), batches of 100",
    "delta_every": "delta rule, every image",
    "delta_batch": "delta rule, batches of 100",
    "delta_hybrid": "delta rule, volatile accumulation",
    "delta_two_level": "delta rule, volatile, two-level cells",
    "errors_every": "errors only, every image",
    "errors_two_level": "errors only, volatile, two-level cells",
    "stdp": "stochastic binary STDP",
}
_DAILY = 3652  # one training a day for ten years


def colour_of(rule: str) -> str:
    """Colour of the family that a rule belongs to."""
    families = ("backprop", "manhattan", "delta", "errors", "stdp")
    return PALETTE[families.index(rule.split("_")[0])]


def accuracy_against_writes(data: xr.Dataset, ax: Axes) -> None:
    """Accuracy of each rule against the writes of a cell in one training.

    Parameters
    ----------
    data : Dataset
        ``accuracy``, ``writes_mean``, ``writes_99`` (draw, rule, repeat).
    ax : Axes
    """
    nominal = data.isel(draw=0)
    for k, rule in enumerate(nominal["rule"].values.astype(str)):
        one = nominal.isel(rule=k)
        x, far = float(one["writes_mean"].mean()), float(one["writes_99"].mean())
        y = one["accuracy"].values * 100
        colour = colour_of(rule)
        ax.plot([x, far], [y.mean()] * 2, "-", color=colour, lw=1, alpha=0.6)
        ax.plot(far, y.mean(), "|", color=colour, ms=8)
        ax.errorbar(
            x, y.mean(), [[y.mean() - y.min()], [y.max() - y.mean()]], fmt="o", color=colour,
            capsize=3, ms=6,
        )  # fmt: skip
        ax.annotate(
            f"{k + 1}", (x, y.mean()), xytext=(0, 7), textcoords="offset points", fontsize=9,
            ha="center", color=colour, fontweight="bold",
        )  # fmt: skip
    rules = nominal["rule"].values.astype(str)
    handles = [
        Line2D([], [], marker="o", ls="", color=colour_of(rule),
               label=f"{k + 1}  {LABELS.get(rule, rule)}")
        for k, rule in enumerate(rules)
    ]  # fmt: skip
    ax.legend(handles=handles, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    ax.set_xscale("log")
    ax.set_xlabel("writes of a cell in one training (mean, to the 99th percentile)")
    ax.set_ylabel("accuracy on the test images (%)")


def trainings_until_failure(data: xr.Dataset, ax: Axes) -> None:
    """Trainings until 1 % of the cells have failed, of each rule, full and weak pulses.

    Parameters
    ----------
    data : Dataset
        ``trainings_to_share`` (draw, rule, levelling, pulse, share).
    ax : Axes
    """
    lives = data["trainings_to_share"].sel(share=0.01, levelling="none")
    rules = data["rule"].values.astype(str)
    for pulse, marker, offset in (("full", "o", 0.0), ("weak", "D", 0.0)):
        values = lives.sel(pulse=pulse)
        low, high = band(values)
        for k, rule in enumerate(rules):
            nominal = float(values.isel(draw=0, rule=k))
            if not np.isfinite(nominal):
                continue
            face = colour_of(rule) if pulse == "full" else "white"
            y = len(rules) - 1 - k + offset
            ax.plot([low[k], high[k]], [y, y], "-", color=colour_of(rule), lw=1.5)
            ax.plot(nominal, y, marker, color=colour_of(rule), mfc=face, ms=6)
    for x, text in ((1, "one training"), (_DAILY, "one a day\nfor ten years")):
        ax.axvline(x, color="0.4", ls="--", lw=1)
        ax.annotate(text, (x, len(rules) - 0.45), fontsize=8, ha="center", va="bottom")
    names = [LABELS.get(rule, rule) for rule in rules]
    ax.set_yticks(np.arange(len(rules))[::-1], names, fontsize=9)
    ax.set_ylim(-0.6, len(rules) - 0.4)
    ax.set_xscale("log")
    ax.set_xlabel("trainings until 1 % of the cells have failed")
    handles = [
        Line2D([], [], marker="o", color="0.3", ls="", label="full pulses"),
        Line2D([], [], marker="D", color="0.3", mfc="white", ls="", label="weak pulses"),
    ]
    ax.legend(handles=handles, fontsize=8, loc="upper right", bbox_to_anchor=(1.0, -0.12), ncols=2)


def what_levelling_buys(data: xr.Dataset, ax: Axes) -> None:
    """Trainings with wear-levelling over those without, by rule.

    Parameters
    ----------
    data : Dataset
        ``trainings_to_share`` and ``trainings_to_first``.
    ax : Axes
    """
    rules = data["rule"].values.astype(str)
    ways = [way for way in data["levelling"].values.astype(str) if way != "none"]
    lives = data["trainings_to_share"].sel(share=0.01, pulse="full")
    first = data["trainings_to_first"].sel(pulse="full")
    y = np.arange(len(rules))[::-1]
    for k, way in enumerate(ways):
        gain = lives.sel(levelling=way) / lives.sel(levelling="none")
        low, high = band(gain)
        shift = 0.22 * (1 - k)
        middle = gain.isel(draw=0).values
        error = np.maximum(0, [middle - low, high - middle])
        ax.barh(y + shift, middle, 0.2, color=PALETTE[k], label=f"over the {way}")
        ax.errorbar(middle, y + shift, xerr=error, fmt="none", ecolor="black", lw=1, capsize=2)
        start = (first.sel(levelling=way) / first.sel(levelling="none")).isel(draw=0).values
        ax.plot(start, y + shift, "k|", ms=7, label="first failed cell" if k == 0 else None)
    ax.axvline(1, color="0.3", lw=1)
    ax.set_yticks(y, [LABELS.get(rule, rule) for rule in rules], fontsize=9)
    ax.set_xlabel("trainings until 1 % have failed, levelled over not levelled")
    ax.set_xlim(left=0)
    ax.legend(fontsize=8)


def accuracy_as_cells_fail(data: xr.Dataset, ax: Axes) -> None:
    """Accuracy of a training on a chip of which cells have failed.

    Parameters
    ----------
    data : Dataset
        ``accuracy_failed`` (draw, aged, failed).
    ax : Axes
    """
    failed = data["failed"].values * 100
    x = np.where(failed > 0, failed, failed[1] / 3 if failed.size > 1 else 0.1)
    for rule in data["aged"].values.astype(str):
        values = data["accuracy_failed"].sel(aged=rule) * 100
        low, high = band(values)
        colour = colour_of(rule)
        style = "-" if rule.endswith(("every", "stdp")) else "--"
        ax.fill_between(x, low, high, color=colour, alpha=0.15, lw=0)
        ax.plot(x, values.isel(draw=0), f"o{style}", color=colour, ms=4, label=LABELS.get(rule))
    ax.set_xscale("log")
    ax.set_xticks(x, ["none", *(f"{share:g}" for share in failed[1:])])
    ax.minorticks_off()
    ax.set_xlabel("cells that have failed, those written most first (%)")
    ax.set_ylabel("accuracy after training (%)")
    ax.legend(fontsize=8)
