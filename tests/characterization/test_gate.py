"""Gate sweeps: the fit on a measured array and on simulated sweeps, and what a card gets of it."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import reliability as rel
from reliability.characterization.gate import fit_curve
from reliability.devices import gate

RANGES = {"SET": ("set", 2.095, 2.405), "RESET": ("reset", 2.395, 2.905)}


@pytest.mark.parametrize("operation", RANGES)
def test_gate_curve_predicts_held_out_cells(operation: str, shared: Path) -> None:
    name, low, high = RANGES[operation]
    columns = ["cell", "width", "line", "voltage", "before", "after"]
    sweep = pd.read_csv(
        shared / f"measured/radar_{name}_sweep_wl.tsv.gz", sep="\t", header=None, names=columns
    )
    before = sweep[sweep.voltage == 0].before.median()
    sweep = sweep[sweep.voltage.between(low, high)]
    coverage, medians = [], []
    for split in range(10):
        cells = np.random.default_rng(split).permutation(sweep.cell.unique())
        known = sweep[sweep.cell.isin(cells[:25])]
        other = sweep[~sweep.cell.isin(cells[:25])]
        curve = fit_curve(operation, known.voltage, known.after, known.cell, before)
        bottom, top = gate.interval(curve, other.voltage, 0.9)
        inside = ((other.after >= bottom) & (other.after <= top)).groupby(other.cell).mean()
        # 25 held-out cells count once each, however often they were swept
        assert abs(inside.mean() - 0.9) < 3 * math.sqrt(0.9 * 0.1 / 25)
        coverage.append(inside.mean())
        ratio = other.after / gate.resistance(curve, other.voltage)
        medians.append(np.log(ratio).groupby(other.voltage.round(3)).median().mean())
    assert 0.85 < np.mean(coverage) < 0.96
    assert abs(np.mean(medians)) < (0.01 if operation == "SET" else 0.08)


def test_gate_fit_recovers_what_made_the_data() -> None:
    rng = np.random.default_rng(0)
    true = gate.GateCurve("RESET", 6e3, 2.3, 0.0, 80e3, 1.0, sigma_cell=0.4, sigma_sweep=0.3)
    cell, _, v = np.meshgrid(
        np.arange(200), np.arange(10), np.arange(2.4, 2.9, 0.05), indexing="ij"
    )
    own = rng.standard_normal(200)[cell] * 0.4 + rng.standard_normal((200, 10, 1)) * 0.3
    r = gate.resistance(true, v) * np.exp(own)
    found = fit_curve("RESET", v.ravel(), r.ravel(), cell.ravel(), 6e3)
    assert found.threshold == pytest.approx(2.3, abs=0.02)
    assert found.exponent == pytest.approx(1.0, abs=0.1)
    assert found.sigma_cell == pytest.approx(0.4, rel=4 / math.sqrt(2 * 200))
    assert found.sigma_sweep == pytest.approx(0.3, rel=4 / math.sqrt(2 * 1800))


def test_gate_fit_needs_cells() -> None:
    with pytest.raises(rel.InputError, match="8 cells"):
        fit_curve("SET", [2.1, 2.2, 2.3, 2.4], [5e3] * 4, [1] * 4, 6e3)


def test_gate_fit_needs_a_second_sweep() -> None:
    v = np.tile([2.4, 2.5, 2.6, 2.7], 8)
    cell, after = np.repeat(np.arange(8), 4), 8e4 * (v - 2.3)
    with pytest.raises(rel.InputError, match="one sweep of each cell"):
        fit_curve("RESET", v, after, cell, 6e3)


@pytest.fixture(scope="module")
def simulated() -> xr.Dataset:
    """A RESET sweep from 2.0 to 3.0 V on a curve with a threshold of 2.3 V and n = 1.2."""
    rng = np.random.default_rng(3)
    true = gate.GateCurve("RESET", 6e3, 2.3, 0.0, 80e3, 1.2)
    v = np.arange(2.0, 3.0, 0.05).round(3)
    own = 0.3 * rng.standard_normal((120, 1, 1)) + 0.2 * rng.standard_normal((120, len(v), 6))
    after = np.maximum(gate.resistance(true, v)[:, None] * np.exp(own), 6e3)
    dims = ("cell", "word_line_voltage", "repeat")
    return xr.Dataset(
        {"conductance_after": (dims, 1 / after),
         "conductance_before": (dims, np.full(after.shape, 1 / 6e3))},
        coords={"cell": np.arange(120), "word_line_voltage": v, "repeat": np.arange(6)},
        attrs={"source": "sweep.tsv", "operation": "reset"},
    )  # fmt: skip


@pytest.mark.slow
def test_a_sweep_gives_threshold_and_exponent_of_a_card(simulated: xr.Dataset) -> None:
    card = rel.characterize(simulated, name="mine")
    for name, true in (("reset_threshold", 2.3), ("reset_exponent", 1.2)):
        found = card.parameters[f"programming.HRS.{name}"]
        assert found.confidence == "fitted"
        assert found.sigma
        assert abs(found.value - true) < 4 * found.sigma
    assert card.correlation["programming_gate"].matrix[0][1] < -0.5
    base = rel.load_technology("oxram-130nm")
    both = rel.characterize(simulated, name="mine", base=base)
    ratio = [
        rel.set_conditions(c, reset_voltage=2.9)["programming.HRS.resistance"]
        / c["programming.HRS.resistance"]
        for c in (base, both)
    ]
    v_t, n = (both[f"programming.HRS.reset_{k}"] for k in ("threshold", "exponent"))
    assert ratio[1] == pytest.approx(((2.9 - v_t) / (2.7 - v_t)) ** n)
    assert ratio[1] > ratio[0]


@pytest.mark.parametrize("operation", ["set", "reset"])
def test_measured_sweeps_are_fitted(operation: str, shared: Path) -> None:
    data = rel.read_measurements(shared / f"measured/radar_{operation}_sweep_wl.tsv.gz")
    card = rel.characterize(data, name="mine")
    if operation == "set":
        assert "SET: R = " in card.description
    else:
        found = card.parameters["programming.HRS.reset_threshold"]
        assert abs(found.value - 2.3) < 3 * (found.sigma or 0)  # as the card oxram-130nm has it
        assert card.parameters["programming.HRS.reset_exponent"].confidence == "fitted"


def test_a_sweep_of_no_operation_is_refused(simulated: xr.Dataset) -> None:
    with pytest.raises(rel.InputError, match="allowed: reset, set"):
        rel.characterize(simulated.assign_attrs(operation="form"), name="mine")
