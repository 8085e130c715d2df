"""Relaxation of levels: what simulated cells were made with comes back, and how sure the fit is."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from scipy import integrate
from scipy.special import ndtr

import reliability as rel
from reliability.characterization import mixture_likelihood as mixture
from reliability.characterization import reads_of
from reliability.characterization.estimates import exact
from reliability.characterization.level_relaxation import fit_relaxation
from reliability.characterization.target import find_levels
from reliability.devices import level_relaxation, unstable_cells
from reliability.devices.unstable_cells import PROFILES
from tests.characterization import simulated
from tests.characterization.simulated import distance

ROOM, HOT = 298.15, 423.15
SECTION = "relaxation.target"
TARGETS = np.array([5e-6, 25e-6, 50e-6, 75e-6, 100e-6])
TIMES = [0.01, 1.0, 100.0, 1e4]
# Functions at 0, 25 ... 100 uS: shift, sigma (uS), jumps, down and up (uS).
EARLY = [[0, -0.2, -0.1, 0, 0], [0.4, 0.6, 0.6, 0.5, 0.5], [0.3, 0.7, 0.5, 0.3, 0.2],
         [1.5, 4, 5, 3, 2], [2, 3, 2, 2, 2], [1e-3] * 5]  # fmt: skip
LATE = [[0, -1, -0.5, 0, 0], [0.6, 1.2, 1.2, 1, 0.9], [0.4, 1.8, 1.2, 0.8, 0.5],
        [2, 9, 10, 6, 4], [4, 5, 4, 3, 3], [2e-3] * 5]  # fmt: skip
BAKED = [[1, -2, -2, -1, -1], [1, 2, 2, 2, 1.5], [0.5, 2.0, 1.5, 1.0, 0.8],
         [2, 14, 13, 8, 6], [6, 8, 8, 6, 4], [3e-3] * 5]  # fmt: skip
UNITS = np.array([1e-6, 1e-6, 1.0, 1e-6, 1e-6, 1.0])


def made_card() -> rel.Technology:
    """A card of unstable cells that is easy to name."""
    card = simulated.part(rel.load_technology("techB"))
    own = {
        "target.maximum": 100e-6, "onset_time": 1e-3, "attempt_time": 1e-13, "memory": 4.0,
        "reference_temperature": ROOM, "fluctuation": 0.5, "jump_fluctuation": 0.2,
        "decades_per_step": 1.0,
    }  # fmt: skip
    conditions = {"read_1": (0.01, ROOM, EARLY), "read_2": (1e4, ROOM, LATE),
                  "bake_1": (5e3, HOT, BAKED)}  # fmt: skip
    for name, (time, kelvin, profiles) in conditions.items():
        own |= {f"{name}.time": time, f"{name}.temperature": kelvin}
        for profile, row, unit in zip(PROFILES, profiles, UNITS, strict=True):
            own |= {f"{name}.{profile}_{k}": value * unit for k, value in enumerate(row)}
    named = {k if k.startswith("target.") else f"{SECTION}.{k}": v for k, v in own.items()}
    parameters = {k: exact(k, v, "a test") for k, v in named.items()}
    return replace(
        card, parameters=card.parameters | parameters, models={SECTION: "unstable_cells"}
    )


def measured(card: rel.Technology, cells: int, seed: int) -> list[xr.Dataset]:
    """Reads after programming, and before and after a bake."""
    room = simulated.levels(card, TARGETS, cells, TIMES, seed=seed)
    bake = simulated.levels(card, TARGETS, cells, [5e3], HOT, seed=seed + 1000)
    return [room, bake.assign_attrs(source="bake.csv")]


def test_slopes_of_the_likelihood_are_its_differences() -> None:
    rng = np.random.default_rng(0)
    change, initial = rng.normal(0, 8, 50), np.full(50, 12.0)
    local = np.array([0.1, -0.3, -0.5, 1.2, 0.8, -4.0])[:, None] + np.zeros((6, 50))
    slopes = mixture.log_density(change, initial, local, 128.0)[1]
    for k in range(6):
        step = np.zeros((6, 1))
        step[k] = 1e-5
        up, down = (
            mixture.log_density(change, initial, local + sign * step, 128.0)[0] for sign in (1, -1)
        )
        assert slopes[k] == pytest.approx((up - down) / 2e-5, abs=1e-6)


def test_density_is_that_of_the_distribution_that_cells_are_drawn_from() -> None:
    local = np.array([0.1, -0.3, -0.5, 1.2, 0.8, -40.0])[:, None]

    def density(y: float) -> float:
        arrays = np.array([y]), np.array([40.0]), local
        return float(np.exp(mixture.log_density(*arrays, 128.0)[0][0]))

    jumps = np.exp(-0.5)
    for low, high in ((-60.0, -5.0), (-5.0, 1.0), (1.0, 4.0)):
        found = integrate.quad(density, low, high, limit=200)[0]
        sigma, down, up = np.exp(local[[1, 3, 4], 0])
        ends = np.array([low, high]) - 0.1
        moved = unstable_cells.two_sided_below(ends, sigma, down, up, 40.0)
        stable = ndtr(ends / sigma)
        both = np.exp(-jumps) * stable + (1 - np.exp(-jumps)) * moved
        assert found == pytest.approx(both[1] - both[0], abs=1e-7)


def test_what_cells_do_comes_back() -> None:
    card = made_card()
    data = measured(card, 400, seed=5)
    found = rel.characterize(data, name="again", maximum=100e-6)
    model, true = (level_relaxation.from_technology(c) for c in (found, card))
    for time, kelvin in ((1.0, ROOM), (1e4, ROOM), (5e3, HOT)):
        for g in TARGETS[1:4]:
            for part in (0.6, 0.9, 1.1):
                got, want = (
                    float(unstable_cells.probability_below(m, g, g, [time], [kelvin], part * g))
                    for m in (model, true)
                )
                assert got == pytest.approx(want, abs=4 * np.sqrt(want * (1 - want) / 400) + 2e-3)
    assert found.models[SECTION] == "unstable_cells"
    assert found.valid[f"{SECTION}.temperature"] == (ROOM, HOT)
    assert abs(distance(found.parameters[f"{SECTION}.fluctuation"], 0.5)) < 4
    group = found.correlation["relaxation_target_read_2_2"]
    assert np.abs(np.array(group.matrix)[~np.eye(6, dtype=bool)]).max() > 0.3


def test_bakes_alone_make_a_card() -> None:
    bake = measured(made_card(), 100, seed=6)[1]
    card = rel.characterize(bake, name="bake", maximum=100e-6)
    assert [k for k in card if k.endswith(".time")] == [f"{SECTION}.bake_1.time"]
    assert card.parameters[f"{SECTION}.memory"].confidence == "assumed"


@pytest.mark.slow
def test_intervals_cover_as_often_as_they_say() -> None:
    """90 % intervals of the functions of the level hold the true ones, fit after fit."""
    card = made_card()
    true = level_relaxation.from_technology(card)
    inside = []
    for seed in range(25):
        data = measured(card, 400, seed=seed)
        levels = find_levels([reads_of(data[0])], 100e-6)
        found = fit_relaxation([reads_of(one) for one in data], levels, seed).parameters
        for section in (key.removesuffix(".time") for key in found if key.endswith(".time")):
            at = found[f"{section}.time"].value, found[f"{section}.temperature"].value
            for profile, row in zip(PROFILES, true.profiles(true.progress(*at)), strict=True):
                if profile == "rare":  # few cells and a prior that counts
                    continue
                inside += [
                    abs(distance(found[f"{section}.{profile}_{k}"], row[k])) < 1.645
                    for k in range(1, 5)
                ]
    assert len(inside) > 2000
    assert 0.87 < np.mean(inside) < 0.95
