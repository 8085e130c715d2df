"""Plans with both risks: brute force, exact power of zero-failure tests, simulated allocations."""

import numpy as np
import pytest
from scipy import stats

from reliability.errors import InputError
from reliability.lifetime import Arm, Claim, compare_allocations, plan_demonstration, plan_power


@pytest.mark.parametrize(("claimed", "actual"), [(0.06, 0.01), (0.01, 0.002), (0.15, 0.05)])
def test_no_smaller_plan_keeps_both_risks(claimed, actual):
    plan = plan_demonstration(claimed, actual, confidence=0.9, producer_risk=0.05)
    n = np.arange(1, plan.devices)[:, None]
    c = np.arange(plan.failures + 1)
    consumer = stats.binom.cdf(c, n, claimed) <= 0.1
    producer = stats.binom.sf(c, n, actual) <= 0.05
    assert not np.any(consumer & producer)
    assert plan.consumer_risk == pytest.approx(
        stats.binom.cdf(plan.failures, plan.devices, claimed)
    )
    assert plan.consumer_risk <= 0.1
    assert plan.producer_risk <= 0.05


def test_power_of_a_test_without_failures_is_exact():
    """230 units show 1 % only if none fails: (1 - p)^230."""
    life = {"scale": 1000.0 / 0.001, "shape": 1.0}
    found = plan_power(Claim(1000.0, 0.01), [Arm(230, 1000.0)], life, samples=200)
    exact = np.exp(-0.001 * 230)
    assert found.power.value == pytest.approx(exact, abs=3 * np.sqrt(exact * (1 - exact) / 200))
    assert found.power.low < exact < found.power.high
    assert found.producer_risk == pytest.approx(1 - found.power.value)


def test_a_product_at_the_claim_rarely_passes_and_a_better_one_does():
    claim, arms = Claim(1000.0, 0.05), [Arm(100, 2000.0)]
    scale = 1000.0 / (-np.log(0.95)) ** (1 / 2.5)
    just, good = (
        plan_power(
            claim, arms, {"scale": k * scale, "shape": 2.5}, samples=8, assessed_as="weibull"
        )
        for k in (1.0, 1.8)
    )
    assert just.power.low < 0.1
    assert good.power.value > just.power.value


def test_allocations_share_the_units_and_are_sorted_by_power():
    claim = Claim(20_000.0, 0.1, {"temperature": 328.15})
    arms = [Arm(0, 1000.0, {"temperature": 398.15}), Arm(0, 1000.0, {"temperature": 423.15})]
    parameters = {"intercept": -13.0, "activation_energy": 0.75, "shape": 2.0}
    table = compare_allocations(
        claim, arms, parameters, 100, [(0.5, 0.5), (0.9, 0.1)], acceleration="arrhenius",
        samples=6, assessed_as="weibull",
    )  # fmt: skip
    assert {tuple(units) for units in table["units"]} == {(50, 50), (90, 10)}
    assert table["power"].is_monotonic_decreasing
    assert (table["failures"] > 0).all()


def test_read_outs_hold_the_lives():
    arm = Arm(3, 100.0, read_outs=[10.0, 100.0])
    lower, upper = arm.observed(np.array([5.0, 50.0, 500.0]))
    assert lower.tolist() == [0.0, 10.0, 100.0]
    assert upper.tolist() == [10.0, 100.0, np.inf]
    often = Arm(1, 1.0, read_outs=[0.25, 0.5, 1.0])  # steps below one unit of time
    assert often.observed(np.array([0.3]))[1].tolist() == [0.5]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plan_demonstration(0.01, 0.02), "actual: got 0.02, allowed below"),
        (lambda: plan_demonstration(0.01, 0.00999), "too close"),
        (lambda: Arm(-1, 10.0), "units: got -1"),
        (lambda: Arm(1, 10.0, read_outs=[5.0]), "the last is 5"),
        (lambda: Arm(1, 10.0, read_outs=[5.0, 5.0, 10.0]), "not ascending"),
        (lambda: plan_power(Claim(1.0, 0.1), [Arm(5, 1.0)], {"scale": 1.0}),
         "parameters: got scale, expected scale, shape"),
        (lambda: plan_power(Claim(1.0, 0.1), [Arm(5, 1.0, {"temperature": t}) for t in (400, 420)],
                            {"scale": 1.0, "shape": 1.0}),
         "acceleration: the arms differ in temperature"),
        (lambda: plan_power(Claim(1.0, 0.1), [Arm(5, 1.0)], {"scale": 1.0, "shape": 1.0}, samples=2,
                            fixed={"slope": 1.0}), "could be evaluated: slope: nothing depends"),
        (lambda: plan_power(Claim(1.0, 0.1), [Arm(0, 1.0)], {"scale": 1.0, "shape": 1.0}),
         "got no unit"),
        (lambda: compare_allocations(Claim(1.0, 0.1), [Arm(5, 1.0)], {}, 10, [(0.5, 0.5)]),
         "fractions: got"),
    ],
)  # fmt: skip
def test_input_that_cannot_be_right_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
