"""The plan: a study cut into tasks that know nothing of each other."""

from collections.abc import Iterator

from reliability.campaign.assessment import cells_of
from reliability.campaign.frame import StudyFrame
from reliability.campaign.kind import Task
from reliability.campaign.outputs import kinds_of
from reliability.campaign.spec import Study
from reliability.campaign.sweep import count_points, sweep_points
from reliability.network import DeepNetwork

_MOST_CHIPS = 256  # per task
_FEWEST_TASKS = 8  # of chips, so that several workers have something to do
_WORK = 8_000_000  # image evaluations per task: some seconds, a hundred times what it costs to keep
_LEAST = 80_000  # image evaluations worth a task of their own: what it costs to keep, some times
_DEEP = 40  # times as long as an image of a network of one layer
_MEMORY = 4e8  # bytes of cells and their latent variables in a task
BATCH = 4  # tasks of chips between two looks at the interval of a study that may stop early


def chips_per_task(study: StudyFrame) -> int:
    """Return how many chips a task should have to take a few seconds and little memory."""
    cells = cells_of(study)
    work = study.network.images * study.stress.evaluations * image_cost(study)
    by_work = _WORK // work
    by_memory = int(_MEMORY // (cells * 4 * 8))
    shared_out = -(-study.population.chips * count_points(study) // _FEWEST_TASKS)
    return max(1, min(_MOST_CHIPS, by_work, by_memory, max(shared_out, _LEAST // work)))


def image_cost(study: StudyFrame) -> int:
    """Image evaluations of a small network that take as long as one of the study's network."""
    return _DEEP if isinstance(study.load_network(), DeepNetwork) else 1


def make_plan(study: Study, chunk: int) -> Iterator[Task]:
    """Cut a study into tasks of ``chunk`` chips, or of a few draws or combinations.

    Tasks are made one at a time: a plan of a million of them takes no memory. Those after which a
    study can stop, when it is sure enough, come last.
    """
    points = count_points(study)
    first = study.at(sweep_points(study)[0]) if study.sweep else study
    for k in range(points):
        for kind in kinds_of(study):
            yield from kind.tasks(first, k)
    for kind in kinds_of(study):
        yield from kind.later(study, points, chunk)
