"""States against cycles: closure of the window and growth of the spread.

Of `reliability.devices.endurance`, in files that follow both states over a decade of cycles.
"""

from dataclasses import dataclass

import numpy as np

from reliability.characterization.estimates import (
    Array,
    Estimate,
    Fit,
    exact,
    fitted_by,
    from_covariance,
    quartile_sigma,
)
from reliability.characterization.read_table import Reads
from reliability.technology import STATES, Parameter

_FEWEST = 20  # reads of a bin, and numbers of cycles
_CELLS = 8  # at least: closure and growth differ from cell to cell
_ONSETS = 24  # that are tried
_DECADES = 1.0  # of cycles that states must cover
_BINS = 6  # per decade


def can_fit(one: Reads) -> bool:
    """Return whether both states were followed over a decade of cycles, without times."""
    cycles = one.table.loc[one.table["cycles"] > 0, "cycles"]
    if (
        one.cells < _CELLS
        or one.has("time")
        or cycles.nunique() < _FEWEST
        or set(STATES) - set(one.table["state"])
    ):
        return False
    return bool(np.log10(cycles.max() / cycles.min()) >= _DECADES)


def fit_states(one: Reads) -> Fit | None:
    """Fit closure of the window and growth of the spread with cycles.

    Medians and robust sigmas of ln R, of bins of cycles evenly spaced in their logarithm, are
    followed to ``ln R -+ c log10(1 + x/x_on)`` and ``ln sigma + w ln(1 + x/x_on)``, with the onset
    that fits both states best. A change that is not above its standard error is not identifiable.
    None where nothing changes.
    """
    bins = {state: _bins_of(one, state) for state in STATES}
    at = np.concatenate([b.cycles for b in bins.values()])
    tried = np.geomspace(at.min(), at.max(), _ONSETS)
    losses = [sum(_line(b, y, s, onset)[2] for b in bins.values() for y, s in b.curves)
              for onset in tried]  # fmt: skip
    onset = float(f"{tried[int(np.argmin(losses))]:.3g}")
    parameters: dict[str, Parameter] = {}
    gaps = []
    for state, sign in zip(STATES, (1.0, -1.0), strict=True):
        b = bins[state]
        for name, (y, s), unit in (
            ("window_closure", b.curves[0], sign * np.log(10.0)),
            ("spread_growth", b.curves[1], 1.0),
        ):  # fmt: skip
            slope, error, _ = _line(b, y, s, onset)
            slope, error = slope * unit, error * abs(unit)
            key = f"endurance.{state}.{name}"
            if slope <= error:
                gaps.append(f"{key}: {slope:.2g} +- {error:.2g}, no change that the data show")
                continue
            parameters |= from_covariance(
                [Estimate(key, "lognormal")], np.array([np.log(slope)]),
                np.array([[(error / slope) ** 2]]), one.source,
            )[0]  # fmt: skip
    if not parameters:
        return None
    key = "endurance.onset"
    parameters[key] = exact(key, onset, one.source).model_copy(
        update={"confidence": "fitted", "source": fitted_by(one.source), "note": "most likely"}
    )
    top = float(one.table["cycles"].max())
    return Fit(
        "states_over_cycles", parameters, None, {}, {"endurance.cycles": (0.0, top)}, tuple(gaps)
    )


@dataclass(frozen=True)
class _Bins:
    cycles: Array
    curves: tuple[tuple[Array, Array], ...]  # median of ln R and ln sigma, each with its sigma


def _bins_of(one: Reads, state: str) -> _Bins:
    table = one.table[(one.table["state"] == state) & (one.table["conductance"] > 0)]
    table = table[table["cycles"] > 0]
    number = np.floor(np.log10(table["cycles"]) * _BINS)
    log_r, rows = -np.log(table["conductance"]), []
    for k, y in log_r.groupby(number):
        wide = quartile_sigma(y)
        if len(y) >= _FEWEST and wide > 0:
            n = len(y)
            rows.append((10 ** ((k + 0.5) / _BINS), y.median(), 1.25 * wide / np.sqrt(n),
                         np.log(wide), np.sqrt(1.36 / n)))  # fmt: skip
    found = np.array(rows, float).reshape(-1, 5).T
    return _Bins(found[0], ((found[1], found[2]), (found[3], found[4])))


def _line(bins: _Bins, y: Array, sigma: Array, onset: float) -> tuple[float, float, float]:
    """Slope of y against ln(1 + x/x_on), its error with the scatter of bins, and the loss."""
    floor = 0.02  # of a bin: reads of one bin are not independent
    weight = 1 / np.hypot(sigma, floor)
    design = np.column_stack([np.ones(len(y)), np.log1p(bins.cycles / onset)]) * weight[:, None]
    inverse = np.linalg.inv(design.T @ design + 1e-9 * np.eye(2))
    values = inverse @ design.T @ (y * weight)
    loss = float(((y * weight - design @ values) ** 2).sum())
    scatter = max(loss / max(len(y) - 3, 1), 1.0)
    return float(values[1]), float(np.sqrt(inverse[1, 1] * scatter)), loss
