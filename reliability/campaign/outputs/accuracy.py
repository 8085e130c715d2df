"""Accuracy of a network on the cells of simulated chips at every stress condition.

Four groups of the store: the ideal network, the chips, chips of cards whose parameters are sampled
from their uncertainty, and the sensitivity grid.
"""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr
from pydantic import model_validator
from scipy.special import ndtr, ndtri

from reliability.campaign.accuracy_interval import (
    accuracy_interval,
    accuracy_of_draws,
    explained,
    probable_levels,
    score_interval,
)
from reliability.campaign.assessment import (
    along,
    assess,
    at_all_read_outs,
    axis,
    bytes_of_chip,
    cells_of,
    check_network,
    neuron_of,
    program,
)
from reliability.campaign.chip_differences import (
    common_conditions,
    data_apart,
    difference_of_chips,
    images_differ,
    of_images,
    share_chips,
)
from reliability.campaign.frame import StudyFrame
from reliability.campaign.kind import Group, Kind, Read, Results, Row, Task, cut
from reliability.campaign.limits import limit_row
from reliability.campaign.metric_words import expect_fraction, is_fraction, metric_name
from reliability.campaign.selection import at_age, wafers_of
from reliability.campaign.study_mapping import INTERVALS, cost_of_image
from reliability.campaign.tables import Table
from reliability.errors import InputError, unknown_name
from reliability.mission import MissionProfile
from reliability.network import DeepNetwork, Neuron, accuracy_yield
from reliability.statistics.crossed import mean_of_fractions
from reliability.statistics.means import mean_interval, one_more
from reliability.technology import Technology
from reliability.units import Joules, Share, SquareMetres, engineering

_DRAWS = 4  # per task
_COMBINATIONS = 16  # of the sensitivity grid, per task
# Cumulative probabilities at which the conductance distribution of every chip is kept: evenly
# spaced normal deviates, as probability paper shows them.
_DEVIATES = np.linspace(-3, 3, 61)


class AccuracyLimits(Table):
    accuracy: Share | None = None
    """Least mean accuracy of a chip, at every stress condition; the end of the mission decides."""
    chips_below: Share | None = None
    """Largest fraction of chips below that accuracy at the end of the mission."""
    energy_per_image: Joules | None = None
    """Largest energy of an image, of synapses and neurons or of the tiles."""
    tile_area: SquareMetres | None = None
    """Largest area of the tiles of a deep network."""

    @model_validator(mode="after")
    def _below_what(self) -> "AccuracyLimits":
        if self.chips_below is not None and self.accuracy is None:
            raise ValueError("got chips_below without accuracy, expected both")
        return self


def combinations(study: StudyFrame) -> list[dict[str, float]]:
    """Return the level of each factor at every combination of the sensitivity grid."""
    factors = study.sensitivity.factor if study.sensitivity else ()
    names = [factor.name for factor in factors]
    levels = itertools.product(*(factor.levels for factor in factors))
    return [dict(zip(names, level, strict=True)) for level in levels]


def _tasks(study: StudyFrame, point: int) -> Iterator[Task]:
    yield Task("ideal", point, 0, 1, 1, 1, study.network.images)
    if study.uncertainty:
        u = study.uncertainty
        work = u.images * u.chips * study.stress.evaluations
        yield from cut("draws", point, u.draws, _DRAWS, work)
    if study.sensitivity:
        s = study.sensitivity
        work = s.images * s.chips
        yield from cut("sensitivity", point, len(combinations(study)), _COMBINATIONS, work)


def _chip_tasks(study: StudyFrame, points: int, chunk: int) -> Iterator[Task]:
    """Yield the chips, chunk by chunk through all points."""
    total = study.population.chips
    work = study.network.images * study.stress.evaluations
    for first in range(0, total, chunk):
        for k in range(points):
            count = min(chunk, total - first)
            yield Task("chips", k, first, count, total, chunk, count * work)


def _is_sure(study: StudyFrame, points: list[Results]) -> bool:
    """Whether the mean accuracy of the chips so far is known well enough at every point."""
    widest = 0.0
    for here in points:
        accuracy = at_age(here["chips"]["accuracy"], study.stress.end)
        mean, low, high = mean_of_fractions(accuracy.values, wafers_of(accuracy), study.confidence)
        widest = max(widest, high - mean, mean - low)
    return widest <= (study.population.until or 0.0)


def _check(study: StudyFrame) -> None:
    tables = {"network": study.network, "uncertainty": study.uncertainty,
              "sensitivity": study.sensitivity}  # fmt: skip
    images = {name: table.images for name, table in tables.items() if table}
    check_network(study, images)
    limits = study.options("limits")
    for key in ("accuracy", "chips_below"):
        if getattr(limits, key) is not None:
            expect_fraction(study, f"limits.{key}")
    technology = study.load_technology()
    if limits.tile_area is not None and not isinstance(study.load_network(), DeepNetwork):
        raise InputError("limits.tile_area: acts on deep networks, whose layers lie on tiles")
    names = set()
    for factor in study.sensitivity.factor if study.sensitivity else ():
        if factor.name in names:
            raise InputError(f"sensitivity.factor: name {factor.name!r} is there twice")
        names.add(factor.name)
        for parameter in factor.parameters:
            if parameter not in technology:
                line = unknown_name(f"parameter of {technology.name}", parameter, technology)
                raise InputError(f"sensitivity.factor.parameters: {line}")


def _missions(study: StudyFrame) -> Iterator[MissionProfile]:
    return (study.stress.mission(conditions) for conditions in study.stress.combinations)


# --- computation


def _ideal(study: StudyFrame, task: Task) -> xr.Dataset:
    ideal = assess(study, None, Neuron(), study.network.images)
    u = study.uncertainty
    if u and u.images < study.network.images and is_fraction(study):
        ideal["accuracy_of_draws"] = assess(study, None, Neuron(), u.images)["accuracy"]
    return ideal.drop_vars(["reads", "weight_error", "layer"], errors="ignore")


def _chips(study: StudyFrame, task: Task) -> xr.Dataset:
    technology, network = study.load_technology(), study.load_network()
    programmed = program(study, technology, chips=task.count, first=task.first)

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

    out = at_all_read_outs(study, technology, programmed, study.network.images, reduce)
    if "pulses" in programmed and not isinstance(network, DeepNetwork):
        pulses = programmed["pulses"].mean("cell", dtype=float)
        out["write_pulses"] = pulses.drop_vars([c for c in pulses.coords if c not in out.coords])
    return out


def _conductance_quantiles(population: xr.Dataset) -> xr.DataArray:
    """Conductance of each state or level of each chip at evenly spaced normal deviates."""
    probability = ndtr(_DEVIATES)
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


def _draws(study: StudyFrame, task: Task) -> xr.Dataset:
    """Accuracy of chips of cards whose parameters are sampled from their uncertainty."""
    settings = study.uncertainty
    assert settings is not None  # the plan has draws only then
    technology = study.load_technology()
    parts = []
    for k in range(task.first, task.first + task.count):
        card = technology.drawn(study.seed, k)
        # Each draw is a lot of its own, or the chips of all draws would share their luck.
        programmed = program(study, card, chips=settings.chips, first=k * settings.chips, lot=k + 1)
        result = at_all_read_outs(
            study,
            card,
            programmed,
            settings.images,
            lambda _, r: r[[name for name in ("accuracy", "spikes") if name in r]],
        )
        chip = np.arange(settings.chips)
        result = result.drop_vars([c for c in result.coords if "chip" in result[c].dims])
        parts.append(result.assign_coords(chip=chip))
    out = along(axis("draw", range(task.first, task.first + task.count)), parts)
    out.attrs = parts[0].attrs | {
        "warnings": sorted({note for part in parts for note in part.attrs["warnings"]})
    }
    return out


def _sensitivity(study: StudyFrame, task: Task) -> xr.Dataset:
    """Accuracy of a few chips at combinations of the sensitivity grid."""
    settings = study.sensitivity
    assert settings is not None  # the plan has combinations only then
    profile = MissionProfile.constant(settings.time, settings.temperature)
    chosen = combinations(study)[task.first : task.first + task.count]
    parts = []
    for point in chosen:
        card = varied(study.load_technology(), study, point)
        result = assess(
            study,
            card,
            neuron_of(study, card),
            settings.images,
            chips=settings.chips,
            profile=profile,
        )[["accuracy", "spikes"]]
        result = result.drop_vars([c for c in result.coords if "chip" in result[c].dims])
        parts.append(result.assign_coords(chip=np.arange(settings.chips)))
    out = along(axis("combination", range(task.first, task.first + task.count)), parts)
    levels = {
        factor.name: (
            "combination",
            [point[factor.name] for point in chosen],
            {"long_name": factor.label},
        )
        for factor in settings.factor
    }
    return out.assign_coords(levels)


def varied(technology: Technology, study: StudyFrame, point: dict[str, float]) -> Technology:
    """Return the card with the factors of the sensitivity grid at the levels of a point."""
    values: dict[str, float] = {}
    for factor in study.sensitivity.factor if study.sensitivity else ():
        for name in factor.parameters:
            level = point[factor.name]
            values[name] = level * technology[name] if factor.scale else level
    return technology.with_values(values)


# --- answer


def _answer(study: StudyFrame, results: Results) -> dict[str, Any]:
    """Accuracy at every stress condition, spikes and energy at the end of the mission."""
    chips, ideal = results["chips"], results["ideal"]
    wafers = wafers_of(chips["accuracy"])
    read_outs = [
        {
            "time_s": at["time"],
            "temperature_k": at["temperature"],
            "reads": at["reads"],
            "read_voltage_v": at["read_voltage"],
            "inferences": at["inferences"],
            "cycles": at["cycles"],
            **_interval(study, results, at, wafers),
        }
        for at in study.stress.combinations
    ]
    headline = read_outs[study.stress.combinations.index(study.stress.end)]
    ends = {f"ideal_accuracy_{end}": float(ideal[f"accuracy_{end}"].mean())
            for end in ("low", "high") if f"accuracy_{end}" in ideal}  # fmt: skip
    answer = {
        "metric": study.network.metric.partition("@")[0],
        "ideal_accuracy": float(ideal["accuracy"].mean()),
        **ends,
        "accuracy": headline,
        "accuracy_by_age": read_outs,
    }
    if study.sensitivity:
        grid = explained(results["sensitivity"], study)
        answer["measured_accuracy"] = study.sensitivity.measured
        answer["combinations"] = int(grid.size)
        answer["combinations_explaining_measured"] = int(grid.sum())
        answer["factors_given_measured"] = {
            name: [{"level": level, "probability": p} for level, p in levels.items()]
            for name, levels in probable_levels(results["sensitivity"], study).items()
        }
    if "spikes" not in chips:
        return answer | cost_of_image(study)
    last = at_age(chips, study.stress.end)
    energy = last["energy"].mean("chip")
    return answer | {
        "ideal_spikes_per_image": float(ideal["spikes"].mean()),
        "spikes_per_image": float(last["spikes"].mean()),
        "energy_per_image_joule": float(energy.sel(energy_model="synapse_and_neuron")),
        "energy_per_image_system_joule": float(energy.sel(energy_model="system")),
        **_write_time(study, chips),
    }


def _write_time(study: StudyFrame, chips: xr.Dataset) -> dict[str, float]:
    """Time of the pulses, and of the waits before verify, that write a chip over its mission.

    One cell after the other, the first write and those of refresh; nothing where the card does not
    say how wide a pulse is.
    """
    technology, verify = study.load_technology(), study.programming.verify
    if "programming.pulse_width" not in technology:
        return {}
    pulses = float(chips["write_pulses"].mean()) if "write_pulses" in chips else 1.0
    each = technology["programming.pulse_width"] + (verify.wait if verify else 0.0)
    writes = 1 + study.stress.rewrites(study.stress.end)
    return {"write_time_second": cells_of(study) * pulses * each * writes}


def _interval(
    study: StudyFrame, results: Results, at: dict[str, float], wafers: np.ndarray | None
) -> dict[str, Any]:
    """Mean of the metric at a read-out, with its interval."""
    chips, ideal = at_age(results["chips"], at), results["ideal"]
    values, draws = chips["accuracy"].values, _draw_means(results, at)
    metric = study.network.metric
    sigma = None if metric not in ("f1", "mse") and is_fraction(study) else _sigma_images(
        chips, study.confidence)  # fmt: skip
    if not is_fraction(study):
        assert sigma is not None  # a metric that is no fraction has no binomial variance
        return score_interval(values, sigma, draws, study.confidence, wafers)
    return accuracy_interval(
        values, study.network.images, draws, study.confidence, wafers,
        chance=0.0 if metric == "f1" else _chance(ideal),
        ideal=1.0 if metric == "f1" else float(ideal["accuracy"].mean()),
        sigma_images=sigma,
    )  # fmt: skip


def _sigma_images(chips: xr.Dataset, confidence: float) -> float:
    """Standard deviation by the finite number of images, from the intervals of the chips."""
    if "accuracy_low" not in chips:
        return float("nan")  # of a user's function nothing is known
    width = chips["accuracy_high"] - chips["accuracy"]
    return float(width.mean() / ndtri(0.5 + confidence / 2))


def _chance(ideal: xr.Dataset) -> float:
    """Accuracy of a guess: one of the classes, where the network has some."""
    return 1 / ideal.sizes["label"] if ideal.sizes.get("label", 0) > 1 else 0.0


def _draw_means(results: Results, conditions: dict[str, float]) -> np.ndarray | None:
    if "draws" not in results:
        return None
    return at_age(accuracy_of_draws(results), conditions).mean("chip").values


def _sizes(study: StudyFrame, results: Results) -> dict[str, int]:
    return {"chips": int(results["chips"].sizes["chip"]), "images": study.network.images}


def _outcomes(study: StudyFrame, results: Results, answer: dict[str, Any]) -> Iterator[Row]:
    limits, end = study.options("limits"), study.stress.end
    if limits.accuracy is not None:
        expect_fraction(study, "limits.accuracy")
        read_outs = zip(study.stress.combinations, answer["accuracy_by_age"], strict=True)
        for at, found in read_outs:
            yield limit_row(
                "accuracy", limits.accuracy, "least", (found["mean"], found["low"], found["high"]),
                decides=at == end, age=at,
            )  # fmt: skip
    if limits.chips_below is not None:
        *found, note = chips_below(study, results)
        yield limit_row("chips_below", limits.chips_below, "most", found, age=end, note=note)
    if limits.energy_per_image is not None:
        if "spikes" in results["chips"]:
            energy = at_age(results["chips"], end)["energy"].sel(energy_model="synapse_and_neuron")
            found = list(mean_interval(energy.values, study.confidence))
        else:
            found = _with_ends(answer, "energy_per_image_joule")
        yield limit_row("energy_per_image", limits.energy_per_image, "most", found, age=end)
    if limits.tile_area is not None:
        found = _with_ends(answer, "tile_area_m2")
        yield limit_row("tile_area", limits.tile_area, "most", found)


def _with_ends(answer: dict[str, Any], name: str) -> list[float]:
    return [answer[f"{name}{end}"] for end in ("", "_low", "_high")]


def chips_below(study: StudyFrame, results: Results) -> tuple[float, float, float, str]:
    """Return the fraction of chips below the accuracy limit, its interval and a note.

    The interval holds the exact binomial one of the chips and, where cards were sampled, the
    fractions of their chips: too wide with few chips of each card, never too narrow.
    """
    end, limit = study.stress.end, study.options("limits").accuracy
    chips = at_age(results["chips"], end).load()
    counted = accuracy_yield(
        chips.assign_attrs(images=study.network.images), limit, study.confidence, seed=study.seed
    ).sel(estimate="count")
    value, low, high = (float(counted[name]) for name in ("fraction", "low", "high"))
    note = str(counted["warning"].item())
    if "draws" in results:
        draws = at_age(accuracy_of_draws(results), end)
        fractions = (draws < limit).mean("chip").values
        ends = one_more(fractions, study.confidence)
        low, high = min(low, float(ends[0])), max(high, float(ends[1]))
    return value, low, high, note


# --- comparison


def _compare(first: Read, other: Read, confidence: float) -> Iterator[Row]:
    a, b = first[0], other[0]
    if a.network.metric != b.network.metric:
        metrics = [study.network.metric.partition("@")[0] for study in (a, b)]
        raise InputError(f"network.metric: got {' and '.join(metrics)}, expected the same metric "
                         "in both studies")  # fmt: skip
    unit = "share" if is_fraction(a) else "1"
    differ = images_differ(a, b, a.network.images, b.network.images)
    if differ and not is_fraction(a):
        raise InputError(f"network.data: {metric_name(a)} is compared on the same images only")
    for condition, conditions in common_conditions(a, b):
        chips = [at_age(results["chips"]["accuracy"], at)
                 for (_, results), at in zip((first, other), conditions, strict=True)]  # fmt: skip
        images = None
        if differ:
            images = sum(of_images(each.values.mean(), study.network.images)
                         for each, study in zip(chips, (a, b), strict=True))  # fmt: skip
        found = difference_of_chips(
            [each.values for each in chips], [wafers_of(each) for each in chips],
            share_chips(a, b), images, confidence,
        )  # fmt: skip
        yield {"quantity": metric_name(a), "condition": condition, "unit": unit, **found}


def _memory(study: StudyFrame) -> Iterator[tuple[str, float]]:
    for name in ("uncertainty", "sensitivity"):
        if (table := getattr(study, name)) is not None:
            yield f"{name}.chips", float(table.chips) * bytes_of_chip(study)
    yield "stress", 8.0 * study.stress.evaluations * study.network.images


KIND = Kind(
    of_measured_cells=True,
    uses=("network", "tiling", "programming", "population", "stress", "sensitivity"),
    groups={
        "ideal": Group("chip", _ideal),
        "chips": Group("chip", _chips),
        "draws": Group("draw", _draws),
        "sensitivity": Group("combination", _sensitivity),
    },
    tasks=_tasks,
    later=_chip_tasks,
    is_sure=_is_sure,
    check=_check,
    missions=_missions,
    answer=_answer,
    sizes=_sizes,
    limits=AccuracyLimits,
    outcomes=_outcomes,
    compare=_compare,
    intervals={"accuracy.mean": ("accuracy.low", "accuracy.high")} | INTERVALS,
    apart=data_apart,
    memory=_memory,
)
