"""The posterior-predictive check: right cards pass, wrong ones do not."""

import numpy as np
import pytest
import xarray as xr

import reliability as rel
from reliability.characterization.misfit import LevelErrors, level_errors
from tests.characterization import simulated


@pytest.fixture(scope="module")
def two_states() -> rel.Technology:
    return simulated.part(
        rel.load_technology("oxram-130nm").with_values(simulated.NO_DEFECTS), "relaxation"
    )


TIMES = [1.0, 100.0, 1e4]


@pytest.fixture(scope="module")
def cells(two_states: rel.Technology):
    segments = [rel.Segment(t) for t in TIMES]
    return simulated.states(two_states, 150, segments, "time", TIMES, seed=31)


def test_the_card_that_was_fitted_makes_its_data_again(cells) -> None:
    card = rel.characterize(cells, name="mine")
    check = rel.posterior_predictive(cells, card, draws=40, seed=2)
    assert set(check["label"].values) == {"LRS", "HRS"}
    assert {"mean", "sigma", "q05", "q95", "correlation"} == set(check["quantity"].values)
    # statistics of one cell are correlated; the share outside 90 % is 10 % on average
    assert check.attrs["outside"] < 0.35
    assert (check["low"] <= check["median"]).all()
    assert (check["p_value"] > 1e-3).all()


def test_a_card_of_other_cells_is_found_out(cells, two_states: rel.Technology) -> None:
    other = two_states.with_values({"relaxation.HRS.sigma": 0.05, "relaxation.LRS.shift": 0.1})
    check = rel.posterior_predictive(cells, other, draws=40, seed=2)
    hrs = check.isel(
        statistic=((check["label"] == "HRS") & (check["quantity"] == "sigma")
                   & (check["time"] > 0)).values
    )  # fmt: skip
    assert (hrs["observed"] > hrs["high"]).all()
    assert (hrs["p_value"] < 0.1).all()


@pytest.mark.slow
def test_levels_have_a_statistic_for_every_level_and_time() -> None:
    card = simulated.part(rel.load_technology("techB"), "relaxation.target")
    checks = [
        rel.posterior_predictive(
            simulated.levels(card, [30e-6, 60e-6], 60, [1.0, 100.0], seed=seed),
            card, draws=20, seed=1,
        )
        for seed in (5, 6, 7)
    ]  # fmt: skip
    check = checks[0]
    sigma = check.isel(statistic=(check["quantity"] == "sigma").values)
    assert sigma.sizes["statistic"] == 2 * 3
    assert sorted(set(sigma["level"].values.tolist())) == pytest.approx([30e-6, 60e-6])
    assert np.mean([one.attrs["outside"] for one in checks]) < 0.3


def test_check_says_how_far_off_the_model_is() -> None:
    card = simulated.part(rel.load_technology("techB"), "relaxation.target")
    data = simulated.levels(card, [30e-6, 60e-6, 110e-6], 500, [1.0, 1e4], seed=5)
    right = rel.posterior_predictive(data, card, draws=20, seed=1)
    assert right.attrs["quantile_error_relative"] < 0.02
    assert right.attrs["tail_error_factor"] < 2.2
    assert "error rates: " in right.attrs["verdict"]
    assert "5 and 95 % quantiles" in right.attrs["misfit"]
    tail = right.isel(detail=(right["detail_quantity"] == "above_q99").values)
    assert tail["detail_observed"].values == pytest.approx(0.012, abs=0.006)
    keys = [key for key in card if ".jumps_" in key or ".rare_" in key]
    none = card.with_values(dict.fromkeys(keys, 1e-9))
    wrong = rel.posterior_predictive(data, none, draws=20, seed=1)
    assert wrong.attrs["quantile_error"] > 3 * right.attrs["quantile_error"]
    assert wrong.attrs["tail_error_factor"] > 3
    assert "error rates: not usable" in wrong.attrs["verdict"]


def test_levels_that_a_file_does_not_state_are_not_checked_as_programmed() -> None:
    card = simulated.part(rel.load_technology("techB"), "relaxation.target")
    room = simulated.levels(card, [30e-6, 60e-6], 60, [1.0], seed=5)
    bake = simulated.levels(card, [30e-6, 60e-6], 60, [5e3], 400.0, seed=6)
    check = rel.posterior_predictive([room, bake.drop_vars("target")], card, draws=20)
    fresh = check.isel(statistic=(check["time"] == 0).values)
    assert set(fresh["temperature"].values.round(2)) == {298.15}


def test_tuned_levels_and_their_errors() -> None:
    """Two writes of levels in windows of their own, against quantiles and errors in closed form."""
    rng, n = np.random.default_rng(8), 600
    number = np.repeat([0, 1, 2], n)
    aim = np.array([[200e-6, 150e-6, 40e-6], [203e-6, 150e-6, 43e-6]])[:, number]
    first = aim + np.clip(rng.exponential(1e-6, aim.shape), 0, 6e-6)
    kept = rng.random(aim.shape) > 0.02
    lost = np.array([-60e-6, -60e-6, 0.0])[number]
    after = first + np.where(kept, rng.normal(0, 1e-6, aim.shape), lost)
    data = xr.Dataset(
        {"conductance": (("wafer", "die", "cell", "repeat", "time"),
                         np.stack([first, after], axis=-1).transpose(1, 0, 2)[None, None])},
        coords={"state": ("cell", number), "time": [0.0, 3600.0], "temperature": 398.15},
        attrs={"source": "bakes.csv"},
    )  # fmt: skip
    card = rel.characterize(data, name="tuned")
    assert card["programming.target.level_2"] == pytest.approx(
        201.5e-6 + 1e-6 * np.log(2), rel=1e-3
    )
    for q, p in (("q05", 0.05), ("q25", 0.25), ("q75", 0.75), ("q95", 0.95)):
        closed = -1e-6 * np.log(2 * (1 - p))  # of an exponential, about its median
        assert card[f"programming.target.window_{q}_1"] == pytest.approx(closed, abs=4e-7)
    check = rel.posterior_predictive(data, card, draws=20)
    assert check.attrs["outside"] < 0.3
    (found,) = level_errors(check)
    assert (found.condition, found.cells) == ("1 h at 125 °C", 6 * n)
    assert found.measured == pytest.approx(0.02 * 2 / 3, abs=0.006)
    assert found.low <= found.measured <= found.high
    assert str(found).endswith("measured value inside the interval")
    (none,) = level_errors(rel.posterior_predictive(
        data, card.with_values({k: 1e-9 for k in card if ".jumps_" in k or ".rare_" in k}),
        draws=20))  # fmt: skip
    assert none.modelled < 0.001
    assert "none modelled; measured value outside the interval" in str(none)


def test_level_errors_say_in_words_how_far_off_they_are() -> None:
    said = [LevelErrors("1 h at 125 °C", 1000, *values).misfit for values in (
        (0.02, 0.03, 0.01, 0.05), (0.02, 0.01, 0.005, 0.015), (0.02, 0.0201, 0.01, 0.05),
        (0.0, 0.01, 0.0, 0.02), (0.0, 0.0, 0.0, 0.0),
    )]  # fmt: skip
    assert said == [
        "too many by a factor of 1.5; measured value inside the interval",
        "too few by a factor of 2; measured value outside the interval",
        "off by less than 5 %; measured value inside the interval",
        "none measured; measured value inside the interval",
        "none measured, none modelled; measured value inside the interval",
    ]


def test_cycles_have_their_autocorrelation() -> None:
    card = rel.load_technology("oxram-130nm").with_values(simulated.NO_DEFECTS)
    data = simulated.cycles(card, 64, 100, seed=9)
    check = rel.posterior_predictive(data, card, draws=20, seed=1)
    assert "autocorrelation_10" in check["quantity"].values
    assert np.isfinite(check["observed"]).all()


@pytest.mark.slow
def test_same_seed_same_check(cells, two_states: rel.Technology) -> None:
    few = cells.isel(cell=slice(30))
    one, two = (rel.posterior_predictive(few, two_states, draws=20, seed=4) for _ in range(2))
    assert one.identical(two)


def test_what_cannot_be_checked_is_refused(cells, two_states: rel.Technology) -> None:
    with pytest.raises(rel.InputError, match="draws: got 3"):
        rel.posterior_predictive(cells, two_states, draws=3)
    with pytest.raises(rel.InputError, match="confidence: got 2"):
        rel.posterior_predictive(cells, two_states, confidence=2)
    with pytest.raises(rel.InputError, match="pcm-joshi cannot simulate"):
        rel.posterior_predictive(cells, rel.load_technology("pcm-joshi"))


def test_observed_statistics_by_hand(cells, two_states: rel.Technology) -> None:
    """As programmed: ln G; later: its change, and its correlation with the start."""
    check = rel.posterior_predictive(cells, two_states, draws=20, seed=2)
    own = cells["conductance"].squeeze(drop=True).transpose("cell", "state", "time")
    for label in ("LRS", "HRS"):
        log_g = np.log(own.sel(state=label).values)

        def observed(quantity: str, time: float, label: str = label) -> float:
            wanted = (check["label"] == label) & (check["quantity"] == quantity)
            (value,) = check["observed"].values[(wanted & (check["time"] == time)).values]
            return float(value)

        assert observed("mean", 0.0) == pytest.approx(log_g[:, 0].mean())
        assert observed("sigma", 0.0) == pytest.approx(log_g[:, 0].std(ddof=1))
        for k, time in enumerate(TIMES, 1):
            change = log_g[:, k] - log_g[:, 0]
            assert observed("mean", time) == pytest.approx(change.mean())
            assert observed("sigma", time) == pytest.approx(change.std(ddof=1))
            low, high = (np.sort(change)[round(q * 149)] for q in (0.05, 0.95))
            assert (observed("q05", time), observed("q95", time)) == pytest.approx((low, high))
