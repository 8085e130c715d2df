"""Finished studies side by side, and which of their differences are real.

What is compared of each kind of output is in `reliability.campaign.outputs`. All differences are
tested together. Sweeps over the same axes are compared point by point.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from reliability.campaign.dotted import flat
from reliability.campaign.finished import read_study
from reliability.campaign.kind import Read
from reliability.campaign.outputs import OUTPUTS
from reliability.campaign.selection import at_point
from reliability.campaign.spec import Study
from reliability.campaign.summary import summarize
from reliability.campaign.sweep import sweep_points
from reliability.errors import InputError
from reliability.statistics.differences import holm

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
        and, where missions end otherwise, at the end of each, what all phenomena and each of them
        (``phenomenon``) cost, the cells failed at every common temperature, the largest array, and
        the answers of an architecture study; of sweeps at every common point. ``point`` of the
        sweep, ``quantity``, ``condition`` (``of_first`` and ``of_other`` where they differ),
        ``unit`` ("share", "lines" or SI), ``study`` and ``to`` (their places), ``first``,
        ``other``, ``measure`` ("difference", or "ratio" of the other over the first, where an
        architecture study has positive numbers), that measure, its ``low`` and ``high`` (at
        ``confidence``), ``p``, ``paired``, ``how``, and ``real``: whether it is still told from
        none when all are tested together (Holm, `reliability.statistics.differences.holm`). None:
        not known or not finite.
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
            other = points[k][key]
            where = {"point": dict(key), "study": k, "to": 0, "measure": "difference"}
            for name, kind in OUTPUTS.items():
                if name in first[0].outputs and name in other[0].outputs:
                    where["output"] = name
                    rows += [where | row for row in kind.compare(first, other, confidence)]
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


def _points(study: Study, results: dict[str, xr.Dataset]) -> dict[_Point, Read]:
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
        if not common:
            raise InputError(
                f"{where}: outputs {list(study.outputs)} and {list(first.outputs)} have nothing "
                "in common that can be compared"
            )
        for name in common:
            if why := OUTPUTS[name].apart(study, first):
                raise InputError(f"{where}: {why}")


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
