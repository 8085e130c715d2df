"""A stored program in a study: failing macros and uncorrectable errors, with codes and maintenance.

Each task is one card: the nominal one, or one sampled from its uncertainty, with lots of its own.
"""

import math
import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import numpy as np
import xarray as xr
from pydantic import Field, field_validator

from reliability.campaign import what_limits
from reliability.campaign.draw_differences import difference_of_draws
from reliability.campaign.frame import StudyFrame
from reliability.campaign.kind import Group, Kind, Read, Results, Row, Task, cut
from reliability.campaign.limits import limit_row
from reliability.campaign.stored_program import failures, setting_of, use_at
from reliability.campaign.tables import Count, Table
from reliability.errors import InputError
from reliability.mission import MissionProfile
from reliability.product.error_correction import Code, bch, secded
from reliability.product.maintenance import (
    Policy,
    budget_exceeded_after,
    budget_warning,
    check_policy,
    maintenance_cost,
)
from reliability.statistics.means import member_of_a_draw
from reliability.units import (
    Joules,
    Kelvin,
    NonNegative,
    Seconds,
    Share,
    Siemens,
    SquareMetres,
    duration,
)

AXES = ("read_voltage", "reads", "temperature", "time")
_QUANTILES = (0.5, 0.9, 0.99, 0.999)
_WORK = 25_000  # image evaluations that take as long as one card at one condition
_TEXT = re.compile(r"\(?\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*\)?")
_PER_FIT = 1e9 * 3600.0  # device seconds of one failure at 1 FIT
_DEAD = 0.999  # fraction of failing macros beyond which a mean failure rate says nothing


class ProductTable(Table):
    """A stored program, where the outputs have "product"."""

    bits: Count = 2**20
    """Number of data bits of a macro."""
    word_bits: Count = 64
    """Number of data bits of a word."""
    code: str = "secded"
    """Error-correcting code of a word: "none", "secded", "bch2" (corrects 2 bits; any number), or
    "(72, 64, 1)": bits, data bits and corrected bits."""
    cells_per_bit: Literal[1, 3, 5, 7] = 1
    """Number of cells that hold one bit, of which the majority decides."""
    spare_words: Annotated[int, Field(ge=0, strict=True)] = 0
    """Number of spare words that replace those that fail in the test before shipment."""
    maintenance: Literal["none", "refresh", "scrub"] = "none"
    """Refresh (rewrite of all cells) or scrub (correction of words with an error)."""
    interval: Seconds | None = None
    """Interval of maintenance."""
    read_polarity: Literal["fixed", "alternating"] = "fixed"
    """Polarity of reads: the same for all, or alternating, which turns read disturb about."""
    write_time: Seconds = 1e-6
    """Time to write one word."""
    write_energy: Joules = 2e-10
    """Energy to write one cell."""
    read_energy: Joules = 1e-12
    """Energy to read one cell."""
    cell_area: SquareMetres | None = None
    """Area of a cell with its select device."""
    cycles: NonNegative = 0.0
    """Write cycles of every cell before the mission."""
    cycling_temperature: Kelvin = 298.15
    """Temperature of the cells during these cycles."""
    reference: Siemens | None = None
    """Read reference; by default the one that misreads the fewest cells as programmed."""
    noise: bool = True
    """Whether reads have the card's noise."""
    lots: Annotated[int, Field(ge=2, le=1000, strict=True)] = 10
    """Number of lots of each card."""
    attribution: bool = True
    """Whether failures are also computed without each phenomenon, with each remedy that the macro
    does not have and, where cards are sampled, with each parameter at the ends of its
    uncertainty (of a sweep at its first point)."""

    @field_validator("code")
    @classmethod
    def _is_code(cls, value: str) -> str:
        named = value in ("none", "secded") or re.fullmatch(r"bch[1-9]\d?", value)
        if not named and not _TEXT.fullmatch(value):
            raise ValueError(f'got {value!r}, allowed "none", "secded", "bch2", "(72, 64, 1)"')
        return value

    def word_code(self) -> Code:
        """Return the code of a word.

        Raises
        ------
        InputError
            A code of other data bits than a word has, or that cannot be.
        """
        if self.code == "none":
            return Code(self.word_bits, self.word_bits, 0)
        if self.code == "secded":
            return secded(self.word_bits)
        if self.code.startswith("bch"):
            return bch(self.word_bits, corrects=int(self.code[3:]))
        code = Code(*map(int, re.findall(r"\d+", self.code)))
        if code.data_bits != self.word_bits:
            raise InputError(f"product.code: got {self.code} with {code.data_bits} data bits, but "
                             f"product.word_bits is {self.word_bits}")  # fmt: skip
        return code

    def policy(self) -> Policy:
        """Return the maintenance policy.

        Raises
        ------
        InputError
            Maintenance without an interval, or an interval without maintenance.
        """
        if (self.maintenance == "none") != (self.interval is None):
            got = "none" if self.interval is None else duration(self.interval)
            raise InputError(f"product.interval: got {got} with product.maintenance "
                             f"{self.maintenance!r}, expected both or none")  # fmt: skip
        return Policy(self.maintenance, self.interval or math.inf, self.write_time,
                      self.write_energy, self.read_energy,
                      self.read_polarity == "alternating")  # fmt: skip


class ProductLimits(Table):
    failing_ppm: Annotated[float, Field(ge=0, le=1e6)] | None = None
    """Largest number of failing macros in a million over the mission."""
    uncorrectable_rate: Share | None = None
    """Largest uncorrectable bit-error rate of a read at the end of the mission."""
    shipped_macros: Share | None = None
    """Least fraction of macros that the test before shipment accepts."""
    macro_energy: Joules | None = None
    """Largest energy of the reads and the maintenance of a macro over the mission."""
    macro_area: SquareMetres | None = None
    """Largest area of the cells of a macro; needs product.cell_area."""
    endurance_budget: NonNegative | None = None
    """Largest number of write cycles of a cell over the mission, maintenance included."""


def _check(study: StudyFrame) -> None:
    technology = study.load_technology()
    limits, product = study.options("limits"), study.options("product")
    if limits.macro_area is not None and product.cell_area is None:
        raise InputError("limits.macro_area: got no product.cell_area, which it needs")
    if not technology.has_states:
        raise InputError(f"product: {technology.name} has levels, not LRS and HRS")
    if any(study.stress.inferences):
        raise InputError("product: got stress.inferences, expected stress.reads")
    check_policy(use_at(study.stress.end), study.options("product").policy(), setting_of(study))


def _tasks(study: StudyFrame, point: int) -> Iterator[Task]:
    cards, work = 1 + _draws(study), _WORK * len(study.stress.combinations)
    yield from cut("product", point, cards, 1, work)
    for group, size, each in what_limits.sizes(study, point):
        yield from cut(group, point, size, min(size, 8), each * _WORK)


def _draws(study: StudyFrame) -> int:
    return study.uncertainty.draws if study.uncertainty else 0


def _card(study: StudyFrame, task: Task) -> xr.Dataset:
    """Compute the macros of one card at every read-out; draw 0 is the nominal card."""
    k, lots = task.first, study.options("product").lots
    nominal = study.load_technology()
    card = nominal.drawn(study.seed, k) if k else nominal
    found = [failures(study, card, use_at(age), k) for age in study.stress.combinations]
    axes = [(name, values, unit) for name, values, unit in study.stress.axes if name in AXES]
    shape = [len(values) for _, values, _ in axes]
    names = [name for name, _, _ in axes]

    def along(values: list[Any], *more: int) -> np.ndarray:
        return np.array(values).reshape(1, *shape, *more)

    macros = [np.quantile(each.macro, _QUANTILES) for each in found]
    return xr.Dataset(
        {
            "failing": (("draw", *names, "lot"), along([each.failing for each in found], lots)),
            "uber": (("draw", *names, "lot"), along([each.uber for each in found], lots)),
            "shipped": (("draw", *names, "lot"), along([each.shipped for each in found], lots)),
            "rewrites": (("draw", *names), along([each.rewrites for each in found])),
            "macro": (("draw", *names, "quantile"), along(macros, len(_QUANTILES))),
        },
        {"draw": [k], "quantile": list(_QUANTILES), "lot": np.arange(lots)}
        | {name: (name, list(values), {"units": unit}) for name, values, unit in axes},
    )


def _interval(study: StudyFrame, values: xr.DataArray) -> dict[str, float]:
    """Mean over lots of the nominal card, and the interval of the next lot over sampled cards."""
    of_draws = values.transpose("draw", "lot").values
    value = float(of_draws[0].mean())
    spread = of_draws[1:] if len(of_draws) > 1 else of_draws.T
    low, high = member_of_a_draw(spread, study.confidence)
    return {"value": value, "low": min(low, value), "high": max(high, value)}


def _at(results: Results, age: dict[str, float]) -> xr.Dataset:
    group = results["product"]
    return group.sel({name: age[name] for name in AXES if name in group.dims})


def _found(study: StudyFrame, results: Results, age: dict[str, float]) -> dict[str, Any]:
    """What the summary says of one read-out."""
    here = _at(results, age).load()
    failing, uber, shipped = (
        _interval(study, here[name]) for name in ("failing", "uber", "shipped")
    )
    time, dead = age["time"], failing["value"] > _DEAD
    return {
        "failing_ppm": 1e6 * failing["value"],
        "low": 1e6 * failing["low"], "high": 1e6 * failing["high"],
        "uber": uber["value"], "uber_low": uber["low"], "uber_high": uber["high"],
        "shipped": shipped["value"], "shipped_low": shipped["low"], "shipped_high": shipped["high"],
        "fit": None if dead or not time else -math.log1p(-failing["value"]) / time * _PER_FIT,
        "macro_failure_quantiles": {
            f"{q:g}": float(here["macro"].sel(quantile=q).isel(draw=0)) for q in _QUANTILES
        },
    }  # fmt: skip


def _answer(study: StudyFrame, results: Results) -> dict[str, Any]:
    p, end = study.options("product"), study.stress.end
    setting, use = setting_of(study), use_at(end)
    rewrites = float(_at(results, end)["rewrites"].isel(draw=0))
    macro = setting.macro
    cost = maintenance_cost(use, p.policy(), setting, rewrites)
    found = _found(study, results, end) | {
        "mission": str(setting.profile + MissionProfile([use])),
        "code": [macro.code.bits, macro.code.data_bits, macro.code.corrects],
        "cells": macro.cells,
        "cells_per_data_bit": macro.cells / macro.bits,
        "energy_joule": cost["energy"][0],
        "busy": cost["busy"][0],
        "rewrites": rewrites,
        "write_cycles": setting.cycles + rewrites,
        "confidence": study.confidence,
        "draws": _draws(study),
        "lots": p.lots,
    }
    if p.cell_area is not None:
        found["area_m2"] = macro.cells * p.cell_area
    if p.attribution:
        found |= what_limits.answer(study, results, found)
    by_age = [age | _found(study, results, age) for age in _read_outs(study)]
    return {"product": found, "product_by_age": by_age}


def _read_outs(study: StudyFrame) -> Iterator[dict[str, float]]:
    for age in study.stress.combinations:
        yield {name: age[name] for name in AXES}


def _outcomes(study: StudyFrame, results: Results, answer: dict[str, Any]) -> Iterator[Row]:
    limits, found = study.options("limits"), answer["product"]
    energy, writes = found["energy_joule"], found["write_cycles"]
    rows = {
        "failing_ppm": (found["failing_ppm"], found["low"], found["high"]),
        "uncorrectable_rate": (found["uber"], found["uber_low"], found["uber_high"]),
        "shipped_macros": (found["shipped"], found["shipped_low"], found["shipped_high"]),
        "macro_energy": (energy,) * 3,
        "macro_area": (found.get("area_m2", math.nan),) * 3,
        "endurance_budget": (writes,) * 3,
    }
    for name, values in rows.items():
        limit = getattr(limits, name)
        if limit is None:
            continue
        more: dict[str, Any] = {}
        if name == "endurance_budget":
            after = budget_exceeded_after(
                use_at(study.stress.end), limit, study.options("product").cycles, found["rewrites"]
            )
            more = (
                {"note": budget_warning(limit, after, study.options("product").cycles)}
                if after < math.inf
                else {}
            )
        sense: Literal["least", "most"] = "least" if name == "shipped_macros" else "most"
        yield limit_row(name, limit, sense, values, **more)


def _compare(first: Read, other: Read, confidence: float) -> Iterator[Row]:
    """Compare the uncorrectable rates at the end of the missions by their ratio."""
    studies = first[0], other[0]
    rates = [
        _at(results, study.stress.end)["uber"].transpose("draw", "lot").values
        for study, results in (first, other)
    ]
    nominal = [float(each[0].mean()) for each in rates]
    if min(float(each.min()) for each in rates) <= 0:
        return
    cards = [study.named_technology(study.technology).fingerprint for study in studies]
    paired = studies[0].seed == studies[1].seed and cards[0] == cards[1]
    of_cards = [each[1:].mean(axis=1) for each in rates]
    found, how = difference_of_draws(of_cards, paired, True, confidence, "card")
    yield {
        "quantity": "uncorrectable bit-error rate at the end of the mission", "condition": {},
        "unit": "1", "measure": "ratio", "first": nominal[0], "other": nominal[1],
        "ratio": nominal[1] / nominal[0], "paired": paired, "how": how, **found,
    }  # fmt: skip


def _missions(study: StudyFrame) -> Iterator[MissionProfile]:
    for age in study.stress.combinations:
        yield study.stress.then(use_at(age))


KIND = Kind(
    uses=("programming", "stress"),
    table=ProductTable,
    default=ProductTable(),
    groups={"product": Group("draw", _card), **what_limits.GROUPS},
    tasks=_tasks,
    check=_check,
    missions=_missions,
    answer=_answer,
    limits=ProductLimits,
    outcomes=_outcomes,
    compare=_compare,
    intervals={
        "product.failing_ppm": ("product.low", "product.high"),
        "product.uber": ("product.uber_low", "product.uber_high"),
    },
)
