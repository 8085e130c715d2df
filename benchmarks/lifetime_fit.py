"""Speed and coverage of lifetime fits; peers run beside ours in the same process.

python benchmarks/lifetime_fit.py                      speed against lifelines and SurPyval
python benchmarks/lifetime_fit.py --coverage FILE.md   coverage of the intervals, into FILE.md
"""

import argparse
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from found import left_out, row
from scipy import stats

from reliability.lifetime import bootstrap
from reliability.lifetime.censored_fit import fit_lifetime
from reliability.lifetime.distributions import find_distribution
from reliability.lifetime.likelihood import Likelihood, split_terms
from reliability.lifetime.maximise import gradient_of, maximise, profile_interval

SHAPE = 1.7
LIFE = float((-np.log(0.99)) ** (1 / SHAPE))  # B1 life of scale 1
TRUTHS = (1.0, SHAPE, LIFE)


def seconds(call: Callable[[], Any], repeat: int = 3) -> float:
    """Least time of some calls, in s."""
    best = np.inf
    for _ in range(repeat):
        begin = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - begin)
    return best


def inspected(n: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Weibull times seen at 60 inspections; a few per cent outlive them."""
    edges = np.linspace(0, 2500, 61)
    place = np.searchsorted(edges, 1000 * np.random.default_rng(seed).weibull(SHAPE, n))
    return edges[place - 1], np.append(edges, np.inf)[place]


def right_censored(n: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Weibull times, 70 % of which end before the test."""
    time_, end = np.random.default_rng(seed).weibull(SHAPE, n), (-np.log(0.3)) ** (1 / SHAPE)
    return np.minimum(time_, end), time_ <= end


def peers(kind: str, n: int) -> dict[str, Callable[[], Any]]:
    """The same fit by other packages, where they are installed."""
    out: dict[str, Callable[[], Any]] = {}
    try:
        import lifelines
    except ImportError as error:
        left_out(f"lifelines, {n} rows", error)
        lifelines = None
    try:
        import surpyval
    except ImportError as error:
        left_out(f"SurPyval, {n} rows", error)
        surpyval = None
    if kind == "right":
        t, failed = right_censored(n)
        if lifelines:
            out["lifelines"] = lambda: lifelines.WeibullFitter().fit(t, failed)
        if surpyval:
            out["SurPyval"] = lambda: surpyval.Weibull.fit(x=t, c=(~failed).astype(int))
        return out
    low, high = inspected(n)
    if lifelines:
        out["lifelines"] = lambda: lifelines.WeibullFitter().fit_interval_censoring(
            np.maximum(low, 1e-9), high
        )
    if surpyval:
        finite = np.isfinite(high)
        pairs = np.column_stack([low, np.where(finite, high, low)])
        kinds = np.where(finite, 2, 1)
        out["SurPyval"] = lambda: surpyval.Weibull.fit(x=pairs, c=kinds)
    return out


def compare(title: str, ours: Callable[[], Any], others: dict[str, Callable[[], Any]]) -> None:
    """Print our time, theirs and the ratio."""
    own = seconds(ours)
    print(f"{title}: {own:.4g} s", flush=True)
    if not others:
        row(f"Weibull fit, {title}", f"{own:.3g} s")
    for name, call in others.items():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                theirs = seconds(call, 1)
            print(f"    {name}: {theirs:.4g} s, {theirs / own:.1f} times ours", flush=True)
            row(f"Weibull fit, {title}", f"{own:.3g} s", f"{name} {theirs:.3g} s", theirs / own)
        except Exception as error:
            left_out(f"{name}, {title}", f"failed ({type(error).__name__}: {error})")


def speed() -> None:
    """Print all timings."""
    for n in (100, 10_000):
        t, failed = right_censored(n)
        compare(
            f"{n} right-censored rows", lambda t=t, f=failed: fit_lifetime(t, event=f),
            peers("right", n),
        )  # fmt: skip
    for n in (10_000, 1_000_000):
        low, high = inspected(n)
        compare(
            f"{n} interval-censored rows",
            lambda low=low, high=high: fit_lifetime(lower=low, upper=high),
            peers("interval", n) if n <= 10_000 else {},
        )  # fmt: skip
    t, failed = right_censored(100)
    fit = fit_lifetime(t, event=failed)
    own = seconds(lambda: bootstrap.refit(fit, 10_000), 1)
    print(f"10000 bootstrap fits of 100 rows: {own:.4g} s")
    for name, call in peers("right", 100).items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = seconds(lambda call=call: [call() for _ in range(50)], 1) * 200
        print(f"    {name}, 50 fits times 200: {theirs:.4g} s, {theirs / own:.0f} times ours")
        title = "10 000 bootstrap fits of 100 rows"
        row(title, f"{own:.3g} s", f"{name}, 50 fits times 200, {theirs:.3g} s", theirs / own)
    own = seconds(lambda: fit.quantile(0.01))
    print(f"profile interval of a quantile of 100 rows: {own:.4g} s")


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


def coverage(path: Path, samples: int) -> None:
    """Write the table of coverages."""
    few = max(samples // 10, 1)
    lines = [
        "# Coverage of the intervals of a Weibull fit",
        "",
        "Share of nominal 90 % intervals that hold the true value, in per cent, over simulated",
        f"samples of a Weibull distribution of shape {SHAPE}. Written by",
        "`python benchmarks/lifetime_fit.py --coverage docs/coverage.md`. Standard error:",
        f"{100 * np.sqrt(0.09 / samples):.1f} with {samples} samples,",
        f"{100 * np.sqrt(0.09 / few):.1f} with {few}.",
        "",
        "| units | failing | test ends at | method | samples | scale | shape | B1 life |",
        "|---|---|---|---|---|---|---|---|",
    ]

    def add(*cells: Any, found: list[float]) -> None:
        shares = [f"{value:.1f}" for value in found]
        lines.append("| " + " | ".join([*map(str, cells), *shares]) + " |")
        print(lines[-1], flush=True)

    for size in (20, 200):
        for failing, stop in ((0.5, "time"), (0.7, "time"), (1.0, "time"), (0.5, "failures")):
            time_, failed = simulate(size, failing, stop, samples)
            for method, found in covered_at_once(time_, failed).items():
                add(size, f"{failing:.0%}", stop, method, samples, found=found)
            if size == 20 and failing == 0.5:
                for method in ("calibrated", "bootstrap"):
                    found = covered(time_[:few], failed[:few], method)
                    add(size, f"{failing:.0%}", stop, method, few, found=found)
    lines += [
        "",
        "The profile interval (the default) covers 88 to 92 % when a test ends at a set time, with",
        "20 units as with 200. With ten failures of twenty in a test that is stopped by the number",
        "of failures it covers less, as any likelihood-ratio interval does;",
        '`method="calibrated"` (Bartlett\'s factor from simulated samples) corrects for it. The',
        "studentised bootstrap misses the scale when the scale lies beyond the end of the test.",
    ]
    path.write_text("\n".join(lines) + "\n")


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description="Speed and coverage of lifetime fits.")
    parser.add_argument("--coverage", type=Path, help="write the coverage table to this file")
    parser.add_argument("--samples", type=int, default=10_000)
    arguments = parser.parse_args()
    if arguments.coverage:
        coverage(arguments.coverage, arguments.samples)
    else:
        speed()


if __name__ == "__main__":
    main()
