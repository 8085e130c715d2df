"""Work of other processes: some that fails, and a run that is killed."""

import os
from multiprocessing.connection import Connection
from pathlib import Path

import reliability as rel


def die_or_double(number: int) -> int:
    if number == 3:
        os._exit(9)  # what the kernel does to a process that takes all memory
    if number == 4:
        raise ValueError("four")
    return 2 * number


def run_and_tell(study: "rel.campaign.Study", out: Path, told: Connection) -> None:
    """Run a study and send the name of each task that is done."""
    rel.run_study(study, out, progress=lambda task, *_: told.send(task.name))
