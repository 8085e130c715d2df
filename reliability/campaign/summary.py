"""The answer of a finished study as plain numbers with their intervals."""

from typing import Any

import numpy as np
import xarray as xr
from scipy.special import expit, logit, ndtri, stdtrit

from reliability.campaign.limits import limit_answers
from reliability.campaign.outputs.architecture import architecture_answer
from reliability.campaign.outputs.attribution import attribution_answer
from reliability.campaign.outputs.crossbar import crossbar_answer
from reliability.campaign.outputs.endurance import endurance_answer
from reliability.campaign.selection import at_age, at_point, wafers_of
from reliability.campaign.spec import Study
from reliability.campaign.sweep import sweep_points
from reliability.population.ageing import out_of_range
from reliability.statistics.crossed import mean_of_fractions, variance_of_mean
from reliability.version import __version__


def summarize(study: Study, results: dict[str, xr.Dataset]) -> dict[str, Any]:
    """Return what ``summary.json`` holds.

    The headline is the end of the mission (`StressTable.end`); every age is listed beside it. Of a
    sweep there is one such answer for each of ``points``.

    Parameters
    ----------
    study : Study
    results : dict of str to Dataset
        The groups of the store.
    """
    summary: dict[str, Any] = {
        "title": study.title,
        "technology": study.technology,
        "warnings": _warnings(study, results),
        "seed": study.seed,
        "spec_hash": study.spec_hash,
        "reliability_version": __version__,
    }
    if "accuracy" in study.outputs:
        summary["chips"] = int(results["chips"].sizes["chip"])
        summary["images"] = study.network.images
    if study.sweep:
        if "architecture" in study.outputs:
            results["architecture"].load()  # once, for all points
            summary["architecture"] = architecture_answer(study, results)
        summary["points"] = [
            {"point": point} | _answers(study.at(point), at_point(results, point))
            for point in sweep_points(study)
        ]
        return summary
    summary |= _answers(study, results)
    if study.sensitivity:
        grid = explained(results["sensitivity"], study)
        summary["measured_accuracy"] = study.sensitivity.measured
        summary["combinations"] = int(grid.size)
        summary["combinations_explaining_measured"] = int(grid.sum())
    return summary


def _warnings(study: Study, results: dict[str, xr.Dataset]) -> list[str]:
    """Conditions outside the range of a model, at any point and age, and what parts noted."""
    notes = {note for group in results.values() for note in group.attrs.get("warnings", [])}
    if not {"accuracy", "attribution"} & set(study.outputs):
        return sorted(notes)
    for point in sweep_points(study):
        here = study.at(point)
        missions = []
        if "accuracy" in here.outputs:
            missions += [here.stress.mission(age) for age in here.stress.combinations]
        if "attribution" in here.outputs:
            missions.append(here.attribution_mission)
        card = here.load_technology()
        for mission in missions:
            notes |= set(out_of_range(card, mission, {"LRS", "HRS", "target"}))
    return sorted(notes)


def _answers(study: Study, results: dict[str, xr.Dataset]) -> dict[str, Any]:
    answers: dict[str, Any] = {}
    if "accuracy" in study.outputs:
        answers |= _answer(study, results)
    if "attribution" in study.outputs:
        answers["attribution"] = attribution_answer(study, results)
    if "endurance" in study.outputs:
        answers["endurance"] = endurance_answer(study, results)
    if "crossbar" in study.outputs:
        answers["crossbar"] = crossbar_answer(results)
    if "architecture" in study.outputs:
        answers["architecture"] = architecture_answer(study, results)
    limits = list(limit_answers(study, results, answers))
    return answers | ({"limits": limits} if limits else {})


def _answer(study: Study, results: dict[str, xr.Dataset]) -> dict[str, Any]:
    """Accuracy, spikes and energy of a study without a sweep."""
    chips, ideal = results["chips"], results["ideal"]
    wafers = wafers_of(chips["accuracy"])
    ages = [
        {
            "time_s": age["time"],
            "temperature_k": age["temperature"],
            "reads": age["reads"],
            "read_voltage_v": age["read_voltage"],
            "inferences": age["inferences"],
            **accuracy_interval(
                at_age(chips["accuracy"], age).values,
                study.network.images,
                _draw_means(results, age),
                study.confidence,
                wafers,
            ),
        }
        for age in study.stress.combinations
    ]
    headline = ages[study.stress.combinations.index(study.stress.end)]
    answer = {
        "ideal_accuracy": float(ideal["accuracy"].mean()),
        "ideal_accuracy_low": float(ideal["accuracy_low"].mean()),
        "ideal_accuracy_high": float(ideal["accuracy_high"].mean()),
        "accuracy": headline,
        "accuracy_by_age": ages,
    }
    if "spikes" not in chips:  # a network of many layers
        return answer
    last = at_age(chips, study.stress.end)
    energy = last["energy"].mean("chip")
    return answer | {
        "ideal_spikes_per_image": float(ideal["spikes"].mean()),
        "spikes_per_image": float(last["spikes"].mean()),
        "energy_per_image_joule": float(energy.sel(energy_model="synapse_and_neuron")),
        "energy_per_image_system_joule": float(energy.sel(energy_model="system")),
    }


def _draw_means(results: dict[str, xr.Dataset], age: dict[str, float]) -> np.ndarray | None:
    if "draws" not in results:
        return None
    return at_age(results["draws"]["accuracy"], age).mean("chip").values


def accuracy_interval(
    accuracy: np.ndarray,
    images: int,
    draw_means: np.ndarray | None,
    confidence: float,
    wafers: np.ndarray | None = None,
) -> dict[str, Any]:
    """Mean accuracy of a chip and how sure we are, with all that is uncertain in it.

    Three parts add in variance: the finite number of simulated chips, the finite number of test
    images (binomial) and, where the card was drawn, the uncertainty of its parameters. The last is
    a prediction interval for one more draw, Student-t on the logit scale, so that it stays between
    0 and 1.

    Parameters
    ----------
    accuracy : ndarray, shape (chips,)
    images : int
    draw_means : ndarray, shape (draws,), or None
        Mean accuracy of the chips of each draw of the card.
    confidence : float
    wafers : ndarray, shape (chips,), optional
        Of each chip; chips of one wafer may resemble each other, so the mean over few wafers is
        known less well than that over as many chips. Without, it is the mean of more chips on
        these wafers.

    Returns
    -------
    dict
        ``mean``, ``low``, ``high``, ``confidence``; the standard deviations ``sigma_chips`` (from
        chip to chip), ``sigma_monte_carlo`` (of the mean), ``sigma_images``, ``sigma_parameters``
        (None when not drawn).

    Examples
    --------
    >>> found = accuracy_interval(np.array([0.83, 0.84, 0.85]), 10_000, None, 0.95)
    >>> round(found["mean"], 3), found["low"] < 0.84 < found["high"]
    (0.84, True)
    """
    bound = 0.5 / images  # keeps the logit finite
    mean, low, high = mean_of_fractions(accuracy, wafers, confidence, bound)
    inside = float(np.clip(mean, bound, 1 - bound))
    sigma_chips = float(np.std(accuracy, ddof=1)) if accuracy.size > 1 else float("nan")
    sigma_mean = np.sqrt(variance_of_mean(accuracy, wafers).variance)
    sigma_images = float(np.sqrt(inside * (1 - inside) / images))
    z = ndtri(0.5 + confidence / 2)
    ends = (mean - low, high - mean) if accuracy.size > 1 else (0.0, 0.0)
    down, up = below, above = [float(np.hypot(end, z * sigma_images)) for end in ends]
    sigma_parameters = None
    if draw_means is not None:
        scores = logit(np.clip(draw_means, bound, 1 - bound))
        half = stdtrit(scores.size - 1, 0.5 + confidence / 2) * scores.std(ddof=1)
        half *= np.sqrt(1 + 1 / scores.size)
        centre = scores.mean()
        sigma_parameters = float(np.std(draw_means, ddof=1))
        down = float(np.hypot(below, max(mean - expit(centre - half), 0.0)))
        up = float(np.hypot(above, max(expit(centre + half) - mean, 0.0)))
    return {
        "mean": mean,
        "low": max(mean - down, 0.0),
        "high": min(mean + up, 1.0),
        "confidence": confidence,
        "sigma_chips": sigma_chips,
        "sigma_monte_carlo": float(sigma_mean),
        "sigma_images": sigma_images,
        "sigma_parameters": sigma_parameters,
    }


def explained(grid: xr.Dataset, study: Study) -> xr.DataArray:
    """Mark the combinations of the sensitivity grid at which one measured chip could have come out.

    The measured accuracy of a single chip has to lie inside the prediction interval of one more
    chip: Student-t with the spread from chip to chip, the error of the simulated mean, and the
    binomial error of the simulated images.

    Returns
    -------
    DataArray of bool (combination)
    """
    assert study.sensitivity is not None
    accuracy = grid["accuracy"]
    n = accuracy.sizes["chip"]
    mean = accuracy.mean("chip")
    variance = accuracy.var("chip", ddof=1) * (1 + 1 / n)
    variance = variance + mean * (1 - mean) / study.sensitivity.images
    half = stdtrit(n - 1, 0.5 + study.confidence / 2) * np.sqrt(variance)
    return abs(mean - study.sensitivity.measured) <= half
