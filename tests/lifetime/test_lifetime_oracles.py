"""Fits against lifelines, SurPyval and SciPy in the same run."""

import numpy as np
import pytest
from scipy import stats

from reliability.lifetime.censored_fit import fit_lifetime
from reliability.lifetime.distributions import limited_failure

lifelines = pytest.importorskip("lifelines")


def surpyval():
    return pytest.importorskip("surpyval")


def right_censored(rng: np.random.Generator, n: int = 150):
    time = 500 * rng.weibull(1.8, n)
    return np.minimum(time, 600), time < 600


def mixed(rng: np.random.Generator, n: int = 200):
    """Interval-, right- and left-censored and exact data."""
    time = 500 * rng.weibull(1.8, n)
    lower, upper = time.copy(), time.copy()
    lower[:50] = np.floor(time[:50] / 100) * 100
    upper[:50] = lower[:50] + 100
    lower[50:90], upper[50:90] = 0.6 * time[50:90], np.inf
    lower[90:100], upper[90:100] = 0.0, 1.4 * time[90:100]
    return lower, upper


@pytest.mark.parametrize(
    ("name", "fitter", "translate"),
    [
        ("weibull", "WeibullFitter", lambda p: p),
        ("lognormal", "LogNormalFitter", lambda p: p),
        ("loglogistic", "LogLogisticFitter", lambda p: p),
        ("exponential", "ExponentialFitter", lambda p: p),
        ("generalised_gamma", "GeneralizedGammaFitter", lambda p: [p[0], np.exp(p[1]), p[2]]),
    ],
)
def test_lifelines_right_censored(name, fitter, translate):
    time, failed = right_censored(np.random.default_rng(1))
    ours = fit_lifetime(time, event=failed, distribution=name)
    theirs = getattr(lifelines, fitter)().fit(time, failed)
    expected = translate(theirs.params_.to_numpy())
    # lifelines stops its optimiser early, most of all with three parameters; ours has to be at
    # least as likely.
    precision = 5e-4 if name == "generalised_gamma" else 5e-5
    assert list(ours.parameters.values()) == pytest.approx(expected, rel=precision)
    assert ours.log_likelihood == pytest.approx(theirs.log_likelihood_, abs=1e-4)
    assert ours.log_likelihood >= theirs.log_likelihood_ - 1e-9


def test_lifelines_left_truncated():
    rng = np.random.default_rng(2)
    entry, time = 400 * rng.random(300), 500 * rng.weibull(1.8, 300)
    seen = time > entry
    ours = fit_lifetime(time[seen], truncation=entry[seen])
    theirs = lifelines.WeibullFitter().fit(time[seen], entry=entry[seen])
    assert list(ours.parameters.values()) == pytest.approx(theirs.params_.to_numpy(), rel=5e-5)
    assert ours.log_likelihood == pytest.approx(theirs.log_likelihood_, abs=1e-4)


@pytest.mark.parametrize(
    ("name", "theirs", "translate"),
    [
        ("weibull", "Weibull", lambda p: p),
        ("lognormal", "LogNormal", lambda p: p),
        ("loglogistic", "LogLogistic", lambda p: p),
        ("exponential", "Exponential", lambda p: [1 / p[0]]),
        ("gamma", "Gamma", lambda p: [1 / p[1], p[0]]),
        ("normal", "Normal", lambda p: p),
        ("gumbel_min", "Gumbel", lambda p: p),
    ],
)
def test_surpyval_all_kinds_of_censoring(name, theirs, translate):
    lower, upper = mixed(np.random.default_rng(7))
    left, right = lower == 0, np.isinf(upper)
    between = ~left & ~right & (lower < upper)
    kind = np.select([between, right, left], [2, 1, -1], 0)
    points = [
        [a, b] if k == 2 else (b if k == -1 else a)
        for a, b, k in zip(lower, upper, kind, strict=True)
    ]
    ours = fit_lifetime(lower=lower, upper=upper, distribution=name)
    fitted = getattr(surpyval(), theirs).fit(x=points, c=kind.tolist())
    assert list(ours.parameters.values()) == pytest.approx(translate(fitted.params), rel=5e-6)
    assert ours.log_likelihood == pytest.approx(-fitted.neg_ll(), abs=1e-4)


def test_surpyval_limited_failure_population():
    rng = np.random.default_rng(3)
    defective = rng.random(1500) < 0.2
    time = np.where(defective, 100 * rng.weibull(1.5, 1500), np.inf)
    seen, failed = np.minimum(time, 300), time < 300
    ours = fit_lifetime(seen, event=failed, distribution=limited_failure("weibull"))
    fitted = surpyval().Weibull.fit(x=seen, c=(~failed).astype(int), lfp=True)
    expected = [*fitted.params, fitted.lfp_p]
    assert list(ours.parameters.values()) == pytest.approx(expected, rel=5e-5)
    assert ours.log_likelihood == pytest.approx(-fitted.neg_ll(), abs=1e-4)
    low, high = ours.interval("defective_fraction")
    assert low < defective.mean() < high


def test_surpyval_right_truncated():
    rng = np.random.default_rng(4)
    time = 500 * rng.weibull(1.8, 400)
    time = time[time < 700]
    ours = fit_lifetime(time, truncation=(None, 700.0))
    fitted = surpyval().Weibull.fit(x=time, tr=700)
    assert list(ours.parameters.values()) == pytest.approx(fitted.params, rel=5e-6)
    assert ours.log_likelihood == pytest.approx(-fitted.neg_ll(), abs=1e-4)


def test_scipy_birnbaum_saunders():
    time = np.exp(5 + 0.3 * np.random.default_rng(5).normal(size=300))
    ours = fit_lifetime(time, distribution="birnbaum_saunders")
    shape, _, scale = stats.fatiguelife.fit(time, floc=0)
    assert ours.parameters["shape"] == pytest.approx(shape, rel=1e-5)
    assert ours.parameters["scale"] == pytest.approx(scale, rel=1e-5)
    expected = stats.fatiguelife.logpdf(time, shape, 0, scale).sum()
    assert ours.log_likelihood == pytest.approx(expected, abs=1e-4)


def test_scipy_defect_clustering_is_burr():
    """1 - (1 + (t/eta)^beta/alpha)^-alpha is SciPy's burr12 with scale eta alpha^(1/beta)."""
    eta, beta, alpha = 1000.0, 1.7, 0.8
    burr = stats.burr12(beta, alpha, scale=eta * alpha ** (1 / beta))
    time = burr.rvs(800, random_state=np.random.default_rng(6))
    fit = fit_lifetime(time, distribution="defect_clustering")
    p = fit.parameters
    scale = p["scale"] * p["clustering"] ** (1 / p["shape"])
    expected = stats.burr12(p["shape"], p["clustering"], scale=scale).logpdf(time).sum()
    assert fit.log_likelihood == pytest.approx(expected, abs=1e-6)
    beta_, alpha_, _, scale_ = stats.burr12.fit(time, beta, alpha, floc=0, scale=scale)
    best = stats.burr12(beta_, alpha_, scale=scale_).logpdf(time).sum()
    assert fit.log_likelihood >= best - 1e-9
    assert p["shape"] == pytest.approx(beta_, rel=2e-3)  # SciPy stops at 1e-4 of the simplex


def test_profile_bounds_are_where_the_likelihood_has_dropped():
    """The bound of the shape by a slow independent optimiser."""
    time, failed = right_censored(np.random.default_rng(8), 40)
    fit = fit_lifetime(time, event=failed)
    drop = stats.chi2.ppf(0.9, 1) / 2

    def log_likelihood(scale: float, shape: float) -> float:
        distribution = stats.weibull_min(shape, scale=scale)
        return float(
            distribution.logpdf(time[failed]).sum() + distribution.logsf(time[~failed]).sum()
        )

    for bound in fit.interval("shape", 0.9):
        # With the shape known, the best scale is in closed form.
        scale = (np.sum(time**bound) / failed.sum()) ** (1 / bound)
        assert fit.log_likelihood - log_likelihood(scale, bound) == pytest.approx(drop, abs=1e-6)
    for bound in (fit.quantile(0.01).low, fit.quantile(0.01).high):
        from scipy.optimize import minimize_scalar

        def held(log_shape: float, bound: float = bound) -> float:
            shape = np.exp(log_shape)
            return -log_likelihood(bound / (-np.log(0.99)) ** (1 / shape), shape)

        best = minimize_scalar(held, bracket=(0.0, 1.0), tol=1e-12).fun
        assert fit.log_likelihood + best == pytest.approx(drop, abs=1e-6)


@pytest.mark.parametrize(("name", "peer"), [("weibull", stats.weibull_min), ("gamma", stats.gamma)])
def test_fits_of_mixed_censoring_against_scipy(name, peer):
    """`scipy.stats.CensoredData`: exact, interval-, left- and right-censored times together."""
    rng = np.random.default_rng(11)
    time = 100 * rng.weibull(1.6, 120)
    exact, between, early, late = time[:60], time[60:90], time[90:100], time[100:]
    edges = np.arange(0.0, 1000.0, 25.0)
    place = np.searchsorted(edges, between)
    interval = np.column_stack([edges[place - 1], edges[place]])
    data = stats.CensoredData(
        uncensored=exact, interval=interval, left=early + 20, right=late * 0.6
    )
    shape, _, scale = peer.fit(data, floc=0)
    ours = fit_lifetime(
        lower=[*exact, *interval[:, 0], *np.zeros(10), *(late * 0.6)],
        upper=[*exact, *interval[:, 1], *(early + 20), *np.full(20, np.inf)],
        distribution=name,
    )
    assert ours.parameters["shape"] == pytest.approx(shape, rel=2e-3)
    assert ours.parameters["scale"] == pytest.approx(scale, rel=2e-3)
