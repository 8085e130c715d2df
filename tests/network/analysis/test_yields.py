"""The fraction of chips below an accuracy, against closed forms and by coverage."""

import numpy as np
import pytest
import xarray as xr
from scipy import optimize, special, stats

import reliability as rel
from reliability.network.analysis.yields import accuracy_yield
from tests.network.analysis.made_results import made

CENTRE = special.logit(0.85)


def population(accuracy, wafers=1, images=10**9):  # type: ignore[no-untyped-def]
    """Chips as `evaluate` returns them."""
    chips = len(accuracy)
    return xr.Dataset(
        {"accuracy": ("chip", accuracy)},
        coords={"wafer": ("chip", np.arange(chips) * wafers // chips)},
        attrs={"images": images},
    )


def sample(rng, wafers, chips, between, within):  # type: ignore[no-untyped-def]
    """Accuracies of normal logits."""
    y = CENTRE + np.repeat(rng.normal(0, between, wafers), chips)
    return special.expit(y + rng.normal(0, within, wafers * chips))


def test_one_wafer_gives_the_noncentral_t_interval() -> None:
    accuracy = sample(np.random.default_rng(1), 1, 40, 0.0, 0.3)
    found = accuracy_yield(population(accuracy), 0.72, 0.9).sel(estimate="normal")
    y = special.logit(accuracy)
    t = np.sqrt(40) * (special.logit(0.72) - y.mean()) / y.std(ddof=1)

    def end(level):  # type: ignore[no-untyped-def]
        shift = optimize.brentq(lambda d: stats.nct.cdf(t, 39, d) - level, t - 15, t + 15)
        return special.ndtr(shift / np.sqrt(40))

    value = special.ndtr((special.logit(0.72) - y.mean()) / y.std(ddof=1))
    assert found["fraction"].item() == pytest.approx(value, rel=1e-6)
    # 20 000 draws: quantiles of log fraction move by about 1 % of the interval's width
    assert found["low"].item() == pytest.approx(end(0.95), rel=0.1)
    assert found["high"].item() == pytest.approx(end(0.05), rel=0.1)


@pytest.mark.parametrize(
    ("wafers", "chips", "between", "within", "images", "threshold", "estimate"),
    [
        (1, 60, 0.0, 0.25, None, 0.72, "normal"),
        (8, 15, 0.15, 0.25, None, 0.78, "normal"),
        (1, 100, 0.0, 0.15, 300, 0.80, "normal_images"),
    ],
)
def test_intervals_cover(wafers, chips, between, within, images, threshold, estimate) -> None:
    """Nominal 90 %: within four standard errors of 150 populations."""
    rng = np.random.default_rng(2)
    spread = np.hypot(between, within)
    truth = special.ndtr((special.logit(threshold) - CENTRE) / spread)
    hits = 0
    for _ in range(150):
        accuracy = sample(rng, wafers, chips, between, within)
        if images:
            accuracy = rng.binomial(images, accuracy) / images
        result = population(accuracy, wafers, images or 10**9)
        found = accuracy_yield(result, threshold, 0.9).sel(estimate=estimate)
        hits += bool(found["low"] <= truth <= found["high"])
    assert abs(hits / 150 - 0.9) < 4 * np.sqrt(0.9 * 0.1 / 150)


def test_count_is_the_exact_binomial_interval() -> None:
    accuracy = np.r_[np.full(3, 0.8), np.linspace(0.83, 0.9, 97)]
    found = accuracy_yield(population(accuracy), 0.82).sel(estimate="count")
    exact = stats.binomtest(3, 100).proportion_ci(0.95, method="exact")
    assert found["fraction"].item() == 0.03
    assert (found["low"].item(), found["high"].item()) == pytest.approx((exact.low, exact.high))
    assert found["warning"].item() == "3 of 100 chips are below: a bound, not a rate"


def test_few_images_widen_the_observed_spread_only() -> None:
    rng = np.random.default_rng(3)
    true = sample(rng, 1, 2000, 0.0, 0.15)
    observed = population(rng.binomial(300, true) / 300, images=300)
    found = accuracy_yield(observed, 0.80)
    expected = special.ndtr((special.logit(0.80) - CENTRE) / 0.15)
    assert found["fraction"].sel(estimate="normal") > 3 * expected
    assert found["low"].sel(estimate="normal_images") < expected
    assert found["high"].sel(estimate="normal_images") > expected
    assert found.attrs["image_error"] == pytest.approx(np.sqrt(0.85 * 0.15 / 300), rel=0.1)


def test_tail_reaches_parts_per_million_and_says_that_it_does() -> None:
    accuracy = sample(np.random.default_rng(4), 1, 3000, 0.0, 0.25)
    found = accuracy_yield(population(accuracy), 0.60)
    tail, law = found.sel(estimate="tail"), found.sel(estimate="normal")
    expected = special.ndtr((special.logit(0.60) - CENTRE) / 0.25)
    assert tail["low"] <= expected <= tail["high"]
    assert "decades beyond" in tail["warning"].item()
    assert "decades beyond 3000 chips" in law["warning"].item()


def test_wafers_that_differ_are_said() -> None:
    accuracy = sample(np.random.default_rng(5), 6, 40, 0.4, 0.1)
    found = accuracy_yield(population(accuracy, wafers=6), 0.82)
    assert "not independent" in found["warning"].sel(estimate="count").item()
    assert found.attrs["sigma_wafers"] > 0.5 * found.attrs["sigma"]
    assert found.attrs["wafers"] == 6


def test_chips_of_the_network_and_wafers_as_dimension() -> None:
    net, tech = rel.load_network("spirit"), rel.load_technology("oxram-130nm")
    states = list(rel.map_weights(net))
    grid = rel.sample_population(
        tech, wafers=2, dies=25, cells=11_520, state=states, seed=4, dtype=np.float32
    ).isel(die=slice(6))
    chips = rel.evaluate(net, grid, images=300, seed=4)
    found = rel.accuracy_yield(chips, 0.82)
    assert found.attrs["wafers"] == 2
    assert found.attrs["chips"] == 12
    below = (chips["accuracy"] < 0.82).mean().item()
    assert found["fraction"].sel(estimate="count").item() == below
    assert found["warning"].sel(estimate="tail").item()  # twelve chips have no tail


@pytest.mark.parametrize(
    ("result", "threshold", "says"),
    [
        (population([0.8, 0.9]), 1.2, "threshold: got 1.2"),
        (population([0.8, 0.9]).drop_attrs(), 0.8, "as evaluate gives"),
    ],
)
def test_bad_input_is_refused(result, threshold, says) -> None:
    with pytest.raises(rel.InputError, match=says):
        accuracy_yield(result, threshold)


def test_too_few_chips_have_no_law() -> None:
    found = accuracy_yield(population([0.8, 0.9, 0.85]), 0.82)
    assert np.isnan(found["fraction"].sel(estimate="normal").item())
    assert found["high"].sel(estimate="normal").item() == 1.0


def skewed(rng, chips):  # type: ignore[no-untyped-def]
    """Accuracies with a long tail of bad chips, as real ones have."""
    return special.expit(2 - 0.4 * np.exp(0.3 * rng.normal(size=chips)))


def test_a_normal_law_that_chips_refuse_is_said_to_be_wrong() -> None:
    rng = np.random.default_rng(6)
    found = accuracy_yield(population(skewed(rng, 1000)), 0.70)
    assert "not normal (skewness -" in found["warning"].sel(estimate="normal").item()
    good = accuracy_yield(population(sample(rng, 1, 1000, 0.0, 0.25)), 0.80)
    assert good["warning"].sel(estimate="normal").item() == ""


def test_yield_takes_out_what_images_add_to_a_chip_alone() -> None:
    """Images that are hard for all chips are no spread: their part must not be taken out."""
    result = made(np.random.default_rng(9), 400, 300, sigmas=(0, 0.1, 3.0))
    known = rel.accuracy_yield(result, 0.62)
    binomial = rel.accuracy_yield(result.drop_vars("correct"), 0.62)
    assert known.attrs["image_error"] < 0.7 * binomial.attrs["image_error"]
    fraction = [d["fraction"].sel(estimate="normal_images").item() for d in (known, binomial)]
    assert fraction[0] > fraction[1]  # the binomial error takes out too much
