"""The answer of a finished study as plain numbers with their intervals."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import xarray as xr

from reliability.campaign.decision import chosen_design, decision_of
from reliability.campaign.feasible_designs import LISTS, feasible_designs
from reliability.campaign.frame import Point
from reliability.campaign.fronts import pareto_front
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


class Stage(NamedTuple):
    """A stage of a search: chips of each design, the designs, and what `summarize` says of them."""

    chips: int
    designs: list[Point]
    summary: dict[str, Any]


def write_summary(study: Study, folder: Path, results: dict[str, xr.Dataset]) -> dict[str, Any]:
    """Write ``summary.json`` into the folder of a finished study, and return what it holds."""
    summary = summarize(study, results, read_stages(study, folder))
    if study.decision and (found := _decision(study, summary, folder)):
        summary["decision"] = found
    replace_text(folder / SUMMARY, json.dumps(summary, indent=1))
    return summary


def _decision(study: Study, summary: dict[str, Any], folder: Path) -> dict[str, Any]:
    chosen = chosen_design(study, summary)
    place = chosen.folder(folder) if chosen else folder
    if chosen is None or not (place / MARKER).is_file():
        return {}
    here = Study.model_validate(read_marker(place)["spec"])
    return decision_of(study, chosen, summarize(here, read_results(place))["points"])


def read_stages(study: Study, folder: Path) -> list[Stage]:
    """Return the stages of a search that lie in its folder, the first one first."""
    out = []
    for chips, designs in designs_of_stages(study, folder):
        here = stage_of(study, chips).with_designs(designs)
        results = read_results(stage_folder(folder, chips))
        out.append(Stage(chips, designs, summarize(here, results)))
    return out


def summarize(
    study: Study, results: dict[str, xr.Dataset], stages: Sequence[Stage] = ()
) -> dict[str, Any]:
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
    """
    points = [(point, study.at(point) if study.sweep else study) for point in sweep_points(study)]
    summary: dict[str, Any] = {
        "title": study.title,
        "technology": study.technology,
        "warnings": _warnings([here for _, here in points], results),
        "seed": study.seed,
        "spec_hash": study.spec_hash,
        "reliability_version": __version__,
    }
    for kind in kinds_of(study):
        summary |= kind.sizes(study, results)
    if not study.sweep:
        return summary | _answers(study, results)
    for kind in kinds_of(study):
        summary |= kind.answer_of_sweep(study, results)
    summary["points"] = [
        {"point": point} | _answers(here, at_point(results, point)) for point, here in points
    ]
    summary |= feasible_designs(study, summary["points"])
    if not study.search:
        return summary
    order = stages[0].designs if stages else ()
    found = pareto_front(study, summary["points"], _stopped(study, stages, "evaluated"), order)
    if "feasible" in summary:  # of the designs that meet every limit, the first of the front
        best = found["front"][0]["design"] if found["front"] else None
        own = [one for one in summary["feasible"] if one["design"] == best]
        summary["recommended"] = own[0] if own else None
        for name in LISTS.values():
            summary[name] += _stopped(study, stages, name)
    return summary | found


def _stopped(study: Study, stages: Sequence[Stage], name: str) -> list[dict[str, Any]]:
    """Return the entries of a list of each stage's summary that the next stage has no design of."""
    later = [stage.designs for stage in stages[1:]] + [list(study.design.listed)]
    return [
        one | {"stopped_after_chips": stage.chips}
        for stage, rest in zip(stages, later, strict=False)
        for one in stage.summary[name]
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


def _answers(study: Study, results: dict[str, xr.Dataset]) -> dict[str, Any]:
    answers: dict[str, Any] = {}
    limits: list[dict[str, Any]] = []
    for kind in kinds_of(study):
        answer = kind.answer(study, results)
        answers |= answer
        limits += kind.outcomes(study, results, answer)
    return answers | ({"limits": limits} if limits else {})
