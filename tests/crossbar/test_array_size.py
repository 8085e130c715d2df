"""The largest array: shapes, criteria, maps, and what the interval of a size holds."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import reliability as rel
from reliability.crossbar import (
    SinhCell,
    crossbar_border,
    crossbar_limit,
    pareto_set,
    read_currents,
    size_map,
)
from reliability.crossbar.criteria import Conditions, bit_error_rate, lost_margin, output_error
from reliability.crossbar.size_search import (
    largest_size,
    prediction_of_sizes,
    searched,
    tried,
)
from reliability.errors import InputError
from tests.conftest import NORMAL

NORMAL_SPREADS = ("sigma_lot", "sigma_wafer", "sigma_die", "sigma_cell", "sigma_cycle", "radial")
IDEAL = {"word_line_resistance": 0.0, "bit_line_resistance": 0.0}


@pytest.fixture(scope="module")
def technology():
    return rel.load_technology("oxram-130nm")


def rows_and_drop(conductance, crossbar):
    """A criterion that is known: word-line resistance times columns, plus rows."""
    return conductance.shape[1] * crossbar["word_line_resistance"] + conductance.shape[0]


def test_rectangular_searches(technology):
    quick = {"segment_resistance": 2.0, "max_size": 200, "uncertainty_draws": 0}
    wide = crossbar_limit(technology, rows_and_drop, 100.0, rows=20, **quick)
    assert (wide["rows"].item(), wide["columns"].item()) == (20, 40)  # 2 n + 20 <= 100
    tall = crossbar_limit(technology, rows_and_drop, 100.0, columns=20, **quick)
    assert (tall["rows"].item(), tall["columns"].item()) == (60, 20)
    half = crossbar_limit(technology, rows_and_drop, 100.0, aspect=0.5, **quick)
    assert (half["rows"].item(), half["columns"].item()) == (50, 25)
    border = crossbar_border(technology, [20, 60], criterion=rows_and_drop, limit=100.0, **quick)
    assert border["columns"].values.tolist() == [40, 20]
    assert (border["columns_low"] <= border["columns"]).all()


@pytest.mark.parametrize(("scheme", "half"), [("grounded", 0.0), ("V/2", 0.5)])
def test_a_margin_is_lost_by_the_closest_two_cells(technology, scheme, half):
    """On ideal lines a column carries its cell and what the scheme leaves on the others."""
    rng = np.random.default_rng(3)
    data = rng.random((6, 5)) < 0.5
    g = np.where(data, 1e-4, 1e-6) * rng.uniform(0.8, 1.2, data.shape)
    at = Conditions(technology, 0.1, 0.5, 0.5, scheme, IDEAL)
    lost = lost_margin(g, data, at, np.random.default_rng(1))
    draws = np.random.default_rng(1)
    rows, columns = (draws.integers(0, size, 24) for size in g.shape)
    read = g[rows, columns] + half * (g.sum(axis=0)[columns] - g[rows, columns])
    stored = data[rows, columns]
    gap = read[stored].min() - read[~stored].max()
    assert lost == pytest.approx(1 - gap / at.level("LRS"), rel=1e-9)
    assert np.isnan(lost_margin(g, np.ones_like(data), at, np.random.default_rng(1)))


def test_search_finds_the_largest_up_to_its_resolution():
    for largest in (5, 37, 200, 511):
        low, high = largest_size(lambda n, most=largest: 1 if 3 <= n <= most else -1, 512)
        assert low <= largest <= high <= low + max(1, low // 32)
    assert largest_size(lambda n: -1, 64) == (0, 3)  # sizes below the first tried one are open
    assert largest_size(lambda n: 1, 64) == (64, 64)


@settings(max_examples=200, deadline=None)
@given(works=st.integers(0, 600), doubt=st.integers(0, 300), most=st.integers(2, 600))
def test_sizes_without_a_verdict_are_inside_the_interval(works, doubt, most):
    def judge(n):
        assert 1 <= n <= most
        return 1 if n <= works else 0 if n <= works + doubt else -1

    low, high = largest_size(judge, most)
    assert low <= works
    assert low >= min(works, most) - max(1, works // 32) or works < 4
    assert min(works + doubt, most) <= high <= max(works + doubt, 3) * 33 // 32 + 1


def coverage(noise, runs, scale=8.0):
    """Fraction of runs whose interval holds the size, that call one at the limit working; width."""
    true, held, wrong, widths = 60, 0, 0, []
    for run in range(runs):
        seen = {}

        def judge(n, draw, run=run, seen=seen):
            def sample(k):
                return n + scale * noise(np.random.default_rng((run, n, k)))

            if n not in seen:
                seen[n] = tried(sample, true + 0.5, 0.025)
            return seen[n]

        out = searched(judge, max_size=512, uncertainty_draws=0, confidence=0.95)
        held += int(out["size_low"]) <= true <= int(out["size_high"])
        widths.append((int(out["size_high"]) - int(out["size_low"])) / true)
        at_limit = tried(lambda k, run=run: noise(np.random.default_rng((run, 1, k))), 0.0, 0.025)
        wrong += at_limit.verdict > 0
    return held / runs, wrong / runs, float(np.median(widths))


NOISES = {
    "normal": lambda rng: rng.standard_normal(),
    "exponential": lambda rng: rng.exponential() - 1,
    "log-normal": lambda rng: rng.lognormal(0, 0.5) - np.exp(0.125),
}


@pytest.mark.parametrize("noise", NOISES)
def test_interval_of_the_size_covers(noise):
    """Nominal 95 %; a size exactly at the limit works in 2.5 % of the runs, 5 % if skewed."""
    held, wrong, width = coverage(NOISES[noise], 60)
    assert width < 0.25
    assert held >= 0.95 - 2.6 * np.sqrt(0.95 * 0.05 / 60)
    assert wrong <= 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / 60)


@pytest.mark.slow
@pytest.mark.parametrize("noise", NOISES)
def test_interval_of_the_size_covers_in_many_runs(noise):
    held, wrong, width = coverage(NOISES[noise], 1000)
    assert held >= 0.95
    assert 0.005 < wrong <= 0.06
    assert width < 0.25


@pytest.mark.slow
def test_interval_of_the_size_holds_the_drawn_cards_and_the_trials(technology):
    out = crossbar_limit(
        technology, limit=0.35, segment_resistance=5.0, max_size=64, uncertainty_draws=4, seed=2
    )
    size = out["size"].item()
    assert out["size_low"] <= min(size, int(out["drawn_size"].min()))
    assert out["size_high"] >= max(out["monte_carlo_high"].item(), int(out["drawn_size"].max()))
    # a tried size beyond monte_carlo_high is one whose lower bound is beyond the limit
    beyond = out["tried"].values[out["tried"].values > out["monte_carlo_high"].item()]
    assert out["value_low"].sel(tried=beyond.min()) > 0.35


def test_prediction_covers_one_more_card():
    """Coverage of the Student-t prediction over log-normal sizes, 6 draws, nominal 90 %."""
    rng = np.random.default_rng(3)
    hits = 0
    for _ in range(2000):
        sizes = np.round(100 * rng.lognormal(0, 0.3, 7)).astype(int)
        low, high = prediction_of_sizes(sizes[:6], 10**6, 0.9)
        hits += low <= sizes[6] <= high
    assert hits / 2000 > 0.9 - 3 * np.sqrt(0.9 * 0.1 / 2000)
    assert prediction_of_sizes(np.array([0, 40, 44]), 512, 0.9)[0] == 0
    assert prediction_of_sizes(np.array([512, 400, 440]), 512, 0.9)[1] == 512
    for size in range(2, 513):  # cards that agree
        assert prediction_of_sizes(np.full(4, size), 512, 0.9) == (size, size)


def test_bit_error_rate_equals_the_window_without_lines(technology):
    at = Conditions(technology, 0.1, 0.5, 0.5, "grounded", IDEAL)
    g = np.full((5, 7), 1e-4)
    window = rel.programming_window(technology)
    stuck = window.attrs["defect_error_rate"]
    want = window["bit_error_rate"].item() * (1 - 2 * stuck) + stuck
    got = bit_error_rate(g, g > 0, at, np.random.default_rng(0))
    assert got == pytest.approx(want, rel=1e-4)


def test_bit_error_rate_equals_counting_with_lines_and_sneak_paths(technology):
    """Read cells drawn afresh many times, their currents from full solves."""
    card = technology.with_values(
        {f"programming.{s}.radial": 0.0 for s in ("LRS", "HRS")}
        | {"defects.stuck_lrs": 0.0, "defects.stuck_hrs": 0.0, "defects.unformed": 0.0}
    )
    lines = {"word_line_resistance": 60.0, "bit_line_resistance": 60.0}
    rng = np.random.default_rng(1)
    data = rng.random((6, 6)) < 0.5
    g = np.where(data, 1 / 5.5e3, 1 / 88e3)
    at = Conditions(card, 0.1, 0.5, 0.5, "V/2", lines)
    draws = np.random.default_rng(4)
    got = bit_error_rate(g, data, at, draws)
    # the same eight cells, in the order that the criterion draws them
    again = np.random.default_rng(4)
    cells = np.column_stack([again.integers(0, size, 8) for size in g.shape])
    laws = {s: rel.devices.programming.Programming.from_technology(card, s) for s in ("LRS", "HRS")}
    current = {}
    for state, law in laws.items():
        z = rng.standard_normal((8, 400))
        level = rel.devices.programming.conductance(law, law.sigma * z)
        arrays = np.repeat(g[None], 3200, axis=0)
        each = np.repeat(np.arange(8), 400)
        arrays[np.arange(3200), cells[each, 0], cells[each, 1]] = level.ravel()
        current[state] = read_currents(arrays, cells[each], "V/2", 0.1, **lines)
    both = np.concatenate([current["LRS"], current["HRS"]])
    errors = min(
        0.5 * np.mean(current["LRS"] < r) + 0.5 * np.mean(current["HRS"] > r)
        for r in np.quantile(both, np.linspace(0, 1, 800))
    )
    assert errors == pytest.approx(got, abs=4 * np.sqrt(got / 6400) + 2e-3)


def test_bit_error_rate_reaches_deep(technology):
    sharp = technology.with_values(
        NORMAL
        | {f"programming.{state}.{name}": 0.05
         for state in ("LRS", "HRS") for name in ("sigma_cell", "sigma_cycle")}
        | {"defects.stuck_lrs": 0.0, "defects.stuck_hrs": 0.0, "defects.unformed": 0.0}
    )  # fmt: skip
    at = Conditions(sharp, 0.1, 0.5, 0.5, "grounded", IDEAL)
    g = np.full((4, 4), 1e-4)
    assert 0 < bit_error_rate(g, g > 0, at, np.random.default_rng(0)) < 1e-12


@pytest.mark.parametrize("density", [0.1, 0.5, 0.9])
def test_stuck_cells_are_wrong_where_the_other_bit_is_stored(technology, density):
    sharp = technology.with_values(
        NORMAL
        | {f"programming.{state}.{name}": 0.05
         for state in ("LRS", "HRS") for name in ("sigma_cell", "sigma_cycle")}
        | {"defects.stuck_lrs": 0.1, "defects.stuck_hrs": 0.02, "defects.unformed": 0.03}
    )  # fmt: skip
    at = Conditions(sharp, 0.1, 0.5, density, "grounded", IDEAL)
    g = np.full((4, 4), 1e-4)
    got = bit_error_rate(g, g > 0, at, np.random.default_rng(0))
    assert got == pytest.approx(0.1 * (1 - density) + 0.05 * density, rel=1e-9)


def test_a_nonlinear_cell_is_measured_by_its_own_current(technology):
    """Without lines and spread the sums of sinh cells are exact: their unit is the chord."""
    quiet = technology.with_values(
        {name: 0.0 for name in technology if name.startswith("programming.")
         and ".sigma_" in name and not name.endswith("exponent")}
    )  # fmt: skip
    lines = {**IDEAL, "cell": SinhCell(0.05)}
    at = Conditions(quiet, 0.2, 0.5, 0.5, "grounded", lines)
    rng = np.random.default_rng(0)
    data = rng.random((9, 5)) < 0.5
    g = np.where(data, 1 / quiet["programming.LRS.resistance"],
                 1 / quiet["programming.HRS.resistance"])  # fmt: skip
    assert output_error(g, data, at, rng) < 1e-9


def test_arrays_stand_on_different_lots_wafers_and_dies(technology):
    """The spread between arrays includes the lot's: no array shares it with another."""
    lots = technology.with_values({"programming.LRS.sigma_lot": 0.3})

    def mean_conductance(conductance, crossbar):
        return float(np.median(conductance))

    options = {"segment_resistance": 1.0, "max_size": 8, "uncertainty_draws": 0, "density": 1.0}
    wide = crossbar_limit(lots, mean_conductance, 1.0, **options)
    narrow = crossbar_limit(technology, mean_conductance, 1.0, **options)
    width = [float((o["value_high"] - o["value_low"]).sel(tried=8)) for o in (wide, narrow)]
    assert width[0] > 2 * width[1]


def test_map_over_every_axis(technology):
    axes = {
        "lrs_resistance": [5e3, 10e3], "ratio": [20.0], "variability": [0.5, 1.0],
        "wire": [5.0, "22nm"],
        "nonlinearity_voltage": [float("inf")], "bias_scheme": ["grounded"],
    }  # fmt: skip
    calls = []
    out = size_map(
        technology, axes, limit=0.35, max_size=32, uncertainty_draws=0,
        progress=lambda done, total: calls.append((done, total)),
    )  # fmt: skip
    assert out["size"].shape == (2, 1, 2, 2, 1, 1)
    assert calls[-1] == (8, 8)
    assert list(out["wire"].values) == ["5 ohm", "22nm"]
    assert (out["size_low"] <= out["size"]).all()
    assert (out["value_high"].where(out["size"] > 0) <= 0.35).sum() == (out["size"] > 0).sum()
    assert float(out["energy"].isel(lrs_resistance=0).mean()) > float(
        out["energy"].isel(lrs_resistance=1).mean()
    )


def test_map_of_one_point_keeps_its_trials(technology):
    out = size_map(technology, {"wire": [5.0]}, limit=0.35, max_size=32, uncertainty_draws=1)
    assert out["trial"].dims == ("tried",)
    assert out["drawn_size"].dims == ("wire", "draw")


def test_pareto_set_is_the_unbeaten_points(technology):
    rng = np.random.default_rng(0)
    points = xr.Dataset(
        {name: (("a", "b"), rng.integers(1, 5, (4, 5))) for name in ("size", "energy", "signal")}
    )
    good = pareto_set(points).values
    table = np.stack([points["size"], -points["energy"], points["signal"]], -1).reshape(-1, 3)
    for k, point in enumerate(table):
        beaten = ((table >= point).all(axis=1) & (table > point).any(axis=1)).any()
        assert good.ravel()[k] == (not beaten)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda t: size_map(t, {"wires": [1.0]}), "did you mean 'wire'"),
        (lambda t: size_map(t, {"wire": []}), "wire: got no value"),
        (lambda t: size_map(t, {"ratio": [0.5], "wire": [1.0]}), "expected 0 < LRS < HRS"),
        (lambda t: size_map(t, {"ratio": [9.0], "hrs_resistance": [1e5]}), "give one of them"),
        (lambda t: size_map(t, {"wire": ["28nm"]}), "unknown node '28nm'"),
        (lambda t: crossbar_limit(t, segment_resistance=1.0, rows=4, columns=4), "at most one"),
        (lambda t: crossbar_limit(t, segment_resistance=1.0, rows=0), "rows: got 0"),
        (lambda t: crossbar_limit(t, segment_resistance=1.0, aspect=-1.0), "aspect: got -1.0"),
        (lambda t: crossbar_limit(t, segment_resistance=1.0, confidence=1.0), "confidence"),
        (lambda t: crossbar_border(t, []), "rows: got no value"),
    ],
)
def test_bad_input(technology, call, says):
    with pytest.raises(InputError) as caught:
        call(technology)
    assert says in str(caught.value)


def test_cards_of_levels_have_sums_but_no_bits():
    card = rel.load_technology("techB")
    quick = {"segment_resistance": 2.0, "uncertainty_draws": 0, "max_size": 16}
    found = size_map(card, {"wire": [2.0]}, uncertainty_draws=0, max_size=16)
    assert found["size"].item() == crossbar_limit(card, **quick)["size"].item() > 0
    with pytest.raises(InputError, match="techB has levels, this axis needs LRS and HRS"):
        size_map(card, {"variability": [1.0]}, segment_resistance=1.0)
    with pytest.raises(InputError, match="techB has levels, which need output_error or step_error"):
        crossbar_limit(card, "read_margin", 0.1, **quick)


def test_access_gain_and_ageing_move_the_error_as_they_must(technology):
    """Equal cells without lines: the sums are right; half the conductance is half the sum."""
    even = {f"programming.{s}.{n}": 0.0 for s in ("LRS", "HRS") for n in NORMAL_SPREADS}
    card = technology.with_values(even | {"defects.stuck_lrs": 0.0, "defects.stuck_hrs": 0.0,
                                          "defects.unformed": 0.0})  # fmt: skip

    def error(limit=0.9, **more):
        found = crossbar_limit(card, limit=limit, segment_resistance=0.0, max_size=8,
                               uncertainty_draws=0, **more)  # fmt: skip
        return found["value"].values[-1], found.attrs["access_ohm"]

    assert error()[1] == technology["access.series_resistance"]
    assert error(cell_layout="passive")[1] == 0.0
    assert error() == pytest.approx((0.0, 1500.0), abs=1e-9)
    lost = {"retention.LRS.time_constant": 1.0, "retention.HRS.time_constant": 1.0}
    card = card.with_values(lost)
    bake = rel.MissionProfile.constant("10 years", "125 degC")
    assert error(profile=bake)[0] > 0.3
    assert error(profile=bake, gain_correction=True)[0] < error(profile=bake)[0]
