"""Pulses per write and failures against cycles, for `reliability.devices.write_methods`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from reliability.characterization.estimates import (
    Array,
    Estimate,
    Fit,
    assumed,
    from_covariance,
)
from reliability.characterization.wear import ONSET, WHY
from reliability.devices.wear import log_growth
from reliability.errors import InputError
from reliability.technology import Parameter

_FEWEST = 20  # writes of a die
_PULSES = ("set_pulses", "reset_pulses")
_TOTAL = ("write_pulses", "pulses_per_write", "pulses")


def is_writes(dataset: xr.Dataset) -> bool:
    """Return whether a measured Dataset has the pulses of writes, and no conductances."""
    return "conductance" not in dataset and any(n in dataset for n in (*_PULSES, *_TOTAL))


@dataclass(frozen=True)
class _Writes:
    """Writes of one method: mean of ln and its variance for each number of cycles and die."""

    cycles: Array
    pulses: Array
    pulses_variance: Array
    failed: Array
    writes: Array


def fit_writes(dataset: xr.Dataset, onset: float = ONSET) -> Fit:
    """Fit pulses per write, failures, and their growth with cycles, for each write method.

    Parameters
    ----------
    dataset : Dataset
        ``set_pulses`` and ``reset_pulses``, or ``write_pulses`` (``pulses_per_write``,
        ``pulses``), by ``cycles`` and, if there are several, ``method``; ``success`` (1 or 0).
    onset : float
        x_on.

    Raises
    ------
    InputError
        No write with a number of pulses.

    Notes
    -----
    Means of dies (chips) count alike: their scatter about each other, of all methods together, is
    that of a mean. Growth is that of ln N with ln(1 + w). Failing writes are counts with a
    logarithmic link, whose variance is that of the dies where it exceeds a Poisson count's.
    """
    name = str(dataset.attrs.get("source", "the Dataset"))
    table = _write_table(dataset)
    if table.empty:
        raise InputError(f"{name}: no write with a number of pulses")
    digest = dataset.attrs.get("source_sha256")
    source = f"{name} ({len(table)} writes{f', sha256 {digest}' if digest else ''})"
    methods = {str(method): _of_dies(rows) for method, rows in table.groupby("method")}
    scatter = _die_scatter(list(methods.values()))
    parameters: dict[str, Parameter] = {}
    gaps = []
    for method, found in methods.items():
        section = f"write.{_key(method)}"
        error = found.pulses_variance / found.pulses**2 + scatter
        parameters |= _growth(section, "pulses", "pulse_growth", found, np.log(found.pulses),
                              error, onset, source)  # fmt: skip
        if np.isfinite(found.failed).all():
            if all(found.failed[found.cycles == n].any() for n in np.unique(found.cycles)):
                parameters |= _failing(section, found, onset, source)
            else:
                gaps.append(f"wear: failing writes of {method} (none at a number of cycles)")
        if len(np.unique(found.cycles)) < 2:
            gaps.append(f"wear: growth of the pulses of {method} (one number of cycles)")
    top = float(table["cycles"].max())
    parameters["wear.onset"] = assumed("wear.onset", onset, WHY)
    return Fit(
        "writes", parameters, None, {}, {"wear.cycles": (0.0, top)}, tuple(gaps),
        replaces=("write.*",),
    )  # fmt: skip


def _key(method: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", method.lower()).strip("_") or "measured"


def _write_table(dataset: xr.Dataset) -> pd.DataFrame:
    total = next((dataset[n] for n in _TOTAL if n in dataset), None)
    if total is None:
        parts = [dataset[n] for n in _PULSES if n in dataset]
        total = sum(parts[1:], parts[0])
    flat = xr.Dataset({"total": total})
    if "success" in dataset:
        flat["success"] = dataset["success"]
    keep = [n for n in ("method", "die", "cycles") if n in dataset.coords]
    flat = flat.assign_coords({n: dataset[n] for n in keep})
    table = flat.to_dataframe().reset_index()
    table = table[np.isfinite(table["total"]) & (table["total"] > 0)]
    for key, value in (("method", "measured"), ("die", 0), ("cycles", 0.0), ("success", np.nan)):
        if key not in table:
            table[key] = value
    return table


def _of_dies(rows: pd.DataFrame) -> _Writes:
    grouped = rows.groupby(["cycles", "die"])
    size = grouped.size()
    size = size[size >= _FEWEST]
    if size.empty:
        raise InputError(f"writes: got fewer than {_FEWEST} of {rows['method'].iloc[0]}")
    mean, variance = (getattr(grouped["total"], how)()[size.index] for how in ("mean", "var"))
    failed = 1 - grouped["success"].mean()[size.index]
    return _Writes(
        size.index.get_level_values(0).to_numpy(float), mean.to_numpy(float),
        variance.to_numpy(float) / size.to_numpy(float), failed.to_numpy(float),
        np.asarray(size, float),
    )  # fmt: skip


def _die_scatter(methods: Sequence[_Writes]) -> float:
    """Variance of ln of the mean pulses of a die, of dies that were written alike."""
    square, free = 0.0, 0
    for one in methods:
        for cycles in np.unique(one.cycles):
            logs = np.log(one.pulses[one.cycles == cycles])
            square += float(((logs - logs.mean()) ** 2).sum())
            free += len(logs) - 1
    return square / free if free else 0.0


def _level_and_growth(
    section: str, level: str, exponent: str, found: _Writes, onset: float
) -> tuple[list[Estimate], Array]:
    """What is estimated, and the design: a level, and where cycles differ its growth exponent."""
    length = log_growth(onset, found.cycles)
    estimates, design = [Estimate(f"{section}.{level}", "lognormal")], np.ones((len(length), 1))
    if len(np.unique(found.cycles)) > 1:
        estimates.append(Estimate(f"{section}.{exponent}"))
        design = np.column_stack([design, length])
    return estimates, design


def _growth(
    section: str, level: str, exponent: str, found: _Writes, y: Array, variance: Array,
    onset: float, source: str,
) -> dict[str, Parameter]:  # fmt: skip
    """Fresh value and growth exponent of ln y against ln(1 + w), by weighted least squares."""
    estimates, design = _level_and_growth(section, level, exponent, found, onset)
    weight = design.T / variance
    inverse: Array = np.asarray(np.linalg.inv(weight @ design), np.float64)
    values: Array = np.asarray(inverse @ (weight @ y), np.float64)
    return from_covariance(estimates, values, inverse, source)[0]


def _failing(section: str, found: _Writes, onset: float, source: str) -> dict[str, Parameter]:
    """Fraction of fresh writes that fail, and its growth exponent, from counts of dies."""
    from statsmodels.genmod.families import Poisson
    from statsmodels.genmod.generalized_linear_model import GLM

    estimates, design = _level_and_growth(section, "failed", "failed_growth", found, onset)
    counts = np.round(found.failed * found.writes)
    fit = GLM(counts, design, family=Poisson(), offset=np.log(found.writes)).fit()
    free = len(counts) - design.shape[1]
    scale = max(1.0, float(fit.pearson_chi2) / free) if free else 1.0
    covariance = np.asarray(fit.cov_params(), float) * scale
    return from_covariance(estimates, np.asarray(fit.params, float), covariance, source)[0]
