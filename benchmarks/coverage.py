"""Coverage of the intervals that a user sees, on simulated tests; writes docs/coverage.md.

python benchmarks/coverage.py [--samples 1000] [--only claims] [--out docs/coverage.md]
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import optimize, special, stats

from reliability.lifetime import Claim, assess_claim, fit_lifetime
from reliability.lifetime.claims import CANDIDATES, CLOSE, FEW
from reliability.lifetime.distributions import find_distribution
from reliability.lifetime.likelihood import Likelihood, split_terms
from reliability.lifetime.maximise import (
    gradient_of,
    is_proper,
    maximise,
    profile_bound,
    profile_interval,
)
from reliability.statistics import clopper_pearson, clustered_proportion

SHAPE = 1.7
LIFE = float((-np.log(0.99)) ** (1 / SHAPE))  # B1 life of scale 1
TRUTHS = (1.0, SHAPE, LIFE)
LIVES: dict[str, Any] = {
    "exponential": stats.expon(),
    **{f"Weibull {shape:g}": stats.weibull_min(shape) for shape in (0.6, 1, 2, 3)},
    **{f"log-normal {sigma:g}": stats.lognorm(sigma) for sigma in (0.5, 1)},
}
UNITS, EXPECTED, REACH = 231, (5, 10, 20, 50), (0.1, 0.3, 1.0, 3.0, 10.0)
Lines = Iterator[str]


def simulate(size: int, failing: float, stop: str, samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Times and failures of many tests, shape (samples, size); three failures or more each."""
    rng = np.random.default_rng(size)
    life = rng.weibull(SHAPE, (2 * samples, size))
    end = (-np.log1p(-failing)) ** (1 / SHAPE) if failing < 1 else np.inf
    limit = np.sort(life, 1)[:, int(failing * size) - 1, None] if stop == "failures" else end
    failed = life <= limit
    kept = np.nonzero(failed.sum(1) >= 3)[0][:samples]
    return np.minimum(life, limit)[kept], failed[kept]


def covered_at_once(time_: np.ndarray, failed: np.ndarray) -> dict[str, list[float]]:
    """Coverage in per cent of profile and Wald intervals, all samples in one pass."""
    samples = len(time_)
    terms = split_terms(time_, np.where(failed, time_, np.inf), np.ones_like(time_))
    likelihood = Likelihood(find_distribution("weibull"), terms, samples, (None, None), (0.0, 0.0))
    best = maximise(likelihood, np.zeros((samples, 2)))
    quantities = (
        lambda theta: theta[..., 0], lambda theta: -theta[..., 1],
        lambda theta: theta[..., 0] + np.exp(theta[..., 1]) * np.log(-np.log(0.99)),
    )  # fmt: skip
    out: dict[str, list[float]] = {"profile": [], "wald": []}
    for quantity, truth in zip(quantities, np.log(TRUTHS), strict=True):
        low, high = profile_interval(likelihood, best, quantity, stats.chi2.ppf(0.9, 1))
        out["profile"].append(100 * float(np.mean((low < truth) & (truth < high))))
        slope = gradient_of(quantity, best)
        error = np.sqrt(np.einsum("bi,bij,bj->b", slope, best.covariance, slope))
        away = np.abs(quantity(best.theta) - truth) / error
        out["wald"].append(100 * float(np.mean(away < stats.norm.ppf(0.95))))
        for k in range(3):  # the pass at once is what a user gets
            fit = fit_lifetime(time_[k], event=failed[k])
            one = (
                fit.quantile(0.01)[1:]
                if truth == np.log(LIFE)
                else fit.interval("scale" if truth == 0 else "shape")
            )
            np.testing.assert_allclose(np.log(one), (low[k], high[k]), atol=1e-6)
    return out


def covered(time_: np.ndarray, failed: np.ndarray, method: str) -> list[float]:
    """Coverage in per cent of one method, sample by sample."""
    hits = np.zeros(3)
    for seed, (t, event) in enumerate(zip(time_, failed, strict=True)):
        fit = fit_lifetime(t, event=event)
        bounds = [
            fit.interval("scale", 0.9, method, seed=seed),
            fit.interval("shape", 0.9, method, seed=seed),
            fit.quantile(0.01, method=method, seed=seed)[1:],
        ]  # fmt: skip
        hits += [low < truth < high for (low, high), truth in zip(bounds, TRUTHS, strict=True)]
    return (100 * hits / len(time_)).tolist()


def table(columns: Sequence[Any]) -> Lines:
    """Head of a table."""
    yield ""
    yield "| " + " | ".join(map(str, columns)) + " |"
    yield "|" + "---|" * len(columns)


def of_fits(samples: int) -> Lines:
    """Two-sided intervals of a Weibull fit."""
    few = max(samples // 10, 1)
    yield "## Parameters and quantiles of a fit"
    yield ""
    yield (
        "Percentage of two-sided 90 % intervals that hold the true value, Weibull lives of shape "
        f"{SHAPE}. Standard error {100 * np.sqrt(0.09 / samples):.1f} with {samples} samples, "
        f"{100 * np.sqrt(0.09 / few):.1f} with {few}."
    )
    yield from table(
        ("units", "failing", "test ends at", "method", "samples", "scale", "shape", "B1 life")
    )

    def line(*cells: Any, found: list[float]) -> str:
        return "| " + " | ".join([*map(str, cells), *(f"{v:.1f}" for v in found)]) + " |"

    for size in (20, 200):
        for failing, stop in ((0.5, "time"), (0.7, "time"), (1.0, "time"), (0.5, "failures")):
            time_, failed = simulate(size, failing, stop, samples)
            for method, found in covered_at_once(time_, failed).items():
                yield line(size, f"{failing:.0%}", stop, method, samples, found=found)
            if size == 20 and failing == 0.5:
                for method in ("calibrated", "bootstrap"):
                    found = covered(time_[:few], failed[:few], method)
                    yield line(size, f"{failing:.0%}", stop, method, few, found=found)
    yield ""
    yield (
        "With ten failures of twenty in a test that is stopped by the number of failures a "
        'likelihood-ratio interval covers less; `method="calibrated"` (Bartlett\'s factor from '
        "simulated samples) corrects for it."
    )


def bounds_of_claims(truth: Any, expected: float, reach: float, samples: int) -> dict[str, float]:
    """Percentage of tests whose 90 % bound is below the truth: the best AICc alone, the default."""
    rng = np.random.default_rng(1)
    end = truth.ppf(expected / UNITS)
    at = np.log(reach)  # times are in units of the end of the test
    life = np.sort(truth.rvs((samples, UNITS), random_state=rng), axis=1)
    failures = (life < end).sum(axis=1)
    life, failures = life[failures >= FEW], failures[failures >= FEW]
    most = failures.max()
    time_ = np.column_stack([np.minimum(life[:, :most] / end, 1.0), np.ones(len(life))])
    upper = time_.copy()
    upper[:, -1] = np.inf
    weight = np.column_stack([np.arange(most) < failures[:, None], UNITS - failures]).astype(float)
    terms = split_terms(time_, upper, weight)
    drop = special.stdtrit(failures.astype(float), 0.9) ** 2
    aicc = np.full((len(CANDIDATES), len(life)), np.inf)
    bound = np.zeros_like(aicc)
    for k, name in enumerate(CANDIDATES):
        family = find_distribution(name)
        count, form = family.count, family.form
        likelihood = Likelihood(family, terms, len(life), (None,) * count, (0.0,) * count)
        best = maximise(likelihood, np.tile([1.0, 0.0][:count], (len(life), 1)))
        good = best.converged & is_proper(best)
        penalty = 2 * count + 2 * count * (count + 1) / (UNITS - count - 1)
        aicc[k, good] = penalty - 2 * best.value[good]

        def standardised(theta: np.ndarray, count: int = count) -> np.ndarray:
            return (at - theta[..., 0]) * (np.exp(-theta[..., 1]) if count > 1 else 1.0)

        kept = likelihood.select(good)
        z = profile_bound(kept, best.pick(good), standardised, drop[good], 1)
        bound[k, good] = np.where(np.isinf(z), 1.0, np.exp(form.log_cdf(z)))  # type: ignore[union-attr]
    near = aicc - aicc.min(axis=0) <= CLOSE
    near[1] |= near[0] & np.isfinite(aicc[1])  # no exponential without the Weibull
    default = np.where(near, bound, 0.0).max(axis=0)
    for k in range(3):  # the pass at once is what a user gets
        rows = weight[k] > 0
        found = assess_claim(
            Claim(reach, 0.5), lower=time_[k][rows], upper=upper[k][rows], frequency=weight[k][rows]
        )
        np.testing.assert_allclose(found.bound, default[k], rtol=1e-4)
    alone = np.take_along_axis(bound, aicc.argmin(axis=0)[None], axis=0)[0]
    true = truth.cdf(reach * end)
    return {"best": 100 * np.mean(alone < true), "default": 100 * np.mean(default < true)}


def of_claims(samples: int) -> Lines:
    """One-sided bounds of `qualify` without a stated distribution."""
    yield "## Claims without a stated distribution"
    yield ""
    yield (
        f"Percentage of tests in which the one-sided 90 % bound of `reliability qualify` is below "
        f"the true fraction (allowed: 10), {UNITS} units, three failures or more, for claims of "
        f"{', '.join(f'{r:g}' for r in REACH)} times the test. In brackets: the distribution of "
        f"the best AICc taken as known, which is not what `qualify` does. {samples} samples, "
        f"standard error {100 * np.sqrt(0.09 / samples):.1f}."
    )
    yield from table(("lives", "failures expected", *(f"{r:g} × test" for r in REACH)))
    worst = 0.0
    for name, truth in LIVES.items():
        for expected in EXPECTED:
            cells = []
            for reach in REACH:
                found = bounds_of_claims(truth, expected, reach, samples)
                worst = max(worst, found["default"])
                cells.append(f"{found['default']:.0f} ({found['best']:.0f})")
            yield f"| {name} | {expected} | " + " | ".join(cells) + " |"
    yield ""
    yield f"The largest error of the default is {worst:.1f} %."


def of_proportions(samples: int) -> Lines:
    """Two-sided intervals of a fraction of cells over wafers."""
    yield "## Fractions over wafers"
    yield ""
    yield (
        "Percentage of two-sided 95 % intervals of `clustered_proportion` that hold the mean "
        "fraction, 200 cells on each wafer, log-odds of the wafers normal; in brackets the exact "
        f"binomial interval, which ignores wafers. {samples} samples."
    )
    spreads = (0.0, 0.3, 0.6, 1.0)
    yield from table(("median fraction", "wafers", *(f"spread {s:g}" for s in spreads)))
    rng = np.random.default_rng(2)
    z = stats.norm.ppf((np.arange(20_000) + 0.5) / 20_000)
    for median in (0.002, 0.05, 0.4):
        for wafers in (3, 5, 10, 25):
            cells = []
            for spread in spreads:
                centre = special.logit(median)
                p = special.expit(centre + spread * rng.standard_normal((samples, wafers)))
                truth = special.expit(centre + spread * z).mean()
                failures = rng.binomial(200, p)
                ends = (
                    clustered_proportion(failures, 200)[:2],
                    clopper_pearson(failures.sum(axis=1), 200 * wafers),
                )
                held = [100 * np.mean((a <= truth) & (truth <= b)) for a, b in ends]
                cells.append(f"{held[0]:.0f} ({held[1]:.0f})")
            yield f"| {median:g} | {wafers} | " + " | ".join(cells) + " |"


def of_lots(samples: int) -> Lines:
    """One-sided bounds of fits with lots."""
    yield "## Lots"
    yield ""
    yield (
        "Percentage of one-sided 90 % bounds of the failed fraction that hold, 300 units of "
        "Weibull shape 2, 15 % failing, lots with a spread of ln life; with `lots`, and in "
        f"brackets without. {samples} samples."
    )
    yield from table(("lots", "spread", "at half of the test", "at twice the test"))
    rng = np.random.default_rng(3)
    z = stats.norm.ppf((np.arange(2000) + 0.5) / 2000)
    for lots in (3, 5, 10):
        for spread in (0.0, 0.4, 0.8):

            def true(t: float, spread: float = spread) -> float:
                return float(np.mean(-np.expm1(-((t / np.exp(spread * z)) ** 2.0))))

            end = optimize.brentq(lambda t: true(t) - 0.15, 0.01, 3.0)
            held, done = np.zeros((2, 2)), 0
            for _ in range(samples):
                lot = np.repeat(np.arange(lots), 300 // lots)
                life = np.exp(spread * rng.standard_normal(lots))[lot] * rng.weibull(2, lot.size)
                time_ = np.minimum(life, end)
                if np.sum(life < end) < FEW:
                    continue
                done += 1
                for i, groups in enumerate((lot, None)):
                    fit = fit_lifetime(time_, event=life < end, lots=groups)
                    for j, at in enumerate((0.5 * end, 2 * end)):
                        high = fit.failure_probability(at, confidence=0.8).high
                        held[i, j] += float(high) >= true(at)
            cells = [f"{100 * a / done:.0f} ({100 * b / done:.0f})" for a, b in held.T]
            yield f"| {lots} | {spread:g} | " + " | ".join(cells) + " |"
    yield ""
    yield (
        "With three lots that differ by a factor of two the bound inside the test still misses: "
        "three lots do not give the spread between lots. Take five or more."
    )


HEAD = """# Coverage

How often the intervals and bounds of this package hold the truth, on simulated tests. Written by
`python benchmarks/coverage.py`, each section with its number of samples.
"""
PARTS = {"claims": of_claims, "lots": of_lots, "proportions": of_proportions, "fits": of_fits}


def main() -> None:
    """Parse the command line and write the page, or one section of it."""
    parser = argparse.ArgumentParser(description="Coverage of intervals on simulated tests.")
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--out", type=Path, default=Path("docs/coverage.md"))
    arguments = parser.parse_args()
    old = arguments.out.read_text("utf-8").split("\n## ") if arguments.out.exists() else []
    sections = {text.split("\n")[0]: text for text in old[1:]}
    for name, part in PARTS.items():
        if arguments.only in (None, name):
            lines = []
            for line in part(arguments.samples):
                print(line, flush=True)
                lines.append(line)
            sections[lines[0].removeprefix("## ")] = "\n".join(lines).removeprefix("## ") + "\n"
    arguments.out.write_text("\n## ".join([HEAD, *sections.values()]), "utf-8")


if __name__ == "__main__":
    main()
