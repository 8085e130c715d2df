"""What each phenomenon costs: bars, words and the rows of a table."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from reliability.campaign.spec import Study
from reliability.report.figures import PALETTE
from reliability.report.page import Figure, Table, canvas, svg
from reliability.report.words import age_title, percent

_KINDS = {
    "shapley": ("share of the loss (Shapley)", PALETTE[0]),
    "all_but_one": ("what its remedy would bring", PALETTE[1]),
    "alone": ("alone", PALETTE[5]),
}


def loss_bars(found: dict[str, Any], ax: Axes) -> None:
    """Loss of accuracy by each phenomenon in three ways, in points, with intervals of the means.

    Parameters
    ----------
    found : dict
        As ``summary.json`` has it.
    ax : Axes
    """
    rows = found["phenomena"]
    y = np.arange(len(rows))[::-1]
    height = 0.8 / len(_KINDS)
    for k, (kind, (label, colour)) in enumerate(_KINDS.items()):
        value, low, high = 100 * np.array([row[kind] for row in rows]).T
        at = y + (1 - k) * height
        ax.barh(at, value, height=0.92 * height, color=colour, label=label)
        ax.errorbar(
            value, at, xerr=[value - low, high - value], fmt="none", ecolor="0.25", lw=1, capsize=2
        )
    ax.axvline(0, color="0.2", lw=0.8)
    ax.set_yticks(y, [row["name"] for row in rows])
    ax.set_xlabel("loss of accuracy (points)")
    ax.grid(axis="y", visible=False)
    ax.legend(fontsize=8, loc="lower right")


def attribution_figures(study: Study, found: dict[str, Any], title: str) -> Iterator[Figure]:
    """Yield the figure of an attribution; ``title`` names the point of a sweep."""
    rows = len(found["phenomena"])
    anchor = "".join(c if c.isalnum() else "-" for c in title.lower())
    with canvas(8.6, 1.2 + 0.62 * rows) as (figure, axes):
        loss_bars(found, axes.flat[0])
        yield Figure(
            f"attribution{anchor and '-'}{anchor}",
            f"What each phenomenon costs{title and ': '}{title}",
            f"{_when(study)}. All {2**rows} combinations of the phenomena on the same "
            f"{found['chips']} chips and {found['images']} images; bars end at the mean, with its "
            f"{percent(found['confidence'], 0)} interval over chips. Shares add up to the loss of "
            f"{_points(found['loss'][:1])} points.",
            svg(figure, "Bars of the loss of accuracy by each phenomenon"),
        )


def attribution_lines(study: Study, found: dict[str, Any]) -> list[str]:
    """Say what costs most."""
    first, *others = found["phenomena"]
    rest = "; ".join(f"{row['name']} {_points(row['shapley'])}" for row in others)
    line = (
        f"{_when(study)} cells without any of these phenomena classify "
        f"{percent(found['accuracy_none'])}, with all of them {percent(found['accuracy_all'])}: "
        f"a loss of {_points(found['loss'])} points. Of it {first['name']} has "
        f"{_points(first['shapley'])} points"
    )
    return [line + (f"; {rest}." if rest else ".")]


def attribution_table(found: dict[str, Any], title: str, number: int) -> Table:
    """Return what each phenomenon costs, and their sum; ``title`` names the point of a sweep."""
    rows = [[row["name"], *(_points(row[kind]) for kind in _KINDS)] for row in found["phenomena"]]
    return Table(
        f"attribution-table{number}",
        f"What each phenomenon costs, in numbers{title and ': '}{title}",
        "Loss of accuracy in points, mean of chips with its interval. The share is the mean of "
        "what a phenomenon costs on top of others, over all orders in which they can be added; "
        "shares add up to the whole loss. Phenomena act together, so the other two columns do not.",
        ["phenomenon", *(label for label, _ in _KINDS.values())],
        [*rows, ["all of them", _points(found["loss"]), "", ""]],
    )


def _when(study: Study) -> str:
    a = study.attribution
    return age_title(
        {
            "time": a.time,
            "temperature": a.temperature,
            "reads": a.reads,
            "read_voltage": a.read_voltage,
        }
    )


def _points(ends: Sequence[float]) -> str:
    """Print a loss, with its interval where it has one, in points."""
    value, *rest = (f"{round(100 * end, 1) + 0.0:.1f}" for end in ends)  # no -0.0
    return f"{value} ({rest[0]} to {rest[1]})" if rest else value
