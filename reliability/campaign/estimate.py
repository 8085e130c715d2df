"""What a run of a study would do, how long it would take and how large it would be."""

import time
from typing import Any

import numba

from reliability.campaign.plan import (
    Task,
    cells_of,
    chips_per_task,
    combinations,
    image_cost,
    make_plan,
)
from reliability.campaign.spec import Study
from reliability.campaign.sweep import count_points, sweep_points
from reliability.campaign.tables import AgesTable
from reliability.campaign.tasks import compute


def plan_study(study: Study, *, workers: int = 1) -> dict[str, Any]:
    """Say what a run would do, and estimate its time from a short calibration.

    Returns
    -------
    dict
        ``points`` (of the sweep), ``chips``, ``ages``, ``draws``, ``combinations`` (of the
        sensitivity grid), ``tasks``, ``image_evaluations``, ``seconds`` (estimate),
        ``memory_bytes`` (peak of one worker, estimate), ``disk_bytes`` (estimate), ``spec_hash``.
    """
    tasks = work = 0
    for task in make_plan(study, chips_per_task(study)):
        tasks, work = tasks + 1, work + task.work
    ages, swept = len(study.ages.combinations), count_points(study)
    cells = cells_of(study)
    # accuracies, spikes, energies; without a sweep also confusion, reads, quantiles
    per_chip = 8 * 6 if study.sweep else 3000
    return {
        "points": swept,
        "chips": study.population.chips,
        "ages": ages,
        "draws": study.uncertainty.draws if study.uncertainty else 0,
        "combinations": len(combinations(study)) if study.sensitivity else 0,
        "tasks": tasks,
        "image_evaluations": work,
        "seconds": work / _rate(study) / workers,
        # cells of one chunk with their latents, events of all images, compiled code and libraries
        "memory_bytes": chips_per_task(study) * cells * 4 * 8
        + study.network.spike_limit * 1e4 * 6
        + 350e6,
        "disk_bytes": swept * study.population.chips * ages * per_chip,
        "spec_hash": study.spec_hash,
    }


def _rate(study: Study) -> float:
    """Image evaluations per second of one thread, measured on one small block of chips."""
    study = study.at(sweep_points(study)[0])
    chips, images = (16, 400) if image_cost(study) == 1 else (2, 100)
    task = Task("chips", 0, 0, chips, chips, chips, 0)
    small = {"images": min(images, study.network.images)}
    quick = study.model_copy(
        update={"network": study.network.model_copy(update=small), "ages": AgesTable()}
    )
    text = quick.model_dump_json()
    threads = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        compute(text, (), task)  # compiles
        start = time.perf_counter()
        compute(text, (), task)
        return chips * quick.network.images / (time.perf_counter() - start)
    finally:
        numba.set_num_threads(threads)
