"""The search of a study: front, hypervolume, parallel coordinates, table, and the chosen design."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from reliability.campaign.design_sensitivity import sobol_of_designs
from reliability.campaign.fronts import recommended_design
from reliability.campaign.search import FLOORS
from reliability.campaign.spec import Study
from reliability.campaign.sweep import search_space
from reliability.files import replace_text
from reliability.report import figures as draw
from reliability.report.designs_section import (
    cost_name,
    limit_words,
    objective_value,
)
from reliability.report.figures.pareto_figures import parallel_axis, reading_text
from reliability.report.page import Figure, Section, Table, canvas, numbers_of, svg
from reliability.report.points import Finished, axis_label, point_text, value_text
from reliability.report.provenance import study_toml
from reliability.report.words import percent

CHOSEN = "recommended.toml"
_MOST_NAMED = 10  # designs of the front that carry their names


def has_search(finished: Finished) -> bool:
    """Whether the study searched among its designs."""
    return "front" in finished.summary


def search_statement(finished: Finished) -> Iterator[str]:
    """Say of the front how many designs it has, or what was reached of limits that none meets."""
    summary = finished.summary
    count = len(summary["evaluated"])
    if summary["front"]:
        many = len(summary["front"])
        yield (f"{many} of {count} designs computed {'is' if many == 1 else 'are'} on the Pareto "
               "front.")  # fmt: skip
    for row in summary["best_reached"]:
        words = limit_words(row["limit"])
        ends = f"{words.value(row['low'])} to {words.value(row['high'])}"
        sign = "≤" if row["sense"] == "most" else "≥"
        yield (
            f"No design meets {words.quantity} {sign} {words.value(row['wanted'])}; the best of "
            f"{count} reaches {words.value(row['value'])} ({ends})."
        )


def search_section(finished: Finished) -> Section:
    """Return figures and table of a search."""
    study, summary = finished.study, finished.summary
    assert study.search is not None
    text = [
        f"{len(summary['evaluated'])} designs were computed in generations of "
        f"{study.search.population}, proposed by "
        + ("NSGA-II" if study.search.method == "nsga2" else "a tree-structured Parzen estimator")
        + " (Optuna) with the acceptance limits as constraints; all designs share their random "
        "numbers. On the front: no other design that meets the limits is at least as good in every "
        "objective and better in one."
    ]
    for chips in study.search.stages:
        gone = sum(one.get("stopped_after_chips") == chips for one in summary["evaluated"])
        text.append(
            f"{gone} design{' was' if gone == 1 else 's were'} stopped after {chips} of "
            f"{study.population.chips} chips: the interval of a limit was beyond it, or another "
            "design that meets every limit was better in every objective by whole intervals."
        )
    figures = [*_fronts(finished), *_growth(finished), *_parallel(finished)]
    return Section("search", "Search", text, figures, [_table(finished), *_influence(finished)])


def _designs(finished: Finished) -> tuple[list[dict[str, Any]], np.ndarray]:
    summary = finished.summary
    chosen = [one["design"] for one in summary["front"]]
    every = summary["evaluated"]
    return every, np.array([one["design"] in chosen for one in every])


def _fronts(finished: Finished) -> Iterator[Figure]:
    """Draw the first objective against each other."""
    every, front = _designs(finished)
    objectives = every[0]["objectives"]
    named = front.sum() <= _MOST_NAMED
    names = [point_text(one["design"]) if on and named else ""
             for one, on in zip(every, front, strict=True)]  # fmt: skip
    for k in range(1, len(objectives)):
        data = xr.Dataset({"front": ("design", front)}, {"name": ("design", names)})
        for place, key in ((0, "x"), (k, "y")):
            own = [one["objectives"][place] for one in every]
            attrs = {"long_name": _name(finished.study, place), "direction": own[0]["direction"],
                     "units": _unit(own[0])}  # fmt: skip
            floor = FLOORS.get(own[0]["unit"], -np.inf)  # beyond it, drawn at the edge
            data[key] = ("design", [max(one["value"], floor) for one in own], attrs)
            if any(one["low"] < one["high"] for one in own):
                for end in ("low", "high"):
                    data[f"{key}_{end}"] = ("design", [max(one[end], floor) for one in own])
        with canvas(8.2, 5.0) as (figure, axes):
            draw.pareto(data, axes.flat[0], x="x", y="y")
            title = f"Pareto front: {_name(finished.study, k)} against {_name(finished.study, 0)}"
            yield Figure(
                "front" if k == 1 else f"front-{k}", title,
                f"Every design computed, with its {percent(finished.study.confidence, 0)} interval "
                "where the quantity has one. Step: what the front reaches.",
                svg(figure, title), numbers_of(data),
            )  # fmt: skip


def _name(study: Study, place: int) -> str:
    assert study.search is not None
    one = study.search.objective[place]
    return one.label or cost_name(one.name)


def _unit(objective: dict[str, Any]) -> str:
    return {"ppm": "1e-6"}.get(objective["unit"], objective["unit"]) or "1"


def _growth(finished: Finished) -> Iterator[Figure]:
    volume = finished.summary["hypervolume"]
    if not any(volume):
        return
    data = xr.DataArray(volume, coords={"evaluation": np.arange(1, len(volume) + 1)},
                        name="hypervolume")  # fmt: skip
    with canvas(7.6, 3.8) as (figure, axes):
        draw.hypervolume_growth(data, axes.flat[0])
        yield Figure(
            "hypervolume", "Hypervolume against designs computed",
            "Volume of objectives that the designs so far dominate, of the box from the best to a "
            "tenth beyond the worst of all designs that count. Level: more designs would add "
            "little.",
            svg(figure, "Hypervolume against designs computed"), numbers_of(data),
        )  # fmt: skip


def _parallel(finished: Finished) -> Iterator[Figure]:
    every, front = _designs(finished)
    study = finished.study
    labels = {axis.name: axis_label(axis) for axis in study.sweep}
    data = xr.Dataset(coords={"front": ("design", front)})
    for name, space in search_space(study).items():
        values = [one["design"][name] for one in every]
        texts = space.values and [value_text(name, value) for value in values]
        order = [value_text(name, value) for value in space.values]
        data[name] = ("design", texts or values, {"long_name": labels[name], "order": order})
    for k, one in enumerate(every[0]["objectives"]):
        data[f"objective {k}"] = (
            "design",
            np.maximum(
                [each["objectives"][k]["value"] for each in every],
                FLOORS.get(one["unit"], -np.inf),
            ),
            {"long_name": _name(study, k), "units": _unit(one)},
        )  # fmt: skip
    with canvas(9.2, 4.6) as (figure, axes):
        draw.parallel_coordinates(data, axes.flat[0])
        yield Figure(
            "parallel", "Designs in parallel coordinates",
            "A line for each design computed, over its choices and its objectives.",
            svg(figure, "Designs in parallel coordinates"), numbers_of(data.reset_coords("front")),
            _interactive(data),
        )  # fmt: skip


def _interactive(data: xr.Dataset) -> dict[str, Any]:
    """What ``brush.js`` takes: axes with the levels that designs have on them, rows of levels."""
    front, axes, columns = data["front"].values, [], []
    for values in data.data_vars.values():
        places, ticks = parallel_axis(values)
        levels, first, level = np.unique(places, return_index=True, return_inverse=True)
        category = values.dtype.kind not in "fiu"
        unit = str(values.attrs.get("units", "1"))
        texts = [str(v) if category else reading_text(float(v), unit) for v in values.values[first]]
        columns.append(level.tolist())
        axes.append({
            "name": values.attrs["long_name"], "category": category, "levels": levels.tolist(),
            "texts": texts, "ticks": [[float(at), text] for at, text in ticks],
        })  # fmt: skip
    return {
        "axes": axes, "rows": [list(row) for row in zip(*columns, strict=True)],
        "front": front.tolist(), "order": _table_order(front), "table": "front-table",
    }  # fmt: skip


def _table_order(front: np.ndarray) -> list[int]:
    """Designs of the table, those on the front first."""
    return [*np.flatnonzero(front).tolist(), *np.flatnonzero(~front).tolist()]


def _table(finished: Finished) -> Table:
    every, front = _designs(finished)
    rows = []
    for k in _table_order(front):
        one = every[k]
        cells = [value_text(name, value) for name, value in one["design"].items()]
        cells += map(objective_value, one["objectives"])
        gone = one.get("stopped_after_chips")
        said = f"no, stopped after {gone} chips" if gone else "yes" if front[k] else "no"
        rows.append([*cells, one["outcome"], said])
    labels = {axis.name: axis_label(axis) for axis in finished.study.sweep}
    return Table(
        "front-table", "Designs computed",
        "Those on the front first; limits: whether the intervals of the design meet every limit.",
        [*(labels[name] for name in every[0]["design"]),
         *(_name(finished.study, k) for k in range(len(every[0]["objectives"]))),
         "limits", "on the front"],
        rows,
    )  # fmt: skip


def _influence(finished: Finished) -> Iterator[Table]:
    """What each objective depends on: Sobol indices of a surface through the designs."""
    every, study = finished.summary["evaluated"], finished.study
    space = search_space(study)
    labels = {axis.name: axis_label(axis) for axis in study.sweep}
    rows = []
    for k, one in enumerate(every[0]["objectives"]):
        values = np.array([each["objectives"][k]["value"] for each in every])
        values = np.maximum(values, FLOORS.get(one["unit"], -np.inf))
        log = values.min() > 0 and values.max() > 30 * values.min()
        values = np.log10(values) if log else values
        found = sobol_of_designs(
            [each["design"] for each in every], values, space, study.seed, study.confidence
        )
        if found is None:
            continue
        for name in sorted(space, key=lambda n: -found.total[n][0]):
            rows.append([
                f"{'logarithm of ' if log else ''}{_name(study, k)}", labels[name],
                _index(found.first[name]),
                _index(found.total[name]) if found.interactions else "too few designs",
                percent(found.explained, 0),
            ])  # fmt: skip
    if rows:
        yield Table(
            "influence", "Sensitivity of the objectives to the choices",
            "Sobol indices of a quadratic surface through the designs computed, its choices "
            "uniform over their ranges: the fraction of the variance of an objective from a choice "
            f"alone (first order) and with its interactions (total), with "
            f"{percent(study.confidence, 0)} intervals of the surface's coefficients. Variance "
            "explained is that of designs left out; below about 70 % indices and intervals are "
            "rough.",
            ["objective", "choice", "first order", "total", "variance explained"], rows,
        )  # fmt: skip


def _index(found: tuple[float, float, float]) -> str:
    value, low, high = (100 * each for each in found)
    return f"{value:.0f} % ({low:.0f} to {high:.0f})"


def write_chosen(finished: Finished, folder: Path) -> None:
    """Write the recommended design as a study of its own, ready to run; nothing without one."""
    study, design = finished.study, recommended_design(finished.summary)
    if design is None:
        return
    rest = tuple(axis for axis in study.sweep if axis.name not in design)
    chosen = study.at(design).model_copy(
        update={"title": f"{study.title}: recommended design", "sweep": rest}
    )
    replace_text(folder / CHOSEN, study_toml(chosen) + "\n")
