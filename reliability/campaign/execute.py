"""Executors: give independent tasks to processes of this machine or to a Dask cluster.

An executor knows tasks, not stores. It yields each task with what became of it, keeps only a few
tasks ahead of the workers (a million of them would be too much for any scheduler at once), and goes
on when one fails: a task that dies with its worker is tried again alone, so that it takes no other
task with it, and after `_ATTEMPTS` deaths it is reported and the rest completes.
"""

import contextlib
import multiprocessing
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar

from reliability.errors import InputError

Task = TypeVar("Task")
Done = tuple[Any, Any]  # a task, and what its work returned or the exception that it raised
Execute = Callable[[Callable[[Any], Any], Iterable[Any]], Iterator[Done]]
_AHEAD = 2  # tasks per worker that are handed out
_ATTEMPTS = 2
_TIMEOUT = "10 s"  # for a scheduler to answer


@contextmanager
def in_this_process() -> Iterator[Execute]:
    """Do one task after the other here, with all threads."""

    def execute(work: Callable[[Task], Any], tasks: Iterable[Task]) -> Iterator[Done]:
        for task in tasks:
            try:
                outcome = work(task)
            except Exception as error:
                outcome = error
            yield task, outcome

    yield execute


@contextmanager
def in_processes(workers: int) -> Iterator[Execute]:
    """Do tasks in processes of one thread each.

    Ctrl-C lets running tasks finish and then raises ``KeyboardInterrupt``; a second one stops them.
    """
    pool = _pool(workers)
    running: dict[Future, Any] = {}

    def execute(work: Callable[[Task], Any], tasks: Iterable[Task]) -> Iterator[Done]:
        nonlocal pool
        queue = iter(tasks)
        with _Interrupts() as interrupts:
            while True:
                if not interrupts.count:
                    for task in islice(queue, _AHEAD * workers - len(running)):
                        running[pool.submit(work, task)] = task
                if not running:
                    break
                done, _ = wait(running, timeout=0.5, return_when=FIRST_COMPLETED)
                if interrupts.count > 1:
                    raise KeyboardInterrupt
                suspects = []
                for future in done:
                    task = running.pop(future)
                    error = future.exception()
                    if isinstance(error, BrokenProcessPool):
                        suspects.append(task)
                    else:
                        yield task, future.result() if error is None else error
                if suspects:  # one of them killed its worker, and with it the pool
                    suspects += running.values()
                    running.clear()
                    _stop(pool)
                    for task in suspects:
                        yield task, _alone(work, task)
                    pool = _pool(workers)
            if interrupts.count:
                raise KeyboardInterrupt

    try:
        yield execute
    except BaseException:
        _stop(pool)
        raise
    pool.shutdown()


@contextmanager
def on_dask(address: str) -> Iterator[Execute]:
    """Do tasks on a Dask cluster whose workers see the output folder under the same path.

    Parameters
    ----------
    address : str
        Of the scheduler, ``tcp://host:8786``.

    Raises
    ------
    InputError
        Dask is not installed, or no scheduler answers.
    """
    distributed = _distributed()
    try:
        client = distributed.Client(address, timeout=_TIMEOUT, set_as_default=False)
    except (OSError, ValueError) as error:
        raise InputError(f"scheduler: no answer from {address!r}: {error}") from None

    def execute(work: Callable[[Task], Any], tasks: Iterable[Task]) -> Iterator[Done]:
        queue = iter(tasks)
        names: dict[str, Any] = {}

        def submit(count: int) -> list[Any]:
            futures = []
            for task in islice(queue, count):
                # not pure: a task that is given out again is to be computed again
                future = client.submit(_one_thread_for, work, task, pure=False)
                names[future.key] = task
                futures.append(future)
            return futures

        threads = sum(client.nthreads().values()) or 1
        first = submit(_AHEAD * threads)
        completed = distributed.as_completed(first, loop=client.loop)
        for future in completed:
            task = names.pop(future.key)
            error = future.exception()
            yield task, future.result() if error is None else error
            for more in submit(1):
                completed.add(more)

    with client:
        yield execute


@contextmanager
def local_cluster(workers: int) -> Iterator[str]:
    """Start a Dask cluster of processes on this machine and yield its scheduler's address."""
    distributed = _distributed()
    with distributed.LocalCluster(workers, threads_per_worker=1, dashboard_address=None) as cluster:
        yield cluster.scheduler_address


def _distributed() -> Any:
    try:
        import distributed
    except ImportError:
        raise InputError("scheduler: needs Dask: pip install 'rram-reliability[dask]'") from None
    return distributed


def _pool(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, _context(), _start_worker)


def _context() -> multiprocessing.context.BaseContext:
    """How workers start.

    Never by a fork of this process: threads of numerical libraries do not survive one. Where it
    can be had, a server with one thread imports the package once and each worker is a fork of it,
    which is ready at once; a worker that is spawned imports for seconds.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():  # Windows
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["reliability.campaign.runner"])
    return context


def _start_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    # Where processes fork, numba makes a lock for them, which a worker that dies leaves behind.
    multiprocessing.set_start_method("spawn", force=True)
    _one_thread()


def _one_thread() -> None:
    """Let each worker compute in one thread, so that workers do not get in each other's way."""
    import numba
    from threadpoolctl import threadpool_limits

    numba.set_num_threads(1)
    threadpool_limits(1)


def _one_thread_for(work: Callable[[Task], Any], task: Task) -> Any:
    _one_thread()
    return work(task)


def _alone(work: Callable[[Task], Any], task: Task) -> Any:
    """Do a task in a process of its own, more than once if that dies."""
    outcome: Any = None
    for _ in range(_ATTEMPTS):
        with _pool(1) as pool:
            try:
                return pool.submit(work, task).result()
            except BrokenProcessPool:
                outcome = RuntimeError("its worker died, out of memory perhaps")
            except Exception as error:
                return error
    return outcome


def _stop(pool: ProcessPoolExecutor) -> None:
    """End a pool without waiting for its tasks."""
    processes = list((pool._processes or {}).values())  # there is no public way to stop them
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()


class _Interrupts:
    """Counts Ctrl-C while it is in force (in the main thread, where signals arrive)."""

    def __init__(self) -> None:
        self.count = 0
        self._before: Any = None

    def __enter__(self) -> "_Interrupts":
        with contextlib.suppress(ValueError):  # not in the main thread
            self._before = signal.signal(signal.SIGINT, self._interrupt)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _interrupt(self, *_: object) -> None:
        self.count += 1
        if self.count == 1:
            print(
                "\nstopping when the running tasks are done; Ctrl-C again stops at once",
                file=sys.stderr,
            )
