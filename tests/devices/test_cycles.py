"""The correlated cycle process against its closed form, plain NumPy and measured cells."""

import gzip

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import ndtri

from reliability.devices import cycles as C
from reliability.devices import programming
from reliability.errors import InputError
from reliability.technology import load_technology

MODEL = C.Cycles((10, 100), (0.08, 0.01), (0.45, 0.28), correlation=(0.3, -0.2, 0.5))
LAGS = np.arange(51)


def normal_scores(x):
    """Normal scores of each row."""
    ranks = stats.rankdata(x, axis=1)
    return ndtri((ranks - 0.5) / x.shape[1])


def sample_autocorrelation(a, b=None):
    """Pooled over rows, each with its own mean taken off."""
    b = a if b is None else b
    a, b = a - a.mean(1, keepdims=True), b - b.mean(1, keepdims=True)
    n, scale = a.shape[1], np.sqrt((a**2).sum() * (b**2).sum())
    return np.array([(a[:, : n - k] * b[:, k:]).sum() / scale for k in LAGS])


def read_radar(shared):
    with gzip.open(shared / "measured" / "radar_cycling.tsv.gz", "rt") as lines:
        table = np.array([line.split() for line in lines], dtype=float)
    log_r = np.log(table[:, 1:601].reshape(len(table), 300, 2))
    return log_r[:, 20:, 1], log_r[:, 20:, 0]  # LRS, HRS after the break-in


def read_keithley(shared):
    path = shared / "measured" / "keithley_reram_endurance_M12_1000_cycles.csv"
    rows = [line.split(",") for line in path.read_text(encoding="utf-8-sig").splitlines()[2:]]
    cycles = [row for row in rows if row[0].strip().isdigit()]
    lrs, hrs = (-np.log(np.abs([float(row[k]) for row in cycles]))[None] for k in (1, 15))
    return lrs, hrs


def test_paths_have_the_stated_autocovariance():
    cells, cycles = 3000, 400
    u = C.advance(C.start(MODEL, 5, [0, 0, 0], cells), cycles).astype(float)
    for lag in (0, 1, 2, 7, 30, 100):
        product = u[:, : cycles - lag, :, None] * u[:, lag:, None, :]
        measured = product.mean(axis=(0, 1))
        error = product.mean(axis=1).std(axis=0) / np.sqrt(cells)
        assert np.all(np.abs(measured - C.autocovariance(MODEL, lag)) < 4.5 * error), lag


def test_first_cycle_is_stationary():
    u = C.advance(C.start(MODEL, 1, [0, 0, 0], 40_000), 1)[:, 0].astype(float)
    assert stats.kstest(u[:, 0], "norm").pvalue > 1e-3
    assert np.abs(np.corrcoef(u.T)[0, 1] - C.autocovariance(MODEL, 0)[0, 1]) < 4 / np.sqrt(40_000)


def test_innovation_form_is_the_structural_one():
    """The covariance of the innovation form's output, from its own matrices."""
    form = C.innovations(MODEL)
    c = np.array([[1.0, 1, 0, 0], [0, 0, 1, 1]])
    x = form.start @ form.start.T
    for lag in (1, 3, 40):
        to_next = np.diag(form.phi) @ (x @ c.T + form.step @ form.scale.T)
        ahead = c @ np.linalg.matrix_power(np.diag(form.phi), lag - 1) @ to_next
        np.testing.assert_allclose(ahead.T, C.autocovariance(MODEL, lag), atol=1e-9)


def test_normal_generator_has_normal_tails():
    white = C.Cycles((10, 100), (0, 0), (0, 0))
    z = C.advance(C.start(white, 3, [0, 0, 0], 2000), 2000).ravel().astype(float)
    assert stats.kstest(z, "norm").pvalue > 1e-3
    for tail in (1e-2, 1e-4, 1e-5):
        for side in (z, -z):
            count = np.count_nonzero(side > -ndtri(tail))
            assert abs(count - tail * z.size) < 4.5 * np.sqrt(tail * z.size)


def test_kernel_is_the_numpy_recursion():
    walk = C.start(MODEL, 2, [0, 0, 0], 2)
    x = walk.x.copy()
    u = C.advance(walk, 50).astype(float)
    form = walk.form
    c = np.array([[1.0, 1, 0, 0], [0, 0, 1, 1]])
    for n in range(50):
        z = np.linalg.solve(form.scale, (u[:, n] - x @ c.T).T)
        x = form.phi * (x + (form.step @ z).T)
    np.testing.assert_allclose(x, walk.x, atol=1e-5)  # u is single precision


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 30), st.integers(0, 30))
def test_two_steps_are_one(n1, n2):
    walk = C.start(MODEL, 7, [[0, 0, 0], [1, 2, 0]], 3)
    parts = np.concatenate([C.advance(walk, n1), C.advance(walk, n2)], axis=1)
    whole = C.advance(C.start(MODEL, 7, [[0, 0, 0], [1, 2, 0]], 3), n1 + n2)
    assert (parts == whole).all()


def test_a_cell_does_not_depend_on_the_others():
    many = C.advance(C.start(MODEL, 7, [[0, 0, 0], [0, 1, 0]], 9), 20).reshape(2, 9, 20, 2)
    few = C.advance(C.start(MODEL, 7, [0, 1, 0], 4), 20)
    assert (many[1, :4] == few).all()


@settings(max_examples=50, deadline=None)
@given(st.floats(-1, 1), st.floats(0.4, 1.5), st.lists(st.floats(-6, 6), min_size=1, max_size=5))
def test_map_has_an_inverse(skew, tail, scores):
    model = C.Cycles((10, 100), (0, 0), (0, 0), skew=(skew, 0), tail=(tail, 1))
    back = C.to_deviate(model, 0, C.from_deviate(model, 0, scores))
    np.testing.assert_allclose(back, scores, atol=1e-7)


@pytest.mark.parametrize(("skew", "tail"), [(0.0, 1.0), (0.4, 0.5), (-0.3, 1.3)])
def test_map_has_mean_0_and_variance_1(skew, tail):
    model = C.Cycles((10, 100), (0, 0), (0, 0), skew=(skew, 0), tail=(tail, 1))
    z = np.linspace(-12, 12, 200_001)
    w = stats.norm.pdf(z) * (z[1] - z[0])
    h = C.from_deviate(model, 0, z)
    assert (h * w).sum() == pytest.approx(0, abs=1e-6)
    assert (h**2 * w).sum() == pytest.approx(1, abs=1e-5)


def test_widths_keep_the_root_mean_square():
    model = programming.Programming("lognormal_resistance", 1e4, 0, 0, 0, 0, 0, 0.2, 0.3)
    z = np.random.default_rng(0).standard_normal(200_000)
    width = programming.widths(model, lambda _: z, "LRS")
    assert np.sqrt((width**2).mean()) == pytest.approx(1.0, rel=5e-3)
    assert np.log(width).std() == pytest.approx(0.3, rel=0.01)


def test_shares_beyond_one_are_refused():
    with pytest.raises(InputError, match="below 1 together"):
        C.Cycles((10, 100), (0.5, 0.1), (0.5, 0.1))


@pytest.mark.parametrize("state", [0, 1])
def test_card_reproduces_radar_to_lag_50(shared, state):
    """Autocorrelation of normal scores, and quantiles, of the cells that the card took over."""
    measured = read_radar(shared)[state]
    model = C.Cycles.from_technology(load_technology("oxram-130nm"))
    u = C.advance(C.start(model, 4, [0, 0, 0], 4 * len(measured)), 280)[:, :, state]
    gap = sample_autocorrelation(normal_scores(measured)) - sample_autocorrelation(normal_scores(u))
    # standard error of a pooled autocorrelation over 256 cells, from its spread between cells
    each = np.array([sample_autocorrelation(row[None]) for row in normal_scores(measured)])
    error = each.std(axis=0) / np.sqrt(len(measured))
    assert np.all(np.abs(gap[1:]) < 4.5 * error[1:] + 0.01)
    name = ("LRS", "HRS")[state]
    whole = programming.Programming.from_technology(load_technology("oxram-130nm"), name)
    fixed, z = np.random.default_rng(1).standard_normal((2, len(u), 1))
    width = programming.widths(whole, lambda _: z, name)
    added = programming.pulse(whole, u.astype(float), width)
    path = -np.log(programming.conductance(whole, whole.sigma_fixed * fixed + added))
    wanted, got = (a - np.median(a, axis=1, keepdims=True) for a in (measured, path))
    levels = [0.01, 0.05, 0.16, 0.84, 0.95, 0.98]
    np.testing.assert_allclose(np.quantile(got, levels), np.quantile(wanted, levels), rtol=0.25)


def test_two_memories_reproduce_keithley_to_lag_50(shared):
    """One device: its shares and cross-correlation fitted, its correlations inside the spread of
    simulated devices.
    """
    lrs, hrs = (normal_scores(x) for x in read_keithley(shared))
    memory = (6.0, 400.0)
    shares = []
    for x in (lrs, hrs):
        fractions, _ = C.fractions_of(C.lag_sums(x, 50).mean(axis=0), x.shape[1], memory)
        shares.append(fractions / fractions.sum())
    model = C.Cycles(
        memory, (shares[0][1], shares[1][1]), (shares[0][2], shares[1][2]), (0.0, 0.0, 0.5)
    )
    assert min(model.slow) > 0.4  # far from white
    u = C.advance(C.start(model, 8, [0, 0, 0], 400), lrs.shape[1])
    for measured, paths in (
        (sample_autocorrelation(lrs), [sample_autocorrelation(r[None, :, 0]) for r in u]),
        (sample_autocorrelation(hrs), [sample_autocorrelation(r[None, :, 1]) for r in u]),
        (
            sample_autocorrelation(lrs, hrs),
            [sample_autocorrelation(r[None, :, 0], r[None, :, 1]) for r in u],
        ),
    ):
        low, high = np.quantile(paths, [0.005, 0.995], axis=0)
        inside = (measured >= low - 1e-9) & (measured <= high + 1e-9)
        assert inside[1:].all()


def test_hrs_and_lrs_of_radar_are_nearly_independent(shared):
    lrs, hrs = (normal_scores(x) for x in read_radar(shared))
    cross = sample_autocorrelation(hrs, lrs)
    assert abs(cross[0]) < 0.06
    assert np.abs(cross[1:]).max() < 0.03
