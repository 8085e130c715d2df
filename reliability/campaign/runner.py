"""Run a study: the tasks of its plan, here, in several processes, or on a Dask cluster."""

from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import xarray as xr

from reliability.campaign import execute, integrity, store
from reliability.campaign.decision import compute_decision
from reliability.campaign.frame import Point, StudyFrame
from reliability.campaign.fronts import evaluated, evaluations
from reliability.campaign.kind import Task
from reliability.campaign.lock import locked
from reliability.campaign.outputs import kinds_of
from reliability.campaign.plan import BATCH, chips_per_task, make_plan
from reliability.campaign.screening import hopeless, stage_folder, stage_of
from reliability.campaign.search import Evaluation, search_designs
from reliability.campaign.selection import at_point
from reliability.campaign.spec import Study, unit_of
from reliability.campaign.store import Layout
from reliability.campaign.summary import Stage, answer_points, summarize, write_summary
from reliability.campaign.sweep import search_space, sweep_points
from reliability.campaign.tasks import compute
from reliability.errors import InputError, RunError, TasksFailed, expect, whole_number
from reliability.progress import progress as progress_line

_LOOKED_AT = 2000  # tasks that a worker looks for in the store at once
_MOST_SCOUTS = 20  # tasks of a group that are tried until one shows what its arrays are like
Progress = Callable[[Task, int, int], None]
Answer = dict[str, Any]
Answers = Callable[[Study], list[Answer]]


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
        Called as ``progress(task, image evaluations done, of all)`` when a task is done; by default
        a line in a terminal or notebook.

    Returns
    -------
    Path
        The folder, with ``results.zarr`` and ``summary.json`` in it.

    Raises
    ------
    InputError
        The folder holds something else, or another run is at work in it.
    RunError
        Tasks failed; the message names them. All others are done and kept.
    """
    expect(study, StudyFrame, "study", "a Study, as load_study gives it")
    whole_number(workers, "workers", low=1)
    folder = Path(out)
    if scheduler is not None:
        executor = execute.on_dask(scheduler)
    else:
        executor = execute.in_processes(workers) if workers > 1 else execute.in_this_process()
    line = progress_line("image evaluations", 1.0, show=progress is None)
    with ExitStack() as stack:
        token, run = stack.enter_context(locked(folder)), stack.enter_context(executor)
        done = stack.enter_context(line)
        shown = progress or (lambda task, now, total: done(now / max(total, 1)))

        def answers_in(place: Path) -> Answers:
            """Answer studies in a folder, each point once; its lock is held till the end."""
            held, url = token, store_url
            known: dict[tuple[Any, ...], Answer] = {}
            if place != folder:
                held = stack.enter_context(locked(place))
                url = store_url and "-".join((store_url, *place.relative_to(folder).parts))

            def answers(here: Study) -> list[Answer]:
                layout = store.open_folder(
                    place,
                    here.model_dump(mode="json"),
                    (here.spec_hash, here.frame_hash),
                    sweep_points(here),
                    chunk or chips_per_task(here),
                    url,
                    held,
                )
                _run(here, layout, run, shown)
                store.finish(layout)
                integrity.seal(layout)
                points = answer_points(here, store.read_results(place), known)
                known.update((tuple(one["point"].values()), one) for one in points)
                return points

            return answers

        if study.search and study.design.kind != "listed":
            study, stages, points = _search(study, folder, answers_in)
        else:
            stages, points = [], answers_in(folder)(study)
        summary = summarize(study, store.read_results(folder), stages, points)
        write_summary(folder, summary)
        if study.decision and (found := compute_decision(study, summary, answers_in, folder)):
            write_summary(folder, summary | {"decision": found})
    return folder


class _Stage:
    """Designs of a search that are computed with so many chips."""

    def __init__(self, study: Study, folder: Path, answers_in: Callable[[Path], Answers]) -> None:
        there = store.read_marker(folder)["spec"] if (folder / store.MARKER).is_file() else {}
        self.known = list(there.get("design", {}).get("listed", []))  # of a run that was stopped
        self.done: list[Point] = []
        self.points: list[Answer] = []  # of the designs that are done
        self.evaluated: list[Answer] = []
        self.study, self.folder, self.answers = study, folder, answers_in(folder)

    def evaluate(self, new: list[Point]) -> tuple[list[Evaluation], list[bool]]:
        """Return the evaluations of new designs, and which of them need not be computed further."""
        if not self.done and not self.known:  # an objective that is none is refused at the first
            evaluations(self.study, self.answers(self.study.with_designs(new[:1])))
        self.done.extend(new)
        listed = self.done + [design for design in self.known if design not in self.done]
        points = self.answers(self.study.with_designs(listed))
        # not of those that a run found later which was stopped: a search knows no future
        points = points[: len(self.done) * len(points) // len(listed)]
        own = points[len(self.points) :]
        self.points = points
        self.evaluated += evaluated(self.study, own)
        return evaluations(self.study, own), hopeless(self.evaluated)[-len(new) :]

    def check(self) -> None:
        """Refuse a folder with designs beyond the search of this study."""
        if len(self.done) < len(self.known):
            raise InputError(
                f"out: folder {str(self.folder)!r} holds {len(self.known)} designs of another "
                f"search, {len(self.done)} were expected; choose another folder"
            )


def _search(
    study: Study, folder: Path, answers_in: Callable[[Path], Answers]
) -> tuple[Study, list[Stage], list[Answer]]:
    """Compute the designs of a search, generation after generation, each through its stages.

    Returns the study at the designs that were computed with all chips, the stages before, and the
    answers at its points.
    """
    assert study.search is not None
    screens = [
        _Stage(stage_of(study, chips), stage_folder(folder, chips), answers_in)
        for chips in study.search.stages
    ]
    last = _Stage(study, folder, answers_in)

    def evaluate(new: list[Point]) -> list[Evaluation]:
        out: list[Evaluation] = [Evaluation(())] * len(new)
        left = list(range(len(new)))

        def through(stage: _Stage) -> list[bool]:
            found, stopped = stage.evaluate([new[k] for k in left])
            for k, evaluation in zip(left, found, strict=True):
                out[k] = evaluation
            return stopped

        for stage in screens:
            stopped = through(stage)
            best = min(left, key=lambda k: out[k].violation)  # goes on in any case
            left = [k for k, stop in zip(left, stopped, strict=True) if not stop or k == best]
        through(last)
        return out

    search_designs(search_space(study), study.search, study.seed, evaluate)
    for stage in (*screens, last):
        stage.check()
    stages = [Stage.of(one.study.with_designs(one.done), one.points) for one in screens]
    return study.with_designs(last.done), stages, last.points


def _run(study: Study, layout: Layout, run: execute.Execute, progress: Progress | None) -> None:
    attributes = {"spec_hash": study.spec_hash, "seed": study.seed}
    scouts, groups, total = _survey(study, layout, attributes)
    counter = _Counter(total, progress)
    failed: list[tuple[Task, Exception]] = []
    tried: set[Task] = set()
    while scouts:
        tried |= set(scouts)
        for task, part in run(partial(_compute, study, layout), scouts):
            if isinstance(part, OSError):
                raise RunError(f"{task.name}: {_reason(part)}") from part
            if isinstance(part, Exception):
                failed.append((task, part))
                continue
            part.attrs |= attributes
            store.create_group(layout, task, part)
            store.write_part(layout, task, part)
            groups.add(task.group)
            integrity.seal(layout, groups)
            counter.add(task)
        scouts = _other_scouts(study, layout, {task.group for task in scouts} - groups, tried)
    store.write_points(layout, {axis.name: unit_of(axis.name) for axis in study.sweep})
    integrity.seal(layout, groups)
    for batch in _batches(study, layout):
        todo = {task for task in _missing(layout, run, batch) if task.group in groups}
        counter.done += sum(t.work for t in batch if t not in todo | tried)
        queue = (task for task in batch if task in todo - tried)
        for task, outcome in run(partial(_compute_and_write, study, layout), queue):
            if isinstance(outcome, OSError):  # disk full, folder gone: the others would fail too
                raise RunError(f"{task.name}: {_reason(outcome)}; what is done is kept")
            if isinstance(outcome, Exception):
                failed.append((task, outcome))
            else:
                counter.add(task)
        if not failed and study.population.until and _is_sure(study, layout, batch):
            break
    if failed:
        raise _failure(failed) from failed[0][1]


def _other_scouts(
    study: Study, layout: Layout, groups: Collection[str], tried: Collection[Task]
) -> list[Task]:
    """Return the next task of each group whose first ones failed, unless too many did."""
    found: dict[str, Task] = {}
    for task in make_plan(study, layout.chunk) if groups else ():
        many = sum(other.group == task.group for other in tried) >= _MOST_SCOUTS
        if task.group in groups and task not in tried and not many:
            found.setdefault(task.group, task)
    return list(found.values())


def _survey(
    study: Study, layout: Layout, attributes: dict[str, object]
) -> tuple[list[Task], set[str], float]:
    """Lengthen the whole groups; return the first task of each other, those groups, all work."""
    scouts: list[Task] = []
    total, seen, whole = 0, set(), integrity.unseal(layout)
    for task in make_plan(study, layout.chunk):
        total += task.work
        if task.group not in seen:
            seen.add(task.group)
            if task.group not in whole or not store.fit_group(layout, task, attributes):
                scouts.append(task)
    return scouts, seen - {task.group for task in scouts}, total


@dataclass
class _Counter:
    """Image evaluations done, of all, said after each task."""

    total: float
    progress: Progress | None
    done: float = 0

    def add(self, task: Task) -> None:
        self.done += task.work
        if self.progress:
            self.progress(task, int(self.done), int(self.total))


def _failure(failed: list[tuple[Task, Exception]]) -> TasksFailed:
    names = "; ".join(f"{task.name} ({_reason(error)})" for task, error in failed[:5])
    more = f" and {len(failed) - 5} more" if len(failed) > 5 else ""
    return TasksFailed(
        f"{len(failed)} tasks failed: {names}{more}. The others are done and kept; "
        "the same command tries these again"
    )


def _batches(study: Study, layout: Layout) -> Iterator[list[Task]]:
    """All tasks at once, or, of a study that may stop early, a few of chips at a time."""
    size = 100_000  # what is known of a batch is held in memory
    plan = make_plan(study, layout.chunk)
    if study.population.until:
        later = set(_groups_of_later(study, layout))
        if first := [task for task in plan if task.group not in later]:
            yield first
        size = BATCH * len(layout.points)
        plan = (task for task in make_plan(study, layout.chunk) if task.group in later)
    while batch := list(islice(plan, size)):
        yield batch


def _groups_of_later(study: Study, layout: Layout) -> Iterator[str]:
    for kind in kinds_of(study):
        for task in islice(kind.later(study, len(layout.points), layout.chunk), 1):
            yield task.group


def _is_sure(study: Study, layout: Layout, batch: list[Task]) -> bool:
    """Whether the chips so far have told enough; then the store ends with them."""
    last = batch[-1]
    if last.group not in _groups_of_later(study, layout):
        return False
    chips = last.first + last.count
    results = {last.group: store.read_results(layout.folder)[last.group].isel(chip=slice(chips))}
    points = [at_point(results, p) for p in layout.points] if layout.swept else [results]
    if not all(kind.is_sure(study, points) for kind in kinds_of(study) if kind.is_sure):
        return False
    store.fit_group(layout, Task(last.group, 0, 0, chips, chips, last.chunk, 0), {})
    return True


def _missing(layout: Layout, run: execute.Execute, batch: list[Task]) -> Iterator[Task]:
    """Yield the tasks of a batch that are to be done; the workers look through the store."""
    parts = [batch[k : k + _LOOKED_AT] for k in range(0, len(batch), _LOOKED_AT)]
    for _, found in run(partial(_look, layout), parts):
        if isinstance(found, Exception):
            raise found
        yield from found


def _look(layout: Layout, tasks: list[Task]) -> list[Task]:
    return list(integrity.missing(layout, tasks))


def _compute(study: Study, layout: Layout, task: Task) -> xr.Dataset:
    return compute(study, layout.points[task.point], task).load()


def _compute_and_write(study: Study, layout: Layout, task: Task) -> None:
    store.write_part(layout, task, _compute(study, layout, task))


def _reason(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
