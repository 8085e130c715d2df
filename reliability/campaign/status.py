"""Progress of a study, as its folder tells it, whoever runs it."""

from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from reliability.campaign import integrity, lock, store
from reliability.campaign.metric_words import is_fraction
from reliability.campaign.plan import make_plan
from reliability.campaign.selection import wafers_of
from reliability.campaign.spec import KEYS, Study
from reliability.campaign.store import MARKER
from reliability.errors import from_validation
from reliability.statistics.crossed import mean_of_fractions


def study_status(folder: str | Path, *, verify: bool = True) -> dict[str, Any]:
    """Return how far the study of a folder is.

    Parameters
    ----------
    folder : str or Path
        Output folder of `reliability.run_study`.
    verify : bool
        Whether all values are read and compared with their checksums.

    Returns
    -------
    dict
        ``title``, ``tasks`` and ``tasks_done``, ``work`` and ``work_done`` (image evaluations),
        ``running`` (who runs it, or None), ``chips_done``, ``damaged`` (files; if there are any,
        ``repair`` says what heals them) and, once there are two chips, ``accuracy`` of the chips so
        far with its Monte Carlo interval ``accuracy_low``, ``accuracy_high`` (all ages and points
        together).

    Raises
    ------
    InputError
        No study in the folder.
    """
    folder = Path(folder)
    marker = store.read_marker(folder)
    try:
        study = Study.model_validate(marker["spec"])
    except ValidationError as error:
        raise from_validation(error, str(folder / MARKER), KEYS) from None
    layout = store.layout_of(folder, marker)
    damage = integrity.find_damage(layout, make_plan(study, layout.chunk)) if verify else {}
    damaged = set(damage.values())
    checksums: dict[str, np.ndarray | None] = {}
    counts = {"tasks": 0, "tasks_done": 0, "work": 0, "work_done": 0}
    chips: set[int] = set()
    for task in make_plan(study, layout.chunk):
        if task.group not in checksums:
            checksums[task.group] = store.read_checksums(layout, task.group)
        counts["tasks"] += 1
        counts["work"] += task.work
        if task not in damaged and store.is_written(checksums[task.group], layout, task):
            counts["tasks_done"] += 1
            counts["work_done"] += task.work
            if task.group == "chips":
                chips |= set(range(task.first, task.first + task.count))
    answer: dict[str, Any] = {
        "title": study.title,
        **counts,
        "running": lock.owner(folder),
        "chips_done": len(chips),
        "damaged": [str(file) for file in damage],
    }
    if damage:
        answer["repair"] = integrity.describe_damage(folder, damage)
    if len(chips) > 1 and not damaged and is_fraction(study):
        accuracy = store.read_results(folder)["chips"]["accuracy"].isel(chip=sorted(chips))
        of_chip = accuracy.mean([name for name in accuracy.dims if name != "chip"])
        mean, low, high = mean_of_fractions(of_chip.values, wafers_of(of_chip), study.confidence)
        answer |= {"accuracy": mean, "accuracy_low": low, "accuracy_high": high}
    return answer
