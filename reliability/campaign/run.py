"""Run a study: the tasks of its plan, one after the other or in several processes."""

import multiprocessing
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import numpy as np
import xarray as xr
from scipy.special import ndtr

from reliability.campaign import store
from reliability.campaign.plan import CHUNK, Task, make_plan, points
from reliability.campaign.spec import Study
from reliability.mission import MissionProfile, Segment
from reliability.network import Network, Neuron, evaluate, sample_chips
from reliability.population import age
from reliability.technology import Technology

# Cumulative probabilities at which the conductance distribution of every chip is kept: evenly
# spaced normal scores, as probability paper shows them.
_SCORES = np.linspace(-3, 3, 61)


def run_study(
    study: Study,
    out: str | Path,
    *,
    workers: int = 1,
    chunk: int = CHUNK,
    progress: Callable[[Task, int, int], None] | None = None,
) -> Path:
    """Run a study, or go on with one that was interrupted.

    Parameters
    ----------
    study : Study
    out : str or Path
        Folder for the results; a new one, or one that holds this very study.
    workers : int
        Processes. The results do not depend on it.
    chunk : int
        Chips per task. The results do not depend on it.
    progress : callable, optional
        Called as ``progress(task, image evaluations done, of all)`` when a task is done.

    Returns
    -------
    Path
        The folder, with ``results.zarr`` in it.

    Raises
    ------
    InputError
        The folder holds something else.
    """
    folder = Path(out)
    store.open_folder(folder, study.model_dump(mode="json"), study.spec_hash)
    if store.is_complete(folder):
        return folder
    tasks = make_plan(study, chunk)
    total = sum(task.image_evaluations for task in tasks)
    missing = [task for task in tasks if not store.has_part(folder, task.name)]
    done = total - sum(task.image_evaluations for task in missing)
    for task in _execute(study, folder, missing, workers):
        done += task.image_evaluations
        if progress:
            progress(task, done, total)
    dimension = {"ideal": "chip", "chips": "chip", "draws": "draw", "sensitivity": "point"}
    groups: dict[str, tuple[str, list[str]]] = {}
    for task in tasks:
        groups.setdefault(task.group, (dimension[task.group], []))[1].append(task.name)
    store.write_results(folder, groups)
    return folder


def _execute(study: Study, folder: Path, tasks: list[Task], workers: int) -> Iterable[Task]:
    """Yield tasks as they are done."""
    if workers == 1:
        for task in tasks:
            _run_task(study, folder, task)
            yield task
        return
    # Spawned, not forked: threads of numerical libraries do not survive a fork.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _one_thread) as pool:
        futures = {pool.submit(_run_task, study, folder, task): task for task in tasks}
        try:
            for future in as_completed(futures):
                future.result()
                yield futures[future]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _one_thread() -> None:
    """Let each worker compute in one thread, so that workers do not get in each other's way."""
    import signal

    import numba

    numba.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides


def _run_task(study: Study, folder: Path, task: Task) -> None:
    technology, network = study.load_technology(), study.load_network()
    compute = {
        "ideal": _ideal,
        "chips": _chips,
        "draws": _draws,
        "sensitivity": _sensitivity,
    }[task.group]
    part = compute(study, technology, network, task)
    part.attrs["spec_hash"] = study.spec_hash
    part.attrs["seed"] = study.seed
    store.write_part(folder, task.name, part)


def _evaluate(
    study: Study,
    network: Network,
    cells: Technology | xr.Dataset | None,
    neuron: Neuron,
    images: int,
    **settings: object,
) -> xr.Dataset:
    return evaluate(
        network,
        cells,
        coding=study.network.coding,
        images=images,
        delta_s=study.network.delta_s,
        spike_limit=study.network.spike_limit,
        neuron=neuron,
        seed=study.seed,
        confidence=study.confidence,
        **settings,  # type: ignore[arg-type]
    )


def _neuron(study: Study, technology: Technology) -> Neuron:
    return Neuron.from_technology(technology) if study.network.neuron == "technology" else Neuron()


def _ideal(study: Study, technology: Technology, network: Network, task: Task) -> xr.Dataset:
    return _evaluate(study, network, None, Neuron(), study.network.images).drop_vars("reads")


def _at_all_ages(
    study: Study,
    technology: Technology,
    network: Network,
    programmed: xr.Dataset,
    images: int,
    reduce: Callable[[xr.Dataset, xr.Dataset], xr.Dataset],
) -> xr.Dataset:
    """Evaluate one population at every combination of the study's ages, a dimension for each axis.

    Reads and read voltage become dimensions only where the study has more than one.
    """
    neuron = _neuron(study, technology)
    notes: set[str] = set()
    known: dict[tuple[float, ...], xr.Dataset] = {}

    def at(
        conditions: dict[str, float], axes: list[tuple[str, tuple[float, ...], str]]
    ) -> xr.Dataset:
        if axes:
            (name, values, unit), *inner = axes
            parts = [at({**conditions, name: value}, inner) for value in values]
            return (
                parts[0] if _is_single(name, values) else _along(_axis(name, values, unit), parts)
            )
        c = conditions
        # Without stress the temperature does not matter, without reads their voltage does not.
        read = c["reads"] > 0
        stressed = read or c["time"] > 0
        key = (c["time"], c["temperature"] * stressed, c["reads"], c["read_voltage"] * read)
        if key in known:
            return known[key]
        mission = Segment(c["time"], c["temperature"], c["reads"], c["read_voltage"])
        aged = age(programmed, MissionProfile([mission]))
        result = _evaluate(study, network, aged, neuron, images)
        notes.update(result.attrs["warnings"])
        known[key] = reduce(aged, result)
        return known[key]

    out = at({}, study.ages.axes)
    out.attrs["warnings"] = sorted(notes)
    del out.attrs["mission"]  # it is on the axes
    return out


def _is_single(name: str, values: tuple[float, ...]) -> bool:
    return name in ("reads", "read_voltage") and len(values) == 1


def _along(axis: xr.DataArray, parts: list[xr.Dataset]) -> xr.Dataset:
    """Stack Datasets that differ in their variables only along a new dimension."""
    return xr.concat(parts, axis, data_vars="all", coords="minimal", compat="equals", join="exact")


def _axis(name: str, values: Iterable[float], unit: str) -> xr.DataArray:
    values = list(values)
    return xr.DataArray(values, dims=name, coords={name: values}, name=name, attrs={"units": unit})


def _chips(study: Study, technology: Technology, network: Network, task: Task) -> xr.Dataset:
    programmed = sample_chips(
        technology,
        network,
        chips=task.count,
        first=task.first,
        dies_per_wafer=study.population.dies_per_wafer,
        seed=study.seed,
    )
    per_input = network.outputs * 2 * network.weight_max

    def reduce(aged: xr.Dataset, result: xr.Dataset) -> xr.Dataset:
        reads = result["reads"].isel(cell=slice(None, None, per_input)).rename(cell="input")
        result = result.drop_vars("reads").assign(reads_per_input=reads)
        return result.assign(conductance_quantile=_conductance_quantiles(aged))

    return _at_all_ages(study, technology, network, programmed, study.network.images, reduce)


def _conductance_quantiles(population: xr.Dataset) -> xr.DataArray:
    """Conductance of each state of each chip at evenly spaced normal scores."""
    probability = ndtr(_SCORES)
    states = ("LRS", "HRS")
    values = [
        np.quantile(
            population["conductance"].values[:, population["state"].values == state],
            probability,
            axis=1,
        ).T
        for state in states
    ]
    return xr.DataArray(
        np.stack(values, axis=1).astype(np.float32),
        dims=("chip", "programmed_state", "probability"),
        coords={"programmed_state": list(states), "probability": probability},
        attrs={"units": "S"},
    )


def _draws(study: Study, technology: Technology, network: Network, task: Task) -> xr.Dataset:
    """Accuracy of chips of cards drawn from the parameters' uncertainty."""
    settings = study.uncertainty
    assert settings is not None  # the plan has draws only then
    parts = []
    for k in range(task.first, task.first + task.count):
        card = technology.drawn(study.seed, k)
        # Each draw is a lot of its own, or the chips of all draws would share their luck.
        programmed = sample_chips(
            card,
            network,
            chips=settings.chips,
            first=k * settings.chips,
            dies_per_wafer=study.population.dies_per_wafer,
            seed=study.seed,
            lot=k + 1,
        )
        result = _at_all_ages(
            study,
            card,
            network,
            programmed,
            settings.images,
            lambda _, r: r[["accuracy", "spikes"]],
        )
        chip = np.arange(settings.chips)
        result = result.drop_vars([c for c in result.coords if "chip" in result[c].dims])
        parts.append(result.assign_coords(chip=chip))
    out = _along(_axis("draw", range(task.first, task.first + task.count), "1"), parts)
    out.attrs = parts[0].attrs | {
        "warnings": sorted({note for part in parts for note in part.attrs["warnings"]})
    }
    return out


def _sensitivity(study: Study, technology: Technology, network: Network, task: Task) -> xr.Dataset:
    """Accuracy of a few chips at points of the sensitivity grid."""
    settings = study.sensitivity
    assert settings is not None  # the plan has points only then
    profile = MissionProfile.constant(settings.time, settings.temperature)
    chosen = points(study)[task.first : task.first + task.count]
    parts = []
    for point in chosen:
        card = varied(technology, study, point)
        result = _evaluate(
            study,
            network,
            card,
            _neuron(study, card),
            settings.images,
            chips=settings.chips,
            profile=profile,
        )[["accuracy", "spikes"]]
        result = result.drop_vars([c for c in result.coords if "chip" in result[c].dims])
        parts.append(result.assign_coords(chip=np.arange(settings.chips)))
    index = _axis("point", range(task.first, task.first + task.count), "1")
    out = _along(index, parts)
    levels = {
        factor.name: (
            "point",
            [point[factor.name] for point in chosen],
            {"long_name": factor.label},
        )
        for factor in settings.factor
    }
    return out.assign_coords(levels)


def varied(technology: Technology, study: Study, point: dict[str, float]) -> Technology:
    """Return the card with the factors of the sensitivity grid at the levels of a point."""
    values: dict[str, float] = {}
    for factor in study.sensitivity.factor if study.sensitivity else ():
        for name in factor.parameters:
            level = point[factor.name]
            values[name] = level * technology[name] if factor.scale else level
    return technology.with_values(values)
