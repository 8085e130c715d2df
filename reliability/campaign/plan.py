"""The plan: a study cut into tasks that know nothing of each other, and what they will cost."""

import itertools
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reliability.campaign.spec import Study

_DRAWS = 4  # per task
_POINTS = 16  # sensitivity points per task
CHUNK = 32  # chips per task


@dataclass(frozen=True)
class Task:
    """A part of a study that one worker computes.

    Parameters
    ----------
    group : {"ideal", "chips", "draws", "sensitivity"}
    first, count : int
        Range along the group's own dimension (chip, draw or point).
    image_evaluations : int
        Images times chips times ages, the measure of work.
    """

    group: str
    first: int
    count: int
    image_evaluations: int

    @property
    def name(self) -> str:
        """Name of the task's part in the store."""
        return f"{self.group}-{self.first:08d}-{self.count}"


def make_plan(study: Study, chunk: int = CHUNK) -> list[Task]:
    """Cut a study into tasks of ``chunk`` chips, or of a few draws or sensitivity points."""
    ages = len(study.ages.combinations)
    images = study.network.images
    tasks = [Task("ideal", 0, 1, images)]
    tasks += _cut("chips", study.population.chips, chunk, images * ages)
    if study.uncertainty:
        u = study.uncertainty
        tasks += _cut("draws", u.draws, _DRAWS, u.images * u.chips * ages)
    if study.sensitivity:
        s = study.sensitivity
        tasks += _cut("sensitivity", len(points(study)), _POINTS, s.images * s.chips)
    return tasks


def _cut(group: str, total: int, size: int, work: int) -> Iterator[Task]:
    for first in range(0, total, size):
        count = min(size, total - first)
        yield Task(group, first, count, count * work)


def points(study: Study) -> list[dict[str, float]]:
    """Return the level of each factor at every point of the sensitivity grid."""
    factors = study.sensitivity.factor if study.sensitivity else ()
    names = [factor.name for factor in factors]
    levels = itertools.product(*(factor.levels for factor in factors))
    return [dict(zip(names, level, strict=True)) for level in levels]


def plan_study(study: Study, *, workers: int = 1) -> dict[str, Any]:
    """Say what a run would do, and estimate its time from a short calibration.

    Returns
    -------
    dict
        ``chips``, ``ages``, ``draws``, ``sensitivity_points``, ``tasks``, ``image_evaluations``,
        ``seconds`` (estimate), ``memory_bytes`` (peak of one worker, estimate), ``disk_bytes``
        (estimate), ``spec_hash``.
    """
    tasks = make_plan(study)
    work = sum(task.image_evaluations for task in tasks)
    network = study.load_network()
    ages = len(study.ages.combinations)
    cells = network.weights.size * 2 * network.weight_max
    per_chip = 8 * (network.inputs + network.outputs**2 + 12) + 4 * 2 * 61
    return {
        "chips": study.population.chips,
        "ages": ages,
        "draws": study.uncertainty.draws if study.uncertainty else 0,
        "sensitivity_points": len(points(study)) if study.sensitivity else 0,
        "tasks": len(tasks),
        "image_evaluations": work,
        "seconds": work / _rate(study) / workers,
        # cells of one chunk with their latents, events of all images, compiled code and libraries
        "memory_bytes": CHUNK * cells * 4 * 8 + study.network.spike_limit * 1e4 * 6 + 350e6,
        "disk_bytes": study.population.chips * ages * per_chip,
        "spec_hash": study.spec_hash,
    }


def _rate(study: Study) -> float:
    """Image evaluations per second of one thread, measured on one small block of chips."""
    import numba

    from reliability.network import Neuron, evaluate

    technology, network = study.load_technology(), study.load_network()
    settings: Mapping[str, Any] = {
        "coding": study.network.coding,
        "delta_s": study.network.delta_s,
        "spike_limit": study.network.spike_limit,
        "neuron": Neuron.from_technology(technology),
        "seed": study.seed,
    }
    threads = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        chips, images = 16, min(400, study.network.images)
        evaluate(network, technology, chips=1, images=images, **settings)  # compiles
        start = time.perf_counter()
        evaluate(network, technology, chips=chips, images=images, **settings)
        return chips * images / (time.perf_counter() - start)
    finally:
        numba.set_num_threads(threads)
