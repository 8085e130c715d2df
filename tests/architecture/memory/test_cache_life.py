"""Life of a cache: binomial words, scaling with writes, against sampled cells."""

import numpy as np
import pytest
from scipy import stats

import reliability as rel
from reliability.architecture.memory.cache_life import inferences_until, line_lost
from reliability.devices.endurance import Endurance, hard_failure, probability_failed

COMMON = {"lost_fraction": 0.01, "changed": 0.25, "acceleration": 1.0, "words": 4, "word_cells": 72}


@pytest.fixture(scope="module")
def law() -> Endurance:
    return Endurance.from_technology(rel.load_technology("oxram-130nm"))


def test_a_line_is_lost_with_two_cells_of_a_word(law) -> None:
    cycles = np.geomspace(1e2, 3e6, 60)
    one = probability_failed(law, cycles)
    word = stats.binom.sf(1, 72, one)
    expected = -np.expm1(4 * np.log1p(-word))
    assert line_lost(law, cycles, words=4, word_cells=72) == pytest.approx(
        expected, rel=1e-3, abs=0
    )
    assert (np.diff(line_lost(law, cycles, words=4, word_cells=72)) >= 0).all()


def test_rare_pairs_in_closed_form(law) -> None:
    """Few failures: 4 words of 72 (71) / 2 pairs, F = (x / scale)^shape."""
    lost = 1e-6
    n = inferences_until(law, np.ones(8), **{**COMMON, "lost_fraction": lost})
    one = np.sqrt(lost / (4 * 72 * 71 / 2))
    cycles = law.scale * one ** (1 / law.shape)
    assert n * 0.25 / 2 == pytest.approx(cycles, rel=1e-3)


@pytest.mark.parametrize("factor", [0.1, 3.0])
def test_life_is_inverse_to_writes_changed_bits_and_acceleration(law, factor) -> None:
    writes = np.array([1.0, 1.0, 4.0, 0.0])
    plain = inferences_until(law, writes, **COMMON)
    assert inferences_until(law, factor * writes, **COMMON) * factor == pytest.approx(plain)
    faster = {**COMMON, "acceleration": factor}
    assert inferences_until(law, writes, **faster) * factor == pytest.approx(plain)


def test_lines_that_are_not_written_do_not_wear(law) -> None:
    assert inferences_until(law, np.zeros(5), **COMMON) == np.inf
    few = inferences_until(law, np.array([2.0] * 3 + [0.0] * 97), **COMMON)
    assert few == pytest.approx(inferences_until(law, np.array([2.0] * 3), **COMMON))


def test_a_hot_line_ends_the_life_earlier_than_even_wear(law) -> None:
    even = np.full(50, 2.0)
    hot = np.ones(50)
    hot[0] = 51.0
    assert inferences_until(law, hot, **COMMON) < inferences_until(law, even, **COMMON)


def test_against_sampled_cells(law) -> None:
    """4000 lines of 288 cells at the time when 10 % of them should be lost."""
    n = inferences_until(law, np.ones(1), **{**COMMON, "lost_fraction": 0.1})
    random = np.random.default_rng(1)
    life = hard_failure(law, random.random((4000, 4, 72)))
    lost = ((life < n * 0.25 / 2).sum(axis=2) > 1).any(axis=1).mean()
    assert abs(lost - 0.1) < 4 * np.sqrt(0.1 * 0.9 / 4000)


def test_a_fraction_that_cannot_be_is_refused(law) -> None:
    with pytest.raises(rel.InputError, match=r"lost_fraction: got 1\.5"):
        inferences_until(law, np.ones(3), **{**COMMON, "lost_fraction": 1.5})
