"""Architecture in a study: the nominal card and components, then cards and components that are
drawn."""

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import xarray as xr

from reliability import architecture
from reliability.architecture import Components, load_components
from reliability.architecture.learning.incremental import incremental_checks
from reliability.architecture.learning.learning import learning_checks
from reliability.architecture.logic.area import area_border
from reliability.architecture.logic.streams import stream_crossings
from reliability.campaign.draw_differences import difference_of_draws
from reliability.campaign.frame import Point, StudyFrame
from reliability.campaign.kind import Group, Kind, Read, Results, Row, Task, cut
from reliability.campaign.outputs.architecture_options import AnyOptions
from reliability.campaign.quantities import unit_in
from reliability.campaign.selection import at_point
from reliability.campaign.sweep import sweep_points
from reliability.errors import InputError
from reliability.random import stream
from reliability.statistics.means import nominal_and_drawn
from reliability.technology import Technology

_ROUNDING = 1e-9  # relative; a smaller difference of two draws is none

_STUDIES: dict[str, Callable[..., xr.Dataset]] = {
    "area": architecture.area,
    "energy": architecture.energy,
    "hierarchy": architecture.hierarchy,
    "incremental": architecture.incremental,
    "learning": architecture.learning,
    "streams": architecture.streams,
    "tiers": architecture.tiers,
}

# What only several points of a sweep tell, added where the axes that it needs are swept.
_OF_SWEEP: dict[str, Callable[[xr.Dataset], xr.Dataset]] = {
    "area": area_border,
    "incremental": incremental_checks,
    "learning": learning_checks,
    "streams": stream_crossings,
}


def components_of(study: StudyFrame) -> Components:
    """Return the component parameters of a study, read once."""
    options = study.options("architecture")
    found: Components = study.known(("components", options.model_dump_json()),
                                    options.load_components)  # fmt: skip
    return found


def run_draws(study: StudyFrame, task: Task) -> xr.Dataset:
    """Compute some draws of an architecture study; draw 0 is the card and the components as they
    are."""
    options, technology = study.options("architecture"), study.load_technology()
    nominal = components_of(study)
    parts = []
    for k in range(task.first, task.first + task.count):
        card, components, seed = technology, nominal, study.seed
        if k > 0:  # with a seed of its own, or all draws would share their luck
            card, components, seed = _drawn(technology, nominal, study.seed, k)
        part = _STUDIES[options.study](card, components, **options.arguments, seed=seed)
        del part.attrs["seed"]  # the study has it
        parts.append(part)
    draw = np.arange(task.first, task.first + task.count)
    return xr.concat(
        parts, xr.DataArray(draw, dims="draw", name="draw"), data_vars="all", coords="minimal",
        compat="override", join="override", combine_attrs="override",
    )  # fmt: skip


@lru_cache(maxsize=1024)
def _drawn(
    technology: Technology, components: Components, seed: int, draw: int
) -> tuple[Technology, Components, int]:
    """Card, components and seed of a draw; kept, because all points of a sweep have the same."""
    own = int(stream(seed, "architecture", draw).integers(2**63))
    return technology.drawn(seed, draw), components.drawn(seed, draw), own


def on_axes(study: StudyFrame, data: xr.Dataset) -> xr.Dataset:
    """Give each axis of a grid a dimension of its own, and add what several points tell together.

    The dimension of ``architecture.node`` is ``node``. Without a sweep, or where its design is not
    a grid, the data stay as they are.
    """
    if not study.sweep or not study.is_grid:
        return data
    points = sweep_points(study)
    values = {short_name(axis.name): list(dict.fromkeys(point[axis.name] for point in points))
              for axis in study.sweep}  # fmt: skip
    units = {short_name(axis.name): unit_in(type(study), axis.name) or "1" for axis in study.sweep}
    data = data.drop_vars("point", errors="ignore")
    data = data.rename({axis.name: short_name(axis.name) for axis in study.sweep})
    several = len(values) > 1
    data = (data.set_index(point=list(values)).unstack("point") if several
            else data.swap_dims(point=next(iter(values))))  # fmt: skip
    data = data.sel(values)
    data = data.assign_coords({n: (n, data[n].values, {"units": units[n]}) for n in values})
    add = _OF_SWEEP.get(study.options("architecture").study)
    return add(data) if add else data


def short_name(axis: str) -> str:
    """Return the dimension of an axis: the last part of its name."""
    return axis.rpartition(".")[2]


def headline_point(study: StudyFrame) -> Point:
    """Return the point of the answer: the study's own values, else the first of the axis."""
    points = sweep_points(study)
    own = {axis.name: getattr(study.options("architecture"), short_name(axis.name), None)
           for axis in study.sweep}  # fmt: skip
    listed = {name: [point[name] for point in points] for name in own}
    return {name: value if value in listed[name] else listed[name][0]
            for name, value in own.items()}  # fmt: skip


def architecture_answer(study: StudyFrame, results: Results) -> dict[str, Any]:
    """Return what ``summary.json`` says of a point: each headline number and check, with interval.

    Of a sweep whose axes are a grid it is that of `headline_point`, and along each axis that of
    all its values.
    """
    data = results["architecture"].load()
    if not study.sweep or not study.is_grid:
        point = sweep_points(study)[0]
        return _answer(study, at_point({"it": data}, point)["it"] if study.sweep else data)
    data, point = on_axes(study, data), headline_point(study)
    at = {short_name(name): value for name, value in point.items()}
    along = {
        name: [{"value": value, "quantities": _answer(study, data.sel(at | {name: value}))
                ["quantities"]} for value in data[name].values.tolist()]
        for name in at
    }  # fmt: skip
    labels = {axis.name: axis.label or axis.name for axis in study.sweep}
    return {"point": point, "labels": labels, **_answer(study, data.sel(at)), "along": along}


def _answer(study: StudyFrame, data: xr.Dataset) -> dict[str, Any]:
    quantities = {
        str(name): interval(data[name], study.confidence)
        | {"unit": data[name].attrs["units"], "name": data[name].attrs["long_name"]}
        for name in np.atleast_1d(data.attrs["headline"])
        if data[name].dims == ("draw",)
    }
    answer: dict[str, Any] = {
        "study": study.options("architecture").study,
        "draws": data.sizes["draw"] - 1,
        "confidence": study.confidence,
        "quantities": quantities,
    }
    if "check" in data.dims:
        answer["checks"] = list(checks(data, study.confidence))
    return answer


def interval(values: xr.DataArray, confidence: float) -> dict[str, float | None]:
    """Return the nominal value and the interval of the drawn ones (none where none were drawn).

    Parameters
    ----------
    values : DataArray (draw)
        Draw 0 is nominal.
    confidence : float

    Returns
    -------
    dict
        ``value``, ``low``, ``high``; None where they are not finite.
    """
    drawn = values.size > 1
    low, high = nominal_and_drawn(values, confidence) if drawn else (None, None)
    found = {"value": values.values[0], "low": low, "high": high}
    return {k: float(v) if v is not None and np.isfinite(v) else None for k, v in found.items()}


def checks(data: xr.Dataset, confidence: float) -> Iterator[dict[str, Any]]:
    """Yield each check against a published chip: published, model with its interval, ratio."""
    for k in range(data.sizes["check"]):
        one = data.isel(check=k)
        if np.isnan(one["model"].values[0]):
            continue  # it takes several points of a sweep
        model = interval(one["model"], confidence)
        yield {
            "check": str(one["check"].item()),
            "unit": str(one["unit"].item()),
            "published": float(one["published"][0]),
            "model": model["value"],
            "model_low": model["low"],
            "model_high": model["high"],
            "ratio": float(one["ratio"][0]),
            "source": str(one["source"].item()),
        }


def _tasks(study: StudyFrame, point: int) -> Iterator[Task]:
    options = study.options("architecture")
    cards = 1 + (study.uncertainty.draws if study.uncertainty else 0)
    return cut("architecture", point, cards, options.draws_per_task, options.work)


def _check(study: StudyFrame) -> None:
    try:
        components_of(study)
    except InputError as error:
        raise InputError(f"architecture: {error}") from None
    technology = study.load_technology()
    for name in study.options("architecture").needs:
        if name not in technology:
            raise InputError(f"technology: {technology.name} has no {name}, which the study needs")


def _fingerprints(study: StudyFrame) -> Iterator[str]:
    yield components_of(study).fingerprint


# --- comparison


def _compare(first: Read, other: Read, confidence: float) -> Iterator[Row]:
    """Compare the numbers that are the answer of an architecture study, over its draws.

    Numbers that are positive are compared by their ratio, of which the logarithm is tested.
    """
    (a, x), (b, y) = first, other
    paired = a.seed == b.seed and _drawn_from(a) == _drawn_from(b)
    data = [results["architecture"] for results in (x, y)]
    answers = [list(map(str, np.atleast_1d(d.attrs["headline"]))) for d in data]
    for name in (name for name in answers[0] if name in answers[1]):
        unit, values = data[0][name].attrs["units"], [d[name].values for d in data]
        fraction = name.startswith("accuracy")
        relative = unit != "K" and not fraction and min(v.min() for v in values) > 0
        nominal = [float(v[0]) for v in values]
        found, how = difference_of_draws(
            [v[1:] for v in values], paired, relative, confidence, "card and components"
        )
        yield {
            "quantity": data[0][name].attrs["long_name"], "name": name, "condition": {},
            "unit": "share" if fraction else unit, "first": nominal[0], "other": nominal[1],
            "measure": "ratio" if relative else "difference", "paired": paired, "how": how,
            **found,
            **({"ratio": nominal[1] / nominal[0]} if relative
               else {"difference": nominal[1] - nominal[0]}),
        }  # fmt: skip


def _drawn_from(study: StudyFrame) -> tuple[str, str]:
    """Card and components, of whose uncertainty the draws are."""
    options = study.options("architecture")
    components = study.known(("components", options.components),
                             lambda: load_components(options.components))  # fmt: skip
    return study.named_technology(study.technology).fingerprint, components.fingerprint


def _apart(a: StudyFrame, b: StudyFrame) -> str:
    mine, other = (study.options("architecture").study for study in (a, b))
    if mine == other:
        return ""
    return f"architecture studies of {mine} and of {other}, expected the same"


KIND = Kind(
    table=AnyOptions,
    default=None,
    groups={"architecture": Group("draw", run_draws)},
    tasks=_tasks,
    check=_check,
    answer=lambda study, results: {"architecture": architecture_answer(study, results)},
    answer_of_sweep=lambda study, results: {"architecture": architecture_answer(study, results)},
    compare=_compare,
    apart=_apart,
    fingerprints=_fingerprints,
)
