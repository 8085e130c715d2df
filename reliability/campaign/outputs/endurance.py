"""Endurance in a study: wafers of cells cycled to failure, and cards with sampled parameters.

Each task is one wafer, or one sampled card, so memory does not grow with wafers, nor (the
distribution of the first passage steps over cycles) with cycles.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import numpy as np
import xarray as xr
from pydantic import Field, model_validator
from scipy.special import stdtrit

from reliability.campaign.frame import StudyFrame
from reliability.campaign.kind import Group, Kind, Read, Results, Row, Task, cut
from reliability.campaign.limits import limit_row
from reliability.campaign.tables import Count, Table
from reliability.devices.write_methods import WriteMethod, find_method
from reliability.population.cycling import count_failures, endurance
from reliability.statistics.differences import paired_difference, unpaired_difference
from reliability.statistics.means import nominal_and_drawn
from reliability.technology import STATES, Technology
from reliability.units import Kelvin, Share

_KEPT = ("cycles_to_failure", "mode")
CURVES = ("pulses", "energy", "write_failures", "error_rate", "window")  # of each wafer
_DRAWS = 4  # per task
FRACTIONS = (0.001, 0.01, 0.1, 0.5)  # of cells, for whose failure the summary says the cycles

_CYCLED = 400  # bytes of a cell that is cycled: its failure times and their parts


class EnduranceTable(Table):
    """Cells cycled to failure, where the outputs have "endurance"."""

    lots: Count = 1
    """Number of lots."""
    wafers: Count = 5
    """Number of wafers of each lot."""
    dies: Count = 20
    """Number of dies on each wafer."""
    cells: Count = 1000
    """Number of cells on each die."""
    cycles: Annotated[float, Field(ge=1, le=1e15)] = 1e6
    """Number of cycles of the test."""
    temperatures: Annotated[tuple[Kelvin, ...], Field(min_length=1)] = (298.15,)
    """Temperatures of the cells during cycling."""
    write: str = "verify"
    """Write method: "verify", "single_pulse", "fixed_pulses", or one that the card has data for."""
    attempts: Count = 1
    """Number of pulses of "fixed_pulses", and of verified pulses after which a cell beyond the
    reference has failed."""
    method: Literal["first_passage", "every_cycle"] = "first_passage"
    """First-passage distribution, or simulation of every cycle."""

    def write_method(self) -> WriteMethod:
        """Return the write method with its pulses."""
        counted = self.write in ("verify", "fixed_pulses")
        return WriteMethod(self.write, self.attempts if counted else None)

    @model_validator(mode="after")
    def _attempts_of_a_method(self) -> "EnduranceTable":
        WriteMethod(self.write, None if self.attempts == 1 else self.attempts)
        return self


class EnduranceLimits(Table):
    failed_cells: Share | None = None
    """Largest fraction of cells that may have failed at the end of the endurance test."""


def _tasks(study: StudyFrame, point: int) -> Iterator[Task]:
    e = study.options("endurance")
    work = e.dies * e.cells * len(e.temperatures)
    yield from cut("endurance", point, e.lots * e.wafers, 1, work)
    if study.uncertainty:
        yield from cut("endurance_draws", point, study.uncertainty.draws, _DRAWS, work)


def _wafer(study: StudyFrame, task: Task) -> xr.Dataset:
    """Cycle the cells of one wafer; wafers are numbered through the lots in turn."""
    of_lot, lot = divmod(task.first, study.options("endurance").lots)
    test = _test(study, study.load_technology(), first_wafer=of_lot, lot=lot)
    test = test.assign_coords(wafer=[task.first])
    reference = np.full(task.count, test.attrs.pop("reference_conductance"))
    curves = {name: test[name].expand_dims(wafer=test["wafer"].values).rename(cycles="count")
              for name in CURVES if name in test}  # fmt: skip
    test = test[list(_KEPT)].drop_vars(["cycles", "state"], errors="ignore")
    return test.assign(curves).assign(reference_conductance=("wafer", reference, {"units": "S"}))


def _sampled(study: StudyFrame, task: Task) -> xr.Dataset:
    """Fraction failed against cycles, of one wafer of each of some sampled cards."""
    parts = []
    for k in range(task.first, task.first + task.count):
        # each draw is a lot of its own, or all would share its luck
        lot = study.options("endurance").lots + k
        test = _test(study, study.load_technology().drawn(study.seed, k), lot=lot)
        parts.append(test[["fraction_failed"]])
    draw = np.arange(task.first, task.first + task.count)
    out = xr.concat(parts, xr.DataArray(draw, dims="draw", name="draw"), combine_attrs="override")
    del out.attrs["reference_conductance"]  # of one card
    return out.drop_vars([name for name in out.coords if name not in out.dims])


def _test(
    study: StudyFrame,
    technology: Technology,
    *,
    first_wafer: int = 0,
    lot: int = 0,
) -> xr.Dataset:
    e = study.options("endurance")
    test = endurance(
        technology,
        first_wafer=first_wafer,
        lot=lot,
        dies=e.dies,
        cells=e.cells,
        cycles=e.cycles,
        temperature=e.temperatures,
        write=e.write_method(),
        method=e.method,
        seed=study.seed,
    )
    del test.attrs["technology_card"]  # the study has it
    return test.drop_vars(["pulses_per_write", "write_success"], errors="ignore")


def _answer(study: StudyFrame, results: Results) -> dict[str, Any]:
    """Return, for each temperature, what ``summary.json`` says of the end of the test."""
    test = count_failures(results["endurance"])
    draws = results.get("endurance_draws")
    out = []
    for temperature in test["temperature"].values:
        at = test.sel(temperature=temperature)
        last = at.isel(cycles=-1)
        found: dict[str, Any] = {
            "temperature_k": float(temperature),
            "cycles": float(last["cycles"]),
            "cells": int(at["mode"].size),
            "failed": int((at["mode"] > 0).sum()),
            "fraction_failed": float(last["fraction_failed"]),
            "low": float(last["fraction_low"]),
            "high": float(last["fraction_high"]),
            "confidence": 0.95,
            "cycles_to_share": [
                {"share": share, "cycles": _cycles_to(at["fraction_failed"], share)}
                for share in FRACTIONS
            ],
            **_at_end(results["endurance"], temperature),
            "permanent": [float(last[f"fraction_permanent{end}"]) for end in ("", "_low", "_high")],
            "weibull_scale": [float(at[f"weibull_scale{end}"]) for end in ("", "_low", "_high")],
            "weibull_shape": [float(at[f"weibull_shape{end}"]) for end in ("", "_low", "_high")],
        }
        if draws is not None:
            of_cards = draws["fraction_failed"].sel(temperature=temperature).isel(cycles=-1)
            every = np.append(found["fraction_failed"], of_cards)
            found["drawn_low"], found["drawn_high"] = nominal_and_drawn(every).tolist()
        out.append(found)
    return {"endurance": out}


def write_curves_of(results: xr.Dataset) -> xr.Dataset:
    """Return what a write takes against cycles: mean over lots or wafers, and its 95 % interval.

    Parameters
    ----------
    results : Dataset
        Group ``endurance`` of the store, with the `CURVES` of each wafer.

    Returns
    -------
    Dataset
        Each of the `CURVES` that is there over (temperature, cycles[, state]), and ``_low`` and
        ``_high`` (NaN of one wafer); the units are lots, of one lot its wafers.
    """
    out = {}
    for name in (name for name in CURVES if name in results):
        each, unit = results[name].load(), "wafer"
        if np.unique(results["lot"]).size > 1:
            each, unit = each.groupby("lot").mean(), "lot"
        mean, n = each.mean(unit), each.sizes[unit]
        reach = each.std(unit, ddof=1) / np.sqrt(n) * stdtrit(n - 1, 0.975) if n > 1 else np.nan
        out[name] = mean.assign_attrs(each.attrs)
        out |= {f"{name}_low": mean - reach, f"{name}_high": mean + reach}
    return xr.Dataset(out).rename({"count": "cycles"} if out else {})


def _at_end(results: xr.Dataset, temperature: float) -> dict[str, Any]:
    """Mean pulses, energy, failures and window of a write at the last cycle."""
    curves = write_curves_of(results)
    if not curves:
        return {}
    last = curves.sel(temperature=temperature).isel(cycles=-1)
    of_state = [name for name in CURVES if name in last and "state" in last[name].dims]
    found = {name: {state.lower(): float(last[name].sel(state=state)) for state in STATES}
             for name in of_state}  # fmt: skip
    return found | ({"window": float(last["window"])} if "window" in last else {})


def _cycles_to(fraction: xr.DataArray, share: float) -> float | None:
    """First cycle of the curve at which so many have failed, None if the test ended before."""
    beyond = fraction.values >= share
    return float(fraction["cycles"].values[beyond.argmax()]) if beyond.any() else None


def _outcomes(study: StudyFrame, results: Results, answer: dict[str, Any]) -> Iterator[Row]:
    limit = study.options("limits").failed_cells
    if limit is None:
        return
    for found in answer["endurance"]:
        low = min(found["low"], found.get("drawn_low", 1.0))
        high = max(found["high"], found.get("drawn_high", 0.0))
        values = found["fraction_failed"], low, high
        yield limit_row("failed_cells", limit, "most", values, temperature_k=found["temperature_k"])


def _compare(first: Read, other: Read, confidence: float) -> Iterator[Row]:
    a, b = (study.options("endurance") for study, _ in (first, other))
    sizes = [(e.lots, e.dies, e.cells) for e in (a, b)]
    paired = first[0].seed == other[0].seed and sizes[0] == sizes[1]
    unit = "wafers" if a.lots == b.lots == 1 else "lots"
    cycles = min(a.cycles, b.cycles)
    tests = [results["endurance"].load() for _, results in (first, other)]
    for temperature in a.temperatures:
        if temperature not in b.temperatures:
            continue
        x, y = (_failed_by(test.sel(temperature=temperature), cycles, unit) for test in tests)
        if paired:
            n = min(x.size, y.size)
            found = paired_difference(x[:n], y[:n], confidence)
            how = f"paired: the same {n} {unit}"
        else:
            found = unpaired_difference(x, y, confidence)
            how = f"unpaired: {x.size} and {y.size} {unit}"
            if unit == "wafers":
                how += " of a lot each, whose spread between lots is not in the interval"
        yield {
            "quantity": "cells failed",
            "condition": {"temperature": temperature, "cycles": cycles}, "unit": "share",
            "first": float(x.mean()), "other": float(y.mean()), "paired": paired, "how": how,
            **found,
        }  # fmt: skip


def _failed_by(test: xr.Dataset, cycles: float, unit: str) -> np.ndarray:
    """Fraction of the cells of each wafer, or lot, that have failed by so many cycles."""
    failed = ((test["mode"] > 0) & (test["cycles_to_failure"] <= cycles)).mean(["die", "cell"])
    return np.asarray(failed.groupby("lot").mean() if unit == "lots" else failed)


def _memory(study: StudyFrame) -> Iterator[tuple[str, float]]:
    table = study.options("endurance")
    yield "endurance.cells", float(table.dies) * table.cells * len(table.temperatures) * _CYCLED


def _check(study: StudyFrame) -> None:
    technology = study.load_technology()
    if technology.has_states:
        find_method(technology, study.options("endurance").write)


KIND = Kind(
    table=EnduranceTable,
    default=EnduranceTable(),
    groups={"endurance": Group("wafer", _wafer), "endurance_draws": Group("draw", _sampled)},
    own_axes={"temperature": "endurance.temperatures"},
    tasks=_tasks,
    answer=_answer,
    limits=EnduranceLimits,
    outcomes=_outcomes,
    compare=_compare,
    check=_check,
    grows=("endurance.wafers",),
    memory=_memory,
)
