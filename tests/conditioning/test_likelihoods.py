"""Likelihoods and predictive probabilities against scipy and against sampled populations."""

import math

import numpy as np
import pytest
from scipy.stats import betabinom, binom, norm

import reliability as rel
from reliability.conditioning.evidence import Evidence
from reliability.conditioning.predictions import predict, predict_all
from reliability.technology import observations_of

S = {"source": "a test"}


def seen(**values):
    return observations_of([{**values, **S}])[0]


def evidence(transfer: float = 1.0, wrong: int = 3, cells: int = 1000) -> Evidence:
    return Evidence.of(seen(kind="stuck_cells", cells=cells, wrong=wrong, transfer=transfer))


def test_a_count_of_the_same_lot_is_binomial() -> None:
    p = np.array([1e-4, 3e-3, 0.2])
    found = evidence().log_likelihood(p, np.zeros(3))
    np.testing.assert_allclose(found, binom.logpmf(3, 1000, p), rtol=1e-10)
    below, above = evidence().tails(p[1:2], np.zeros(1))
    assert below == pytest.approx(binom.cdf(3, 1000, 3e-3), rel=1e-10)
    assert above == pytest.approx(binom.sf(2, 1000, 3e-3), rel=1e-10)


@pytest.mark.parametrize("p", [3e-3, 0.3, 0.9])
def test_a_count_of_another_lot_is_beta_binomial_with_its_mean(p: float) -> None:
    each = evidence(transfer=1.5, wrong=280)
    n = np.arange(1001)
    pmf = np.exp([evidence(1.5, int(k)).log_likelihood(np.array([p]), np.zeros(1))[0] for k in n])
    assert pmf.sum() == pytest.approx(1, rel=1e-9)
    assert pmf @ n == pytest.approx(1000 * p, rel=1e-9)
    below, above = each.tails(np.array([p]), np.zeros(1))
    assert below == pytest.approx(pmf[:281].sum(), abs=0.01)  # by 32 quantiles of the mixture
    assert above == pytest.approx(pmf[280:].sum(), abs=0.01)


def test_transfer_is_the_spread_of_the_logarithm() -> None:
    """Against the beta distribution's own moments, by sampling."""
    from reliability.conditioning.evidence import _beta

    for sigma in (0.1, math.log(1.5), math.log(3)):
        (a,), (b,) = _beta(np.array([1e-3]), np.array([sigma]))
        p = np.random.default_rng(1).beta(a, b, 200_000)
        assert np.log(p).std() == pytest.approx(sigma, rel=0.01)
        k = betabinom(2000, a, b).rvs(100_000, random_state=2)
        assert k.mean() == pytest.approx(2, rel=0.02)


def test_a_value_is_normal_with_all_its_parts() -> None:
    each = Evidence.of(seen(kind="median", state="LRS", resistance=5e3, error=0.1, transfer=1.2))
    total = math.sqrt(0.1**2 + 0.05**2 + math.log(1.2) ** 2)
    found = each.log_likelihood(np.array([8.4]), np.array([0.05]))
    expected = norm.logpdf(math.log(5e3), 8.4, total) + math.log(2 * math.pi) / 2
    assert found[0] == pytest.approx(expected, rel=1e-12)


def test_a_fraction_is_normal_in_its_logarithm() -> None:
    """What a paper states without a number of cells."""
    o = seen(kind="write_errors", state="HRS", fraction=0.09, error=0.2, transfer=3)
    each = Evidence.of(o)
    total = math.hypot(0.2, math.log(3))
    found = each.log_likelihood(np.array([math.log(0.02)]), np.zeros(1))
    expected = norm.logpdf(math.log(0.09 / 0.02), 0, total) + math.log(2 * math.pi) / 2
    assert found[0] == pytest.approx(expected, rel=1e-12)
    assert each.predictive(np.array([math.log(0.02)]), np.zeros(1)) == pytest.approx(
        2 * norm.sf(math.log(0.09 / 0.02) / total)
    )


@pytest.mark.parametrize("sigma", [1e-9, 1e-7, 1e-5, 0.3])
@pytest.mark.parametrize("p", [0.6, 1 - 1e-9, 1.0])
def test_no_failure_of_cells_that_all_fail_is_impossible(p: float, sigma: float) -> None:
    none = Evidence(counts=True, value=0.0, error=9000.0, transfer=0.0)
    assert none.predictive(np.array([p]), np.array([sigma])) < 1e-30
    all_failed = Evidence(counts=True, value=9000.0, error=9000.0, transfer=0.0)
    assert all_failed.predictive(np.array([1 - p]), np.array([sigma])) < 1e-30


def test_few_draws_do_not_make_a_rare_observation_impossible() -> None:
    """A precise count beyond all draws of the prior: the normal distribution of ln p knows it."""
    draws = np.exp(norm.ppf((np.arange(100) + 0.5) / 100, math.log(1e-3), 1.0))  # up to 2.6 sigma
    wrong = round(math.exp(3.0) * 1e-3 * 100_000)
    found = evidence(wrong=wrong, cells=100_000).predictive(draws, np.zeros(100))
    assert found == pytest.approx(2 * norm.sf(3.0), rel=0.2)


def test_needed_transfer_gives_the_probability_asked_for() -> None:
    p, s = np.array([1e-2]), np.zeros(1)
    needed = evidence(wrong=100).needed_transfer(p, s, 0.01)
    again = evidence(transfer=needed, wrong=100)
    assert again.predictive(p, s) == pytest.approx(0.01, rel=0.05)
    assert evidence(wrong=10).needed_transfer(p, s, 0.01) == 1


def test_no_transfer_makes_all_cells_fail_of_a_mean_of_a_thousandth() -> None:
    """Markov: P of a mean of 0.001 is near 1 with a probability of 0.001 at most."""
    all_wrong = Evidence(counts=True, value=1e5, error=1e5, transfer=0.0)
    assert all_wrong.needed_transfer(np.array([1e-3]), np.array([0.0]), 0.01) == math.inf


def sampled(card, state, *, cells=60_000, attempts=1, dies=30, time=None, temperature=298.15):
    """Fractions wrong at the best reference: of cells as programmed, and lost by some time."""
    reference = rel.best_reference(card)
    verify = rel.Verify(1 / reference, 1 / reference, attempts)
    cells = rel.sample_population(
        card, dies=dies, cells=cells // dies, state=state, verify=verify, seed=3, dtype=np.float32
    )

    def wrong(g):
        return g < reference if state == "LRS" else g > reference

    first = wrong(cells["conductance"].values)
    if time is None:
        return first.mean()
    aged = rel.age(cells, rel.MissionProfile.constant(time, temperature))
    return wrong(aged["conductance"].values)[~first].mean()


@pytest.fixture(scope="module")
def card():
    """One without what makes few dies a poor sample."""
    tech = rel.load_technology("oxram-130nm")
    levels = ("sigma_lot", "sigma_wafer", "sigma_die", "radial")
    still = {f"programming.{s}.{k}": 0.0 for s in ("LRS", "HRS") for k in levels}
    return tech.with_values(still)


@pytest.mark.parametrize("passes", [1, 3])
def test_write_errors_are_those_of_sampled_cells(card, passes) -> None:
    o = seen(kind="write_errors", state="HRS", cells=10, wrong=0, passes=passes, retries=1)
    found = predict(card, o).location
    expected = sampled(card, "HRS", attempts=2 * passes)
    assert found == pytest.approx(expected, rel=0.15)  # 4 sigma of the count


def test_lost_cells_are_those_of_aged_ones(card) -> None:
    hot = card.with_values({"retention.LRS.time_constant": 1e6, "retention.HRS.time_constant": 1e9})
    o = seen(kind="failed_after_time", state="LRS", cells=1, failed=0, time=1e5, temperature=398.15)
    expected = sampled(hot, "LRS", time=1e5, temperature=398.15)
    assert predict(hot, o).location == pytest.approx(expected, rel=0.15)


def test_disturbed_cells_are_those_of_read_ones(card) -> None:
    weak = card.with_values({"read_disturb.bound_reads": 5.2e6, "read_disturb.bound_cells": 20})
    o = seen(kind="failed_after_reads", state="HRS", cells=1, failed=0, reads=3e7, read_voltage=0.1)
    reference = rel.best_reference(weak)
    cells = rel.sample_population(weak, cells=60_000, dies=1, state="HRS", seed=3)
    profile = rel.MissionProfile.constant(0.0, reads=3e7, read_voltage=0.1)
    aged = rel.age(cells, profile)["conductance"]
    right = (cells["conductance"] < reference) & (cells["defect"] == 0)
    expected = float((aged > reference).where(right).mean())
    assert predict(weak, o).location == pytest.approx(expected, rel=0.1)


def test_hard_failures_are_those_of_the_model(card) -> None:
    o = [
        seen(kind="failed_after_cycles", cells=1, failed=0, cycles=1e5),
        seen(kind="no_failure", cells=1, cycles=1e5),
        seen(kind="qualification", failed_fraction=1e-3, cycles=1e5),
        seen(kind="stuck_cells", cells=1, wrong=0, cycles=1e5),
    ]
    failed, none, claim, stuck = predict_all(card, o)
    # Weibull, the mean over a log-normal scale by a wide sample
    sigma = math.hypot(*(card[f"endurance.sigma_{k}"] for k in ("lot", "wafer", "die")))
    scale = rel.devices.endurance.Endurance.from_technology(card).scale
    z = np.random.default_rng(4).standard_normal(400_000)
    x = 1e5 / (scale * np.exp(sigma * z))
    expected = -np.expm1(-(x ** card["endurance.shape"])).mean()
    assert failed.location == pytest.approx(expected, rel=0.03)
    assert failed == none == claim
    start = sum(card[f"defects.{k}"] for k in ("stuck_lrs", "stuck_hrs", "unformed"))
    assert stuck.location == pytest.approx(start + (1 - start) * failed.location, rel=1e-9)


def test_the_spread_of_a_likely_failure_is_that_of_survival(card) -> None:
    """Nearly all cells fail: what varies from lot to lot is who survives."""
    worn = card.with_values({"endurance.scale": 1e5})
    o = [
        seen(kind="failed_after_cycles", cells=1, failed=0, cycles=3e5),
        seen(kind="failed_after_cycles", fraction=0.9, error=0.1, cycles=3e5),
    ]
    count, rate = predict_all(worn, o)
    sigma = math.hypot(*(card[f"endurance.sigma_{k}"] for k in ("lot", "wafer", "die")))
    shape, z = card["endurance.shape"], np.random.default_rng(4).standard_normal(400_000)
    survival = -((3 * np.exp(sigma * z)) ** shape)  # its logarithm
    assert count.spread == pytest.approx(survival.std(), rel=0.2)  # a two-point rule
    assert rate.location == pytest.approx(math.log(count.location), rel=1e-9)
    assert rate.spread == pytest.approx(np.log(-np.expm1(survival)).std(), rel=0.5)


def test_medians_and_windows_are_those_of_the_card(card) -> None:
    o = [
        seen(kind="median", state="HRS", resistance=1e4, error=0.1),
        seen(kind="window", decades=1.0, error=0.1),
        seen(kind="window", decades=1.0, error=0.1, compliance_current="50 uA"),
        seen(kind="median", state="HRS", resistance=1e4, error=0.1, time="1 h"),
    ]
    median, window, weaker, aged = (p.location for p in predict_all(card, o))
    r = {s: card[f"programming.{s}.resistance"] for s in ("LRS", "HRS")}
    cells = rel.sample_population(card, cells=60_000, state="HRS", seed=3)["conductance"]
    assert median == pytest.approx(-math.log(cells.median()), abs=0.03)  # 3 standard errors
    assert window == pytest.approx(math.log10(r["HRS"] / r["LRS"]), rel=1e-9)
    assert window - weaker == pytest.approx(math.log10(2), rel=1e-6)
    assert aged == pytest.approx(math.log(r["HRS"]), abs=0.3)


def test_an_accuracy_is_that_of_the_network(card) -> None:
    o = seen(kind="accuracy", network="spirit", accuracy=0.84, images=200)
    found = predict(card, o)
    assert 0.7 < 1 / (1 + math.exp(-found.location)) < 0.9
    assert found.spread > 0
