"""Executors: give independent tasks to processes of this machine or to a Dask cluster.

An executor knows tasks, not stores. It yields each task with what became of it, keeps only a few
tasks ahead of the workers (a million of them would be too much for any scheduler at once), and goes
on when one fails: a task that dies with its worker is tried again alone, so that it takes no other
task with it, and after `_ATTEMPTS` deaths it is reported and the rest completes.
"""

import contextlib
import logging
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import lru_cache
from itertools import islice
from multiprocessing import connection, forkserver
from queue import Empty, SimpleQueue
from typing import Any, NoReturn, TypeVar

from reliability.errors import InputError

Task = TypeVar("Task")
Done = tuple[Any, Any]  # a task, and what its work returned or the exception that it raised
Execute = Callable[[Callable[[Any], Any], Iterable[Any]], Iterator[Done]]
_AHEAD = 2  # tasks per worker that are handed out
_ATTEMPTS = 2
_TIMEOUT = "10 s"  # for a scheduler to answer
_PATIENCE = 5.0  # s for workers to end
_ENDING = {
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
}


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
    """Do tasks in processes of one thread each, which end when this one does.

    Ctrl-C lets running tasks finish and then raises ``KeyboardInterrupt``; a second one stops them.
    """
    pool = _pool(workers)

    def execute(work: Callable[[Task], Any], tasks: Iterable[Task]) -> Iterator[Done]:
        def submit(task: Task) -> Future:
            nonlocal pool
            try:
                return _submit(pool, work, task)
            except BrokenProcessPool:
                _stop(pool)
                pool = _pool(workers)
                return _submit(pool, work, task)

        for task, future in _completed(submit, tasks, _AHEAD * workers):
            error = future.exception()
            if isinstance(error, BrokenProcessPool):  # it, or another task, killed a worker
                yield task, _alone(work, task)
            else:
                yield task, future.result() if error is None else error

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
        def submit(task: Task) -> Any:
            # not pure: a task that is given out again is to be computed again
            return client.submit(_one_thread_for, work, task, pure=False)

        threads = sum(client.nthreads().values()) or 1
        for task, future in _completed(submit, tasks, _AHEAD * threads):
            error = future.exception()
            yield task, future.result() if error is None else error

    with client:
        yield execute


def _completed(
    submit: Callable[[Task], Any], tasks: Iterable[Task], ahead: int
) -> Iterator[tuple[Task, Any]]:
    """Hand out ``ahead`` tasks at a time and yield each with its future when that is done.

    Futures are those of ``concurrent.futures`` or of Dask. After Ctrl-C no task is handed out, and
    those that run are waited for; after a second one nothing is.
    """
    queue, running, done = iter(tasks), dict[Any, Task](), SimpleQueue[Any]()
    with _Interrupts() as interrupts:
        while True:
            if not interrupts.count:
                for task in islice(queue, ahead - len(running)):
                    future = submit(task)
                    running[future] = task
                    future.add_done_callback(done.put)
            if not running:
                break
            with contextlib.suppress(Empty):
                future = done.get(timeout=0.5)
                yield running.pop(future), future
            if interrupts.count > 1:
                break
        if interrupts.count:
            interrupts.hand_on()


@contextmanager
def local_cluster(workers: int) -> Iterator[str]:
    """Start a Dask cluster of processes on this machine and yield its scheduler's address.

    It listens to this machine only, and shows no pages.
    """
    distributed = _distributed()
    import dask  # which distributed needs

    pages: dict[str, list[str]] = {
        f"distributed.{kind}.http.routes": [] for kind in ("scheduler", "worker")
    }
    # Ctrl-C is for this process, which ends its workers
    with _no_interrupts(), dask.config.set(pages):
        cluster = distributed.LocalCluster(
            workers,
            threads_per_worker=1,
            host="127.0.0.1",
            # without an address it would be port 8787 of every interface
            dashboard_address="127.0.0.1:0",
            scheduler_kwargs={"dashboard": False},
            silence_logs=logging.CRITICAL,
        )
    cluster.loop.add_callback(cluster.scheduler.http_server.stop)
    with cluster:
        yield cluster.scheduler_address


def _distributed() -> Any:
    try:
        import distributed
    except ImportError:
        raise InputError("scheduler: needs Dask: pip install 'rram-reliability[dask]'") from None
    return distributed


def _pool(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, _context(), _start_worker)


def _submit(pool: ProcessPoolExecutor, work: Callable[[Task], Any], task: Task) -> Future:
    """Hand out a task, which may start a worker, before a signal that stops the run is heeded.

    A worker that was started in part would be known to nobody and could not be ended.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        return pool.submit(work, task)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        return pool.submit(work, task)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _context() -> multiprocessing.context.BaseContext:
    """How workers start.

    Not by a fork of this process: threads of numerical libraries do not survive one. Where it
    can be had, a server with one thread imports the package once and each worker is a fork of it,
    which is ready at once; a worker that is spawned imports for seconds.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():  # Windows
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["reliability.campaign.preloaded"])
    with _no_interrupts():
        forkserver.ensure_running()
    return context


def _start_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # Where processes fork, numba makes a lock for them, which a worker that dies leaves behind.
    multiprocessing.set_start_method("spawn", force=True)
    _one_thread()


def _end_with_parent() -> None:
    """End this worker when the process that started it is gone.

    Each worker holds both ends of the queue it waits on, so that the queue does not tell it.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


@contextmanager
def _no_interrupts() -> Iterator[None]:
    """Start processes that do not get Ctrl-C, which a terminal sends to all of a group."""
    try:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    except ValueError:  # not in the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _one_thread() -> None:
    """Let each worker compute in one thread, so that workers do not get in each other's way."""
    import numba

    numba.set_num_threads(1)  # of the thread that calls, so before each task
    _one_library_thread()


@lru_cache(maxsize=1)
def _one_library_thread() -> None:
    """Let the libraries of this process compute in one thread; looking for them takes a while."""
    from threadpoolctl import threadpool_limits

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
                return _submit(pool, work, task).result()
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
    for process in processes:  # one that just starts needs what this process removes when it ends
        process.join(_PATIENCE)


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

    def hand_on(self) -> NoReturn:
        """Do what Ctrl-C did before, which ends the run."""
        if callable(self._before):
            self._before(signal.SIGINT, None)
        raise KeyboardInterrupt

    def _interrupt(self, *_: object) -> None:
        self.count += 1
        if self.count == 1:
            print(
                "\nstopping when the running tasks are done; Ctrl-C again stops at once",
                file=sys.stderr,
            )
