"""Run a study: the tasks of its plan, here, in several processes, or on a Dask cluster."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path

import xarray as xr

from reliability.campaign import execute, integrity, store
from reliability.campaign.lock import locked
from reliability.campaign.plan import BATCH, Task, chips_per_task, make_plan
from reliability.campaign.quantities import unit_of
from reliability.campaign.selection import at_age, wafers_of
from reliability.campaign.spec import Study
from reliability.campaign.store import Layout
from reliability.campaign.sweep import sweep_points
from reliability.campaign.tasks import compute
from reliability.errors import InputError, RunError, expect
from reliability.statistics.crossed import mean_of_rows

Progress = Callable[[Task, int, int], None]


def run_study(
    study: Study,
    out: str | Path,
    *,
    workers: int = 1,
    chunk: int | None = None,
    scheduler: str | None = None,
    store_url: str | None = None,
    progress: Progress | None = None,
) -> Path:
    """Run a study, go on with one that was interrupted, or extend one.

    Parameters
    ----------
    study : Study
    out : str or Path
        Folder for the results: a new one, or one that holds this very study, or the same study
        with fewer chips, draws or points of its sweep; only what is missing is computed.
    workers : int
        Processes. The results do not depend on it.
    chunk : int, optional
        Chips per task of a new folder; by default a few seconds of work. The results do not depend
        on it.
    scheduler : str, optional
        Address of a Dask scheduler whose workers see ``out`` under the same path.
    store_url : str, optional
        URL that fsspec knows (``s3://bucket/name``), for the results of a new study instead of
        ``results.zarr`` in the folder.
    progress : callable, optional
        Called as ``progress(task, image evaluations done, of all)`` when a task is done.

    Returns
    -------
    Path
        The folder, with ``results.zarr`` in it.

    Raises
    ------
    InputError
        The folder holds something else, or another run is at work in it.
    RunError
        Tasks failed; the message names them. All others are done and kept.
    """
    expect(study, Study, "study", "a Study, as load_study gives it")
    if workers < 1:
        raise InputError(f"workers: got {workers}, allowed 1 or more")
    folder = Path(out)
    if scheduler is not None:
        executor = execute.on_dask(scheduler)
    else:
        executor = execute.in_processes(workers) if workers > 1 else execute.in_this_process()
    with locked(folder) as token:
        layout = store.open_folder(
            folder,
            study.model_dump(mode="json"),
            (study.spec_hash, study.frame_hash),
            sweep_points(study),
            chunk or chips_per_task(study),
            store_url,
            token,
        )
        with executor as run:
            _run(study, layout, run, progress)
        store.finish(layout)
        integrity.seal(layout)
    return folder


def _run(study: Study, layout: Layout, run: execute.Execute, progress: Progress | None) -> None:
    attributes = {"spec_hash": study.spec_hash, "seed": study.seed}
    text = study.model_dump_json()
    scouts, total, groups = [], 0, set()
    whole = integrity.unseal(layout)
    for task in make_plan(study, layout.chunk):
        total += task.work
        if task.group not in groups:
            groups.add(task.group)
            if task.group not in whole or not store.fit_group(layout, task, attributes):
                scouts.append(task)
    groups -= {task.group for task in scouts}
    done = 0

    def finished(task: Task) -> None:
        nonlocal done
        done += task.work
        if progress:
            progress(task, done, total)

    # The first task of each group tells what the group's arrays are like.
    failed: list[tuple[Task, Exception]] = []
    for task, part in run(partial(_compute, text, layout), scouts):
        if isinstance(part, Exception):
            raise RunError(f"{task.name}: {_reason(part)}") from part
        part.attrs |= attributes
        store.create_group(layout, task, part)
        store.write_part(layout, task, part)
        groups.add(task.group)
        integrity.seal(layout, groups)
        finished(task)
    store.write_points(layout, {axis.name: unit_of(axis.name) for axis in study.sweep})
    integrity.seal(layout, groups)
    for batch in _batches(study, layout):
        todo = set(integrity.missing(layout, batch))
        done += sum(task.work for task in batch if task not in todo and task not in scouts)
        queue = (task for task in batch if task in todo)
        for task, outcome in run(partial(_compute_and_write, text, layout), queue):
            if isinstance(outcome, OSError):  # disk full, folder gone: the others would fail too
                raise RunError(f"{task.name}: {_reason(outcome)}; what is done is kept")
            if isinstance(outcome, Exception):
                failed.append((task, outcome))
            else:
                finished(task)
        if failed:
            continue
        if study.population.until and batch[-1].group == "chips" and _is_sure(study, layout, batch):
            break
    if failed:
        names = "; ".join(f"{task.name} ({_reason(error)})" for task, error in failed[:5])
        more = f" and {len(failed) - 5} more" if len(failed) > 5 else ""
        raise RunError(
            f"{len(failed)} tasks failed: {names}{more}. The others are done and kept; "
            "the same command tries these again"
        )


def _batches(study: Study, layout: Layout) -> Iterator[list[Task]]:
    """All tasks at once, or, of a study that may stop early, a few of chips at a time."""
    plan = make_plan(study, layout.chunk)
    if not study.population.until:
        size = 100_000  # what is known of a batch is held in memory
    else:
        size = BATCH * len(layout.points)
        others = [task for task in make_plan(study, layout.chunk) if task.group != "chips"]
        if others:
            yield others
        plan = (task for task in plan if task.group == "chips")
    while batch := list(islice(plan, size)):
        yield batch


def _is_sure(study: Study, layout: Layout, batch: list[Task]) -> bool:
    """Whether the mean accuracy of the chips so far is known well enough; then they are all."""
    chips = batch[-1].first + batch[-1].count
    accuracy = store.read_results(layout.folder)["chips"]["accuracy"].isel(chip=slice(chips))
    accuracy = at_age(accuracy, study.stress.end)
    widest = 0.0
    for k in range(len(layout.points)):
        here = accuracy.isel({store.POINT: k}) if layout.swept else accuracy
        mean, low, high = mean_of_rows(here.values, wafers_of(here), study.confidence)
        widest = max(widest, high - mean, mean - low)
    assert study.population.until is not None  # asked for by the study
    if widest > study.population.until:
        return False
    last = batch[-1]
    store.fit_group(layout, Task(last.group, 0, 0, chips, chips, last.chunk, 0), {})
    return True


def _compute(study: str, layout: Layout, task: Task) -> xr.Dataset:
    return compute(study, tuple(layout.points[task.point].items()), task).load()


def _compute_and_write(study: str, layout: Layout, task: Task) -> None:
    store.write_part(layout, task, _compute(study, layout, task))


def _reason(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
