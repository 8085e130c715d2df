"""Quantile functions fitted on simulated cells of which they are known, and on measured ones."""

import numpy as np
import pytest
from scipy import stats

import reliability as rel
from reliability.characterization.state_shape import Pulses, fit_shape, is_needed
from reliability.devices import programming
from reliability.devices.programming import Programming
from reliability.devices.shapes import bent
from reliability.population.cycling import sample_cycles
from tests.population.test_state_distribution import CARD, NO_DEFECTS, ONE_DIE, radar

ONE_ARRAY = CARD.with_values(ONE_DIE | NO_DEFECTS)


def known(state):
    """Model of the state, its cells' fraction of the variance, and ln slopes of unit variance."""
    model = Programming.from_technology(ONE_ARRAY, state)
    weight, z = programming.standard_nodes()
    at = bent(programming.deviation_of(model, z) / model.sigma, model.slopes)
    sd = np.sqrt(weight @ at**2 - (weight @ at) ** 2)
    fraction = (model.sigma_cell / model.sigma) ** 2
    return model, (fraction, Pulses(model.skew, model.tail)), np.log(np.array(model.slopes) / sd)


def fitted(state, cells, cycles, seed):
    _, pulses, _ = known(state)
    r = sample_cycles(ONE_ARRAY, cells=cells, cycles=cycles, seed=seed)["resistance"]
    log_r = np.log(r.sel(state=state).values).ravel()
    return fit_shape(log_r, np.repeat(np.arange(cells), cycles), state, seed, pulses)


@pytest.mark.parametrize("state", ["LRS", "HRS"])
def test_slopes_are_found_again(state):
    found, true = fitted(state, 400, 20, seed=1), known(state)[2]
    assert np.all(np.abs(np.log(found.slopes) - true) < 4 * found.again.std(axis=0))
    model = known(state)[0]
    assert np.exp(found.log_centre) == pytest.approx(model.resistance, rel=0.2)
    assert is_needed(found)


def test_normal_cells_need_no_slopes():
    rng = np.random.default_rng(5)
    cell = np.repeat(np.arange(200), 10)
    log_r = 10 + 0.5 * rng.standard_normal(200)[cell] + 0.3 * rng.standard_normal(2000)
    found = fit_shape(log_r, cell, "LRS", seed=2)
    assert not is_needed(found)
    np.testing.assert_allclose(found.slopes[1:-1], 1.0, atol=0.35)
    off = np.abs(np.log(found.slopes)) / found.again.std(axis=0)
    assert np.all(off < 3)  # the ends rest on few cells
    assert found.sigma == pytest.approx(np.hypot(0.5, 0.3), rel=0.1)


def test_few_cells_give_no_quantile_function():
    assert fit_shape(np.zeros(300), np.arange(300), "LRS", seed=0) is None


def test_values_become_normal():
    """In the deviation, cells of a shaped state are normal."""
    r = sample_cycles(ONE_ARRAY, cells=3000, cycles=1, seed=4)["resistance"].sel(state="HRS")
    found = fitted("HRS", 400, 20, seed=3)
    score = found.deviation(np.log(r.values[:, 0])) / found.sigma
    assert abs(stats.skew(score)) < 0.3
    assert abs(stats.kurtosis(score)) < 0.6


@pytest.mark.parametrize("state", ["LRS", "HRS"])
def test_quantiles_of_radar(shared, state):
    """What `characterize` does with both states: 0.1 to 99.9 % within 10 % of the measured."""
    r = radar(shared)[state]
    log_r, cell = np.log(r).ravel(), np.repeat(np.arange(256), 280)
    _, pulses, _ = known(state)
    found = fit_shape(log_r, cell, state, seed=0, known=pulses)
    model = Programming(
        "lognormal_resistance", np.exp(found.log_centre), 0, 0, 0, 0,
        found.sigma * pulses[0] ** 0.5, found.sigma * (1 - pulses[0]) ** 0.5, 0.0, *pulses[1],
        found.slopes,
    )  # fmt: skip
    p = np.array([1e-3, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999])
    got = 1 / programming.quantile(model, 1 - p)
    np.testing.assert_allclose(got, np.quantile(r, p), rtol=0.1)


@pytest.mark.slow
def test_card_of_radar(shared):
    """The whole way: `characterize` on the file, and its card against the file."""
    data = rel.read_measurements(shared / "measured" / "radar_cycling.tsv.gz")
    card = rel.characterize(data, name="radar", seed=0)
    still = {key: 0.0 for key in card if key.startswith("defects.")}
    made = sample_cycles(card.with_values(still), cells=1000, cycles=280, seed=1)["resistance"]
    log_r = np.log(made.sel(state="HRS").values)
    assert log_r.mean(axis=1).std() == pytest.approx(0.937, rel=0.06)  # of the file: its cells
    assert np.sqrt(log_r.var(axis=1).mean()) == pytest.approx(0.713, rel=0.06)  # and its cycles
    assert -0.7 < card["programming.correlation_cell"] < -0.3
    p = np.array([1e-4, 1e-3, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999])
    for state in ("LRS", "HRS"):  # all the cycles that it was fitted on, not those of `radar` only
        r = 1 / data["conductance"].sel(state=state).values.reshape(256, 300)
        cells = np.random.default_rng(0).integers(0, 256, (200, 256))
        again = np.array([np.quantile(r[drawn], p) for drawn in cells])
        low, high = np.quantile(again, [0.025, 0.975], axis=0)
        model = Programming.from_technology(card, state)
        got = 1 / programming.quantile(model, 1 - p)
        off = got / np.quantile(r, p) - 1
        held = ((low <= got) & (got <= high)) | (np.abs(off) < 0.1)
        # the eight highest of 76 800 values of the HRS lie closer together (docs/limits.md)
        assert held.all() if state == "LRS" else held[:-1].all(), (state, off)
        assert np.all(np.abs(off[1:-1]) < 0.1), (state, off)
        assert np.abs(off[-1]) < (0.5 if state == "LRS" else 0.2), (state, off)


@pytest.mark.slow
@pytest.mark.parametrize("state", ["LRS", "HRS"])
def test_intervals_of_slopes_hold_what_they_promise(state):
    """Of 50 files of 256 cells, the 90 % intervals of seven slopes hold 83 to 97 % of the truths.

    The slopes at three standard deviations are held less often than promised (docs/limits.md).
    """
    true = known(state)[2]
    inside = []
    for seed in range(50):
        found = fitted(state, 256, 40, seed=100 + seed)
        off = np.abs(np.log(found.slopes) - true) / found.again.std(axis=0)
        inside.append(off < 1.645)
    held = np.mean(inside, axis=0)
    assert 0.83 < held.mean() < 0.97, held
    assert held.min() > 0.65, held
