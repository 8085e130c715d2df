"""Each phenomenon: known parameters come back from simulated cells within 4 of their own sigmas."""

import math
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

import reliability as rel
from reliability.characterization import card_of, fit_phenomena, reads_of
from reliability.characterization.cycles import fit_cycles
from reliability.characterization.endurance import failures, fit_endurance
from reliability.characterization.estimates import exact
from reliability.characterization.loss import Stressed, log_likelihood, maximise
from reliability.characterization.noise import can_fit, fit_noise
from reliability.characterization.programming import fit_state
from reliability.characterization.read_disturb import disturbed_states, fit_read_disturb
from reliability.characterization.relaxation import fit_relaxation
from reliability.characterization.retention import fit_retention
from reliability.devices import noise
from reliability.devices.read_disturb import ReadDisturb
from reliability.random import stream
from tests.characterization import simulated
from tests.characterization.simulated import distance

ROOM = 298.15


def test_hierarchy_of_two_states() -> None:
    card = rel.load_technology("oxram-200mm").with_values(simulated.NO_DEFECTS)
    data = simulated.states(card, 30, [], "time", [], wafers=6, dies=12)
    reads = reads_of(data)
    for state in ("LRS", "HRS"):
        fit = fit_state(reads, state, edge=100.0)
        section = f"programming.{state}."
        both = math.hypot(card[f"{section}sigma_cell"], card[f"{section}sigma_cycle"])
        true = {"resistance": card[f"{section}resistance"], "radial": card[f"{section}radial"],
                "sigma_die": card[f"{section}sigma_die"], "sigma_cell": both,
                "sigma_wafer": card[f"{section}sigma_wafer"]}  # fmt: skip
        for name, value in true.items():
            fitted = fit.parameters[f"{section}{name}"]
            lot = 4 * card[f"{section}sigma_lot"] if name == "resistance" else 0.0
            assert abs(distance(fitted, value)) < 4 + lot / (fitted.sigma or 1), name
        assert fit.models[f"programming.{state}"] == card.models[f"programming.{state}"]
        assert fit.needed[f"{section}sigma_lot"].confidence == "assumed"


def test_cycles() -> None:
    card = rel.load_technology("oxram-130nm").with_values(simulated.NO_DEFECTS)
    fit = fit_cycles(reads_of(simulated.cycles(card, 256, 300)), seed=0)
    for key, fitted in fit.parameters.items():
        if fitted.confidence == "fitted":
            assert abs(distance(fitted, card[key])) < 4, key
    assert fit.parameters["cycles.correlation_white"].value == 0  # and it says so
    assert fit.parameters["cycles.correlation_white"].confidence == "assumed"


def test_relaxation_of_two_states() -> None:
    card = simulated.part(
        rel.load_technology("oxram-130nm").with_values(simulated.NO_DEFECTS), "relaxation"
    )
    times = [1e-2, 1.0, 100.0, 3600.0, 1e5]
    data = simulated.states(card, 400, [rel.Segment(t) for t in times], "time", times)
    fit = fit_relaxation(reads_of(data), seed=0)
    assert fit.models == {"relaxation": "saturating"}
    assert fit.parameters["relaxation.reference_time"].value == 3600
    for key in ("LRS.sigma", "HRS.sigma", "LRS.shift", "HRS.shift"):
        assert abs(distance(fit.parameters[f"relaxation.{key}"], card[f"relaxation.{key}"])) < 4


def test_tails_and_fluctuation_of_two_states() -> None:
    card = simulated.part(
        rel.load_technology("oxram-130nm").with_values(simulated.NO_DEFECTS), "relaxation"
    )
    own = {"LRS.tail_down": 0.25, "HRS.tail_up": 0.15}
    true = {f"relaxation.{key}": value for key, value in own.items()}
    true["relaxation.fluctuation"] = 0.6
    parameters = {key: exact(key, value, "a test") for key, value in true.items()}
    card = replace(card, parameters=card.parameters | parameters)
    times = [0.1, 10.0, 1000.0]
    data = simulated.states(card, 1500, [rel.Segment(t) for t in times], "time", times, seed=3)
    fit = fit_relaxation(reads_of(data), seed=0)
    for key, value in true.items():
        assert abs(distance(fit.parameters[key], value)) < 4, key
    for state in ("LRS", "HRS"):
        key = f"relaxation.{state}.sigma"
        assert fit.parameters[key].value == pytest.approx(card[key], rel=0.12)
    assert "relaxation.HRS.tail_down" not in fit.parameters


def test_relaxation_that_goes_on_is_told() -> None:
    card = simulated.part(
        rel.load_technology("oxram-130nm").with_values(simulated.NO_DEFECTS), "relaxation"
    )
    card = rel.Technology(**{**vars(card), "models": {**card.models, "relaxation": "log_time"}})
    times = [1e-2, 1.0, 100.0, 3600.0, 1e5]
    data = simulated.states(card, 400, [rel.Segment(t) for t in times], "time", times)
    assert fit_relaxation(reads_of(data), seed=0).models == {"relaxation": "log_time"}


def _lost(rng: np.random.Generator, cells: int, spread: float) -> Stressed:
    """Cells that lose their state with a log-normal life of median 1e5, read four times."""
    stress = np.array([1e3, 1e4, 1e5, 1e6])
    g0 = 1e-4 * np.exp(rng.normal(0, 0.1, cells))[:, None]
    tau = np.exp(math.log(1e5) + spread * rng.standard_normal(cells))[:, None]
    g = 2e-5 + (g0 - 2e-5) * np.exp(-stress / tau)
    g = g * np.exp(rng.normal(0, 0.08, g.shape))
    ones = np.ones(g.size)
    return Stressed(np.repeat(np.arange(cells), 4), np.repeat(g0, 4), g.ravel(),
                    np.tile(stress, cells), ones[:, None], ones)  # fmt: skip


def test_loss_of_a_state() -> None:
    data = _lost(np.random.default_rng(4), 300, 1.2)
    best, covariance = maximise(
        lambda x: -log_likelihood(data, x[1:], x[0], 0.0),
        np.array([11.5, 11.0, 0.0, -0.1, -2.0]),
        [(5, 25), (-5, 80), (-3, 2.1), (-1.8, 1), (-5.3, 0.7)],
    )
    true = [math.log(5e4), math.log(1e5), math.log(1.2), 0.0]
    off = (best[:4] - true) / np.sqrt(np.diag(covariance)[:4])
    assert np.abs(off).max() < 4, off


@pytest.mark.parametrize("cells", [25, pytest.param(100, marks=pytest.mark.slow)])
def test_retention(cells: int) -> None:
    base = rel.load_technology("oxram-130nm").with_values(simulated.NO_DEFECTS)
    card = simulated.part(base, "retention")
    kelvin, times = [453.15, 493.15, 533.15], [1e2, 1e3, 1e4, 1e5]
    parts = [
        simulated.states(card, cells, [rel.Segment(t, k) for t in times], "time", times, noise=0.06,
                         seed=round(k))
        for k in kelvin
    ]  # fmt: skip
    g = np.full((3 * cells, 2, 3, 5), np.nan)
    for k, one in enumerate(parts):
        g[cells * k : cells * (k + 1), :, k] = one["conductance"].values[0, 0]
    data = xr.Dataset(
        {"conductance": (("cell", "state", "temperature", "time"), g)},
        coords={"state": ["LRS", "HRS"], "temperature": kelvin, "time": [0.0, *times]},
    )
    fit = fit_retention(reads_of(data))
    for state in ("LRS", "HRS"):
        section = f"retention.{state}."
        reference = fit.parameters[f"{section}reference_temperature"].value
        energy = card[f"{section}activation_energy"]
        inverse = 1 / reference - 1 / card[f"{section}reference_temperature"]
        tau = card[f"{section}time_constant"] * math.exp(energy / 8.617333262e-5 * inverse)
        true = {"time_constant": tau, "activation_energy": energy, "shape": 1.0,
                "sigma_activation_energy": card[f"{section}sigma_activation_energy"]}  # fmt: skip
        for name, value in true.items():
            assert abs(distance(fit.parameters[section + name], value)) < 4, (state, name)


@pytest.mark.parametrize("cells", [25, pytest.param(80, marks=pytest.mark.slow)])
def test_read_disturb(cells: int) -> None:
    base = rel.load_technology("oxram-130nm").with_values(simulated.NO_DEFECTS)
    card = simulated.part(base, "read_disturb").with_values({"read_disturb.bound_reads": 1e3})
    volts, reads = [0.1, 0.2, 0.3], [1e1, 1e3, 1e5, 1e7]
    g = np.full((3 * cells, 1, 3, 5), np.nan)
    for k, volt in enumerate(volts):
        segments = [rel.Segment(0.0, ROOM, n, volt) for n in reads]
        one = simulated.states(card, cells, segments, "reads", reads, noise=0.05, seed=40 + k)
        g[cells * k : cells * (k + 1), 0, k] = one["conductance"].sel(state="HRS").values[0, 0]
    data = xr.Dataset(
        {"conductance": (("cell", "state", "read_voltage", "reads"), g)},
        coords={"state": ["HRS"], "read_voltage": volts, "reads": [0.0, *reads]},
    )
    assert disturbed_states(reads_of(data)) == ["HRS"]
    fit = fit_read_disturb(reads_of(data), "HRS")
    section = "read_disturb.HRS."
    model = ReadDisturb.from_technology(card, "HRS")
    true = {"reads": model.reads * 10 ** (-model.voltage_slope * 0.1), "shape": model.shape,
            "voltage_slope": model.voltage_slope, "sigma": model.sigma,
            "asymptotic_resistance": model.asymptotic_resistance}  # fmt: skip
    for name, value in true.items():
        assert abs(distance(fit.parameters[section + name], value)) < 4, name
    assert fit.needed[f"{section}activation_energy"].confidence == "assumed"


@pytest.mark.parametrize("model", ["weibull", "lognormal"])
def test_endurance(model: str) -> None:
    rng = np.random.default_rng(8)
    cells, at = 150, np.unique(np.geomspace(10, 1e6, 60).round())
    draw = rng.weibull(1.6, cells) if model == "weibull" else np.exp(rng.normal(0, 0.7, cells))
    life = 2e5 * draw
    stuck = at > life[:, None]
    low_state = rng.random(cells) < 0.5
    lrs = np.where(stuck & ~low_state[:, None], 1e-5, 2e-4)
    hrs = np.where(stuck & low_state[:, None], 2e-4, 1e-5)
    g = np.stack([lrs, hrs], axis=1) * np.exp(rng.normal(0, 0.1, (cells, 2, len(at))))
    data = xr.Dataset(
        {"conductance": (("cell", "state", "cycles"), g)},
        coords={"state": ["LRS", "HRS"], "cycles": at},
    )
    reads = reads_of(data)
    lives = failures(reads)
    assert np.all((lives["good"] <= np.sort(life)[-1]) | np.isinf(lives["bad"]))
    fit = fit_endurance(reads, lives)
    assert fit.models == {"endurance": model}
    assert abs(distance(fit.parameters["endurance.scale"], 2e5)) < 4
    shape = 1.6 if model == "weibull" else 1 / 0.7
    assert abs(distance(fit.parameters["endurance.shape"], shape)) < 4
    assert abs(distance(fit.parameters["endurance.stuck_lrs"], 0.5)) < 4


def test_cells_whose_high_state_gives_no_current_have_not_failed() -> None:
    at = np.arange(1.0, 101.0)
    lrs, hrs = np.full((20, 100), 2e-4), np.full((20, 100), 1e-5)
    hrs[:, 50:] = -1e-10  # below what the meter tells from 0
    lrs[:5, 80:] = 0.0  # these do fail: open for good
    data = xr.Dataset(
        {"conductance": (("cell", "state", "cycles"), np.stack([lrs, hrs], axis=1))},
        coords={"state": ["LRS", "HRS"], "cycles": at},
    )
    lives = failures(reads_of(data))
    assert np.isinf(lives["bad"]).tolist() == [False] * 5 + [True] * 15
    assert set(lives["good"][:5]) == {80.0}
    assert set(lives["stuck"][:5]) == {"HRS"}


def test_noise_needs_three_long_traces() -> None:
    g = np.full((3, 2000), np.nan)
    g[:] = 1e-4 * np.exp(stream(4, "test.noise").normal(0, 0.01, g.shape))
    data = xr.Dataset({"conductance": (("cell", "time"), g)}, coords={"time": np.arange(2000.0)})
    assert can_fit(reads_of(data))
    g[2, 10:] = np.nan  # a trace that broke off
    assert not can_fit(reads_of(data))


def test_noise() -> None:
    model = noise.Noise("power", 1e-4, 0.02, 0.7, 0.004, 1.0, np.inf, 2.5e-3, 0.0, 0.0, 0.0, 0.0,
                      1.0, 1.0)  # fmt: skip
    g = np.geomspace(2e-5, 2e-4, 8)
    quiet = noise.Traps(np.zeros(8), np.ones(8), np.ones(8))
    times = np.arange(16_384) * 2.5e-3
    trace = noise.series(model, g, times, quiet, stream(3, "test.noise"))
    data = xr.Dataset(
        {"conductance": (("cell", "time"), trace.T)}, coords={"time": times},
        attrs={"source": "noise.csv"},
    )  # fmt: skip
    fit = fit_noise(reads_of(data))
    ratio = fit.parameters["noise.reference_conductance"].value / 1e-4
    true = {"white_exponent": 0.7, "flicker_exponent": 1.0, "white": 0.02 * ratio**-0.7,
            "flicker": 0.004 * ratio**-1.0}  # fmt: skip
    for name, value in true.items():
        fitted = fit.parameters[f"noise.{name}"]
        # the part of 1/f above half the sample rate folds back: Q looks some 10 % larger
        slack = 0.12 / (fitted.sigma or 1) if name in ("white", "flicker") else 0.0
        assert abs(distance(fitted, value)) < 4 + slack, name


@pytest.mark.slow
def test_intervals_hold_what_they_promise() -> None:
    """Of 60 simulated files, the 90 % interval of each parameter holds the truth in 45 to 60."""
    card = simulated.part(
        rel.load_technology("oxram-130nm").with_values(simulated.NO_DEFECTS), "relaxation"
    )
    times = [1e-2, 1.0, 100.0, 3600.0]
    inside: dict[str, int] = {}
    for seed in range(60):
        data = simulated.states(card, 150, [rel.Segment(t) for t in times], "time", times,
                                seed=100 + 2 * seed)  # fmt: skip
        found = card_of(fit_phenomena(data, seed=seed), name="again")
        for key in ("LRS.sigma", "HRS.sigma", "LRS.shift", "HRS.shift"):
            at = distance(found.parameters[f"relaxation.{key}"], card[f"relaxation.{key}"])
            inside[key] = inside.get(key, 0) + (abs(at) < 1.645)
    for key, count in inside.items():
        assert 45 <= count <= 60, (key, count)
