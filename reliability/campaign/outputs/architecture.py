"""Architecture in a study: the nominal card and components, then cards and components that are
drawn."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import xarray as xr

from reliability import architecture
from reliability.architecture import Components, load_components
from reliability.campaign.chip_differences import UNTESTED
from reliability.campaign.frame import StudyFrame
from reliability.campaign.kind import Group, Kind, Read, Results, Row, Task, cut
from reliability.campaign.outputs.architecture_options import AnyOptions
from reliability.errors import InputError
from reliability.random import stream
from reliability.statistics.differences import drawn_difference

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


def architecture_answer(study: StudyFrame, results: Results) -> dict[str, Any]:
    """Return what ``summary.json`` says: each headline number and check, with its interval."""
    data = results["architecture"].load()
    quantities = {
        str(name): interval(data[name], study.confidence)
        | {"unit": data[name].attrs["units"], "name": data[name].attrs["long_name"]}
        for name in np.atleast_1d(data.attrs["headline"])
    }
    answer: dict[str, Any] = {
        "study": study.options("architecture").study,
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
        share = name.startswith("accuracy")
        relative = unit != "K" and not share and min(v.min() for v in values) > 0
        nominal = [float(v[0]) for v in values]
        found, how = _of_draws([v[1:] for v in values], paired, relative, confidence)
        yield {
            "quantity": data[0][name].attrs["long_name"], "name": name, "condition": {},
            "unit": "share" if share else unit, "first": nominal[0], "other": nominal[1],
            "measure": "ratio" if relative else "difference", "paired": paired, "how": how,
            **found,
            **({"ratio": nominal[1] / nominal[0]} if relative
               else {"difference": nominal[1] - nominal[0]}),
        }  # fmt: skip


def _of_draws(
    draws: list[np.ndarray], paired: bool, relative: bool, confidence: float
) -> tuple[dict[str, float], str]:
    """Return the interval and p of a difference or ratio of draws, and how they were found."""
    x, y = draws
    n = min(x.size, y.size)
    if paired and np.allclose(x[:n], y[:n], rtol=_ROUNDING, atol=0):
        x = y
    if n < 2:
        return UNTESTED, "not tested: nothing was sampled"
    if not np.isfinite(np.concatenate(draws)).all():
        return UNTESTED, "not tested: some draws are unbounded"
    how = f"unpaired: {x.size} and {y.size} draws, of other seeds, cards or components"
    if paired:
        x, y, how = x[:n], y[:n], f"paired: the same {n} draws of card and components"
    if not relative:
        return drawn_difference(x, y, confidence, paired=paired), how
    found = drawn_difference(np.log(x), np.log(y), confidence, paired=paired)
    return {"low": np.exp(found["low"]), "high": np.exp(found["high"]), "p": found["p"]}, how


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
    compare=_compare,
    apart=_apart,
    fingerprints=_fingerprints,
)
