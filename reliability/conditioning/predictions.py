"""What a card predicts for an observation: a location and its spread over lots, wafers and dies.

Of a count the location is the probability p that a cell fails, and the spread the standard
deviation of ln p (of ln(1 - p) where p is above 1/2) from one lot, with its wafers and the dies of
its chips, to the next. Of a value it is the value on the scale on which its error is stated: ln R,
decades, the logit of an accuracy, or ln p of a fraction. Closed forms of `reliability.devices`
wherever there are some; cells that have aged and networks are sampled, with the same random numbers
at every draw of the card.
"""

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit, ndtri

from reliability.devices import endurance, programming, read_disturb, retention
from reliability.devices import verify as verifying
from reliability.devices.endurance import Endurance
from reliability.devices.programming import Programming
from reliability.devices.read_disturb import ReadDisturb
from reliability.devices.retention import Retention
from reliability.devices.verify import Verify
from reliability.errors import InputError
from reliability.mission import MissionProfile, Segment
from reliability.network import Neuron, evaluate, load_network
from reliability.population import age, sample_population
from reliability.population.ageing import out_of_range
from reliability.population.wafer import radial_positions
from reliability.technology import Observation, Technology

_ROOM = 298.15  # K
_FLOOR = 1e-30  # of a probability
_GRID = 400  # conductances between the medians that are tried as the reference
_INITIAL = (np.arange(12) + 0.5) / 12  # quantiles of cells as programmed
_END = ndtri((np.arange(16) + 0.5) / 16)  # deviates of where lost cells end
_CELLS = 4000  # sampled, for the quantiles of aged cells
_SEED = 20210503  # of everything sampled: common random numbers over the draws of the card


class Prediction(NamedTuple):
    """Location and spread, as the module has them."""

    location: float
    spread: float


def predict_all(card: Technology, observations: Sequence[Observation]) -> list[Prediction]:
    """Return what a card predicts for observations; see `predict`."""
    reference = _reference(card) if any(map(_lacks_reference, observations)) else None
    return [predict(card, o, reference) for o in observations]


def predict(
    card: Technology, observation: Observation, reference: float | None = None
) -> Prediction:
    """Return what a card predicts for an observation, its parameters taken as they are.

    Parameters
    ----------
    card : Technology
    observation : Observation
    reference : float, optional
        Conductance, S, that cells are read against where the observation does not say; by default
        the one at which fresh cells are misread least.

    Examples
    --------
    >>> import reliability as rel
    >>> from reliability.technology import observations_of
    >>> (errors,) = observations_of(
    ...     [{"kind": "stuck_cells", "cells": 1000, "wrong": 1, "state": "LRS", "source": "s"}])
    >>> found = predict(rel.load_technology("oxram-130nm"), errors)
    >>> round(found.location / rel.load_technology("oxram-130nm")["defects.stuck_lrs"], 6)
    1.0
    """
    if _lacks_reference(observation):
        at = _reference(card) if reference is None else reference
        values = observation.values | {"reference": at}
        observation = observation.model_copy(update={"values": values})
    p, spread = found = _KINDS[observation.kind](card, observation)
    if not _is_rate(observation):
        return found
    return Prediction(math.log(p), spread * min(1.0, (1 - p) / p))


def _lacks_reference(observation: Observation) -> bool:
    """Whether cells are read against a reference that the observation does not state."""
    return _reads_states(observation) and "reference" not in observation.values


def _reads_states(observation: Observation) -> bool:
    """Whether cells in a state are read against a reference."""
    stress = observation.kind in ("no_failure", "qualification")
    return observation.kind in _READ or (stress and "cycles" not in observation.values)


def _is_rate(observation: Observation) -> bool:
    return "fraction" in observation.values


def is_count(observation: Observation) -> bool:
    """Whether the observation counts failures among cells."""
    values = ("quantile", "median", "window", "accuracy")
    return observation.kind not in values and not _is_rate(observation)


def is_simulated(observation: Observation) -> bool:
    """Whether a prediction takes a simulation, not a closed form."""
    aged = observation.kind in ("quantile", "median") and observation.get("time", 0.0) > 0
    return aged or observation.kind == "accuracy"


def check_conditions(card: Technology, observation: Observation, where: str) -> None:
    """Refuse an observation whose conditions the models of the card do not cover.

    Raises
    ------
    InputError
        No model of what was observed on the card, or a condition outside its valid range.
    """
    of_states = observation.kind in ("quantile", "median", "window") or _reads_states(observation)
    if of_states and not card.has_states:
        raise InputError(f"{where}: {card.name} has levels, not LRS and HRS")
    state = {observation["state"]} if observation.get("state") else {"LRS", "HRS"}
    temperature = observation.get("temperature", _ROOM)
    segment = Segment(
        observation.get("time", 0.0), temperature, observation.get("reads", 0.0),
        observation.get("read_voltage", 0.1),
    )  # fmt: skip
    notes = out_of_range(card, MissionProfile([segment]), state)
    if "cycles" in observation.values:
        notes += _outside(card, "temperature", temperature, "K")
        notes += _outside(card, "cycles", observation["cycles"], "cycles")
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            predict(card, observation)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    notes += [str(each.message) for each in caught if issubclass(each.category, UserWarning)]
    if notes:
        raise InputError(f"{where}: {notes[0]}")


def _outside(card: Technology, condition: str, value: float, unit: str) -> list[str]:
    """Say that a condition of cycling is outside the valid range of the card, if it has one."""
    low, high = card.valid.get(f"endurance.{condition}", (-math.inf, math.inf))
    if low <= value <= high:
        return []
    return [f"{condition}: got {value:g} {unit}, allowed {low:g} to {high:g} {unit}"]


def _reference(card: Technology) -> float:
    """Return the conductance, S, at which fresh cells of both states are misread least."""
    lrs, hrs = (Programming.from_technology(card, state) for state in ("LRS", "HRS"))
    low, high = sorted(-math.log(model.resistance) for model in (lrs, hrs))
    at = np.linspace(low, high, _GRID)[1:-1]
    g = np.exp(at)
    wrong = programming.probability_below(lrs, g) + 1 - programming.probability_below(hrs, g)
    return float(g[np.argmin(wrong)])


# --- counts


def _over_chips(of_deviation: Callable[[float], float], sigma: float) -> Prediction:
    """Mean of a probability over chips, and how much the logarithm of its smaller side varies."""
    if sigma == 0:
        return Prediction(max(of_deviation(0.0), _FLOOR), 0.0)
    # the two-point Gauss-Hermite rule
    low, high = (max(of_deviation(side * sigma), _FLOOR) for side in (-1.0, 1.0))
    mean = (low + high) / 2
    if mean > 0.5:
        low, high = max(1 - low, _FLOOR), max(1 - high, _FLOOR)
    return Prediction(mean, abs(math.log(high / low)) / 2)


def _besides(start: float, later: Prediction, end: float = 1.0) -> Prediction:
    """Cells that fail from the start, and of the others a fraction ``end`` of those that do later.

    >>> round(_besides(0.001, Prediction(0.001, 0.4)).spread, 3)  # half of what fails varies
    0.2
    """
    p = max(start + (1 - start) * end * later.location, _FLOOR)
    change = (1 - start) * end * min(later.location, 1 - later.location) * later.spread
    return Prediction(p, change / max(min(p, 1 - p), _FLOOR))


def _of_a_chip(model: Programming, chips: int) -> tuple[Programming, float]:
    """The cells of one chip, and the standard deviation of what all cells of ``chips`` share."""
    shared = math.hypot(model.sigma_lot, model.sigma_wafer, model.sigma_die / math.sqrt(chips))
    return replace(model, sigma_lot=0.0, sigma_wafer=0.0, sigma_die=0.0), shared


def _wrong(card: Technology, state: str, reference: float, attempts: int, chips: int) -> Prediction:
    """Probability of the wrong side after some pulses, without defects."""
    model, shared = _of_a_chip(Programming.from_technology(card, state), chips)
    radial = model.radial * float(radial_positions(card).std()) / math.sqrt(chips)
    verify = Verify(1 / reference, 1 / reference, attempts)

    # who verifies at the reference is wrong only where no attempt passed
    return _over_chips(
        lambda deviation: (
            verifying.outcome(verify, state, model, offsets=deviation).failed_to_verify
        ),
        math.hypot(shared, radial),
    )


def _defects(card: Technology, state: str) -> float:
    """Fraction of cells that never are in a state."""
    names = ("stuck_hrs", "unformed") if state == "LRS" else ("stuck_lrs",)
    return sum(card.get(f"defects.{name}", 0.0) for name in names)


def _write_errors(card: Technology, o: Observation) -> Prediction:
    """Cells on the wrong side after their last pulse: every pass writes once and retries."""
    attempts = min(o.get("passes", 1) * (1 + o.get("retries", 1)), 255)
    found = _wrong(card, o["state"], o["reference"], attempts, o.get("chips", 1))
    return _besides(_defects(card, o["state"]), found)


def _stuck_cells(card: Technology, o: Observation) -> Prediction:
    """Cells that no write brings to the other state, from the start or worn out since."""
    worn = _hard(card, o) if o.get("cycles", 0.0) > 0 else Prediction(0.0, 0.0)
    unformed = card.get("defects.unformed", 0.0)
    lrs = card.get("defects.stuck_lrs", 0.0), card.get("endurance.stuck_lrs", 0.5)
    hrs = card.get("defects.stuck_hrs", 0.0) + unformed, 1 - lrs[1]
    start, end = {"LRS": lrs, "HRS": hrs}.get(o.get("state"), (lrs[0] + hrs[0], 1.0))
    return _besides(start, worn, end)


def _hard(card: Technology, o: Observation) -> Prediction:
    """Cells that failed for good after cycles."""
    model = Endurance.from_technology(card)
    sigma = math.hypot(
        model.sigma_lot, model.sigma_wafer, model.sigma_die / math.sqrt(o.get("chips", 1))
    )
    each = endurance.acceleration(model, o.get("temperature", _ROOM), o.get("energy"))
    x = o["cycles"] * float(each)
    return _over_chips(
        lambda deviation: float(endurance.probability_failed(model, x, deviation=deviation)), sigma
    )


def _crossed(
    card: Technology,
    state: str,
    reference: float,
    end: float | NDArray[np.floating],
    probability: Callable[[float, float], float],
) -> float:
    """Mean probability of crossing of cells on the right side, over conductances and ends."""
    g = programming.quantile(Programming.from_technology(card, state), _INITIAL)
    right = g[g >= reference] if state == "LRS" else g[g <= reference]
    sigma = retention.of_state(card, "sigma_asymptotic", state, 0.0)
    ends = np.atleast_1d(end * np.exp(sigma * _END) if sigma > 0 else end)
    crossed = [probability(float(one), float(other)) for one in right for other in ends]
    return float(np.mean(crossed)) if crossed else 1.0


def _lost(card: Technology, o: Observation) -> Prediction:
    """Cells on the right side that retention carries to the other one.

    Relaxation does not count: verify keeps the cells that it would carry over.
    """
    state, reference, time = o["state"], o["reference"], o["time"]
    model = Retention.from_technology(card, state)
    lost = _crossed(
        card, state, reference, model.asymptotic_resistance,
        lambda g, end: retention.probability_crossed(
            replace(model, asymptotic_resistance=end), g, time, o["temperature"], reference
        ),
    )  # fmt: skip
    return Prediction(max(lost, _FLOOR), 0.0)


def _disturbed(card: Technology, o: Observation) -> Prediction:
    """Cells on the right side that reads carry to the other one."""
    state, reference = o["state"], o["reference"]
    model = ReadDisturb.from_technology(card, state)
    reads = read_disturb.equivalent_reads(
        model, [o["reads"]], [o["read_voltage"]], [o.get("temperature", _ROOM)]
    )
    lost = _crossed(
        card, state, reference, model.asymptotic_resistance,
        lambda g, end: read_disturb.probability_crossed(
            replace(model, asymptotic_resistance=end), g, float(reads), reference
        ),
    )  # fmt: skip
    return Prediction(max(lost, _FLOOR), 0.0)


def _under_stress(card: Technology, o: Observation) -> Prediction:
    """Whatever stress the observation has."""
    if "time" in o.values:
        return _lost(card, o)
    return _disturbed(card, o) if "reads" in o.values else _hard(card, o)


# --- values


def _quantile(card: Technology, o: Observation) -> Prediction:
    """ln R that a fraction of the cells lies below."""
    state, probability = o["state"], o.get("probability", 0.5)
    model = Programming.from_technology(card, state)
    shared = math.hypot(model.sigma_lot, model.sigma_wafer, model.sigma_die)
    if not is_simulated(o):
        g = programming.quantile(model, [1 - probability])
        return Prediction(-math.log(max(float(g[0]), _FLOOR)), shared)
    cells = sample_population(card, cells=_CELLS, state=state, seed=_SEED)
    aged = age(cells, MissionProfile.constant(o["time"], o.get("temperature", _ROOM)))
    r = -np.log(np.maximum(aged["conductance"].values, _FLOOR))
    return Prediction(float(np.quantile(r, probability)), shared)


def _window(card: Technology, o: Observation) -> Prediction:
    """Decades between the medians of the states."""
    names = ("compliance_current", "reset_voltage", "pulse_width")
    conditions = {name: o[name] for name in names if name in o.values}
    if conditions:
        card = programming.set_conditions(card, **conditions)
    lrs, hrs = (Programming.from_technology(card, state) for state in ("LRS", "HRS"))
    shared = math.hypot(*(getattr(m, f"sigma_{n}") for m in (lrs, hrs) for n in ("lot", "wafer")))
    return Prediction(math.log10(hrs.resistance / lrs.resistance), shared / math.log(10))


def _accuracy(card: Technology, o: Observation) -> Prediction:
    """Logit of the mean accuracy of a chip, and its standard deviation from chip to chip."""
    time = o.get("time", 0.0)
    profile = MissionProfile.constant(time, o.get("temperature", _ROOM)) if time else None
    found = evaluate(
        load_network(o["network"]), card, coding=o.get("coding"), chips=_CHIPS, profile=profile,
        images=min(o.get("images", _IMAGES), _IMAGES), neuron=Neuron.from_technology(card),
        seed=_SEED,
    )["accuracy"].values  # fmt: skip
    scores = logit(np.clip(found, 1e-4, 1 - 1e-4))
    chips = o.get("chips", 1)
    return Prediction(float(scores.mean()), float(scores.std(ddof=1)) * math.sqrt(1 / chips))


_CHIPS, _IMAGES = 6, 1000
_READ = ("write_errors", "failed_after_time", "failed_after_reads")
_KINDS: Mapping[str, Callable[[Technology, Observation], Prediction]] = {
    "write_errors": _write_errors,
    "stuck_cells": _stuck_cells,
    "failed_after_time": _lost,
    "failed_after_reads": _disturbed,
    "failed_after_cycles": _hard,
    "no_failure": _under_stress,
    "qualification": _under_stress,
    "quantile": _quantile,
    "median": _quantile,
    "window": _window,
    "accuracy": _accuracy,
}
