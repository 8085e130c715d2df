"""What is there of a study of which tasks failed: its whole points, or the parts that are done."""

from pathlib import Path

import numpy as np
import xarray as xr

from reliability.campaign import integrity, store
from reliability.campaign.kind import Task
from reliability.campaign.outputs import groups, kinds_of
from reliability.campaign.plan import make_plan
from reliability.campaign.selection import at_point
from reliability.campaign.spec import Study
from reliability.campaign.sweep import sweep_points
from reliability.errors import RunError

Results = dict[str, xr.Dataset]
_PARTS = ("chip", "wafer", "draw")  # dimensions of which some can be left out
_FEWEST = 2  # of them, that an interval can be computed of
_NAMED = 5  # tasks that a note names


def read_remains(study: Study, folder: Path) -> tuple[Study, Results, list[str]]:
    """Read the results of a study without what is missing.

    Of a sweep, points with missing tasks are left out; without one, the chips, wafers or sampled
    cards of these tasks.

    Returns
    -------
    study : Study
        Without the points that are left out.
    results : dict of str to Dataset
        The groups of its store.
    notes : list of str
        What is left out; empty if nothing is.

    Raises
    ------
    RunError
        Too little is there for any answer.
    """
    results, marker = store.read_results(folder), store.read_marker(folder)
    if study.search and study.design.kind != "listed":
        study = study.with_designs(marker["spec"]["design"]["listed"])
    layout = store.layout_of(folder, marker)
    plan = list(make_plan(study, layout.chunk))
    if store.unfinished(layout, plan) == 0:
        return study, results, []
    done = set(plan) - set(integrity.missing(layout, plan))
    lost = [task for task in plan if task not in done]
    rest, results = (_points if study.sweep else _parts)(study, results, lost)
    names = "; ".join(_name(study, task) for task in lost[:_NAMED])
    more = f" and {len(lost) - _NAMED} more" if len(lost) > _NAMED else ""
    what = "their points of the sweep" if study.sweep else "their results"
    note = f"{len(lost)} of {len(plan)} tasks failed, and {what} are left out: {names}{more}."
    return rest, results, [note]


def _name(study: Study, task: Task) -> str:
    where = ", ".join(f"{k} {v}" for k, v in sweep_points(study)[task.point].items())
    return f"{task.name} ({where})" if where else task.name


def _points(study: Study, results: Results, lost: list[Task]) -> tuple[Study, Results]:
    """Leave out the points of a sweep of which tasks are missing."""
    rest = study.without_points({task.point for task in lost})
    points = sweep_points(rest)
    if not points:
        raise RunError("no point of the sweep is complete")
    parts = [at_point(results, point) for point in points]
    order = [int(part["point"]) for part in (next(iter(each.values())) for each in parts)]
    return rest, {name: group.isel(point=order) for name, group in results.items()}


def _parts(study: Study, results: Results, lost: list[Task]) -> tuple[Study, Results]:
    """Leave out the parts that are missing, and outputs of which nothing else is there."""
    gone = set()  # groups
    for name in {task.group for task in lost}:
        dimension = groups()[name].dimension
        group = results.pop(name, None)
        if group is not None and dimension in _PARTS:
            own = [task for task in lost if task.group == name]
            missing = [k for task in own for k in range(task.first, task.first + task.count)]
            kept = np.setdiff1d(np.arange(group.sizes[dimension]), missing)
            if kept.size >= _FEWEST:
                results[name] = group.isel({dimension: kept})
        if name not in results:
            gone.add(name)
    changed: dict[str, object] = {}
    if gone & {"draws", "endurance_draws"}:
        changed["uncertainty"] = None
    if "sensitivity" in gone:
        changed["sensitivity"] = None
    needed = gone - {"draws", "endurance_draws", "sensitivity"}
    if any(needed & set(kind.groups) for kind in kinds_of(study)):
        raise RunError(f"nothing is there of {', '.join(sorted(needed))}")
    return study.model_copy(update=changed), results
