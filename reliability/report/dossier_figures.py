"""Figures of a qualification: bound and claim, life against temperature, degradation paths."""

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import xarray as xr

from reliability.product.lives_at_temperature import lives_at_temperature
from reliability.product.mechanisms import Answer, pooled_units
from reliability.product.path_answers import PathAnswer, path_curves
from reliability.report import figures as draw
from reliability.report.figures.style import clock_axis, colour, ppm_axis
from reliability.report.page import Figure, canvas, numbers_of, svg
from reliability.report.qualification_report import qualification_figures

_SIZE = (6.6, 4.4)


def mechanism_figures(answer: Answer) -> Iterator[Figure]:
    """Yield the figures of a mechanism: bound, probability plot of a fit, life at temperatures."""
    if answer.found is None:
        return
    name = anchor(answer.mechanism)
    yield _bound_figure(answer, name)
    data = pooled_units(answer.tests).assign_attrs(clock=answer.clock)
    for figure in qualification_figures(answer.found, data):
        if figure.id == "arrhenius":  # the one below has the limits of each temperature
            continue
        title = f"{figure.title}, {answer.mechanism}"
        yield replace(figure, id=f"{figure.id}-{name}", title=title)
    if answer.clock == "time":
        yield _life_figure(answer, name)


def anchor(text: str) -> str:
    """Return a name for an anchor of a page."""
    return "".join(c if c.isalnum() and c.isascii() else "-" for c in text.lower()).strip("-")


def _bound_figure(answer: Answer, name: str) -> Figure:
    """The bound against time at use, with the claim: axes that reach both."""
    found = answer.found
    assert found is not None
    claim = found.claim
    curves = bound_against_time(answer)
    low = max(min(claim.fraction, found.bound, 1.0) / 10, 1e-12)
    shown = curves.where(curves > low)
    ends = [found.longest, claim.duration, found.longest / 100]
    with canvas(*_SIZE) as (figure, axes):
        ax = axes.flat[0]
        ax.plot(shown["time"], shown["bound"], color=colour(0), label="upper bound")
        if "estimate" in curves:
            ax.plot(shown["time"], shown["estimate"], "--", color=colour(0), label="estimate")
        ax.axvline(found.longest, color="0.5", lw=1, ls=":", label="longest equivalent test")
        ax.plot([claim.duration], [found.bound], "o", color=colour(0), label="bound at the mission")
        ax.plot([claim.duration], [claim.fraction], "*", ms=14, color="black", mec="white",
                label="claim", zorder=5)  # fmt: skip
        ax.set_ylim(low, min(10 * max(claim.fraction, found.bound), 1.2))
        ppm_axis(ax.yaxis)
        clock_axis(ax.xaxis, answer.clock, np.array([min(ends), 3 * max(ends[:2])]))
        ax.set_xlim(min(ends), 3 * max(ends[:2]))
        ax.set_ylabel("failed units")
        ax.legend(loc="lower right")
        against = (
            "time at the constant condition equivalent to the mission"
            if answer.clock == "time"
            else answer.clock
        )
        return Figure(
            f"bound-{name}", f"Bound and claim, {answer.mechanism}",
            f"Upper bound of the fraction failed ({100 * claim.confidence:g} % confidence, "
            f"one-sided) against {against}.",
            svg(figure, f"Bound of {answer.mechanism} against time with the claim"),
            numbers_of(curves),
        )  # fmt: skip


def bound_against_time(answer: Answer) -> xr.Dataset:
    """Return the bound of the fraction failed (and the estimate of a fit) against time at use.

    Without a fit it scales with the known shape; without a shape it holds up to the mission.
    """
    found = answer.found
    assert found is not None
    claim = found.claim
    start = min(found.longest, claim.duration) / 100
    time = np.geomspace(max(start, 1e-3), 3 * max(found.longest, claim.duration), 60)
    if found.fit is not None:
        names = found.fit.stresses
        stress = {name: claim.stress[name] for name in names} or None
        band = found.fit.failure_probability(time, stress, 2 * claim.confidence - 1, "wald")
        variables = {"bound": band.high, "estimate": band.value}
    else:
        power = found.shape if found.shape is not None else 0.0
        hazard = -math.log1p(-min(found.bound, 1 - 1e-12)) * (time / claim.duration) ** power
        bound = -np.expm1(-hazard)
        variables = {"bound": np.where((power == 0) & (time > found.longest), np.nan, bound)}
    unit = "s" if answer.clock == "time" else "1"
    return xr.Dataset(
        {name: ("time", np.asarray(values)) for name, values in variables.items()},
        coords={"time": ("time", time, {"units": unit})},
    )


def _life_figure(answer: Answer, name: str) -> Figure:
    found = answer.found
    assert found is not None
    claim = found.claim
    lives = lives_at_temperature(answer)
    percent = 2 * claim.confidence - 1
    with canvas(*_SIZE) as (figure, axes):
        draw.lives_plot(
            lives, axes.flat[0], fraction=claim.fraction,
            claim=(claim.stress["temperature"], claim.duration),
        )  # fmt: skip
        return Figure(
            f"life-{name}", f"Life against temperature, {answer.mechanism}",
            f"Lines: lower bound of the time by which the claimed fraction has failed "
            f"({100 * claim.confidence:g} % confidence, one-sided). Points: median life of the "
            f"units tested at one temperature, with its {100 * percent:g} % interval, where three "
            "or more failed; triangles: longest time on test where fewer did."
            + (" Times are at the voltage of the mission." if "voltage" in claim.stress else ""),
            svg(figure, f"Arrhenius plot of {answer.mechanism}"),
            numbers_of(lives),
        )  # fmt: skip


def path_figure(answer: PathAnswer, mechanism: str) -> Figure:
    """Draw the reads of one test, the fitted paths, the limit, and the end of the mission."""
    curves = path_curves(answer)
    test = answer.tests[0].table.name
    with canvas(*_SIZE) as (figure, axes):
        draw.degradation_plot(curves, axes.flat[0], mission=answer.duration)
        return Figure(
            f"paths-{anchor(mechanism)}-{anchor(test)}", f"Degradation paths, {test}",
            f"Reads of up to 40 units, and the {curves.attrs['shape'].replace('_', '-')} paths "
            "fitted to all: median and the 5 % and 95 % of the units. The mission ages as much as "
            "the marked time at the condition of the test.",
            svg(figure, f"Degradation paths of {test}"),
            numbers_of(curves),
        )  # fmt: skip
