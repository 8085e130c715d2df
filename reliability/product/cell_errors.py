"""Bit-error rate of the cells of one die after a mission, in closed form and by quadrature.

Cells of a die share the deviation of their lot, wafer and die. Given that deviation they are
independent, and the probability that one is misread is

    P(misread) = E over what happens to it of P(programmed beyond the conductance that ends there)

What happens to a cell (relaxation, retention, read disturb, the end of a lost state) is taken from
`reliability.devices.path`, whose result rises with the programmed conductance for given deviates:
the programmed conductance that ends at the reference is interpolated between seven starts. The
expectation is over the standard normal deviates that the path asks for: a trapezoidal rule up to
three of them, quasi-random nodes beyond (within a few per cent). 1e-15 costs what 1e-2 does. The
programmed distribution is that after the last pulse of a program and verify (`devices.verify`),
one pulse being one that gives up after the first.

A read adds noise. A cell at distance x = ln(G/G_ref) is misread in a fraction r(x) of its reads, so
that cells fall into classes of r: above 0.9 an error is permanent in all but name, below 1e-10 it
is never seen. Noise is taken at the reference, where it decides.

Valid as the models are; reads of one cell are taken as independent, which is pessimistic for slow
traps over few reads.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from reliability.devices import endurance, noise, path, programming
from reliability.devices import verify as verifying
from reliability.devices.programming import Programming
from reliability.devices.relaxation import Relaxation
from reliability.devices.verify import Verify
from reliability.errors import InputError
from reliability.mission import MissionProfile
from reliability.technology import STATES, Technology

Floats = NDArray[np.float64]
# Bounds of the fraction of reads in which a cell is misread, between its classes.
LEVELS = (1e-10, 1e-8, 1e-6, 1e-4, 1e-2, 0.1, 0.5, 0.9)
_REACH = 8.5  # standard normal deviates; 1e-17 of the cells lie beyond
_NODES = 100_000
_BINS = 400  # of the programmed deviation that ends at the reference
_SHARED = 11  # of the deviation that a die's cells share
_WAITS = np.linspace(-6.0, 6.0, 25)  # relaxation deviates at a verify that waits
_WIDER = 1.6  # deviates of quasi-random nodes over those of cells
_LEAST = 1e-300


@dataclass(frozen=True)
class Condition:
    """What cells have gone through before they are read.

    Parameters
    ----------
    profile : MissionProfile
        From the last write on.
    reference : float
        Reading reference, S.
    verify : Verify or None
        Program and verify of the last write; None is one pulse.
    wear : float
        Equivalent write cycles before the last write, at the reference condition of the card's
        endurance.
    noise : bool
        Whether a read adds noise.
    """

    profile: MissionProfile
    reference: float
    verify: Verify | None = None
    wear: float = 0.0
    noise: bool = True


@dataclass(frozen=True)
class CellErrors:
    """Misread cells of one state against the deviation that cells of a die share.

    Attributes
    ----------
    levels : ndarray, shape (levels,)
        Fractions of reads.
    deviation : ndarray, shape (nodes,)
    probability : ndarray, shape (nodes, levels)
        Of a cell to be misread in more than that fraction of its reads.
    """

    levels: Floats
    deviation: Floats
    probability: Floats

    def at(self, deviation: ArrayLike) -> Floats:
        """Return the probability of each level at deviations (...), shape (..., levels)."""
        logs = np.log(np.maximum(self.probability, _LEAST))
        ends = self.deviation[0], self.deviation[-1]
        found = scipy.interpolate.PchipInterpolator(self.deviation, logs)(
            np.clip(np.asarray(deviation), *ends)
        )
        return np.where(found <= np.log(2 * _LEAST), 0.0, np.exp(found))


def class_rates(levels: Floats) -> Floats:
    """Return the fraction of reads that stands for the cells between two levels.

    The logarithmic mean of the two, which cells even in ln r have; above the last level 1.

    >>> class_rates(np.array([1e-2, 0.1, 0.9])).round(3).tolist()
    [0.039, 0.364, 1.0]
    """
    between = np.diff(levels) / np.diff(np.log(levels))
    return np.append(between, 1.0)


def class_probabilities(exceeded: Floats) -> Floats:
    """Return the probability of each class from that of exceeding each level (last axis)."""
    upper = np.concatenate([exceeded[..., 1:], np.zeros_like(exceeded[..., :1])], axis=-1)
    return np.maximum(exceeded - upper, 0.0)


def cell_errors(technology: Technology, state: str, condition: Condition) -> CellErrors:
    """Return the misread cells of one state after a condition.

    Parameters
    ----------
    technology : Technology
        With LRS and HRS.
    state : {"LRS", "HRS"}
    condition : Condition

    Raises
    ------
    InputError
        A card of levels, which has no read reference.

    Examples
    --------
    >>> import reliability as rel
    >>> tech = rel.load_technology("oxram-130nm")
    >>> fresh = Condition(MissionProfile([]), 3e-5, noise=False)
    >>> float(cell_errors(tech, "HRS", fresh).at(0.0)[-1].round(2))
    0.24
    """
    if not technology.has_states:
        raise InputError(f"technology: {technology.name} has levels, expected LRS and HRS")
    model = worn(technology, state, condition.wear)
    levels, factors = _noise_levels(technology, state, condition)
    shared = replace(model, sigma_cell=0.0, sigma_cycle=0.0).sigma
    reach = 6.5 * shared + abs(model.radial) / 2 + 1e-9
    deviation = np.linspace(-reach, reach, _SHARED)
    edges = _edges(model, deviation)
    waits = bool(condition.verify and condition.verify.wait and "relaxation" in technology.models)
    relaxing = Relaxation.from_technology(technology, state) if waits else None
    probability = np.zeros((deviation.size, levels.size))
    for relaxed, weight in _thresholds(technology, state, condition, model, factors, edges, waits):
        beyond = _beyond(condition.verify, state, model, edges, deviation, relaxed, relaxing)
        probability += beyond @ weight.T
    return CellErrors(levels, deviation, np.clip(probability, 0.0, 1.0))


def worn(technology: Technology, state: str, wear: float) -> Programming:
    """Return the programmed distribution of a state after equivalent write cycles."""
    model = Programming.from_technology(technology, state)
    if not wear:
        return model
    parameters, k = endurance.Endurance.from_technology(technology), STATES.index(state)
    closed = float(np.exp(endurance.shift(parameters, k, wear)))
    wider = float(endurance.spread(parameters, k, wear))
    return replace(
        model, resistance=model.resistance * closed, sigma_cycle=model.sigma_cycle * wider
    )


def _noise_levels(
    technology: Technology, state: str, condition: Condition
) -> tuple[Floats, Floats]:
    """Levels, and the conductance over the reference below (LRS) or above which cells exceed it."""
    if not condition.noise or "noise" not in technology.models:
        return np.array([0.5]), np.ones(1)
    parameters = noise.Noise.from_technology(technology)
    z = np.linspace(-_REACH, _REACH, 69)
    normal = np.exp(-(z**2) / 2)
    u = scipy.stats.qmc.Sobol(4, seed=0).random(256).T
    with_trap = parameters.telegraph_fraction
    present = np.append(np.zeros(u.shape[1]), 1.0)  # the last one has no trap
    uniform = np.vstack([present, np.column_stack([u, np.full(4, 0.5)])])
    chance = np.append(np.full(u.shape[1], with_trap / u.shape[1]), 1 - with_trap)
    shape = (z.size, present.size)
    at = np.full(shape, condition.reference)
    reads = noise.read(
        parameters, at, 1.0, np.broadcast_to(z[:, None], shape),
        np.broadcast_to(uniform[:, None, :], (5, *shape)).reshape(5, *shape),
    )  # fmt: skip
    factor = (reads / condition.reference).ravel()
    weight = np.outer(normal, chance).ravel()
    low = state == "LRS"  # misread where the factor is small
    order = np.argsort(factor if low else -factor)
    reached = np.cumsum(weight[order]) / weight.sum()
    levels = np.array(LEVELS)
    ends = np.exp(np.interp(np.log(levels), np.log(reached), np.log(factor[order])))
    return levels, 1 / ends


def _edges(model: Programming, deviation: Floats) -> Floats:
    """Programmed deviations at which the probability to lie beyond them is tabled."""
    own = _REACH * np.hypot(model.sigma_cell, model.sigma_cycle)
    return np.linspace(deviation[0] - own - 1e-9, deviation[-1] + own + 1e-9, _BINS)


def _thresholds(
    technology: Technology, state: str, condition: Condition, model: Programming,
    factors: Floats, edges: Floats, apart: bool,
) -> Iterator[tuple[float, Floats]]:  # fmt: skip
    """Yield relaxation deviates, and the weight of each programmed edge at each noise level.

    Deviates of relaxation are apart where a verify has waited for it, else in one.
    """
    after = path.state_path(technology, state, condition.profile)
    asked: list[str] = []

    def listen(name: str) -> Floats:
        asked.append(name)
        return np.zeros(1)

    worn = condition.wear or None
    after(np.ones(1), listen, 1.0, worn)
    names = list(dict.fromkeys([*asked, *(["relaxation"] if apart else [])]))
    z, weight = _lattice(len(names))
    drawn = dict(zip(names, z, strict=True))
    # ln of the end against ln of the start: rising, and close to straight between these points
    start = np.log(condition.reference) + np.array([-4.0, -2.0, -1.0, 0.0, 1.0, 2.0, 4.0])
    size, tiny = weight.size, 1e-30
    end = np.array([
        np.log(np.maximum(after(np.full(size, np.exp(v)), drawn.__getitem__, 1.0, worn), tiny))
        for v in start
    ])  # fmt: skip
    end = np.maximum.accumulate(end + 1e-12 * np.arange(start.size)[:, None], axis=0)
    groups = [(0.0, np.arange(weight.size))]
    if apart:
        y = drawn["relaxation"]
        place = np.digitize(y, _WAITS)  # the pass limit alone takes the middle of its group
        groups = [(float(y[place == k].mean()), np.flatnonzero(place == k))
                  for k in np.unique(place)]  # fmt: skip
    for relaxed, own in groups:
        found = np.zeros((factors.size, edges.size))
        for k, factor in enumerate(factors):
            needed = np.exp(_crossing(start, end[:, own], np.log(condition.reference * factor)))
            found[k] = _spread(programming.deviation_at(model, needed), weight[own], edges)
        yield relaxed, found


def _crossing(start: Floats, end: Floats, target: float) -> Floats:
    """Start (points,) at which rising curves, end (points, n), reach a target; straight beyond."""
    upper = np.clip((end < target).sum(axis=0), 1, start.size - 1)
    column = np.arange(end.shape[1])
    low, high = end[upper - 1, column], end[upper, column]
    place = (target - low) / np.maximum(high - low, 1e-12)
    return np.clip(start[upper - 1] + place * (start[upper] - start[upper - 1]), -80.0, 20.0)


@lru_cache(maxsize=4)
def _lattice(dimensions: int) -> tuple[Floats, Floats]:
    """Nodes, shape (dimensions, n), and weights of an average over standard normal deviates."""
    if dimensions == 0:
        return np.zeros((0, 1)), np.ones(1)
    if dimensions > 3:  # a grid would be too coarse for what turns sharply
        u = scipy.stats.qmc.Sobol(dimensions, seed=0).random(2**16).T
        z = ndtri(np.clip(u, 1e-12, 1 - 1e-12)) * _WIDER
        log_weight = -(z**2).sum(axis=0) / 2 * (1 - 1 / _WIDER**2)
        weight = np.exp(log_weight)
        return z, weight / weight.sum()
    inside = {1: 1.0, 2: 0.785, 3: 0.524}[dimensions]  # of a cube in its ball
    count = min(int((_NODES / inside) ** (1 / dimensions)), 341)
    axis = np.linspace(-_REACH, _REACH, count)
    log_weight = -(axis**2) / 2
    grid = np.meshgrid(*[np.arange(count)] * dimensions, indexing="ij")
    total = sum(log_weight[index] for index in grid).ravel()  # type: ignore[union-attr]
    kept = np.flatnonzero(total > -(_REACH**2) / 2 - 1e-9)
    weight = np.exp(total[kept])
    return np.stack([axis[index.ravel()[kept]] for index in grid]), weight / weight.sum()


def _spread(deviation: Floats, weight: Floats, edges: Floats) -> Floats:
    """Share the weight of each deviation between the two edges beside it."""
    step = edges[1] - edges[0]
    place = np.clip((deviation - edges[0]) / step, 0.0, edges.size - 1.0)
    low = np.minimum(place.astype(np.int64), edges.size - 2)
    right = place - low
    out = np.bincount(low, weight * (1 - right), edges.size)
    out += np.bincount(low + 1, weight * right, edges.size)
    return np.asarray(out, float)


def _beyond(
    verify: Verify | None, state: str, model: Programming, edges: Floats, deviation: Floats,
    relaxed: float, relaxing: Relaxation | None,
) -> Floats:  # fmt: skip
    """Probability that a programmed cell lies beyond each edge, on its wrong side."""
    # one pulse is a verify that gives up after the first
    verify = verify or Verify(1.0, 1.0, attempts=1)
    apart = replace(model, sigma_lot=0.0, sigma_wafer=0.0, sigma_die=0.0)
    return np.array([
        verifying.probability_beyond(verify, state, apart, edges, relaxing, relaxed, float(own))
        for own in deviation
    ])  # fmt: skip
