"""Intervals of the resistance and the sigmas of a state hold over simulated wafers."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from reliability.characterization import reads_of
from reliability.characterization.programming import fit_state
from reliability.measurements import read_measurements
from tests.characterization.simulated import distance

TRUE = {"resistance": 1e4, "sigma_wafer": 0.08, "sigma_die": 0.05, "sigma_cell": 0.25}


def wafers_of_normal_conductance(rng: np.random.Generator, wafers: int) -> xr.Dataset:
    """LRS with a relative deviation of wafers, dies and cells; HRS log-normal."""
    shape = (wafers, 12, 20)
    deviation = sum(
        TRUE[f"sigma_{level}"] * rng.standard_normal(shape[: k + 1] + (1,) * (2 - k))
        for k, level in enumerate(("wafer", "die", "cell"))
    )
    lrs = np.maximum(1 - deviation, 0.01) / TRUE["resistance"]
    hrs = 1e-6 * np.exp(rng.normal(0, 0.5, shape))
    return xr.Dataset(
        {"conductance": (("wafer", "die", "cell", "state"), np.stack([lrs, hrs], -1))},
        coords={"state": ["LRS", "HRS"], "wafer": range(wafers), "die": range(12)},
        attrs={"source": "states.csv", "problems": []},
    )


def simulate(wafers: int, files: int) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Fraction of 90 % intervals that hold and their median sigma, each parameter; correlations.

    The last two are those of the resistance with sigma_cell: over the files, and as stated.
    """
    away, sigma, fitted, stated = [], [], [], []
    for seed in range(files):
        data = wafers_of_normal_conductance(np.random.default_rng(seed), wafers)
        fit = fit_state(reads_of(data), "LRS", 100.0)
        found = [fit.parameters[f"programming.LRS.{name}"] for name in TRUE]
        assert fit.models == {"programming.LRS": "normal_conductance"}
        away.append([distance(p, true) for p, true in zip(found, TRUE.values(), strict=True)])
        sigma.append([p.sigma for p in found])
        fitted.append([np.log(found[0].value), np.log(found[3].value)])
        matrix, names = fit.correlation.matrix, fit.correlation.parameters
        stated.append(matrix[0][names.index("programming.LRS.sigma_cell")])
    held = np.mean(np.abs(away) < 1.645, axis=0)
    return held, np.median(sigma, axis=0), np.corrcoef(np.transpose(fitted))[0, 1], np.mean(stated)


def check(wafers: int, files: int) -> None:
    held, sigma, correlation, stated = simulate(wafers, files)
    error = np.sqrt(0.09 / files)
    assert np.all(held > 0.9 - 3 * error), held
    # The relative error of the mean is that of wafers, and part of every relative sigma.
    wafer = TRUE["sigma_wafer"] / np.sqrt(wafers)
    assert np.all(sigma[[0, 3]] > 0.8 * wafer)
    assert np.all(sigma[[0, 3]] < 2 * wafer)
    assert np.all(sigma[1:3] < [1.2, 0.5])
    assert 0.75 < stated < 0.95
    if files > 50:
        assert stated == pytest.approx(correlation, abs=0.1)


def test_an_error_of_the_mean_conductance_is_one_of_its_relative_sigmas():
    check(wafers=6, files=3)


def test_the_resistance_is_that_of_the_mean_wafer_not_of_the_mean_cell(tmp_path):
    """One wafer with ten times as many cells; wafers differ by more than all that is in them."""
    rng = np.random.default_rng(3)
    wafer = np.repeat(np.arange(4), [400, 40, 40, 40])
    mean = np.array([1.2, 1.1, 1.0, 0.8])[wafer] * 1e-4
    lrs = mean * (1 + 0.04 * rng.standard_normal(wafer.size))
    table = pd.DataFrame({"wafer": wafer, "die": 0, "cell": np.arange(wafer.size)})
    hrs = 1e-6 * np.exp(rng.normal(0, 0.5, wafer.size))
    states = {"LRS": lrs, "HRS": hrs}
    rows = [table.assign(state=name, conductance=g) for name, g in states.items()]
    path = tmp_path / "states.csv"
    pd.concat(rows).to_csv(path, index=False)
    fit = fit_state(reads_of(read_measurements(path)), "LRS", 100.0)
    assert fit.models == {"programming.LRS": "normal_conductance"}
    of_wafers = [lrs[wafer == k].mean() for k in range(4)]
    found = fit.parameters["programming.LRS.resistance"].value
    assert found == pytest.approx(1 / np.mean(of_wafers), rel=2e-3)


@pytest.mark.slow
@pytest.mark.parametrize("wafers", [4, 8])
def test_intervals_of_a_state_hold(wafers):
    check(wafers, files=60)
