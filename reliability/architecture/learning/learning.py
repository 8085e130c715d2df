"""Learning on the chip against endurance: training runs until the cells of a network fail."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.architecture.learning import write_life
from reliability.architecture.learning.learnt_storage import (
    rising_runs,
    storage_answers,
    stored_accuracy,
)
from reliability.architecture.learning.on_chip_training import RULES, Run, Training, train_all
from reliability.architecture.learning.stdp import Stdp
from reliability.architecture.learning.write_life import LEVELLING
from reliability.architecture.result import cross_checks, finish
from reliability.devices.endurance import Endurance, acceleration
from reliability.errors import InputError, fraction, unknown_name, whole_number
from reliability.mission import Segment
from reliability.technology import Technology
from reliability.technology.components import Components
from reliability.units import quantity

FRACTIONS = (1e-3, 1e-2, 1e-1)  # of cells failed, for which training runs are counted
PULSES = ("full", "weak")
_PUBLISHED = {
    "accuracy_in_situ": "accuracy, two layers trained in HfO2 cells",
    "accuracy_pcm": "accuracy, three layers trained in PCM cells",
    "accuracy_hybrid_over_software": "accuracy with volatile accumulation relative to without "
    "cells",
    "accuracy_lost_manhattan": "accuracy lost by signs instead of gradients",
    "accuracy_stdp": "accuracy of stochastic STDP",
    "updates_saved": "updates saved by leaving out small ones",
}


def learning(
    technology: Technology,
    components: Components,
    *,
    rule: str = "backprop_every",
    images: int = 50_000,
    epochs: int = 2,
    repeats: int = 3,
    failed: Sequence[float] = (),
    loss: float = 0.02,
    temperature: float | str = 298.15,
    runs: Sequence[float] = (),
    storage_time: float | str = 31_557_600.0,
    storage_temperature: float | str = 298.15,
    seed: int = 0,
) -> xr.Dataset:
    """Count the writes of a training run, and the runs until the cells of a card fail.

    Parameters
    ----------
    technology : Technology
        Its section ``endurance``.
    components : Components
        "learning".
    rule : str
        Name in `reliability.architecture.learning.on_chip_training.RULES`.
    images, epochs : int
        Of one training run.
    repeats : int
        Training runs that are averaged, each with other weights, order of images and random
        pulses. They are the same for every seed and card, so that cards drawn differ by the card
        alone.
    failed : sequence of float
        Fractions of cells that have failed, with which the rule is also trained.
    loss : float
        Accuracy that may be lost to failed cells.
    temperature : float or str
        Of the cells while they are written.
    runs : sequence of float
        Training runs after which the accuracy after storage is computed: the last weights on cells
        with the wear of all runs (`learnt_storage`).
    storage_time, storage_temperature : float or str
        s, K.
    seed : int
        Of the cells that are stored; all else that is random is in the repeats.

    Returns
    -------
    Dataset
        ``accuracy_of_run`` and ``writes_mean``, ``writes_99``, ``writes_most`` (of a cell in one
        run) by ``repeat``; ``runs_to_failure`` by levelling, pulse and fraction of cells failed,
        and ``runs_to_first_failure`` (median of the first failed cell). With ``failed``:
        ``accuracy_failed`` by ``failed``, ``tolerated`` (fraction of failed cells from which on
        more than ``loss`` is lost) and ``runs_to_loss``. With ``runs``: ``accuracy_stored`` by runs
        and repeat. ``die_factor``: 5 to 95 % of the dies
        stand so many times less or more; ``published`` values of `learning_checks`.

    Raises
    ------
    InputError
        A card without endurance, an unknown rule, a fraction that is not between 0 and 1.

    Notes
    -----
    One pulse is half a cycle, a write one or more pulses. A ``weak`` pulse, which only moves a cell
    of many levels a little, wears it ``write.weak_pulse_gain`` times less.

    Which cells fail first is drawn with a Weibull shape of 1.5, and what they stick in with the
    card's fraction of LRS, rounded to halves, so that cards that are drawn share training runs.

    Examples
    --------
    >>> import reliability as rel
    >>> from reliability.architecture import load_components
    >>> card, components = rel.load_technology("oxram-130nm"), load_components("learning")
    >>> data = learning(card, components, rule="errors_every", images=500, epochs=1, repeats=1)
    >>> bool(data["training_runs"] < data["training_runs_levelled"])
    True
    """
    _check(technology, rule, failed, repeats, loss)
    rising_runs(runs)
    rest = Segment(time=storage_time, temperature=storage_temperature)
    endurance = Endurance.from_technology(technology)
    kelvin = quantity(temperature, "K", "temperature", low=1.0, high=2000.0)
    wear = float(acceleration(endurance, kelvin)) * components["write.cycles"]
    fresh = train_all([Run(rule, images, epochs, k) for k in range(repeats)])

    loads = _mean_loads(fresh)
    # a pulse that wears half as much gives twice as many runs
    wears = np.array([wear * _pulses(components, rule, pulse) for pulse in PULSES])
    lives, first = _lives(endurance, loads, wears)
    data = _of_runs(endurance, fresh, lives, first)
    if failed:
        per_write = wear * _pulses(components, rule, "full")
        data = data.merge(_ageing(endurance, fresh, rule, failed, images, epochs, loss, per_write))
    if runs:
        cycles = components["write.cycles"] * _pulses(components, rule, "full")
        data = data.merge(_stored(technology, rule, fresh, cycles, runs, rest, kelvin, seed))
    checks = cross_checks(
        components, {f"published.{key}": (text, np.nan) for key, text in _PUBLISHED.items()}
    )
    return finish(data, technology, components, seed, answers=_answers(data, rest), checks=checks)


def _of_runs(
    endurance: Endurance,
    fresh: list[Training],
    lives: NDArray[np.float64],
    first: NDArray[np.float64],
) -> xr.Dataset:
    """Accuracy and writes of each training run, and runs to failure."""
    one = {"units": "1"}
    of_repeats = {
        "accuracy_of_run": [run.accuracy for run in fresh],
        "writes_mean": [run.writes.mean() for run in fresh],
        "writes_99": [np.quantile(run.writes, 0.99) for run in fresh],
        "writes_most": [run.writes.max() for run in fresh],
    }
    of_die = np.sqrt(endurance.sigma_lot**2 + endurance.sigma_wafer**2 + endurance.sigma_die**2)
    return xr.Dataset(
        {name: ("repeat", np.array(values, float), one) for name, values in of_repeats.items()}
        | {
            "runs_to_failure": (("levelling", "pulse", "fraction"), lives, one),
            "runs_to_first_failure": (("levelling", "pulse"), first, one),
            "die_factor": ((), np.exp(1.645 * of_die), one),
        },
        {
            "levelling": list(LEVELLING),
            "pulse": list(PULSES),
            "fraction": ("fraction", list(FRACTIONS), one),
        },
    )


def _answers(data: xr.Dataset, rest: Segment) -> dict[str, tuple[float, str, str]]:
    """Values of the study with their units and names."""
    failure = data["runs_to_failure"].sel(pulse="full", fraction=1e-2)
    answers = {
        "accuracy": (float(data["accuracy_of_run"].mean()), "1", "accuracy of a training run"),
        "writes": (float(data["writes_mean"].mean()), "1", "mean writes of a cell in one run"),
        "training_runs": (float(failure.sel(levelling="none")), "1",
                          "training runs until 1 % of the cells have failed"),
        "training_runs_levelled": (
            float(failure.sel(levelling="array")), "1",
            "training runs until 1 % of the cells have failed, wear levelled over the array"),
    }  # fmt: skip
    if "accuracy_stored" in data:
        answers |= storage_answers(data["accuracy_stored"], rest)
    return answers


def learning_checks(data: xr.Dataset) -> xr.Dataset:
    """Add the comparison with published learning on chips, as far as the rules are there.

    Parameters
    ----------
    data : Dataset
        Of `learning` along ``rule``; without that dimension it stays as it is.
    """
    if "rule" not in data.dims:
        return data
    rules = list(map(str, data["rule"].values))
    accuracy, writes = ({rule: data[name].sel(rule=rule, drop=True) for rule in rules}
                        for name in ("accuracy", "writes"))  # fmt: skip
    of_backprop = [accuracy[rule] for rule in rules if rule.startswith("backprop")]
    found = {}
    if "backprop_batch" in rules:
        found["accuracy_in_situ"] = accuracy["backprop_batch"]
    if "backprop_every" in rules:
        found["accuracy_pcm"] = accuracy["backprop_every"]
    if "backprop_hybrid" in rules:
        best = xr.concat(of_backprop, "of").max("of")
        found["accuracy_hybrid_over_software"] = accuracy["backprop_hybrid"] / best
    if {"backprop_batch", "manhattan_batch"} <= set(rules):
        found["accuracy_lost_manhattan"] = accuracy["backprop_batch"] - accuracy["manhattan_batch"]
    if "stdp" in rules:
        found["accuracy_stdp"] = accuracy["stdp"]
    if {"backprop_every", "backprop_threshold"} <= set(rules):
        found["updates_saved"] = writes["backprop_every"] / writes["backprop_threshold"]
    if not found:
        return data.drop_dims("check")
    data = data.sel(check=[_PUBLISHED[key] for key in found])
    model = xr.concat(list(found.values()), data["check"])
    return data.assign(model=model, ratio=model / data["published"].isel(rule=0, drop=True))


def _check(
    technology: Technology, rule: str, failed: Sequence[float], repeats: int, loss: float
) -> None:
    if "endurance.scale" not in technology:
        raise InputError(f"technology: {technology.name} has no endurance of its cells")
    if rule not in RULES:
        raise unknown_name("rule", rule, RULES)
    whole_number(repeats, "repeats", low=1)
    fraction(loss, "loss")
    if not all(0 < part < 1 for part in failed) or list(failed) != sorted(set(failed)):
        raise InputError(f"failed: got {list(failed)}, expected rising fractions between 0 and 1")


def _lives(
    endurance: Endurance, loads: list[NDArray[np.float64]], wears: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Runs until fractions of the cells and until the first have failed, by levelling and pulse."""
    lives = np.empty((len(LEVELLING), len(wears), len(FRACTIONS)))
    first = np.empty(lives.shape[:2])
    for k, over in enumerate(LEVELLING):
        cells = np.concatenate([n.ravel() for n in write_life.level(loads, over)])
        until = [write_life.runs_to_failure(endurance, cells, part) for part in FRACTIONS]
        lives[k] = np.multiply.outer(1 / wears, until)
        first[k] = write_life.runs_to_first_failure(endurance, cells) / wears
    return lives, first


def _mean_loads(runs: Sequence[Training]) -> list[NDArray[np.float64]]:
    """Writes of each cell, mean of the repeats: its load over many training runs."""
    layers = zip(*(run.loads for run in runs), strict=True)
    return [np.mean(layer, axis=0) for layer in layers]


def _pulses(components: Components, rule: str, pulse: str) -> float:
    """Full pulses that one write of a rule wears as much as; NaN where there are no weak ones."""
    how = RULES[rule]
    if isinstance(how, Stdp):
        return 1.0 if pulse == "full" else np.nan  # its pulses are counted one by one
    if how.two_level:
        return components["write.pulses_two_level"] if pulse == "full" else np.nan
    gain = components["write.weak_pulse_gain"] if pulse == "weak" else 1.0
    return components["write.pulses_many_levels"] / gain


def _ageing(
    endurance: Endurance,
    fresh: list[Training],
    rule: str,
    failed: Sequence[float],
    images: int,
    epochs: int,
    loss: float,
    per_write: float,
) -> xr.Dataset:
    """Train on chips of which cells have failed, those first that are written most."""
    like = replace(endurance, shape=1.5, stuck_lrs=round(2 * endurance.stuck_lrs) / 2)
    states = [write_life.failed_cells(like, fresh[0].writes, part, seed=0) for part in failed]
    aged = train_all([Run(rule, images, epochs, 0, bad.tobytes()) for bad in states])
    accuracy = np.array([fresh[0].accuracy, *(run.accuracy for run in aged)])
    fractions = np.append(0.0, failed)
    tolerated = _tolerated(fractions, accuracy, accuracy[0] - loss)
    writes = np.concatenate([n.ravel() for n in _mean_loads(fresh)])
    until = np.inf
    if tolerated < 1:
        until = write_life.runs_to_failure(endurance, per_write * writes, tolerated)
    one = {"units": "1"}
    return xr.Dataset(
        {
            "accuracy_failed": ("failed", accuracy, one),
            "tolerated": ((), tolerated, one),
            "runs_to_loss": ((), until, one),
        },
        {"failed": ("failed", fractions, one)},
    )


def _stored(
    technology: Technology, rule: str, fresh: list[Training], cycles: float,
    runs: Sequence[float], rest: Segment, written_at: float, seed: int,
) -> xr.Dataset:  # fmt: skip
    """Accuracy after storage, of each repeat after each number of training runs."""
    found = [
        [
            stored_accuracy(
                technology,
                rule,
                run,
                cycles_of_write=often * cycles,
                storage=rest,
                written_at=written_at,
                seed=seed,
            )
            for run in fresh
        ]
        for often in runs
    ]
    one = {"units": "1"}
    return xr.Dataset(
        {"accuracy_stored": (("runs", "repeat"), np.array(found), one)},
        {"runs": ("runs", np.array(runs, float), one)},
    )


def _tolerated(fractions: NDArray[np.float64], accuracy: NDArray, limit: float) -> float:
    """Fraction from which on the accuracy stays below a limit, between those tried; 1 if none.

    Training runs differ by chance, so a fraction that falls below while a larger one does not is
    passed.
    """
    above = np.flatnonzero(accuracy > limit)
    k = above[-1]
    if k == len(fractions) - 1:
        return 1.0
    part = (accuracy[k] - limit) / (accuracy[k] - accuracy[k + 1])
    return float(fractions[k] + part * (fractions[k + 1] - fractions[k]))
