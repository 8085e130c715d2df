"""The answer of a search: designs by their objectives, Pareto front, recommended design."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from reliability.campaign.feasible_designs import designs_of, margin, numbers_of_answer
from reliability.campaign.limits import worst_outcome
from reliability.campaign.outputs import kinds_of
from reliability.campaign.search import Evaluation, as_minimised, growth, non_dominated
from reliability.campaign.spec import Study
from reliability.errors import InputError

Answer = dict[str, Any]


def evaluations(study: Study, points: Sequence[Answer]) -> list[Evaluation]:
    """Return the objectives and the missed limits of each design, in the order of evaluation."""
    return [
        Evaluation([one["value"] for one in objectives_of(study, own)], _violation(rows))
        for _, own, rows in designs_of(study, points)
    ]


def _violation(rows: Sequence[Answer]) -> float:
    """By how many decades, or widths of the limit, the deciding ends of intervals miss limits."""
    missed = 0.0
    for row in rows:
        most = row["sense"] == "most"
        end, limit = row["high" if most else "low"], row["wanted"]
        if end > 0 and limit > 0:
            gap = math.log10(end / limit)
        else:
            gap = (end - limit) / (abs(limit) or 1.0)
        missed += max(gap if most else -gap, 0.0)
    return missed


def objectives_of(study: Study, points: Sequence[Answer]) -> list[Answer]:
    """Return each objective of a design, the worst over its conditions, with its interval."""
    assert study.search is not None
    intervals = {k: v for kind in kinds_of(study) for k, v in kind.intervals.items()}
    out = []
    for one in study.search.objective:
        found = [numbers_of_answer(point) for point in points]
        if any(one.name not in numbers for numbers in found):
            raise InputError(
                f"search: objective: got {one.name!r}, which is no number of the answers; allowed: "
                f"{', '.join(sorted(set.intersection(*map(set, found))))}"
            )
        pick = max if one.direction == "minimise" else min
        worst = pick(found, key=lambda numbers: numbers[one.name])
        value = worst[one.name]
        low, high = (worst.get(end, value) for end in intervals.get(one.name, (one.name,) * 2))
        out.append(one.model_dump() | {"value": value, "low": low, "high": high})
    return out


def evaluated(study: Study, points: Sequence[Answer]) -> list[Answer]:
    """Return each design with its objectives and its outcome, in the order of evaluation."""
    return [
        {
            "design": design,
            "objectives": objectives_of(study, own),
            "outcome": worst_outcome([row["outcome"] for row in rows]),
        }
        for design, own, rows in designs_of(study, points)
    ]


def pareto_front(
    study: Study,
    points: Sequence[Answer],
    stopped: Sequence[Answer] = (),
    order: Sequence[Any] = (),
) -> Answer:
    """Return what ``summary.json`` says of a search.

    Parameters
    ----------
    study : Study
        With ``search``.
    points : sequence of dict
        ``points`` of `reliability.campaign.summary.summarize`.
    stopped : sequence of dict
        Designs that a stage of the search has stopped, as `evaluated` has them.
    order : sequence of dict
        All designs in the order of evaluation, where some were stopped.

    Returns
    -------
    dict
        ``front``: the designs that no other dominates, of those that meet every limit; without one
        of those that are inconclusive, with estimates that meet every limit where there are such.
        Each has ``design``, ``objectives`` (list of ``name``, ``label``, ``unit``, ``direction``,
        ``value``, ``low``, ``high``) and ``outcome``.
        ``evaluated``: the same of all designs, in the order of evaluation, those that a stage has
        stopped with ``stopped_after_chips``. ``hypervolume``: after each of them, as a fraction.
        ``best_reached``: of each limit that no design meets, the best.
    """
    assert study.search is not None
    found = [*evaluated(study, points), *stopped]
    if stopped:
        found.sort(key=lambda one: order.index(one["design"]))
    values = np.array([[one["value"] for one in each["objectives"]] for each in found])
    values = as_minimised(values, study.search.objective)
    whole = np.array(["stopped_after_chips" not in each for each in found])
    outcomes = [each["outcome"] for each in found]
    there = [o for o, own in zip(outcomes, whole, strict=True) if own]
    best = next((o for o in ("demonstrated", "inconclusive") if o in there), None)
    allowed = np.array([o == best for o in outcomes]) & np.isfinite(values).all(axis=1) & whole
    likely = [design for design, _, rows in designs_of(study, points)
              if all(margin(row) >= 0 for row in rows)]  # fmt: skip
    if (met := allowed & [each["design"] in likely for each in found]).any():
        allowed = met
    place = np.flatnonzero(allowed)
    front = place[non_dominated(values[place])] if len(place) else place
    front = front[np.argsort(values[front, 0], kind="stable")] if len(front) else front
    return {
        "front": [found[k] for k in front],
        "evaluated": found,
        "hypervolume": list(growth(values, allowed)),
        "best_reached": _best_reached([rows for _, _, rows in designs_of(study, points)]),
    }


def _best_reached(rows: Sequence[Sequence[Answer]]) -> list[Answer]:
    """The best value of each limit that no design demonstrates."""
    out = []
    for name in dict.fromkeys(row["limit"] for own in rows for row in own):
        own = [row for each in rows for row in each if row["limit"] == name]
        if any(row["outcome"] == "demonstrated" for row in own):
            continue
        sign = 1 if own[0]["sense"] == "most" else -1
        out.append(min(own, key=lambda row: sign * row["value"]))
    return out


def recommended_design(summary: Answer) -> Answer | None:
    """Return the choices of the design that is recommended, None without one."""
    if "front" in summary:
        return summary["front"][0]["design"] if summary["front"] else None
    best = summary.get("recommended")
    return best and best["design"]
