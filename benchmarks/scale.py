"""Where a campaign of a million tasks and a population of 1e9 cells break first.

Usage: python -m benchmarks.scale [messages] [store] [population]
       [--tasks 20000] [--workers 1000] [--cells 1e9]

messages    the driver's own loop hands tasks to a Dask scheduler in this process; as many workers
            in another process take them over TCP and do nothing: what is left is what a task costs
            driver and scheduler
store       every task of a study is written into a Zarr store on this disk; then the store is
            looked through, as by a run that goes on, and opened for its summary
population  cells are sampled, aged and compared with a reference die by die
"""

import argparse
import asyncio
import multiprocessing
import resource
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np

import reliability as rel
from benchmarks.found import row
from reliability.campaign import execute, integrity, store
from reliability.campaign.kind import Task
from reliability.campaign.plan import make_plan
from reliability.campaign.spec import Study
from reliability.campaign.store import Layout
from reliability.campaign.sweep import sweep_points
from reliability.campaign.tasks import compute

PARTS = ("messages", "store", "population")
POINTS = 100
STUDY = """
title = "scale"
technology = "oxram-130nm"
[network]
images = 100
[population]
chips = {chips}
[stress]
temperatures = ["85 degC"]
times = ["1 h", "10 years"]
[[sweep]]
name = "parameters.relaxation.LRS.sigma"
values = {values}
"""
DIE = 1_000_000  # cells
MISSION = rel.MissionProfile.constant(time="10 years", temperature="85 degC")


def memory() -> float:
    """Return the largest memory of this process so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def study_of(tasks: int) -> Study:
    """Return a study of so many tasks, each of one chip at one of the points of a sweep."""
    values = np.linspace(0.1, 0.4, POINTS).round(4).tolist()
    with tempfile.TemporaryDirectory() as place:
        path = Path(place, "study.toml")
        path.write_text(STUDY.format(chips=-(-tasks // POINTS), values=values))
        return rel.load_study(path)


def layout_of(study: Study, folder: Path) -> Layout:
    """Return the layout of a store in which each chip is a task."""
    spec, hashes = study.model_dump(mode="json"), (study.spec_hash, study.frame_hash)
    return store.open_folder(folder, spec, hashes, sweep_points(study), 1)


def nothing(study: Study, layout: Layout, task: Task) -> None:
    """Do no work, with the arguments that the campaign sends with a task."""


def start_workers(address: str, count: int) -> None:
    """Be so many workers of a scheduler, until it goes."""
    from distributed import Worker

    async def work() -> None:
        workers = [Worker(address, nthreads=1, dashboard=False) for _ in range(count)]
        await asyncio.gather(*workers)
        await asyncio.gather(*(worker.finished() for worker in workers))

    asyncio.run(work())


def messages(tasks: int, count: int) -> None:
    """Print how fast tasks go through the driver and a scheduler with many workers."""
    from distributed import Client, LocalCluster

    study = study_of(tasks)
    plan = [task for task in make_plan(study, 1) if task.group == "chips"][:tasks]
    context = multiprocessing.get_context("spawn")
    with (
        tempfile.TemporaryDirectory() as place,
        LocalCluster(0, host="127.0.0.1", dashboard_address=None) as cluster,
        Client(cluster.scheduler_address, set_as_default=False) as client,
    ):
        address = cluster.scheduler_address
        others = context.Process(target=start_workers, args=(address, count), daemon=True)
        others.start()
        client.wait_for_workers(count, timeout=600)
        work = partial(nothing, study, layout_of(study, Path(place)))
        with execute.on_dask(address) as run:
            list(run(work, plan[: 2 * count]))
            before, start, busy = memory(), time.perf_counter(), time.process_time()
            outcomes = [outcome for _, outcome in run(work, plan)]
            took, busy = time.perf_counter() - start, time.process_time() - busy
        others.terminate()
    assert outcomes == [None] * len(plan)
    rate = len(plan) / took
    print(
        f"{len(plan)} tasks through {count} workers: {rate:.0f} tasks/s, memory +"
        f"{memory() - before:.0f} MB; driver and scheduler take {busy / len(plan) * 1e3:.1f} ms of "
        f"a core for each; all workers are busy from {count / rate:.1f} s a task on"
    )
    row(f"tasks handed to {count} Dask workers", f"{rate:.0f} tasks/s")


def store_of(tasks: int) -> None:
    """Print what a store costs to write, to look through and to open."""
    study = study_of(tasks)
    plan = [task for task in make_plan(study, 1) if task.group == "chips"][:tasks]
    with tempfile.TemporaryDirectory() as place:
        layout = layout_of(study, Path(place, "out"))
        part = compute(study, layout.points[0], plan[0]).load()
        part.attrs |= {"spec_hash": study.spec_hash, "seed": study.seed}
        integrity.unseal(layout)
        store.create_group(layout, plan[0], part)
        start = time.perf_counter()
        for task in plan:
            store.write_part(layout, task, part)
        write = (time.perf_counter() - start) / len(plan)
        files = [path.stat().st_size for path in Path(layout.root).rglob("*") if path.is_file()]
        store.write_points(layout, {axis.name: None for axis in study.sweep})
        integrity.seal(layout)
        before, start = memory(), time.perf_counter()
        todo = sum(1 for _ in integrity.missing(layout, plan))
        look = (time.perf_counter() - start) / len(plan)
        start = time.perf_counter()
        found = store.read_results(layout.folder)["chips"]["accuracy"].mean().values
        read = (time.perf_counter() - start) / len(plan)
        assert np.isfinite(found) or len(plan) < study.population.chips * POINTS
    assert todo == 0
    print(
        f"{len(plan)} tasks in a store: {write * 1e3:.1f} ms to write one, {look * 1e3:.2f} ms to "
        f"check it (memory +{memory() - before:.0f} MB), {read * 1e3:.2f} ms to read its accuracy; "
        f"{len(files) / len(plan):.0f} files of {sum(files) / len(files) / 1024:.1f} kB a task"
    )
    row(f"a task's write, store of {len(plan)} tasks", f"{write * 1e3:.1f} ms")
    row(f"a task's check on resume, store of {len(plan)} tasks", f"{look * 1e3:.2f} ms")


def population(cells: float) -> None:
    """Print rate and memory of cells that are sampled, aged, counted and forgotten."""
    card = rel.load_technology("oxram-130nm")
    wrong, before, start = 0, 0.0, time.perf_counter()
    wafers = max(1, round(cells / DIE))
    reference = rel.best_reference(card)
    for wafer in range(wafers):
        made = rel.sample_population(
            card, first_wafer=wafer, cells=DIE, state="HRS", seed=1, dtype=np.float32
        )
        aged = rel.age(made, MISSION)["conductance"].values
        wrong += int(np.count_nonzero(aged > reference))
        before = before or memory()  # of the first die
    took = time.perf_counter() - start
    print(
        f"{wafers * DIE:.0e} cells sampled and aged: {wafers * DIE / took:.2e} cells/s, "
        f"{wrong / wafers / DIE:.2e} wrong, memory {before:.0f} MB after the first die, "
        f"{memory():.0f} MB after the last"
    )
    row(
        f"{wafers * DIE:.0e} cells, one die at a time",
        f"{wafers * DIE / took:.2e} cells/s, {memory():.0f} MB",
    )


def main() -> None:
    """Do the parts that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=[], choices=(*PARTS, []))
    parser.add_argument("--tasks", type=int, default=20_000)
    parser.add_argument("--workers", type=int, default=1000)
    parser.add_argument("--cells", type=float, default=1e9)
    chosen = parser.parse_args()
    chosen.parts = chosen.parts or PARTS
    if "messages" in chosen.parts:
        messages(chosen.tasks, chosen.workers)
    if "store" in chosen.parts:
        store_of(chosen.tasks)
    if "population" in chosen.parts:
        population(chosen.cells)


if __name__ == "__main__":
    main()
