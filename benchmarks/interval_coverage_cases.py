"""What `coverage.py` simulates: intervals and bounds with the truth that they should hold."""

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import optimize, special, stats

from reliability.architecture.logic.mapping_cost import map_network
from reliability.campaign.accuracy_interval import score_interval
from reliability.characterization import reads_of
from reliability.characterization.endurance import fit_endurance
from reliability.characterization.programming import fit_state
from reliability.crossbar.size_search import searched, tried
from reliability.lifetime import (
    Claim,
    Prior,
    Schedule,
    assess_claim,
    fit_lifetime,
    fit_pass_fail,
    fit_step_stress,
    fit_with_priors,
    kaplan_meier,
    predict_failures,
    tolerance_bound,
)
from reliability.lifetime.claims import CANDIDATES, CLOSE, FEW
from reliability.lifetime.covariates import compare_groups
from reliability.lifetime.degradation import paths
from reliability.lifetime.degradation_fit import fit_degradation
from reliability.lifetime.demonstration import failure_rate_bound
from reliability.lifetime.distributions import find_distribution
from reliability.lifetime.likelihood import Likelihood, split_terms
from reliability.lifetime.maximise import (
    gradient_of,
    is_proper,
    maximise,
    profile_bound,
    profile_interval,
)
from reliability.lifetime.modes import fit_modes
from reliability.lifetime.next_lot import next_lot_bound
from reliability.lifetime.starting_values import NoMaximum
from reliability.lifetime.tails import fit_tail
from reliability.mission import MissionProfile
from reliability.network import load_network
from reliability.network.analysis.variability import accuracy_variability
from reliability.network.analysis.yields import accuracy_yield
from reliability.network.deep.binary import pair_error_rate
from reliability.network.metrics import measured
from reliability.population import programming_window
from reliability.population.measured import MeasuredCells
from reliability.product.error_correction import Code
from reliability.product.macro import Dies, Setting, macro_failures, shipped_ppm
from reliability.statistics.control import capability
from reliability.statistics.crossed import crossed_mean, mean_of_fractions
from reliability.statistics.differences import (
    drawn_difference,
    paired_difference,
    unpaired_difference,
)
from reliability.statistics.gauge import gauge_study
from reliability.statistics.information import gain_of_verdict, value_of_information
from reliability.statistics.means import mean_interval, member_of_a_draw, nominal_and_drawn
from reliability.statistics.proportions import clopper_pearson, clustered_proportion, wilson
from reliability.statistics.variance import radial_trend, variance_components
from reliability.technology import load_technology
from reliability.technology.components import load_components

Array = NDArray[np.float64]
Rng = np.random.Generator
Found = Mapping[str, Any]  # quantity -> rows of (low, high, truth)
SHAPE = 1.7
K = 8.617333262e-5  # eV/K
LIVES: dict[str, Any] = {
    "exponential": stats.expon(),
    **{f"Weibull {shape:g}": stats.weibull_min(shape) for shape in (0.6, 1, 2, 3)},
    **{f"log-normal {sigma:g}": stats.lognorm(sigma) for sigma in (0.5, 1)},
}


class Case(NamedTuple):
    """One row of the page: a condition, and how to simulate samples of its quantities."""

    section: str
    condition: str
    simulate: Callable[[Rng, int], Found]
    sides: int = 2
    nominal: float = 0.9
    size: float = 1.0  # samples, relative to the other cases

    @property
    def key(self) -> str:
        return f"{self.section}: {self.condition}"


def rows(one: Callable[[Rng], Mapping[str, tuple[float, float, float]] | None]) -> Any:
    """Make a simulation of many samples out of that of one; None is left out."""

    def many(rng: Rng, samples: int) -> Found:
        found = [each for _ in range(samples) if (each := one(rng)) is not None]
        return {name: [each[name] for each in found] for name in (found[0] if found else {})}

    return many


# Claims -------------------------------------------------------------------------------------------

UNITS, REACH = 231, (0.1, 0.3, 1.0, 3.0, 10.0)


def claims(truth: Any, expected: float, rng: Rng, samples: int) -> Found:
    """Bounds of `qualify` without a stated distribution, all samples in one pass."""
    end = truth.ppf(expected / UNITS)
    life = np.sort(truth.rvs((samples, UNITS), random_state=rng), axis=1)
    failures = (life < end).sum(axis=1)
    life, failures = life[failures >= FEW], failures[failures >= FEW]
    most = failures.max(initial=FEW)
    time = np.column_stack([np.minimum(life[:, :most] / end, 1.0), np.ones(len(life))])
    upper = time.copy()
    upper[:, -1] = np.inf
    weight = np.column_stack([np.arange(most) < failures[:, None], UNITS - failures]).astype(float)
    terms = split_terms(time, upper, weight)
    drop = special.stdtrit(failures.astype(float), 0.9) ** 2
    aicc = np.full((len(CANDIDATES), len(life)), np.inf)
    bound = np.zeros((len(REACH), len(CANDIDATES), len(life)))
    for k, name in enumerate(CANDIDATES):
        family = find_distribution(name)
        likelihood = Likelihood(
            family, terms, len(life), (None,) * family.count, (0.0,) * family.count
        )
        best = maximise(likelihood, np.tile([1.0, 0.0][: family.count], (len(life), 1)))
        good = best.converged & is_proper(best)
        aicc[k, good] = _penalty(family.count) - 2 * best.value[good]
        for i, reach in enumerate(REACH):

            def standardised(theta: Array, at: float = math.log(reach), n: int = family.count):
                return (at - theta[..., 0]) * (np.exp(-theta[..., 1]) if n > 1 else 1.0)

            kept = likelihood.select(good)
            z = profile_bound(kept, best.pick(good), standardised, drop[good], 1)
            bound[i, k, good] = np.where(np.isinf(z), 1.0, np.exp(family.form.log_cdf(z)))
    near = aicc - aicc.min(axis=0) <= CLOSE
    near[1] |= near[0] & np.isfinite(aicc[1])  # no exponential without the Weibull
    default = np.where(near, bound, 0.0).max(axis=1)
    for i, reach in enumerate(REACH):  # the pass at once is what a user gets
        taken = weight[0] > 0
        found = assess_claim(
            Claim(reach, 0.5), lower=time[0][taken], upper=upper[0][taken],
            frequency=weight[0][taken],
        )  # fmt: skip
        np.testing.assert_allclose(found.bound, default[i, 0], rtol=1e-4)
    return {
        f"{reach:g} × test": [(0.0, b, truth.cdf(reach * end)) for b in default[i]]
        for i, reach in enumerate(REACH)
    }


def _penalty(count: int) -> float:
    return 2 * count + 2 * count * (count + 1) / (UNITS - count - 1)


def averaged(truth: Any, expected: float, rng: Rng, samples: int) -> Found:
    """Bounds of `qualify --choice average`: weighted over the distributions that fit."""
    end = float(truth.ppf(expected / UNITS))

    def one(rng: Rng) -> dict[str, tuple[float, float, float]] | None:
        life = truth.rvs(UNITS, random_state=rng)
        time = np.append(life[life < end], end)
        if time.size <= FEW:
            return None
        data = {
            "lower": time, "upper": np.append(time[:-1], np.inf),
            "frequency": np.append(np.ones(time.size - 1), UNITS - time.size + 1),
        }  # fmt: skip
        return {
            f"{reach:g} × test": (
                0.0, assess_claim(Claim(reach * end, 0.5), choice="average", **data).bound,
                float(truth.cdf(reach * end)),
            )
            for reach in (0.3, 1.0, 3.0)
        }  # fmt: skip

    return rows(one)(rng, samples)


def few_failures(shape: float, expected: float, rng: Rng, samples: int) -> Found:
    """Claims of tests with any number of failures: the exact bounds, and the fit from three on."""
    units = 77
    end = float(stats.weibull_min(shape).ppf(expected / units))

    def one(rng: Rng) -> dict[str, tuple[float, float, float]]:
        life = rng.weibull(shape, units)
        data = {"lower": np.minimum(life, end), "upper": np.where(life < end, life, np.inf)}
        out = {}
        for reach, fixed in ((0.5, None), (1.0, None), (3.0, {"shape": shape})):
            found = assess_claim(Claim(reach * end, 0.5), fixed=fixed, **data)
            true = -math.expm1(-((reach * end) ** shape))
            known = ", shape known" if fixed else ""
            out[f"{reach:g} × test{known}"] = (0.0, found.bound, true)
        return out

    return rows(one)(rng, samples)


def accelerated(distribution: str | None, rng: Rng, samples: int) -> Found:
    """Two bake temperatures, activation energy fitted; failed fraction and FIT at use."""

    def scale(kelvin: Any) -> Any:
        return 2e-10 * np.exp(0.9 / (K * kelvin))

    true = -math.expm1(-((2e4 / scale(328.15)) ** 2.0))
    kelvin = np.repeat([398.15, 423.15], 30)

    def one(rng: Rng) -> dict[str, tuple[float, float, float]] | None:
        life = scale(kelvin) * rng.weibull(2.0, 60)
        failed = life < 100.0
        if min(failed[:30].sum(), failed[30:].sum()) < FEW:
            return None
        found = assess_claim(
            Claim(2e4, 0.01, {"temperature": 328.15}), lower=np.minimum(life, 100.0),
            upper=np.where(failed, life, np.inf), stress={"temperature": kelvin},
            distribution=distribution,
        )  # fmt: skip
        rate = -math.log1p(-true) / 2e4
        return {
            "failed fraction": (0.0, found.bound, true),
            "failure rate": (0.0, found.rate_bound, rate),
        }

    return rows(one)(rng, samples)


def _over_lots(spread: float) -> tuple[Callable[[float], float], float]:
    """Failed fraction over lots against time, and the time at which it is 15 %."""
    z = stats.norm.ppf((np.arange(2000) + 0.5) / 2000)

    def true(t: float) -> float:
        return float(np.mean(-np.expm1(-((t / np.exp(spread * z)) ** 2.0))))

    return true, optimize.brentq(lambda t: true(t) - 0.15, 0.01, 3.0)


def _lives_of_lots(count: int, spread: float, rng: Rng) -> tuple[Array, Array]:
    """Lot and life of 300 units of Weibull shape 2."""
    lot = np.repeat(np.arange(count), 300 // count)
    return lot, np.exp(spread * rng.standard_normal(count))[lot] * rng.weibull(2, lot.size)


def lots(count: int, spread: float, rng: Rng, samples: int) -> Found:
    """Lots with a normal spread of ln life, 300 units of Weibull shape 2, 15 % failing."""
    true, end = _over_lots(spread)

    def one(rng: Rng) -> dict[str, tuple[float, float, float]] | None:
        lot, life = _lives_of_lots(count, spread, rng)
        if np.sum(life < end) < FEW:
            return None
        data = {"lower": np.minimum(life, end), "upper": np.where(life < end, life, np.inf)}
        out = {}
        for reach in (0.5, 1.0, 2.0):
            found = assess_claim(Claim(reach * end, 0.5), lots=lot, **data)
            out[f"qualify, {reach:g} × test"] = (0.0, found.bound, true(reach * end))
        for name, groups in (("sandwich covariance", lot), ("lots ignored", None)):
            fit = fit_lifetime(**data, lots=groups)
            high = float(fit.failure_probability(0.5 * end, confidence=0.8).high)
            out[f"{name}, 0.5 × test"] = (0.0, high, true(0.5 * end))
        return out

    return rows(one)(rng, samples)


# Fits ---------------------------------------------------------------------------------------------


def weibull(size: int, failing: float, stop: str, method: str, rng: Rng, samples: int) -> Found:
    """Parameters, a life and a probability of a Weibull fit of right-censored data."""
    end = (-math.log1p(-failing)) ** (1 / SHAPE) if failing < 1 else math.inf
    life = rng.weibull(SHAPE, (samples, size))
    limit = np.sort(life, 1)[:, int(failing * size) - 1, None] if stop == "failures" else end
    enough = (life <= limit).sum(axis=1) >= FEW
    time, failed = np.minimum(life, limit)[enough], (life <= limit)[enough]
    if method in ("profile", "wald"):
        return _at_once(time, failed, method)
    found = [_one_weibull(t, f, method, int(rng.integers(1 << 30)))
             for t, f in zip(time, failed, strict=True)]  # fmt: skip
    return {name: [each[name] for each in found] for name in _TRUE}


_B10 = (-math.log(0.9)) ** (1 / SHAPE)
_TRUE = {
    "scale": 1.0, "shape": SHAPE, "B1 life": (-math.log(0.99)) ** (1 / SHAPE), "F at B10": 0.1,
}  # fmt: skip


def _one_weibull(time: Array, failed: Any, method: Any, seed: int) -> dict[str, Any]:
    """Intervals of one fit as a user gets them."""
    fit, options = fit_lifetime(time, event=failed), {"method": method, "seed": seed}
    ends = (
        fit.interval("scale", **options), fit.interval("shape", **options),
        fit.quantile(0.01, **options)[1:], fit.failure_probability(_B10, **options)[1:],
    )  # fmt: skip
    return {
        name: (*map(float, each), truth)
        for (name, truth), each in zip(_TRUE.items(), ends, strict=True)
    }


def _at_once(time: Array, failed: Any, method: str) -> Found:
    """The same of many samples in one pass, and the first of them as a user gets it."""
    samples = len(time)
    terms = split_terms(time, np.where(failed, time, np.inf), np.ones_like(time))
    likelihood = Likelihood(find_distribution("weibull"), terms, samples, (None, None), (0.0, 0.0))
    best = maximise(likelihood, np.zeros((samples, 2)))
    quantities = (
        (lambda theta: theta[..., 0], np.exp),
        (lambda theta: -theta[..., 1], np.exp),
        (lambda theta: theta[..., 0] + np.exp(theta[..., 1]) * math.log(-math.log(0.99)), np.exp),
        (lambda theta: (math.log(_B10) - theta[..., 0]) * np.exp(-theta[..., 1]),
         lambda z: -np.expm1(-np.exp(z))),
    )  # fmt: skip
    out = {}
    for (name, truth), (quantity, back) in zip(_TRUE.items(), quantities, strict=True):
        low, high = profile_interval(likelihood, best, quantity, special.chdtri(1, 0.1))
        if method == "wald":
            slope = gradient_of(quantity, best)
            error = np.sqrt(np.einsum("bi,bij,bj->b", slope, best.covariance, slope))
            centre = quantity(best.theta)
            low, high = (centre + side * special.ndtri(0.95) * error for side in (-1, 1))
        out[name] = np.column_stack([back(low), back(high), np.full(samples, truth)])
    for name, ends in _one_weibull(time[0], failed[0], method, 0).items():
        np.testing.assert_allclose(out[name][0], ends, rtol=1e-4)
    return out


def other_fits(kind: str, rng: Rng, samples: int) -> Found:
    """Intervals of fits of other distributions and other kinds of data."""
    return rows(_FITS[kind])(rng, samples)


def _lognormal(rng: Rng) -> dict[str, tuple[float, float, float]]:
    life = np.exp(0.8 * rng.standard_normal(40))
    fit = fit_lifetime(np.minimum(life, 1.2), event=life <= 1.2, distribution="lognormal")
    return {
        "location": (*fit.interval("mu"), 0.0), "spread": (*fit.interval("sigma"), 0.8),
        "1 % life": (*fit.quantile(0.01)[1:], math.exp(0.8 * special.ndtri(0.01))),
    }  # fmt: skip


def _readouts(rng: Rng) -> dict[str, tuple[float, float, float]] | None:
    edges = np.array([0.0, 0.4, 0.8, 1.2])
    place = np.searchsorted(edges, rng.weibull(SHAPE, 60))
    low, high = edges[place - 1], np.append(edges, np.inf)[place]
    try:
        fit = fit_lifetime(lower=low, upper=high)
    except NoMaximum:
        return None
    return {
        "location": (*fit.interval("scale"), 1.0), "spread": (*fit.interval("shape"), SHAPE),
        "1 % life": (*fit.quantile(0.01)[1:], (-math.log(0.99)) ** (1 / SHAPE)),
    }  # fmt: skip


def _arrhenius(rng: Rng) -> dict[str, tuple[float, float, float]]:
    kelvin = np.repeat([398.15, 423.15, 448.15], 20)
    scale = np.exp(0.9 / K * (1 / kelvin - 1 / 423.15))
    life = scale * rng.weibull(2.0, 60)
    fit = fit_lifetime(
        np.minimum(life, 1.0), event=life <= 1.0, stress={"temperature": kelvin},
        acceleration="arrhenius",
    )  # fmt: skip
    use = {"temperature": 358.15}
    there = math.exp(0.9 / K * (1 / 358.15 - 1 / 423.15))
    factor = fit.acceleration_factor(use, {"temperature": 423.15})
    return {
        "activation energy": (*fit.interval("activation_energy"), 0.9),
        "spread": (*fit.interval("shape"), 2.0),
        "1 % life": (*fit.quantile(0.01, use)[1:], there * (-math.log(0.99)) ** 0.5),
        "acceleration factor": (*factor[1:], there),
    }  # fmt: skip


def _limited(rng: Rng) -> dict[str, tuple[float, float, float]]:
    life = np.where(rng.random(300) < 0.2, rng.weibull(1.5, 300), np.inf)
    fit = fit_lifetime(
        np.minimum(life, 3.0), event=life < 3.0, distribution="limited_failure(weibull)"
    )
    return {
        "location": (*fit.interval("scale"), 1.0), "spread": (*fit.interval("shape"), 1.5),
        "1 % life": (*fit.quantile(0.01)[1:], (-math.log(1 - 0.05)) ** (1 / 1.5)),
        "fraction that can fail": (*fit.interval("defective_fraction"), 0.2),
    }  # fmt: skip


def _modes(rng: Rng) -> dict[str, tuple[float, float, float]] | None:
    short, open_ = 2 * rng.weibull(1.0, 80), rng.weibull(3.0, 80)
    first = np.minimum(short, open_)
    cause = np.where(first > 1.0, "", np.where(short < open_, "short", "open"))
    if min(np.sum(cause == "short"), np.sum(cause == "open")) < FEW:
        return None
    found = fit_modes(np.minimum(first, 1.0), cause).failure_probability(0.5)
    true = -math.expm1(-(0.25 + 0.5**3))
    return {"F of all modes": (float(found.low), float(found.high), true)}


def _groups(rng: Rng) -> dict[str, tuple[float, float, float]]:
    lot = np.repeat(["A", "B"], 25)
    life = np.where(lot == "B", 0.6, 1.0) * rng.weibull(2.0, 50)
    data = {"time": np.minimum(life, 1.0), "event": life <= 1.0, "lot": lot}
    ratio = compare_groups(data, "lot").life_ratio["B"]
    return {"ratio of lives": (float(ratio.low), float(ratio.high), 0.6)}


def _next_lot(rng: Rng) -> dict[str, tuple[float, float, float]] | None:
    life = rng.weibull(2.0, 60)
    if np.sum(life <= 0.6) < FEW:
        return None
    found = predict_failures(fit_lifetime(np.minimum(life, 0.6), event=life <= 0.6), 1000, 0.4)
    return {"failures of the next lot": (
        found.low, found.high, float(rng.binomial(1000, -math.expm1(-(0.4**2))))
    )}  # fmt: skip


def _kaplan_meier(rng: Rng) -> dict[str, tuple[float, float, float]] | None:
    life, end = rng.exponential(size=40), 2 * rng.random(40)
    curve = kaplan_meier(np.minimum(life, end), life <= end)
    place = int(np.searchsorted(curve.time, 0.7, side="right")) - 1
    if place < 0 or np.isnan(curve.low[place]):
        return None
    return {"Kaplan-Meier S": (curve.low[place], curve.high[place], math.exp(-0.7))}


_FITS = {
    "log-normal, 40 units": _lognormal,
    "Weibull, 60 units, three read-outs": _readouts,
    "Arrhenius, 3 × 20 units": _arrhenius,
    "20 % of 300 can fail": _limited,
    "two modes, 80 units": _modes,
    "two lots of 25": _groups,
    "1000 units after 60": _next_lot,
    "Kaplan-Meier, 40 units": _kaplan_meier,
}


# Proportions, means, variances --------------------------------------------------------------------


def wafers(median: float, count: int, spread: float, rng: Rng, samples: int) -> Found:
    """Fractions of 200 cells on each wafer, log-odds of the wafers normal."""
    z = stats.norm.ppf((np.arange(20_000) + 0.5) / 20_000)
    centre = special.logit(median)
    p = special.expit(centre + spread * rng.standard_normal((samples, count)))
    truth = float(special.expit(centre + spread * z).mean())
    failures = rng.binomial(200, p)
    ends = {
        "over wafers": clustered_proportion(failures, 200)[:2],
        "binomial": clopper_pearson(failures.sum(axis=1), 200 * count),
    }
    return {name: np.column_stack([low, high, np.full(samples, truth)])
            for name, (low, high) in ends.items()}  # fmt: skip


def proportions(trials: int, p: float, rng: Rng, samples: int) -> Found:
    """Independent trials."""
    k = rng.binomial(trials, p, samples)
    ends = {"Wilson": wilson(k, trials), "Clopper-Pearson": clopper_pearson(k, trials)}
    return {name: np.column_stack([*each[:2], np.full(samples, p)]) for name, each in ends.items()}


def rates(mean: float, rng: Rng, samples: int) -> Found:
    """Chi-square bound of a constant failure rate at 90 %, 1000 h and 100 devices."""
    found = [
        (0.0, failure_rate_bound(devices=1000, hours=1000.0, failures=int(k), confidence=0.9,
                                 replacement=True), mean * 1e3)
        for k in rng.poisson(mean, samples)
    ]  # fmt: skip
    return {"FIT": found}


def means(chips: int, wafer: float, rng: Rng, samples: int) -> Found:
    """Means of chips on five wafers, of skewed fractions, and differences of two such means."""
    group = np.arange(chips) % 5

    def one(rng: Rng) -> dict[str, tuple[float, float, float]]:
        plain = rng.standard_normal(chips)
        x, y = (
            rng.standard_normal(chips) + wafer * rng.standard_normal(5)[group] for _ in range(2)
        )
        score = special.expit(2 + 0.7 * x / math.hypot(1, wafer))
        truth = float(special.expit(2 + 0.7 * _NORMAL).mean())
        images = rng.standard_normal((chips, 200)) * 2 + rng.standard_normal(200)
        pair = paired_difference(x, x + plain, 0.9)
        two = unpaired_difference(x, y, 0.9, groups=(group, group))
        crossed = crossed_mean(images + x[:, None], groups=group, confidence=0.9)
        right = crossed_mean(images + x[:, None] > -3.5, groups=group, confidence=0.9)
        fraction = stats.norm.sf(-3.5 / math.sqrt(6 + wafer**2))
        metric = score_interval((images + x[:, None]).mean(axis=1), 1 / math.sqrt(200), None, 0.9,
                                group)  # fmt: skip
        fractions = mean_of_fractions(score, group, 0.9)
        return {
            "mean": (*mean_interval(plain, 0.9)[1:], 0.0),
            "chips × images": (crossed.low, crossed.high, 0.0),
            "fraction of chips × images": (right.low, right.high, fraction),
            "score of studies": (metric["low"], metric["high"], 0.0),
            "accuracy": (fractions[1], fractions[2], truth),
            "paired difference": (pair["low"], pair["high"], 0.0),
            "difference": (two["low"], two["high"], 0.0),
        }

    return rows(one)(rng, samples)


_NORMAL = stats.norm.ppf((np.arange(2000) + 0.5) / 2000)


_SQUARES = {"mse": (1, 1.0), "mse, errors to the third power": (3, 15.0)}  # power, truth


def network_metrics(images: int, labels: int, rng: Rng, samples: int) -> Found:
    """Metrics of one chip over images of three classes, of one or of several labels each."""

    def drawn(rng: Rng, images: int) -> tuple[Array, NDArray[np.int64]]:
        label = rng.choice(3, (images, labels), p=[0.6, 0.3, 0.1])
        hard = rng.standard_normal((images, 1)) if labels > 1 else 0.0
        scores = rng.standard_normal((images, labels, 3)) + 0.0
        own = np.take_along_axis(scores, label[..., None], -1)[..., 0] + 1.2 + hard
        np.put_along_axis(scores, label[..., None], own[..., None], -1)
        return scores.astype(np.float32), label

    scores, label = drawn(np.random.default_rng(0), 400_000 // labels)

    def found(metric: str, scores: Array, target: Any) -> Any:
        one = measured(metric, scores[None], target, lambda: scores, 0.9)
        return [float(one[metric + end][1][0]) for end in ("_low", "_high")]

    hits = scores.argmax(-1)
    truth = {"accuracy": float(np.mean(hits == label))}
    each = [2 * np.sum((hits == k) & (label == k)) / np.sum(1 * (hits == k) + (label == k))
            for k in range(3)]  # fmt: skip
    truth["f1"] = float(np.mean(each))

    def one(rng: Rng) -> dict[str, tuple[float, float, float]]:
        scores, label = drawn(rng, images)
        out = {name: (*found(name, scores, label), value) for name, value in truth.items()}
        error = rng.standard_normal((images, labels)).astype(np.float32)
        return out | {
            name: (*found("mse", error**power, error * 0), square)
            for name, (power, square) in _SQUARES.items()
        }

    return rows(one)(rng, samples)


def next_lots(lots: int, spread: float, rng: Rng, samples: int) -> Found:
    """Next lot after some with 77 units each, ln hazard normal."""

    def one(rng: Rng) -> dict[str, tuple[float, float, float]]:
        hazard = 0.01 * np.exp(spread * rng.standard_normal(lots + 1))
        bound = next_lot_bound(rng.poisson(77 * hazard[:-1]), [77] * lots, 0.9)
        return {"hazard of the next lot": (0.0, bound, hazard[-1])}

    return rows(one)(rng, samples)


def draws(count: int, rng: Rng, samples: int) -> Found:
    """One more draw of a card, against the interval of the draws that were computed."""

    def one(rng: Rng) -> dict[str, tuple[float, float, float]]:
        value = np.exp(rng.standard_normal(count + 2))
        value[0] = 1.0
        return {"one more draw": (*nominal_and_drawn(value[:-1], 0.9), value[-1])}

    return rows(one)(rng, samples)


def information(rho: float, rng: Rng, samples: int) -> Found:
    """A parameter and an answer of a normal copula; half of 64 sampled cards meet a limit."""

    def one(rng: Rng) -> dict[str, tuple[float, float, float]]:
        x, other = rng.standard_normal((2, 64))
        y = rho * x + math.sqrt(1 - rho**2) * other
        found = value_of_information(x, y, y >= 0, 0.9)
        ranks = 6 / math.pi * math.asin(rho / 2)
        return {
            "rank correlation": (found.correlation_low, found.correlation_high, ranks),
            "value of information": (found.low, found.high, gain_of_verdict(rho, 0.5)),
        }

    return rows(one)(rng, samples)


def components(count: int, rng: Rng, samples: int) -> Found:
    """Variances of wafers, dies and cells, and a radial trend."""
    wafer = np.repeat(np.arange(count), 40)
    die = np.tile(np.repeat(np.arange(8), 5), count)
    radius = np.tile(np.linspace(0, 1, 8), count)

    def one(rng: Rng) -> dict[str, tuple[float, float, float]]:
        of_die = rng.standard_normal(8 * count)
        y = 2 * rng.standard_normal(count)[wafer] + of_die[8 * wafer + die]
        y += 0.5 * rng.standard_normal(y.size)
        found = variance_components(y, {"wafer": wafer, "die": die})
        trend = radial_trend(
            radius**2 + 0.5 * of_die, radius, np.repeat(np.arange(count), 8), reference=1.0
        )
        true = {"wafer": 4.0, "die": 1.0, "residual": 0.25}
        out = {f"variance of the {name}": (*found.interval[name], v) for name, v in true.items()}
        return out | {"radial trend": (trend.low, trend.high, 1.0)}

    return rows(one)(rng, samples)


_TAILS = {"exponential": stats.expon(), "Student t of 4": stats.t(4), "normal": stats.norm()}


def tails(name: str, rng: Rng, samples: int) -> Found:
    """A probability beyond the data of 2000 values."""
    truth = _TAILS[name]
    at = float(truth.isf(3e-4))

    def one(rng: Rng) -> dict[str, tuple[float, float, float]]:
        tail = fit_tail(truth.rvs(2000, random_state=rng), exceedances=200)
        found = tail.probability(at)
        return {"P = 3 · 10⁻⁴": (found.low, found.high, 3e-4)}

    return rows(one)(rng, samples)


def yields(chips: int, wafers: int, rng: Rng, samples: int) -> Found:
    """Chips below an accuracy; its logit is normal over wafers and chips, images are endless."""
    images = 10**6

    def one(rng: Rng) -> dict[str, tuple[float, float, float]]:
        wafer = np.arange(chips) % wafers
        between = 0.2 if wafers > 1 else 0.0
        z = 2 + 0.3 * rng.standard_normal(chips) + between * rng.standard_normal(wafers)[wafer]
        result = xr.Dataset(
            {"accuracy": ("chip", rng.binomial(images, special.expit(z)) / images)},
            coords={"wafer": ("chip", wafer)}, attrs={"images": images},
        )  # fmt: skip
        true = float(special.ndtr(-0.6 / math.hypot(0.3, between)))
        found = accuracy_yield(result, float(special.expit(1.4)), 0.9)
        return {
            f"fraction below, {name}": (
                float(found["low"].sel(estimate=name)), float(found["high"].sel(estimate=name)),
                true,
            )
            for name in ("count", "normal", "tail")
        }  # fmt: skip

    return rows(one)(rng, samples)


def chips_and_images(chips: int, rng: Rng, samples: int) -> Found:
    """Standard deviations of accuracy over chips and over images; right where a sum is above 0."""
    images, names, z = 400, {"chip": 0.2, "images": 1.0}, _NORMAL[:, None]
    accuracy = {
        name: float(special.ndtr((1 + own * z) / math.sqrt(1 + 1.04 - own**2)).std())
        for name, own in names.items()
    }  # fmt: skip
    accuracy["images"] /= math.sqrt(images)

    def one(rng: Rng) -> dict[str, tuple[float, float, float]]:
        right = (
            1 + 0.2 * rng.standard_normal((chips, 1)) + rng.standard_normal(images)
            + rng.standard_normal((chips, images))
        ) > 0  # fmt: skip
        result = xr.Dataset(
            {"correct": (("chip", "image"), right), "accuracy": ("chip", right.mean(axis=1))}
        )
        found = accuracy_variability(result, 0.9)
        return {
            f"deviation of {name}": (
                float(found["low"].sel(source=name)), float(found["high"].sel(source=name)), true
            )
            for name, true in accuracy.items()
        }  # fmt: skip

    return rows(one)(rng, samples)


def degradations(units: int, kind: str, rng: Rng, samples: int) -> Found:
    """Straight paths of units, six reads each: fraction beyond a limit, and time to 10 %."""
    stressed = kind == "three temperatures"
    kelvin = np.repeat([398.15, 423.15, 448.15], units // 3) if stressed else np.full(units, 423.15)
    factor = np.exp(0.9 / K * (1 / 423.15 - 1 / kelvin))[:, None]
    time = np.tile(np.linspace(0.5, 3.0, 6), (units, 1))
    from_start, limit = kind == "known start", 8.0
    at = 0.0 if from_start else 0.2  # spread of the starts
    use = {"temperature": 398.15} if stressed else None
    slower = float(factor[0, 0]) if stressed else 1.0

    def true(t: float) -> float:
        return float(special.ndtr((slower * t - limit) / math.hypot(at, 0.25 * slower * t)))

    late = 6.0 / slower
    tenth = optimize.brentq(lambda t: true(t) - 0.1, 1e-3 / slower, 10 / slower)

    def one(rng: Rng) -> dict[str, tuple[float, float, float]]:
        slope = 1 + 0.25 * rng.standard_normal((units, 1))
        read = at * rng.standard_normal((units, 1)) + slope * factor * time
        read += 0.1 * rng.standard_normal(read.shape)
        data = paths(
            time.ravel(), read.ravel(), np.repeat(np.arange(units), 6), limit=limit,
            start=0.0 if from_start else None,
            stress={"temperature": np.repeat(kelvin, 6)} if stressed else None,
        )  # fmt: skip
        fit = fit_degradation(data)
        failed, life = fit.failure_probability(late, 0.9, use), fit.quantile(0.1, 0.9, use)
        return {
            "failed fraction": (float(failed.low[0]), float(failed.high[0]), true(late)),
            "10 % life": (float(life.low), float(life.high), tenth),
        }

    return rows(one)(rng, samples)


def measured_windows(dies: int, rng: Rng, samples: int) -> Found:
    """Error rates of measured cells, 50 of each die; several dies differ in their medians."""
    apart = 0.4 * (dies > 1)
    true = float(stats.norm.sf(2.0 / math.hypot(1, apart)))
    both = float(stats.norm.sf(4.0 / math.sqrt(2 * (1 + apart**2))))

    def one(rng: Rng) -> dict[str, tuple[float, float, float]]:
        z = rng.standard_normal((dies, 50, 2)) + apart * rng.standard_normal((dies, 1, 2))
        data = xr.Dataset(
            {"conductance": (("die", "cell", "state"), 1e-5 * np.exp(z + np.array([2.0, -2.0])))},
            coords={"state": ["LRS", "HRS"], "die": range(dies)},
        )
        cells = MeasuredCells.of(data)
        found = programming_window(cells, reference=1e-5)
        pair = pair_error_rate(cells, pairs=10, chips=1, confidence=0.9)
        return {
            "LRS error rate": (
                float(found["error_rate_low"][0]), float(found["error_rate_high"][0]), true
            ),
            "pair error rate": (float(pair["low"]), float(pair["high"]), both),
        }  # fmt: skip

    return rows(one)(rng, samples)


def macros(rng: Rng, samples: int) -> Found:
    """Failing macros of one more lot of one more card that is drawn from its uncertainty."""
    card = load_technology("oxram-130nm")
    profile = MissionProfile.constant("1 year", "85 degC")
    setting = Setting.of(profile, 2**16, Code(72, 64, 1), cells_per_bit=3)

    def one(rng: Rng) -> dict[str, tuple[float, float, float]]:
        seed, other = (int(k) for k in rng.integers(1 << 31, size=2))
        found = macro_failures(
            card, profile, bits=2**16, cells_per_bit=3, chips=1, lots=4, draws=19, seed=seed,
            attribution=False,
        )  # fmt: skip
        lot = Dies(card.drawn(other, 0), setting).of_lots(range(1), other)
        return {"failing ppm": (float(found["low"]), float(found["high"]), float(shipped_ppm(lot)))}

    return rows(one)(rng, samples)


def costs(rng: Rng, samples: int) -> Found:
    """Costs of a network with one more set of components that is drawn from its uncertainty."""
    net, sheet = load_network("mobilenet-mnist"), load_components("tiles")
    card = load_technology("techB")

    def one(rng: Rng) -> dict[str, tuple[float, float, float]]:
        seed, other = (int(k) for k in rng.integers(1 << 31, size=2))
        found = map_network(net, technology=card, draws=39, seed=seed)
        again = map_network(
            net, technology=card.drawn(other, 0), components=sheet.drawn(other, 0), draws=0
        )
        return {
            name: (
                float(found[f"total_{name}_low"]), float(found[f"total_{name}_high"]),
                float(again[f"total_{name}"]),
            )
            for name in ("energy", "latency", "area")
        }  # fmt: skip

    return rows(one)(rng, samples)


def of_draws(count: int, rng: Rng, samples: int) -> Found:
    """One more draw of two cards that share numbers; the next lot of one more card."""

    def one(rng: Rng) -> dict[str, tuple[float, float, float]]:
        x, apart = rng.standard_normal((2, count + 1))
        y = x + 0.5 * apart + 1
        pair = drawn_difference(x[1:], y[1:], 0.9, paired=True)
        two = drawn_difference(x[1:], rng.standard_normal(count), 0.9, paired=False)
        lots = x[:, None] + 0.7 * rng.standard_normal((count + 1, 8))
        return {
            "difference of paired draws": (pair["low"], pair["high"], y[0] - x[0]),
            "difference of draws": (two["low"], two["high"], apart[0] - x[0]),
            "next lot of one more card": (*member_of_a_draw(lots[1:], 0.9), lots[0, 0]),
        }

    return rows(one)(rng, samples)


# Cards and arrays ---------------------------------------------------------------------------------


def states(wafers: int, rng: Rng, samples: int) -> Found:
    """A state normal in the conductance: 12 dies of 20 cells on each wafer."""
    true = {"resistance": 1e4, "sigma_wafer": 0.08, "sigma_die": 0.05, "sigma_cell": 0.25}

    def one(rng: Rng) -> dict[str, tuple[float, float, float]]:
        shape = (wafers, 12, 20)
        d = 0.25 * rng.standard_normal(shape) + 0.05 * rng.standard_normal((wafers, 12, 1))
        d += 0.08 * rng.standard_normal((wafers, 1, 1))
        lrs = np.maximum(1 - d, 0.01) / 1e4
        both = np.stack([lrs, 1e-6 * np.exp(rng.normal(0, 0.5, shape))], -1)
        data = xr.Dataset(
            {"conductance": (("wafer", "die", "cell", "state"), both)},
            coords={"state": ["LRS", "HRS"], "wafer": range(wafers), "die": range(12)},
        )
        return _of_card(fit_state(reads_of(data), "LRS", 100.0), "programming.LRS", true)

    return rows(one)(rng, samples)


def endurance_card(name: str, rng: Rng, samples: int) -> Found:
    """Scale and shape of an endurance test of 60 cells, half of which fail, model by AICc."""
    import pandas as pd

    truth = {"Weibull 1.6": stats.weibull_min(1.6), "log-normal 0.7": stats.lognorm(0.7)}[name]
    grid = np.geomspace(1e-3, float(truth.median()), 40)

    def one(rng: Rng) -> dict[str, tuple[float, float, float]] | None:
        life = truth.rvs(60, random_state=rng)
        place = np.searchsorted(grid, life)
        bad = np.append(grid, np.inf)[place]
        lives = pd.DataFrame(
            {"good": np.append(1e-4, grid)[place], "bad": bad,
             "stuck": np.where(np.isfinite(bad), "LRS", "")}
        )  # fmt: skip
        reads = reads_of(_ENDURANCE)
        fit = fit_endurance(reads, lives)
        scale, shape = (fit.parameters[f"endurance.{key}"] for key in ("scale", "shape"))
        model = fit.models["endurance"]
        draws = rng.standard_normal((2000, 2)) @ np.linalg.cholesky(_covariance(fit)).T
        scales, shapes = scale.value * np.exp(draws[:, 0]), shape.value * np.exp(draws[:, 1])
        out = {}
        for p in (0.5, 0.01):
            if model == "weibull":
                lives_ = scales * (-np.log1p(-p)) ** (1 / shapes)
            else:
                lives_ = scales * np.exp(special.ndtri(p) / shapes)
            low, high = np.quantile(lives_, [0.05, 0.95])
            out[f"{100 * p:g} % life"] = (float(low), float(high), float(truth.ppf(p)))
        return out

    return rows(one)(rng, samples)


_ENDURANCE = xr.Dataset(
    {"conductance": (("cell", "state", "cycles"), np.full((8, 2, 6), 1e-4))},
    coords={"state": ["LRS", "HRS"], "cycles": np.arange(1.0, 7.0)},
)


def _covariance(fit: Any) -> Array:
    sigma = np.array([fit.parameters[name].sigma for name in fit.correlation.parameters])
    return np.asarray(fit.correlation.matrix) * np.outer(sigma, sigma)


def _of_card(fit: Any, section: str, true: Mapping[str, float]) -> dict[str, Any]:
    out = {}
    for name, truth in true.items():
        parameter = fit.parameters[f"{section}.{name}"]
        if parameter.distribution == "lognormal":
            step = math.exp(1.6449 * parameter.sigma)
            out[name] = (parameter.value / step, parameter.value * step, truth)
        else:
            step = 1.6449 * parameter.sigma
            out[name] = (parameter.value - step, parameter.value + step, truth)
    return out


def array_sizes(noise: str, rng: Rng, samples: int) -> Found:
    """Largest array whose mean criterion stays below the limit; the true size is 60."""
    draw = {
        "normal": lambda r: r.standard_normal(),
        "exponential": lambda r: r.exponential() - 1,
        "log-normal": lambda r: r.lognormal(0, 0.5) - math.exp(0.125),
    }[noise]

    def one(rng: Rng) -> dict[str, tuple[float, float, float]]:
        run, seen = int(rng.integers(1 << 40)), {}

        def judge(n: int, _: int | None) -> Any:
            if n not in seen:
                seen[n] = tried(
                    lambda k: n + 8 * draw(np.random.default_rng((run, n, k))), 60.5, 0.025
                )
            return seen[n]

        out = searched(judge, max_size=512, uncertainty_draws=0, confidence=0.95)
        return {"largest array": (int(out["size_low"]), int(out["size_high"]), 60.0)}

    return rows(one)(rng, samples)


# Regression, priors, prediction, random lots, process control -----------------------------------

STEPS = Schedule([30.0] * 6, {"voltage": [1.0, 1.2, 1.4, 1.6, 1.8, 2.0]})
SHAPE_PRIOR = Prior("shape", 1.5, 1.6, "simulated")
ENERGY_PRIOR = Prior("activation_energy", 1.0, 1.2, "simulated")


def regressions(kind: str, rng: Rng, samples: int) -> Found:
    """Intervals of regressions of life."""
    return rows(_REGRESSIONS[kind])(rng, samples)


def _life_ratio(rng: Rng) -> dict[str, tuple[float, float, float]]:
    life = rng.weibull(2.0, (2, 30)) * [[1.0], [0.7]]
    lot = np.repeat(["A", "B"], 30)
    fit = fit_lifetime(
        np.minimum(life, 0.9).ravel(), event=(life < 0.9).ravel(), stress={"lot": lot},
        acceleration="~ lot",
    )  # fmt: skip
    return {"ratio of lives": (*fit.acceleration_factor({"lot": "B"}, {"lot": "A"})[1:], 0.7)}


def _stress_of_spread(rng: Rng) -> dict[str, tuple[float, float, float]]:
    x = np.repeat([0.0, 1.0, 2.0], 25)
    life = np.exp(4 - x) * rng.weibull(1.0, 75) ** np.exp(-1 + 0.3 * x)
    fit = fit_lifetime(
        life, stress={"x": x}, acceleration="~ x", shape_acceleration="~ x"
    )  # fmt: skip
    return {
        "slope of ln life": (*fit.interval("x"), -1.0),
        "slope of ln sigma": (*fit.interval("log_scale_x"), 0.3),
    }


def _steps(rng: Rng) -> dict[str, tuple[float, float, float]]:
    volts = np.array(STEPS.stress["voltage"])
    used = np.concatenate([[0.0], np.cumsum(30.0 * volts**4)])
    used[-1] = used[-2] + volts[-1] ** 4 * (1e6 - 150.0)
    ends = np.concatenate([30.0 * np.arange(6), [1e6]])
    time = np.interp(150.0 * rng.weibull(2.0, 40), used, ends)
    fit = fit_step_stress(
        np.minimum(time, 160), STEPS, acceleration="inverse_power", event=time < 160
    )
    life = fit.quantile(0.1, {"voltage": 1.0})
    return {
        "exponent (steps)": (*fit.interval("exponent"), 4.0),
        "B10 life (steps)": (*life[1:], 150.0 * math.sqrt(-math.log(0.9))),
    }


_REGRESSIONS: dict[str, Any] = {
    "two lots of 30, 56 % and 81 % failing": _life_ratio,
    "75 units, spread depends on stress": _stress_of_spread,
    "step stress, 40 units": _steps,
}


def priors(rng: Rng, samples: int) -> Found:
    """Bounds with priors, truths drawn from them, none to five of 100 units failed."""

    def one(rng: Rng) -> dict[str, tuple[float, float, float]] | None:
        b, energy = (float(p.values(rng.standard_normal())) for p in (SHAPE_PRIOR, ENERGY_PRIOR))
        unit = 1000.0 * (rng.uniform(0, 20) / 100) ** (-1 / b)
        life = unit * rng.weibull(b, 100)
        times = life[life < 1000]
        if times.size > 5:
            return None
        fit = fit_with_priors(
            [SHAPE_PRIOR, ENERGY_PRIOR], [*times, 1000.0], event=[1] * times.size + [0],
            frequency=[1] * times.size + [100 - times.size], stress={"temperature": 398.15},
            acceleration="arrhenius",
        )  # fmt: skip
        high = fit.failure_probability(20_000.0, {"temperature": 358.15}, 0.8).high
        equivalent = 20_000.0 / math.exp(energy / K * (1 / 358.15 - 1 / 398.15))
        return {"failed fraction": (0.0, float(high), -math.expm1(-((equivalent / unit) ** b)))}

    return rows(one)(rng, samples)


def predictions(rng: Rng, samples: int) -> Found:
    """Upper bounds of the failures of a next lot, and of life that 95 % exceed."""

    def one(rng: Rng) -> dict[str, tuple[float, float, float]] | None:
        life, end = rng.weibull(2.0, 30), math.sqrt(-math.log(0.6))
        if np.sum(life < end) < FEW:
            return None
        fit = fit_lifetime(np.minimum(life, end), event=life < end)
        next_lot = rng.binomial(500, -math.expm1(-(0.3**2)))
        found = predict_failures(fit, 500, 0.3, confidence=0.8)
        bound = tolerance_bound(fit, 0.95, confidence=0.9)
        return {
            "failures of the next lot": (0.0, found.high, next_lot),
            "1 / life that 95 % exceed": (0.0, 1 / bound, 1 / math.sqrt(-math.log(0.95))),
        }

    return rows(one)(rng, samples)


def random_lots(count: int, spread: float, rng: Rng, samples: int) -> Found:
    """Bounds of fits with a random effect of lots."""
    true, end = _over_lots(spread)

    def one(rng: Rng) -> dict[str, tuple[float, float, float]] | None:
        lot, life = _lives_of_lots(count, spread, rng)
        try:
            fit = fit_lifetime(
                np.minimum(life, end), event=life < end, lots=lot, lot_effect="random"
            )
        except NoMaximum:
            return None
        return {
            name: (0.0, float(fit.failure_probability(t, confidence=0.8).high), true(t))
            for name, t in (("half of the test", 0.5 * end), ("twice the test", 2 * end))
        }

    return rows(one)(rng, samples)


def control(rng: Rng, samples: int) -> Found:
    """Capability indices, gauge deviations and pass-fail probabilities."""
    part, operator = np.repeat(np.arange(10), 9), np.tile(np.repeat(np.arange(3), 3), 10)
    lot, level = np.tile(np.arange(12), 3), np.repeat([-1.0, 0.0, 1.0], 12)
    truth = float(special.expit(-1 + 0.8 * special.ndtri((np.arange(2000) + 0.5) / 2000)).mean())

    def one(rng: Rng) -> dict[str, tuple[float, float, float]]:
        found = capability(rng.normal(54, 1.75, 25), lower=38, upper=62)
        cell = rng.standard_normal(3)[operator] + 3 * rng.standard_normal(10)[part]
        gauge = gauge_study(cell + rng.normal(size=90), part, operator)
        p = special.expit(level - 1 + 0.8 * rng.standard_normal(12)[lot])
        data = {"x": level, "lot": lot, "bad": rng.binomial(30, p), "n": np.full(36, 30)}
        fit = fit_pass_fail(data, "~ x", failed="bad", units="n", clusters="lot")
        return {
            "Pp, 25 values": (*found.pp[1:], 24 / (6 * 1.75)),
            "Ppk, 25 values": (*found.ppk[1:], 8 / (3 * 1.75)),
            "repeatability": (*gauge.repeatability[1:], 1.0),
            "gauge, 3 operators": (*gauge.gauge[1:], math.sqrt(2)),
            "pass-fail over 12 lots": (*fit.probability({"x": 0.0})[1:], truth),
        }

    return rows(one)(rng, samples)


FITS, OTHERS = "Weibull fits", "Other fits"
METRICS, NEXT, DRAWN = "Network metrics", "Next lot", "Drawn cards"
INFORMATION = "Value of information"
YIELDS, PATHS, CELLS, MACROS, COSTS = (
    "Yield and variability of chips", "Degradation paths", "Measured cells", "Failing macros",
    "Costs of a network",
)  # fmt: skip
WAFERS, TRIALS, RATES = "Fractions over wafers", "Proportions", "Failure rates"
MEANS, PARTS, TAILS = "Means and differences", "Variance components", "Tails"
STATES, ENDURANCE, SIZES = "Fitted states", "Fitted endurance", "Array size"


# The page -----------------------------------------------------------------------------------------

CLAIMS, AVERAGED, FEWER, USE, LOTS = (
    "Claims without a stated distribution", "Averaged claims", "Claims from few failures",
    "Claims with a fitted activation energy", "Lots",
)  # fmt: skip
REGRESSION = "Regression of life and step stress"
PRIORS = "Priors"
PREDICTION = "Prediction and tolerance"
RANDOM = "Random effect of lots"
CONTROL = "Process control and pass-fail data"
NOTES = {
    CLAIMS: f"Bound of the failed fraction by `reliability qualify` or `assess_claim`, {UNITS} "
    "units, tests with three failures or more.",
    AVERAGED: "`--choice average`, as above. The weighted average of the bounds of several "
    "distributions is missed more often than the worst of them, which is the default: use that "
    "where a bound has to hold.",
    FEWER: "77 units of Weibull lives; tests with zero to two failures have the exact bounds.",
    USE: "Two bake temperatures, 2 × 30 units, Weibull shape 2, 0.9 eV; use at 55 °C.",
    LOTS: "Failed fraction over all lots, 300 units of Weibull shape 2, 15 % failing, normal "
    "spread of ln life between lots. `qualify` with a column of lots has a random effect of lots "
    "with a stated prior of their spread. The sandwich covariance of `fit_lifetime(lots=...)` "
    'takes more lots than these; use `lot_effect="random"`.',
    FITS: f"Right-censored lives of shape {SHAPE}. With ten failures of twenty in a test that "
    "stops at a number of failures a likelihood-ratio interval covers less; "
    '`method="calibrated"` (Bartlett\'s factor from simulated samples) corrects for it.',
    OTHERS: "Profile-likelihood intervals; Greenwood's for Kaplan-Meier; `compare_groups` and "
    "`predict_failures`.",
    WAFERS: "Mean fraction of cells, 200 on each wafer, log-odds of the wafers normal. The exact "
    "binomial interval ignores wafers; use `clustered_proportion`.",
    TRIALS: "Independent trials.",
    RATES: "`failure_rate_bound` with replacement.",
    MEANS: "Chips on five wafers. Five wafers that differ are five units, whatever the chips.",
    METRICS: "`evaluate`: accuracy, macro F1 and mean squared error of one chip, over images. "
    "Errors whose third root is normal have squares with a standard deviation of seven times their "
    "mean: a few hundred images do not show their upper tail, use 2000 or more.",
    NEXT: "`next_lot_bound` of few failures. The scale of its half-normal prior of the spread of "
    "ln hazard is 0.5: lots that differ by more need a fit with a random effect, from failures.",
    DRAWN: "`nominal_and_drawn`: intervals of studies over cards that were drawn from their "
    "uncertainty.",
    YIELDS: "`accuracy_yield`: logit of the accuracy normal, 2.3 % of the chips below (4.8 % where "
    "wafers differ); `accuracy_variability` of chips on 400 images. The log-odds of these wafers "
    "have a standard deviation of 1.6, more than the prior of `clustered_proportion` expects: "
    "their count holds less, use the normal estimate. The deviation by images needs 50 chips.",
    PATHS: "`fit_degradation`: straight paths of six reads, with a spread of 25 % of their slope; "
    "twice the time of the test.",
    CELLS: "`programming_window` and `pair_error_rate` of measured cells, 50 on a die; medians of "
    "dies differ by 0.4 of the spread of cells.",
    MACROS: "`macro_failures` of 4 lots and 19 draws: the truth is one more lot of one more card "
    "that is drawn from its uncertainty.",
    COSTS: "`map_network` of 39 draws: the truth is one more set of component parameters, and of "
    "the card's read pulse.",
    INFORMATION: "`rank_correlation` and `value_of_information`, 64 sampled cards, half of which "
    "meet the limit. The interval of the value is conservative where the correlation is weak.",
    PARTS: "Eight dies of five cells on each wafer; standard deviations 2, 1 and 0.5.",
    TAILS: "200 exceedances of 2000 values, generalised Pareto distribution.",
    STATES: "`characterize`: median and standard deviations of a state normal in the conductance.",
    ENDURANCE: "`characterize`: 60 cells, half of which fail; distribution chosen by AICc.",
    SIZES: "`crossbar_limit`: criterion with a skewed or normal scatter of arrays.",
    REGRESSION: "`fit_lifetime` with formulas, `fit_step_stress`: profile-likelihood intervals.",
    PRIORS: "`fit_with_priors`: shape and activation energy drawn from their priors, 100 units.",
    PREDICTION: "`predict_failures` and `tolerance_bound`: 30 units of Weibull shape 2, 40 % fail.",
    RANDOM: '`lot_effect="random"`: 300 units of Weibull shape 2, 15 % failing.',
    CONTROL: "`capability`, `gauge_study`, `fit_pass_fail` with clusters. Ppk has two limits, of "
    "which one is far.",
}
CASES: tuple[Case, ...] = (
    *(
        Case(CLAIMS, f"{name}, {expected} failures expected", partial(claims, truth, expected), 1,
             size=5)
        for name, truth in LIVES.items() for expected in (3, 4, 5, 10, 20, 50)
    ),
    *(
        Case(AVERAGED, f"{name}, {expected} failures expected",
             partial(averaged, LIVES[name], expected), 1, size=0.5)
        for name in ("exponential", "Weibull 2", "Weibull 3", "log-normal 0.5")
        for expected in (5, 20)
    ),
    *(
        Case(FEWER, f"shape {shape:g}, {expected:g} expected to fail",
             partial(few_failures, shape, expected), 1)
        for shape in (1.0, 2.0) for expected in (1, 3)
    ),
    *(
        Case(USE, "Weibull stated" if name else "default", partial(accelerated, name), 1)
        for name in ("weibull", None)
    ),
    *(
        Case(LOTS, f"{count} lots, spread {spread:g}", partial(lots, count, spread), 1, size=0.5)
        for count in (3, 5, 10) for spread in (0.4, 0.8)
    ),
    *(
        Case(FITS, f"{size} units, {100 * failing:.0f} % failing, ends by {stop}, {method}",
             partial(weibull, size, failing, stop, method),
             size=1 if method in ("calibrated", "bootstrap") else 25)
        for size, failing, stop, method in (
            (20, 0.5, "time", "profile"), (20, 0.5, "time", "wald"),
            (20, 0.5, "time", "calibrated"), (20, 0.5, "time", "bootstrap"),
            (20, 0.5, "failures", "profile"), (20, 0.5, "failures", "wald"),
            (20, 0.5, "failures", "calibrated"), (20, 0.5, "failures", "bootstrap"),
            (20, 1.0, "time", "profile"), (200, 0.5, "time", "profile"),
            (200, 0.5, "time", "wald"), (200, 1.0, "time", "profile"),
        )
    ),
    *(Case(OTHERS, kind, partial(other_fits, kind)) for kind in _FITS),
    *(
        Case(WAFERS, f"median {median:g}, {count} wafers, spread {spread:g}",
             partial(wafers, median, count, spread), nominal=0.95)
        for median in (0.002, 0.05, 0.4) for count in (3, 5, 10, 25) for spread in (0.0, 0.3, 1.0)
    ),
    *(
        Case(TRIALS, f"{trials} trials, p = {p:g}", partial(proportions, trials, p), nominal=0.95,
             size=25)
        for trials, p in ((20, 0.1), (20, 0.5), (231, 0.01), (231, 0.1))
    ),
    *(
        Case(RATES, f"{mean:g} failures expected", partial(rates, mean), 1, size=25)
        for mean in (0.5, 3.0, 20.0)
    ),
    *(
        Case(MEANS, f"{chips} chips, wafer spread {wafer:g}", partial(means, chips, wafer))
        for chips in (10, 50) for wafer in (0.0, 1.0)
    ),
    *(
        Case(METRICS, f"{images} images of {labels} label{'s' * (labels > 1)}",
             partial(network_metrics, images, labels), size=5 if labels == 1 else 2)
        for images, labels in ((100, 1), (500, 1), (2000, 1), (100, 64))
    ),
    *(
        Case(NEXT, f"{lots} lots of 77, spread {spread:g}", partial(next_lots, lots, spread), 1)
        for lots in (3, 6)
        for spread in (0.0, 0.5, 1.0)
    ),
    *(Case(DRAWN, f"{count} draws", partial(draws, count), size=25) for count in (20, 40)),
    *(
        Case(DRAWN, f"{count} draws of two cards", partial(of_draws, count), size=25)
        for count in (19, 40)
    ),
    Case(MACROS, "oxram-130nm, 64 kbit, three cells a bit", macros, size=0.15),
    Case(COSTS, "mobilenet-mnist on techB", costs, size=0.5),
    *(
        Case(CELLS, f"{count} die{'s' * (count > 1)}", partial(measured_windows, count), size=0.5)
        for count in (1, 4, 16)
    ),
    *(
        Case(YIELDS, f"{chips} chips on {wafers} wafer{'s' * (wafers > 1)}",
             partial(yields, chips, wafers), size=2)
        for chips, wafers in ((50, 1), (50, 5), (500, 5), (500, 25))
    ),
    *(
        Case(YIELDS, f"{chips} chips, 400 images", partial(chips_and_images, chips), size=2)
        for chips in (10, 50)
    ),
    *(
        Case(PATHS, f"{units} units, {kind}", partial(degradations, units, kind))
        for units, kind in ((9, "known start"), (30, "known start"), (9, "own starts"),
                            (30, "own starts"), (30, "three temperatures"))
    ),
    *(
        Case(INFORMATION, f"correlation {rho:g}", partial(information, rho), size=5)
        for rho in (0.0, 0.5, 0.9)
    ),
    *(Case(PARTS, f"{count} wafers", partial(components, count), size=0.5) for count in (4, 12)),
    *(Case(TAILS, name, partial(tails, name)) for name in _TAILS),
    *(Case(STATES, f"{count} wafers", partial(states, count), size=0.25) for count in (4, 8)),
    *(
        Case(ENDURANCE, name, partial(endurance_card, name), size=0.5)
        for name in ("Weibull 1.6", "log-normal 0.7")
    ),
    *(
        Case(SIZES, f"{noise} scatter", partial(array_sizes, noise), nominal=0.95)
        for noise in ("normal", "exponential", "log-normal")
    ),
    *(Case(REGRESSION, kind, partial(regressions, kind)) for kind in _REGRESSIONS),
    Case(PRIORS, "none to five failures", priors, 1),
    Case(PREDICTION, "30 units", predictions, 1),
    *(
        Case(RANDOM, f"{count} lots, spread {spread:g}", partial(random_lots, count, spread), 1,
             size=0.25)
        for count, spread in ((5, 0.4), (5, 0.8), (10, 0.4))
    ),
    Case(CONTROL, "normal values", control),
)  # fmt: skip
