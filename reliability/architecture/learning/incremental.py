"""A deployed network that learns a new class, or an input that has drifted, with few writes."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.architecture.learning import gradient_rules, write_life
from reliability.architecture.learning.chip_learning import Chip
from reliability.architecture.learning.gradient_rules import Schedule
from reliability.architecture.learning.learnt_storage import (
    rising_runs,
    storage_answers,
    stored_sides,
)
from reliability.architecture.learning.on_chip_training import TRAINING, digits
from reliability.architecture.learning.written_cells import Outcomes, ideal, outcomes
from reliability.architecture.result import cross_checks, finish
from reliability.devices.endurance import Endurance
from reliability.errors import InputError, unknown_name, whole_number
from reliability.mission import Segment
from reliability.random import stream
from reliability.technology import Technology
from reliability.technology.components import Components

SCENARIOS = ("new_class", "shifted_input")
PARTS = ("old", "new", "all")
CELLS = ("device", "exact")
FRACTION = 0.01  # of cells failed, for which runs are counted
_LOST = "accuracy lost to the cells, a new class learnt on the chip"


@dataclass(frozen=True)
class _Rule:
    """What a rule sees and may write.

    Parameters
    ----------
    kind : {"gradient", "error"}
    old : float
        Fraction of the images that are stored ones of before.
    column : bool
        Only the weights of the new class are written.
    at_end : bool
        Changes stay in the volatile memory until all images were seen; then the largest are
        written first.
    template : bool
        No images one by one: the new class gets the mean of its images less that of all.
    """

    kind: str = "gradient"
    old: float = 0.9
    column: bool = False
    at_end: bool = False
    template: bool = False


RULES = {
    "fine_tuning": _Rule(old=0.0),
    "replay": _Rule(),
    "new_column": _Rule(column=True),
    "errors_only": _Rule(kind="error"),
    "transfer_at_end": _Rule(at_end=True),
    "template": _Rule(column=True, template=True),
}


def incremental(
    technology: Technology,
    components: Components,
    *,
    scenario: str = "new_class",
    rule: str = "replay",
    new_class: int = 9,
    steps: int = 4,
    rate: float = 0.02,
    images: int = 6000,
    stored: int = 500,
    attempts: int = 10,
    budgets: Sequence[int] = (5, 10, 20, 50, 100, 200, 500, 1000),
    chips: int = 4,
    test_images: int = 4000,
    runs: Sequence[float] = (),
    storage_time: float | str = 31_557_600.0,
    storage_temperature: float | str = 298.15,
    seed: int = 0,
) -> xr.Dataset:
    """Accuracy of a deployed one-layer network against the writes with which it learns anew.

    Parameters
    ----------
    technology : Technology
        With LRS and HRS: weights on ``steps`` two-level cells a side; with levels: one cell a side.
    components : Components
        "learning".
    scenario : {"new_class", "shifted_input"}
        A class that the network never saw, or all images moved by one pixel to the right.
    rule : str
        Name in `RULES`; those that only write a new class are refused with a shifted input.
    new_class : int
    steps : int
        Largest weight.
    rate : float
        Learning rate, in weights of at most 1.
    images : int
        Shown once each while it learns anew.
    stored : int
        Images of before that are kept, to be shown again.
    attempts : int
        Pulses at most until a two-level cell is verified.
    budgets : sequence of int
        Writes of cells, all together, after which the accuracy is tested.
    chips : int
        Each with other cells and other images.
    test_images : int
    runs : sequence of float
        How often the chip has learnt so before; for each the accuracy after storage is tested, on
        cells worn by all runs.
    storage_time, storage_temperature : float or str
        s, K.
    seed : int

    Returns
    -------
    Dataset
        ``accuracy_of_chip`` by part ("old", images as before; "new", those of the new class, or
        moved; "all"), cells ("device", and "exact" ones that take each level without error), budget
        and chip; ``before``, the same before anything was learnt; ``writes_spent`` when all images
        were seen; ``accuracy_stored`` by part, runs and chip, where runs are given;
        ``runs_to_failure``, how often the chip can learn so until 1 % of its cells have
        failed for good (cards with endurance; others NaN).

    Raises
    ------
    InputError
        An unknown scenario or rule, a number that cannot be.

    Notes
    -----
    The network is trained before, on exact cells, and then programmed. Rules see the outputs of the
    cells as they are, so they also correct programming errors. Changes are collected in a volatile
    memory and written in whole steps (`gradient_rules`). A budget that a rule does not use up gets
    its last state.
    """
    task = _Task(scenario, new_class, steps, rate, images, stored, test_images)
    how = task.rule(rule)
    _check(budgets, chips, attempts)
    rising_runs(runs)
    two_level = technology.has_states
    levels, per_side = (2, steps) if two_level else (steps + 1, 1)
    start = task.deployed()
    count = start.size * 2 * per_side
    found = np.empty((len(PARTS), len(CELLS), len(budgets), chips))
    before, spent = np.empty((len(PARTS), len(CELLS), chips)), np.empty((len(CELLS), chips))
    loads = np.zeros(count)
    rest = Segment(time=storage_time, temperature=storage_temperature)
    kept = np.empty((len(PARTS), len(runs), chips))
    for c in range(chips):
        made = _outcomes(technology, steps, count, attempts, c, seed)
        for k, table in enumerate((made, ideal(levels, count))):
            chip = Chip.programmed(start, table, steps, two_level)
            before[:, k, c] = task.accuracies(chip.read, learnt=False)
            states = task.learn(chip, how, budgets, seed, c)
            found[:, k, :, c] = np.transpose([task.accuracies(s) for s in states])
            spent[k, c] = chip.writes.sum()
            if CELLS[k] == "device":
                loads += chip.pulses.ravel() / chips
                wear = np.asarray(chip.pulses * _cycles_of_pulse(components, two_level), float)
                for r, each in enumerate(runs):
                    kept[:, r, c] = task.accuracies(_stored(
                        technology, chip, cycles=each * wear, storage=rest,
                        attempts=attempts, number=c, seed=seed
                    ))  # fmt: skip
    data = _of_chips(found, before, spent, budgets)
    data.attrs |= {"scenario": scenario, "cells_of_chip": count}
    data = _with_stored(data, kept, runs) if runs else data
    life = _runs_to_failure(technology, components, loads, two_level)
    checks = None
    if scenario == "new_class":
        checks = cross_checks(components, {"published.accuracy_lost_to_cells": (_LOST, np.nan)})
    return finish(
        data, technology, components, seed, answers=_answers(data, life, rest), checks=checks
    )


def _of_chips(
    found: NDArray[np.float64],
    before: NDArray[np.float64],
    spent: NDArray[np.float64],
    budgets: Sequence[int],
) -> xr.Dataset:
    """Accuracies and writes of all chips, on the cells of the card and on exact ones."""
    one = {"units": "1"}
    return xr.Dataset(
        {
            "accuracy_of_chip": (("part", "cells", "budget", "chip"), found, one),
            "before": (("part", "cells", "chip"), before, one),
            "writes_spent": (("cells", "chip"), spent, one),
        },
        {"part": list(PARTS), "cells": list(CELLS), "budget": ("budget", list(budgets), one)},
    )


def _with_stored(data: xr.Dataset, kept: NDArray[np.float64], runs: Sequence[float]) -> xr.Dataset:
    one = {"units": "1"}
    return data.assign_coords(runs=("runs", list(runs), one)).assign(
        accuracy_stored=(("part", "runs", "chip"), kept, one)
    )


def _stored(technology: Technology, chip: Chip, **conditions: Any) -> NDArray[np.float32]:
    """Weights of a chip after cycles and storage, in steps."""
    sides = np.stack([np.maximum(chip.level, 0), np.maximum(-chip.level, 0)], axis=-1)
    given = stored_sides(technology, sides / chip.steps, **conditions)
    return np.asarray(chip.steps * (given[..., 0] - given[..., 1]), np.float32)


def _answers(data: xr.Dataset, runs: float, rest: Segment) -> dict[str, tuple[float, str, str]]:
    """Return accuracies at the end and the writes that they took, on cells of the card."""
    last = data["accuracy_of_chip"].isel(budget=-1).mean("chip")
    stored: dict[str, tuple[float, str, str]] = {}
    if "runs" in data.dims:
        stored = storage_answers(data["accuracy_stored"].sel(part="all"), rest)
    device, exact = ({part: float(last.sel(cells=name, part=part)) for part in PARTS}
                     for name in CELLS)  # fmt: skip
    writes = float(data["writes_spent"].sel(cells="device").mean())
    return {
        "accuracy": (device["all"], "1", "accuracy on all images"),
        "accuracy_old": (device["old"], "1", "accuracy on the old images"),
        "accuracy_new": (device["new"], "1", "accuracy on the new images"),
        "accuracy_lost": (exact["all"] - device["all"], "1", "accuracy lost to the cells"),
        "writes": (writes, "1", "writes of all cells"),
        "runs_to_failure": (runs, "1", "runs of this kind until 1 % of the cells have failed"),
    } | stored


def incremental_checks(data: xr.Dataset) -> xr.Dataset:
    """Add the comparison with a published chip, which learnt with new and stored images.

    Parameters
    ----------
    data : Dataset
        Of `incremental` along ``rule``; without "replay" among them nothing is compared.
    """
    if "check" not in data.dims:
        return data
    if "rule" not in data.dims or "replay" not in data["rule"].values:
        return data.drop_dims("check")
    model = data["accuracy_lost"].sel(rule="replay", drop=True).expand_dims(check=data["check"])
    return data.assign(model=model, ratio=model / data["published"].sel(rule="replay", drop=True))


def _check(budgets: Sequence[int], chips: int, attempts: int) -> None:
    if not budgets or any(b < 1 for b in budgets) or list(budgets) != sorted(set(budgets)):
        raise InputError(f"budgets: got {list(budgets)}, expected rising numbers of writes")
    whole_number(chips, "chips", low=1)
    whole_number(attempts, "attempts", low=1)


@lru_cache(maxsize=8)
def _outcomes(
    technology: Technology, steps: int, count: int, attempts: int, chip: int, seed: int
) -> Outcomes:
    """Outcomes of all writes of a chip; kept for the next rule on the same chip."""
    return outcomes(technology, steps, count, attempts=attempts, chip=chip, seed=seed)


def _runs_to_failure(
    technology: Technology, components: Components, load: NDArray[np.float64], two_level: bool
) -> float:
    """How often the chip can learn so until `FRACTION` of its cells have failed, or NaN."""
    if "endurance.scale" not in technology:
        return np.nan
    endurance = Endurance.from_technology(technology)
    wear = _cycles_of_pulse(components, two_level)
    return write_life.runs_to_failure(endurance, wear * load, FRACTION)


def _cycles_of_pulse(components: Components, two_level: bool) -> float:
    """Cycles that one write of a cell wears as much as."""
    return components["write.cycles"] * (
        1.0 if two_level else components["write.pulses_many_levels"]
    )


@dataclass(frozen=True)
class _Task:
    """What is deployed, what it learns anew, and on which images it is tested."""

    scenario: str
    new_class: int
    steps: int
    rate: float
    images: int
    stored: int
    test_images: int

    def __post_init__(self) -> None:
        if self.scenario not in SCENARIOS:
            raise unknown_name("scenario", self.scenario, SCENARIOS)
        allowed = {
            "new_class": (0, 9), "steps": (1, 64), "images": (1, TRAINING),
            "stored": (1, TRAINING), "test_images": (10, 10_000),
        }  # fmt: skip
        for name, (low, high) in allowed.items():
            whole_number(getattr(self, name), name, low, high)
        if not 0 <= self.rate <= 1:
            raise InputError(f"rate: got {self.rate:g}, allowed 0 to 1")

    def rule(self, name: str) -> _Rule:
        """Return a rule that applies here."""
        if name not in RULES:
            raise unknown_name("rule", name, RULES)
        if self.scenario == "shifted_input" and RULES[name].column:
            raise InputError(f"rule: got {name!r}, which needs scenario = 'new_class'")
        return RULES[name]

    def deployed(self) -> NDArray[np.int32]:
        """Weights that are programmed before; the new class has none."""
        return _deployed(self.new_class if self.scenario == "new_class" else -1, self.steps)

    def accuracies(self, read: NDArray[np.float32], learnt: bool = True) -> list[float]:
        """Accuracy on old images, on new ones, and on all, of weights that are read.

        Before a new class is learnt its output is off.
        """
        x, y, new = self._tests()
        scores = x @ read
        if self.scenario == "new_class" and not learnt:
            scores[:, self.new_class] = -np.inf
        right = scores.argmax(axis=1) == y
        return [float(right[~new].mean()), float(right[new].mean()), float(right.mean())]

    def _tests(self) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.bool_]]:
        pixels, labels = digits("test")
        some = np.arange(self.test_images) * len(pixels) // self.test_images
        x, y = pixels[some], labels[some]
        if self.scenario == "new_class":
            return x, y, y == self.new_class
        both = np.concatenate([x, moved(x)])
        return both, np.tile(y, 2), np.arange(2 * len(x)) >= len(x)

    def learn(
        self, chip: Chip, rule: _Rule, budgets: Sequence[int], seed: int, which: int
    ) -> NDArray[np.float32]:
        """Let a chip learn anew; return its weights after each budget of writes."""
        pixels, labels = digits("train")
        pixels, labels = pixels[:TRAINING], labels[:TRAINING]
        random = stream(seed, "incremental.images", 0, which)
        of_new = labels == self.new_class
        if self.scenario == "new_class":
            olds, news = np.flatnonzero(~of_new), np.flatnonzero(of_new)
        else:
            olds = news = np.arange(TRAINING)
        kept = random.choice(olds, min(self.stored, olds.size), replace=False)
        # so much of what is new that all classes are seen alike
        old = rule.old if self.scenario == "new_class" else 0.5 * (rule.old > 0)
        is_old = random.random(self.images) < old
        pick = np.where(is_old, random.choice(kept, self.images), random.choice(news, self.images))
        x, y = pixels[pick], labels[pick]
        if self.scenario == "shifted_input":
            x = np.where(is_old[:, None], x, moved(x))
        columns = np.full(chip.level.shape[1], not rule.column)
        columns[self.new_class] = True
        if rule.template:
            mean = x[~is_old].mean(axis=0) - pixels[kept].mean(axis=0)
            chip.volatile[:, self.new_class] = self.steps * mean / np.abs(mean).max()
            return chip.transfer(budgets)
        within = () if rule.at_end else budgets
        states = chip.learn(x, y, kind=rule.kind, rate=self.rate, columns=columns, budgets=within)
        return chip.transfer(budgets) if rule.at_end else states


def moved(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return 12x12 images moved by one pixel to the right.

    >>> moved(np.arange(144, dtype=np.float32)[None])[0, :3].tolist()
    [0.0, 0.0, 1.0]
    """
    square = pixels.reshape(-1, 12, 12)
    out = np.zeros_like(square)
    out[:, :, 1:] = square[:, :, :-1]
    return out.reshape(pixels.shape)


@lru_cache(maxsize=16)
def _deployed(left_out: int, steps: int) -> NDArray[np.int32]:
    """Weights of one layer that is trained without a class (-1: with all), on exact cells."""
    pixels, labels = (a[:TRAINING] for a in digits("train"))
    schedule = Schedule("gradient", 0, 0.02, carry=1.0, levels=steps)
    layers = gradient_rules.start(schedule, pixels.shape[1], 10, seed=0)
    order = stream(0, "learning.order").permutation(TRAINING)
    order = order[labels[order] != left_out]
    gradient_rules.learn(schedule, layers, pixels[order], labels[order])
    weights = np.round(layers[0].weight * steps).astype(np.int32)
    if left_out >= 0:
        weights[:, left_out] = 0
    return weights
