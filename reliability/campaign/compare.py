"""Finished studies side by side, and which of their differences are real.

Chips of two studies with the same seed have the same latent variables, so chip 7 of one is matched
with chip 7 of the other: the mean of their differences is known better than either mean (paired).
Studies with other seeds, or other wafers, share nothing: their variances add (unpaired, Welch).
Images that both have classified are the same test to both; with other images the error of drawing
them counts for both.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from scipy import special

from reliability.campaign.dotted import flat
from reliability.campaign.finished import read_study
from reliability.campaign.selection import at_age
from reliability.campaign.spec import Study
from reliability.campaign.summary import summarize
from reliability.errors import InputError

_NOT_TOLD = ("title", "question", "limits")


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
        ``differences``: each other study less the first, for the mean accuracy at every common
        age, the cells failed at every common temperature, the largest array: ``quantity``,
        ``condition``, ``study`` and ``to`` (their places), ``first``, ``other``, ``difference``,
        ``low``, ``high`` (at ``confidence``), ``p``, ``paired``, ``how``, and ``real``: whether it
        is still told from none when all differences are tested together (Holm [1]_).

    Raises
    ------
    InputError
        Fewer than two studies, one that is not finished, sweeps with other points, networks that
        learn other data, or nothing that all have found.

    References
    ----------
    .. [1] S. Holm, Scand. J. Stat. 6, 65 (1979).
    """
    if isinstance(folders, (str, Path)) or len(folders) < 2:
        count = 1 if isinstance(folders, (str, Path)) else len(folders)
        raise InputError(f"compare: got {count} folder, expected two or more")
    read = [read_study(folder) for folder in folders]
    studies = [study for study, _, _ in read]
    _check(studies, folders)
    confidence = max(study.confidence for study in studies)
    told = []
    for folder, (study, results, notes) in zip(folders, read, strict=True):
        summary = summarize(study, results)
        told.append({"folder": str(folder), "notes": notes, **summary})
    rows = [
        {"study": k, "to": 0, **row}
        for k in range(1, len(read))
        for row in _differences(read[0][:2], read[k][:2], confidence)
    ]
    if not rows:
        raise InputError("compare: the studies have no age, temperature or output in common")
    for row, real in zip(rows, holm([row["p"] for row in rows], 1 - confidence), strict=True):
        row["real"] = real
    return {
        "confidence": confidence,
        "studies": told,
        "settings": _settings(studies),
        "differences": rows,
    }


def _check(studies: list[Study], folders: Sequence[str | Path]) -> None:
    """Refuse what has no meaning side by side."""
    first = studies[0]
    for study, folder in zip(studies[1:], folders[1:], strict=True):
        where = f"compare: {str(folder)!r} and {str(folders[0])!r}"
        if study.sweep or first.sweep:
            raise InputError(
                f"{where}: one is a sweep, whose report compares its points; expected studies "
                "without"
            )
        common = set(study.outputs) & set(first.outputs)
        if not common & {"accuracy", "endurance", "crossbar"}:
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


def _settings(studies: list[Study]) -> list[dict[str, Any]]:
    tables = [
        {k: v for k, v in flat(json.loads(s.model_dump_json())).items()
         if k.split(".")[0] not in _NOT_TOLD}
        for s in studies
    ]  # fmt: skip
    keys = dict.fromkeys(key for table in tables for key in table)
    rows = []
    for key in keys:
        values = [table.get(key) for table in tables]
        if any(value != values[0] for value in values):
            rows.append({"key": key, "values": values})
    return rows


_Read = tuple[Study, dict[str, xr.Dataset]]


def _differences(first: _Read, other: _Read, confidence: float) -> Iterator[dict[str, Any]]:
    common = set(first[0].outputs) & set(other[0].outputs)
    if "accuracy" in common:
        yield from _accuracy(first, other, confidence)
    if "endurance" in common:
        yield from _endurance(first, other, confidence)
    if "crossbar" in common:
        yield from _crossbar(first, other, confidence)


def _accuracy(first: _Read, other: _Read, confidence: float) -> Iterator[dict[str, Any]]:
    a, b = first[0], other[0]
    same_images = _data(a) == _data(b) and a.network.images == b.network.images
    paired = a.seed == b.seed and a.population.dies_per_wafer == b.population.dies_per_wafer
    for age in a.ages.combinations:
        fresh = age["time"] == 0 and not (age["reads"] or age["inferences"] or a.ages.before)
        again = fresh and age["temperature"] != a.ages.temperatures[0]
        if age not in b.ages.combinations or again:
            continue
        x, y = (
            at_age(results["chips"]["accuracy"], age).values for results in (first[1], other[1])
        )
        images = 0.0
        if not same_images:
            images = sum(v.mean() * (1 - v.mean()) / s.network.images for v, s in ((x, a), (y, b)))
        if paired:
            n = min(x.size, y.size)
            found = paired_difference(x[:n], y[:n], confidence, images)
            how = f"paired: the same {n} chips"
        else:
            found = unpaired_difference(x, y, confidence, images)
            how = (f"unpaired: {x.size} and {y.size} chips of a lot each, whose spread between "
                   "lots is not in the interval")  # fmt: skip
        how += ", the same images" if same_images else ", other images"
        yield {"quantity": "accuracy", "condition": age, "first": float(x.mean()),
               "other": float(y.mean()), "paired": paired, "how": how, **found}  # fmt: skip


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
            "condition": {"temperature": temperature, "cycles": cycles},
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
        "quantity": "largest array", "condition": {},
        "first": float(x["size"]), "other": float(y["size"]), "paired": False,
        "how": "unpaired: from the two intervals, taken as normal",
        "difference": difference, "low": difference - half, "high": difference + half,
        "p": _two_sided(abs(difference) / error) if error else float(difference == 0),
    }  # fmt: skip


def paired_difference(
    x: np.ndarray, y: np.ndarray, confidence: float, variance: float = 0.0
) -> dict[str, float]:
    """Mean of y - x of matched units, its Student-t interval and two-sided p.

    Parameters
    ----------
    x, y : ndarray, shape (n,)
    confidence : float
    variance : float
        Of the mean, that the units do not show (other images).

    Examples
    --------
    >>> found = paired_difference(np.array([1.0, 5.0, 9.0]), np.array([1.1, 5.2, 9.3]), 0.95)
    >>> round(found["difference"], 3), found["low"] > -0.1
    (0.2, True)
    """
    d = np.asarray(y, float) - np.asarray(x, float)
    if d.size < 2:
        return _interval(float(d.mean()), float("nan"), 1.0, confidence)
    error = np.sqrt(d.var(ddof=1) / d.size + variance)
    return _interval(float(d.mean()), float(error), d.size - 1.0, confidence)


def unpaired_difference(
    x: np.ndarray, y: np.ndarray, confidence: float, variance: float = 0.0
) -> dict[str, float]:
    """Mean of y less mean of x of units of their own, by Welch's test; as `paired_difference`.

    Examples
    --------
    >>> found = unpaired_difference(np.array([1.0, 2.0, 3.0]), np.array([2.0, 3.0, 4.0]), 0.95)
    >>> round(found["difference"], 3), found["low"] < 0
    (1.0, True)
    """
    x, y = np.asarray(x, float), np.asarray(y, float)
    if min(x.size, y.size) < 2:
        return _interval(float(y.mean() - x.mean()), float("nan"), 1.0, confidence)
    parts = [v.var(ddof=1) / v.size for v in (x, y)]
    squares = sum(p**2 / (v.size - 1) for p, v in zip(parts, (x, y), strict=True))
    freedom = sum(parts) ** 2 / squares if squares else x.size + y.size - 2.0
    error = np.sqrt(sum(parts) + variance)
    return _interval(float(y.mean() - x.mean()), float(error), float(freedom), confidence)


def _interval(
    difference: float, error: float, freedom: float, confidence: float
) -> dict[str, float]:
    """Interval and p; without an error the difference is exact, and real if it is not zero."""
    half = error * float(special.stdtrit(freedom, 0.5 + confidence / 2))
    if error == 0:
        p = 1.0 if difference == 0 else 0.0
    else:
        p = 2 * float(special.stdtr(freedom, -abs(difference) / error))
    return {"difference": difference, "low": difference - half, "high": difference + half, "p": p}


def _two_sided(z: float) -> float:
    return 2 * float(special.ndtr(-z))


def holm(p: Sequence[float], level: float) -> list[bool]:
    """Tell which of several hypotheses are rejected when all are tested at one level.

    NaN, of a difference without an interval, is rejected never.

    Examples
    --------
    >>> holm([0.001, 0.04, 0.03], 0.05)
    [True, False, False]
    """
    values = np.nan_to_num(np.asarray(p, float), nan=1.0)
    rejected = np.zeros(values.size, dtype=bool)
    for rank, k in enumerate(np.argsort(values, kind="stable")):
        if values[k] > level / (values.size - rank):
            break
        rejected[k] = True
    return rejected.tolist()
