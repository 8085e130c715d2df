"""Retention of two states from bakes: `reliability.devices.retention`, model ``arrhenius_loss``."""

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import pandas as pd

from reliability.characterization.estimates import Array, Estimate, Fit, exact, from_covariance
from reliability.characterization.loss import Stressed, log_likelihood, maximise
from reliability.characterization.read_table import Reads
from reliability.technology import STATES
from reliability.units import BOLTZMANN

_FEWEST = 20  # cells of a state at a temperature
_MOST = 500  # cells of a state that are looked at
_TEMPERATURES = 2


def can_fit(one: Reads) -> bool:
    """Return whether a file has baked cells of both states at several temperatures."""
    table = _table(one)
    hot = table.groupby("state")["temperature"].nunique()
    return all(hot.get(state, 0) >= _TEMPERATURES for state in STATES)


def fit_retention(one: Reads) -> Fit:
    """Fit the section ``retention``: both states lose towards one end.

    Parameters
    ----------
    one : Reads
    """
    table = _table(one)
    reference = float(np.sort(table["temperature"].unique())[table["temperature"].nunique() // 2])
    states = [_stressed(table[table["state"] == s], reference) for s in STATES]
    cells = [state.cells for state in states]

    @lru_cache(maxsize=4)  # a slope in a parameter of one state leaves the other as it was
    def of_state(k: int, end: float, log_final: float, *own: float) -> Array:
        return log_likelihood(states[k], np.array(own), end, math.exp(log_final))

    def loss(x: Array) -> Array:
        each = [of_state(k, *x[:2], *x[2 + 5 * k : 7 + 5 * k]) for k in range(len(states))]
        return -np.concatenate(each)

    start, bounds = [_middle(states), math.log(0.3)], [(5.0, 25.0), (math.log(0.01), math.log(3))]
    for state in states:
        start += [math.log(np.median(state.stress)), 1.2, math.log(0.05), -0.1, math.log(0.1)]
        bounds += [(-20.0, 60.0), (0.1, 4.0), (math.log(1e-3), math.log(0.5)), (-1.8, 1.0),
                   (math.log(_ERROR), 0.7)]  # fmt: skip
    best, covariance = maximise(loss, np.array(start), bounds)
    names = [Estimate("retention.asymptotic_resistance", "lognormal"),
             Estimate("retention.sigma_asymptotic", "lognormal")]  # fmt: skip
    own, not_identifiable = [0, 1], []
    for k, name_of_state in enumerate(STATES):
        section, at = f"retention.{name_of_state}", 2 + 5 * k
        names += [
            Estimate(f"{section}.time_constant", "lognormal"),
            Estimate(f"{section}.activation_energy"),
            Estimate(f"{section}.sigma_activation_energy", "lognormal"),
            Estimate(f"{section}.shape", "lognormal"),
        ]
        own += [at, at + 1, at + 2, at + 3]
    not_identifiable += [
        f"retention: {estimate.name}, whose likelihood has no maximum in its range"
        for index, estimate in zip(own, names, strict=True)
        if covariance[index, index] == 0
    ]
    parameters, correlation = from_covariance(
        names, best[own], covariance[np.ix_(own, own)], one.source
    )
    for name_of_state in STATES:
        key = f"retention.{name_of_state}.reference_temperature"
        parameters[key] = exact(key, reference, one.source, "the middle one of the bakes")
    if max(cells) >= _MOST:
        not_identifiable.append(f"retention: looked at {_MOST} cells of each state only")
    hot = (float(table["temperature"].min()), float(table["temperature"].max()))
    valid = {f"retention.{state}.temperature": hot for state in STATES}
    valid |= {f"retention.{state}.time": (0.0, float(table["time"].max())) for state in STATES}
    not_identifiable.append(
        f"retention: below {hot[0] - 273.15:.0f} degC, where another barrier may count"
    )
    return Fit(
        "retention", parameters, correlation,
        {f"retention.{state}": "arrhenius_loss" for state in STATES}, valid,
        tuple(not_identifiable),
    )  # fmt: skip


_ERROR = 0.005


def _table(one: Reads) -> pd.DataFrame:
    table = one.table
    use = table["state"].isin(STATES) & (table["time"] > 0) & (table["first"] > 0)
    table = table[use & (table["conductance"] > 0) & table["temperature"].notna()]
    table = table[table["reads"].isna() | (table["reads"] == 0)]
    size = table.groupby(["state", "temperature"])["cell"].transform("nunique")
    return table[size >= _FEWEST]


def _stressed(table: pd.DataFrame, reference: float) -> Stressed:
    """Reads of at most `_MOST` evenly chosen runs; a run stands for a cell."""
    runs = table["run"].unique()
    kept = runs[np.linspace(0, len(runs) - 1, min(len(runs), _MOST)).astype(int)]
    table = table[table["run"].isin(kept)].sort_values("run", kind="stable")
    cell = table["run"].factorize()[0]
    t = table["temperature"].to_numpy()
    inverse = (1 / t - 1 / reference) / BOLTZMANN
    return Stressed(
        cell, table["first"].to_numpy(), table["conductance"].to_numpy(), table["time"].to_numpy(),
        np.column_stack([np.ones(len(t)), inverse]), 1 / (BOLTZMANN * t),
    )  # fmt: skip


def _middle(states: Sequence[Stressed]) -> float:
    """ln of the geometric middle of both states' resistances."""
    return float(np.mean([-np.log(np.median(state.first)) for state in states]))
