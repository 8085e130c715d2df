"""Wear and the model of the first passage against closed forms and plain Monte Carlo."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats
from scipy.special import ndtr

from reliability.devices import cycles as C
from reliability.devices import endurance as E
from reliability.devices import first_passage as F
from reliability.errors import InputError
from reliability.technology import load_technology

MODEL = E._example()
PROCESS = C.Cycles((10, 100), (0.08, 0.01), (0.45, 0.28))


def test_card_is_read():
    model = E.Endurance.from_technology(load_technology("oxram-130nm"))
    assert model.model == "weibull"
    assert model.scale == 4.5e7
    assert model.window_closure[1] > model.window_closure[0] > 0


def test_no_cycles_change_nothing():
    for state in (0, 1):
        assert E.shift(MODEL, state, 0.0) == 0
        assert E.spread(MODEL, state, 0.0) == 1
    assert E.probability_failed(MODEL, 0.0) == 0


def test_hotter_and_harder_is_never_better():
    rate = E.acceleration(MODEL, np.linspace(250, 450, 30))
    assert (np.diff(rate) > 0).all()
    assert (np.diff(E.acceleration(MODEL, 300.0, np.linspace(1e-12, 1e-9, 30))) > 0).all()
    with pytest.raises(InputError, match="energy"):
        E.acceleration(MODEL, 300.0, 0.0)


@pytest.mark.parametrize("model", ["weibull", "lognormal"])
def test_hard_failures_follow_the_law_and_the_weakest_link(model):
    parameters = replace(MODEL, model=model)
    u = np.random.default_rng(3).random((4000, 50))
    life = E.hard_failure(parameters, u)
    for x in (1e6, 1e7):
        for observed, cells in ((life.ravel() <= x, 1), ((life <= x).any(axis=1), 50)):
            expected = float(E.probability_failed(parameters, x, cells=cells))
            error = np.sqrt(expected * (1 - expected) / observed.size)
            assert abs(observed.mean() - expected) < 4.5 * error + 1e-12
    oracle = {
        "weibull": stats.weibull_min(1.5, scale=1e7),
        "lognormal": stats.lognorm(1 / 1.5, scale=1e7),
    }[model]
    np.testing.assert_allclose(
        E.probability_failed(parameters, [1e5, 1e7]), oracle.cdf([1e5, 1e7]), rtol=1e-12
    )


def test_blocks_cover_every_cycle_once():
    for cycles in (1, 2, 37, 1000, 10**9):
        last = F.blocks(cycles).last
        assert last[-1] == cycles
        assert last[0] == 1
        assert (np.diff(last) > 0).all()


def test_hazard_without_memory_is_the_normal_tail():
    white = C.Cycles((10, 100), (0, 0), (0, 0))
    table = F.hazards(white, 0, np.array([1, 10, 1000]))
    at = np.flatnonzero(np.isclose(F._LEVELS, 2.0))[0]
    per_cycle = -np.log(ndtr(2.0))
    np.testing.assert_allclose(table[at], per_cycle * np.array([1, 9, 990]), rtol=1e-9)


def test_second_cycle_of_one_slow_part_is_the_bivariate_integral():
    """Probability that neither of two cycles crosses, by direct quadrature."""
    model = C.Cycles((10, 100), (0, 0), (0.5, 0.5))
    level, phi = 1.0, model.phi[1]
    table = F.hazards(model, 0, np.array([1, 2]))
    at = np.flatnonzero(np.isclose(F._LEVELS, level))[0]
    rho = 0.5 * phi
    neither = stats.multivariate_normal([0, 0], [[1, rho], [rho, 1]]).cdf([level, level])
    assert np.exp(-table[at].sum()) == pytest.approx(neither, rel=2e-4)
    far = integrate.quad(lambda s: ndtr(np.sqrt(2) * (1.0 - np.sqrt(0.5) * s)) * stats.norm.pdf(s),
                         -8, 8)[0]  # fmt: skip
    assert np.exp(-table[at, 0]) == pytest.approx(far, rel=1e-4)


def _reading(cells, margin, blocks, shift=0.0):
    wear = np.zeros((1, len(blocks.last), 2)) + shift
    return F.Reading(
        -np.tile(margin, (cells, 1)).astype(float), np.ones((cells, 2)), -wear,
        np.ones_like(wear), blocks.last,
    )  # fmt: skip


@pytest.mark.parametrize("margin", [(2.0, -50.0), (50.0, -2.5), (2.5, -2.5)])
def test_law_and_every_cycle_agree(margin):
    cells, cycles = 20_000, 2000
    blocks = F.blocks(cycles)
    reading, stop = _reading(cells, margin, blocks), np.full((1, cells), cycles)
    drawn, state = F.first_crossings(PROCESS, C.start(PROCESS, 6, [0, 0, 0], cells), reading, stop)
    energy = np.random.default_rng(2).exponential(size=(cells, 2))
    model, law_state = F.crossings_from_hazards(PROCESS, reading, energy, stop)
    for n in (1, 2, 5, 20, 100, 500, 2000):
        a, b = (((c > 0) & (c <= n)).mean() for c in (drawn, model))
        error = np.sqrt((a * (1 - a) + b * (1 - b)) / cells)
        assert abs(a - b) < 4.5 * error + 1e-12, n
    shares = [(s[c > 0] == 1).mean() for s, c in ((state, drawn), (law_state, model))]
    assert shares[0] == pytest.approx(shares[1], abs=0.03)


def test_every_cycle_finds_the_first_crossing_of_the_path():
    cells, cycles = 200, 300
    reading = _reading(cells, (2.0, -2.0), F.blocks(cycles))
    stop = np.full((1, cells), cycles)
    found, state = F.first_crossings(PROCESS, C.start(PROCESS, 9, [0, 0, 0], cells), reading, stop)
    u = C.advance(C.start(PROCESS, 9, [0, 0, 0], cells), cycles)
    crossed = (u[:, :, 0] > 2.0) | (u[:, :, 1] < -2.0)
    expected = np.where(crossed.any(1), crossed.argmax(1) + 1, 0)
    assert (found[0] == expected).all()
    hit = found[0] > 0
    at = u[np.flatnonzero(hit), found[0][hit] - 1]
    assert (state[0][hit] == (at[:, 1] < -2.0)).all()


def _worn(cells, cycles):
    """Cells that differ, wear in two conditions, and stops before and behind the end."""
    random = np.random.default_rng(4)
    blocks = F.blocks(cycles)
    growth = np.log(blocks.last)[:, None] * np.array([0.08, -0.05])
    reading = F.Reading(
        random.uniform(0.8, 2.5, (cells, 2)) * [-1, 1], random.uniform(0.7, 1.2, (cells, 2)),
        -np.stack([growth, 2 * growth]), np.stack([1 + abs(growth) / 4, 1 + abs(growth) / 2]),
        blocks.last,
    )  # fmt: skip
    return reading, random.integers(1, cycles + 1, (2, cells))


def test_every_cycle_is_plain_numpy_with_wear_and_conditions():
    cells, cycles = 300, 200
    model = C.Cycles((10, 100), (0.08, 0.01), (0.45, 0.28), skew=(0.2, -0.3), tail=(0.8, 1.2),
                   correlation=(0.3, -0.2, 0.5))  # fmt: skip
    reading, stop = _worn(cells, cycles)
    found, state = F.first_crossings(model, C.start(model, 9, [0, 0, 0], cells), reading, stop)
    u = C.advance(C.start(model, 9, [0, 0, 0], cells), cycles).astype(float)
    block = np.searchsorted(reading.last, np.arange(1, cycles + 1))
    deviation = np.stack([C.from_deviate(model, s, u[:, :, s]) for s in (0, 1)], axis=-1)
    for j in range(2):
        log_r = -reading.limit[j, block] + reading.spread[j, block] * reading.sigma[:, None] * (
            deviation
        )
        lrs = log_r[:, :, 0] > -reading.fixed[:, :1]
        hrs = log_r[:, :, 1] < -reading.fixed[:, 1:]
        crossed = (lrs | hrs) & (np.arange(1, cycles + 1) <= stop[j][:, None])
        expected = np.where(crossed.any(1), crossed.argmax(1) + 1, 0)
        assert 0 < np.count_nonzero(expected) < cells
        assert (found[j] == expected).all()
        hit = expected > 0
        # of two in one cycle the HRS counts: the RESET comes first
        assert (state[j][hit] == hrs[hit, expected[hit] - 1]).all()


def test_the_law_is_plain_numpy_with_wear_and_conditions():
    """Each state uses up its energy block by block; the one that is first counts."""
    cells, cycles = 300, 2000
    reading, stop = _worn(cells, cycles)
    stop[0] = cycles
    energy = np.random.default_rng(5).exponential(size=(cells, 2)) * 2
    found, state = F.crossings_from_hazards(PROCESS, reading, energy, stop)
    tables = [np.log(np.maximum(F.hazards(PROCESS, s, reading.last), 1e-300)) for s in (0, 1)]
    before = np.r_[0, reading.last[:-1]]
    for j, i in np.ndindex(stop.shape):
        at = []
        for s, side in ((1, -1), (0, 1)):
            score = (reading.limit[j, :, s] - reading.fixed[i, s]) / (
                reading.sigma[i, s] * reading.spread[j, :, s]
            )
            hazard = np.exp(
                [np.interp(side * z, F._LEVELS, tables[s][:, k]) for k, z in enumerate(score)]
            )
            used = np.cumsum(hazard)
            k = np.searchsorted(used, energy[i, s])
            if k < len(used):
                left = energy[i, s] - used[k] + hazard[k]
                inside = np.ceil((reading.last[k] - before[k]) * left / hazard[k])
                at.append((before[k] + max(1, inside), 1 - s))
        cycle, lrs = min(at, default=(np.inf, 0))
        if cycle > stop[j, i]:
            assert found[j, i] == 0
        else:
            assert (found[j, i], state[j, i]) == (cycle, 1 - lrs)
    assert (found == 0).any()
    assert set(state[found > 0].tolist()) == {0, 1}


def test_correlated_states_need_every_cycle():
    with pytest.raises(InputError, match="every_cycle"):
        F.hazards(replace(PROCESS, correlation=(0, 0, 0.5)), 0, np.array([1]))


@pytest.mark.parametrize("model", ["weibull", "lognormal"])
def test_a_test_without_a_failure_bounds_the_scale(model: str) -> None:
    """At the bound, no failure among the cells has exactly the probability 1 - confidence."""
    own = replace(E._example(), model=model)
    scale = E.scale_from_bound(own, 1e5, 16_384, 0.95)
    bounded = replace(own, scale=scale)
    assert E.probability_failed(bounded, 1e5, cells=16_384) == pytest.approx(0.95, rel=1e-9)


def test_a_card_does_not_contradict_the_test_that_it_cites() -> None:
    """16 kbit without a failing cell after 1e5 cycles: hard failures alone had P(none) = 8e-8."""
    model = E.Endurance.from_technology(load_technology("oxram-300mm"))
    assert E.scale_from_bound(model, 1e5, 16_384) <= model.scale
    assert 1 - E.probability_failed(model, 1e5, cells=16_384) >= 0.05
    short = load_technology("oxram-300mm").with_values({"endurance.scale": 1e6})
    bounded = E.Endurance.from_technology(short)
    assert 1 - E.probability_failed(bounded, 1e5, cells=16_384) == pytest.approx(0.05)


def test_card_keeps_the_stuck_cells_of_published_chips() -> None:
    """ILLUSION: at most 6e-4 of 262 144 cells stuck after some 1e5 to 1e6 writes."""
    model = E.Endurance.from_technology(load_technology("oxram-130nm"))
    assert E.probability_failed(model, 10**5.5) == pytest.approx(6e-4, rel=0.05)
    assert E.probability_failed(model, 1e5) < 6e-4


def test_stuck_cells_of_the_measured_chips(shared: Path) -> None:
    """The statement itself: cells that are wrong at all six points of a life, after ten passes."""
    table = pd.read_csv(shared / "measured" / "illusion_wrong_cells.tsv.gz", sep="\t")
    late = table[(table["experiment"] == "d2nn_de") & (table["passes"] == 10)]
    points = late.groupby(["chip", "cell", "written"])["days"].nunique()
    stuck = int((points == late["days"].nunique()).sum())
    assert 0 < stuck <= 6e-4 * 262_144
