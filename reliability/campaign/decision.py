"""How sure the verdict on a design is when its card is uncertain, and what to measure to decide.

The recommended design (without one, the first inconclusive one) is computed again on sampled cards,
with the chips that all designs share. Each card meets the limits or not; rank correlation with the
worst margin gives what knowing each parameter is worth (`reliability.statistics.information`). The
strongest parameters are then moved one at a time to a low and a high quantile: a tornado of the
answers. Both are points of one study in ``decision/DESIGN``, stored and resumed like any other.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from reliability.campaign.dotted import vary
from reliability.campaign.feasible_designs import designs_of, margin
from reliability.campaign.fronts import objectives_of, recommended_design
from reliability.campaign.spec import Study
from reliability.campaign.store import DECISION, MARKER, read_marker
from reliability.campaign.tables import Axis, DecisionTable, DesignTable, is_choice
from reliability.errors import InputError
from reliability.statistics import wilson
from reliability.statistics.information import (
    Information,
    correlation_by_chance,
    value_of_information,
)
from reliability.technology import Technology

Answer = dict[str, Any]
Card = dict[str, float]
Answers = Callable[[Study], list[Answer]]
_TRIED = 3  # times as many parameters are moved as are shown: some do not act


class Chosen(NamedTuple):
    """A design on its nominal card: the study at it, and the parameters that may be uncertain."""

    design: Mapping[str, Any]
    study: Study
    card: Technology
    uncertain: tuple[str, ...]

    def folder(self, folder: Path) -> Path:
        """Return where the decision on this design is kept."""
        text = json.dumps(dict(self.design), sort_keys=True)
        return folder / DECISION / sha256(text.encode()).hexdigest()[:12]


def chosen_design(study: Study, summary: Answer) -> Chosen | None:
    """Return the design that a decision is about, None where every design is infeasible.

    Raises
    ------
    InputError
        Measured cells, or a card without uncertain parameters.
    """
    design: Mapping[str, Any] | None = {}
    if any(map(is_choice, study.sweep)):
        design = recommended_design(summary)
        if design is None and summary.get("inconclusive"):
            design = min(summary["inconclusive"], key=lambda one: one["cost"])["design"]
        if design is None:
            return None
    here = study.at(dict(design or {}))
    conditions = tuple(axis for axis in study.sweep if axis.name not in (design or {}))
    card, uncertain = uncertain_parameters(here, conditions)
    assert study.decision is not None
    chips = study.decision.chips or study.population.chips
    here = here.model_copy(
        update={
            "uncertainty": None, "decision": None, "sweep": conditions,
            "population": study.population.model_copy(update={"chips": chips}),
        }
    )  # fmt: skip
    return Chosen(design or {}, here, card, uncertain)


def uncertain_parameters(
    study: Study, conditions: Sequence[Axis]
) -> tuple[Technology, tuple[str, ...]]:
    """Return the card of a study at one design, and which of its parameters are uncertain.

    Raises
    ------
    InputError
        Measured cells, or a card without uncertain parameters.
    """
    if study.cells is not None:
        raise InputError("decision: got measured cells, expected a card with uncertain parameters")
    card = vary(study.named_technology(study.technology), study.parameters)
    taken = {axis.name.removeprefix("technology.") for axis in conditions}
    if "technology" in taken:
        raise InputError("decision: got several cards as conditions, expected one")
    names = tuple(name for name in card.uncertain if name not in taken)
    if not names:
        raise InputError(f"decision: {card.name} has no uncertain parameter at this design")
    return card, names


def compute_decision(
    study: Study, summary: Answer, answers_in: Callable[[Path], Answers], folder: Path
) -> Answer:
    """Compute the sampled cards and the tornado of the design that a study recommends.

    Parameters
    ----------
    study : Study
        With ``decision``.
    summary : dict
        Of `reliability.campaign.summary.summarize`.
    answers_in : callable
        ``(folder)``: what computes a study there and returns its answer at each point.
    folder : Path
        Of the study.

    Returns
    -------
    dict
        As of `decision_of`; empty where every design is infeasible.
    """
    chosen, settings = chosen_design(study, summary), study.decision
    if chosen is None or settings is None:
        return {}
    place = chosen.folder(folder)
    answers, there = answers_in(place), _there(chosen, place)
    cards = [_nominal(chosen), *_drawn(chosen, settings.draws)]
    points = answers(_with_cards(chosen, [*cards, *there]))
    found, _ = _information(study, chosen, points, cards)
    cards += [card for name in _tried(found, settings) for card in _moved(chosen, name, settings)]
    return decision_of(study, chosen, answers(_with_cards(chosen, [*cards, *there])))


def _there(chosen: Chosen, place: Path) -> list[Card]:
    """Cards that a run before has listed, among them those of its tornado."""
    listed = read_marker(place)["spec"]["design"]["listed"] if (place / MARKER).is_file() else []
    names = [f"technology.{name}" for name in chosen.uncertain]
    return [
        {name: one[key] for name, key in zip(chosen.uncertain, names, strict=True)}
        for one in listed if set(one) == set(names)
    ]  # fmt: skip


def _nominal(chosen: Chosen) -> Card:
    return {name: float(chosen.card[name]) for name in chosen.uncertain}


def _drawn(chosen: Chosen, draws: int) -> list[Card]:
    cards = [chosen.card.drawn(chosen.study.seed, k) for k in range(draws)]
    return [{name: float(card[name]) for name in chosen.uncertain} for card in cards]


def _moved(chosen: Chosen, name: str, settings: DecisionTable) -> list[Card]:
    score = float(ndtri(1 - settings.tail))
    parameter = chosen.card.parameters[name]
    return [_nominal(chosen) | {name: parameter.at(z)} for z in (-score, score)]


def _with_cards(chosen: Chosen, cards: Sequence[Card]) -> Study:
    """The study at a design, each card a point of its sweep."""
    axes = tuple(
        Axis(name=f"technology.{name}", low=min(ends), high=max(ends))
        for name in chosen.uncertain
        for ends in [[chosen.card.parameters[name].at(z) for z in (-1.0, 1.0)]]
    )
    listed = [{f"technology.{name}": value for name, value in card.items()} for card in cards]
    unlike = list({tuple(one.values()): one for one in listed}.values())
    return chosen.study.model_copy(
        update={
            "sweep": (*axes, *chosen.study.sweep),
            "design": DesignTable(kind="listed", listed=tuple(unlike)),
        }
    )


class _Of(NamedTuple):
    """Of a card: the worst margin to the limits, and each quantity that decides."""

    margin: float
    values: dict[str, float]


def _answers(study: Study, chosen: Chosen, points: Sequence[Answer], cards: Sequence[Card]
             ) -> list[_Of]:  # fmt: skip
    """Answers of each card, the worst over the conditions."""
    here = _with_cards(chosen, cards)
    found = {}
    for card, own, rows in designs_of(here, points):
        values = {row["limit"]: float(row["value"]) for row in rows}
        for one in objectives_of(study, own) if study.search else ():
            values.setdefault(one["name"], float(one["value"]))
        margins = [margin(row) / (abs(row["wanted"]) or 1.0) for row in rows]
        first = next(iter(values.values()))
        found[tuple(card.values())] = _Of(min(margins) if margins else first, values)
    return [found[tuple(card.values())] for card in cards]


def _information(study: Study, chosen: Chosen, points: Sequence[Answer], cards: Sequence[Card]
                 ) -> tuple[dict[str, Information], NDArray[np.bool_]]:  # fmt: skip
    """What each parameter is worth, and which sampled cards meet every limit."""
    drawn = cards[1:]
    margins = np.array([one.margin for one in _answers(study, chosen, points, drawn)])
    margins = np.nan_to_num(margins, nan=-1e300, posinf=1e300, neginf=-1e300)
    met = margins >= 0
    return {
        name: value_of_information([card[name] for card in drawn], margins, met, study.confidence)
        for name in chosen.uncertain
    }, met


def _tried(found: Mapping[str, Information], settings: DecisionTable) -> list[str]:
    """Parameters that are moved: the strongest first, by rank correlation with the margin."""
    ranked = sorted(found, key=lambda name: -abs(found[name].correlation))
    return ranked[: _TRIED * settings.parameters]


def decision_of(study: Study, chosen: Chosen, points: Sequence[Answer]) -> Answer:
    """Return what ``summary.json`` says of a decision; nothing while it is not whole.

    Parameters
    ----------
    study : Study
    chosen : Chosen
    points : sequence of dict
        ``points`` of the study in the folder of the decision.

    Returns
    -------
    dict
        ``design``; ``draws``; ``nominal``: each limit's and objective's value on the nominal card;
        where limits are stated ``probability_met`` (``value``, ``low``, ``high``: of sampled
        cards), ``risk`` (that the verdict is wrong, taken for the more probable side) and
        ``measure_next`` (parameter of largest value, None where none stands out of chance).
        ``parameters`` that move an answer, the strongest first: ``name``, ``unit``,
        ``correlation``, ``low``, ``high`` (Spearman, with the margin to the limits or the first
        objective), ``value_of_information`` with ``value_low``, ``value_high``, ``moved`` (low and
        high value of the parameter), ``answers`` (each quantity at both). ``by_chance``: the
        correlation that chance alone gives to the largest of them.
    """
    settings = study.decision
    assert settings is not None
    cards = [_nominal(chosen), *_drawn(chosen, settings.draws)]
    found, met = _information(study, chosen, points, cards)
    moved = {name: _moved(chosen, name, settings) for name in _tried(found, settings)}
    there = {tuple(point["point"].values())[: len(chosen.uncertain)] for point in points}
    if any(tuple(end.values()) not in there for ends in moved.values() for end in ends):
        return {}
    every = [cards[0], *(end for ends in moved.values() for end in ends)]
    nominal, *answers = (one.values for one in _answers(study, chosen, points, every))
    rows: list[Answer] = []
    for (name, ends), low, high in zip(moved.items(), answers[::2], answers[1::2], strict=True):
        if len(rows) == settings.parameters:
            break
        if low == high == nominal:  # does not act, and was among the strongest by chance
            continue
        one = found[name]
        rows.append({
            "name": name, "unit": chosen.card.parameters[name].unit,
            "correlation": one.correlation, "low": one.correlation_low,
            "high": one.correlation_high, "value_of_information": one.value,
            "value_low": one.low, "value_high": one.high,
            "moved": [end[name] for end in ends],
            "answers": {key: [low[key], high[key]] for key in nominal},
        })  # fmt: skip
    chance = correlation_by_chance(settings.draws, len(chosen.uncertain))
    out: Answer = {
        "design": dict(chosen.design), "draws": settings.draws, "tail": settings.tail,
        "nominal": nominal, "parameters": rows, "by_chance": chance,
        "uncertain_parameters": len(chosen.uncertain),
    }  # fmt: skip
    if not study.options("limits").model_dump(exclude_none=True):
        return out
    share = [float(end) for end in wilson(int(met.sum()), met.size, study.confidence)]
    p = float(met.mean())
    stands = [row for row in rows if abs(row["correlation"]) > chance]
    best = max(stands, key=lambda row: row["value_of_information"], default=None)
    worth = best is not None and best["value_of_information"] > 0
    return out | {
        "probability_met": {"value": p, "low": share[0], "high": share[1]},
        "risk": min(p, 1 - p),
        "measure_next": best["name"] if best is not None and worth else None,
    }
