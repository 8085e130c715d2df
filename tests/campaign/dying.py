"""Work of other processes: some that fails, some that counts, and a run that is killed."""

import os
import signal
import sys
from multiprocessing.connection import Connection
from pathlib import Path

import reliability as rel
from reliability.campaign.kind import Task
from reliability.campaign.tasks import compute


def die_or_double(number: int) -> int:
    if number == 3:
        os._exit(9)  # what the kernel does to a process that takes all memory
    if number == 4:
        raise ValueError("four")
    return 2 * number


def run_and_tell(study: "rel.campaign.Study", out: Path, told: Connection) -> None:
    """Run a study, send the name of each task that is done, and wait after the second."""
    names = []

    def tell(task, *_: int) -> None:
        names.append(task.name)
        told.send(task.name)
        if len(names) == 2:
            signal.pause()

    rel.run_study(study, out, progress=tell, chunk=1)


def modules_imported(study: "rel.campaign.Study", task: Task) -> int:
    """Do a task and return how many modules that took."""
    before = len(sys.modules)
    compute(study, {}, task)
    return len(sys.modules) - before
