"""Figures of a deployed network that learns anew: accuracy against writes; draw 0 is nominal."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from reliability.report.architecture_figures import band
from reliability.report.figures import PALETTE
from reliability.report.learning_figures import names_of

LABELS = {
    "fine_tuning": "new images only",
    "replay": "new and stored images",
    "new_column": "new and stored images, new column only",
    "errors_only": "new and stored images, errors only",
    "transfer_at_end": "written at the end, largest first",
    "template": "template of the new class",
}
_ORDER = tuple(LABELS)


def accuracy_against_budget(data: xr.Dataset, ax: Axes) -> None:
    """Accuracy on old and new images together against the writes of all cells.

    Parameters
    ----------
    data : Dataset
        ``accuracy`` (draw, part, cells, rule, budget, chip), ``before`` (draw, part, cells, chip).
    ax : Axes
    """
    budgets = data["budget"].values
    accuracy = data["accuracy"].mean("chip").sel(part="all", cells="device") * 100
    for k, rule in enumerate(names_of(data["rule"])):
        colour, values = PALETTE[_ORDER.index(rule)], accuracy.sel(rule=rule)
        ax.plot(budgets, values.isel(draw=0), "o-", color=colour, ms=4, label=LABELS[rule])
        ends = band(values.isel(budget=-1))  # beside each other, behind the last budget
        ax.plot([budgets[-1] * 1.12 ** (k + 2)] * 2, ends, "-", color=colour, lw=2.5)
    before = float(data["before"].mean("chip").sel(part="all", cells="device")[0]) * 100
    ax.axhline(before, color="0.4", ls="--", lw=1)
    ax.annotate("before", (budgets[0], before), xytext=(0, -11), textcoords="offset points",
                fontsize=8)  # fmt: skip
    ax.set_xscale("log")
    ax.set_xlabel(f"writes, of {data.attrs['cells_of_chip']:,} cells")
    ax.set_ylabel("accuracy on old and new images (%)")
    ax.legend(fontsize=8, loc="center", bbox_to_anchor=(0.66, 0.35))


def old_against_new(data: xr.Dataset, ax: Axes) -> None:
    """Accuracy on the old images against that on the new ones as writes are spent.

    Parameters
    ----------
    data : Dataset
        ``accuracy`` and ``before``.
    ax : Axes
    """
    accuracy = data["accuracy"].mean("chip") * 100
    for rule in names_of(data["rule"]):
        colour = PALETTE[_ORDER.index(rule)]
        for cells, style, alpha in (("exact", ":", 0.7), ("device", "-", 1.0)):
            path = accuracy.sel(rule=rule, cells=cells).isel(draw=0)
            start = data["before"].mean("chip").sel(cells=cells).isel(draw=0) * 100
            x = np.append(start.sel(part="new"), path.sel(part="new"))
            y = np.append(start.sel(part="old"), path.sel(part="old"))
            ax.plot(x, y, style, color=colour, lw=1.5, alpha=alpha)
            ax.plot(x[1:-1], y[1:-1], ".", color=colour, ms=4, alpha=alpha)
            if cells == "device":
                ends = accuracy.sel(rule=rule, cells=cells).isel(budget=-1)
                spread = [band(ends.sel(part=part)) for part in ("new", "old")]
                error = [np.abs([[low - v], [high - v]]) for (low, high), v in
                         zip(spread, (x[-1], y[-1]), strict=True)]  # fmt: skip
                ax.errorbar(x[-1], y[-1], error[1], error[0], fmt="o", color=colour, ms=6, lw=1,
                            capsize=2, label=LABELS[rule])  # fmt: skip
    ax.set_xlabel("accuracy on the new images (%)")
    ax.set_ylabel("accuracy on the old images (%)")
    first = ax.legend(fontsize=8, loc="lower left")
    ax.add_artist(first)
    styles = [Line2D([], [], color="0.3", ls="-", label="cells of the card"),
              Line2D([], [], color="0.3", ls=":", label="exact cells")]  # fmt: skip
    ax.legend(handles=styles, fontsize=8, loc="center left")
