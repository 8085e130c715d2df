"""Designs of a sweep: which meet all acceptance limits, and which of those to take.

An axis of a sweep is a choice of the designer or a condition that the product meets. A design is
one combination of choices; over conditions the worst decides.
"""

from collections.abc import Sequence
from typing import Any

from reliability.campaign.frame import StudyFrame
from reliability.campaign.limits import WORST_FIRST, Outcome, worst_outcome
from reliability.campaign.tables import is_choice
from reliability.errors import InputError

ENERGY_OF_AN_IMAGE = "energy_per_image_joule"
LISTS: dict[Outcome, str] = {
    "demonstrated": "feasible",
    "inconclusive": "inconclusive",
    "not demonstrated": "infeasible",
}


def feasible_designs(study: StudyFrame, points: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the designs of a sweep by whether they meet every acceptance limit.

    A design is feasible where each limit is demonstrated at every condition, so that at confidence
    c at most (1 - c) / 2 of the designs that do not meet a limit are called feasible; infeasible
    where a limit is not demonstrated at one of them, the whole interval being on its wrong side;
    else inconclusive.

    Parameters
    ----------
    study : StudyFrame
    points : sequence of dict
        ``points`` of `reliability.campaign.summary.summarize`.

    Returns
    -------
    dict
        ``feasible``, ``inconclusive``, ``infeasible``: lists of designs, each with ``design``
        (its choices), ``limits`` (of each limit the worst row, with its ``point``), ``cost`` and
        ``answers`` (the answer at each of its conditions, without distributions over read-outs);
        ``recommended``: the feasible design of least cost, None without one; ``objective``: the
        name of the cost. Empty where no axis is a choice or no limit is stated.

    Raises
    ------
    InputError
        ``design.minimise`` names no number of the answers.
    """
    choices = [axis.name for axis in study.sweep if is_choice(axis)]
    if not choices or not any(_deciding(point) for point in points):
        return {}
    objective = _objective(study, points)
    found: dict[str, Any] = {name: [] for name in LISTS.values()}
    for design, own, worst in designs_of(study, points):
        outcome = worst_outcome([row["outcome"] for row in worst])
        found[LISTS[outcome]].append(
            {
                "design": design,
                "limits": worst,
                "cost": max(_cost(point, objective) for point in own),
                "answers": [_short(point) for point in own],
            }
        )
    best = min(found["feasible"], key=lambda design: design["cost"], default=None)
    return found | {"recommended": best, "objective": objective}


def designs_of(
    study: StudyFrame, points: Sequence[dict[str, Any]]
) -> list[tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]]]]:
    """Return the choices of each design, its points, and of each limit the worst row over them."""
    choices = [axis.name for axis in study.sweep if is_choice(axis)]
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for point in points:
        groups.setdefault(tuple(point["point"][name] for name in choices), []).append(point)
    return [
        (dict(zip(choices, values, strict=True)), own, _worst_rows(own))
        for values, own in groups.items()
    ]


def _deciding(point: dict[str, Any]) -> list[dict[str, Any]]:
    return [row for row in point.get("limits", []) if row["decides"]]


def _worst_rows(points: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of each limit the row that is worst over the conditions: by verdict, then by margin."""
    rows = [row | {"point": point["point"]} for point in points for row in _deciding(point)]
    names = dict.fromkeys(row["limit"] for row in rows)
    return [min((row for row in rows if row["limit"] == name), key=_rank) for name in names]


def margin(row: dict[str, Any]) -> float:
    """By how much an estimate is on the right side of its limit."""
    sign = 1.0 if row["sense"] == "least" else -1.0
    return float(sign * (row["value"] - row["wanted"]))


def _rank(row: dict[str, Any]) -> tuple[int, float]:
    return WORST_FIRST.index(row["outcome"]), margin(row)


def _objective(study: StudyFrame, points: Sequence[dict[str, Any]]) -> str:
    """Return the name of what is minimised; "" for the margin of the worst limit."""
    stated = study.design.minimise
    numbers = [numbers_of_answer(point) for point in points]
    shared = set.intersection(*(set(one) for one in numbers))
    if not stated:
        return ENERGY_OF_AN_IMAGE if ENERGY_OF_AN_IMAGE in shared else ""
    if stated not in shared:
        raise InputError(
            f"design: minimise: got {stated!r}, which is no number of the answers; allowed: "
            f"{', '.join(sorted(shared))}"
        )
    return stated


def numbers_of_answer(answer: dict[str, Any], before: str = "") -> dict[str, float]:
    """Numbers of an answer by their dotted names."""
    out: dict[str, float] = {}
    for key, value in answer.items():
        name = f"{before}{key}"
        if isinstance(value, dict) and key != "point":
            out |= numbers_of_answer(value, f"{name}.")
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            out[name] = float(value)
    return out


def _cost(point: dict[str, Any], objective: str) -> float:
    if objective:
        return numbers_of_answer(point)[objective]
    margins = [_rank(row)[1] / (abs(row["wanted"]) or 1.0) for row in _deciding(point)]
    return -min(margins, default=0.0)


def _short(point: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in point.items() if not isinstance(value, list)}
