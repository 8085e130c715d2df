"""Program and verify of two states: repeat the pulse until the cell passes, or give up.

A cell with the fixed deviation f (lot, wafer, die, cell) draws a new cycle deviation
(`devices.programming`; below with h(u) = u and s its standard deviation) and a new relaxation
deviate y ~ N(0, 1) with every pulse. After the wait t_w it passes if

    LRS:  R(t_w) <= limit,      HRS:  R(t_w) >= limit

Without a wait the kept deviation is f plus a truncated normal, and

    P(pass at one pulse | f) = Phi((l - f) / s) =: p        (LRS; 1 - p for the HRS)
    number of pulses         = geometric in p, cut off at n
    P(fails to verify)       = E_f[(1 - p)^n]
    P(d in A)                = E_f[(1 - (1 - p)^n) P(A | pass) + (1 - p)^n P(A | fail)]

With a wait, p is also averaged over y, since the limit is put on the relaxed conductance: cells
that would relax out of their state are programmed again, so that stable ones are kept. That
selection keeps accuracy for months instead of hours [1]_. Averages over f and y are taken by
Gauss-Legendre quadrature on the normal's range of +-9 sigma, which holds 1e-18.

Verify cannot remove for good the tails that relaxation brings back [2]_: for that, see
`probability_wrong` at a time after the wait.

.. [1] E. Esmanhotto et al., Adv. Intell. Syst. 4, 2200145 (2022), doi:10.1002/aisy.202200145.
.. [2] "Intrinsic tailing of resistive states distributions in amorphous HfOx and TaOx", IEEE
   Electron Device Lett. 36(8), 769-771 (2015), abstract; it concerns low currents.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from reliability.devices import programming, relaxation
from reliability.devices.programming import Programming
from reliability.devices.relaxation import Relaxation
from reliability.devices.shapes import both_tails
from reliability.errors import InputError, unknown_name, whole_number
from reliability.technology import STATES, Technology
from reliability.units import quantity


@dataclass(frozen=True)
class Verify:
    """A verify algorithm.

    Parameters
    ----------
    lrs_resistance, hrs_resistance : float or str
        A cell passes with at most (LRS) or at least (HRS) this resistance, ohm.
    attempts : int
        Pulses after which a cell is given up, 1 or more.
    wait : float or str
        Time between the pulse and the verify read, s.

    Examples
    --------
    >>> Verify(lrs_resistance="6 kohm", hrs_resistance="40 kohm", attempts=10).hrs_resistance
    40000.0
    """

    lrs_resistance: float
    hrs_resistance: float
    attempts: int
    wait: float = 0.0

    def __init__(
        self,
        lrs_resistance: float | str,
        hrs_resistance: float | str,
        attempts: int,
        wait: float | str = 0.0,
    ) -> None:
        put = object.__setattr__  # frozen: fields are set once, in SI
        for name, value in (("lrs_resistance", lrs_resistance), ("hrs_resistance", hrs_resistance)):
            put(self, name, quantity(value, "ohm", name, low=0.0))
            if getattr(self, name) == 0:
                raise InputError(f"{name}: got {value!r}, allowed > 0 ohm")
        put(self, "attempts", whole_number(attempts, "attempts", low=1, high=255))
        put(self, "wait", quantity(wait, "s", "wait", low=0.0))

    @classmethod
    def from_technology(cls, technology: Technology) -> "Verify":
        """Read the section ``programming.verify`` of a card."""
        section = "programming.verify"
        return cls(
            lrs_resistance=technology[f"{section}.lrs_resistance"],
            hrs_resistance=technology[f"{section}.hrs_resistance"],
            attempts=int(technology[f"{section}.attempts"]),
            wait=technology[f"{section}.wait"],
        )

    def limit(self, state: str) -> float:
        """Conductance, S, that a cell of ``state`` must reach."""
        if state not in STATES:
            raise unknown_name("state", state, STATES)
        return 1.0 / (self.lrs_resistance if state == "LRS" else self.hrs_resistance)


class Outcome(NamedTuple):
    """What program and verify does to a population.

    Attributes
    ----------
    pulses : float
        Mean number of pulses of a cell, cells that fail to verify included.
    failed_to_verify : float
        Fraction of cells that do not pass within the attempts.
    first : float
        Fraction that passes at the first pulse.
    """

    pulses: float
    failed_to_verify: float
    first: float


def passes(verify: Verify, state: str, conductance: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return whether conductances (S, any shape) read at the verify pass it."""
    limit = verify.limit(state)
    return conductance >= limit if state == "LRS" else conductance <= limit


def program(
    verify: Verify,
    state: str,
    model: Programming,
    fixed: NDArray[np.floating],
    deviates: Callable[[str], NDArray[np.floating]],
    relaxing: Relaxation | None = None,
    width: NDArray[np.floating] | float = 1.0,
    gain: NDArray[np.floating] | float = 1.0,
) -> tuple[NDArray[np.floating], NDArray[np.uint8], NDArray[np.bool_]]:
    """Program cells until they pass or are given up.

    Parameters
    ----------
    verify : Verify
    state : {"LRS", "HRS"}
    model : Programming
    fixed : ndarray, shape (cells,)
        What of the deviation stays from pulse to pulse: lot, wafer, die and cell.
    deviates : callable
        Name of a phenomenon to standard normal deviates, shape (cells,); pulse k of a phenomenon is
        called as `at_pulse` says.
    relaxing : Relaxation, optional
        What happens during the wait.
    width : ndarray, shape (cells,), or float
        As of `programming.widths`.
    gain : ndarray, shape (cells,), or float
        What wear multiplies the conductance by.

    Returns
    -------
    conductance : ndarray, shape (cells,)
        After the last pulse, before the wait, S.
    pulses : ndarray of uint8
    passed : ndarray of bool

    Examples
    --------
    >>> model = Programming("lognormal_resistance", 88e3, 0, 0, 0, 0, 0.0, 0.7)
    >>> deviates = {"programming.cycle": np.array([1.0, -1.0]),
    ...           "programming.cycle@2": np.array([0.0, 0.5])}
    >>> g, pulses, passed = program(
    ...     Verify(10e3, 88e3, attempts=2), "HRS", model, np.zeros(2), deviates.__getitem__)
    >>> (1 / g).round().tolist(), pulses.tolist(), passed.tolist()
    ([177210.0, 124878.0], [1, 2], [True, True])
    """
    g = np.empty_like(fixed)
    pulses = np.zeros(fixed.shape, dtype=np.uint8)
    passed = np.zeros(fixed.shape, dtype=bool)
    for pulse in range(1, verify.attempts + 1):
        todo = np.flatnonzero(~passed)
        if not len(todo):
            break
        cycle = deviates(at_pulse("programming.cycle", pulse))[todo]
        own = width if np.ndim(width) == 0 else np.asarray(width)[todo]
        added = programming.pulse(model, cycle, own)
        read = programming.conductance(model, fixed[todo] + added)
        if np.ndim(gain):
            read = read * np.asarray(gain)[todo]
        g[todo] = read
        if relaxing:
            y = relaxation.deviate(relaxing, verify.wait, partial(_at, deviates, pulse))
            read = relaxation.conductance(relaxing, read, verify.wait, y[todo])
        pulses[todo] = pulse
        passed[todo] = passes(verify, state, read)
    return g, pulses, passed


def at_pulse(phenomenon: str, pulse: int) -> str:
    """Name of what a phenomenon draws anew with each pulse; the first keeps the plain name.

    >>> at_pulse("relaxation", 1), at_pulse("relaxation", 3)
    ('relaxation', 'relaxation@3')
    """
    return phenomenon if pulse == 1 else f"{phenomenon}@{pulse}"


def _at(
    deviates: Callable[[str], NDArray[np.floating]], pulse: int, name: str
) -> NDArray[np.floating]:
    """Deviates of a phenomenon at one of several pulses."""
    return deviates(at_pulse(name, pulse))


def after_last_pulse(
    deviates: Callable[[str], NDArray[np.floating]], pulses: NDArray[np.uint8] | None
) -> Callable[[str], NDArray[np.floating]]:
    """Return the deviates that cells have after their last pulse; relaxation starts anew with each.

    Parameters
    ----------
    deviates : callable
        As for `program`.
    pulses : ndarray, shape (cells,), or None
        Pulses that each cell received; None for one pulse each.

    Examples
    --------
    >>> deviates = {"relaxation": np.array([1.0, 1.0]), "relaxation@2": np.array([2.0, 2.0])}
    >>> after_last_pulse(deviates.__getitem__, np.array([1, 2], np.uint8))("relaxation").tolist()
    [1.0, 2.0]
    """

    def last(phenomenon: str) -> NDArray[np.floating]:
        if pulses is None or phenomenon.partition(".")[0] != "relaxation":
            return deviates(phenomenon)
        out = deviates(phenomenon).copy()
        for pulse in np.unique(pulses[pulses > 1]):
            cells = pulses == pulse
            out[cells] = deviates(at_pulse(phenomenon, int(pulse)))[cells]
        return out

    return last


def outcome(
    verify: Verify,
    state: str,
    model: Programming,
    relaxing: Relaxation | None = None,
    offsets: ArrayLike = 0.0,
) -> Outcome:
    """Return the pulses needed and the fraction of cells that fail to verify, in closed form.

    Parameters
    ----------
    verify : Verify
    state : {"LRS", "HRS"}
    model : Programming
        The natural distribution, one pulse.
    relaxing : Relaxation, optional
        What happens during the wait; without it nothing does.
    offsets : array_like
        Deviations of equal fractions of the cells besides, e.g. of dies by their radius.

    Examples
    --------
    >>> model = Programming("lognormal_resistance", 88e3, 0, 0, 0, 0, 0.0, 0.7)
    >>> found = outcome(Verify(10e3, 88e3, attempts=3), "HRS", model)
    >>> round(found.pulses, 3), round(found.failed_to_verify, 3)  # a coin thrown up to three times
    (1.75, 0.125)
    """
    limit = _limit_deviation(verify.limit(state), model, relaxing, verify.wait, _steps(relaxing))
    weight, fixed, width = programming.nodes(model, offsets, limit)
    p, q = _at_one_pulse(verify, state, model, relaxing, fixed, width)
    # mean of the cut-off geometric model, (1 - q^n) / p, without the division at p = 0
    pulses = sum(q**k for k in range(verify.attempts))
    return Outcome(*(float(weight @ value) for value in (pulses, q**verify.attempts, p)))


def probability_wrong(
    verify: Verify,
    state: str,
    model: Programming,
    reference: ArrayLike,
    relaxing: Relaxation | None = None,
    time: float = 0.0,
    offsets: ArrayLike = 0.0,
) -> NDArray[np.float64]:
    """Return the probability that a cell is on the wrong side of ``reference`` (S).

    Wrong is below it for the LRS and above it for the HRS; tails keep their digits.

    Parameters
    ----------
    verify : Verify
    state : {"LRS", "HRS"}
    model : Programming
    reference : array_like
        S.
    relaxing : Relaxation, optional
        Needed for a wait or a later time.
    time : float
        Since the last pulse, s.
    offsets : array_like
        As for `outcome`.

    Examples
    --------
    >>> model = Programming("lognormal_resistance", 88e3, 0, 0, 0, 0, 0.0, 0.7)
    >>> three = Verify(10e3, 88e3, attempts=3)
    >>> probability_wrong(three, "HRS", model, [1 / 88e3, 1 / 200e3]).round(4).tolist()
    [0.125, 0.7892]
    """
    at = np.atleast_1d(np.asarray(reference, float))
    weight_y, deviate, later = _deviates_of_two_reads(relaxing, verify.wait, time)
    limit, step = (
        _limit_deviation(verify.limit(state), model, relaxing, verify.wait, y)
        for y in (deviate, _steps(relaxing))
    )
    out = np.empty(at.shape)
    for i, g in np.ndenumerate(at):
        edge, other = (
            _limit_deviation(g, model, relaxing, time, y) for y in (later, _steps(relaxing))
        )
        weight_f, *cells = programming.nodes(model, offsets, np.append(step, other))
        _, q = _at_one_pulse(verify, state, model, relaxing, *cells)
        # how much likelier a passing or failing pulse is to be the last than to be drawn
        passing = sum(q**k for k in range(verify.attempts))
        failing = q ** (verify.attempts - 1)
        if state == "LRS":  # passes up to the limit, wrong from the edge on
            good = _between(edge, limit, model, *cells)
            _, bad = _sides(np.maximum(edge, limit), model, *cells)
        else:
            good = _between(limit, edge, model, *cells)
            bad, _ = _sides(np.minimum(edge, limit), model, *cells)
        out[i] = weight_f @ (good @ weight_y * passing + bad @ weight_y * failing)
    return out.reshape(np.shape(reference))


def probability_beyond(
    verify: Verify,
    state: str,
    model: Programming,
    edge: NDArray[np.float64],
    relaxing: Relaxation | None = None,
    deviate: float = 0.0,
    offset: float = 0.0,
) -> NDArray[np.float64]:
    """Return the probability that the last pulse leaves a deviation beyond each ``edge``.

    Beyond is above it for the LRS and below it for the HRS, as cells that are misread lie.

    Parameters
    ----------
    verify : Verify
    state : {"LRS", "HRS"}
    model : Programming
    edge : ndarray, shape (edges,)
        Programmed deviations.
    relaxing : Relaxation, optional
        What happens during the wait.
    deviate : float
        Standard normal deviate of the relaxation after the last pulse.
    offset : float
        Deviation that the cells share.

    Examples
    --------
    >>> model = Programming("lognormal_resistance", 88e3, 0, 0, 0, 0, 0.0, 0.7)
    >>> three = Verify(10e3, 88e3, attempts=3)
    >>> probability_beyond(three, "HRS", model, np.log([88e3 / 88e3, 200e3 / 88e3])).round(4)
    array([0.125 , 0.7892])
    """
    y = np.array([deviate])
    limit = _limit_deviation(verify.limit(state), model, relaxing, verify.wait, y)
    kinks = np.append(limit, edge[:: max(len(edge) // 8, 1)])
    weight, *cells = programming.nodes(model, offset, kinks)
    _, q = _at_one_pulse(verify, state, model, relaxing, *cells)
    passing = sum(q**k for k in range(verify.attempts))
    failing = q ** (verify.attempts - 1)
    if state == "LRS":
        good = _between(edge, limit, model, *cells)
        _, bad = _sides(np.maximum(edge, limit), model, *cells)
    else:
        good = _between(limit, edge, model, *cells)
        bad, _ = _sides(np.minimum(edge, limit), model, *cells)
    return np.asarray((weight * passing) @ good + (weight * failing) @ bad)


def _at_one_pulse(
    verify: Verify,
    state: str,
    model: Programming,
    relaxing: Relaxation | None,
    fixed: NDArray[np.float64],
    width: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Probabilities p to pass and q = 1 - p to fail, each to all digits, shape (nodes,)."""
    weight_y, deviate = _relaxation_nodes(relaxing)
    limit = _limit_deviation(verify.limit(state), model, relaxing, verify.wait, deviate)
    below, above = (
        np.clip(side @ weight_y, 0.0, 1.0) for side in _sides(limit, model, fixed, width)
    )
    return (below, above) if state == "LRS" else (above, below)


def _relaxation_nodes(
    relaxing: Relaxation | None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weights and deviates of the average over relaxation."""
    return programming.standard_nodes() if relaxing else (np.ones(1), np.zeros(1))


def _deviates_of_two_reads(
    relaxing: Relaxation | None, wait: float, time: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return weights and the deviates of relaxation at the wait and at a later time."""
    weight, deviate = _relaxation_nodes(relaxing)
    if relaxing is None or (r := relaxation.shared_deviate(relaxing, wait, time)) == 1.0:
        return weight, deviate, deviate
    x, w = np.polynomial.hermite_e.hermegauss(32)
    later = r * deviate[:, None] + np.sqrt(1.0 - r**2) * x
    both = weight[:, None] * (w / w.sum())
    return both.ravel(), np.repeat(deviate, len(x)), later.ravel()


def _steps(relaxing: Relaxation | None) -> NDArray[np.float64]:
    """Deviates of relaxation at which nodes are placed."""
    return np.array([-3.0, -1.0, 0.0, 1.0, 3.0]) if relaxing else np.zeros(1)


def _between(
    low: ArrayLike,
    high: ArrayLike,
    model: Programming,
    fixed: NDArray[np.float64],
    width: NDArray[np.float64],
) -> NDArray[np.float64]:
    """P(low < fixed + pulse < high), shape (nodes, limits), 0 where low > high."""
    low, high = (np.atleast_1d(np.asarray(end, float)) - fixed[:, None] for end in (low, high))
    if model.sigma_cycle == 0:
        return ((low < 0) & (high >= 0)).astype(float)
    a, b = (programming.pulse_deviate(model, end, width[:, None]) for end in (low, high))
    right = a > 0  # from the side where the tail is small
    return np.maximum(ndtr(np.where(right, -a, b)) - ndtr(np.where(right, -b, a)), 0.0)


def _sides(
    limit: NDArray[np.float64],
    model: Programming,
    fixed: NDArray[np.float64],
    width: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """P(fixed + pulse < limit) and P(fixed + pulse > limit), each of shape (nodes, limits)."""
    left = np.atleast_1d(limit) - fixed[:, None]
    if model.sigma_cycle == 0:
        below = (left >= 0).astype(float)
        return below, 1.0 - below
    u = programming.pulse_deviate(model, left, width[:, None])
    return both_tails(u)


def _limit_deviation(
    limit: float,
    model: Programming,
    relaxing: Relaxation | None,
    time: float,
    deviate: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Programmed deviation at which cells with relaxation deviates are at ``limit`` (S)."""
    if relaxing is None:
        return np.broadcast_to(programming.deviation_at(model, limit), deviate.shape)
    factor = relaxation.conductance(relaxing, np.ones_like(deviate), time, deviate)
    return programming.deviation_at(model, limit / factor)
