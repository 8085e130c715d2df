"""Read disturb of a state from reads: `reliability.devices.read_disturb`, model ``lognormal``."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd

from reliability.characterization.estimates import (
    Array,
    Estimate,
    Fit,
    assumed,
    exact,
    from_covariance,
)
from reliability.characterization.loss import Stressed, log_likelihood, maximise
from reliability.characterization.read_table import ROOM, Reads
from reliability.devices.read_disturb import hopping
from reliability.technology import STATES, Parameter

_FEWEST = 20  # cells of a state
_MOST = 500
_TRACE = 1000  # reads of a cell from which on the file is a trace of noise


def disturbed_states(one: Reads) -> list[str]:
    """Return the states of which a file has cells enough that were read many times."""
    table = _table(one)
    if table.empty or table.groupby("run").size().median() >= _TRACE:
        return []
    cells = table.groupby("state")["cell"].nunique()
    return [state for state in STATES if cells.get(state, 0) >= _FEWEST]


def fit_read_disturb(one: Reads, state: str) -> Fit:
    """Fit the section ``read_disturb.<state>``.

    Parameters
    ----------
    one : Reads
    state : {"LRS", "HRS"}
    """
    section = f"read_disturb.{state}"
    table = _table(one).query("state == @state")
    volts = table["read_voltage"].abs()
    several = volts.nunique() >= 2
    reference = float(volts.median()) if volts.notna().any() else math.nan
    data, volt = _stressed(table)

    def loss(x: Array) -> Array:
        if not several:
            return -log_likelihood(data, x[1:], x[0], _SPREAD_OF_END)
        b = math.log(10) * x[2]
        factor = hopping(b * volt) / hopping(b * reference)
        equivalent = replace(data, stress=data.stress * factor)
        return -log_likelihood(equivalent, np.delete(x[1:], 1), x[0], _SPREAD_OF_END)

    g = data.conductance[data.stress == data.stress.max()]
    moved = -math.log(np.quantile(g, 0.9 if state == "HRS" else 0.1))
    start = [moved, math.log(np.median(data.stress)), 0.0, -0.1, math.log(0.1)]
    bounds = [(3.0, 25.0), (-5.0, 80.0), (math.log(0.05), math.log(8)), (-1.8, 1.0),
              (math.log(0.005), 0.7)]  # fmt: skip
    if several:
        start.insert(2, 10.0)
        bounds.insert(2, (0.1, 60.0))
    best, covariance = maximise(loss, np.array(start), bounds)
    names = [
        Estimate(f"{section}.asymptotic_resistance", "lognormal"),
        Estimate(f"{section}.reads", "lognormal"),
        *([Estimate(f"{section}.voltage_slope", valid=(0.0, 60.0))] if several else []),
        Estimate(f"{section}.sigma", "lognormal"),
        Estimate(f"{section}.shape", "lognormal"),
    ]
    n = len(names)
    parameters, correlation = from_covariance(names, best[:n], covariance[:n, :n], one.source)
    not_identifiable = [
        f"read disturb of the {state}: {name.name.rpartition('.')[2]}, whose likelihood has no "
        "maximum in its range"
        for k, name in enumerate(names)
        if covariance[k, k] == 0
    ]
    needed = _needed(section)
    not_identifiable.append(f"read disturb of the {state}: what temperature and pulse width do")
    if not several:
        needed[f"{section}.voltage_slope"] = assumed(
            f"{section}.voltage_slope", 10.5, "as JART VCM v1b, doi:10.1063/1.5108654", sigma=2.0
        )
        not_identifiable.append(f"read disturb of the {state}: what the read voltage does")
    name = "read_disturb.reference_voltage"
    if math.isnan(reference):
        needed[name] = assumed(name, 0.1, "the read voltage is not in the data")
    else:
        parameters[name] = exact(name, reference, one.source)
    name = "read_disturb.reference_temperature"
    kelvin = float(table["temperature"].fillna(ROOM).median())
    parameters[name] = exact(name, kelvin, one.source)
    valid = {f"{section}.voltage": (0.0, float(volts.max()))} if volts.notna().any() else {}
    return Fit(
        f"read_disturb_{state}", parameters, correlation, {section: "lognormal"}, valid,
        tuple(not_identifiable), needed, ("read_disturb.bound_*",),
    )  # fmt: skip


def _needed(section: str) -> dict[str, Parameter]:
    """Assume what reads of one width at one temperature do not hold."""
    return {
        f"{section}.activation_energy": assumed(
            f"{section}.activation_energy", 0.6, "between field-driven and the full barrier",
            sigma=0.3,
        ),
        "read_disturb.reference_width": assumed(
            "read_disturb.reference_width", 5e-8, "the width of the reads is not in the data"
        ),
        "read_disturb.width_exponent": assumed(
            "read_disturb.width_exponent", 1.0, "a dose proportional to time"
        ),
        "read_disturb.alternating_fraction": assumed(
            "read_disturb.alternating_fraction", 0.008, "as doi:10.1109/ETS63895.2025.11049639"
        ),
    }  # fmt: skip


_SPREAD_OF_END = 0.0  # the end of read disturb is one conductance


def _table(one: Reads) -> pd.DataFrame:
    table = one.table
    use = table["state"].isin(STATES) & (table["reads"] > 0) & (table["first"] > 0)
    return table[use & (table["conductance"] > 0)]


def _stressed(table: pd.DataFrame) -> tuple[Stressed, Array]:
    """Reads of evenly chosen runs, and their voltage."""
    runs = table["run"].unique()
    kept = runs[np.linspace(0, len(runs) - 1, min(len(runs), _MOST)).astype(int)]
    table = table[table["run"].isin(kept)].sort_values("run", kind="stable")
    data = Stressed(
        table["run"].factorize()[0], table["first"].to_numpy(), table["conductance"].to_numpy(),
        table["reads"].to_numpy(float), np.ones((len(table), 1)), np.ones(len(table)),
    )  # fmt: skip
    return data, table["read_voltage"].abs().to_numpy(float)
