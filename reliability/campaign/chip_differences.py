"""What two finished studies found of one thing, and how well the difference is known.

Chips of two studies with the same seed have the same latent variables, so chip 7 of one is matched
with chip 7 of the other: the mean of their differences is known better than either mean (paired).
Studies with other seeds, or other wafers, share nothing: their variances add (unpaired, Welch), and
chips of a few wafers decide nothing, as they do not tell how wafers differ.
Images that both have classified are the same test to both; with other images the error of drawing
them counts for both. Draw k of two architecture studies with the same seed, card and components
has the
same parameters.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import special

from reliability.architecture import load_components
from reliability.campaign.selection import FEWEST_WAFERS, at_age, wafers_of
from reliability.campaign.spec import Study
from reliability.network.analysis.loss_attribution import losses_of_chips
from reliability.statistics.differences import (
    drawn_difference,
    paired_difference,
    unpaired_difference,
)
from reliability.technology import load_technology

_ROUNDING = 1e-9  # relative; a smaller difference of two draws is none
_UNTESTED = dict.fromkeys(("low", "high", "p"), float("nan"))
Read = tuple[Study, dict[str, xr.Dataset]]


def differences(first: Read, other: Read, confidence: float) -> Iterator[dict[str, Any]]:
    """Yield a row for each number that both have found (`reliability.compare_studies`)."""
    common = set(first[0].outputs) & set(other[0].outputs)
    if "accuracy" in common:
        yield from _accuracy(first, other, confidence)
    if "attribution" in common:
        yield from _attribution(first, other, confidence)
    if "endurance" in common:
        yield from _endurance(first, other, confidence)
    if "crossbar" in common:
        yield from _crossbar(first, other, confidence)
    if "architecture" in common:
        yield from _architecture(first, other, confidence)


def _accuracy(first: Read, other: Read, confidence: float) -> Iterator[dict[str, Any]]:
    a, b = first[0], other[0]
    same_images = data_of(a) == data_of(b) and a.network.images == b.network.images
    for condition, ages in _ages(a, b):
        of_chips = [at_age(results["chips"]["accuracy"], age)
                    for (_, results), age in zip((first, other), ages, strict=True)]  # fmt: skip
        images = None
        if not same_images:
            images = sum(_of_images(chips.values.mean(), study.network.images)
                         for chips, study in zip(of_chips, (a, b), strict=True))  # fmt: skip
        found = _of_chips(
            [chips.values for chips in of_chips], [wafers_of(chips) for chips in of_chips],
            _share_chips(a, b), images, confidence,
        )  # fmt: skip
        yield {"quantity": "accuracy", "condition": condition, "unit": "share", **found}


def _attribution(first: Read, other: Read, confidence: float) -> Iterator[dict[str, Any]]:
    """Compare what all phenomena cost, and what each does that both studies tell apart."""
    a, b = first[0], other[0]
    accuracy = [results["attribution"]["accuracy"].load() for _, results in (first, other)]
    losses = [losses_of_chips(each) for each in accuracy]
    wafers = [wafers_of(each.isel(combination=0)) for each in accuracy]
    images = None
    if data_of(a) != data_of(b) or a.attribution.images != b.attribution.images:
        images = sum(_of_images(float(each.isel(combination=k).mean()), study.attribution.images)
                     for each, study in zip(accuracy, (a, b), strict=True)
                     for k in (0, -1))  # fmt: skip
    names = [study.phenomena() for study in (a, b)]
    rows = {"": [each["loss"][0] for each in losses]}
    for name in (name for name in names[0] if name in names[1]):
        rows[name] = [each["shapley"][of.index(name)]
                      for each, of in zip(losses, names, strict=True)]  # fmt: skip
    for name, values in rows.items():
        found = _of_chips(values, wafers, _share_chips(a, b), images, confidence)
        quantity = f"loss of accuracy by {name}" if name else "loss of accuracy"
        yield {"quantity": quantity, "phenomenon": name, "condition": {}, "unit": "share", **found}


def _share_chips(a: Study, b: Study) -> bool:
    return a.seed == b.seed and a.population.dies_per_wafer == b.population.dies_per_wafer


def _of_images(mean: float, images: int) -> float:
    """Variance of a mean accuracy by the draw of the images."""
    return mean * (1 - mean) / images


def _of_chips(
    values: list[NDArray[np.float64]],
    wafers: list[NDArray | None],
    paired: bool,
    images: float | None,
    confidence: float,
) -> dict[str, Any]:
    """Return means of chips, their difference, and how it was found.

    ``images`` is the variance that other images add, None where both have the same.
    """
    x, y = values
    apart = 0.0 if images is None else images
    if paired:
        n = min(x.size, y.size)
        of_both = wafers[int(np.argmin([x.size, y.size]))]
        found = paired_difference(x[:n], y[:n], confidence, apart, of_both)
        how = f"paired: the same {n} chips"
    elif wafers[0] is None or wafers[1] is None:
        found = {"difference": float(y.mean() - x.mean()), **_UNTESTED}
        how = (f"not tested: other chips, on fewer than {FEWEST_WAFERS} wafers, which do not tell "
               "how wafers differ")  # fmt: skip
    else:
        found = unpaired_difference(x, y, confidence, apart, (wafers[0], wafers[1]))
        how = (f"unpaired: {x.size} and {y.size} chips of a lot each, whose spread between "
               "lots is not in the interval")  # fmt: skip
    how += ", the same images" if images is None else ", other images"
    return {"first": float(x.mean()), "other": float(y.mean()), "paired": paired, "how": how,
            **found}  # fmt: skip


def _ages(a: Study, b: Study) -> Iterator[tuple[dict[str, Any], list[dict[str, float]]]]:
    """Yield the ages that two studies have in common, and the ends of their missions if others."""
    for age in a.stress.combinations:
        fresh = age["time"] == 0 and not (
            age["reads"] or age["inferences"] or a.stress.preconditioning
        )
        again = fresh and age["temperature"] != a.stress.temperatures[0]
        if age in b.stress.combinations and not again:
            yield age, [age, age]
    ends = [a.stress.end, b.stress.end]
    if ends[0] != ends[1]:
        yield {"of_first": ends[0], "of_other": ends[1]}, ends


def data_of(study: Study) -> str:
    """Return the name of the data that a study's network classifies."""
    return str(getattr(study.load_network(), "data", "mnist28"))


def _endurance(first: Read, other: Read, confidence: float) -> Iterator[dict[str, Any]]:
    a, b = first[0].endurance, other[0].endurance
    paired = first[0].seed == other[0].seed and (a.dies, a.cells) == (b.dies, b.cells)
    cycles = min(a.cycles, b.cycles)
    tests = [results["endurance"].load() for _, results in (first, other)]
    for temperature in a.temperatures:
        if temperature not in b.temperatures:
            continue
        x, y = (_failed_by(test.sel(temperature=temperature), cycles) for test in tests)
        if paired:
            n = min(x.size, y.size)
            found = paired_difference(x[:n], y[:n], confidence)
            how = f"paired: the same {n} wafers"
        else:
            found = unpaired_difference(x, y, confidence)
            how = (f"unpaired: {x.size} and {y.size} wafers of a lot each, whose spread between "
                   "lots is not in the interval")  # fmt: skip
        yield {
            "quantity": "cells failed",
            "condition": {"temperature": temperature, "cycles": cycles}, "unit": "share",
            "first": float(x.mean()), "other": float(y.mean()), "paired": paired, "how": how,
            **found,
        }  # fmt: skip


def _failed_by(test: xr.Dataset, cycles: float) -> np.ndarray:
    """Share of the cells of each wafer that have failed by so many cycles."""
    failed = (test["mode"] > 0) & (test["cycles_to_failure"] <= cycles)
    return failed.transpose("wafer", ...).values.reshape(test.sizes["wafer"], -1).mean(axis=1)


def _crossbar(first: Read, other: Read, confidence: float) -> Iterator[dict[str, Any]]:
    """Compare arrays by their intervals: an answer each, no repeats that could be matched."""
    x, y = (results["crossbar"].isel(array=0) for _, results in (first, other))
    sigma = [
        (float(r["size_high"]) - float(r["size_low"])) / 2 / special.ndtri(0.5 + s.confidence / 2)
        for r, (s, _) in ((x, first), (y, other))
    ]
    difference, error = float(y["size"] - x["size"]), float(np.hypot(sigma[0], sigma[1]))
    half = error * special.ndtri(0.5 + confidence / 2)
    yield {
        "quantity": "largest array", "condition": {}, "unit": "lines",
        "first": float(x["size"]), "other": float(y["size"]), "paired": False,
        "how": "unpaired: from the two intervals, taken as normal",
        "difference": difference, "low": difference - half, "high": difference + half,
        "p": 2 * float(special.ndtr(-abs(difference) / error)) if error else float(difference == 0),
    }  # fmt: skip


def _architecture(first: Read, other: Read, confidence: float) -> Iterator[dict[str, Any]]:
    """Compare the numbers that are the answer of an architecture study, over its draws.

    Numbers that are positive are compared by their ratio, of which the logarithm is tested.
    """
    (a, x), (b, y) = first, other
    paired = a.seed == b.seed and _drawn_from(a) == _drawn_from(b)
    data = [results["architecture"] for results in (x, y)]
    answers = [list(map(str, np.atleast_1d(d.attrs["headline"]))) for d in data]
    for name in (name for name in answers[0] if name in answers[1]):
        unit, values = data[0][name].attrs["units"], [d[name].values for d in data]
        share = name.startswith("accuracy")
        relative = unit != "K" and not share and min(v.min() for v in values) > 0
        nominal = [float(v[0]) for v in values]
        found, how = _of_draws([v[1:] for v in values], paired, relative, confidence)
        yield {
            "quantity": data[0][name].attrs["long_name"], "name": name, "condition": {},
            "unit": "share" if share else unit, "first": nominal[0], "other": nominal[1],
            "measure": "ratio" if relative else "difference", "paired": paired, "how": how,
            **found,
            **({"ratio": nominal[1] / nominal[0]} if relative
               else {"difference": nominal[1] - nominal[0]}),
        }  # fmt: skip


def _of_draws(
    draws: list[np.ndarray], paired: bool, relative: bool, confidence: float
) -> tuple[dict[str, float], str]:
    """Return the interval and p of a difference or ratio of draws, and how they were found."""
    x, y = draws
    n = min(x.size, y.size)
    if paired and np.allclose(x[:n], y[:n], rtol=_ROUNDING, atol=0):
        x = y
    if n < 2:
        return _UNTESTED, "not tested: nothing was drawn"
    if not np.isfinite(np.concatenate(draws)).all():
        return _UNTESTED, "not tested: some draws are unbounded"
    how = f"unpaired: {x.size} and {y.size} draws, of other seeds, cards or components"
    if paired:
        x, y, how = x[:n], y[:n], f"paired: the same {n} draws of card and components"
    if not relative:
        return drawn_difference(x, y, confidence, paired=paired), how
    found = drawn_difference(np.log(x), np.log(y), confidence, paired=paired)
    return {"low": np.exp(found["low"]), "high": np.exp(found["high"]), "p": found["p"]}, how


def _drawn_from(study: Study) -> tuple[str, str]:
    """Card and components, of whose uncertainty the draws are."""
    assert study.architecture is not None  # the spec has it where the outputs have it
    return (
        load_technology(study.technology).fingerprint,
        load_components(study.architecture.components).fingerprint,
    )
