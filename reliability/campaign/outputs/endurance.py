"""Endurance in a study: wafers of cells cycled to failure, and cards drawn from what is uncertain.

Each task is one wafer, or one drawn card, so memory does not grow with wafers, nor (the law of the
first passage steps over cycles) with cycles.
"""

from typing import Any

import numpy as np
import xarray as xr

from reliability.campaign.plan import Task
from reliability.campaign.spec import Study
from reliability.population.cycling import count_failures, endurance
from reliability.technology import Technology

KEPT = ("cycles_to_failure", "mode")


def wafer(study: Study, technology: Technology, task: Task) -> xr.Dataset:
    """Cycle the cells of one wafer."""
    test = _test(study, technology, first_wafer=task.first, wafers=task.count)
    reference = np.full(task.count, test.attrs.pop("reference_conductance"))
    test = test[list(KEPT)].drop_vars("cycles", errors="ignore")
    return test.assign(reference_conductance=("wafer", reference, {"units": "S"}))


def drawn(study: Study, technology: Technology, task: Task) -> xr.Dataset:
    """Fraction failed against cycles, of one wafer of each of some cards that are drawn."""
    parts = []
    for k in range(task.first, task.first + task.count):
        # each draw is a lot of its own, or all would share its luck
        test = _test(study, technology.drawn(study.seed, k), lot=k + 1)
        parts.append(test[["fraction_failed"]])
    draw = np.arange(task.first, task.first + task.count)
    out = xr.concat(parts, xr.DataArray(draw, dims="draw", name="draw"), combine_attrs="override")
    del out.attrs["reference_conductance"]  # of one card
    return out.drop_vars([name for name in out.coords if name not in out.dims])


def _test(study: Study, technology: Technology, **where: int) -> xr.Dataset:
    e = study.endurance
    test = endurance(
        technology,
        **{"wafers": 1, **where},
        dies=e.dies,
        cells=e.cells,
        cycles=e.cycles,
        temperature=e.temperatures,
        attempts=e.attempts,
        method=e.method,
        seed=study.seed,
    )
    del test.attrs["technology_card"]  # the study has it
    return test


SHARES = (0.001, 0.01, 0.1, 0.5)  # of cells, for whose failure the summary says the cycles


def endurance_answer(study: Study, results: dict[str, xr.Dataset]) -> list[dict[str, Any]]:
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
                for share in SHARES
            ],
            "weibull_scale": [float(at[f"weibull_scale{end}"]) for end in ("", "_low", "_high")],
            "weibull_shape": [float(at[f"weibull_shape{end}"]) for end in ("", "_low", "_high")],
        }
        if draws is not None:
            of_cards = draws["fraction_failed"].sel(temperature=temperature).isel(cycles=-1)
            found["drawn_low"], found["drawn_high"] = np.quantile(of_cards, [0.025, 0.975]).tolist()
        out.append(found)
    return out


def _cycles_to(fraction: xr.DataArray, share: float) -> float | None:
    """First cycle of the curve at which so many have failed, None if the test ended before."""
    beyond = fraction.values >= share
    return float(fraction["cycles"].values[beyond.argmax()]) if beyond.any() else None
