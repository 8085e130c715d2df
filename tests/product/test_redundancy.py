"""Several cells for one bit, against their polynomials and counted pairs."""

import numpy as np
import pytest

from reliability.errors import InputError
from reliability.product import majority_error_rate, pair_misread_rate


def test_majorities_are_their_polynomials() -> None:
    p = np.array([1e-6, 1e-3, 0.1, 0.5])
    assert majority_error_rate(p, cells=1) == pytest.approx(p)
    assert majority_error_rate(p, cells=3) == pytest.approx(3 * p**2 - 2 * p**3, rel=1e-9)
    five = 10 * p**3 * (1 - p) ** 2 + 5 * p**4 * (1 - p) + p**5
    assert majority_error_rate(p, cells=5) == pytest.approx(five, rel=1e-9)
    with pytest.raises(InputError, match="got 2, allowed odd"):
        majority_error_rate(p, cells=2)


def test_pairs_are_counted_over_all_pairs() -> None:
    random = np.random.default_rng(2)
    lrs, hrs = random.lognormal(0, 0.3, 400), random.lognormal(-0.5, 0.5, 300)
    counted = np.mean(hrs[None, :] >= lrs[:, None])
    assert pair_misread_rate(lrs, hrs) == pytest.approx(counted)
