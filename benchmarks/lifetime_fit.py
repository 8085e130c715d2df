"""Speed of lifetime fits; peers run beside ours in the same process.

python -m benchmarks.lifetime_fit
"""

import argparse
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.found import left_out, row
from reliability.lifetime import bootstrap
from reliability.lifetime.censored_fit import fit_lifetime

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


def main() -> None:
    """Print the table of speeds."""
    argparse.ArgumentParser(description="Speed of lifetime fits.").parse_args()
    speed()


if __name__ == "__main__":
    main()
