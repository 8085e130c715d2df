"""How long cells last under unlike loads: the closed form against simulated cells."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import reliability as rel
from reliability.architecture.learning import write_life
from reliability.architecture.learning.write_life import AT_ONE, FREE, LEVELLING
from reliability.devices import endurance
from reliability.devices.endurance import Endurance

LAW = Endurance.from_technology(rel.load_technology("oxram-130nm"))
LOADS = hnp.arrays(float, hnp.array_shapes(min_dims=4, max_dims=4, max_side=4),
                   elements=st.floats(0, 1e6))  # fmt: skip


@given(LOADS)
def test_levelling_conserves_all_writes(load) -> None:
    for way in LEVELLING:
        (out,) = write_life.level([load], way)
        assert out.shape == load.shape
        assert out.sum() == pytest.approx(load.sum(), rel=1e-12, abs=1e-9)
        assert out.max() <= load.max() * (1 + 1e-12)


@pytest.mark.parametrize("model", ["weibull", "lognormal"])
def test_the_closed_form_is_what_simulated_cells_do(model) -> None:
    """Runs until a fraction and until the first have failed, within the error of the sample."""
    law = Endurance(**{**vars(LAW), "model": model})
    random = np.random.default_rng(1)
    load = np.where(random.random(400) < 0.3, 0.0, random.lognormal(3.0, 1.5, 400))
    chips = 400
    with np.errstate(divide="ignore"):
        lives = endurance.hard_failure(law, random.random((chips, load.size))) / load
    for part in (0.02, 0.2, 0.5):
        when = write_life.runs_to_failure(law, load, part)
        assert endurance.probability_failed(law, when * load).mean() == pytest.approx(
            part, rel=1e-5
        )
        error = np.sqrt(part * (1 - part) / lives.size)
        assert abs((lives <= when).mean() - part) < 4 * error
    first = write_life.runs_to_first_failure(law, load)
    assert abs((lives.min(axis=1) <= first).mean() - 0.5) < 4 * 0.5 / np.sqrt(chips)


@given(st.floats(1e-3, 1e3), st.floats(1e-4, 0.5))
def test_twice_the_load_halves_the_runs(factor, part) -> None:
    load = np.array([1.0, 5.0, 30.0])
    once = write_life.runs_to_failure(LAW, load, part)
    assert write_life.runs_to_failure(LAW, factor * load, part) == pytest.approx(
        once / factor, rel=1e-5
    )


def test_cells_that_are_not_written_do_not_fail() -> None:
    load = np.array([0.0] * 90 + [10.0] * 10)
    assert write_life.runs_to_failure(LAW, load, 0.1) == np.inf
    assert np.isfinite(write_life.runs_to_failure(LAW, load, 0.09))
    assert write_life.runs_to_first_failure(LAW, np.zeros(5)) == np.inf
    failed = write_life.failed_cells(LAW, load.astype(int), 0.5, seed=1)
    assert (failed[:90] == FREE).all()
    assert (failed[90:] != FREE).all()


def test_those_written_most_fail_first_and_stick_as_the_card_says() -> None:
    load = np.r_[np.full(5000, 1), np.full(5000, 100)]
    failed = write_life.failed_cells(LAW, load, 0.1, seed=2) != FREE
    assert failed.sum() == 1000
    # Weibull: a load 100 times as large fails 100^1.5 = 1000 times as often at first
    assert failed[:5000].sum() < 20
    always = Endurance(**{**vars(LAW), "stuck_lrs": 1.0})
    states = write_life.failed_cells(always, load, 0.1, seed=2)
    assert (states[states != FREE] == AT_ONE).all()


def test_an_unknown_levelling_is_named() -> None:
    with pytest.raises(rel.InputError, match="unknown levelling 'row'; did you mean 'rows'"):
        write_life.level([np.ones((1, 2, 1, 1))], "row")
