"""How far off a model is: what a check says in engineering units, with a verdict for each use.

A fraction of statistics outside their interval says whether chance explains a misfit; it falls when
cells are left out. Distances do not: quantiles in microsiemens and percent, and the factor between
simulated and measured error rates at the references that 1 % of the measured cells cross.
"""

import math
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.units import duration, engineering

HOT = 333.0  # K; reads above are those of bakes
_FEWEST = 200  # cells that a quantile of 1 % is made of
# Largest median error for "usable" and for "with care".
_LIMITS = {
    "means": (0.02, 0.05), "levels": (0.02, 0.05), "heat": (0.05, 0.10), "error rates": (1.5, 3.0)
}  # fmt: skip
_ALIKE = 0.05  # of a measured fraction
_WORDS = ("usable", "with care", "not usable")


def misfit(check: xr.Dataset) -> dict[str, Any]:
    """Return how far the model is off, as attributes of a check.

    Parameters
    ----------
    check : Dataset
        From `reliability.posterior_predictive`.

    Returns
    -------
    dict
        Medians over levels and conditions of aged cells: ``mean_error`` and ``quantile_error``
        (of the 5 and 95 % quantiles; S of levels, ln G of states), the same ``_relative`` to the
        level (or in ln G), ``heat_error_relative`` (quantiles after bakes), and
        ``tail_error_factor``: the factor between the simulated and the measured fraction of cells
        beyond the quantiles of 1 and 99 %, 1 if the model is right. ``verdict`` says for each use
        (means, levels, error rates, heat) whether the card is usable, and ``misfit`` sums up.
        What the data do not hold is left out.
    """
    found: dict[str, Any] = {}
    aged = _aged(check, "")
    mean = check["quantity"].values == "mean"
    quantile = np.isin(check["quantity"].values, ("q05", "q95"))
    hot = check["temperature"].values > HOT
    for name, use in (
        ("mean_error", mean & ~hot), ("quantile_error", quantile & ~hot),
        ("heat_error", quantile & hot),
    ):  # fmt: skip
        absolute, relative = _distance(check, use & aged)
        if absolute is not None:
            found |= {name: absolute, f"{name}_relative": relative}
    factor = _tail_factor(check)
    if factor is not None:
        found["tail_error_factor"] = factor
    sizes = {"means": "mean_error_relative", "levels": "quantile_error_relative",
             "error rates": "tail_error_factor", "heat": "heat_error_relative"}  # fmt: skip
    verdict = {
        use: _WORDS[int(np.searchsorted(_LIMITS[use], found[size], side="right"))]
        for use, size in sizes.items() if size in found
    }  # fmt: skip
    if not verdict:
        return {}
    of_levels = bool(np.isfinite(check["level"].values).any())
    return found | {
        "verdict": "; ".join(f"{use}: {word}" for use, word in verdict.items()),
        "misfit": _sentence(found, of_levels),
    }


class LevelErrors(NamedTuple):
    """Cells that a bake, or time, has taken out of their level: fractions, over all levels.

    ``modelled`` is that of the nominal card, ``low`` and ``high`` of cards drawn from their
    uncertainty.
    """

    condition: str
    cells: int
    measured: float
    modelled: float
    low: float
    high: float

    @property
    def misfit(self) -> str:
        """By which factor the model is off, and whether the interval holds the measured one."""
        inside = "inside" if self.low <= self.measured <= self.high else "outside"
        ratio = self.modelled / self.measured if self.measured else math.inf
        if self.measured == self.modelled == 0:
            words = "none measured, none modelled"
        elif abs(self.modelled - self.measured) < _ALIKE * self.measured:
            words = "off by less than 5 %"
        elif not self.measured or not self.modelled:
            words = f"none {'modelled' if self.measured else 'measured'}"
        else:
            factor = _digits(max(ratio, 1 / ratio))
            words = f"too {'many' if ratio > 1 else 'few'} by a factor of {factor}"
        return f"{words}; measured value {inside} the interval"

    def __str__(self) -> str:
        measured, modelled, low, high = (f"{_digits(100 * x)} %" for x in self[2:])
        return (
            f"level errors after {self.condition}: measured {measured} of {self.cells} cells, "
            f"modelled {modelled} ({low} to {high}); {self.misfit}"
        )


def level_errors(check: xr.Dataset) -> list[LevelErrors]:
    """Return the level errors of each condition, measured and modelled.

    Parameters
    ----------
    check : Dataset
        From `reliability.posterior_predictive`.
    """
    found = []
    for k in range(check.sizes.get("group", 0)):
        at = check.isel(group=k)
        time, kelvin, reads = (
            float(at[f"group_{name}"]) for name in ("time", "temperature", "reads")
        )
        words = str(at["group_label"].values).removeprefix("all levels").removeprefix(" after ")
        parts = [words] if words else []
        parts += [f"{duration(time)} at {engineering(kelvin, 'K')}"] if time else []
        parts += [f"{reads:.3g} reads"] if reads else []
        values = (float(at[f"group_{name}"]) for name in ("observed", "nominal", "low", "high"))
        found.append(LevelErrors(" and ".join(parts), int(at["group_cells"]), *values))
    return found


def _aged(check: xr.Dataset, prefix: str) -> NDArray[np.bool_]:
    time, reads = (check[prefix + name].values for name in ("time", "reads"))
    return np.asarray((time > 0) | (reads > 0))


def _distance(check: xr.Dataset, use: NDArray[np.bool_]) -> tuple[float | None, float]:
    """Median distance of observed and simulated, and relative to the level."""
    if not use.any():
        return None, math.nan
    part = check.isel(statistic=use)
    off = abs(part["observed"] - part["median"]).values
    level = part["level"].values
    relative = np.where(np.isfinite(level), off / np.where(level > 0, level, np.nan), off)
    return float(np.median(off)), float(np.nanmedian(relative))


def _tail_factor(check: xr.Dataset) -> float | None:
    quantity = check["detail_quantity"].values
    use = np.isin(quantity, ("below_q01", "above_q99")) & _aged(check, "detail_")
    use &= check["detail_cells"].values >= _FEWEST
    if not use.any():
        return None
    part = check.isel(detail=use)
    floor = 0.5 / part["detail_cells"].values  # of a fraction that was not simulated
    ratio = np.maximum(part["detail_median"].values, floor) / part["detail_observed"].values
    return float(np.exp(np.median(np.abs(np.log(ratio)))))


def _digits(x: float) -> str:
    """Two digits, without an exponent.

    >>> _digits(0.0123), _digits(4.26), _digits(123.0)
    ('0.012', '4.3', '120')
    """
    return f"{float(f'{x:.2g}'):f}".rstrip("0").rstrip(".") if x else "0"


def _sentence(found: dict[str, Any], of_levels: bool) -> str:
    def size(name: str) -> str:
        percent = f"{_digits(100 * found[name + '_relative'])} %"
        if of_levels:
            return f"{_digits(1e6 * found[name])} µS ({percent})"
        return percent

    parts = [
        f"{words} {size(name)}"
        for name, words in (
            ("mean_error", "means"), ("quantile_error", "5 and 95 % quantiles"),
            ("heat_error", "the same after bakes" if "quantile_error" in found else
             "5 and 95 % quantiles after bakes"),
        ) if name in found
    ]  # fmt: skip
    text = "off by (median): " + ", ".join(parts)
    if "tail_error_factor" in found:
        factor = _digits(found["tail_error_factor"])
        text += f"; error rates of 1 % within a factor of {factor}"
    return text
