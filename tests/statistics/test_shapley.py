"""Shapley values: against the mean over all orders, and their four axioms."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import reliability as rel
from reliability.statistics.shapley import members, shapley

EFFECTS = st.integers(1, 4).flatmap(lambda n: arrays(float, 2**n, elements=st.floats(-10, 10)))


@given(EFFECTS)
def test_it_is_the_mean_over_all_orders_of_adding(effects) -> None:
    causes = len(effects).bit_length() - 1
    orders = list(itertools.permutations(range(causes)))
    mean = np.zeros(causes)
    for order in orders:
        inside = 0
        for cause in order:
            mean[cause] += effects[inside | 1 << cause] - effects[inside]
            inside |= 1 << cause
    assert shapley(effects) == pytest.approx(mean / len(orders), abs=1e-12)


@given(EFFECTS)
def test_shares_add_up_to_the_whole(effects) -> None:
    assert shapley(effects).sum() == pytest.approx(effects[-1] - effects[0], abs=1e-12)


@given(EFFECTS)
def test_a_cause_that_does_nothing_has_no_share(effects) -> None:
    idle = np.concatenate([effects, effects])  # the last cause changes nothing
    assert shapley(idle)[-1] == 0
    assert shapley(idle)[:-1] == pytest.approx(shapley(effects), abs=1e-12)


@given(arrays(float, 5, elements=st.floats(-10, 10)))
def test_causes_that_add_have_their_own_effect(own) -> None:
    assert shapley(members(5) @ own) == pytest.approx(own, abs=1e-12)


def test_chips_are_taken_one_by_one() -> None:
    effects = np.random.default_rng(1).normal(size=(8, 3))
    assert shapley(effects)[:, 1] == pytest.approx(shapley(effects[:, 1]))


def test_another_number_of_combinations_is_refused() -> None:
    with pytest.raises(rel.InputError, match="got 3 combinations"):
        shapley([0.0, 1.0, 2.0])
