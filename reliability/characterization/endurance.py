"""Endurance: cycles until a cell stays in one state, with the cells that did not fail censored."""

import numpy as np
import pandas as pd
from scipy import special

from reliability.characterization.estimates import (
    Array,
    Estimate,
    Fit,
    assumed,
    exact,
    from_covariance,
)
from reliability.characterization.read_table import ROOM, Reads
from reliability.lifetime import LifetimeFit, fit_lifetime
from reliability.lifetime.claims import CLOSE
from reliability.technology import STATES

_FEWEST = 8  # cells
_FAILURES = 5
_READS = 5  # of a cell over its cycles
_QUARTER, _CHANCE = 0.25, 1e-4
_MODELS = ("weibull", "lognormal")


def failures(one: Reads) -> pd.DataFrame:
    """Return the interval of cycles in which each cell failed for good.

    A read shows a switching cell when ln(R_HRS / R_LRS) is more than a quarter of what it is in the
    first tenth of the cycles (median of all cells). A cell has failed for good when it switches no
    more from some read to its last one, at least three times, and so often that its own rate of
    reads without a switch before would make that in one of 10 000 cells. A state that is misread
    now and then is the spread of the state, not its end.

    Returns
    -------
    DataFrame
        ``good`` (last cycle at which the cell worked), ``bad`` (first read after which it did not;
        infinite where it still worked) and ``stuck`` ("LRS", "HRS" or ""), one row a cell. Empty
        where the file does not follow both states of cells over cycles.
    """
    table = one.table[one.table["state"].isin(STATES) & one.table["cycles"].notna()]
    wide = table.pivot_table(index=["cell", "cycles"], columns="state", values="conductance")
    wide = wide.dropna()
    nothing = pd.DataFrame({"good": [], "bad": [], "stuck": []})
    if set(STATES) - set(wide.columns) or wide.empty:
        return nothing
    cycles = wide.index.get_level_values("cycles").to_numpy(float)
    # an HRS of no current leaves the window open, an LRS of none is no LRS
    shown = wide.where(wide > 0)
    window = pd.Series(np.log(shown["LRS"] / shown["HRS"]))
    early = shown[cycles <= np.quantile(cycles, 0.1)]
    needed = _QUARTER * float(window[early.index].median())
    middle = float(np.sqrt(early["LRS"].median() * early["HRS"].median()))
    window = window.where(wide["HRS"] > 0, np.inf).where(wide["LRS"] > 0, -np.inf)
    rows = []
    for cell, reads in wide.assign(works=window > needed).groupby(level="cell"):
        at = reads.index.get_level_values("cycles").to_numpy(float)
        works = reads["works"].to_numpy()
        if len(at) < _READS or not works[: max(len(at) // 10, 1)].any():
            continue
        last = int(np.flatnonzero(works)[-1])
        idle, run = int((~works[: last + 1]).sum()), len(at) - 1 - last
        rate = (idle + 1) / (last + 3)
        failed = run >= max(3.0, np.log(_CHANCE) / np.log(rate))
        end = float(reads["LRS"].iloc[-1] * reads["HRS"].iloc[-1])
        stuck = "LRS" if end > middle**2 else "HRS"
        rows.append(
            {
                "cell": cell, "good": at[last] if failed else at[-1],
                "bad": at[last + 1] if failed else np.inf, "stuck": stuck if failed else "",
            }
        )  # fmt: skip
    return pd.DataFrame(rows) if len(rows) >= _FEWEST else nothing


def fit_endurance(one: Reads, lives: pd.DataFrame) -> Fit:
    """Fit the section ``endurance``.

    Parameters
    ----------
    one : Reads
    lives : DataFrame
        From `failures`, with failures enough.

    Notes
    -----
    The distribution with the best AICc of Weibull and log-normal. Where the other is within 4, as
    in a claim (`reliability.lifetime.claims`), its 1 % and 50 % lives are one sigma away on the
    card.
    """
    found = sorted((_fit(lives, model) for model in _MODELS), key=lambda fit: fit.aicc)
    fit, rival = found
    model = fit.distribution.name
    transformed, slope = _logarithms(fit)
    covariance = fit.covariance * np.outer(slope, slope)
    if rival.aicc - fit.aicc <= CLOSE:
        away = _equivalent(rival, model) - transformed
        covariance += np.outer(away, away)
    names = [Estimate("endurance.scale", "lognormal"), Estimate("endurance.shape", "lognormal")]
    parameters, correlation = from_covariance(names, transformed, covariance, one.source)
    stuck = lives.loc[np.isfinite(lives["bad"]), "stuck"]
    fraction, count = float((stuck == "LRS").mean()), len(stuck)
    error = np.sqrt((fraction * (1 - fraction) + 1 / count) / count)
    extra, _ = from_covariance(
        [Estimate("endurance.stuck_lrs", valid=(0.0, 1.0))], np.array([fraction]),
        np.array([[error**2]]), one.source,
    )  # fmt: skip
    kelvin = float(one.table["temperature"].fillna(ROOM).median())
    name = "endurance.reference_temperature"
    parameters |= extra | {name: exact(name, kelvin, one.source)}
    needed = {
        f"endurance.sigma_{level}": assumed(
            f"endurance.sigma_{level}", 0.0, "none; not identifiable from the data"
        )
        for level in ("lot", "wafer", "die")
    }
    for key, value, why in (
        ("activation_energy", 0.0, "temperature does nothing; one temperature was measured"),
        ("reference_energy", 1e-10, "the programming energy is not in the data"),
        ("energy_exponent", 0.0, "energy does nothing; one programming condition was measured"),
        ("onset", 1e4, "without effect as long as the window does not close"),
    ):
        needed[f"endurance.{key}"] = assumed(f"endurance.{key}", value, why)
    not_identifiable = (
        f"endurance: beyond {lives['good'].max():.3g} cycles, the longest that a cell was cycled",
        "endurance: what temperature and programming energy do",
    )
    return Fit(
        "endurance", parameters, correlation, {"endurance": model}, {}, not_identifiable, needed
    )


def enough(lives: pd.DataFrame) -> bool:
    """Return whether cells enough failed for a model of their lives."""
    return int(np.isfinite(lives["bad"]).sum()) >= _FAILURES


def _logarithms(fit: LifetimeFit) -> tuple[Array, Array]:
    """Logarithms of scale and shape as a card has them, and their slopes in the parameters.

    The card has the median of log-normal lives, and the inverse of the sigma of ln cycles.
    """
    if fit.distribution.name == "weibull":
        scale, shape = fit.parameters["scale"], fit.parameters["shape"]
        return np.log([scale, shape]), np.array([1 / scale, 1 / shape])
    mu, sigma = fit.parameters["mu"], fit.parameters["sigma"]
    return np.array([mu, -np.log(sigma)]), np.array([1.0, -1 / sigma])


def _equivalent(rival: LifetimeFit, model: str) -> Array:
    """ln scale and ln shape with which a model has the rival's 1 % and 50 % lives."""
    p = np.array([0.01, 0.5])
    z = np.log(-np.log1p(-p)) if model == "weibull" else special.ndtri(p)
    low, middle = np.log(rival.quantile(p, method="wald").value)
    inverse = (middle - low) / (z[1] - z[0])
    return np.array([middle - z[1] * inverse, -np.log(inverse)])


def _fit(lives: pd.DataFrame, model: str) -> LifetimeFit:
    return fit_lifetime(lower=lives["good"], upper=lives["bad"], distribution=model)
