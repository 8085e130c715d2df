"""Noise from long traces of reads: `reliability.devices.noise`, model ``power``.

Of each cell: two levels (random telegraph noise) are looked for in averages of neighbouring reads
and taken out; what is left has the spectral density W + Q^2/f, fitted to averaged periodograms by
Whittle's likelihood. How white noise and Q fall with the conductance is a line through the cells on
a log scale: cells, not reads, are the independent units.
"""

import math
from typing import NamedTuple

import numpy as np
import scipy
from scipy.optimize import minimize

from reliability.characterization.estimates import (
    Array,
    Estimate,
    Fit,
    assumed,
    exact,
    from_covariance,
)
from reliability.characterization.read_table import Reads

_FEWEST_READS, _FEWEST_CELLS = 1000, 3
_BLOCK = 8  # reads that are averaged to look for two levels
_APART = 5.0  # levels, in standard deviations of the averages within a level
_RARE = 0.01  # fraction of the rarer level


class _Trace(NamedTuple):
    conductance: float  # S
    white: float  # relative standard deviation
    flicker: float  # Q
    amplitude: float  # relative; 0: one level
    dwell: float  # mean time in a level, s


def can_fit(one: Reads) -> bool:
    """Return whether a file has long traces of reads of some cells."""
    size = one.table.groupby("run").size()
    long = int((size >= _FEWEST_READS).sum())
    return long >= _FEWEST_CELLS and 2 * long >= len(size)


def fit_noise(one: Reads) -> Fit:
    """Fit the section ``noise``.

    Parameters
    ----------
    one : Reads
    """
    timed = bool(one.table["time"].notna().all())
    traces = []
    for _, reads in one.table.groupby("run"):
        if len(reads) >= _FEWEST_READS:
            order = reads.sort_values("time" if timed else "reads")
            step = float(np.median(np.diff(order["time"]))) if timed else 1.0
            traces.append(_look_at(order["conductance"].to_numpy(), step))
    g = np.array([t.conductance for t in traces])
    reference = float(f"{math.exp(np.log(g).mean()):.3g}")
    x = np.log(g / reference)
    parameters = {
        "noise.reference_conductance": exact(
            "noise.reference_conductance", reference, one.source, "geometric mean of the cells"
        )
    }
    names, transformed, errors = [], [], []
    for name, values in (
        ("white", [t.white for t in traces]),
        ("flicker", [t.flicker for t in traces]),
    ):
        level, exponent, covariance = _line(x, np.log(values))
        names += [Estimate(f"noise.{name}", "lognormal"), Estimate(f"noise.{name}_exponent")]
        transformed += [level, exponent]
        errors.append(covariance)
    whole = np.zeros((4, 4))
    whole[:2, :2], whole[2:, 2:] = errors
    fitted, correlation = from_covariance(names, np.array(transformed), whole, one.source)
    not_identifiable = [f"noise: single cells beyond the {len(traces)} that were measured"]
    telegraph, more = _telegraph(one, traces, x)
    not_identifiable += more
    why = "one read; faster noise averages out in it"
    step = float(np.median(np.diff(np.sort(one.table["time"].unique())[:1000]))) if timed else 1e-3
    needed = {
        "noise.flicker_onset": assumed(
            "noise.flicker_onset", step, why, sigma=1.0, distribution="lognormal"
        )
    }
    if not timed:
        not_identifiable.append("noise: times, the file has no sample rate (give sample_rate)")
    return Fit(
        "noise", parameters | fitted | telegraph.parameters, correlation, {"noise": "power"}, {},
        tuple(not_identifiable), needed | telegraph.needed, ("noise.*",),
    )  # fmt: skip


def _look_at(trace: Array, step: float) -> _Trace:
    mean = float(trace.mean())
    relative = trace / mean - 1
    filled = _two_levels(relative)
    amplitude = dwell = 0.0
    if filled is not None:
        low, high = relative[filled].mean(), relative[~filled].mean()
        amplitude = float((high - low) / (1 + high))
        changes = int(np.count_nonzero(np.diff(filled)))
        dwell = len(trace) * step / (changes + 1)
        relative = relative - np.where(filled, low, high)
        # Reads on the flanks, of which the level is not known, stand out from the rest.
        bound = 6 * np.median(np.abs(relative)) / 0.6745
        relative = np.clip(relative, -bound, bound)
    white, flicker = _spectrum(relative, step)
    return _Trace(mean, white, flicker, amplitude, dwell)


def _two_levels(relative: Array) -> np.ndarray | None:
    """Return which reads are on the lower of two levels; None where there is one."""
    count = len(relative) // _BLOCK
    block = np.median(relative[: count * _BLOCK].reshape(count, _BLOCK), axis=1)
    split = float(np.mean([block.min(), block.max()]))
    for _ in range(50):  # two means
        low, high = block[block < split], block[block >= split]
        if not (len(low) and len(high)):
            return None
        moved = float(np.mean([low.mean(), high.mean()]))
        if moved == split:
            break
        split = moved
    inside = math.sqrt((len(low) * float(np.var(low)) + len(high) * float(np.var(high))) / count)
    clear = high.mean() - low.mean() > _APART * inside
    if not clear or min(len(low), len(high)) < _RARE * count:
        return None
    smooth = scipy.signal.medfilt(relative, 2 * (_BLOCK // 2) + 1)
    return np.asarray(smooth < split)


def _spectrum(relative: Array, step: float) -> tuple[float, float]:
    """Return the white standard deviation and Q of a trace, by Whittle's likelihood."""
    pieces = max(len(relative) // 8, 256)
    f, density = scipy.signal.welch(relative, 1 / step, nperseg=pieces, detrend="constant")
    f, density = f[2:-1], np.maximum(density[2:-1], 1e-300)
    edges = np.geomspace(f[0], f[-1] * 1.0001, 41)
    index = np.digitize(f, edges)
    n = np.bincount(index, minlength=42)
    use = n > 0
    f = np.bincount(index, f, 42)[use] / n[use]
    density = np.bincount(index, density, 42)[use] / n[use]
    n = n[use]
    high = float(density[-5:].mean())

    # A white part well below 1/f at all frequencies cannot be seen; it is not below this.
    least = math.log(0.05 * high)

    def loss(u: Array) -> float:
        model = np.exp(max(u[0], least)) + np.exp(u[1]) / f
        return float(n @ (np.log(model) + density / model)) / n.sum()

    start = [math.log(high), math.log(max(density[0] * f[0], 1e-3 * high * f[0]))]
    white, flicker = minimize(loss, start, method="Nelder-Mead", options={"xatol": 1e-4}).x
    return math.sqrt(math.exp(max(white, least)) / (2 * step)), math.sqrt(math.exp(flicker))


def _line(x: Array, y: Array) -> tuple[float, float, Array]:
    """Level at x = 0, exponent (minus the slope), and their covariance with Student's factor."""
    design = np.column_stack([np.ones(len(x)), -x])
    found, *_ = np.linalg.lstsq(design, y, rcond=None)
    degrees = len(x) - 2
    residual = float(np.sum((y - design @ found) ** 2)) / degrees
    # Few cells: a normal as wide as Student's.
    wide = (scipy.stats.t.ppf(0.975, degrees) / 1.96) ** 2
    return float(found[0]), float(found[1]), residual * wide * np.linalg.inv(design.T @ design)


def _telegraph(one: Reads, traces: list[_Trace], x: Array) -> tuple[Fit, list[str]]:
    """Fraction of cells with two levels, their amplitude, and the range of their times."""
    trapped = [k for k, t in enumerate(traces) if t.amplitude > 0]
    fraction = (len(trapped) + 0.5) / (len(traces) + 1)
    names = [Estimate("noise.telegraph_fraction", valid=(0.0, 1.0),
                      note=f"{len(trapped)} of {len(traces)} cells")]  # fmt: skip
    transformed, spread = [fraction], [math.sqrt(fraction * (1 - fraction) / (len(traces) + 2))]
    not_identifiable, needed = [], {}
    if trapped:
        size = np.array([min(traces[k].amplitude, 0.49) for k in trapped])
        size = np.log(size / np.sqrt(1 - 4 * size**2))  # the inverse of `devices.noise.saturated`
        shown = len(trapped) >= _FEWEST_CELLS
        if shown:
            level, exponent, covariance = _line(x[trapped], size)
            residual = float(np.std(size - level + exponent * x[trapped]))
        else:
            level, exponent, residual = float(size.mean()), 0.0, 0.5
            covariance = np.diag([0.25, 0.0])
        names.append(Estimate("noise.telegraph_amplitude", "lognormal"))
        transformed.append(level)
        spread.append(math.sqrt(covariance[0, 0]))
        if shown:
            names.append(Estimate("noise.telegraph_exponent"))
            transformed.append(exponent)
            spread.append(math.sqrt(covariance[1, 1]))
        needed["noise.telegraph_spread"] = assumed(
            "noise.telegraph_spread", max(round(residual, 2), 0.5),
            "log-normal amplitudes with a long tail", sigma=0.2,
        )  # fmt: skip
        times = [traces[k].dwell for k in trapped]
        for key, value in (("shortest", min(times) / 10), ("longest", max(times) * 10)):
            needed[f"noise.telegraph_{key}"] = assumed(
                f"noise.telegraph_{key}", float(f"{value:.2g}"),
                "a decade beyond the dwell times that were seen", sigma=1.0,
                distribution="lognormal",
            )  # fmt: skip
        if not shown:
            not_identifiable.append("noise: how telegraph amplitudes depend on the conductance")
    parameters, _ = from_covariance(
        names, np.array(transformed), np.diag(np.array(spread) ** 2), one.source
    )
    return Fit("noise", parameters, needed=needed), not_identifiable
