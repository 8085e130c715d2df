"""What a campaign costs over the bare computation, and what a million tasks would cost.

Usage: python -m benchmarks.campaign [--chips 1536]

Runs the same tasks bare (one thread, one after the other, nothing stored), as a study in one
process, and as a study in two; then prices one task: its way through the process pool and through
Dask, and its write into the store.
"""

import argparse
import shutil
import tempfile
import time
from functools import partial
from pathlib import Path

import numba

import reliability as rel
from benchmarks.found import row
from reliability.campaign import execute, integrity, store
from reliability.campaign.plan import chips_per_task, make_plan
from reliability.campaign.sweep import sweep_points
from reliability.campaign.tasks import compute

STUDY = """
title = "campaign benchmark"
technology = "oxram-130nm"
[network]
images = 10_000
[population]
chips = {chips}
"""


def nothing(task: int) -> int:
    """Do no work: what is left is the way there and back."""
    return task


def seconds(work: object) -> float:
    """Return how long a call takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chips", type=int, default=1536)
    folder = Path(tempfile.mkdtemp())
    path = folder / "study.toml"
    path.write_text(STUDY.format(chips=parser.parse_args().chips))
    study = rel.load_study(path)
    chunk = chips_per_task(study)
    tasks = list(make_plan(study, chunk))
    numba.set_num_threads(1)
    compute(study, {}, tasks[-1])  # compiles

    bare = seconds(lambda: [compute(study, {}, task) for task in tasks])
    one = seconds(lambda: rel.run_study(study, folder / "one"))
    with execute.in_processes(2) as run:  # workers that have loaded and compiled
        list(run(partial(compute, study, {}), tasks[:2]))
        bare_two = seconds(lambda: list(run(partial(compute, study, {}), tasks)))
    two = seconds(lambda: rel.run_study(study, folder / "two", workers=2))
    start = two - bare_two
    print(f"{len(tasks)} tasks of {chunk} chips")
    print(f"bare, one thread            {bare:7.2f} s")
    print(f"study, one process          {one:7.2f} s   overhead {one / bare - 1:+.1%}")
    print(f"tasks in two warm processes {bare_two:7.2f} s   {bare / bare_two:.2f} times one thread")
    print(f"study, two processes        {two:7.2f} s   of it {start:.2f} s start and store, once")

    row("campaign over bare tasks, one process", f"{one:.2f} s", f"bare {bare:.2f} s", bare / one)
    row(
        "tasks in two warm processes",
        f"{bare_two:.2f} s",
        f"one thread {bare:.2f} s",
        bare / bare_two,
    )

    count = 2000
    with execute.in_processes(2) as run:
        list(run(nothing, range(4)))
        pool = seconds(lambda: list(run(nothing, range(count)))) / count
    try:
        with execute.local_cluster(2) as address, execute.on_dask(address) as run:
            list(run(nothing, range(4)))
            dask = seconds(lambda: list(run(nothing, range(count)))) / count
    except rel.InputError:
        dask = float("nan")
    layout = store.open_folder(
        folder / "one", study.model_dump(mode="json"), (study.spec_hash, study.frame_hash),
        list(sweep_points(study)), chunk,
    )  # fmt: skip
    part = compute(study, {}, tasks[-1])
    write = seconds(lambda: [store.write_part(layout, tasks[-1], part) for _ in range(20)]) / 20
    check = seconds(lambda: list(integrity.missing(layout, tasks))) / len(tasks)
    files = sum(path.is_file() for path in (folder / "one" / "results.zarr").rglob("*"))
    print(f"a task's way: process pool {pool * 1e3:.2f} ms, Dask {dask * 1e3:.2f} ms")
    row(
        "a task's way through the process pool",
        f"{pool * 1e3:.2f} ms",
        f"Dask {dask * 1e3:.2f} ms",
        dask / pool,
    )
    print(f"a task's write {write * 1e3:.1f} ms, its check {check * 1e3:.1f} ms")
    print(f"{files / len(tasks):.0f} files for each task")
    rate = 1 / dask if dask == dask else float("nan")
    print(f"Dask hands out {rate:.0f} tasks/s: {1000 / rate:.1f} s a task keep 1000 workers busy")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
