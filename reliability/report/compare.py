"""Finished studies side by side as lines of text and as a report."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from reliability.campaign import read_study
from reliability.campaign.selection import at_age
from reliability.campaign.spec import Study
from reliability.cycling import count_failures
from reliability.files import replace_text
from reliability.report import figures as draw
from reliability.report.figures.style import colour, log_axis, marker, percent_axis
from reliability.report.page import Figure, KeyFigure, Report, Section, Table, canvas, svg
from reliability.report.provenance import provenance_section
from reliability.report.render import save_report
from reliability.report.words import age_title, percent
from reliability.units import engineering

_Read = tuple[Study, dict[str, xr.Dataset]]
_MOST = 7  # studies in one figure, of the palette


def compare_lines(told: dict[str, Any]) -> Iterator[str]:
    """Yield what `reliability.campaign.compare_studies` found as lines of text."""
    names = study_names(told)
    for name, one in zip(names, told["studies"], strict=True):
        yield f"{name}: {one['title']} ({one['folder']})"
    for row in told["differences"]:
        real = "real" if row["real"] else "not told from none"
        yield (
            f"{names[row['study']]} less {names[row['to']]}, {row['quantity']} "
            f"{_condition(row)}: {_difference(row)} ({_ends(row)}), {real} "
            f"({row['how']}; p = {row['p']:.2g})"
        )


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
    statement = [
        f"{len(real)} of {len(told['differences'])} differences are real: told from none when all "
        f"are tested together at {sure}.",
        *(_sentence(row, names) for row in sorted(real, key=lambda row: row["p"])[:3]),
    ]
    notes = [f"{name}: {note}" for name, one in zip(names, told["studies"], strict=True)
             for note in (*one["notes"], *one["warnings"])]  # fmt: skip
    sections = [
        Section("studies", "Studies", tables=[_studies(told, names), *_settings(told, names)]),
        Section("differences", "Differences", (
            "Paired: chips (or wafers) of studies with one seed share their latent variables, so "
            "each is matched with itself. Unpaired: they share nothing, and both variances count "
            "(Welch). Intervals are for the cards as they stand and, where the images are the "
            "same, for these images; what is uncertain in the parameters is in the intervals of "
            "the studies.",
        ), list(_figures(told, names, read)), [_differences(told, names)]),
        provenance_section({
            f"{name}, {key}": str(one[key]) for name, one in zip(names, told["studies"],
                                                                 strict=True)
            for key in ("folder", "spec_hash", "seed")
        } | {"to make it again": "reliability compare "
             + " ".join(one["folder"] for one in told["studies"])}),
    ]  # fmt: skip
    report = Report(
        "Comparison of " + ", ".join(one["title"] for one in told["studies"]),
        "Which differences between the studies are real?", statement, sections,
        list(_key_figures(told, names)), warnings=notes,
    )  # fmt: skip
    return save_report(report, folder / "report.html", formats, template)


def _key_figures(told: dict[str, Any], names: list[str]) -> Iterator[KeyFigure]:
    for k in range(1, len(names)):
        own = [row for row in told["differences"] if row["study"] == k]
        row = own[0] if own[0]["quantity"] != "accuracy" else next(
            (r for r in own if r["condition"] == _end(told, own)), own[-1])  # fmt: skip
        yield KeyFigure(
            f"{row['quantity']}, {names[k]} less {names[0]}", _difference(row),
            f"{_ends(row)} at {percent(told['confidence'], 0)}",
            f"{_condition(row)}; {'real' if row['real'] else 'not told from none'}",
        )  # fmt: skip


def _end(told: dict[str, Any], rows: list[dict[str, Any]]) -> dict[str, float]:
    """Return the longest common age at the first temperature."""
    ages = [row["condition"] for row in rows if row["quantity"] == "accuracy"]
    coolest = min(age["temperature"] for age in ages)
    return max((age for age in ages if age["temperature"] == coolest),
               key=lambda age: (age["time"], age["reads"], age["inferences"]))  # fmt: skip


def _sentence(row: dict[str, Any], names: list[str]) -> str:
    return (
        f"{row['quantity'].capitalize()} {_condition(row)}: {names[row['study']]} less "
        f"{names[row['to']]} is {_difference(row)} ({_ends(row)}; {row['how']})."
    )


def _studies(told: dict[str, Any], names: list[str]) -> Table:
    rows = []
    for name, one in zip(names, told["studies"], strict=True):
        answers = []
        if "accuracy" in one:
            a = one["accuracy"]
            answers.append(
                f"accuracy {percent(a['mean'])} ({percent(a['low'])} to {percent(a['high'])})"
            )
        answers += [
            f"{percent(e['fraction_failed'], 2)} of cells failed at "
            f"{engineering(e['temperature_k'], 'K')} ({percent(e['low'], 2)} to "
            f"{percent(e['high'], 2)})"
            for e in one.get("endurance", [])
        ]
        if "crossbar" in one:
            c = one["crossbar"]
            answers.append(f"array {c['rows']} × {c['columns']} ({c['low']:.0f} to "
                           f"{c['high']:.0f} lines)")  # fmt: skip
        rows.append([name, one["title"], one["technology"], f"{one['seed']}",
                     f"{one.get('chips', '')}", "; ".join(answers)])  # fmt: skip
    return Table("studies-table", "The studies", "Answers at the end of each study's own mission, "
                 "with all that is uncertain in them.",
                 ["study", "title", "technology", "seed", "chips", "answer"], rows)  # fmt: skip


def _settings(told: dict[str, Any], names: list[str]) -> Iterator[Table]:
    rows = [[row["key"], *("" if v is None else str(v) for v in row["values"])]
            for row in told["settings"]]  # fmt: skip
    if rows:
        yield Table("settings", "In what they differ", "Keys of the studies.", ["key", *names],
                    rows)  # fmt: skip


def _differences(told: dict[str, Any], names: list[str]) -> Table:
    rows = [
        [f"{names[row['study']]} less {names[row['to']]}", row["quantity"], _condition(row),
         _value(row, row["first"]), _value(row, row["other"]), _difference(row), _ends(row),
         f"{row['p']:.2g}", "yes" if row["real"] else "no", row["how"]]
        for row in told["differences"]
    ]  # fmt: skip
    return Table(
        "differences-table", "All differences",
        "Differences of shares are in points (hundredths). p is two-sided, of one difference "
        "alone; real is corrected for their number (Holm).",
        ["studies", "quantity", "condition", "first", "other", "difference", "interval", "p",
         "real", "how"],
        rows,
    )  # fmt: skip


def _value(row: dict[str, Any], value: float) -> str:
    return f"{value:.0f}" if row["quantity"] == "largest array" else percent(value, 2)


def _difference(row: dict[str, Any]) -> str:
    return _signed(row, row["difference"])


def _ends(row: dict[str, Any]) -> str:
    low, high = _signed(row, row["low"]), _signed(row, row["high"])
    return f"{low.partition(' ')[0]} to {high}"


def _signed(row: dict[str, Any], value: float) -> str:
    lines = row["quantity"] == "largest array"
    return f"{value:+.0f} lines" if lines else f"{100 * value:+.2f} points"


def _condition(row: dict[str, Any]) -> str:
    at = row["condition"]
    if "time" in at:
        title = age_title(at)
        return title[0].lower() + title[1:]
    if "cycles" in at:
        return f"by {at['cycles']:.3g} cycles at {engineering(at['temperature'], 'K')}"
    return "of each"


def _figures(told: dict[str, Any], names: list[str], read: Sequence[_Read]) -> Iterator[Figure]:
    rows = [row for row in told["differences"] if row["quantity"] != "largest array"]
    if rows:
        yield _difference_figure(told, names, rows)
    read = read[:_MOST]
    if all("accuracy" in study.outputs for study, _ in read):
        yield from _accuracy_figures(told, names, read)
    if all("endurance" in study.outputs for study, _ in read):
        yield _endurance_figure(names, read)


def _difference_figure(
    told: dict[str, Any], names: list[str], rows: list[dict[str, Any]]
) -> Figure:
    with canvas(8.6, 1.5 + 0.3 * len(rows)) as (figure, axes):
        ax = axes.flat[0]
        y = np.arange(len(rows))[::-1]
        for real, kind, label in ((True, "o", "real"), (False, "x", "not told from none")):
            here = np.array([row["real"] is real for row in rows])
            if not here.any():
                continue
            value, low, high = (
                np.array([row[key] for row in rows])[here] for key in ("difference", "low", "high")
            )
            ends = np.nan_to_num(np.stack([value - low, high - value]))
            ax.errorbar(value, y[here], xerr=ends, fmt=kind, ms=5, capsize=3, lw=1.2,
                        color=colour(0) if real else "0.35", label=label)  # fmt: skip
        ax.axvline(0, color="0.2", lw=1)
        ax.set_yticks(y, [f"{names[row['study']]} less {names[row['to']]}: {row['quantity']} "
                          f"{_condition(row)}" for row in rows], fontsize=8)  # fmt: skip
        ax.set_ylim(-0.6, len(rows) - 0.4)
        percent_axis(ax.xaxis, "difference in points")
        ax.set_xlabel("difference (points)")
        ax.grid(axis="y", visible=False)
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
        return Figure(
            "difference-figure", "Differences and their intervals",
            f"Each study less the first, with the {percent(told['confidence'], 0)} interval.",
            svg(figure, "Differences between the studies with their intervals"),
        )  # fmt: skip


def _accuracy_figures(
    told: dict[str, Any], names: list[str], read: Sequence[_Read]
) -> Iterator[Figure]:
    ages = [row["condition"] for row in told["differences"] if row["quantity"] == "accuracy"]
    end = _end(told, told["differences"])
    rest = {key: value for key, value in end.items() if key != "time"}
    times = sorted({age["time"] for age in ages})
    curves = []
    for study, results in read:
        here = {k: v for k, v in rest.items() if v in _values(study, k)}
        curve = at_age(results["chips"]["accuracy"], here).load()
        curves.append(curve.sel(time=[t for t in times if t in study.ages.times]))
    if len(times) > 1 and all(curve["time"].equals(curves[0]["time"]) for curve in curves):
        with canvas(8.6, 4.8) as (figure, axes):
            draw.points_against_time(curves, names[: len(curves)], axes.flat[0])
            yield Figure(
                "accuracy", "Accuracy against time",
                "Mean of the chips of each study (line) and 5 to 95 % of them (band), at "
                f"{engineering(end['temperature'], 'K')}.",
                svg(figure, "Accuracy against time of each study"),
            )  # fmt: skip
    with canvas(7.6, 4.4) as (figure, axes):
        ax = axes.flat[0]
        for k, (name, curve) in enumerate(zip(names, curves, strict=False)):
            x = np.sort(curve.sel(time=end["time"]).values.ravel())
            share = (np.arange(x.size) + 0.5) / x.size
            ax.plot(x, share, marker(k) + "-", ms=3.5, lw=1, color=colour(k), label=name)
        percent_axis(ax.xaxis, "accuracy of a chip")
        percent_axis(ax.yaxis, "chips below")
        ax.legend(title="study")
        yield Figure(
            "chips", "Accuracy of the chips",
            f"Each point is a chip. {age_title(end)}.",
            svg(figure, "Cumulative distribution of the accuracy of the chips of each study"),
        )  # fmt: skip


def _values(study: Study, name: str) -> tuple[float, ...]:
    return {key: values for key, values, _ in study.ages.axes}[name]


def _endurance_figure(names: list[str], read: Sequence[_Read]) -> Figure:
    first = read[0][0].endurance
    common = [t for t in first.temperatures
              if all(t in study.endurance.temperatures for study, _ in read)]  # fmt: skip
    temperature = max(common or first.temperatures)
    with canvas(8.6, 4.6) as (figure, axes):
        ax = axes.flat[0]
        shown = []
        for k, (name, (study, results)) in enumerate(zip(names, read, strict=False)):
            if temperature not in study.endurance.temperatures:
                continue
            at = count_failures(results["endurance"].load()).sel(temperature=temperature)
            n, share = at["cycles"].values, at["fraction_failed"].values
            seen = share > 0
            ax.fill_between(n, at["fraction_low"], at["fraction_high"], color=colour(k),
                            alpha=0.15, lw=0)  # fmt: skip
            ax.plot(n[seen], share[seen], color=colour(k), label=name)
            shown.append(n)
        log_axis(ax.xaxis, np.concatenate(shown))
        ax.set_yscale("log")
        ax.set_xlabel("SET/RESET cycles")
        ax.set_ylabel("fraction of cells failed")
        ax.legend(title="study")
        return Figure(
            "endurance", "Cells failed against cycles",
            f"At {engineering(temperature, 'K')}, with the 95 % interval of all wafers of each "
            "study.",
            svg(figure, "Fraction of cells failed against cycles of each study"),
        )  # fmt: skip
