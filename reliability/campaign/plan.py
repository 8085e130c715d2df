"""The plan: a study cut into tasks that know nothing of each other."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from reliability.campaign.spec import Study
from reliability.campaign.sweep import count_points, sweep_points
from reliability.network import DeepNetwork

_DRAWS = 4  # per task
_COMBINATIONS = 16  # of the sensitivity grid, per task
_SUBSETS = 8  # of the phenomena, per task
_CROSSBAR = 500_000  # image evaluations that take as long as one search
_MOST_CHIPS = 256  # per task
_FEWEST_TASKS = 8  # of chips, so that several workers have something to do
_WORK = 8_000_000  # image evaluations per task: some seconds, a hundred times what it costs to keep
_DEEP = 40  # times as long as an image of a network of one layer
_MEMORY = 4e8  # bytes of cells and their latents in a task
_START = 5.0  # s: start of the processes, first use of compiled code, the report
BATCH = 4  # tasks of chips between two looks at the interval of a study that may stop early


@dataclass(frozen=True)
class Task:
    """A part of a study that one worker computes.

    Parameters
    ----------
    group : {"ideal", "chips", "draws", "sensitivity", "attribution", "endurance",
        "endurance_draws", "crossbar", "architecture"}
    point : int
        Of the sweep; 0 without one.
    first, count : int
        Range along the group's own dimension.
    size, chunk : int
        Length of that dimension in the whole study, and how much of it each of its tasks has.
    work : int
        Image evaluations (images times chips times ages), or what takes as long as one.
    """

    group: str
    point: int
    first: int
    count: int
    size: int
    chunk: int
    work: int

    @property
    def name(self) -> str:
        """What progress and errors call the task."""
        where = f"{self.group} {self.first} to {self.first + self.count - 1}"
        return f"point {self.point}, {where}" if self.point else where


def chips_per_task(study: Study) -> int:
    """Return how many chips a task should have to take a few seconds and little memory."""
    cells = cells_of(study)
    work = study.network.images * study.stress.evaluations * image_cost(study)
    by_work = _WORK // work
    by_memory = int(_MEMORY // (cells * 4 * 8))
    shared_out = -(-study.population.chips * count_points(study) // _FEWEST_TASKS)
    return max(1, min(_MOST_CHIPS, by_work, by_memory, shared_out))


def cells_of(study: Study) -> int:
    """Cells of a chip."""
    network = study.load_network()
    if isinstance(network, DeepNetwork):
        return 2 * network.weights * study.tiling.tiling(study.load_technology()).slices
    return int(network.weights.size) * 2 * network.weight_max


def image_cost(study: Study) -> int:
    """Image evaluations of a small network that take as long as one of the study's network."""
    return _DEEP if isinstance(study.load_network(), DeepNetwork) else 1


def make_plan(study: Study, chunk: int) -> Iterator[Task]:
    """Cut a study into tasks of ``chunk`` chips, or of a few draws or combinations.

    Tasks are made one at a time: a plan of a million of them takes no memory. Those of chips come
    last, chunk by chunk through all points, so that a study can stop when it is sure enough.
    """
    subsets = _subsets(study)
    for k in range(count_points(study)):
        if "accuracy" in study.outputs:
            yield from _accuracy_but_chips(study, k)
        if "attribution" in study.outputs:
            yield from _attribution(study, k, subsets)
        if "endurance" in study.outputs:
            yield from _endurance(study, k)
        if "crossbar" in study.outputs:
            yield from _cut("crossbar", k, 1, 1, _CROSSBAR * _cards(study))
        if study.architecture:
            options = study.architecture
            yield from _cut("architecture", k, _cards(study), options.draws_per_task, options.work)
    if "accuracy" not in study.outputs:
        return
    total = study.population.chips
    work = study.network.images * study.stress.evaluations
    for first in range(0, total, chunk):
        for k in range(count_points(study)):
            count = min(chunk, total - first)
            yield Task("chips", k, first, count, total, chunk, count * work)


def _accuracy_but_chips(study: Study, point: int) -> Iterator[Task]:
    yield Task("ideal", point, 0, 1, 1, 1, study.network.images)
    if study.uncertainty:
        u = study.uncertainty
        work = u.images * u.chips * study.stress.evaluations
        yield from _cut("draws", point, u.draws, _DRAWS, work)
    if study.sensitivity:
        s = study.sensitivity
        total = len(combinations(study))
        yield from _cut("sensitivity", point, total, _COMBINATIONS, s.images * s.chips)


def _attribution(study: Study, point: int, subsets: int) -> Iterator[Task]:
    a = study.attribution
    return _cut("attribution", point, subsets, _SUBSETS, a.images * a.chips)


def _subsets(study: Study) -> int:
    """Subsets of the phenomena of an attribution, as many at all points; 0 without one."""
    if "attribution" not in study.outputs:
        return 0
    here = study.at(sweep_points(study)[0]) if study.sweep else study
    return int(2 ** len(here.phenomena()))


def _cards(study: Study) -> int:
    return 1 + (study.uncertainty.draws if study.uncertainty else 0)


def _endurance(study: Study, point: int) -> Iterator[Task]:
    e = study.endurance
    work = e.dies * e.cells * len(e.temperatures)
    yield from _cut("endurance", point, e.wafers, 1, work)
    if study.uncertainty:
        yield from _cut("endurance_draws", point, study.uncertainty.draws, _DRAWS, work)


def _cut(group: str, point: int, total: int, size: int, work: int) -> Iterator[Task]:
    for first in range(0, total, size):
        count = min(size, total - first)
        yield Task(group, point, first, count, total, size, count * work)


def combinations(study: Study) -> list[dict[str, float]]:
    """Return the level of each factor at every combination of the sensitivity grid."""
    factors = study.sensitivity.factor if study.sensitivity else ()
    names = [factor.name for factor in factors]
    levels = itertools.product(*(factor.levels for factor in factors))
    return [dict(zip(names, level, strict=True)) for level in levels]
