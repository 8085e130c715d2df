"""The answer of a finished study as plain numbers with their intervals."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import xarray as xr

from reliability.campaign.decision import chosen_design, decision_of
from reliability.campaign.feasible_designs import LISTS, feasible_designs
from reliability.campaign.frame import Point
from reliability.campaign.fronts import evaluated, pareto_front
from reliability.campaign.outputs import kinds_of
from reliability.campaign.screening import designs_of_stages, stage_folder, stage_of
from reliability.campaign.selection import at_point
from reliability.campaign.spec import Study
from reliability.campaign.store import MARKER, read_marker, read_results
from reliability.campaign.sweep import sweep_points
from reliability.files import replace_text
from reliability.population.ageing import out_of_range
from reliability.version import __version__

SUMMARY = "summary.json"
Answer = dict[str, Any]
Results = dict[str, xr.Dataset]


class Stage(NamedTuple):
    """A stage of a search: chips of each design, the designs, and lists of what is said of them."""

    chips: int
    designs: list[Point]
    lists: dict[str, Any]

    @classmethod
    def of(cls, study: Study, points: Sequence[Answer]) -> "Stage":
        """Return the stage whose study, of listed designs, has these answers (`answer_points`)."""
        lists = feasible_designs(study, points) | {"evaluated": evaluated(study, points)}
        return cls(study.population.chips, list(study.design.listed), lists)


def write_summary(folder: Path, summary: Answer) -> None:
    """Write ``summary.json`` into the folder of a study."""
    replace_text(folder / SUMMARY, json.dumps(summary, indent=1))


def read_summary(study: Study, folder: Path, results: Results) -> Answer:
    """Return what ``summary.json`` holds, from the results in the folder of a finished study."""
    stages = []
    for chips, designs in designs_of_stages(study, folder):
        here = stage_of(study, chips).with_designs(designs)
        points = answer_points(here, read_results(stage_folder(folder, chips)))
        stages.append(Stage.of(here, points))
    summary = summarize(study, results, stages)
    if study.decision and (found := _decision(study, summary, folder)):
        summary["decision"] = found
    return summary


def _decision(study: Study, summary: Answer, folder: Path) -> Answer:
    chosen = chosen_design(study, summary)
    place = chosen.folder(folder) if chosen else folder
    if chosen is None or not (place / MARKER).is_file():
        return {}
    here = Study.model_validate(read_marker(place)["spec"])
    return decision_of(study, chosen, answer_points(here, read_results(place)))


def answer_points(
    study: Study, results: Results, known: Mapping[tuple[Any, ...], Answer] | None = None
) -> list[Answer]:
    """Return the answer at each point of a study; one, at an empty point, without a sweep.

    Parameters
    ----------
    study : Study
    results : dict of str to Dataset
        The groups of the store.
    known : mapping of tuple to dict, optional
        Answers that need not be computed again, by the values of their points.
    """
    out = []
    for point in sweep_points(study):
        found = (known or {}).get(tuple(point.values()))
        if found is None:
            here, own = (study.at(point), at_point(results, point)) if point else (study, results)
            found = {"point": point} | _answers(here, own)
        out.append(found)
    return out


def summarize(
    study: Study, results: Results, stages: Sequence[Stage] = (),
    points: Sequence[Answer] | None = None,
) -> Answer:  # fmt: skip
    """Return what ``summary.json`` holds.

    The headline is the end of the mission (`StressTable.end`); every stress condition is listed
    beside it. Of a sweep there is one such answer for each of ``points``, and where limits are
    stated the designs that meet them (`feasible_designs`).

    Parameters
    ----------
    study : Study
    results : dict of str to Dataset
        The groups of the store.
    stages : sequence of Stage
        Of a search, with the answers of the designs that stopped there.
    points : sequence of dict, optional
        Of `answer_points`, where they are known.
    """
    points = answer_points(study, results) if points is None else points
    summary: Answer = {
        "title": study.title,
        "technology": study.technology,
        "warnings": _warnings(study.at_points(), results),
        "seed": study.seed,
        "spec_hash": study.spec_hash,
        "reliability_version": __version__,
    }
    for kind in kinds_of(study):
        summary |= kind.sizes(study, results)
    if not study.sweep:
        return summary | {key: value for key, value in points[0].items() if key != "point"}
    for kind in kinds_of(study):
        summary |= kind.answer_of_sweep(study, results)
    summary["points"] = list(points)
    summary |= feasible_designs(study, points)
    if not study.search:
        return summary
    order = stages[0].designs if stages else ()
    found = pareto_front(study, points, _stopped(study, stages, "evaluated"), order)
    if "feasible" in summary:  # of the designs that meet every limit, the first of the front
        best = found["front"][0]["design"] if found["front"] else None
        own = [one for one in summary["feasible"] if one["design"] == best]
        summary["recommended"] = own[0] if own else None
        for name in LISTS.values():
            summary[name] += _stopped(study, stages, name)
    return summary | found


def _stopped(study: Study, stages: Sequence[Stage], name: str) -> list[Answer]:
    """Return the entries of a list of each stage that the next stage has no design of."""
    later = [stage.designs for stage in stages[1:]] + [list(study.design.listed)]
    return [
        one | {"stopped_after_chips": stage.chips}
        for stage, rest in zip(stages, later, strict=False)
        for one in stage.lists[name]
        if one["design"] not in rest
    ]


def _warnings(studies: list[Study], results: dict[str, xr.Dataset]) -> list[str]:
    """Conditions outside the range of a model, at any point, and what parts noted."""
    notes = {note for group in results.values() for note in group.attrs.get("warnings", [])}
    several = len({str(here.technology) for here in studies}) > 1
    for here in studies:
        whose = f"card {here.technology}: " if several else ""
        for kind in kinds_of(here):
            for mission in kind.missions(here):
                outside = out_of_range(here.load_technology(), mission, {"LRS", "HRS", "target"})
                notes |= {f"{whose}{note}" for note in outside}
    return sorted(notes)


def _answers(study: Study, results: Results) -> Answer:
    answers: Answer = {}
    limits: list[Answer] = []
    for kind in kinds_of(study):
        answer = kind.answer(study, results)
        answers |= answer
        limits += kind.outcomes(study, results, answer)
    return answers | ({"limits": limits} if limits else {})
