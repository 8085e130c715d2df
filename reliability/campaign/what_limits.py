"""What limits a stored program: phenomena, remedies, and the parameters that widen the interval.

Groups of the store beside that of the failing macros; every number is that of the nominal card at
the end of the mission with one thing changed.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr

from reliability.campaign.frame import StudyFrame
from reliability.campaign.kind import Group, Results, Task
from reliability.campaign.stored_program import failures, setting_of, use_at
from reliability.network.analysis.phenomena import PHENOMENA
from reliability.product.macro import WEAR, remedied
from reliability.product.maintenance import Maintained, maintenance_cost
from reliability.product.parameter_effects import ENDS, acting_parameters
from reliability.product.remedies import remedies

_CAUSES = tuple(name for name in (*PHENOMENA, WEAR) if name not in ("neurons", "drift"))
_MOST = 10  # parameters that a summary names
_LEAST = 1e-300


def sizes(study: StudyFrame, point: int) -> Iterator[tuple[str, int, int]]:
    """Yield each group, its length, and the cards that one place of it computes.

    Parameters at their ends take several times as long as all else: of a sweep its first point.
    """
    if not study.options("product").attribution:
        return
    yield "product_causes", 1, len(_CAUSES)
    yield "product_remedies", len(_remedies(study)), 4
    if point == 0 and study.uncertainty and (names := _parameters(study)):
        yield "product_drivers", len(names), 2


def _parameters(study: StudyFrame) -> list[str]:
    p = study.options("product")
    return list(acting_parameters(study.load_technology(), worn=bool(p.cycles) or p.interval))


def _remedies(study: StudyFrame) -> list[Any]:
    return list(remedies(setting_of(study), use_at(study.stress.end),
                         study.options("product").policy()))  # fmt: skip


def _row(found: list[Maintained], dimension: str, first: int, **more: Any) -> xr.Dataset:
    values = {
        "failing": [float(each.failing.mean()) for each in found],
        "uber": [float(each.uber.mean()) for each in found],
    } | more
    return xr.Dataset(
        {name: (dimension, np.array(each)) for name, each in values.items()},
        {dimension: np.arange(first, first + len(found))},
    )


def _causes(study: StudyFrame, task: Task) -> xr.Dataset:
    """Compute the end of the mission without each phenomenon; NaN where the card has it not."""
    use = use_at(study.stress.end)
    found = {
        name: failures(study, card, use, setting=setting)
        for name, card, setting in remedied(study.load_technology(), setting_of(study))
    }

    def of(part: str) -> tuple[tuple[str, ...], np.ndarray]:
        values = [float(getattr(found[n], part).mean()) if n in found else float("nan")
                  for n in _CAUSES]  # fmt: skip
        return ("run", "cause"), np.array([values])

    return xr.Dataset({"failing_without": of("failing"), "uber_without": of("uber")},
                      {"run": [0], "cause": list(_CAUSES)})  # fmt: skip


def _with_remedies(study: StudyFrame, task: Task) -> xr.Dataset:
    """Compute the end of the mission with each remedy, and what it costs."""
    use, card = use_at(study.stress.end), study.load_technology()
    chosen = _remedies(study)[task.first : task.first + task.count]
    found = [failures(study, card, use, setting=setting, policy=policy)
             for _, setting, policy in chosen]  # fmt: skip
    energy = [maintenance_cost(use, policy, setting, each.rewrites)["energy"][0]
              for (_, setting, policy), each in zip(chosen, found, strict=True)]  # fmt: skip
    cells = [setting.macro.cells / setting.macro.bits for _, setting, _ in chosen]
    return _row(found, "remedy", task.first, energy=energy, cells=cells)


def _drivers(study: StudyFrame, task: Task) -> xr.Dataset:
    """Compute the end of the mission with each parameter at the ends of its uncertainty."""
    use, card = use_at(study.stress.end), study.load_technology()
    names = _parameters(study)[task.first : task.first + task.count]
    ends = {}
    for end, z in ENDS.items():
        values = [float(card.parameters[name].at(z)) for name in names]
        found = [failures(study, card.with_values({name: value}), use)
                 for name, value in zip(names, values, strict=True)]  # fmt: skip
        ends[end] = _row(found, "parameter", task.first, value=values)
    return xr.concat(ends.values(), "end").assign_coords(end=list(ends)).transpose("parameter", ...)


def answer(study: StudyFrame, results: Results, found: dict[str, Any]) -> dict[str, Any]:
    """Return what ``summary.json`` says of what limits, and of what widens the interval.

    Parameters
    ----------
    study : StudyFrame
    results : dict of str to Dataset
    found : dict
        The answer so far, with ``uber``.
    """
    causes = results["product_causes"].isel(run=0).load()
    # rates and not macros: where nearly all macros fail, no single remedy shows in them
    without = {
        str(name): {"failing_ppm": 1e6 * float(ppm), "uber": float(uber)}
        for name, ppm, uber in zip(causes["cause"].values, causes["failing_without"].values,
                                   causes["uber_without"].values, strict=True)
        if np.isfinite(uber)
    }  # fmt: skip
    best = min(without, key=lambda name: without[name]["uber"], default="")
    helps = bool(best) and without[best]["uber"] < 0.9 * found["uber"]
    said: dict[str, Any] = {
        "without": without, "limited_by": best if helps else "no single phenomenon"
    }  # fmt: skip
    done = results["product_remedies"].load()
    said["remedies"] = {
        name: {
            "failing_ppm": 1e6 * float(at["failing"]), "uber": float(at["uber"]),
            "energy_joule": float(at["energy"]), "cells_per_data_bit": float(at["cells"]),
        }
        for (name, *_), at in zip(
            _remedies(study), (done.isel(remedy=k) for k in range(done.sizes["remedy"])),
            strict=True,
        )
    }  # fmt: skip
    if "product_drivers" in results:
        said["interval_drivers"] = _widest(study, results["product_drivers"].load())
    return said


def _widest(study: StudyFrame, ends: xr.Dataset) -> list[dict[str, Any]]:
    """Parameters that move the uncorrectable rate most, each between its 5 and 95 % quantiles."""
    names = _parameters(study)
    logs = np.log(np.maximum(ends["uber"].transpose("parameter", "end").values, _LEAST))
    moved = np.abs(logs[:, 1] - logs[:, 0])
    return [
        {
            "parameter": names[k],
            "value": ends["value"].isel(parameter=k).values.tolist(),
            "failing_ppm": (1e6 * ends["failing"].isel(parameter=k)).values.tolist(),
            "uber": ends["uber"].isel(parameter=k).values.tolist(),
        }
        for k in np.argsort(-moved)[:_MOST]
        if moved[k] > 0
    ]


GROUPS = {
    "product_causes": Group("run", _causes),
    "product_remedies": Group("remedy", _with_remedies),
    "product_drivers": Group("parameter", _drivers),
}
