"""The interval of the answer covers what it promises."""

import numpy as np
import pytest
from scipy.special import expit, logit

from reliability.campaign.accuracy_interval import accuracy_interval


@pytest.mark.slow
def test_interval_covers_the_true_mean_when_parameters_are_uncertain() -> None:
    """Truth: logit of the mean accuracy is normal over parameters, chips and images scatter too.

    2000 simulated studies at 90 %: coverage within 4 binomial standard errors plus the small
    conservatism of the within-draw scatter.
    """
    rng = np.random.default_rng(1)
    centre, spread, chip, images = logit(0.85), 0.4, 0.02, 2000
    hits, n = 0, 2000
    for _ in range(n):
        # the card's value and the true product are two draws around an unknown centre
        draws = expit(centre + spread * rng.standard_normal(24))
        draws = draws + chip * rng.standard_normal(24) / np.sqrt(8)
        nominal = expit(centre) + chip * rng.standard_normal(50)
        shift = np.sqrt(0.85 * 0.15 / images) * rng.standard_normal()
        truth = expit(centre + spread * rng.standard_normal())
        found = accuracy_interval(nominal + shift, images, draws + shift, 0.9)
        hits += found["low"] <= truth <= found["high"]
    error = np.sqrt(0.9 * 0.1 / n)
    assert -4 * error < hits / n - 0.9 < 4 * error + 0.03


@pytest.mark.slow
def test_interval_without_draws_covers_the_mean_over_chips_and_images() -> None:
    rng = np.random.default_rng(2)
    n, hits, images = 2000, 0, 1000
    for _ in range(n):
        shift = np.sqrt(0.8 * 0.2 / images) * rng.standard_normal()
        found = accuracy_interval(0.8 + shift + 0.03 * rng.standard_normal(12), images, None, 0.9)
        hits += found["low"] <= 0.8 <= found["high"]
    assert abs(hits / n - 0.9) < 4 * np.sqrt(0.9 * 0.1 / n) + 0.01


def test_interval_stays_a_probability() -> None:
    found = accuracy_interval(np.array([0.999, 1.0]), 50, np.array([0.2, 1.0, 0.9]), 0.99)
    assert 0 <= found["low"] <= found["mean"] <= found["high"] <= 1


@pytest.mark.slow
def test_interval_holds_the_mean_of_all_wafers() -> None:
    """Five wafers of twelve chips, no uncertain parameters; 1000 studies at 90 %, as above."""
    rng = np.random.default_rng(3)
    n, hits, alike, wafers = 1000, 0, 0, np.repeat(np.arange(5), 12)
    for _ in range(n):
        chips = 0.8 + 0.02 * rng.standard_normal(60) + 0.015 * rng.standard_normal(5)[wafers]
        found = accuracy_interval(chips, 10**9, None, 0.9, wafers)
        hits += found["low"] <= 0.8 <= found["high"]
        found = accuracy_interval(chips, 10**9, None, 0.9)
        alike += found["low"] <= 0.8 <= found["high"]
    error = np.sqrt(0.9 * 0.1 / n)
    assert -4 * error - 0.02 < hits / n - 0.9 < 4 * error + 0.02
    assert alike / n < 0.75  # what it was when chips of a wafer counted as independent


def test_interval_never_exceeds_the_ideal_network_but_by_the_error_of_images() -> None:
    """Draws near the ideal network and far below it: the value is their median, inside."""
    rng = np.random.default_rng(4)
    for centre in (-1.0, 1.0, 4.0):
        place = expit(centre + 1.5 * rng.standard_normal(24))
        draws = 0.1 + (0.89 - 0.1) * place
        found = accuracy_interval(
            draws[:8], 10_000, draws, 0.95, chance=0.1, ideal=0.89
        )  # fmt: skip
        most = max(0.89, found["mean"] + 1.96 * found["sigma_images"])
        assert 0.1 <= found["low"] <= found["mean"] <= found["high"] <= most
        assert centre > 1.0 or most == 0.89
        assert found["mean"] == np.median(draws)
        assert found["nominal"] == draws[:8].mean()


def test_interval_of_chips_like_the_ideal_network_holds_the_accuracy_of_all_images() -> None:
    """Chips that lose nothing, 500 images: 2000 studies at 95 %, the ideal one a sample too."""
    rng = np.random.default_rng(6)
    n, hits = 2000, 0
    for _ in range(n):
        here = rng.binomial(500, 0.85) / 500
        found = accuracy_interval(
            np.full(4, here) + 0.002 * rng.standard_normal(4), 500, None, 0.95, ideal=here
        )  # fmt: skip
        hits += found["low"] <= 0.85 <= found["high"]
    assert hits / n > 0.94


def test_interval_of_draws_covers_one_more_draw() -> None:
    """Skewed draws: at 95 %, 2000 studies of 24 draws between chance and the ideal network."""
    rng = np.random.default_rng(5)
    n, hits = 2000, 0
    for _ in range(n):
        z = rng.standard_normal(25)
        values = 0.1 + 0.79 * expit(2.5 + np.where(z > 0, 0.8, 1.6) * z)
        found = accuracy_interval(
            values[:1], 10**9, values[1:], 0.95, chance=0.1, ideal=0.89
        )  # fmt: skip
        hits += found["low"] <= values[0] <= found["high"]
    assert abs(hits / n - 0.95) < 0.025


def test_levels_given_a_measured_accuracy() -> None:
    """Bayes' rule by hand for two levels with the same spread."""
    from types import SimpleNamespace

    import pytest
    import xarray as xr
    from scipy.stats import t

    from reliability.campaign.accuracy_interval import probable_levels

    chips = np.array([[0.83, 0.84, 0.85], [0.80, 0.81, 0.82]])
    grid = xr.Dataset(
        {"accuracy": (("combination", "chip"), chips)},
        coords={"spread": ("combination", [0.5, 1.0])},
    )
    factor = SimpleNamespace(name="spread", levels=(0.5, 1.0))
    settings = SimpleNamespace(factor=(factor,), measured=0.84, images=1000)
    found = probable_levels(grid, SimpleNamespace(sensitivity=settings))["spread"]
    mean = chips.mean(axis=1)
    sigma = np.sqrt(0.01**2 * 4 / 3 + mean * (1 - mean) / 1000)
    density = t.pdf((0.84 - mean) / sigma, 2) / sigma
    assert found[0.5] == pytest.approx(density[0] / density.sum())
    assert sum(found.values()) == pytest.approx(1)


def test_many_draws_give_an_interval_for_any_distribution() -> None:
    """One more draw of a skewed distribution lies inside as often as stated, tails alike."""
    rng, chips = np.random.default_rng(5), np.full(8, 0.8)
    below, above = [], []
    for _ in range(400):
        draws = 0.85 - 0.01 * rng.exponential(size=80)
        found = accuracy_interval(chips, 10**9, draws[:79], 0.95)
        below.append(draws[79] < found["low"])
        above.append(draws[79] > found["high"])
    for outside in (below, above):
        assert abs(np.mean(outside) - 0.025) < 3 * np.sqrt(0.025 / 400)


def test_one_far_draw_of_many_does_not_move_the_interval() -> None:
    draws = np.linspace(0.8, 0.86, 199)
    far = np.concatenate([draws[1:], [0.3]])
    a, b = (accuracy_interval(np.full(8, 0.83), 10**9, each, 0.95) for each in (draws, far))
    assert b["low"] == pytest.approx(a["low"], abs=0.001)
