"""What a run of a study would do, how long it would take and how large it would be."""

import math
import platform
import time
from typing import Any

import numba

from reliability.campaign.assessment import cells_of
from reliability.campaign.frame import StudyFrame
from reliability.campaign.kept import kept
from reliability.campaign.kind import Task
from reliability.campaign.outputs import OUTPUTS
from reliability.campaign.outputs.accuracy import combinations
from reliability.campaign.plan import chips_per_task, image_cost, make_plan
from reliability.campaign.spec import Study
from reliability.campaign.sweep import count_points, sweep_points
from reliability.campaign.tables import StressTable
from reliability.campaign.tasks import compute
from reliability.errors import expect, whole_number

_START = 5.0  # s: start of the processes, first use of compiled code, the report


def plan_study(study: Study, *, workers: int = 1) -> dict[str, Any]:
    """Say what a run would do, and estimate its time from a short calibration.

    Parameters
    ----------
    study : Study
        As `load_study` gives it.
    workers : int
        Processes that the time is estimated for.

    Returns
    -------
    dict
        ``points`` (of the sweep), ``chips`` (of the output that has the most, 0 without any),
        ``read_outs``, ``draws``, ``combinations`` (of the sensitivity grid), ``tasks``,
        ``image_evaluations``, ``seconds`` (estimate),
        ``memory_bytes`` (peak of one worker, estimate), ``disk_bytes`` (estimate), ``spec_hash``.

    Raises
    ------
    InputError
        Not a study, fewer than one worker.

    Examples
    --------
    >>> from reliability.campaign import load_study
    >>> found = plan_study(load_study("spirit", {"population.chips": 4}), workers=2)
    >>> found["chips"], found["read_outs"]
    (4, 9)
    """
    expect(study, StudyFrame, "study", "a Study, as load_study gives it")
    whole_number(workers, "workers", low=1)
    tasks = work = 0
    for task in make_plan(study, chips_per_task(study)):
        tasks, work = tasks + 1, work + task.work
    acting = {table for name in study.outputs for table in OUTPUTS[name].uses}
    read_outs = len(study.stress.combinations) if "stress" in acting else 1
    swept = count_points(study)
    cells = cells_of(study)
    # accuracies, spikes, energies; without a sweep also confusion, reads, quantiles
    per_chip = 8 * 6 if study.sweep else 3000
    return {
        "points": swept,
        "chips": max(_chips(study, name) for name in study.outputs),
        "read_outs": read_outs,
        "draws": study.uncertainty.draws if study.uncertainty else 0,
        "combinations": len(combinations(study)) if study.sensitivity else 0,
        "tasks": tasks,
        "image_evaluations": work,
        "seconds": _START + work / _rate(study) / workers,
        # cells of a chunk with their latent variables, events of all images, code and libraries
        "memory_bytes": chips_per_task(study) * cells * 4 * 8
        + study.network.spike_limit * 1e4 * 6
        + 350e6,
        "disk_bytes": swept * study.population.chips * read_outs * per_chip,
        "spec_hash": study.spec_hash,
    }


def _chips(study: Study, name: str) -> int:
    """Chips that a kind of output simulates: its table's, or the population's if that acts."""
    own = getattr(study.options(name), "chips", None) if OUTPUTS[name].table else None
    return own or (study.population.chips if "population" in OUTPUTS[name].uses else 0)


def _rate(study: Study) -> float:
    """Image evaluations per second of one thread: measured once, then kept for this machine."""
    study = study.at(sweep_points(study)[0]) if study.sweep else study
    of = (platform.node(), study.network.model_dump_json(), study.tiling.model_dump_json(),
          study.load_technology().fingerprint)  # fmt: skip
    return kept(
        "rates", of, lambda: _measured_rate(study), read=_as_rate, write=lambda r: f"{r:.6g}"
    )


def _as_rate(text: str) -> float:
    rate = float(text)
    if rate > 0 and math.isfinite(rate):
        return rate
    raise ValueError(text)


def _measured_rate(study: Study) -> float:
    """Measure the rate on one small block of chips."""
    chips, images = (16, 400) if image_cost(study) == 1 else (2, 100)
    task = Task("chips", 0, 0, chips, chips, chips, 0)
    small = {"images": min(images, study.network.images)}
    quick = study.model_copy(
        update={"network": study.network.model_copy(update=small), "stress": StressTable()}
    )
    threads = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        compute(quick, {}, task)  # compiles
        took = math.inf
        for _ in range(3):  # the best: a machine that does something else is only ever slower
            start = time.perf_counter()
            compute(quick, {}, task)
            took = min(took, time.perf_counter() - start)
        return chips * quick.network.images / took
    finally:
        numba.set_num_threads(threads)
