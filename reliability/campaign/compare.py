"""Finished studies side by side, and which of their differences are real.

Chips of two studies with the same seed have the same latent variables, so chip 7 of one is matched
with chip 7 of the other: the mean of their differences is known better than either mean (paired).
Studies with other seeds, or other wafers, share nothing: their variances add (unpaired, Welch), and
chips of one wafer each tell nothing, as they resemble each other.
Images that both have classified are the same test to both; with other images the error of drawing
them counts for both. Draw k of two architecture studies with the same seed, card and sheet has the
same parameters. Sweeps over the same axes are compared point by point.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from scipy import special

from reliability.architecture import load_sheet
from reliability.campaign.dotted import flat
from reliability.campaign.finished import read_study
from reliability.campaign.selection import at_age, at_point
from reliability.campaign.spec import Study
from reliability.campaign.summary import summarize
from reliability.campaign.sweep import sweep_points
from reliability.errors import InputError
from reliability.statistics.differences import (
    drawn_difference,
    holm,
    paired_difference,
    unpaired_difference,
)
from reliability.technology import load_technology

_ROUNDING = 1e-9  # relative; a smaller difference of two draws is none
_UNTESTED = dict.fromkeys(("low", "high", "p"), float("nan"))
_Read = tuple[Study, dict[str, xr.Dataset]]
_Point = tuple[tuple[str, Any], ...]


def compare_studies(folders: Sequence[str | Path]) -> dict[str, Any]:
    """Compare finished studies with the first of them.

    Parameters
    ----------
    folders : sequence of str or Path
        Output folders of `reliability.run_study`, two or more.

    Returns
    -------
    dict
        ``studies``: for each its folder, title, technology, seed, spec hash, notes and answers.
        ``settings``: keys in which they differ, with each study's value.
        ``differences``: each other study less the first, for the mean accuracy at every common age
        and, where missions end otherwise, at the end of each, the cells failed at every common
        temperature, the largest array, and the answers of an architecture study; of sweeps at every
        common point. ``point`` of the sweep, ``quantity``, ``condition`` (``of_first`` and
        ``of_other`` where they differ), ``unit`` ("share", "lines" or SI), ``study`` and ``to``
        (their places), ``first``, ``other``, ``measure`` ("difference", or "ratio" of the other
        over the first, where an architecture study has positive numbers), that measure, its ``low``
        and ``high`` (at ``confidence``), ``p``, ``paired``, ``how``, and ``real``: whether it is
        still told from none when all are tested together (Holm,
        `reliability.statistics.differences.holm`). None: not known or not finite.
        ``axes``: names of those of the sweeps, and what figures call them. ``missing``: points
        that ``study`` has not and ``to`` has.

    Raises
    ------
    InputError
        Fewer than two studies, one that is not finished, sweeps over other axes, networks that
        learn other data, architecture studies of other kinds, or nothing that all have found.
    """
    if isinstance(folders, (str, Path)) or len(folders) < 2:
        count = 1 if isinstance(folders, (str, Path)) else len(folders)
        raise InputError(f"compare: got {count} folder, expected two or more")
    read = [read_study(folder) for folder in folders]
    studies = [study for study, _, _ in read]
    _check(studies, folders)
    confidence = max(study.confidence for study in studies)
    points = [_points(study, results) for study, results, _ in read]
    rows: list[dict[str, Any]] = []
    missing: list[dict[str, Any]] = []
    for k in range(1, len(read)):
        for key, first in points[0].items():
            if key not in points[k]:
                missing.append({"study": k, "to": 0, "point": dict(key)})
                continue
            for row in _differences(first, points[k][key], confidence):
                where = {"point": dict(key), "study": k, "to": 0, "measure": "difference"}
                rows.append(where | row)
        others = [key for key in points[k] if key not in points[0]]
        missing += [{"study": 0, "to": k, "point": dict(key)} for key in others]
    if not rows:
        raise InputError("compare: the studies have no point, temperature or answer in common")
    # what is the same, or another, in every chip or draw needs no test
    tested = [row for row in rows if row["low"] != row["high"]]
    for row, real in zip(tested, holm([row["p"] for row in tested], 1 - confidence), strict=True):
        row["real"] = real
    for row in rows:
        row.setdefault("real", row["p"] == 0)
    told = [
        {"folder": str(folder), "notes": notes, **summarize(study, results)}
        for folder, (study, results, notes) in zip(folders, read, strict=True)
    ]
    return {
        "confidence": confidence,
        "studies": told,
        "settings": _settings(studies),
        "axes": {axis.name: axis.label or axis.name for axis in studies[0].sweep},
        "missing": missing,
        "differences": [{key: _plain(value) for key, value in row.items()} for row in rows],
    }


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _points(study: Study, results: dict[str, xr.Dataset]) -> dict[_Point, _Read]:
    """Return the study at every point of its sweep; at one without a name where it has none."""
    if not study.sweep:
        return {(): (study, results)}
    results = {name: group.load() for name, group in results.items()}
    return {
        tuple(sorted(point.items())): (study.at(point), at_point(results, point))
        for point in sweep_points(study)
    }


def _check(studies: list[Study], folders: Sequence[str | Path]) -> None:
    """Refuse what has no meaning side by side."""
    first = studies[0]
    for study, folder in zip(studies[1:], folders[1:], strict=True):
        where = f"compare: {str(folder)!r} and {str(folders[0])!r}"
        axes = [sorted(axis.name for axis in s.sweep) for s in (study, first)]
        if axes[0] != axes[1]:
            over = (f"a sweep over {names}" if names else "no sweep" for names in axes)
            raise InputError(f"{where}: {' and '.join(over)}, expected the same axes")
        common = set(study.outputs) & set(first.outputs)
        if not common & {"accuracy", "endurance", "crossbar", "architecture"}:
            raise InputError(
                f"{where}: outputs {list(study.outputs)} and {list(first.outputs)} have nothing "
                "in common that can be compared"
            )
        if "accuracy" in common:
            learned = [_data(s).rstrip("0123456789") for s in (study, first)]
            if learned[0] != learned[1]:
                raise InputError(f"{where}: networks of {learned[0]} and of {learned[1]}, whose "
                                 "accuracies have nothing in common")  # fmt: skip
        if "crossbar" in common:
            mine, other = (
                (s.crossbar.criterion, s.crossbar.limit) for s in (study, first)
            )  # fmt: skip
            if mine != other:
                raise InputError(f"{where}: arrays by {mine} and by {other}, expected the same")
        if study.architecture and first.architecture:
            kinds = study.architecture.study, first.architecture.study
            if kinds[0] != kinds[1]:
                raise InputError(f"{where}: architecture studies of {kinds[0]} and of {kinds[1]}, "
                                 "expected the same")  # fmt: skip


def _settings(studies: list[Study]) -> list[dict[str, Any]]:
    tables = [_flat(study) for study in studies]
    rows = []
    for key in dict.fromkeys(key for table in tables for key in table):
        values = [table.get(key) for table in tables]
        if any(value != values[0] for value in values):
            rows.append({"key": key, "values": values})
    return rows


def _flat(study: Study) -> dict[str, Any]:
    """Return the keys of a study that matter to its results, an axis of a sweep as one."""
    table = json.loads(study.model_dump_json(exclude={"title", "question", "limits", "sweep"}))
    table["sweep"] = {
        axis.name: list(axis.values) or f"{axis.points} from {axis.low} to {axis.high}"
        for axis in study.sweep
    }
    return flat(table)


def _differences(first: _Read, other: _Read, confidence: float) -> Iterator[dict[str, Any]]:
    common = set(first[0].outputs) & set(other[0].outputs)
    if "accuracy" in common:
        yield from _accuracy(first, other, confidence)
    if "endurance" in common:
        yield from _endurance(first, other, confidence)
    if "crossbar" in common:
        yield from _crossbar(first, other, confidence)
    if "architecture" in common:
        yield from _architecture(first, other, confidence)


def _accuracy(first: _Read, other: _Read, confidence: float) -> Iterator[dict[str, Any]]:
    a, b = first[0], other[0]
    same_images = _data(a) == _data(b) and a.network.images == b.network.images
    paired = a.seed == b.seed and a.population.dies_per_wafer == b.population.dies_per_wafer
    for condition, ages in _ages(a, b):
        of_chips = [at_age(results["chips"]["accuracy"], age)
                    for (_, results), age in zip((first, other), ages, strict=True)]  # fmt: skip
        x, y = (chips.values for chips in of_chips)
        wafers = [chips["wafer"].values for chips in of_chips]
        images = 0.0
        if not same_images:
            images = sum(v.mean() * (1 - v.mean()) / s.network.images for v, s in ((x, a), (y, b)))
        if paired:
            n = min(x.size, y.size)
            found = paired_difference(x[:n], y[:n], confidence, images, wafers[0][:n])
            how = f"paired: the same {n} chips"
        elif min(np.unique(wafer).size for wafer in wafers) < 2:
            found = {"difference": float(y.mean() - x.mean()), **_UNTESTED}
            how = "not tested: other chips, of one wafer, which says nothing of other wafers"
        else:
            found = unpaired_difference(x, y, confidence, images, (wafers[0], wafers[1]))
            how = (f"unpaired: {x.size} and {y.size} chips of a lot each, whose spread between "
                   "lots is not in the interval")  # fmt: skip
        how += ", the same images" if same_images else ", other images"
        yield {"quantity": "accuracy", "condition": condition, "unit": "share",
               "first": float(x.mean()), "other": float(y.mean()), "paired": paired, "how": how,
               **found}  # fmt: skip


def _ages(a: Study, b: Study) -> Iterator[tuple[dict[str, Any], list[dict[str, float]]]]:
    """Yield the ages that two studies have in common, and the ends of their missions if others."""
    for age in a.ages.combinations:
        fresh = age["time"] == 0 and not (age["reads"] or age["inferences"] or a.ages.before)
        again = fresh and age["temperature"] != a.ages.temperatures[0]
        if age in b.ages.combinations and not again:
            yield age, [age, age]
    ends = [a.ages.end, b.ages.end]
    if ends[0] != ends[1]:
        yield {"of_first": ends[0], "of_other": ends[1]}, ends


def _data(study: Study) -> str:
    """Return the name of the data that a study's network classifies."""
    return str(getattr(study.load_network(), "data", "mnist28"))


def _endurance(first: _Read, other: _Read, confidence: float) -> Iterator[dict[str, Any]]:
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


def _crossbar(first: _Read, other: _Read, confidence: float) -> Iterator[dict[str, Any]]:
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


def _architecture(first: _Read, other: _Read, confidence: float) -> Iterator[dict[str, Any]]:
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
    how = f"unpaired: {x.size} and {y.size} draws, of other seeds, cards or sheets"
    if paired:
        x, y, how = x[:n], y[:n], f"paired: the same {n} draws of card and sheet"
    if not relative:
        return drawn_difference(x, y, confidence, paired=paired), how
    found = drawn_difference(np.log(x), np.log(y), confidence, paired=paired)
    return {"low": np.exp(found["low"]), "high": np.exp(found["high"]), "p": found["p"]}, how


def _drawn_from(study: Study) -> tuple[str, str]:
    """Card and sheet, of whose uncertainty the draws are."""
    assert study.architecture is not None  # the spec has it where the outputs have it
    return (
        load_technology(study.technology).fingerprint,
        load_sheet(study.architecture.sheet).fingerprint,
    )
