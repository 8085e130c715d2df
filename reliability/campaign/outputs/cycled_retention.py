"""Retention after cycling in a study: misread cells after each stress condition.

Cells of both states are cycled, stored and read as ``[stress]`` says, on the nominal card and on
cards sampled from its uncertainty; each sampled card is a lot of its own.
"""

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr

from reliability.campaign.draw_differences import difference_of_draws
from reliability.campaign.frame import StudyFrame
from reliability.campaign.kind import Group, Kind, Read, Results, Row, Task, cut
from reliability.campaign.limits import limit_row
from reliability.campaign.tables import Count, Table
from reliability.devices.wear import not_modelled
from reliability.errors import InputError
from reliability.mission import MissionProfile
from reliability.population import age, best_reference, read_cells, sample_population
from reliability.statistics.means import nominal_and_drawn
from reliability.statistics.proportions import clustered_proportion
from reliability.technology import STATES, Technology
from reliability.units import Kelvin, Share, Siemens

_DRAWS = 1  # per task
_CYCLED = 60  # bytes of a cell that is aged


class RetentionTable(Table):
    """Cells read after each stress condition, where the outputs have "retention"."""

    wafers: Count = 4
    """Number of wafers of one lot."""
    dies: Count = 4
    """Number of dies on each wafer."""
    cells: Count = 2000
    """Number of cells in each state on each die."""
    reference: Siemens | None = None
    """Read reference; by default the one with the lowest bit-error rate of fresh cells."""
    read_temperature: Kelvin | None = None
    """Read the cells at this temperature and with their noise; by default as the network of the
    study is read, else at the card's own temperature and without noise."""

    def read_at(self, study: StudyFrame) -> float | None:
        """Return the temperature of the read, K."""
        return self.read_temperature or study.network.read_temperature


class RetentionLimits(Table):
    cell_errors: Share | None = None
    """Largest bit-error rate after the stress; the end of the mission decides."""


def _tasks(study: StudyFrame, point: int) -> Iterator[Task]:
    r = study.options("retention")
    cards = 1 + (study.uncertainty.draws if study.uncertainty else 0)
    work = r.wafers * r.dies * r.cells * len(study.stress.combinations) // 1000
    yield from cut("retention", point, cards, _DRAWS, max(work, 1))


def _check(study: StudyFrame) -> None:
    technology = study.load_technology()
    if not technology.has_states:
        raise InputError(f"retention: {technology.name} has levels, not LRS and HRS")


def _cards(study: StudyFrame, task: Task) -> xr.Dataset:
    """Count misread cells of some cards; draw 0 is the nominal card."""
    technology, parts = study.load_technology(), []
    for k in range(task.first, task.first + task.count):
        card = technology.drawn(study.seed, k) if k else technology
        parts.append(_count(study, card, lot=k))
    draw = np.arange(task.first, task.first + task.count)
    return xr.concat(parts, xr.DataArray(draw, dims="draw", name="draw"), combine_attrs="override")


def _count(study: StudyFrame, card: Technology, lot: int) -> xr.Dataset:
    r = study.options("retention")
    reference, hot = r.reference or best_reference(card), r.read_at(study)
    combinations = study.stress.combinations
    wrong = np.empty((len(combinations), len(STATES), r.wafers))
    notes: set[str] = set()
    for s, state in enumerate(STATES):
        fresh = sample_population(
            card, state=state, wafers=r.wafers, dies=r.dies, cells=r.cells, lot=lot,
            seed=study.seed, dtype=np.float32,
            verify=study.programming.verification(),
        )  # fmt: skip
        for k, conditions in enumerate(combinations):
            with warnings.catch_warnings():  # they are an attribute, and in the summary
                warnings.simplefilter("ignore")
                old = age(fresh, study.stress.mission(conditions))
                if hot is not None:
                    old = read_cells(old, temperature=hot)
            notes |= set(old.attrs["warnings"])
            g = old["conductance"]
            bad = g < reference if state == "LRS" else g > reference
            wrong[k, s] = bad.sum(["die", "cell"]).values
    one = {"units": "1"}
    return xr.Dataset(
        {"misread": (("condition", "state", "wafer"), wrong, one | {"long_name": "misread cells"})},
        coords={"state": list(STATES), "wafer": np.arange(r.wafers)},
        attrs={"warnings": sorted(notes), "cells": r.dies * r.cells,
               "wear_not_modelled": not_modelled(card)},
    )  # fmt: skip


def error_rates(study: StudyFrame, results: Results) -> xr.Dataset:
    """Return the bit-error rate after each stress condition with its intervals.

    Parameters
    ----------
    study : StudyFrame
    results : dict of str to Dataset

    Returns
    -------
    Dataset
        ``error_rate``, mean of both states, with ``low`` and ``high`` of the wafers and
        ``drawn_low`` and ``drawn_high`` of sampled cards (where there are some), over every axis of
        the stress; ``of_state`` also over ``state``.
    """
    data = results["retention"].load()
    n = int(data.attrs["cells"])
    nominal = data["misread"].isel(draw=0)
    both = nominal.sum("state").values  # (condition, wafer)
    low, high, _ = clustered_proportion(both, 2 * n)
    rate = both.mean(axis=1) / (2 * n)
    found = {"error_rate": rate, "low": low, "high": high}
    sampled = data["misread"].isel(draw=slice(1, None))
    if sampled.sizes["draw"]:
        drawn = sampled.sum("state").mean("wafer").transpose("draw", ...).values / (2 * n)
        ends = nominal_and_drawn(np.vstack([rate, drawn]), study.confidence)
        found["drawn_low"], found["drawn_high"] = ends
    names = [name for name, _, _ in study.stress.axes]
    values = [list(values) for _, values, _ in study.stress.axes]
    shape = [len(each) for each in values]
    each = nominal.mean("wafer").transpose("condition", "state").values / n
    return xr.Dataset(
        {name: (names, np.reshape(v, shape)) for name, v in found.items()}
        | {"of_state": ([*names, "state"], each.reshape(*shape, 2))},
        coords={**dict(zip(names, values, strict=True)), "state": list(STATES)},
    )


def _answer(study: StudyFrame, results: Results) -> dict[str, Any]:
    """Return the bit-error rate after each stress condition."""
    found, end = error_rates(study, results), study.stress.end
    rows = []
    for at in study.stress.combinations:
        here = found.sel(at)
        row = {**at, "error_rate": float(here["error_rate"])}
        row |= {name: float(here[name])
                for name in ("low", "high", "drawn_low", "drawn_high") if name in here}  # fmt: skip
        rows.append(row | {s.lower(): float(here["of_state"].sel(state=s)) for s in STATES})
    r = study.options("retention")
    return {
        "retention": {
            "conditions": rows,
            "end": next(row for row in rows if all(row[k] == v for k, v in end.items())),
            "cells": 2 * r.wafers * r.dies * r.cells,
            "confidence": 0.95,
            "not_modelled": list(results["retention"].attrs["wear_not_modelled"]),
        }
    }


def widest(row: dict[str, Any]) -> tuple[float, float]:
    """Return the interval of an answer over wafers and over sampled cards, where there are some."""
    low = min(row["low"], row.get("drawn_low", 1.0))
    return low, max(row["high"], row.get("drawn_high", 0.0))


def _outcomes(study: StudyFrame, results: Results, answer: dict[str, Any]) -> Iterator[Row]:
    limit, end = study.options("limits").cell_errors, study.stress.end
    if limit is None:
        return
    for row in answer["retention"]["conditions"]:
        at = {name: row[name] for name in end}
        values = row["error_rate"], *widest(row)
        yield limit_row("cell_errors", limit, "most", values, decides=at == end, age=at)


def _compare(first: Read, other: Read, confidence: float) -> Iterator[Row]:
    """Compare the bit-error rates at the end of the stress, over the sampled cards."""
    ends = [study.stress.end for study, _ in (first, other)]
    if ends[0] != ends[1]:
        return
    draws = []
    for study, results in (first, other):
        k = study.stress.combinations.index(study.stress.end)
        data = results["retention"].load()
        counts = data["misread"].isel(condition=k).sum("state").mean("wafer").values
        draws.append(counts / (2 * int(data.attrs["cells"])))
    paired = first[0].seed == other[0].seed
    found, how = difference_of_draws(
        [d[1:] for d in draws], paired, False, confidence, "card"
    )  # fmt: skip
    yield {
        "quantity": "bit-error rate", "condition": ends[0], "unit": "share",
        "first": float(draws[0][0]), "other": float(draws[1][0]), "paired": paired, "how": how,
        **found,
    }  # fmt: skip


def _missions(study: StudyFrame) -> Iterator[MissionProfile]:
    return (study.stress.mission(conditions) for conditions in study.stress.combinations)


def _memory(study: StudyFrame) -> Iterator[tuple[str, float]]:
    r = study.options("retention")
    yield "retention.cells", float(r.wafers) * r.dies * r.cells * _CYCLED


KIND = Kind(
    uses=("programming", "stress"),
    table=RetentionTable,
    default=RetentionTable(),
    groups={"retention": Group("draw", _cards)},
    tasks=_tasks,
    check=_check,
    missions=_missions,
    answer=_answer,
    limits=RetentionLimits,
    outcomes=_outcomes,
    compare=_compare,
    memory=_memory,
)
