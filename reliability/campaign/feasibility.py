"""Refuse a study that is too large for any run, or for the memory of this machine, before it runs.

A key with a slip of the hand (chips = 1e12) would otherwise hang, or be killed by the system
without a word.
"""

import os
from typing import Any

from reliability.campaign.outputs import kinds_of
from reliability.campaign.spec import Study
from reliability.campaign.sweep import count_points
from reliability.errors import InputError

# The most that a key may be, by its dotted name.
MOST = {
    "population.chips": 10_000_000,
    "population.dies_per_wafer": 1_000_000,
    "uncertainty.draws": 100_000,
    "uncertainty.chips": 100_000,
    "sensitivity.chips": 100_000,
    "attribution.chips": 100_000,
    "endurance.wafers": 10_000,
    "endurance.dies": 100_000,
    "endurance.cells": 10_000_000,
    "endurance.attempts": 1_000_000,
    "crossbar.max_size": 65_536,
    "product.bits": 1e15,
    "network.delta_s": 1_000_000,
    "network.spike_limit": 1_000_000,
    "stress.times": 1e13,  # s: 300 000 years
    "stress.reads": 1e18,
    "stress.inferences": 1e18,
    "stress.cycles": 1e15,
    "attribution.time": 1e13,
    "attribution.reads": 1e18,
}
MOST_TASKS = 10_000_000


def check_size(study: Study) -> None:
    """Refuse what cannot be run.

    Raises
    ------
    InputError
        A key above the most that is allowed, too many tasks, or a task that needs more memory than
        this machine has.
    """
    for name, most in MOST.items():
        value = _value(study, name)
        for each in value if isinstance(value, tuple) else (value,):
            if isinstance(each, (int, float)) and each > most:
                raise InputError(f"{name}: got {each:.6g}, allowed up to {most:g}")
    tasks = study.population.chips * count_points(study) / 256
    if tasks > MOST_TASKS:
        raise InputError(f"population.chips: got {study.population.chips} at {count_points(study)} "
                         f"points, {tasks:.3g} tasks; allowed up to {MOST_TASKS:g}")  # fmt: skip
    memory = memory_of_machine()
    for name, needed in (row for kind in kinds_of(study) for row in kind.memory(study)):
        if needed > memory:
            raise InputError(f"{name}: a task needs about {needed / 1e9:.3g} GB of memory, this "
                             f"machine has {memory / 1e9:.3g} GB")  # fmt: skip


def memory_of_machine() -> float:
    """Return the physical memory in bytes; infinity where the system does not say."""
    try:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError, OSError):
        return float("inf")


def _value(study: Study, name: str) -> Any:
    found: Any = study
    for key in name.split("."):
        found = getattr(found, key, None)
    return found
