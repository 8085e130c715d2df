"""The largest crossbar in a study: one search at each point of a sweep."""

from typing import Any

import numpy as np
import xarray as xr

from reliability.campaign.plan import Task
from reliability.campaign.spec import Study
from reliability.crossbar import crossbar_limit
from reliability.technology import Technology

_KEPT = ("size", "size_low", "size_high", "monte_carlo_high", "rows", "columns", "drawn_size")


def largest(study: Study, technology: Technology, task: Task) -> xr.Dataset:
    """Search the largest array of one card and of cards drawn from its uncertainty."""
    c = study.crossbar
    found = crossbar_limit(
        technology,
        c.criterion,
        c.limit,
        c.segment_resistance,
        node=c.node,
        cell_layout=c.cell_layout,
        read_voltage=c.read_voltage,
        density=c.density,
        activity=c.activity,
        bias_scheme=c.bias_scheme,
        max_size=c.max_size,
        uncertainty_draws=study.uncertainty.draws if study.uncertainty else 0,
        confidence=study.confidence,
        seed=study.seed,
    )
    array = np.arange(task.first, task.first + task.count)
    return found[list(_KEPT)].drop_attrs(deep=False).expand_dims(array=array)


def crossbar_answer(results: dict[str, xr.Dataset]) -> dict[str, Any]:
    """Return what ``summary.json`` says of the largest array."""
    found = results["crossbar"].isel(array=0)
    return {
        "rows": int(found["rows"]),
        "columns": int(found["columns"]),
        "size": int(found["size"]),
        "low": float(found["size_low"]),
        "high": float(found["size_high"]),
    }
