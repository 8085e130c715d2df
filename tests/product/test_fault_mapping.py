"""Weights around faulty cells: every placement tried, sampled chips, columns kept in order."""

import itertools

import numpy as np
import pytest

import reliability as rel
from reliability.errors import InputError
from reliability.product.fault_mapping import (
    Reach,
    column_maintenance,
    map_around_faults,
    repaired_chips,
    stuck_reach,
)


def random_case(seed: int) -> tuple[np.ndarray, Reach, np.ndarray]:
    random = np.random.default_rng(seed)
    weights = random.integers(-2, 3, size=(3, 2)).astype(float)
    stuck = random.random(size=(4, 3, 2, 2)) < 0.3
    high = (stuck & (random.random(size=stuck.shape) < 0.5)).sum(axis=-1)
    return weights, stuck_reach(stuck.sum(axis=-1) - high, high, 2), random.random(3) + 0.1


def left(weights, reach, power, rows, columns, signs) -> float:
    own = weights * signs
    low, high = (each[np.ix_(rows, columns)] for each in reach)
    return float(power @ ((own - np.clip(own, low, high)) ** 2).sum(axis=1))


@pytest.mark.parametrize("seed", range(6))
def test_the_placement_is_about_the_best_of_all(seed) -> None:
    """Rows alone, or columns and signs alone, are exact; in turns they end in a good place."""
    weights, reach, power = random_case(seed)
    rows = list(itertools.permutations(range(4), 3))
    columns = list(itertools.permutations(range(3), 2))
    signs = list(itertools.product((1.0, -1.0), repeat=2))
    norm = power.sum() * 2
    best_rows = min(left(weights, reach, power, r, (0, 1), 1.0) for r in rows)
    found = map_around_faults(weights, reach, columns=False, signs=False, power=power)
    assert found.error_after**2 * norm == pytest.approx(best_rows, abs=1e-9)
    best_columns = min(left(weights, reach, power, (0, 1, 2), c, s) for c in columns for s in signs)
    found = map_around_faults(weights, reach, rows=False, power=power)
    assert found.error_after**2 * norm == pytest.approx(best_columns, abs=1e-9)
    best = min(left(weights, reach, power, r, c, s) for r in rows for c in columns for s in signs)
    found = map_around_faults(weights, reach, power=power)
    assert best - 1e-9 <= found.error_after**2 * norm <= min(best_rows, best_columns) + 1e-9
    told = left(weights, reach, power, found.rows, found.columns, found.signs)
    assert found.error_after**2 * norm == pytest.approx(told, abs=1e-12)


def test_the_bias_takes_out_the_mean_error() -> None:
    weights, reach, _ = random_case(3)
    mean = np.array([0.2, 0.5, 0.9])
    found = map_around_faults(weights, reach, rows=False, columns=False, mean_input=mean)
    assert mean @ found.weights + found.bias == pytest.approx(mean @ weights)


def test_repaired_chips_have_the_weights_of_the_network() -> None:
    """A chip with 10 % of its cells stuck: its weights, in units, before and after repair."""
    network = rel.load_network("spirit")
    card = rel.load_technology("oxram-130nm").with_values(
        {"defects.stuck_lrs": 0.05, "defects.stuck_hrs": 0.05}
    )
    plain = rel.sample_chips(card, network, chips=2, seed=3)
    found = repaired_chips(card, network, chips=2, seed=3)
    # the same cells, in other places
    assert (
        np.sort(plain["defect"].values, axis=1) == np.sort(found["defect"].values, axis=1)
    ).all()
    before, after, good = (
        np.sqrt(((rel.network.read_weights(cells, network, card) - network.weights) ** 2).mean())
        for cells in (
            plain, found,
            rel.sample_chips(rel.load_technology("oxram-130nm"), network, chips=2, seed=3),
        )
    )  # fmt: skip
    assert before > 1.2 * good
    assert after == pytest.approx(good, rel=0.1)
    accuracy = [
        rel.evaluate(network, cells, images=400, seed=1)["accuracy"].mean().item()
        for cells in (plain, found)
    ]
    assert accuracy[1] > accuracy[0] + 0.02


def test_columns_are_calibrated_and_the_drifted_named() -> None:
    random = np.random.default_rng(0)
    wanted = random.normal(size=(50, 3))
    read = wanted * [0.8, 1.1, 0.9]
    read[:, 2] += 0.5 * random.normal(size=50)
    done = column_maintenance(
        read, wanted, limit=0.2, cells_per_weight=2, read_energy=1e-12, write_energy=1e-10,
        read_time=1e-7, write_time=1e-5,
    )  # fmt: skip
    slope = [np.polyfit(read[:, k], wanted[:, k], 1)[0] for k in range(2)]
    assert done.gains[:2] == pytest.approx(slope, rel=1e-9)
    assert done.rewritten.tolist() == [False, False, True]
    assert (done.reads, done.writes) == (300, 100)
    assert done.energy == pytest.approx(300e-12 + 100e-10)
    assert done.time == pytest.approx(50 * 1e-7 + 50 * 1e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: stuck_reach([[[3, 0]]], [[[2, 0]]], 4), "more than 4 cells"),
        (lambda: stuck_reach([[3, 0, 1]], [[2, 0, 1]], 4), "expected \\(rows, columns, 2\\)"),
        (lambda: map_around_faults(np.ones((3, 1)), Reach(np.ones((2, 1)), np.ones((2, 1)))),
         "got \\(3, 1\\), the chip has \\(2, 1\\)"),
        (lambda: column_maintenance([[1.0]], [[1.0]], limit=0, cells_per_weight=2), "above 0"),
    ],
)  # fmt: skip
def test_what_cannot_be_mapped_is_refused(call, message) -> None:
    with pytest.raises(InputError, match=message):
        call()


def test_repaired_chips_are_aged_in_their_own_places() -> None:
    """Without faults nothing moves, so that ageing before and after placing is the same."""
    card = rel.load_technology("oxram-130nm").with_values(
        {f"defects.{name}": 0.0 for name in ("stuck_lrs", "stuck_hrs", "unformed")}
    )
    spirit, year = rel.load_network("spirit"), rel.MissionProfile.constant("1 year", "85 degC")
    whole = rel.age(rel.sample_chips(card, spirit, chips=1, seed=4), year)
    placed = repaired_chips(card, spirit, chips=1, seed=4, profile=year)
    order = [np.sort(each["conductance"].values.ravel()) for each in (whole, placed)]
    assert order[0] == pytest.approx(order[1], rel=1e-6)
    with pytest.raises(InputError, match="placed around faults"):
        rel.age(placed, year)
