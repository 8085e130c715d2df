"""One distribution per state, against measured cells, quadrature and sampling."""

import gzip
from dataclasses import replace

import numpy as np
import pytest
from scipy import integrate, stats
from scipy.special import ndtr, ndtri

import reliability as rel
from reliability.devices import programming, shapes
from reliability.devices.programming import Programming
from reliability.errors import InputError
from reliability.population.cycling import sample_cycles
from reliability.population.programmed import fixed_deviations
from reliability.population.window import programming_window, sampled_error_rate

CARD = rel.load_technology("oxram-130nm")
NO_DEFECTS = {f"defects.{kind}": 0.0 for kind in ("stuck_lrs", "stuck_hrs", "unformed")}
ONE_DIE = {
    f"programming.{state}.{name}": 0.0
    for state in ("LRS", "HRS")
    for name in ("sigma_lot", "sigma_wafer", "sigma_die", "radial")
}
LEVELS = np.array([1e-4, 1e-3, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999])
SHAPED = Programming(
    "lognormal_resistance", 5e3, 0.0, 0.0, 0.05, 0.0, 0.3, 0.4, 0.3, 0.3, 0.7,
    (0.2, 0.4, 1.2, 1.1, 0.9, 1.3, 0.6),
)  # fmt: skip


def radar(shared):
    """LRS and HRS, ohm, of 256 cells in cycles 21 to 300."""
    with gzip.open(shared / "measured" / "radar_cycling.tsv.gz", "rt") as lines:
        table = np.array([line.split() for line in lines], dtype=float)
    r = table[:, 1:601].reshape(len(table), 300, 2)[:, 20:]
    return {"LRS": r[:, :, 1], "HRS": r[:, :, 0]}


def like_radar(measured):
    """The card with the medians of the measured array, which is one die."""
    medians = {f"programming.{s}.resistance": float(np.median(r)) for s, r in measured.items()}
    return CARD.with_values(ONE_DIE | NO_DEFECTS | medians)


@pytest.mark.parametrize("state", ["LRS", "HRS"])
def test_card_has_the_quantiles_of_radar(shared, state):
    """Inside the bootstrap interval over cells, or at most 10 % off in R."""
    measured = radar(shared)
    model = Programming.from_technology(like_radar(measured), state)
    r = measured[state]
    draws = np.random.default_rng(0).integers(0, len(r), (200, len(r)))
    low, high = np.quantile([np.quantile(r[d], LEVELS) for d in draws], [0.025, 0.975], axis=0)
    found = 1 / programming.quantile(model, 1 - LEVELS)
    off = np.abs(found / np.quantile(r, LEVELS) - 1)
    assert np.all(((low <= found) & (found <= high)) | (off < 0.1)), off
    assert np.median(off) < 0.03


def test_tails_of_radar(shared):
    measured = radar(shared)
    lrs, hrs = (Programming.from_technology(like_radar(measured), s) for s in ("LRS", "HRS"))
    above_20k = float(programming.probability_below(lrs, 1 / 20e3))
    assert above_20k == pytest.approx((measured["LRS"] > 20e3).mean(), rel=0.15)
    no_reset = 1 - float(programming.probability_below(hrs, 1 / np.median(measured["LRS"])))
    assert 2e-5 < no_reset < 2e-4  # six of 71 680, in five cells


def test_cells_with_rare_events_are_as_many_as_measured(shared):
    """Weak SETs are scattered over cells: not a few bad ones, nor all alike."""
    measured = radar(shared)
    paths = sample_cycles(like_radar(measured), cells=1024, cycles=280, seed=2)["resistance"]
    for state, limit in (("LRS", 10e3), ("LRS", 20e3), ("HRS", 8e3)):
        own = paths.sel(state=state).values
        hit, wanted = (
            ((r > limit) if state == "LRS" else (r < limit)).any(axis=1).mean()
            for r in (own, measured[state])
        )
        assert abs(hit - wanted) < 4 * np.sqrt(wanted * (1 - wanted) / len(measured[state])) + 0.03


def test_states_of_a_cell_are_correlated_as_measured(shared):
    measured = radar(shared)
    paths = sample_cycles(like_radar(measured), cells=2000, cycles=280, seed=3)["resistance"]

    def pearson(lrs, hrs):
        return np.corrcoef(np.log(lrs).mean(axis=1), np.log(hrs).mean(axis=1))[0, 1]

    found = pearson(paths.sel(state="LRS").values, paths.sel(state="HRS").values)
    wanted = pearson(measured["LRS"], measured["HRS"])
    assert wanted == pytest.approx(-0.335, abs=0.005)
    assert abs(found - wanted) < 0.1


@pytest.mark.parametrize("level", ["lot", "wafer", "die", "cell"])
def test_correlation_holds_on_every_level(level):
    """Only one level differs, and its deviations have the card's correlation."""
    names = ("sigma_lot", "sigma_wafer", "sigma_die", "sigma_cell", "sigma_cycle", "radial")
    zero = {f"programming.{s}.{n}": 0.0 for s in ("LRS", "HRS") for n in names}
    only = {f"programming.{s}.sigma_{level}": 0.2 for s in ("LRS", "HRS")}
    rho = -0.6
    card = CARD.with_values(NO_DEFECTS | zero | only | {f"programming.correlation_{level}": rho})
    wafer, die = np.divmod(np.arange(800), 40)
    lot = np.arange(800) if level == "lot" else np.zeros(800, int)
    zeros = np.zeros(800, int)
    if level == "wafer":
        wafer, die = np.arange(800), zeros
    address = np.column_stack([wafer, die, zeros, lot])
    lrs, hrs = fixed_deviations(card, address, 1, seed=5)[:, 0].T
    assert np.std(lrs) == pytest.approx(0.2, rel=0.1)
    assert np.std(hrs) == pytest.approx(0.2, rel=0.1)
    assert abs(np.corrcoef(lrs, hrs)[0, 1] - rho) < 4 * (1 - rho**2) / np.sqrt(800)


def test_correlation_beyond_one_is_refused():
    with pytest.raises(InputError, match="allowed -1 to 1"):
        rel.sample_population(CARD.with_values({"programming.correlation_cell": -1.2}))


def test_quantile_function_is_the_integral_of_its_slopes():
    v = np.linspace(-5, 5, 41)
    got = shapes.bent(v, SHAPED.slopes)
    want = [
        integrate.quad(lambda x: np.interp(x, shapes.KNOTS, SHAPED.slopes), 0, end,
                       points=sorted(k for k in shapes.KNOTS if min(0, end) < k < max(0, end)))[0]
        for end in v
    ]  # fmt: skip
    np.testing.assert_allclose(got, want, atol=1e-9)
    np.testing.assert_allclose(shapes.unbent(got, SHAPED.slopes), v, atol=1e-12)


def test_score_is_the_quadrature_of_its_parts():
    """P(d < x) by the trapezoidal rule over pulses and widths; down to 1e-8."""
    u = np.linspace(-12, 12, 6001)
    weight = np.exp(-(u**2) / 2) / np.exp(-(u**2) / 2).sum()
    z = np.linspace(-6, 6, 121)
    of_z = np.exp(-(z**2) / 2) / np.exp(-(z**2) / 2).sum()
    width = np.exp(0.3 * z - 0.09)
    pulse = 0.4 * shapes.sinh_arcsinh(u, 0.3, 0.7)
    for score in (-5.6, -4.0, -2.0, 0.5, 3.0, 5.6):
        x = float(programming.deviation_of(SHAPED, score))
        sign = 1.0 if score < 0 else -1.0
        inside = ndtr(sign * (x - pulse[:, None] * width) / SHAPED.sigma_fixed)
        assert weight @ inside @ of_z == pytest.approx(ndtr(-abs(score)), rel=2e-3)
    np.testing.assert_allclose(
        programming.score_of(SHAPED, programming.deviation_of(SHAPED, [-6.0, 0.0, 6.0])),
        [-6.0, 0.0, 6.0], atol=1e-4,
    )  # fmt: skip


@pytest.mark.parametrize("state", ["LRS", "HRS"])
@pytest.mark.parametrize("rate", [1e-2, 1e-4, 1e-6])
def test_closed_form_agrees_with_importance_sampling(state, rate):
    card = CARD.with_values(ONE_DIE)
    model = Programming.from_technology(card, state)
    reference = float(programming.quantile(model, rate if state == "LRS" else 1 - rate))
    found, error = sampled_error_rate(card, state, reference, samples=100_000, seed=1)
    assert error < 0.05 * rate
    assert abs(found - rate) < 4 * error


@pytest.mark.parametrize("state", ["LRS", "HRS"])
def test_one_reference_is_missed_alike_everywhere(state):
    """Window, population and the first cycle of the endurance part."""
    card = CARD.with_values(ONE_DIE | NO_DEFECTS)
    window = programming_window(card)
    g_ref, n = float(window["reference"]), 100_000
    expected = float(window["error_rate"].sel(state=state))
    g = rel.sample_population(card, cells=n, state=state, seed=4)["conductance"].values
    in_population = ((g < g_ref) if state == "LRS" else (g > g_ref)).mean()
    test = rel.endurance(card, cells=n, cycles=1, attempts=1, reference=g_ref, seed=4)
    mode = test["mode"].values
    first = (mode == 2).mean() if state == "HRS" else (mode == 1).sum() / (mode != 2).sum()
    error = np.sqrt(expected / n)
    assert abs(in_population - expected) < 4 * error
    # the RESET comes first, and cells whose HRS is misread are not asked for their LRS
    assert abs(first - expected) < 4 * error + (2e-3 if state == "LRS" else 0.0)


def test_float32_and_float64_are_the_same_cells():
    one, other = (
        rel.sample_population(CARD, cells=5000, state="LRS", seed=2, dtype=t)["conductance"].values
        for t in (np.float32, np.float64)
    )
    np.testing.assert_allclose(one, other, rtol=2e-5)


def test_cells_do_not_depend_on_what_is_sampled_with_them():
    few = rel.sample_population(CARD, cells=50, state="HRS", seed=2)["conductance"].values
    many = rel.sample_population(CARD, dies=2, cells=70_000, state="HRS", seed=2)
    assert (many["conductance"].values[0, 0, :50] == few[0, 0]).all()


def test_two_ageing_steps_are_one():
    cells = rel.sample_population(CARD, cells=500, state="HRS", seed=2)
    half, whole = (rel.MissionProfile.constant(t, "105 degC") for t in ("5 years", "10 years"))
    np.testing.assert_allclose(
        rel.age(rel.age(cells, half), half)["conductance"], rel.age(cells, whole)["conductance"],
        rtol=1e-9,
    )  # fmt: skip


def test_tail_beyond_the_data_is_marked_with_its_interval():
    card = CARD.with_values({"programming.HRS.resistance": 4e5, "programming.HRS.sigma_cell": 0.4})
    found = programming_window(card, reference="40 uS")
    assert found["extrapolated"].values.tolist() == [False, True]
    low, rate, high = (
        found[name].sel(state="HRS").item()
        for name in ("error_rate_low", "error_rate", "error_rate_high")
    )
    assert low < rate / 2 < 2 * rate < high
    same = found.sel(state="LRS")
    assert same["error_rate_low"] == same["error_rate"] == same["error_rate_high"]


def test_tail_scale_leaves_what_the_data_support():
    model = Programming.from_technology(CARD, "HRS")
    wide = replace(model, tail_scale=1.5)
    p = np.array([1e-3, 0.5, 0.999])
    np.testing.assert_allclose(programming.quantile(wide, p), programming.quantile(model, p))
    end, far = ndtri([7e-5, 1e-7])
    at = {m: -np.log(programming.quantile(m, [7e-5, 1e-7])) for m in (model, wide)}
    assert end > far
    stretch = np.diff(at[wide]) / np.diff(at[model])
    assert stretch[0] == pytest.approx(1.5, rel=1e-3)


def test_a_card_without_shape_is_normal():
    plain = rel.load_technology("cbram")
    model = Programming.from_technology(plain, "HRS")
    assert model.slopes == ()
    normal = Programming("lognormal_resistance", 5e4, 0.1, 0, 0, 0, 0.3, 0.4)
    g = programming.quantile(normal, [0.1, 0.9])
    spread = np.sqrt(0.1**2 + 0.3**2 + 0.4**2)
    np.testing.assert_allclose(g, stats.lognorm(spread, scale=2e-5).ppf([0.1, 0.9]), rtol=1e-12)
