"""Learning on the chip against cyclability: how many trainings the cells of a network stand."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.architecture.learning import write_life
from reliability.architecture.learning.on_chip_training import RULES, Training, Wanted, train_all
from reliability.architecture.learning.stdp import Stdp
from reliability.architecture.learning.write_life import LEVELLING
from reliability.architecture.result import cross_checks, finish
from reliability.devices.endurance import Endurance, acceleration
from reliability.errors import InputError, unknown_name
from reliability.technology import Technology
from reliability.technology.components import Components
from reliability.units import quantity

SHARES = (1e-3, 1e-2, 1e-1)  # of cells failed, for which trainings are counted
PULSES = ("full", "weak")


def learning(
    technology: Technology,
    components: Components,
    *,
    rules: Sequence[str] = tuple(RULES),
    aged: Sequence[str] = ("backprop_every", "backprop_hybrid", "delta_two_level", "stdp"),
    images: int = 50_000,
    epochs: int = 2,
    repeats: int = 3,
    failed: Sequence[float] = (0.01, 0.03, 0.1, 0.3),
    loss: float = 0.02,
    temperature: float | str = 298.15,
    seed: int = 0,
) -> xr.Dataset:
    """Count the writes of trainings, and how many trainings the cells of a card stand.

    Parameters
    ----------
    technology : Technology
        Its section ``endurance``.
    components : Components
        "learning".
    rules : sequence of str
        Names in `reliability.architecture.learning.on_chip_training.RULES`.
    aged : sequence of str
        Methods that are also trained on chips whose cells have failed.
    images, epochs : int
        What one training is.
    repeats : int
        Trainings of each rule, each with other weights, order of images and random pulses. They
        are the same for every seed and card, so that cards drawn differ by the card alone.
    failed : sequence of float
        Shares of cells that have failed, for ``aged``.
    loss : float
        Accuracy that may be lost to failed cells.
    temperature : float or str
        Of the cells while they are written.
    seed : int
        Without effect: all that is random is in the repeats.

    Returns
    -------
    Dataset
        By ``rule``: ``accuracy`` and ``writes_mean``, ``writes_99``, ``writes_most`` (of a cell in
        one training) also by ``repeat``; ``trainings_to_share`` by levelling, pulse and share
        and ``trainings_to_first`` (median of the first failed cell). For ``aged``:
        ``accuracy_failed`` by ``failed`` (share of cells), ``tolerated`` (share of failed cells
        from which on more than ``loss`` is lost) and ``trainings_to_loss``. ``die_factor``: 5 to
        95 % of the dies stand so many times less or more.

    Raises
    ------
    InputError
        A card without endurance, an unknown rule, a share that is not between 0 and 1.

    Notes
    -----
    One pulse is half a cycle, a write one or more pulses. A ``weak`` pulse, which only moves a cell
    of many levels a little, wears it ``write.weak_pulse_gain`` times less.

    Which cells fail first is drawn with a Weibull shape of 1.5, and what they stick in with the
    card's share of LRS, rounded to halves, so that cards that are drawn share trainings.
    """
    _check(technology, rules, aged, failed, repeats, loss)
    law = Endurance.from_technology(technology)
    kelvin = quantity(temperature, "K", "temperature", low=1.0, high=2000.0)
    wear = float(acceleration(law, kelvin)) * components["write.cycles"]
    fresh = _fresh(rules, images, epochs, repeats)

    lives = np.empty((len(rules), len(LEVELLING), len(PULSES), len(SHARES)))
    first = np.empty(lives.shape[:3])
    for m, rule in enumerate(rules):
        loads = _mean_loads(fresh[rule])
        # a pulse that wears half as much gives twice as many trainings
        wears = np.array([wear * _pulses(components, rule, pulse) for pulse in PULSES])
        for k, over in enumerate(LEVELLING):
            cells = np.concatenate([n.ravel() for n in write_life.level(loads, over)])
            until = [write_life.trainings_to_share(law, cells, share) for share in SHARES]
            lives[m, k] = np.multiply.outer(1 / wears, until)
            first[m, k] = write_life.trainings_to_first(law, cells) / wears

    one = {"units": "1"}
    of_repeats = {
        "accuracy": lambda t: t.accuracy,
        "writes_mean": lambda t: t.writes.mean(),
        "writes_99": lambda t: np.quantile(t.writes, 0.99),
        "writes_most": lambda t: t.writes.max(),
    }
    where = ("rule", "levelling", "pulse")
    data = xr.Dataset(
        {
            name: (("rule", "repeat"), [[of(t) for t in fresh[m]] for m in rules], one)
            for name, of in of_repeats.items()
        }
        | {
            "trainings_to_share": ((*where, "share"), lives, one),
            "trainings_to_first": (where, first, one),
        },
        {
            "rule": list(rules),
            "levelling": list(LEVELLING),
            "pulse": list(PULSES),
            "share": ("share", list(SHARES), one),
        },
    )
    if aged:
        per_write = {m: wear * _pulses(components, m, "full") for m in aged}
        data = data.merge(_ageing(law, fresh, aged, failed, images, epochs, loss, per_write))
    spread = np.sqrt(law.sigma_lot**2 + law.sigma_wafer**2 + law.sigma_die**2)
    data["die_factor"] = ((), np.exp(1.645 * spread), one)
    at = data["trainings_to_share"].sel(levelling="none", pulse="full", share=1e-2)
    answers = {
        f"trainings_{rule}": (float(at.sel(rule=rule)), "1",
                              f"training runs until 1 % of the cells have failed, {rule}")
        for rule in rules
    }  # fmt: skip
    checks = _published(components, fresh)
    return finish(data, technology, components, seed, answers=answers, checks=checks)


def _check(
    technology: Technology,
    rules: Sequence[str],
    aged: Sequence[str],
    failed: Sequence[float],
    repeats: int,
    loss: float,
) -> None:
    if "endurance.scale" not in technology:
        raise InputError(f"technology: {technology.name} does not say how many cycles cells last")
    for rule in rules:
        if rule not in RULES:
            raise unknown_name("rule", rule, RULES)
    for rule in aged:
        if rule not in rules:
            raise unknown_name("rule of aged", rule, rules)
    if not rules or len(set(rules)) < len(rules):
        raise InputError(f"rules: got {list(rules)}, expected one or more, each once")
    if repeats < 1:
        raise InputError(f"repeats: got {repeats}, allowed 1 or more")
    if not 0 < loss < 1:
        raise InputError(f"loss: got {loss}, allowed more than 0, less than 1")
    if not all(0 < share < 1 for share in failed) or list(failed) != sorted(set(failed)):
        raise InputError(f"failed: got {list(failed)}, expected growing shares between 0 and 1")


def _fresh(
    rules: Sequence[str], images: int, epochs: int, repeats: int
) -> dict[str, list[Training]]:
    wanted = [Wanted(m, images, epochs, k) for m in rules for k in range(repeats)]
    done = train_all(wanted)
    return {m: done[i * repeats : (i + 1) * repeats] for i, m in enumerate(rules)}


def _mean_loads(trainings: Sequence[Training]) -> list[NDArray[np.float64]]:
    """Writes of each cell, mean of the repeats: what it sees of many trainings."""
    layers = zip(*(t.loads for t in trainings), strict=True)
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
    law: Endurance,
    fresh: dict[str, list[Training]],
    aged: Sequence[str],
    failed: Sequence[float],
    images: int,
    epochs: int,
    loss: float,
    per_write: dict[str, float],
) -> xr.Dataset:
    """Train on chips of which cells have failed, those first that are written most."""
    like = replace(law, shape=1.5, stuck_lrs=round(2 * law.stuck_lrs) / 2)
    wanted = []
    for rule in aged:
        for share in failed:
            bad = write_life.failed_cells(like, fresh[rule][0].writes, share, seed=0)
            wanted.append(Wanted(rule, images, epochs, 0, bad.tobytes()))
    found = np.array([t.accuracy for t in train_all(wanted)]).reshape(len(aged), len(failed))
    accuracy = np.column_stack([[fresh[rule][0].accuracy for rule in aged], found])
    shares = np.append(0.0, failed)
    tolerated = [_tolerated(shares, a, a[0] - loss) for a in accuracy]
    until = []
    for rule, share in zip(aged, tolerated, strict=True):
        writes = np.concatenate([n.ravel() for n in _mean_loads(fresh[rule])])
        life = write_life.trainings_to_share(law, per_write[rule] * writes, share)
        until.append(life if share < 1 else np.inf)
    one = {"units": "1"}
    return xr.Dataset(
        {
            "accuracy_failed": (("aged", "failed"), accuracy, one),
            "tolerated": ("aged", tolerated, one),
            "trainings_to_loss": ("aged", until, one),
        },
        {"aged": list(aged), "failed": ("failed", shares, one)},
    )


def _tolerated(shares: NDArray[np.float64], accuracy: NDArray, limit: float) -> float:
    """Share from which on the accuracy stays below a limit, between those tried; 1 if none.

    Trainings differ by chance, so a share that falls below while a larger one does not is passed.
    """
    above = np.flatnonzero(accuracy > limit)
    k = above[-1]
    if k == len(shares) - 1:
        return 1.0
    part = (accuracy[k] - limit) / (accuracy[k] - accuracy[k + 1])
    return float(shares[k] + part * (shares[k + 1] - shares[k]))


def _published(components: Components, fresh: dict[str, list[Training]]) -> xr.Dataset | None:
    """Compare with published learning on chips, as far as the rules are there."""
    accuracy = {m: float(np.mean([t.accuracy for t in found])) for m, found in fresh.items()}
    writes = {m: float(np.mean([t.writes.mean() for t in found])) for m, found in fresh.items()}
    of_backprop = [a for m, a in accuracy.items() if m.startswith("backprop")]
    models: dict[str, tuple[str, float]] = {}

    def check(name: str, label: str, needed: Sequence[str], value: Callable[[], float]) -> None:
        if all(m in accuracy for m in needed):
            models[f"published.{name}"] = (label, value())

    check("accuracy_in_situ", "accuracy, two layers trained in HfO2 cells",
          ["backprop_batch"], lambda: accuracy["backprop_batch"])  # fmt: skip
    check("accuracy_pcm", "accuracy, three layers trained in PCM cells",
          ["backprop_every"], lambda: accuracy["backprop_every"])  # fmt: skip
    check("accuracy_hybrid_over_software", "accuracy with volatile accumulation over without cells",
          ["backprop_hybrid"], lambda: accuracy["backprop_hybrid"] / max(of_backprop))  # fmt: skip
    check("accuracy_lost_manhattan", "accuracy lost by signs instead of gradients",
          ["backprop_batch", "manhattan_batch"],
          lambda: accuracy["backprop_batch"] - accuracy["manhattan_batch"])  # fmt: skip
    check("accuracy_stdp", "accuracy of stochastic STDP", ["stdp"], lambda: accuracy["stdp"])
    check("updates_saved", "updates saved by leaving out small ones",
          ["backprop_every", "backprop_threshold"],
          lambda: writes["backprop_every"] / writes["backprop_threshold"])  # fmt: skip
    return cross_checks(components, models) if models else None
