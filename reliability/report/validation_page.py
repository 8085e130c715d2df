"""The page of blind predictions, in Markdown: what was predicted and what was measured."""

from collections.abc import Sequence

import numpy as np

from reliability.units import engineering
from reliability.validation import Prediction, Row, summary

_INTRODUCTION = """# Blind validation

Each section predicts measurements that were not used for its fit: other cells, later times, a hotter bake, another chip. The predicted interval is the 90 % interval of what the measurement was predicted to show; it includes the uncertainty of the fitted parameters and the scatter of as many cells, chips or images as were measured. A measured value inside it is a hit. Rows stay when they miss.

This page is made by `reliability validate --out out/validation --page docs/validation.md` from the files in `analyses/validation`. To add a row for your own technology, write such a file and name it: `reliability validate my_bakes.toml --out out/mine`. Predictions whose data are not on the machine say so; `--data FOLDER` says where they are.
"""  # noqa: E501 - one line per paragraph


_STATISTICS = {"q05": "5 % quantile", "q95": "95 % quantile", "sigma": "standard deviation"}


def validation_page(predictions: Sequence[tuple[str, Prediction]], rows: Sequence[Row]) -> str:
    """Return the page of some predictions (name and file) and their rows."""
    parts = [_INTRODUCTION, *_overview(predictions, rows)]
    for name, asked in predictions:
        own = [row for row in rows if row.prediction == name]
        parts += [f"## {asked.title}", f"Fitted: {asked.fitted}. Source: {asked.source}."]
        parts += [_table(own)] if any(row.hit is not None for row in own) else [
            f"Not predicted here: {own[0].note}."
        ]  # fmt: skip
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _overview(predictions: Sequence[tuple[str, Prediction]], rows: Sequence[Row]) -> list[str]:
    found = summary(rows)
    lines = ["| prediction | rows | inside the 90 % interval | median absolute relative error |",
             "|---|---|---|---|"]  # fmt: skip
    for name, asked in predictions:
        own = [row for row in rows if row.prediction == name and row.hit is not None]
        hits = sum(bool(row.hit) for row in own)
        errors = [abs(row.relative_error) for row in own if row.relative_error is not None]
        lines.append(
            f"| {asked.title} | {len(own)} | {hits} ({100 * hits / len(own):.0f} %) | "
            f"{100 * float(np.median(errors)):.0f} % |"
            if own and errors
            else f"| {asked.title} | 0 | not predicted here | |"
        )
    if not found["rows"]:
        return ["## Summary", "\n".join(lines)]
    bias = float(found["bias"])
    side = "above" if bias > 0 else "below"
    return [
        "## Summary",
        f"{found['hits']} of {found['rows']} measured values ({100 * found['coverage']:.0f} %) lie "
        "inside their 90 % interval. Of 100 measured values, "
        f"{50 + 50 * abs(bias):.0f} lie {side} the predicted median; 50 would without bias.",
        "\n".join(lines),
    ]


def _table(rows: Sequence[Row]) -> str:
    lines = ["| quantity | predicted | 90 % interval | measured | relative error | |",
             "|---|---|---|---|---|---|"]  # fmt: skip
    for row in rows:
        if row.hit is None:
            continue
        numbers = (row.predicted, row.low, row.high, row.measured)
        predicted, low, high, measured = (_number(x, row.unit) for x in numbers)
        if row.error is not None:
            measured += f" ± {_number(row.error, row.unit)}"
        relative = row.relative_error
        lines.append(
            f"| {_words(row.name)} | {predicted} | {low} to {high} | {measured} | "
            f"{'' if relative is None else f'{100 * relative:+.0f} %'} | "
            f"{'hit' if row.hit else 'miss'} |"
        )
    return "\n".join(lines)


def _words(name: str) -> str:
    """Print the name of a row, its statistic in words."""
    statistic, comma, rest = name.partition(", ")
    return f"{_STATISTICS.get(statistic, statistic)}{comma}{rest}"


def _number(x: float | None, unit: str) -> str:
    if x is None:
        return ""
    if unit == "fraction":
        return f"{100 * x:.1f} %"
    if unit == "cells":
        return f"{x:.0f}"
    return engineering(x, unit) if unit not in ("", "1") else f"{x:.3g}"
