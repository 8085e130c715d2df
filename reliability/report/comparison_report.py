"""Finished studies side by side as lines of text and as a report."""

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from reliability.campaign import read_study
from reliability.campaign.dotted import AGES
from reliability.campaign.spec import Study
from reliability.files import replace_text
from reliability.report.comparison_figures import comparison_figures
from reliability.report.comparison_words import (
    Row,
    at_end,
    condition,
    pair,
    place,
    quantity_of,
    subject,
    where,
)
from reliability.report.outputs import chapters_of
from reliability.report.outputs.architecture import value_and_range
from reliability.report.page import KeyFigure, Report, Section, Table
from reliability.report.points import value_text
from reliability.report.provenance import provenance_section
from reliability.report.render import save_report
from reliability.report.words import percent, typeset
from reliability.units import engineering

_AXES = {f"stress.{several}": name for name, (several, _) in AGES.items()}
_LISTED = 5  # points that only one study has


def compare_lines(told: dict[str, Any]) -> Iterator[str]:
    """Yield what `reliability.campaign.compare_studies` found as lines of text."""
    names = study_names(told)
    for name, one in zip(names, told["studies"], strict=True):
        yield f"{name}: {one['title']} ({one['folder']})"
    for row in told["differences"]:
        real = _significance(row)
        p = "" if row["p"] is None else f"; p = {row['p']:.2g}"
        yield (
            f"{pair(row, names)}, {subject(row, told['axes'])}: {_measured(row)}, {real} "
            f"({row['how']}{p})"
        )
    yield from _missing(told, names)


def study_names(told: dict[str, Any]) -> list[str]:
    """Short names of the studies: A, B, C ..."""
    return [chr(ord("A") + k % 26) + str(k // 26 or "") for k in range(len(told["studies"]))]


def write_comparison(
    told: dict[str, Any],
    folder: Path,
    *,
    formats: Sequence[str] = ("html",),
    template: str = "full",
) -> Path:
    """Write ``compare.json`` and the report.

    Parameters
    ----------
    told : dict
        Of `reliability.campaign.compare_studies`.
    folder : Path
        Made if it is not there.
    formats : sequence of {"html", "pdf"}
    template : str
        As `reliability.report.render.save_report` takes it.

    Returns
    -------
    Path
        The report.
    """
    folder.mkdir(parents=True, exist_ok=True)
    replace_text(folder / "compare.json", json.dumps(told, indent=1))
    names = study_names(told)
    read = [read_study(one["folder"])[:2] for one in told["studies"]]
    real = [row for row in told["differences"] if row["real"]]
    sure = percent(told["confidence"], 0)
    at = {tuple(row["point"].items()) for row in told["differences"]}
    over = f" at {len(at)} points of {' × '.join(told['axes'].values())}" if told["axes"] else ""
    statement = [
        f"{len(real)} of {len(told['differences'])} differences{over} are significant when all are "
        f"tested together at {sure} confidence.",
        *(_sentence(row, names, told["axes"])
          for row in sorted(real, key=lambda row: row["p"])[:3]),
        *_missing(told, names),
    ]  # fmt: skip
    notes = [f"{name}: {note}" for name, one in zip(names, told["studies"], strict=True)
             for note in (*one["notes"], *one["warnings"])]  # fmt: skip
    sections = [
        Section("studies", "Studies", tables=[
            _studies(told, names, [study for study, _ in read]), *_answers(told, names),
            *_settings(told, names),
        ]),
        Section("differences", "Differences", (
            "Paired: chips (or wafers) of studies with one seed have the same latent variables, so "
            "each is matched with itself. Unpaired: they are independent, and both variances count "
            "(Welch). Intervals are for the nominal cards and, where the images are the same, for "
            "these images; the uncertainty of the parameters is in the intervals of the studies.",
            *_of_draws(told),
            *(f"{how[0].upper()}{how[1:]}." for how in list(_ways(told))[:_LISTED]),
        ), list(comparison_figures(told, names, read)), [_differences(told, names)]),
        provenance_section({
            f"{name}, {key}": str(one[key]) for name, one in zip(names, told["studies"],
                                                                 strict=True)
            for key in ("folder", "spec_hash", "seed")
        } | {"command": "reliability compare "
             + " ".join(one["folder"] for one in told["studies"])}),
    ]  # fmt: skip
    report = Report(
        "Comparison of " + ", ".join(dict.fromkeys(one["title"] for one in told["studies"])),
        "Which differences between the studies are significant?", statement, sections,
        list(_key_figures(told, names)), warnings=notes,
    )  # fmt: skip
    return save_report(report, folder / "report.html", formats, template)


def _of_draws(told: dict[str, Any]) -> Iterator[str]:
    if any("name" in row for row in told["differences"]):
        yield (
            "Answers of architecture studies: the value is that of the nominal card and component "
            "parameters, the interval includes one more sample of them. Paired: sample k of both "
            "has the same parameters, so what is common cancels. Positive numbers are compared by "
            "their ratio."
        )


def _ways(told: dict[str, Any]) -> dict[str, None]:
    """Return how the differences were found, each way once."""
    return dict.fromkeys(row["how"] for row in told["differences"])


def _missing(told: dict[str, Any], names: list[str]) -> Iterator[str]:
    """Say which points of sweeps are not compared."""
    for k in range(len(names)):
        here = [row["point"] for row in told["missing"] if row["study"] == k]
        if here:
            points = list(dict.fromkeys(place(point, told["axes"]) for point in here))
            more = f" and {len(points) - _LISTED} more" if len(points) > _LISTED else ""
            yield f"{names[k]} has no point at {'; '.join(points[:_LISTED])}{more}."


def _key_figures(told: dict[str, Any], names: list[str]) -> Iterator[KeyFigure]:
    """Yield the largest difference of each study at the end of the mission."""
    for k in range(1, len(names)):
        own = [row for row in told["differences"] if row["study"] == k]
        rows = [row for row in at_end(own) if row["p"] is not None] or own
        first = [row for row in rows if quantity_of(row) == quantity_of(rows[0])]
        row = max(first, key=lambda row: (row["real"], _size(row)))
        at, real = where(row, told["axes"]), _significance(row)
        yield KeyFigure(
            f"{row['quantity']}, {pair(row, names)}", _difference(row),
            f"{_ends(row)} at {percent(told['confidence'], 0)}" if row["low"] is not None else "",
            f"{at}; {real}" if at else real,
        )  # fmt: skip


def _significance(row: Row) -> str:
    return "significant" if row["real"] else "not significant"


def _size(row: Row) -> float:
    """How large a difference is, or how far a ratio is from one."""
    value = row[row["measure"]]
    if value is None:
        return 0.0
    return abs(math.log(value)) if row["measure"] == "ratio" else abs(value)


def _sentence(row: Row, names: list[str], axes: dict[str, str]) -> str:
    what = subject(row, axes)
    return (
        f"{what[0].upper()}{what[1:]}: {pair(row, names)} is {_measured(row)[:-1]}; {row['how']})."
    )


def _studies(told: dict[str, Any], names: list[str], studies: list[Study]) -> Table:
    rows = []
    for name, one, study in zip(names, told["studies"], studies, strict=True):
        answers = [_of_points(one["points"])] if "points" in one else [
            line for chapter in chapters_of(study) for line in chapter.lines(one)]  # fmt: skip
        rows.append([name, one["title"], one["technology"], f"{one['seed']}",
                     f"{one.get('chips', '')}", "; ".join(answers)])  # fmt: skip
    return Table("studies-table", "Studies compared",
                 "Answers at the end of each study's own mission, with their whole uncertainty.",
                 ["study", "title", "technology", "seed", "chips", "answer"], rows)  # fmt: skip


def _settings(told: dict[str, Any], names: list[str]) -> Iterator[Table]:
    rows = [[row["key"], *(_setting(row["key"], v) for v in row["values"])]
            for row in told["settings"]]  # fmt: skip
    if rows:
        yield Table("settings", "Settings that differ", "Keys of the studies.", ["key", *names],
                    rows)  # fmt: skip


def _setting(key: str, value: Any) -> str:
    """Print a value of a study's key as engineers read it."""
    name = _AXES.get(key, key.replace("parameters.", "technology.", 1))
    if isinstance(value, list):
        return ", ".join(_setting(key, one) for one in value)
    if isinstance(value, dict):  # an entry of a list of tables
        return str(value.get("label") or value.get("name") or value)
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return "" if value is None else value_text(name, value) if number else str(value)


def _answers(told: dict[str, Any], names: list[str]) -> Iterator[Table]:
    """Yield the numbers of architecture studies side by side."""
    found = [one["architecture"] for one in told["studies"] if "architecture" in one]
    if len(found) < len(names):
        return
    each = {key: q["name"] for one in found for key, q in one["quantities"].items()}
    rows = [[name, *(value_and_range(one, key) for one in found)] for key, name in each.items()]
    yield Table(
        "answers", "Answers",
        "Nominal card and component parameters, with the interval of the sampled ones.",
        ["quantity", *names], rows,
    )  # fmt: skip


def _of_points(points: list[dict[str, Any]]) -> str:
    means = [point["accuracy"]["mean"] for point in points if "accuracy" in point]
    between = f", accuracy {percent(min(means))} to {percent(max(means))}" if means else ""
    return f"{len(points)} points{between}"


def _differences(told: dict[str, Any], names: list[str]) -> Table:
    when = any(condition(row) for row in told["differences"])
    rows = [
        [pair(row, names), row["quantity"],
         *(value_text(axis, row["point"][axis]) for axis in told["axes"]),
         *([condition(row)] if when else []),
         _value(row, row["first"]), _value(row, row["other"]), _difference(row), _ends(row),
         "" if row["p"] is None else f"{row['p']:.2g}", "yes" if row["real"] else "no",
         row["how"].partition(":")[0]]
        for row in told["differences"]
    ]  # fmt: skip
    return Table(
        "differences-table", "All differences",
        "Differences of fractions are in points (hundredths); ratios, after ×, are of the other "
        "over the first. p is two-sided, of one difference alone; significance is corrected for "
        "their number (Holm).",
        ["studies", "quantity", *told["axes"].values(), *(["condition"] if when else []),
         "first", "other", "difference", "interval", "p", "significant", "how"],
        rows,
    )  # fmt: skip


def _value(row: Row, value: float | None) -> str:
    if value is None:
        return "unbounded"
    if row["unit"] == "share":
        return percent(value, 2)
    if row["unit"] == "1":
        return typeset(f"{value:.4g}")
    return f"{value:.0f}" if row["unit"] == "lines" else engineering(value, row["unit"])


def _measured(row: Row) -> str:
    return f"{_difference(row)} ({_ends(row)})"


def _difference(row: Row) -> str:
    return _signed(row, row[row["measure"]])


def _ends(row: Row) -> str:
    if row["low"] is None:
        return "no interval"
    low, high = _signed(row, row["low"]), _signed(row, row["high"])
    unit = high.partition(" ")[2]
    return f"{low.removesuffix(' ' + unit)} to {high}" if unit else f"{low} to {high}"


def _signed(row: Row, value: float | None) -> str:
    if value is None:
        return "none"
    if row["measure"] == "ratio":
        return f"×{value:.3g}"
    if row["unit"] == "share":
        return f"{100 * value:+.2f} points"
    if row["unit"] == "1":
        return typeset(f"{value:+.3g}")
    if row["unit"] in ("lines", "K"):
        return f"{value:+.3g} {row['unit']}"
    return ("+" if value > 0 else "") + engineering(value, row["unit"])
