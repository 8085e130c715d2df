"""Learning on the chip: accuracy against writes, and training runs to failure.

Draw 0 is nominal, bands and bars hold 95 % of the draws.
"""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from reliability.report.figures.style import (
    LABEL,
    axes_of,
    colour,
    interval_of_draws,
    log_axis,
    nominal_and_draws,
)
from reliability.units import grouped

# What rules and their schedules of writes are called.
_RULES = {
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
_FAMILIES = ("backprop", "manhattan", "delta", "errors", "stdp")
_ANEW = {  # rules by which a deployed network learns
    "fine_tuning": "new images only",
    "replay": "new and stored images",
    "new_column": "new and stored images, new column only",
    "errors_only": "new and stored images, errors only",
    "transfer_at_end": "written at the end, largest first",
    "template": "template of the new class",
}
RULES = _RULES | _ANEW  # of all studies, for the words of reports
_DAILY = 3652  # one run a day for ten years


def _names(coordinate: xr.DataArray) -> list[str]:
    return [str(name) for name in coordinate.values]


def _colour_of(rule: str) -> str:
    """Colour of the family that a rule belongs to."""
    return colour(_FAMILIES.index(rule.split("_")[0]))


def _colour_anew(rule: str) -> str:
    return colour(list(_ANEW).index(rule))


def accuracy_against_writes(data: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Accuracy of each rule against the writes of a cell in one training run.

    Parameters
    ----------
    data : Dataset
        ``accuracy_of_run``, ``writes_mean``, ``writes_99`` (draw, rule, repeat).
    ax : Axes, optional
        A new figure without.
    """
    ax = axes_of(ax)
    nominal = data.isel(draw=0)
    rules = _names(nominal["rule"])
    for k, rule in enumerate(rules):
        one, own = nominal.isel(rule=k), _colour_of(rule)
        x, far = float(one["writes_mean"].mean()), float(one["writes_99"].mean())
        y = one["accuracy_of_run"].values * 100
        mean = y.mean()
        ax.plot([x, far], [mean, mean], "-", color=own, lw=1, alpha=0.6)
        ax.plot(far, mean, "|", color=own, ms=8)
        ax.errorbar(x, mean, [[mean - y.min()], [y.max() - mean]], fmt="o", color=own, capsize=3,
                    ms=6)  # fmt: skip
        ax.annotate(f"{k + 1}", (x, mean), xytext=(-7, 0), textcoords="offset points", fontsize=9,
                    ha="right", va="center", color=own, fontweight="bold")  # fmt: skip
    handles = [
        Line2D([], [], marker="o", ls="", color=_colour_of(rule), label=f"{k + 1}  {_RULES[rule]}")
        for k, rule in enumerate(rules)
    ]
    ax.legend(handles=handles, loc="center left", bbox_to_anchor=(1.0, 0.5))
    log_axis(ax.xaxis, nominal[["writes_mean", "writes_99"]].to_dataarray())
    ax.set_xlim(left=0.4 * ax.get_xlim()[0])  # room for the first number
    ax.set_xlabel("writes of a cell in one training run (mean, to the 99th percentile)")
    ax.set_ylabel("accuracy on the test images (%)")
    return ax


def runs_until_failure(data: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Training runs until 1 % of the cells have failed, of each rule, full and weak pulses.

    Parameters
    ----------
    data : Dataset
        ``runs_to_failure`` (draw, rule, levelling, pulse, fraction).
    ax : Axes, optional
        A new figure without.
    """
    ax = axes_of(ax)
    lives = data["runs_to_failure"].sel(fraction=0.01, levelling="none")
    rules = _names(data["rule"])
    for pulse, mark in (("full", "o"), ("weak", "D")):
        values = lives.sel(pulse=pulse)
        low, high = interval_of_draws(values)
        for k, rule in enumerate(rules):
            nominal, y, own = (
                float(values.isel(draw=0, rule=k)),
                len(rules) - 1 - k,
                _colour_of(rule),
            )
            if np.isfinite(nominal):
                ax.plot([low[k], high[k]], [y, y], "-", color=own, lw=1.5)
                ax.plot(nominal, y, mark, color=own, mfc=own if pulse == "full" else "white", ms=6)
    for x, text in ((1, "one run"), (_DAILY, "one a day\nfor ten years")):
        ax.axvline(x, color="0.4", ls="--", lw=1)
        ax.annotate(text, (x, len(rules) - 0.45), fontsize=8, ha="center", va="bottom")
    ax.set_yticks(np.arange(len(rules))[::-1], [_RULES[rule] for rule in rules])
    ax.set_ylim(-0.6, len(rules) - 0.4)
    log_axis(ax.xaxis, lives)
    ax.set_xlabel("training runs until 1 % of the cells have failed")
    handles = [
        Line2D([], [], marker="o", color="0.3", ls="", label="full pulses"),
        Line2D([], [], marker="D", color="0.3", mfc="white", ls="", label="weak pulses"),
    ]
    ax.legend(handles=handles, loc="upper right", bbox_to_anchor=(1.0, -0.12), ncols=2)
    return ax


def levelling_gain(data: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Training runs with wear levelling relative to those without, by rule.

    Parameters
    ----------
    data : Dataset
        ``runs_to_failure`` (draw, rule, levelling, pulse, fraction) and ``runs_to_first_failure``
        (draw, rule, levelling, pulse).
    ax : Axes, optional
        A new figure without.
    """
    ax = axes_of(ax)
    rules = _names(data["rule"])
    lives = data["runs_to_failure"].sel(fraction=0.01, pulse="full")
    first = data["runs_to_first_failure"].sel(pulse="full")
    y = np.arange(len(rules))[::-1]
    for k, way in enumerate(way for way in _names(data["levelling"]) if way != "none"):
        gain = lives.sel(levelling=way) / lives.sel(levelling="none")
        low, high = interval_of_draws(gain)
        at, middle = y + 0.22 * (1 - k), gain.isel(draw=0).values
        ax.barh(at, middle, 0.2, color=colour(k), label=f"over the {way}")
        ax.errorbar(middle, at, xerr=np.maximum(0, [middle - low, high - middle]), fmt="none",
                    ecolor="black", lw=1, capsize=2)  # fmt: skip
        start = (first.sel(levelling=way) / first.sel(levelling="none")).isel(draw=0).values
        ax.plot(start, at, "k|", ms=7, label="first failed cell" if k == 0 else None)
    ax.axvline(1, color="0.3", lw=1)
    ax.set_yticks(y, [_RULES[rule] for rule in rules])
    ax.set_xlabel("gain in training runs to 1 % failed (times)")
    ax.set_xlim(left=0)
    ax.grid(axis="y", visible=False)
    ax.legend()
    return ax


def accuracy_against_failed_cells(data: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Accuracy of a training run on a chip of which cells have failed.

    Parameters
    ----------
    data : Dataset
        ``accuracy_failed`` (draw, failed) of one rule, the first of the fractions 0.
    ax : Axes, optional
        A new figure without.
    """
    ax = axes_of(ax)
    failed = data["failed"].values * 100
    x = np.where(failed > 0, failed, failed[1] / 3 if failed.size > 1 else 0.1)
    family = _FAMILIES.index(str(data["rule"].item()).split("_")[0])
    nominal_and_draws(x, data["accuracy_failed"] * 100, ax, family, marker="o")
    ax.set_xscale("log")
    ax.set_xticks(x, ["none", *(f"{part:g}" for part in failed[1:])])
    ax.minorticks_off()
    ax.set_xlabel("failed cells (%)")
    ax.set_ylabel("accuracy after training (%)")
    return ax


def accuracy_against_budget(data: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Accuracy of a deployed network that learns anew, on old and new images, against its writes.

    Parameters
    ----------
    data : Dataset
        ``accuracy_of_chip`` (draw, part, cells, rule, budget, chip), ``before`` (draw, part,
        cells, rule, chip), the attribute ``cells_of_chip``.
    ax : Axes, optional
        A new figure without.
    """
    ax = axes_of(ax)
    budgets = data["budget"].values
    accuracy = data["accuracy_of_chip"].mean("chip").sel(part="all", cells="device") * 100
    for k, rule in enumerate(_names(data["rule"])):
        own, values = _colour_anew(rule), accuracy.sel(rule=rule)
        ax.plot(budgets, values.isel(draw=0), "o-", color=own, ms=4, label=_ANEW[rule])
        ends = interval_of_draws(values.isel(budget=-1))  # beside each other, behind the last
        ax.plot([budgets[-1] * 1.12 ** (k + 2)] * 2, ends, "-", color=own, lw=2.5)
    start = data["before"].mean("chip").sel(part="all", cells="device")
    before = 100 * float(start.isel(draw=0, rule=0))
    ax.axhline(before, color="0.4", ls="--", lw=1)
    ax.annotate("before", (budgets[0], before), va="top", **(LABEL | {"xytext": (0, -2)}))
    log_axis(ax.xaxis, budgets)
    ax.set_xlabel(f"writes of {grouped(data.attrs['cells_of_chip'])} cells")
    ax.set_ylabel("accuracy on old and new images (%)")
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=2)
    return ax


def old_against_new(data: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Accuracy on the old images against that on the new ones as writes are spent, by one rule.

    Parameters
    ----------
    data : Dataset
        ``accuracy_of_chip`` (draw, part, cells, budget, chip), ``before`` (draw, part, cells,
        chip), the coordinate ``rule``.
    ax : Axes, optional
        A new figure without.
    """
    ax = axes_of(ax)
    accuracy, before = (data[name].mean("chip") * 100 for name in ("accuracy_of_chip", "before"))
    kinds = {"exact": (colour(1), "exact cells"), "device": (colour(0), "cells of the card")}
    for cells, (own, label) in kinds.items():
        path, start = accuracy.sel(cells=cells), before.sel(cells=cells).isel(draw=0)
        x, y = (np.append(start.sel(part=part), path.sel(part=part).isel(draw=0))
                for part in ("new", "old"))  # fmt: skip
        ax.plot(x, y, ".-", color=own, lw=1.5, ms=4, label=label)
        if cells == "device":
            x_error, y_error = (
                np.abs(interval_of_draws(path.isel(budget=-1).sel(part=part))[:, None] - end)
                for part, end in (("new", x[-1]), ("old", y[-1]))
            )
            ax.errorbar(x[-1], y[-1], y_error, x_error, fmt="o", color=own, ms=6, lw=1, capsize=2)
    ax.set_title(_ANEW[str(data["rule"].item())])
    ax.set_xlabel("accuracy on the new images (%)")
    ax.set_ylabel("accuracy on the old images (%)")
    ax.legend(loc="lower left")
    return ax
