"""The figures of a comparison: differences with their intervals, and the studies over time."""

from collections.abc import Iterator, Sequence
from textwrap import fill
from typing import Any, Literal

import numpy as np
import xarray as xr

from reliability.campaign.spec import Study
from reliability.report.comparison_words import Row, pair, subject
from reliability.report.figures.style import colour, log_axis, percent_axis
from reliability.report.outputs import chapters_of
from reliability.report.page import Figure, Numbers, canvas, svg
from reliability.report.sweep_overlays import sweep_overlays
from reliability.report.words import percent

_Read = tuple[Study, dict[str, xr.Dataset]]
_MOST = 7  # studies in one figure, of the palette
_MOST_ROWS = 40


def comparison_figures(
    told: dict[str, Any], names: list[str], read: Sequence[_Read]
) -> Iterator[Figure]:
    """Yield the figures of a comparison: differences, and the answers of the studies as curves.

    Parameters
    ----------
    told : dict
        Of `reliability.campaign.compare_studies`.
    names : list of str
        Short names of the studies.
    read : sequence of (Study, dict of str to Dataset)
        The studies and their results.
    """
    rows = told["differences"]
    if told["axes"]:
        yield from sweep_overlays(told, names, read[0][0])
        return
    if len(rows) <= _MOST_ROWS:
        if shares := [row for row in rows if row["unit"] == "share"]:
            yield _intervals(told, names, shares, "difference")
        if ratios := [row for row in rows if row["measure"] == "ratio" and row["p"] is not None]:
            yield _intervals(told, names, ratios, "ratio")
    read = read[:_MOST]
    common = [chapters_of(study) for study, _ in read]
    for chapter in common[0]:
        if all(chapter in chapters for chapters in common):
            yield from chapter.overlays(told, names, read)


def _intervals(
    told: dict[str, Any],
    names: list[str],
    rows: list[Row],
    measure: Literal["difference", "ratio"],
) -> Figure:
    """Draw one measure of all rows, each on a line of its own."""
    with canvas(8.6, 1.5 + 0.3 * len(rows)) as (figure, axes):
        ax = axes.flat[0]
        y = np.arange(len(rows))[::-1]
        for real, kind, label in ((True, "o", "significant"), (False, "x", "not significant")):
            here = np.array([row["real"] is real for row in rows])
            if not here.any():
                continue
            value, low, high = (
                np.array([row[key] for row in rows], float)[here]
                for key in (measure, "low", "high")
            )
            ends = np.maximum(np.nan_to_num(np.stack([value - low, high - value])), 0)
            ax.errorbar(value, y[here], xerr=ends, fmt=kind, ms=5, capsize=3, lw=1.2,
                        color=colour(0) if real else "0.35", label=label)  # fmt: skip
        lines = [f"{pair(row, names)}: {subject(row, told['axes'])}" for row in rows]
        ax.set_yticks(y, [fill(line, 48) for line in lines], fontsize=8)
        ax.set_ylim(-0.6, len(rows) - 0.4)
        if measure == "ratio":
            ax.axvline(1, color="0.2", lw=1)
            log_axis(ax.xaxis, [row[key] for row in rows for key in ("low", "high")])
            ax.set_xlabel("ratio")
        else:
            ax.axvline(0, color="0.2", lw=1)
            percent_axis(ax.xaxis, "difference in points")
            ax.set_xlabel("difference (points)")
        ax.grid(axis="y", visible=False)
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
        each = "Each study over the first" if measure == "ratio" else "Each study less the first"
        return Figure(
            f"{measure}-figure", f"{measure.capitalize()}s and their intervals",
            f"{each}, with the {percent(told['confidence'], 0)} interval.",
            svg(figure, f"{measure.capitalize()}s between the studies with their intervals"),
            Numbers(
                ["studies", "quantity", measure, "low", "high"],
                [[pair(row, names), subject(row, told["axes"]), row[measure], row["low"],
                  row["high"]] for row in rows],
            ),
        )  # fmt: skip
