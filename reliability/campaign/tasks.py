"""What one task of a study computes: a part of the results, as a Dataset."""

import warnings
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

import numpy as np
import xarray as xr
from scipy.special import ndtr

from reliability.campaign.outputs import architecture, crossbar, endurance
from reliability.campaign.plan import Task, combinations
from reliability.campaign.spec import Study
from reliability.devices.verify import Verify
from reliability.mission import MissionProfile
from reliability.network import (
    DeepNetwork,
    FirstSpike,
    Network,
    Neuron,
    RateCoding,
    WeightedSum,
    evaluate,
    evaluate_deep,
    program_layers,
    sample_chips,
)
from reliability.network.analysis.inferences import age_by_inferences
from reliability.network.analysis.loss_attribution import cards
from reliability.population import age
from reliability.population.reading import read_cells
from reliability.technology import Technology
from reliability.units import engineering

_OF_IMAGES = ("correct", "image")  # too many to keep of every chip at every age
AnyNetwork = Network | DeepNetwork
# Cumulative probabilities at which the conductance distribution of every chip is kept: evenly
# spaced normal scores, as probability paper shows them.
_SCORES = np.linspace(-3, 3, 61)
# What is not kept of every chip at the points of a sweep, or has another shape at each of them.
_LEFT_OUT = (
    *("spikes_quantile", "confusion", "reads_per_input", "reads_so_far"),
    "conductance_quantile",
)


def compute(study: str, point: tuple[tuple[str, Any], ...], task: Task) -> xr.Dataset:
    """Compute one task.

    Parameters
    ----------
    study : str
        The study as JSON, which travels to workers.
    point : tuple of (name, value)
        Of its sweep.
    task : Task
    """
    here, technology, network = _prepared(study, point)
    with warnings.catch_warnings():  # the summary says them once, for all tasks
        warnings.filterwarnings("ignore", message=".*outside the valid range")
        part = _GROUPS[task.group](here, technology, network, task)
    axes = [name for name, _ in point]
    # an age that is swept is an axis of the sweep, not a dimension of length one
    part = part.isel({name: 0 for name in axes if name in part.dims}, drop=True)
    part = part.drop_vars([name for name in axes if name in part.coords])
    if point:
        part = part.drop_vars(_LEFT_OUT, errors="ignore")
        part = part.drop_vars([n for n, c in part.coords.items() if not _is_used(part, c)])
        # what is swept is no attribute of all points
        last = {name.rpartition(".")[2] for name in axes} | {axes[0].partition(".")[0]}
        part.attrs = {key: value for key, value in part.attrs.items() if key not in last}
    part.attrs["seed"] = here.seed
    return part


def _is_used(part: xr.Dataset, coordinate: xr.DataArray) -> bool:
    dims = {name for variable in part.data_vars.values() for name in variable.dims}
    return set(coordinate.dims) <= dims


@lru_cache(maxsize=8)
def _prepared(
    text: str, point: tuple[tuple[str, Any], ...]
) -> tuple[Study, Technology, AnyNetwork]:
    """Study, card and network of a point, read once by each worker."""
    study = Study.model_validate_json(text)
    if point:
        study = study.at(dict(point))
    return study, study.load_technology(), study.load_network()


def _evaluate(
    study: Study,
    network: AnyNetwork,
    cells: Technology | xr.Dataset | None,
    neuron: Neuron,
    images: int,
    **settings: Any,
) -> xr.Dataset:
    settings |= {"images": images, "seed": study.seed, "confidence": study.confidence}
    if isinstance(network, DeepNetwork):
        settings["tiling"] = study.tiling.tiling(study.load_technology())
        return evaluate_deep(network, cells, **settings).drop_vars(_OF_IMAGES)
    n = study.network
    codings: dict[str, RateCoding | WeightedSum | FirstSpike] = {
        "rate": RateCoding(n.delta_s, n.spike_limit),
        "weighted_sum": WeightedSum(),
        "first_spike": FirstSpike(n.first_spike, n.desensitization),
    }
    found = evaluate(
        network,
        cells,
        coding=codings[n.coding],
        mapping=n.mapping,
        neuron=neuron,
        **settings,
    )
    return found.drop_vars(_OF_IMAGES)


def _program(study: Study, technology: Technology, network: AnyNetwork, **where: Any) -> xr.Dataset:
    """Program the network on chips of a lot."""
    where |= {"dies_per_wafer": study.population.dies_per_wafer, "seed": study.seed}
    verify = study.programming.verify
    where["verify"] = None if verify is None else Verify(**vars(verify))
    if isinstance(network, DeepNetwork):
        return program_layers(technology, network, study.tiling.tiling(technology), **where)
    return sample_chips(technology, network, mapping=study.network.mapping, **where)


def _neuron(study: Study, technology: Technology) -> Neuron:
    return Neuron.from_technology(technology) if study.network.neuron == "technology" else Neuron()


def _ideal(study: Study, technology: Technology, network: AnyNetwork, task: Task) -> xr.Dataset:
    ideal = _evaluate(study, network, None, Neuron(), study.network.images)
    return ideal.drop_vars(["reads", "weight_error", "layer"], errors="ignore")


def _at_all_ages(
    study: Study,
    technology: Technology,
    network: AnyNetwork,
    programmed: xr.Dataset,
    images: int,
    reduce: Callable[[xr.Dataset, xr.Dataset], xr.Dataset],
) -> xr.Dataset:
    """Evaluate one population at every combination of the study's ages, a dimension for each axis.

    Reads, inferences and read voltage become dimensions only where the study has more than one.
    """
    neuron = _neuron(study, technology)
    notes: set[str] = set()
    known: dict[tuple[float, ...], xr.Dataset] = {}

    def at(
        conditions: dict[str, float], axes: list[tuple[str, tuple[float, ...], str]]
    ) -> xr.Dataset:
        (name, values, unit), *inner = axes
        if inner:
            parts = [at({**conditions, name: value}, inner) for value in values]
        elif any(values):
            parts = after_inferences(conditions, values)
        else:
            parts = [after(conditions | {name: 0.0})]
        return parts[0] if _is_single(name, values) else _along(_axis(name, values, unit), parts)

    def assess(aged: xr.Dataset) -> xr.Dataset:
        result = _evaluate(study, network, _read(study, aged), neuron, images)
        notes.update(result.attrs["warnings"])
        return result

    def after(c: dict[str, float]) -> xr.Dataset:
        # Without stress the temperature does not matter, without reads their voltage does not.
        read = c["reads"] > 0
        stressed = read or c["time"] > 0
        key = (c["time"], c["temperature"] * stressed, c["reads"], c["read_voltage"] * read)
        if key not in known:
            aged = age(programmed, study.stress.mission(c))
            known[key] = reduce(aged, assess(aged))
        return known[key]

    def after_inferences(c: dict[str, float], numbers: tuple[float, ...]) -> list[xr.Dataset]:
        def mission(inferences: float) -> MissionProfile:
            return study.stress.mission(c | {"inferences": inferences})

        found = age_by_inferences(programmed, numbers, mission, assess)
        return [
            reduce(aged.assign(reads=aged["reads"] * number), assess(aged))
            for number, aged in zip(numbers, found, strict=True)
        ]

    out = at({}, study.stress.axes)
    out.attrs["warnings"] = sorted(notes)
    del out.attrs["mission"]  # it is on the axes
    return out


def _is_single(name: str, values: tuple[float, ...]) -> bool:
    return name in ("reads", "inferences", "read_voltage") and len(values) == 1


def _along(axis: xr.DataArray, parts: list[xr.Dataset]) -> xr.Dataset:
    """Stack Datasets that differ in their variables only along a new dimension."""
    return xr.concat(parts, axis, data_vars="all", coords="minimal", compat="equals", join="exact")


def _axis(name: str, values: Iterable[float], unit: str) -> xr.DataArray:
    values = list(values)
    return xr.DataArray(values, dims=name, coords={name: values}, name=name, attrs={"units": unit})


def _chips(study: Study, technology: Technology, network: AnyNetwork, task: Task) -> xr.Dataset:
    programmed = _program(study, technology, network, chips=task.count, first=task.first)

    def reduce(aged: xr.Dataset, result: xr.Dataset) -> xr.Dataset:
        if isinstance(network, DeepNetwork):
            return result.drop_vars(["reads", "weight_error", "layer"])
        per_input = aged.sizes["cell"] // network.inputs
        reads = result["reads"].isel(cell=slice(None, None, per_input)).rename(cell="input")
        result = result.drop_vars("reads").assign(reads_per_input=reads)
        if "reads" in aged:  # since programming, by inferences
            so_far = aged["reads"].isel(cell=slice(None, None, per_input)).rename(cell="input")
            result = result.assign(reads_so_far=so_far)
        return result.assign(conductance_quantile=_conductance_quantiles(aged))

    return _at_all_ages(study, technology, network, programmed, study.network.images, reduce)


def _conductance_quantiles(population: xr.Dataset) -> xr.DataArray:
    """Conductance of each state or level of each chip at evenly spaced normal scores."""
    probability = ndtr(_SCORES)
    if "state" in population.coords:
        of_cell = population["state"].values
        names = {state: state for state in ("LRS", "HRS")}
    else:
        of_cell = population["target"].values
        names = {level: engineering(level, "S") for level in np.unique(of_cell)}
    values = [
        np.quantile(population["conductance"].values[:, of_cell == kind], probability, axis=1).T
        for kind in names
    ]
    return xr.DataArray(
        np.stack(values, axis=1).astype(np.float32),
        dims=("chip", "programmed_state", "probability"),
        coords={"programmed_state": list(names.values()), "probability": probability},
        attrs={"units": "S"},
    )


def _draws(study: Study, technology: Technology, network: AnyNetwork, task: Task) -> xr.Dataset:
    """Accuracy of chips of cards drawn from the parameters' uncertainty."""
    settings = study.uncertainty
    assert settings is not None  # the plan has draws only then
    parts = []
    for k in range(task.first, task.first + task.count):
        card = technology.drawn(study.seed, k)
        # Each draw is a lot of its own, or the chips of all draws would share their luck.
        programmed = _program(
            study, card, network, chips=settings.chips, first=k * settings.chips, lot=k + 1
        )
        result = _at_all_ages(
            study,
            card,
            network,
            programmed,
            settings.images,
            lambda _, r: r[[name for name in ("accuracy", "spikes") if name in r]],
        )
        chip = np.arange(settings.chips)
        result = result.drop_vars([c for c in result.coords if "chip" in result[c].dims])
        parts.append(result.assign_coords(chip=chip))
    out = _along(_axis("draw", range(task.first, task.first + task.count), "1"), parts)
    out.attrs = parts[0].attrs | {
        "warnings": sorted({note for part in parts for note in part.attrs["warnings"]})
    }
    return out


def _sensitivity(
    study: Study, technology: Technology, network: AnyNetwork, task: Task
) -> xr.Dataset:
    """Accuracy of a few chips at combinations of the sensitivity grid."""
    settings = study.sensitivity
    assert settings is not None  # the plan has combinations only then
    profile = MissionProfile.constant(settings.time, settings.temperature)
    chosen = combinations(study)[task.first : task.first + task.count]
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
    index = _axis("combination", range(task.first, task.first + task.count), "1")
    out = _along(index, parts)
    levels = {
        factor.name: (
            "combination",
            [point[factor.name] for point in chosen],
            {"long_name": factor.label},
        )
        for factor in settings.factor
    }
    return out.assign_coords(levels)


def _attribution(
    study: Study, technology: Technology, network: AnyNetwork, task: Task
) -> xr.Dataset:
    """Accuracy of a few chips with some combinations of the card's phenomena."""
    settings = study.attribution
    every = cards(technology, study.phenomena())
    parts = []
    for card in every[task.first : task.first + task.count]:
        programmed = _program(study, card, network, chips=settings.chips, first=0)
        cells = _read(study, age(programmed, study.attribution_mission))
        result = _evaluate(study, network, cells, _neuron(study, card), settings.images)
        parts.append(result[["accuracy"]])
    out = _along(_axis("combination", range(task.first, task.first + task.count), "1"), parts)
    return out.drop_attrs(deep=False)


def _read(study: Study, cells: xr.Dataset) -> xr.Dataset:
    """Read cells at the temperature of the study, where it has one."""
    if study.network.read_temperature is None:
        return cells
    return read_cells(cells, temperature=study.network.read_temperature, overwrite=True)


def varied(technology: Technology, study: Study, point: dict[str, float]) -> Technology:
    """Return the card with the factors of the sensitivity grid at the levels of a point."""
    values: dict[str, float] = {}
    for factor in study.sensitivity.factor if study.sensitivity else ():
        for name in factor.parameters:
            level = point[factor.name]
            values[name] = level * technology[name] if factor.scale else level
    return technology.with_values(values)


_GROUPS: dict[str, Callable[[Study, Technology, AnyNetwork, Task], xr.Dataset]] = {
    "ideal": _ideal,
    "chips": _chips,
    "draws": _draws,
    "sensitivity": _sensitivity,
    "attribution": _attribution,
    "endurance": lambda study, technology, _, task: endurance.wafer(study, technology, task),
    "crossbar": lambda study, technology, _, task: crossbar.largest(study, technology, task),
    "architecture": lambda study, technology, _, task: architecture.run_draws(
        study, technology, task
    ),
    "endurance_draws": lambda study, technology, _, task: endurance.drawn(study, technology, task),
}
