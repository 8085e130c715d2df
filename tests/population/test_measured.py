"""Measured cells in place of a card: resampling, refusals, windows and their intervals."""

import numpy as np
import pytest
import xarray as xr
from scipy import special, stats

import reliability as rel
from reliability.errors import InputError
from reliability.network.evaluation import mean_with_samples
from reliability.population.measured import MeasuredCells
from reliability.statistics import clustered_proportion

TIMES = [0.0, 1.0, 1000.0]


def relaxation(cells=400, dies=1, seed=0):
    """Four levels of 10 to 40 uS that relax, read at three times."""
    generator = np.random.default_rng(seed)
    number = np.arange(cells) % 4
    first = 10e-6 * (number + 1) + generator.normal(0, 0.2e-6, (dies, cells))
    later = [first - generator.gamma(2.0, 0.3e-6 * k, first.shape) for k in (1, 2)]
    return xr.Dataset(
        {"conductance": (("die", "cell", "time"), np.stack([first, *later], axis=-1))},
        coords={"time": TIMES, "state": ("cell", number)},
        attrs={"source": "levels.tsv", "source_sha256": "0" * 64},
    )


def apart(data):
    """Each cell read in one state only, named by a coordinate."""
    state = xr.DataArray(np.where(np.arange(300) < 150, "LRS", "HRS"), dims="cell")
    lrs, hrs = (data["conductance"].isel(state=k, drop=True) for k in (0, 1))
    one = lrs.where(state == "LRS", hrs)
    return xr.Dataset({"conductance": one}, {"state": state}, data.attrs)


def two_states(cells=300, seed=0, sigma=0.5):
    generator = np.random.default_rng(seed)
    g = np.exp(np.log([1e-4, 1e-5])[:, None] + generator.normal(0, sigma, (cells, 2, 5)))
    return xr.Dataset(
        {"conductance": (("cell", "state", "cycles"), g)},
        coords={"state": ["LRS", "HRS"], "cycles": [1, 2, 3, 4, 5]},
        attrs={"source": "states.tsv"},
    )


def at(time):
    return rel.MissionProfile.constant(time)


def test_cells_bring_their_whole_trajectory():
    data = relaxation()
    level = float(np.median(data["conductance"].values[0, 1::4, 0]))
    cells = rel.sample_population(data, cells=500, state=level, seed=3)
    measured = {tuple(row) for row in data["conductance"].values[0].round(12)}
    reads = [cells if t == 0 else rel.age(cells, at(t)) for t in TIMES]
    got = np.stack([one["conductance"].values.ravel() for one in reads], axis=-1)
    assert {tuple(row) for row in got.round(12)} <= measured
    assert len(np.unique(got[:, 0])) > 50


def test_a_chip_is_the_same_alone_and_with_others_and_after_a_file(tmp_path):
    data, network = two_states(), rel.load_network("spirit")
    both = rel.sample_chips(data, network, chips=2, seed=5)
    alone = rel.sample_chips(data, network, chips=1, first=1, seed=5)
    np.testing.assert_array_equal(both["conductance"][1], alone["conductance"][0])
    data = relaxation()
    cells = rel.sample_population(data, cells=50, state="20 uS")
    cells.to_zarr(tmp_path / "cells.zarr")
    again = xr.open_zarr(tmp_path / "cells.zarr")
    aged = [rel.age(one, at("1 s"))["conductance"].values for one in (cells, again)]
    np.testing.assert_array_equal(*aged)


def test_targets_between_levels_are_interpolated_with_a_statement():
    data = relaxation(4000)
    target = MeasuredCells.of(data)._pools(0).target
    aim = 0.75 * target[1] + 0.25 * target[2]
    with pytest.warns(UserWarning, match="1 of 1 targets lie between measured levels"):
        cells = rel.sample_population(data, cells=20_000, state=float(aim), seed=1)
    assert any("interpolated" in note for note in cells.attrs["warnings"])
    lost = (cells["conductance"] - rel.age(cells, at("1000 s"))["conductance"]).values
    of_level = data["conductance"].values[0, :, 0] - data["conductance"].values[0, :, 2]
    near = [of_level[k::4].mean() for k in (1, 2)]
    expected = 0.75 * near[0] + 0.25 * near[1]
    assert lost.mean() == pytest.approx(expected, rel=0.02)
    assert cells["conductance"].mean() == pytest.approx(aim, rel=2e-3)


def test_levels_without_names_are_taken_from_the_first_read():
    data = relaxation(2000).drop_vars("state")
    with pytest.warns(UserWarning, match="names no level"):
        cells = rel.sample_population(data, cells=1000, state="30 uS")
    np.testing.assert_allclose(cells["conductance"], 30e-6)
    lost = 30e-6 - rel.age(cells, at("1000 s"))["conductance"].mean()
    own = data["conductance"].values[0]
    own = own[np.argsort(abs(own[:, 0] - 30e-6))[:50]]  # the nearest
    assert float(lost) == pytest.approx((own[:, 0] - own[:, 2]).mean(), rel=0.1)


@pytest.mark.parametrize(
    ("profile", "says"),
    [
        (at("1 h"), "time: got 3600 s, but levels.tsv was measured at 0 s, 1 s, 1000 s only"),
        (rel.MissionProfile.constant("1 s", "85 degC"),
         "temperature: got 85 degC, but levels.tsv was measured at 25 degC only"),
        (rel.MissionProfile.constant("1 s", reads=5), "reads: got 5, but levels.tsv was measured"),
        (rel.MissionProfile.constant("1 s") + rel.MissionProfile.constant("1 s", "85 degC"),
         "got 2 temperatures in one mission"),
    ],
)  # fmt: skip
def test_only_measured_conditions_are_allowed(profile, says):
    cells = rel.sample_population(relaxation(), cells=10, state="20 uS")
    with pytest.raises(InputError, match=says):
        rel.age(cells, profile)


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda d, s: rel.sample_population(d, state="90 uS"), "state: got"),
        (lambda d, s: rel.sample_population(d, state="LRS"), "state: got 'LRS', but levels.tsv"),
        (lambda d, s: rel.sample_population(s, state=5e-5), "has LRS and HRS"),
        (lambda d, s: rel.programming_window(d), "technology: levels.tsv has levels"),
        (lambda d, s: rel.programming_window(s, reset_voltage=2.5), "reset_voltage: states.tsv"),
        (lambda d, s: rel.programming_window(s, time="1 h"), "time: got 3600 s"),
        (lambda d, s: rel.programming_window(s, temperature="85 degC", time="1 h"), "temperature"),
        (lambda d, s: rel.crossbar_limit(s, segment_resistance=5.0), "read_voltage: states.tsv"),
        (lambda d, s: rel.endurance(s), "expected a Technology"),
        (lambda d, s: rel.read_cells(rel.sample_population(s, state="LRS")), "are reads already"),
        (lambda d, s: rel.sample_population(s.isel(cell=slice(5)), state="LRS"), "got 5 cells"),
        (lambda d, s: rel.sample_population(s.isel(state=[0])), "LRS|HRS"),
        (lambda d, s: rel.sample_population(d.rename(time="pulse")), "axis 'pulse'"),
        (lambda d, s: rel.sample_population(d.rename(conductance="current")), "expected"),
        (lambda d, s: rel.sample_population(s, state="LRS", verify=rel.Verify(1e4, 1e5, 3)),
         "verify: measured cells"),
        (lambda d, s: rel.evaluate(rel.load_network("spirit"), s, mapping="multi_level"),
         "which has no levels"),
        (lambda d, s: rel.evaluate_inferences(rel.load_network("spirit"), s, [0, 10]), "reads:"),
    ],
)  # fmt: skip
def test_what_measured_cells_cannot_answer_is_refused(ask, says):
    with pytest.raises(InputError, match=says):
        ask(relaxation(), two_states())


def test_dies_are_clusters():
    data = relaxation(200, dies=4)
    data["conductance"] = data["conductance"] * xr.DataArray([0.9, 1.0, 1.1, 1.2], dims="die")
    cells = MeasuredCells.of(data)
    assert cells.clusters == 4
    assert cells.by_die
    chips = rel.sample_population(data, dies=60, cells=100, state="20 uS", seed=2)
    mean = chips["conductance"].mean("cell").values.ravel()
    assert len(np.unique((mean / 20e-6).round(1))) == 4  # each chip from one die
    again = [float(cells.drawn(1, k).data["conductance"].isel(time=0).mean()) for k in range(60)]
    assert np.std(again) == pytest.approx(25e-6 * np.std([0.9, 1, 1.1, 1.2]) / 2, rel=0.25)


def test_window_counts_cells():
    data = two_states()
    found = rel.programming_window(data, reference="30 uS")
    g = data["conductance"].values
    wrong = [(g[:, 0] < 30e-6).mean(), (g[:, 1] > 30e-6).mean()]
    np.testing.assert_allclose(found["error_rate"], wrong)
    assert found["lrs"] == pytest.approx(np.median(g[:, 0]), rel=1e-3)
    assert rel.sampled_error_rate(data, "LRS", 30e-6)[0] == pytest.approx(wrong[0])
    own = rel.best_reference(data)
    sums = [(g[:, 0] < x).mean() + (g[:, 1] > x).mean() for x in np.geomspace(1e-5, 1e-4, 2000)]
    assert (g[:, 0] < own).mean() + (g[:, 1] > own).mean() <= min(sums) + 1e-12


def test_an_error_that_no_cell_shows_has_the_exact_upper_bound():
    found = rel.programming_window(two_states(100, sigma=0.1), reference="30 uS")
    assert found["error_rate"].max() == 0
    np.testing.assert_allclose(found["error_rate_high"], 1 - 0.05 ** (1 / 100))


def test_pairs_are_those_of_the_rank_sum():
    data = two_states(200, sigma=1.0).sel(cycles=[1])
    found = rel.pair_error_rate(data, pairs=2000, chips=3)
    lrs, hrs = data["conductance"].values[:, :, 0].T
    rank = stats.mannwhitneyu(hrs, lrs).statistic / (len(lrs) * len(hrs))
    assert float(found["mean"]) == pytest.approx(rank)
    assert float(found["error_rate"].mean()) == pytest.approx(rank, abs=4 * (rank / 6000) ** 0.5)
    assert found["low"] < rank < found["high"]


def test_intervals_over_dies_are_those_of_dies_not_of_cells():
    """Pairs: beside the jackknife of whole dies; window: wrong cells of each die as clusters."""
    generator = np.random.default_rng(6)
    z = generator.normal(size=(8, 60, 2)) + 0.8 * generator.normal(size=(8, 1, 2))
    g = 1e-5 * np.exp(z + np.array([1.2, -1.2]))
    data = xr.Dataset(
        {"conductance": (("die", "cell", "state"), g)},
        coords={"state": ["LRS", "HRS"], "die": np.arange(8)}, attrs={"source": "dies.tsv"},
    )  # fmt: skip
    window = rel.programming_window(data, reference=1e-5)
    low, high, _ = clustered_proportion((g[..., 0] < 1e-5).sum(axis=1), 60, 0.9)
    found = [float(window[f"error_rate_{end}"][0]) for end in ("low", "high")]
    assert found == pytest.approx([float(low), float(high)])
    each = (g[..., 0] < 1e-5).mean(axis=1)
    known = rel.sampled_error_rate(data, "LRS", 1e-5)
    assert known == pytest.approx((each.mean(), stats.sem(each)))

    def log_odds(dies):
        lrs, hrs = g[dies].reshape(-1, 2).T
        return special.logit(stats.mannwhitneyu(hrs, lrs).statistic / lrs.size**2)

    left_out = np.array([log_odds(np.arange(8) != k) for k in range(8)])
    error = np.sqrt(7 / 8 * np.sum((left_out - left_out.mean()) ** 2))
    pairs = rel.pair_error_rate(data, pairs=10, chips=1, confidence=0.9)
    low, high = (special.logit(float(pairs[end])) for end in ("low", "high"))
    assert (low + high) / 2 == pytest.approx(log_odds(np.arange(8)))
    assert (high - low) / 2 == pytest.approx(stats.t(7).ppf(0.95) * error, rel=0.1)


def test_the_interval_of_a_mean_over_few_dies_is_that_of_few_dies():
    """Resampling four dies leaves out a quarter of the variance of their mean."""
    again = np.random.default_rng(0).normal(0.8, 0.01, (50, 1))
    mean, low, high = mean_with_samples(np.full(200, 0.8), again, 4, 0.9)
    wanted = stats.t(3).ppf(0.95) * again.std(ddof=1) * np.sqrt(4 / 3)
    assert [mean - low, high - mean] == pytest.approx([wanted, wanted])


def coverage(files):
    """How often the 90 % interval of the LRS error rate holds the true one."""
    true = stats.norm.cdf(np.log(30e-6 / 1e-4) / 1.0)
    inside = 0
    for seed in range(files):
        found = rel.programming_window(two_states(150, seed, sigma=1.0), reference="30 uS")
        low, high = (float(found[f"error_rate_{end}"][0]) for end in ("low", "high"))
        inside += low <= true <= high
    return inside / files


def test_intervals_hold_the_error_rate():
    assert coverage(8) >= 0.5


@pytest.mark.slow
def test_intervals_hold_the_error_rate_as_often_as_they_say():
    assert 0.83 <= coverage(200) <= 0.96


def test_largest_array_of_measured_cells():
    how = {"limit": 0.5, "segment_resistance": 5.0, "max_size": 16, "read_voltage": 0.1}
    found = rel.crossbar_limit(two_states(), uncertainty_draws=2, **how)
    assert found["drawn_size"].shape == (2,)
    rates = rel.crossbar_limit(two_states(), "bit_error_rate", uncertainty_draws=0,
                               **how | {"limit": 0.4, "max_size": 4})  # fmt: skip
    assert rates["value"].min() == pytest.approx(
        float(rel.programming_window(two_states())["bit_error_rate"]), abs=0.02
    )


def test_spirit_on_the_cells_of_radar(shared):
    data = rel.read_measurements(shared / "measured" / "radar_cycling.tsv.gz")
    card, network = rel.load_technology("oxram-130nm"), rel.load_network("spirit")
    median = data["conductance"].median(["wafer", "die", "cell", "cycles"])
    factor = [1 / card[f"programming.{s}.resistance"] for s in data["state"].values] / median
    scaled = data.copy()
    scaled["conductance"] = data["conductance"] * factor
    neuron = rel.Neuron.from_technology(card)
    found = rel.evaluate(network, scaled, images=2000, neuron=neuron, confidence=0.99)
    assert float(found["low"]) < 0.853 < float(found["high"])
    assert float(found["mean"]) == pytest.approx(0.851, abs=0.006)


def test_cells_that_were_read_in_one_state_each():
    data = apart(two_states())
    found = rel.programming_window(data, reference="30 uS")
    g = data["conductance"].values
    np.testing.assert_allclose(
        found["error_rate"], [(g[:150] < 3e-5).mean(), (g[150:] > 3e-5).mean()]
    )
    with pytest.raises(InputError, match="got 0 cells in HRS"):
        rel.programming_window(data.isel(cell=slice(150)))
