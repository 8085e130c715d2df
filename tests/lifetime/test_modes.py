"""Known failure modes: closed forms, one mode, coverage of the product."""

import numpy as np
import pytest

from reliability.errors import InputError
from reliability.lifetime import fit_lifetime, fit_modes


def two_modes(rng, n=100, end=1.0):
    a, b = 1.5 * rng.weibull(3.0, n), 3.0 * rng.weibull(0.8, n)
    time = np.minimum(np.minimum(a, b), end)
    cause = np.where(time == end, "", np.where(a < b, "wear", "defect"))
    return time, cause


def test_exponential_modes_have_a_closed_form():
    time = np.array([5.0, 8.0, 12.0, 20.0, 20.0, 20.0])
    found = fit_modes(time, ["a", "b", "a", None, "", ""], distribution="exponential")
    assert found.modes["a"].parameters["scale"] == pytest.approx(85 / 2)
    assert found.modes["b"].parameters["scale"] == pytest.approx(85)
    value, low, high = found.failure_probability(10.0)
    assert value == pytest.approx(-np.expm1(-10 * 3 / 85))
    # all failures in one exponential fit: the same estimate, nearly the same interval
    every = fit_lifetime(time, event=[1, 1, 1, 0, 0, 0], distribution="exponential")
    other = every.failure_probability(10.0)
    assert value == pytest.approx(float(other))
    assert (low, high) == pytest.approx((other.low, other.high), rel=0.25)


def test_one_mode_is_a_plain_fit():
    time, _ = two_modes(np.random.default_rng(1))
    cause = np.where(time < 1.0, "any", "")
    found = fit_modes(time, cause).failure_probability(0.5)
    plain = fit_lifetime(time, event=time < 1.0).failure_probability(0.5)
    assert found == pytest.approx(plain, rel=1e-9)
    many = fit_modes(time, cause).failure_probability([0.2, 0.5])
    assert [float(end[1]) for end in many] == pytest.approx(plain, rel=1e-9)


def test_modes_are_told_apart_and_each_may_have_its_distribution():
    time, cause = two_modes(np.random.default_rng(2), 2000)
    found = fit_modes(time, cause, distribution={"wear": "weibull", "defect": "weibull"})
    assert found.modes["wear"].parameters["shape"] == pytest.approx(3.0, rel=0.1)
    assert found.modes["defect"].parameters["shape"] == pytest.approx(0.8, rel=0.1)
    for call, says in (
        (lambda: fit_modes(time, np.full(2000, "")), "no unit failed"),
        (lambda: fit_modes(time, cause, distribution={"wear": "weibull"}), "the data have defect"),
    ):
        with pytest.raises(InputError, match=says):
            call()


@pytest.mark.slow
def test_the_product_is_covered_beyond_the_test():
    rng, held = np.random.default_rng(3), 0
    true = -np.expm1(-((1.5 / 1.5) ** 3.0) - (1.5 / 3.0) ** 0.8)
    for _ in range(200):
        low, high = fit_modes(*two_modes(rng)).failure_probability(1.5)[1:]
        held += low < true < high
    assert abs(held / 200 - 0.9) < 3 * np.sqrt(0.09 / 200)
