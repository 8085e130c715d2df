"""Stages of a search: a design that a few chips show to be hopeless is computed no further.

Each stage is a study of its own in ``stages/CHIPS`` of the folder, with the first chips of the
whole study (common random numbers), so that it is stored, resumed and shared out like any other. A
design stops where the interval of a limit lies on its wrong side, or where another design that
meets all limits is at least as good in every objective by whole intervals. Objectives without an
interval are compared on the same chips. The best design of a generation goes on in any case.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from reliability.campaign import store
from reliability.campaign.frame import Point
from reliability.campaign.spec import Study

Answer = dict[str, Any]


def stage_folder(folder: Path, chips: int) -> Path:
    """Return where a stage of a search is kept."""
    return folder / store.STAGES / str(chips)


def stage_of(study: Study, chips: int) -> Study:
    """Return the study of a stage: fewer chips, and as few of its sampled cards."""
    assert study.search is not None
    update: dict[str, Any] = {
        "population": study.population.model_copy(update={"chips": chips}),
        "search": study.search.model_copy(update={"stages": ()}),
    }
    if study.uncertainty:
        draws = round(study.uncertainty.draws * chips / study.population.chips)
        update["uncertainty"] = study.uncertainty.model_copy(update={"draws": max(draws, 2)})
    return study.model_copy(update=update)


def hopeless(found: Sequence[Answer]) -> list[bool]:
    """Return which designs of a stage need not be computed further.

    Parameters
    ----------
    found : sequence of dict
        ``evaluated`` of `reliability.campaign.fronts.pareto_front`.

    Examples
    --------
    >>> def design(energy, low, high, outcome="demonstrated"):
    ...     cost = {"direction": "minimise", "value": energy, "low": energy, "high": energy}
    ...     gain = {"direction": "maximise", "value": 0.5, "low": low, "high": high}
    ...     return {"objectives": [cost, gain], "outcome": outcome}
    >>> hopeless([design(1, 0.8, 0.9), design(2, 0.7, 0.75), design(2, 0.7, 0.85)])
    [False, True, False]
    """
    if not found:
        return []
    best, worst = (
        np.array([[_end(one, good) for one in each["objectives"]] for each in found])
        for good in (True, False)
    )
    met = np.array([each["outcome"] == "demonstrated" for each in found])
    # design by rival: no worse at its worst than the design at its best, and better in one
    beaten = (worst[None] <= best[:, None]).all(axis=2) & (worst[None] < best[:, None]).any(axis=2)
    failed = np.array([each["outcome"] == "not demonstrated" for each in found])
    return [bool(one) for one in failed | (beaten & met[None]).any(axis=1)]


def _end(objective: Answer, good: bool) -> float:
    """The better or the worse end of an objective's interval, as less is better."""
    if objective["direction"] == "minimise":
        return float(objective["low" if good else "high"])
    return -float(objective["high" if good else "low"])


def designs_of_stages(study: Study, folder: Path) -> Iterator[tuple[int, list[Point]]]:
    """Yield the number of chips and the designs of each stage that is there, in their order."""
    for chips in study.search.stages if study.search else ():
        place = stage_folder(folder, chips)
        if (place / store.MARKER).is_file():
            yield chips, list(store.read_marker(place)["spec"]["design"]["listed"])
