"""What one task of a study computes: a part of the results, as a Dataset."""

import warnings

import xarray as xr

from reliability.campaign.frame import Point
from reliability.campaign.kind import Task
from reliability.campaign.outputs import groups
from reliability.campaign.spec import Study

# What is not kept of every chip at the points of a sweep, or has another shape at each of them.
_LEFT_OUT = (
    *("spikes_quantile", "confusion", "reads_per_input", "reads_so_far"),
    "conductance_quantile",
)


def compute(study: Study, point: Point, task: Task) -> xr.Dataset:
    """Compute one task of a study at one point of its sweep.

    Parameters
    ----------
    study : Study
    point : dict
        Of its sweep; empty without one.
    task : Task
    """
    here = study.at(point) if point else study
    with warnings.catch_warnings():  # the summary says them once, for all tasks
        warnings.filterwarnings("ignore", message=".*outside the valid range")
        part = groups()[task.group].compute(here, task)
    axes = list(point)
    # a condition that is swept is an axis of the sweep, not a dimension of length one
    part = part.isel({name: 0 for name in axes if name in part.dims}, drop=True)
    part = part.drop_vars([name for name in axes if name in part.coords])
    if point:
        part = part.drop_vars(_LEFT_OUT, errors="ignore")
        part = part.drop_vars([n for n, c in part.coords.items() if not _is_used(part, c)])
        # what is swept is no attribute of all points
        last = {name.rpartition(".")[2] for name in axes} | {axes[0].partition(".")[0]}
        part.attrs = {key: value for key, value in part.attrs.items() if key not in last}
    part.attrs["seed"] = here.seed
    return part


def _is_used(part: xr.Dataset, coordinate: xr.DataArray) -> bool:
    dims = {name for variable in part.data_vars.values() for name in variable.dims}
    return set(coordinate.dims) <= dims
