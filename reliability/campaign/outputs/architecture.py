"""Architecture in a study: the nominal card and components, then cards and components that are
drawn."""

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr

from reliability import architecture
from reliability.campaign.plan import Task
from reliability.campaign.spec import Study
from reliability.random import stream
from reliability.technology import Technology

_STUDIES: dict[str, Callable[..., xr.Dataset]] = {
    "area": architecture.area,
    "energy": architecture.energy,
    "hierarchy": architecture.hierarchy,
    "incremental": architecture.incremental,
    "learning": architecture.learning,
    "streams": architecture.streams,
    "tiers": architecture.tiers,
}


def run_draws(study: Study, technology: Technology, task: Task) -> xr.Dataset:
    """Compute some draws of an architecture study; draw 0 is the card and the components as they
    are."""
    options = study.architecture
    assert options is not None  # the spec has it where the outputs have it
    nominal = options.load_components()
    parts = []
    for k in range(task.first, task.first + task.count):
        card, components, seed = technology, nominal, study.seed
        if k > 0:  # with a seed of its own, or all draws would share their luck
            card, components = card.drawn(study.seed, k), components.drawn(study.seed, k)
            seed = int(stream(study.seed, "architecture", k).integers(2**63))
        part = _STUDIES[options.study](card, components, **options.arguments, seed=seed)
        del part.attrs["seed"]  # the study has it
        parts.append(part)
    draw = np.arange(task.first, task.first + task.count)
    return xr.concat(
        parts, xr.DataArray(draw, dims="draw", name="draw"), data_vars="all", coords="minimal",
        compat="equals", join="exact", combine_attrs="override",
    )  # fmt: skip


def architecture_answer(study: Study, results: dict[str, xr.Dataset]) -> dict[str, Any]:
    """Return what ``summary.json`` says: each headline number and check, with its interval."""
    data = results["architecture"].load()
    assert study.architecture is not None
    quantities = {
        str(name): interval(data[name], study.confidence)
        | {"unit": data[name].attrs["units"], "name": data[name].attrs["long_name"]}
        for name in np.atleast_1d(data.attrs["headline"])
    }
    answer: dict[str, Any] = {
        "study": study.architecture.study,
        "draws": data.sizes["draw"] - 1,
        "confidence": study.confidence,
        "quantities": quantities,
    }
    if "check" in data.dims:
        answer["checks"] = checks(data, study.confidence)
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
    drawn = values.values[1:]
    share = (1 - confidence) / 2
    low, high = (
        np.quantile(drawn, [share, 1 - share], method="nearest") if drawn.size else (None, None)
    )
    found = {"value": values.values[0], "low": low, "high": high}
    return {k: float(v) if v is not None and np.isfinite(v) else None for k, v in found.items()}


def checks(data: xr.Dataset, confidence: float) -> list[dict[str, Any]]:
    """Return each check against a published chip: published, model with its interval, ratio."""
    out = []
    for k in range(data.sizes["check"]):
        one = data.isel(check=k)
        model = interval(one["model"], confidence)
        out.append(
            {
                "check": str(one["check"].item()),
                "unit": str(one["unit"].item()),
                "published": float(one["published"][0]),
                "model": model["value"],
                "model_low": model["low"],
                "model_high": model["high"],
                "ratio": float(one["ratio"][0]),
                "source": str(one["source"].item()),
            }
        )
    return out
